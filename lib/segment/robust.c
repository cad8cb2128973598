/* SPDX-License-Identifier: MIT */
/* The robust lock's slow paths: waiting, taking over from the dead, waking. */
#include "segment/robust.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/fence.h"
#include "segment/ending.h"
#include "segment/event.h"

#include <coop/common.h>
#include <string.h>

#define SLICE_UNSEEN INT64_C(10000000)
#define CALM 65536 /* some hundred times the price of a call */

struct wait {
    struct coopi_map *map;
    struct coopi_robust *robust;
    uint64_t id;
    uint64_t keep; /* WAITERS once we have slept: others may sleep too, and ours may have been their wake */
    int64_t deadline;
};

/* Takes a word that is free or whose holder is dead. 1 taken; 2 taken from the dead; 0 somebody lives in it; -1 it
 * changed under us. *RET_WORD is what was seen. */
static int try_take(const struct wait *wait, uint64_t *ret_word)
{
    uint64_t word = coopi_load_relaxed(&wait->robust->word);
    *ret_word = word;
    bool held = word & COOPI_TID_MASK;
    bool dead = held && coopi_dead(wait->map, coopi_tag_of(word));
    if (held && !dead) return 0;
    if (!coopi_cas_acquire(&wait->robust->word, &word, wait->id | wait->keep | (word & COOPI_WAITERS))) return -1;
    return dead || (word & COOPI_OWNER_DIED) ? 2 : 1;
}

/* Sees to it that no release overlooks us: the mode to sleep by. False: it changed under us, look again. Without BUSY
 * in *RET_MODE there was no fence, and only the next release will tell. */
static bool call_holders(struct coopi_robust *robust, uint32_t *ret_mode)
{
    uint32_t mode = coopi_load_acquire(&robust->mode), called = mode | COOPI_MODE_CALL;
    if (mode != called && !coopi_cas_total(&robust->mode, &mode, called)) return false;
    *ret_mode = called;
    if ((called & COOPI_MODE_BUSY) || !coopi_fence_all()) return true;
    *ret_mode = called | COOPI_MODE_BUSY;
    return coopi_cas_both(&robust->mode, &called, *ret_mode);
}

/* One sleep of at most a slice, or a short one where the holder may not see that we sleep. 0 or a positive errno. */
static int sleep_once(struct wait *wait, uint64_t word, uint32_t flags)
{
    struct coopi_robust *robust = wait->robust;
    uint32_t mode;
    if (!call_holders(robust, &mode)) return 0;
    /* Only now: another sleeper may trust the bit. */
    if (!(word & COOPI_WAITERS) && !coopi_cas_both(&robust->word, &word, word | COOPI_WAITERS)) return 0;
    int64_t slice = coopi_now() + (mode & COOPI_MODE_BUSY ? COOPI_SLICE : SLICE_UNSEEN);
    int64_t until = slice < wait->deadline ? slice : wait->deadline;
    wait->keep = COOPI_WAITERS;
    /* In this order: once we stand in the queue of the word, the mode says whether a holder still knows of us. */
    struct coopi_futex_word words[] = {{coopi_low_half(&robust->word), (uint32_t)(word | COOPI_WAITERS)},
                                       {&robust->mode, mode}};
    /* After a handler with SA_RESTART the kernel goes on with a waitv, and COOP_INTR would not be kept. */
    if (flags & COOP_INTR) return coopi_futex_wait(words[0].word, words[0].value, until);
    return coopi_futex_wait_many(words, 2, until);
}

/* An acquire that does not wait may still meet an owner whose death the kernel could not mark; /proc is asked, but not
 * more often than a sleeper would. True if the owner is dead after all. */
static bool dead_after_all(const struct wait *wait, struct coopi_self *self, uint64_t word)
{
    int64_t now = coopi_now();
    if (now - self->last_evidence < COOPI_SLICE) return false;
    self->last_evidence = now;
    return coopi_owner_second_evidence(wait->map, coopi_tag_of(word));
}

void coopi_robust_say_waiting(const struct coopi_map *map, const struct coopi_self *self, const struct coopi_robust *robust)
{
    struct coopi_owner *owner = &map->owners[coopi_tag_of(self->id[map->slot]) & COOPI_ROW_MASK];
    coopi_store_relaxed(&owner->busy, robust ? (uint64_t)((const uint8_t *)robust - map->base) : 0);
}

/* Pending names the word all the while, so a sleeper killed with a wake in its hand passes it on. */
static int take(struct coopi_map *map, struct coopi_robust *robust, struct coopi_self *self, int64_t timeout,
                uint32_t flags, uint32_t *ret_dead)
{
    struct wait wait = {map, robust, self->id[map->slot], 0, coopi_deadline(timeout)};
    bool interrupted = false;
    for (;;) {
        uint64_t word;
        int taken = try_take(&wait, &word);
        if (taken == 1) return 0;
        if (taken == 2) {
            *ret_dead = coopi_tag_of(word);
            return COOP_OWNER_DIED;
        }
        if (taken < 0) continue;
        uint32_t tag = coopi_tag_of(word);
        if (tag == coopi_tag_of(wait.id)) return -EDEADLK;
        if (timeout == COOP_NOWAIT) {
            if (dead_after_all(&wait, self, word)) continue;
            return -EBUSY;
        }
        if (interrupted) return -EINTR;
        if (wait.deadline != COOPI_NEVER && coopi_now() >= wait.deadline) {
            if (coopi_owner_second_evidence(map, tag)) continue;
            return -ETIMEDOUT;
        }
        coopi_robust_say_waiting(map, self, robust);
        int woken = sleep_once(&wait, word, flags);
        if (woken == ETIMEDOUT) coopi_owner_second_evidence(map, tag);
        interrupted = woken == EINTR && (flags & COOP_INTR);
    }
}

int coopi_robust_enter(struct coopi_map *map, struct coopi_self **ret_self)
{
    int r = coopi_owner_attach(map, ret_self);
    if (r == 0) r = coopi_thread_watch(*ret_self);
    if (r < 0) return r;
    const struct coopi_self *self = *ret_self;
    if (self->held_count < COOPI_HELD_MAX) return 0;
    return coopi_fail(ENOLCK, "%s: this thread holds %u locks, and the kernel looks after no more; release some",
                      coopi_map_label(map), self->held_count - self->lives);
}

int coopi_robust_acquire(struct coopi_map *map, struct coopi_robust *robust, int64_t timeout, uint32_t flags,
                         uint32_t *ret_dead)
{
    struct coopi_self *self;
    int r = coopi_robust_enter(map, &self);
    if (r < 0) return r;
    struct robust_list *saved = coopi_pending_begin(self, robust);
    r = take(map, robust, self, timeout, flags, ret_dead);
    coopi_robust_say_waiting(map, self, NULL);
    if (r >= 0) coopi_link(self, robust);
    if (r >= 0)
        coopi_pending_taken(self, robust, saved);
    else
        coopi_pending_end(self, saved); /* a handler may have asked for what its thread has, and has named */
    return r;
}

void coopi_robust_wake(struct coopi_self *self, struct coopi_robust *robust, struct robust_list *saved)
{
    /* Only into a free word: a holder has the bit, or finds the call, and could wipe out one that it got now. */
    uint64_t nobody = 0;
    coopi_cas_both(&robust->word, &nobody, COOPI_WAITERS);
    coopi_futex_wake(coopi_low_half(&robust->word), 1);
    coopi_pending_end(self, saved);
}

static uint32_t next_generation(uint32_t mode)
{
    return (mode | COOPI_MODE_CALL | COOPI_MODE_BUSY) + 1;
}

/* Takes the word's last bits away. True if a sleeper has called meanwhile, which may have trusted them. */
static bool clear(struct coopi_robust *robust, uint64_t word)
{
    return coopi_cas_total(&robust->word, &word, 0) && (coopi_load_total(&robust->mode) & COOPI_MODE_CALL);
}

/* Gives up where nobody sleeps, as long as no bit says otherwise. */
static bool give_up_to_nobody(const struct coopi_self *self, struct coopi_robust *robust, uint32_t mode, uint64_t id)
{
    if ((mode & COOPI_MODE_BUSY) && !self->unfenced) {
        uint32_t calm = coopi_load_relaxed(&robust->calm) + 1;
        coopi_store_relaxed(&robust->calm, calm);
        if (calm >= CALM) coopi_store_relaxed(&robust->mode, next_generation(mode));
    }
    return coopi_cas_both(&robust->word, &id, 0);
}

/* Leaves the bit, wakes one; takes the bit away if there was nobody. True if a sleeper has called meanwhile. */
static bool give_up_to_sleepers(struct coopi_robust *robust, uint32_t mode)
{
    uint64_t left = (uint64_t)mode << 32 | COOPI_WAITERS, word = coopi_load_relaxed(&robust->word);
    while (!coopi_cas_both(&robust->word, &word, word & COOPI_WAITERS ? left : 0)) continue;
    if (!(word & COOPI_WAITERS) || coopi_futex_wake(coopi_low_half(&robust->word), 1) > 0) return false;
    if (coopi_load_relaxed(&robust->word) == left) return clear(robust, left);
    coopi_store_relaxed(&robust->vain, mode);
    return false;
}

static bool give_up(const struct coopi_self *self, struct coopi_robust *robust)
{
    uint32_t mode = coopi_load_relaxed(&robust->mode);
    uint64_t word = coopi_load_relaxed(&robust->word);
    if (!(mode & COOPI_MODE_CALL)) {
        if (!(word & COOPI_WAITERS)) {
            if (give_up_to_nobody(self, robust, mode, word)) return false;
            mode = coopi_load_relaxed(&robust->mode); /* it may be quiet now */
        } else if (mode & COOPI_MODE_BUSY) {
            return mode == coopi_load_relaxed(&robust->vain) ? clear(robust, word) : give_up_to_sleepers(robust, mode);
        }
    }
    coopi_fetch_or(&robust->word, COOPI_WAITERS); /* a call is not lost if we die now */
    mode = next_generation(mode) | COOPI_MODE_BUSY;
    coopi_store_relaxed(&robust->calm, 0);
    coopi_store_relaxed(&robust->mode, mode);
    return give_up_to_sleepers(robust, mode);
}

void coopi_robust_give_up(struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    struct robust_list *saved = coopi_pending_resume(self, robust);
    coopi_unlink(self, robust);
    if (give_up(self, robust))
        coopi_robust_wake(self, robust, saved);
    else
        coopi_pending_end(self, saved);
}

void coopi_robust_give_up_as_dead(struct coopi_robust *robust)
{
    struct coopi_self *self = coopi_self_;
    struct robust_list *saved = coopi_pending_resume(self, robust);
    coopi_unlink(self, robust);
    coopi_exchange_both(&robust->word, COOPI_WAITERS | COOPI_OWNER_DIED);
    coopi_futex_wake(coopi_low_half(&robust->word), 1);
    coopi_pending_end(self, saved);
}

void coopi_robust_give_up_briefly_held(struct coopi_robust *robust, struct robust_list *saved)
{
    struct coopi_self *self = coopi_self_;
    if (give_up(self, robust))
        coopi_robust_wake(self, robust, saved);
    else
        coopi_pending_end(self, saved);
}

uint32_t coopi_robust_holder(const struct coopi_map *map, const struct coopi_robust *robust)
{
    uint64_t word = coopi_load_acquire(&robust->word);
    if (!(word & COOPI_TID_MASK) || coopi_dead(map, coopi_tag_of(word))) return 0;
    return coopi_tag_of(word);
}

void coopi_death_record(const struct coopi_map *map, struct coopi_death *death, uint32_t tag, const char *object)
{
    struct coopi_owner_name who;
    coopi_owner_describe(map, tag, &who);
    coopi_store_relaxed(&death->pid, who.pid);
    coopi_store_relaxed(&death->tid, who.tid);
    memcpy(death->command, who.command, sizeof death->command);
    coopi_store_relaxed(&death->wall_time, coopi_wall_clock());
    coopi_store_release(&death->count, coopi_load_relaxed(&death->count) + 1);
    coopi_event_tell(map, COOPI_EVENT_OWNER_DIED, &who, object);
}
