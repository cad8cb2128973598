/* SPDX-License-Identifier: MIT */
/* Semaphore: permits that know their holder, or only their number. */
#include <coop/semaphore.h>

#include "sync/sync.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/spin.h"
#include "sync/holding.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct coop_semaphore {
    struct coopi_sync sync;
    struct coopi_semaphore_shm *shm;
    bool counting;
};

static const char *label_of(const coop_semaphore *semaphore)
{
    return coopi_object_label(&semaphore->sync.object);
}

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
                          label_of(semaphore), held);
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

/* The turn that was given to ROW, made whole: may be done again after a death. It is woken first, for then it must be
 * found by who does it again. */
static void complete(const coop_semaphore *semaphore, uint32_t row)
{
    const struct coopi_sync *sync = &semaphore->sync;
    const struct coopi_seat *seat = coopi_seat_of(&sync->list, row);
    uint64_t after = coopi_load_relaxed(&seat->after);
    if (semaphore->counting) {
        coopi_store_release(&semaphore->shm->permits, (uint32_t)after);
    } else {
        uint64_t *word = coopi_sync_word_or_free(sync, coopi_tag_of(after));
        if (word) coopi_store_release(word, after);
    }
    coopi_waitlist_wake(&sync->list, row);
    coopi_waitlist_drop(&sync->list, row);
}

/* False: there is no word for it, for the dead have them. */
static bool prepare(const coop_semaphore *semaphore, struct coopi_seat *seat, uint32_t want)
{
    uint64_t after = semaphore->shm->permits - want;
    if (!semaphore->counting) {
        uint32_t tag = coopi_seat_tag(seat);
        const uint64_t *word = coopi_sync_word_or_free(&semaphore->sync, tag);
        if (!word) return false;
        after = (uint64_t)tag << 32 | ((uint32_t)coopi_load_relaxed(word) + want);
    }
    coopi_store_relaxed(&seat->after, after);
    return true;
}

/* Gives turns away, from the first in line on, as far as the permits reach. The list's bell is named. */
static void serve(const coop_semaphore *semaphore)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    struct coopi_semaphore_shm *shm = semaphore->shm;
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended), next; row; row = next) {
        struct coopi_seat *seat = coopi_seat_of(list, row);
        uint32_t want = coopi_load_relaxed(&seat->want);
        bool dead = coopi_dead(list->map, coopi_seat_tag(seat));
        next = coopi_waitlist_next(list, row, &mended);
        if (!dead && (want > shm->available || !prepare(semaphore, seat, want))) break;
        if (dead || !coopi_waitlist_grant(list, row)) { /* the commit */
            coopi_waitlist_drop(list, row);
            continue;
        }
        coopi_store_relaxed(&shm->available, shm->available - want);
        complete(semaphore, row);
    }
}

/* Makes anew what is derived, and serves who waits. TOLD: a death that is recorded already, or 0. */
static void recount(const coop_semaphore *semaphore, uint32_t told)
{
    struct coopi_semaphore_shm *shm = semaphore->shm;
    struct coopi_tally tally;
    coopi_waitlist_tally(&semaphore->sync.list, &tally);
    uint64_t used = count_held(semaphore, told), all = semaphore->counting ? shm->permits : shm->total;
    coopi_store_relaxed(&shm->available, used < all ? (uint32_t)(all - used) : 0);
    if (!semaphore->sync.list.shm->count) return;
    struct robust_list *saved = coopi_waitlist_begin_waking(&semaphore->sync.list);
    serve(semaphore);
    coopi_waitlist_end_waking(saved);
}

/* After the death of who had the guard: the turn that it was giving away is made whole, and all the rest anew. */
static void mend(const coop_semaphore *semaphore, uint32_t dead)
{
    const struct coopi_waitlist *list = &semaphore->sync.list;
    uint32_t mended = 0;
    coopi_sync_mend(&semaphore->sync, dead);
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended), next; row; row = next) {
        uint32_t state = coopi_load_acquire(&coopi_seat_of(list, row)->state);
        next = coopi_waitlist_next(list, row, &mended);
        if ((state & COOPI_SEAT_MASK) == COOPI_SEAT_GRANTED) complete(semaphore, row);
    }
    recount(semaphore, dead);
}

/* Takes the guard; after a death within a call, everything is made anew. */
static inline int enter(const coop_semaphore *semaphore, int64_t deadline)
{
    uint32_t dead = 0;
    int r = coopi_sync_enter(&semaphore->sync, deadline, &dead);
    if (coopi_unlikely(r == COOP_OWNER_DIED)) mend(semaphore, dead);
    return r < 0 ? r : 0;
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
        recount(semaphore, 0);
        r = hand_over(semaphore, n);
    }
    if (r < 0)
        return coopi_fail(EBADMSG, "%s: damaged: more hold permits than it has; see `shmctl check`",
                          label_of(semaphore));
    coopi_store_relaxed(&semaphore->shm->available, semaphore->shm->available - n);
    return 0;
}

/* Acquiring */

static int say_not_acquired(const coop_semaphore *semaphore, uint32_t n, int r)
{
    const char *label = label_of(semaphore);
    switch (r) {
    case -EBUSY:
        return coopi_fail(EBUSY, "%s: busy: %" PRIu32 " of its permits are free, and %" PRIu32 " wanted; wait for it",
                          label, coopi_load_relaxed(&semaphore->shm->available), n);
    case -ETIMEDOUT:
        return coopi_fail(ETIMEDOUT,
                          "%s: timed out: %" PRIu32 " of its permits are free, and %" PRIu32
                          " wanted; wait longer, or see `shmctl show`",
                          label, coopi_load_relaxed(&semaphore->shm->available), n);
    default: return coopi_fail(-r, "%s: a signal ended the wait, and nothing is held; acquire it again", label);
    }
}

/* The turn was granted. Its giver may still be about to make it whole; if it is dead, we do. */
static int take_granted(const coop_semaphore *semaphore, const struct coopi_turn *turn, bool first)
{
    const struct coopi_sync *sync = &semaphore->sync;
    const uint64_t *who = &coopi_seat_of(&sync->list, turn->row)->who;
    for (int i = 0; i < COOPI_SPINS && coopi_load_acquire(who); i++) coopi_pause();
    if (coopi_load_acquire(who) && enter(semaphore, COOPI_NEVER) == 0) coopi_sync_leave(sync);
    if (first) coopi_sync_stands(sync);
    return 0;
}

/* The wait is over, and WHY says how. Whoever stood behind us may have waited only for us. */
static int stop_waiting(const coop_semaphore *semaphore, const struct coopi_turn *turn, uint32_t n, int why)
{
    const struct coopi_sync *sync = &semaphore->sync;
    int r = enter(semaphore, 0);
    if (r < 0) return coopi_sync_give_up_turn(sync, turn) ? say_not_acquired(semaphore, n, why) : 0;
    bool granted = coopi_sync_granted(sync, turn);
    if (!granted) {
        coopi_waitlist_drop(&sync->list, turn->row);
        recount(semaphore, 0);
    }
    coopi_sync_leave(sync);
    return granted ? 0 : say_not_acquired(semaphore, n, why);
}

/* With the guard. */
static int wait_for_turn(const coop_semaphore *semaphore, uint32_t n, int64_t deadline)
{
    const struct coopi_sync *sync = &semaphore->sync;
    struct coopi_turn turn = {.deadline = deadline};
    bool first = !semaphore->counting && !coopi_sync_word(sync, coopi_sync_tag(sync));
    turn.row = coopi_waitlist_join(&sync->list, coopi_sync_tag(sync), n, &turn.waiting);
    for (;;) {
        int r, why;
        coopi_sync_sleep(sync, &turn);
        if (coopi_sync_granted(sync, &turn)) return take_granted(semaphore, &turn, first);
        bool over = coopi_sync_is_over(sync, &turn, &why);
        r = over ? 0 : enter(semaphore, deadline);
        if (over || r == -ETIMEDOUT) {
            r = stop_waiting(semaphore, &turn, n, over ? why : r);
            return r == 0 ? take_granted(semaphore, &turn, first) : r;
        }
        if (r < 0) return r;
        if (!coopi_sync_granted(sync, &turn)) recount(semaphore, 0);
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
    return coopi_fail(EINVAL, "%s: %" PRIu32 " permits wanted; it gives 1 to %" PRIu32, label_of(semaphore), n, most);
}

int coop_semaphore_acquire_many(coop_semaphore *semaphore, uint32_t n, int64_t timeout)
{
    int64_t deadline = timeout == COOP_NOWAIT ? 0 : coopi_deadline(timeout);
    int r = coopi_unlikely(n != 1) ? check_number(semaphore, n) : 0;
    if (r == 0) r = enter(semaphore, deadline);
    if (r < 0) return r;
    if (coopi_unlikely(!is_free(semaphore, n))) recount(semaphore, 0); /* somebody may be dead */
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
                          label_of(semaphore), n, most,
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
                          label_of(semaphore), held, n);
    coopi_sync_set(sync, word, held - n, true);
    return 0;
}

int coop_semaphore_release_many(coop_semaphore *semaphore, uint32_t n)
{
    struct coopi_semaphore_shm *shm = semaphore->shm;
    if (n == 0 || n > COOP_PERMITS_MAX)
        return coopi_fail(EINVAL, "%s: %" PRIu32 " permits to release; at least 1, at most %d", label_of(semaphore), n,
                          COOP_PERMITS_MAX);
    int r = enter(semaphore, COOPI_NEVER);
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

/* Looking */

int coop_semaphore_value(coop_semaphore *semaphore)
{
    int r = enter(semaphore, COOPI_NEVER);
    if (r < 0) return r;
    recount(semaphore, 0);
    int value = (int)semaphore->shm->available;
    coopi_sync_leave(&semaphore->sync);
    return value;
}

uint32_t coop_semaphore_held(coop_semaphore *semaphore)
{
    const struct coopi_self *self = coopi_self_;
    uint32_t tag = self ? coopi_tag_of(self->id[semaphore->sync.object.slot]) : 0;
    const uint64_t *word = tag ? coopi_sync_word(&semaphore->sync, tag) : NULL;
    return word ? (uint32_t)coopi_load_relaxed(word) : 0;
}

uint32_t coop_semaphore_permits(const coop_semaphore *semaphore)
{
    return coopi_load_relaxed(&semaphore->shm->total);
}

int coop_semaphore_waiters(coop_semaphore *semaphore)
{
    struct coopi_tally tally;
    int r = enter(semaphore, COOPI_NEVER);
    if (r < 0) return r;
    recount(semaphore, 0);
    coopi_waitlist_tally(&semaphore->sync.list, &tally);
    coopi_sync_leave(&semaphore->sync);
    return (int)tally.waiting;
}

int coop_semaphore_holders(coop_semaphore *semaphore, coop_permit_holder *ret_holders, uint32_t room)
{
    const struct coopi_sync *sync = &semaphore->sync;
    int r = enter(semaphore, COOPI_NEVER), count = 0;
    if (r < 0) return r;
    recount(semaphore, 0);
    for (uint32_t i = 0; i < sync->word_count; i++) {
        uint64_t word = coopi_load_relaxed(&sync->words[i]);
        if (!word) continue;
        if ((uint32_t)count < room) {
            struct coopi_owner_name name;
            coopi_owner_describe(sync->object.map, coopi_tag_of(word), &name);
            coop_permit_holder *holder = &ret_holders[count];
            *holder = (coop_permit_holder){.pid = name.pid, .tid = name.tid, .permits = (uint32_t)word};
            memcpy(holder->command, name.command, sizeof holder->command);
        }
        count++;
    }
    coopi_sync_leave(sync);
    return count;
}

int coop_semaphore_last_death(coop_semaphore *semaphore, coop_lock_holder *ret_holder)
{
    return coopi_lock_last_death(&semaphore->sync.object, &semaphore->sync.shm->guard, ret_holder);
}

const char *coop_semaphore_path(const coop_semaphore *semaphore)
{
    return semaphore->sync.object.path;
}
