/* SPDX-License-Identifier: MIT */
/* Who has which object open. */
#include "segment/opens.h"

#include "base/atomic.h"
#include "base/proc.h"
#include "segment/process.h"

#include <errno.h>

static uint8_t *bits_of(const struct coopi_map *map, uint32_t row)
{
    return map->opens + (uint64_t)row * map->geometry->opens.stride;
}

static void set_bit(const struct coopi_map *map, const struct coopi_process *process, uint32_t number)
{
    uint8_t *bits = bits_of(map, process->participant_row[map->slot]);
    __atomic_fetch_or(&bits[number / 8], (uint8_t)(1u << number % 8), __ATOMIC_SEQ_CST);
}

static void clear_bit(const struct coopi_map *map, const struct coopi_process *process, uint32_t number)
{
    uint8_t *bits = bits_of(map, process->participant_row[map->slot]);
    __atomic_fetch_and(&bits[number / 8], (uint8_t)~(1u << number % 8), __ATOMIC_SEQ_CST);
}

static bool attached(const struct coopi_map *map, const struct coopi_process *process)
{
    return coopi_load_acquire(&process->participant[map->slot]) != 0;
}

int coopi_opens_add(struct coopi_map *map, uint32_t number, uint64_t state)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    coopi_process_lock(process);
    bool first = map->handles[number]++ == 0;
    if (first && attached(map, process)) set_bit(map, process, number);
    bool same = __atomic_load_n(&map->directory[number].state, __ATOMIC_SEQ_CST) == state;
    if (!same && --map->handles[number] == 0 && attached(map, process)) clear_bit(map, process, number);
    coopi_process_unlock(process);
    return same;
}

void coopi_opens_drop(struct coopi_map *map, uint32_t number, bool keep)
{
    struct coopi_process *process = coopi_process();
    if (!process) return;
    coopi_process_lock(process);
    bool last = --map->handles[number] == 0;
    if (last && !keep && attached(map, process)) clear_bit(map, process, number);
    coopi_process_unlock(process);
}

void coopi_opens_enter_all(struct coopi_map *map)
{
    const struct coopi_process *process = coopi_process();
    if (!process) return;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++)
        if (map->handles[i]) set_bit(map, process, i);
}

bool coopi_participant_gone(const struct coopi_map *map, uint64_t word)
{
    uint32_t pid = (uint32_t)(word & COOPI_PID_MASK);
    return word == 0 || coopi_process_gone_low(pid, (uint32_t)(word >> 32)) ||
           coopi_process_lacks_file(pid, map->device, map->inode);
}

bool coopi_opens_none(const struct coopi_map *map, uint32_t number)
{
    for (uint32_t row = 0; row < map->geometry->participants.count; row++) {
        uint8_t byte = __atomic_load_n(&bits_of(map, row)[number / 8], __ATOMIC_SEQ_CST);
        if (!(byte & (1u << number % 8))) continue;
        uint64_t word = coopi_load_acquire(&map->participants[row].word);
        if (!coopi_participant_gone(map, word)) return false;
    }
    return true;
}
