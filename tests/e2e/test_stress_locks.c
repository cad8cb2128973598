/* SPDX-License-Identifier: MIT */
/* A short form of tests/stress/stress_locks.c, with every run of the tests. */
#include "harness/test.h"

static void random_kills_and_ends_hang_nobody_and_all_are_told(void)
{
    struct ran stress = RUN("stress_locks", "--kills", "300", "--ends", "75", "--seconds", "5");
    CHECK_STR(stress.err, "");
    CHECK_HAS(stress.out, " 0 hangs, 0 not told, 0 told falsely, 0 torn\n");
    CHECK_EQ(stress.code, 0);
}

static void bad_usage_is_told(void)
{
    CHECK_EQ(RUN("stress_locks", "--kills").code, 2);
    CHECK_EQ(RUN("stress_locks", "--kills", "-5").code, 2);
    CHECK_EQ(RUN("stress_locks", "--nonsense", "1").code, 2);
}

TESTS(stress_locks, TEST_T(random_kills_and_ends_hang_nobody_and_all_are_told, .seconds = 30), TEST(bad_usage_is_told))
