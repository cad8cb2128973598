/* SPDX-License-Identifier: MIT */
/* Threads that wait their turn at an object, in order of arrival. */
#include "sync/waitlist.h"

#include "base/atomic.h"
#include "base/futex.h"
#include "segment/owner.h"
#include "segment/sleep.h"

static bool is_ours(const struct coopi_waitlist *list, const struct coopi_seat *seat)
{
    return (uint32_t)coopi_load_acquire(&seat->who) == list->number;
}

/* Does the list go on from PREVIOUS to ROW as it should? Tickets rise, so it has an end. */
static bool is_sound(const struct coopi_waitlist *list, uint32_t previous, uint32_t row)
{
    if (row == 0) return previous == coopi_load_relaxed(&list->shm->tail);
    if (row > list->map->owner_count) return false;
    const struct coopi_seat *seat = coopi_seat_of(list, row);
    if (!is_ours(list, seat) || coopi_load_relaxed(&seat->previous) != previous) return false;
    return !previous || coopi_load_relaxed(&coopi_seat_of(list, previous)->ticket) < coopi_load_relaxed(&seat->ticket);
}

static uint32_t next_as_it_says(const struct coopi_waitlist *list, uint32_t row)
{
    return coopi_load_relaxed(row ? &coopi_seat_of(list, row)->next : &list->shm->head);
}

uint32_t coopi_waitlist_next(const struct coopi_waitlist *list, uint32_t row, uint32_t *ret_mended)
{
    uint32_t next = next_as_it_says(list, row);
    if (is_sound(list, row, next)) return next;
    coopi_waitlist_mend(list);
    ++*ret_mended;
    if (row && !is_ours(list, coopi_seat_of(list, row))) row = 0;
    next = next_as_it_says(list, row);
    return is_sound(list, row, next) ? next : 0; /* broken again already: its next visitor sees it */
}

/* Behind the last one that came earlier. What a peer may write meanwhile leads nowhere else, and not for ever. */
static void insert(const struct coopi_waitlist *list, uint32_t row)
{
    struct coopi_seat *seat = coopi_seat_of(list, row);
    uint64_t ticket = coopi_load_relaxed(&seat->ticket);
    uint32_t rows = list->map->owner_count, before = coopi_load_relaxed(&list->shm->tail), behind = 0;
    for (uint32_t steps = 0; before && before <= rows && steps < rows; steps++) {
        if (coopi_load_relaxed(&coopi_seat_of(list, before)->ticket) <= ticket) break;
        behind = before;
        before = coopi_load_relaxed(&coopi_seat_of(list, before)->previous);
    }
    if (before > rows) before = 0;
    coopi_store_relaxed(&seat->previous, before);
    coopi_store_relaxed(&seat->next, behind);
    coopi_store_relaxed(before ? &coopi_seat_of(list, before)->next : &list->shm->head, row);
    coopi_store_relaxed(behind ? &coopi_seat_of(list, behind)->previous : &list->shm->tail, row);
    coopi_store_relaxed(&list->shm->count, coopi_load_relaxed(&list->shm->count) + 1);
}

static bool has_left(const struct coopi_seat *seat)
{
    uint32_t state = coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK;
    return state != COOPI_SEAT_WAITING && state != COOPI_SEAT_GRANTED;
}

void coopi_waitlist_mend(const struct coopi_waitlist *list)
{
    coopi_store_relaxed(&list->shm->head, 0);
    coopi_store_relaxed(&list->shm->tail, 0);
    coopi_store_relaxed(&list->shm->count, 0);
    for (uint32_t row = 1; row <= list->map->owner_count; row++) {
        struct coopi_seat *seat = coopi_seat_of(list, row);
        uint64_t who = coopi_load_acquire(&seat->who);
        if ((uint32_t)who != list->number) continue;
        if (coopi_dead(list->map, coopi_tag_of(who)) || has_left(seat))
            coopi_cas_both(&seat->who, &who, 0);
        else
            insert(list, row);
    }
}

uint32_t coopi_waitlist_join(const struct coopi_waitlist *list, uint32_t tag, uint32_t want, uint32_t *ret_waiting)
{
    uint32_t row = (tag & COOPI_ROW_MASK) + 1;
    struct coopi_seat *seat = coopi_seat_of(list, row);
    bool stale = is_ours(list, seat);
    coopi_store_release(&seat->who, 0);
    if (stale) coopi_waitlist_mend(list);
    uint32_t waiting =
        (coopi_load_relaxed(&seat->state) / COOPI_SEAT_SEQUENCE + 1) * COOPI_SEAT_SEQUENCE | COOPI_SEAT_WAITING;
    uint32_t tail = list->shm->tail;
    list->shm->ticket++;
    coopi_store_relaxed(&seat->ticket, list->shm->ticket);
    coopi_store_relaxed(&seat->want, want);
    coopi_store_relaxed(&seat->next, 0);
    coopi_store_relaxed(&seat->previous, tail);
    coopi_store_release(&seat->state, waiting);
    coopi_store_release(&seat->who, (uint64_t)tag << 32 | list->number); /* it waits */
    if (tail && (tail > list->map->owner_count || !is_ours(list, coopi_seat_of(list, tail)))) {
        coopi_waitlist_mend(list);
    } else {
        coopi_store_relaxed(tail ? &coopi_seat_of(list, tail)->next : &list->shm->head, row);
        coopi_store_relaxed(&list->shm->tail, row);
        coopi_store_relaxed(&list->shm->count, list->shm->count + 1);
    }
    *ret_waiting = waiting;
    return row;
}

void coopi_waitlist_drop(const struct coopi_waitlist *list, uint32_t row)
{
    struct coopi_seat *seat = coopi_seat_of(list, row);
    uint64_t who = coopi_load_acquire(&seat->who);
    uint32_t before = coopi_load_relaxed(&seat->previous), behind = coopi_load_relaxed(&seat->next);
    bool ours = (uint32_t)who == list->number;
    bool sound = ours && before <= list->map->owner_count && is_sound(list, before, row) && is_sound(list, row, behind);
    if (ours) coopi_cas_both(&seat->who, &who, 0);
    if (!sound) {
        coopi_waitlist_mend(list);
        return;
    }
    coopi_store_relaxed(before ? &coopi_seat_of(list, before)->next : &list->shm->head, behind);
    coopi_store_relaxed(behind ? &coopi_seat_of(list, behind)->previous : &list->shm->tail, before);
    coopi_store_relaxed(&list->shm->count, list->shm->count - 1);
}

static void tally_once(const struct coopi_waitlist *list, struct coopi_tally *tally, uint32_t *mended)
{
    *tally = (struct coopi_tally){0};
    for (uint32_t row = coopi_waitlist_next(list, 0, mended), next; row; row = next) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        uint32_t state = coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK, want = coopi_load_relaxed(&seat->want);
        bool dead = coopi_dead(list->map, coopi_seat_tag(seat));
        if (!dead && state == COOPI_SEAT_GRANTED) {
            tally->granted++;
            tally->granted_want += want;
        }
        if (!dead && state == COOPI_SEAT_WAITING) {
            tally->waiting++;
            tally->waiting_want += want;
        }
        next = coopi_waitlist_next(list, row, mended);
        if (dead || state == COOPI_SEAT_LEFT) coopi_waitlist_drop(list, row);
    }
}

void coopi_waitlist_tally(const struct coopi_waitlist *list, struct coopi_tally *ret_tally)
{
    uint32_t mended, tries = 0;
    do {
        mended = 0;
        tally_once(list, ret_tally, &mended);
    } while (mended && ++tries < 8);
}

bool coopi_waitlist_is_awaited(const struct coopi_waitlist *list)
{
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended))
        if ((coopi_load_acquire(&coopi_seat_of(list, row)->state) & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING) return true;
    return false;
}

bool coopi_waitlist_grant(const struct coopi_waitlist *list, uint32_t row)
{
    struct coopi_seat *seat = coopi_seat_of(list, row);
    uint32_t state = coopi_load_acquire(&seat->state);
    if (!is_ours(list, seat)) return false;
    while ((state & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING) /* it may go to sleep between the look and the swap */
        if (coopi_cas_both(&seat->state, &state, (state & ~COOPI_SEAT_MASK) | COOPI_SEAT_GRANTED)) return true;
    return false;
}

void coopi_waitlist_wake(const struct coopi_waitlist *list, uint32_t row)
{
    const uint32_t *state = &coopi_seat_of(list, row)->state;
    if (coopi_load_relaxed(state) & COOPI_SEAT_ASLEEP) coopi_futex_wake(state, 1);
}

void coopi_waitlist_wake_granted(const struct coopi_waitlist *list)
{
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended)) {
        uint32_t state = coopi_load_acquire(&coopi_seat_of(list, row)->state) & COOPI_SEAT_MASK;
        if (state == COOPI_SEAT_GRANTED) coopi_waitlist_wake(list, row);
    }
}

bool coopi_waitlist_stir(const struct coopi_waitlist *list, uint32_t row)
{
    struct coopi_seat *seat = coopi_seat_of(list, row);
    uint32_t state = coopi_load_acquire(&seat->state);
    if (!is_ours(list, seat)) return false;
    do {
        if ((state & COOPI_SEAT_MASK) != COOPI_SEAT_WAITING) return false;
    } while (!coopi_cas_both(&seat->state, &state, (state & ~COOPI_SEAT_ASLEEP) + COOPI_SEAT_SEQUENCE));
    if (state & COOPI_SEAT_ASLEEP) coopi_futex_wake(&seat->state, 1);
    return true;
}

struct robust_list *coopi_waitlist_begin_waking(const struct coopi_waitlist *list)
{
    struct coopi_self *self = coopi_self_;
    struct robust_list *saved = self->head->list_op_pending;
    coopi_put(self->head->list_op_pending,
              (struct robust_list *)(void *)((char *)&list->shm->bell - COOPI_FUTEX_OFFSET));
    coopi_compiler_barrier();
    return saved;
}

void coopi_waitlist_end_waking(struct robust_list *saved)
{
    coopi_pending_end(coopi_self_, saved);
}

unsigned coopi_waitlist_before(const struct coopi_waitlist *list, uint32_t row, uint32_t *tags, unsigned from,
                               unsigned room)
{
    unsigned count = from;
    while (count < room) {
        uint32_t before = coopi_load_relaxed(&coopi_seat_of(list, row)->previous);
        if (!before || before > list->map->owner_count || !is_sound(list, before, row)) break;
        const struct coopi_seat *seat = coopi_seat_of(list, before);
        if (!is_ours(list, seat)) break;
        tags[count++] = coopi_seat_tag(seat);
        row = before;
    }
    return count;
}

unsigned coopi_waitlist_behind(const struct coopi_waitlist *list, uint32_t row, uint32_t *tags, unsigned from,
                               unsigned room)
{
    unsigned count = from;
    uint32_t at = coopi_load_relaxed(&list->shm->tail), behind = 0;
    while (at && at != row && at <= list->map->owner_count && is_sound(list, at, behind) && count < room) {
        const struct coopi_seat *seat = coopi_seat_of(list, at);
        if (!is_ours(list, seat)) break;
        if (coopi_load_relaxed(&seat->want)) tags[count++] = coopi_seat_tag(seat);
        behind = at;
        at = coopi_load_relaxed(&seat->previous);
    }
    return count;
}

int coopi_waitlist_sleep(const struct coopi_waitlist *list, uint32_t row, uint32_t waiting, uint32_t bell,
                         const uint32_t *tags, unsigned count, unsigned unasked, int64_t deadline)
{
    uint32_t *state = &coopi_seat_of(list, row)->state, seen = waiting, asleep = waiting | COOPI_SEAT_ASLEEP;
    if (!coopi_cas_both(state, &seen, asleep) && seen != asleep) return 0;
    /* Its own word first: where the kernel has no waitv, it is the only one. */
    const struct coopi_awaited event = {.bell = {state, asleep}, .still = {&list->shm->bell, bell}, .unasked = unasked};
    return coopi_sleep(list->map, &event, tags, count, deadline);
}
