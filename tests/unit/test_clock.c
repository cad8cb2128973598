/* SPDX-License-Identifier: MIT */
/* Deadlines made of relative time-outs. */
#include "base/clock.h"
#include "harness/test.h"

#include <coop/common.h>
#include <limits.h>

static void forever_is_never(void)
{
    CHECK_EQ(coopi_deadline(COOP_FOREVER), COOPI_NEVER);
    CHECK_EQ(coopi_deadline(INT64_MIN), COOPI_NEVER);
    CHECK_EQ(coopi_poll_ms(COOPI_NEVER), -1);
}

static void nowait_has_passed(void)
{
    CHECK_EQ(coopi_deadline(COOP_NOWAIT), 0);
    CHECK_EQ(coopi_poll_ms(0), 0);
}

static void far_deadline_does_not_overflow(void)
{
    CHECK_EQ(coopi_deadline(INT64_MAX), COOPI_NEVER);
    CHECK_EQ(coopi_poll_ms(INT64_MAX - 1), INT_MAX);
}

static void deadline_lies_that_far_ahead(void)
{
    int64_t before = coopi_now();
    int64_t deadline = coopi_deadline(COOP_S(3));
    CHECK(deadline >= before + COOP_S(3) && deadline <= coopi_now() + COOP_S(3));
}

static void poll_time_is_rounded_up(void)
{
    CHECK_EQ(coopi_poll_ms(coopi_now() + COOP_S(1000) + 1) > 999000, true);
    CHECK(coopi_poll_ms(coopi_now() + COOP_MS(1)) <= 1);
}

static void timespec_splits_seconds(void)
{
    struct timespec t = coopi_timespec(COOP_S(5) + 7);
    CHECK_EQ(t.tv_sec, 5);
    CHECK_EQ(t.tv_nsec, 7);
}

TESTS(clock, TEST(forever_is_never), TEST(nowait_has_passed), TEST(far_deadline_does_not_overflow),
      TEST(deadline_lies_that_far_ahead), TEST(poll_time_is_rounded_up), TEST(timespec_splits_seconds))
