/* SPDX-License-Identifier: MIT */
/* Lock: acquire and release, alone and before others that sleep; and what all operations on locks share.
 *
 * The rule: a death is told to exactly one of the survivors if the dead one held the lock, and to nobody if it did not.
 * Whether it held is read from the word, while the victim stands at the instruction where it will end. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/owner.h"
#include "sync/lock_shm.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct coopi_robust *robust_of(const struct scene *scene)
{
    return &(scene->rlock ? scene->rlock->shm : scene->lock->shm)->robust;
}

int take(struct scene *scene, int64_t timeout)
{
    if (scene->semaphore) return coop_semaphore_acquire(scene->semaphore, timeout);
    return scene->rlock ? coop_rlock_acquire(scene->rlock, timeout) : coop_lock_acquire(scene->lock, timeout);
}

int give(struct scene *scene)
{
    if (scene->semaphore) return coop_semaphore_release(scene->semaphore);
    return scene->rlock ? coop_rlock_release(scene->rlock) : coop_lock_release(scene->lock);
}

void warm_owner(struct scene *scene)
{
    if (coop_lock_acquire(scene->spare, COOP_S(1)) >= 0) coop_lock_release(scene->spare);
}

void hold_peer(struct scene *scene, struct peer *self)
{
    self->result = take(scene, COOP_S(1));
    self->at = now_ns();
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
    give(scene);
    peer_say(self, PEER_DONE);
}

void sleep_peer(struct scene *scene, struct peer *self)
{
    warm_owner(scene);
    peer_say(self, PEER_ASKS);
    self->result = take(scene, COOP_FOREVER);
    self->at = now_ns();
    give(scene);
    peer_say(self, PEER_DONE);
}

void add_holder(struct scene *scene)
{
    scene->holder = scene->peers;
    if (!peer_await(peer_start(scene, hold_peer), PEER_HOLDS)) fault(scene, HUNG, "the first holder never held");
}

void add_sleeper(struct scene *scene)
{
    if (!peer_await_sleep(peer_start(scene, sleep_peer))) fault(scene, HUNG, "a sleeper never slept");
    scene->sleepers++;
}

void add_late(struct scene *scene)
{
    struct peer *peer = peer_start(scene, sleep_peer);
    if (!peer_await_sleep(peer)) fault(scene, HUNG, "a sleeper neither sleeps nor holds");
    scene->sleepers++;
}

void let_holder_go(struct scene *scene)
{
    peer_go(&scene->board->peers[scene->holder]);
}

void kill_holder(struct scene *scene)
{
    struct peer *holder = &scene->board->peers[scene->holder];
    if (holder->pid <= 0) return;
    peer_kill(holder);
    scene->most++;
    if (scene->ended) scene->least++; /* nobody but the survivors can hear of it */
}

void prepare_lock(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE, &scene->lock));
    COOP_MUST(coop_lock_in(scene->segment, "other", COOP_CREATE, &scene->other));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

bool victim_holds(const struct scene *scene)
{
    if (!scene->lock && !scene->rlock) return false;
    return (coopi_load_acquire(&robust_of(scene)->word) & COOPI_TID_MASK) == scene->board->tid;
}

void look_lock(struct scene *scene)
{
    uint64_t word = coopi_load_acquire(&robust_of(scene)->word);
    scene->his = (word & COOPI_TID_MASK) == scene->board->tid;
    if (scene->board->mark && !scene->his)
        fault(scene, LOST, "the victim is sure to hold, and the word is %#llx", (unsigned long long)word);
    bool held = word & COOPI_TID_MASK, unmarked = held && (word & COOPI_TID_MASK) == (uint64_t)scene->dead;
    bool dead = held && coopi_dead(scene->spare->object.map, coopi_tag_of(word));
    scene->least = scene->his || dead || unmarked || (word & COOPI_OWNER_DIED);
    scene->most = scene->least + (scene->sleepers ? scene->most : 0); /* they may have heard of an earlier death */
}

static void say_hung(struct scene *scene, int sleeper)
{
    if (!scene->lock && !scene->rlock)
        fault(scene, HUNG, "sleeper %d still sleeps", sleeper);
    else
        fault(scene, HUNG, "sleeper %d still sleeps; the word is %#llx, the mode %#x", sleeper,
              (unsigned long long)coopi_load_relaxed(&robust_of(scene)->word),
              coopi_load_relaxed(&robust_of(scene)->mode));
}

int await_sleepers(struct scene *scene)
{
    int told = 0;
    for (int i = 0; i < scene->peers; i++) {
        struct peer *peer = &scene->board->peers[i];
        if (i == scene->holder) continue;
        if (!peer_await(peer, PEER_DONE)) {
            say_hung(scene, i);
            continue;
        }
        if (peer->result < 0) fault(scene, LOST, "sleeper %d: %s", i, coop_strerror(peer->result));
        told += peer->result == COOP_OWNER_DIED;
        scene->slow += peer->at - scene->ended > SLOW;
    }
    return told;
}

static void verify_lock(struct scene *scene)
{
    if (scene->op->asleep) scene->op->asleep(scene);
    if (scene->op->let_go) scene->op->let_go(scene);
    int told = await_sleepers(scene);
    int r = take(scene, COOP_S(1));
    if (r < 0) {
        fault(scene, r == -ETIMEDOUT ? HUNG : LEAKED, "%s", coop_error_detail());
        return;
    }
    told += r == COOP_OWNER_DIED;
    if (told < scene->least) fault(scene, LOST, "the victim died holding it, and nobody was told");
    if (told > scene->most) fault(scene, DOUBLED, "%d deaths told, %d owed", told, scene->most);
    if (scene->rlock && coop_rlock_depth(scene->rlock) != 1)
        fault(scene, TORN, "taken at depth %u", coop_rlock_depth(scene->rlock));
    if (give(scene) < 0) fault(scene, TORN, "%s", coop_error_detail());
    uint64_t word = coopi_load_relaxed(&robust_of(scene)->word);
    if (word & (COOPI_TID_MASK | COOPI_OWNER_DIED))
        fault(scene, LEAKED, "free, and the word is %#llx", (unsigned long long)word);
    check_segment(scene);
}

enum outcome verify_taken(struct scene *scene)
{
    verify_lock(scene);
    return scene->his ? AFTER : BEFORE;
}

enum outcome verify_passed_on(struct scene *scene)
{
    return verify_taken(scene) == AFTER || scene->complete ? AFTER : BEFORE;
}

enum outcome verify_given(struct scene *scene)
{
    verify_lock(scene);
    return scene->his ? BEFORE : AFTER;
}

void repair_lock(struct scene *scene)
{
    struct board *board = scene->board;
    board->result = take(scene, COOP_S(2));
    if (board->result < 0) return;
    board->mark = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    board->mark = 0;
    give(scene);
}

void act_acquire(struct scene *scene)
{
    scene->board->result = take(scene, COOP_FOREVER);
    scene->board->mark = scene->board->result >= 0;
}

void act_release(struct scene *scene)
{
    scene->board->mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    scene->board->result = give(scene);
}

void hand_over(struct scene *scene)
{
    act_acquire(scene);
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    act_release(scene);
}

void warm_holding(struct scene *scene)
{
    warm_owner(scene);
    act_acquire(scene);
}

#define SOME_GENERATION UINT32_C(20)

/* As after a contest. */
static void warm_busy(struct scene *scene)
{
    warm_holding(scene);
    coopi_store_relaxed(&robust_of(scene)->mode, SOME_GENERATION | COOPI_MODE_BUSY);
}

/* The release makes it quiet. */
static void warm_calm(struct scene *scene)
{
    warm_busy(scene);
    coopi_store_relaxed(&robust_of(scene)->calm, UINT32_MAX / 2);
}

/* The word has the bit of sleepers that are known to be up. */
static void warm_vain(struct scene *scene)
{
    warm_busy(scene);
    coopi_fetch_or(&robust_of(scene)->word, COOPI_WAITERS);
    coopi_store_relaxed(&robust_of(scene)->vain, SOME_GENERATION | COOPI_MODE_BUSY);
}

/* A lock that is not the thread's newest comes out of the middle of its list. */
static void take_both(struct scene *scene)
{
    act_acquire(scene);
    scene->board->result = coop_lock_acquire(scene->other, COOP_S(1));
}

static void try_in_vain(struct scene *scene)
{
    scene->board->result = take(scene, COOP_NOWAIT);
}

static void time_out(struct scene *scene)
{
    scene->board->result = take(scene, COOP_MS(4));
}

/* Through a handle whose waits end with a signal. */
static void prepare_interruptible(struct scene *scene)
{
    prepare_lock(scene);
    coop_lock_close(scene->lock);
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_INTR, &scene->lock));
}

static void handle(int signal)
{
    (void)signal;
}

static void warm_handler(struct scene *scene)
{
    struct sigaction action = {.sa_handler = handle};
    sigaction(SIGUSR1, &action, NULL);
    warm_owner(scene);
}

static void interrupt(struct scene *scene)
{
    if (!scene->ended) syscall(SYS_tkill, scene->board->tid, SIGUSR1);
}

static void be_interrupted(struct scene *scene)
{
    int r = take(scene, COOP_FOREVER);
    if (r == -EINTR) r = take(scene, COOP_NOWAIT); /* it is as it was */
    scene->board->result = r;
}

void add_crowd(struct scene *scene)
{
    add_holder(scene);
    add_sleeper(scene);
}

void add_sleepers(struct scene *scene)
{
    add_sleeper(scene);
    add_sleeper(scene);
}

#define LOCK(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_lock, .look = look_lock, __VA_ARGS__                                        \
    }
#define INTERRUPTIBLE(called, ...)                                                                                     \
    {                                                                                                                  \
        .name = called, .prepare = prepare_interruptible, .look = look_lock, __VA_ARGS__                               \
    }
#define TAKING .verify = verify_taken, .warm = warm_owner
#define PASSING .verify = verify_passed_on, .warm = warm_owner, .lets_go = true
#define GIVING .verify = verify_given, .warm = warm_holding, .lets_go = true

const struct operation lock_operations[] = {
    LOCK("lock-acquire/alone", TAKING, .late = add_late, .operate = act_acquire, .repair = repair_lock),
    LOCK("lock-acquire/held", TAKING, .operate = act_acquire, .gather = add_holder, .asleep = let_holder_go,
         .repair = repair_lock),
    LOCK("lock-acquire/crowd", TAKING, .operate = act_acquire, .gather = add_crowd, .asleep = let_holder_go,
         .repair = repair_lock),
    LOCK("lock-acquire/holder-dies", TAKING, .operate = act_acquire, .gather = add_holder, .asleep = kill_holder,
         .repair = repair_lock),
    LOCK("lock-acquire/crowd-holder-dies", TAKING, .operate = act_acquire, .gather = add_crowd, .asleep = kill_holder),
    LOCK("lock-release/alone", GIVING, .late = add_late, .operate = act_release, .repair = repair_lock),
    LOCK("lock-release/sleeper", GIVING, .late = add_late, .operate = act_release, .gather = add_sleeper,
         .repair = repair_lock),
    LOCK("lock-release/sleepers", GIVING, .operate = act_release, .gather = add_sleepers, .repair = repair_lock),
    LOCK("lock-release/busy", .verify = verify_given, .warm = warm_busy, .lets_go = true, .late = add_late,
         .operate = act_release, .repair = repair_lock),
    LOCK("lock-release/calm", .verify = verify_given, .warm = warm_calm, .lets_go = true, .late = add_late,
         .operate = act_release, .repair = repair_lock),
    LOCK("lock-release/vain", .verify = verify_given, .warm = warm_vain, .lets_go = true, .late = add_late,
         .operate = act_release, .repair = repair_lock),
    LOCK("lock-release-older/alone", .late = add_late, .verify = verify_given, .warm = take_both, .lets_go = true,
         .operate = act_release),
    LOCK("lock-release-older/sleepers", .verify = verify_given, .warm = take_both, .lets_go = true,
         .operate = act_release, .gather = add_sleepers),
    LOCK("lock-handover/held", PASSING, .operate = hand_over, .gather = add_holder, .asleep = let_holder_go),
    LOCK("lock-handover/crowd", PASSING, .operate = hand_over, .gather = add_crowd, .asleep = let_holder_go,
         .repair = repair_lock),
    LOCK("lock-try/held", TAKING, .operate = try_in_vain, .gather = add_holder, .let_go = let_holder_go,
         .constant = true),
    LOCK("lock-timeout/held", .timed = true, TAKING, .operate = time_out, .gather = add_holder, .let_go = let_holder_go,
         .constant = true),
    INTERRUPTIBLE("lock-acquire-interruptible/crowd", TAKING, .operate = act_acquire, .gather = add_crowd,
                  .asleep = let_holder_go),
    INTERRUPTIBLE("lock-interrupt/held", .verify = verify_taken, .warm = warm_handler, .operate = be_interrupted,
                  .gather = add_holder, .asleep = interrupt, .let_go = let_holder_go, .constant = true),
    INTERRUPTIBLE("lock-interrupt/crowd", .verify = verify_taken, .warm = warm_handler, .operate = be_interrupted,
                  .gather = add_crowd, .asleep = interrupt, .let_go = let_holder_go, .constant = true),
    LOCK("lock-timeout/crowd", .timed = true, TAKING, .operate = time_out, .gather = add_crowd, .let_go = let_holder_go,
         .constant = true),
    {0},
};
