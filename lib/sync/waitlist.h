/* SPDX-License-Identifier: MIT */
/* Threads that wait their turn at an object, in order of arrival.
 *
 * Design notes.
 * A thread waits in the seat that stands in its owner row, so there is room for all, and nothing to be given back by
 * the dead. The list through the seats is derived. It is believed as far as each seat says that it belongs to this
 * object, knows who came before it, and came later than that one; else it is made anew from all rows. That happens when
 * somebody was killed while he had the guard, and when a dead thread's row has a new owner who waits elsewhere: he
 * writes over the seat without asking, and whatever links others still write into it, its own list does not believe.
 * A turn is given away by one compare-and-swap of the seat's state, which carries a sequence of its own: so it can
 * only go to the wait that was looked at. The thread sleeps by that word, and behind it by the list's bell, which is
 * never rung: who gives turns away names it in list_op_pending, and if it is killed before it has woken everybody, the
 * kernel wakes one who sleeps on the bell, who finds the guard's owner dead and wakes the others.
 * The dead that wait are left where they are until somebody looks: nobody is let in for them. */
#ifndef COOPI_WAITLIST_H
#define COOPI_WAITLIST_H

#include "segment/map.h"
#include "segment/self.h"

struct coopi_waitlist {
    const struct coopi_map *map;
    struct coopi_waitlist_shm *shm;
    uint32_t number; /* of the object's entry, + 1 */
};

/* All of this under the object's guard, unless it is said. Rows are counted from 1; 0 is none. */

static inline struct coopi_seat *coopi_seat_of(const struct coopi_waitlist *list, uint32_t row)
{
    return &list->map->owners[row - 1].seat;
}

static inline uint32_t coopi_seat_tag(const struct coopi_seat *seat)
{
    return coopi_tag_of(coopi_load_acquire(&seat->who));
}

/* Who stands behind ROW; the first, for 0. 0: nobody. Mends the list where it is broken: *RET_MENDED is then raised,
 * and if ROW is not in it any more, it begins again. */
uint32_t coopi_waitlist_next(const struct coopi_waitlist *list, uint32_t row, uint32_t *ret_mended);

/* Makes the list anew from the seats, without the dead and those that have left. */
void coopi_waitlist_mend(const struct coopi_waitlist *list);

/* Puts the calling thread, which has tag TAG, at the end. Its row; the state that it waits in. */
uint32_t coopi_waitlist_join(const struct coopi_waitlist *list, uint32_t tag, uint32_t want, uint32_t *ret_waiting);

/* Takes a seat out: the caller's, or one that is dead or has left. */
void coopi_waitlist_drop(const struct coopi_waitlist *list, uint32_t row);

/* Those in the list and what they want in all. Takes the dead out, and those that have left. */
struct coopi_tally {
    uint32_t waiting, granted;
    uint64_t waiting_want, granted_want;
};
void coopi_waitlist_tally(const struct coopi_waitlist *list, struct coopi_tally *ret_tally);

/* True if somebody is in the list who has not been granted its turn; the dead count as well. */
bool coopi_waitlist_is_awaited(const struct coopi_waitlist *list);

/* Gives the turn to who waits in ROW. False: it waits no longer. Does not wake it. */
bool coopi_waitlist_grant(const struct coopi_waitlist *list, uint32_t row);

/* Wakes who sleeps in ROW, if it said that it does. */
void coopi_waitlist_wake(const struct coopi_waitlist *list, uint32_t row);

/* Wakes whom a dead one granted his turn, and perhaps did not wake. */
void coopi_waitlist_wake_granted(const struct coopi_waitlist *list);

/* Lets who waits in ROW look again, and sleep with another view of those it depends on. False: it waits no longer. */
bool coopi_waitlist_stir(const struct coopi_waitlist *list, uint32_t row);

/* Around the first grant and the last wake. */
struct robust_list *coopi_waitlist_begin_waking(const struct coopi_waitlist *list);
void coopi_waitlist_end_waking(struct robust_list *saved);

/* The tags of those that came before ROW, the nearest first, from TAGS[FROM] on: up to ROOM in all. How many in all. */
unsigned coopi_waitlist_before(const struct coopi_waitlist *list, uint32_t row, uint32_t *tags, unsigned from,
                               unsigned room);

/* The same of those behind ROW that want something, the last one first. */
unsigned coopi_waitlist_behind(const struct coopi_waitlist *list, uint32_t row, uint32_t *tags, unsigned from,
                               unsigned room);

/* Sleeps while the seat of ROW is in the state WAITING; BELL was read under the guard. As coopi_sleep(). Without the
 * guard. */
int coopi_waitlist_sleep(const struct coopi_waitlist *list, uint32_t row, uint32_t waiting, uint32_t bell,
                         const uint32_t *tags, unsigned count, unsigned unasked, int64_t deadline);

#endif
