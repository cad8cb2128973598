/* SPDX-License-Identifier: MIT */
/* The checks of test.h: print what was found, then end the test, or the process when it is not the test's own. */
#include "harness/process.h"

#include <CUnit/TestRun.h>
#include <coop/error.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct outcome *outcome;
static pid_t test_process;
static pid_t test_thread;

void check_enter(struct outcome *own)
{
    outcome = own;
    test_process = getpid();
    test_thread = gettid();
}

bool check_is_test_process(void)
{
    return test_process == getpid();
}

void test_fail(const char *file, int line, const char *format, ...)
{
    char text[2000];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fflush(stdout);
    fprintf(stderr, "%s:%d: %s\n", file, line, text);
    fflush(stderr);
    /* CUnit ends a test by longjmp, which only the thread that ran setjmp may do. */
    if (check_is_test_process() && test_thread == gettid())
        CU_assertImplementation(CU_FALSE, (unsigned)line, text, file, "", CU_TRUE);
    _exit(1);
}

void SKIP(const char *format, ...)
{
    if (!check_is_test_process()) FAIL("SKIP in a process that is not the test's own");
    va_list args;
    va_start(args, format);
    vsnprintf(outcome->reason, sizeof outcome->reason, format, args);
    va_end(args);
    outcome->skipped = 1;
    _exit(0);
}

void need_right(bool have, const char *what)
{
    if (have) return;
    if (getenv("COOP_SOAK")) FAIL("this user has no right %s, and a soak needs it", what);
    SKIP("no right %s", what);
}

void test_check_result(int result, int expected, const char *call, const char *file, int line)
{
    if (result == expected) return;
    test_fail(file, line, "%s\n    gave %d (%s), not %d (%s)\n    detail: %s", call, result, coop_strerror(result),
              expected, coop_strerror(expected), coop_error_detail());
}

void test_check_eq(intmax_t actual, intmax_t expected, const char *text, const char *file, int line)
{
    if (actual != expected) test_fail(file, line, "%s\n    %jd is not %jd", text, actual, expected);
}

void test_check_double(double actual, double expected, const char *text, const char *file, int line)
{
    if (actual < expected || actual > expected || isnan(actual) != isnan(expected))
        test_fail(file, line, "%s\n    %.17g is not %.17g", text, actual, expected);
}

void test_check_str(const char *actual, const char *expected, const char *text, const char *file, int line)
{
    if (!actual || strcmp(actual, expected) != 0)
        test_fail(file, line, "%s\n    \"%s\"\n    is not\n    \"%s\"", text, actual ? actual : "(NULL)", expected);
}

void test_check_mem(const void *actual, const void *expected, size_t size, const char *text, const char *file, int line)
{
    const unsigned char *a = actual;
    const unsigned char *b = expected;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i]) test_fail(file, line, "%s: byte %zu is 0x%02x, not 0x%02x", text, i, a[i], b[i]);
}

void test_check_has(const char *actual, const char *part, const char *text, const char *file, int line)
{
    if (!actual || !strstr(actual, part))
        test_fail(file, line, "%s\n    \"%s\"\n    has no\n    \"%s\"", text, actual ? actual : "(NULL)", part);
}

void test_check_lacks(const char *actual, const char *part, const char *text, const char *file, int line)
{
    if (actual && strstr(actual, part))
        test_fail(file, line, "%s\n    \"%s\"\n    must not have\n    \"%s\"", text, actual, part);
}

void test_check_detail(const char *part, const char *file, int line)
{
    test_check_has(coop_error_detail(), part, "coop_error_detail()", file, line);
}
