/* SPDX-License-Identifier: MIT */
/* Semaphores with many that wait, with lists that are cut, and with those that stand still. */
#include "base/futex.h"
#include "unit/permits.h"

#include <sched.h>
#include <signal.h>

static void more_wait_than_can_be_watched(void)
{
    set_up(1, 0);
    pid_t holder = holder_of(1), pids[80];
    for (int i = 0; i < 80; i++) {
        CHILD(pids[i]) {
            CHECK_OK(coop_semaphore_acquire(semaphore, COOP_S(20)));
            CHECK_OK(coop_semaphore_release(semaphore));
        }
    }
    CHECK_SOON(coop_semaphore_waiters(semaphore) == 80);
    child_kill(holder);
    for (int i = 0; i < 80; i++) child_must(pids[i]);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
}

/* The dead waiter's row is given to somebody who waits elsewhere: the list must not lose who stands behind it. */
static void a_row_with_a_new_owner_cuts_the_list_and_loses_nobody(void)
{
    coop_segment *segment;
    coop_semaphore *other;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 5, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_semaphore_in(segment, NULL, 1, 0, &semaphore));
    CHECK_OK(coop_semaphore_in(segment, NULL, 1, 0, &other));
    step = test_shared(16 * sizeof *step);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    CHECK_OK(coop_semaphore_acquire(other, COOP_FOREVER));
    pid_t first = waiter_for(1, 2), second = waiter_for(1, 3), third = waiter_for(1, 4), stranger;
    for (int i = 0; i < 2; i++) kill(i ? first : third, SIGSTOP); /* they would clear the dead one away */
    child_kill(second);
    CHILD(stranger) { /* of five rows there are two: this one, or the dead one's */
        for (int i = 0; i < 2; i++) {
            pid_t once;
            CHILD(once) {
                CHECK_ERR(coop_semaphore_acquire(other, COOP_MS(20)), -ETIMEDOUT);
            }
            child_must(once);
        }
    }
    child_must(stranger);
    kill(third, SIGCONT);
    kill(first, SIGCONT);
    CHECK_OK(coop_semaphore_release(semaphore));
    child_must(first);
    child_must(third);
    CHECK_EQ(coop_semaphore_value(semaphore), 1);
    CHECK_EQ(coop_semaphore_waiters(semaphore), 0);
    coop_semaphore_close(other);
    coop_segment_close(segment);
}

static void a_stopped_waiter_holds_up_nobody_else(void)
{
    set_up(1, 0);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_FOREVER));
    pid_t first = waiter_for(1, 2);
    kill(first, SIGSTOP);
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_NOWAIT), -EBUSY);
    CHECK_OK(coop_semaphore_release(semaphore));
    CHECK_ERR(coop_semaphore_acquire(semaphore, COOP_MS(30)), -ETIMEDOUT); /* it is the stopped one's */
    kill(first, SIGCONT);
    child_must(first);
    CHECK_OK(coop_semaphore_acquire(semaphore, COOP_S(5)));
}

enum { CROWD = 6, ROUNDS = 3000 };

static void a_crowd(void)
{
    uint32_t *inside = test_shared(2 * sizeof *inside);
    pid_t pids[CROWD];
    for (int i = 0; i < CROWD; i++) {
        CHILD(pids[i]) {
            uint32_t n = 1 + (uint32_t)i % 2;
            for (int k = 0; k < ROUNDS; k++) {
                CHECK_OK(coop_semaphore_acquire_many(semaphore, n, COOP_S(20)));
                CHECK(coopi_fetch_add(&inside[0], n) + n <= 2);
                if (k % 64 == 0) sched_yield();
                coopi_fetch_add(&inside[0], -n);
                CHECK_OK(coop_semaphore_release_many(semaphore, n));
            }
        }
    }
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
    CHECK_EQ(coop_semaphore_value(semaphore), 2);
}

static void it_limits_how_many_are_inside(void)
{
    set_up(2, 0);
    a_crowd();
    coop_semaphore_close(semaphore);
    set_up(2, COOP_COUNTING);
    a_crowd();
}

static void it_works_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    set_up(2, 0);
    a_crowd();
    pid_t holder = holder_of(2), sleeper = waiter_for(2, 2);
    child_kill(holder);
    child_must(sleeper);
}

TESTS(semaphore_crowd, TEST_T(more_wait_than_can_be_watched, .seconds = 20),
      TEST(a_row_with_a_new_owner_cuts_the_list_and_loses_nobody), TEST(a_stopped_waiter_holds_up_nobody_else),
      TEST_T(it_limits_how_many_are_inside, .seconds = 20), TEST_T(it_works_without_waitv, .seconds = 20))
