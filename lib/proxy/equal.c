/* SPDX-License-Identifier: MIT */
/* coop_any_equal(): Python's == on values. */
#include "proxy/key.h"
#include "proxy/pairs.h"

#define SMALL_MAP 8 /* pairs; up to here looking at all of them is faster than an index */

static bool lists_equal(const coop_any *a, const coop_any *b)
{
    if (a->size != b->size) return false;
    for (uint32_t i = 0; i < a->size; i++)
        if (!coop_any_equal(a->as.items[i], b->as.items[i])) return false;
    return true;
}

static const coop_any *find_value(const coop_any *map, const coop_any *key)
{
    for (uint32_t i = 0; i < map->size; i++)
        if (coopi_keys_equal(&map->as.pairs[i].key, key)) return &map->as.pairs[i].value;
    return NULL;
}

static bool maps_equal_small(const coop_any *a, const coop_any *b)
{
    for (uint32_t i = 0; i < a->size; i++) {
        const coop_any *other = find_value(b, &a->as.pairs[i].key);
        if (!other || !coop_any_equal(a->as.pairs[i].value, *other)) return false;
    }
    return true;
}

static bool maps_equal_by_index(const coop_any *a, const coop_any *b, const struct coopi_pairs_index *index)
{
    const coop_pair *pairs = b->as.pairs;
    for (uint32_t i = 0; i < b->size; i++) {
        if (!coopi_is_key(&pairs[i].key)) return false;
        *coopi_pairs_index_slot(index, pairs, &pairs[i].key) = i + 1;
    }
    for (uint32_t i = 0; i < a->size; i++) {
        if (!coopi_is_key(&a->as.pairs[i].key)) return false;
        uint32_t place = *coopi_pairs_index_slot(index, pairs, &a->as.pairs[i].key);
        if (!place || !coop_any_equal(a->as.pairs[i].value, pairs[place - 1].value)) return false;
    }
    return true;
}

/* Same size and every key of A in B is enough, because no map has a key twice. */
static bool maps_equal(const coop_any *a, const coop_any *b)
{
    struct coopi_pairs_index index;
    if (a->size != b->size) return false;
    if (a->size <= SMALL_MAP || coopi_pairs_index_init(&index, b->size) < 0) return maps_equal_small(a, b);
    bool equal = maps_equal_by_index(a, b, &index);
    coopi_pairs_index_free(&index);
    return equal;
}

bool coop_any_equal(coop_any a, coop_any b)
{
    if (a.type == COOP_LIST && b.type == COOP_LIST) return lists_equal(&a, &b);
    if (a.type == COOP_MAP && b.type == COOP_MAP) return maps_equal(&a, &b);
    return coopi_keys_equal(&a, &b);
}
