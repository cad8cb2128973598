/* SPDX-License-Identifier: MIT */
/* Value of at most 8 bytes: it is the old one or the new one. */
#include "crash/crash.h"

#define OLD 40
#define NEW 42

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

static void prepare_pair(struct scene *scene)
{
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "value", "T{i:a: i:b:}", COOP_CREATE, &scene->value));
    COOP_MUST(coop_value_set_bytes(scene->value, &(int[2]){OLD, OLD}, 2 * sizeof(int)));
}

static void prepare_double(struct scene *scene)
{
    prepare_number(scene, "d");
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

static void set_pair(struct scene *scene)
{
    scene->board->result = coop_value_set_bytes(scene->value, &(int[2]){NEW, NEW}, 2 * sizeof(int));
}

static void set_field(struct scene *scene)
{
    scene->board->result = coop_value_set_field(scene->value, "b", &(int){NEW}, sizeof(int));
}

static enum outcome verify_pair(struct scene *scene)
{
    int pair[2] = {0};
    if (coop_value_get_bytes(scene->value, pair, sizeof pair) < 0) fault(scene, TORN, "%s", coop_error_detail());
    bool old = pair[1] == OLD, new = pair[1] == NEW;
    bool first = scene->op->operate == set_pair ? pair[0] == pair[1] : pair[0] == OLD;
    if (!first || (!old && !new)) fault(scene, TORN, "the pair is %d, %d", pair[0], pair[1]);
    check_segment(scene);
    return new ? AFTER : BEFORE;
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

#define NUMBER(called, ...)                                                                                            \
    {                                                                                                                  \
        .name = called, .prepare = prepare_int, .verify = verify_number, __VA_ARGS__                                   \
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
    {.name = "value-set/pair", .prepare = prepare_pair, .verify = verify_pair, .operate = set_pair},
    {.name = "value-set-field/pair", .prepare = prepare_pair, .verify = verify_pair, .operate = set_field},
    {0},
};
