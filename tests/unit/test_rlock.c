/* SPDX-License-Identifier: MIT */
/* RLock: what it has beyond Lock, which is its depth, and each of its own calls. */
#include "sync/lock_shm.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>

static coop_rlock *lock;

static void set_up(void)
{
    CHECK_OK(coop_rlock_new(&lock));
}

static void is_free_after_as_many_releases(void)
{
    set_up();
    CHECK_EQ(coop_rlock_depth(lock), 0);
    for (uint32_t depth = 1; depth <= 5; depth++) {
        CHECK_OK(coop_rlock_acquire(lock, depth % 2 ? COOP_NOWAIT : COOP_FOREVER));
        CHECK_EQ(coop_rlock_depth(lock), depth);
    }
    for (uint32_t depth = 5; depth > 0; depth--) {
        CHECK_EQ(coop_rlock_locked(lock), 1);
        CHECK_EQ(coop_rlock_depth(lock), depth);
        CHECK_OK(coop_rlock_release(lock));
    }
    CHECK_EQ(coop_rlock_locked(lock), 0);
    CHECK_EQ(coop_rlock_depth(lock), 0);
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    CHECK_DETAIL("nobody does");
}

static void others_see_it_held_until_the_last_release(void)
{
    set_up();
    int *step = test_shared(sizeof *step);
    pid_t holder;
    CHILD(holder) {
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_rlock_release(lock));
        step_to(step, 1);
        await_step(step, 2);
        CHECK_OK(coop_rlock_release(lock));
    }
    await_step(step, 1);
    CHECK_ERR(coop_rlock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_rlock_acquire(lock, COOP_MS(10)), -ETIMEDOUT);
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    CHECK_EQ(coop_rlock_depth(lock), 0);
    CHECK_EQ(coop_rlock_locked(lock), 1);
    coop_lock_holder who;
    CHECK_OK(coop_rlock_owner(lock, &who));
    CHECK_EQ(who.pid, holder);
    step_to(step, 2);
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    child_must(holder);
}

/* A child that holds it until step 2; at step 1 it does. */
static pid_t fork_holder(int *step)
{
    pid_t holder;
    CHILD(holder) {
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        step_to(step, 1);
        await_step(step, 2);
        CHECK_OK(coop_rlock_release(lock));
    }
    await_step(step, 1);
    return holder;
}

static void releasing_a_free_one_is_refused(void)
{
    set_up();
    CHECK_ERR(coop_rlock_release(lock), -EPERM); /* before this thread was ever an owner */
    CHECK_DETAIL("nobody does");
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    CHECK_EQ(coop_rlock_locked(lock), 0);
}

static void releasing_anothers_is_refused_and_names_the_holder(void)
{
    set_up();
    int *step = test_shared(sizeof *step);
    pid_t holder = fork_holder(step);
    char number[48];
    snprintf(number, sizeof number, "process %d (%s)", (int)holder, program_invocation_short_name);
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    CHECK_DETAIL(number);
    step_to(step, 2);
    child_must(holder);
}

static void owner_names_who_holds_it(void)
{
    set_up();
    int *step = test_shared(sizeof *step);
    coop_lock_holder who;
    CHECK_ERR(coop_rlock_owner(lock, &who), -ENOENT);
    CHECK_DETAIL("nobody holds it");
    pid_t holder = fork_holder(step);
    CHECK_OK(coop_rlock_owner(lock, &who));
    CHECK_EQ(who.pid, holder);
    CHECK_EQ(who.tid, holder);
    CHECK_STR(who.command, program_invocation_short_name);
    step_to(step, 2);
    child_must(holder);
}

static void nowait_on_a_held_one_is_busy_and_names_the_holder(void)
{
    set_up();
    int *step = test_shared(sizeof *step);
    pid_t holder = fork_holder(step);
    char number[24];
    snprintf(number, sizeof number, "process %d", (int)holder);
    CHECK_ERR(coop_rlock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_DETAIL(number);
    step_to(step, 2);
    child_must(holder);
}

static void a_time_out_runs_out_not_too_soon(void)
{
    set_up();
    int *step = test_shared(sizeof *step);
    pid_t holder = fork_holder(step);
    for (int ms = 1; ms <= 400; ms = ms * 7 + 1) { /* also over the slice of 250 ms */
        int64_t start = test_now();
        CHECK_ERR(coop_rlock_acquire(lock, COOP_MS(ms)), -ETIMEDOUT);
        CHECK(test_now() - start >= COOP_MS(ms));
    }
    CHECK_EQ(coop_rlock_depth(lock), 0);
    step_to(step, 2);
    child_must(holder);
}

static void no_action(int number)
{
    (void)number;
}

static void with_intr_a_signal_ends_the_wait(void)
{
    CHECK_OK(coop_rlock_open(NULL, COOP_CREATE | COOP_INTR, &lock));
    int *step = test_shared(sizeof *step);
    pid_t holder = fork_holder(step);
    struct sigaction action = {.sa_handler = no_action, .sa_flags = SA_RESTART};
    struct itimerval interval = {{0, 20000}, {0, 20000}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &interval, NULL);
    CHECK_ERR(coop_rlock_acquire(lock, COOP_S(20)), -EINTR);
    CHECK_EQ(coop_rlock_depth(lock), 0);
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    step_to(step, 2);
    child_must(holder);
}

static void *find_it_busy(void *unused)
{
    (void)unused;
    CHECK_ERR(coop_rlock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    CHECK_EQ(coop_rlock_depth(lock), 0);
    return NULL;
}

static void belongs_to_one_thread_not_to_its_process(void)
{
    set_up();
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, find_it_busy, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_EQ(coop_rlock_depth(lock), 1);
}

static void a_forked_child_does_not_hold_what_its_parent_holds(void)
{
    set_up();
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    pid_t child;
    CHILD(child) {
        CHECK_EQ(coop_rlock_depth(lock), 0);
        CHECK_ERR(coop_rlock_release(lock), -EPERM);
        CHECK_ERR(coop_rlock_acquire(lock, COOP_NOWAIT), -EBUSY);
    }
    child_must(child);
    CHECK_EQ(coop_rlock_depth(lock), 2);
}

static void the_deepest_hold_is_the_last(void)
{
    set_up();
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    lock->shm->robust.extra = 0x7ffffffe;
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rlock_depth(lock), INT64_C(0x80000000));
    CHECK_ERR(coop_rlock_acquire(lock, COOP_FOREVER), -EOVERFLOW);
    CHECK_DETAIL("2^31");
    CHECK_EQ(coop_rlock_depth(lock), INT64_C(0x80000000));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_EQ(coop_rlock_depth(lock), INT64_C(0x7fffffff));
}

static void the_depth_of_the_dead_is_not_inherited(void)
{
    set_up();
    pid_t holder;
    int *step = test_shared(sizeof *step);
    CHILD(holder) {
        for (int i = 0; i < 4; i++) CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    child_kill(holder);
    CHECK_OWNER_DIED(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rlock_depth(lock), 1);
    coop_lock_holder who;
    CHECK_OK(coop_rlock_last_death(lock, &who));
    CHECK_EQ(who.pid, holder);
    CHECK_EQ(who.deaths, 1);
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER)); /* told once */
    CHECK_OK(coop_rlock_release(lock));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_EQ(coop_rlock_locked(lock), 0);
}

static void nobody_has_died_in_a_new_one(void)
{
    set_up();
    coop_lock_holder who;
    CHECK_ERR(coop_rlock_last_death(lock, &who), -ENOENT);
    CHECK_ERR(coop_rlock_owner(lock, &who), -ENOENT);
}

static void a_plain_lock_is_not_opened_as_one(void)
{
    const char *path = test_name("s/door");
    coop_lock *plain;
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &plain));
    CHECK_ERR(coop_rlock_open(path, COOP_CREATE, &lock), -EINVAL);
    CHECK_DETAIL("is of kind lock, not rlock");
    coop_lock_close(plain);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void closing_a_held_one_keeps_its_depth(void)
{
    const char *path = test_name("s/gate");
    CHECK_OK(coop_rlock_open(path, COOP_CREATE, &lock));
    CHECK_STR(coop_rlock_path(lock), path);
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    coop_rlock_close(lock);
    CHECK_DETAIL("stays held");
    CHECK_OK(coop_rlock_open(path, 0, &lock));
    CHECK_EQ(coop_rlock_depth(lock), 2);
    CHECK_OK(coop_rlock_release(lock));
    CHECK_OK(coop_rlock_release(lock));
    coop_rlock_close(lock);
    coop_rlock_close(NULL);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void lives_in_a_segment_that_is_open(void)
{
    coop_segment *segment;
    coop_rlock *again;
    CHECK_OK(coop_segment_create(NULL, NULL, &segment));
    CHECK_ERR(coop_rlock_in(segment, "gate", 0, &lock), -ENOENT);
    CHECK_OK(coop_rlock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_ERR(coop_rlock_in(segment, "gate", COOP_CREATE | COOP_EXCL, &again), -EEXIST);
    CHECK_OK(coop_rlock_in(segment, "gate", 0, &again));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rlock_depth(again), 1);
    coop_rlock_close(again);
    coop_segment_close(segment);
}

enum { ROUNDS = 10000, WORKERS = 4 };

static void *add_rounds(void *sum)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        *(int64_t *)sum += 1;
        CHECK_OK(coop_rlock_release(lock));
        *(int64_t *)sum += 1;
        CHECK_OK(coop_rlock_release(lock));
    }
    return NULL;
}

static void processes_exclude_each_other_at_every_depth(void)
{
    set_up();
    int64_t *sum = test_shared(sizeof *sum);
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHILD(workers[i]) add_rounds(sum);
    for (int i = 0; i < WORKERS; i++) child_must(workers[i]);
    CHECK_EQ(*sum, 2 * ROUNDS * WORKERS);
}

static void threads_exclude_each_other_at_every_depth(void)
{
    set_up();
    int64_t sum = 0;
    pthread_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) CHECK_EQ(pthread_create(&workers[i], NULL, add_rounds, &sum), 0);
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    CHECK_EQ(sum, 2 * ROUNDS * WORKERS);
}

TESTS(rlock, TEST(releasing_a_free_one_is_refused), TEST(releasing_anothers_is_refused_and_names_the_holder),
      TEST(owner_names_who_holds_it), TEST(nowait_on_a_held_one_is_busy_and_names_the_holder),
      TEST(a_time_out_runs_out_not_too_soon), TEST(with_intr_a_signal_ends_the_wait),
      TEST(is_free_after_as_many_releases), TEST(others_see_it_held_until_the_last_release),
      TEST(belongs_to_one_thread_not_to_its_process), TEST(a_forked_child_does_not_hold_what_its_parent_holds),
      TEST(the_deepest_hold_is_the_last), TEST(the_depth_of_the_dead_is_not_inherited),
      TEST(nobody_has_died_in_a_new_one), TEST(a_plain_lock_is_not_opened_as_one),
      TEST(closing_a_held_one_keeps_its_depth), TEST(lives_in_a_segment_that_is_open),
      TEST_T(processes_exclude_each_other_at_every_depth, .seconds = 30),
      TEST_T(threads_exclude_each_other_at_every_depth, .seconds = 30))
