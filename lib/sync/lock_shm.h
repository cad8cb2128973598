/* SPDX-License-Identifier: MIT */
/* The RLock that stands inside another object: how Value and Array get their own lock. */
#ifndef COOPI_LOCK_SHM_H
#define COOPI_LOCK_SHM_H

#include "segment/object.h"

#include <coop/lock.h>

struct coop_lock {
    struct coopi_object object;
    struct coopi_lock_shm *shm;
};

struct coop_rlock {
    struct coopi_object object; /* embedded: borrows its host's map and path, owns nothing */
    struct coopi_lock_shm *shm;
};

/* Makes *RET the handle of the RLock at the beginning of HOST's body (at least sizeof(struct coopi_lock_shm)). It lives
 * as long as HOST and is never closed. */
void coopi_rlock_embed(const struct coopi_object *host, struct coop_rlock *ret_lock);

#endif
