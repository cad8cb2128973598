/* SPDX-License-Identifier: MIT */
/* Short forms of the stress programs, with every run of the tests. */
#include "harness/test.h"

static void random_kills_and_ends_hang_nobody_and_all_are_told(void)
{
    struct ran stress = RUN("stress_locks", "--kills", "300", "--ends", "75", "--seconds", "5");
    CHECK_STR(stress.err, "");
    CHECK_HAS(stress.out, " 0 hangs, 0 not told, 0 told falsely, 0 torn\n");
    CHECK_EQ(stress.code, 0);
}

static void random_kills_and_stops_of_everything_at_once_lose_nothing(void)
{
    struct ran stress = RUN("stress_all", "--strikes", "500", "--seconds", "5");
    CHECK_STR(stress.err, "");
    CHECK_HAS(stress.out, " 0 hangs, 0 not told, 0 told falsely, 0 stolen, 0 lost, 0 doubled, 0 torn, 0 leaked, 0 wrong"
                          "\n");
    CHECK_EQ(stress.code, 0);
}

static void a_crowd_of_waiters_whose_third_is_killed_gets_what_it_waits_for(void)
{
    struct ran stress = RUN("stress_waiters", "--seconds", "5");
    CHECK_STR(stress.err, "");
    CHECK_HAS(stress.out, "barrier: ");
    CHECK_HAS(stress.out, " holding): 0 hangs, 0 wrong\n");
    CHECK_EQ(stress.code, 0);
}

static void too_few_strikes_are_told(void)
{
    struct ran stress = RUN("stress_all", "--seconds", "0", "--least", "10");
    CHECK_HAS(stress.err, "of 10 kills and stops");
    CHECK_EQ(stress.code, 1);
}

static void bad_usage_is_told(void)
{
    CHECK_EQ(RUN("stress_locks", "--kills").code, 2);
    CHECK_EQ(RUN("stress_locks", "--kills", "-5").code, 2);
    CHECK_EQ(RUN("stress_locks", "--nonsense", "1").code, 2);
    CHECK_EQ(RUN("stress_all", "--strikes").code, 2);
    CHECK_EQ(RUN("stress_waiters", "--kind").code, 2);
    CHECK_EQ(RUN("stress_waiters", "--kind", "7").code, 2);
}

TESTS(stress, TEST_T(random_kills_and_ends_hang_nobody_and_all_are_told, .seconds = 30),
      TEST_T(random_kills_and_stops_of_everything_at_once_lose_nothing, .seconds = 30),
      TEST_T(a_crowd_of_waiters_whose_third_is_killed_gets_what_it_waits_for, .seconds = 30),
      TEST_T(too_few_strikes_are_told, .seconds = 30), TEST(bad_usage_is_told))
