/* SPDX-License-Identifier: MIT */
/* Objects: found or made under the directory's lock; one is there whole, or not at all. */
#include "crash/crash.h"

#include "segment/handle.h"
#include "segment/robust.h"

#include <errno.h>
#include <string.h>

#define LENGTH 4          /* of the small array */
#define LARGE_LENGTH 3000 /* of one that the segment has to grow for */
#define SLOW (SECOND / 5)

static void prepare(struct scene *scene)
{
    make_segment(scene);
}

static void prepare_found(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "object", "i", COOP_CREATE, &scene->value));
    coop_value_close(scene->value);
    scene->value = NULL;
}

static int open_lock(struct scene *scene, int flags)
{
    return coop_lock_in(scene->segment, "object", flags, &scene->lock);
}

static int open_value(struct scene *scene, int flags)
{
    return coop_value_in(scene->segment, "object", "d", flags, &scene->value);
}

static int open_array(struct scene *scene, int flags)
{
    return coop_array_in(scene->segment, "object", "i", LENGTH, flags, &scene->array);
}

static int open_large(struct scene *scene, int flags)
{
    return coop_array_in(scene->segment, "object", "i", LARGE_LENGTH, flags, &scene->array);
}

static void create_lock(struct scene *scene)
{
    scene->board->result = open_lock(scene, COOP_CREATE);
}

static void create_value(struct scene *scene)
{
    scene->board->result = open_value(scene, COOP_CREATE);
}

static void create_array(struct scene *scene)
{
    scene->board->result = open_array(scene, COOP_CREATE);
}

static void create_large(struct scene *scene)
{
    scene->board->result = open_large(scene, COOP_CREATE);
}

static void find(struct scene *scene)
{
    coop_value *value;
    scene->board->result = coop_value_in(scene->segment, "object", "i", 0, &value);
}

/* The other side's work in the directory. */
static void others_work(struct scene *scene)
{
    coop_value *value;
    int64_t began = now_ns();
    int r = coop_value_in(scene->segment, "after", "q", COOP_CREATE | COOP_EXCL, &value);
    if (now_ns() - began > SECOND) fault(scene, HUNG, "making another object took more than a second");
    if (r < 0) {
        fault(scene, LEAKED, "no other object can be made: %s", coop_error_detail());
        return;
    }
    int64_t number = -1;
    if (coop_value_get_i64(value, &number) < 0 || number != 0)
        fault(scene, TORN, "a new value is %lld", (long long)number);
    coop_value_close(value);
}

static void await_peers(struct scene *scene)
{
    for (int i = 0; i < scene->peers; i++) {
        struct peer *peer = &scene->board->peers[i];
        if (i == scene->holder) continue;
        if (!peer_await(peer, PEER_DONE))
            fault(scene, HUNG, "a sleeper on the directory still sleeps");
        else if (peer->result < 0)
            fault(scene, LOST, "a sleeper on the directory: %s", coop_strerror(peer->result));
        scene->slow += peer->at - scene->ended > SLOW;
    }
}

/* Not there: it can be made. There: it is what was asked for, and empty. */
static enum outcome verify(struct scene *scene, int (*open)(struct scene *, int))
{
    if (scene->op->asleep) scene->op->asleep(scene);
    await_peers(scene);
    int r = open(scene, 0);
    bool found = r == 0;
    if (r < 0 && r != -ENOENT) fault(scene, TORN, "%s", coop_error_detail());
    if (r == -ENOENT) r = open(scene, COOP_CREATE);
    if (r < 0) fault(scene, LEAKED, "it cannot be made: %s", coop_error_detail());
    others_work(scene);
    check_segment(scene);
    return found ? AFTER : BEFORE;
}

static enum outcome verify_lock(struct scene *scene)
{
    enum outcome outcome = verify(scene, open_lock);
    if (scene->lock && coop_lock_acquire(scene->lock, COOP_NOWAIT) != 0)
        fault(scene, TORN, "a new lock: %s", coop_error_detail());
    else if (scene->lock)
        coop_lock_release(scene->lock);
    return outcome;
}

static enum outcome verify_value(struct scene *scene)
{
    enum outcome outcome = verify(scene, open_value);
    double number = -1;
    if (scene->value && (coop_value_get_f64(scene->value, &number) < 0 || number != 0))
        fault(scene, TORN, "a new value is %g", number);
    return outcome;
}

static void check_zeros(struct scene *scene)
{
    const int *items = scene->array ? coop_array_data(scene->array) : NULL;
    for (size_t i = 0; items && i < coop_array_length(scene->array); i++) {
        if (items[i] == 0) continue;
        fault(scene, TORN, "item %zu of a new array is %d", i, items[i]);
        return;
    }
}

static enum outcome verify_array(struct scene *scene)
{
    enum outcome outcome = verify(scene, open_array);
    check_zeros(scene);
    return outcome;
}

static enum outcome verify_large(struct scene *scene)
{
    enum outcome outcome = verify(scene, open_large);
    check_zeros(scene);
    if (scene->array) memset(coop_array_data(scene->array), 1, LARGE_LENGTH * sizeof(int));
    return outcome;
}

static enum outcome verify_found(struct scene *scene)
{
    others_work(scene);
    check_segment(scene);
    return BEFORE;
}

static void hold_directory(struct scene *scene, struct peer *self)
{
    struct coopi_map *map = scene->segment->map;
    uint32_t dead;
    self->result = coopi_robust_acquire(map, &map->header->lock.robust, COOP_S(1), 0, &dead);
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
    coopi_robust_give_up(&map->header->lock.robust);
    peer_say(self, PEER_DONE);
}

static void make_another(struct scene *scene, struct peer *self)
{
    coop_value *value;
    peer_say(self, PEER_ASKS);
    self->result = coop_value_in(scene->segment, "another", "i", COOP_CREATE, &value);
    self->at = now_ns();
    peer_say(self, PEER_DONE);
}

static void make_the_same(struct scene *scene, struct peer *self)
{
    peer_say(self, PEER_ASKS);
    self->result = open_value(scene, COOP_CREATE);
    self->at = now_ns();
    peer_say(self, PEER_DONE);
}

void hold_the_directory(struct scene *scene)
{
    scene->holder = scene->peers;
    if (!peer_await(peer_start(scene, hold_directory), PEER_HOLDS))
        fault(scene, HUNG, "nobody could hold the directory");
}

static void gather_crowd(struct scene *scene)
{
    hold_the_directory(scene);
    if (!peer_await_sleep(peer_start(scene, make_another))) fault(scene, HUNG, "nobody sleeps on the directory");
}

static void gather_rival(struct scene *scene)
{
    hold_the_directory(scene);
    if (!peer_await_sleep(peer_start(scene, make_the_same))) fault(scene, HUNG, "nobody sleeps on the directory");
}

/* With a rival for the same name it is there in the end, whoever made it. */
static enum outcome verify_rival(struct scene *scene)
{
    verify_value(scene);
    return BEFORE;
}

#define OBJECT(called, ...)                                                                                            \
    {                                                                                                                  \
        .name = called, .prepare = prepare, __VA_ARGS__                                                                \
    }

const struct operation object_operations[] = {
    OBJECT("object-create/lock", .operate = create_lock, .verify = verify_lock, .repair = create_lock),
    OBJECT("object-create/value", .operate = create_value, .verify = verify_value, .repair = create_value),
    OBJECT("object-create/array", .operate = create_array, .verify = verify_array),
    OBJECT("object-create/growing", .operate = create_large, .verify = verify_large, .repair = create_large),
    OBJECT("object-create/held", .operate = create_value, .verify = verify_value, .gather = hold_the_directory,
           .asleep = let_holder_go),
    OBJECT("object-create/crowd", .operate = create_value, .verify = verify_value, .gather = gather_crowd,
           .asleep = let_holder_go),
    OBJECT("object-create/holder-dies", .operate = create_value, .verify = verify_value, .gather = hold_the_directory,
           .asleep = kill_holder),
    OBJECT("object-create/rival", .operate = create_value, .verify = verify_rival, .gather = gather_rival,
           .asleep = let_holder_go, .constant = true),
    {.name = "object-find/alone", .prepare = prepare_found, .operate = find, .verify = verify_found, .constant = true},
    {0},
};
