/* SPDX-License-Identifier: MIT */
/* Parties of a barrier, for its tests: processes that wait, and those that join. */
#ifndef UNIT_PARTIES_H
#define UNIT_PARTIES_H

#include "base/atomic.h"
#include "unit/meeting.h"

#include <coop/barrier.h>

static coop_barrier *barrier;
static uint32_t *step;

static inline void set_up(uint32_t parties)
{
    CHECK_OK(coop_barrier_new(parties, &barrier));
    step = test_shared(16 * sizeof *step);
}

/* A child that waits, expects RESULT, and then counts itself in step[0], and its index in step[1]. */
static inline pid_t party(int result)
{
    int before = coop_barrier_waiting(barrier);
    pid_t pid;
    CHILD(pid) {
        uint32_t index = 0;
        CHECK_ERR(coop_barrier_wait(barrier, COOP_S(20), &index), result);
        coopi_fetch_add(&step[1], index);
        coopi_fetch_add(&step[0], 1);
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == before + 1 && is_asleep(pid));
    return pid;
}

static inline void check_is_usable(void)
{
    uint32_t parties = coop_barrier_parties(barrier);
    pid_t pids[16];
    for (uint32_t i = 1; i < parties; i++) pids[i] = party(0);
    CHECK_OK(coop_barrier_wait(barrier, COOP_NOWAIT, NULL));
    for (uint32_t i = 1; i < parties; i++) child_must(pids[i]);
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_WHOLE);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
}

#endif
