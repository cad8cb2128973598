/* SPDX-License-Identifier: MIT */
/* Barrier: parties that wait until all of them have come. */
#include <coop/barrier.h>

#include "sync/round.h"

#include "base/clock.h"
#include "base/error.h"
#include "segment/sleep.h"
#include "sync/bell.h"
#include "sync/holding.h"

#include <inttypes.h>
#include <stdlib.h>

#define WATCHED 24
#define ASKS_EVERY 4 /* sleeps: deaths that the kernel could not mark are rare, and /proc is slow */

static const char *label_of(const coop_barrier *barrier)
{
    return coopi_object_label(&barrier->sync.object);
}

/* Opening */

static int check_parties(const coop_barrier *barrier, uint32_t parties)
{
    uint32_t has = coopi_load_relaxed(&barrier->shm->parties);
    if (has != parties)
        return coopi_fail(EINVAL, "%s: is for %" PRIu32 " parties, not %" PRIu32 "; open it with that number",
                          label_of(barrier), has, parties);
    uint32_t places = barrier->sync.word_count;
    if (places >= parties) return 0;
    return coopi_fail(EBADMSG, "%s: damaged: it has places for %" PRIu32 " of its %" PRIu32 " parties; remove it",
                      label_of(barrier), places, parties);
}

static int bind(coop_barrier *barrier, uint32_t parties)
{
    int r = coopi_sync_bind(&barrier->sync);
    if (r < 0) return r;
    barrier->shm = &barrier->sync.shm->barrier;
    r = check_parties(barrier, parties);
    if (r < 0) coopi_object_close(&barrier->sync.object);
    return r;
}

static int open_barrier(coop_segment *segment, const char *name, uint32_t parties, int flags,
                        coop_barrier **ret_barrier)
{
    const char *label = name ? name : "nameless barrier";
    if (parties == 0 || parties > COOP_PARTIES_MAX)
        return coopi_fail(EINVAL, "%s: a barrier is for 1 to %d parties, not %" PRIu32, label, COOP_PARTIES_MAX,
                          parties);
    const struct coopi_sync_shm initial = {.barrier = {.parties = parties}};
    const struct coopi_want want = {
        .kind = COOPI_BARRIER,
        .length = parties,
        .has_words = true,
        .body_size = sizeof initial,
        .initial = &initial,
        .initial_size = sizeof initial,
        .threads = parties,
    };
    coop_barrier *barrier = calloc(1, sizeof *barrier);
    if (!barrier) return coopi_fail(ENOMEM, "%s: out of memory", label);
    struct coopi_object *object = &barrier->sync.object;
    int r =
        segment ? coopi_object_in(segment, name, &want, flags, object) : coopi_object_open(name, &want, flags, object);
    if (r == 0) r = bind(barrier, parties);
    if (r < 0) {
        free(barrier);
        return r;
    }
    barrier->parties = parties;
    *ret_barrier = barrier;
    return 0;
}

int coop_barrier_open(const char *path, uint32_t parties, int flags, coop_barrier **ret_barrier)
{
    return open_barrier(NULL, path, parties, flags, ret_barrier);
}

int coop_barrier_in(coop_segment *segment, const char *name, uint32_t parties, int flags, coop_barrier **ret_barrier)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless barrier");
    return open_barrier(segment, name, parties, flags, ret_barrier);
}

int coop_barrier_new(uint32_t parties, coop_barrier **ret_barrier)
{
    return open_barrier(NULL, NULL, parties, 0, ret_barrier);
}

/* What stands in the place of TAG; 0: it has none. One that has not joined may lose its place while it is looked at. */
static uint64_t own_word(const coop_barrier *barrier, uint32_t tag)
{
    const uint64_t *place = coopi_sync_word(&barrier->sync, tag);
    uint64_t word = place ? coopi_load_acquire(place) : 0;
    return coopi_tag_of(word) == tag ? word : 0;
}

static uint64_t *own_place(const coop_barrier *barrier)
{
    const struct coopi_self *self = coopi_self_;
    uint32_t tag = self ? coopi_tag_of(self->id[barrier->sync.object.slot]) : 0;
    return tag ? coopi_sync_word(&barrier->sync, tag) : NULL;
}

void coop_barrier_close(coop_barrier *barrier)
{
    if (!barrier) return;
    const struct coopi_self *self = coopi_self_;
    uint32_t tag = self ? coopi_tag_of(self->id[barrier->sync.object.slot]) : 0;
    if (tag && (own_word(barrier, tag) & COOPI_PARTY_JOINED))
        coopi_keep_detail("%s: closed while this thread has joined it: it still has; open it again to leave",
                          label_of(barrier));
    coopi_object_close(&barrier->sync.object);
    free(barrier);
}

void coop_barrier_set_action(coop_barrier *barrier, coop_barrier_action action, void *user)
{
    barrier->action = action;
    barrier->user = user;
}

/* Makes this thread an owner, and names the bell. */
static int enter(const coop_barrier *barrier, uint32_t *ret_tag, struct coopi_naming *ret_naming)
{
    struct coopi_self *self = coopi_self_;
    if (coopi_unlikely(!self || !self->id[barrier->sync.object.slot])) {
        int r = coopi_robust_enter(barrier->sync.object.map, &self);
        if (r < 0) return r;
    }
    *ret_tag = coopi_sync_tag(&barrier->sync);
    *ret_naming = coopi_bell_name(self->head, &barrier->shm->bell);
    return 0;
}

/* Arriving */

/* One call of wait. */
struct visit {
    const coop_barrier *barrier;
    const uint64_t *place; /* NULL: none yet */
    uint64_t generation;   /* that it was taken in */
    uint64_t seen;         /* the state when it last tried to arrive */
    uint32_t bell;         /* before that */
    uint32_t tag;
    uint32_t waiting; /* its seat's state as long as it waits; 0: it has not sat down */
    uint32_t index;
    uint32_t sleeps; /* how many */
    bool at_once;
    int64_t deadline;
};

enum { AGAIN = 1, NO_PLACE, ARRIVED, ARRIVED_LAST };

static struct coopi_seat *seat_of(const struct visit *visit)
{
    return coopi_seat_of(&visit->barrier->sync.list, (visit->tag & COOPI_ROW_MASK) + 1);
}

/* Before the place is taken, so that a reset finds it. */
static void sit_down(struct visit *visit)
{
    struct coopi_seat *seat = seat_of(visit);
    visit->waiting = ((coopi_load_relaxed(&seat->state) >> 2) + 1) << 2 | COOPI_SEAT_WAITING;
    coopi_store_release(&seat->who, 0);
    coopi_store_release(&seat->state, visit->waiting);
    coopi_store_release(&seat->who, (uint64_t)visit->tag << 32 | visit->barrier->sync.list.number);
}

static void stand_up(const struct visit *visit)
{
    coopi_store_release(&seat_of(visit)->who, 0);
}

/* A wait within a wait: by the action. */
static bool is_nested(const struct visit *visit, uint64_t generation)
{
    uint64_t own = own_word(visit->barrier, visit->tag);
    bool ours = visit->place && visit->generation == generation;
    return !ours && own && coopi_round_has_arrived(own, generation);
}

static int try_to_arrive(struct visit *visit)
{
    const coop_barrier *barrier = visit->barrier;
    int r = coopi_round_settle(barrier, visit->deadline, &visit->seen);
    if (r < 0) return r;
    uint64_t state = visit->seen, generation = coopi_round_generation(state);
    uint32_t count = (uint32_t)(state & COOPI_BARRIER_ARRIVED);
    if (coopi_round_is_broken(state)) return coopi_round_say_broken(barrier, state);
    if (is_nested(visit, generation))
        return coopi_fail(EDEADLK, "%s: its action may not wait for it, for it would wait for itself",
                          label_of(barrier));
    if (count >= barrier->parties) return NO_PLACE;
    bool last = count + 1 == barrier->parties;
    if (visit->at_once && !last)
        return coopi_fail(EBUSY, "%s: busy: %" PRIu32 " of %" PRIu32 " parties have arrived; wait for the others",
                          label_of(barrier), count, barrier->parties);
    sit_down(visit);
    visit->place = coopi_round_take_place(
        barrier, visit->tag, COOPI_PARTY_ARRIVED | (generation & COOPI_PARTY_GENERATION), COOPI_PARTY_JOINED);
    if (!visit->place) return NO_PLACE;
    visit->generation = generation;
    visit->index = count;
    uint64_t next = last && !barrier->action ? coopi_round_begin(generation + 1) : state + 1;
    if (!coopi_cas_both(&barrier->shm->state, &state, next)) return AGAIN;
    return last ? ARRIVED_LAST : ARRIVED;
}

/* Waiting */

/* Whose lives are watched: those in the places behind the own one, up to the second that has arrived. So each is
 * watched by two that sleep, and many that sleep do not ask for many that are missing. */
static unsigned choose_watched(const struct visit *visit, uint32_t *tags)
{
    const coop_barrier *barrier = visit->barrier;
    uint64_t generation = coopi_round_generation(visit->seen);
    uint32_t at = visit->place ? (uint32_t)(visit->place - barrier->sync.words) : 0;
    unsigned count = 0, arrived = 0;
    for (uint32_t k = 0; k < barrier->parties && count < WATCHED && arrived < 2; k++) {
        if (++at >= barrier->parties) at = 0;
        uint64_t word = coopi_load_acquire(&barrier->sync.words[at]);
        if (coopi_tag_of(word) == visit->tag || !coopi_round_is_taken(word, generation)) continue;
        arrived += coopi_round_has_arrived(word, generation);
        tags[count++] = coopi_tag_of(word);
    }
    return count;
}

/* One sleep as long as the state is what was seen. True if the wait is to end, with *RET_WHY -ETIMEDOUT or -EINTR. */
static bool sleep_once(struct visit *visit, int *ret_why)
{
    const coop_barrier *barrier = visit->barrier;
    uint32_t tags[WATCHED];
    unsigned count = choose_watched(visit, tags);
    const struct coopi_awaited change = {
        .bell = {&barrier->shm->bell, visit->bell},
        .still = {coopi_low_half(&barrier->shm->state), (uint32_t)visit->seen},
        .unasked = ++visit->sleeps % ASKS_EVERY ? count : 0,
    };
    int r = coopi_sleep(barrier->sync.object.map, &change, tags, count, visit->deadline);
    coopi_round_pass_on(barrier);
    *ret_why = r;
    return r == -ETIMEDOUT || (r == -EINTR && (barrier->sync.object.flags & COOP_INTR));
}

static int say_not_waited(const coop_barrier *barrier, int why)
{
    if (why == -ETIMEDOUT)
        return coopi_fail(ETIMEDOUT, "%s: timed out: not all of %" PRIu32 " parties came; it is broken now, reset it",
                          label_of(barrier), barrier->parties);
    return coopi_fail(-why, "%s: a signal ended the wait; it is broken now, reset it", label_of(barrier));
}

/* Its generation is over, or broken. */
static int how_it_ended(const struct visit *visit, uint64_t state)
{
    const coop_barrier *barrier = visit->barrier;
    uint32_t tag;
    if (coopi_round_generation(state) == visit->generation) {
        if (coopi_round_breach(barrier, visit->generation, &tag) != COOPI_BREACH_RESET)
            return coopi_round_say_broken(barrier, state);
    } else if (coopi_load_acquire(&seat_of(visit)->state) == visit->waiting) {
        return 0;
    }
    return coopi_fail(EPIPE, "%s: was reset while this thread waited; wait again", label_of(barrier));
}

static int await_end(struct visit *visit)
{
    const coop_barrier *barrier = visit->barrier;
    for (;;) {
        int why;
        visit->bell = coopi_load_acquire(&barrier->shm->bell);
        visit->seen = coopi_round_state(barrier);
        if (coopi_round_generation(visit->seen) != visit->generation || coopi_round_is_broken(visit->seen))
            return how_it_ended(visit, visit->seen);
        uint32_t dead = coopi_round_find_dead(barrier, visit->generation);
        if (dead)
            coopi_round_break(barrier, visit->generation, COOP_BARRIER_DIED, dead);
        else if (sleep_once(visit, &why) &&
                 coopi_round_break(barrier, visit->generation,
                                   why == -EINTR ? COOP_BARRIER_INTERRUPTED : COOP_BARRIER_TIMED_OUT, visit->tag))
            return say_not_waited(barrier, why);
    }
}

/* The action may have left nothing named: a robust mutex of glibc's does that. */
static int act(const struct visit *visit)
{
    const coop_barrier *barrier = visit->barrier;
    int r = barrier->action(barrier->user);
    (void)coopi_bell_name(coopi_self_->head, &barrier->shm->bell);
    if (r < 0) {
        coopi_round_break(barrier, visit->generation, COOP_BARRIER_ACTION, visit->tag);
        return coopi_fail(-r, "%s: its action failed, and it is broken now; reset it", label_of(barrier));
    }
    uint64_t state = coopi_round_begin(visit->generation) | barrier->parties;
    if (!coopi_cas_both(&barrier->shm->state, &state, coopi_round_begin(visit->generation + 1)))
        return how_it_ended(visit, state);
    coopi_round_wake_all(barrier);
    return 0;
}

static bool all_have_joined(const coop_barrier *barrier)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < barrier->parties; i++)
        count += (coopi_load_acquire(&barrier->sync.words[i]) & COOPI_PARTY_JOINED) != 0;
    return count == barrier->parties;
}

/* All places are taken by those of this round. */
static int await_room(struct visit *visit)
{
    const coop_barrier *barrier = visit->barrier;
    int why = -EBUSY;
    if (!coopi_sync_word(&barrier->sync, visit->tag) && all_have_joined(barrier))
        return coopi_fail(EBUSY, "%s: all of its %" PRIu32 " places belong to others that have joined",
                          label_of(barrier), barrier->parties);
    if (!visit->at_once && !sleep_once(visit, &why)) return AGAIN;
    return coopi_fail(-why, "%s: all of its %" PRIu32 " places were taken by others all the time; nothing is broken",
                      label_of(barrier), barrier->parties);
}

static int come_and_wait(struct visit *visit)
{
    int r;
    do {
        visit->bell = coopi_load_acquire(&visit->barrier->shm->bell);
        r = try_to_arrive(visit);
        if (r == NO_PLACE) r = await_room(visit);
    } while (r == AGAIN);
    if (r == ARRIVED) return await_end(visit);
    if (r == ARRIVED_LAST && visit->barrier->action) return act(visit);
    if (r != ARRIVED_LAST) return r;
    coopi_round_wake_all(visit->barrier);
    return 0;
}

int coop_barrier_wait(coop_barrier *barrier, int64_t timeout, uint32_t *ret_index)
{
    struct coopi_naming naming;
    struct visit visit = {.barrier = barrier, .at_once = timeout == COOP_NOWAIT, .deadline = coopi_deadline(timeout)};
    int r = enter(barrier, &visit.tag, &naming);
    if (r < 0) return r;
    r = come_and_wait(&visit);
    if (visit.waiting) stand_up(&visit); /* the seat of a nested wait is the outer one's */
    coopi_bell_unname(naming);
    if (r == 0 && ret_index) *ret_index = visit.index;
    return r;
}

/* Joining */

static int take_and_join(const coop_barrier *barrier, uint32_t tag)
{
    uint64_t state;
    int r = coopi_round_settle(barrier, COOPI_NEVER, &state);
    if (r < 0) return r;
    if (coopi_round_is_broken(state)) return coopi_round_say_broken(barrier, state);
    uint32_t *stands = &coopi_self_->stands[barrier->sync.object.slot];
    coopi_put(*stands, *stands + 1);
    if (coopi_round_take_place(barrier, tag, COOPI_PARTY_JOINED, COOPI_PARTY_ARRIVED | COOPI_PARTY_GENERATION)) {
        coopi_bell_ring(&barrier->shm->bell); /* those that sleep watch the new one too */
        return 0;
    }
    coopi_put(*stands, *stands - 1);
    return coopi_fail(EBUSY, "%s: all of its %" PRIu32 " places are taken; somebody has to leave", label_of(barrier),
                      barrier->parties);
}

int coop_barrier_join(coop_barrier *barrier)
{
    uint32_t tag;
    struct coopi_naming naming;
    int r = enter(barrier, &tag, &naming);
    if (r < 0) return r;
    r = own_word(barrier, tag) & COOPI_PARTY_JOINED ? 0 : take_and_join(barrier, tag);
    coopi_bell_unname(naming);
    return r;
}

int coop_barrier_leave(coop_barrier *barrier)
{
    uint64_t *place = own_place(barrier), word = place ? coopi_load_relaxed(place) : 0;
    if (!(word & COOPI_PARTY_JOINED) || coopi_tag_of(word) != coopi_sync_tag(&barrier->sync))
        return coopi_fail(EPERM, "%s: this thread has not joined it; join first", label_of(barrier));
    struct coopi_naming naming = coopi_bell_name(coopi_self_->head, &barrier->shm->bell);
    while (!coopi_cas_both(place, &word, word & COOPI_PARTY_ARRIVED ? word & ~(uint64_t)COOPI_PARTY_JOINED : 0))
        continue;
    uint32_t *stands = &coopi_self_->stands[barrier->sync.object.slot];
    coopi_put(*stands, *stands - 1);
    coopi_bell_ring(&barrier->shm->bell); /* somebody may wait for a place */
    coopi_bell_unname(naming);
    return 0;
}

int coop_barrier_reset(coop_barrier *barrier)
{
    uint32_t tag;
    struct coopi_naming naming;
    int r = enter(barrier, &tag, &naming);
    if (r < 0) return r;
    r = coopi_round_reset(barrier, tag);
    coopi_bell_unname(naming);
    return r;
}

int coop_barrier_abort(coop_barrier *barrier)
{
    uint32_t tag;
    struct coopi_naming naming;
    uint64_t state;
    int r = enter(barrier, &tag, &naming);
    if (r < 0) return r;
    do {
        r = coopi_round_settle(barrier, COOPI_NEVER, &state);
    } while (r == 0 && !coopi_round_is_broken(state) &&
             !coopi_round_break(barrier, coopi_round_generation(state), COOP_BARRIER_ABORTED, tag));
    coopi_bell_unname(naming);
    return r;
}

/* Looking */

static int look(const coop_barrier *barrier, uint64_t *ret_state)
{
    uint32_t tag;
    struct coopi_naming naming;
    int r = enter(barrier, &tag, &naming);
    if (r < 0) return r;
    r = coopi_round_settle(barrier, COOPI_NEVER, ret_state);
    coopi_bell_unname(naming);
    return r;
}

uint32_t coop_barrier_parties(const coop_barrier *barrier)
{
    return barrier->parties;
}

int coop_barrier_waiting(coop_barrier *barrier)
{
    uint64_t state;
    int r = look(barrier, &state);
    if (r < 0) return r;
    return coopi_round_is_broken(state) ? 0 : (int)(state & COOPI_BARRIER_ARRIVED);
}

int coop_barrier_joined(coop_barrier *barrier)
{
    uint64_t state;
    int r = look(barrier, &state), count = 0;
    if (r < 0) return r;
    for (uint32_t i = 0; i < barrier->parties; i++) {
        uint64_t word = coopi_load_acquire(&barrier->sync.words[i]);
        bool joined = word & COOPI_PARTY_JOINED;
        count += joined && !coopi_dead(barrier->sync.object.map, coopi_tag_of(word));
    }
    return count;
}

int coop_barrier_broken(coop_barrier *barrier)
{
    uint64_t state;
    uint32_t tag;
    int r = look(barrier, &state);
    if (r < 0 || !coopi_round_is_broken(state)) return r;
    uint32_t reason = coopi_round_breach(barrier, coopi_round_generation(state), &tag);
    return reason >= COOP_BARRIER_DIED && reason <= COOP_BARRIER_ABORTED ? (int)reason : COOP_BARRIER_ABORTED;
}

int coop_barrier_breaker(coop_barrier *barrier, coop_lock_holder *ret_who)
{
    uint64_t state;
    uint32_t tag = 0;
    int r = look(barrier, &state);
    if (r < 0) return r;
    if (!coopi_round_is_broken(state)) return coopi_fail(ENOENT, "%s: it is not broken", label_of(barrier));
    uint32_t reason = coopi_round_breach(barrier, coopi_round_generation(state), &tag);
    if (coopi_round_breaker(barrier, reason, tag, ret_who)) return 0;
    return coopi_fail(ENOENT, "%s: who broke it is not known any more", label_of(barrier));
}

int coop_barrier_last_death(coop_barrier *barrier, coop_lock_holder *ret_holder)
{
    return coopi_lock_last_death(&barrier->sync.object, &barrier->sync.shm->guard, ret_holder);
}

const char *coop_barrier_path(const coop_barrier *barrier)
{
    return barrier->sync.object.path;
}
