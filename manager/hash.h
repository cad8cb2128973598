/* SPDX-License-Identifier: MIT */
/* uthash, set up for keys that strangers choose: a keyed hash, and no exit when memory runs out.
 *
 * Include this, never <uthash.h>. After an add without memory the element's handle has a NULL table. */
#ifndef MANAGER_HASH_H
#define MANAGER_HASH_H

#include "proxy/key.h"

#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, size, result) ((result) = hash_bytes((key), (size)))
#include <uthash.h>

/* Both halves of the 64-bit hash under this process's secret. */
static inline unsigned hash_fold(uint64_t hash)
{
    return (unsigned)(hash ^ hash >> 32);
}

static inline unsigned hash_bytes(const void *bytes, size_t size)
{
    coop_any key = coop_bytes(bytes, size);
    return hash_fold(coopi_hash(&key, coopi_hash_secret()));
}

#endif
