/* SPDX-License-Identifier: MIT */
/* The robust lock: a word that one CAS takes and that the kernel gives back when its holder dies.
 *
 * Design notes.
 * Taking: name the word in list_op_pending; CAS 0 -> {tid, tag}; link; clear pending. Whoever dies in between is found
 * by the kernel through pending or through the list, never both lost.
 * Giving up: name it in pending; unlink; make the word free; wake.
 * Waiting: a sleeper puts WAITERS into the holder's word, so that the kernel wakes one at the holder's death; then it
 * makes `wanted` odd, runs a fence for everybody (base/fence.h), and sleeps while both the word and `wanted` are what
 * it saw. By the word alone it could fall asleep too late: on one that was given up, `wanted` cleared, taken again by
 * the same thread, and given WAITERS by somebody whose bit the holder is about to wipe out. (With COOP_INTR it does
 * sleep by the word alone; that somebody is then a sleeper on its way to the fence, and only its death leaves us to
 * the net.)
 * Giving up is therefore a plain store where nobody waits: store 0, then look at `wanted`. Either that look sees the
 * sleeper, or the store came before the sleeper's fence and the sleeper finds the word changed. The store may well
 * wipe out a WAITERS bit that came between the look at the word and the store; `wanted` makes it good. Only a holder
 * makes `wanted` even, while it holds, so nobody takes another holder's sleepers away; before that it puts WAITERS
 * into its own word. On this one store instead of an exchange rests half of the lock's price.
 * Waking: who gives up with sleepers makes its word the free word with WAITERS in one step: in a gap somebody could
 * take it without the bit, and then a death on our side would leave the sleepers behind. The bit goes away only when
 * that wake finds nobody: a woken sleeper that is killed after a running thread took the lock would otherwise leave
 * the others behind a word without it. The free word carries the new `wanted` in place of a tag, so that nobody takes
 * away the bit that another one left. A wake after a plain store leaves the bit to the next holder. If the one who
 * gives up is killed before its wake, the kernel finds a word without tid in pending, and wakes one sleeper
 * (Linux >= 6.2).
 * Dying: the kernel replaces tid by OWNER_DIED and leaves the tag, which says who it was. A word whose tag is dead by
 * its life word may be taken at once; the kernel then finds another tid in it and leaves it alone. Every sleep ends
 * after 250 ms and looks again: for kernels before 6.2, second deaths, and walks cut short. */
#ifndef COOPI_ROBUST_H
#define COOPI_ROBUST_H

#include "segment/owner.h"
#include "segment/self.h"

#include <errno.h>

#define COOPI_SLICE INT64_C(250000000)

/* Takes the word if it is 0 and this thread is an owner already: the path that has to be short. */
static inline bool coopi_robust_try(uint32_t slot, struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot], seen = 0;
    if (coopi_unlikely(!id || self->held_count >= COOPI_HELD_MAX)) return false;
    struct robust_list *saved = coopi_pending_begin(self, robust);
    bool taken = coopi_cas_acquire(&robust->word, &seen, id);
    if (taken) coopi_link(self, robust);
    coopi_pending_end(self, saved);
    return taken;
}

/* This thread as an owner in the segment, with room for one more word. -ENOLCK and those of coopi_owner_attach(), with
 * a sentence. */
int coopi_robust_enter(struct coopi_map *map, struct coopi_self **ret_self);

/* Takes the word, whatever it needs. 0; COOP_OWNER_DIED with the dead owner's tag in *RET_DEAD: taken as well; else
 * negative: -EDEADLK (this thread has it), -EBUSY, -ETIMEDOUT, -EINTR (FLAGS has COOP_INTR) without a sentence, or
 * -ENOLCK and those of coopi_owner_attach() with one. */
int coopi_robust_acquire(struct coopi_map *map, struct coopi_robust *robust, int64_t timeout, uint32_t flags,
                         uint32_t *ret_dead);

/* True if this thread has the word. */
static inline bool coopi_robust_mine(uint32_t slot, const struct coopi_robust *robust)
{
    const struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot];
    return id != 0 && (coopi_load_relaxed(&robust->word) & ~COOPI_WAITERS) == id;
}

/* The rest of giving up: a word that is not the newest; one with sleepers, or without a fence from afar; and sleepers
 * that came while it was given up. */
void coopi_robust_give_up_older(struct coopi_self *self, struct coopi_robust *robust, struct robust_list *saved);
void coopi_robust_give_up_slow(struct coopi_self *self, struct coopi_robust *robust, struct robust_list *saved);
void coopi_robust_wake(struct coopi_self *self, struct coopi_robust *robust, struct robust_list *saved);

/* Gives up a word that is this thread's. */
static inline void coopi_robust_give_up(struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    struct robust_list *saved = coopi_pending_begin(self, robust);
    if (coopi_unlikely(!coopi_unlink_newest(self, robust))) {
        coopi_robust_give_up_older(self, robust, saved);
        return;
    }
    bool known = (coopi_load_relaxed(&robust->word) & COOPI_WAITERS) || (coopi_load_relaxed(&robust->wanted) & 1);
    if (coopi_unlikely(known || !self->fenced_from_afar)) {
        coopi_robust_give_up_slow(self, robust, saved);
        return;
    }
    coopi_store_release(&robust->word, 0);
    coopi_compiler_barrier(); /* the sleeper's fence does the rest */
    if (coopi_unlikely(coopi_load_relaxed(&robust->wanted) & 1)) {
        coopi_robust_wake(self, robust, saved);
        return;
    }
    coopi_pending_end(self, saved);
}

/* The tag of the living owner that has the word; 0 if none has. */
uint32_t coopi_robust_holder(const struct coopi_map *map, const struct coopi_robust *robust);

/* Writes down who died, in the lock and in the segment's events; the caller has the lock. OBJECT is its name, or NULL.
 */
void coopi_death_record(const struct coopi_map *map, struct coopi_death *death, uint32_t tag, const char *object);

#endif
