/* SPDX-License-Identifier: MIT */
/* A throw-away hash index over an array of pairs, for work on whole maps in linear time. */
#ifndef COOPI_PAIRS_H
#define COOPI_PAIRS_H

#include <coop/any.h>

/* Open addressing, at most half full: a slot holds a pair's position plus one, or 0. */
struct coopi_pairs_index {
    uint32_t *slots;
    size_t mask;
};

/* Room for COUNT pairs. 0 or -ENOMEM. */
int coopi_pairs_index_init(struct coopi_pairs_index *index, size_t count) COOP_MUST_CHECK;
void coopi_pairs_index_free(struct coopi_pairs_index *index);

/* The slot of the pair in PAIRS that has KEY, or the empty slot where it belongs. All slots that are not empty must
 * refer to PAIRS. */
uint32_t *coopi_pairs_index_slot(const struct coopi_pairs_index *index, const coop_pair *pairs, const coop_any *key);

#endif
