/* SPDX-License-Identifier: MIT */
/* Removing objects, and making others in their place: there whole or not at all, and nobody's storage is lost. */
#include "crash/crash.h"

#include "segment/handle.h"
#include "segment/robust.h"

#include <errno.h>
#include <stdio.h>

#define OLD 77
#define ROUNDS 3 /* through all that is free, so that what is lost is missed */

static void make_value(struct scene *scene, const char *name, int64_t number)
{
    coop_value *value;
    COOP_MUST(coop_value_in(scene->segment, name, "i", COOP_CREATE, &value));
    COOP_MUST(coop_value_set_i64(value, number));
    coop_value_close(value);
}

static void prepare(struct scene *scene)
{
    make_segment(scene);
    make_value(scene, "object", OLD);
    make_value(scene, "neighbour", OLD + 1);
}

/* Nothing is left in the directory but entries that were removed. */
static void prepare_reuse(struct scene *scene)
{
    char name[32];
    prepare(scene);
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "filler%d", i);
        make_value(scene, name, i);
    }
    COOP_MUST(coop_segment_remove_object(scene->segment, "object", 0));
}

static void remove_it(struct scene *scene)
{
    scene->board->result = coop_segment_remove_object(scene->segment, "object", 0);
}

static void remove_by_path(struct scene *scene)
{
    char path[80];
    snprintf(path, sizeof path, "%s/object", scene->name);
    scene->board->result = coop_object_remove(path, 0);
}

static void open_it(struct scene *scene)
{
    COOP_MUST(coop_value_in(scene->segment, "object", "i", 0, &scene->value));
}

static void close_it(struct scene *scene)
{
    coop_value_close(scene->value);
}

static void make_it(struct scene *scene)
{
    coop_value *value;
    scene->board->result = coop_value_in(scene->segment, "object", "i", COOP_CREATE, &value);
}

static void make_nameless(struct scene *scene)
{
    coop_value *value;
    scene->board->result = coop_value_in(scene->segment, NULL, "i", 0, &value);
}

/* True: it is there, and is NUMBER. */
static bool look(struct scene *scene, const char *name, int64_t number)
{
    coop_value *value;
    int64_t found = -1;
    int r = coop_value_in(scene->segment, name, "i", 0, &value);
    if (r == -ENOENT) return false;
    if (r < 0 || coop_value_get_i64(value, &found) < 0)
        fault(scene, TORN, "%s", coop_error_detail());
    else if (found != number)
        fault(scene, TORN, "%s is %lld, not %lld", name, (long long)found, (long long)number);
    if (r == 0) coop_value_close(value);
    return true;
}

/* All storage but the neighbour's can be had again and again, and is zero; the neighbour is what it was. */
static void others_work(struct scene *scene)
{
    int64_t began = now_ns();
    for (int round = 0; round < ROUNDS; round++) {
        const struct coopi_header *geometry = scene->segment->map->geometry;
        coop_array *array;
        uint64_t size = (geometry->maximum - geometry->storage) / 2;
        int r = coop_array_in(scene->segment, "large", "B", size, COOP_CREATE | COOP_EXCL | COOP_RAW, &array);
        if (r < 0) {
            fault(scene, LEAKED, "round %d: %s", round, coop_error_detail());
            return;
        }
        const uint8_t *bytes = coop_array_data(array);
        for (uint64_t i = 0; i < size; i += 512)
            if (bytes[i]) fault(scene, TORN, "byte %llu of a new array is %d", (unsigned long long)i, bytes[i]);
        coop_array_close(array);
        if (coop_segment_remove_object(scene->segment, "large", 0) < 0) fault(scene, LOST, "%s", coop_error_detail());
    }
    if (now_ns() - began > SECOND) fault(scene, HUNG, "others took more than a second");
    if (!look(scene, "neighbour", OLD + 1)) fault(scene, LOST, "the neighbour is gone");
    check_segment(scene);
}

static enum outcome verify_removed(struct scene *scene)
{
    bool there = look(scene, "object", OLD);
    if (there && coop_segment_remove_object(scene->segment, "object", 0) < 0)
        fault(scene, LOST, "it cannot be removed: %s", coop_error_detail());
    if (look(scene, "object", OLD)) fault(scene, DOUBLED, "it was removed, and is there");
    others_work(scene);
    make_value(scene, "object", OLD); /* its name is free */
    return there ? BEFORE : AFTER;
}

static enum outcome verify_made(struct scene *scene)
{
    bool there = look(scene, "object", 0);
    if (!there) make_value(scene, "object", 0);
    if (coop_segment_remove_object(scene->segment, "object", 0) < 0)
        fault(scene, LOST, "it cannot be removed: %s", coop_error_detail());
    others_work(scene);
    return there ? AFTER : BEFORE;
}

static enum outcome verify_others(struct scene *scene)
{
    others_work(scene);
    return BEFORE;
}

/* The victim had it open: its entry is free again now that the victim is gone. */
static enum outcome verify_closed(struct scene *scene)
{
    if (coop_segment_remove_object(scene->segment, "object", 0) < 0)
        fault(scene, LOST, "it cannot be removed: %s", coop_error_detail());
    others_work(scene);
    return BEFORE;
}

static enum outcome verify_contended(struct scene *scene)
{
    if (scene->op->asleep) scene->op->asleep(scene);
    return verify_removed(scene);
}

const struct operation removal_operations[] = {
    {.name = "object-remove/alone",
     .prepare = prepare,
     .operate = remove_it,
     .verify = verify_removed,
     .repair = remove_it},
    {.name = "object-remove/path", .prepare = prepare, .operate = remove_by_path, .verify = verify_removed},
    {.name = "object-remove/open",
     .prepare = prepare,
     .warm = open_it,
     .operate = remove_it,
     .verify = verify_removed,
     .no_exit = true},
    {.name = "object-remove/held",
     .prepare = prepare,
     .operate = remove_it,
     .verify = verify_contended,
     .gather = hold_the_directory,
     .asleep = let_holder_go},
    {.name = "object-remove/holder-dies",
     .prepare = prepare,
     .operate = remove_it,
     .verify = verify_contended,
     .gather = hold_the_directory,
     .asleep = kill_holder},
    {.name = "object-create/reused",
     .prepare = prepare_reuse,
     .operate = make_it,
     .verify = verify_made,
     .repair = make_it,
     .no_exit = true},
    {.name = "object-create/nameless",
     .prepare = prepare,
     .operate = make_nameless,
     .verify = verify_others,
     .constant = true,
     .no_exit = true},
    {.name = "object-close/alone",
     .prepare = prepare,
     .warm = open_it,
     .operate = close_it,
     .verify = verify_closed,
     .constant = true,
     .no_exit = true},
    {0},
};
