/* SPDX-License-Identifier: MIT */
/* Commands to a real coop-manager, whose client is killed: each ran once or not at all, and the manager goes on. */
#include "crash/crash.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define ITEMS 3

void open_manager(struct scene *scene)
{
    COOP_MUST(coop_manager_start(NULL, &scene->manager));
    coop_manager_set_timeout(scene->manager, COOP_S(2));
}

void close_manager(struct scene *scene)
{
    coop_manager_close(scene->manager);
}

/* Each scene has objects of its own. */
static const char *fresh_name(void)
{
    static char name[32];
    static unsigned number;
    snprintf(name, sizeof name, "o%u", number++);
    return name;
}

void prepare_list(struct scene *scene)
{
    COOP_MUST(coop_list_open(scene->manager, fresh_name(), COOP_CREATE, &scene->list));
    for (int64_t i = 0; i < ITEMS; i++) COOP_MUST(coop_list_append(scene->list, coop_int(i)));
}

void prepare_dict(struct scene *scene)
{
    COOP_MUST(coop_dict_open(scene->manager, fresh_name(), COOP_CREATE, &scene->dict));
    COOP_MUST(coop_dict_set(scene->dict, coop_str("n"), coop_int(5)));
}

void connect_list(struct scene *scene)
{
    size_t length;
    scene->board->result = coop_list_len(scene->list, &length);
}

void connect_dict(struct scene *scene)
{
    size_t length;
    scene->board->result = coop_dict_len(scene->dict, &length);
}

static void append(struct scene *scene)
{
    scene->board->result = coop_list_append(scene->list, coop_int(100));
}

static void pop(struct scene *scene)
{
    scene->board->result = coop_list_pop(scene->list, 0, NULL);
}

static void set_item(struct scene *scene)
{
    scene->board->result = coop_list_set(scene->list, 1, coop_int(100));
}

static void insert_slice(struct scene *scene)
{
    coop_any value = coop_int(100);
    scene->board->result = coop_list_set_slice(scene->list, 1, 1, 1, coop_items(&value, 1));
}

static void sort_down(struct scene *scene)
{
    scene->board->result = coop_list_sort(scene->list, coop_nil(), true);
}

/* Two operations, both or none. */
static void append_two(struct scene *scene)
{
    coop_batch *batch;
    int result = coop_batch_new(scene->manager, &batch);
    for (int i = 0; i < 2 && result == 0; i++) result = coop_batch_list(batch, scene->list, "append", "[i]", 100 + i);
    if (result == 0) result = coop_batch_run(batch);
    if (result == 0) coop_batch_close(batch);
    scene->board->result = result;
}

static void compare_set(struct scene *scene)
{
    coop_any five = coop_int(5), six = coop_int(6);
    bool done;
    scene->board->result = coop_dict_compare_set(scene->dict, coop_str("n"), &five, &six, &done);
}

static void update(struct scene *scene)
{
    coop_pair pairs[] = {{coop_str("n"), coop_int(7)}, {coop_str("k"), coop_int(100)}};
    scene->board->result = coop_dict_update(scene->dict, coop_pairs(pairs, 2));
}

static void set_key(struct scene *scene)
{
    scene->board->result = coop_dict_set(scene->dict, coop_str("k"), coop_int(100));
}

static void delete_key(struct scene *scene)
{
    scene->board->result = coop_dict_del(scene->dict, coop_str("n"));
}

static void increment(struct scene *scene)
{
    coop_any sum;
    scene->board->result = coop_dict_incr(scene->dict, coop_str("n"), coop_int(1), &sum);
}

/* The list as digits of base 1,000: enough to tell all outcomes apart. Minus one: no answer in time. */
static int64_t read_list(struct scene *scene)
{
    coop_any items;
    if (coop_list_copy(scene->list, &items) < 0) {
        fault(scene, HUNG, "the manager does not answer: %s", coop_error_detail());
        return -1;
    }
    int64_t sum = 0;
    for (uint32_t i = 0; i < items.size; i++) sum = sum * 1000 + items.as.items[i].as.integer + 1;
    coop_any_clear(&items);
    return sum;
}

/* 1,000 times the number of keys, and what 'n' is, or 'k'. */
static int64_t read_dict(struct scene *scene)
{
    size_t length;
    int64_t sum = 0;
    if (coop_dict_len(scene->dict, &length) < 0) {
        fault(scene, HUNG, "the manager does not answer: %s", coop_error_detail());
        return -1;
    }
    const char *keys[] = {"n", "k"};
    for (int i = 0; i < 2; i++) {
        coop_any value;
        if (coop_dict_get(scene->dict, coop_str(keys[i]), &value) == 0) sum += value.as.integer;
    }
    return (int64_t)length * 1000 + sum;
}

/* A request may still be on its way when its sender is dead: so it is read until it stays the same. */
enum outcome judge_managed(struct scene *scene, int64_t (*look)(struct scene *), int64_t before, int64_t after)
{
    int64_t seen = look(scene);
    for (int i = 0; i < 5 && seen == before; i++) {
        nap_us(100);
        seen = look(scene);
    }
    if (seen != before && seen != after)
        fault(scene, seen == 2 * after - before ? DOUBLED : TORN, "it is %" PRId64 ", not %" PRId64 " or %" PRId64,
              seen, before, after);
    return seen == after ? AFTER : BEFORE;
}

static enum outcome end_list(struct scene *scene, enum outcome outcome)
{
    size_t before = 0, after = 0;
    if (coop_list_len(scene->list, &before) < 0 || coop_list_append(scene->list, coop_int(1)) < 0 ||
        coop_list_len(scene->list, &after) < 0 || after != before + 1)
        fault(scene, LOST, "%zu items, one more appended: %zu", before, after);
    coop_list_close(scene->list);
    return outcome;
}

static enum outcome end_dict(struct scene *scene, enum outcome outcome)
{
    coop_dict_close(scene->dict);
    return outcome;
}

static enum outcome verify_append(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 1002003101));
}

static enum outcome verify_pop(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 2003));
}

static enum outcome verify_set_item(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 1101003));
}

/* Run twice it would be in there twice. */
static enum outcome verify_insert_slice(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 1101002003));
}

static enum outcome verify_append_two(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 1002003101102));
}

static enum outcome verify_sort_down(struct scene *scene)
{
    return end_list(scene, judge_managed(scene, read_list, 1002003, 3002001));
}

static enum outcome verify_compare_set(struct scene *scene)
{
    return end_dict(scene, judge_managed(scene, read_dict, 1005, 1006));
}

static enum outcome verify_update(struct scene *scene)
{
    return end_dict(scene, judge_managed(scene, read_dict, 1005, 2107));
}

static enum outcome verify_set_key(struct scene *scene)
{
    return end_dict(scene, judge_managed(scene, read_dict, 1005, 2105));
}

static enum outcome verify_delete_key(struct scene *scene)
{
    return end_dict(scene, judge_managed(scene, read_dict, 1005, 0));
}

static enum outcome verify_increment(struct scene *scene)
{
    return end_dict(scene, judge_managed(scene, read_dict, 1005, 1006));
}

#define MANAGED .open = open_manager, .close = close_manager
#define LIST(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_list, MANAGED, __VA_ARGS__                                                  \
    }
#define DICT(called, ...)                                                                                              \
    {                                                                                                                  \
        .name = called, .prepare = prepare_dict, MANAGED, __VA_ARGS__                                                  \
    }

const struct operation manager_operations[] = {
    LIST("list-append/first-call", .operate = append, .verify = verify_append),
    LIST("list-append/connected", .operate = append, .verify = verify_append, .warm = connect_list),
    LIST("list-pop/connected", .operate = pop, .verify = verify_pop, .warm = connect_list),
    LIST("list-set/connected", .operate = set_item, .verify = verify_set_item, .warm = connect_list),
    LIST("list-slice-set/connected", .operate = insert_slice, .verify = verify_insert_slice, .warm = connect_list),
    LIST("list-sort/connected", .operate = sort_down, .verify = verify_sort_down, .warm = connect_list),
    LIST("list-batch/connected", .operate = append_two, .verify = verify_append_two, .warm = connect_list),
    DICT("dict-compare-set/connected", .operate = compare_set, .verify = verify_compare_set, .warm = connect_dict),
    DICT("dict-update/connected", .operate = update, .verify = verify_update, .warm = connect_dict),
    DICT("dict-set/connected", .operate = set_key, .verify = verify_set_key, .warm = connect_dict),
    DICT("dict-del/connected", .operate = delete_key, .verify = verify_delete_key, .warm = connect_dict),
    DICT("dict-incr/connected", .operate = increment, .verify = verify_increment, .warm = connect_dict),
    {0},
};
