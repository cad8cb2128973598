/* SPDX-License-Identifier: MIT */
/* Conditions: notified in order of arrival, whoever dies, over every kind of lock. */
#include "base/atomic.h"
#include "base/futex.h"
#include "harness/test.h"

#include <coop/condition.h>
#include <coop/semaphore.h>
#include <coop/value.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static coop_condition *condition;
static uint32_t *step; /* [0]: how many have come back; [1]: what a predicate looks at; from [2] on: their turns */

static void set_up(int flags)
{
    CHECK_OK(coop_condition_new(flags, &condition));
    step = test_shared(128 * sizeof *step);
}

static void hold(void)
{
    CHECK_OK(coop_condition_acquire(condition, COOP_S(20)));
}

static void let_go(void)
{
    CHECK_OK(coop_condition_release(condition));
}

static void notify(uint32_t n)
{
    hold();
    CHECK_OK(coop_condition_notify(condition, n));
    let_go();
}

/* A child that waits, expects RESULT, and says with step[PLACE] as what number it came back. */
static pid_t waiter_until(int place, int64_t timeout, int result)
{
    int before = coop_condition_waiters(condition);
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_ERR(coop_condition_wait(condition, timeout), result);
        CHECK(coop_condition_held(condition));
        coopi_store_release(&step[place], coopi_fetch_add(step, 1) + 1);
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == before + 1);
    return pid;
}

static pid_t waiter(int place)
{
    return waiter_until(place, COOP_S(20), 0);
}

/* A child that acquires its lock, says so, and keeps it. */
static pid_t holder(void)
{
    uint32_t *held = test_shared(sizeof *held);
    pid_t pid;
    CHILD(pid) {
        hold();
        coopi_store_release(held, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(held));
    return pid;
}

static void a_waiter_is_notified(void)
{
    set_up(0);
    pid_t pid = waiter(2);
    notify(1);
    child_must(pid);
    CHECK_EQ(coop_condition_waiters(condition), 0);
    coop_condition_close(condition);
}

static void waiting_and_notifying_need_the_lock(void)
{
    set_up(0);
    CHECK_ERR(coop_condition_wait(condition, COOP_NOWAIT), -EPERM);
    CHECK_DETAIL("this thread does not hold its lock (nameless object); acquire it before you wait");
    CHECK_ERR(coop_condition_wait_for(condition, NULL, NULL, COOP_NOWAIT), -EPERM);
    CHECK_ERR(coop_condition_notify(condition, 1), -EPERM);
    CHECK_DETAIL("acquire it before you notify");
    CHECK_ERR(coop_condition_notify_all(condition), -EPERM);
    CHECK_ERR(coop_condition_release(condition), -EPERM);
    hold();
    pid_t pid;
    CHILD(pid) {
        CHECK(!coop_condition_held(condition));
        CHECK_ERR(coop_condition_notify(condition, 1), -EPERM);
        CHECK_ERR(coop_condition_wait(condition, COOP_FOREVER), -EPERM);
    }
    child_must(pid);
    CHECK(coop_condition_held(condition));
    let_go();
}

static void nothing_is_kept_for_later(void)
{
    set_up(0);
    notify(3);
    hold();
    CHECK_OK(coop_condition_notify(condition, 0));
    CHECK_OK(coop_condition_notify_all(condition));
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(30)), -ETIMEDOUT);
    CHECK_ERR(coop_condition_wait(condition, COOP_NOWAIT), -EBUSY);
    CHECK_DETAIL("not notified");
    let_go();
}

static void a_wait_times_out_and_has_the_lock_again(void)
{
    set_up(0);
    int64_t begin = test_now();
    hold();
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(30)), -ETIMEDOUT);
    CHECK_DETAIL("timed out: not notified; its lock is held again");
    CHECK(test_now() - begin >= COOP_MS(30));
    CHECK(coop_condition_held(condition));
    CHECK_EQ(coop_condition_waiters(condition), 0);
    let_go();
}

static void who_does_not_wait_lets_others_in_for_a_moment(void)
{
    set_up(0);
    uint32_t *inside = test_shared(sizeof *inside);
    hold();
    pid_t pid;
    CHILD(pid) {
        hold();
        coopi_store_release(inside, 1);
        let_go();
    }
    int64_t until = test_soon();
    while (!coopi_load_acquire(inside)) {
        if (test_passed(until)) FAIL("nobody was let in");
        CHECK_ERR(coop_condition_wait(condition, COOP_NOWAIT), -EBUSY);
        sched_yield();
    }
    let_go();
    child_must(pid);
}

static void notifications_go_in_order_of_arrival(void)
{
    set_up(0);
    pid_t pids[6];
    for (int i = 0; i < 6; i++) pids[i] = waiter(2 + i);
    for (uint32_t i = 0; i < 6; i++) {
        notify(1);
        child_must(pids[i]);
        CHECK_EQ(step[2 + i], i + 1);
    }
}

static void a_number_is_notified_and_no_more(void)
{
    set_up(0);
    pid_t pids[6];
    for (int i = 0; i < 6; i++) pids[i] = waiter(2 + i);
    notify(4);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    test_sleep_ms(30);
    CHECK_EQ(coopi_load_acquire(step), 4u);
    CHECK_EQ(coop_condition_waiters(condition), 2);
    notify(7);
    for (int i = 4; i < 6; i++) child_must(pids[i]);
}

static void all_are_notified(void)
{
    set_up(0);
    pid_t pids[40];
    for (int i = 0; i < 40; i++) pids[i] = waiter(2 + i);
    hold();
    CHECK_OK(coop_condition_notify_all(condition));
    CHECK_EQ(coop_condition_waiters(condition), 0);
    CHECK_EQ(coopi_load_acquire(step), 0u); /* they need the lock */
    let_go();
    for (int i = 0; i < 40; i++) child_must(pids[i]);
}

static int is_seven(void *user)
{
    return coopi_load_acquire((const uint32_t *)user) == 7;
}

static void a_wait_for_ends_when_it_is_so(void)
{
    set_up(0);
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_OK(coop_condition_wait_for(condition, is_seven, &step[1], COOP_S(20)));
        CHECK_EQ(step[1], 7u);
        CHECK_OK(coop_condition_wait_for(condition, is_seven, &step[1], COOP_NOWAIT));
        let_go();
    }
    for (uint32_t i = 1; i <= 7; i++) {
        CHECK_SOON(coop_condition_waiters(condition) == 1);
        hold();
        coopi_store_release(&step[1], i);
        CHECK_OK(coop_condition_notify(condition, 1));
        let_go();
    }
    child_must(pid);
}

static void a_wait_for_has_one_time_limit(void)
{
    set_up(0);
    pid_t pid;
    CHILD(pid) {
        int64_t begin = test_now();
        hold();
        CHECK_ERR(coop_condition_wait_for(condition, is_seven, &step[1], COOP_MS(150)), -ETIMEDOUT);
        CHECK(test_now() - begin >= COOP_MS(150));
        CHECK(test_now() - begin < COOP_S(2) * test_slowness());
        CHECK(coop_condition_held(condition));
        CHECK_ERR(coop_condition_wait_for(condition, is_seven, &step[1], COOP_NOWAIT), -EBUSY);
        let_go();
        coopi_store_release(step, 1);
    }
    int64_t until = test_now() + COOP_S(8);
    while (!coopi_load_acquire(step) && test_now() < until) {
        test_sleep_ms(10);
        notify(1);
    }
    child_must(pid);
}

static void a_recursive_lock_is_released_whole_and_has_its_depth_again(void)
{
    set_up(0);
    coop_rlock *lock = coop_condition_lock(condition);
    pid_t pid;
    CHILD(pid) {
        for (int i = 0; i < 3; i++) hold();
        CHECK_OK(coop_condition_wait(condition, COOP_S(20)));
        CHECK_EQ(coop_rlock_depth(lock), 3u);
        CHECK_ERR(coop_condition_wait(condition, COOP_MS(10)), -ETIMEDOUT);
        CHECK_EQ(coop_rlock_depth(lock), 3u);
        for (int i = 0; i < 3; i++) let_go();
        CHECK_EQ(coop_rlock_depth(lock), 0u);
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    hold();
    CHECK_EQ(coop_rlock_depth(lock), 1u);
    CHECK_OK(coop_condition_notify(condition, 1));
    let_go();
    child_must(pid);
}

static void it_works_over_a_lock_and_a_lock_over_several(void)
{
    coop_lock *lock;
    coop_condition *other;
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_condition_new_on(lock, 0, &condition));
    CHECK_OK(coop_condition_new_on(lock, 0, &other));
    step = test_shared(16 * sizeof *step);
    CHECK(coop_condition_lock(condition) == NULL);
    pid_t pid = waiter(2);
    CHECK_OK(coop_lock_acquire(lock, COOP_S(20)));
    CHECK(coop_condition_held(condition));
    CHECK_ERR(coop_condition_acquire(other, COOP_NOWAIT), -EDEADLK);
    CHECK_OK(coop_condition_notify_all(other));
    CHECK_EQ(coop_condition_waiters(condition), 1);
    CHECK_OK(coop_condition_notify(condition, 1));
    CHECK_OK(coop_lock_release(lock));
    child_must(pid);
    coop_condition_close(other);
    coop_condition_close(condition);
    coop_lock_close(lock);
}

static void it_works_over_the_lock_of_a_value(void)
{
    coop_value *value;
    CHECK_OK(coop_value_new("i", &value));
    CHECK_OK(coop_condition_new_on(coop_value_lock(value), 0, &condition));
    CHECK(coop_condition_lock(condition) == coop_value_lock(value));
    step = test_shared(16 * sizeof *step);
    pid_t pid = waiter(2);
    CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_S(20)));
    notify(1);
    CHECK_EQ(coop_rlock_depth(coop_value_lock(value)), 1u);
    CHECK_OK(coop_rlock_release(coop_value_lock(value)));
    child_must(pid);
}

static void *wait_in_thread(void *argument)
{
    hold();
    CHECK_OK(coop_condition_wait(condition, COOP_S(20)));
    let_go();
    return argument;
}

static void threads_wait_for_themselves(void)
{
    set_up(0);
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&threads[i], NULL, wait_in_thread, NULL), 0);
    CHECK_SOON(coop_condition_waiters(condition) == 4);
    notify(4);
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_a_wait_if_that_is_asked_for(void)
{
    set_up(COOP_INTR);
    pid_t pid;
    CHILD(pid) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        hold();
        CHECK_ERR(coop_condition_wait(condition, COOP_FOREVER), -EINTR);
        CHECK_DETAIL("a signal ended the wait; its lock is held again");
        CHECK(coop_condition_held(condition));
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    test_sleep_ms(20);
    kill(pid, SIGUSR1);
    child_must(pid);
    CHECK_EQ(coop_condition_waiters(condition), 0);
}

static void its_holder_and_its_dead_are_named(void)
{
    set_up(0);
    coop_lock_holder who;
    CHECK_ERR(coop_condition_owner(condition, &who), -ENOENT);
    CHECK_ERR(coop_condition_last_death(condition, &who), -ENOENT);
    pid_t pid = holder();
    CHECK_OK(coop_condition_owner(condition, &who));
    CHECK_EQ(who.pid, pid);
    CHECK_ERR(coop_condition_acquire(condition, COOP_NOWAIT), -EBUSY);
    child_kill(pid);
    CHECK_OWNER_DIED(coop_condition_acquire(condition, COOP_S(5)));
    CHECK_OK(coop_condition_last_death(condition, &who));
    CHECK_EQ(who.pid, pid);
    CHECK_EQ(who.deaths, 1u);
}

static void closing_it_with_its_lock_held_keeps_that(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/news", test_name("cond"));
    CHECK_OK(coop_condition_open(path, COOP_CREATE, &condition));
    hold();
    coop_condition_close(condition);
    CHECK_DETAIL("closed while this thread holds it");
    CHECK_OK(coop_condition_open(path, 0, &condition));
    CHECK(coop_condition_held(condition));
    let_go();
    coop_condition_close(condition);
    coop_condition_close(NULL);
    CHECK_OK(coop_segment_remove(test_name("cond"), 0));
}

enum { CROWD = 6, ROUNDS = 1500 };

static int has_items(void *user)
{
    return coopi_load_acquire((const uint32_t *)user) > 0;
}

/* Half of them make items, half of them wait for one and take it: none is lost, none is taken twice. */
static void a_crowd(void)
{
    uint32_t *items = test_shared(2 * sizeof *items);
    pid_t pids[CROWD];
    for (int i = 0; i < CROWD; i++) {
        CHILD(pids[i]) {
            for (int k = 0; k < ROUNDS; k++) {
                hold();
                if (i % 2) {
                    CHECK_OK(coop_condition_wait_for(condition, has_items, items, COOP_S(20)));
                    coopi_store_relaxed(items, items[0] - 1);
                    coopi_store_relaxed(items + 1, items[1] + 1);
                } else {
                    coopi_store_relaxed(items, items[0] + 1);
                    CHECK_OK(coop_condition_notify(condition, 1));
                }
                let_go();
            }
        }
    }
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
    CHECK_EQ(items[0], 0u);
    CHECK_EQ(items[1], (uint32_t)(CROWD / 2 * ROUNDS));
    CHECK_EQ(coop_condition_waiters(condition), 0);
}

static void makers_and_takers_meet(void)
{
    set_up(0);
    a_crowd();
}

static void it_works_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    set_up(0);
    a_crowd();
    pid_t first = waiter(2), second = waiter(3);
    kill(first, SIGSTOP);
    notify(1);
    child_kill(first);
    child_must(second);
    pid_t keeper = holder(), third;
    CHILD(third) {
        CHECK_OWNER_DIED(coop_condition_acquire(condition, COOP_S(20)));
    }
    child_kill(keeper);
    child_must(third);
}

TESTS(condition, TEST(a_waiter_is_notified), TEST(waiting_and_notifying_need_the_lock), TEST(nothing_is_kept_for_later),
      TEST(a_wait_times_out_and_has_the_lock_again), TEST(who_does_not_wait_lets_others_in_for_a_moment),
      TEST(notifications_go_in_order_of_arrival), TEST(a_number_is_notified_and_no_more), TEST(all_are_notified),
      TEST(a_wait_for_ends_when_it_is_so), TEST(a_wait_for_has_one_time_limit),
      TEST(a_recursive_lock_is_released_whole_and_has_its_depth_again),
      TEST(it_works_over_a_lock_and_a_lock_over_several), TEST(it_works_over_the_lock_of_a_value),
      TEST(threads_wait_for_themselves), TEST(a_signal_ends_a_wait_if_that_is_asked_for),
      TEST(its_holder_and_its_dead_are_named), TEST(closing_it_with_its_lock_held_keeps_that),
      TEST_T(makers_and_takers_meet, .seconds = 20), TEST_T(it_works_without_waitv, .seconds = 30))
