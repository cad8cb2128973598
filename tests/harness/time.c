/* SPDX-License-Identifier: MIT */
/* Time for tests, stretched where the build is slower. */
#include "harness/test.h"
#include "harness/variant.h"

#include <stdlib.h>
#include <time.h>

int64_t test_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int test_slowness(void)
{
    const char *given = getenv("COOP_TEST_SLOWNESS");
    int factor = given ? atoi(given) : VARIANT_SLOWNESS;
    return factor < 1 ? 1 : factor;
}

int64_t test_soon(void)
{
    return test_now() + test_slowness() * INT64_C(5000000000);
}

bool test_passed(int64_t point)
{
    return test_now() > point;
}

void test_sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) continue;
}
