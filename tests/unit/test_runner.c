/* SPDX-License-Identifier: MIT */
/* The runner against suites that misbehave on purpose. */
#include "harness/test.h"
#include "harness/variant.h"

#include <stdlib.h>

static struct ran run(const char *test)
{
    setenv("COOP_TEST_SLOWNESS", "1", 1); /* its waits need no stretching, whatever this build is */
    return RUN(test_program("selftest"), "--only", test);
}

static void expect_failure(const char *test, const char *part)
{
    struct ran r = run(test);
    CHECK_EQ(r.code, 1);
    CHECK_HAS(r.out, "FAIL selftest/");
    CHECK_HAS(r.out, part);
    CHECK_HAS(r.out, "\n0 passed, 1 failed, 0 skipped\n");
}

static void good_test_passes(void)
{
    struct ran r = run("selftest/passes");
    CHECK_EQ(r.code, 0);
    CHECK_HAS(r.out, "1 passed, 0 failed, 0 skipped\n");
}

static void skipped_test_is_counted_and_does_not_fail(void)
{
    struct ran r = run("selftest/is_skipped");
    CHECK_EQ(r.code, 0);
    CHECK_HAS(r.out, "no moon here");
    CHECK_HAS(r.out, "0 passed, 0 failed, 1 skipped\n");
}

static void pattern_without_a_test_is_an_error(void)
{
    struct ran r = run("selftest/no_such_test");
    CHECK_EQ(r.code, 2);
    CHECK_HAS(r.err, "no test matches");
}

static void failed_check_is_seen_with_its_line(void)
{
    expect_failure("selftest/fails_a_check", "1 + 1 == 3\n    |     2 is not 3");
}

static void death_by_signal_is_seen(void)
{
    expect_failure("selftest/dies_of_a_signal", "killed by signal 10");
}

static void leak_is_seen_by_asan(void)
{
#ifdef VARIANT_ASAN
    expect_failure("selftest/leaks_memory", "77 byte(s) leaked");
#else
    CHECK_EQ(run("selftest/leaks_memory").code, 0);
#endif
}

static void hang_is_ended_and_told(void)
{
    expect_failure("selftest/hangs", "s passed");
}

static void early_exit_is_seen(void)
{
    expect_failure("selftest/exits_early", "ended with 0 before its test did");
}

static void leftover_segment_is_seen(void)
{
    expect_failure("selftest/leaves_a_segment", "-forgotten");
}

static void leftover_file_is_seen(void)
{
    expect_failure("selftest/leaves_a_file", "forgotten.sock");
}

static void leftover_child_is_seen(void)
{
    expect_failure("selftest/leaves_a_child", "left 1 live processes behind");
}

static void check_that_fails_in_a_child_is_seen(void)
{
    expect_failure("selftest/child_fails_a_check", "ended with 1, not 0");
}

static void child_that_returns_is_seen(void)
{
    expect_failure("selftest/child_returns_into_the_test", "a forked child ran to the end");
}

static void check_that_fails_in_a_thread_is_seen(void)
{
    expect_failure("selftest/thread_fails_a_check", "from a thread");
}

TESTS(runner, TEST(good_test_passes), TEST(skipped_test_is_counted_and_does_not_fail),
      TEST(pattern_without_a_test_is_an_error), TEST(failed_check_is_seen_with_its_line), TEST(death_by_signal_is_seen),
      TEST(leak_is_seen_by_asan), TEST_T(hang_is_ended_and_told, .seconds = 30), TEST(early_exit_is_seen),
      TEST(leftover_segment_is_seen), TEST(leftover_file_is_seen), TEST(leftover_child_is_seen),
      TEST(check_that_fails_in_a_child_is_seen), TEST(child_that_returns_is_seen),
      TEST(check_that_fails_in_a_thread_is_seen))
