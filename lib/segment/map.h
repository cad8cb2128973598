/* SPDX-License-Identifier: MIT */
/* A segment as this process has it: one mapping, however often it is opened. */
#ifndef COOPI_MAP_H
#define COOPI_MAP_H

#include "base/name.h"
#include "segment/layout.h"

#include <stdbool.h>
#include <sys/types.h>

#define COOPI_MAPS 4096          /* segments a process may have mapped at one time */
#define COOPI_NO_SLOT COOPI_MAPS /* nobody is ever an owner there: sends a lock handle down its slow path */

#define COOPI_HANDLES_LATE UINT32_MAX /* no handle, and the bit is kept for a child on its way (segment/opens.h) */

/* What this process has of an entry. */
struct coopi_handles {
    uint32_t count;
    uint32_t since; /* coopi_forking_count() when the first was opened */
};

/* Private memory. The geometry was checked once and is never read from the segment again. */
struct coopi_map {
    uint8_t *base;
    uint64_t mapped;     /* bytes of address space from base */
    uint64_t file_size;  /* of the file when last looked: what may be touched */
    uint32_t slot;       /* its number in the process: index of the per-thread and per-process tables */
    uint32_t references; /* handles; under the registry's lock */
    int fd;              /* checked against device and inode before it is used */
    bool anonymous;
    bool read_only; /* no participant: nothing may be written */
    dev_t device;
    ino_t inode;
    struct coopi_header *header;         /* base */
    const struct coopi_header *geometry; /* private copy of the constant part */
    struct coopi_entry *directory;
    struct coopi_participant *participants;
    struct coopi_owner *owners;
    uint32_t owner_count;
    struct coopi_event *events;
    uint8_t *opens;
    uint32_t *index;
    struct coopi_handles *handles; /* by entry; under the process's lock */
    uint32_t opened;               /* at least so many entries with a handle: 0: a forked child has nothing to enter */
    bool late;                     /* some of the handles are COOPI_HANDLES_LATE */
    char name[COOPI_SEGMENT_NAME]; /* empty: anonymous */
    uid_t uid;
};

/* Lets MAP look at the segment that begins at BASE, as its checked header says. */
static inline void coopi_map_point(struct coopi_map *map, uint8_t *base, const struct coopi_header *geometry)
{
    map->base = base;
    map->header = (struct coopi_header *)(void *)base;
    map->geometry = geometry;
    map->directory = (struct coopi_entry *)(void *)(base + geometry->directory.offset);
    map->participants = (struct coopi_participant *)(void *)(base + geometry->participants.offset);
    map->owners = (struct coopi_owner *)(void *)(base + geometry->owners.offset);
    map->events = (struct coopi_event *)(void *)(base + geometry->events.offset);
    map->opens = base + geometry->opens.offset;
    map->index = (uint32_t *)(void *)(base + geometry->index.offset);
    map->owner_count = geometry->owners.count;
}

/* The table of maps. Changed under the process's lock, by single stores: a forked child may find it at any moment. */
struct coopi_map *coopi_map_in_slot(uint32_t slot);

/* From this slot on there is none, and never was. */
uint32_t coopi_maps_end(void);

/* The map of a file with these rights, or NULL. Under the process's lock. */
struct coopi_map *coopi_map_find(dev_t device, ino_t inode, bool read_only);

/* Gives a new map a slot and its first reference. Under the process's lock. -EMFILE: the table is full. */
int coopi_map_enter(struct coopi_map *map);

void coopi_map_hold(struct coopi_map *map);

/* Takes the map out of the table if it has no reference and no thread of this process is an owner in it; then the
 * caller unmaps it, after the process's lock, under which this is called. */
bool coopi_map_drop_if_idle(struct coopi_map *map);

/* Unmaps what was kept only for threads that have ended since. */
void coopi_maps_collect(void);

/* The segment's name for sentences. */
static inline const char *coopi_map_label(const struct coopi_map *map)
{
    return map->name[0] ? map->name : "anonymous segment";
}

#endif
