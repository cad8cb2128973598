/* SPDX-License-Identifier: MIT */
/* A throw-away hash index over an array of pairs, for work on whole maps in linear time. */
#include "proxy/pairs.h"

#include "proxy/key.h"

#include <errno.h>
#include <stdlib.h>

int coopi_pairs_index_init(struct coopi_pairs_index *index, size_t count)
{
    size_t slots = 8;
    while (slots < 2 * count) slots *= 2;
    index->slots = calloc(slots, sizeof *index->slots);
    index->mask = slots - 1;
    return index->slots ? 0 : -ENOMEM;
}

void coopi_pairs_index_free(struct coopi_pairs_index *index)
{
    free(index->slots);
    index->slots = NULL;
}

uint32_t *coopi_pairs_index_slot(const struct coopi_pairs_index *index, const coop_pair *pairs, const coop_any *key)
{
    size_t i = coopi_hash(key, coopi_hash_secret()) & index->mask;
    while (index->slots[i] && !coopi_keys_equal(&pairs[index->slots[i] - 1].key, key)) i = (i + 1) & index->mask;
    return &index->slots[i];
}
