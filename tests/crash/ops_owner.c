/* SPDX-License-Identifier: MIT */
/* Owner and participant rows: whoever dies while it takes one or gives one back, the row is free for others. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/ending.h"
#include "segment/handle.h"
#include "segment/participant.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ROWS 2 /* owners: the survivor, and one more */

static void prepare(struct scene *scene)
{
    COOP_MUST(coop_segment_create(
        scene->name,
        COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = ROWS, .participants = 8),
        &scene->segment));
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE, &scene->lock));
}

/* The survivor is an owner by now, and a stranger that the kernel did not mark has the other row. */
static void be_unseen(struct scene *scene, struct peer *self)
{
    static struct robust_list_head nothing = {.list = {&nothing.list}};
    self->result = take(scene, COOP_S(1));
    give(scene);
    syscall(SYS_set_robust_list, &nothing, sizeof nothing);
    peer_say(self, PEER_DONE);
}

static void prepare_full(struct scene *scene)
{
    prepare(scene);
    struct peer *peer = peer_start(scene, be_unseen);
    if (!peer_await(peer, PEER_DONE) || peer->result < 0) fault(scene, HUNG, "nobody became an owner");
    peer_kill(peer);
    scene->peers = 0;
}

static void own(struct scene *scene)
{
    scene->board->result = take(scene, COOP_S(1));
    give(scene);
}

static void leave(struct scene *scene)
{
    coopi_thread_leave(scene->segment->map);
}

static void detach(struct scene *scene)
{
    coopi_participant_leave(scene->segment->map);
}

static void look(struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    scene->his = false;
    for (uint32_t i = 0; i < map->owner_count; i++)
        if ((coopi_load_acquire(&map->owners[i].life.word) & COOPI_TID_MASK) == scene->board->tid) scene->his = true;
}

static void look_at_participants(struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    scene->his = false;
    for (uint32_t i = 0; i < map->geometry->participants.count; i++)
        if ((coopi_load_acquire(&map->participants[i].word) & COOPI_PID_MASK) == scene->board->tid) scene->his = true;
}

static void own_once(struct scene *scene, struct peer *self)
{
    self->result = take(scene, COOP_S(1));
    if (self->result >= 0) give(scene);
    peer_say(self, PEER_DONE);
}

/* The survivor becomes an owner, and then another process, which needs the dead one's row. */
static void others_own(struct scene *scene)
{
    int r = take(scene, COOP_S(1));
    if (r < 0)
        fault(scene, LEAKED, "the survivor gets no row or no lock: %s", coop_error_detail());
    else
        give(scene);
    struct peer *peer = peer_start(scene, own_once);
    if (!peer_await(peer, PEER_DONE))
        fault(scene, HUNG, "another process waited a second");
    else if (peer->result < 0)
        fault(scene, LEAKED, "another process gets no row: %s", coop_strerror(peer->result));
    check_segment(scene);
}

static enum outcome verify_owner(struct scene *scene)
{
    others_own(scene);
    return scene->his || scene->complete ? AFTER : BEFORE;
}

static enum outcome verify_left(struct scene *scene)
{
    others_own(scene);
    return scene->his ? BEFORE : AFTER;
}

#define OWNER(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .look = look, __VA_ARGS__                                                  \
    }

const struct operation owner_operations[] = {
    OWNER("owner-claim/alone", .operate = own, .verify = verify_owner, .repair = own),
    {.name = "owner-claim/unmarked",
     .prepare = prepare_full,
     .look = look,
     .operate = own,
     .verify = verify_owner,
     .repair = own},
    OWNER("owner-leave/alone", .warm = own, .operate = leave, .verify = verify_left, .repair = own),
    {.name = "participant-leave/alone",
     .prepare = prepare,
     .look = look_at_participants,
     .warm = own,
     .operate = detach,
     .verify = verify_left,
     .no_exit = true},
    {0},
};
