/* SPDX-License-Identifier: MIT */
/* Lock: the robust word as Python's Lock, with a checked owner. */
#include "sync/holding.h"
#include "sync/lock_shm.h"

#include "base/error.h"
#include "segment/robust.h"

#include <stdlib.h>

static const struct coopi_want want = {.kind = COOPI_LOCK, .length = 1, .body_size = sizeof(struct coopi_lock_shm)};

static int finish(int r, coop_lock *lock, coop_lock **ret_lock)
{
    if (r == 0) r = coopi_lock_body(&lock->object, &lock->shm);
    if (r < 0) {
        free(lock);
        return r;
    }
    *ret_lock = lock;
    return 0;
}

int coop_lock_open(const char *path, int flags, coop_lock **ret_lock)
{
    coop_lock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "lock: out of memory");
    return finish(coopi_object_open(path, &want, flags, &lock->object), lock, ret_lock);
}

int coop_lock_in(coop_segment *segment, const char *name, int flags, coop_lock **ret_lock)
{
    coop_lock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "lock: out of memory");
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

int coop_lock_acquire(coop_lock *lock, int64_t timeout)
{
    if (coopi_robust_try(lock->object.slot, &lock->shm->robust)) return 0;
    return coopi_lock_acquire(&lock->object, lock->shm, timeout);
}

int coop_lock_release(coop_lock *lock)
{
    struct coopi_robust *robust = &lock->shm->robust;
    if (coopi_unlikely(!coopi_robust_mine(lock->object.slot, robust))) return coopi_say_not_held(&lock->object, lock->shm);
    coopi_robust_give_up(robust);
    return 0;
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
