/* SPDX-License-Identifier: MIT */
/* The directory of a segment: finding objects, and making and removing them under its lock. */
#ifndef COOPI_DIRECTORY_H
#define COOPI_DIRECTORY_H

#include "segment/object.h"

/* A private copy of an entry, and which one it was. */
struct coopi_found {
    struct coopi_entry entry;
    uint32_t number;
};

/* Copies the live entry of that name. 0; -ENOENT without a sentence. */
int coopi_directory_find(const struct coopi_map *map, const char *name, struct coopi_found *ret_found);

/* Makes an object, or finds one of that name that somebody else made (1). NAME empty: nameless, always
 * made, and counted as open (segment/opens.h), for nobody could find it again.
 * The storage is reserved and zeroed, then the entry is committed by one store; killed before it, nothing happened. */
int coopi_directory_make(struct coopi_map *map, const char *name, const struct coopi_want *want,
                         struct coopi_found *ret_found);

/* Removes the object: one store takes it out of sight; its storage is free once nobody has it open. -ENOENT; -EBUSY: a
 * living thread holds a lock of it, and FORCE is not given. */
int coopi_directory_remove(struct coopi_map *map, const char *name, bool force);

/* Takes the directory's lock; after a death, with all that is derived made anew. Negative with a sentence: -ETIMEDOUT
 * and those of coopi_robust_acquire(). */
int coopi_directory_enter(struct coopi_map *map);
void coopi_directory_leave(struct coopi_map *map);

#endif
