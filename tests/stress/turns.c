/* SPDX-License-Identifier: MIT */
/* Rounds on what is handed from one to the next: a Lock, a Semaphore, an RWLock. Somebody holds all of it until the
 * whole crowd waits behind him; then he gives it back, or he is killed. */
#include "stress/waiters.h"

#include <coop/try.h>

enum { PERMITS = 8, READS = 1 };

static coop_lock *lock;
static coop_semaphore *semaphore;
static coop_rwlock *rwlock;

static void lead_turns(bool deadly)
{
    crowd_await_asking();
    if (deadly) crowd_kill(DYING / 3);
    keeper_end(deadly || roll() % 2);
    if (deadly) crowd_kill(DYING - DYING / 3);
    crowd_await(crowd_all_are_back, true);
    for (int i = 0; i < CROWD; i++)
        if (crowd_pids[i] && !crowd_count.hangs)
            crowd_count_wrong(crowd->result[i] < 0, coop_strerror(crowd->result[i]));
}

/* --- Lock ---------------------------------------------------------------------------------------------------------*/

static void open_lock(coop_segment *segment)
{
    COOP_MUST(coop_lock_in(segment, NULL, 0, &lock));
}

static void keep_lock(void)
{
    mark_put(KEEPER, COOP_MUST(coop_lock_acquire(lock, COOP_FOREVER)) == COOP_OWNER_DIED);
}

static void give_lock(void)
{
    mark_drop();
    COOP_MUST(coop_lock_release(lock));
}

static void prepare_lock(void)
{
    keeper_start(keep_lock, give_lock);
}

static int play_lock(int number)
{
    int r = coop_lock_acquire(lock, COOP_FOREVER);
    if (r < 0) return r;
    mark_put(number, r == COOP_OWNER_DIED);
    pass(60);
    mark_drop();
    return coop_lock_release(lock);
}

static void lead_lock(bool deadly)
{
    lead_turns(deadly);
    if (crowd_count.hangs) return;
    int r = COOP_MUST(coop_lock_acquire(lock, PATIENCE)); /* comes across the last death */
    mark_put(KEEPER, r == COOP_OWNER_DIED);
    give_lock();
    marks_judge(true);
    crowd_count_wrong(coop_lock_locked(lock) != 0, "still locked");
}

const struct crowd_kind waiters_lock = {"lock", open_lock, NULL, play_lock, prepare_lock, lead_lock};

/* --- Semaphore ----------------------------------------------------------------------------------------------------*/

static void open_semaphore(coop_segment *segment)
{
    COOP_MUST(coop_semaphore_in(segment, NULL, PERMITS, 0, &semaphore));
}

static void keep_semaphore(void)
{
    COOP_MUST(coop_semaphore_acquire_many(semaphore, PERMITS, COOP_FOREVER));
    held_put(KEEPER, PERMITS, PERMITS);
}

static void give_semaphore(void)
{
    held_put(KEEPER, 0, PERMITS);
    COOP_MUST(coop_semaphore_release_many(semaphore, PERMITS));
}

static void prepare_semaphore(void)
{
    keeper_start(keep_semaphore, give_semaphore);
}

static int play_semaphore(int number)
{
    uint32_t n = 1 + roll() % 3;
    int r = coop_semaphore_acquire_many(semaphore, n, COOP_FOREVER);
    if (r < 0) return r;
    held_put(number, (int)n, PERMITS);
    pass(200);
    held_put(number, 0, PERMITS);
    return coop_semaphore_release_many(semaphore, n);
}

static void lead_semaphore(bool deadly)
{
    coop_permit_holder holder;
    lead_turns(deadly);
    if (crowd_count.hangs) return;
    crowd_count_wrong(load(&crowd->overlaps), "more permits held than there are");
    crowd_count_wrong(coop_semaphore_value(semaphore) - PERMITS, "permits are missing");
    crowd_count_wrong(coop_semaphore_holders(semaphore, &holder, 1), "holders are left");
    crowd_count_wrong(coop_semaphore_waiters(semaphore), "waiters are left");
}

const struct crowd_kind waiters_semaphore = {"semaphore",    open_semaphore,    NULL,
                                             play_semaphore, prepare_semaphore, lead_semaphore};

/* --- RWLock -------------------------------------------------------------------------------------------------------*/

static void open_rwlock(coop_segment *segment)
{
    COOP_MUST(coop_rwlock_in(segment, NULL, 0, &rwlock));
}

static void keep_rwlock(void)
{
    mark_put(KEEPER, COOP_MUST(coop_rwlock_write_acquire(rwlock, COOP_FOREVER)) == COOP_OWNER_DIED);
}

static void give_rwlock(void)
{
    mark_drop();
    COOP_MUST(coop_rwlock_write_release(rwlock));
}

static void prepare_rwlock(void)
{
    keeper_start(keep_rwlock, give_rwlock);
}

static int read_and_leave(int number)
{
    held_put(number, READS, CROWD + 1);
    pass(200);
    held_put(number, 0, CROWD + 1);
    return coop_rwlock_read_release(rwlock);
}

static int play_rwlock(int number)
{
    bool writes = roll() % 4 == 0;
    int r = writes ? coop_rwlock_write_acquire(rwlock, COOP_FOREVER) : coop_rwlock_read_acquire(rwlock, COOP_FOREVER);
    if (r < 0) return r;
    if (!writes) {
        mark_look(r == COOP_OWNER_DIED);
        return read_and_leave(number);
    }
    mark_put(number, r == COOP_OWNER_DIED);
    pass(60);
    mark_drop();
    if (roll() % 2) return coop_rwlock_write_release(rwlock);
    r = coop_rwlock_downgrade(rwlock);
    return r < 0 ? r : read_and_leave(number);
}

static void lead_rwlock(bool deadly)
{
    coop_lock_holder writer;
    lead_turns(deadly);
    if (crowd_count.hangs) return;
    crowd_count_wrong(coop_rwlock_readers(rwlock), "readers are left");
    crowd_count_wrong(coop_rwlock_writer(rwlock, &writer) != -ENOENT, "a writer is left");
    crowd_count_wrong(coop_rwlock_read_waiters(rwlock) + coop_rwlock_write_waiters(rwlock), "waiters are left");
    int r = COOP_MUST(coop_rwlock_write_acquire(rwlock, PATIENCE)); /* comes across the last death */
    mark_put(KEEPER, r == COOP_OWNER_DIED);
    give_rwlock();
    marks_judge(true);
}

const struct crowd_kind waiters_rwlock = {"rwlock", open_rwlock, NULL, play_rwlock, prepare_rwlock, lead_rwlock};
