/* SPDX-License-Identifier: MIT */
/* The managed list's + and *. */
#include "list_ops.h"
#include "list_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <stdlib.h>

int list_run_concat(struct call *call)
{
    const struct list *list = list_of(call);
    struct items items;
    COOP_TRY(call_read_items(call, &items));
    uint64_t values = list->object.weight.values + 1;
    for (uint32_t i = 0; i < items.count; i++) values += weigh(&items.values[i]).values;
    int result = call_reserve_values(call, values);
    if (result == 0) {
        coopi_write_array(call->result, list->count + items.count); /* both are below 2^31: a message holds fewer */
        for (uint32_t i = 0; i < list->count; i++) coopi_write_any(call->result, &list->items[i]);
        for (uint32_t i = 0; i < items.count; i++) coopi_write_any(call->result, &items.values[i]);
        result = call_written(call);
    }
    items_free(&items);
    return result;
}

/* How often the items are to be there: an empty list stays one however often. */
static int read_times(struct call *call, uint64_t *ret_times)
{
    int64_t times;
    COOP_TRY(call_read_index(call, &times));
    *ret_times = times < 0 || list_of(call)->count == 0 ? 0 : (uint64_t)times;
    return 0;
}

/* UINT64_MAX if it is more. */
static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t result;
    return __builtin_mul_overflow(a, b, &result) ? UINT64_MAX : result;
}

/* TIMES copies of all items, behind one another. */
static int copy_items(const struct call *call, uint32_t times, struct items *ret_copies)
{
    const struct list *list = list_of(call);
    struct items copies = {.values = reallocarray(NULL, (size_t)list->count * times, sizeof *copies.values)};
    if (!copies.values) return call_no_memory(call);
    for (uint32_t i = 0; i < list->count * times; i++) {
        if (coop_any_copy(list->items[i % list->count], &copies.values[i]) < 0) {
            items_free(&copies);
            return call_no_memory(call);
        }
        copies.count++;
    }
    *ret_copies = copies;
    return 0;
}

int list_run_repeat(struct call *call)
{
    struct list *list = list_of(call);
    uint64_t times;
    struct items copies;
    COOP_TRY(read_times(call, &times));
    COOP_TRY(call_return_nil(call));
    if (times == 0) list_cut(list, 0, list->count);
    if (times <= 1) return 0;
    /* Asked before anything is copied: the copies' memory is bounded by what may be kept. */
    uint64_t bytes = product(list->object.weight.bytes, times - 1);
    COOP_TRY(budget_take(list->object.budget, bytes, list->object.label));
    budget_give(list->object.budget, bytes);
    if (product(list->count, times) > UINT32_MAX)
        return coopi_fail(ENOSPC, "%s: a list holds no more than 2^32 - 1 items", list->object.label);
    COOP_TRY(copy_items(call, (uint32_t)(times - 1), &copies));
    int result = list_insert(list, list->count, copies.values, copies.count);
    if (result == 0) copies.count = 0;
    items_free(&copies);
    return result;
}

int list_run_repeated(struct call *call)
{
    const struct list *list = list_of(call);
    uint64_t times;
    COOP_TRY(read_times(call, &times));
    uint64_t values = product(list->object.weight.values, times);
    COOP_TRY(call_reserve_values(call, values == UINT64_MAX ? values : values + 1));
    uint32_t count = (uint32_t)(list->count * times);
    coopi_write_array(call->result, count);
    for (uint32_t i = 0; i < count && coopi_writer_status(call->result) == 0; i++)
        coopi_write_any(call->result, &list->items[i % list->count]);
    return call_written(call);
}
