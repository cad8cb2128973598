/* SPDX-License-Identifier: MIT */
/* Who holds the lock of an object: for those who want to remove it. */
#ifndef COOPI_HOLDERS_H
#define COOPI_HOLDERS_H

#include "segment/map.h"

/* The lock that an entry's object is, or begins with; NULL: it has none. The entry is a private copy, and is checked.
 */
struct coopi_robust *coopi_entry_lock(struct coopi_map *map, const struct coopi_entry *entry);

/* -EBUSY, with the holder's name, if a living thread holds the entry's lock. */
int coopi_refuse_if_held(struct coopi_map *map, const struct coopi_entry *entry);

#endif
