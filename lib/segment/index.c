/* SPDX-License-Identifier: MIT */
/* The index of a segment's directory. */
#include "segment/index.h"

#include "base/atomic.h"

#include <errno.h>
#include <string.h>

#define TRIES 16

static uint32_t *bucket_of(const struct coopi_map *map, const char *name)
{
    return &map->index[coopi_name_hash(name) & (map->geometry->index.count - 1)];
}

/* A private copy: an entry does not change while it is live, but a hostile peer may write what it likes. */
static bool copy_if_named(const struct coopi_map *map, uint32_t number, const char *name, size_t length,
                          struct coopi_found *ret_found)
{
    const struct coopi_entry *entry = &map->directory[number];
    uint64_t state = coopi_load_acquire(&entry->state);
    if (!(state & COOPI_ENTRY_LIVE) || memcmp(entry->name, name, length) != 0) return false;
    ret_found->number = number;
    memcpy(&ret_found->entry, entry, sizeof ret_found->entry);
    ret_found->entry.state = state;
    return true;
}

static int find_among_all(const struct coopi_map *map, const char *name, struct coopi_found *ret_found)
{
    size_t length = strlen(name) + 1;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++)
        if (copy_if_named(map, i, name, length, ret_found)) return 0;
    return -ENOENT;
}

/* 0, -ENOENT, or -EBADMSG: the chain has no end. */
static int find_in_chain(const struct coopi_map *map, const char *name, struct coopi_found *ret_found)
{
    size_t length = strlen(name) + 1;
    uint32_t count = map->geometry->directory.count;
    uint32_t at = coopi_load_acquire(bucket_of(map, name));
    for (uint32_t steps = 0; at != 0; steps++) {
        if (at > count || steps == count) return -EBADMSG;
        if (copy_if_named(map, at - 1, name, length, ret_found)) return 0;
        at = coopi_load_acquire(&map->directory[at - 1].next);
    }
    return -ENOENT;
}

int coopi_index_find(const struct coopi_map *map, const char *name, struct coopi_found *ret_found)
{
    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t state = coopi_load_acquire(&map->header->index_state);
        if (state & 1) break;
        int r = find_in_chain(map, name, ret_found);
        if (r == 0) return 0;
        if (r == -EBADMSG) break;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (coopi_load_relaxed(&map->header->index_state) == state) return r;
    }
    return find_among_all(map, name, ret_found);
}

/* The name of an entry as it stands there, or an empty one if it has no end. */
static void copy_name(const struct coopi_entry *entry, char name[sizeof entry->name])
{
    memcpy(name, entry->name, sizeof entry->name);
    if (memchr(name, 0, sizeof entry->name) == NULL) name[0] = 0;
}

void coopi_index_add(const struct coopi_map *map, uint32_t number)
{
    struct coopi_entry *entry = &map->directory[number];
    char name[sizeof entry->name];
    copy_name(entry, name);
    if (!*name) return;
    uint32_t *bucket = bucket_of(map, name);
    coopi_store_release(&entry->next, coopi_load_relaxed(bucket));
    coopi_store_release(bucket, number + 1);
}

void coopi_index_drop(const struct coopi_map *map, uint32_t number)
{
    const struct coopi_entry *entry = &map->directory[number];
    char name[sizeof entry->name];
    copy_name(entry, name);
    if (!*name) return;
    uint32_t *place = bucket_of(map, name), count = map->geometry->directory.count;
    for (uint32_t steps = 0; steps < count; steps++) {
        uint32_t at = coopi_load_relaxed(place);
        if (at == 0 || at > count) return;
        if (at == number + 1) {
            coopi_store_release(place, coopi_load_relaxed(&entry->next));
            coopi_store_release(&map->header->index_state, coopi_load_relaxed(&map->header->index_state) + 2);
            coopi_fence_release(); /* the entry changes after that */
            return;
        }
        place = &map->directory[at - 1].next;
    }
}

void coopi_index_make(const struct coopi_map *map)
{
    uint32_t state = coopi_load_relaxed(&map->header->index_state) | 1;
    __atomic_store_n(&map->header->index_state, state, __ATOMIC_SEQ_CST);
    for (uint32_t i = 0; i < map->geometry->index.count; i++) coopi_store_relaxed(&map->index[i], 0);
    for (uint32_t i = 0; i < map->geometry->directory.count; i++)
        if (coopi_load_acquire(&map->directory[i].state) & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED))
            coopi_index_add(map, i);
    coopi_store_release(&map->header->index_state, state + 1);
}
