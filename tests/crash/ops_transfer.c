/* SPDX-License-Identifier: MIT */
/* Transferable locks: no list knows of them, so a death is told by the life word; and anybody may release. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "sync/lock_shm.h"

static void prepare(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE | COOP_TRANSFERABLE, &scene->lock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static uint64_t word_of(const struct scene *scene)
{
    return coopi_load_acquire(&scene->lock->shm->robust.word);
}

/* In a release by another the holder is alive and stays so; AFTER: it does not hold any more. */
static void look_at_holder(struct scene *scene)
{
    look_lock(scene);
    uint64_t holder = (uint64_t)scene->board->peers[scene->holder].pid;
    scene->board->number = (word_of(scene) & COOPI_TID_MASK) == holder;
}

static enum outcome verify_foreign(struct scene *scene)
{
    bool held = scene->board->number;
    if (held && give(scene) < 0) fault(scene, LOST, "%s", coop_error_detail());
    verify_taken(scene);
    return held ? BEFORE : AFTER;
}

#define TRANSFER(called, ...)                                                                                          \
    {                                                                                                                  \
        .name = called, .prepare = prepare, __VA_ARGS__                                                                \
    }
#define TAKING .look = look_lock, .verify = verify_taken, .warm = warm_owner, .operate = act_acquire
#define GIVING .lets_go = true, .look = look_lock, .verify = verify_given, .warm = warm_holding, .operate = act_release
#define FOREIGN                                                                                                        \
    .lets_go = true, .look = look_at_holder, .verify = verify_foreign, .warm = warm_owner, .operate = act_release

const struct operation transfer_operations[] = {
    TRANSFER("transfer-acquire/alone", TAKING, .late = add_late, .repair = repair_lock),
    TRANSFER("transfer-acquire/held", TAKING, .gather = add_holder, .asleep = let_holder_go),
    TRANSFER("transfer-acquire/crowd", TAKING, .gather = add_crowd, .asleep = let_holder_go),
    TRANSFER("transfer-acquire/holder-dies", TAKING, .gather = add_holder, .asleep = kill_holder),
    TRANSFER("transfer-acquire/crowd-holder-dies", TAKING, .gather = add_crowd, .asleep = kill_holder),
    TRANSFER("transfer-release/alone", GIVING, .late = add_late),
    TRANSFER("transfer-release/sleepers", GIVING, .gather = add_sleepers, .repair = repair_lock),
    TRANSFER("transfer-release-foreign/held", FOREIGN, .gather = add_holder),
    TRANSFER("transfer-release-foreign/crowd", FOREIGN, .gather = add_crowd),
    {0},
};
