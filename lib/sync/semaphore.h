/* SPDX-License-Identifier: MIT */
/* A semaphore's handle, for the files that make up its calls. */
#ifndef COOPI_SEMAPHORE_H
#define COOPI_SEMAPHORE_H

#include "sync/sync.h"

#include <coop/semaphore.h>

struct coop_semaphore {
    struct coopi_sync sync;
    struct coopi_semaphore_shm *shm;
    bool counting;
};

static inline const char *coopi_semaphore_label(const coop_semaphore *semaphore)
{
    return coopi_object_label(&semaphore->sync.object);
}

/* Makes anew what is derived, and serves who waits. TOLD: a death that is recorded already, or 0. Under the guard. */
void coopi_semaphore_recount(const coop_semaphore *semaphore, uint32_t told);

/* After the death of DEAD, who had the guard. */
void coopi_semaphore_mend(const coop_semaphore *semaphore, uint32_t dead);

/* Takes the guard; after a death within a call, everything is made anew. As coopi_sync_enter(), but 0 for that. */
static inline int coopi_semaphore_enter(const coop_semaphore *semaphore, int64_t deadline)
{
    uint32_t dead = 0;
    int r = coopi_sync_enter(&semaphore->sync, deadline, &dead);
    if (coopi_unlikely(r == COOP_OWNER_DIED)) coopi_semaphore_mend(semaphore, dead);
    return r < 0 ? r : 0;
}

#endif
