/* SPDX-License-Identifier: MIT */
/* Segments: a name is either not there or names a whole segment, and a dead process's row does not stay taken. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <errno.h>

#define ROWS 2 /* participants: the survivor, and one more */

static const coop_segment_options *options(const struct scene *scene)
{
    static coop_segment_options small = {
        .size = sizeof small, .reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 8};
    small.participants = scene->lives ? ROWS + 1 : ROWS;
    return &small;
}

static void prepare_nothing(struct scene *scene)
{
    scene->segment = NULL;
}

/* A segment that the survivor has no mapping of, so that the victim makes one. */
static void prepare_closed(struct scene *scene)
{
    COOP_MUST(coop_segment_create(scene->name, options(scene), &scene->segment));
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
    coop_lock_close(scene->spare);
    coop_segment_close(scene->segment);
    scene->spare = NULL;
    scene->segment = NULL;
}

static void create(struct scene *scene)
{
    coop_segment *segment;
    scene->board->result = coop_segment_create(scene->name, options(scene), &segment);
}

static void create_anonymous(struct scene *scene)
{
    coop_segment *segment;
    scene->board->result = coop_segment_create(NULL, options(scene), &segment);
}

static void open_it(struct scene *scene)
{
    scene->board->result = coop_segment_open(scene->name, 0, &scene->segment);
}

static void open_or_create(struct scene *scene)
{
    scene->board->result = coop_segment_open(scene->name, COOP_CREATE, &scene->segment);
}

static void close_it(struct scene *scene)
{
    coop_segment_close(scene->segment);
}

static void remove_it(struct scene *scene)
{
    scene->board->result = coop_segment_remove(scene->name, 0);
}

static void open_and_own(struct scene *scene)
{
    open_it(scene);
    if (scene->board->result < 0 || coop_lock_in(scene->segment, "spare", 0, &scene->spare) < 0) return;
    warm_owner(scene);
    coop_lock_close(scene->spare);
}

/* In a process of its own. */
static void try_open(struct scene *scene, struct peer *self)
{
    coop_segment *segment;
    self->result = coop_segment_open(scene->name, 0, &segment);
    peer_say(self, PEER_DONE);
}

/* The other side's work: the survivor attaches, and one more process, which need the dead one's row. */
static void others_attach(struct scene *scene)
{
    struct peer *peer = peer_start(scene, try_open);
    if (!peer_await(peer, PEER_DONE))
        fault(scene, HUNG, "opening it took more than a second");
    else if (peer->result < 0)
        fault(scene, LEAKED, "another process cannot open it: %s", coop_strerror(peer->result));
}

/* Does the victim's process stand in the participant table? */
static bool victim_attached(const struct scene *scene)
{
    const struct coopi_map *map = scene->segment->map;
    for (uint32_t i = 0; i < map->geometry->participants.count; i++)
        if ((coopi_load_acquire(&map->participants[i].word) & COOPI_PID_MASK) == scene->board->tid) return true;
    return false;
}

/* True: the name is there, and names a whole segment. */
static bool survivor_opens(struct scene *scene)
{
    int r = coop_segment_open(scene->name, 0, &scene->segment);
    if (r == -ENOENT) return false;
    if (r < 0) {
        fault(scene, TORN, "half made: %s", coop_error_detail());
        return true;
    }
    check_segment(scene);
    return true;
}

static enum outcome verify_created(struct scene *scene)
{
    bool there = survivor_opens(scene);
    if (!there) {
        int r = coop_segment_create(scene->name, options(scene), &scene->segment);
        if (r < 0) fault(scene, LOST, "it cannot be made again: %s", coop_error_detail());
    }
    if (scene->segment) others_attach(scene);
    return there ? AFTER : BEFORE;
}

static enum outcome verify_attached(struct scene *scene)
{
    bool there = survivor_opens(scene);
    if (!there) fault(scene, LOST, "the segment is gone");
    if (!scene->segment) return BEFORE;
    bool attached = victim_attached(scene);
    others_attach(scene);
    return attached ? AFTER : BEFORE;
}

static enum outcome verify_left(struct scene *scene)
{
    return verify_attached(scene) == AFTER ? BEFORE : AFTER;
}

static enum outcome verify_removed(struct scene *scene)
{
    enum outcome outcome = verify_created(scene) == AFTER ? BEFORE : AFTER;
    coop_segment_close(scene->segment);
    scene->segment = NULL;
    int r = coop_segment_remove(scene->name, 0);
    if (r < 0) fault(scene, LEAKED, "it cannot be removed: %s", coop_error_detail());
    return outcome;
}

static enum outcome verify_nothing(struct scene *scene)
{
    (void)scene; /* leftovers are looked for after every scene */
    return BEFORE;
}

#define SEGMENT(called, ...)                                                                                           \
    {                                                                                                                  \
        .name = called, __VA_ARGS__                                                                                    \
    }

const struct operation segment_operations[] = {
    SEGMENT("segment-create/alone", .prepare = prepare_nothing, .operate = create, .verify = verify_created,
            .repair = create),
    SEGMENT("segment-create/anonymous", .prepare = prepare_nothing, .operate = create_anonymous,
            .verify = verify_nothing, .constant = true),
    SEGMENT("segment-open-or-create/absent", .prepare = prepare_nothing, .operate = open_or_create,
            .verify = verify_created, .repair = open_or_create, .no_exit = true),
    SEGMENT("segment-open-or-create/present", .prepare = prepare_closed, .operate = open_or_create,
            .verify = verify_attached, .no_exit = true),
    SEGMENT("segment-open/alone", .prepare = prepare_closed, .operate = open_it, .verify = verify_attached,
            .no_exit = true, .repair = open_it),
    SEGMENT("segment-close/alone", .prepare = prepare_closed, .warm = open_and_own, .operate = close_it,
            .verify = verify_left, .no_exit = true),
    SEGMENT("segment-remove/alone", .prepare = prepare_closed, .operate = remove_it, .verify = verify_removed,
            .repair = remove_it, .no_exit = true),
    {0},
};
