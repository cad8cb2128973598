/* SPDX-License-Identifier: MIT */
/* Conditions: waiting and notifying, alone and before others.
 *
 * The rule: of the tokens that were given out, all that the victim did not use up come to those that wait, at once, and
 * no more than these; a notify gives all that it means to give, or none. Who comes back without a token was told of a
 * death. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of the scene; in the survivor. */
static struct {
    uint64_t used;    /* tokens, by the victim */
    uint64_t granted; /* when the last victim ended */
    uint64_t before;  /* the same of the one before it */
    bool looked;
    bool early; /* a token was used up, and the victim had neither the lock nor come back */
    bool acted; /* the survivor has done what it does when the victim sleeps */
    int told;   /* deaths, to the survivor */
    struct peer *first;
} state;

static const struct coopi_condition_shm *shm_of(const struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        const struct coopi_entry *entry = &map->directory[i];
        if (entry->kind != COOPI_CONDITION || !(coopi_load_acquire(&entry->state) & COOPI_ENTRY_LIVE)) continue;
        uint64_t lock = entry->flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
        const struct coopi_sync_shm *shm = (const void *)(map->base + entry->body + lock);
        return &shm->condition;
    }
    return NULL;
}

static uint64_t granted_in(const struct coopi_condition_shm *shm)
{
    return coopi_load_relaxed(&shm->version[coopi_load_acquire(&shm->sequence) & 1].granted);
}

static void prepare_with(struct scene *scene, int flags)
{
    make_segment(scene);
    COOP_MUST(coop_condition_in(scene->segment, "condition", COOP_CREATE | flags, &scene->condition));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    scene->rlock = coop_condition_lock(scene->condition);
    memset(&state, 0, sizeof state);
}

static void prepare(struct scene *scene)
{
    prepare_with(scene, 0);
}

static void prepare_interruptible(struct scene *scene)
{
    prepare_with(scene, COOP_INTR);
}

static void prepare_over_lock(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_lock_in(scene->segment, "lock", COOP_CREATE, &scene->lock));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    COOP_MUST(coop_condition_in_on(scene->segment, "condition", scene->lock, COOP_CREATE, &scene->condition));
    memset(&state, 0, sizeof state);
}

/* Peers */

static void waiting_peer(struct scene *scene, struct peer *self)
{
    warm_owner(scene);
    peer_say(self, PEER_ASKS);
    int told = coop_condition_acquire(scene->condition, COOP_FOREVER);
    int r = told < 0 ? told : coop_condition_wait(scene->condition, COOP_FOREVER);
    self->at = now_ns();
    self->result = r < 0 ? r : r + told;
    coop_condition_release(scene->condition);
    peer_say(self, PEER_DONE);
}

static void add_waiter(struct scene *scene)
{
    if (!peer_await_sleep(peer_start(scene, waiting_peer))) fault(scene, HUNG, "a peer never waited");
    scene->sleepers++;
}

static void add_two(struct scene *scene)
{
    add_waiter(scene);
    add_waiter(scene);
}

static void add_three(struct scene *scene)
{
    add_two(scene);
    add_waiter(scene);
}

static void hold(struct scene *scene)
{
    int r = coop_condition_acquire(scene->condition, COOP_S(1));
    if (r < 0) fault(scene, HUNG, "the survivor: %s", coop_error_detail());
    state.told += r == COOP_OWNER_DIED;
}

static void let_go(struct scene *scene)
{
    if (coop_condition_release(scene->condition) < 0) fault(scene, TORN, "%s", coop_error_detail());
}

static void notify(struct scene *scene, uint32_t n)
{
    hold(scene);
    if (coop_condition_notify(scene->condition, n) < 0) fault(scene, TORN, "%s", coop_error_detail());
    let_go(scene);
}

/* The victim sleeps: it is notified. In verify, for a victim that never slept, the next one is. */
static void notify_sleeper(struct scene *scene)
{
    if (state.acted) return;
    state.acted = true;
    if (scene->ended) state.granted++;
    notify(scene, 1);
}

/* The same with somebody behind it. */
static void add_behind_and_notify(struct scene *scene)
{
    if (state.acted) return;
    add_waiter(scene);
    notify_sleeper(scene);
}

static void kill_notified(struct scene *scene)
{
    kill(state.first->pid, SIGSTOP);
    notify(scene, 1);
    peer_kill(state.first);
    scene->sleepers--;
}

/* The first in line dies, and had a token. */
static void kill_first(struct scene *scene)
{
    if (state.acted || state.looked) return;
    state.acted = true;
    kill_notified(scene);
}

static void add_first(struct scene *scene)
{
    state.first = &scene->board->peers[scene->peers];
    add_waiter(scene);
}

static void add_dead_first(struct scene *scene)
{
    add_first(scene);
    kill_notified(scene);
}

/* One that waits is dead, and he behind it stands still, and cannot clear it away. */
static void add_dead_and_stopped(struct scene *scene)
{
    add_first(scene);
    add_waiter(scene);
    kill(scene->board->peers[scene->peers - 1].pid, SIGSTOP);
    peer_kill(state.first);
    scene->sleepers--;
    warm_owner(scene);
}

static void go_on(struct scene *scene)
{
    kill(scene->board->peers[scene->peers - 1].pid, SIGCONT);
}

static void be_holder(struct scene *scene, struct peer *self)
{
    self->result = coop_condition_acquire(scene->condition, COOP_S(1));
    peer_say(self, PEER_HOLDS);
}

/* While the victim sleeps, somebody takes the lock, and dies. */
static void die_holding(struct scene *scene)
{
    if (state.acted) return;
    state.acted = true;
    if (scene->ended) return;
    struct peer *holder = peer_start(scene, be_holder);
    if (!peer_await(holder, PEER_HOLDS)) fault(scene, HUNG, "the holder never held");
    peer_kill(holder);
}

static void interrupt(struct scene *scene)
{
    if (!scene->ended) syscall(SYS_tkill, scene->board->tid, SIGUSR1);
}

/* The victim */

static void wait_once(struct scene *scene, int64_t timeout)
{
    struct board *board = scene->board;
    board->result = coop_condition_acquire(scene->condition, COOP_FOREVER);
    if (board->result < 0) return;
    board->result = coop_condition_wait(scene->condition, timeout);
    board->mark = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    board->number = 1; /* it came back, with the lock */
    board->mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    coop_condition_release(scene->condition);
}

static void act_wait(struct scene *scene)
{
    wait_once(scene, COOP_FOREVER);
}

static void time_out(struct scene *scene)
{
    wait_once(scene, COOP_MS(30));
}

static void pass_by(struct scene *scene)
{
    wait_once(scene, COOP_NOWAIT);
}

static int is_notified(void *user)
{
    const struct coopi_condition_shm *shm = user;
    return coopi_load_relaxed(&shm->taken) > 0;
}

static void wait_for_it(struct scene *scene)
{
    struct board *board = scene->board;
    board->result = coop_condition_acquire(scene->condition, COOP_FOREVER);
    if (board->result < 0) return;
    board->result = coop_condition_wait_for(scene->condition, is_notified, (void *)(uintptr_t)shm_of(scene), COOP_S(9));
    board->number = 1;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    coop_condition_release(scene->condition);
}

static void act_notify(struct scene *scene, uint32_t n)
{
    struct board *board = scene->board;
    board->result = coop_condition_acquire(scene->condition, COOP_S(2));
    if (board->result < 0) return;
    board->result = n ? coop_condition_notify(scene->condition, n) : coop_condition_notify_all(scene->condition);
    coop_condition_release(scene->condition);
}

static void notify_one(struct scene *scene)
{
    act_notify(scene, 1);
}

static void notify_two(struct scene *scene)
{
    act_notify(scene, 2);
}

static void notify_all(struct scene *scene)
{
    act_notify(scene, 0);
}

static void count(struct scene *scene)
{
    scene->board->number = coop_condition_waiters(scene->condition);
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

/* Looking */

static void look(struct scene *scene)
{
    const struct coopi_condition_shm *shm = shm_of(scene);
    look_lock(scene);
    if (!state.looked) state.used = coopi_load_relaxed(&shm->taken);
    if (!state.looked) state.early = state.used && !scene->his && !scene->board->number;
    state.before = state.looked ? state.granted : 0;
    state.granted = granted_in(shm);
    state.looked = true;
}

static bool is_done(const struct peer *peer)
{
    return coopi_load_acquire(&peer->state) == PEER_DONE;
}

static int count_done(const struct scene *scene, int *ret_told)
{
    int done = 0;
    *ret_told = 0;
    for (int i = 0; i < scene->peers; i++) {
        const struct peer *peer = &scene->board->peers[i];
        if (peer->pid <= 0 || !is_done(peer)) continue;
        done++;
        if (peer->result > 0) *ret_told += peer->result;
    }
    return done;
}

static void await_done(struct scene *scene, int least, const char *whom)
{
    int told;
    int64_t limit = now_ns() + SECOND;
    while (count_done(scene, &told) < least && now_ns() < limit) nap_us(20);
    int done = count_done(scene, &told);
    if (done < least) fault(scene, HUNG, "of %d %s only %d came back", least, whom, done);
}

/* Those that were notified when the victim ended have waited for nothing else. */
static void look_for_slow(struct scene *scene, int owed)
{
    for (int i = 0; i < scene->peers && owed > 0; i++) {
        const struct peer *peer = &scene->board->peers[i];
        if (peer->pid <= 0 || !is_done(peer)) continue;
        owed--;
        if (peer->result < 0) fault(scene, LOST, "peer %d: %s", i, coop_strerror(peer->result));
        scene->slow += peer->at - scene->ended > SLOW;
    }
}

/* Some may come to wait only now: they slept on the lock. */
static void call_all(struct scene *scene)
{
    int told;
    int64_t limit = now_ns() + SECOND;
    do {
        hold(scene);
        if (coop_condition_notify_all(scene->condition) < 0) fault(scene, TORN, "%s", coop_error_detail());
        let_go(scene);
        nap_us(100);
    } while (count_done(scene, &told) < scene->sleepers && now_ns() < limit);
}

static void verify(struct scene *scene, uint64_t used)
{
    int told, owed, done;
    if (scene->op->asleep) scene->op->asleep(scene);
    if (scene->op->let_go) scene->op->let_go(scene);
    uint64_t left = state.granted > used ? state.granted - used : 0;
    owed = left < (uint64_t)scene->sleepers ? (int)left : scene->sleepers;
    await_done(scene, owed, "that were notified");
    look_for_slow(scene, owed);
    done = count_done(scene, &told);
    if (done > owed + told) fault(scene, DOUBLED, "%d came back, %d of them notified, %d told", done, owed, told);
    call_all(scene);
    await_done(scene, scene->sleepers, "that wait");
    count_done(scene, &told);
    told += state.told;
    if (told < scene->least) fault(scene, LOST, "a holder died, and nobody was told");
    if (told > scene->most) fault(scene, DOUBLED, "%d deaths told, %d owed", told, scene->most);
    int waiters = coop_condition_waiters(scene->condition);
    if (waiters != 0) fault(scene, LEAKED, "%d are said to wait", waiters);
    const struct coopi_condition_shm *shm = shm_of(scene);
    if (granted_in(shm) != shm->taken) fault(scene, LEAKED, "%d tokens are out", (int)(granted_in(shm) - shm->taken));
    check_segment(scene);
}

static enum outcome verify_wait(struct scene *scene)
{
    if (state.early) fault(scene, LOST, "the victim used a token up before it had the lock");
    verify(scene, state.used);
    return state.used ? AFTER : BEFORE;
}

static enum outcome verify_notify(struct scene *scene)
{
    uint64_t granted = state.granted;
    verify(scene, 0);
    return granted > state.before ? AFTER : BEFORE;
}

/* A survivor hears of the holder, unless the victim did, and lived to tell. */
static enum outcome verify_orphan(struct scene *scene)
{
    bool heard = scene->complete && scene->board->result == COOP_OWNER_DIED;
    if (scene->complete && !heard) fault(scene, LOST, "it slept on: %d", scene->board->result);
    verify(scene, 0);
    return heard || scene->his ? AFTER : BEFORE;
}

/* Making one */

static void prepare_segment(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    memset(&state, 0, sizeof state);
}

static void make(struct scene *scene)
{
    coop_condition *made;
    scene->board->result = coop_condition_in(scene->segment, "condition", COOP_CREATE, &made);
}

static enum outcome verify_made(struct scene *scene)
{
    bool made = shm_of(scene) != NULL;
    coop_condition *found;
    int r = coop_condition_in(scene->segment, "condition", COOP_CREATE, &found);
    if (r < 0) {
        fault(scene, TORN, "%s", coop_error_detail());
        return BEFORE;
    }
    if (coop_condition_acquire(found, COOP_S(1)) < 0 || coop_condition_notify(found, 1) < 0 ||
        coop_condition_wait(found, COOP_NOWAIT) != -EBUSY || coop_condition_release(found) < 0)
        fault(scene, TORN, "%s", coop_error_detail());
    coop_condition_close(found);
    return made ? AFTER : BEFORE;
}

#define CONDITION(called, ...)                                                                                         \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .warm = warm_owner, .look = look, .lets_go = true, __VA_ARGS__             \
    }
#define WAITING .verify = verify_wait, .operate = act_wait, .asleep = notify_sleeper
#define STAYING .verify = verify_wait, .constant = true
#define NOTIFYING .verify = verify_notify, .repair = notify_one

const struct operation condition_operations[] = {
    CONDITION("condition-wait/notified", WAITING, .repair = notify_one),
    CONDITION("condition-wait/crowd", .verify = verify_wait, .operate = act_wait, .asleep = add_behind_and_notify,
              .repair = notify_one),
    CONDITION("condition-wait/first-dies", .verify = verify_wait, .operate = act_wait, .gather = add_first,
              .asleep = kill_first, .repair = notify_one),
    CONDITION("condition-wait/dead-before", WAITING, .gather = add_dead_first),
    {.name = "condition-wait/over-a-lock",
     .prepare = prepare_over_lock,
     .warm = warm_owner,
     .look = look,
     .lets_go = true,
     WAITING},
    CONDITION("condition-wait/holder-dies", .verify = verify_orphan, .operate = act_wait, .asleep = die_holding),
    CONDITION("condition-wait-for/notified", .verify = verify_wait, .operate = wait_for_it, .asleep = notify_sleeper),
    CONDITION("condition-timeout/alone", .timed = true, STAYING, .operate = time_out),
    CONDITION("condition-timeout/crowd", .timed = true, STAYING, .operate = time_out, .gather = add_two,
              .repair = notify_two),
    CONDITION("condition-try/crowd", STAYING, .operate = pass_by, .gather = add_two),
    {.name = "condition-interrupt/crowd",
     .prepare = prepare_interruptible,
     .warm = warm_handler,
     .look = look,
     .lets_go = true,
     .gather = add_waiter,
     .asleep = interrupt,
     .operate = act_wait,
     STAYING},
    CONDITION("condition-notify/nobody", NOTIFYING, .operate = notify_one, .constant = true),
    CONDITION("condition-notify/one-of-two", NOTIFYING, .operate = notify_one, .gather = add_two, .late = add_waiter),
    CONDITION("condition-notify/two", NOTIFYING, .operate = notify_two, .gather = add_two, .late = add_waiter),
    CONDITION("condition-notify/dead-first", NOTIFYING, .operate = notify_one, .gather = add_dead_and_stopped,
              .let_go = go_on),
    CONDITION("condition-notify-all/three", NOTIFYING, .operate = notify_all, .gather = add_three),
    CONDITION("condition-count/crowd", STAYING, .operate = count, .gather = add_two),
    {.name = "condition-make/alone", .prepare = prepare_segment, .operate = make, .verify = verify_made},
    {0},
};
