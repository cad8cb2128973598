/* SPDX-License-Identifier: MIT */
/* Segments: opening them, finding a name among many, making and removing objects, growing, and what a fork costs. */
#include "bench.h"

#include <coop/segment.h>
#include <coop/try.h>
#include <coop/value.h>

#define MANY 10000
#define SEGMENTS 1000
#define ROUNDS 2000
#define FORKS 200
#define GROWERS 4

static const char *segment_name(int number)
{
    static char name[64];
    snprintf(name, sizeof name, "bench.%d.%d", (int)getpid(), number);
    return name;
}

static const char *object_name(int number)
{
    static char name[32];
    snprintf(name, sizeof name, "object%d", number);
    return name;
}

static coop_segment *create(uint32_t objects)
{
    coop_segment *segment;
    COOP_MUST(coop_segment_create(segment_name(0), COOP_SEGMENT_OPTIONS(.objects = objects), &segment));
    return segment;
}

static void make_objects(coop_segment *segment, int count)
{
    for (int i = 0; i < count; i++) {
        coop_value *value;
        COOP_MUST(coop_value_in(segment, object_name(i), "i", COOP_CREATE | COOP_RAW, &value));
        coop_value_close(value);
    }
}

static double median(uint64_t *times, int count)
{
    qsort(times, (size_t)count, sizeof *times, compare_u64);
    size_t middle = (size_t)count / 2;
    return (double)times[middle] / 1000;
}

static void open_and_close(const char *row, uint32_t objects)
{
    static uint64_t times[ROUNDS];
    coop_segment *segment = create(objects ? objects : 256);
    make_objects(segment, (int)objects);
    coop_segment_close(segment);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t began = now_ns();
        COOP_MUST(coop_segment_open(segment_name(0), 0, &segment));
        times[i] = now_ns() - began;
        coop_segment_close(segment);
    }
    emit(row, "time", median(times, ROUNDS), "us");
    COOP_MUST(coop_segment_remove(segment_name(0), COOP_FORCE));
}

static void create_and_remove(void)
{
    static uint64_t times[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t began = now_ns();
        coop_segment_close(create(256));
        COOP_MUST(coop_segment_remove(segment_name(0), COOP_FORCE));
        times[i] = now_ns() - began;
    }
    emit("segment/create_remove", "time", median(times, ROUNDS), "us");
}

/* Opens and closes values by name, in no order that a cache would like. */
static void look_up(coop_segment *segment)
{
    enum { LOOKS = 200000 };
    unsigned at = 1;
    uint64_t began = now_ns(), names;
    for (int i = 0; i < LOOKS; i++) at = at * 1664525u + 1013904223u, (void)object_name((int)((at >> 8) % MANY));
    names = now_ns() - began;
    began = now_ns();
    for (int i = 0; i < LOOKS; i++) {
        coop_value *value;
        at = at * 1664525u + 1013904223u;
        COOP_MUST(coop_value_in(segment, object_name((int)((at >> 8) % MANY)), "i", 0, &value));
        coop_value_close(value);
    }
    emit("segment/lookup_10000", "time", (double)(now_ns() - began - names) / LOOKS, "ns");
}

static void many_objects(void)
{
    coop_segment *segment = create(MANY);
    uint64_t began = now_ns();
    make_objects(segment, MANY);
    emit("segment/make_10000", "time", (double)(now_ns() - began) / MANY, "ns");
    look_up(segment);
    began = now_ns();
    for (int i = 0; i < ROUNDS; i++) {
        coop_value *value;
        COOP_MUST(coop_segment_remove_object(segment, object_name(i), 0));
        COOP_MUST(coop_value_in(segment, object_name(i), "i", COOP_CREATE | COOP_RAW, &value));
        coop_value_close(value);
    }
    emit("segment/remove_and_make_10000", "time", (double)(now_ns() - began) / ROUNDS / 1000, "us");
    coop_segment_close(segment);
    COOP_MUST(coop_segment_remove(segment_name(0), COOP_FORCE));
}

static double time_forks(void)
{
    static uint64_t times[FORKS];
    for (int i = 0; i < FORKS; i++) {
        uint64_t began = now_ns();
        pid_t pid = fork();
        if (pid == 0) _exit(0);
        join_child(pid);
        times[i] = now_ns() - began;
    }
    return median(times, FORKS);
}

static void forks(void)
{
    emit("segment/fork_with_none", "time", time_forks(), "us");
    coop_segment *segment = create(MANY);
    static coop_value *values[MANY];
    make_objects(segment, MANY);
    emit("segment/fork_with_none_open", "time", time_forks(), "us");
    COOP_MUST(coop_value_in(segment, object_name(0), "i", 0, &values[0]));
    emit("segment/fork_with_one_open", "time", time_forks(), "us");
    for (int i = 1; i < MANY; i++) COOP_MUST(coop_value_in(segment, object_name(i), "i", 0, &values[i]));
    emit("segment/fork_with_10000_open", "time", time_forks(), "us");
    for (int i = 0; i < MANY; i++) coop_value_close(values[i]);
    coop_segment_close(segment);
    COOP_MUST(coop_segment_remove(segment_name(0), COOP_FORCE));
}

static void many_segments(void)
{
    static coop_segment *all[SEGMENTS];
    static coop_value *values[SEGMENTS];
    uint64_t began = now_ns();
    for (int i = 0; i < SEGMENTS; i++)
        COOP_MUST(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 64, .participants = 64), &all[i]));
    emit("segment/create_1000_anonymous", "time", (double)(now_ns() - began) / SEGMENTS / 1000, "us");
    for (int i = 0; i < SEGMENTS; i++) COOP_MUST(coop_value_in(all[i], "v", "i", COOP_CREATE, &values[i]));
    emit("segment/fork_with_1000_segments", "time", time_forks(), "us");
    for (int i = 0; i < SEGMENTS; i++) {
        coop_value_close(values[i]);
        coop_segment_close(all[i]);
    }
}

/* Several processes make objects that the segment has to grow for. */
static void growth(void)
{
    enum { EACH = 2000 };
    struct gate *gate = shared(sizeof *gate);
    gate->need = GROWERS + 1;
    coop_segment *segment = create(MANY);
    pid_t pids[GROWERS];
    for (int g = 0; g < GROWERS; g++) {
        pids[g] = fork_child(g);
        if (pids[g]) continue;
        gate_wait(gate);
        for (int i = 0; i < EACH; i++) {
            coop_value *value;
            COOP_MUST(coop_value_in(segment, object_name(g * EACH + i), "1024s", COOP_CREATE | COOP_RAW, &value));
            coop_value_close(value);
        }
        _exit(0);
    }
    gate_wait(gate);
    uint64_t began = now_ns();
    for (int g = 0; g < GROWERS; g++) join_child(pids[g]);
    emit("segment/grow_4_processes", "rate", GROWERS * EACH / ((double)(now_ns() - began) / 1e9), "objects/s");
    coop_segment_close(segment);
    COOP_MUST(coop_segment_remove(segment_name(0), COOP_FORCE));
}

int main(int argc, char **argv)
{
    if (wanted(argc, argv, "open")) {
        open_and_close("segment/open", 0);
        open_and_close("segment/open_1000_objects", 1000);
    }
    if (wanted(argc, argv, "create")) create_and_remove();
    if (wanted(argc, argv, "objects")) many_objects();
    if (wanted(argc, argv, "forks")) forks();
    if (wanted(argc, argv, "segments")) many_segments();
    if (wanted(argc, argv, "growth")) growth();
    return 0;
}
