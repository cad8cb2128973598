/* SPDX-License-Identifier: MIT */
/* RWLock: many read, or one writes. */
#include "sync/rwlock.h"

#include "base/clock.h"
#include "base/error.h"
#include "sync/holding.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 8 /* a writer whose turn has come may leave just then; more than one in a row hardly does */

static const char *label_of(const coop_rwlock *lock)
{
    return coopi_object_label(&lock->sync.object);
}

/* Opening */

/* Each owner row has a word of its own. */
static int bind_words(coop_rwlock *lock)
{
    const struct coopi_sync *sync = &lock->sync;
    int r = coopi_sync_bind(&lock->sync);
    if (r < 0) return r;
    lock->shm = &sync->shm->rwlock;
    if (sync->word_count == sync->object.map->owner_count) return 0;
    r = coopi_fail(EBADMSG, "%s: damaged: it has %" PRIu32 " words for %" PRIu32 " owners; remove the segment",
                   label_of(lock), sync->word_count, sync->object.map->owner_count);
    coopi_object_close(&lock->sync.object);
    return r;
}

static int open_rwlock(coop_segment *segment, const char *name, int flags, coop_rwlock **ret_lock)
{
    if (!name) flags |= COOP_CREATE;
    const struct coopi_want want = {
        .kind = COOPI_RWLOCK,
        .length = COOPI_ROWS_MAX,
        .has_words = true,
        .body_size = sizeof(struct coopi_sync_shm),
    };
    coop_rwlock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "%s: out of memory", name ? name : "nameless rwlock");
    struct coopi_object *object = &lock->sync.object;
    int r =
        segment ? coopi_object_in(segment, name, &want, flags, object) : coopi_object_open(name, &want, flags, object);
    if (r == 0) r = bind_words(lock);
    if (r < 0) {
        free(lock);
        return r;
    }
    *ret_lock = lock;
    return 0;
}

int coop_rwlock_open(const char *path, int flags, coop_rwlock **ret_lock)
{
    return open_rwlock(NULL, path, flags, ret_lock);
}

int coop_rwlock_new(coop_rwlock **ret_lock)
{
    return open_rwlock(NULL, NULL, 0, ret_lock);
}

int coop_rwlock_in(coop_segment *segment, const char *name, int flags, coop_rwlock **ret_lock)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless rwlock");
    return open_rwlock(segment, name, flags, ret_lock);
}

void coop_rwlock_close(coop_rwlock *lock)
{
    if (!lock) return;
    if (coop_rwlock_reading(lock) || coop_rwlock_writing(lock)) coopi_say_closed_held(&lock->sync.object);
    coopi_object_close(&lock->sync.object);
    free(lock);
}

/* The words and the line. All of it under the guard. */

static uint64_t *word_of(const coop_rwlock *lock, uint32_t tag)
{
    return &lock->sync.words[tag & COOPI_ROW_MASK];
}

/* This thread's number: times read, COOPI_WRITES, or 0. */
static uint32_t number_of(const coop_rwlock *lock)
{
    uint32_t tag = coopi_sync_tag(&lock->sync);
    uint64_t word = coopi_load_relaxed(word_of(lock, tag));
    return coopi_tag_of(word) == tag ? (uint32_t)word : 0;
}

/* Who is in; the words of the dead are freed, and a dead writer is remembered before its word goes. */
static void count_words(const coop_rwlock *lock, uint32_t told)
{
    const struct coopi_sync *sync = &lock->sync;
    uint32_t readers = 0, writer = 0;
    for (uint32_t i = 0; i < sync->word_count; i++) {
        uint64_t word = coopi_load_relaxed(&sync->words[i]);
        uint32_t tag = coopi_tag_of(word);
        if (!word) continue;
        if (coopi_dead(sync->object.map, tag)) {
            if (word & COOPI_WRITES) coopi_store_relaxed(&lock->shm->tainted, 1);
            if (tag != told) coopi_sync_record(sync, tag);
            coopi_store_release(&sync->words[i], 0);
        } else if (word & COOPI_WRITES)
            writer = tag;
        else
            readers++;
    }
    coopi_store_relaxed(&lock->shm->writer, writer);
    coopi_store_relaxed(&lock->shm->readers, readers);
}

/* The first in line of those that want to write. */
static uint32_t first_writer(const struct coopi_waitlist *list)
{
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended)) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        bool waits = (coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING;
        if (waits && coopi_load_relaxed(&seat->want) && !coopi_dead(list->map, coopi_seat_tag(seat))) return row;
    }
    return 0;
}

static bool let_in(const coop_rwlock *lock, uint32_t row, uint32_t reserved)
{
    const struct coopi_waitlist *list = &lock->sync.list;
    if (!coopi_waitlist_grant(list, row)) return false;
    coopi_store_relaxed(&lock->shm->reserved, reserved);
    coopi_waitlist_wake(list, row);
    return true;
}

static void let_readers_in(const coop_rwlock *lock)
{
    const struct coopi_waitlist *list = &lock->sync.list;
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended)) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        if (!coopi_load_relaxed(&seat->want) && !coopi_dead(list->map, coopi_seat_tag(seat)))
            let_in(lock, row, lock->shm->reserved + 1);
    }
}

/* Gives turns away: to the first writer once nobody is in, or, if none waits, to all readers. */
static void serve(const coop_rwlock *lock)
{
    const struct coopi_waitlist *list = &lock->sync.list;
    const struct coopi_rwlock_shm *shm = lock->shm;
    if (!list->shm->count || shm->writer || (shm->reserved & COOPI_WRITES)) return;
    uint32_t writer = first_writer(list);
    if (writer && (shm->readers || shm->reserved)) return;
    struct robust_list *saved = coopi_waitlist_begin_waking(list);
    for (int tries = 0; writer && tries < TRIES && !let_in(lock, writer, COOPI_WRITES); tries++)
        writer = first_writer(list);
    if (!writer) let_readers_in(lock);
    coopi_waitlist_end_waking(saved);
}

/* Makes anew what is derived, and serves who waits. TOLD: a death that is recorded already, or 0. */
static void recount(const coop_rwlock *lock, uint32_t told)
{
    struct coopi_tally tally;
    coopi_waitlist_tally(&lock->sync.list, &tally);
    count_words(lock, told);
    coopi_store_relaxed(&lock->shm->reserved, tally.granted_want ? COOPI_WRITES : tally.granted);
    serve(lock);
}

/* Takes the guard; after a death within a call, everything is made anew. */
static int enter(const coop_rwlock *lock, int64_t deadline)
{
    uint32_t dead = 0;
    int r = coopi_sync_enter(&lock->sync, deadline, &dead);
    if (coopi_unlikely(r == COOP_OWNER_DIED)) {
        coopi_sync_mend(&lock->sync, dead);
        recount(lock, dead);
    }
    return r < 0 ? r : 0;
}

/* The store that commits: this thread reads or writes. 0, or COOP_OWNER_DIED. */
static int come_in(const coop_rwlock *lock, bool writing)
{
    const struct coopi_sync *sync = &lock->sync;
    struct coopi_rwlock_shm *shm = lock->shm;
    uint32_t tag = coopi_sync_tag(sync);
    uint64_t *word = word_of(lock, tag);
    if (coopi_unlikely(coopi_load_relaxed(word) != 0)) recount(lock, 0); /* it is of who had the row before */
    coopi_sync_set(sync, word, writing ? COOPI_WRITES : 1, true);
    int r = coopi_load_relaxed(&shm->tainted) ? COOP_OWNER_DIED : 0;
    if (writing) {
        coopi_store_relaxed(&shm->writer, tag);
        if (coopi_unlikely(r)) coopi_store_release(&shm->tainted, 0); /* if this one dies, its word says so again */
    } else
        coopi_store_relaxed(&shm->readers, shm->readers + 1);
    return r;
}

/* Acquiring */

static void say_why(const coop_rwlock *lock, bool writing, char *text, size_t size)
{
    const struct coopi_rwlock_shm *shm = lock->shm;
    uint32_t writer = coopi_load_relaxed(&shm->writer), readers = coopi_load_relaxed(&shm->readers);
    struct coopi_owner_name name;
    if (writer) {
        coopi_owner_describe(lock->sync.object.map, writer, &name);
        snprintf(text, size, "thread %d of process %d (%s) writes", name.tid, name.pid, name.command);
    } else if (readers)
        snprintf(text, size, "%" PRIu32 " read%s", readers, writing ? "" : ", and a writer waits, who goes first");
    else
        snprintf(text, size, "it goes to others that waited");
}

static int say_not_acquired(const coop_rwlock *lock, bool writing, int r)
{
    char why[96];
    say_why(lock, writing, why, sizeof why);
    switch (r) {
    case -EBUSY: return coopi_fail(EBUSY, "%s: busy: %s; wait for it", label_of(lock), why);
    case -ETIMEDOUT:
        return coopi_fail(ETIMEDOUT, "%s: timed out: %s; wait longer, or see `shmctl show`", label_of(lock), why);
    case -EINTR:
        return coopi_fail(EINTR, "%s: a signal ended the wait, and it is not held; acquire it again", label_of(lock));
    default: return r; /* with its sentence */
    }
}

/* The first reader in line watches those that may go before it, for nobody else might: it is told that there is a new
 * one, or that the watch is now its own. */
static void stir_first_reader(const coop_rwlock *lock)
{
    const struct coopi_waitlist *list = &lock->sync.list;
    uint32_t mended = 0;
    for (uint32_t row = coopi_waitlist_next(list, 0, &mended); row; row = coopi_waitlist_next(list, row, &mended)) {
        const struct coopi_seat *seat = coopi_seat_of(list, row);
        if (coopi_load_relaxed(&seat->want) || coopi_dead(list->map, coopi_seat_tag(seat))) continue;
        if (coopi_waitlist_stir(list, row)) return;
    }
}

/* With the guard, and the turn granted: in, and out of the line. Gives the guard up. */
static int take_granted(const coop_rwlock *lock, const struct coopi_turn *turn, bool writing)
{
    struct coopi_rwlock_shm *shm = lock->shm;
    int r = come_in(lock, writing);
    coopi_waitlist_drop(&lock->sync.list, turn->row);
    coopi_store_relaxed(&shm->reserved, writing || !shm->reserved ? 0 : shm->reserved - 1);
    coopi_sync_leave(&lock->sync);
    return r;
}

/* The wait is over, and WHY says how. Whoever stood behind us may have waited only for us. */
static int stop_waiting(const coop_rwlock *lock, const struct coopi_turn *turn, bool writing, int why)
{
    const struct coopi_sync *sync = &lock->sync;
    int r = enter(lock, 0);
    if (r < 0 && (coopi_sync_give_up_turn(sync, turn) || coopi_sync_hand_back(sync, turn)))
        return say_not_acquired(lock, writing, why);
    if (r < 0) return r;
    if (coopi_sync_granted(sync, turn)) return take_granted(lock, turn, writing);
    coopi_waitlist_drop(&sync->list, turn->row);
    recount(lock, 0);
    if (!writing) stir_first_reader(lock);
    coopi_sync_leave(sync);
    return say_not_acquired(lock, writing, why);
}

/* With the guard. */
static int wait_for_turn(const coop_rwlock *lock, bool writing, int64_t deadline)
{
    const struct coopi_sync *sync = &lock->sync;
    struct coopi_turn turn = {.deadline = deadline, .overtaken = !writing};
    turn.row = coopi_waitlist_join(&sync->list, coopi_sync_tag(sync), writing, &turn.waiting);
    if (writing) stir_first_reader(lock);
    for (;;) {
        int why;
        coopi_sync_sleep(sync, &turn);
        if (!coopi_sync_granted(sync, &turn) && coopi_sync_is_over(sync, &turn, &why))
            return stop_waiting(lock, &turn, writing, why);
        int r = enter(lock, deadline);
        if (r < 0) return stop_waiting(lock, &turn, writing, r);
        if (coopi_sync_granted(sync, &turn)) return take_granted(lock, &turn, writing);
        recount(lock, 0);
    }
}

/* With the guard: may this thread come in at once? If nobody writes, readers wait only for a writer that waits. */
static bool is_free(const coop_rwlock *lock, bool writing)
{
    const struct coopi_waitlist *list = &lock->sync.list;
    const struct coopi_rwlock_shm *shm = lock->shm;
    if (shm->writer || (writing ? shm->readers | shm->reserved : shm->reserved & COOPI_WRITES)) return false;
    return !list->shm->count || !coopi_waitlist_is_awaited(list);
}

/* With the guard: this thread is in with NUMBER. */
static int acquire_again(const coop_rwlock *lock, bool writing, uint32_t number)
{
    if (number & COOPI_WRITES)
        return coopi_fail(EDEADLK, "%s: this thread writes already%s", label_of(lock),
                          writing ? "; release it first"
                                  : ", and so may read; use coop_rwlock_downgrade() to read only, or release it first");
    if (writing)
        return coopi_fail(EDEADLK,
                          "%s: this thread reads, and two readers that asked to write would wait for each other; "
                          "release it first, then acquire it to write",
                          label_of(lock));
    if (number == COOPI_WRITES - 1)
        return coopi_fail(EOVERFLOW, "%s: this thread reads %" PRIu32 " times; release it as often", label_of(lock),
                          number);
    coopi_sync_set(&lock->sync, word_of(lock, coopi_sync_tag(&lock->sync)), number + 1, true);
    return coopi_load_relaxed(&lock->shm->tainted) ? COOP_OWNER_DIED : 0;
}

static inline __attribute__((always_inline)) int acquire(const coop_rwlock *lock, bool writing, int64_t timeout)
{
    int64_t deadline = timeout == COOP_NOWAIT ? 0 : coopi_deadline(timeout);
    int r = enter(lock, deadline);
    if (r < 0) return r;
    uint32_t number = number_of(lock);
    if (coopi_unlikely(!number && !is_free(lock, writing))) {
        if (timeout == COOP_NOWAIT) coopi_sync_ask(&lock->sync);
        recount(lock, 0); /* somebody may be dead */
    }
    if (coopi_unlikely(number))
        r = acquire_again(lock, writing, number);
    else if (is_free(lock, writing))
        r = come_in(lock, writing);
    else if (timeout != COOP_NOWAIT)
        return wait_for_turn(lock, writing, deadline);
    else
        r = -EBUSY;
    coopi_sync_leave(&lock->sync);
    return coopi_unlikely(r == -EBUSY) ? say_not_acquired(lock, writing, r) : r;
}

int coop_rwlock_read_acquire(coop_rwlock *lock, int64_t timeout)
{
    return acquire(lock, false, timeout);
}

int coop_rwlock_write_acquire(coop_rwlock *lock, int64_t timeout)
{
    return acquire(lock, true, timeout);
}

/* Releasing */

enum { READS = 1, WRITES = 2 };

/* This thread is in with NUMBER, which is none of WHAT. */
static int say_not_held(const coop_rwlock *lock, unsigned what, uint32_t number)
{
    const char *how = number & COOPI_WRITES ? "writes, and does not read; use coop_rwlock_write_release()"
                      : number              ? "reads, and does not write; use coop_rwlock_read_release()"
                      : what == READS       ? "does not read; only who reads may release it"
                      : what == WRITES      ? "does not write; only who writes may do that"
                                            : "neither reads nor writes; only who holds it may release it";
    return coopi_fail(EPERM, "%s: this thread %s", label_of(lock), how);
}

/* Takes the guard if this thread does one of WHAT, with its number. */
static inline int enter_held(const coop_rwlock *lock, unsigned what, uint32_t *ret_number)
{
    int r = enter(lock, COOPI_NEVER);
    if (r < 0) return r;
    uint32_t number = number_of(lock);
    unsigned how = number & COOPI_WRITES ? WRITES : READS;
    *ret_number = number;
    if (number && (how & what)) return 0;
    coopi_sync_leave(&lock->sync);
    return say_not_held(lock, what, number);
}

static inline __attribute__((always_inline)) int release(const coop_rwlock *lock, unsigned what)
{
    struct coopi_rwlock_shm *shm = lock->shm;
    uint32_t number, tag;
    int r = enter_held(lock, what, &number);
    if (r < 0) return r;
    tag = coopi_sync_tag(&lock->sync);
    coopi_sync_set(&lock->sync, word_of(lock, tag), number & COOPI_WRITES ? 0 : number - 1, true);
    if (number & COOPI_WRITES)
        coopi_store_relaxed(&shm->writer, 0);
    else if (number == 1)
        coopi_store_relaxed(&shm->readers, shm->readers - 1);
    if (coopi_unlikely(lock->sync.list.shm->count)) serve(lock);
    coopi_sync_leave(&lock->sync);
    return 0;
}

int coop_rwlock_read_release(coop_rwlock *lock)
{
    return release(lock, READS);
}

int coop_rwlock_write_release(coop_rwlock *lock)
{
    return release(lock, WRITES);
}

int coop_rwlock_release(coop_rwlock *lock)
{
    return release(lock, READS | WRITES);
}

int coop_rwlock_downgrade(coop_rwlock *lock)
{
    uint32_t number;
    int r = enter_held(lock, WRITES, &number);
    if (r < 0) return r;
    coopi_sync_set(&lock->sync, word_of(lock, coopi_sync_tag(&lock->sync)), 1, true);
    coopi_store_relaxed(&lock->shm->writer, 0);
    coopi_store_relaxed(&lock->shm->readers, 1);
    serve(lock);
    coopi_sync_leave(&lock->sync);
    return 0;
}

/* Looking */

/* Without the guard: nobody but this thread changes its word. */
static uint32_t own_number(const coop_rwlock *lock)
{
    const struct coopi_self *self = coopi_self_;
    return self && self->id[lock->sync.object.slot] ? number_of(lock) : 0;
}

uint32_t coop_rwlock_reading(coop_rwlock *lock)
{
    uint32_t number = own_number(lock);
    return number & COOPI_WRITES ? 0 : number;
}

int coop_rwlock_writing(coop_rwlock *lock)
{
    return (own_number(lock) & COOPI_WRITES) != 0;
}

int coopi_rwlock_look(const struct coop_rwlock *lock)
{
    int r = enter(lock, COOPI_NEVER);
    if (r == 0) recount(lock, 0);
    return r;
}

const char *coop_rwlock_path(const coop_rwlock *lock)
{
    return lock->sync.object.path;
}
