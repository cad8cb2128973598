/* SPDX-License-Identifier: MIT */
/* Makes the nth call that the library makes to malloc or to the kernel fail, once or from then on.
 *
 *     failing_begin(n, for_good);
 *     int r = coop_segment_create(...);
 *     bool all = failing_end() < n;      all: the operation makes fewer calls than n, and none has failed
 *
 * Only for the calling thread (a forked child inherits it), and only in the test runner, whose link wraps the functions
 * named in tests/SConscript. */
#ifndef HARNESS_FAILING_H
#define HARNESS_FAILING_H

#include <stdbool.h>

void failing_begin(unsigned nth, bool for_good);

/* How many calls there were. */
unsigned failing_end(void);

/* The name of the first function that failed; NULL: none did. */
const char *failing_what(void);

/* Blocks of memory that this thread has allocated and not freed, as seen from the wrapped functions. */
long failing_blocks(void);

#endif
