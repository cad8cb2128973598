/* SPDX-License-Identifier: MIT */
/* RLock: as Lock, and its depth. Whoever comes after a death begins at depth one. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "sync/lock_shm.h"

static void prepare(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_rlock_in(scene->segment, "rlock", COOP_CREATE, &scene->rlock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void take_twice(struct scene *scene)
{
    warm_holding(scene);
    act_acquire(scene);
}

static void release_inner(struct scene *scene)
{
    scene->board->result = give(scene);
}

static void in_and_out(struct scene *scene)
{
    act_acquire(scene);
    scene->board->result = take(scene, COOP_NOWAIT);
    release_inner(scene);
    act_release(scene);
}

/* How often the victim held it beyond the first time. */
static void look(struct scene *scene)
{
    look_lock(scene);
    scene->board->number = coopi_load_relaxed(&scene->rlock->shm->robust.extra);
}

static enum outcome verify_deeper(struct scene *scene)
{
    int64_t extra = scene->board->number;
    verify_taken(scene);
    if (extra > 1) fault(scene, DOUBLED, "held %lld times more than once", (long long)extra);
    return extra == 1 ? AFTER : BEFORE;
}

static enum outcome verify_shallower(struct scene *scene)
{
    return verify_deeper(scene) == AFTER ? BEFORE : AFTER;
}

#define RLOCK(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .look = look, __VA_ARGS__                                                  \
    }
#define TAKING .verify = verify_taken, .warm = warm_owner, .operate = act_acquire
#define GIVING .lets_go = true, .verify = verify_given, .warm = warm_holding, .operate = act_release

const struct operation rlock_operations[] = {
    RLOCK("rlock-acquire/alone", TAKING, .repair = repair_lock),
    RLOCK("rlock-acquire/held", TAKING, .gather = add_holder, .asleep = let_holder_go),
    RLOCK("rlock-acquire/crowd-holder-dies", TAKING, .gather = add_crowd, .asleep = kill_holder),
    RLOCK("rlock-acquire-again/alone", .verify = verify_deeper, .warm = warm_holding, .operate = act_acquire,
          .repair = repair_lock),
    RLOCK("rlock-acquire-again/sleepers", .verify = verify_deeper, .warm = warm_holding, .operate = act_acquire,
          .gather = add_sleepers),
    RLOCK("rlock-release-inner/alone", .late = add_late, .verify = verify_shallower, .warm = take_twice,
          .operate = release_inner),
    RLOCK("rlock-release-inner/sleepers", .verify = verify_shallower, .warm = take_twice, .operate = release_inner,
          .gather = add_sleepers),
    RLOCK("rlock-release/alone", GIVING, .late = add_late),
    RLOCK("rlock-release/sleepers", GIVING, .gather = add_sleepers, .repair = repair_lock),
    RLOCK("rlock-handover/crowd", .lets_go = true, .verify = verify_passed_on, .warm = warm_owner,
          .operate = in_and_out, .gather = add_crowd, .asleep = let_holder_go),
    {0},
};
