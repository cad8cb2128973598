/* SPDX-License-Identifier: MIT */
/* One number at an address in shared memory: read, written and changed by atomic accesses, by its type code.
 *
 * The functions know neither objects nor sentences: a caller that gets a failure makes the sentence (refusal.h), and
 * the way without failure stays short. P is aligned to the scalar's size. Reads acquire and writes release, so a value
 * may serve as the flag that publishes other data. Outputs are untouched on failure, and what is at P too. */
#ifndef COOPI_SCALAR_H
#define COOPI_SCALAR_H

#include "base/atomic.h"

/* The failures. All are negative. */
enum coopi_scalar_failure {
    COOPI_NOT_A_NUMBER = -1, /* a code without numbers: byte strings, items of several scalars */
    COOPI_NO_SUM = -2,       /* `?` and `c` cannot be added to */
    COOPI_GIVEN_RANGE = -3,  /* the caller's number does not fit the type */
    COOPI_HELD_RANGE = -4,   /* what is there does not fit the caller's type */
    COOPI_SUM_RANGE = -5,    /* the sum does not fit the type, or (if it is asked for) the caller's */
};

int coopi_scalar_get_i64(char code, const void *p, int64_t *ret_number);
int coopi_scalar_get_u64(char code, const void *p, uint64_t *ret_number);
int coopi_scalar_get_f64(char code, const void *p, double *ret_number);
int coopi_scalar_set_i64(char code, void *p, int64_t number);
int coopi_scalar_set_u64(char code, void *p, uint64_t number);
int coopi_scalar_set_f64(char code, void *p, double number);

/* RET may be NULL. Why add is no fetch_add, and why whoever loses the race for the number stands back: scalar.c. */
int coopi_scalar_add_i64(char code, void *p, int64_t delta, int64_t *ret_new);
int coopi_scalar_add_f64(char code, void *p, double delta, double *ret_new);
int coopi_scalar_exchange_i64(char code, void *p, int64_t number, int64_t *ret_old);
int coopi_scalar_exchange_f64(char code, void *p, double number, double *ret_old);

/* 1: it was *EXPECTED and is DESIRED now; 0: it was not, and *EXPECTED is what is there. */
int coopi_scalar_compare_exchange_i64(char code, void *p, int64_t *expected, int64_t desired);
int coopi_scalar_compare_exchange_f64(char code, void *p, double *expected, double desired);

/* Leaves the cache line to the winner of a race for a moment. */
void coopi_scalar_stand_back(void) __attribute__((cold));

/* One try at adding for the types that counters mostly have, without the call and the switch. 1: done. 0: another type,
 * or out of range: coopi_scalar_add_i64() decides. -1: somebody got in between: stand back, then the same. */
#define COOPI_TRY_ADD(type)                                                                                            \
    {                                                                                                                  \
        type there = coopi_load_relaxed((type *)p);                                                                    \
        type sum;                                                                                                      \
        if (coopi_unlikely(__builtin_add_overflow(there, delta, &sum))) return 0;                                      \
        if (coopi_unlikely(!coopi_cas_both((type *)p, &there, sum))) return -1;                                        \
        if (ret_new) *ret_new = sum;                                                                                   \
        return 1;                                                                                                      \
    }

static inline int coopi_scalar_try_add(char code, void *p, int64_t delta, int64_t *ret_new)
{
    if (code == 'q' || code == 'l') COOPI_TRY_ADD(int64_t)
    if (code == 'i') COOPI_TRY_ADD(int)
    return 0;
}

/* SIZE bytes, at most 8, by one atomic access at P: of 1, 2 or 4 bytes where SIZE is that, else of 8, which are then
 * there at P and at BYTES. BYTES need not be aligned. */
void coopi_scalar_get_bytes(const void *p, void *ret_bytes, uint32_t size);
void coopi_scalar_set_bytes(void *p, const void *bytes, uint32_t size);

/* Stores the bytes of DESIRED only if those at P are *EXPECTED's; else *EXPECTED becomes what is there. */
bool coopi_scalar_cas_bytes(void *p, uint64_t *expected, uint64_t desired, uint32_t size);

#endif
