/* SPDX-License-Identifier: MIT */
/* A sweep: one operation, one mode, a kill at each point. */
#include "crash/sweep.h"

#include "crash/scene.h"
#include "crash/trace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_KILLS 3 /* places of the first kill in repair mode; one in the short form */

struct run {
    const struct sweep *sweep;
    struct result *result;
    struct scene scene;
    const struct event *first; /* repair mode: where the first victim is killed */
    char place[120];
};

static bool ready(struct run *run, struct victim *victim, const struct part *part)
{
    if (victim_start(victim, part, run->sweep->mode == EXIT)) return true;
    run->scene.place = "at its start";
    fault(&run->scene, HUNG, "the victim was not ready in time");
    return false;
}

static void say_place(struct run *run, const struct victim *victim, const struct event *event)
{
    if (event)
        snprintf(run->place, sizeof run->place, "%zu calls + %u steps%s (program + %#lx)", (size_t)event->calls, event->steps,
                 event->sleeps ? ", asleep" : "", (unsigned long)victim_place(victim));
    else snprintf(run->place, sizeof run->place, "at its end");
    run->scene.place = run->place;
}

/* Moves the victim to its last instruction, and ends it there. */
static void finish_off(struct run *run, struct victim *victim, const struct event *event)
{
    struct scene *scene = &run->scene;
    enum moved moved = trace_reach(victim, scene, event);
    say_place(run, victim, event);
    if (moved == STUCK) fault(scene, HUNG, "the victim itself slept for 3 s");
    if (moved == BROKEN) fault(scene, TORN, "the victim was ended by signal %d", victim->signal);
    scene->complete = moved == FINISHED;
    if (scene->op->look) scene->op->look(scene);
    scene->ended = now_ns();
    if (!victim->threaded) victim_kill(victim);
    else if (!victim_end_thread(victim)) fault(scene, TORN, "its thread could not be ended");
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
    finish_off(run, victim, run->first);
    return ready(run, victim, &(struct part){scene, scene->spare ? warm_owner : NULL, op->repair});
}

static void judge(struct run *run)
{
    struct scene *scene = &run->scene;
    enum outcome outcome = scene->op->verify(scene);
    run->result->sides[outcome]++;
    if (run->sweep->mode == REPAIR || scene->op->constant) return;
    if (scene->complete && outcome == BEFORE) fault(scene, LOST, "it had run to its end, and nothing was done");
}

static void kill_at(struct run *run, const struct event *event)
{
    struct victim victim;
    if (begin(run, &victim)) {
        finish_off(run, &victim, event);
        judge(run);
        run->result->points++;
        run->result->ran_out |= run->scene.complete && !event;
    }
    victim_kill(&victim);
    scene_end(&run->scene);
    for (int i = 0; i < FAULTS; i++) run->result->faults[i] = run->scene.faults[i];
    run->result->slow = run->scene.slow;
    run->result->beats++;
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

static void sweep_once(struct run *run)
{
    struct trace trace;
    size_t count = 0;
    record(run, &trace);
    if (trace.instructions > run->result->instructions) run->result->instructions = trace.instructions;
    size_t *points = trace.count ? trace_points(&trace, run->sweep->every, &count) : NULL;
    for (size_t i = 0; i < count; i++) kill_at(run, &trace.events[points[i]]);
    kill_at(run, NULL);
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
    record(run, &trace);
    run->sweep = chosen;
    size_t changed = 0, seen = 0, kills = chosen->every > 1 ? 1 : FIRST_KILLS;
    for (size_t i = 0; i < trace.count; i++) changed += trace.events[i].changed;
    for (size_t i = 0; i < trace.count; i++) {
        if (!trace.events[i].changed || !is_chosen(seen++, changed, kills)) continue;
        run->first = &trace.events[i];
        sweep_once(run);
    }
    trace_free(&trace);
}

void sweep_run(const struct sweep *sweep, struct result *result)
{
    struct run run = {.sweep = sweep, .result = result};
    if (!scene_open(&run.scene, sweep->op)) return;
    run.scene.lives = sweep->mode == EXIT;
    if (sweep->mode == REPAIR) sweep_repairs(&run);
    else sweep_once(&run);
    scene_close(&run.scene);
    for (int i = 0; i < FAULTS; i++) result->faults[i] = run.scene.faults[i];
    result->finished = 1;
}
