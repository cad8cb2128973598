/* SPDX-License-Identifier: MIT */
/* The robust lock: a word that one CAS takes and that the kernel gives back when its holder dies.
 *
 * Design notes.
 * Taking: name the word in list_op_pending; CAS 0 -> {tid, tag}; link. Whoever dies in between is found by the kernel
 * through pending or through the list, never both lost. The name stays (self.h), so this word is marked as the last.
 * Giving up: name it in pending; unlink; make the word free; wake.
 * Waiting: a sleeper puts WAITERS into the holder's word, so that the holder, or the kernel at its death, wakes one;
 * then it sleeps while both the word and `mode` are what it saw.
 * Giving up a quiet lock is a plain store, half of the price of a compare-and-swap on some machines: store 0, look at
 * `mode` once more. That store may wipe out a WAITERS bit that came between the look at the word and the store. So a
 * sleeper first calls: it puts CALL into the mode, runs a fence for everybody (base/fence.h), puts BUSY into it, and
 * only then WAITERS into the word. Either the holder's second look sees the call, and it wakes one; or its store came
 * before the fence, and the sleeper finds the word changed.
 * While a lock is BUSY, giving up is a compare-and-swap, which cannot overlook the bit, and a call needs no fence,
 * which interrupts the other cores. A holder that finds a call makes the mode a new one, BUSY and without CALL: it
 * knows itself that nobody else is giving up. Before that it puts WAITERS into its own word, lest the call die with it.
 * It makes the lock quiet again, before it gives up, when that went CALM times to nobody. Each such change has a new
 * generation, so that a sleeper that stood still on its way does not fall asleep by a word that came back the same.
 * (With COOP_INTR it sleeps by the word alone, and may be left to the net if the word comes back the same meanwhile.)
 * Waking: who gives up to sleepers makes its word the free word with WAITERS in one step: in a gap somebody could take
 * it without the bit, and then a death on our side would leave the sleepers behind. The bit goes away only when that
 * wake finds nobody: a woken sleeper that is killed after a running thread took the lock would otherwise leave the
 * others behind a word without it. The free word carries the mode in place of a tag, so that nobody takes away the bit
 * that another one left. If the word was taken meanwhile, `vain` says that nobody slept in that mode: while there is no
 * call, the next one needs no wake. (Two threads that took turns could else call the kernel for each other's bit, for
 * ever.) Who takes a bit away looks for a call once more. A wake after a plain store leaves the bit to the next holder.
 * If the one who gives up is killed before its wake, the kernel finds a word without tid in pending, and wakes one
 * sleeper (Linux >= 6.2).
 * Dying: the kernel replaces tid by OWNER_DIED and leaves the tag, which says who it was. A word whose tag is dead by
 * its life word may be taken at once; the kernel then finds another tid in it and leaves it alone. Every sleep ends
 * after 250 ms and looks again: for kernels before 6.2, second deaths, and walks cut short.
 * tests/model/lock.pml has all of this, in every interleaving of three threads, with deaths at any step. */
#ifndef COOPI_ROBUST_H
#define COOPI_ROBUST_H

#include "segment/owner.h"
#include "segment/self.h"

#include <errno.h>

#define COOPI_SLICE INT64_C(250000000)

/* Takes the word if it is 0 and this thread is an owner already: the path that has to be short. The word stays named in
 * list_op_pending, if no other was. */
static inline bool coopi_robust_try(uint32_t slot, struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot], seen = 0;
    if (coopi_unlikely(!id || self->held_count >= COOPI_HELD_MAX)) return false;
    struct robust_list *saved = coopi_pending_begin(self, robust);
    bool taken = coopi_cas_acquire(&robust->word, &seen, id);
    if (taken) coopi_link(self, robust);
    if (coopi_unlikely(!taken))
        coopi_pending_end(self, saved);
    else if (coopi_unlikely(saved))
        coopi_pending_taken(self, robust, saved);
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

/* Says in this thread's row that it waits for ROBUST, or, with NULL, that it waits no longer: for who looks on from
 * outside. */
void coopi_robust_say_waiting(const struct coopi_map *map, const struct coopi_self *self,
                              const struct coopi_robust *robust);

/* True if this thread has the word. */
static inline bool coopi_robust_mine(uint32_t slot, const struct coopi_robust *robust)
{
    const struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot];
    return id != 0 && (coopi_load_relaxed(&robust->word) & ~COOPI_WAITERS) == id;
}

/* Wakes one of those who came while the word was given up, and forgets its name. */
void coopi_robust_wake(struct coopi_self *self, struct coopi_robust *robust, struct robust_list *saved);

/* Gives up a word that is this thread's, in the short way: if nobody sleeps, the lock is quiet, and it is the newest.
 */
static inline bool coopi_robust_try_give_up(uint32_t slot, struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot];
    uint32_t mode = coopi_load_relaxed(&robust->mode) | self->unfenced;
    bool loud = (mode & (COOPI_MODE_CALL | COOPI_MODE_BUSY)) || coopi_load_relaxed(&robust->word) != id;
    if (coopi_unlikely(loud || !id || !coopi_is_newest(self, robust))) return false;
    struct robust_list *saved = coopi_pending_resume(self, robust);
    coopi_unlink_newest(self);
    coopi_store_release(&robust->word, 0);
    coopi_compiler_barrier(); /* the caller's fence does the rest */
    if (coopi_unlikely(coopi_load_relaxed(&robust->mode) & COOPI_MODE_CALL))
        coopi_robust_wake(self, robust, saved);
    else
        coopi_pending_end(self, saved);
    return true;
}

/* Gives up a word that is this thread's, whatever it needs. */
void coopi_robust_give_up(struct coopi_robust *robust);

/* The same, as if this thread had died: the next one is told so. */
void coopi_robust_give_up_as_dead(struct coopi_robust *robust);

/* Holding for a few instructions, within one call of ours: the word is only named, and not linked, which the kernel
 * finds as well. (Its walk ends with the name, behind the life word: then the word is dead by its tag at first. A
 * signal handler that locks names its own word for that time: if the thread is killed in it, only the tag tells, and a
 * sleeper is left to the net.) *RET_SAVED goes to coopi_robust_give_up_brief(). */
static inline bool coopi_robust_try_brief(uint32_t slot, struct coopi_robust *robust, struct robust_list **ret_saved)
{
    struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self)) return false;
    uint64_t id = self->id[slot], seen = 0;
    if (coopi_unlikely(!id || self->held_count >= COOPI_HELD_MAX)) return false;
    *ret_saved = coopi_pending_begin(self, robust);
    if (coopi_cas_acquire(&robust->word, &seen, id)) return true;
    coopi_pending_end(self, *ret_saved);
    return false;
}

/* The same with sleepers, or in a busy lock. */
void coopi_robust_give_up_briefly_held(struct coopi_robust *robust, struct robust_list *saved);

static inline void coopi_robust_give_up_brief(uint32_t slot, struct coopi_robust *robust, struct robust_list *saved)
{
    struct coopi_self *self = coopi_self_;
    uint32_t mode = coopi_load_relaxed(&robust->mode) | self->unfenced;
    bool loud = (mode & (COOPI_MODE_CALL | COOPI_MODE_BUSY)) || coopi_load_relaxed(&robust->word) != self->id[slot];
    if (coopi_unlikely(loud)) {
        coopi_robust_give_up_briefly_held(robust, saved);
        return;
    }
    coopi_store_release(&robust->word, 0);
    coopi_compiler_barrier(); /* the caller's fence does the rest */
    if (coopi_unlikely(coopi_load_relaxed(&robust->mode) & COOPI_MODE_CALL))
        coopi_robust_wake(self, robust, saved);
    else
        coopi_pending_end(self, saved);
}

/* The tag of the living owner that has the word; 0 if none has. */
uint32_t coopi_robust_holder(const struct coopi_map *map, const struct coopi_robust *robust);

/* Writes down who died, in the lock and in the segment's events; the caller has the lock. OBJECT is its name, or NULL.
 */
void coopi_death_record(const struct coopi_map *map, struct coopi_death *death, uint32_t tag, const char *object);

#endif
