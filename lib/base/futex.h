/* SPDX-License-Identifier: MIT */
/* The kernel's sleeping room: shared futexes, one word or several. */
#ifndef COOPI_FUTEX_H
#define COOPI_FUTEX_H

#include <stdbool.h>
#include <stdint.h>

#define COOPI_FUTEX_MANY 128 /* words the kernel takes in one waitv */

/* Sleeps while *WORD is VALUE, until DEADLINE (coopi_now()'s clock). 0: woken, and this wake is ours; else a positive
 * errno: EAGAIN (another value), ETIMEDOUT, EINTR. */
int coopi_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline);

/* Wakes up to COUNT sleepers; how many it woke. Async-signal-safe. */
int coopi_futex_wake(const uint32_t *word, int count);
#define COOPI_FUTEX_ALL INT32_MAX

struct coopi_futex_word {
    const uint32_t *word;
    uint32_t value;
};

/* Sleeps while each of COUNT words (1 to COOPI_FUTEX_MANY) has its value. The kernel looks at them in their order, and
 * stands in the queue of each when it looks at the next. As coopi_futex_wait(). Where the kernel has
 * no futex_waitv or a filter refuses it, sleeps on words[0] alone for at most 10 ms at a time, and reports those as
 * ETIMEDOUT: the caller looks at the others after every return. */
int coopi_futex_wait_many(const struct coopi_futex_word *words, unsigned count, int64_t deadline);

/* For tests: behave as if futex_waitv were missing. */
extern bool coopi_futex_no_waitv;

/* The half of a 64-bit word that the kernel looks at. */
static inline uint32_t *coopi_low_half(uint64_t *word)
{
    uint32_t *halves = (uint32_t *)(void *)word;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? halves : halves + 1;
}

static inline uint32_t *coopi_high_half(uint64_t *word)
{
    uint32_t *halves = (uint32_t *)(void *)word;
    return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? halves + 1 : halves;
}

#endif
