/* SPDX-License-Identifier: MIT */
/* The directory of a segment: finding objects, and making them under its lock. */
#ifndef COOPI_DIRECTORY_H
#define COOPI_DIRECTORY_H

#include "segment/object.h"

/* Copies the live entry of that name. 0; -ENOENT without a sentence. */
int coopi_directory_find(const struct coopi_map *map, const char *name, struct coopi_entry *ret_entry);

/* Makes an object, or finds one of that name that somebody else made (1). NAME empty: nameless, always made.
 * The storage is reserved and zeroed, then the entry is committed by one store; killed before it, nothing happened. */
int coopi_directory_make(struct coopi_map *map, const char *name, const struct coopi_want *want,
                         struct coopi_entry *ret_entry);

#endif
