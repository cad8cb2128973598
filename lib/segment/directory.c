/* SPDX-License-Identifier: MIT */
/* The directory of a segment. Its lock guards making and growing; finding needs none.
 *
 * The entries are the only truth about storage: what no live entry covers is free, so there is no allocator state that a
 * death could tear, and nothing to repair when the lock's owner died. */
#include "segment/directory.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/registry.h"
#include "segment/robust.h"

#include <coop/common.h>
#include <inttypes.h>
#include <string.h>

#define GROWTH (UINT64_C(64) << 10)
#define LOCK_TIMEOUT COOP_S(10)

static uint64_t round_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* A private copy: an entry does not change once it is live, but a hostile peer may write what it likes. */
static bool copy_live(const struct coopi_map *map, uint32_t number, struct coopi_entry *ret_entry)
{
    const struct coopi_entry *entry = &map->directory[number];
    if (!(coopi_load_acquire(&entry->state) & COOPI_ENTRY_LIVE)) return false;
    memcpy(ret_entry, entry, sizeof *ret_entry);
    return true;
}

int coopi_directory_find(const struct coopi_map *map, const char *name, struct coopi_entry *ret_entry)
{
    size_t length = strlen(name) + 1;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        const struct coopi_entry *entry = &map->directory[i];
        if (!(coopi_load_acquire(&entry->state) & COOPI_ENTRY_LIVE) || memcmp(entry->name, name, length) != 0) continue;
        if (copy_live(map, i, ret_entry)) return 0;
    }
    return -ENOENT;
}

/* Where free storage begins, and a free entry; false if the directory is full. */
static bool find_room(const struct coopi_map *map, uint32_t *ret_number, uint64_t *ret_offset)
{
    bool found = false;
    uint64_t end = map->geometry->storage;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        if (copy_live(map, i, &entry)) {
            uint64_t its_end = entry.offset + entry.size;
            if (its_end > end && its_end > entry.offset && its_end <= map->geometry->maximum) end = its_end;
        } else if (!found) {
            *ret_number = i;
            found = true;
        }
    }
    *ret_offset = round_up(end, COOPI_LINE);
    return found;
}

/* Fills the storage and the entry, all but its state. */
static void prepare(struct coopi_map *map, const struct coopi_want *want, const struct coopi_entry *plan, struct coopi_entry *entry)
{
    memset(map->base + plan->offset, 0, plan->size); /* a maker that was killed may have left something */
    if (plan->type_size) memcpy(map->base + plan->offset, want->type, plan->type_size);
    memcpy((uint8_t *)entry + sizeof entry->state, (const uint8_t *)plan + sizeof plan->state, sizeof *plan - sizeof plan->state);
}

static int reserve(struct coopi_map *map, uint64_t end)
{
    if (end > coopi_load_acquire(&map->header->size)) {
        uint64_t step = round_up(end, GROWTH);
        int r = coopi_map_grow(map, step < map->geometry->maximum ? step : end);
        if (r < 0) return r;
    }
    return coopi_map_reach(map, end);
}

static int make_locked(struct coopi_map *map, const char *name, const struct coopi_want *want, struct coopi_entry *ret_entry)
{
    if (*name && coopi_directory_find(map, name, ret_entry) == 0) return 1;
    uint32_t number = 0;
    struct coopi_entry plan = {.kind = want->kind, .flags = want->entry_flags, .length = want->length};
    if (!find_room(map, &number, &plan.offset))
        return coopi_fail(ENOSPC, "%s: its directory is full (%" PRIu32 " objects); make the segment with more (.objects)",
                          coopi_map_label(map), map->geometry->directory.count);
    plan.type_size = want->type ? (uint32_t)strlen(want->type) + 1 : 0;
    plan.body = plan.offset + round_up(plan.type_size, COOPI_LINE);
    if (want->body_size > map->geometry->maximum)
        return coopi_fail(ENOSPC, "%s: an object of %" PRIu64 " bytes is more than its maximum of %" PRIu64
                          "; make the segment with a larger .maximum", coopi_map_label(map), want->body_size, map->geometry->maximum);
    plan.size = plan.body - plan.offset + round_up(want->body_size, COOPI_LINE);
    memcpy(plan.name, name, strlen(name));
    int r = reserve(map, plan.offset + plan.size);
    if (r < 0) return r;
    struct coopi_entry *entry = &map->directory[number];
    prepare(map, want, &plan, entry);
    plan.state = ((coopi_load_relaxed(&entry->state) >> 1) + 1) << 1 | COOPI_ENTRY_LIVE;
    coopi_store_release(&entry->state, plan.state); /* the commit */
    coopi_store_relaxed(&map->header->objects_made, coopi_load_relaxed(&map->header->objects_made) + 1);
    *ret_entry = plan;
    return 0;
}

int coopi_directory_make(struct coopi_map *map, const char *name, const struct coopi_want *want,
                         struct coopi_entry *ret_entry)
{
    struct coopi_lock_shm *lock = &map->header->lock;
    uint32_t dead;
    int r = coopi_robust_acquire(map, &lock->robust, LOCK_TIMEOUT, 0, &dead);
    if (r == -ETIMEDOUT)
        return coopi_fail(ETIMEDOUT, "%s: its directory has been locked for 10 s by a stopped process; `shmctl show %s` names it",
                          coopi_map_label(map), coopi_map_label(map));
    if (r == -EDEADLK)
        return coopi_fail(EDEADLK, "%s: a signal handler may not make objects while its thread does", coopi_map_label(map));
    if (r < 0) return r;
    if (r == COOP_OWNER_DIED) coopi_death_record(map, &lock->death, dead, NULL);
    r = make_locked(map, name, want, ret_entry);
    coopi_robust_give_up(&lock->robust);
    return r;
}
