/* SPDX-License-Identifier: MIT */
/* Array: a fixed number of typed items in shared memory. */
#include "data/array.h"

#include "base/atomic.h"
#include "base/error.h"
#include "data/refusal.h"
#include "data/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static_assert(COOP_ANY_LENGTH == UINT64_MAX, "one word for any length, here and in segment/object.h");

/* Opening */

static int open_array(const struct coopi_typed_want *want, coop_array **ret_array)
{
    coop_array *array = calloc(1, sizeof *array);
    if (!array) return coopi_fail(ENOMEM, "%s: no memory for a handle", want->path ? want->path : "nameless array");
    int result = coopi_typed_open(want, &array->typed);
    if (result < 0) {
        free(array);
        return result;
    }
    *ret_array = array;
    return 0;
}

int coop_array_open(const char *path, const char *type, size_t length, int flags, coop_array **ret_array)
{
    struct coopi_typed_want want = {.path = path, .kind = COOPI_ARRAY, .type = type, .length = length, .flags = flags};
    return open_array(&want, ret_array);
}

int coop_array_new(const char *type, size_t length, coop_array **ret_array)
{
    return coop_array_open(NULL, type, length, COOP_CREATE, ret_array);
}

int coop_array_in(coop_segment *segment, const char *name, const char *type, size_t length, int flags,
                  coop_array **ret_array)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless array");
    struct coopi_typed_want want = {
        .path = name, .segment = segment, .kind = COOPI_ARRAY, .type = type, .length = length, .flags = flags};
    return open_array(&want, ret_array);
}

void coop_array_close(coop_array *array)
{
    if (!array) return;
    coopi_typed_close(&array->typed);
    free(array);
}

/* Description */

size_t coop_array_length(const coop_array *array)
{
    return array->typed.object.length;
}

size_t coop_array_item_size(const coop_array *array)
{
    return array->typed.type.size;
}

const char *coop_array_type(const coop_array *array)
{
    return array->typed.type.text;
}

const char *coop_array_path(const coop_array *array)
{
    return array->typed.object.path;
}

void *coop_array_data(coop_array *array)
{
    return array->typed.data;
}

/* Items */

int coopi_array_out_of_bounds(const coop_array *array, int64_t index)
{
    const char *label = coopi_object_label(&array->typed.object);
    uint64_t length = array->typed.object.length;
    if (length == 0) return coopi_fail(ERANGE, "%s: index %" PRId64 ", but the array has no items", label, index);
    return coopi_fail(ERANGE,
                      "%s: index %" PRId64 " is out of bounds: %" PRIu64 " items have the indexes 0 to %" PRIu64
                      ", or -%" PRIu64 " to -1 from the end",
                      label, index, length, length - 1, length);
}

/* Each call on an item: find it, one operation of scalar.c, and a sentence if that failed. OPERATION is the call
 * without its place; OTHERWISE what comes if it fails, with GIVEN. */
#define ON_ITEM(suffix, operation, otherwise, given, ...)                                                              \
    uint64_t at = coopi_array_position(array, index);                                                                  \
    if (coopi_unlikely(at == array->typed.object.length)) return coopi_array_out_of_bounds(array, index);              \
    int result = coopi_scalar_##operation##_##suffix(array->typed.number, coopi_array_item(array, at), __VA_ARGS__);   \
    return coopi_unlikely(result < 0) ? coopi_##otherwise##_##suffix(result, &array->typed, (int64_t)at, (given))      \
                                      : result

int coop_array_get_i64(const coop_array *array, int64_t index, int64_t *ret_number)
{
    ON_ITEM(i64, get, get_else, ret_number, ret_number);
}

int coop_array_get_u64(const coop_array *array, int64_t index, uint64_t *ret_number)
{
    ON_ITEM(u64, get, get_else, ret_number, ret_number);
}

int coop_array_get_f64(const coop_array *array, int64_t index, double *ret_number)
{
    ON_ITEM(f64, get, get_else, ret_number, ret_number);
}

int coop_array_set_i64(coop_array *array, int64_t index, int64_t number)
{
    ON_ITEM(i64, set, refuse, number, number);
}

int coop_array_set_u64(coop_array *array, int64_t index, uint64_t number)
{
    ON_ITEM(u64, set, refuse, number, number);
}

int coop_array_set_f64(coop_array *array, int64_t index, double number)
{
    ON_ITEM(f64, set, refuse, number, number);
}

static __attribute__((noinline)) int add_i64(coop_array *array, int64_t index, int64_t delta, int64_t *ret_new,
                                             int tried)
{
    if (tried < 0) coopi_scalar_stand_back();
    ON_ITEM(i64, add, refuse, delta, delta, ret_new);
}

int coop_array_add_i64(coop_array *array, int64_t index, int64_t delta, int64_t *ret_new)
{
    uint64_t at = coopi_array_position(array, index);
    if (coopi_unlikely(at == array->typed.object.length)) return coopi_array_out_of_bounds(array, index);
    int tried = coopi_scalar_try_add(array->typed.number, coopi_array_item(array, at), delta, ret_new);
    return coopi_unlikely(tried <= 0) ? add_i64(array, index, delta, ret_new, tried) : 0;
}

int coop_array_add_f64(coop_array *array, int64_t index, double delta, double *ret_new)
{
    ON_ITEM(f64, add, refuse, delta, delta, ret_new);
}

int coop_array_exchange_i64(coop_array *array, int64_t index, int64_t number, int64_t *ret_old)
{
    ON_ITEM(i64, exchange, refuse, number, number, ret_old);
}

int coop_array_exchange_f64(coop_array *array, int64_t index, double number, double *ret_old)
{
    ON_ITEM(f64, exchange, refuse, number, number, ret_old);
}

int coop_array_compare_exchange_i64(coop_array *array, int64_t index, int64_t *expected, int64_t desired)
{
    ON_ITEM(i64, compare_exchange, refuse, desired, expected, desired);
}

int coop_array_compare_exchange_f64(coop_array *array, int64_t index, double *expected, double desired)
{
    ON_ITEM(f64, compare_exchange, refuse, desired, expected, desired);
}

/* Many items */

/* The first of COUNT items from START, which may be the end if COUNT is 0. */
static int slice(const coop_array *array, int64_t start, size_t count, uint8_t **ret_first)
{
    uint64_t length = array->typed.object.length;
    uint64_t at = start < 0 ? (uint64_t)start + length : (uint64_t)start;
    if (at > length || count > length - at)
        return coopi_fail(ERANGE,
                          "%s: %zu items from index %" PRId64 ", but the array has %" PRIu64
                          "; nothing was copied, ask for fewer",
                          coopi_object_label(&array->typed.object), count, start, length);
    *ret_first = coopi_array_item(array, at);
    return 0;
}

int coop_array_read(const coop_array *array, int64_t start, size_t count, void *ret_items)
{
    uint8_t *first;
    int result = slice(array, start, count, &first);
    if (result < 0) return result;
    if (count > 0) memcpy(ret_items, first, count * array->typed.type.size);
    return coopi_array_read_well(array);
}

int coop_array_write(coop_array *array, int64_t start, size_t count, const void *items)
{
    uint8_t *first;
    int result = slice(array, start, count, &first);
    if (result == 0) result = coopi_object_check_writable(&array->typed.object);
    if (result < 0) return result;
    if (count > 0) memcpy(first, items, count * array->typed.type.size);
    return 0;
}

/* The lock */

coop_rlock *coop_array_lock(coop_array *array)
{
    return array->typed.lock;
}

int coop_array_use_lock(coop_array *array, coop_rlock *lock)
{
    return coopi_typed_use_lock(&array->typed, lock);
}
