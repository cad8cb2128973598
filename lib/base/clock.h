/* SPDX-License-Identifier: MIT */
/* Monotonic time, and deadlines made of relative time-outs. */
#ifndef COOPI_CLOCK_H
#define COOPI_CLOCK_H

#include <stdint.h>
#include <time.h>

#define COOPI_NEVER INT64_MAX /* the deadline of COOP_FOREVER */

/* Nanoseconds on CLOCK_MONOTONIC. */
int64_t coopi_now(void);

/* Nanoseconds since 1970 on CLOCK_REALTIME: for people to read, never to decide by. */
int64_t coopi_wall_clock(void);

/* The absolute deadline of a relative time-out: COOPI_NEVER for a negative one, 0 (long past) for COOP_NOWAIT, and
 * never an overflow. */
int64_t coopi_deadline(int64_t timeout);

/* Milliseconds until the deadline for poll(2), rounded up: -1 for COOPI_NEVER, 0 when it has passed. */
int coopi_poll_ms(int64_t deadline);

/* A point in nanoseconds as the kernel wants it. */
struct timespec coopi_timespec(int64_t ns);

#endif
