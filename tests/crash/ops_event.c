/* SPDX-License-Identifier: MIT */
/* Events: a set is made or not, all who wait see it, and nobody is missed who died waiting. */
#include "crash/crash.h"

#include <errno.h>

static void prepare(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_event_in(scene->segment, "event", COOP_CREATE, &scene->event));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void prepare_set(struct scene *scene)
{
    prepare(scene);
    coop_event_set(scene->event);
}

static void wait_peer(struct scene *scene, struct peer *self)
{
    warm_owner(scene);
    peer_say(self, PEER_ASKS);
    self->result = coop_event_wait(scene->event, COOP_FOREVER);
    self->at = now_ns();
    peer_say(self, PEER_DONE);
}

static void add_waiter(struct scene *scene)
{
    if (!peer_await_sleep(peer_start(scene, wait_peer))) fault(scene, HUNG, "a sleeper never slept");
    scene->sleepers++;
}

static void add_waiters(struct scene *scene)
{
    add_waiter(scene);
    add_waiter(scene);
}

/* Also by the survivor; so it leaves the victim's result alone. */
static void set(struct scene *scene)
{
    coop_event_set(scene->event);
}

static void clear(struct scene *scene)
{
    coop_event_clear(scene->event);
}

static void set_and_clear(struct scene *scene)
{
    coop_event_set(scene->event);
    coop_event_clear(scene->event);
}

static void wait(struct scene *scene)
{
    scene->board->result = coop_event_wait(scene->event, COOP_FOREVER);
}

static void time_out(struct scene *scene)
{
    scene->board->result = coop_event_wait(scene->event, COOP_MS(4));
}

static void look(struct scene *scene)
{
    scene->board->number = coop_event_is_set(scene->event);
}

/* All that wait, wake, and it works as before. */
static void verify_works(struct scene *scene)
{
    coop_event_set(scene->event);
    await_sleepers(scene);
    if (coop_event_wait(scene->event, COOP_NOWAIT) < 0) fault(scene, LOST, "%s", coop_error_detail());
    coop_event_clear(scene->event);
    if (coop_event_wait(scene->event, COOP_NOWAIT) != -EBUSY) fault(scene, TORN, "it is set, and was cleared");
    check_segment(scene);
}

/* If the victim has set it, nobody needs another set. */
static enum outcome verify_set(struct scene *scene)
{
    bool made = scene->board->number;
    if (!made) coop_event_set(scene->event);
    await_sleepers(scene);
    uint64_t times = coop_event_times(scene->event);
    if (times != 1) fault(scene, times ? DOUBLED : LOST, "it was set %llu times", (unsigned long long)times);
    verify_works(scene);
    return made ? AFTER : BEFORE;
}

static enum outcome verify_cleared(struct scene *scene)
{
    bool made = !scene->board->number;
    if (made != !coop_event_is_set(scene->event)) fault(scene, TORN, "it has changed by itself");
    if (coop_event_times(scene->event) != 1) fault(scene, TORN, "clearing it counts as a set");
    verify_works(scene);
    return made ? AFTER : BEFORE;
}

static enum outcome verify_waited(struct scene *scene)
{
    if (scene->complete && scene->board->result < 0)
        fault(scene, LOST, "the victim's wait: %s", coop_strerror(scene->board->result));
    verify_works(scene);
    return scene->complete ? AFTER : BEFORE;
}

static enum outcome verify_unchanged(struct scene *scene)
{
    verify_works(scene);
    return BEFORE;
}

#define OPERATION(called, scenery, ...)                                                                                \
    {                                                                                                                  \
        .name = "event-" called, .prepare = scenery, .look = look, .warm = warm_owner, .lets_go = true, __VA_ARGS__    \
    }
#define SETTING .operate = set, .verify = verify_set, .repair = set
#define WAITING .operate = wait, .verify = verify_waited, .asleep = set, .repair = set
#define IN_VAIN .verify = verify_unchanged, .constant = true, .repair = set

const struct operation event_operations[] = {
    OPERATION("set/alone", prepare, SETTING, .late = add_waiter),
    OPERATION("set/sleeper", prepare, SETTING, .gather = add_waiter, .late = add_waiter),
    OPERATION("set/sleepers", prepare, SETTING, .gather = add_waiters),
    OPERATION("set/is-set", prepare_set, IN_VAIN, .operate = set),
    OPERATION("clear/alone", prepare_set, .operate = clear, .verify = verify_cleared, .repair = clear),
    OPERATION("wait/is-set", prepare_set, .operate = wait, .verify = verify_waited), /* changes nothing: no repair */
    OPERATION("wait/alone", prepare, WAITING),
    OPERATION("wait/crowd", prepare, WAITING, .gather = add_waiters),
    OPERATION("wait/set-and-cleared", prepare, WAITING, .late = set_and_clear, .waits = true),
    OPERATION("timeout/alone", prepare, .timed = true, IN_VAIN, .operate = time_out),
    OPERATION("timeout/crowd", prepare, .timed = true, IN_VAIN, .operate = time_out, .gather = add_waiters),
    {0},
};
