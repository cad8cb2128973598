/* SPDX-License-Identifier: MIT */
/* RLock: the robust word with a count of further holds, which only its holder touches. */
#include "sync/holding.h"
#include "sync/lock_shm.h"

#include "base/error.h"
#include "segment/robust.h"

#include <stdlib.h>

#define DEEPEST UINT32_C(0x7fffffff)

static const struct coopi_want want = {.kind = COOPI_RLOCK, .length = 1, .body_size = sizeof(struct coopi_lock_shm)};

static int finish(int r, coop_rlock *lock, coop_rlock **ret_lock)
{
    if (r == 0) r = coopi_lock_body(&lock->object, &lock->shm);
    if (r < 0) {
        free(lock);
        return r;
    }
    *ret_lock = lock;
    return 0;
}

int coop_rlock_open(const char *path, int flags, coop_rlock **ret_lock)
{
    coop_rlock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "rlock: out of memory");
    return finish(coopi_object_open(path, &want, flags, &lock->object), lock, ret_lock);
}

int coop_rlock_in(coop_segment *segment, const char *name, int flags, coop_rlock **ret_lock)
{
    coop_rlock *lock = malloc(sizeof *lock);
    if (!lock) return coopi_fail(ENOMEM, "rlock: out of memory");
    return finish(coopi_object_in(segment, name, &want, flags, &lock->object), lock, ret_lock);
}

int coop_rlock_new(coop_rlock **ret_lock)
{
    return coop_rlock_open(NULL, COOP_CREATE, ret_lock);
}

void coopi_rlock_embed(const struct coopi_object *host, struct coop_rlock *ret_lock)
{
    *ret_lock = (struct coop_rlock){.object = *host, .shm = (struct coopi_lock_shm *)(void *)host->body};
}

void coop_rlock_close(coop_rlock *lock)
{
    if (!lock) return;
    if (coopi_robust_mine(lock->object.slot, &lock->shm->robust)) coopi_say_closed_held(&lock->object);
    coopi_object_close(&lock->object);
    free(lock);
}

/* The long ways are functions of their own, so that the short ones need no stack. */
static __attribute__((noinline)) int acquire(coop_rlock *lock, int64_t timeout)
{
    struct coopi_robust *robust = &lock->shm->robust;
    if (coopi_robust_mine(lock->object.slot, robust)) {
        uint32_t extra = coopi_load_relaxed(&robust->extra);
        if (extra >= DEEPEST)
            return coopi_fail(EOVERFLOW, "%s: held 2^31 times; release it", coopi_object_label(&lock->object));
        coopi_store_relaxed(&robust->extra, extra + 1);
        return 0;
    }
    return coopi_lock_acquire(&lock->object, lock->shm, timeout);
}

int coop_rlock_acquire(coop_rlock *lock, int64_t timeout)
{
    return coopi_robust_try(lock->object.slot, &lock->shm->robust) ? 0 : acquire(lock, timeout);
}

static __attribute__((noinline)) int release(coop_rlock *lock)
{
    struct coopi_robust *robust = &lock->shm->robust;
    if (!coopi_robust_mine(lock->object.slot, robust)) return coopi_say_not_held(&lock->object, lock->shm);
    uint32_t extra = coopi_load_relaxed(&robust->extra);
    if (extra) {
        coopi_store_relaxed(&robust->extra, extra - 1);
        return 0;
    }
    coopi_robust_give_up(robust);
    return 0;
}

int coop_rlock_release(coop_rlock *lock)
{
    struct coopi_robust *robust = &lock->shm->robust;
    if (coopi_unlikely(coopi_load_relaxed(&robust->extra))) return release(lock);
    return coopi_robust_try_give_up(lock->object.slot, robust) ? 0 : release(lock);
}

int coop_rlock_locked(coop_rlock *lock)
{
    return coopi_robust_holder(lock->object.map, &lock->shm->robust) != 0;
}

uint32_t coop_rlock_depth(coop_rlock *lock)
{
    const struct coopi_robust *robust = &lock->shm->robust;
    return coopi_robust_mine(lock->object.slot, robust) ? coopi_load_relaxed(&robust->extra) + 1 : 0;
}

int coop_rlock_owner(coop_rlock *lock, coop_lock_holder *ret_holder)
{
    return coopi_lock_owner(&lock->object, lock->shm, ret_holder);
}

int coop_rlock_last_death(coop_rlock *lock, coop_lock_holder *ret_holder)
{
    return coopi_lock_last_death(&lock->object, lock->shm, ret_holder);
}

const char *coop_rlock_path(const coop_rlock *lock)
{
    return lock->object.path;
}
