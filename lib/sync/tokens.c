/* SPDX-License-Identifier: MIT */
/* The tokens of a condition: who of those that wait has been notified. */
#include "sync/tokens.h"

#include "base/atomic.h"

#define TRIES 8 /* a list that is broken again and again is left to its next visitor */

static struct coopi_condition_shm *shm_of(const struct coopi_sync *sync)
{
    return &sync->shm->condition;
}

struct version {
    uint64_t upto;
    uint64_t granted;
};

/* Tickets that nobody has yet may not be said to have a token. */
static struct version version_of(const struct coopi_sync *sync)
{
    const struct coopi_condition_shm *shm = shm_of(sync);
    uint64_t at = coopi_load_relaxed(&shm->sequence) & 1, last = coopi_load_relaxed(&sync->list.shm->ticket);
    struct version version = {coopi_load_relaxed(&shm->version[at].upto),
                              coopi_load_relaxed(&shm->version[at].granted)};
    if (version.upto > last) version.upto = last;
    return version;
}

static void commit(const struct coopi_sync *sync, const struct version *version)
{
    struct coopi_condition_shm *shm = shm_of(sync);
    uint64_t sequence = coopi_load_relaxed(&shm->sequence) + 1;
    coopi_store_relaxed(&shm->version[sequence & 1].upto, version->upto);
    coopi_store_relaxed(&shm->version[sequence & 1].granted, version->granted);
    coopi_store_release(&shm->sequence, sequence);
}

static bool is_settled(const struct coopi_sync *sync)
{
    const struct coopi_condition_shm *shm = shm_of(sync);
    uint64_t at = coopi_load_relaxed(&shm->sequence) & 1;
    return coopi_load_relaxed(&shm->version[at].granted) == coopi_load_relaxed(&shm->taken) &&
           coopi_load_relaxed(&shm->version[at].upto) <= coopi_load_relaxed(&sync->list.shm->ticket);
}

static uint32_t state_of(const struct coopi_seat *seat)
{
    return coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK;
}

/* What a walk along the line found, and means to do. */
struct deal {
    uint64_t living; /* that have a token already */
    uint64_t picked; /* that get one */
    uint64_t upto;
};

/* Walks along the line, takes the dead out of it, and picks N, and as many more as the dead had tokens; with WHOLE to
 * its very end. TOLD: a death that is recorded already, or 0. False: the list was mended meanwhile, walk again. */
static bool walk(const struct coopi_sync *sync, uint64_t n, bool whole, uint32_t told, struct deal *ret_deal)
{
    const struct coopi_waitlist *list = &sync->list;
    const struct version version = version_of(sync);
    uint64_t taken = coopi_load_relaxed(&shm_of(sync)->taken);
    uint64_t out = version.granted > taken ? version.granted - taken : 0;
    struct deal deal = {.upto = version.upto};
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended), next; row && !mended; row = next) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        uint64_t ticket = coopi_load_relaxed(&seat->ticket);
        uint32_t tag = coopi_seat_tag(seat);
        bool dead = coopi_dead(list->map, tag), has = ticket <= version.upto;
        next = coopi_waitlist_next(list, row, &mended);
        if (dead || state_of(seat) == COOPI_SEAT_LEFT) {
            if (dead && has && tag != told) coopi_sync_record(sync, tag);
            coopi_waitlist_drop(list, row);
        } else if (has) {
            deal.living++;
        } else if (deal.picked < n + (out > deal.living ? out - deal.living : 0)) {
            deal.picked++;
            deal.upto = ticket;
        } else if (!whole) {
            break;
        }
    }
    *ret_deal = deal;
    return mended == 0;
}

/* Lets go on who has a token; with ALL also those that should be up already. True: one of them has just left. */
static bool rouse(const struct coopi_sync *sync, uint64_t upto, bool all)
{
    const struct coopi_waitlist *list = &sync->list;
    uint32_t mended = 0;
    bool left = false;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended)) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        if (mended > TRIES || coopi_load_relaxed(&seat->ticket) > upto) break;
        bool now = coopi_waitlist_grant(list, row);
        if (now || (all && state_of(seat) == COOPI_SEAT_GRANTED)) coopi_waitlist_wake(list, row);
        left = left || state_of(seat) == COOPI_SEAT_LEFT;
    }
    return left;
}

/* True: a token was given to one who did not want it any more. */
static bool deal_out(const struct coopi_sync *sync, uint64_t n, bool whole, bool all, uint32_t told)
{
    const struct coopi_condition_shm *shm = shm_of(sync);
    struct deal deal;
    bool walked = false, left = false;
    for (int tries = 0; !walked && tries < TRIES; tries++) walked = walk(sync, n, whole, told, &deal);
    if (!walked) return false;
    const struct version version = {deal.upto, coopi_load_relaxed(&shm->taken) + deal.living + deal.picked};
    uint64_t at = coopi_load_relaxed(&shm->sequence) & 1;
    bool wakes = all || deal.picked;
    struct robust_list *saved = wakes ? coopi_waitlist_begin_waking(&sync->list) : NULL;
    if (version.upto != shm->version[at].upto || version.granted != shm->version[at].granted) commit(sync, &version);
    if (!wakes) return false;
    left = rouse(sync, version.upto, all);
    coopi_waitlist_end_waking(saved);
    return left;
}

void coopi_tokens_give(const struct coopi_sync *sync, uint64_t n)
{
    bool left = deal_out(sync, n, false, false, 0);
    for (int tries = 0; left && tries < TRIES; tries++) left = deal_out(sync, 0, true, false, 0);
}

static void settle(const struct coopi_sync *sync, bool all, uint32_t told)
{
    bool left = true;
    for (int tries = 0; left && tries < TRIES; tries++) left = deal_out(sync, 0, true, all, told);
}

void coopi_tokens_settle(const struct coopi_sync *sync)
{
    settle(sync, false, 0);
}

int coopi_tokens_enter(const struct coopi_sync *sync, int64_t deadline)
{
    uint32_t dead = 0;
    int r = coopi_sync_enter(sync, deadline, &dead);
    if (coopi_unlikely(r == COOP_OWNER_DIED)) {
        coopi_sync_record(sync, dead);
        coopi_waitlist_mend(&sync->list);
        settle(sync, true, dead);
    }
    return r < 0 ? r : 0;
}

void coopi_tokens_join(const struct coopi_sync *sync, struct coopi_turn *turn)
{
    if (coopi_unlikely(!is_settled(sync))) settle(sync, false, 0);
    turn->row = coopi_waitlist_join(&sync->list, coopi_sync_tag(sync), 0, &turn->waiting);
}

void coopi_tokens_leave_line(const struct coopi_sync *sync, const struct coopi_turn *turn)
{
    struct coopi_condition_shm *shm = shm_of(sync);
    if (coopi_sync_granted(sync, turn)) coopi_store_release(&shm->taken, coopi_load_relaxed(&shm->taken) + 1);
    coopi_waitlist_drop(&sync->list, turn->row);
}

int coopi_tokens_count_waiting(const struct coopi_sync *sync)
{
    const struct coopi_waitlist *list = &sync->list;
    uint32_t mended = 0;
    int count = 0;
    settle(sync, false, 0);
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended))
        count += state_of(coopi_seat_of(list, row)) == COOPI_SEAT_WAITING;
    return count;
}

void coopi_tokens_abandon(const struct coopi_sync *sync, const struct coopi_turn *turn)
{
    uint32_t *seat = &coopi_seat_of(&sync->list, turn->row)->state;
    if (coopi_sync_give_up_turn(sync, turn)) return;
    uint32_t state = coopi_load_acquire(seat);
    if ((state & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED) coopi_cas_both(seat, &state, state | COOPI_SEAT_LEFT);
}
