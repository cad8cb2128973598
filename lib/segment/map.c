/* SPDX-License-Identifier: MIT */
/* The table of the segments that this process has mapped. */
#include "segment/map.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/attach.h"
#include "segment/opens.h"
#include "segment/participant.h"
#include "segment/process.h"

static struct coopi_map *maps[COOPI_MAPS];
static uint32_t slots_used; /* slots at and above it were never used */

uint32_t coopi_maps_end(void)
{
    return coopi_load_acquire(&slots_used);
}

struct coopi_map *coopi_map_in_slot(uint32_t slot)
{
    return slot < coopi_maps_end() ? coopi_load_acquire(&maps[slot]) : NULL;
}

struct coopi_map *coopi_map_find(dev_t device, ino_t inode, bool read_only)
{
    for (uint32_t slot = 0; slot < slots_used; slot++) {
        struct coopi_map *map = maps[slot];
        if (map && map->inode == inode && map->device == device && map->read_only == read_only) return map;
    }
    return NULL;
}

int coopi_map_enter(struct coopi_map *map)
{
    uint32_t slot = 0;
    while (slot < slots_used && maps[slot]) slot++;
    if (slot == COOPI_MAPS)
        return coopi_fail(EMFILE, "%s: this process has %d segments open already; close some", coopi_map_label(map),
                          COOPI_MAPS);
    map->slot = slot;
    map->references = 1;
    coopi_store_release(&maps[slot], map);
    if (slot == slots_used) coopi_store_release(&slots_used, slot + 1);
    return 0;
}

void coopi_map_hold(struct coopi_map *map)
{
    __atomic_fetch_add(&map->references, 1, __ATOMIC_RELAXED);
}

bool coopi_map_drop_if_idle(struct coopi_map *map)
{
    const struct coopi_process *process = coopi_process();
    if (!process || coopi_load_acquire(&map->references) || coopi_load_acquire(&process->owners[map->slot]))
        return false;
    if (coopi_opens_late(map)) return false; /* the row keeps objects for a child on its way */
    coopi_participant_leave(map);
    coopi_store_release(&maps[map->slot], NULL);
    return true;
}

void coopi_maps_collect(void)
{
    struct coopi_process *process = coopi_process();
    if (!process) return;
    for (uint32_t slot = 0; slot < coopi_maps_end(); slot++) {
        coopi_process_lock(process);
        struct coopi_map *map = maps[slot];
        bool idle = map && coopi_map_drop_if_idle(map);
        coopi_process_unlock(process);
        if (idle) coopi_unmap_file(map);
    }
}
