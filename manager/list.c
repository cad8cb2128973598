/* SPDX-License-Identifier: MIT */
/* The managed list. */
#include "call.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct list {
    struct object object; /* first: the two addresses are one */
    coop_any *items;      /* each owns its memory */
    uint32_t count;
    uint32_t capacity;
};

static struct list *list_of(const struct call *call)
{
    return (struct list *)call->object;
}

static struct object *create(void)
{
    struct list *list = calloc(1, sizeof *list);
    return list ? &list->object : NULL;
}

static void destroy(struct object *object)
{
    struct list *list = (struct list *)object;
    for (uint32_t i = 0; i < list->count; i++) coop_any_clear(&list->items[i]);
    free(list->items);
    free(list);
}

static uint32_t length(const struct object *object)
{
    return ((const struct list *)object)->count;
}

/* Room for COUNT items behind the last. */
static int reserve(struct list *list, uint32_t count)
{
    uint64_t needed = (uint64_t)list->count + count;
    if (needed <= list->capacity) return 0;
    if (needed > UINT32_MAX)
        return coopi_fail(ENOSPC, "%s: it has %" PRIu32 " items, and a list holds no more than 2^32 - 1",
                          list->object.label, list->count);
    uint64_t capacity = list->capacity * UINT64_C(2);
    if (capacity < needed) capacity = needed;
    if (capacity < 8) capacity = 8;
    if (capacity > UINT32_MAX) capacity = UINT32_MAX;
    coop_any *items = realloc(list->items, capacity * sizeof *items);
    if (!items) return coopi_fail(ENOMEM, "%s: the manager is out of memory", list->object.label);
    list->items = items;
    list->capacity = (uint32_t)capacity;
    return 0;
}

/* Turns an index as clients count, negative from the end, into a position. */
static int position(const struct list *list, int64_t index, uint32_t *ret_position)
{
    int64_t count = list->count;
    int64_t at = index < 0 ? index + count : index;
    if (at >= 0 && at < count) {
        *ret_position = (uint32_t)at;
        return 0;
    }
    if (count == 0)
        return coopi_fail(ERANGE, "%s: it is empty, so there is no item %" PRId64, list->object.label, index);
    return coopi_fail(ERANGE,
                      "%s: index %" PRId64 " is out of range; its %" PRId64 " items are 0 to %" PRId64
                      ", or -1 to %" PRId64 " from the end",
                      list->object.label, index, count, count - 1, -count);
}

/* The values behind the items that are there, and their result, are ready: makes them part of the list. */
static int commit_append(struct call *call, uint32_t count)
{
    struct list *list = list_of(call);
    struct weight added = {0};
    for (uint32_t i = 0; i < count; i++) added = weight_sum(added, weigh(&list->items[list->count + i]));
    COOP_TRY(call_return_nil(call));
    COOP_TRY(budget_take(list->object.budget, added.bytes, list->object.label));
    list->object.weight = weight_sum(list->object.weight, added);
    list->count += count;
    return 0;
}

/* Reads COUNT values to behind the last item and appends them, all or none. */
static int append_values(struct call *call, uint32_t count)
{
    struct list *list = list_of(call);
    COOP_TRY(reserve(list, count));
    coop_any *end = &list->items[list->count];
    uint32_t read = 0;
    int result = 0;
    while (read < count && result == 0) {
        result = coopi_read_any(&call->args, &end[read]);
        if (result == 0) read++;
    }
    if (result == 0) result = commit_append(call, count);
    if (result < 0)
        while (read > 0) coop_any_clear(&end[--read]);
    return result;
}

static int run_append(struct call *call)
{
    return append_values(call, 1);
}

static int run_extend(struct call *call)
{
    uint32_t count;
    if (coopi_read_array(&call->args, &count) < 0)
        return coopi_fail(EINVAL, "%s: %s takes one array of values", call->object->label, call->op);
    return append_values(call, count);
}

static int run_get(struct call *call)
{
    int64_t index;
    uint32_t at;
    COOP_TRY(call_read_index(call, &index));
    COOP_TRY(position(list_of(call), index, &at));
    return call_return_value(call, &list_of(call)->items[at]);
}

static int replace(struct call *call, uint32_t at, coop_any *value)
{
    struct list *list = list_of(call);
    struct weight before = weigh(&list->items[at]);
    struct weight after = weigh(value);
    COOP_TRY(call_return_nil(call));
    COOP_TRY(budget_take(list->object.budget, after.bytes, list->object.label));
    budget_give(list->object.budget, before.bytes);
    list->object.weight = weight_difference(weight_sum(list->object.weight, after), before);
    coop_any_clear(&list->items[at]);
    list->items[at] = *value;
    return 0;
}

static int run_set(struct call *call)
{
    int64_t index;
    uint32_t at;
    coop_any value;
    COOP_TRY(call_read_index(call, &index));
    COOP_TRY(position(list_of(call), index, &at));
    COOP_TRY(call_read_value(call, &value));
    int result = replace(call, at, &value);
    if (result < 0) coop_any_clear(&value);
    return result;
}

static int run_pop(struct call *call)
{
    struct list *list = list_of(call);
    int64_t index = -1;
    uint32_t at;
    if (call->arg_count) COOP_TRY(call_read_index(call, &index));
    COOP_TRY(position(list, index, &at));
    COOP_TRY(call_return_value(call, &list->items[at]));

    struct weight weight = weigh(&list->items[at]);
    list->object.weight = weight_difference(list->object.weight, weight);
    budget_give(list->object.budget, weight.bytes);
    coop_any_clear(&list->items[at]);
    list->count--;
    memmove(&list->items[at], &list->items[at + 1], (list->count - at) * sizeof list->items[0]);
    return 0;
}

static int run_len(struct call *call)
{
    return call_return_number(call, list_of(call)->count);
}

/* Written item by item: the list is a level of its own around values that may nest as deep as values can. */
static int run_copy(struct call *call)
{
    const struct list *list = list_of(call);
    COOP_TRY(call_reserve_values(call, list->object.weight.values + 1));
    coopi_write_array(call->result, list->count);
    for (uint32_t i = 0; i < list->count; i++) coopi_write_any(call->result, &list->items[i]);
    return call_written(call);
}

/* verb, arguments at least, at most, whether it changes the list */
#define COMMANDS(X)                                                                                                    \
    X(append, 1, 1, true)                                                                                              \
    X(extend, 1, 1, true)                                                                                              \
    X(get, 1, 1, false)                                                                                                \
    X(set, 2, 2, true)                                                                                                 \
    X(pop, 0, 1, true)                                                                                                 \
    X(len, 0, 0, false)                                                                                                \
    X(copy, 0, 0, false)

static int run_open(struct call *call)
{
    return call_open(call, &list_type);
}

static const struct command commands[] = {
#define ROW(verb, min_args, max_args, changes)                                                                         \
    COMMAND("list." #verb, run_##verb, min_args, max_args, changes, ON_OBJECT),
    COMMAND("list.open", run_open, 0, 1, true, ON_REFERENCE), COMMANDS(ROW)
#undef ROW
};

const struct object_type list_type = {
    .name = "list",
    .create = create,
    .destroy = destroy,
    .length = length,
    .commands = COMMAND_TABLE(commands),
};
