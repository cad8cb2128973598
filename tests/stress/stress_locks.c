/* SPDX-License-Identifier: MIT */
/* Kills processes and ends threads at random moments of Lock and RLock, and proves that nobody hangs and that each
 * death while holding is told, and no other.
 *
 *     stress_locks [--seconds N] [--kills N] [--ends N] [--kills-holding N] [--ends-holding N]
 *
 * Goes on until there were so many kills of processes and ends of threads in all, and of those who held, or until the
 * seconds are over.
 *
 * Two bystanders, who are never killed, sleep behind the victims: victims that live a moment cannot show a hang. Prints
 * one line; 0 only if nothing went wrong. */
#include "harness/variant.h"
#include "stress/guards.h"

#include <coop/try.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { LOCKS = 4, VICTIMS = 4 };

struct shared {
    int ends, ends_holding; /* of threads */
};

static struct shared *shared;
static struct {
    int kills, kills_holding, hangs;
} count;

/* -1: as many as come. */
struct goal {
    int kills, ends, kills_holding, ends_holding;
};

/* One turn as a holder. Everything between the two stores of the mark happens with it set. */
static void hold(int life, int lock, bool end_inside)
{
    int r = guard_take(life, lock, COOP_FOREVER);
    if (r < 0) COOP_MUST(r);
    int deeper = (int)(roll() % 3);
    for (int i = 0; i < deeper; i++) guard_deepen(lock);
    if (roll() % 4 == 0) pass(50);
    if (end_inside) return;
    for (int i = 0; i < deeper; i++) guard_undeepen(lock);
    guard_give(life, lock);
}

static pid_t fork_victim(int *ret_life)
{
    pid_t parent = getpid();
    *ret_life = life_new();
    pid_t pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    for (;;) {
        hold(*ret_life, (int)(roll() % LOCKS), false);
        if (roll() % 8 == 0) pass(20);
    }
}

static pid_t fork_bystander(int which)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    int life = life_new();
    struct bystander *self = &guards->bystanders[which];
    while (!load(&guards->stop)) {
        int lock = (int)(roll() % LOCKS);
        store(&self->guard, lock);
        __atomic_store_n(&self->since, now(), __ATOMIC_RELEASE);
        hold(life, lock, false);
        __atomic_store_n(&self->since, 0, __ATOMIC_RELEASE);
    }
    _exit(0);
}

static void *end_somewhere(void *argument)
{
    int life = (int)(intptr_t)argument;
    bool inside = roll() % 3 != 0;
    hold(life, (int)(roll() % LOCKS), false);
    if (inside) {
        hold(life, (int)(roll() % LOCKS), true);
        store(&guards->lives[life].doomed, 1);
    }
    if (VARIANT_LETS_THREADS_VANISH && roll() % 2) syscall(SYS_exit, 0);
    pthread_exit(NULL);
}

/* A process whose threads end one after another, by raw exit or pthread_exit, most of them while they hold. */
static pid_t fork_host(int ends)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    for (int i = 0; (ends < 0 || i < ends) && !load(&guards->stop); i++) {
        pthread_t thread;
        int life = life_new();
        if (pthread_create(&thread, NULL, end_somewhere, (void *)(intptr_t)life) != 0) _exit(3);
        pthread_join(thread, NULL);
        add(&shared->ends);
        if (load(&guards->lives[life].phase) == HELD) add(&shared->ends_holding);
    }
    _exit(0);
}

static bool host_is_lost(pid_t host)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)host, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == host &&
           (info.si_code != CLD_EXITED || info.si_status != 0);
}

static void kill_one(pid_t pid, int life)
{
    store(&guards->lives[life].doomed, 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    count.kills++;
    if (load(&guards->lives[life].phase) == HELD) count.kills_holding++;
}

static bool is_reached(const struct goal *goal)
{
    bool endless = goal->kills < 0 && goal->ends < 0 && goal->kills_holding < 0 && goal->ends_holding < 0;
    return !endless && count.kills >= goal->kills && count.kills_holding >= goal->kills_holding &&
           load(&shared->ends) >= goal->ends && load(&shared->ends_holding) >= goal->ends_holding;
}

static void run(int64_t until, const struct goal *goal)
{
    pid_t victims[VICTIMS], bystanders[BYSTANDERS], host;
    int lives[VICTIMS];
    for (int i = 0; i < BYSTANDERS; i++) bystanders[i] = fork_bystander(i);
    for (int i = 0; i < VICTIMS; i++) victims[i] = fork_victim(&lives[i]);
    host = fork_host(goal->ends_holding < 0 ? goal->ends : -1);
    while (!count.hangs && !is_reached(goal) && now() < until) {
        int which = (int)(roll() % VICTIMS);
        pass(400);
        kill_one(victims[which], lives[which]);
        victims[which] = fork_victim(&lives[which]);
        if (bystander_hangs() || host_is_lost(host)) count.hangs++;
    }
    store(&guards->stop, 1);
    for (int i = 0; i <= BYSTANDERS; i++) {
        pid_t pid = i < BYSTANDERS ? bystanders[i] : host;
        bool ended = false;
        while (!count.hangs && !(ended = waitpid(pid, NULL, WNOHANG) != 0)) {
            pass(1000);
            if (bystander_hangs()) count.hangs++;
        }
        if (ended) continue;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    for (int i = 0; i < VICTIMS; i++) kill_one(victims[i], lives[i]);
}

static void open_doors(void)
{
    coop_segment *segment;
    struct guard doors[LOCKS] = {{NULL, NULL}};
    COOP_MUST(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    for (int i = 0; i < LOCKS; i++) {
        if (i % 2)
            COOP_MUST(coop_rlock_in(segment, NULL, 0, &doors[i].recursive));
        else
            COOP_MUST(coop_lock_in(segment, NULL, 0, &doors[i].plain));
    }
    coop_segment_close(segment);
    guards_open(doors, LOCKS);
    shared = share(sizeof *shared);
}

int main(int argc, char **argv)
{
    int seconds = -1;
    struct goal goal = {-1, -1, -1, -1};
    const struct option_of options[] = {
        {"--seconds", &seconds},
        {"--kills", &goal.kills},
        {"--ends", &goal.ends},
        {"--kills-holding", &goal.kills_holding},
        {"--ends-holding", &goal.ends_holding},
        {NULL, NULL},
    };
    if (!read_options(argc, argv, options,
                      "stress_locks [--seconds N] [--kills N] [--ends N] [--kills-holding N] [--ends-holding N]"))
        return 2;
    if (seconds < 0 && goal.kills < 0 && goal.kills_holding < 0) goal.kills = 2000;
    if (goal.kills >= 0 && goal.ends < 0) goal.ends = goal.kills / 4;
    open_doors();
    run(seconds < 0 ? INT64_MAX : now() + COOP_S(seconds), &goal);
    struct ends dead = guards_close();
    count.hangs += dead.hangs;
    int wrong = count.hangs + guards->untold + guards->false_tellings + guards->torn;
    printf("stress_locks: %d kills (%d holding), %d ends (%d holding), %d died holding, %d told, longest wait %.1f ms "
           "(%d turns): "
           "%d hangs, %d not told, %d told falsely, %d torn\n",
           count.kills, count.kills_holding, shared->ends, shared->ends_holding, dead.held, guards->tellings,
           (double)guards->longest / 1e6, guards->turns_in_longest, count.hangs, guards->untold, guards->false_tellings,
           guards->torn);
    return wrong ? 1 : 0;
}
