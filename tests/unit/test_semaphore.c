/* SPDX-License-Identifier: MIT */
/* Semaphores: owned and counting, in order of arrival, whoever dies. */
#include "unit/permits.h"

#include <coop/value.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>

static void permits_are_taken_and_given_back(void)
{
    set_up(2, 0);
    CHECK_EQ(coop_semaphore_value(semaphore), 2);
    CHECK_EQ(coop_semaphore_permits(semaphore), 2u);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_NOWAIT));
    CHECK_EQ(coop_semaphore_value(semaphore), 0);
    CHECK_EQ(coop_semaphore_held(semaphore), 2u);
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_NOWAIT), -EBUSY);
    CHECK_DETAIL("busy: 0 of its permits are free, and 1 wanted");
    CHECK_OK(coop_semaphore_release_many(semaphore, 2));
    CHECK_EQ(coop_semaphore_value(semaphore), 2);
    CHECK_EQ(coop_semaphore_held(semaphore), 0u);
    coop_semaphore_close(semaphore);
}

static void a_wait_times_out(void)
{
    set_up(1, 0);
    pid_t holder = holder_of(1);
    int64_t begin = test_now();
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_MS(30)), -ETIMEDOUT);
    CHECK_DETAIL("timed out: 0 of its permits are free");
    CHECK(test_now() - begin >= COOP_MS(30));
    CHECK_EQ(coop_semaphore_waiters(semaphore), 0);
    child_kill(holder);
}

static void releasing_more_than_held_is_refused(void)
{
    set_up(3, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    CHECK_ERR(coop_semaphore_release_many(semaphore, 2), -EPERM);
    CHECK_DETAIL("this thread holds 1 of its permits, and cannot release 2");
    CHECK_EQ(coop_semaphore_held(semaphore), 1u);
    CHECK_OK(coop_semaphore_release(semaphore));
    CHECK_ERR(coop_semaphore_release(semaphore), -EPERM);
    CHECK_EQ(coop_semaphore_value(semaphore), 3);
}

static void another_may_not_release_what_one_holds(void)
{
    set_up(2, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_semaphore_release(semaphore), -EPERM);
        CHECK_DETAIL("COOP_COUNTING");
    }
    child_must(pid);
    CHECK_EQ(coop_semaphore_held(semaphore), 1u);
}

static void a_counting_one_is_released_by_anybody(void)
{
    set_up(0, COOP_COUNTING);
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_NOWAIT), -EBUSY);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_semaphore_release_many(semaphore, 3));
    }
    child_must(pid);
    CHECK_EQ(coop_semaphore_value(semaphore), 3);
    CHECK_OK(coop_semaphore_acquire_many(semaphore, 2, COOP_FOREVER));
    CHECK_EQ(coop_semaphore_held(semaphore), 0u);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void a_bounded_one_refuses_more_than_it_was_made_with(void)
{
    set_up(2, COOP_COUNTING | COOP_BOUNDED);
    CHECK_ERR(coop_semaphore_release(semaphore), -EOVERFLOW);
    CHECK_DETAIL("more than 2 permits, which it was made with");
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    CHECK_ERR(coop_semaphore_release_many(semaphore, 2), -EOVERFLOW);
    CHECK_OK(coop_semaphore_release(semaphore));
    CHECK_EQ(coop_semaphore_value(semaphore), 2);
}

static void permits_have_a_largest_number(void)
{
    set_up(COOP_PERMITS_MAX, COOP_COUNTING);
    CHECK_ERR(coop_semaphore_release(semaphore), -EOVERFLOW);
    CHECK_OK(coop_semaphore_acquire_many(semaphore, COOP_PERMITS_MAX, COOP_NOWAIT));
    CHECK_ERR(coop_semaphore_release_many(semaphore, UINT32_MAX), -EINVAL);
    coop_semaphore *other;
    CHECK_ERR(coop_semaphore_new(UINT32_MAX, 0, &other), -EINVAL);
    CHECK_DETAIL("too many");
}

static void bad_numbers_and_flags_are_refused(void)
{
    set_up(2, 0);
    CHECK_ERR(coop_semaphore_acquire_many(semaphore, 0, COOP_NOWAIT), -EINVAL);
    CHECK_ERR(coop_semaphore_acquire_many(semaphore, 3, COOP_NOWAIT), -EINVAL);
    CHECK_DETAIL("3 permits wanted; it gives 1 to 2");
    CHECK_ERR(coop_semaphore_release_many(semaphore, 0), -EINVAL);
    coop_semaphore *other;
    CHECK_ERR(coop_semaphore_new(0, 0, &other), -EINVAL);
    CHECK_DETAIL("COOP_COUNTING");
    CHECK_ERR(coop_semaphore_new(1, COOP_BOUNDED, &other), -EINVAL);
    CHECK_DETAIL("COOP_BOUNDED goes with COOP_COUNTING");
    CHECK_ERR(coop_semaphore_new(1, COOP_RAW, &other), -EINVAL);
    CHECK_ERR(coop_semaphore_in(NULL, "x", 1, 0, &other), -EINVAL);
}

static void it_is_found_by_its_name(void)
{
    char path[128];
    coop_semaphore *first, *second;
    coop_value *value;
    snprintf(path, sizeof path, "%s/gate", test_name("sem"));
    CHECK_ERR(coop_semaphore_open(path, 2, 0, &first), -ENOENT);
    CHECK_OK(coop_semaphore_open(path, 2, COOP_CREATE, &first));
    CHECK_OK(coop_semaphore_open(path, 7, COOP_CREATE, &second));
    CHECK_EQ(coop_semaphore_permits(second), 2u);
    CHECK_STR(coop_semaphore_path(second), path);
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -EINVAL);
    CHECK_DETAIL("is of kind semaphore, not value");
    coop_lock *lock;
    CHECK_ERR(coop_lock_open(path, COOP_COUNTING, &lock), -EINVAL);
    CHECK_DETAIL("are for a semaphore");
    CHECK_OK(coop_semaphore_acquire(first, COOP_NOWAIT));
    CHECK_EQ(coop_semaphore_value(second), 1);
    CHECK_OK(coop_semaphore_release(second));
    coop_semaphore_close(first);
    coop_semaphore_close(second);
    CHECK_OK(coop_segment_remove(test_name("sem"), 0));
}

static void a_waiter_gets_what_is_released(void)
{
    set_up(1, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t pid = waiter_for(1, 2);
    CHECK_OK(coop_semaphore_release(semaphore));
    child_must(pid);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void turns_come_in_order_of_arrival(void)
{
    set_up(1, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t pids[8];
    for (int i = 0; i < 8; i++) pids[i] = waiter_for(1, 2 + i);
    CHECK_OK(coop_semaphore_release(semaphore));
    for (int i = 0; i < 8; i++) child_must(pids[i]);
    for (uint32_t i = 0; i < 8; i++) CHECK_EQ(step[2 + i], i + 1);
}

static void who_wants_many_is_not_overtaken(void)
{
    set_up(3, 0);
    CHECK_OK(coop_semaphore_acquire_many(semaphore, 2, COOP_FOREVER));
    pid_t large = waiter_for(3, 2), small = waiter_for(1, 3);
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_NOWAIT), -EBUSY);
    CHECK_OK(coop_semaphore_release_many(semaphore, 2));
    child_must(large);
    child_must(small);
    CHECK_EQ(step[2], 1u);
    CHECK_EQ(step[3], 2u);
}

static void who_gives_up_lets_those_behind_it_in(void)
{
    set_up(2, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t large, small;
    CHILD(large) {
        CHECK_ERR(coop_semaphore_acquire_many(semaphore, 2, COOP_MS(100)), -ETIMEDOUT);
    }
    CHECK_SOON(coop_semaphore_waiters(semaphore) == 1);
    small = waiter_for(1, 2);
    child_must(large);
    child_must(small);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void permits_of_the_dead_come_back(void)
{
    set_up(3, 0);
    pid_t holder = holder_of(2);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
    child_kill(holder);
    CHECK_EQ(coop_semaphore_value(semaphore), 3);
    coop_lock_holder died;
    CHECK_OK(coop_semaphore_last_death(semaphore, &died));
    CHECK_EQ(died.pid, holder);
}

static void a_sleeper_has_the_permits_of_the_dead_at_once(void)
{
    set_up(2, 0);
    pid_t holder = holder_of(2), sleeper = waiter_for(2, 2);
    int64_t begin = test_now();
    child_kill(holder);
    child_must(sleeper);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void a_dead_waiter_is_passed_over(void)
{
    set_up(1, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t first = waiter_for(1, 2), second = waiter_for(1, 3);
    child_kill(first);
    CHECK_OK(coop_semaphore_release(semaphore));
    child_must(second);
    CHECK_EQ(step[3], 1u);
}

static void permits_on_their_way_to_the_dead_go_on(void)
{
    set_up(1, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t first = waiter_for(1, 2), second = waiter_for(1, 3);
    kill(first, SIGSTOP);
    test_sleep_ms(20);
    CHECK_OK(coop_semaphore_release(semaphore));
    test_sleep_ms(20);
    CHECK_EQ(coopi_load_acquire(&step[1]), 0u); /* it belongs to the stopped one */
    child_kill(first);
    child_must(second);
    CHECK_EQ(step[3], 1u);
}

static void a_counted_permit_on_its_way_to_the_dead_goes_on(void)
{
    set_up(0, COOP_COUNTING);
    pid_t first = waiter_for(1, 2), second = waiter_for(1, 3);
    kill(first, SIGSTOP);
    test_sleep_ms(20);
    CHECK_OK(coop_semaphore_release(semaphore));
    test_sleep_ms(20);
    CHECK_EQ(coop_semaphore_value(semaphore), 0);
    child_kill(first);
    child_must(second);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void *take_two(void *argument)
{
    CHECK_OK(coop_semaphore_acquire_many(semaphore, 2, COOP_FOREVER));
    return argument;
}

static void a_thread_that_ends_gives_its_permits_back(void)
{
    set_up(2, 0);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, take_two, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(coop_semaphore_acquire_many(semaphore, 2, COOP_S(5)));
}

static void threads_hold_for_themselves(void)
{
    set_up(4, 0);
    pthread_t thread;
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    CHECK_EQ(pthread_create(&thread, NULL, take_two, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_EQ(coop_semaphore_held(semaphore), 1u);
    CHECK_EQ(coop_semaphore_value(semaphore), 3);
}

static void counting_permits_of_the_dead_stay_taken(void)
{
    set_up(3, COOP_COUNTING);
    pid_t holder = holder_of(2);
    child_kill(holder);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void a_child_holds_nothing_of_its_parents(void)
{
    set_up(2, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t pid;
    CHILD(pid) {
        CHECK_EQ(coop_semaphore_held(semaphore), 0u);
        CHECK_OK(coop_semaphore_acquire(semaphore, COOP_NOWAIT));
        CHECK_ERR(coop_semaphore_release_many(semaphore, 2), -EPERM);
    }
    child_must(pid);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

static void a_closed_handle_keeps_its_permits(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/gate", test_name("sem"));
    CHECK_OK(coop_semaphore_open(path, 2, COOP_CREATE, &semaphore));
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    coop_semaphore_close(semaphore);
    CHECK_DETAIL("closed while this thread holds 1 of its permits");
    CHECK_OK(coop_semaphore_open(path, 2, 0, &semaphore));
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
    CHECK_OK(coop_semaphore_release(semaphore));
    coop_semaphore_close(semaphore);
    CHECK_OK(coop_segment_remove(test_name("sem"), 0));
}

static void holders_are_named(void)
{
    set_up(5, 0);
    pid_t holder = holder_of(3);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    coop_permit_holder holders[2];
    CHECK_EQ(coop_semaphore_holders(semaphore, NULL, 0), 2);
    CHECK_EQ(coop_semaphore_holders(semaphore, holders, 2), 2);
    int at = holders[0].pid == holder ? 0 : 1;
    CHECK_EQ(holders[at].pid, holder);
    CHECK_EQ(holders[at].permits, 3u);
    CHECK_EQ(holders[1 - at].pid, getpid());
    CHECK_EQ(holders[1 - at].permits, 1u);
    child_kill(holder);
    CHECK_EQ(coop_semaphore_holders(semaphore, holders, 2), 1);
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_a_wait_if_that_is_asked_for(void)
{
    set_up(1, COOP_INTR);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t pid;
    CHILD(pid) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        coopi_store_release(step, 1);
        CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_FOREVER), -EINTR);
        CHECK_DETAIL("a signal ended the wait");
    }
    CHECK_SOON(coop_semaphore_waiters(semaphore) == 1);
    test_sleep_ms(20);
    kill(pid, SIGUSR1);
    child_must(pid);
    CHECK_EQ(coop_semaphore_waiters(semaphore), 0);
}

TESTS(semaphore, TEST(permits_are_taken_and_given_back), TEST(a_wait_times_out),
      TEST(releasing_more_than_held_is_refused), TEST(another_may_not_release_what_one_holds),
      TEST(a_counting_one_is_released_by_anybody), TEST(a_bounded_one_refuses_more_than_it_was_made_with),
      TEST(permits_have_a_largest_number), TEST(bad_numbers_and_flags_are_refused), TEST(it_is_found_by_its_name),
      TEST(a_waiter_gets_what_is_released), TEST(turns_come_in_order_of_arrival), TEST(who_wants_many_is_not_overtaken),
      TEST(who_gives_up_lets_those_behind_it_in), TEST(permits_of_the_dead_come_back),
      TEST_T(a_sleeper_has_the_permits_of_the_dead_at_once, .tags = ALONE), TEST(a_dead_waiter_is_passed_over),
      TEST(permits_on_their_way_to_the_dead_go_on), TEST(a_counted_permit_on_its_way_to_the_dead_goes_on),
      TEST(a_thread_that_ends_gives_its_permits_back), TEST(threads_hold_for_themselves),
      TEST(counting_permits_of_the_dead_stay_taken), TEST(a_child_holds_nothing_of_its_parents),
      TEST(a_closed_handle_keeps_its_permits), TEST(holders_are_named), TEST(a_signal_ends_a_wait_if_that_is_asked_for))
