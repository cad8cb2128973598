/* SPDX-License-Identifier: MIT */
/* Who holds an object, or waits at it. */
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

struct coopi_sync_shm *coopi_entry_sync(struct coopi_map *map, const struct coopi_entry *entry)
{
    uint64_t at = coopi_entry_sync_offset(entry, map->geometry, map->geometry->maximum);
    if (!at || coopi_map_reach(map, entry->offset + entry->size) < 0) return NULL;
    return (struct coopi_sync_shm *)(void *)(map->base + at);
}

static uint32_t living(const struct coopi_map *map, uint32_t tag)
{
    return tag && !coopi_owner_second_evidence(map, tag) ? tag : 0;
}

/* The tag of who holds the lock that the object is or begins with. */
static uint32_t find_holder(struct coopi_map *map, const struct coopi_entry *entry)
{
    const struct coopi_robust *robust = coopi_entry_lock(map, entry);
    uint64_t word = robust ? coopi_load_acquire(&robust->word) : 0;
    return word & COOPI_TID_MASK ? living(map, coopi_tag_of(word)) : 0;
}

/* The tag of somebody who has a word in it. */
static uint32_t find_stander(struct coopi_map *map, const struct coopi_entry *entry)
{
    const struct coopi_sync_shm *sync = coopi_entry_sync(map, entry);
    if (!sync) return 0;
    const uint64_t *words = (const uint64_t *)(const void *)(sync + 1);
    uint32_t tag = 0;
    for (uint64_t i = 0; !tag && i < entry->length; i++) tag = living(map, coopi_tag_of(coopi_load_acquire(&words[i])));
    return tag;
}

/* The tag of somebody who waits his turn at it. */
static uint32_t find_waiter(struct coopi_map *map, const struct coopi_entry *entry, uint32_t number)
{
    if (!coopi_entry_sync(map, entry)) return 0;
    for (uint32_t row = 0; row < map->owner_count; row++) {
        const struct coopi_seat *seat = &map->owners[row].seat;
        uint64_t who = coopi_load_acquire(&seat->who);
        bool left = (coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK) == COOPI_SEAT_LEFT;
        uint32_t tag = (uint32_t)who == number + 1 && !left ? living(map, coopi_tag_of(who)) : 0;
        if (tag) return tag;
    }
    return 0;
}

static int refuse(const struct coopi_map *map, const struct coopi_entry *entry, const char *how, uint32_t tag,
                  const char *until)
{
    struct coopi_owner_name who;
    coopi_owner_describe(map, tag, &who);
    return coopi_fail(EBUSY, "%s: %s is %s by thread %d of process %d (%s); wait until it %s, or force the removal",
                      coopi_map_label(map), *entry->name ? entry->name : "a nameless object", how, who.tid, who.pid,
                      who.command, until);
}

int coopi_refuse_if_held(struct coopi_map *map, const struct coopi_entry *entry, uint32_t number)
{
    uint32_t tag = find_holder(map, entry);
    if (!tag) tag = find_stander(map, entry);
    if (tag) return refuse(map, entry, "held", tag, "releases it");
    tag = find_waiter(map, entry, number);
    return tag ? refuse(map, entry, "waited for", tag, "has it") : 0;
}
