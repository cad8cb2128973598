/* SPDX-License-Identifier: MIT */
/* Array: single items, and writes of several under the array's lock. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "sync/lock_shm.h"

#include <string.h>

#define LENGTH 8
#define AT 3
#define OLD 7
#define NEW 11

static void prepare(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_array_in(scene->segment, "array", "i", LENGTH, COOP_CREATE, &scene->array));
    for (int64_t i = 0; i < LENGTH; i++) COOP_MUST(coop_array_set_i64(scene->array, i, OLD));
}

static void prepare_locked(struct scene *scene)
{
    prepare(scene);
    scene->rlock = coop_array_lock(scene->array);
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void set(struct scene *scene)
{
    scene->board->result = coop_array_set_i64(scene->array, AT, NEW);
}

static void add(struct scene *scene)
{
    scene->board->result = coop_array_add_i64(scene->array, AT - LENGTH, NEW - OLD, NULL);
}

static void exchange(struct scene *scene)
{
    scene->board->result = coop_array_exchange_i64(scene->array, AT, NEW, &scene->board->number);
}

static const int all_new[LENGTH] = {NEW, NEW, NEW, NEW, NEW, NEW, NEW, NEW};

/* Under the lock; the mark says that the victim is sure to hold it. */
static void write_by(struct scene *scene, int (*write)(coop_array *array))
{
    int r = take(scene, COOP_FOREVER);
    if (r < 0) return;
    scene->board->mark = 1;
    scene->board->result = write(scene->array);
    scene->board->mark = 0;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    give(scene);
}

static int copy_all(coop_array *array)
{
    return coop_array_write(array, 0, LENGTH, all_new);
}

static int copy_backwards(coop_array *array)
{
    return coop_array_set_slice(array, COOP_OMITTED, COOP_OMITTED, -1, all_new, LENGTH);
}

static int fill_all(coop_array *array)
{
    return coop_array_fill(array, COOP_OMITTED, COOP_OMITTED, 1, all_new, sizeof(int));
}

static void write_all(struct scene *scene)
{
    write_by(scene, copy_all);
}

static void write_slice(struct scene *scene)
{
    write_by(scene, copy_backwards);
}

static void fill(struct scene *scene)
{
    write_by(scene, fill_all);
}

static int count(const int *items, int wanted)
{
    int found = 0;
    for (int i = 0; i < LENGTH; i++) found += items[i] == wanted;
    return found;
}

static enum outcome verify_item(struct scene *scene)
{
    int items[LENGTH];
    if (coop_array_read(scene->array, 0, LENGTH, items) < 0) fault(scene, LOST, "%s", coop_error_detail());
    bool new = items[AT] == NEW;
    if (count(items, OLD) != LENGTH - new)
        fault(scene, TORN, "items that nobody touched are changed, or item %d is %d", AT, items[AT]);
    int64_t sum = 0;
    if (coop_array_add_i64(scene->array, AT, 1, &sum) < 0 || sum != items[AT] + 1)
        fault(scene, LOST, "after adding 1: %lld", (long long)sum);
    check_segment(scene);
    return new ? AFTER : BEFORE;
}

/* Each item is old or new; all of one kind, or the next holder is told. */
static enum outcome verify_written(struct scene *scene)
{
    int items[LENGTH];
    memcpy(items, scene->copy, sizeof items);
    int old = count(items, OLD), new = count(items, NEW);
    if (old + new != LENGTH) fault(scene, TORN, "an item is neither old nor new");
    if (old && new && !scene->least) fault(scene, TORN, "%d of %d written, and nobody would be told", new, LENGTH);
    verify_taken(scene);
    return new == LENGTH ? AFTER : BEFORE;
}

static void look(struct scene *scene)
{
    look_lock(scene);
    memcpy(scene->copy, coop_array_data(scene->array), LENGTH * sizeof(int));
}

#define ITEM(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .verify = verify_item, __VA_ARGS__                                         \
    }
#define WRITE(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .prepare = prepare_locked, .verify = verify_written, .look = look, .warm = warm_owner,         \
        .lets_go = true, __VA_ARGS__                                                                                   \
    }

const struct operation array_operations[] = {
    ITEM("array-set/item", .operate = set),
    ITEM("array-add/item", .operate = add),
    ITEM("array-exchange/item", .operate = exchange),
    WRITE("array-write/alone", .operate = write_all, .repair = write_all),
    WRITE("array-write/held", .operate = write_all, .gather = add_holder, .asleep = let_holder_go),
    WRITE("array-write/crowd", .operate = write_all, .gather = add_crowd, .asleep = let_holder_go),
    WRITE("array-set-slice/alone", .operate = write_slice, .repair = write_slice),
    WRITE("array-set-slice/held", .operate = write_slice, .gather = add_holder, .asleep = let_holder_go),
    WRITE("array-set-slice/holder-dies", .operate = write_slice, .gather = add_holder, .asleep = kill_holder),
    WRITE("array-fill/alone", .operate = fill, .repair = fill),
    WRITE("array-fill/held", .operate = fill, .gather = add_holder, .asleep = let_holder_go),
    {0},
};
