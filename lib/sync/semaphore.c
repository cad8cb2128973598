/* SPDX-License-Identifier: MIT */
/* Semaphore: permits that know their holder, or only their number. */
#include "sync/semaphore.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/spin.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Opening */

static int check_options(const char *label, uint32_t permits, int flags)
{
    if (permits > COOP_PERMITS_MAX)
        return coopi_fail(EINVAL, "%s: %" PRIu32 " permits are too many; at most %d", label, permits, COOP_PERMITS_MAX);
    if ((flags & COOP_BOUNDED) && !(flags & COOP_COUNTING))
        return coopi_fail(EINVAL, "%s: COOP_BOUNDED goes with COOP_COUNTING; an owned semaphore is bounded by nature",
                          label);
    if ((flags & COOP_CREATE) && !(flags & COOP_COUNTING) && permits == 0)
        return coopi_fail(
            EINVAL, "%s: an owned semaphore with 0 permits never has any; give it some, or use COOP_COUNTING", label);
    return 0;
}

/* No more threads can hold permits than there are permits, or threads. */
static int open_semaphore(coop_segment *segment, const char *name, uint32_t permits, int flags,
                          coop_semaphore **ret_semaphore)
{
    const char *label = name ? name : "nameless semaphore";
    bool counting = flags & COOP_COUNTING;
    if (!name) flags |= COOP_CREATE;
    int r = check_options(label, permits, flags);
    if (r < 0) return r;
    const struct coopi_sync_shm initial = {
        .semaphore = {.total = permits, .permits = permits, .available = permits},
    };
    const struct coopi_want want = {
        .kind = COOPI_SEMAPHORE,
        .entry_flags = (counting ? COOPI_ENTRY_COUNTING : 0) | (flags & COOP_BOUNDED ? COOPI_ENTRY_BOUNDED : 0),
        .length = counting ? 0 : permits,
        .has_words = true,
        .body_size = sizeof initial,
        .initial = &initial,
        .initial_size = sizeof initial,
        .flags = COOP_COUNTING | COOP_BOUNDED,
    };
    coop_semaphore *semaphore = malloc(sizeof *semaphore);
    if (!semaphore) return coopi_fail(ENOMEM, "%s: out of memory", label);
    struct coopi_object *object = &semaphore->sync.object;
    r = segment ? coopi_object_in(segment, name, &want, flags, object) : coopi_object_open(name, &want, flags, object);
    if (r == 0) r = coopi_sync_bind(&semaphore->sync);
    if (r < 0) {
        free(semaphore);
        return r;
    }
    semaphore->shm = &semaphore->sync.shm->semaphore;
    semaphore->counting = object->entry_flags & COOPI_ENTRY_COUNTING;
    *ret_semaphore = semaphore;
    return 0;
}

int coop_semaphore_open(const char *path, uint32_t permits, int flags, coop_semaphore **ret_semaphore)
{
    return open_semaphore(NULL, path, permits, flags, ret_semaphore);
}

int coop_semaphore_in(coop_segment *segment, const char *name, uint32_t permits, int flags,
                      coop_semaphore **ret_semaphore)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless semaphore");
    return open_semaphore(segment, name, permits, flags, ret_semaphore);
}

int coop_semaphore_new(uint32_t permits, int flags, coop_semaphore **ret_semaphore)
{
    return open_semaphore(NULL, NULL, permits, flags, ret_semaphore);
}

void coop_semaphore_close(coop_semaphore *semaphore)
{
    if (!semaphore) return;
    uint32_t held = coop_semaphore_held(semaphore);
    if (held)
        coopi_keep_detail("%s: closed while this thread holds %" PRIu32
                          " of its permits: they stay held; open it again to release them",
                          coopi_semaphore_label(semaphore), held);
    coopi_object_close(&semaphore->sync.object);
    free(semaphore);
}

/* The words and the line. All of it under the guard. */

/* Permits in the hands of the living; the words of the dead are freed. */
static uint64_t count_held(const coop_semaphore *semaphore, uint32_t told)
{
    const struct coopi_sync *sync = &semaphore->sync;
    uint64_t held = 0;
    for (uint32_t i = 0; i < sync->word_count; i++) {
        uint64_t word = coopi_load_relaxed(&sync->words[i]);
        uint32_t tag = coopi_tag_of(word);
        if (!word) continue;
        if (!coopi_dead(sync->object.map, tag)) {
            held += (uint32_t)word;
            continue;
        }
        if (tag != told) coopi_sync_record(sync, tag);
        coopi_store_relaxed(&sync->words[i], 0);
    }
    return held;
}

/* An owned semaphore's turn, made whole: may be done again after a death. The waiter is woken before its seat goes, for
 * until then it is found by who does it again. */
static void complete(const coop_semaphore *semaphore)
{
    const struct coopi_sync *sync = &semaphore->sync;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    uint32_t row = coopi_load_relaxed(&shm->giving_to);
    uint64_t giving = coopi_load_relaxed(&shm->giving);
    uint64_t *word = coopi_sync_word_or_free(sync, coopi_tag_of(giving));
    if (word) coopi_store_release(word, giving);
    coopi_waitlist_wake(&sync->list, row);
    coopi_waitlist_drop(&sync->list, row);
    coopi_store_release(&shm->giving_to, 0);
}

/* Gives the waiter in ROW the word that it has from now on. False: it waits no longer; or its word cannot be written,
 * for the dead have them all, and *RET_FULL is set. */
static bool give_word(const coop_semaphore *semaphore, uint32_t row, uint32_t want, bool *ret_full)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    uint32_t tag = coopi_seat_tag(coopi_seat_of(list, row));
    const uint64_t *word = coopi_sync_word_or_free(&semaphore->sync, tag);
    *ret_full = !word;
    if (!word) return false;
    uint32_t held = coopi_tag_of(coopi_load_relaxed(word)) == tag ? (uint32_t)coopi_load_relaxed(word) : 0;
    coopi_store_relaxed(&shm->giving, (uint64_t)tag << 32 | (held + want));
    coopi_store_release(&shm->giving_to, row);
    bool granted = coopi_waitlist_grant(list, row); /* the commit */
    if (granted)
        complete(semaphore);
    else
        coopi_store_release(&shm->giving_to, 0);
    return granted;
}

/* A counting one's permits are the waiter's once it has taken them off itself: if it dies before, they are still here.
 */
static bool give_number(const coop_semaphore *semaphore, uint32_t row)
{
    if (!coopi_waitlist_grant(&semaphore->sync.list, row)) return false;
    coopi_waitlist_wake(&semaphore->sync.list, row);
    return true;
}

/* Gives turns away, from the first in line on, as far as the permits reach. The list's bell is named. */
static void serve(const coop_semaphore *semaphore)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended), next; row; row = next) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        uint32_t want = coopi_load_relaxed(&seat->want);
        bool dead = coopi_dead(list->map, coopi_seat_tag(seat)), full = false, given = false;
        bool has_turn = (coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED;
        next = coopi_waitlist_next(list, row, &mended);
        if (!dead && has_turn) continue;
        if (!dead && want > shm->available) break;
        if (!dead) given = semaphore->counting ? give_number(semaphore, row) : give_word(semaphore, row, want, &full);
        if (full) break;
        if (given)
            coopi_store_relaxed(&shm->available, shm->available - want);
        else
            coopi_waitlist_drop(list, row);
    }
}

/* Makes anew what is derived, and serves who waits. TOLD: a death that is recorded already, or 0. */
void coopi_semaphore_recount(const coop_semaphore *semaphore, uint32_t told)
{
    struct coopi_semaphore_shm *shm = semaphore->shm;
    struct coopi_tally tally;
    coopi_waitlist_tally(&semaphore->sync.list, &tally);
    uint64_t used = semaphore->counting ? tally.granted_want : count_held(semaphore, told);
    uint64_t all = semaphore->counting ? shm->permits : shm->total;
    coopi_store_relaxed(&shm->available, used < all ? (uint32_t)(all - used) : 0);
    if (!semaphore->sync.list.shm->count) return;
    struct robust_list *saved = coopi_waitlist_begin_waking(&semaphore->sync.list);
    serve(semaphore);
    coopi_waitlist_end_waking(saved);
}

/* After the death of who had the guard: the turn that it was giving is made whole, and all the rest anew. */
void coopi_semaphore_mend(const coop_semaphore *semaphore, uint32_t dead)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    coopi_sync_mend(&semaphore->sync, dead);
    uint32_t row = coopi_load_acquire(&shm->giving_to);
    bool given = false;
    if (row && row <= list->map->owner_count) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        uint64_t who = (coopi_load_relaxed(&shm->giving) & ~UINT64_C(0xffffffff)) | list->number;
        given = coopi_load_acquire(&seat->who) == who &&
                (coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED;
    }
    if (given)
        complete(semaphore);
    else
        coopi_store_release(&shm->giving_to, 0);
    coopi_semaphore_recount(semaphore, dead);
}

/* Into this thread's hands: the store that commits. */
static int hand_over(const coop_semaphore *semaphore, uint32_t n)
{
    const struct coopi_sync *sync = &semaphore->sync;
    if (semaphore->counting) {
        coopi_store_release(&semaphore->shm->permits, semaphore->shm->permits - n);
        return 0;
    }
    uint64_t *word = coopi_sync_own_word(sync);
    if (!word) return -EBUSY; /* not among the living: they are no more than there are words */
    uint32_t held = (uint32_t)coopi_load_relaxed(word);
    coopi_sync_set(sync, word, held + n, true);
    return 0;
}

static int take(const coop_semaphore *semaphore, uint32_t n)
{
    int r = hand_over(semaphore, n);
    if (coopi_unlikely(r < 0)) {
        coopi_semaphore_recount(semaphore, 0);
        r = hand_over(semaphore, n);
    }
    if (r < 0)
        return coopi_fail(EBADMSG, "%s: damaged: more hold permits than it has; see `shmctl check`",
                          coopi_semaphore_label(semaphore));
    coopi_store_relaxed(&semaphore->shm->available, semaphore->shm->available - n);
    return 0;
}

/* Acquiring */

static int say_not_acquired(const coop_semaphore *semaphore, uint32_t n, int r)
{
    const char *label = coopi_semaphore_label(semaphore);
    switch (r) {
    case -EBUSY:
        return coopi_fail(EBUSY, "%s: busy: %" PRIu32 " of its permits are free, and %" PRIu32 " wanted; wait for it",
                          label, coopi_load_relaxed(&semaphore->shm->available), n);
    case -ETIMEDOUT:
        return coopi_fail(ETIMEDOUT,
                          "%s: timed out: %" PRIu32 " of its permits are free, and %" PRIu32
                          " wanted; wait longer, or see `shmctl show`",
                          label, coopi_load_relaxed(&semaphore->shm->available), n);
    case -EINTR: return coopi_fail(EINTR, "%s: a signal ended the wait, and nothing is held; acquire it again", label);
    default: return r; /* with its sentence */
    }
}

/* A thread in line. */
struct queued {
    struct coopi_turn turn;
    uint32_t n;
    bool first; /* it has no word yet */
};

/* The turn was granted, of an owned one. Its giver may still be about to make it whole; if it is dead, we do. */
static int take_word(const coop_semaphore *semaphore, const struct queued *queued)
{
    const struct coopi_sync *sync = &semaphore->sync;
    const uint64_t *who = &coopi_seat_of(&sync->list, queued->turn.row)->who;
    for (int i = 0; i < COOPI_SPINS && coopi_load_acquire(who); i++) coopi_pause();
    if (coopi_load_acquire(who) && coopi_semaphore_enter(semaphore, COOPI_NEVER) == 0) coopi_sync_leave(sync);
    if (queued->first) coopi_sync_stands(sync);
    return 0;
}

/* The same of a counting one. Who cannot enter in time, for somebody stands still in it, leaves the turn to the next.
 */
static int take_number(const coop_semaphore *semaphore, const struct queued *queued)
{
    const struct coopi_sync *sync = &semaphore->sync;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    int r = coopi_semaphore_enter(semaphore, queued->turn.deadline);
    if (r < 0 && coopi_sync_hand_back(sync, &queued->turn)) return r;
    if (r < 0) return r;
    coopi_store_release(&shm->permits, shm->permits - queued->n);
    coopi_waitlist_drop(&sync->list, queued->turn.row);
    coopi_sync_leave(sync);
    return 0;
}

static int take_granted(const coop_semaphore *semaphore, const struct queued *queued)
{
    int r = semaphore->counting ? take_number(semaphore, queued) : take_word(semaphore, queued);
    return r == -ETIMEDOUT ? say_not_acquired(semaphore, queued->n, r) : r;
}

/* The wait is over, and WHY says how. Whoever stood behind us may have waited only for us. */
static int stop_waiting(const coop_semaphore *semaphore, const struct queued *queued, int why)
{
    const struct coopi_sync *sync = &semaphore->sync;
    int r = coopi_semaphore_enter(semaphore, 0);
    if (r < 0 && coopi_sync_give_up_turn(sync, &queued->turn)) return say_not_acquired(semaphore, queued->n, why);
    if (r < 0) return take_granted(semaphore, queued);
    bool granted = coopi_sync_granted(sync, &queued->turn);
    if (!granted) {
        coopi_waitlist_drop(&sync->list, queued->turn.row);
        coopi_semaphore_recount(semaphore, 0);
    }
    coopi_sync_leave(sync);
    return granted ? take_granted(semaphore, queued) : say_not_acquired(semaphore, queued->n, why);
}

/* With the guard. */
static int wait_for_turn(const coop_semaphore *semaphore, uint32_t n, int64_t deadline)
{
    const struct coopi_sync *sync = &semaphore->sync;
    struct queued queued = {.turn = {.deadline = deadline}, .n = n};
    struct coopi_turn *turn = &queued.turn;
    queued.first = !semaphore->counting && !coopi_sync_word(sync, coopi_sync_tag(sync));
    turn->row = coopi_waitlist_join(&sync->list, coopi_sync_tag(sync), n, &turn->waiting);
    for (;;) {
        int why;
        coopi_sync_sleep(sync, turn);
        if (coopi_sync_granted(sync, turn)) return take_granted(semaphore, &queued);
        if (coopi_sync_is_over(sync, turn, &why)) return stop_waiting(semaphore, &queued, why);
        int r = coopi_semaphore_enter(semaphore, deadline);
        if (r == -ETIMEDOUT) return stop_waiting(semaphore, &queued, r);
        if (r < 0) return coopi_sync_give_up_turn(sync, turn) ? r : take_granted(semaphore, &queued);
        if (!coopi_sync_granted(sync, turn)) coopi_semaphore_recount(semaphore, 0);
    }
}

/* With the guard: are N permits there, which nobody in line waits for? */
static bool is_free(const coop_semaphore *semaphore, uint32_t n)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    return n <= semaphore->shm->available && (!list->shm->count || !coopi_waitlist_is_awaited(list));
}

static int check_number(const coop_semaphore *semaphore, uint32_t n)
{
    uint32_t most = semaphore->counting ? COOP_PERMITS_MAX : semaphore->shm->total;
    if (n > 0 && n <= most) return 0;
    return coopi_fail(EINVAL, "%s: %" PRIu32 " permits wanted; it gives 1 to %" PRIu32,
                      coopi_semaphore_label(semaphore), n, most);
}

int coop_semaphore_acquire_many(coop_semaphore *semaphore, uint32_t n, int64_t timeout)
{
    int64_t deadline = timeout == COOP_NOWAIT ? 0 : coopi_deadline(timeout);
    int r = coopi_unlikely(n != 1) ? check_number(semaphore, n) : 0;
    if (r == 0) r = coopi_semaphore_enter(semaphore, deadline);
    if (r < 0) return r;
    if (coopi_unlikely(!is_free(semaphore, n))) {
        if (timeout == COOP_NOWAIT) coopi_sync_ask(&semaphore->sync);
        coopi_semaphore_recount(semaphore, 0); /* somebody may be dead */
    }
    if (is_free(semaphore, n)) {
        r = take(semaphore, n);
        coopi_sync_leave(&semaphore->sync);
        return r;
    }
    if (timeout != COOP_NOWAIT) return wait_for_turn(semaphore, n, deadline);
    coopi_sync_leave(&semaphore->sync);
    return say_not_acquired(semaphore, n, -EBUSY);
}

int coop_semaphore_acquire(coop_semaphore *semaphore, int64_t timeout)
{
    return coop_semaphore_acquire_many(semaphore, 1, timeout);
}

/* Releasing */

static int give_back_counted(const coop_semaphore *semaphore, uint32_t n)
{
    struct coopi_semaphore_shm *shm = semaphore->shm;
    bool bounded = semaphore->sync.object.entry_flags & COOPI_ENTRY_BOUNDED;
    uint32_t most = bounded ? shm->total : COOP_PERMITS_MAX;
    if (shm->permits > most || n > most - shm->permits)
        return coopi_fail(EOVERFLOW, "%s: releasing %" PRIu32 " would leave more than %" PRIu32 " permits%s",
                          coopi_semaphore_label(semaphore), n, most,
                          bounded ? ", which it was made with; acquire before you release" : "");
    coopi_store_release(&shm->permits, shm->permits + n);
    return 0;
}

static int give_back_owned(const coop_semaphore *semaphore, uint32_t n)
{
    const struct coopi_sync *sync = &semaphore->sync;
    uint64_t *word = coopi_sync_word(sync, coopi_sync_tag(sync));
    uint32_t held = word ? (uint32_t)coopi_load_relaxed(word) : 0;
    if (coopi_unlikely(held < n))
        return coopi_fail(EPERM,
                          "%s: this thread holds %" PRIu32 " of its permits, and cannot release %" PRIu32
                          "; make it with COOP_COUNTING if anybody may release",
                          coopi_semaphore_label(semaphore), held, n);
    coopi_sync_set(sync, word, held - n, true);
    return 0;
}

int coop_semaphore_release_many(coop_semaphore *semaphore, uint32_t n)
{
    struct coopi_semaphore_shm *shm = semaphore->shm;
    if (n == 0 || n > COOP_PERMITS_MAX)
        return coopi_fail(EINVAL, "%s: %" PRIu32 " permits to release; at least 1, at most %d",
                          coopi_semaphore_label(semaphore), n, COOP_PERMITS_MAX);
    int r = coopi_semaphore_enter(semaphore, COOPI_NEVER);
    if (r < 0) return r;
    bool somebody = semaphore->sync.list.shm->count;
    struct robust_list *saved =
        somebody ? coopi_waitlist_begin_waking(&semaphore->sync.list) : NULL; /* nobody watches us */
    r = semaphore->counting ? give_back_counted(semaphore, n) : give_back_owned(semaphore, n);
    if (r == 0) coopi_store_relaxed(&shm->available, shm->available + n);
    if (somebody) {
        serve(semaphore);
        coopi_waitlist_end_waking(saved);
    }
    coopi_sync_leave(&semaphore->sync);
    return r;
}

int coop_semaphore_release(coop_semaphore *semaphore)
{
    return coop_semaphore_release_many(semaphore, 1);
}
