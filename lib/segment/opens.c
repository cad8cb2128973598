/* SPDX-License-Identifier: MIT */
/* Who has which object open. */
#include "segment/opens.h"

#include "base/atomic.h"
#include "base/proc.h"
#include "segment/forking.h"
#include "segment/process.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define TRIES 8

static uint64_t *bits_of(const struct coopi_map *map, uint32_t row)
{
    return (uint64_t *)(void *)(map->opens + (uint64_t)row * map->geometry->opens.stride);
}

static uint64_t *our_bits(const struct coopi_map *map, const struct coopi_process *process)
{
    return bits_of(map, process->participant_row[map->slot]);
}

static void set_bit(uint64_t *bits, uint32_t number)
{
    __atomic_fetch_or(&bits[number / 64], UINT64_C(1) << number % 64, __ATOMIC_SEQ_CST);
}

static void clear_bit(uint64_t *bits, uint32_t number)
{
    __atomic_fetch_and(&bits[number / 64], ~(UINT64_C(1) << number % 64), __ATOMIC_SEQ_CST);
}

static bool attached(const struct coopi_map *map, const struct coopi_process *process)
{
    return coopi_load_acquire(&process->participant[map->slot]) != 0;
}

/* Clears the bits that were kept for children on their way. */
static void clear_late(struct coopi_map *map, const struct coopi_process *process)
{
    if (!map->late || !attached(map, process)) return;
    bool left = false;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_handles *handles = &map->handles[i];
        if (handles->count != COOPI_HANDLES_LATE) continue;
        if (!coopi_forking_settled(handles->since)) {
            left = true;
            continue;
        }
        clear_bit(our_bits(map, process), i);
        handles->count = 0;
    }
    map->late = left;
}

static void let_go(struct coopi_map *map, const struct coopi_process *process, uint32_t number, bool keep)
{
    struct coopi_handles *handles = &map->handles[number];
    coopi_store_relaxed(&handles->count, handles->count - 1);
    if (handles->count != 0) return;
    coopi_store_relaxed(&map->opened, map->opened - 1);
    if (keep) return;
    if (!coopi_forking_settled(handles->since)) {
        handles->count = COOPI_HANDLES_LATE;
        map->late = true;
    } else if (attached(map, process))
        clear_bit(our_bits(map, process), number);
}

int coopi_opens_add(struct coopi_map *map, uint32_t number, uint64_t state)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    coopi_process_lock(process);
    clear_late(map, process);
    struct coopi_handles *handles = &map->handles[number];
    bool late = handles->count == COOPI_HANDLES_LATE; /* then its `since` still holds */
    if (late) handles->count = 0;
    if (handles->count == 0) {
        if (!late) handles->since = coopi_forking_count();
        coopi_store_relaxed(&map->opened, map->opened + 1); /* first: a child born here must not find too few */
        set_bit(our_bits(map, process), number);
        if (coopi_forking_now()) coopi_opens_tell_of_fork(map); /* its thread may have found nothing to tell of */
    }
    coopi_store_relaxed(&handles->count, handles->count + 1);
    bool same = __atomic_load_n(&map->directory[number].state, __ATOMIC_SEQ_CST) == state;
    if (!same) let_go(map, process, number, false);
    coopi_process_unlock(process);
    return same;
}

void coopi_opens_drop(struct coopi_map *map, uint32_t number, bool keep)
{
    struct coopi_process *process = coopi_process();
    if (!process) return;
    coopi_process_lock(process);
    clear_late(map, process);
    let_go(map, process, number, keep);
    coopi_process_unlock(process);
}

void coopi_opens_enter_all(struct coopi_map *map)
{
    const struct coopi_process *process = coopi_process();
    if (!process || !map->opened) return;
    uint32_t left = map->opened, since = coopi_forking_count(); /* the parent's count means nothing here */
    for (uint32_t i = 0; left && i < map->geometry->directory.count; i++) {
        struct coopi_handles *handles = &map->handles[i];
        if (handles->count == 0 || handles->count == COOPI_HANDLES_LATE) continue;
        if (handles->since != since) handles->since = since; /* a page less to copy where it is the same */
        set_bit(our_bits(map, process), i);
        left--;
    }
    __atomic_fetch_add(&map->header->entered, 1, __ATOMIC_SEQ_CST);
}

void coopi_opens_tell_of_fork(const struct coopi_map *map)
{
    const struct coopi_process *process = coopi_process_seen();
    if (!process || !attached(map, process)) return;
    uint32_t *told = &map->participants[process->participant_row[map->slot]].has_forked;
    if (!coopi_load_relaxed(told)) coopi_store_release(told, 1);
}

/* It has entered all that it has open: that is when the row says whose it is. */
static bool has_row(const struct coopi_map *map, uint32_t pid)
{
    for (uint32_t row = 0; row < map->geometry->participants.count; row++) {
        uint64_t word = coopi_load_acquire(&map->participants[row].word);
        if ((word & COOPI_PID_MASK) != pid || coopi_process_gone_low(pid, (uint32_t)(word >> 32))) continue;
        if (coopi_load_acquire(&map->participants[row].info_word) == word) return true;
    }
    return false;
}

/* Does a process map the segment, to write, that has no row? Those of other users are seldom to be looked into, and are
 * no children of ours: so only what is seen counts. Without /proc nothing is proved. */
static bool somebody_is_on_his_way(const struct coopi_map *map)
{
    DIR *folder = opendir("/proc");
    const struct dirent *each;
    bool found = !folder;
    while (!found && (each = readdir(folder))) {
        char *end;
        unsigned long pid = strtoul(each->d_name, &end, 10);
        if (*end || pid == 0) continue;
        found = coopi_process_writes_file((uint32_t)pid, map->device, map->inode) && !has_row(map, (uint32_t)pid);
    }
    if (folder) closedir(folder);
    return found;
}

bool coopi_participant_gone(const struct coopi_map *map, uint32_t row, uint64_t word)
{
    uint32_t pid = (uint32_t)(word & COOPI_PID_MASK);
    if (word == 0) return true;
    if (!coopi_process_gone_low(pid, (uint32_t)(word >> 32)) && !coopi_process_lacks_file(pid, map->device, map->inode))
        return false;
    if (!coopi_load_acquire(&map->participants[row].has_forked)) return true;
    if (somebody_is_on_his_way(map)) return false;
    coopi_cas_both(&map->participants[row].word, &word, 0); /* so that nobody needs to ask again */
    return true;
}

static void take_out_once(const struct coopi_map *map, struct coopi_entry_set *set)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* behind the entry's state, as in coopi_opens_add() */
    for (uint32_t row = 0; row < map->geometry->participants.count; row++) {
        const uint64_t *bits = bits_of(map, row);
        uint64_t any = 0;
        for (uint32_t i = set->first; i < set->end; i++) any |= coopi_load_acquire(&bits[i]) & set->bits[i];
        if (!any || coopi_participant_gone(map, row, coopi_load_acquire(&map->participants[row].word))) continue;
        for (uint32_t i = set->first; i < set->end; i++) set->bits[i] &= ~coopi_load_acquire(&bits[i]);
    }
}

bool coopi_opens_late(struct coopi_map *map)
{
    const struct coopi_process *process = coopi_process();
    if (process) clear_late(map, process);
    return map->late;
}

/* A child may enter in a row that was looked at, and then its parent close in one that was not: so again. */
void coopi_opens_take_out(struct coopi_map *map, struct coopi_entry_set *set)
{
    struct coopi_process *process = coopi_process();
    if (process && map->late) {
        coopi_process_lock(process);
        clear_late(map, process);
        coopi_process_unlock(process);
    }
    for (int tries = 0; tries < TRIES; tries++) {
        uint32_t before = __atomic_load_n(&map->header->entered, __ATOMIC_SEQ_CST);
        take_out_once(map, set);
        if (__atomic_load_n(&map->header->entered, __ATOMIC_SEQ_CST) == before) return;
    }
    for (uint32_t i = set->first; i < set->end; i++) set->bits[i] = 0;
}
