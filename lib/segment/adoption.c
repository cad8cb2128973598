/* SPDX-License-Identifier: MIT */
/* Adopting an abandoned segment. */
#include "segment/adoption.h"

#include "base/atomic.h"
#include "base/error.h"
#include "base/proc.h"
#include "segment/event.h"
#include "segment/map.h"
#include "segment/process.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* A lock that somebody held tells the next one of his death; one that was free has no sleepers. The tag stays: it says
 * who it was. */
static void remake_lock(struct coopi_robust *robust)
{
    uint64_t word = coopi_load_relaxed(&robust->word), dead = 0;
    if (word & (COOPI_TID_MASK | COOPI_OWNER_DIED)) dead = (word & ~UINT64_C(0xffffffff)) | COOPI_OWNER_DIED;
    coopi_store_relaxed(&robust->mode, 0);
    coopi_store_relaxed(&robust->vain, 0);
    coopi_store_relaxed(&robust->calm, 0);
    coopi_store_relaxed(&robust->word, dead);
}

/* Whoever takes it first makes anew what is derived. */
static void remake_guard(struct coopi_robust *guard)
{
    remake_lock(guard);
    coopi_store_relaxed(&guard->word, coopi_load_relaxed(&guard->word) | COOPI_OWNER_DIED);
}

static void remake_objects(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        memcpy(&entry, &map->directory[i], sizeof entry);
        if (!(entry.state & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED))) continue;
        uint64_t at = coopi_entry_lock_offset(&entry, map->geometry, map->file_size);
        if (at) remake_lock((struct coopi_robust *)(void *)(map->base + at));
        at = coopi_entry_sync_offset(&entry, map->geometry, map->file_size);
        if (at) remake_guard(&((struct coopi_sync_shm *)(void *)(map->base + at))->guard.robust);
    }
}

static void free_rows(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->participants.count; i++) {
        struct coopi_participant *row = &map->participants[i];
        coopi_store_relaxed(&row->word, 0);
    }
    for (uint32_t i = 0; i < map->owner_count; i++) {
        uint64_t *life = &map->owners[i].life.word; /* the tag stays: generations go on */
        coopi_store_relaxed(life, coopi_load_relaxed(life) & ~UINT64_C(0xffffffff));
    }
    memset(map->opens, 0, (size_t)map->geometry->opens.stride * map->geometry->opens.count);
}

static int settle_in(struct coopi_map *map, const char *label)
{
    const struct coopi_process *process = coopi_process();
    uint64_t boot[2];
    uint8_t boot_id[sizeof boot];
    if (!process) return -errno;
    int r = coopi_boot_id(boot_id);
    if (r < 0) return coopi_fail(-r, "%s: cannot read the boot id (%s); mount /proc", label, strerror(-r));
    remake_lock(&map->header->lock.robust);
    remake_objects(map);
    free_rows(map);
    coopi_event_tell(map, COOPI_EVENT_ADOPTED, NULL, NULL);
    /* Last. Half of it is neither the old place nor ours, so whoever comes after our death adopts it again. */
    memcpy(boot, boot_id, sizeof boot);
    uint64_t *place = (uint64_t *)(void *)map->header->boot_id;
    coopi_store_release(&place[0], boot[0]);
    coopi_store_release(&place[1], boot[1]);
    coopi_store_release(&map->header->pid_namespace, process->pid_namespace);
    return 0;
}

int coopi_adopt(int fd, const struct coopi_header *header, const char *label)
{
    struct stat st;
    if (fstat(fd, &st) != 0) return coopi_fail(errno, "%s: fstat: %s", label, strerror(errno));
    size_t size = (size_t)st.st_size;
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (base == MAP_FAILED) return coopi_fail(errno, "%s: cannot map it to adopt it: %s", label, strerror(errno));
    struct coopi_map map = {.mapped = size, .file_size = size, .fd = fd, .device = st.st_dev, .inode = st.st_ino};
    coopi_map_point(&map, base, header);
    int r = settle_in(&map, label);
    munmap(base, size);
    return r;
}
