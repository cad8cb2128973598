/* SPDX-License-Identifier: MIT */
/* Who has which object open: a bit for each participant and entry, so that a removed object's storage is not given away
 * while anybody, or the kernel, may still write to it.
 *
 * Design notes.
 * A process sets its bit, then looks whether the entry is still what it found; a remover changes the entry's state,
 * then looks at the bits. Both fence in between, so one of them sees the other. A bit counts until its process has
 * cleared it or is gone: dead and reaped or a zombie with all threads ended, or in another program by exec (it maps
 * nothing of the segment). Until then the kernel may still write into lock words that its dead threads held. So storage
 * is given away only when nobody can write to it any more, and there is nothing to do for it on a lock's or a value's
 * fast path.
 *
 * A forked child enters itself for all that its parent had open before fork() returns to it. Between its birth and that
 * moment its parent's bits speak for it: a parent that closes something meanwhile keeps the bit until the child has
 * entered, or for good if the child never does. If the parent is killed meanwhile, its row says that it has forked, and
 * then its bits count until each process that can write to the segment has a row of its own. One case is left, which
 * only the caller can avoid: a child that is made by a raw clone() or _Fork() enters when it first opens or locks
 * something. Until then it may use only what its parent has open. */
#ifndef COOPI_OPENS_H
#define COOPI_OPENS_H

#include "segment/map.h"

/* Counts a handle on entry NUMBER that was seen with STATE; the process is a participant. 1; 0: it is not in that state
 * any more, and nothing is counted; negative with a sentence: those of coopi_process(). */
int coopi_opens_add(struct coopi_map *map, uint32_t number, uint64_t state);

/* Counts a handle less. KEEP: this process still holds a lock of the object, so its bit stays until the process ends.
 */
void coopi_opens_drop(struct coopi_map *map, uint32_t number, bool keep);

/* After this process got a participant row: enters it for all handles that it has. */
void coopi_opens_enter_all(struct coopi_map *map);

/* Says in this process's row that it forks. */
void coopi_opens_tell_of_fork(const struct coopi_map *map);

/* Is the process that a participant row's WORD names gone for good, or has it called exec, and has it left no child
 * that speaks for itself not yet? */
bool coopi_participant_gone(const struct coopi_map *map, uint32_t row, uint64_t word);

/* One bit an entry, for those in 64-bit words FIRST to END - 1. */
struct coopi_entry_set {
    uint32_t first;
    uint32_t end;
    uint64_t bits[COOPI_OBJECTS_MAX / 64];
};

/* Takes those out of SET that somebody who lives, or is still dying, has open. */
void coopi_opens_take_out(struct coopi_map *map, struct coopi_entry_set *set);

/* True as long as bits of this process are kept for a child on its way. Under the process's lock. */
bool coopi_opens_late(struct coopi_map *map);

#endif
