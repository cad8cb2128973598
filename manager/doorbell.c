/* SPDX-License-Identifier: MIT */
/* The one word on which the executor sleeps and which everybody who has work for it bumps. */
#include "doorbell.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "base/futex.h"

#define ASLEEP 1u
#define RING 2u

void doorbell_ring(struct doorbell *bell)
{
    uint32_t old = coopi_load_relaxed(&bell->word);
    while (!coopi_cas_both(&bell->word, &old, (old & ~ASLEEP) + RING)) continue;
    /* Whoever cleared the mark wakes: of many who ring at a sleeper only one pays for the system call. */
    if (old & ASLEEP) coopi_futex_wake(&bell->word, 1);
}

uint32_t doorbell_read(struct doorbell *bell)
{
    return coopi_load_acquire(&bell->word);
}

void doorbell_sleep(struct doorbell *bell, uint32_t seen)
{
    uint32_t expected = seen;
    if (!coopi_cas_both(&bell->word, &expected, seen | ASLEEP)) return;
    coopi_futex_wait(&bell->word, seen | ASLEEP, COOPI_NEVER);
    expected = seen | ASLEEP;
    coopi_cas_both(&bell->word, &expected, seen); /* woken without a ring: the mark is still there */
}
