/* SPDX-License-Identifier: MIT */
/* The one word on which the executor sleeps and which everybody who has work for it bumps.
 *
 *     31                                1   0
 *     +---------------------------------+---+
 *     |  rings, counted modulo 2^31     | s |     s: the executor has announced that it sleeps
 *     +---------------------------------+---+
 *
 * A ringer publishes its work first and rings after. The sleeper reads the word first, looks for work after, and goes
 * to sleep only if the word has not moved since: no ring is lost, and a ring to one who is awake is one atomic
 * operation without a system call. */
#ifndef MANAGER_DOORBELL_H
#define MANAGER_DOORBELL_H

#include <stdint.h>

struct doorbell {
    uint32_t word;
};

/* Any thread: there is work. */
void doorbell_ring(struct doorbell *bell);

/* The sleeper: what the word says now, to be read before looking for work. */
uint32_t doorbell_read(struct doorbell *bell);

/* The sleeper: returns at once if somebody rang since SEEN was read, else after the next ring. It may also return
 * without a ring, so look again in a loop. */
void doorbell_sleep(struct doorbell *bell, uint32_t seen);

#endif
