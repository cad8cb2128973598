/* SPDX-License-Identifier: MIT */
/* Who holds the lock of an object. */
#include "segment/holders.h"

#include "base/error.h"
#include "segment/owner.h"
#include "segment/registry.h"

struct coopi_robust *coopi_entry_lock(struct coopi_map *map, const struct coopi_entry *entry)
{
    bool has_lock = entry->kind == COOPI_LOCK || entry->kind == COOPI_RLOCK || (entry->flags & COOPI_ENTRY_LOCKED);
    if (!has_lock || coopi_entry_check(entry, map->geometry, map->geometry->maximum, coopi_map_label(map)) < 0)
        return NULL;
    if (sizeof(struct coopi_lock_shm) > entry->offset + entry->size - entry->body) return NULL;
    if (coopi_map_reach(map, entry->offset + entry->size) < 0) return NULL;
    return (struct coopi_robust *)(void *)(map->base + entry->body);
}

int coopi_refuse_if_held(struct coopi_map *map, const struct coopi_entry *entry)
{
    const struct coopi_robust *robust = coopi_entry_lock(map, entry);
    if (!robust) return 0;
    uint64_t word = coopi_load_acquire(&robust->word);
    uint32_t tag = coopi_tag_of(word);
    if (!(word & COOPI_TID_MASK) || coopi_owner_second_evidence(map, tag)) return 0;
    struct coopi_owner_name holder;
    coopi_owner_describe(map, tag, &holder);
    return coopi_fail(
        EBUSY, "%s: %s is held by thread %d of process %d (%s); wait until it releases it, or force the removal",
        coopi_map_label(map), *entry->name ? entry->name : "a nameless object", holder.tid, holder.pid, holder.command);
}
