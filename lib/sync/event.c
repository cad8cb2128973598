/* SPDX-License-Identifier: MIT */
/* Event: a flag that one sets and any number wait for.
 *
 * Design notes.
 * A sleeper says that somebody may sleep, and then looks at the state; who sets changes the state, and then looks
 * whether somebody may sleep. So one of them sees the other. Who wakes takes that back first: whoever says it again
 * afterwards has seen the state, or is still to see it.
 * A wake is passed on. Whoever comes back from a sleep and finds that nobody has yet woken all for the times that the
 * event has been set does so: he may be the one whom the kernel woke for a setter that was killed. He claims it first,
 * lest all do it. `woken` says what was reached before a wake of all, so it is never too high, and is not raised where
 * nobody slept: it may be older than it could be, and then one wake too many is made. */
#include <coop/event.h>

#include "base/clock.h"
#include "base/error.h"
#include "segment/object.h"
#include "segment/sleep.h"
#include "sync/bell.h"

#include <stdlib.h>

#define IS_SET UINT64_C(1)

struct coop_event {
    struct coopi_object object;
    struct coopi_event_shm *shm;
};

/* Opening */

static int bind(coop_event *event)
{
    struct coopi_object *object = &event->object;
    event->shm = (struct coopi_event_shm *)(void *)object->body;
    if (object->body_size >= sizeof *event->shm) return 0;
    int r = coopi_fail(EBADMSG, "%s: damaged: %zu bytes are too few for an event; remove the segment",
                       coopi_object_label(object), (size_t)object->body_size);
    coopi_object_close(object);
    return r;
}

static int open_event(coop_segment *segment, const char *name, int flags, coop_event **ret_event)
{
    const struct coopi_want want = {.kind = COOPI_EVENT, .length = 1, .body_size = sizeof(struct coopi_event_shm)};
    coop_event *event = malloc(sizeof *event);
    if (!event) return coopi_fail(ENOMEM, "%s: out of memory", name ? name : "nameless event");
    int r = segment ? coopi_object_in(segment, name, &want, flags, &event->object)
                    : coopi_object_open(name, &want, flags, &event->object);
    if (r == 0) r = bind(event);
    if (r < 0) {
        free(event);
        return r;
    }
    *ret_event = event;
    return 0;
}

int coop_event_open(const char *path, int flags, coop_event **ret_event)
{
    return open_event(NULL, path, flags, ret_event);
}

int coop_event_in(coop_segment *segment, const char *name, int flags, coop_event **ret_event)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless event");
    return open_event(segment, name, flags, ret_event);
}

int coop_event_new(coop_event **ret_event)
{
    return open_event(NULL, NULL, 0, ret_event);
}

void coop_event_close(coop_event *event)
{
    if (!event) return;
    coopi_object_close(&event->object);
    free(event);
}

/* Setting. Async-signal-safe. */

static uint64_t times_set(const struct coopi_event_shm *shm)
{
    return coopi_load_acquire(&shm->state) >> 1;
}

/* False: somebody else has seen to it. */
static bool claim_wake(struct coopi_event_shm *shm, uint64_t times)
{
    uint64_t woken = coopi_load_acquire(&shm->woken);
    return woken < times && coopi_cas_both(&shm->woken, &woken, times);
}

static void wake_all(struct coopi_event_shm *shm)
{
    uint64_t times = times_set(shm);
    coopi_exchange_total(&shm->sleepers, 0);
    coopi_bell_ring(&shm->bell);
    claim_wake(shm, times);
}

int coop_event_set(coop_event *event)
{
    struct coopi_event_shm *shm = event->shm;
    struct coopi_naming naming = coopi_bell_name(coopi_robust_head(), &shm->bell);
    uint64_t state = coopi_load_relaxed(&shm->state);
    while (!(state & IS_SET) && !coopi_cas_total(&shm->state, &state, (state + 2) | IS_SET)) continue;
    /* Even if it was set: who did that may be stopped. */
    if (coopi_unlikely(coopi_load_total(&shm->sleepers))) wake_all(shm);
    coopi_bell_unname(naming);
    return 0;
}

int coop_event_clear(coop_event *event)
{
    uint64_t *place = &event->shm->state, state = coopi_load_relaxed(place);
    while ((state & IS_SET) && !coopi_cas_both(place, &state, state & ~IS_SET)) continue;
    return 0;
}

int coop_event_is_set(const coop_event *event)
{
    return coopi_load_acquire(&event->shm->state) & IS_SET;
}

uint64_t coop_event_times(const coop_event *event)
{
    return times_set(event->shm);
}

/* Waiting */

static void pass_on(struct coopi_event_shm *shm)
{
    if (claim_wake(shm, times_set(shm))) coopi_bell_ring(&shm->bell);
}

static int say_not_set(const coop_event *event, int r)
{
    const char *label = coopi_object_label(&event->object);
    switch (r) {
    case -EBUSY: return coopi_fail(EBUSY, "%s: busy: it is not set; wait for it", label);
    case -ETIMEDOUT: return coopi_fail(ETIMEDOUT, "%s: timed out: nobody has set it; wait longer", label);
    default: return coopi_fail(-r, "%s: a signal ended the wait, and it is not set; wait again", label);
    }
}

/* Until the state is no longer what it was when the wait began. As long as nobody sets it, nothing changes it. */
static int sleep_until_set(const coop_event *event, uint64_t arrival, int64_t deadline)
{
    struct coopi_event_shm *shm = event->shm;
    for (;;) {
        const struct coopi_awaited set = {
            .bell = {&shm->bell, coopi_load_acquire(&shm->bell)},
            .still = {coopi_low_half(&shm->state), (uint32_t)arrival},
        };
        coopi_exchange_total(&shm->sleepers, 1);
        if (coopi_load_total(&shm->state) != arrival) return 0;
        int r = coopi_sleep(event->object.map, &set, NULL, 0, deadline);
        pass_on(shm);
        if (coopi_load_acquire(&shm->state) != arrival) return 0;
        if (r == -ETIMEDOUT || (r == -EINTR && (event->object.flags & COOP_INTR))) return r;
    }
}

static __attribute__((noinline)) int wait_until_set(const coop_event *event, uint64_t arrival, int64_t timeout)
{
    if (timeout == COOP_NOWAIT) return say_not_set(event, -EBUSY);
    struct coopi_naming naming = coopi_bell_name(coopi_robust_head(), &event->shm->bell);
    int r = sleep_until_set(event, arrival, coopi_deadline(timeout));
    coopi_bell_unname(naming);
    return r < 0 ? say_not_set(event, r) : 0;
}

int coop_event_wait(coop_event *event, int64_t timeout)
{
    uint64_t state = coopi_load_acquire(&event->shm->state);
    if (state & IS_SET) return 0;
    return wait_until_set(event, state, timeout);
}

const char *coop_event_path(const coop_event *event)
{
    return event->object.path;
}
