/* SPDX-License-Identifier: MIT */
/* coop_any: copying, building, looking into and freeing values. */
#include "proxy/any.h"

#include "base/error.h"
#include "proxy/key.h"

#include <errno.h>
#include <stdlib.h>

static int no_memory(void)
{
    return coopi_fail(ENOMEM, "value: out of memory; free some, or handle smaller values");
}

static size_t capacity_for(size_t count)
{
    size_t capacity = 4;
    while (capacity < count) capacity *= 2;
    return capacity;
}

coop_any *coopi_items_new(size_t count)
{
    return reallocarray(NULL, capacity_for(count), sizeof(coop_any));
}

coop_pair *coopi_pairs_new(size_t count)
{
    return reallocarray(NULL, capacity_for(count), sizeof(coop_pair));
}

coop_any *coopi_items(const coop_any *list)
{
    return (coop_any *)(uintptr_t)list->as.items;
}

coop_pair *coopi_pairs(const coop_any *map)
{
    return (coop_pair *)(uintptr_t)map->as.pairs;
}

int coopi_any_from_bytes(int type, const void *bytes, size_t size, coop_any *ret_value)
{
    char *copy = malloc(size + 1);
    if (!copy) return no_memory();
    if (size) memcpy(copy, bytes, size);
    copy[size] = '\0';
    *ret_value = coop_strn(copy, size);
    ret_value->as.str = copy; /* also when it is empty: it is owned */
    ret_value->type = (int16_t)type;
    ret_value->owned = 1;
    return 0;
}

coop_any coopi_any_own(int type, const void *array, size_t count)
{
    coop_any v = type == COOP_LIST ? coop_items(array, count) : coop_pairs(array, count);
    v.owned = array != NULL;
    return v;
}

int coopi_key_check(const coop_any *key)
{
    if (coopi_is_key(key)) return 0;
    if (key->type == COOP_FLOAT) return coopi_fail(EINVAL, "key: NaN equals nothing, not even itself; use another key");
    return coopi_fail(EINVAL, "key: a key is nil, bool, int, float, str or bytes, not a list or map; use its repr");
}

static int copy_at(const coop_any *value, int depth, coop_any *ret_copy);

static int copy_list(const coop_any *list, int depth, coop_any *ret_copy)
{
    coop_any *items = list->size ? coopi_items_new(list->size) : NULL;
    if (list->size && !items) return no_memory();
    for (uint32_t i = 0; i < list->size; i++) {
        int r = copy_at(&list->as.items[i], depth - 1, &items[i]);
        if (r < 0) {
            coop_any half = coopi_any_own(COOP_LIST, items, i);
            coop_any_clear(&half);
            return r;
        }
    }
    *ret_copy = coopi_any_own(COOP_LIST, items, list->size);
    return 0;
}

static int copy_pair(const coop_pair *pair, int depth, coop_pair *ret_copy)
{
    int r = coopi_key_check(&pair->key);
    if (r < 0) return r;
    coop_any key;
    r = copy_at(&pair->key, depth, &key);
    if (r < 0) return r;
    r = copy_at(&pair->value, depth, &ret_copy->value);
    if (r < 0)
        coop_any_clear(&key);
    else
        ret_copy->key = key;
    return r;
}

static int copy_map(const coop_any *map, int depth, coop_any *ret_copy)
{
    coop_pair *pairs = map->size ? coopi_pairs_new(map->size) : NULL;
    if (map->size && !pairs) return no_memory();
    for (uint32_t i = 0; i < map->size; i++) {
        int r = copy_pair(&map->as.pairs[i], depth - 1, &pairs[i]);
        if (r < 0) {
            coop_any half = coopi_any_own(COOP_MAP, pairs, i);
            coop_any_clear(&half);
            return r;
        }
    }
    *ret_copy = coopi_any_own(COOP_MAP, pairs, map->size);
    return 0;
}

/* DEPTH is how many levels of containers are still allowed. */
static int copy_at(const coop_any *value, int depth, coop_any *ret_copy)
{
    switch (value->type) {
    case COOP_NIL:
    case COOP_BOOL:
    case COOP_INT:
    case COOP_UINT:
    case COOP_FLOAT: *ret_copy = *value; return 0;
    case COOP_STR:
    case COOP_BYTES: return coopi_any_from_bytes(value->type, value->as.bytes, value->size, ret_copy);
    case COOP_LIST:
    case COOP_MAP:
        if (depth == 0) return coopi_fail(EINVAL, "value: nests deeper than %d; flatten it", COOP_ANY_DEPTH);
        return value->type == COOP_LIST ? copy_list(value, depth, ret_copy) : copy_map(value, depth, ret_copy);
    default: return coopi_fail(EINVAL, "value: there is no type %d; make values by coop_int(), ...", value->type);
    }
}

int coopi_any_copy_within(const coop_any *value, int depth, coop_any *ret_copy)
{
    return copy_at(value, depth, ret_copy);
}

int coop_any_copy(coop_any value, coop_any *ret_copy)
{
    return copy_at(&value, COOP_ANY_DEPTH, ret_copy);
}

/* Whether a container of TYPE may grow by one: it is empty, or its array is ours. */
static int growable(const coop_any *container, int type, const char *noun)
{
    if (container->type != type) return coopi_fail(EINVAL, "%s: the value is none; begin with an empty one", noun);
    if (container->size && !container->owned)
        return coopi_fail(EINVAL, "%s: it borrows its contents; grow a coop_any_copy() of it", noun);
    if (container->size == UINT32_MAX) return coopi_fail(ENOMEM, "%s: full", noun);
    return 0;
}

/* ARRAY with room for one more than COUNT: it is full when COUNT is a capacity. The old one stays valid on failure. */
static void *grown(void *array, size_t count, size_t element)
{
    if (count && count < capacity_for(count)) return array;
    return reallocarray(array, capacity_for(count + 1), element);
}

int coopi_any_append_owned(coop_any *list, const coop_any *item)
{
    coop_any *items = grown(list->size ? coopi_items(list) : NULL, list->size, sizeof *items);
    if (!items) return no_memory();
    items[list->size] = *item;
    *list = coopi_any_own(COOP_LIST, items, list->size + 1u);
    return 0;
}

int coop_any_append(coop_any *list, coop_any item)
{
    int r = growable(list, COOP_LIST, "list");
    if (r < 0) return r;
    coop_any copy;
    r = copy_at(&item, COOP_ANY_DEPTH - 1, &copy);
    if (r < 0) return r;
    r = coopi_any_append_owned(list, &copy);
    if (r < 0) coop_any_clear(&copy);
    return r;
}

static int append_owned_pair(coop_any *map, const coop_pair *pair)
{
    coop_pair *pairs = grown(map->size ? coopi_pairs(map) : NULL, map->size, sizeof *pairs);
    if (!pairs) return no_memory();
    pairs[map->size] = *pair;
    *map = coopi_any_own(COOP_MAP, pairs, map->size + 1u);
    return 0;
}

static int append_pair(coop_any *map, const coop_pair *pair)
{
    coop_pair copy;
    int r = copy_pair(pair, COOP_ANY_DEPTH - 1, &copy);
    if (r < 0) return r;
    r = append_owned_pair(map, &copy);
    if (r < 0) {
        coop_any_clear(&copy.key);
        coop_any_clear(&copy.value);
    }
    return r;
}

/* The place of KEY, or the map's size if it is not there. */
static uint32_t find(const coop_any *map, coop_any key)
{
    uint32_t i = 0;
    while (i < map->size && !coopi_keys_equal(&map->as.pairs[i].key, &key)) i++;
    return i;
}

int coop_any_set(coop_any *map, coop_any key, coop_any value)
{
    int r = growable(map, COOP_MAP, "map");
    if (r < 0) return r;
    uint32_t place = find(map, key);
    if (place == map->size) return append_pair(map, &(coop_pair){key, value});
    coop_any copy;
    r = copy_at(&value, COOP_ANY_DEPTH - 1, &copy);
    if (r < 0) return r;
    coop_any_clear(&coopi_pairs(map)[place].value);
    coopi_pairs(map)[place].value = copy;
    return 0;
}

int coopi_any_set_owned(coop_any *map, const coop_pair *pair)
{
    int r = coopi_key_check(&pair->key);
    if (r < 0) return r;
    uint32_t place = find(map, pair->key);
    if (place == map->size) return append_owned_pair(map, pair);
    coop_any_clear(&coopi_pairs(map)[place].value);
    coopi_pairs(map)[place].value = pair->value;
    coop_any key = pair->key; /* the one that is there stays */
    coop_any_clear(&key);
    return 0;
}

const coop_any *coop_any_get(const coop_any *map, coop_any key)
{
    if (map->type != COOP_MAP) return NULL;
    uint32_t place = find(map, key);
    return place < map->size ? &map->as.pairs[place].value : NULL;
}

const coop_any *coop_any_at(const coop_any *list, int64_t index)
{
    if (list->type != COOP_LIST) return NULL;
    if (index < 0) index += list->size;
    return index >= 0 && index < list->size ? &list->as.items[index] : NULL;
}

void coop_any_clear(coop_any *value)
{
    if (!value) return;
    if (value->owned && value->type == COOP_LIST)
        for (uint32_t i = 0; i < value->size; i++) coop_any_clear(&coopi_items(value)[i]);
    if (value->owned && value->type == COOP_MAP)
        for (uint32_t i = 0; i < value->size; i++) {
            coop_any_clear(&coopi_pairs(value)[i].key);
            coop_any_clear(&coopi_pairs(value)[i].value);
        }
    if (value->owned) free((void *)(uintptr_t)value->as.bytes);
    *value = coop_nil();
}
