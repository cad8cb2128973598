/* SPDX-License-Identifier: MIT */
/* Array: slices with a step, fill, and characters as strings. */
#include "data/array.h"

#include "base/error.h"
#include "base/quote.h"
#include "data/scalar.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define SINGLE 2 /* the step of a run of one item, which is not copied as a block: a scalar moves by one access */

/* The items first, first + step, ..., COUNT of them; all exist. */
struct run {
    uint64_t first;
    int64_t step;
    uint64_t count;
};

/* One bound as Python's slice.indices() clamps it, for a length below 2^63. LOW and HIGH are where it may lie. */
static int64_t clamp(int64_t bound, int64_t length, int64_t low, int64_t high)
{
    if (bound < 0) return bound < -length ? low : bound + length;
    return bound < high ? bound : high;
}

static int resolve(const coop_array *array, int64_t start, int64_t stop, int64_t step, struct run *ret_run)
{
    int64_t length = (int64_t)array->typed.object.length;
    if (step == 0)
        return coopi_fail(EINVAL, "%s: the step of a slice is 0; pass 1, or -1 for backwards",
                          coopi_object_label(&array->typed.object));
    if (step == COOP_OMITTED) step = 1;
    int64_t low = step < 0 ? -1 : 0;
    int64_t high = step < 0 ? length - 1 : length;
    int64_t from = start == COOP_OMITTED ? (step < 0 ? high : low) : clamp(start, length, low, high);
    int64_t to = stop == COOP_OMITTED ? (step < 0 ? low : high) : clamp(stop, length, low, high);
    uint64_t count = 0;
    if (step > 0 && from < to) count = (uint64_t)((to - from - 1) / step + 1);
    if (step < 0 && from > to) count = (uint64_t)((from - to - 1) / -step + 1);
    *ret_run = (struct run){count ? (uint64_t)from : 0, step, count};
    return 0;
}

int coop_array_slice_length(const coop_array *array, int64_t start, int64_t stop, int64_t step, size_t *ret_count)
{
    struct run run;
    int result = resolve(array, start, stop, step, &run);
    if (result == 0) *ret_count = run.count;
    return result;
}

/* Items that one access moves are moved by one, so that nobody sees half of a number. */
static bool is_whole(const coop_array *array)
{
    return array->typed.code != 's';
}

static void copy_out(const coop_array *array, const struct run *run, uint8_t *to)
{
    uint32_t size = array->typed.type.size;
    bool whole = is_whole(array);
    uint64_t at = run->first;
    if (run->step == 1 && run->count > 0) {
        memcpy(to, coopi_array_item(array, at), run->count * size);
        return;
    }
    for (uint64_t i = 0; i < run->count; i++, at += (uint64_t)run->step, to += size) {
        if (whole)
            coopi_scalar_get_bytes(coopi_array_item(array, at), to, size);
        else
            memcpy(to, coopi_array_item(array, at), size);
    }
}

/* From items that stand SPACING bytes apart: 0 repeats one. */
static void copy_in(coop_array *array, const struct run *run, const uint8_t *from, size_t spacing)
{
    uint32_t size = array->typed.type.size;
    bool whole = is_whole(array);
    uint64_t at = run->first;
    if (run->step == 1 && spacing == size && run->count > 0) {
        memcpy(coopi_array_item(array, at), from, run->count * size);
        return;
    }
    for (uint64_t i = 0; i < run->count; i++, at += (uint64_t)run->step, from += spacing) {
        if (whole)
            coopi_scalar_set_bytes(coopi_array_item(array, at), from, size);
        else
            memcpy(coopi_array_item(array, at), from, size);
    }
}

int coop_array_get_slice(const coop_array *array, int64_t start, int64_t stop, int64_t step, void *ret_items,
                         size_t room, size_t *ret_count)
{
    struct run run;
    int result = resolve(array, start, stop, step, &run);
    if (result < 0) return result;
    if (run.count > room)
        return coopi_fail(ERANGE, "%s: the slice has %" PRIu64 " items, and there is room for %zu; nothing was copied",
                          coopi_object_label(&array->typed.object), run.count, room);
    copy_out(array, &run, ret_items);
    result = coopi_array_read_well(array);
    if (result == 0 && ret_count) *ret_count = run.count;
    return result;
}

int coop_array_set_slice(coop_array *array, int64_t start, int64_t stop, int64_t step, const void *items, size_t count)
{
    struct run run;
    int result = coopi_object_check_writable(&array->typed.object);
    if (result == 0) result = resolve(array, start, stop, step, &run);
    if (result < 0) return result;
    if (run.count != count)
        return coopi_fail(EINVAL, "%s: the slice has %" PRIu64 " items, and %zu are given; nothing was changed",
                          coopi_object_label(&array->typed.object), run.count, count);
    copy_in(array, &run, items, array->typed.type.size);
    return 0;
}

static int check_size(const coop_array *array, size_t size)
{
    char quoted[COOPI_QUOTED];
    const struct coopi_type *type = &array->typed.type;
    if (size == type->size) return 0;
    return coopi_fail(EINVAL, "%s: %zu bytes given, but an item of type %s has %" PRIu32 "; pass one item",
                      coopi_object_label(&array->typed.object), size, coopi_quote(type->text, quoted, sizeof quoted),
                      type->size);
}

int coop_array_fill(coop_array *array, int64_t start, int64_t stop, int64_t step, const void *item, size_t size)
{
    struct run run;
    int result = coopi_object_check_writable(&array->typed.object);
    if (result == 0) result = check_size(array, size);
    if (result == 0) result = resolve(array, start, stop, step, &run);
    if (result < 0) return result;
    copy_in(array, &run, item, 0);
    return 0;
}

/* Single items of any type */

int coop_array_get_bytes(const coop_array *array, int64_t index, void *ret_item, size_t size)
{
    uint64_t at = coopi_array_position(array, index);
    int result = check_size(array, size);
    if (result < 0) return result;
    if (at == array->typed.object.length) return coopi_array_out_of_bounds(array, index);
    copy_out(array, &(struct run){at, SINGLE, 1}, ret_item);
    return coopi_array_read_well(array);
}

int coop_array_set_bytes(coop_array *array, int64_t index, const void *item, size_t size)
{
    uint64_t at = coopi_array_position(array, index);
    int result = coopi_object_check_writable(&array->typed.object);
    if (result == 0) result = check_size(array, size);
    if (result < 0) return result;
    if (at == array->typed.object.length) return coopi_array_out_of_bounds(array, index);
    copy_in(array, &(struct run){at, SINGLE, 1}, item, 0);
    return 0;
}

/* Strings */

static int no_string(const coop_array *array, const char *needed)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(EINVAL, "%s: items of type %s are no string; %s", coopi_object_label(&array->typed.object),
                      coopi_quote(array->typed.type.text, quoted, sizeof quoted), needed);
}

static int too_long(const coop_array *array, size_t length, uint64_t room)
{
    return coopi_fail(ERANGE, "%s: a string of %zu bytes does not fit into %" PRIu64 "; nothing was changed",
                      coopi_object_label(&array->typed.object), length, room);
}

static int too_small(const coop_array *array, size_t size, uint64_t room)
{
    return coopi_fail(ERANGE, "%s: the string may have %" PRIu64 " bytes and a NUL, and there is room for %zu",
                      coopi_object_label(&array->typed.object), room, size);
}

static void put_string(void *to, const char *string, size_t length, uint64_t room)
{
    memcpy(to, string, length);
    memset((uint8_t *)to + length, 0, room - length);
}

static void take_string(const void *from, char *ret_string, uint64_t room)
{
    memcpy(ret_string, from, room);
    ret_string[room] = 0;
}

int coop_array_get_string(const coop_array *array, int64_t index, char *ret_string, size_t size)
{
    uint64_t at = coopi_array_position(array, index);
    uint32_t room = array->typed.type.size;
    if (!coopi_type_is_string(&array->typed.type)) return no_string(array, "make the array of \"16s\" or alike");
    if (at == array->typed.object.length) return coopi_array_out_of_bounds(array, index);
    if (size <= room) return too_small(array, size, room);
    take_string(coopi_array_item(array, at), ret_string, room);
    return coopi_array_read_well(array);
}

int coop_array_set_string(coop_array *array, int64_t index, const char *string)
{
    uint64_t at = coopi_array_position(array, index);
    uint32_t room = array->typed.type.size;
    size_t length = strlen(string);
    if (!coopi_type_is_string(&array->typed.type)) return no_string(array, "make the array of \"16s\" or alike");
    if (at == array->typed.object.length) return coopi_array_out_of_bounds(array, index);
    if (length > room) return too_long(array, length, room);
    int result = coopi_object_check_writable(&array->typed.object);
    if (result < 0) return result;
    put_string(coopi_array_item(array, at), string, length, room);
    return 0;
}

int coop_array_get_value(const coop_array *array, char *ret_string, size_t size)
{
    uint64_t room = array->typed.object.length;
    if (array->typed.code != 'c') return no_string(array, "only an array of \"c\" is one as a whole");
    if (size <= room) return too_small(array, size, room);
    take_string(array->typed.data, ret_string, room);
    return coopi_array_read_well(array);
}

int coop_array_set_value(coop_array *array, const char *string)
{
    uint64_t room = array->typed.object.length;
    size_t length = strlen(string);
    if (array->typed.code != 'c') return no_string(array, "only an array of \"c\" is one as a whole");
    if (length > room) return too_long(array, length, room);
    int result = coopi_object_check_writable(&array->typed.object);
    if (result < 0) return result;
    put_string(array->typed.data, string, length, room);
    return 0;
}
