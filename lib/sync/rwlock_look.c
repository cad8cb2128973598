/* SPDX-License-Identifier: MIT */
/* RWLock: who is in it, who waits for it, and who died. */
#include "sync/rwlock.h"

#include "base/error.h"
#include "segment/owner.h"
#include "sync/holding.h"

#include <errno.h>
#include <string.h>

int coop_rwlock_readers(coop_rwlock *lock)
{
    int r = coopi_rwlock_look(lock);
    if (r < 0) return r;
    int count = (int)lock->shm->readers;
    coopi_sync_leave(&lock->sync);
    return count;
}

int coop_rwlock_writer(coop_rwlock *lock, coop_lock_holder *ret_holder)
{
    int r = coopi_rwlock_look(lock);
    if (r < 0) return r;
    uint32_t tag = lock->shm->writer;
    struct coopi_owner_name name;
    coopi_owner_describe(lock->sync.object.map, tag, &name);
    coopi_sync_leave(&lock->sync);
    if (!tag) return coopi_fail(ENOENT, "%s: nobody writes", coopi_object_label(&lock->sync.object));
    *ret_holder = (coop_lock_holder){.pid = name.pid, .tid = name.tid};
    memcpy(ret_holder->command, name.command, sizeof ret_holder->command);
    return 0;
}

static int count_waiters(const coop_rwlock *lock, bool writing)
{
    struct coopi_tally tally;
    int r = coopi_rwlock_look(lock);
    if (r < 0) return r;
    coopi_waitlist_tally(&lock->sync.list, &tally);
    coopi_sync_leave(&lock->sync);
    return (int)(writing ? tally.waiting_want : tally.waiting - tally.waiting_want);
}

int coop_rwlock_read_waiters(coop_rwlock *lock)
{
    return count_waiters(lock, false);
}

int coop_rwlock_write_waiters(coop_rwlock *lock)
{
    return count_waiters(lock, true);
}

int coop_rwlock_holders(coop_rwlock *lock, coop_rwlock_holder *ret_holders, uint32_t room)
{
    const struct coopi_sync *sync = &lock->sync;
    int r = coopi_rwlock_look(lock), count = 0;
    if (r < 0) return r;
    for (uint32_t i = 0; i < sync->word_count; i++) {
        uint64_t word = coopi_load_relaxed(&sync->words[i]);
        if (!word) continue;
        if ((uint32_t)count < room) {
            struct coopi_owner_name name;
            coopi_owner_describe(sync->object.map, coopi_tag_of(word), &name);
            coop_rwlock_holder *holder = &ret_holders[count];
            uint32_t times = word & COOPI_WRITES ? 0 : (uint32_t)word;
            *holder = (coop_rwlock_holder){.pid = name.pid, .tid = name.tid, .times = times};
            memcpy(holder->command, name.command, sizeof holder->command);
        }
        count++;
    }
    coopi_sync_leave(sync);
    return count;
}

int coop_rwlock_last_death(coop_rwlock *lock, coop_lock_holder *ret_holder)
{
    return coopi_lock_last_death(&lock->sync.object, &lock->sync.shm->guard, ret_holder);
}
