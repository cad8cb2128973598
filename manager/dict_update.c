/* SPDX-License-Identifier: MIT */
/* The managed dict's operations with another dict. */
#include "dict_ops.h"
#include "dict_store.h"

#include "base/error.h"
#include "proxy/any.h"
#include "proxy/pairs.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* A map that is being collected out of pairs; of a key that comes twice the last value counts. */
struct collected {
    coop_any map; /* owned */
    struct coopi_pairs_index index;
};

static int collected_begin(const struct call *call, uint32_t count, struct collected *ret)
{
    struct collected c = {.map = coop_pairs(NULL, 0)};
    if (count) {
        coop_pair *pairs = coopi_pairs_new(count);
        if (!pairs || coopi_pairs_index_init(&c.index, count) < 0) {
            free(pairs);
            return call_no_memory(call);
        }
        c.map = coopi_any_own(COOP_MAP, pairs, 0);
    }
    *ret = c;
    return 0;
}

/* Takes an owned value over, also when it fails; KEY is borrowed. */
static int collected_put(const struct call *call, struct collected *c, const coop_any *key, coop_any *value)
{
    coop_pair *pairs = coopi_pairs(&c->map);
    uint32_t *slot = coopi_pairs_index_slot(&c->index, pairs, key);
    if (*slot) {
        coop_any_clear(&pairs[*slot - 1].value);
        pairs[*slot - 1].value = *value;
        return 0;
    }
    if (coop_any_copy(*key, &pairs[c->map.size].key) < 0) {
        coop_any_clear(value);
        return call_no_memory(call);
    }
    pairs[c->map.size].value = *value;
    *slot = ++c->map.size;
    return 0;
}

/* Ends the index, and the map too if RESULT is a failure. */
static int collected_end(struct collected *c, int result, coop_any *ret_map)
{
    coopi_pairs_index_free(&c->index);
    if (result < 0)
        coop_any_clear(&c->map);
    else
        *ret_map = c->map;
    return result;
}

static int read_pair(struct call *call, struct collected *c, uint32_t number)
{
    uint32_t size;
    coop_any key;
    coop_any value;
    if (coopi_read_array(&call->args, &size) < 0)
        return coopi_fail(EINVAL, "%s: element #%" PRIu32 " is no [key, value] (TypeError)", call->object->label,
                          number);
    if (size != 2)
        return coopi_fail(EINVAL, "%s: element #%" PRIu32 " has length %" PRIu32 "; 2 is required (ValueError)",
                          call->object->label, number, size);
    COOP_TRY(call_read_key(call, &key));
    COOP_TRY(call_read_value(call, &value));
    return collected_put(call, c, &key, &value);
}

/* The next argument, a map or an array of [key, value], as an owned map. */
static int read_map(struct call *call, coop_any *ret_map)
{
    struct coopi_reader before = call->args;
    uint32_t count;
    struct collected c;
    if (coopi_read_array(&call->args, &count) < 0) {
        coop_any map;
        call->args = before;
        COOP_TRY(call_read_value(call, &map));
        if (map.type == COOP_MAP) {
            *ret_map = map;
            return 0;
        }
        coop_any_clear(&map);
        return coopi_fail(EINVAL, "%s: %s takes a map, or an array of [key, value] (TypeError)", call->object->label,
                          call->op);
    }
    COOP_TRY(collected_begin(call, count, &c));
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) result = read_pair(call, &c, i);
    return collected_end(&c, result, ret_map);
}

int dict_run_update(struct call *call)
{
    coop_any map;
    COOP_TRY(read_map(call, &map));
    int result = call_return_nil(call);
    if (result == 0) result = dict_set_all(dict_of(call), &map);
    coop_any_clear(&map);
    return result;
}

/* Reads COUNT keys and gives each a copy of VALUE. */
static int read_keys(struct call *call, uint32_t count, const coop_any *value, coop_any *ret_map)
{
    struct collected c;
    COOP_TRY(collected_begin(call, count, &c));
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) {
        coop_any key;
        coop_any copy;
        result = call_read_key(call, &key);
        if (result == 0 && coop_any_copy(*value, &copy) < 0) result = call_no_memory(call);
        if (result == 0) result = collected_put(call, &c, &key, &copy);
    }
    return collected_end(&c, result, ret_map);
}

/* Asks the budget first: one short message may want a long value copied very often. */
static int make_map(struct call *call, uint32_t count, const coop_any *value, coop_any *ret_map)
{
    struct budget *budget = call->object->budget;
    uint64_t bytes;
    if (__builtin_mul_overflow(weigh(value).bytes, (uint64_t)count, &bytes)) bytes = UINT64_MAX;
    COOP_TRY(budget_take(budget, bytes, call->object->label));
    budget_give(budget, bytes);
    return read_keys(call, count, value, ret_map);
}

int dict_run_fromkeys(struct call *call)
{
    coop_any value = coop_nil();
    coop_any map;
    uint32_t count;
    bool valued = call->arg_count == 2;
    struct coopi_reader keys = call->args;
    if (coopi_read_array(&keys, &count) < 0)
        return coopi_fail(EINVAL, "%s: fromkeys takes an array of keys (TypeError)", call->object->label);
    COOP_TRY(coopi_read_skip(&call->args));
    call->arg_count--;
    if (valued) COOP_TRY(call_read_value(call, &value));
    call->args = keys;
    int result = make_map(call, count, &value, &map);
    coop_any_clear(&value);
    if (result < 0) return result;
    result = call_return_nil(call);
    if (result == 0) result = dict_set_all(dict_of(call), &map);
    coop_any_clear(&map);
    return result;
}

/* Of both, with the second's values where both have a key: the dict's keys first, then the new ones. */
static int write_merged(struct call *call, const coop_any *map, struct coopi_pairs_index *index)
{
    const struct dict *dict = dict_of(call);
    const coop_pair *pairs = map->as.pairs;
    struct coopi_writer *w = call->result;
    uint64_t values = 1;
    uint32_t count = dict_length(call->object);
    for (uint32_t i = 0; i < map->size; i++) {
        values += weigh(&pairs[i].value).values + 1;
        count += !dict_find(dict, &pairs[i].key);
        *coopi_pairs_index_slot(index, pairs, &pairs[i].key) = i + 1;
    }
    /* At most what both have: a little more than is needed where they overlap. */
    COOP_TRY(call_reserve_values(call, values + dict->object.weight.values));
    coopi_write_map(w, count);
    for (const struct entry *entry = dict->entries; entry; entry = entry->hh.next) {
        uint32_t place = *coopi_pairs_index_slot(index, pairs, &entry->key);
        coopi_write_any(w, &entry->key);
        coopi_write_any(w, place ? &pairs[place - 1].value : &entry->value);
    }
    for (uint32_t i = 0; i < map->size; i++) {
        if (dict_find(dict, &pairs[i].key)) continue;
        coopi_write_any(w, &pairs[i].key);
        coopi_write_any(w, &pairs[i].value);
    }
    return call_written(call);
}

int dict_run_merge(struct call *call)
{
    struct coopi_pairs_index index;
    coop_any map;
    COOP_TRY(call_read_value(call, &map));
    int result = 0;
    if (map.type != COOP_MAP)
        result = coopi_fail(EINVAL, "%s: merge takes a map (TypeError)", call->object->label);
    else if (coopi_pairs_index_init(&index, map.size) < 0)
        result = call_no_memory(call);
    if (result == 0) {
        result = write_merged(call, &map, &index);
        coopi_pairs_index_free(&index);
    }
    coop_any_clear(&map);
    return result;
}

/* No map has a key twice: as many keys, each there with an equal value, is enough. */
int dict_run_equal(struct call *call)
{
    const struct dict *dict = dict_of(call);
    coop_any map;
    COOP_TRY(call_read_value(call, &map));
    bool equal = map.type == COOP_MAP && map.size == dict_length(call->object);
    for (uint32_t i = 0; equal && i < map.size; i++) {
        const struct entry *entry = dict_find(dict, &map.as.pairs[i].key);
        equal = entry && coop_any_equal(entry->value, map.as.pairs[i].value);
    }
    coop_any_clear(&map);
    return call_return_bool(call, equal);
}
