/* SPDX-License-Identifier: MIT */
/* The managed list's slices, with Python's rules: bounds are cut to the list, a step may be negative. */
#include "list_ops.h"
#include "list_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* COUNT items: the first is at START, each next one STEP further. STOP is a bound within the list, or -1. */
struct slice {
    int64_t start;
    int64_t stop;
    int64_t step;
    uint32_t count;
};

static int64_t bound(int64_t index, int64_t length, int64_t step)
{
    if (index < 0) index += length;
    if (index < 0) return step < 0 ? -1 : 0;
    return index < length ? index : step < 0 ? length - 1 : length;
}

/* The next arguments: start, stop and step, each an int or nil; step may be left out if OPTIONAL_STEP. */
static int read_slice(struct call *call, bool optional_step, struct slice *ret_slice)
{
    int64_t length = list_of(call)->count;
    struct coopi_reader bounds = call->args;
    int64_t start = 0, stop = 0, step = 1;
    COOP_TRY(call_read_index_or_nil(call, &start));
    COOP_TRY(call_read_index_or_nil(call, &stop));
    if (!optional_step || call->arg_count) COOP_TRY(call_read_index_or_nil(call, &step));
    struct coopi_reader after = call->args;
    uint32_t left = call->arg_count;
    if (step == 0) return coopi_fail(EINVAL, "%s: a slice's step cannot be 0 (ValueError)", call->object->label);
    if (step < -INT64_MAX) step = -INT64_MAX;

    start = step < 0 ? INT64_MAX : 0; /* what nil stands for depends on the step: once more */
    stop = step < 0 ? INT64_MIN : INT64_MAX;
    call->args = bounds;
    COOP_TRY(call_read_index_or_nil(call, &start));
    COOP_TRY(call_read_index_or_nil(call, &stop));
    call->args = after;
    call->arg_count = left;

    struct slice slice = {.start = bound(start, length, step), .stop = bound(stop, length, step), .step = step};
    int64_t distance = step < 0 ? slice.start - slice.stop : slice.stop - slice.start;
    int64_t stride = step < 0 ? -step : step;
    if (distance > 0) slice.count = (uint32_t)((distance - 1) / stride + 1);
    *ret_slice = slice;
    return 0;
}

static coop_any *item(const struct list *list, const struct slice *slice, uint32_t i)
{
    return &list->items[slice->start + i * slice->step];
}

int list_run_get_slice(struct call *call)
{
    const struct list *list = list_of(call);
    struct slice slice;
    COOP_TRY(read_slice(call, true, &slice));
    uint64_t values = 1;
    for (uint32_t i = 0; i < slice.count; i++) values += weigh(item(list, &slice, i)).values;
    COOP_TRY(call_reserve_values(call, values));
    coopi_write_array(call->result, slice.count);
    for (uint32_t i = 0; i < slice.count; i++) coopi_write_any(call->result, item(list, &slice, i));
    return call_written(call);
}

/* Items that stand side by side may be replaced by more or fewer. */
static int set_range(struct list *list, const struct slice *slice, const struct items *items)
{
    uint32_t start = (uint32_t)slice->start;
    COOP_TRY(list_insert(list, start, items->values, items->count));
    list_cut(list, start + items->count, slice->count);
    return 0;
}

static int set_each(struct list *list, const struct slice *slice, const struct items *items)
{
    struct weight before = {0};
    struct weight after = {0};
    if (items->count != slice->count)
        return coopi_fail(EINVAL,
                          "%s: attempt to assign sequence of size %" PRIu32 " to extended slice of size %" PRIu32
                          " (ValueError)",
                          list->object.label, items->count, slice->count);
    for (uint32_t i = 0; i < slice->count; i++) {
        before = weight_sum(before, weigh(item(list, slice, i)));
        after = weight_sum(after, weigh(&items->values[i]));
    }
    COOP_TRY(budget_take(list->object.budget, after.bytes, list->object.label));
    budget_give(list->object.budget, before.bytes);
    list->object.weight = weight_difference(weight_sum(list->object.weight, after), before);
    for (uint32_t i = 0; i < slice->count; i++) {
        coop_any_clear(item(list, slice, i));
        *item(list, slice, i) = items->values[i];
    }
    return 0;
}

int list_run_set_slice(struct call *call)
{
    struct slice slice;
    struct items items;
    COOP_TRY(read_slice(call, false, &slice));
    COOP_TRY(call_read_items(call, &items));
    int result = call_return_nil(call);
    if (result == 0)
        result = slice.step == 1 ? set_range(list_of(call), &slice, &items) : set_each(list_of(call), &slice, &items);
    if (result == 0) items.count = 0;
    items_free(&items);
    return result;
}

/* Turns the items around in place, so that those that go stand together behind those that stay, and ends them. */
static int cut_each(struct call *call, struct slice slice)
{
    struct list *list = list_of(call);
    if (slice.count == 0) return 0;
    if (slice.step < 0) {
        slice.start += (slice.count - 1) * slice.step;
        slice.step = -slice.step;
    }
    coop_any *gone = reallocarray(NULL, slice.count, sizeof *gone);
    if (!gone) return call_no_memory(call);
    uint32_t kept = (uint32_t)slice.start;
    uint32_t taken = 0;
    for (uint32_t at = kept; at < list->count; at++) {
        if (taken < slice.count && at == slice.start + taken * slice.step)
            gone[taken++] = list->items[at];
        else
            list->items[kept++] = list->items[at];
    }
    memcpy(&list->items[kept], gone, taken * sizeof *gone);
    free(gone);
    list_cut(list, kept, taken);
    return 0;
}

int list_run_del_slice(struct call *call)
{
    struct slice slice;
    COOP_TRY(read_slice(call, true, &slice));
    COOP_TRY(call_return_nil(call));
    if (slice.step != 1) return cut_each(call, slice);
    list_cut(list_of(call), (uint32_t)slice.start, slice.count);
    return 0;
}
