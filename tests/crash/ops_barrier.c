/* SPDX-License-Identifier: MIT */
/* Barriers: a round ends for all or breaks for all, and a reset makes it whole, whoever dies. */
#include "crash/crash.h"

#include "sync/round.h"

#include <errno.h>
#include <unistd.h>

#define PARTIES 3

static void make(struct scene *scene, uint32_t parties)
{
    make_segment(scene);
    COOP_MUST(coop_barrier_in(scene->segment, "barrier", parties, COOP_CREATE, &scene->barrier));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void prepare(struct scene *scene)
{
    make(scene, PARTIES);
}

static void prepare_two(struct scene *scene)
{
    make(scene, 2);
}

static int nothing(void *user)
{
    (void)user;
    return 0;
}

static void prepare_action(struct scene *scene)
{
    prepare(scene);
    coop_barrier_set_action(scene->barrier, nothing, NULL);
}

static void prepare_broken(struct scene *scene)
{
    prepare(scene);
    COOP_MUST(coop_barrier_abort(scene->barrier));
}

/* Peers */

static void wait_peer(struct scene *scene, struct peer *self)
{
    warm_owner(scene);
    peer_say(self, PEER_ASKS);
    self->result = coop_barrier_wait(scene->barrier, COOP_FOREVER, NULL);
    self->at = now_ns();
    peer_say(self, PEER_DONE);
}

static void add_party(struct scene *scene)
{
    struct peer *peer = peer_start(scene, wait_peer);
    if (!peer_await_sleep(peer))
        fault(scene, HUNG, "a party (%d) never slept; its step is %u, the state %#llx", peer->pid,
              coopi_load_acquire(&peer->state), (unsigned long long)coopi_round_state(scene->barrier));
    scene->sleepers++;
}

static void add_parties(struct scene *scene)
{
    add_party(scene);
    add_party(scene);
}

static void join_peer(struct scene *scene, struct peer *self)
{
    self->result = coop_barrier_join(scene->barrier);
    peer_say(self, PEER_HOLDS);
}

static void add_member(struct scene *scene)
{
    scene->holder = scene->peers;
    if (!peer_await(peer_start(scene, join_peer), PEER_HOLDS)) fault(scene, HUNG, "a party never joined");
}

static void kill_member(struct scene *scene)
{
    peer_kill(&scene->board->peers[scene->holder]);
}

/* One comes, sleeps and dies. */
static void party_dies(struct scene *scene)
{
    if (scene->holder >= 0) return;
    scene->holder = scene->peers;
    struct peer *peer = peer_start(scene, wait_peer);
    if (!peer_await_sleep(peer)) fault(scene, HUNG, "a party never slept");
    peer_kill(peer);
}

/* Operations */

static void wait(struct scene *scene)
{
    scene->board->result = coop_barrier_wait(scene->barrier, COOP_FOREVER, NULL);
    scene->board->mark = 1;
}

static void time_out(struct scene *scene)
{
    scene->board->result = coop_barrier_wait(scene->barrier, COOP_MS(4), NULL);
}

static void try_in_vain(struct scene *scene)
{
    scene->board->result = coop_barrier_wait(scene->barrier, COOP_NOWAIT, NULL);
}

static void join(struct scene *scene)
{
    scene->board->result = coop_barrier_join(scene->barrier);
}

static void warm_joined(struct scene *scene)
{
    warm_owner(scene);
    join(scene);
}

static void leave(struct scene *scene)
{
    scene->board->result = coop_barrier_leave(scene->barrier);
}

/* Also by the survivor; so these leave the victim's result alone. */
static void reset(struct scene *scene)
{
    coop_barrier_reset(scene->barrier);
}

static void break_off(struct scene *scene)
{
    coop_barrier_abort(scene->barrier);
}

static void ask(struct scene *scene)
{
    coop_barrier_broken(scene->barrier);
}

/* Looking */

static uint64_t state_of(const struct scene *scene)
{
    return coopi_round_state(scene->barrier);
}

static bool has_begun_anew(const struct scene *scene)
{
    return coopi_round_generation(state_of(scene)) > 0;
}

/* The survivor comes as well, if that ends the round. */
static void arrive(struct scene *scene)
{
    if (!has_begun_anew(scene)) (void)!coop_barrier_wait(scene->barrier, COOP_NOWAIT, NULL);
}

static void look_counted(struct scene *scene)
{
    uint64_t arrived = state_of(scene) & COOPI_BARRIER_ARRIVED;
    scene->board->number = has_begun_anew(scene) || arrived > (uint64_t)scene->sleepers;
}

static void look_ended(struct scene *scene)
{
    scene->board->number = has_begun_anew(scene);
}

static void look_changed(struct scene *scene)
{
    scene->board->number = has_begun_anew(scene) || coopi_round_is_broken(state_of(scene));
}

/* Nobody else joins. */
static void look_joined(struct scene *scene)
{
    scene->his = false;
    for (uint32_t i = 0; i < PARTIES; i++)
        scene->his = scene->his || (coopi_load_acquire(&scene->barrier->sync.words[i]) & COOPI_PARTY_JOINED);
}

/* Verifying */

static void await_parties(struct scene *scene, int expected)
{
    for (int i = 0; i < scene->peers; i++) {
        const struct peer *peer = &scene->board->peers[i];
        if (i == scene->holder) continue;
        if (!peer_await(&scene->board->peers[i], PEER_DONE)) {
            fault(scene, HUNG, "party %d still sleeps; the state is %#llx", i, (unsigned long long)state_of(scene));
            continue;
        }
        if (peer->result != expected)
            fault(scene, expected ? DOUBLED : LOST, "party %d: %s, and not %s", i, coop_strerror(peer->result),
                  coop_strerror(expected));
        scene->slow += peer->at - scene->ended > SLOW;
    }
}

/* Those that waited had EXPECTED for a result; a reset makes it whole, and nobody stands in it. */
static void verify_works(struct scene *scene, int expected)
{
    coop_barrier *barrier = scene->barrier;
    await_parties(scene, expected);
    if (scene->holder >= 0) peer_kill(&scene->board->peers[scene->holder]);
    if (coop_barrier_reset(barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    if (coop_barrier_broken(barrier) != 0) fault(scene, TORN, "it was reset, and is broken");
    if (coop_barrier_waiting(barrier) != 0) fault(scene, LEAKED, "it was reset, and somebody waits");
    if (coop_barrier_joined(barrier) != 0) fault(scene, LEAKED, "the dead have joined");
    if (coop_barrier_wait(barrier, COOP_MS(1), NULL) != -ETIMEDOUT) fault(scene, TORN, "one alone came through");
    if (coop_barrier_reset(barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    check_segment(scene);
}

/* A death that broke it has the name of one that is dead. */
static void verify_breaker(struct scene *scene)
{
    coop_lock_holder who;
    if (coop_barrier_broken(scene->barrier) != COOP_BARRIER_DIED) return;
    if (coop_barrier_breaker(scene->barrier, &who) < 0) {
        fault(scene, LOST, "%s", coop_error_detail());
        return;
    }
    bool lives = who.pid == getpid() && who.tid == getpid();
    for (int i = 0; i < scene->peers; i++) lives = lives || who.pid == scene->board->peers[i].pid;
    if (lives) fault(scene, TORN, "it is said that %d died, who lives", who.pid);
}

/* The round ended, or it can be ended now, or it is broken; the same for all. */
static enum outcome verify_waited(struct scene *scene)
{
    bool counted = scene->board->number;
    int r = 0;
    if (!has_begun_anew(scene)) r = coop_barrier_wait(scene->barrier, COOP_NOWAIT, NULL);
    if (r == -EPIPE)
        verify_breaker(scene);
    else if (r == -EBUSY && counted)
        fault(scene, LOST, "the victim had arrived, and is dead, and nobody was told");
    else if (r < 0 && r != -EBUSY)
        fault(scene, HUNG, "%s", coop_error_detail());
    if (r == -EBUSY && coop_barrier_abort(scene->barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    verify_works(scene, r < 0 ? -EPIPE : 0);
    return counted ? AFTER : BEFORE;
}

/* Whatever became of it. */
static enum outcome verify_broken_off(struct scene *scene)
{
    if (scene->op->asleep && !scene->complete) scene->op->asleep(scene);
    if (scene->board->mark && scene->op->asleep && scene->board->result != -EPIPE)
        fault(scene, LOST, "the victim's wait: %s", coop_strerror(scene->board->result));
    verify_breaker(scene);
    if (coop_barrier_abort(scene->barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    verify_works(scene, -EPIPE);
    return BEFORE;
}

static enum outcome verify_aborted(struct scene *scene)
{
    bool made = scene->board->number;
    int reason = coop_barrier_broken(scene->barrier);
    if (reason != (made ? COOP_BARRIER_ABORTED : 0)) fault(scene, TORN, "broken for %d", reason);
    verify_broken_off(scene);
    return made ? AFTER : BEFORE;
}

/* What was begun is finished by who comes. */
static enum outcome verify_reset(struct scene *scene)
{
    bool made = scene->board->number;
    int reason = coop_barrier_broken(scene->barrier);
    if (made && reason != 0) fault(scene, TORN, "it was reset, and is broken for %d", reason);
    if (!made && coop_barrier_reset(scene->barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    verify_works(scene, -EPIPE);
    return made ? AFTER : BEFORE;
}

/* Who has joined and dies breaks it, for those that sleep too. */
static enum outcome verify_joined(struct scene *scene)
{
    int64_t limit = now_ns() + SECOND;
    while (scene->his && scene->sleepers && !coopi_round_is_broken(state_of(scene)) && now_ns() < limit) nap_us(20);
    bool told = coopi_round_is_broken(state_of(scene));
    if (scene->his && scene->sleepers && !told) fault(scene, LOST, "it had joined, and nobody that sleeps was told");
    int reason = coop_barrier_broken(scene->barrier);
    if (scene->his && reason != COOP_BARRIER_DIED) fault(scene, LOST, "it had joined, and its death broke nothing");
    if (!scene->his && reason != 0) fault(scene, DOUBLED, "it had not joined, and it is broken for %d", reason);
    verify_breaker(scene);
    if (!reason && coop_barrier_abort(scene->barrier) < 0) fault(scene, HUNG, "%s", coop_error_detail());
    verify_works(scene, -EPIPE);
    return scene->his ? AFTER : BEFORE;
}

static enum outcome verify_left(struct scene *scene)
{
    return verify_joined(scene) == AFTER ? BEFORE : AFTER;
}

#define OPERATION(called, scenery, ...)                                                                                \
    {                                                                                                                  \
        .name = "barrier-" called, .prepare = scenery, __VA_ARGS__                                                     \
    }
#define OWNING .warm = warm_owner, .repair = ask
#define WAITING OWNING, .operate = wait, .look = look_counted, .verify = verify_waited, .lets_go = true
#define LAST .operate = wait, .look = look_ended, .verify = verify_waited, .gather = add_parties, .repair = ask
#define IN_VAIN OWNING, .verify = verify_broken_off, .constant = true, .lets_go = true
/* What the first of two leaves hangs on the clock, so the second one's way cannot be recorded. */
#define TIMED .warm = warm_owner, .verify = verify_broken_off, .constant = true, .lets_go = true, .operate = time_out
#define BREAKING OWNING, .operate = break_off, .look = look_changed, .verify = verify_aborted, .lets_go = true
#define RESETTING .warm = warm_owner, .operate = reset, .verify = verify_reset, .lets_go = true, .repair = reset
#define JOINING OWNING, .operate = join, .look = look_joined, .verify = verify_joined

const struct operation barrier_operations[] = {
    OPERATION("wait/first", prepare_two, WAITING, .asleep = arrive),
    OPERATION("wait/second", prepare, WAITING, .gather = add_party, .asleep = arrive),
    OPERATION("wait/last", prepare, LAST, .warm = warm_owner, .lets_go = true),
    OPERATION("wait/last-with-action", prepare_action, LAST, .warm = warm_owner, .lets_go = true),
    OPERATION("wait/last-joined", prepare, LAST, .warm = warm_joined),
    OPERATION("wait/aborted", prepare, IN_VAIN, .operate = wait, .asleep = break_off),
    OPERATION("wait/aborted-crowd", prepare, IN_VAIN, .operate = wait, .gather = add_party, .asleep = break_off),
    OPERATION("wait/reset", prepare, IN_VAIN, .operate = wait, .asleep = reset, .late = reset, .waits = true),
    OPERATION("wait/party-dies", prepare, IN_VAIN, .operate = wait, .asleep = party_dies, .late = party_dies,
              .waits = true),
    OPERATION("wait/member-dies", prepare, IN_VAIN, .operate = wait, .gather = add_member, .asleep = kill_member),
    OPERATION("try/alone", prepare, IN_VAIN, .operate = try_in_vain),
    OPERATION("timeout/alone", prepare, .timed = true, TIMED),
    OPERATION("timeout/sleeper", prepare, .timed = true, TIMED, .gather = add_party),
    OPERATION("abort/alone", prepare, BREAKING),
    OPERATION("abort/sleepers", prepare, BREAKING, .gather = add_parties),
    OPERATION("reset/alone", prepare, RESETTING, .look = look_changed),
    OPERATION("reset/broken", prepare_broken, RESETTING, .look = look_ended),
    OPERATION("reset/sleepers", prepare, RESETTING, .look = look_changed, .gather = add_parties),
    OPERATION("join/alone", prepare, JOINING),
    OPERATION("join/sleepers", prepare, JOINING, .gather = add_parties),
    OPERATION("leave/alone", prepare, .warm = warm_joined, .repair = ask, .operate = leave, .look = look_joined,
              .verify = verify_left, .lets_go = true),
    {0},
};
