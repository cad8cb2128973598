/* SPDX-License-Identifier: MIT */
/* A barrier's rounds: who stands in them, how they end, how they break, and how the next one begins.
 *
 * Design notes.
 * The state is one word, and each step from one to the next is one compare-and-swap: somebody arrives, the last one
 * ends the round, somebody breaks it. So nothing is derived, and nothing has to be mended. Who arrives first writes
 * into a place {tag | generation}, so that its death is seen, and then counts itself. There are as many places as
 * parties, and a round ends only when all of them were written in it. A place is free if it is not joined and has not
 * arrived in the present generation; the state is looked at after the place, for what is older then stays so. Who dies
 * within a wait has the bell named: so the kernel wakes one who sleeps on it, who looks at the places, finds the dead
 * one and breaks the barrier for all. If nobody sleeps just then, all are on their way to sleep. They sleep by the
 * number of those that have arrived too, and each watches the lives of those in the next places, up to the second that
 * has arrived: so somebody who has looked before the death, and before whom nobody new came, watches it. Who has joined
 * and not yet arrived is in no call, and is watched in the same way.
 * Why the barrier breaks is agreed on in `breach`, and then it is broken by the state. It becomes whole only by a
 * reset, under the guard: first it is broken for all; then each that waited in that generation is sent away, by its
 * seat, and places are cleared; then the next generation begins. Whoever comes late finds by its seat whether its own
 * generation ended well, however many have passed since. A reset that is cut off is finished by the next who comes. */
#ifndef COOPI_ROUND_H
#define COOPI_ROUND_H

#include "sync/sync.h"

#include <coop/barrier.h>

struct coop_barrier {
    struct coopi_sync sync;
    struct coopi_barrier_shm *shm;
    uint32_t parties; /* checked: there are as many places */
    coop_barrier_action action;
    void *user;
};

static inline uint64_t coopi_round_state(const coop_barrier *barrier)
{
    return coopi_load_acquire(&barrier->shm->state);
}

static inline uint64_t coopi_round_generation(uint64_t state)
{
    return state >> COOPI_BARRIER_GENERATION;
}

static inline uint64_t coopi_round_begin(uint64_t generation)
{
    return generation << COOPI_BARRIER_GENERATION;
}

static inline bool coopi_round_is_broken(uint64_t state)
{
    return state & COOPI_BARRIER_BROKEN;
}

static inline bool coopi_round_has_arrived(uint64_t place, uint64_t generation)
{
    return (place & COOPI_PARTY_ARRIVED) && ((place ^ generation) & COOPI_PARTY_GENERATION) == 0;
}

static inline bool coopi_round_is_taken(uint64_t place, uint64_t generation)
{
    return (place & COOPI_PARTY_JOINED) || coopi_round_has_arrived(place, generation);
}

/* All that follows with the bell named, by a thread that is an owner, unless it is said. */

/* The tag of a dead one that stands in GENERATION; 0: there is none. Without either. */
uint32_t coopi_round_find_dead(const coop_barrier *barrier, uint64_t generation);

/* Sets the place of TAG, or a free one, to NUMBER; of its own, what is in KEEP stays. NULL: there is none. */
uint64_t *coopi_round_take_place(const coop_barrier *barrier, uint32_t tag, uint32_t number, uint32_t keep);

/* Wakes all, after the generation or its being broken has changed. */
void coopi_round_wake_all(const coop_barrier *barrier);

/* After each sleep on the bell. */
void coopi_round_pass_on(const coop_barrier *barrier);

/* Breaks GENERATION for REASON (COOP_BARRIER_*); TAG is who did it, or who died. False: it is over, or broken already.
 * Records a death. */
bool coopi_round_break(const coop_barrier *barrier, uint64_t generation, uint32_t reason, uint32_t tag);

/* COOP_BARRIER_* or COOPI_BREACH_RESET, and the tag of who; 0: not known. Without either. */
uint32_t coopi_round_breach(const coop_barrier *barrier, uint64_t generation, uint32_t *ret_tag);

/* Who that is or was. False: not known any more. Without either. */
bool coopi_round_breaker(const coop_barrier *barrier, uint32_t reason, uint32_t tag, coop_lock_holder *ret_who);

/* -EPIPE, with who broke it in STATE. */
int coopi_round_say_broken(const coop_barrier *barrier, uint64_t state);

/* Begins a new round, whatever this one has come to. Negative with a sentence, as coopi_sync_enter(). */
int coopi_round_reset(const coop_barrier *barrier, uint32_t tag);

/* The state, once a reset that was begun is finished, and a death that nobody has noticed is noticed. Negative with a
 * sentence, as coopi_sync_enter(). */
int coopi_round_settle(const coop_barrier *barrier, int64_t deadline, uint64_t *ret_state);

#endif
