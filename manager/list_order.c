/* SPDX-License-Identifier: MIT */
/* The managed list's sort and reverse.
 *
 * A merge sort beside the list: stable, and when two keys have no order the list stays as it was. One comparison costs
 * no more than the smaller of its two keys, which is the one that a merge puts in its place or the one beside it; so a
 * sort costs at most about the weight of the list times the logarithm of its length, whatever a stranger puts in. */
#include "list_ops.h"
#include "list_store.h"

#include "base/error.h"
#include "proxy/order.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct keyed {
    const coop_any *key; /* in the item */
    uint32_t from;       /* where the item stands */
};

struct sorting {
    struct keyed *keyed;
    struct keyed *spare; /* as many */
    bool reverse;
    bool clashed;
    struct coopi_clash clash; /* if so */
};

/* Whether RIGHT has to come before LEFT, which stands before it now. */
static bool must_pass(struct sorting *sorting, const struct keyed *left, const struct keyed *right)
{
    enum coopi_order order = sorting->reverse ? coopi_order(left->key, right->key, &sorting->clash)
                                              : coopi_order(right->key, left->key, &sorting->clash);
    if (order == COOPI_CLASH) sorting->clashed = true;
    return order == COOPI_LESS;
}

/* Merges the sorted FROM..MIDDLE and MIDDLE..TO. */
static void merge(struct sorting *sorting, uint32_t from, uint32_t middle, uint32_t to)
{
    struct keyed *keyed = sorting->keyed;
    if (!must_pass(sorting, &keyed[middle - 1], &keyed[middle]) || sorting->clashed) return;
    uint32_t left = from, right = middle, out = from;
    while (left < middle && right < to && !sorting->clashed)
        sorting->spare[out++] = must_pass(sorting, &keyed[left], &keyed[right]) ? keyed[right++] : keyed[left++];
    if (sorting->clashed) return;
    while (left < middle) sorting->spare[out++] = keyed[left++];
    memcpy(&keyed[from], &sorting->spare[from], (out - from) * sizeof *keyed);
}

static void sort(struct sorting *sorting, uint32_t from, uint32_t to)
{
    if (to - from < 2 || sorting->clashed) return;
    uint32_t middle = from + (to - from) / 2;
    sort(sorting, from, middle);
    sort(sorting, middle, to);
    if (!sorting->clashed) merge(sorting, from, middle, to);
}

static int no_key(const struct call *call, uint32_t at, int error, const char *why)
{
    return coopi_fail(error, "%s: item %" PRIu32 " %s; sort by another key", call->object->label, at, why);
}

/* The key of an item: what a path of indexes and keys leads to within it. */
static int follow(const struct call *call, const coop_any *path, uint32_t steps, struct keyed *keyed)
{
    for (uint32_t i = 0; i < steps; i++) {
        const coop_any *in = keyed->key;
        if (in->type == COOP_LIST && path[i].type == COOP_INT) {
            keyed->key = coop_any_at(in, path[i].as.integer);
            if (!keyed->key) return no_key(call, keyed->from, ERANGE, "is shorter than the key's index (IndexError)");
        } else if (in->type == COOP_MAP) {
            keyed->key = coop_any_get(in, path[i]);
            if (!keyed->key) return no_key(call, keyed->from, ENOENT, "does not have the key (KeyError)");
        } else {
            return no_key(call, keyed->from, EINVAL, "has no such key inside (TypeError)");
        }
    }
    return 0;
}

static int take_keys(const struct call *call, const coop_any *path, struct keyed *keyed)
{
    const struct list *list = list_of(call);
    bool many = path->type == COOP_LIST;
    uint32_t steps = many ? path->size : path->type != COOP_NIL;
    for (uint32_t i = 0; i < list->count; i++) {
        keyed[i] = (struct keyed){.key = &list->items[i], .from = i};
        COOP_TRY(follow(call, many ? path->as.items : path, steps, &keyed[i]));
    }
    return 0;
}

/* Sorts by the keys at PATH. SORTED has room for all items. */
static int sort_into(struct call *call, struct sorting *sorting, const coop_any *path, coop_any *sorted)
{
    const struct list *list = list_of(call);
    COOP_TRY(take_keys(call, path, sorting->keyed));
    sort(sorting, 0, list->count);
    if (sorting->clashed)
        return coopi_fail(
            EINVAL, "%s: '<' is not supported between '%s' and '%s' (TypeError); sort items of one kind, or by a key",
            list->object.label, coopi_any_type_name(sorting->clash.a), coopi_any_type_name(sorting->clash.b));
    for (uint32_t i = 0; i < list->count; i++) sorted[i] = list->items[sorting->keyed[i].from];
    return 0;
}

static int sort_by(struct call *call, const coop_any *path, bool reverse)
{
    struct list *list = list_of(call);
    if (list->count == 0) return 0;
    struct sorting sorting = {.keyed = reallocarray(NULL, list->count, sizeof *sorting.keyed),
                              .spare = reallocarray(NULL, list->count, sizeof *sorting.spare),
                              .reverse = reverse};
    coop_any *sorted = reallocarray(NULL, list->count, sizeof *sorted);
    int result =
        sorting.keyed && sorting.spare && sorted ? sort_into(call, &sorting, path, sorted) : call_no_memory(call);
    if (result == 0) list_reorder(list, sorted);
    free(sorting.keyed);
    free(sorting.spare);
    free(sorted);
    return result;
}

int list_run_sort(struct call *call)
{
    coop_any path = coop_nil();
    bool reverse = false;
    if (call->arg_count) COOP_TRY(call_read_value(call, &path));
    int result = call->arg_count ? call_read_bool(call, &reverse) : 0;
    if (result == 0 && path.type == COOP_MAP)
        result = coopi_fail(EINVAL, "%s: a sort's key is nil, a key or index, or an array of those (TypeError)",
                            call->object->label);
    if (result == 0) result = call_return_nil(call);
    if (result == 0) result = sort_by(call, &path, reverse);
    coop_any_clear(&path);
    return result;
}

int list_run_reverse(struct call *call)
{
    struct list *list = list_of(call);
    COOP_TRY(call_return_nil(call));
    for (uint32_t i = 0, j = list->count; i + 1 < j; i++) {
        coop_any item = list->items[i];
        list->items[i] = list->items[--j];
        list->items[j] = item;
    }
    return 0;
}
