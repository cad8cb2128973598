/* SPDX-License-Identifier: MIT */
/* The managed list's memory. */
#include "list_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#define FIRST_CAPACITY 8u

struct object *list_create(void)
{
    struct list *list = calloc(1, sizeof *list);
    return list ? &list->object : NULL;
}

void list_destroy(struct object *object)
{
    struct list *list = (struct list *)object;
    for (uint32_t i = 0; i < list->count; i++) coop_any_clear(&list->items[i]);
    free(list->items);
    free(list);
}

uint32_t list_length(const struct object *object)
{
    return ((const struct list *)object)->count;
}

int list_position(const struct list *list, int64_t index, uint32_t *ret_position)
{
    int64_t count = list->count;
    int64_t at = index < 0 ? index + count : index;
    if (at >= 0 && at < count) {
        *ret_position = (uint32_t)at;
        return 0;
    }
    if (count == 0)
        return coopi_fail(ERANGE, "%s: it is empty, so there is no item %" PRId64 " (IndexError)", list->object.label,
                          index);
    return coopi_fail(ERANGE,
                      "%s: index %" PRId64 " is out of range (IndexError); its %" PRId64 " items are 0 to %" PRId64
                      ", or -1 to %" PRId64 " from the end",
                      list->object.label, index, count, count - 1, -count);
}

uint32_t list_bound(const struct list *list, int64_t index)
{
    int64_t count = list->count;
    int64_t at = index < 0 ? index + count : index;
    return at < 0 ? 0 : at > count ? list->count : (uint32_t)at;
}

static int set_capacity(struct list *list, uint64_t capacity)
{
    coop_any *items = realloc(list->items, capacity * sizeof *items);
    if (!items) return coopi_fail(ENOMEM, "%s: the manager is out of memory", list->object.label);
    list->items = items;
    list->capacity = (uint32_t)capacity;
    return 0;
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
    if (capacity < FIRST_CAPACITY) capacity = FIRST_CAPACITY;
    if (capacity > UINT32_MAX) capacity = UINT32_MAX;
    return set_capacity(list, capacity);
}

/* A list that lost most of its items gives their room back. */
static void shrink(struct list *list)
{
    if (list->capacity <= FIRST_CAPACITY || list->count > list->capacity / 4) return;
    uint32_t capacity = list->count * 2 > FIRST_CAPACITY ? list->count * 2 : FIRST_CAPACITY;
    int result = set_capacity(list, capacity);
    (void)result; /* it keeps what it has */
}

static struct weight weigh_all(const coop_any *values, uint32_t count)
{
    struct weight sum = {0};
    for (uint32_t i = 0; i < count; i++) sum = weight_sum(sum, weigh(&values[i]));
    return sum;
}

int list_insert(struct list *list, uint32_t at, const coop_any *values, uint32_t count)
{
    struct weight added = weigh_all(values, count);
    COOP_TRY(budget_take(list->object.budget, added.bytes, list->object.label));
    int result = reserve(list, count);
    if (result < 0) {
        budget_give(list->object.budget, added.bytes);
        return result;
    }
    list->object.weight = weight_sum(list->object.weight, added);
    if (count == 0) return 0; /* an empty list has no memory to move */
    memmove(&list->items[at + count], &list->items[at], (list->count - at) * sizeof list->items[0]);
    memcpy(&list->items[at], values, count * sizeof *values);
    list->count += count;
    return 0;
}

void list_cut(struct list *list, uint32_t at, uint32_t count)
{
    if (count == 0) return;
    struct weight weight = weigh_all(&list->items[at], count);
    list->object.weight = weight_difference(list->object.weight, weight);
    budget_give(list->object.budget, weight.bytes);
    for (uint32_t i = 0; i < count; i++) coop_any_clear(&list->items[at + i]);
    list->count -= count;
    memmove(&list->items[at], &list->items[at + count], (list->count - at) * sizeof list->items[0]);
    shrink(list);
}

int list_replace(struct list *list, uint32_t at, const coop_any *value)
{
    struct weight before = weigh(&list->items[at]);
    struct weight after = weigh(value);
    COOP_TRY(budget_take(list->object.budget, after.bytes, list->object.label));
    budget_give(list->object.budget, before.bytes);
    list->object.weight = weight_difference(weight_sum(list->object.weight, after), before);
    coop_any_clear(&list->items[at]);
    list->items[at] = *value;
    return 0;
}

void list_reorder(struct list *list, const coop_any *values)
{
    if (list->count) memcpy(list->items, values, list->count * sizeof *values);
}
