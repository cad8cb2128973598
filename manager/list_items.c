/* SPDX-License-Identifier: MIT */
/* The managed list's operations on one item or all. */
#include "list_ops.h"
#include "list_store.h"
#include "page.h"

#include <coop/try.h>

int list_run_append(struct call *call)
{
    coop_any value;
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_nil(call);
    if (result == 0) result = list_insert(list_of(call), list_of(call)->count, &value, 1);
    if (result < 0) coop_any_clear(&value);
    return result;
}

int list_run_extend(struct call *call)
{
    struct items items;
    COOP_TRY(call_read_items(call, &items));
    int result = call_return_nil(call);
    if (result == 0) result = list_insert(list_of(call), list_of(call)->count, items.values, items.count);
    if (result == 0) items.count = 0;
    items_free(&items);
    return result;
}

int list_run_insert(struct call *call)
{
    int64_t index;
    coop_any value;
    COOP_TRY(call_read_index(call, &index));
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_nil(call);
    if (result == 0) result = list_insert(list_of(call), list_bound(list_of(call), index), &value, 1);
    if (result < 0) coop_any_clear(&value);
    return result;
}

/* The next argument is the index of an item that is there. */
static int read_position(struct call *call, uint32_t *ret_at)
{
    int64_t index;
    COOP_TRY(call_read_index(call, &index));
    return list_position(list_of(call), index, ret_at);
}

int list_run_get(struct call *call)
{
    uint32_t at;
    COOP_TRY(read_position(call, &at));
    return call_return_value(call, &list_of(call)->items[at]);
}

int list_run_set(struct call *call)
{
    uint32_t at;
    coop_any value;
    COOP_TRY(read_position(call, &at));
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_nil(call);
    if (result == 0) result = list_replace(list_of(call), at, &value);
    if (result < 0) coop_any_clear(&value);
    return result;
}

int list_run_del(struct call *call)
{
    uint32_t at;
    COOP_TRY(read_position(call, &at));
    COOP_TRY(call_return_nil(call));
    list_cut(list_of(call), at, 1);
    return 0;
}

int list_run_pop(struct call *call)
{
    struct list *list = list_of(call);
    uint32_t at;
    if (call->arg_count)
        COOP_TRY(read_position(call, &at));
    else
        COOP_TRY(list_position(list, -1, &at));
    COOP_TRY(call_return_value(call, &list->items[at]));
    list_cut(list, at, 1);
    return 0;
}

int list_run_len(struct call *call)
{
    return call_return_number(call, list_of(call)->count);
}

int list_run_copy(struct call *call)
{
    const struct list *list = list_of(call);
    COOP_TRY(call_reserve_values(call, list->object.weight.values + 1));
    coopi_write_array(call->result, list->count);
    for (uint32_t i = 0; i < list->count; i++) coopi_write_any(call->result, &list->items[i]);
    return call_written(call);
}

int list_run_clear(struct call *call)
{
    COOP_TRY(call_return_nil(call));
    list_cut(list_of(call), 0, list_of(call)->count);
    return 0;
}

int list_run_page(struct call *call)
{
    const struct list *list = list_of(call);
    int64_t index;
    struct page page;
    COOP_TRY(call_read_index(call, &index));
    COOP_TRY(page_begin(call, &page));
    if (index < 0) index += list->count;
    bool inside = index >= 0 && index < list->count;
    uint32_t at = inside ? (uint32_t)index : 0;
    uint32_t there = !inside ? 0 : page.backwards ? at + 1 : list->count - at;
    uint32_t count = 0;
    while (count < there && page_takes(&page, weigh(&list->items[page.backwards ? at - count : at + count]))) count++;
    COOP_TRY(call_reserve_values(call, page.weight.values + 3));
    coopi_write_array(call->result, 2);
    coopi_write_uint(call->result, inside ? at : list->count);
    coopi_write_array(call->result, count);
    for (uint32_t i = 0; i < count; i++) coopi_write_any(call->result, &list->items[page.backwards ? at - i : at + i]);
    return call_written(call);
}
