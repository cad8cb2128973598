/* SPDX-License-Identifier: MIT */
/* Condition: a lock that is given up while its thread waits to be notified. */
#include <coop/condition.h>

#include "sync/tokens.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/quote.h"
#include "segment/handle.h"
#include "segment/registry.h"
#include "sync/holding.h"
#include "sync/lock_shm.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#define YIELDS 16

struct coop_condition {
    struct coopi_sync sync;
    struct coopi_object held; /* its lock's, borrowed; without COOP_INTR, for taking it again */
    struct coopi_lock_shm *lock;
    struct coop_rlock own;
    coop_lock *plain; /* exactly one of these two is set */
    coop_rlock *recursive;
};

static const char *label_of(const coop_condition *condition)
{
    return coopi_object_label(&condition->sync.object);
}

/* Opening */

/* A lock that a condition is to work with; neither of them: its own. */
struct given {
    coop_lock *plain;
    coop_rlock *recursive;
    const struct coopi_object *object;
};

static struct given given_lock(coop_lock *lock)
{
    return (struct given){.plain = lock, .object = lock ? &lock->object : NULL};
}

static struct given given_rlock(coop_rlock *lock)
{
    return (struct given){.recursive = lock, .object = lock ? &lock->object : NULL};
}

static uint32_t generation_of(uint64_t state)
{
    return (uint32_t)(state / COOPI_ENTRY_GENERATION);
}

/* The name of the lock that the condition was made with, in quotes. */
static const char *name_lock(const struct coopi_sync *sync, char *buffer, size_t size)
{
    const struct coopi_condition_shm *shm = &sync->shm->condition;
    const struct coopi_map *map = sync->object.map;
    uint32_t number = coopi_load_relaxed(&shm->lock) - 1;
    if (number >= map->geometry->directory.count) return "a damaged number";
    const struct coopi_entry *entry = &map->directory[number];
    char name[sizeof entry->name];
    memcpy(name, entry->name, sizeof name);
    name[sizeof name - 1] = 0;
    if (generation_of(coopi_load_acquire(&entry->state)) != coopi_load_relaxed(&shm->lock_generation))
        return "a lock that was removed since";
    return name[0] ? coopi_quote(name, buffer, size) : "a nameless lock";
}

static int compare_lock(const struct coopi_sync *sync, const struct given *given)
{
    char found[COOPI_QUOTED];
    const struct coopi_object *lock = given->object;
    const char *label = coopi_object_label(&sync->object);
    bool has_own = sync->object.entry_flags & COOPI_ENTRY_LOCKED;
    if (has_own && !lock) return 0;
    if (has_own)
        return coopi_fail(EINVAL, "%s: works with a lock of its own, not with %s; open it with coop_condition_open()",
                          label, coopi_object_label(lock));
    if (!lock)
        return coopi_fail(EINVAL, "%s: works with %s, not with a lock of its own; open that, and it over that", label,
                          name_lock(sync, found, sizeof found));
    const struct coopi_condition_shm *shm = &sync->shm->condition;
    if (coopi_load_relaxed(&shm->lock) == lock->number + 1 &&
        coopi_load_relaxed(&shm->lock_generation) == generation_of(lock->state))
        return 0;
    return coopi_fail(EINVAL, "%s: works with %s, not with %s; open it over that lock", label,
                      name_lock(sync, found, sizeof found), coopi_object_label(lock));
}

/* Does the condition that was found work with the lock that was given? Closes it if not. */
static int check_lock(struct coopi_sync *sync, const struct given *given)
{
    int r = compare_lock(sync, given);
    if (r < 0) coopi_object_close(&sync->object);
    return r;
}

static void bind_lock(coop_condition *condition, const struct given *given)
{
    coopi_rlock_embed(&condition->sync.object, &condition->own);
    condition->plain = given->plain;
    condition->recursive = given->object ? given->recursive : &condition->own;
    condition->held = given->object ? *given->object : condition->sync.object;
    condition->held.flags = 0;
    condition->lock = condition->plain ? condition->plain->shm : condition->recursive->shm;
}

/* By path (SEGMENT is NULL), or by name in SEGMENT. */
static int open_condition(coop_segment *segment, const char *name, const struct given *given, int flags,
                          coop_condition **ret_condition)
{
    const struct coopi_object *lock = given->object;
    const struct coopi_sync_shm initial = {
        .condition = {.lock = lock ? lock->number + 1 : 0, .lock_generation = lock ? generation_of(lock->state) : 0}};
    const struct coopi_want want = {
        .kind = COOPI_CONDITION,
        .entry_flags = lock ? 0 : COOPI_ENTRY_LOCKED,
        .body_size = sizeof initial + (lock ? 0 : sizeof(struct coopi_lock_shm)),
        .initial = lock ? &initial : NULL,
        .initial_size = sizeof initial,
    };
    coop_condition *condition = malloc(sizeof *condition);
    if (!condition) return coopi_fail(ENOMEM, "%s: out of memory", name ? name : "nameless condition");
    struct coopi_object *object = &condition->sync.object;
    if (!name) flags |= COOP_CREATE;
    int r =
        segment ? coopi_object_in(segment, name, &want, flags, object) : coopi_object_open(name, &want, flags, object);
    if (r == 0) r = coopi_sync_bind(&condition->sync);
    if (r == 0) r = check_lock(&condition->sync, given);
    if (r < 0) {
        free(condition);
        return r;
    }
    bind_lock(condition, given);
    *ret_condition = condition;
    return 0;
}

int coop_condition_open(const char *path, int flags, coop_condition **ret_condition)
{
    return open_condition(NULL, path, &(struct given){0}, flags, ret_condition);
}

int coop_condition_new(int flags, coop_condition **ret_condition)
{
    return coop_condition_open(NULL, flags, ret_condition);
}

int coop_condition_in(coop_segment *segment, const char *name, int flags, coop_condition **ret_condition)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless condition");
    return open_condition(segment, name, &(struct given){0}, flags, ret_condition);
}

static int check_given(const char *label, const struct given *given)
{
    if (!given->object) return coopi_fail(EINVAL, "%s: no lock given; coop_condition_open() makes one", label);
    if (given->object->entry_flags & COOPI_ENTRY_TRANSFERABLE)
        return coopi_fail(
            EINVAL,
            "%s: cannot work with %s: it is transferable, so anybody could release it behind its holder's "
            "back; give it a Lock without COOP_TRANSFERABLE, or an RLock",
            label, coopi_object_label(given->object));
    return 0;
}

static int say_elsewhere(const char *label, const struct given *given)
{
    return coopi_fail(EINVAL, "%s: its lock, %s, lies in another segment; both must stand in the same", label,
                      coopi_object_label(given->object));
}

static int open_in_locks_segment(const char *name, const struct given *given, int flags, coop_condition **ret_condition)
{
    struct coop_segment segment = {.map = given->object->map};
    return open_condition(&segment, name, given, flags, ret_condition);
}

/* The lock's segment is there already, so the path's needs not be made. */
static int open_on(const char *path, struct given given, int flags, coop_condition **ret_condition)
{
    int r = check_given(path ? path : "nameless condition", &given);
    if (r < 0) return r;
    if (!path) return open_in_locks_segment(NULL, &given, flags, ret_condition);
    struct coopi_path parsed;
    r = coopi_path_parse(path, &parsed);
    if (r < 0) return r;
    struct coopi_map *map;
    r = coopi_segment_open_map(&parsed.segment, flags & COOP_TRUST_PEERS, &map);
    if (r == -ENOENT && (flags & COOP_CREATE)) return say_elsewhere(path, &given);
    if (r < 0) return r;
    r = map == given.object->map ? open_in_locks_segment(parsed.object, &given, flags, ret_condition)
                                 : say_elsewhere(path, &given);
    coopi_map_release(map);
    return r;
}

static int open_in_on(coop_segment *segment, const char *name, struct given given, int flags,
                      coop_condition **ret_condition)
{
    const char *label = name ? name : "nameless condition";
    int r = check_given(label, &given);
    if (r < 0) return r;
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", label);
    if (segment->map != given.object->map) return say_elsewhere(label, &given);
    return open_condition(segment, name, &given, flags, ret_condition);
}

int coop_condition_open_on_lock(const char *path, coop_lock *lock, int flags, coop_condition **ret_condition)
{
    return open_on(path, given_lock(lock), flags, ret_condition);
}

int coop_condition_open_on_rlock(const char *path, coop_rlock *lock, int flags, coop_condition **ret_condition)
{
    return open_on(path, given_rlock(lock), flags, ret_condition);
}

int coop_condition_in_on_lock(coop_segment *segment, const char *name, coop_lock *lock, int flags,
                              coop_condition **ret_condition)
{
    return open_in_on(segment, name, given_lock(lock), flags, ret_condition);
}

int coop_condition_in_on_rlock(coop_segment *segment, const char *name, coop_rlock *lock, int flags,
                               coop_condition **ret_condition)
{
    return open_in_on(segment, name, given_rlock(lock), flags, ret_condition);
}

/* Its lock */

static inline bool holds(const coop_condition *condition)
{
    return coopi_robust_mine(condition->held.slot, &condition->lock->robust);
}

static int say_not_held(const coop_condition *condition, const char *verb)
{
    return coopi_fail(EPERM, "%s: this thread does not hold its lock (%s); acquire it before you %s",
                      label_of(condition), coopi_object_label(&condition->held), verb);
}

void coop_condition_close(coop_condition *condition)
{
    if (!condition) return;
    if (condition->recursive == &condition->own && holds(condition)) coopi_say_closed_held(&condition->sync.object);
    coopi_object_close(&condition->sync.object);
    free(condition);
}

int coop_condition_acquire(coop_condition *condition, int64_t timeout)
{
    return condition->plain ? coop_lock_acquire(condition->plain, timeout)
                            : coop_rlock_acquire(condition->recursive, timeout);
}

int coop_condition_release(coop_condition *condition)
{
    return condition->plain ? coop_lock_release(condition->plain) : coop_rlock_release(condition->recursive);
}

/* A wait under way. */
struct wait {
    const coop_condition *condition;
    struct coopi_turn turn;
    struct coopi_watch watch;
    uint32_t extra;
};

/* Who was notified finds the lock held by the notifier, and then by all those that were notified with it, each for a
 * moment. To sleep for that would cost more than all that they do, so the others are let in a few times first. */
static void let_others_in(const struct wait *wait)
{
    const uint64_t *word = &wait->condition->lock->robust.word;
    for (int i = 0; i < YIELDS && (coopi_load_relaxed(word) & COOPI_TID_MASK); i++) sched_yield();
}

static uint32_t give_up_lock(const coop_condition *condition)
{
    return coopi_lock_give_up_whole(&condition->held, condition->lock);
}

static int take_lock_again(const struct wait *wait, int64_t timeout)
{
    return coopi_lock_take_again(&wait->condition->held, wait->condition->lock, wait->extra, timeout);
}

/* Waiting */

/* Before a sleep, without the guard: if the lock's holder is dead, perhaps nobody else will ever come by to find that
 * out. COOP_OWNER_DIED: the lock was taken over; 0: it is in order, and its holder is watched; else negative. */
static int look_at_lock(struct wait *wait)
{
    const struct coopi_sync *sync = &wait->condition->sync;
    for (;;) {
        uint64_t word = coopi_load_acquire(&wait->condition->lock->robust.word);
        bool held = word & COOPI_TID_MASK;
        bool died = (word & COOPI_OWNER_DIED) || (held && coopi_dead(sync->object.map, coopi_tag_of(word)));
        if (!died) {
            if (held) wait->watch.tags[wait->watch.count++] = coopi_tag_of(word);
            return 0;
        }
        int r = take_lock_again(wait, COOP_NOWAIT);
        if (r == 0) give_up_lock(wait->condition); /* somebody was told before us, and has released it */
        if (r != 0 && r != -EBUSY) return r;
    }
}

/* The time is over, or a signal came. 0: the thread was notified after all; else WHY, out of the line. */
static int stop_waiting(const struct wait *wait, int why)
{
    const struct coopi_sync *sync = &wait->condition->sync;
    int r = coopi_tokens_enter(sync, 0);
    if (r < 0) return coopi_sync_give_up_turn(sync, &wait->turn) ? why : 0;
    coopi_tokens_settle(sync); /* what somebody dead had may be ours */
    bool granted = coopi_sync_granted(sync, &wait->turn);
    if (!granted) coopi_tokens_leave_line(sync, &wait->turn);
    coopi_sync_leave(sync);
    return granted ? 0 : why;
}

/* With the guard, and the lock; gives both up. 0: notified; COOP_OWNER_DIED: the lock was taken over from the dead;
 * else negative, and out of the line. */
static int wait_in_line(struct wait *wait)
{
    const struct coopi_sync *sync = &wait->condition->sync;
    struct coopi_turn *turn = &wait->turn;
    coopi_sync_watch(sync, turn, &wait->watch);
    coopi_sync_leave(sync);
    wait->extra = give_up_lock(wait->condition);
    for (;;) {
        int why, r = look_at_lock(wait);
        if (r < 0) return stop_waiting(wait, r);
        if (r > 0) return r;
        coopi_sync_doze(sync, turn, &wait->watch);
        if (coopi_sync_granted(sync, turn)) return 0;
        if (coopi_sync_is_over(sync, turn, &why)) return stop_waiting(wait, why);
        r = coopi_tokens_enter(sync, COOPI_NEVER);
        if (r < 0) return stop_waiting(wait, r);
        coopi_tokens_settle(sync);
        coopi_sync_watch(sync, turn, &wait->watch);
        coopi_sync_leave(sync);
        if (coopi_sync_granted(sync, turn)) return 0;
    }
}

static int say_not_notified(const coop_condition *condition, int r)
{
    const char *label = label_of(condition);
    switch (r) {
    case -EBUSY: return coopi_fail(EBUSY, "%s: not notified, and not waited for; its lock is held", label);
    case -ETIMEDOUT:
        return coopi_fail(
            ETIMEDOUT, "%s: timed out: not notified; its lock is held again; wait longer, or see `shmctl show`", label);
    case -EINTR: return coopi_fail(EINTR, "%s: a signal ended the wait; its lock is held again; wait again", label);
    default: return r;
    }
}

/* A signal handler took so many locks meanwhile that there is no room for this one. */
static int stay_away(const struct wait *wait, int r)
{
    coopi_tokens_abandon(&wait->condition->sync, &wait->turn);
    return coopi_fail(-r,
                      "%s: its lock is not held any more, and could not be taken again: a signal handler left this "
                      "thread with too many; release some, and acquire it",
                      label_of(wait->condition));
}

/* R: how the wait in line ended. Who was notified uses that up now, with the lock. */
static int come_back(const struct wait *wait, int r)
{
    const struct coopi_sync *sync = &wait->condition->sync;
    if (r == 0) let_others_in(wait);
    int held = r == COOP_OWNER_DIED ? r : take_lock_again(wait, COOP_FOREVER);
    if (held < 0) return stay_away(wait, held);
    if (r >= 0 && coopi_tokens_enter(sync, COOPI_NEVER) == 0) {
        coopi_tokens_leave_line(sync, &wait->turn);
        coopi_sync_leave(sync);
    }
    return held == COOP_OWNER_DIED || r >= 0 ? held : say_not_notified(wait->condition, r);
}

static int wait_until(const coop_condition *condition, int64_t deadline)
{
    if (!holds(condition)) return say_not_held(condition, "wait");
    struct wait wait = {.condition = condition, .turn = {.deadline = deadline}};
    int r = coopi_tokens_enter(&condition->sync, deadline);
    if (r < 0) return r;
    coopi_tokens_join(&condition->sync, &wait.turn);
    r = wait_in_line(&wait);
    return come_back(&wait, r == -ETIMEDOUT && deadline == 0 ? -EBUSY : r);
}

int coop_condition_wait(coop_condition *condition, int64_t timeout)
{
    return wait_until(condition, coopi_deadline(timeout));
}

int coop_condition_wait_for(coop_condition *condition, int (*predicate)(void *user), void *user, int64_t timeout)
{
    if (!holds(condition)) return say_not_held(condition, "wait");
    int64_t deadline = coopi_deadline(timeout);
    int r = 0;
    for (;;) {
        if (r == COOP_OWNER_DIED) return r;
        if (predicate(user)) return 0;
        if (r < 0) return say_not_notified(condition, r);
        r = wait_until(condition, deadline);
        if (r < 0 && !holds(condition)) return r;
    }
}

/* Notifying */

static int notify(const coop_condition *condition, uint64_t n)
{
    const struct coopi_sync *sync = &condition->sync;
    if (coopi_unlikely(!holds(condition))) return say_not_held(condition, "notify");
    int r = coopi_tokens_enter(sync, COOPI_NEVER);
    if (r < 0) return r;
    if (sync->list.shm->count) coopi_tokens_give(sync, n);
    coopi_sync_leave(sync);
    return 0;
}

int coop_condition_notify(coop_condition *condition, uint32_t n)
{
    return notify(condition, n);
}

int coop_condition_notify_all(coop_condition *condition)
{
    return notify(condition, UINT32_MAX);
}

/* Looking */

coop_rlock *coop_condition_lock(coop_condition *condition)
{
    return condition->recursive;
}

int coop_condition_held(const coop_condition *condition)
{
    return holds(condition);
}

int coop_condition_owner(coop_condition *condition, coop_lock_holder *ret_holder)
{
    return coopi_lock_owner(&condition->held, condition->lock, ret_holder);
}

int coop_condition_waiters(coop_condition *condition)
{
    int r = coopi_tokens_enter(&condition->sync, COOPI_NEVER);
    if (r < 0) return r;
    int count = coopi_tokens_count_waiting(&condition->sync);
    coopi_sync_leave(&condition->sync);
    return count;
}

int coop_condition_last_death(coop_condition *condition, coop_lock_holder *ret_holder)
{
    const struct coopi_object *object = &condition->sync.object;
    coop_lock_holder of_lock = {0}, of_guard = {0};
    int r = coopi_lock_last_death(object, condition->lock, &of_lock);
    if (coopi_lock_last_death(object, &condition->sync.shm->guard, &of_guard) < 0 && r < 0) return r;
    uint64_t deaths = of_lock.deaths + of_guard.deaths;
    *ret_holder = of_lock.wall_time >= of_guard.wall_time ? of_lock : of_guard;
    ret_holder->deaths = deaths;
    return 0;
}

const char *coop_condition_path(const coop_condition *condition)
{
    return condition->sync.object.path;
}

const char *coop_condition_lock_path(const coop_condition *condition)
{
    return condition->held.path;
}
