/* SPDX-License-Identifier: MIT */
/* Who has which object open: what a remover must know before it gives storage away.
 *
 * Design notes. Each participant has a bit for each directory entry. A process sets its bit before it trusts the entry:
 * set, then look whether the entry is still live. A remover marks the entry, then looks at the bits. Both with a full
 * barrier in between, so that at least one of them sees the other. The bits of a process count until it clears them or is
 * gone altogether, its last thread included: until then the kernel may still write into lock words that its dead threads
 * held. So storage is given away only when nobody can write to it any more; there is nothing to do for a lock's or a
 * value's fast path.
 *
 * A forked child enters itself for all that its parent had open before fork() returns to it. One made by a raw clone()
 * does so when it first opens or locks something; until then it relies on its parent. */
#ifndef COOPI_OPENS_H
#define COOPI_OPENS_H

#include "segment/map.h"

/* Counts a handle on entry NUMBER that was seen with STATE. 1; 0: it is not in that state any more, and nothing is counted;
 * negative with a sentence: those of coopi_process(). */
int coopi_opens_add(struct coopi_map *map, uint32_t number, uint64_t state);

/* Counts a handle less. KEEP: this process still holds a lock of the object, so its bit stays until the process ends. */
void coopi_opens_drop(struct coopi_map *map, uint32_t number, bool keep);

/* After this process got a participant row: enters it for all handles that it has. */
void coopi_opens_enter_all(struct coopi_map *map);

/* Is the process that a participant row's word names gone for good, or has it called exec? */
bool coopi_participant_gone(const struct coopi_map *map, uint64_t word);

/* Nobody who lives, or is still dying, has the entry open. */
bool coopi_opens_none(const struct coopi_map *map, uint32_t number);

#endif
