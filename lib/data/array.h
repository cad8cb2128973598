/* SPDX-License-Identifier: MIT */
/* The handle of an Array, for the files that make up its calls. */
#ifndef COOPI_ARRAY_H
#define COOPI_ARRAY_H

#include "base/atomic.h"
#include "data/typed.h"

#include <coop/array.h>

struct coop_array {
    struct coopi_typed typed;
};

/* The item's number from the beginning; the length if there is none. A length is below 2^63, since its items are in
 * memory, so a negative index that is too low comes out above it. */
static inline uint64_t coopi_array_position(const coop_array *array, int64_t index)
{
    uint64_t length = array->typed.object.length;
    uint64_t from_start = index < 0 ? (uint64_t)index + length : (uint64_t)index;
    return from_start < length ? from_start : length;
}

static inline void *coopi_array_item(const coop_array *array, uint64_t at)
{
    return array->typed.data + at * array->typed.type.size;
}

/* After copying items out: -ESTALE if the array is only read and was removed, else 0. */
static inline int coopi_array_read_well(const coop_array *array)
{
    return coopi_unlikely(array->typed.object.read_only) ? coopi_object_check_there(&array->typed.object) : 0;
}

/* -ERANGE, with index and length. */
int coopi_array_out_of_bounds(const coop_array *array, int64_t index) __attribute__((cold));

#endif
