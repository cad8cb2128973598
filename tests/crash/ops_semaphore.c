/* SPDX-License-Identifier: MIT */
/* Semaphores: whoever dies, all permits of an owned one come back, those that wait get theirs, and a counting one has
 * what its word said. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <errno.h>

#define PERMITS 2

static void make(struct scene *scene, uint32_t permits, int flags)
{
    make_segment(scene);
    COOP_MUST(coop_semaphore_in(scene->segment, "semaphore", permits, COOP_CREATE | flags, &scene->semaphore));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void prepare(struct scene *scene)
{
    make(scene, 1, 0);
}

static void prepare_two(struct scene *scene)
{
    make(scene, PERMITS, 0);
}

static void prepare_counting(struct scene *scene)
{
    make(scene, 1, COOP_COUNTING);
}

static struct coopi_sync_shm *shm_of(const struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    uint32_t i = 0;
    while (map->directory[i].kind != COOPI_SEMAPHORE) i++;
    return (struct coopi_sync_shm *)(void *)(map->base + map->directory[i].body);
}

/* What the victim holds, as the words say now. */
static uint32_t held_by_victim(const struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    const uint64_t *words = (const uint64_t *)(const void *)(shm_of(scene) + 1);
    for (uint32_t i = 0; i < coop_semaphore_permits(scene->semaphore); i++) {
        uint64_t word = coopi_load_acquire(&words[i]);
        uint64_t life = coopi_load_acquire(&map->owners[coopi_tag_of(word) & COOPI_ROW_MASK].life.word);
        if (word && coopi_tag_of(life) == coopi_tag_of(word) && (life & COOPI_TID_MASK) == scene->board->tid)
            return (uint32_t)word;
    }
    return 0;
}

static void look(struct scene *scene)
{
    scene->his = held_by_victim(scene) > 0;
    if (scene->board->mark && !scene->his) fault(scene, LOST, "the victim is sure to hold, and has no word");
}

/* There is a permit, or it has gone on to one of those that slept. */
static void look_counting(struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    int waiting = 0;
    for (uint32_t row = 0; row < map->owner_count; row++) {
        const struct coopi_seat *seat = &map->owners[row].seat;
        waiting += coopi_load_acquire(&seat->who) != 0 &&
                   (coopi_load_acquire(&seat->state) & COOPI_SEAT_MASK) == COOPI_SEAT_WAITING;
    }
    scene->board->number = coopi_load_acquire(&shm_of(scene)->semaphore.permits) || waiting < scene->sleepers;
}

/* All others are done: so many permits, and nobody in line. */
static void verify_value(struct scene *scene, int expected)
{
    int value = -1;
    for (int64_t limit = now_ns() + SECOND; value != expected && now_ns() < limit; nap_us(20)) {
        value = coop_semaphore_value(scene->semaphore);
        if (value < 0) break;
    }
    if (value < 0) fault(scene, HUNG, "%s", coop_error_detail());
    if (value >= 0 && value < expected) fault(scene, LEAKED, "%d permits of %d are left", value, expected);
    if (value > expected) fault(scene, DOUBLED, "%d permits of %d are there", value, expected);
    int waiters = coop_semaphore_waiters(scene->semaphore);
    if (waiters != 0) fault(scene, LEAKED, "%d wait in line", waiters);
    uint32_t all = (uint32_t)expected;
    if (value == expected && all) {
        if (coop_semaphore_acquire_many(scene->semaphore, all, COOP_S(1)) < 0)
            fault(scene, HUNG, "%s", coop_error_detail());
        else if (coop_semaphore_release_many(scene->semaphore, all) < 0)
            fault(scene, TORN, "%s", coop_error_detail());
    }
    check_segment(scene);
}

static void verify(struct scene *scene)
{
    if (scene->op->asleep) scene->op->asleep(scene);
    if (scene->op->let_go) scene->op->let_go(scene);
    await_sleepers(scene);
    verify_value(scene, (int)coop_semaphore_permits(scene->semaphore));
}

static enum outcome verify_owned(struct scene *scene)
{
    verify(scene);
    return scene->his ? AFTER : BEFORE;
}

static enum outcome verify_released(struct scene *scene)
{
    verify(scene);
    return scene->his ? BEFORE : AFTER;
}

static enum outcome verify_handed_over(struct scene *scene)
{
    return verify_owned(scene) == AFTER || scene->complete ? AFTER : BEFORE;
}

static void acquire_both(struct scene *scene)
{
    scene->board->result = coop_semaphore_acquire_many(scene->semaphore, PERMITS, COOP_FOREVER);
    scene->board->mark = scene->board->result >= 0;
}

static void release_both(struct scene *scene)
{
    scene->board->mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    scene->board->result = coop_semaphore_release_many(scene->semaphore, PERMITS);
}

static void warm_both(struct scene *scene)
{
    warm_owner(scene);
    acquire_both(scene);
}

static void try_in_vain(struct scene *scene)
{
    scene->board->result = take(scene, COOP_NOWAIT);
}

static void time_out(struct scene *scene)
{
    scene->board->result = take(scene, COOP_MS(4));
}

/* A holder and one in line before the victim die: the next look sweeps both. */
static void leave_the_dead(struct scene *scene)
{
    add_holder(scene);
    add_sleeper(scene);
    scene->sleepers = 0;
    peer_kill(&scene->board->peers[0]);
    peer_kill(&scene->board->peers[1]);
    scene->board->peers[1].state = PEER_DONE;
    scene->board->peers[1].at = scene->board->peers[1].result = 0;
}

static void sweep(struct scene *scene)
{
    scene->board->result = coop_semaphore_value(scene->semaphore);
}

static void repair(struct scene *scene)
{
    scene->board->result = take(scene, COOP_S(2));
    if (scene->board->result >= 0) give(scene);
}

/* Counting: what the holder takes it gives back; what the victim took or gave stands in the word. */

static enum outcome verify_counting(struct scene *scene, bool after)
{
    if (scene->op->asleep) scene->op->asleep(scene);
    if (scene->op->let_go) scene->op->let_go(scene);
    await_sleepers(scene);
    verify_value(scene, after);
    return BEFORE;
}

/* The victim took one if the word is lower than it was. */
static enum outcome verify_counted_out(struct scene *scene)
{
    bool taken = scene->board->number == 0;
    verify_counting(scene, !taken);
    return taken ? AFTER : BEFORE;
}

static void warm_taken(struct scene *scene)
{
    warm_owner(scene);
    take(scene, COOP_NOWAIT);
}

/* Two sleep, and get one after the other what is given; there was nothing before. */
static enum outcome verify_counted_in(struct scene *scene)
{
    bool given = scene->board->number == 1 || scene->complete;
    if (!given && coop_semaphore_release(scene->semaphore) < 0) fault(scene, LOST, "%s", coop_error_detail());
    verify_counting(scene, 1);
    return given ? AFTER : BEFORE;
}

#define OWNED(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .look = look, __VA_ARGS__                                                  \
    }
#define BOTH(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_two, .look = look, __VA_ARGS__                                              \
    }
#define COUNTING(called, ...)                                                                                          \
    {                                                                                                                  \
        .name = called, .prepare = prepare_counting, .look = look_counting, __VA_ARGS__                                \
    }
#define TAKING .verify = verify_owned, .warm = warm_owner, .repair = repair
#define GIVING .verify = verify_released, .warm = warm_holding, .lets_go = true, .repair = repair
#define PASSING                                                                                                        \
    .verify = verify_handed_over, .warm = warm_owner, .operate = hand_over, .lets_go = true, .repair = repair
#define NOTHING .verify = verify_owned, .warm = warm_owner, .constant = true, .repair = sweep

const struct operation semaphore_operations[] = {
    OWNED("semaphore-acquire/alone", TAKING, .operate = act_acquire, .late = add_late),
    OWNED("semaphore-acquire/held", TAKING, .operate = act_acquire, .gather = add_holder, .asleep = let_holder_go),
    OWNED("semaphore-acquire/crowd", TAKING, .operate = act_acquire, .gather = add_crowd, .asleep = let_holder_go),
    OWNED("semaphore-acquire/holder-dies", TAKING, .operate = act_acquire, .gather = add_holder, .asleep = kill_holder),
    OWNED("semaphore-acquire/crowd-holder-dies", TAKING, .operate = act_acquire, .gather = add_crowd,
          .asleep = kill_holder),
    OWNED("semaphore-release/alone", GIVING, .operate = act_release, .late = add_late),
    OWNED("semaphore-release/sleeper", GIVING, .operate = act_release, .gather = add_sleeper, .late = add_late),
    OWNED("semaphore-release/sleepers", GIVING, .operate = act_release, .gather = add_sleepers),
    OWNED("semaphore-handover/held", PASSING, .gather = add_holder, .asleep = let_holder_go),
    OWNED("semaphore-handover/crowd", PASSING, .gather = add_crowd, .asleep = let_holder_go),
    OWNED("semaphore-try/held", NOTHING, .operate = try_in_vain, .gather = add_holder, .let_go = let_holder_go),
    OWNED("semaphore-timeout/held", .timed = true, NOTHING, .operate = time_out, .gather = add_holder,
          .let_go = let_holder_go),
    OWNED("semaphore-timeout/crowd", .timed = true, NOTHING, .operate = time_out, .gather = add_crowd,
          .let_go = let_holder_go),
    OWNED("semaphore-sweep/holder-and-waiter-died", NOTHING, .operate = sweep, .gather = leave_the_dead),
    BOTH("semaphore-acquire-many/alone", TAKING, .operate = acquire_both, .late = add_late),
    BOTH("semaphore-acquire-many/held", TAKING, .operate = acquire_both, .gather = add_holder, .asleep = let_holder_go),
    BOTH("semaphore-release-many/sleepers", .verify = verify_released, .warm = warm_both, .lets_go = true,
         .operate = release_both, .gather = add_sleepers, .repair = repair),
    COUNTING("semaphore-count-acquire/alone", .verify = verify_counted_out, .warm = warm_owner, .operate = act_acquire,
             .repair = sweep),
    COUNTING("semaphore-count-release/alone", .verify = verify_counted_in, .warm = warm_taken, .lets_go = true,
             .operate = act_release),
    COUNTING("semaphore-count-release/sleepers", .verify = verify_counted_in, .warm = warm_taken, .lets_go = true,
             .operate = act_release, .gather = add_sleepers),
    {0},
};
