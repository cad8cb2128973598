/* SPDX-License-Identifier: MIT */
/* Conditions and the dead: waiters, notified or not, holders, and who was stopped. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/condition.h>
#include <coop/semaphore.h>
#include <pthread.h>
#include <signal.h>

static coop_condition *condition;
static uint32_t *step; /* [0]: how many have come back */

#define PROMPT (COOP_MS(200) * test_slowness())

static void set_up(void)
{
    CHECK_OK(coop_condition_new(0, &condition));
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

static void notify(uint32_t n)
{
    hold();
    CHECK_OK(coop_condition_notify(condition, n));
    let_go();
}

/* A child that waits, and expects RESULT. */
static pid_t waiter_for(int result)
{
    int before = coop_condition_waiters(condition);
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_ERR(coop_condition_wait(condition, COOP_S(20)), result);
        coopi_fetch_add(step, 1);
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == before + 1);
    return pid;
}

static pid_t waiter(void)
{
    return waiter_for(0);
}

/* A child that waits, and cannot hear. */
static pid_t stopped_waiter(void)
{
    pid_t pid = waiter();
    kill(pid, SIGSTOP);
    test_sleep_ms(10);
    return pid;
}

static void a_dead_waiter_is_passed_over(void)
{
    set_up();
    pid_t first = waiter(), second = waiter();
    child_kill(first);
    notify(1);
    child_must(second);
    CHECK_EQ(coopi_load_acquire(step), 1u);
}

static void notifying_the_dead_hangs_nobody(void)
{
    set_up();
    pid_t pids[5];
    for (int i = 0; i < 5; i++) pids[i] = waiter();
    for (int i = 0; i < 5; i++) child_kill(pids[i]);
    notify(1);
    hold();
    CHECK_OK(coop_condition_notify_all(condition));
    let_go();
    CHECK_EQ(coop_condition_waiters(condition), 0);
    pid_t pid = waiter();
    notify(1);
    child_must(pid);
}

static void what_the_dead_was_notified_of_goes_to_the_next(void)
{
    set_up();
    pid_t first = stopped_waiter(), second = waiter(), third = waiter();
    notify(1);
    test_sleep_ms(30);
    CHECK_EQ(coopi_load_acquire(step), 0u); /* it is the stopped one's */
    int64_t begin = test_now();
    child_kill(first);
    child_must(second);
    CHECK(test_now() - begin < PROMPT);
    test_sleep_ms(30);
    CHECK_EQ(coopi_load_acquire(step), 1u);
    CHECK_EQ(coop_condition_waiters(condition), 1);
    coop_lock_holder died;
    CHECK_OK(coop_condition_last_death(condition, &died));
    CHECK_EQ(died.pid, first);
    notify(1);
    child_must(third);
}

static void what_several_dead_were_notified_of_goes_to_as_many(void)
{
    set_up();
    pid_t dead[3], living[4];
    for (int i = 0; i < 3; i++) dead[i] = stopped_waiter();
    for (int i = 0; i < 4; i++) living[i] = waiter();
    notify(3);
    for (int i = 0; i < 3; i++) child_kill(dead[i]);
    for (int i = 0; i < 3; i++) child_must(living[i]);
    CHECK_EQ(coop_condition_waiters(condition), 1);
    test_sleep_ms(30);
    CHECK_EQ(coopi_load_acquire(step), 3u);
    child_kill(living[3]);
}

static void a_late_one_gets_nothing_of_an_old_notify(void)
{
    set_up();
    pid_t first = stopped_waiter();
    notify(1);
    child_kill(first);
    hold();
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(400)), -ETIMEDOUT);
    let_go();
}

/* The dead one's row is a stranger's, so its seat is gone: its token is counted all the same. */
static void what_the_dead_had_is_known_when_its_row_is_taken_over(void)
{
    coop_segment *segment;
    coop_semaphore *other;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 4, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_condition_in(segment, NULL, 0, &condition));
    CHECK_OK(coop_semaphore_in(segment, NULL, 1, 0, &other));
    step = test_shared(16 * sizeof *step);
    CHECK_OK(coop_semaphore_acquire(other, COOP_FOREVER));
    pid_t first = stopped_waiter(), second = stopped_waiter();
    notify(1);
    child_kill(first); /* who stands behind it cannot clear it away */
    for (int i = 0; i < 2; i++) {
        pid_t stranger;
        CHILD(stranger) { /* of four rows there are two: a free one, and the dead one's */
            CHECK_ERR(coop_semaphore_acquire(other, COOP_MS(5)), -ETIMEDOUT);
        }
        child_must(stranger);
    }
    kill(second, SIGCONT);
    child_must(second);
    CHECK_EQ(coop_condition_waiters(condition), 0);
}

static void a_waiter_hears_that_the_holder_died(void)
{
    set_up();
    coop_lock_holder died;
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        CHILD(pids[i]) {
            hold();
            int r = coop_condition_wait(condition, COOP_S(20));
            CHECK(r == 0 || r == COOP_OWNER_DIED);
            coopi_fetch_add(&step[1], (uint32_t)r);
            coopi_fetch_add(step, 1);
            let_go();
        }
    }
    CHECK_SOON(coop_condition_waiters(condition) == 2);
    pid_t dead = holder();
    child_kill(dead);
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_EQ(coopi_load_acquire(&step[1]), 1u);
    CHECK_OK(coop_condition_last_death(condition, &died));
    CHECK_EQ(died.pid, dead);
    test_sleep_ms(300);
    CHECK_EQ(coop_condition_waiters(condition), 1); /* the other goes on waiting */
    notify(1);
    for (int i = 0; i < 2; i++) child_must(pids[i]);
    CHECK_EQ(coopi_load_acquire(&step[1]), 1u);
}

static void on_signal(int number)
{
    (void)number;
}

/* A holder that the waiter saw when it lay down is watched: it hears at once, and not by the net. */
static void a_waiter_hears_at_once_that_a_watched_holder_died(void)
{
    set_up();
    pid_t sleeper;
    CHILD(sleeper) {
        struct sigaction action = {.sa_handler = on_signal};
        sigaction(SIGUSR1, &action, NULL);
        hold();
        CHECK_OWNER_DIED(coop_condition_wait(condition, COOP_S(20)));
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    pid_t dead = holder();
    kill(sleeper, SIGUSR1); /* it looks round, and lies down again */
    test_sleep_ms(20);
    int64_t begin = test_now();
    child_kill(dead);
    child_must(sleeper);
    CHECK(test_now() - begin < PROMPT);
}

/* An acquirer was told: then no waiter is. */
static void a_death_is_told_once(void)
{
    set_up();
    pid_t pid = waiter(), dead = holder();
    kill(pid, SIGSTOP);
    child_kill(dead);
    CHECK_OWNER_DIED(coop_condition_acquire(condition, COOP_S(5)));
    kill(pid, SIGCONT);
    test_sleep_ms(300);
    CHECK_OK(coop_condition_notify(condition, 1));
    let_go();
    child_must(pid);
}

static void who_takes_the_lock_again_after_a_death_is_told(void)
{
    set_up();
    pid_t pid = waiter_for(COOP_OWNER_DIED), dead;
    uint32_t *held = test_shared(sizeof *held);
    CHILD(dead) {
        hold();
        CHECK_OK(coop_condition_notify(condition, 1));
        coopi_store_release(held, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(held));
    test_sleep_ms(20);
    child_kill(dead);
    child_must(pid);
    CHECK_EQ(coop_condition_waiters(condition), 0);
    hold();
    CHECK_ERR(coop_condition_wait(condition, COOP_MS(300)), -ETIMEDOUT); /* the notification was used up */
    let_go();
}

static void a_death_is_told_to_who_timed_out(void)
{
    set_up();
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_OWNER_DIED(coop_condition_wait(condition, COOP_MS(100)));
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    pid_t dead = holder();
    CHECK_SOON(coop_condition_waiters(condition) == 0); /* it waits for the lock */
    test_sleep_ms(20);
    child_kill(dead);
    child_must(pid);
}

static int never(void *user)
{
    (void)user;
    return 0;
}

static void a_wait_for_ends_while_the_death_is_untold(void)
{
    set_up();
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_OWNER_DIED(coop_condition_wait_for(condition, never, NULL, COOP_S(20)));
        CHECK(coop_condition_held(condition));
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    child_kill(holder());
    child_must(pid);
}

static void the_depth_of_a_dead_holder_is_not_inherited(void)
{
    set_up();
    uint32_t *held = test_shared(sizeof *held);
    pid_t pid, dead;
    CHILD(pid) {
        hold();
        hold();
        CHECK_OWNER_DIED(coop_condition_wait(condition, COOP_S(20)));
        CHECK_EQ(coop_rlock_depth(coop_condition_lock(condition)), 2u);
        let_go();
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    CHILD(dead) {
        for (int i = 0; i < 5; i++) hold();
        coopi_store_release(held, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(held));
    child_kill(dead);
    child_must(pid);
}

static void *end_holding(void *argument)
{
    hold();
    return argument;
}

static void a_thread_that_ends_holding_the_lock_is_a_death(void)
{
    set_up();
    pid_t pid = waiter_for(COOP_OWNER_DIED);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, end_holding, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    child_must(pid);
}

/* Time is no evidence of death. */
static void a_stopped_waiter_keeps_its_notification(void)
{
    set_up();
    pid_t first = stopped_waiter(), second = waiter();
    notify(1);
    test_sleep_ms(600);
    CHECK_EQ(coopi_load_acquire(step), 0u);
    kill(first, SIGCONT);
    child_must(first);
    CHECK_EQ(coop_condition_waiters(condition), 1);
    notify(1);
    child_must(second);
}

static void a_wait_that_timed_out_but_was_notified_is_notified(void)
{
    set_up();
    pid_t pid;
    CHILD(pid) {
        hold();
        CHECK_OK(coop_condition_wait(condition, COOP_MS(60)));
        let_go();
    }
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    hold();
    CHECK_SOON(coop_condition_waiters(condition) == 1);
    kill(pid, SIGSTOP);
    CHECK_OK(coop_condition_notify(condition, 1));
    test_sleep_ms(100);
    kill(pid, SIGCONT);
    let_go();
    child_must(pid);
}

enum { CROWD = 64, SECONDS = 4 };

/* Items are made and taken by many; takers are killed all the while. No living one is left asleep beside an item that
 * it was notified of: each item made is taken, or was taken by one who died. */
static int is_there(void *user)
{
    const uint32_t *items = user;
    return coopi_load_acquire(&items[0]) > coopi_load_acquire(&items[1]) || coopi_load_acquire(&items[2]);
}

static void take_items(uint32_t *items)
{
    for (;;) {
        int held = coop_condition_acquire(condition, COOP_S(20));
        CHECK(held >= 0);
        int r = COOP_OWNER_DIED;
        while (r == COOP_OWNER_DIED) r = coop_condition_wait_for(condition, is_there, items, COOP_S(20));
        CHECK_OK(r);
        bool over = coopi_load_acquire(&items[0]) == coopi_load_acquire(&items[1]);
        if (!over) coopi_store_release(&items[1], items[1] + 1);
        let_go();
        if (over) _exit(0);
    }
}

static pid_t taker(uint32_t *items)
{
    pid_t pid;
    CHILD(pid) {
        take_items(items);
    }
    return pid;
}

static void takers_are_killed_and_nobody_else_sleeps_on(void)
{
    set_up();
    uint32_t *items = test_shared(4 * sizeof *items), seed = 7;
    pid_t pids[CROWD];
    for (int i = 0; i < CROWD; i++) pids[i] = taker(items);
    int64_t until = test_now() + COOP_S(SECONDS);
    while (test_now() < until) {
        seed = seed * 1664525 + 1013904223;
        CHECK(coop_condition_acquire(condition, COOP_S(20)) >= 0);
        coopi_store_release(&items[0], items[0] + 3);
        CHECK_OK(coop_condition_notify(condition, 3));
        let_go();
        uint32_t victim = (seed >> 16) % CROWD;
        if (seed >> 30 == 0) {
            child_kill(pids[victim]);
            pids[victim] = taker(items);
        }
        /* They that live take all of them, however many die. */
        int64_t slow = test_now() + COOP_S(2) * test_slowness();
        while (coopi_load_acquire(&items[1]) != items[0])
            if (test_now() > slow) FAIL("%u of %u items were taken", items[1], items[0]);
    }
    CHECK(coop_condition_acquire(condition, COOP_S(20)) >= 0);
    coopi_store_release(&items[2], 1);
    CHECK_OK(coop_condition_notify_all(condition));
    let_go();
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
}

TESTS(condition_death, TEST(a_dead_waiter_is_passed_over), TEST(notifying_the_dead_hangs_nobody),
      TEST_T(what_the_dead_was_notified_of_goes_to_the_next, .tags = ALONE),
      TEST(what_several_dead_were_notified_of_goes_to_as_many), TEST(a_late_one_gets_nothing_of_an_old_notify),
      TEST(what_the_dead_had_is_known_when_its_row_is_taken_over), TEST(a_waiter_hears_that_the_holder_died),
      TEST_T(a_waiter_hears_at_once_that_a_watched_holder_died, .tags = ALONE), TEST(a_death_is_told_once),
      TEST(who_takes_the_lock_again_after_a_death_is_told), TEST(a_death_is_told_to_who_timed_out),
      TEST(a_wait_for_ends_while_the_death_is_untold), TEST(the_depth_of_a_dead_holder_is_not_inherited),
      TEST(a_thread_that_ends_holding_the_lock_is_a_death), TEST(a_stopped_waiter_keeps_its_notification),
      TEST(a_wait_that_timed_out_but_was_notified_is_notified),
      TEST_T(takers_are_killed_and_nobody_else_sleeps_on, .seconds = 30))
