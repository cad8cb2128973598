/* SPDX-License-Identifier: MIT */
/* Who holds the lock of an object. */
#include "segment/holders.h"

#include "base/error.h"
#include "segment/owner.h"
#include "segment/registry.h"

struct coopi_robust *coopi_entry_lock(struct coopi_map *map, const struct coopi_entry *entry)
{
    uint64_t at = coopi_entry_lock_offset(entry, map->geometry, map->geometry->maximum);
    if (!at || coopi_map_reach(map, entry->offset + entry->size) < 0) return NULL;
    return (struct coopi_robust *)(void *)(map->base + at);
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
