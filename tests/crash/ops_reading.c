/* SPDX-License-Identifier: MIT */
/* Segments that are open only to be read: wherever the reader ends, not one byte of them is other than before. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "segment/handle.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TYPE "T{q:a: q:b:}"
#define LENGTH 4
#define OLD 40
#define MOST (1 << 18) /* of the file */

static uint8_t before[MOST], now[MOST];
static size_t size_before;

/* The whole file, through a descriptor of one's own. */
static size_t read_file(const struct scene *scene, uint8_t *bytes)
{
    char path[100];
    snprintf(path, sizeof path, "/dev/shm/coop.%u.%s", (unsigned)geteuid(), scene->name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t got = pread(fd, bytes, MOST, 0);
    close(fd);
    return got < 0 ? 0 : (size_t)got;
}

/* Whoever is in by now stays as he is until the victim is gone. */
static void remember(struct scene *scene)
{
    size_before = read_file(scene, before);
    if (size_before == 0 || size_before == MOST) fault(scene, LOST, "the file has %zu bytes", size_before);
}

/* A segment that the survivor has no mapping of: a number, a record, and an array. */
static void prepare(struct scene *scene)
{
    coop_value *value;
    coop_array *array;
    int items[LENGTH] = {OLD, OLD, OLD, OLD};
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "number", "i", COOP_CREATE, &value));
    COOP_MUST(coop_value_set_i64(value, OLD));
    coop_value_close(value);
    COOP_MUST(coop_value_in(scene->segment, "record", TYPE, COOP_CREATE, &value));
    COOP_MUST(coop_value_set_bytes(value, &(int64_t[2]){OLD, OLD}, 2 * sizeof(int64_t)));
    coop_value_close(value);
    COOP_MUST(coop_array_in(scene->segment, "array", "i", LENGTH, COOP_CREATE, &array));
    COOP_MUST(coop_array_write(array, 0, LENGTH, items));
    coop_array_close(array);
    coop_segment_close(scene->segment);
    scene->segment = NULL;
    remember(scene);
}

static void open_it(struct scene *scene)
{
    scene->board->result = coop_segment_open(scene->name, COOP_READ_ONLY, &scene->segment);
}

static void close_it(struct scene *scene)
{
    coop_segment_close(scene->segment);
}

static void open_record(struct scene *scene)
{
    open_it(scene);
    COOP_MUST(coop_value_in(scene->segment, "record", NULL, 0, &scene->value));
}

static void open_array(struct scene *scene)
{
    open_it(scene);
    COOP_MUST(coop_array_in(scene->segment, "array", NULL, COOP_ANY_LENGTH, 0, &scene->array));
}

/* From the path to the number. */
static void read_by_path(struct scene *scene)
{
    char path[80];
    coop_value *value;
    snprintf(path, sizeof path, "%s/number", scene->name);
    int r = coop_value_open(path, "i", COOP_READ_ONLY, &value);
    if (r == 0) r = coop_value_get_i64(value, &scene->board->number);
    if (r == 0) coop_value_close(value);
    scene->board->result = r;
}

static void read_record(struct scene *scene)
{
    int64_t words[2] = {0};
    scene->board->result = coop_value_get_bytes(scene->value, words, sizeof words);
    scene->board->number = words[0] == words[1] ? words[0] : -1;
}

static void read_array(struct scene *scene)
{
    int items[LENGTH] = {0};
    scene->board->result = coop_array_read(scene->array, 0, LENGTH, items);
    scene->board->number = items[LENGTH - 1];
}

/* Another process has come in to write, and holds the lock of the record, or of the array. */
static void hold_one(struct scene *scene, struct peer *self)
{
    coop_rlock *lock = NULL;
    self->result = coop_segment_open(scene->name, 0, &scene->segment);
    if (self->result == 0 && scene->op->warm == open_record) {
        self->result = coop_value_in(scene->segment, "record", TYPE, 0, &scene->value);
        if (self->result == 0) lock = coop_value_lock(scene->value);
    } else if (self->result == 0) {
        self->result = coop_array_in(scene->segment, "array", "i", LENGTH, 0, &scene->array);
        if (self->result == 0) lock = coop_array_lock(scene->array);
    }
    if (lock) self->result = coop_rlock_acquire(lock, COOP_NOWAIT);
    peer_say(self, PEER_HOLDS);
    peer_obey(self);
}

static void add_writer(struct scene *scene)
{
    struct peer *peer = peer_start(scene, hold_one);
    if (!peer_await(peer, PEER_HOLDS) || peer->result < 0) fault(scene, HUNG, "the holder never held");
    remember(scene);
}

/* The victim's row in any of the tables. */
static bool has_row(const struct coopi_map *map, uint32_t tid)
{
    for (uint32_t i = 0; i < map->geometry->participants.count; i++)
        if ((coopi_load_acquire(&map->participants[i].word) & COOPI_PID_MASK) == tid) return true;
    for (uint32_t i = 0; i < map->owner_count; i++)
        if ((coopi_load_acquire(&map->owners[i].life.word) & COOPI_TID_MASK) == tid) return true;
    return false;
}

/* The survivor comes after the comparison: its own row is a change. */
static enum outcome verify_unchanged(struct scene *scene)
{
    size_t size = read_file(scene, now), at = 0;
    while (at < size && at < size_before && now[at] == before[at]) at++;
    if (size != size_before) fault(scene, TORN, "the file had %zu bytes, and has %zu", size_before, size);
    if (at < size) fault(scene, TORN, "a reader changed byte %zu from %#x to %#x", at, before[at], now[at]);
    if (scene->complete && scene->board->result < 0)
        fault(scene, LOST, "reading: %s", coop_strerror(scene->board->result));
    bool reads = scene->op->operate != open_it && scene->op->operate != close_it;
    if (scene->complete && reads && scene->board->number != OLD)
        fault(scene, TORN, "the reader read %lld", (long long)scene->board->number);
    if (coop_segment_open(scene->name, 0, &scene->segment) < 0) {
        fault(scene, TORN, "%s", coop_error_detail());
        return BEFORE;
    }
    if (has_row(scene->segment->map, scene->board->tid)) fault(scene, LEAKED, "the reader has a row");
    check_segment(scene);
    return BEFORE;
}

/* `shut`: who came in would change it. */
#define READING(called, ...)                                                                                           \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .verify = verify_unchanged, .constant = true, .shut = true, __VA_ARGS__    \
    }

const struct operation reading_operations[] = {
    READING("reader-open/alone", .operate = open_it, .no_exit = true),
    READING("reader-close/alone", .warm = open_it, .operate = close_it, .no_exit = true),
    READING("reader-get/by-path", .operate = read_by_path, .no_exit = true),
    READING("reader-get/record", .warm = open_record, .operate = read_record),
    READING("reader-get/record-held", .warm = open_record, .operate = read_record, .gather = add_writer),
    READING("reader-read/array", .warm = open_array, .operate = read_array),
    READING("reader-read/array-held", .warm = open_array, .operate = read_array, .gather = add_writer),
    {0},
};
