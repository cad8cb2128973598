/* SPDX-License-Identifier: MIT */
/* What the body of a Value or Array holds, as layout.h draws it: its own lock, if it has one, and items of its type. */
#ifndef COOPI_CONTENT_H
#define COOPI_CONTENT_H

#include "segment/layout.h"

/* Is it a Value that one atomic access does not reach, and that has two buffers therefore? */
static inline bool coopi_is_record(uint32_t kind, uint32_t item_size)
{
    return kind == COOPI_VALUE && item_size > sizeof(uint64_t);
}

/* Bytes of both buffers with their head, for a value of SIZE bytes (at most 1 GiB). */
static inline uint64_t coopi_record_bytes(uint32_t size)
{
    return sizeof(struct coopi_record_shm) + 2 * (((uint64_t)size + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE);
}

/* Bytes of the lock that the body begins with. */
static inline uint64_t coopi_content_head(uint32_t entry_flags)
{
    return entry_flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
}

/* Bytes behind it. False: more than a number can say. */
bool coopi_content_size(uint32_t kind, uint32_t item_size, uint64_t length, uint64_t *ret_bytes);

/* Does a body of so many bytes hold all that? A Value has one item, whatever its entry says. */
bool coopi_content_fits(uint32_t kind, uint32_t entry_flags, uint32_t item_size, uint64_t length, uint64_t body_size);

#endif
