/* SPDX-License-Identifier: MIT */
/* What Semaphore, Condition, Barrier and RWLock share: a guard, a list of those who wait, and a word for each thread
 * that stands in the object.
 *
 * Design notes.
 * The guard is a robust lock that each call holds for a few instructions. A word {tag | number} is committed by one
 * store and belongs to the thread with that tag; what else the object has is derived from its words and its list, and
 * is made anew after the death of who had the guard. A word whose tag is dead counts for nothing. Whoever would have to
 * wait looks for such words first, and so does whoever is woken by a death.
 * Who is stopped within a call holds up those who use the same object; a time-out ends even then, a little late. */
#ifndef COOPI_SYNC_H
#define COOPI_SYNC_H

#include "segment/object.h"
#include "segment/robust.h"
#include "sync/waitlist.h"

#include <coop/lock.h>

struct coopi_sync {
    struct coopi_object object;
    struct coopi_sync_shm *shm;
    uint64_t *words; /* behind shm, word_count of them */
    uint32_t word_count;
    struct coopi_waitlist list;
};

/* Checks an object that was opened and points SYNC at its parts; closes the object if it is too small (-EBADMSG). */
int coopi_sync_bind(struct coopi_sync *sync);

/* Bytes of a body with so many words, without a lock in front. */
static inline uint64_t coopi_sync_size(uint64_t words)
{
    return sizeof(struct coopi_sync_shm) + words * sizeof(uint64_t);
}

/* Takes the guard, whatever DEADLINE says for at least 10 ms. 0; COOP_OWNER_DIED with the tag in *RET_DEAD: taken, and
 * what is derived must be made anew; negative with a sentence: -ETIMEDOUT, -EDEADLK (a signal handler came while its
 * thread had it), -ENOLCK, -EUSERS and the like. */
int coopi_sync_enter_slowly(const struct coopi_sync *sync, int64_t deadline, uint32_t *ret_dead);

static inline int coopi_sync_enter(const struct coopi_sync *sync, int64_t deadline, uint32_t *ret_dead)
{
    if (coopi_robust_try(sync->object.slot, &sync->shm->guard.robust)) return 0;
    return coopi_sync_enter_slowly(sync, deadline, ret_dead);
}

static inline void coopi_sync_leave(const struct coopi_sync *sync)
{
    struct coopi_robust *robust = &sync->shm->guard.robust;
    if (!coopi_robust_try_give_up(sync->object.slot, robust)) coopi_robust_give_up(robust);
}

/* This thread's tag in the segment; it must have been an owner in it, as who has the guard is. */
static inline uint32_t coopi_sync_tag(const struct coopi_sync *sync)
{
    return coopi_tag_of(coopi_self_->id[sync->object.slot]);
}

/* Where the search for the word of TAG begins. A multiplication spreads rows over the words; a division would cost as
 * much as the guard. */
static inline uint32_t coopi_sync_first(const struct coopi_sync *sync, uint32_t tag)
{
    uint32_t spread = (tag & COOPI_ROW_MASK) * UINT32_C(0x9e3779b1);
    return (uint32_t)((uint64_t)spread * sync->word_count >> 32);
}

uint64_t *coopi_sync_search(const struct coopi_sync *sync, uint32_t tag);

/* The word of TAG; NULL: it has none. Without the guard, only for one's own. */
static inline uint64_t *coopi_sync_word(const struct coopi_sync *sync, uint32_t tag)
{
    if (coopi_unlikely(!sync->word_count)) return NULL;
    uint64_t *word = &sync->words[coopi_sync_first(sync, tag)];
    return coopi_tag_of(coopi_load_relaxed(word)) == tag ? word : coopi_sync_search(sync, tag);
}

/* The same, or a free one; NULL: there is none. Under the guard. */
uint64_t *coopi_sync_word_or_free(const struct coopi_sync *sync, uint32_t tag);

/* This thread's word, or a free one for it; NULL: there is none. Under the guard. One that stands nowhere in the
 * segment has no word here, and need not look for it. */
static inline uint64_t *coopi_sync_own_word(const struct coopi_sync *sync)
{
    uint32_t tag = coopi_sync_tag(sync);
    if (sync->word_count && !coopi_self_->stands[sync->object.slot]) {
        uint64_t *word = &sync->words[coopi_sync_first(sync, tag)];
        if (!coopi_load_relaxed(word)) return word;
    }
    return coopi_sync_word_or_free(sync, tag);
}

/* Sets this thread's word by the store that commits; a number of 0 frees it, if EMPTY. */
static inline void coopi_sync_set(const struct coopi_sync *sync, uint64_t *word, uint32_t number, bool empty)
{
    uint32_t *stands = &coopi_self_->stands[sync->object.slot];
    bool had = coopi_load_relaxed(word) != 0, has = number || !empty;
    if (has && !had) coopi_put(*stands, *stands + 1);
    coopi_store_release(word, has ? (uint64_t)coopi_sync_tag(sync) << 32 | number : 0);
    if (had && !has) coopi_put(*stands, *stands - 1);
}

/* Counts a word that another one has set for this thread. */
static inline void coopi_sync_stands(const struct coopi_sync *sync)
{
    uint32_t *stands = &coopi_self_->stands[sync->object.slot];
    coopi_put(*stands, *stands + 1);
}

/* The tags that stand in the object, this thread's left out: up to ROOM of them, from the word FROM on, so that many
 * sleepers do not all watch the same ones. How many. Under the guard. */
unsigned coopi_sync_standing(const struct coopi_sync *sync, uint32_t from, uint32_t *tags, unsigned room);

/* For who does not wait: asks /proc for one of those that stand in the object, another one each time, and not more
 * often than a sleeper would. True if that one is dead. Under the guard. */
bool coopi_sync_ask(const struct coopi_sync *sync);

/* Records the death of TAG in the object. Under the guard. */
void coopi_sync_record(const struct coopi_sync *sync, uint32_t tag);

/* After coopi_sync_enter() said that DEAD had the guard: records its death, makes the list anew, and wakes those whose
 * turn it granted. What else is derived is the caller's. */
void coopi_sync_mend(const struct coopi_sync *sync, uint32_t dead);

/* One sleep for this thread's turn: gives the guard up, sleeps until it is granted, until one of those it depends on
 * is dead (they that stand in the object, and they that came before), or at most for a slice. What the guard guards is
 * to be looked at again afterwards. The last result is kept in TURN. */
struct coopi_turn {
    uint32_t row;     /* this thread's, + 1 */
    uint32_t waiting; /* the seat's state as long as it waits */
    int64_t deadline;
    bool overtaken;  /* those behind it that want something may go first: they are watched as well */
    uint32_t sleeps; /* so far */
    int result;      /* of the last sleep: 0, COOPI_WATCHED_DIED, -ETIMEDOUT, -EINTR */
};
void coopi_sync_sleep(const struct coopi_sync *sync, struct coopi_turn *turn);

/* The same in two steps, for who has to do something in between. */
#define COOPI_SYNC_WATCHED 24 /* whom we leave out is left to others, and to the net */
struct coopi_watch {
    uint32_t tags[COOPI_SYNC_WATCHED + 1]; /* room for one that the caller adds */
    unsigned count;
    uint32_t bell;
};
void coopi_sync_watch(const struct coopi_sync *sync, struct coopi_turn *turn, struct coopi_watch *ret_watch);
void coopi_sync_doze(const struct coopi_sync *sync, struct coopi_turn *turn, struct coopi_watch *watch);

/* True once the turn was granted. */
bool coopi_sync_granted(const struct coopi_sync *sync, const struct coopi_turn *turn);

/* After a sleep that granted nothing: true if the wait is to end, with *RET_WHY -ETIMEDOUT or -EINTR. */
bool coopi_sync_is_over(const struct coopi_sync *sync, const struct coopi_turn *turn, int *ret_why);

/* Takes back this thread's claim to a turn without the guard, which a stopped process has. False: it is granted. */
bool coopi_sync_give_up_turn(const struct coopi_sync *sync, const struct coopi_turn *turn);

/* Leaves a turn that was granted to the next, without the guard. False: it is not granted. */
bool coopi_sync_hand_back(const struct coopi_sync *sync, const struct coopi_turn *turn);

#endif
