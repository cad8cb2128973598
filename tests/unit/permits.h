/* SPDX-License-Identifier: MIT */
/* A semaphore, and those that hold it and wait for it. */
#ifndef UNIT_PERMITS_H
#define UNIT_PERMITS_H

#include "base/atomic.h"
#include "harness/test.h"

#include <coop/semaphore.h>

static coop_semaphore *semaphore;
static uint32_t *step;

static inline void set_up(uint32_t permits, int flags)
{
    CHECK_OK(coop_semaphore_new(permits, flags, &semaphore));
    step = test_shared(16 * sizeof *step);
}

/* Says so in step[0], and stays. */
static inline pid_t holder_of(uint32_t n)
{
    uint32_t before = coopi_load_acquire(step);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_semaphore_acquire_many(semaphore, n, COOP_FOREVER));
        coopi_fetch_add(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == before + 1);
    return pid;
}

/* A child that waits for N permits, writes its turn into step[PLACE], and gives them back. */
static inline pid_t waiter_for(uint32_t n, int place)
{
    int before = coop_semaphore_waiters(semaphore);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_semaphore_acquire_many(semaphore, n, COOP_S(20)));
        coopi_store_release(&step[place], coopi_fetch_add(&step[1], 1) + 1);
        CHECK_OK(coop_semaphore_release_many(semaphore, n));
    }
    CHECK_SOON(coop_semaphore_waiters(semaphore) == before + 1);
    return pid;
}

#endif
