/* SPDX-License-Identifier: MIT */
/* What must hold of a segment after any death. */
#include "crash/crash.h"

#include "segment/check.h"
#include "segment/handle.h"
#include "segment/layout.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_dead(const struct scene *scene, uint64_t word)
{
    return (word & COOPI_TID_MASK) != 0 && (word & COOPI_TID_MASK) == scene->board->tid;
}

/* The kernel marks at the death, before anybody can see the death: so no word may carry the dead thread's id any more.
 * But nobody marks a transferable lock's word: there the life word has to do. */
static void check_word(struct scene *scene, const struct coopi_robust *robust, const char *what)
{
    uint64_t word = __atomic_load_n(&robust->word, __ATOMIC_ACQUIRE);
    if (!scene->alive && is_dead(scene, word))
        fault(scene, LEAKED, "%s still belongs to the dead thread (%#llx)", what, (unsigned long long)word);
}

static bool has_lock(const struct coopi_entry *entry)
{
    if (entry->flags & COOPI_ENTRY_TRANSFERABLE) return false;
    return entry->kind == COOPI_LOCK || entry->kind == COOPI_RLOCK || (entry->flags & COOPI_ENTRY_LOCKED);
}

static void check_entry(struct scene *scene, const struct coopi_map *map, const struct coopi_entry *entry)
{
    uint64_t size = __atomic_load_n(&map->header->size, __ATOMIC_ACQUIRE);
    if (coopi_entry_check(entry, map->geometry, size, map->name) < 0) {
        fault(scene, TORN, "%s", coop_error_detail());
        return;
    }
    if (has_lock(entry))
        check_word(scene, (const struct coopi_robust *)(const void *)(map->base + entry->body), entry->name);
}

unsigned count_words(const struct scene *scene)
{
    if (!scene->segment) return 0;
    const struct coopi_map *map = scene->segment->map;
    unsigned count = is_dead(scene, map->header->lock.robust.word);
    for (uint32_t i = 0; i < map->owner_count; i++) count += is_dead(scene, map->owners[i].life.word);
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        const struct coopi_entry *entry = &map->directory[i];
        if (!(__atomic_load_n(&entry->state, __ATOMIC_ACQUIRE) & COOPI_ENTRY_LIVE)) continue;
        if (coopi_entry_check(entry, map->geometry, map->file_size, map->name) < 0) continue;
        const struct coopi_robust *robust = (const struct coopi_robust *)(const void *)(map->base + entry->body);
        count += (entry->flags & COOPI_ENTRY_TRANSFERABLE || has_lock(entry)) && is_dead(scene, robust->word);
    }
    return count;
}

static bool overlap(const struct coopi_entry *a, const struct coopi_entry *b)
{
    return a->offset < b->offset + b->size && b->offset < a->offset + a->size;
}

static void check_entries(struct scene *scene, const struct coopi_map *map)
{
    uint32_t count = map->geometry->directory.count;
    for (uint32_t i = 0; i < count; i++) {
        const struct coopi_entry *entry = &map->directory[i];
        if (!(__atomic_load_n(&entry->state, __ATOMIC_ACQUIRE) & COOPI_ENTRY_LIVE)) continue;
        check_entry(scene, map, entry);
        for (uint32_t k = 0; k < i; k++) {
            const struct coopi_entry *other = &map->directory[k];
            if (!(other->state & COOPI_ENTRY_LIVE)) continue;
            if (overlap(entry, other)) fault(scene, TORN, "objects %s and %s overlap", other->name, entry->name);
            if (*entry->name && strcmp(entry->name, other->name) == 0)
                fault(scene, DOUBLED, "two objects %s", entry->name);
        }
    }
}

static bool read_map(const struct coopi_copy *copy, uint64_t offset, size_t size, void *ret_bytes)
{
    const struct coopi_map *map = copy->context;
    if (offset + size > map->mapped) return false;
    memcpy(ret_bytes, map->base + offset, size);
    return true;
}

static void say_finding(struct coopi_findings *findings, const char *sentence)
{
    fault(findings->context, TORN, "%s", sentence);
}

/* What `shmctl check` would say, before any survivor has mended anything. Others may be at work, so not then. */
static void judge_segment(struct scene *scene, const struct coopi_map *map, uint64_t file_size)
{
    if (scene->peers || scene->child || scene->alive || scene->lives) return;
    uint64_t size = map->geometry->storage;
    uint8_t *bytes = malloc(size);
    if (!bytes) abort();
    memcpy(bytes, map->base, size);
    memcpy(bytes, map->geometry, offsetof(struct coopi_header, checksum));
    struct coopi_copy copy = {
        .bytes = bytes, .file_size = file_size, .label = map->name, .read = read_map, .context = map};
    struct coopi_findings findings = {.tell = say_finding, .context = scene};
    if (coopi_segment_check(&copy, &findings) < 0) fault(scene, TORN, "%s", coop_error_detail());
    free(bytes);
}

void check_segment(struct scene *scene)
{
    if (!scene->segment) return;
    struct coopi_map *map = scene->segment->map;
    struct coopi_header header;
    memcpy(&header, map->header, sizeof header);
    struct stat file = {0};
    fstat(map->fd, &file);
    if (coopi_header_check(&header, (uint64_t)file.st_size, map->name) < 0)
        fault(scene, TORN, "%s", coop_error_detail());
    if (header.size > (uint64_t)file.st_size) fault(scene, TORN, "its size is said to be more than the file's");
    check_word(scene, &map->header->lock.robust, "the directory's lock");
    for (uint32_t i = 0; i < map->owner_count; i++) check_word(scene, &map->owners[i].life, "a life word");
    check_entries(scene, map);
    judge_segment(scene, map, (uint64_t)file.st_size);
}
