/* SPDX-License-Identifier: MIT */
/* counters: four processes add to one Value and one Array, made safe in three ways; the sums are exact, the times
 * differ. */
#include <argp.h>
#include <coop/coop.h>
#include <coop/try.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS 4
#define ITEMS 4

struct counters {
    coop_value *total;   /* every step adds 1 */
    coop_array *weights; /* every step adds 0.5 to one item */
    coop_lock *lock;     /* a separate lock for both */
};

static int count(struct counters *c)
{
    int64_t total;
    COOP_TRY(coop_value_get(c->total, &total));
    return coop_value_set(c->total, total + 1);
}

static int weigh(struct counters *c, int64_t i)
{
    double weight;
    COOP_TRY(coop_array_get(c->weights, i % ITEMS, &weight));
    return coop_array_set(c->weights, i % ITEMS, weight + 0.5);
}

/* As Python's `with value.get_lock():` */
static int with_own_locks(struct counters *c, int64_t i)
{
    int held;
    COOP_WITH_LOCK(coop_value_lock(c->total), COOP_FOREVER, held) COOP_TRY(count(c));
    COOP_TRY(held);
    COOP_WITH_LOCK(coop_array_lock(c->weights), COOP_FOREVER, held) COOP_TRY(weigh(c, i));
    return held;
}

static int with_separate_lock(struct counters *c, int64_t i)
{
    int held;
    COOP_WITH_LOCK(c->lock, COOP_FOREVER, held) {
        COOP_TRY(count(c));
        COOP_TRY(weigh(c, i));
    }
    return held;
}

static int with_atomic_add(struct counters *c, int64_t i)
{
    COOP_TRY(coop_value_add(c->total, 1, NULL));
    return coop_array_add(c->weights, i % ITEMS, 0.5, NULL);
}

static double milliseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* True if the sums are exact. */
static bool run(const char *name, int (*step)(struct counters *, int64_t), struct counters *c, int64_t steps)
{
    int64_t total;
    double sum = 0;
    COOP_MUST(coop_value_set(c->total, 0));
    for (int i = 0; i < ITEMS; i++) COOP_MUST(coop_array_set(c->weights, i, 0));

    double start = milliseconds();
    fflush(stdout);
    for (int worker = 0; worker < WORKERS; worker++)
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); /* end with the program */
            for (int64_t i = 0; i < steps; i++) COOP_MUST(step(c, i));
            exit(0);
        }
    while (wait(NULL) > 0) continue;
    double took = milliseconds() - start;

    COOP_MUST(coop_value_get(c->total, &total));
    double *weights = coop_array_data(c->weights);
    for (int i = 0; i < ITEMS; i++) sum += weights[i];
    printf("%-14s value %" PRId64 "  array %.1f  %8.1f ms\n", name, total, sum, took);
    return total == WORKERS * steps && sum == 0.5 * WORKERS * (double)steps;
}

/* Nameless ones are the program's own; those in a named segment stay, and shmctl sees them. */
static void open_all(struct counters *c, const char *segment)
{
    coop_segment *home = NULL;
    if (!segment) {
        COOP_MUST(coop_value_new("i", &c->total));
        COOP_MUST(coop_array_new("d", ITEMS, &c->weights));
        COOP_MUST(coop_lock_new(&c->lock));
        return;
    }
    COOP_MUST(coop_segment_open(segment, COOP_CREATE, &home));
    COOP_MUST(coop_value_in(home, "total", "i", COOP_CREATE, &c->total));
    COOP_MUST(coop_array_in(home, "weights", "d", ITEMS, COOP_CREATE, &c->weights));
    COOP_MUST(coop_lock_in(home, "lock", COOP_CREATE, &c->lock));
    coop_segment_close(home);
}

struct plan {
    const char *segment;
    int64_t steps;
};

static const struct argp_option options[] = {
    {"steps", 'n', "N", 0, "Steps of each process (100000)", 0},
    {"segment", 's', "NAME", 0, "Count in a named segment, where shmctl sees it; `shmctl rm NAME` removes it", 0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct plan *plan = state->input;
    char *end = arg;
    switch (key) {
    case 's': plan->segment = arg; return 0;
    case 'n':
        plan->steps = strtol(arg, &end, 10);
        if (*end || end == arg || plan->steps < 0 || plan->steps > INT_MAX / WORKERS)
            argp_error(state, "--steps: '%s' is not a number from 0 to %d", arg, INT_MAX / WORKERS);
        return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, "Four processes count together.", NULL, NULL, NULL};
    struct plan plan = {.steps = 100000};
    argp_err_exit_status = 2;
    argp_parse(&argp, argc, argv, 0, NULL, &plan);

    struct counters c;
    open_all(&c, plan.segment);
    bool exact = run("own locks", with_own_locks, &c, plan.steps);
    exact &= run("separate lock", with_separate_lock, &c, plan.steps);
    exact &= run("atomic add", with_atomic_add, &c, plan.steps);
    coop_lock_close(c.lock);
    coop_array_close(c.weights);
    coop_value_close(c.total);
    return exact ? 0 : 1;
}
