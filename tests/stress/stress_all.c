/* SPDX-License-Identifier: MIT */
/* Kills, stops and ends processes and threads at random moments of everything that libcoop has, all at once, and proves
 * that nobody hangs, and that nothing is lost, doubled, torn or left behind.
 *
 *     stress_all [--seconds N] [--strikes N] [--least N]
 *
 * A strike is a kill, a stop or the end of a thread; fewer kills and stops than --least are a failure.
 *
 * Victims are killed and stopped, and started again; a host is a process whose threads vanish. Two bystanders, who are
 * never struck, do the same work, and one who hangs is seen. Prints one line; 0 only if nothing went wrong. */
#include "harness/variant.h"
#include "stress/works.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { VICTIMS = 4, THREADS = 3, HOST_STRIKES = 400 };

struct victim {
    pid_t pid;
    int life;
};

/* A thread of the host. In shared memory. */
struct slot {
    int tid; /* 0: none */
    int life;
};

static struct shared {
    struct slot slots[THREADS];
    int ends;   /* of threads */
    int leaked; /* descriptors and mappings, by bystanders */
} * shared;

static struct {
    int kills, stops, stops_holding, stolen, hangs, fallen;
} count;

static __thread int vanishing_life; /* of a thread that may vanish here; else 0 */

static void work_once(int life, const struct work *work)
{
    work->run(life);
    __atomic_fetch_add(&tally->operations[work->noun], 1, __ATOMIC_RELAXED);
}

/* Victims have a taste each, so that short lives also see what takes long. */
static const struct work *choose(int taste)
{
    for (;;) {
        const struct work *work = &works[(int)(roll() % (unsigned)work_count)];
        if (taste < 0 || work->light || work->noun == (enum noun)taste) return work;
    }
}

static pid_t fork_victim(int *ret_life)
{
    static const int tastes[] = {LOCKS, LOCKS, SEGMENTS, OBJECT_NAMES, MANAGED, -1};
    pid_t parent = getpid();
    int life = *ret_life = life_new();
    int taste = tastes[roll() % (sizeof tastes / sizeof tastes[0])];
    pid_t pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    for (;;) work_once(life, choose(taste));
}

/* Bystanders */

#define IN_SANITIZER (VARIANT_SLOWNESS > 1)

/* Of segments; and of threads and heaps, but where a sanitizer keeps a heap of its own, which grows. */
static int mappings(void)
{
    int found = 0;
    char line[512];
    FILE *file = fopen("/proc/self/maps", "re");
    while (file && fgets(line, sizeof line, file)) found += !IN_SANITIZER || strstr(line, " rw-s ") != NULL;
    if (file) fclose(file);
    return found;
}

static int descriptors(void)
{
    int open = 0;
    for (int fd = 0; fd < 256; fd++) open += fcntl(fd, F_GETFD) >= 0;
    return open;
}

static void step_aside(struct bystander *self, int life, const struct work *work)
{
    store(&self->guard, work->guard);
    __atomic_store_n(&self->since, now(), __ATOMIC_RELEASE);
    work_once(life, work);
    __atomic_store_n(&self->since, 0, __ATOMIC_RELEASE);
}

static pid_t fork_bystander(int which)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    int life = life_new();
    struct bystander *self = &guards->bystanders[which];
    for (int i = 0; i < work_count; i++) step_aside(self, life, &works[i]);
    int opened = descriptors(), mapped = mappings();
    while (!load(&guards->stop)) {
        step_aside(self, life, choose(-1));
        if (works_used_up(life)) life = life_new();
    }
    if (descriptors() > opened || mappings() > mapped + (IN_SANITIZER ? 0 : 8)) add(&shared->leaked);
    _exit(0);
}

/* The host */

static void vanish(int signal)
{
    (void)signal;
    if (!vanishing_life) return;
    store(&guards->lives[vanishing_life].doomed, 1);
    add(&shared->ends);
    syscall(SYS_exit, 0);
}

static void *work_in_thread(void *argument)
{
    struct slot *slot = argument;
    int life = life_new();
    store(&slot->life, life);
    works[0].run(life); /* what is done once a thread is behind it */
    store(&slot->tid, gettid());
    vanishing_life = VARIANT_LETS_THREADS_VANISH ? life : 0;
    for (unsigned i = 40 + roll() % 4000; i > 0 && !load(&guards->stop); i--) work_once(life, choose(LOCKS));
    vanishing_life = 0;
    if (roll() % 2) return NULL;
    store(&guards->lives[life].doomed, 1);
    add(&shared->ends);
    while (guard_take(life, (int)(roll() % 8), COOP_MS(1)) < 0) continue;
    pthread_exit(NULL);
}

static pid_t fork_host(void)
{
    pid_t parent = getpid(), pid = fork();
    if (pid != 0) return pid;
    become_child(parent);
    struct sigaction action = {.sa_handler = vanish, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &action, NULL);
    pthread_t threads[THREADS];
    unsigned begun = 0, ended = 0;
    while (!load(&guards->stop)) {
        if (begun - ended == THREADS) pthread_join(threads[ended++ % THREADS], NULL);
        struct slot *slot = &shared->slots[begun % THREADS];
        if (pthread_create(&threads[begun++ % THREADS], NULL, work_in_thread, slot) != 0) _exit(3);
    }
    while (ended != begun) pthread_join(threads[ended++ % THREADS], NULL);
    _exit(0);
}

/* Strikes */

/* True: it stands still. */
static bool stop(pid_t pid)
{
    siginfo_t info = {0};
    kill(pid, SIGSTOP);
    while (waitid(P_PID, (id_t)pid, &info, WSTOPPED | WEXITED | WNOWAIT) != 0 && errno == EINTR) continue;
    return info.si_code == CLD_STOPPED;
}

static void kill_pid(pid_t pid)
{
    int status = 0;
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    count.kills++;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return;
    count.fallen++;
    fprintf(stderr, "stress_all: a victim came to an end by itself, status %#x\n", (unsigned)status);
}

static void kill_victim(struct victim *victim)
{
    store(&guards->lives[victim->life].doomed, 1);
    kill_pid(victim->pid);
}

static void stop_victim(const struct victim *victim)
{
    const struct life *life = &guards->lives[victim->life];
    if (!stop(victim->pid)) return; /* killing it will tell */
    count.stops++;
    bool holds = load(&life->phase) == HELD;
    int guard = load(&life->guard);
    pass(roll() % 64 ? 1000 : 60000);
    if (holds && load(&guards->mark[guard]) != victim->life) count.stolen++;
    count.stops_holding += holds;
    kill(victim->pid, SIGCONT);
}

/* Its threads' lives are known for certain only while it stands still. */
static void kill_host(pid_t host)
{
    if (stop(host))
        for (int i = 0; i < THREADS; i++) store(&guards->lives[load(&shared->slots[i].life)].doomed, 1);
    kill_pid(host);
    memset(shared->slots, 0, sizeof shared->slots);
}

static void end_thread(pid_t host)
{
    int tid = load(&shared->slots[roll() % THREADS].tid);
    if (tid) syscall(SYS_tgkill, host, tid, SIGUSR1);
}

static void strike(struct victim *victim, pid_t *host, unsigned turn)
{
    if (roll() % 3 == 0) stop_victim(victim);
    if (roll() % 4) {
        kill_victim(victim);
        victim->pid = fork_victim(&victim->life);
    }
    if (roll() % 4 == 0) end_thread(*host);
    if (turn % HOST_STRIKES == HOST_STRIKES - 1) {
        kill_host(*host);
        *host = fork_host();
    }
}

static int strikes(void)
{
    return count.kills + count.stops + load(&shared->ends);
}

/* Lets bystanders and host come to their end. */
static void wind_up(pid_t *pids, int number)
{
    store(&guards->stop, 1);
    int64_t limit = now() + COOP_S(30);
    for (int i = 0; i < number; i++) {
        int status = 0;
        bool ended = false;
        while (!count.hangs && !(ended = waitpid(pids[i], &status, WNOHANG) != 0)) {
            pass(1000);
            if (bystander_hangs() || now() > limit) count.hangs++;
        }
        if (ended && status != 0) count.fallen++;
        if (ended) continue;
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
}

static void run(int64_t until, int wanted)
{
    struct victim victims[VICTIMS];
    pid_t others[BYSTANDERS + 1];
    for (int i = 0; i < BYSTANDERS; i++) others[i] = fork_bystander(i);
    for (int i = 0; i < VICTIMS; i++) victims[i].pid = fork_victim(&victims[i].life);
    others[BYSTANDERS] = fork_host();
    for (unsigned turn = 0; !count.hangs && strikes() < wanted && now() < until; turn++) {
        pass(roll() % 16 ? 500 : 5000);
        strike(&victims[roll() % VICTIMS], &others[BYSTANDERS], turn);
        if (bystander_hangs()) count.hangs++;
    }
    wind_up(others, BYSTANDERS + 1);
    for (int i = 0; i < VICTIMS; i++) kill_victim(&victims[i]);
}

static void print(const struct ends *ends, const struct balance *balance)
{
    printf("stress_all: %d kills, %d stops (%d holding), %d ends of threads, %d died holding, %d told;", count.kills,
           count.stops, count.stops_holding, load(&shared->ends), ends->held, guards->tellings);
    for (int i = 0; i < NOUNS; i++) printf(" %d %s%s", tally->operations[i], noun_names[i], i + 1 < NOUNS ? "," : ";");
    printf(" longest wait %.1f ms (%d turns): %d hangs, %d not told, %d told falsely, %d stolen, %d lost, %d doubled, "
           "%d torn, %d leaked, %d wrong\n",
           (double)guards->longest / 1e6, guards->turns_in_longest, count.hangs + ends->hangs, guards->untold,
           guards->false_tellings, count.stolen, balance->lost, balance->doubled + tally->doubled,
           guards->torn + tally->torn, balance->leaked + load(&shared->leaked), tally->wrong + count.fallen);
}

int main(int argc, char **argv)
{
    int seconds = -1, wanted = -1, least = 0;
    char base[64];
    const struct option_of options[] = {
        {"--seconds", &seconds}, {"--strikes", &wanted}, {"--least", &least}, {NULL, NULL}};
    if (!read_options(argc, argv, options, "stress_all [--seconds N] [--strikes N] [--least N]")) return 2;
    if (seconds < 0 && wanted < 0) wanted = 2000;
    const char *prefix = getenv("COOP_TEST_PREFIX"); /* what the tests look for afterwards */
    snprintf(base, sizeof base, "%s%s.%d", prefix ? prefix : "", "stress", getpid());
    works_open(base);
    shared = share(sizeof *shared);
    run(seconds < 0 ? INT64_MAX : now() + COOP_S(seconds), wanted < 0 ? INT_MAX : wanted);
    struct ends ends = guards_close();
    struct balance balance = {0};
    if (!count.hangs) balance = works_settle();
    print(&ends, &balance);
    works_close();
    int sum = count.hangs + ends.hangs + guards->untold + guards->false_tellings + count.stolen + balance.lost +
              balance.doubled + tally->doubled + guards->torn + tally->torn + balance.leaked + load(&shared->leaked) +
              tally->wrong + count.fallen;
    if (count.kills + count.stops >= least) return sum ? 1 : 0;
    fprintf(stderr, "stress_all: only %d of %d kills and stops\n", count.kills + count.stops, least);
    return 1;
}
