/* SPDX-License-Identifier: MIT */
/* Owners: one row a thread in each segment where it holds something, and the one question about them: dead or not. */
#ifndef COOPI_OWNER_H
#define COOPI_OWNER_H

#include "base/atomic.h"
#include "base/futex.h"
#include "segment/map.h"

struct coopi_self;

/* Who an owner is or was; all zero: not known any more. */
struct coopi_owner_name {
    int32_t pid;
    int32_t tid;
    char command[COOPI_COMMAND_SIZE]; /* NUL-terminated */
};

/* What LIFE, a life word, says of TAG. */
static inline bool coopi_dead_by(uint64_t life, uint32_t tag)
{
    return coopi_tag_of(life) != tag || (life & COOPI_OWNER_DIED) || !(life & COOPI_TID_MASK);
}

/* Is the owner that TAG names dead? One load. The life word is linked first, hence marked last by the kernel's walk: an
 * answer "dead" means that every word that the owner had linked has been marked, but for the one that stood in
 * list_op_pending (the last one that it took, mostly), which comes after. A row that does not exist is dead. */
static inline bool coopi_dead(const struct coopi_map *map, uint32_t tag)
{
    uint32_t row = tag & COOPI_ROW_MASK;
    if (coopi_unlikely(row >= map->owner_count)) return true;
    return coopi_dead_by(coopi_load_acquire(&map->owners[row].life.word), tag);
}

/* Where the kernel's walk was cut short, or never came (exec by a thread that is not the leader), the thread itself is
 * asked for in /proc: gone, a zombie, or younger than the row is death. Marks the row then and wakes who sleeps on it.
 * True if the owner is dead. */
bool coopi_owner_second_evidence(const struct coopi_map *map, uint32_t tag);

/* Makes this thread an owner in the segment, if it is not: claims a row, links its life word. The id that its lock
 * words hold is in self->id[map->slot]. Negative with a sentence: -EUSERS, no row is free; those of coopi_self_link().
 */
int coopi_owner_attach(struct coopi_map *map, struct coopi_self **ret_self);

/* Gives the row back. The thread must hold nothing else in the segment. No death is reported. */
void coopi_owner_leave(struct coopi_map *map, struct coopi_self *self);

/* Who TAG is or was. All zero if its row has been taken over. */
void coopi_owner_describe(const struct coopi_map *map, uint32_t tag, struct coopi_owner_name *ret_name);

#endif
