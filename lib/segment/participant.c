/* SPDX-License-Identifier: MIT */
/* Participants: a row's one word names pid and start time, so the CAS that takes it also says how to prove its end. */
#include "segment/participant.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "base/error.h"
#include "segment/opens.h"
#include "segment/process.h"

#include <errno.h>
#include <string.h>

#define GENERATION_SHIFT 22
#define GENERATION_MASK UINT64_C(0x3ff)

static uint64_t next_word(uint64_t old, const struct coopi_process *process)
{
    uint64_t generation = ((old >> GENERATION_SHIFT) + 1) & GENERATION_MASK;
    return (uint64_t)(uint32_t)process->start << 32 | generation << GENERATION_SHIFT | (process->pid & COOPI_PID_MASK);
}

/* Rows that were never used or given back first; with ASK_PROC also those of dead processes. */
static bool claim_any(struct coopi_map *map, struct coopi_process *process, bool ask_proc)
{
    uint32_t count = map->geometry->participants.count;
    uint32_t at = __atomic_fetch_add(&map->header->participant_cursor, 1, __ATOMIC_RELAXED);
    for (uint32_t k = 0; k < count; k++) {
        uint32_t number = (at + k) % count;
        struct coopi_participant *row = &map->participants[number];
        uint64_t old = coopi_load_acquire(&row->word);
        if (ask_proc ? !coopi_participant_gone(map, number, old) : old != 0) continue;
        uint64_t word = next_word(old ? old : coopi_load_relaxed(&row->info_word), process);
        if (!coopi_cas_both(&row->word, &old, word)) continue;
        memset(map->opens + (uint64_t)number * map->geometry->opens.stride, 0, map->geometry->opens.stride);
        coopi_store_relaxed(&row->has_forked, 0);
        coopi_store_relaxed(&row->attached, coopi_wall_clock());
        memcpy(row->command, process->command, sizeof row->command);
        process->participant_row[map->slot] = number;
        coopi_opens_enter_all(map);
        coopi_store_release(&row->info_word, word); /* now it speaks for itself */
        coopi_store_release(&process->participant[map->slot], word);
        return true;
    }
    return false;
}

int coopi_participant_attach(struct coopi_map *map)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    if (coopi_load_acquire(&process->participant[map->slot])) return 0;
    if (map->read_only)
        return coopi_fail(EACCES, "%s: is open only to be read (COOP_READ_ONLY); open it without that for the rest",
                          coopi_map_label(map));
    coopi_process_lock(process);
    bool attached = process->participant[map->slot] || claim_any(map, process, false) || claim_any(map, process, true);
    coopi_process_unlock(process);
    if (attached) return 0;
    return coopi_fail(EUSERS,
                      "%s: all %u participant rows are taken by living processes; make the segment with more "
                      "(.participants)",
                      coopi_map_label(map), map->geometry->participants.count);
}

void coopi_participant_leave(struct coopi_map *map)
{
    struct coopi_process *process = coopi_process();
    if (!process) return;
    uint64_t word = coopi_exchange_both(&process->participant[map->slot], 0);
    if (!word) return;
    struct coopi_participant *row = &map->participants[process->participant_row[map->slot]];
    coopi_cas_both(&row->word, &word, 0);
}
