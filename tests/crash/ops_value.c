/* SPDX-License-Identifier: MIT */
/* Value: a scalar is the old one or the new one; what is larger is a mixture only if the next holder is told. */
#include "crash/crash.h"

#include "base/atomic.h"
#include "sync/lock_shm.h"

#include <string.h>

#define OLD 40
#define NEW 42
#define OLD_BYTES "oooooooooooooooo"
#define NEW_BYTES "nnnnnnnnnnnnnnnn"
#define SIZE 16

static void prepare_number(struct scene *scene, const char *type)
{
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "value", type, COOP_CREATE, &scene->value));
    COOP_MUST(coop_value_set_i64(scene->value, OLD));
}

static void prepare_int(struct scene *scene)
{
    prepare_number(scene, "i");
}

static void prepare_short(struct scene *scene)
{
    prepare_number(scene, "h");
}

static void prepare_double(struct scene *scene)
{
    prepare_number(scene, "d");
}

static void prepare_bytes(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "value", "16s", COOP_CREATE, &scene->value));
    COOP_MUST(coop_value_set_bytes(scene->value, OLD_BYTES, SIZE));
    scene->rlock = coop_value_lock(scene->value);
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void set(struct scene *scene)
{
    scene->board->result = coop_value_set_i64(scene->value, NEW);
}

static void set_double(struct scene *scene)
{
    scene->board->result = coop_value_set_f64(scene->value, NEW);
}

static void add(struct scene *scene)
{
    scene->board->result = coop_value_add_i64(scene->value, NEW - OLD, &scene->board->number);
}

static void add_double(struct scene *scene)
{
    scene->board->result = coop_value_add_f64(scene->value, NEW - OLD, NULL);
}

static void exchange(struct scene *scene)
{
    scene->board->result = coop_value_exchange_i64(scene->value, NEW, &scene->board->number);
}

static void compare_exchange(struct scene *scene)
{
    int64_t expected = OLD;
    scene->board->result = coop_value_compare_exchange_i64(scene->value, &expected, NEW);
}

static void get(struct scene *scene)
{
    scene->board->result = coop_value_get_i64(scene->value, &scene->board->number);
}

static void set_bytes(struct scene *scene)
{
    scene->board->result = coop_value_set_bytes(scene->value, NEW_BYTES, SIZE);
}

static enum outcome verify_number(struct scene *scene)
{
    int64_t number = -1, sum = -1;
    if (coop_value_get_i64(scene->value, &number) < 0) fault(scene, TORN, "%s", coop_error_detail());
    if (number != OLD && number != NEW) fault(scene, TORN, "the value is %lld", (long long)number);
    if (coop_value_add_i64(scene->value, 1, &sum) < 0 || sum != number + 1)
        fault(scene, LOST, "after adding 1: %lld", (long long)sum);
    check_segment(scene);
    return number == NEW ? AFTER : BEFORE;
}

/* Whole, or the next holder is told: which verify_taken() does for the lock's part. */
static enum outcome verify_bytes(struct scene *scene)
{
    char bytes[SIZE];
    memcpy(bytes, scene->copy, SIZE);
    bool old = memcmp(bytes, OLD_BYTES, SIZE) == 0, new = memcmp(bytes, NEW_BYTES, SIZE) == 0;
    if (!old && !new && !scene->his) fault(scene, TORN, "a mixture, and nobody would be told: %.16s", bytes);
    verify_taken(scene);
    if (coop_value_get_bytes(scene->value, bytes, SIZE) < 0) fault(scene, LOST, "%s", coop_error_detail());
    if (coop_value_set_bytes(scene->value, OLD_BYTES, SIZE) < 0) fault(scene, LOST, "%s", coop_error_detail());
    return new ? AFTER : BEFORE;
}

static void look_at_bytes(struct scene *scene)
{
    look_lock(scene);
    memcpy(scene->copy, (const uint8_t *)scene->rlock->object.body + sizeof(struct coopi_lock_shm), SIZE);
}

#define NUMBER(called, ...)                                                                                            \
    {                                                                                                                  \
        .name = called, .prepare = prepare_int, .verify = verify_number, __VA_ARGS__                                   \
    }
#define BYTES(called, ...)                                                                                             \
    {                                                                                                                  \
        .name = called, .prepare = prepare_bytes, .verify = verify_bytes, .look = look_at_bytes, .warm = warm_owner,   \
        .operate = set_bytes, .lets_go = true, __VA_ARGS__                                                             \
    }

const struct operation value_operations[] = {
    NUMBER("value-set/int", .operate = set),
    {.name = "value-set/short", .prepare = prepare_short, .verify = verify_number, .operate = set},
    {.name = "value-set/double", .prepare = prepare_double, .verify = verify_number, .operate = set_double},
    NUMBER("value-add/int", .operate = add),
    {.name = "value-add/double", .prepare = prepare_double, .verify = verify_number, .operate = add_double},
    NUMBER("value-exchange/int", .operate = exchange),
    NUMBER("value-compare-exchange/int", .operate = compare_exchange),
    NUMBER("value-get/int", .operate = get, .constant = true),
    BYTES("value-set-bytes/alone", .repair = set_bytes),
    BYTES("value-set-bytes/held", .gather = add_holder, .asleep = let_holder_go),
    BYTES("value-set-bytes/crowd", .gather = add_crowd, .asleep = let_holder_go),
    BYTES("value-set-bytes/holder-dies", .gather = add_holder, .asleep = kill_holder),
    {0},
};
