/* SPDX-License-Identifier: MIT */
/* Transferable locks: no list knows of them, so a death is told by the life word; and anybody may release. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/ending.h"
#include "segment/handle.h"
#include "sync/lock_shm.h"

#include <errno.h>

#define RINGS 4 /* after so many the bell is what it was */

static void come_back(struct scene *scene);

static void make_locks(struct scene *scene)
{
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE | COOP_TRANSFERABLE, &scene->lock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void prepare(struct scene *scene)
{
    make_segment(scene);
    make_locks(scene);
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

static void hold(struct scene *scene)
{
    warm_owner(scene);
    scene->board->number = take(scene, COOP_S(1)) >= 0;
    if (!scene->board->number) fault(scene, HUNG, "the survivor cannot hold: %s", coop_error_detail());
}

static void let_go(struct scene *scene)
{
    if (scene->board->number && give(scene) < 0) fault(scene, LOST, "%s", coop_error_detail());
    scene->board->number = 0;
}

/* Sleepers come, put WAITERS into the word and give up; so each release of the survivor, who holds, rings. Nobody
 * sleeps when it holds again. */
static void ring_around(struct scene *scene)
{
    for (int i = 0; i < RINGS && scene->board->number; i++) {
        if (take(scene, COOP_MS(1)) != -ETIMEDOUT) fault(scene, DOUBLED, "it was taken from the survivor");
        let_go(scene);
        hold(scene);
    }
}

static void leave_peer(struct scene *scene, struct peer *self)
{
    self->result = take(scene, COOP_S(1));
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
    coopi_thread_leave(scene->segment->map);
    if (scene->op->late == come_back) warm_owner(scene);
    peer_say(self, PEER_DONE);
}

/* Three rows: the survivor's, the victim's, and the holder's, which finds no other one when it comes back. */
static void prepare_three(struct scene *scene)
{
    const coop_segment_options *options =
        COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 3, .participants = 8);
    COOP_MUST(coop_segment_create(scene->name, options, &scene->segment));
    make_locks(scene);
}

static void add_leaver(struct scene *scene)
{
    warm_owner(scene);
    scene->holder = scene->peers;
    if (!peer_await(peer_start(scene, leave_peer), PEER_HOLDS)) fault(scene, HUNG, "the holder never held");
}

/* An owner that ends holding is told as a death. */
static void leave(struct scene *scene)
{
    struct peer *holder = &scene->board->peers[scene->holder];
    if (holder->order) return;
    peer_go(holder);
    if (!peer_await(holder, PEER_DONE)) fault(scene, HUNG, "the holder could not leave");
    scene->most++;
    if (scene->ended) scene->least++;
}

/* The same, and the row is taken again by the same thread at once. */
static void come_back(struct scene *scene)
{
    leave(scene);
}

#define TRANSFER(called, ...)                                                                                          \
    {                                                                                                                  \
        .name = called, .prepare = prepare, __VA_ARGS__                                                                \
    }
#define TAKING .look = look_lock, .verify = verify_taken, .warm = warm_owner, .operate = act_acquire
#define GIVING .lets_go = true, .look = look_lock, .verify = verify_given, .warm = warm_holding, .operate = act_release
#define FOREIGN                                                                                                        \
    .lets_go = true, .look = look_at_holder, .verify = verify_foreign, .warm = warm_owner, .operate = act_release
#define WAITING                                                                                                        \
    .waits = true, .lets_go = true, .look = look_lock, .verify = verify_passed_on, .warm = warm_owner,                 \
    .operate = hand_over

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
    TRANSFER("transfer-wait/bell-comes-round", WAITING, .gather = hold, .asleep = let_go, .late = ring_around),
    TRANSFER("transfer-wait/holder-leaves", WAITING, .gather = add_leaver, .asleep = leave, .late = leave),
    {.name = "transfer-wait/holder-comes-back",
     .prepare = prepare_three,
     .gather = add_leaver,
     .asleep = come_back,
     .late = come_back,
     .shut = true,
     WAITING},
    {0},
};
