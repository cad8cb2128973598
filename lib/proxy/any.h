/* SPDX-License-Identifier: MIT */
/* Making coop_any values that own their memory. */
#ifndef COOPI_ANY_H
#define COOPI_ANY_H

#include <coop/any.h>

/* Owned arrays have room for a power of two, at least four, so that their size tells their capacity. Both give
 * uninitialised room for COUNT > 0 elements, or NULL without memory. */
coop_any *coopi_items_new(size_t count);
coop_pair *coopi_pairs_new(size_t count);

/* The arrays of an owned value, which alone may be written to. */
coop_any *coopi_items(const coop_any *list);
coop_pair *coopi_pairs(const coop_any *map);

/* A COOP_STR or COOP_BYTES that owns a copy, with a NUL behind it. 0 or -ENOMEM. */
int coopi_any_from_bytes(int type, const void *bytes, size_t size, coop_any *ret_value) COOP_MUST_CHECK;

/* A list or map around an owned array; an empty one needs none. */
coop_any coopi_any_own(int type, const void *array, size_t count);

/* A copy that nests at most DEPTH levels deep. */
int coopi_any_copy_within(const coop_any *value, int depth, coop_any *ret_copy) COOP_MUST_CHECK;

/* Like coop_any_append() and coop_any_set(), but they take owned values over instead of copying them, and only if they
 * succeed. The container is owned or empty. */
int coopi_any_append_owned(coop_any *list, const coop_any *item) COOP_MUST_CHECK;
int coopi_any_set_owned(coop_any *map, const coop_pair *pair) COOP_MUST_CHECK;

/* -EINVAL with a sentence if KEY cannot be a map's key. */
int coopi_key_check(const coop_any *key) COOP_MUST_CHECK;

#endif
