/* SPDX-License-Identifier: MIT */
/* The directory of a segment. Its lock guards making, removing and growing; finding needs none.
 *
 * Each change of an entry is committed by one store to its state. What is derived from the entries, the index and the
 * words about storage, is made anew when the lock's owner died. */
#include "segment/directory.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/event.h"
#include "segment/holders.h"
#include "segment/index.h"
#include "segment/opens.h"
#include "segment/robust.h"
#include "segment/storage.h"

#include <coop/common.h>
#include <inttypes.h>
#include <string.h>

#define LOCK_TIMEOUT COOP_S(10)

/* Fills the storage and the entry, all but its state. */
static void prepare(struct coopi_map *map, const struct coopi_want *want, const struct coopi_found *plan)
{
    struct coopi_entry *entry = &map->directory[plan->number];
    const struct coopi_entry *planned = &plan->entry;
    const size_t first = offsetof(struct coopi_entry, kind);
    memset(map->base + planned->offset, 0,
           planned->size); /* its last owner, or a maker that was killed, left something */
    if (want->type) memcpy(map->base + planned->offset, want->type, planned->type_size);
    if (want->initial) memcpy(map->base + planned->body, want->initial, want->initial_size);
    coopi_index_drop(map, plan->number); /* while its old name stands there */
    memcpy((uint8_t *)entry + first, (const uint8_t *)planned + first, sizeof *planned - first);
    coopi_index_add(map, plan->number);
}

/* Bytes that the object covers, type and body, each in whole lines; UINT64_MAX: more than there can be. */
static uint64_t size_of(const struct coopi_want *want, uint64_t type_room, uint64_t words)
{
    uint64_t size;
    if (__builtin_add_overflow(want->body_size, type_room + words * sizeof(uint64_t) + COOPI_LINE - 1, &size))
        return UINT64_MAX;
    return size / COOPI_LINE * COOPI_LINE;
}

static void one_more_out_of_sight(struct coopi_map *map)
{
    coopi_store_relaxed(&map->header->out_of_sight, coopi_load_relaxed(&map->header->out_of_sight) + 1);
}

static int make_locked(struct coopi_map *map, const char *name, const struct coopi_want *want,
                       struct coopi_found *ret_found)
{
    if (*name && coopi_index_find(map, name, ret_found) == 0) return 1;
    if (want->threads > map->owner_count)
        return coopi_fail(EINVAL,
                          "%s%s%s: is for %" PRIu32 " threads, and its segment has rows for %" PRIu32
                          "; make the segment with more (.owners)",
                          coopi_map_label(map), *name ? "/" : "", name, want->threads, map->owner_count);
    struct coopi_found plan = {.entry = {.kind = want->kind, .flags = want->entry_flags, .length = want->length}};
    struct coopi_entry *entry = &plan.entry;
    int r = coopi_storage_entry(map, &plan.number);
    if (r < 0) return r;
    entry->type_size = want->type ? (uint32_t)strlen(want->type) + 1 : 0;
    uint64_t type_room = (uint64_t)(entry->type_size + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
    if (want->has_words && entry->length > map->owner_count) entry->length = map->owner_count;
    entry->size = size_of(want, type_room, want->has_words ? entry->length : 0);
    r = coopi_storage_take(map, entry->size, &entry->offset);
    if (r < 0) return r;
    entry->body = entry->offset + type_room;
    memcpy(entry->name, name, strlen(name));
    prepare(map, want, &plan);
    uint64_t *state = &map->directory[plan.number].state;
    entry->state = coopi_load_relaxed(state);
    if (!*name) { /* nobody can find it: it lives as long as it is open, so that comes first */
        one_more_out_of_sight(map);
        r = coopi_opens_add(map, plan.number, entry->state);
        if (r < 0) return r;
    }
    entry->state = (entry->state + COOPI_ENTRY_GENERATION) | COOPI_ENTRY_LIVE;
    coopi_store_release(state, entry->state); /* the commit */
    coopi_store_relaxed(&map->header->objects_made, coopi_load_relaxed(&map->header->objects_made) + 1);
    *ret_found = plan;
    return 0;
}

static int remove_locked(struct coopi_map *map, const char *name, bool force)
{
    struct coopi_found found;
    if (coopi_index_find(map, name, &found) < 0)
        return coopi_fail(ENOENT, "%s/%s: no such object; look at `shmctl show %s`", coopi_map_label(map), name,
                          coopi_map_label(map));
    int r = force ? 0 : coopi_refuse_if_held(map, &found.entry, found.number);
    if (r < 0) return r;
    uint64_t removed = (found.entry.state & ~COOPI_ENTRY_LIVE) | COOPI_ENTRY_REMOVED;
    one_more_out_of_sight(map);
    __atomic_store_n(&map->directory[found.number].state, removed, __ATOMIC_SEQ_CST); /* the commit */
    coopi_event_tell(map, COOPI_EVENT_REMOVED, NULL, name);
    coopi_storage_collect_one(map, found.number);
    return 0;
}

int coopi_directory_enter(struct coopi_map *map)
{
    struct coopi_lock_shm *lock = &map->header->lock;
    uint32_t dead;
    int r = coopi_robust_acquire(map, &lock->robust, LOCK_TIMEOUT, 0, &dead);
    if (r == -ETIMEDOUT)
        return coopi_fail(ETIMEDOUT,
                          "%s: its directory has been locked for 10 s by a stopped process; `shmctl show %s` names it",
                          coopi_map_label(map), coopi_map_label(map));
    if (r == -EDEADLK)
        return coopi_fail(EDEADLK, "%s: a signal handler may not make or remove objects while its thread does",
                          coopi_map_label(map));
    if (r != COOP_OWNER_DIED) return r;
    coopi_storage_recount(map);
    coopi_index_make(map);
    coopi_death_record(map, &lock->death, dead, NULL);
    return 0;
}

void coopi_directory_leave(struct coopi_map *map)
{
    coopi_robust_give_up(&map->header->lock.robust);
}

int coopi_directory_find(const struct coopi_map *map, const char *name, struct coopi_found *ret_found)
{
    return coopi_index_find(map, name, ret_found);
}

int coopi_directory_make(struct coopi_map *map, const char *name, const struct coopi_want *want,
                         struct coopi_found *ret_found)
{
    int r = coopi_directory_enter(map);
    if (r < 0) return r;
    r = make_locked(map, name, want, ret_found);
    coopi_directory_leave(map);
    return r;
}

int coopi_directory_remove(struct coopi_map *map, const char *name, bool force)
{
    int r = coopi_directory_enter(map);
    if (r < 0) return r;
    r = remove_locked(map, name, force);
    coopi_directory_leave(map);
    return r;
}
