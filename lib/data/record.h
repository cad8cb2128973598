/* SPDX-License-Identifier: MIT */
/* A Value of more than 8 bytes: two buffers behind a sequence word, as layout.h draws them.
 *
 * Design notes.
 * The sequence is the number of the version that counts; it stands in buffer sequence % 2. A writer (there is one at a
 * time) fills the other buffer and stores the next number: that store commits. One who is killed before it has changed
 * nothing that anybody reads, so there is nothing to repair.
 * A reader copies the buffer that counts, and looks at the sequence again. It must be the same: had it only grown by
 * one, the writer may be at work on the version after that, in the very buffer that was copied.
 * Order: the writer's fence stands between its last commit and what it writes next, the reader's between its copy and
 * its second look. So who has copied a byte of version N + 2 sees at least N + 1 then. */
#ifndef COOPI_RECORD_H
#define COOPI_RECORD_H

#include "base/atomic.h"
#include "segment/layout.h"

#include <coop/lock.h>
#include <string.h>

/* Private memory; what it points to was checked. */
struct coopi_record {
    struct coopi_record_shm *shm; /* NULL: the value is no record */
    uint32_t size;                /* bytes of the value */
    uint32_t stride;              /* from one buffer to the other */
};

static inline struct coopi_record coopi_record_at(void *place, uint32_t size)
{
    return (struct coopi_record){place, size, (size + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE};
}

static inline uint8_t *coopi_record_buffer(const struct coopi_record *record, uint64_t version)
{
    return (uint8_t *)(record->shm + 1) + (version & 1) * (size_t)record->stride;
}

/* Copies SIZE bytes that stand FROM bytes behind the beginning. False: a writer was faster, and RET has a mixture. */
static inline bool coopi_record_try(const struct coopi_record *record, uint32_t from, uint32_t size, void *ret_bytes,
                                    uint64_t *ret_version)
{
    uint64_t version = coopi_load_acquire(&record->shm->sequence);
    coopi_copy_out(ret_bytes, coopi_record_buffer(record, version) + from, size);
    coopi_fence_acquire();
    *ret_version = version;
    return coopi_load_relaxed(&record->shm->sequence) == version;
}

/* Sets the value. Only one thread at a time. */
static inline void coopi_record_set(const struct coopi_record *record, const void *bytes)
{
    uint64_t version = coopi_load_relaxed(&record->shm->sequence) + 1;
    coopi_fence_release();
    coopi_copy_in(coopi_record_buffer(record, version), bytes, record->size);
    coopi_store_release(&record->shm->sequence, version);
}

/* The next version is the one before with other bytes FROM there on. Only one thread at a time. */
void coopi_record_set_part(const struct coopi_record *record, uint32_t from, uint32_t size, const void *bytes);

/* As coopi_record_try(), until it has a whole one. After 64 tries it takes LOCK, if there is one, so that writers wait
 * for it and not it for them; COOP_OWNER_DIED then. -EAGAIN after a million tries with a sentence that begins with
 * LABEL: only then the caller's bytes are worth nothing. */
int coopi_record_get(const struct coopi_record *record, coop_rlock *lock, const char *label, uint32_t from,
                     uint32_t size, void *ret_bytes, uint64_t *ret_version);

#endif
