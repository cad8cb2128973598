/* SPDX-License-Identifier: MIT */
/* The managed list's operations that compare. Each looks at every item at most once, and no comparison costs more than
 * the smaller of its two sides, so that none takes longer than walking through the list. */
#include "list_ops.h"
#include "list_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <stdlib.h>

/* The first item from FROM on that equals VALUE, or TO. */
static uint32_t find(const struct list *list, const coop_any *value, uint32_t from, uint32_t to)
{
    while (from < to && !coop_any_equal(list->items[from], *value)) from++;
    return from;
}

/* Names the value if that is short. */
static int not_in_list(const struct call *call, const coop_any *value)
{
    const char *label = call->object->label;
    char *text = NULL;
    bool named = value->size <= 64 && value->type < COOP_LIST && coop_any_format(*value, &text) == 0;
    int result = coopi_fail(ENOENT, "%s: %s is not in it (ValueError); ask with contains or count first", label,
                            named ? text : "such a value");
    free(text);
    return result;
}

static int search(struct call *call, coop_any *ret_value, uint32_t *ret_at)
{
    const struct list *list = list_of(call);
    int64_t start = 0;
    int64_t stop = INT64_MAX;
    coop_any value;
    COOP_TRY(call_read_value(call, &value));
    int result = call->arg_count ? call_read_index(call, &start) : 0;
    if (result == 0 && call->arg_count) result = call_read_index(call, &stop);
    if (result == 0) {
        uint32_t from = list_bound(list, start);
        uint32_t to = list_bound(list, stop);
        uint32_t at = find(list, &value, from, to);
        if (at < to)
            *ret_at = at;
        else
            result = not_in_list(call, &value);
    }
    if (result == 0)
        *ret_value = value;
    else
        coop_any_clear(&value);
    return result;
}

int list_run_index(struct call *call)
{
    coop_any value;
    uint32_t at;
    COOP_TRY(search(call, &value, &at));
    coop_any_clear(&value);
    return call_return_number(call, at);
}

int list_run_remove(struct call *call)
{
    coop_any value;
    uint32_t at;
    COOP_TRY(search(call, &value, &at));
    coop_any_clear(&value);
    COOP_TRY(call_return_nil(call));
    list_cut(list_of(call), at, 1);
    return 0;
}

int list_run_contains(struct call *call)
{
    const struct list *list = list_of(call);
    coop_any value;
    COOP_TRY(call_read_value(call, &value));
    bool contains = find(list, &value, 0, list->count) < list->count;
    coop_any_clear(&value);
    return call_return_bool(call, contains);
}

int list_run_count(struct call *call)
{
    const struct list *list = list_of(call);
    coop_any value;
    COOP_TRY(call_read_value(call, &value));
    uint32_t count = 0;
    for (uint32_t i = 0; i < list->count; i++) count += coop_any_equal(list->items[i], value);
    coop_any_clear(&value);
    return call_return_number(call, count);
}

int list_run_equal(struct call *call)
{
    const struct list *list = list_of(call);
    struct items items;
    COOP_TRY(call_read_items(call, &items));
    bool equal = items.count == list->count;
    for (uint32_t i = 0; equal && i < items.count; i++) equal = coop_any_equal(list->items[i], items.values[i]);
    items_free(&items);
    return call_return_bool(call, equal);
}
