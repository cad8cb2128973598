/* SPDX-License-Identifier: MIT */
/* One recorded run of an operation: its events, and which of them are worth a kill. */
#ifndef CRASH_TRACE_H
#define CRASH_TRACE_H

#include "crash/step.h"

/* An event: an instruction that was executed, or a system call found asleep. So many system calls after the beginning,
 * and so many instructions after the last of them. Loops over text from /proc turn a little more or less often each
 * time: so an event is met again by its place, and by how often the place was passed since the last system call. */
struct event {
    uint64_t place; /* the next instruction; for a sleep, the one that sleeps */
    uint32_t calls;
    uint32_t steps;
    bool sleeps;
    bool changed; /* the segment, the robust list or the kernel's state may be other than before it */
};

/* events[0] is the beginning, where nothing has been executed. */
struct trace {
    struct event *events;
    size_t count, room;
    uint64_t instructions;
};

/* Steps the victim to its operation's end. MOVED is not among the results. The caller frees the trace. */
enum moved trace_record(struct victim *victim, struct scene *scene, struct trace *ret_trace);
void trace_free(struct trace *trace);

#define TRACE_END SIZE_MAX

/* Moves the victim to event NUMBER, or to the end. MOVED: there; SLEEPS: there, asleep; FINISHED: it ended before.
 * *RET_MET: it stands at the very place. */
enum moved trace_reach(struct victim *victim, struct scene *scene, const struct trace *trace, size_t number,
                       bool *ret_met);

/* From where it stands to the end of its operation. */
enum moved trace_finish(struct victim *victim, struct scene *scene);

/* The numbers of the events to kill at, every EVERYth of them; *RET_COUNT of them; the caller frees. All of a short
 * operation's, else those that changed something and their neighbours, if not ALL are asked for. */
size_t *trace_points(const struct trace *trace, unsigned every, bool all, size_t *ret_count);

#endif
