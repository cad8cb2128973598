/* SPDX-License-Identifier: MIT */
/* RWLock's handle. */
#ifndef COOPI_RWLOCK_H
#define COOPI_RWLOCK_H

#include "sync/sync.h"

#include <coop/rwlock.h>

struct coop_rwlock {
    struct coopi_sync sync;
    struct coopi_rwlock_shm *shm;
};

/* Takes the guard, and makes anew what is derived. Negative with a sentence. */
int coopi_rwlock_look(const struct coop_rwlock *lock);

#endif
