/* SPDX-License-Identifier: MIT */
/* One recorded run of an operation: its events, and which of them are worth a kill. */
#include "crash/trace.h"

#include "base/name.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHORT 1000 /* instructions: up to here each is a point */
#define TINY 64    /* up to here each is, also in the short form */
#define LONGEST 4000000
#define BEAT 1000 /* instructions that take milliseconds, or seconds on a busy machine */
#define FAR 100   /* instructions that are not stepped one by one if that can be helped */
#define DRIFT 200 /* instructions that an event may come later than it was recorded */

/* The segment's bytes, seen through a mapping of our own, and as they were before the last step. Where nobody else may
 * have the file open, they are read through the victim's mapping. */
struct watch {
    char path[128];
    ino_t inode;
    size_t size;
    uint8_t *bytes, *before;
    uint64_t theirs; /* where the victim has it; 0: it has not, or we have a mapping */
    uint64_t robust[3];
};

static void watch_file(struct watch *watch)
{
    struct stat there;
    if (stat(watch->path, &there) != 0 || (there.st_ino == watch->inode && (size_t)there.st_size == watch->size))
        return;
    if (watch->bytes) munmap(watch->bytes, watch->size);
    free(watch->before);
    watch->bytes = watch->before = NULL;
    int fd = open(watch->path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    void *bytes = mmap(NULL, (size_t)there.st_size, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (bytes == MAP_FAILED) return;
    watch->bytes = bytes;
    watch->size = (size_t)there.st_size;
    watch->inode = there.st_ino;
    watch->before = malloc(watch->size);
    if (watch->before) memcpy(watch->before, watch->bytes, watch->size);
}

/* Where the victim maps the file, if it does: looked up after each system call. */
static void watch_memory(struct watch *watch, const struct victim *victim)
{
    char maps[64], line[512];
    snprintf(maps, sizeof maps, "/proc/%d/maps", victim->pid);
    FILE *file = fopen(maps, "re");
    watch->theirs = 0;
    while (file && fgets(line, sizeof line, file)) {
        unsigned long start, inode;
        if (sscanf(line, "%lx-%*s %*s %*s %*s %lu", &start, &inode) == 2 && inode == watch->inode && !watch->theirs)
            watch->theirs = start;
    }
    if (file) fclose(file);
}

static void watch_begin(struct watch *watch, const struct victim *victim, const struct scene *scene)
{
    *watch = (struct watch){.size = 0};
    snprintf(watch->path, sizeof watch->path, "/dev/shm/coop.%u.%s", geteuid(), scene->name);
    struct stat there;
    if (!scene->op->unwatched) {
        watch_file(watch);
    } else if (stat(watch->path, &there) == 0) {
        watch->inode = there.st_ino;
        watch->size = (size_t)there.st_size;
        watch->bytes = calloc(1, watch->size);
        watch->before = calloc(1, watch->size);
    }
    victim_robust(victim, watch->robust);
}

static void watch_end(struct watch *watch, const struct scene *scene)
{
    if (scene->op->unwatched)
        free(watch->bytes);
    else if (watch->bytes)
        munmap(watch->bytes, watch->size);
    free(watch->before);
}

static bool watch_changed(struct watch *watch, const struct victim *victim)
{
    uint64_t robust[3];
    victim_robust(victim, robust);
    bool changed = memcmp(robust, watch->robust, sizeof robust) != 0;
    memcpy(watch->robust, robust, sizeof robust);
    if (watch->theirs) victim_read(victim, watch->theirs, watch->bytes, watch->size);
    if (watch->before && memcmp(watch->before, watch->bytes, watch->size) != 0) {
        memcpy(watch->before, watch->bytes, watch->size);
        changed = true;
    }
    return changed;
}

static struct event *add(struct trace *trace)
{
    if (trace->count == trace->room) {
        trace->room = trace->room ? trace->room * 2 : 1024;
        trace->events = realloc(trace->events, trace->room * sizeof *trace->events);
        if (!trace->events) abort();
    }
    struct event *event = &trace->events[trace->count++];
    *event = (struct event){0};
    return event;
}

/* One step; true if it entered the kernel. Sleeps on the way become events. */
static enum moved record_step(struct victim *victim, struct scene *scene, struct trace *trace, bool *ret_entered)
{
    bool entered = *ret_entered = victim_enters(victim);
    struct event last = trace->events[trace->count - 1];
    for (;;) {
        enum moved moved = victim_step(victim);
        if (moved != SLEEPS) return moved;
        if (!entered) continue;
        *add(trace) = (struct event){last.place, last.calls, last.steps, .sleeps = true, .changed = true};
        if (scene->op->asleep) scene->op->asleep(scene);
    }
}

enum moved trace_record(struct victim *victim, struct scene *scene, struct trace *trace)
{
    struct watch watch;
    struct event at = {0};
    *trace = (struct trace){0};
    add(trace)->place = victim_place(victim);
    watch_begin(&watch, victim, scene);
    enum moved moved = MOVED;
    while (trace->instructions < LONGEST) {
        bool entered;
        moved = record_step(victim, scene, trace, &entered);
        if (moved != MOVED) break;
        if (++trace->instructions % BEAT == 0) ++*scene->beats;
        at = (struct event){victim_place(victim), entered ? at.calls + 1 : at.calls, entered ? 0 : at.steps + 1,
                            .changed = entered};
        if (entered && scene->op->unwatched)
            watch_memory(&watch, victim);
        else if (entered)
            watch_file(&watch);
        at.changed |= watch_changed(&watch, victim);
        *add(trace) = at;
    }
    watch_end(&watch, scene);
    return moved == MOVED ? STUCK : moved;
}

void trace_free(struct trace *trace)
{
    free(trace->events);
    *trace = (struct trace){0};
}

/* Until its system calls are done; it may sleep on the way. */
static enum moved reach_call(struct victim *victim, struct scene *scene, uint32_t calls)
{
    while (calls > 0) {
        enum moved moved = victim_call(victim);
        if (moved == SLEEPS) {
            if (scene->op->asleep) scene->op->asleep(scene);
        } else if (moved == MOVED) {
            calls--;
        } else {
            return moved;
        }
    }
    return MOVED;
}

enum moved trace_finish(struct victim *victim, struct scene *scene)
{
    if (victim->moving != NOTHING && scene->op->asleep) scene->op->asleep(scene); /* it sleeps */
    victim->since = now_ns();
    return reach_call(victim, scene, UINT32_MAX);
}

/* How often the event's place was passed since its last system call, itself included. */
static uint32_t passes_of(const struct trace *trace, size_t number)
{
    const struct event *event = &trace->events[number];
    uint32_t passes = 0;
    for (size_t i = number + 1; i-- > 0 && trace->events[i].calls == event->calls && trace->events[i].steps > 0;)
        passes += trace->events[i].place == event->place && (!trace->events[i].sleeps || i == number);
    return passes;
}

static bool repeats(const struct victim *victim, uint64_t place)
{
    uint8_t prefix = 0;
    return victim_read(victim, place, &prefix, sizeof prefix) && (prefix == 0xf2 || prefix == 0xf3);
}

/* Long ways are not stepped: a breakpoint stands where the last instruction but a few is, and is passed as often as it
 * was recorded. *PASSES are those of the event's place that are left then. */
static enum moved come_near(struct victim *victim, const struct trace *trace, size_t number, uint32_t *passes)
{
    size_t near = number;
    while (trace->events[near].steps > 0 && (trace->events[near].sleeps || repeats(victim, trace->events[near].place)))
        near--;
    const struct event *event = &trace->events[near];
    uint32_t left = passes_of(trace, near);
    enum moved moved = MOVED;
    if (event->steps == 0 || left == 0) return MOVED;
    if (victim_place(victim) == event->place) { /* it would stop where it stands */
        moved = victim_step(victim);
        if (moved == MOVED && victim_place(victim) == event->place) left--;
    }
    if (moved != MOVED || !victim_set_breakpoint(victim, event->place)) return moved;
    while (moved == MOVED && left > 0) {
        moved = victim_to_breakpoint(victim);
        if (moved == MOVED && victim_place(victim) != event->place) break; /* a system call: it went another way */
        if (moved == MOVED) left--;
    }
    victim_set_breakpoint(victim, 0);
    *passes = 0;
    for (size_t i = near + 1; i <= number; i++)
        *passes += !trace->events[i].sleeps && trace->events[i].place == trace->events[number].place;
    return moved;
}

enum moved trace_reach(struct victim *victim, struct scene *scene, const struct trace *trace, size_t number,
                       bool *ret_met)
{
    *ret_met = true;
    if (number == TRACE_END) return reach_call(victim, scene, UINT32_MAX);
    const struct event *event = &trace->events[number];
    uint32_t passes = passes_of(trace, event->sleeps ? number - 1 : number);
    enum moved moved = reach_call(victim, scene, event->calls);
    if (moved == MOVED && event->steps > FAR) moved = come_near(victim, trace, number, &passes);
    for (uint32_t step = 0; moved == MOVED && passes > 0 && step < event->steps + DRIFT; step++) {
        moved = victim_step(victim);
        if (moved == MOVED && victim_place(victim) == event->place) passes--;
    }
    *ret_met = moved == MOVED && passes == 0 && victim_place(victim) == event->place;
    return moved == MOVED && event->sleeps ? victim_step(victim) : moved;
}

static bool worth(const struct trace *trace, size_t i)
{
    if (trace->instructions <= SHORT || i == 0 || i + 1 == trace->count) return true;
    return trace->events[i].changed || trace->events[i - 1].changed || trace->events[i + 1].changed;
}

size_t *trace_points(const struct trace *trace, unsigned every, bool all, size_t *ret_count)
{
    size_t *points = malloc(trace->count * sizeof *points), count = 0, seen = 0;
    if (!points) abort();
    if (trace->instructions <= TINY) every = 1;
    for (size_t i = 0; i < trace->count; i++)
        if ((all || worth(trace, i)) && seen++ % every == 0) points[count++] = i;
    *ret_count = count;
    return points;
}
