/* SPDX-License-Identifier: MIT */
/* Taking over from the dead: the one who finds a death is killed in its turn. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/owner.h"
#include "sync/lock_shm.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

static void acquire(struct scene *scene)
{
    scene->board->result = take(scene, COOP_NOWAIT);
    scene->board->mark = scene->board->result >= 0;
}

static void die_holding(struct scene *scene, void (*run)(struct scene *, struct peer *))
{
    struct peer *peer = peer_start(scene, run);
    if (!peer_await(peer, PEER_HOLDS)) fault(scene, HUNG, "the first holder never held");
    scene->dead = peer->pid;
    peer_kill(peer);
    scene->peers = 0;
    scene->most = 1;
}

static void prepare(struct scene *scene)
{
    prepare_lock(scene);
    die_holding(scene, hold_peer);
}

static void hold_deep(struct scene *scene, struct peer *self)
{
    for (int i = 0; i < 3; i++) self->result = take(scene, COOP_S(1));
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
}

static void prepare_deep(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_rlock_in(scene->segment, "rlock", COOP_CREATE, &scene->rlock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    die_holding(scene, hold_deep);
}

/* A holder whose list the kernel will not find, as after a walk that was cut short: its words stay unmarked. */
static void hold_unseen(struct scene *scene, struct peer *self)
{
    static struct robust_list_head nothing = {.list = {&nothing.list}};
    self->result = take(scene, COOP_S(1));
    syscall(SYS_set_robust_list, &nothing, sizeof nothing);
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
}

static void prepare_unseen(struct scene *scene)
{
    prepare_lock(scene);
    die_holding(scene, hold_unseen);
}

static void own_only(struct scene *scene, struct peer *self)
{
    warm_owner(scene);
    peer_say(self, PEER_DONE);
}

/* The unmarked dead one's row belongs to somebody living by now: its tag alone says that it is dead. */
static void prepare_stale(struct scene *scene)
{
    prepare_unseen(scene);
    struct coopi_map *map = scene->lock->object.map;
    uint32_t tag = coopi_tag_of(coopi_load_acquire(&scene->lock->shm->robust.word));
    if (!coopi_owner_second_evidence(map, tag))
        fault(scene, LOST, "process %d is dead, and /proc does not say so", scene->dead);
    coopi_store_relaxed(&map->header->owner_cursor, tag & COOPI_ROW_MASK);
    if (!peer_await(peer_start(scene, own_only), PEER_DONE)) fault(scene, HUNG, "nobody became an owner");
    if (coopi_tag_of(coopi_load_acquire(&map->owners[tag & COOPI_ROW_MASK].life.word)) == tag)
        fault(scene, LOST, "its row is not reused");
}

/* So that not every scene costs the 250 ms after which a sleeper asks for the holder by itself. */
static void ask_for_dead(struct scene *scene)
{
    uint64_t word = coopi_load_acquire(&scene->lock->shm->robust.word);
    if ((word & COOPI_TID_MASK) == (uint64_t)scene->dead &&
        !coopi_owner_second_evidence(scene->lock->object.map, coopi_tag_of(word)))
        fault(scene, LOST, "process %d is dead, and /proc does not say so", scene->dead);
}

static void ask(struct scene *scene)
{
    const struct coopi_robust *robust = &scene->lock->shm->robust;
    scene->board->result =
        coopi_owner_second_evidence(scene->lock->object.map, coopi_tag_of(coopi_load_acquire(&robust->word)));
}

/* AFTER: the row carries the mark that the kernel did not set. */
static void look_at_row(struct scene *scene)
{
    look_lock(scene);
    uint64_t word = coopi_load_acquire(&scene->lock->shm->robust.word);
    scene->board->number = coopi_dead(scene->lock->object.map, coopi_tag_of(word));
}

static enum outcome verify_asked(struct scene *scene)
{
    bool marked = scene->board->number;
    verify_taken(scene);
    return marked ? AFTER : BEFORE;
}

#define DEATH(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .warm = warm_owner, __VA_ARGS__                                                                \
    }

const struct operation death_operations[] = {
    DEATH("lock-recover/alone", .prepare = prepare, .operate = acquire, .look = look_lock, .verify = verify_taken,
          .repair = repair_lock),
    DEATH("lock-recover-release/alone", .prepare = prepare, .operate = repair_lock, .look = look_lock,
          .verify = verify_passed_on, .lets_go = true),
    DEATH("rlock-recover/deep", .prepare = prepare_deep, .operate = acquire, .look = look_lock, .verify = verify_taken,
          .repair = repair_lock),
    DEATH("lock-recover/unmarked", .prepare = prepare_unseen, .operate = acquire, .look = look_lock,
          .verify = verify_taken, .let_go = ask_for_dead),
    DEATH("lock-recover/stale-tag", .prepare = prepare_stale, .operate = acquire, .look = look_lock,
          .verify = verify_taken, .repair = repair_lock),
    DEATH("owner-evidence/unmarked", .prepare = prepare_unseen, .operate = ask, .verify = verify_asked,
          .let_go = ask_for_dead, .look = look_at_row),
    {0},
};
