/* SPDX-License-Identifier: MIT */
/* Kills processes and ends threads at random moments of Lock and RLock, and proves that nobody hangs and that each
 * death while holding is told, and no other.
 *
 *     stress_locks [--seconds N] [--kills N] [--ends N]
 *
 * A holder puts its number into the lock's mark after it acquired, and takes it out before it releases. So whoever
 * acquires finds a mark exactly when a holder died, and must have been told of it. Two bystanders, who are never
 * killed, sleep behind the victims: victims that live a moment cannot show a hang. What was killed inside acquire or
 * release may be told or not; there may not be more such tellings than such kills. Prints one line; 0 only if nothing
 * went wrong. */
#include "harness/variant.h"

#include <coop/lock.h>
#include <coop/try.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined VARIANT_ASAN || defined VARIANT_TSAN
#define VARIANT_LETS_THREADS_VANISH 0 /* they keep books of their own about threads */
#else
#define VARIANT_LETS_THREADS_VANISH 1
#endif

enum { LOCKS = 4, VICTIMS = 4, BYSTANDERS = 2, LIVES = 1 << 18 };
enum phase { IDLE, ACQUIRING, HELD, RELEASING };

/* One victim's life: what it was doing when it ended. */
struct life {
    int phase; /* enum phase */
    int lock;
    int doomed; /* its end has begun: from now on, and not before, it may be told of */
    int told;
};

struct shared {
    int stop;
    int next_life;
    int mark[LOCKS];  /* number of the life that holds it */
    int turns[LOCKS]; /* how often it was acquired */
    int told_without_mark[LOCKS];
    int tellings, torn, untold, false_tellings;
    int64_t longest; /* wait, in ns */
    int turns_in_longest;
    int64_t waiting[BYSTANDERS]; /* since when; 0: not */
    int wanted[BYSTANDERS];      /* which lock */
    struct life lives[LIVES];    /* from 1 */
};

struct door { /* Lock for even numbers, RLock for odd ones */
    coop_lock *plain;
    coop_rlock *recursive;
};

struct count {
    int kills, held, hangs, unsure[LOCKS];
};

static struct shared *shared;
static struct door doors[LOCKS];
static struct count count;

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * COOP_S(1) + t.tv_nsec;
}

static unsigned roll(void)
{
    static __thread unsigned seed;
    if (!seed) seed = (unsigned)now() ^ (unsigned)gettid() * 2654435761u;
    return (unsigned)rand_r(&seed) >> 4;
}

static void pass(unsigned most_us)
{
    unsigned us = roll() % (most_us + 1);
    if (us) nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static int load(const int *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(int *p, int value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static void add(int *p)
{
    __atomic_fetch_add(p, 1, __ATOMIC_RELAXED);
}

static int acquire(int lock, int64_t timeout)
{
    const struct door *door = &doors[lock];
    return door->plain ? coop_lock_acquire(door->plain, timeout) : coop_rlock_acquire(door->recursive, timeout);
}

static void release(int lock)
{
    const struct door *door = &doors[lock];
    int r = door->plain ? coop_lock_release(door->plain) : coop_rlock_release(door->recursive);
    if (r < 0) add(&shared->torn);
}

static int start_life(void)
{
    int number = __atomic_add_fetch(&shared->next_life, 1, __ATOMIC_RELAXED) % (LIVES - 1) + 1;
    shared->lives[number] = (struct life){0};
    return number;
}

/* Compares what acquire said with the mark that was found, and takes a dead one's out. */
static void judge(int lock, int r)
{
    int mark = load(&shared->mark[lock]);
    if (r == 0 && mark) add(&shared->untold);
    if (r != COOP_OWNER_DIED) return;
    add(&shared->tellings);
    if (!mark) {
        add(&shared->told_without_mark[lock]);
        return;
    }
    struct life *dead = &shared->lives[mark];
    if (!load(&dead->doomed)) add(&shared->false_tellings);
    store(&dead->told, 1);
    store(&shared->mark[lock], 0);
}

/* Many turns of others in a long wait: a busy machine. None: somebody had it and did not run, or a wake was lost. */
static void note_wait(int64_t waited, int turns)
{
    if (waited <= __atomic_load_n(&shared->longest, __ATOMIC_RELAXED)) return;
    __atomic_store_n(&shared->longest, waited, __ATOMIC_RELAXED);
    store(&shared->turns_in_longest, turns);
}

/* One turn as a holder. Everything between the two stores of the mark happens with it set. */
static bool hold(int number, int lock, bool end_inside)
{
    struct life *life = &shared->lives[number];
    int64_t start = now();
    int turns = load(&shared->turns[lock]);
    life->lock = lock;
    store(&life->phase, ACQUIRING);
    int r = acquire(lock, COOP_FOREVER);
    note_wait(now() - start, load(&shared->turns[lock]) - turns);
    add(&shared->turns[lock]);
    if (r < 0) {
        add(&shared->torn);
        COOP_MUST(r);
    }
    judge(lock, r);
    if (doors[lock].recursive && coop_rlock_depth(doors[lock].recursive) != 1) add(&shared->torn);
    store(&shared->mark[lock], number);
    store(&life->phase, HELD);
    int deeper = doors[lock].recursive ? (int)(roll() % 3) : 0;
    for (int i = 0; i < deeper; i++)
        if (acquire(lock, COOP_NOWAIT) != 0) add(&shared->torn);
    if (roll() % 4 == 0) pass(50);
    if (end_inside) return true;
    for (int i = 0; i < deeper; i++) release(lock);
    if (load(&shared->mark[lock]) != number) add(&shared->torn);
    store(&life->phase, RELEASING);
    store(&shared->mark[lock], 0);
    release(lock);
    store(&life->phase, IDLE);
    return false;
}

static void become_child(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
}

static pid_t fork_victim(int *ret_life)
{
    pid_t parent = getpid();
    *ret_life = start_life();
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
    int number = start_life();
    while (!load(&shared->stop)) {
        int lock = (int)(roll() % LOCKS);
        store(&shared->wanted[which], lock);
        __atomic_store_n(&shared->waiting[which], now(), __ATOMIC_RELEASE);
        hold(number, lock, false);
        __atomic_store_n(&shared->waiting[which], 0, __ATOMIC_RELEASE);
    }
    _exit(0);
}

static void *end_somewhere(void *argument)
{
    int number = (int)(intptr_t)argument;
    struct life *life = &shared->lives[number];
    bool inside = roll() % 3 != 0;
    hold(number, (int)(roll() % LOCKS), false);
    if (inside) {
        hold(number, (int)(roll() % LOCKS), true);
        store(&life->doomed, 1);
    }
    if (VARIANT_LETS_THREADS_VANISH && roll() % 2) syscall(SYS_exit, 0);
    pthread_exit(NULL);
}

/* After its end: what was due? */
static void settle(int number)
{
    const struct life *life = &shared->lives[number];
    int phase = load(&life->phase);
    if (phase == HELD)
        count.held++;
    else if (phase != IDLE)
        count.unsure[life->lock]++;
}

/* A process whose threads end one after another, by raw exit or pthread_exit, most of them while they hold. */
static pid_t fork_host(int ends)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    for (int i = 0; (ends < 0 || i < ends) && !load(&shared->stop); i++) {
        pthread_t thread;
        int number = start_life();
        if (pthread_create(&thread, NULL, end_somewhere, (void *)(intptr_t)number) != 0) _exit(3);
        pthread_join(thread, NULL);
        add(&shared->lives[0].told); /* lives[0] counts ends */
        if (load(&shared->lives[number].phase) == HELD) add(&shared->lives[0].doomed);
    }
    _exit(0);
}

/* A bystander waits, and for two seconds nobody at all has got the lock that it waits for. (That others get it again
 * and again is no hang: a busy machine can keep one who has slept from coming first.) Two looks that are far apart
 * prove little, because then this process did not run either. */
static bool bystander_hangs(void)
{
    static struct {
        int64_t since, seen, still;
        int turns;
    } watch[BYSTANDERS];
    for (int i = 0; i < BYSTANDERS; i++) {
        int64_t since = __atomic_load_n(&shared->waiting[i], __ATOMIC_ACQUIRE), seen = now();
        int turns = load(&shared->turns[load(&shared->wanted[i])]);
        int64_t passed = seen - watch[i].seen;
        watch[i].seen = seen;
        if (!since || since != watch[i].since || turns != watch[i].turns)
            watch[i].still = 0;
        else
            watch[i].still += passed < COOP_MS(100) ? passed : COOP_MS(100);
        watch[i].since = since;
        watch[i].turns = turns;
        if (watch[i].still > COOP_S(2)) return true;
    }
    return false;
}

static bool host_is_lost(pid_t host)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)host, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == host &&
           (info.si_code != CLD_EXITED || info.si_status != 0);
}

static void kill_one(pid_t pid, int life)
{
    store(&shared->lives[life].doomed, 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    count.kills++;
    settle(life);
}

static void run(int64_t until, int kills, int ends)
{
    pid_t victims[VICTIMS], bystanders[BYSTANDERS], host;
    int lives[VICTIMS];
    for (int i = 0; i < BYSTANDERS; i++) bystanders[i] = fork_bystander(i);
    for (int i = 0; i < VICTIMS; i++) victims[i] = fork_victim(&lives[i]);
    host = fork_host(ends);
    while (!count.hangs && (kills < 0 || count.kills < kills || load(&shared->lives[0].told) < ends) && now() < until) {
        int which = (int)(roll() % VICTIMS);
        pass(400);
        kill_one(victims[which], lives[which]);
        victims[which] = fork_victim(&lives[which]);
        if (bystander_hangs() || host_is_lost(host)) count.hangs++;
    }
    store(&shared->stop, 1);
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

/* The deaths that nobody has come across yet, then the sums. */
static void close_the_books(void)
{
    for (int i = 0; i < LOCKS; i++) {
        int r = acquire(i, COOP_S(10));
        if (r == -ETIMEDOUT) count.hangs++;
        if (r >= 0) judge(i, r);
        if (r >= 0) release(i);
        if (shared->told_without_mark[i] > count.unsure[i]) add(&shared->false_tellings);
    }
    for (int number = 1; number < LIVES; number++) {
        const struct life *life = &shared->lives[number];
        if (life->phase == HELD && life->doomed && !life->told) add(&shared->untold);
    }
}

static void open_doors(void)
{
    coop_segment *segment;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (shared == MAP_FAILED) exit(1);
    COOP_MUST(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    for (int i = 0; i < LOCKS; i++) {
        if (i % 2)
            COOP_MUST(coop_rlock_in(segment, NULL, 0, &doors[i].recursive));
        else
            COOP_MUST(coop_lock_in(segment, NULL, 0, &doors[i].plain));
    }
    coop_segment_close(segment);
}

static int usage(void)
{
    fputs("usage: stress_locks [--seconds N] [--kills N] [--ends N]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    int seconds = -1, kills = -1, ends = -1;
    for (int i = 1; i < argc; i += 2) {
        int *option = strcmp(argv[i], "--seconds") == 0 ? &seconds
                      : strcmp(argv[i], "--kills") == 0 ? &kills
                      : strcmp(argv[i], "--ends") == 0  ? &ends
                                                        : NULL;
        if (!option || i + 1 == argc || (*option = atoi(argv[i + 1])) < 0) return usage();
    }
    if (seconds < 0 && kills < 0) kills = 2000;
    if (kills >= 0 && ends < 0) ends = kills / 4;
    open_doors();
    run(seconds < 0 ? INT64_MAX : now() + COOP_S(seconds), kills, ends);
    close_the_books();
    int wrong = count.hangs + shared->untold + shared->false_tellings + shared->torn;
    printf("stress_locks: %d kills (%d holding), %d ends (%d holding), %d told, longest wait %.1f ms (%d turns): %d "
           "hangs, %d not "
           "told, %d told falsely, %d torn\n",
           count.kills, count.held, shared->lives[0].told, shared->lives[0].doomed, shared->tellings,
           (double)shared->longest / 1e6, shared->turns_in_longest, count.hangs, shared->untold, shared->false_tellings,
           shared->torn);
    return wrong ? 1 : 0;
}
