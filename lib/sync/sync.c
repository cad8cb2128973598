/* SPDX-License-Identifier: MIT */
/* What Semaphore, Condition, Barrier and RWLock share. */
#include "sync/sync.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/spin.h"
#include "segment/sleep.h"

#include <coop/common.h>
#include <string.h>

#define GRACE INT64_C(10000000)

int coopi_sync_bind(struct coopi_sync *sync)
{
    struct coopi_object *object = &sync->object;
    uint64_t lock = object->entry_flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
    uint64_t least = lock + sizeof(struct coopi_sync_shm);
    bool fits = object->body_size >= least && object->length <= COOPI_ROWS_MAX &&
                object->length <= (object->body_size - least) / sizeof(uint64_t);
    if (!fits) {
        int r = coopi_fail(EBADMSG, "%s: damaged: %zu bytes are too few for it; remove the segment",
                           coopi_object_label(object), (size_t)object->body_size);
        coopi_object_close(object);
        return r;
    }
    sync->shm = (struct coopi_sync_shm *)(void *)(object->body + lock);
    sync->words = (uint64_t *)(void *)(sync->shm + 1);
    sync->word_count = (uint32_t)object->length;
    sync->list = (struct coopi_waitlist){.map = object->map, .shm = &sync->shm->waiting, .number = object->number + 1};
    return 0;
}

/* The guard is never held for long, but by who is stopped: a short time-out waits for it a little longer. */
int coopi_sync_enter_slowly(const struct coopi_sync *sync, int64_t deadline, uint32_t *ret_dead)
{
    int64_t timeout = COOP_FOREVER;
    if (deadline != COOPI_NEVER) {
        timeout = deadline - coopi_now();
        if (timeout < GRACE) timeout = GRACE;
    }
    struct coopi_robust *guard = &sync->shm->guard.robust;
    int spins = (coopi_load_relaxed(&guard->word) & COOPI_TID_MASK) && coopi_spin_pays() ? COOPI_SPINS : 0;
    while (spins-- > 0 && (coopi_load_relaxed(&guard->word) & COOPI_TID_MASK)) coopi_pause();
    int r = coopi_robust_acquire(sync->object.map, guard, timeout, 0, ret_dead);
    const char *label = coopi_object_label(&sync->object);
    if (r == -ETIMEDOUT)
        return coopi_fail(ETIMEDOUT, "%s: timed out: a process is stopped within a call on it; see `shmctl show`",
                          label);
    if (r == -EDEADLK) return coopi_fail(EDEADLK, "%s: a signal handler may not use it while its thread does", label);
    return r;
}

uint64_t *coopi_sync_search(const struct coopi_sync *sync, uint32_t tag)
{
    uint32_t count = sync->word_count, at = coopi_sync_first(sync, tag);
    for (uint32_t k = 0; k < count; k++) {
        uint64_t *word = &sync->words[at];
        if (coopi_tag_of(coopi_load_relaxed(word)) == tag) return word;
        if (++at == count) at = 0;
    }
    return NULL;
}

uint64_t *coopi_sync_word_or_free(const struct coopi_sync *sync, uint32_t tag)
{
    uint64_t *word = coopi_sync_word(sync, tag);
    uint32_t count = sync->word_count, at = coopi_sync_first(sync, tag);
    for (uint32_t k = 0; !word && k < count; k++) {
        if (coopi_load_relaxed(&sync->words[at]) == 0) word = &sync->words[at];
        if (++at == count) at = 0;
    }
    return word;
}

unsigned coopi_sync_standing(const struct coopi_sync *sync, uint32_t from, uint32_t *tags, unsigned room)
{
    unsigned count = 0;
    uint32_t own = coopi_sync_tag(sync), words = sync->word_count, at = words ? from % words : 0;
    for (uint32_t k = 0; k < words && count < room; k++) {
        uint32_t tag = coopi_tag_of(coopi_load_relaxed(&sync->words[at]));
        if (tag && tag != own) tags[count++] = tag;
        if (++at == words) at = 0;
    }
    return count;
}

bool coopi_sync_ask(const struct coopi_sync *sync)
{
    struct coopi_self *self = coopi_self_;
    int64_t now = coopi_now();
    uint32_t tag;
    if (now - self->last_evidence < COOPI_SLICE) return false;
    self->last_evidence = now;
    return coopi_sync_standing(sync, (uint32_t)(now / COOPI_SLICE), &tag, 1) &&
           coopi_owner_second_evidence(sync->object.map, tag);
}

static const char *object_name(const struct coopi_object *object)
{
    const char *slash = object->path ? strrchr(object->path, '/') : NULL;
    return slash ? slash + 1 : NULL;
}

void coopi_sync_record(const struct coopi_sync *sync, uint32_t tag)
{
    if (tag) coopi_death_record(sync->object.map, &sync->shm->guard.death, tag, object_name(&sync->object));
}

void coopi_sync_mend(const struct coopi_sync *sync, uint32_t dead)
{
    coopi_sync_record(sync, dead);
    coopi_waitlist_mend(&sync->list);
    coopi_waitlist_wake_granted(&sync->list);
}

/* They that stand in the object come first. */
void coopi_sync_watch(const struct coopi_sync *sync, struct coopi_turn *turn, struct coopi_watch *ret_watch)
{
    const unsigned most = COOPI_SYNC_WATCHED;
    const struct coopi_waitlist *list = &sync->list;
    uint32_t *tags = ret_watch->tags, state = coopi_load_acquire(&coopi_seat_of(list, turn->row)->state);
    unsigned count = coopi_sync_standing(sync, turn->row + turn->sleeps, tags, most * 2 / 3);
    if (turn->overtaken) count = coopi_waitlist_behind(list, turn->row, tags, count, most * 5 / 6);
    ret_watch->bell = coopi_load_acquire(&list->shm->bell);
    ret_watch->count = coopi_waitlist_before(list, turn->row, tags, count, most);
    if ((state & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING) turn->waiting = state; /* it may have been stirred */
}

/* At the end of a slice one of the watched is asked for in /proc: another one each time, and another one by each
 * sleeper, for a hundred sleepers are not to cost anything. Its place is the last. */
static unsigned put_last(struct coopi_watch *watch, uint32_t turn)
{
    if (watch->count < 2) return 0;
    uint32_t *last = &watch->tags[watch->count - 1], *asked = &watch->tags[turn % watch->count], tag = *asked;
    *asked = *last;
    *last = tag;
    return watch->count - 1;
}

void coopi_sync_doze(const struct coopi_sync *sync, struct coopi_turn *turn, struct coopi_watch *watch)
{
    unsigned unasked = put_last(watch, turn->row + turn->sleeps++);
    const struct coopi_waitlist *list = &sync->list;
    turn->result = 0;
    const uint32_t *seat = &coopi_seat_of(list, turn->row)->state;
    int spins = coopi_spin_pays() ? COOPI_SPINS : 0;
    while (spins-- > 0 && coopi_load_relaxed(seat) == turn->waiting) coopi_pause();
    if (!coopi_sync_granted(sync, turn))
        turn->result = coopi_waitlist_sleep(list, turn->row, turn->waiting, watch->bell, watch->tags, watch->count,
                                            unasked, turn->deadline);
}

void coopi_sync_sleep(const struct coopi_sync *sync, struct coopi_turn *turn)
{
    struct coopi_watch watch;
    coopi_sync_watch(sync, turn, &watch);
    coopi_sync_leave(sync);
    coopi_sync_doze(sync, turn, &watch);
}

bool coopi_sync_granted(const struct coopi_sync *sync, const struct coopi_turn *turn)
{
    uint32_t state = coopi_load_acquire(&coopi_seat_of(&sync->list, turn->row)->state);
    return (state & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED;
}

bool coopi_sync_is_over(const struct coopi_sync *sync, const struct coopi_turn *turn, int *ret_why)
{
    if (turn->result != -ETIMEDOUT && !(turn->result == -EINTR && (sync->object.flags & COOP_INTR))) return false;
    *ret_why = turn->result;
    return true;
}

bool coopi_sync_give_up_turn(const struct coopi_sync *sync, const struct coopi_turn *turn)
{
    uint32_t *seat = &coopi_seat_of(&sync->list, turn->row)->state, state = coopi_load_acquire(seat);
    while ((state & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING)
        if (coopi_cas_both(seat, &state, (state & ~COOPI_SEAT_MASK) | COOPI_SEAT_LEFT)) return true;
    return false;
}

bool coopi_sync_hand_back(const struct coopi_sync *sync, const struct coopi_turn *turn)
{
    uint32_t *seat = &coopi_seat_of(&sync->list, turn->row)->state, state = coopi_load_acquire(seat);
    return (state & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED && coopi_cas_both(seat, &state, state | COOPI_SEAT_LEFT);
}
