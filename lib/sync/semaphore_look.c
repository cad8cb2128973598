/* SPDX-License-Identifier: MIT */
/* What a semaphore says of itself. */
#include "sync/semaphore.h"

#include "base/clock.h"
#include "sync/holding.h"

#include <string.h>

int coop_semaphore_value(coop_semaphore *semaphore)
{
    int r = coopi_semaphore_enter(semaphore, COOPI_NEVER);
    if (r < 0) return r;
    coopi_semaphore_recount(semaphore, 0);
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
    int r = coopi_semaphore_enter(semaphore, COOPI_NEVER);
    if (r < 0) return r;
    coopi_semaphore_recount(semaphore, 0);
    coopi_waitlist_tally(&semaphore->sync.list, &tally);
    coopi_sync_leave(&semaphore->sync);
    return (int)tally.waiting;
}

int coop_semaphore_holders(coop_semaphore *semaphore, coop_permit_holder *ret_holders, uint32_t room)
{
    const struct coopi_sync *sync = &semaphore->sync;
    int r = coopi_semaphore_enter(semaphore, COOPI_NEVER), count = 0;
    if (r < 0) return r;
    coopi_semaphore_recount(semaphore, 0);
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
