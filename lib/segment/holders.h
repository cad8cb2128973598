/* SPDX-License-Identifier: MIT */
/* Who holds an object, or waits at it: for those who want to remove it. */
#ifndef COOPI_HOLDERS_H
#define COOPI_HOLDERS_H

#include "segment/map.h"

/* The lock that an entry's object is, or begins with; NULL: it has none. The entry is a private copy, and is checked.
 */
struct coopi_robust *coopi_entry_lock(struct coopi_map *map, const struct coopi_entry *entry);

/* What it is besides, if it is a Semaphore, Condition, Barrier or RWLock; else NULL. */
struct coopi_sync_shm *coopi_entry_sync(struct coopi_map *map, const struct coopi_entry *entry);

/* -EBUSY, with a name, if a living thread holds the lock of the entry numbered NUMBER, stands in it, or waits at it. */
int coopi_refuse_if_held(struct coopi_map *map, const struct coopi_entry *entry, uint32_t number);

#endif
