/* SPDX-License-Identifier: MIT */
/* The event ring of a segment. */
#include "segment/event.h"

#include "base/clock.h"
#include "segment/process.h"

#include <stdio.h>
#include <string.h>

void coopi_event_tell(const struct coopi_map *map, uint32_t kind, const struct coopi_owner_name *who,
                      const char *object)
{
    const struct coopi_process *process = coopi_process();
    uint64_t number = coopi_fetch_add(&map->header->events_told, 1) + 1;
    struct coopi_event *event = &map->events[(number - 1) % map->geometry->events.count];
    struct coopi_event told = {
        .number = number,
        .wall_time = coopi_wall_clock(),
        .kind = kind,
        .pid = who ? who->pid : 0,
        .tid = who ? who->tid : 0,
        .teller = process ? (int32_t)process->pid : 0,
    };
    if (who) memcpy(told.command, who->command, sizeof told.command);
    if (object) snprintf(told.object, sizeof told.object, "%s", object);
    told.sum = coopi_event_sum(&told);
    coopi_store_release(&event->number, 0);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memcpy((uint8_t *)event + sizeof event->number, (const uint8_t *)&told + sizeof told.number,
           sizeof told - sizeof told.number);
    coopi_store_release(&event->number, number);
}
