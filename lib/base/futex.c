/* SPDX-License-Identifier: MIT */
/* The kernel's sleeping room: shared futexes, one word or several. */
#include "base/futex.h"

#include "base/atomic.h"
#include "base/clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#define FUTEX_SIZE_U32                                                                                                 \
    2u /* linux/futex.h of 6.7 calls it FUTEX2_SIZE_U32, before that FUTEX_32; shared is the default */
#define SLICE_WITHOUT_WAITV INT64_C(10000000)

struct waiter { /* the kernel's struct futex_waitv */
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};

bool coopi_futex_no_waitv;

int coopi_futex_wait(const uint32_t *word, uint32_t value, int64_t deadline)
{
    struct timespec until = coopi_timespec(deadline);
    const struct timespec *limit = deadline == COOPI_NEVER ? NULL : &until;
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, value, limit, NULL, FUTEX_BITSET_MATCH_ANY);
    return r == 0 ? 0 : errno;
}

int coopi_futex_wake(const uint32_t *word, int count)
{
    int saved = errno;
    long woken = syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
    errno = saved;
    return woken < 0 ? 0 : (int)woken;
}

static int wait_on_first(const struct coopi_futex_word *words, int64_t deadline)
{
    int64_t slice = coopi_now() + SLICE_WITHOUT_WAITV;
    return coopi_futex_wait(words[0].word, words[0].value, slice < deadline ? slice : deadline);
}

int coopi_futex_wait_many(const struct coopi_futex_word *words, unsigned count, int64_t deadline)
{
    if (coopi_load_relaxed(&coopi_futex_no_waitv)) return wait_on_first(words, deadline);
    struct waiter waiters[COOPI_FUTEX_MANY];
    if (count > COOPI_FUTEX_MANY) count = COOPI_FUTEX_MANY;
    for (unsigned i = 0; i < count; i++) {
        waiters[i] = (struct waiter){
            .value = words[i].value, .address = (uint64_t)(uintptr_t)words[i].word, .flags = FUTEX_SIZE_U32};
    }
    struct timespec until = coopi_timespec(deadline);
    const struct timespec *limit = deadline == COOPI_NEVER ? NULL : &until;
    if (syscall(SYS_futex_waitv, waiters, count, 0, limit, CLOCK_MONOTONIC) >= 0) return 0;
    if (errno != ENOSYS && errno != EPERM) return errno;
    coopi_store_relaxed(&coopi_futex_no_waitv, true);
    return wait_on_first(words, deadline);
}
