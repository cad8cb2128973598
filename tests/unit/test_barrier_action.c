/* SPDX-License-Identifier: MIT */
/* Barriers: what the last to arrive does before anybody goes on. */
#include "unit/parties.h"

#include <stdlib.h>

static int count_action(void *user)
{
    CHECK_EQ(coop_barrier_waiting(barrier), 3);
    CHECK_EQ(coopi_load_acquire(&step[0]), 0u);
    coopi_fetch_add((uint32_t *)user, 1);
    return 0;
}

static void the_last_one_acts_before_anybody_goes_on(void)
{
    set_up(3);
    coop_barrier_set_action(barrier, count_action, &step[3]);
    pid_t first = party(0), second = party(0);
    CHECK_EQ(step[3], 0u);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
    CHECK_EQ(coopi_load_acquire(&step[3]), 1u);
    child_must(first);
    child_must(second);
    CHECK_EQ(step[3], 1u);
}

static int fail_action(void *user)
{
    return *(int *)user;
}

static void an_action_that_fails_breaks_it(void)
{
    int error = -ENOSPC;
    set_up(2);
    coop_barrier_set_action(barrier, fail_action, &error);
    pid_t other = party(-EPIPE);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -ENOSPC);
    CHECK_DETAIL("its action failed, and it is broken now");
    child_must(other);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_ACTION);
    CHECK_OK(coop_barrier_reset(barrier));
    coop_barrier_set_action(barrier, NULL, NULL);
    check_is_usable();
}

static int misuse_action(void *user)
{
    int what = *(int *)user;
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(50), NULL), -EDEADLK);
    CHECK_DETAIL("its action may not wait for it");
    if (what == 1) CHECK_OK(coop_barrier_abort(barrier));
    if (what == 2) CHECK_OK(coop_barrier_reset(barrier));
    return 0;
}

static void an_action_may_abort_or_reset_and_not_wait(void)
{
    for (int what = 0; what < 3; what++) {
        set_up(2);
        coop_barrier_set_action(barrier, misuse_action, &what);
        pid_t other = party(what ? -EPIPE : 0);
        CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), what ? -EPIPE : 0);
        child_must(other);
        CHECK_EQ(coop_barrier_broken(barrier), what == 1 ? COOP_BARRIER_ABORTED : 0);
        coop_barrier_close(barrier);
    }
}

static int endless_action(void *user)
{
    coopi_fetch_add((uint32_t *)user, 1);
    wait_to_be_killed();
    return 0;
}

static void a_death_within_the_action_breaks_it(void)
{
    set_up(3);
    pid_t first = party(-EPIPE), second = party(-EPIPE), actor;
    coop_barrier_set_action(barrier, endless_action, &step[3]);
    CHILD(actor) {
        (void)!coop_barrier_wait(barrier, COOP_FOREVER, NULL);
    }
    CHECK_SOON(coopi_load_acquire(&step[3]) == 1);
    CHECK_EQ(coop_barrier_waiting(barrier), 3);
    int64_t begin = test_now();
    child_kill(actor);
    child_must(first);
    child_must(second);
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
    coop_lock_holder who;
    CHECK_OK(coop_barrier_breaker(barrier, &who));
    CHECK_EQ(who.pid, actor);
}

static int slow_action(void *user)
{
    test_sleep_ms(60);
    coopi_fetch_add((uint32_t *)user, 1);
    return 0;
}

static void a_time_out_ends_also_within_the_action(void)
{
    set_up(2);
    coop_barrier_set_action(barrier, slow_action, &step[3]);
    pid_t other;
    CHILD(other) {
        CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(40), NULL), -ETIMEDOUT);
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == 1);
    CHECK_ERR(coop_barrier_wait(barrier, COOP_FOREVER, NULL), -EPIPE);
    child_must(other);
    CHECK_EQ(step[3], 1u);
}

TESTS(barrier_action, TEST(the_last_one_acts_before_anybody_goes_on), TEST(an_action_that_fails_breaks_it),
      TEST(an_action_may_abort_or_reset_and_not_wait), TEST_T(a_death_within_the_action_breaks_it, .tags = ALONE),
      TEST(a_time_out_ends_also_within_the_action))
