/* SPDX-License-Identifier: MIT */
/* Lock: acquiring, waiting, releasing, and the sentences of what it refuses. Deaths stand in test_death.c. */
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <sys/time.h>
#include <sys/wait.h>

static coop_lock *lock;
static int *step;

static void set_up(void)
{
    CHECK_OK(coop_lock_new(&lock));
    step = test_shared(sizeof *step);
}

/* A child that holds the lock until it reads HOLD + 1 in step, then releases it and ends. */
static pid_t fork_holder(void)
{
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        step_to(step, 1);
        await_step(step, 2);
        CHECK_OK(coop_lock_release(lock));
    }
    await_step(step, 1);
    return pid;
}

static void let_go(pid_t holder)
{
    step_to(step, 2);
    child_must(holder);
}

static void is_free_held_and_free_again(void)
{
    set_up();
    CHECK_EQ(coop_lock_locked(lock), 0);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_lock_locked(lock), 1);
    CHECK_OK(coop_lock_release(lock));
    CHECK_EQ(coop_lock_locked(lock), 0);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
}

static void nowait_on_a_held_one_is_busy_and_names_the_holder(void)
{
    set_up();
    pid_t holder = fork_holder();
    char number[32];
    snprintf(number, sizeof number, "process %d", (int)holder);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_DETAIL(number);
    CHECK_EQ(coop_lock_locked(lock), 1);
    let_go(holder);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
}

static void a_time_out_runs_out_not_too_soon(void)
{
    set_up();
    pid_t holder = fork_holder();
    for (int ms = 1; ms <= 400; ms = ms * 7 + 1) { /* also over the slice of 250 ms */
        int64_t start = test_now();
        CHECK_ERR(coop_lock_acquire(lock, COOP_MS(ms)), -ETIMEDOUT);
        CHECK_DETAIL("timed out");
        CHECK(test_now() - start >= COOP_MS(ms));
        CHECK(test_now() - start < COOP_MS(ms) + COOP_S(2) * test_slowness());
    }
    let_go(holder);
}

static void waits_until_it_is_released(void)
{
    static const int64_t timeouts[] = {COOP_FOREVER, -5, INT64_MIN, INT64_MAX, COOP_S(3600)};
    for (size_t i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
        set_up();
        pid_t holder = fork_holder();
        pid_t helper;
        CHILD(helper) {
            test_sleep_ms(20);
            step_to(step, 2);
        }
        CHECK_OK(coop_lock_acquire(lock, timeouts[i]));
        CHECK_OK(coop_lock_release(lock));
        child_must(helper);
        child_must(holder);
        coop_lock_close(lock);
    }
}

static void acquiring_it_twice_is_a_deadlock_told_at_once(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_lock_acquire(lock, COOP_FOREVER), -EDEADLK);
    CHECK_DETAIL("RLock");
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(5)), -EDEADLK);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EDEADLK);
    CHECK_OK(coop_lock_release(lock));
    CHECK_EQ(coop_lock_locked(lock), 0);
}

static void releasing_a_free_one_is_refused(void)
{
    set_up();
    CHECK_ERR(coop_lock_release(lock), -EPERM); /* before this thread was ever an owner */
    CHECK_DETAIL("nobody does");
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    CHECK_ERR(coop_lock_release(lock), -EPERM);
    CHECK_EQ(coop_lock_locked(lock), 0);
}

static void releasing_anothers_is_refused_and_names_the_holder(void)
{
    set_up();
    pid_t holder = fork_holder();
    char number[48];
    snprintf(number, sizeof number, "process %d (%s)", (int)holder, program_invocation_short_name);
    CHECK_ERR(coop_lock_release(lock), -EPERM);
    CHECK_DETAIL(number);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    let_go(holder);
}

static void *release_refused(void *unused)
{
    (void)unused;
    CHECK_ERR(coop_lock_release(lock), -EPERM);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_lock_release(lock), -EPERM); /* now as an owner of its own */
    return NULL;
}

static void another_thread_of_the_holders_process_is_refused_too(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, release_refused, NULL), 0);
    pthread_join(thread, NULL);
    CHECK_OK(coop_lock_release(lock));
}

static void a_forked_child_does_not_hold_what_its_parent_holds(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    pid_t child;
    CHILD(child) {
        CHECK_ERR(coop_lock_release(lock), -EPERM);
        CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
        step_to(step, 1);
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER)); /* not told of a death: its parent released it */
    }
    await_step(step, 1);
    CHECK_OK(coop_lock_release(lock));
    CHECK_EQ(waitpid(child, NULL, 0), child);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
}

static void no_action(int number)
{
    (void)number;
}

/* One signal every 20 ms, whatever the thread sleeps in. */
static void ring_every_20_ms(void)
{
    struct sigaction action = {.sa_handler = no_action, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval interval = {{0, 20000}, {0, 20000}};
    setitimer(ITIMER_REAL, &interval, NULL);
}

static void a_wait_goes_on_after_a_signal(void)
{
    set_up();
    pid_t holder = fork_holder();
    ring_every_20_ms();
    int64_t start = test_now();
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(150)), -ETIMEDOUT);
    CHECK(test_now() - start >= COOP_MS(150));
    let_go(holder);
}

static void with_intr_a_signal_ends_the_wait(void)
{
    step = test_shared(sizeof *step);
    CHECK_OK(coop_lock_open(NULL, COOP_CREATE | COOP_INTR, &lock));
    pid_t holder = fork_holder();
    ring_every_20_ms();
    CHECK_ERR(coop_lock_acquire(lock, COOP_FOREVER), -EINTR);
    CHECK_DETAIL("signal");
    CHECK_ERR(coop_lock_release(lock), -EPERM); /* not held */
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    let_go(holder);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
}

static void owner_names_who_holds_it(void)
{
    set_up();
    coop_lock_holder who = {.pid = -7};
    CHECK_ERR(coop_lock_owner(lock, &who), -ENOENT);
    CHECK_DETAIL("nobody holds it");
    CHECK_EQ(who.pid, -7);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_owner(lock, &who));
    CHECK_EQ(who.pid, getpid());
    CHECK_EQ(who.tid, gettid());
    CHECK_STR(who.command, program_invocation_short_name);
    CHECK_EQ(who.wall_time, 0);
    CHECK_EQ(who.deaths, 0);
}

static void nobody_has_died_in_a_new_one(void)
{
    set_up();
    coop_lock_holder who = {.pid = -7};
    CHECK_ERR(coop_lock_last_death(lock, &who), -ENOENT);
    CHECK_EQ(who.pid, -7);
}

static void two_handles_are_one_lock(void)
{
    const char *path = test_name("s/door");
    coop_lock *again;
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_lock_open(path, 0, &again));
    CHECK_STR(coop_lock_path(lock), path);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_lock_acquire(again, COOP_FOREVER), -EDEADLK);
    CHECK_DETAIL(path);
    CHECK_OK(coop_lock_release(again));
    CHECK_EQ(coop_lock_locked(lock), 0);
    coop_lock_close(lock);
    coop_lock_close(again);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void closing_a_held_one_keeps_it_held_and_says_so(void)
{
    const char *path = test_name("s/door");
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock_close(lock);
    CHECK_DETAIL("stays held");
    CHECK_DETAIL(path);
    CHECK_OK(coop_lock_open(path, 0, &lock));
    CHECK_EQ(coop_lock_locked(lock), 1);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    coop_lock_close(NULL);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void nameless_ones_are_apart_and_have_no_path(void)
{
    set_up();
    coop_lock *other;
    CHECK_OK(coop_lock_new(&other));
    CHECK(coop_lock_path(lock) == NULL);
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_acquire(other, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    CHECK_OK(coop_lock_release(other));
    CHECK_ERR(coop_lock_release(other), -EPERM);
    CHECK_DETAIL("nameless");
    coop_lock_close(other);
}

static void lives_in_a_segment_that_is_open(void)
{
    coop_segment *segment;
    coop_lock *named, *again, *nameless;
    CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
    CHECK_ERR(coop_lock_in(segment, "door", 0, &named), -ENOENT);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &named));
    CHECK_ERR(coop_lock_in(segment, "door", COOP_CREATE | COOP_EXCL, &again), -EEXIST);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &again));
    CHECK_OK(coop_lock_in(segment, NULL, 0, &nameless));
    coop_segment_close(segment); /* the locks keep it mapped */
    CHECK_OK(coop_lock_acquire(named, COOP_FOREVER));
    CHECK_ERR(coop_lock_acquire(again, COOP_NOWAIT), -EDEADLK);
    CHECK_OK(coop_lock_acquire(nameless, COOP_NOWAIT));
    CHECK_STR(coop_lock_path(named), test_name("s/door"));
    CHECK_OK(coop_lock_release(named));
    CHECK_OK(coop_lock_release(nameless));
    coop_lock_close(named);
    coop_lock_close(again);
    coop_lock_close(nameless);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void a_failing_open_touches_no_output(void)
{
    coop_lock *untouched = (coop_lock *)&lock;
    CHECK_ERR(coop_lock_open(test_name("absent/door"), 0, &untouched), -ENOENT);
    CHECK_ERR(coop_lock_open("no slash", COOP_CREATE, &untouched), -EINVAL);
    CHECK_ERR(coop_lock_open(test_name("s/door"), 0x40000, &untouched), -EINVAL);
    CHECK_DETAIL("0x40000");
    CHECK((void *)untouched == (void *)&lock);
}

enum { ROUNDS = 20000, WORKERS = 4 };

static void add_rounds(int64_t *sum)
{
    for (int i = 0; i < ROUNDS; i++) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        *sum += 1;
        CHECK_OK(coop_lock_release(lock));
    }
}

static void processes_exclude_each_other(void)
{
    set_up();
    int64_t *sum = test_shared(sizeof *sum);
    pid_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHILD(workers[i]) add_rounds(sum);
    for (int i = 0; i < WORKERS; i++) child_must(workers[i]);
    CHECK_EQ(*sum, ROUNDS * WORKERS);
    CHECK_EQ(coop_lock_locked(lock), 0);
}

static void *add_in_thread(void *sum)
{
    add_rounds(sum);
    return NULL;
}

static void threads_exclude_each_other(void)
{
    set_up();
    int64_t sum = 0;
    pthread_t workers[WORKERS];
    for (int i = 0; i < WORKERS; i++) CHECK_EQ(pthread_create(&workers[i], NULL, add_in_thread, &sum), 0);
    for (int i = 0; i < WORKERS; i++) pthread_join(workers[i], NULL);
    CHECK_EQ(sum, ROUNDS * WORKERS);
    CHECK_EQ(coop_lock_locked(lock), 0);
}

TESTS(lock, TEST(is_free_held_and_free_again), TEST(nowait_on_a_held_one_is_busy_and_names_the_holder),
      TEST(a_time_out_runs_out_not_too_soon), TEST(waits_until_it_is_released),
      TEST(acquiring_it_twice_is_a_deadlock_told_at_once), TEST(releasing_a_free_one_is_refused),
      TEST(releasing_anothers_is_refused_and_names_the_holder),
      TEST(another_thread_of_the_holders_process_is_refused_too),
      TEST(a_forked_child_does_not_hold_what_its_parent_holds), TEST(a_wait_goes_on_after_a_signal),
      TEST(with_intr_a_signal_ends_the_wait), TEST(owner_names_who_holds_it), TEST(nobody_has_died_in_a_new_one),
      TEST(two_handles_are_one_lock), TEST(closing_a_held_one_keeps_it_held_and_says_so),
      TEST(nameless_ones_are_apart_and_have_no_path), TEST(lives_in_a_segment_that_is_open),
      TEST(a_failing_open_touches_no_output), TEST_T(processes_exclude_each_other, .seconds = 30),
      TEST_T(threads_exclude_each_other, .seconds = 30))
