/* SPDX-License-Identifier: MIT */
/* Our locks and glibc's robust mutexes in one thread: one robust list, and each side's neighbours are the other's. */
#include "sync/lock_shm.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>

enum { EACH = 24, MANY = 2100 };

struct shared {
    int step;
    bool held[2][EACH];
    pthread_mutex_t mutexes[MANY];
};

static struct shared *shared;
static coop_lock *locks[EACH];

static void init_mutex(pthread_mutex_t *mutex, bool inherits)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (inherits) pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT); /* bit 0 in the list */
    CHECK_EQ(pthread_mutex_init(mutex, &attributes), 0);
    pthread_mutexattr_destroy(&attributes);
}

static void set_up(int mutexes)
{
    coop_segment *segment;
    shared = test_shared(sizeof *shared);
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    for (int i = 0; i < EACH; i++) CHECK_OK(coop_lock_in(segment, NULL, 0, &locks[i]));
    coop_segment_close(segment);
    for (int i = 0; i < mutexes; i++) init_mutex(&shared->mutexes[i], mutexes == EACH && i % 5 == 0);
}

static void change_mutex(int k, bool held)
{
    if (held)
        CHECK_EQ(pthread_mutex_unlock(&shared->mutexes[k]), 0);
    else
        CHECK_EQ(pthread_mutex_lock(&shared->mutexes[k]), 0);
}

static void change_lock(int k, bool held)
{
    if (held)
        CHECK_OK(coop_lock_release(locks[k]));
    else
        CHECK_OK(coop_lock_acquire(locks[k], COOP_NOWAIT));
}

static void wander(unsigned seed, int steps)
{
    for (int i = 0; i < steps; i++) {
        int side = rand_r(&seed) >> 4 & 1;
        int k = rand_r(&seed) % EACH;
        bool *held = &shared->held[side][k];
        if (side)
            change_mutex(k, *held);
        else
            change_lock(k, *held);
        *held = !*held;
    }
}

static void check_mutex_told(int k, bool died)
{
    CHECK_EQ(pthread_mutex_trylock(&shared->mutexes[k]), died ? EOWNERDEAD : 0);
    if (died) CHECK_EQ(pthread_mutex_consistent(&shared->mutexes[k]), 0);
    CHECK_EQ(pthread_mutex_unlock(&shared->mutexes[k]), 0);
}

static void check_lock_told(int k, bool died)
{
    CHECK_ERR(coop_lock_acquire(locks[k], COOP_NOWAIT), died ? COOP_OWNER_DIED : 0);
    CHECK_OK(coop_lock_release(locks[k]));
}

static void check_all_told(void)
{
    for (int k = 0; k < EACH; k++) {
        bool marked = locks[k]->shm->robust.word & COOPI_OWNER_DIED;
        CHECK_EQ(marked, shared->held[0][k]); /* by the kernel's walk: both sides are whole in one list */
        check_lock_told(k, shared->held[0][k]);
        check_mutex_told(k, shared->held[1][k]);
    }
}

static void reap_killed(pid_t victim)
{
    int status;
    CHECK_EQ(waitpid(victim, &status, 0), victim);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void mixed_in_any_order_both_are_told(void)
{
    set_up(EACH);
    for (unsigned seed = 1; seed <= 10; seed++) {
        memset(shared->held, 0, sizeof shared->held);
        pid_t victim;
        CHILD(victim) {
            wander(seed, 10000);
            kill(getpid(), SIGKILL);
        }
        reap_killed(victim);
        check_all_told();
    }
}

static void *wander_and_end(void *seed)
{
    wander((unsigned)(uintptr_t)seed, 10000);
    return NULL;
}

static void mixed_in_a_thread_that_ends_both_are_told(void)
{
    set_up(EACH);
    for (uintptr_t seed = 1; seed <= 10; seed++) {
        memset(shared->held, 0, sizeof shared->held);
        pid_t child;
        CHILD(child) {
            pthread_t thread;
            CHECK_EQ(pthread_create(&thread, NULL, wander_and_end, (void *)seed), 0);
            CHECK_EQ(pthread_join(thread, NULL), 0);
            check_all_told();
        }
        child_must(child);
    }
}

/* Our part of the list is taken out of it at the thread's end; what glibc linked on either side stays linked. */
static void *end_with_mutexes_only(void *unused)
{
    change_mutex(0, false); /* older than our part */
    change_mutex(1, false);
    change_lock(0, false);
    change_mutex(2, false); /* newer */
    change_mutex(3, false);
    change_lock(0, true);
    change_mutex(1, true);
    change_mutex(3, true);
    return unused;
}

static void a_clean_end_of_ours_leaves_glibcs_deaths_alone(void)
{
    set_up(EACH);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, end_with_mutexes_only, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    check_mutex_told(0, true);
    check_mutex_told(1, false);
    check_mutex_told(2, true);
    check_mutex_told(3, false);
    check_lock_told(0, false);
}

static void with_the_mutexes_unlocked_in_between_nothing_is_told(void)
{
    set_up(EACH);
    wander(99, 5000);
    for (int k = 0; k < EACH; k++) {
        if (shared->held[0][k]) change_lock(k, true);
        if (shared->held[1][k]) change_mutex(k, true);
    }
    pid_t child;
    memset(shared->held, 0, sizeof shared->held);
    CHILD(child) check_all_told();
    child_must(child);
}

static pid_t fork_victim_with_2100_mutexes(bool mutexes_first)
{
    pid_t victim;
    shared->step = 0;
    CHILD(victim) {
        if (!mutexes_first) change_lock(0, false);
        for (int k = 0; k < MANY; k++) change_mutex(k, false);
        for (int k = mutexes_first ? 0 : 1; k < EACH; k++) change_lock(k, false);
        step_to(&shared->step, 1);
        wait_to_be_killed();
    }
    await_step(&shared->step, 1);
    return victim;
}

/* The kernel gives up before it comes to ours; the thread itself is asked for then. */
static void behind_2100_newer_mutexes_ours_are_told_within_a_second(void)
{
    set_up(MANY);
    pid_t victim = fork_victim_with_2100_mutexes(false);
    CHECK_ERR(coop_lock_acquire(locks[1], COOP_MS(10)), -ETIMEDOUT);
    child_kill(victim);
    CHECK(!(locks[0]->shm->robust.word & COOPI_OWNER_DIED)); /* the kernel did not come so far */
    int64_t start = test_now();
    CHECK_OWNER_DIED(coop_lock_acquire(locks[0], COOP_S(5)));
    CHECK(test_now() - start < COOP_S(1) * test_slowness());
    for (int k = 1; k < EACH; k++) check_lock_told(k, true); /* by one look at its life word */
}

static void behind_2100_newer_mutexes_one_who_only_looks_is_told(void)
{
    set_up(MANY);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < MANY; k++) {
            memset(&shared->mutexes[k], 0, sizeof shared->mutexes[k]);
            init_mutex(&shared->mutexes[k], false);
        }
        pid_t victim = fork_victim_with_2100_mutexes(false);
        CHECK_ERR(coop_lock_acquire(locks[0], COOP_NOWAIT), -EBUSY);
        child_kill(victim);
        int r;
        CHECK_SOON((r = coop_lock_acquire(locks[0], COOP_NOWAIT)) != -EBUSY);
        CHECK_OWNER_DIED(r);
        CHECK_OK(coop_lock_release(locks[0]));
        for (int k = 1; k < EACH; k++) check_lock_told(k, true);
    }
}

static void before_2100_older_mutexes_ours_are_told_at_once(void)
{
    set_up(MANY);
    pid_t victim = fork_victim_with_2100_mutexes(true);
    child_kill(victim);
    for (int k = 0; k < EACH; k++) {
        CHECK(locks[k]->shm->robust.word & COOPI_OWNER_DIED);
        check_lock_told(k, true);
    }
    for (int k = MANY - 1; k >= MANY - 2000; k--) check_mutex_told(k, true); /* theirs lose what they lose without us */
}

/* NO_TSAN: its deadlock detector takes 64 mutexes at most, and calls their order in these a danger. */
TESTS(robust_glibc, TEST_T(mixed_in_any_order_both_are_told, .seconds = 30, .tags = NO_TSAN),
      TEST_T(mixed_in_a_thread_that_ends_both_are_told, .seconds = 30, .tags = NO_TSAN),
      TEST(a_clean_end_of_ours_leaves_glibcs_deaths_alone),
      TEST_T(with_the_mutexes_unlocked_in_between_nothing_is_told, .tags = NO_TSAN),
      TEST_T(behind_2100_newer_mutexes_ours_are_told_within_a_second, .seconds = 30, .tags = NO_TSAN),
      TEST_T(behind_2100_newer_mutexes_one_who_only_looks_is_told, .seconds = 30, .tags = NO_TSAN),
      TEST_T(before_2100_older_mutexes_ours_are_told_at_once, .seconds = 30, .tags = NO_TSAN))
