/* SPDX-License-Identifier: MIT */
/* Finding a name among thousands of objects: chains by hash, in the segment, derived from the entries.
 *
 * Design notes.
 * The entries are the only truth: what a chain leads to is believed once the entry itself is live and has the name. A
 * chain is changed under the directory's lock, by single stores; finding takes no lock.
 * An entry that is in a chain is in that of its own name. It is put in front before its state commits it, so every live
 * object is in its chain, and taken out before its name is changed for another object. A removed one stays until then.
 * Who stands on an entry while it leaves for another chain may follow it there and miss his own: so leaving raises
 * `index_state`, and a miss counts only if that did not change. It is odd while the index is made anew, after the death
 * of who had the lock; then, and where a chain leads nowhere, all entries are looked at. */
#ifndef COOPI_INDEX_H
#define COOPI_INDEX_H

#include "segment/directory.h"

/* Copies the live entry of that name. 0; -ENOENT without a sentence. */
int coopi_index_find(const struct coopi_map *map, const char *name, struct coopi_found *ret_found);

/* Puts an entry, whose name is written, into its chain. Nameless ones are in none. Under the directory's lock. */
void coopi_index_add(const struct coopi_map *map, uint32_t number);

/* Takes it out of the chain of the name that stands in it, if it is there. Under the directory's lock. */
void coopi_index_drop(const struct coopi_map *map, uint32_t number);

/* Makes the index anew from the entries. Under the directory's lock. */
void coopi_index_make(const struct coopi_map *map);

#endif
