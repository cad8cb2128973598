/* SPDX-License-Identifier: MIT */
/* Monotonic time, and deadlines made of relative time-outs. */
#include "base/clock.h"

#include <limits.h>

static int64_t read_clock(clockid_t which)
{
    struct timespec t;
    clock_gettime(which, &t);
    return (int64_t)t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t coopi_now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t coopi_wall_clock(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t coopi_deadline(int64_t timeout)
{
    if (timeout < 0) return COOPI_NEVER;
    if (timeout == 0) return 0;
    int64_t now = coopi_now();
    return timeout > COOPI_NEVER - now ? COOPI_NEVER : now + timeout;
}

int coopi_poll_ms(int64_t deadline)
{
    if (deadline == COOPI_NEVER) return -1;
    int64_t left = deadline - coopi_now();
    if (left <= 0) return 0;
    int64_t ms = left / 1000000 + (left % 1000000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

struct timespec coopi_timespec(int64_t ns)
{
    return (struct timespec){.tv_sec = ns / INT64_C(1000000000), .tv_nsec = ns % INT64_C(1000000000)};
}
