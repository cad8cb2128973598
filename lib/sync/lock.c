/* SPDX-License-Identifier: MIT */
/* Lock: the robust word as Python's Lock, with a checked owner. */
#include "sync/holding.h"
#include "sync/lock_shm.h"
#include "sync/transfer.h"

#include "base/error.h"
#include "segment/robust.h"

#include <stdlib.h>

static struct coopi_want want_for(int flags)
{
    return (struct coopi_want){
        .kind = COOPI_LOCK,
        .entry_flags = flags & COOP_TRANSFERABLE ? COOPI_ENTRY_TRANSFERABLE : 0,
        .length = 1,
        .body_size = sizeof(struct coopi_lock_shm),
        .flags = COOP_TRANSFERABLE,
    };
}

static bool is_transferable(const coop_lock *lock)
{
    return lock->object.slot == COOPI_NO_SLOT;
}

static int finish(int r, coop_lock *lock, coop_lock **ret_lock)
{
    if (r == 0) r = coopi_lock_body(&lock->object, &lock->shm);
    if (r < 0) {
        free(lock);
        return r;
    }
    if (lock->object.entry_flags & COOPI_ENTRY_TRANSFERABLE) lock->object.slot = COOPI_NO_SLOT;
    *ret_lock = lock;
    return 0;
}

int coop_lock_open(const char *path, int flags, coop_lock **ret_lock)
{
    coop_lock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "lock: out of memory");
    struct coopi_want want = want_for(flags);
    return finish(coopi_object_open(path, &want, flags, &lock->object), lock, ret_lock);
}

int coop_lock_in(coop_segment *segment, const char *name, int flags, coop_lock **ret_lock)
{
    coop_lock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "lock: out of memory");
    struct coopi_want want = want_for(flags);
    return finish(coopi_object_in(segment, name, &want, flags, &lock->object), lock, ret_lock);
}

int coop_lock_new(coop_lock **ret_lock)
{
    return coop_lock_open(NULL, COOP_CREATE, ret_lock);
}

void coop_lock_close(coop_lock *lock)
{
    if (!lock) return;
    if (coopi_robust_mine(lock->object.slot, &lock->shm->robust)) coopi_say_closed_held(&lock->object);
    coopi_object_close(&lock->object);
    free(lock);
}

static int acquire_transferable(coop_lock *lock, int64_t timeout)
{
    uint32_t dead = 0;
    int r = coopi_transfer_acquire(&lock->object, lock->shm, timeout, &dead);
    return r == 0 ? 0 : coopi_lock_acquired(&lock->object, lock->shm, r, dead);
}

static int release_transferable(coop_lock *lock)
{
    int r = coopi_transfer_release(&lock->object, lock->shm);
    if (r != -EPERM) return r;
    return coopi_fail(EPERM, "%s: no living thread holds it; acquire it before you release it",
                      coopi_object_label(&lock->object));
}

/* The long ways are functions of their own, so that the short ones need no stack. */
static __attribute__((noinline)) int acquire(coop_lock *lock, int64_t timeout)
{
    return is_transferable(lock) ? acquire_transferable(lock, timeout)
                                 : coopi_lock_acquire(&lock->object, lock->shm, timeout);
}

int coop_lock_acquire(coop_lock *lock, int64_t timeout)
{
    return coopi_robust_try(lock->object.slot, &lock->shm->robust) ? 0 : acquire(lock, timeout);
}

static __attribute__((noinline)) int release(coop_lock *lock)
{
    if (is_transferable(lock)) return release_transferable(lock);
    if (!coopi_robust_mine(lock->object.slot, &lock->shm->robust)) return coopi_say_not_held(&lock->object, lock->shm);
    coopi_robust_give_up(&lock->shm->robust);
    return 0;
}

int coop_lock_release(coop_lock *lock)
{
    return coopi_robust_try_give_up(lock->object.slot, &lock->shm->robust) ? 0 : release(lock);
}

int coop_lock_locked(coop_lock *lock)
{
    return coopi_robust_holder(lock->object.map, &lock->shm->robust) != 0;
}

int coop_lock_owner(coop_lock *lock, coop_lock_holder *ret_holder)
{
    return coopi_lock_owner(&lock->object, lock->shm, ret_holder);
}

int coop_lock_last_death(coop_lock *lock, coop_lock_holder *ret_holder)
{
    return coopi_lock_last_death(&lock->object, lock->shm, ret_holder);
}

const char *coop_lock_path(const coop_lock *lock)
{
    return lock->object.path;
}
