/* SPDX-License-Identifier: MIT */
/* What Lock and RLock have in common besides the word: who holds, who died, and the sentences. */
#include "sync/holding.h"

#include "base/error.h"
#include "segment/robust.h"

#include <stdio.h>
#include <string.h>

int coopi_lock_body(struct coopi_object *object, struct coopi_lock_shm **ret_shm)
{
    if (object->body_size < sizeof **ret_shm) {
        int r = coopi_fail(EBADMSG, "%s: damaged: %zu bytes are too few for a lock; remove the segment",
                           coopi_object_label(object), (size_t)object->body_size);
        coopi_object_close(object);
        return r;
    }
    *ret_shm = (struct coopi_lock_shm *)(void *)object->body;
    return 0;
}

/* "thread 12 of process 10 (saldo)", or what is known of it. */
static void name_holder(const struct coopi_object *object, const struct coopi_lock_shm *shm, char *buffer, size_t size)
{
    coop_lock_holder holder;
    if (coopi_lock_owner(object, shm, &holder) < 0)
        snprintf(buffer, size, "nobody");
    else
        snprintf(buffer, size, "thread %d of process %d (%s)", holder.tid, holder.pid, holder.command);
}

static const char *object_name(const struct coopi_object *object)
{
    const char *slash = object->path ? strrchr(object->path, '/') : NULL;
    return slash ? slash + 1 : NULL;
}

int coopi_lock_acquired(const struct coopi_object *object, struct coopi_lock_shm *shm, int r, uint32_t dead)
{
    char who[64];
    const char *label = coopi_object_label(object);
    switch (r) {
    case COOP_OWNER_DIED: coopi_death_record(object->map, &shm->death, dead, object_name(object)); return r;
    case -EBUSY:
    case -ETIMEDOUT:
        name_holder(object, shm, who, sizeof who);
        return coopi_fail(-r, "%s: %s it is held by %s; wait longer, or see `shmctl show`", label,
                          r == -EBUSY ? "busy:" : "timed out:", who);
    case -EDEADLK:
        return coopi_fail(EDEADLK, "%s: this thread holds it already; use an RLock to acquire it again", label);
    case -EINTR: return coopi_fail(EINTR, "%s: a signal ended the wait, and it is not held; acquire it again", label);
    default: return r;
    }
}

int coopi_lock_acquire(const struct coopi_object *object, struct coopi_lock_shm *shm, int64_t timeout)
{
    uint32_t dead = 0;
    int r = coopi_robust_acquire(object->map, &shm->robust, timeout, object->flags, &dead);
    if (r == 0) return 0;
    if (r == COOP_OWNER_DIED)
        coopi_store_relaxed(&shm->robust.extra, 0); /* the dead one's; a living one leaves it at 0 */
    return coopi_lock_acquired(object, shm, r, dead);
}

uint32_t coopi_lock_give_up_whole(const struct coopi_object *object, struct coopi_lock_shm *shm)
{
    uint32_t extra = coopi_load_relaxed(&shm->robust.extra);
    coopi_store_relaxed(&shm->robust.extra, 0);
    if (!coopi_robust_try_give_up(object->slot, &shm->robust)) coopi_robust_give_up(&shm->robust);
    return extra;
}

int coopi_lock_take_again(const struct coopi_object *object, struct coopi_lock_shm *shm, uint32_t extra,
                          int64_t timeout)
{
    int r = coopi_robust_try(object->slot, &shm->robust) ? 0 : coopi_lock_acquire(object, shm, timeout);
    if (r >= 0) coopi_store_relaxed(&shm->robust.extra, extra);
    return r;
}

int coopi_say_not_held(const struct coopi_object *object, struct coopi_lock_shm *shm)
{
    char who[64];
    struct coopi_self *self = coopi_self_;
    if (self && self->head && coopi_unlink(self, &shm->robust))
        return coopi_fail(EPERM, "%s: it was taken from this thread by force; see `shmctl events`",
                          coopi_object_label(object));
    name_holder(object, shm, who, sizeof who);
    return coopi_fail(EPERM, "%s: this thread does not hold it (%s does); only its holder may release it",
                      coopi_object_label(object), who);
}

void coopi_say_closed_held(const struct coopi_object *object)
{
    coopi_keep_detail("%s: closed while this thread holds it: it stays held; open it again to release it",
                      coopi_object_label(object));
}

int coopi_lock_owner(const struct coopi_object *object, const struct coopi_lock_shm *shm, coop_lock_holder *ret_holder)
{
    uint32_t tag = coopi_robust_holder(object->map, &shm->robust);
    if (!tag) return coopi_fail(ENOENT, "%s: nobody holds it", coopi_object_label(object));
    struct coopi_owner_name name;
    coopi_owner_describe(object->map, tag, &name);
    coop_lock_holder holder = {.pid = name.pid, .tid = name.tid};
    memcpy(holder.command, name.command, sizeof holder.command);
    *ret_holder = holder;
    return 0;
}

int coopi_lock_last_death(const struct coopi_object *object, const struct coopi_lock_shm *shm,
                          coop_lock_holder *ret_holder)
{
    const struct coopi_death *death = &shm->death;
    uint64_t count = coopi_load_acquire(&death->count);
    if (!count) return coopi_fail(ENOENT, "%s: nobody died holding it", coopi_object_label(object));
    coop_lock_holder holder = {
        .pid = coopi_load_relaxed(&death->pid),
        .tid = coopi_load_relaxed(&death->tid),
        .wall_time = coopi_load_relaxed(&death->wall_time),
        .deaths = count,
    };
    memcpy(holder.command, death->command, sizeof holder.command);
    holder.command[sizeof holder.command - 1] = 0;
    *ret_holder = holder;
    return 0;
}
