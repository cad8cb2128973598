/* SPDX-License-Identifier: MIT */
/* Rounds on what wakes many: a Condition, an Event, a Barrier. Who notifies or sets is killed as well. */
#include "stress/waiters.h"

#include <coop/try.h>

#define UNKNOWN COOP_MS(100) /* after that the leader looks whether anybody can know */

/* What only the leader writes, between the rounds. */
static struct {
    uint64_t times;      /* that the event is to be set in all */
    int received[CROWD]; /* the round in which each came back from a condition's wait */
    int told_waiting;    /* waits that ended by somebody's death */
} * signals;

static coop_condition *condition;
static coop_event *event;
static coop_barrier *barrier;

static void share_signals(void)
{
    if (!signals) signals = share(sizeof *signals);
    memset(signals, 0, sizeof *signals);
}

/* --- Condition: tokens that were given out are counted against those that came back -------------------------------*/

static void open_condition(coop_segment *segment)
{
    share_signals();
    COOP_MUST(coop_condition_in(segment, NULL, 0, &condition));
}

static void prepare_condition(void)
{
    signals->told_waiting = 0;
}

static int play_condition(int number)
{
    int r = coop_condition_acquire(condition, COOP_FOREVER);
    if (r < 0) return r;
    mark_put(number, r == COOP_OWNER_DIED);
    mark_drop();
    r = coop_condition_wait(condition, COOP_FOREVER);
    if (r < 0) return r;
    if (r == COOP_OWNER_DIED) add(&signals->told_waiting);
    store(&signals->received[number], load(&crowd->asking[number]));
    mark_put(number, r == COOP_OWNER_DIED);
    pass(30);
    mark_drop();
    return coop_condition_release(condition);
}

static void enter(void)
{
    mark_put(KEEPER, COOP_MUST(coop_condition_acquire(condition, COOP_FOREVER)) == COOP_OWNER_DIED);
}

static void leave(void)
{
    mark_drop();
    COOP_MUST(coop_condition_release(condition));
}

static void notify_all(void)
{
    enter();
    COOP_MUST(coop_condition_notify_all(condition));
    pass(100);
    leave();
}

static bool all_wait_or_are_back(void)
{
    return COOP_MUST(coop_condition_waiters(condition)) + crowd_back() == crowd_living();
}

static int count_received(void)
{
    int received = 0;
    for (int i = 0; i < CROWD; i++) received += load(&signals->received[i]) == (int)crowd->round;
    return received;
}

/* How many tokens it gave to somebody. */
static int notify_some(void)
{
    enter();
    int n = (int)(roll() % 12), waiting = COOP_MUST(coop_condition_waiters(condition));
    COOP_MUST(coop_condition_notify(condition, (uint32_t)n));
    leave();
    return n < waiting ? n : waiting;
}

/* Each token reached one that lives, or one that had it when it died: that is written down, or somebody was told of a
 * death without a mark. Who was told of a death came back without a token. */
static void judge_tokens(int given)
{
    if (!crowd_await(all_wait_or_are_back, true)) return;
    enter(); /* comes across the last death */
    leave();
    int received = count_received(), in_vain = load(&crowd->told_in_vain);
    if (COOP_MUST(coop_condition_waiters(condition)) > 0)
        crowd_count_wrong(received + in_vain < given, "a token is lost");
    crowd_count_wrong(received > given + load(&signals->told_waiting), "somebody came back without a token");
}

static void lead_condition(bool deadly)
{
    int given = 0;
    if (!crowd_await(all_wait_or_are_back, true)) return;
    if (deadly) crowd_kill(DYING / 4);
    for (int i = 0; i < 4; i++) {
        given += notify_some();
        if (deadly) crowd_kill(DYING / 8);
    }
    judge_tokens(given);
    if (deadly) crowd_do_and_die(notify_all);
    if (deadly) crowd_kill(DYING / 4);
    notify_all();
    if (!crowd_await(crowd_all_are_back, true)) return;
    for (int i = 0; i < CROWD; i++)
        if (crowd_pids[i]) crowd_count_wrong(crowd->result[i] < 0, coop_strerror(crowd->result[i]));
    enter();
    leave();
    marks_judge(true);
    crowd_count_wrong(COOP_MUST(coop_condition_waiters(condition)), "waiters are left");
}

const struct crowd_kind waiters_condition = {"condition",    open_condition,    NULL,
                                             play_condition, prepare_condition, lead_condition};

/* --- Event --------------------------------------------------------------------------------------------------------*/

static void open_event(coop_segment *segment)
{
    share_signals();
    COOP_MUST(coop_event_in(segment, NULL, 0, &event));
}

static void prepare_event(void)
{
    signals->times++;
}

static int play_event(int number)
{
    (void)number;
    return coop_event_times(event) < signals->times ? coop_event_wait(event, COOP_FOREVER) : 0;
}

static void set_event(void)
{
    COOP_MUST(coop_event_set(event));
}

/* Who comes next sets it, if he who was killed did not. */
static void lead_event(bool deadly)
{
    if (roll() % 2) crowd_await_asking();
    if (deadly) crowd_kill(DYING / 2);
    if (deadly) crowd_do_and_die(set_event);
    if (coop_event_times(event) < signals->times) set_event();
    if (deadly) crowd_kill(DYING - DYING / 2);
    if (!crowd_await(crowd_all_are_back, false)) return;
    for (int i = 0; i < CROWD; i++) crowd_count_wrong(crowd_pids[i] && crowd->result[i] != 0, "it was not set for one");
    crowd_count_wrong(coop_event_times(event) != signals->times, "it was not set as often as it should");
    COOP_MUST(coop_event_clear(event));
}

const struct crowd_kind waiters_event = {"event", open_event, NULL, play_event, prepare_event, lead_event};

/* --- Barrier: half of them have joined; where only others died, and before they came, nobody can know -------------*/

static void open_barrier(coop_segment *segment)
{
    COOP_MUST(coop_barrier_in(segment, NULL, CROWD, 0, &barrier));
}

static void begin_barrier(int number)
{
    if (number % 2) COOP_MUST(coop_barrier_join(barrier));
}

static int play_barrier(int number)
{
    uint32_t index;
    (void)number;
    int r = coop_barrier_wait(barrier, COOP_FOREVER, &index);
    return r < 0 ? r : (int)index;
}

static bool all_are_back_or_nobody_can_know(void)
{
    return crowd_all_are_back() || COOP_MUST(coop_barrier_waiting(barrier)) == crowd_living();
}

/* By a death: by whose? */
static void judge_breaker(void)
{
    coop_lock_holder who;
    if (coop_barrier_breaker(barrier, &who) < 0) return; /* his row has a new owner */
    for (int i = 0; i < CROWD; i++)
        if (crowd_killed[i] == who.pid) return;
    crowd_count_wrong(1, "broken by one who lives");
}

/* The round ended for all, each with a place of its own, or it is broken for all. */
static void judge_round(bool deadly)
{
    int broken = 0, ended = 0, reason = COOP_MUST(coop_barrier_broken(barrier));
    bool place[CROWD] = {false};
    for (int i = 0; i < CROWD; i++) {
        int r = crowd->result[i];
        if (!crowd_pids[i]) continue;
        if (r == -EPIPE) {
            broken++;
            continue;
        }
        ended++;
        if (r < 0 || r >= CROWD || place[r]) crowd_count_wrong(1, "not a place of its own");
        if (r >= 0 && r < CROWD) place[r] = true;
    }
    crowd_count_wrong(broken && ended, "broken for some only");
    crowd_count_wrong(broken && reason == 0, "broken and whole");
    crowd_count_wrong(!deadly && (broken || reason), "broken by nobody");
    if (reason == COOP_BARRIER_DIED) judge_breaker();
    if (reason) COOP_MUST(coop_barrier_reset(barrier));
}

static void lead_barrier(bool deadly)
{
    if (deadly && roll() % 2) crowd_await_asking();
    if (deadly) crowd_kill(DYING);
    int64_t until = now() + UNKNOWN;
    while (!crowd_all_are_back() && now() < until) pass(200);
    if (!crowd_await(all_are_back_or_nobody_can_know, false)) return;
    if (!crowd_all_are_back() && crowd_living() < CROWD) COOP_MUST(coop_barrier_abort(barrier));
    if (!crowd_await(crowd_all_are_back, false)) return;
    judge_round(deadly);
}

const struct crowd_kind waiters_barrier = {"barrier", open_barrier, begin_barrier, play_barrier, NULL, lead_barrier};
