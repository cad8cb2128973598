/* SPDX-License-Identifier: MIT */
/* A Value of more than 8 bytes: what is seldom needed. */
#include "data/record.h"

#include "base/error.h"

#include <sched.h>

#define TRIES 64
#define ROUNDS 16384
#define PATIENCE COOP_MS(10) /* a stopped holder of the lock changes nothing: then a try is whole */

void coopi_record_set_part(const struct coopi_record *record, uint32_t from, uint32_t size, const void *bytes)
{
    uint64_t version = coopi_load_relaxed(&record->shm->sequence) + 1;
    uint8_t *next = coopi_record_buffer(record, version);
    coopi_fence_release();
    coopi_copy_in(next, coopi_record_buffer(record, version - 1), record->size);
    coopi_copy_in(next + from, bytes, size);
    coopi_store_release(&record->shm->sequence, version);
}

int coopi_record_get(const struct coopi_record *record, coop_rlock *lock, const char *label, uint32_t from,
                     uint32_t size, void *ret_bytes, uint64_t *ret_version)
{
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < TRIES; i++)
            if (coopi_record_try(record, from, size, ret_bytes, ret_version)) return 0;
        int held = lock ? coop_rlock_acquire(lock, PATIENCE) : -ENOLCK;
        if (held < 0) {
            sched_yield();
            continue;
        }
        bool whole = coopi_record_try(record, from, size, ret_bytes, ret_version);
        int released = coop_rlock_release(lock);
        if (whole) return released < 0 ? released : held;
    }
    return coopi_fail(EAGAIN, "%s: is changed faster than it can be read; %s", label,
                      lock ? "somebody writes without its lock" : "give it a lock, or set it less often");
}
