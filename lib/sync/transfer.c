/* SPDX-License-Identifier: MIT */
/* Transferable locks: taken by one thread, released by any. */
#include "sync/transfer.h"

#include "base/clock.h"
#include "segment/robust.h"
#include "segment/sleep.h"

#include <coop/common.h>

/* Takes a word that is free or whose holder is dead. As try_take() of the robust lock: 1 taken; 2 taken from the dead;
 * 0 somebody lives in it; -1 it changed under us. */
static int try_take(const struct coopi_map *map, struct coopi_robust *robust, uint64_t wanted, uint64_t *ret_word)
{
    uint64_t word = coopi_load_acquire(&robust->word);
    *ret_word = word;
    bool held = word & COOPI_TID_MASK;
    bool dead = held ? coopi_dead(map, coopi_tag_of(word)) : word & COOPI_OWNER_DIED; /* by adoption, or repair */
    if (held && !dead) return 0;
    if (!coopi_cas_acquire(&robust->word, &word, wanted | (word & COOPI_WAITERS))) return -1;
    return dead ? 2 : 1;
}

/* Sleeps until the bell rings or the holder dies. As long as the word is what we saw, with WAITERS, its release is
 * still to come, and will ring. */
static int sleep_on(const struct coopi_map *map, const struct coopi_self *self, struct coopi_robust *robust,
                    uint64_t word, uint32_t bell, int64_t deadline)
{
    uint32_t holder = coopi_tag_of(word);
    bool own = holder == coopi_tag_of(self->id[map->slot]); /* our own death is not for us to watch */
    if (!(word & COOPI_WAITERS) && !coopi_cas_relaxed(&robust->word, &word, word | COOPI_WAITERS)) return 0;
    const struct coopi_awaited event = {
        .bell = {&robust->extra, bell},
        .still = {coopi_low_half(&robust->word), (uint32_t)(word | COOPI_WAITERS)},
    };
    return coopi_sleep(map, &event, &holder, own ? 0 : 1, deadline);
}

int coopi_transfer_acquire(const struct coopi_object *object, struct coopi_lock_shm *shm, int64_t timeout,
                           uint32_t *ret_dead)
{
    struct coopi_map *map = object->map;
    struct coopi_robust *robust = &shm->robust;
    struct coopi_self *self;
    int r = coopi_robust_enter(map, &self);
    if (r < 0) return r;
    int64_t deadline = coopi_deadline(timeout);
    uint64_t keep = 0;
    for (;;) {
        uint32_t bell = coopi_load_acquire(&robust->extra);
        uint64_t word;
        int taken = try_take(map, robust, self->id[map->slot] | keep, &word);
        if (taken == 1) return 0;
        if (taken == 2) {
            *ret_dead = coopi_tag_of(word);
            return COOP_OWNER_DIED;
        }
        if (taken < 0) continue;
        if (timeout == COOP_NOWAIT) return -EBUSY;
        if (r == -EINTR && (object->flags & COOP_INTR)) return r;
        if (r == -ETIMEDOUT && !coopi_owner_second_evidence(map, coopi_tag_of(word))) return r;
        keep = COOPI_WAITERS;
        coopi_robust_say_waiting(map, self, robust);
        r = sleep_on(map, self, robust, word, bell, deadline);
        coopi_robust_say_waiting(map, self, NULL);
    }
}

int coopi_transfer_release(const struct coopi_object *object, struct coopi_lock_shm *shm)
{
    struct coopi_robust *robust = &shm->robust;
    struct coopi_self *self;
    int r = coopi_robust_enter(object->map, &self);
    if (r < 0) return r;
    uint64_t word = coopi_load_acquire(&robust->word);
    struct robust_list *saved = self->head->list_op_pending;
    do {
        if (!(word & COOPI_TID_MASK) || coopi_dead(object->map, coopi_tag_of(word))) {
            coopi_pending_end(self, saved);
            return -EPERM;
        }
        coopi_put(self->head->list_op_pending,
                  (struct robust_list *)(void *)((char *)&robust->extra - COOPI_FUTEX_OFFSET));
        coopi_compiler_barrier();
    } while (!coopi_cas_both(&robust->word, &word, 0));
    if (word & COOPI_WAITERS) {
        coopi_fetch_add(&robust->extra, COOPI_BELL_RING);
        coopi_futex_wake(&robust->extra, COOPI_FUTEX_ALL);
    }
    coopi_pending_end(self, saved);
    return 0;
}
