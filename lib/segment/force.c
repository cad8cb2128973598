/* SPDX-License-Identifier: MIT */
/* Taking a lock away from a living holder that will not let go. */
#include "segment/force.h"

#include "base/error.h"
#include "base/fence.h"
#include "segment/directory.h"
#include "segment/event.h"
#include "segment/holders.h"
#include "segment/robust.h"

/* Holders look for a call when they give up, and from then on do it by compare-and-swap. */
static void call(struct coopi_robust *robust)
{
    uint32_t mode = coopi_fetch_or(&robust->mode, COOPI_MODE_CALL) | COOPI_MODE_CALL;
    if (!(mode & COOPI_MODE_BUSY) && coopi_fence_all()) coopi_cas_both(&robust->mode, &mode, mode | COOPI_MODE_BUSY);
}

/* 0: nobody holds it. Else the tag from whom it was taken. */
static uint32_t take_away(const struct coopi_map *map, struct coopi_robust *robust)
{
    uint64_t word = coopi_load_acquire(&robust->word);
    call(robust);
    do {
        if (!(word & COOPI_TID_MASK) || coopi_dead(map, coopi_tag_of(word))) return 0;
    } while (!coopi_cas_both(&robust->word, &word, (word & ~COOPI_TID_MASK) | COOPI_OWNER_DIED | COOPI_WAITERS));
    return coopi_tag_of(word);
}

/* Those of a transferable lock sleep by its bell. */
static void wake(struct coopi_robust *robust, bool transferable)
{
    if (transferable) {
        coopi_fetch_add(&robust->extra, COOPI_BELL_RING);
        coopi_futex_wake(&robust->extra, COOPI_FUTEX_ALL);
    } else
        coopi_futex_wake(coopi_low_half(&robust->word), 1);
}

int coopi_lock_force(struct coopi_map *map, const char *name, const char *reason)
{
    struct coopi_found found;
    const char *label = coopi_map_label(map);
    if (coopi_directory_find(map, name, &found) < 0)
        return coopi_fail(ENOENT, "%s/%s: no such object; `shmctl show %s` lists those there are", label, name, label);
    struct coopi_robust *robust = coopi_entry_lock(map, &found.entry);
    if (!robust)
        return coopi_fail(EINVAL, "%s/%s: a %s has no lock that could be taken away", label, name,
                          coopi_kind_name(found.entry.kind));
    uint32_t tag = take_away(map, robust);
    if (!tag) return coopi_fail(ENOENT, "%s/%s: no living thread holds it", label, name);
    struct coopi_owner_name who;
    coopi_owner_describe(map, tag, &who);
    coopi_event_tell(map, COOPI_EVENT_FORCED, &who, name);
    coopi_event_tell(map, COOPI_EVENT_REASON, NULL, reason);
    wake(robust, found.entry.flags & COOPI_ENTRY_TRANSFERABLE);
    return 0;
}
