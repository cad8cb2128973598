/* SPDX-License-Identifier: MIT */
/* Mending a segment under its directory's lock. */
#include "segment/repair.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/attach.h"
#include "segment/directory.h"
#include "segment/event.h"
#include "segment/index.h"
#include "segment/owner.h"
#include "segment/registry.h"
#include "segment/robust.h"
#include "segment/storage.h"

#include <coop/common.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool read_map(const struct coopi_copy *copy, uint64_t offset, size_t size, void *ret_bytes)
{
    struct coopi_map *map = (struct coopi_map *)(uintptr_t)copy->context;
    if (coopi_map_reach(map, offset + size) < 0) return false;
    memcpy(ret_bytes, map->base + offset, size);
    return true;
}

/* At least what its objects need, and no more than there is. */
static void mend_size(struct coopi_map *map, const struct coopi_copy *copy)
{
    const struct coopi_header *h = coopi_copy_header(copy);
    if (h->size >= h->storage && h->size <= h->maximum && h->size <= copy->file_size) return;
    uint64_t size = copy->file_size < h->maximum ? copy->file_size : h->maximum;
    coopi_store_release(&map->header->size, size);
}

/* Who has such an object open keeps it; but where nobody knows what it covers, that is given away at once. */
static void drop_entries(struct coopi_map *map, const uint8_t *bad)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        if (!bad[i]) continue;
        uint64_t *state = &map->directory[i].state;
        uint64_t kept = coopi_load_relaxed(state) & ~(COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED);
        coopi_store_release(state, bad[i] == COOPI_BAD ? kept : kept | COOPI_ENTRY_REMOVED);
    }
}

/* A life word of another row frees its row, with a generation that nobody has had. */
static void mend_owners(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->owner_count; i++) {
        struct coopi_owner *owner = &map->owners[i];
        uint64_t life = coopi_load_acquire(&owner->life.word);
        if ((life == 0) || (coopi_tag_of(life) & COOPI_ROW_MASK) == i) continue;
        uint32_t generation = (coopi_load_relaxed(&owner->info_tag) >> COOPI_ROW_BITS) + 1;
        uint64_t tag = (uint64_t)(generation << COOPI_ROW_BITS | i) << 32;
        coopi_cas_both(&owner->life.word, &life, tag);
    }
}

static int mend_lock(struct coopi_map *map, struct coopi_robust *robust, const struct coopi_entry *entry)
{
    uint32_t dead = 0;
    uint64_t word = coopi_load_acquire(&robust->word);
    if ((word & COOPI_TID_MASK) && (coopi_tag_of(word) & COOPI_ROW_MASK) >= map->owner_count)
        coopi_cas_both(&robust->word, &word, (word & COOPI_WAITERS) | COOPI_OWNER_DIED);
    word = coopi_load_acquire(&robust->word);
    if (entry->kind == COOPI_LOCK || (word & (COOPI_TID_MASK | COOPI_OWNER_DIED)) ||
        !coopi_load_relaxed(&robust->extra))
        return 0;
    int r = coopi_robust_acquire(map, robust, COOP_NOWAIT, 0, &dead);
    if (r < 0) return r == -EBUSY ? 0 : r; /* somebody uses it: it is in order */
    coopi_store_relaxed(&robust->extra, 0);
    if (r > 0)
        coopi_death_record(map, &((struct coopi_lock_shm *)(void *)robust)->death, dead,
                           memchr(entry->name, 0, sizeof entry->name) ? entry->name : NULL);
    coopi_robust_give_up(robust);
    return 0;
}

/* All of them; the first error that there was. */
static int mend_locks(struct coopi_map *map, const struct coopi_copy *copy)
{
    int result = 0;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        memcpy(&entry, &map->directory[i], sizeof entry);
        if (!(entry.state & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED))) continue;
        int r = 0;
        uint64_t at = coopi_entry_lock_offset(&entry, map->geometry, copy->file_size);
        if (at && coopi_map_reach(map, at + sizeof(struct coopi_lock_shm)) == 0)
            r = mend_lock(map, (struct coopi_robust *)(void *)(map->base + at), &entry);
        if (result == 0) result = r;
    }
    return result;
}

/* Words of owners that there cannot be; what is left counts. */
static uint64_t mend_words(const struct coopi_map *map, const struct coopi_entry *entry, uint64_t *words)
{
    uint64_t held = 0;
    for (uint64_t i = 0; i < entry->length; i++) {
        uint64_t word = coopi_load_relaxed(&words[i]);
        if (word && (coopi_tag_of(word) & COOPI_ROW_MASK) >= map->owner_count) coopi_store_relaxed(&words[i], word = 0);
        if (word && !coopi_dead(map, coopi_tag_of(word))) held += (uint32_t)word;
    }
    return held;
}

static void mend_permits(const struct coopi_entry *entry, struct coopi_semaphore_shm *shm, uint64_t held)
{
    bool counting = entry->flags & COOPI_ENTRY_COUNTING, bounded = entry->flags & COOPI_ENTRY_BOUNDED;
    if (!counting && held > shm->total) coopi_store_relaxed(&shm->total, (uint32_t)held);
    if (shm->total > COOPI_PERMITS_MAX) coopi_store_relaxed(&shm->total, COOPI_PERMITS_MAX);
    uint32_t most = bounded ? shm->total : COOPI_PERMITS_MAX;
    if (counting && shm->permits > most) coopi_store_relaxed(&shm->permits, most);
}

/* Nobody can say who has arrived: it is broken, until somebody resets it. */
static void mend_rounds(struct coopi_barrier_shm *shm)
{
    uint64_t state = coopi_load_acquire(&shm->state);
    if ((state & COOPI_BARRIER_ARRIVED) <= shm->parties) return;
    coopi_cas_both(&shm->state, &state, (state & ~COOPI_BARRIER_ARRIVED) | COOPI_BARRIER_BROKEN);
}

/* What cannot be is taken away. The next one who enters is told that an owner died, and makes anew what is derived.
 * Under the guard all stands still: what only looked wrong is left alone. */
static int mend_sync(struct coopi_map *map, const struct coopi_copy *copy, const struct coopi_entry *entry,
                     struct coopi_sync_shm *shm)
{
    uint32_t dead;
    bool openable;
    struct coopi_robust *guard = &shm->guard.robust;
    uint64_t word = coopi_load_acquire(&guard->word);
    if ((word & COOPI_TID_MASK) && (coopi_tag_of(word) & COOPI_ROW_MASK) >= map->owner_count)
        coopi_cas_both(&guard->word, &word, (word & COOPI_WAITERS) | COOPI_OWNER_DIED);
    int r = coopi_robust_acquire(map, guard, COOP_NOWAIT, 0, &dead);
    if (r < 0) return r == -EBUSY ? 0 : r; /* somebody is in it: he looks himself */
    if (r == 0 && !coopi_sync_judge(copy, entry, &openable)) {
        coopi_robust_give_up(guard);
        return 0;
    }
    uint64_t held = mend_words(map, entry, (uint64_t *)(void *)(shm + 1));
    if (entry->kind == COOPI_SEMAPHORE) mend_permits(entry, &shm->semaphore, held);
    if (entry->kind == COOPI_RWLOCK) coopi_store_relaxed(&shm->rwlock.writer, 0);
    if (entry->kind == COOPI_BARRIER) mend_rounds(&shm->barrier);
    coopi_store_relaxed(&shm->waiting.head, 0);
    coopi_store_relaxed(&shm->waiting.tail, 0);
    coopi_store_relaxed(&shm->waiting.count, 0);
    coopi_robust_give_up_as_dead(guard);
    return 0;
}

static int mend_syncs(struct coopi_map *map, const struct coopi_copy *copy, const uint8_t *bad)
{
    int result = 0;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        bool openable;
        memcpy(&entry, &map->directory[i], sizeof entry);
        if (bad[i] || !(entry.state & COOPI_ENTRY_LIVE) || !coopi_kind_is_sync(entry.kind)) continue;
        if (!coopi_sync_judge(copy, &entry, &openable)) continue;
        uint64_t at = coopi_entry_sync_offset(&entry, map->geometry, copy->file_size);
        int r = at ? coopi_map_reach(map, entry.offset + entry.size) : 0;
        if (at && r == 0) r = mend_sync(map, copy, &entry, (struct coopi_sync_shm *)(void *)(map->base + at));
        if (result == 0) result = r;
    }
    return result;
}

static void clear_events(struct coopi_map *map)
{
    uint32_t count = map->geometry->events.count;
    for (uint32_t i = 0; i < count; i++) {
        struct coopi_event event;
        memcpy(&event, &map->events[i], sizeof event);
        if (!coopi_event_is_sound(&event, i, count)) coopi_store_release(&map->events[i].number, 0);
    }
}

static int mend(struct coopi_map *map, const struct coopi_copy *copy, const uint8_t *bad)
{
    mend_size(map, copy);
    drop_entries(map, bad);
    coopi_storage_recount(map);
    coopi_index_make(map);
    mend_owners(map);
    int r = mend_locks(map, copy);
    if (r == 0) r = mend_syncs(map, copy, bad);
    clear_events(map);
    coopi_event_tell(map, COOPI_EVENT_REPAIRED, NULL, NULL);
    return r;
}

/* Under the lock, on a copy of all but the objects. */
static int check_and_mend(struct coopi_map *map, bool dry_run, struct coopi_findings *findings, uint8_t *bytes,
                          uint8_t *bad)
{
    struct coopi_copy copy = {.bytes = bytes,
                              .file_size = coopi_load_acquire(&map->file_size),
                              .label = coopi_map_label(map),
                              .read = read_map,
                              .context = map};
    memcpy(bytes, map->base, map->geometry->storage);
    memcpy(bytes, map->geometry, offsetof(struct coopi_header, checksum)); /* checked once, and no peer's since */
    int r = coopi_segment_check_marking(&copy, findings, bad);
    if (r == 0 && findings->count && !dry_run) r = mend(map, &copy, bad);
    return r;
}

/* What lies beyond this process's mapping would look as if it were outside of the file. */
static int reach_all(struct coopi_map *map)
{
    struct stat st;
    int fd, r = coopi_map_file_descriptor(map, &fd);
    if (r == 0) r = coopi_map_refresh(map);
    if (r < 0) return r;
    if (fstat(fd, &st) != 0) return coopi_fail(errno, "%s: fstat: %s", coopi_map_label(map), strerror(errno));
    if ((uint64_t)st.st_size <= map->mapped || map->mapped >= map->geometry->maximum) return 0;
    return coopi_fail(
        ENOMEM, "%s: this process could map only %" PRIu64 " of its %" PRIu64 " bytes; raise RLIMIT_AS (ulimit -v)",
        coopi_map_label(map), map->mapped, (uint64_t)st.st_size);
}

int coopi_segment_repair(struct coopi_map *map, bool dry_run, struct coopi_findings *findings)
{
    uint8_t *bytes = malloc(map->geometry->storage), *bad = calloc(map->geometry->directory.count, 1);
    int r = bytes && bad ? coopi_directory_enter(map) : coopi_fail(ENOMEM, "%s: out of memory", coopi_map_label(map));
    if (r == 0) {
        r = reach_all(map);
        if (r == 0) r = check_and_mend(map, dry_run, findings, bytes, bad);
        coopi_directory_leave(map);
    }
    free(bad);
    free(bytes);
    return r;
}
