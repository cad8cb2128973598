/* SPDX-License-Identifier: MIT */
/* Owners: claiming and giving up rows, and the second evidence of death. */
#include "segment/owner.h"

#include "base/error.h"
#include "base/proc.h"
#include "segment/participant.h"
#include "segment/process.h"
#include "segment/self.h"

#include <errno.h>
#include <string.h>

#define GENERATION_MASK UINT32_C(0xfffff)

static bool is_free(uint64_t life)
{
    return !(life & COOPI_TID_MASK) || (life & COOPI_OWNER_DIED);
}

static void wake_all(const struct coopi_owner *owner)
{
    coopi_futex_wake((const uint32_t *)coopi_low_half((uint64_t *)&owner->life.word), COOPI_FUTEX_ALL);
}

bool coopi_owner_second_evidence(const struct coopi_map *map, uint32_t tag)
{
    if (coopi_dead(map, tag)) return true;
    struct coopi_owner *owner = &map->owners[tag & COOPI_ROW_MASK];
    uint64_t life = coopi_load_acquire(&owner->life.word);
    if (coopi_tag_of(life) != tag || is_free(life)) return true;
    uint64_t start = coopi_load_acquire(&owner->info_tag) == tag ? coopi_load_relaxed(&owner->start) : 0;
    if (!coopi_task_gone((uint32_t)(life & COOPI_TID_MASK), start)) return false;
    uint64_t marked = (life & ~COOPI_TID_MASK) | COOPI_OWNER_DIED;
    if (coopi_cas_both(&owner->life.word, &life, marked)) wake_all(owner);
    return coopi_dead(map, tag);
}

static uint32_t next_tag(uint64_t life, uint32_t row)
{
    uint32_t generation = ((coopi_tag_of(life) >> COOPI_ROW_BITS) + 1) & GENERATION_MASK;
    return (generation ? generation : 1) << COOPI_ROW_BITS | row;
}

static void describe_ourselves(struct coopi_owner *owner, uint32_t tag, const struct coopi_self *self)
{
    const struct coopi_process *process = coopi_process();
    struct coopi_task task = {0};
    bool known = coopi_task_look(self->tid, &task) == 0;
    coopi_store_relaxed(&owner->pid, process->pid);
    coopi_store_relaxed(&owner->tid, self->tid);
    coopi_store_relaxed(&owner->start, known ? task.start : 0);
    coopi_store_relaxed(&owner->busy, 0);
    memcpy(owner->command, process->command, sizeof owner->command);
    coopi_store_release(&owner->info_tag, tag);
}

/* One CAS passes the old generation and takes the life word; false if somebody else was faster. It is born with WAITERS
 * set, so that a sleeper never has to write to it. */
static bool claim(struct coopi_map *map, uint32_t row, struct coopi_self *self)
{
    struct coopi_owner *owner = &map->owners[row];
    uint64_t life = coopi_load_acquire(&owner->life.word);
    if (!is_free(life)) return false;
    uint32_t tag = next_tag(life, row);
    struct robust_list *saved = coopi_pending_begin(self, &owner->life);
    bool taken = coopi_cas_both(&owner->life.word, &life, (uint64_t)tag << 32 | COOPI_WAITERS | self->tid);
    if (taken) coopi_link(self, &owner->life);
    coopi_pending_end(self, saved);
    if (!taken) return false;
    wake_all(owner); /* who slept on our predecessor's life must not inherit ours */
    describe_ourselves(owner, tag, self);
    coopi_put(self->lives, self->lives + 1);
    coopi_compiler_barrier();
    coopi_put(self->id[map->slot], (uint64_t)tag << 32 | self->tid);
    return true;
}

static bool claim_any(struct coopi_map *map, struct coopi_self *self, bool ask_proc)
{
    uint32_t at = __atomic_fetch_add(&map->header->owner_cursor, 1, __ATOMIC_RELAXED);
    for (uint32_t k = 0; k < map->owner_count; k++) {
        uint32_t row = (at + k) % map->owner_count;
        if (ask_proc) {
            uint64_t life = coopi_load_acquire(&map->owners[row].life.word);
            if (!is_free(life) && !coopi_owner_second_evidence(map, coopi_tag_of(life))) continue;
        }
        if (claim(map, row, self)) return true;
    }
    return false;
}

int coopi_owner_attach(struct coopi_map *map, struct coopi_self **ret_self)
{
    struct coopi_process *process = coopi_process();
    if (!process) return -errno;
    struct coopi_self *self;
    int r = coopi_self_link(&self);
    if (r < 0) return r;
    if (!self->id[map->slot]) {
        self->unfenced = process->fenced_from_afar ? 0 : COOPI_MODE_BUSY;
        if (self->held_count >= COOPI_HELD_MAX)
            return coopi_fail(ENOLCK,
                              "%s: this thread holds %u locks, and the kernel looks after no more; release some",
                              coopi_map_label(map), self->held_count - self->lives);
        r = coopi_participant_attach(map);
        if (r < 0) return r;
        if (!claim_any(map, self, false) && !claim_any(map, self, true))
            return coopi_fail(EUSERS,
                              "%s: all %u owner rows are taken by living threads; make the segment with more (.owners)",
                              coopi_map_label(map), map->owner_count);
        coopi_fetch_add(&process->owners[map->slot], 1);
    }
    *ret_self = self;
    return 0;
}

void coopi_owner_leave(struct coopi_map *map, struct coopi_self *self)
{
    uint32_t tag = coopi_tag_of(self->id[map->slot]);
    struct coopi_owner *owner = &map->owners[tag & COOPI_ROW_MASK];
    struct coopi_process *process = coopi_process();
    coopi_put(self->id[map->slot], 0);
    coopi_compiler_barrier();
    struct robust_list *saved = coopi_pending_begin(self, &owner->life);
    if (coopi_unlink(self, &owner->life)) {
        coopi_put(self->lives, self->lives - 1);
        coopi_exchange_both(&owner->life.word, (uint64_t)tag << 32); /* the tag stays: generations go on */
        wake_all(owner);
    }
    coopi_pending_end(self, saved);
    if (process) coopi_fetch_add(&process->owners[map->slot], UINT32_MAX);
}

void coopi_owner_describe(const struct coopi_map *map, uint32_t tag, struct coopi_owner_name *ret_name)
{
    *ret_name = (struct coopi_owner_name){0};
    uint32_t row = tag & COOPI_ROW_MASK;
    if (row >= map->owner_count) return;
    const struct coopi_owner *owner = &map->owners[row];
    struct coopi_owner_name name;
    if (coopi_load_acquire(&owner->info_tag) != tag) return;
    name.pid = (int32_t)coopi_load_relaxed(&owner->pid);
    name.tid = (int32_t)coopi_load_relaxed(&owner->tid);
    memcpy(name.command, owner->command, sizeof name.command);
    name.command[sizeof name.command - 1] = 0;
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t life = coopi_load_relaxed(&owner->life.word);
    if (coopi_load_relaxed(&owner->info_tag) == tag && coopi_tag_of(life) == tag) *ret_name = name;
}
