/* SPDX-License-Identifier: MIT */
/* A barrier's rounds. */
#include "sync/round.h"

#include "base/clock.h"
#include "base/error.h"
#include "sync/bell.h"
#include "sync/holding.h"

#include <string.h>

#define BREACH_GENERATION UINT64_C(0x1fffffff)

/* The state and the places */

/* The tag of a dead one that stands in GENERATION; 0: there is none. Who was alive may have left its place, and then
 * ended: so the place is looked at again. */
uint32_t coopi_round_find_dead(const coop_barrier *barrier, uint64_t generation)
{
    for (uint32_t i = 0; i < barrier->parties; i++) {
        const uint64_t *place = &barrier->sync.words[i];
        uint64_t word = coopi_load_acquire(place);
        if (!coopi_round_is_taken(word, generation) || !coopi_dead(barrier->sync.object.map, coopi_tag_of(word)))
            continue;
        if (coopi_load_acquire(place) == word) return coopi_tag_of(word);
    }
    return 0;
}

/* Sets the own place, if there is one, or a free one, to NUMBER; what is in KEEP stays. NULL: there is none. */
uint64_t *coopi_round_take_place(const coop_barrier *barrier, uint32_t tag, uint32_t number, uint32_t keep)
{
    const struct coopi_sync *sync = &barrier->sync;
    uint64_t *place, wanted = (uint64_t)tag << 32 | number;
    while ((place = coopi_sync_word(sync, tag))) {
        uint64_t word = coopi_load_relaxed(place); /* a reset may clear it, or another take it if it is free */
        if (coopi_tag_of(word) == tag && coopi_cas_both(place, &word, wanted | (word & keep))) return place;
    }
    uint32_t at = (tag & COOPI_ROW_MASK) % barrier->parties;
    for (uint32_t k = 0; k < barrier->parties; k++) {
        place = &sync->words[at];
        uint64_t word = coopi_load_acquire(place);
        if (!coopi_round_is_taken(word, coopi_round_generation(coopi_round_state(barrier))) &&
            coopi_cas_both(place, &word, wanted))
            return place;
        if (++at == barrier->parties) at = 0;
    }
    return NULL;
}

/* Waking. With the bell named. */

void coopi_round_wake_all(const coop_barrier *barrier)
{
    struct coopi_barrier_shm *shm = barrier->shm;
    uint64_t reached = coopi_round_state(barrier) & ~COOPI_BARRIER_ARRIVED;
    coopi_bell_ring(&shm->bell);
    coopi_store_release(&shm->woken, reached);
}

/* Whoever comes back from a sleep may be the one whom the kernel woke for somebody that was killed. */
void coopi_round_pass_on(const coop_barrier *barrier)
{
    struct coopi_barrier_shm *shm = barrier->shm;
    uint64_t reached = coopi_round_state(barrier) & ~COOPI_BARRIER_ARRIVED, woken = coopi_load_acquire(&shm->woken);
    if (woken != reached && coopi_cas_both(&shm->woken, &woken, reached)) coopi_bell_ring(&shm->bell);
}

/* Breaking */

/* COOPI_BREACH_* or COOP_BARRIER_*, and the tag of who; 0: that is not known. */
uint32_t coopi_round_breach(const coop_barrier *barrier, uint64_t generation, uint32_t *ret_tag)
{
    uint64_t breach = coopi_load_acquire(&barrier->shm->breach);
    uint32_t high = coopi_tag_of(breach);
    if (((high >> 3) ^ generation) & BREACH_GENERATION) return 0;
    *ret_tag = (uint32_t)breach;
    return high & COOPI_BREACH_REASON;
}

/* False: the generation is over, or broken already. */
static bool break_state(const coop_barrier *barrier, uint64_t generation, uint32_t reason, uint32_t tag)
{
    struct coopi_barrier_shm *shm = barrier->shm;
    uint64_t breach = coopi_load_acquire(&shm->breach), state = coopi_round_state(barrier);
    uint64_t ours = ((generation & BREACH_GENERATION) << 3 | reason) << 32 | tag;
    uint32_t other;
    if (coopi_round_generation(state) != generation || (state & COOPI_BARRIER_BROKEN)) return false;
    if (!coopi_round_breach(barrier, generation, &other)) coopi_cas_both(&shm->breach, &breach, ours);
    do {
        if (coopi_round_generation(state) != generation || (state & COOPI_BARRIER_BROKEN)) return false;
    } while (!coopi_cas_both(&shm->state, &state, state | COOPI_BARRIER_BROKEN));
    coopi_round_wake_all(barrier);
    return true;
}

/* Takes the guard; who died with it was within a reset. */
static int enter_guard(const coop_barrier *barrier, int64_t deadline)
{
    uint32_t dead = 0;
    int r = coopi_sync_enter(&barrier->sync, deadline, &dead);
    if (r == COOP_OWNER_DIED) coopi_sync_record(&barrier->sync, dead);
    return r < 0 ? r : 0;
}

bool coopi_round_break(const coop_barrier *barrier, uint64_t generation, uint32_t reason, uint32_t tag)
{
    if (!break_state(barrier, generation, reason, tag)) return false;
    if (coopi_round_breach(barrier, generation, &tag) == COOP_BARRIER_DIED && enter_guard(barrier, 0) == 0) {
        coopi_sync_record(&barrier->sync, tag);
        coopi_sync_leave(&barrier->sync);
    }
    return true;
}

/* Who broke it; false: not known any more. */
bool coopi_round_breaker(const coop_barrier *barrier, uint32_t reason, uint32_t tag, coop_lock_holder *ret_who)
{
    struct coopi_owner_name name;
    coopi_owner_describe(barrier->sync.object.map, tag, &name);
    if (!name.pid) /* its row has a new owner */
        return reason == COOP_BARRIER_DIED &&
               coopi_lock_last_death(&barrier->sync.object, &barrier->sync.shm->guard, ret_who) == 0;
    *ret_who = (coop_lock_holder){.pid = name.pid, .tid = name.tid};
    memcpy(ret_who->command, name.command, sizeof ret_who->command);
    return true;
}

int coopi_round_say_broken(const coop_barrier *barrier, uint64_t state)
{
    static const char *const deeds[] = {
        "broke it",   "died",      "timed out waiting", "was interrupted", "failed to do the action",
        "aborted it", "resets it", "broke it"};
    coop_lock_holder who;
    uint32_t tag = 0, reason = coopi_round_breach(barrier, coopi_round_generation(state), &tag);
    if (!coopi_round_breaker(barrier, reason, tag, &who))
        return coopi_fail(EPIPE, "%s: broken: somebody %s; reset it", coopi_object_label(&barrier->sync.object),
                          deeds[reason]);
    return coopi_fail(EPIPE, "%s: broken: thread %d of process %d (%s) %s; reset it",
                      coopi_object_label(&barrier->sync.object), who.tid, who.pid, who.command, deeds[reason]);
}

/* Resetting. With the guard. */

/* Tells who waited with TAG that its generation came to no end. Its seat may be another's by now, who waits elsewhere:
 * then it has another sequence. */
static void send_away(const coop_barrier *barrier, uint32_t tag)
{
    const struct coopi_waitlist *list = &barrier->sync.list;
    uint32_t row = tag & COOPI_ROW_MASK;
    if (row >= list->map->owner_count) return;
    struct coopi_seat *seat = coopi_seat_of(list, row + 1);
    uint32_t state = coopi_load_acquire(&seat->state);
    if (coopi_load_acquire(&seat->who) != ((uint64_t)tag << 32 | list->number)) return;
    if ((state & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING)
        coopi_cas_both(&seat->state, &state, (state & ~COOPI_SEAT_MASK) | COOPI_SEAT_LEFT);
}

/* From a broken generation to the next. Only who has the guard goes that way. */
static void begin_anew(const coop_barrier *barrier, uint64_t generation)
{
    for (uint32_t i = 0; i < barrier->parties; i++) {
        uint64_t *place = &barrier->sync.words[i], word = coopi_load_acquire(place);
        uint32_t tag = coopi_tag_of(word);
        if (coopi_round_has_arrived(word, generation)) send_away(barrier, tag);
        bool stays = (word & COOPI_PARTY_JOINED) && !coopi_dead(barrier->sync.object.map, tag);
        coopi_cas_both(place, &word, stays ? (uint64_t)tag << 32 | COOPI_PARTY_JOINED : 0);
    }
    coopi_store_release(&barrier->shm->state, coopi_round_begin(generation + 1));
    coopi_round_wake_all(barrier);
}

static bool is_being_reset(const coop_barrier *barrier, uint64_t state)
{
    uint32_t tag;
    return (state & COOPI_BARRIER_BROKEN) &&
           coopi_round_breach(barrier, coopi_round_generation(state), &tag) == COOPI_BREACH_RESET;
}

static int finish_reset(const coop_barrier *barrier, int64_t deadline)
{
    int r = enter_guard(barrier, deadline);
    if (r < 0) return r;
    uint64_t state = coopi_round_state(barrier);
    if (is_being_reset(barrier, state)) begin_anew(barrier, coopi_round_generation(state));
    coopi_sync_leave(&barrier->sync);
    return 0;
}

/* The state, once a reset that was begun is finished, and a death that nobody has noticed is noticed. */
int coopi_round_settle(const coop_barrier *barrier, int64_t deadline, uint64_t *ret_state)
{
    for (;;) {
        uint64_t state = coopi_round_state(barrier), generation = coopi_round_generation(state);
        uint32_t dead = state & COOPI_BARRIER_BROKEN ? 0 : coopi_round_find_dead(barrier, generation);
        if (dead) {
            coopi_round_break(barrier, generation, COOP_BARRIER_DIED, dead);
            continue;
        }
        if (!is_being_reset(barrier, state)) {
            *ret_state = state;
            return 0;
        }
        int r = finish_reset(barrier, deadline);
        if (r < 0) return r;
    }
}

int coopi_round_reset(const coop_barrier *barrier, uint32_t tag)
{
    uint64_t state;
    int r = enter_guard(barrier, COOPI_NEVER);
    if (r < 0) return r;
    while (!coopi_round_is_broken(state = coopi_round_state(barrier)))
        break_state(barrier, coopi_round_generation(state), COOPI_BREACH_RESET, tag);
    begin_anew(barrier, coopi_round_generation(state));
    coopi_sync_leave(&barrier->sync);
    return 0;
}
