/* SPDX-License-Identifier: MIT */
/* The directory of a segment. Its lock guards making, removing and growing; finding needs none.
 *
 * Each change of an entry is committed by one store to its state, so there is nothing to repair when the lock's owner
 * died. */
#include "segment/directory.h"

#include "base/error.h"
#include "segment/event.h"
#include "segment/holders.h"
#include "segment/robust.h"
#include "segment/storage.h"

#include <coop/common.h>
#include <inttypes.h>
#include <string.h>

#define LOCK_TIMEOUT COOP_S(10)

/* A private copy: an entry does not change while it is live, but a hostile peer may write what it likes. */
static bool copy_live(const struct coopi_map *map, uint32_t number, struct coopi_found *ret_found)
{
    const struct coopi_entry *entry = &map->directory[number];
    uint64_t state = coopi_load_acquire(&entry->state);
    if (!(state & COOPI_ENTRY_LIVE)) return false;
    ret_found->number = number;
    memcpy(&ret_found->entry, entry, sizeof ret_found->entry);
    ret_found->entry.state = state;
    return true;
}

int coopi_directory_find(const struct coopi_map *map, const char *name, struct coopi_found *ret_found)
{
    size_t length = strlen(name) + 1;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        const struct coopi_entry *entry = &map->directory[i];
        if (!(coopi_load_acquire(&entry->state) & COOPI_ENTRY_LIVE) || memcmp(entry->name, name, length) != 0) continue;
        if (copy_live(map, i, ret_found)) return 0;
    }
    return -ENOENT;
}

/* Fills the storage and the entry, all but its state. */
static void prepare(struct coopi_map *map, const struct coopi_want *want, const struct coopi_found *plan)
{
    struct coopi_entry *entry = &map->directory[plan->number];
    const struct coopi_entry *planned = &plan->entry;
    memset(map->base + planned->offset, 0, planned->size); /* its last owner, or a maker that was killed, left something */
    if (planned->type_size) memcpy(map->base + planned->offset, want->type, planned->type_size);
    memcpy((uint8_t *)entry + sizeof entry->state, (const uint8_t *)planned + sizeof planned->state,
           sizeof *planned - sizeof planned->state);
}

static int make_locked(struct coopi_map *map, const char *name, const struct coopi_want *want, struct coopi_found *ret_found)
{
    if (*name && coopi_directory_find(map, name, ret_found) == 0) return 1;
    coopi_storage_collect(map);
    struct coopi_found plan = {.entry = {.kind = want->kind, .flags = want->entry_flags, .length = want->length}};
    struct coopi_entry *entry = &plan.entry;
    int r = coopi_storage_entry(map, &plan.number);
    if (r < 0) return r;
    entry->type_size = want->type ? (uint32_t)strlen(want->type) + 1 : 0;
    uint64_t type_room = (entry->type_size + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
    if (__builtin_add_overflow(want->body_size, type_room + COOPI_LINE - 1, &entry->size)) entry->size = UINT64_MAX;
    entry->size = entry->size / COOPI_LINE * COOPI_LINE;
    r = coopi_storage_take(map, entry->size, &entry->offset);
    if (r < 0) return r;
    entry->body = entry->offset + type_room;
    memcpy(entry->name, name, strlen(name));
    prepare(map, want, &plan);
    uint64_t *state = &map->directory[plan.number].state;
    entry->state = (coopi_load_relaxed(state) + COOPI_ENTRY_GENERATION) | COOPI_ENTRY_LIVE;
    coopi_store_release(state, entry->state); /* the commit */
    coopi_store_relaxed(&map->header->objects_made, coopi_load_relaxed(&map->header->objects_made) + 1);
    *ret_found = plan;
    return 0;
}

static int remove_locked(struct coopi_map *map, const char *name, bool force)
{
    struct coopi_found found;
    if (coopi_directory_find(map, name, &found) < 0)
        return coopi_fail(ENOENT, "%s/%s: no such object; look at `shmctl show %s`", coopi_map_label(map), name, coopi_map_label(map));
    int r = force ? 0 : coopi_refuse_if_held(map, &found.entry);
    if (r < 0) return r;
    uint64_t removed = (found.entry.state & ~COOPI_ENTRY_LIVE) | COOPI_ENTRY_REMOVED;
    __atomic_store_n(&map->directory[found.number].state, removed, __ATOMIC_SEQ_CST); /* the commit */
    coopi_event_tell(map, COOPI_EVENT_REMOVED, NULL, name);
    coopi_storage_collect(map);
    return 0;
}

/* Takes the directory's lock. */
static int enter(struct coopi_map *map)
{
    struct coopi_lock_shm *lock = &map->header->lock;
    uint32_t dead;
    int r = coopi_robust_acquire(map, &lock->robust, LOCK_TIMEOUT, 0, &dead);
    if (r == -ETIMEDOUT)
        return coopi_fail(ETIMEDOUT, "%s: its directory has been locked for 10 s by a stopped process; `shmctl show %s` names it",
                          coopi_map_label(map), coopi_map_label(map));
    if (r == -EDEADLK)
        return coopi_fail(EDEADLK, "%s: a signal handler may not make or remove objects while its thread does", coopi_map_label(map));
    if (r == COOP_OWNER_DIED) coopi_death_record(map, &lock->death, dead, NULL);
    return r < 0 ? r : 0;
}

int coopi_directory_make(struct coopi_map *map, const char *name, const struct coopi_want *want,
                         struct coopi_found *ret_found)
{
    int r = enter(map);
    if (r < 0) return r;
    r = make_locked(map, name, want, ret_found);
    coopi_robust_give_up(&map->header->lock.robust);
    return r;
}

int coopi_directory_remove(struct coopi_map *map, const char *name, bool force)
{
    int r = enter(map);
    if (r < 0) return r;
    r = remove_locked(map, name, force);
    coopi_robust_give_up(&map->header->lock.robust);
    return r;
}
