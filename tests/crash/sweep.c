/* SPDX-License-Identifier: MIT */
/* A sweep: one operation, one mode, a kill at each point. */
#include "crash/sweep.h"

#include "crash/scene.h"
#include "crash/stand.h"
#include "crash/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_KILLS 2 /* places of the first kill in repair mode; one in the short form */

#define TRIES 3
#define RECORDS 4        /* of the whole way, at most */
#define LATE_STEPS 20    /* late mode: places to kill at after each place to come at; */
#define LATE_POINTS 1500 /* and at most about so many in all */
#define STOPS_EVERY 3    /* stop mode: points that are left out */
#define ENOUGH 8         /* points that hang or are slow */

/* Where a victim ends. */
struct point {
    const struct trace *trace;
    size_t number; /* of the event, or TRACE_END */
    bool lives_on; /* it stands there, and is not ended */
    bool late;     /* a sleeper comes there; the victim ends after so many instructions */
    uint32_t more;
    bool stands; /* it is stopped there, and then goes on to its end */
    unsigned ms; /* for so long */
};

struct run {
    const struct sweep *sweep;
    struct result *result;
    struct scene scene;
    struct point first; /* repair mode: where the first victim is killed */
    bool again;         /* the way that was recorded first was taken by few */
    bool met;           /* the victims stood where they should */
    char place[120];
};

static bool ready(struct run *run, struct victim *victim, const struct part *part)
{
    if (victim_start(victim, part, run->sweep->mode == EXIT)) return true;
    run->scene.place = "at its start";
    fault(&run->scene, HUNG, "the victim was not ready in time");
    return false;
}

static void say_place(struct run *run, const struct victim *victim, const struct point *point)
{
    const struct event *event = point->number == TRACE_END ? NULL : &point->trace->events[point->number];
    if (event)
        snprintf(run->place, sizeof run->place, "%u calls + %u%s%.0u steps%s (program + %#lx)", event->calls,
                 event->steps, point->late ? " + " : "", point->more, event->sleeps ? ", asleep" : "",
                 (unsigned long)victim_offset(victim));
    else
        snprintf(run->place, sizeof run->place, "at its end");
    run->scene.place = run->place;
}

/* A victim that sleeps is woken by what the operation does then, and not by the net. */
static enum moved step_on(struct scene *scene, struct victim *victim)
{
    enum moved moved = victim_step(victim);
    if (moved != SLEEPS || !scene->op->waits) return moved;
    scene->op->asleep(scene);
    int64_t since = now_ns();
    moved = victim_step(victim);
    scene->slow += now_ns() - since > SLOW;
    return moved;
}

/* Somebody comes while the victim stands there; then it goes on. */
static enum moved go_on(struct run *run, struct victim *victim, uint32_t steps)
{
    enum moved moved = MOVED;
    run->scene.op->late(&run->scene);
    while (moved == MOVED && steps-- > 0) moved = step_on(&run->scene, victim);
    return moved;
}

/* Moves the victim to its last instruction, and ends it there, if it is not to live on. */
static void finish_off(struct run *run, struct victim *victim, const struct point *point)
{
    struct scene *scene = &run->scene;
    bool met;
    enum moved moved = trace_reach(victim, scene, point->trace, point->number, &met);
    run->met = run->met && met;
    if (point->late && (moved == MOVED || moved == SLEEPS)) moved = go_on(run, victim, point->more);
    say_place(run, victim, point);
    if (point->stands && (moved == MOVED || moved == SLEEPS)) {
        stand(scene, point->ms);
        moved = trace_finish(victim, scene);
    }
    if (moved == STUCK) fault(scene, HUNG, "the victim itself slept for 3 s");
    if (moved == BROKEN) fault(scene, TORN, "the victim was ended by signal %d", victim->signal);
    scene->complete = moved == FINISHED;
    if (scene->op->look) scene->op->look(scene);
    scene->ended = now_ns();
    scene->alive = point->lives_on;
    if (point->lives_on) return;
    if (!victim->threaded)
        victim_kill(victim);
    else if (!victim_end_thread(victim))
        fault(scene, TORN, "its thread could not be ended");
}

/* The scene up to the victim that is swept over: in repair mode the first one is dead by then. */
static bool begin(struct run *run, struct victim *victim)
{
    struct scene *scene = &run->scene;
    const struct operation *op = scene->op;
    scene_begin(scene);
    if (!ready(run, victim, &(struct part){scene, op->warm, op->operate})) return false;
    if (op->gather) op->gather(scene);
    if (run->sweep->mode != REPAIR) return true;
    finish_off(run, victim, &run->first);
    return ready(run, victim, &(struct part){scene, scene->spare ? warm_owner : NULL, op->repair});
}

static void judge(struct run *run)
{
    struct scene *scene = &run->scene;
    if (!scene->op->unsound) check_segment(scene);
    enum outcome outcome = scene->op->verify(scene);
    run->result->sides[outcome]++;
    if (run->sweep->mode == REPAIR || scene->op->constant) return;
    if (scene->complete && outcome == BEFORE) fault(scene, LOST, "it had run to its end, and nothing was done");
}

static void play(struct run *run, const struct point *point)
{
    struct victim victim;
    if (begin(run, &victim)) {
        finish_off(run, &victim, point);
        judge(run);
        run->result->ran_out |= run->scene.complete && (point->number == TRACE_END || point->late || point->stands);
    }
    victim_kill(&victim);
    scene_end(&run->scene);
    run->result->beats++;
}

/* A point. Where a sleeper was slow, or the way led elsewhere, it is played again: a busy machine does not do that to
 * the same point three times. */
static void kill_at(struct run *run, const struct point *point)
{
    struct scene *scene = &run->scene;
    struct result *result = run->result;
    const struct result before = *result;
    bool slow = true, missed = true;
    for (int i = 0; (slow || missed) && i < TRIES; i++) {
        unsigned slow_before = scene->slow;
        memcpy(result->sides, before.sides, sizeof before.sides);
        run->met = true;
        play(run, point);
        slow = slow && scene->slow != slow_before;
        missed = missed && !run->met;
    }
    result->points++;
    result->slow += slow;
    result->missed += missed;
    for (int i = 0; i < FAULTS; i++) result->faults[i] = scene->faults[i];
}

/* Each further one costs seconds, and the verdict stands. */
static bool is_enough(const struct run *run)
{
    if (run->sweep->first) { /* but a hang may be the busy machine's */
        for (int i = HUNG + 1; i < FAULTS; i++)
            if (run->scene.faults[i]) return true;
        if (run->result->slow) return true;
    }
    return run->scene.faults[HUNG] + run->result->slow >= ENOUGH;
}

/* Steps a victim through once. */
static void record(struct run *run, struct trace *trace)
{
    struct victim victim;
    *trace = (struct trace){0};
    if (begin(run, &victim)) {
        enum moved moved = trace_record(&victim, &run->scene, trace);
        run->scene.place = "in the first pass";
        if (moved == STUCK) fault(&run->scene, HUNG, "the victim itself slept for 3 s");
        if (moved == BROKEN) fault(&run->scene, TORN, "the victim was ended by signal %d", victim.signal);
    }
    victim_kill(&victim);
    scene_end(&run->scene);
    run->result->beats++;
}

/* A scene that does not count: what the survivor does for the first time in its life, and what victims inherit of that,
 * is behind it when the points are recorded. */
static void rehearse(struct run *run)
{
    const struct result counted = *run->result;
    const struct trace nothing = {0};
    play(run, &(struct point){.trace = &nothing, .number = TRACE_END});
    *run->result = counted;
    run->result->beats++;
}

/* The way that was taken twice: on a busy machine a sleeper may wake for its net, and go round once more. If there is
 * none, because the way hangs on what /proc says, the shortest. The short form takes what comes at first. */
static void record_best(struct run *run, struct trace *trace)
{
    struct trace traces[RECORDS];
    int count = 0, best = 0;
    bool twice = false;
    rehearse(run);
    while (count < RECORDS && !twice) {
        if (count == 1 && run->sweep->every > 1 && !run->again) break;
        struct trace *other = &traces[count];
        record(run, other);
        for (int i = 0; i < count; i++)
            twice = twice || (other->count && other->instructions == traces[i].instructions);
        bool shorter = other->count && (!traces[best].count || other->instructions < traces[best].instructions);
        if (twice || shorter) best = count;
        count++;
    }
    *trace = traces[best];
    for (int i = 0; i < count; i++)
        if (i != best) trace_free(&traces[i]);
}

static void sweep_once(struct run *run)
{
    struct trace trace;
    size_t count = 0;
    record_best(run, &trace);
    if (trace.instructions > run->result->instructions) run->result->instructions = trace.instructions;
    size_t *points = trace.count ? trace_points(&trace, run->sweep->every, false, &count) : NULL;
    for (size_t i = 0; i < count && !is_enough(run); i++)
        kill_at(run, &(struct point){.trace = &trace, .number = points[i]});
    struct point end = {.trace = &trace, .number = TRACE_END};
    if (!is_enough(run)) kill_at(run, &end);
    end.lives_on = true;
    if (!is_enough(run) && run->scene.op->lets_go && run->sweep->mode == KILL) kill_at(run, &end);
    free(points);
    trace_free(&trace);
}

/* Is NUMBER one of KILLS places in the middles of as many parts of COUNT? */
static bool is_chosen(size_t number, size_t count, size_t kills)
{
    for (size_t k = 0; k < kills; k++)
        if (number == (2 * k + 1) * count / (2 * kills)) return true;
    return false;
}

/* First kills where the operation changed something, spread over it. */
static void sweep_repairs(struct run *run)
{
    struct sweep plain = *run->sweep;
    const struct sweep *chosen = run->sweep;
    struct trace trace;
    plain.mode = KILL;
    run->sweep = &plain;
    record_best(run, &trace);
    run->sweep = chosen;
    size_t changed = 0, seen = 0, kills = chosen->every > 1 ? 1 : FIRST_KILLS;
    for (size_t i = 0; i < trace.count; i++) changed += trace.events[i].changed;
    for (size_t i = 0; i < trace.count; i++) {
        if (!trace.events[i].changed || !is_chosen(seen++, changed, kills)) continue;
        run->first = (struct point){.trace = &trace, .number = i};
        sweep_once(run);
    }
    trace_free(&trace);
}

/* Somebody comes at each point, and the victim is killed at each one after it; or lives on. */
static void sweep_late(struct run *run)
{
    struct trace trace;
    size_t count = 0;
    record_best(run, &trace);
    run->result->instructions = trace.instructions;
    bool waits = run->scene.op->waits; /* then what matters is also when it reads */
    size_t *points = trace.count ? trace_points(&trace, run->sweep->every, waits, &count) : NULL;
    uint32_t stride = run->sweep->every * (1 + (uint32_t)trace.instructions / LATE_STEPS);
    uint32_t sparse = (uint32_t)(count * trace.instructions / LATE_POINTS);
    if (stride < sparse) stride = sparse;
    for (size_t i = 0; i < count && !is_enough(run); i++) {
        struct point point = {.trace = &trace, .number = points[i], .late = true};
        if (waits) point.more = UINT32_MAX; /* to its end */
        do {
            kill_at(run, &point);
            point.more += stride;
        } while (!run->scene.complete && !waits && !is_enough(run));
        point.lives_on = true;
        if (!is_enough(run) && run->scene.op->lets_go && !waits) kill_at(run, &point);
    }
    free(points);
    trace_free(&trace);
}

/* Somebody else's time passes at each point; at the one in the middle, much of it. */
static void sweep_stops(struct run *run)
{
    struct trace trace;
    size_t count = 0;
    record_best(run, &trace);
    run->result->instructions = trace.instructions;
    size_t *points = trace.count ? trace_points(&trace, STOPS_EVERY * run->sweep->every, false, &count) : NULL;
    struct point point = {.trace = &trace, .stands = true, .lives_on = run->scene.op->lets_go};
    for (size_t i = 0; i < count && !is_enough(run); i++) {
        point.number = points[i];
        point.ms = i == count / 2 ? run->sweep->stand : 0;
        kill_at(run, &point);
    }
    free(points);
    trace_free(&trace);
}

static void sweep_by_mode(struct run *run)
{
    switch (run->sweep->mode) {
    case REPAIR: sweep_repairs(run); break;
    case LATE: sweep_late(run); break;
    case STOP: sweep_stops(run); break;
    default: sweep_once(run); break;
    }
}

void sweep_run(const struct sweep *sweep, struct result *result)
{
    struct run run = {.sweep = sweep, .result = result};
    if (!scene_open(&run.scene, sweep->op)) return;
    run.scene.beats = &result->beats;
    run.scene.lives = sweep->mode == EXIT || sweep->mode == STOP;
    sweep_by_mode(&run);
    if (result->missed * 4 > result->points) {
        const uint64_t beats = result->beats;
        *result = (struct result){.beats = beats};
        run.again = true;
        sweep_by_mode(&run);
    }
    scene_close(&run.scene);
    for (int i = 0; i < FAULTS; i++) result->faults[i] = run.scene.faults[i];
    result->finished = 1;
}
