/* SPDX-License-Identifier: MIT */
/* The storage of a segment: what no live or removed entry covers is free. All of it under the directory's lock. */
#ifndef COOPI_STORAGE_H
#define COOPI_STORAGE_H

#include "segment/map.h"

/* Frees the entries of removed and of nameless objects that nobody has open any more. */
void coopi_storage_collect(struct coopi_map *map);

/* The same for one entry alone, with the lock's holder just having taken it out of sight: cheap in a large directory.
 */
void coopi_storage_collect_one(struct coopi_map *map, uint32_t number);

/* An entry that is free. -ENOSPC with a sentence: the directory is full. */
int coopi_storage_entry(struct coopi_map *map, uint32_t *ret_number);

/* Room for SIZE bytes: where something was freed last; behind the last object if that is reserved already; in the first
 * gap that is large enough; else behind the last object, and the segment grows. Nobody is given it until the entry that
 * covers it is committed. -ENOSPC and the like, with a sentence; -ENOMEM. */
int coopi_storage_take(struct coopi_map *map, uint64_t size, uint64_t *ret_offset);

/* Makes the header's words that are derived from the entries anew: after the death of who had the lock. */
void coopi_storage_recount(struct coopi_map *map);

#endif
