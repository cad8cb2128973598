/* SPDX-License-Identifier: MIT */
/* Array: items by index from both ends, copies in and out, the plain view; bounds and ranges. */
#include "harness/test.h"

#include <coop/array.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* `SEGMENT/NAME`. */
static const char *in(const char *segment, const char *name)
{
    static char paths[4][256];
    static unsigned int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", segment, name);
    return path;
}

static coop_array *new_array(const char *type, size_t length)
{
    coop_array *array = NULL;
    CHECK_OK(coop_array_new(type, length, &array));
    return array;
}

static int64_t item_of(const coop_array *array, int64_t index)
{
    int64_t number = 0;
    CHECK_OK(coop_array_get_i64(array, index, &number));
    return number;
}

static void a_new_array_is_all_zero(void)
{
    COOP_AUTO(coop_array) array = new_array("q", 1000);
    CHECK_EQ(coop_array_length(array), 1000);
    CHECK_EQ(coop_array_item_size(array), 8);
    CHECK_STR(coop_array_type(array), "q");
    CHECK(!coop_array_path(array));
    for (int i = 0; i < 1000; i++) CHECK_EQ(item_of(array, i), 0);
}

static void items_of_every_type_are_set_and_read_back(void)
{
    static const char *const types[] = {"?", "c", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "n", "N", "f", "d"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        COOP_AUTO(coop_array) array = new_array(types[i], 3);
        CHECK_OK(coop_array_set(array, 1, 1));
        CHECK_EQ(item_of(array, 0), 0);
        CHECK_EQ(item_of(array, 1), 1);
        CHECK_EQ(item_of(array, 2), 0);
    }
}

static void the_macros_choose_by_the_type_of_the_number(void)
{
    COOP_AUTO(coop_array) array = new_array("d", 4);
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    CHECK_OK(coop_array_set(array, 0, 5));
    CHECK_OK(coop_array_set(array, 1, 7UL));
    CHECK_OK(coop_array_set(array, 2, 2.5));
    CHECK_OK(coop_array_get(array, 0, &i));
    CHECK_OK(coop_array_get(array, 1, &u));
    CHECK_OK(coop_array_get(array, 2, &d));
    CHECK_EQ(i, 5);
    CHECK_EQ(u, 7);
    CHECK_DOUBLE(d, 2.5);
    CHECK_OK(coop_array_add(array, 2, 0.25, &d));
    CHECK_DOUBLE(d, 2.75);
    CHECK_OK(coop_array_add(array, 0, 2, &i));
    CHECK_EQ(i, 7);
}

static void negative_indexes_count_from_the_end(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10);
    for (int i = 0; i < 10; i++) CHECK_OK(coop_array_set(array, i, i));
    CHECK_EQ(item_of(array, -1), 9);
    CHECK_EQ(item_of(array, -10), 0);
    CHECK_OK(coop_array_set(array, -3, 77));
    CHECK_EQ(item_of(array, 7), 77);
}

static void an_index_out_of_bounds_is_refused(void)
{
    static const int64_t outside[] = {10, 11, -11, INT64_MAX, INT64_MIN, (INT64_C(1) << 62), -(INT64_C(1) << 62)};
    COOP_AUTO(coop_array) array = new_array("i", 10);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++) {
        int64_t at = outside[i], number = 5;
        uint64_t natural = 5;
        double real = 5;
        CHECK_ERR(coop_array_get_i64(array, at, &number), -ERANGE);
        CHECK_ERR(coop_array_get_u64(array, at, &natural), -ERANGE);
        CHECK_ERR(coop_array_get_f64(array, at, &real), -ERANGE);
        CHECK_ERR(coop_array_set_i64(array, at, 1), -ERANGE);
        CHECK_ERR(coop_array_set_u64(array, at, 1), -ERANGE);
        CHECK_ERR(coop_array_set_f64(array, at, 1), -ERANGE);
        CHECK_ERR(coop_array_add_i64(array, at, 1, &number), -ERANGE);
        CHECK_ERR(coop_array_add_f64(array, at, 1, &real), -ERANGE);
        CHECK_ERR(coop_array_exchange_i64(array, at, 1, &number), -ERANGE);
        CHECK_ERR(coop_array_exchange_f64(array, at, 1, &real), -ERANGE);
        CHECK_ERR(coop_array_compare_exchange_i64(array, at, &number, 1), -ERANGE);
        CHECK_ERR(coop_array_compare_exchange_f64(array, at, &real, 1), -ERANGE);
        CHECK_EQ(number, 5);
        CHECK_EQ(natural, 5);
        CHECK_DOUBLE(real, 5.0);
    }
    CHECK_ERR(coop_array_set_i64(array, 10, 1), -ERANGE);
    CHECK_DETAIL("index 10 is out of bounds: 10 items have the indexes 0 to 9, or -10 to -1 from the end");
    for (int i = 0; i < 10; i++) CHECK_EQ(item_of(array, i), 0);
}

static void an_array_without_items_has_no_index(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 0);
    int64_t number = 5;
    CHECK_EQ(coop_array_length(array), 0);
    CHECK_ERR(coop_array_get_i64(array, 0, &number), -ERANGE);
    CHECK_DETAIL("index 0, but the array has no items");
    CHECK_ERR(coop_array_get_i64(array, -1, &number), -ERANGE);
    CHECK_OK(coop_array_read(array, 0, 0, NULL));
    CHECK_OK(coop_array_write(array, 0, 0, NULL));
    CHECK(coop_array_data(array));
}

static void a_number_out_of_range_is_refused_and_names_the_item(void)
{
    COOP_AUTO(coop_array) array = new_array("B", 4);
    int64_t number = 5;
    CHECK_ERR(coop_array_set(array, -1, 256), -ERANGE);
    CHECK_DETAIL("[3]: 256 does not fit type \"B\" (uint8_t), which holds 0 to 255; nothing was changed");
    CHECK_ERR(coop_array_set(array, 1, -1), -ERANGE);
    CHECK_ERR(coop_array_set(array, 1, 0.5), -ERANGE);
    CHECK_ERR(coop_array_add_i64(array, 1, -1, &number), -ERANGE);
    CHECK_DETAIL("[1]: the sum with -1 does not fit");
    CHECK_ERR(coop_array_exchange_i64(array, 1, 256, &number), -ERANGE);
    CHECK_ERR(coop_array_compare_exchange_i64(array, 1, &number, 256), -ERANGE);
    CHECK_EQ(number, 5);
    for (int i = 0; i < 4; i++) CHECK_EQ(item_of(array, i), 0);
    COOP_AUTO(coop_array) reals = new_array("d", 2);
    CHECK_OK(coop_array_set(reals, 1, 2.5));
    CHECK_ERR(coop_array_get_i64(reals, 1, &number), -ERANGE);
    CHECK_DETAIL("[1]: holds 2.5, which is no int64_t");
}

static void items_are_added_exchanged_and_compared(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 3);
    int64_t number = 0, expected = 1;
    double real = 0;
    CHECK_OK(coop_array_add_i64(array, 1, 5, &number));
    CHECK_EQ(number, 5);
    CHECK_OK(coop_array_add_f64(array, 1, 1.0, &real));
    CHECK_DOUBLE(real, 6.0);
    CHECK_OK(coop_array_exchange_i64(array, -2, 9, &number));
    CHECK_EQ(number, 6);
    CHECK_OK(coop_array_exchange_f64(array, 1, 10.0, &real));
    CHECK_DOUBLE(real, 9.0);
    CHECK_EQ(coop_array_compare_exchange_i64(array, 1, &expected, 3), 0);
    CHECK_EQ(expected, 10);
    CHECK_EQ(coop_array_compare_exchange_i64(array, 1, &expected, 3), 1);
    real = 3;
    CHECK_EQ(coop_array_compare_exchange_f64(array, 1, &real, 4.0), 1);
    CHECK_EQ(item_of(array, 1), 4);
    CHECK_EQ(item_of(array, 0), 0);
    CHECK_EQ(item_of(array, 2), 0);
}

static void items_that_are_no_numbers_are_refused_by_number(void)
{
    COOP_AUTO(coop_array) names = new_array("16s", 4);
    COOP_AUTO(coop_array) points = new_array("3d", 4);
    int64_t number = 5;
    double real = 5;
    CHECK_ERR(coop_array_get_i64(names, 1, &number), -EINVAL);
    CHECK_DETAIL("[1]: type \"16s\" is not one number; read and write its bytes with coop_array_read()");
    CHECK_ERR(coop_array_set_f64(points, 1, 1.5), -EINVAL);
    CHECK_ERR(coop_array_get_f64(points, 1, &real), -EINVAL);
    CHECK_ERR(coop_array_add_i64(names, 1, 1, &number), -EINVAL);
    CHECK_EQ(number, 5);
}

static void bool_and_char_items_cannot_be_added_to(void)
{
    COOP_AUTO(coop_array) flags = new_array("?", 2);
    COOP_AUTO(coop_array) letters = new_array("c", 2);
    CHECK_ERR(coop_array_add_i64(flags, 0, 1, NULL), -EINVAL);
    CHECK_DETAIL("cannot be added to");
    CHECK_ERR(coop_array_add_f64(letters, 0, 1, NULL), -EINVAL);
}

static void items_are_copied_in_and_out(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10);
    int numbers[10], out[10] = {0};
    for (int i = 0; i < 10; i++) numbers[i] = i * i;
    CHECK_OK(coop_array_write(array, 0, 10, numbers));
    CHECK_OK(coop_array_read(array, 0, 10, out));
    CHECK_MEM(out, numbers, sizeof numbers);
    CHECK_OK(coop_array_read(array, -3, 2, out));
    CHECK_EQ(out[0], 49);
    CHECK_EQ(out[1], 64);
    CHECK_OK(coop_array_write(array, 4, 1, &(int){-1}));
    CHECK_EQ(item_of(array, 3), 9);
    CHECK_EQ(item_of(array, 4), -1);
    CHECK_EQ(item_of(array, 5), 25);
    CHECK_OK(coop_array_read(array, 10, 0, out));
}

static void byte_strings_and_rows_are_copied_in_and_out(void)
{
    COOP_AUTO(coop_array) names = new_array("5s", 3);
    COOP_AUTO(coop_array) points = new_array("3d", 2);
    char text[15];
    double point[3] = {1, 2, 3}, out[3] = {0};
    CHECK_OK(coop_array_write(names, 1, 2, "firstlater"));
    CHECK_OK(coop_array_read(names, 0, 3, text));
    CHECK_MEM(text, "\0\0\0\0\0firstlater", 15);
    CHECK_EQ(coop_array_item_size(points), sizeof point);
    CHECK_OK(coop_array_write(points, -1, 1, point));
    CHECK_OK(coop_array_read(points, 1, 1, out));
    CHECK_MEM(out, point, sizeof point);
}

static void a_copy_beyond_the_end_is_refused_whole(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10);
    int numbers[12] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, out[12] = {0};
    CHECK_ERR(coop_array_write(array, 0, 11, numbers), -ERANGE);
    CHECK_DETAIL("11 items from index 0, but the array has 10; nothing was copied, ask for fewer");
    CHECK_ERR(coop_array_write(array, 9, 2, numbers), -ERANGE);
    CHECK_ERR(coop_array_write(array, -1, 2, numbers), -ERANGE);
    CHECK_ERR(coop_array_write(array, -11, 1, numbers), -ERANGE);
    CHECK_ERR(coop_array_write(array, 11, 0, numbers), -ERANGE);
    CHECK_ERR(coop_array_write(array, 1, SIZE_MAX, numbers), -ERANGE);
    CHECK_ERR(coop_array_read(array, 1, SIZE_MAX / 4 + 1, out), -ERANGE);
    CHECK_ERR(coop_array_read(array, INT64_MIN, 1, out), -ERANGE);
    CHECK_ERR(coop_array_read(array, INT64_MAX, 1, out), -ERANGE);
    CHECK_EQ(out[0], 0);
    for (int i = 0; i < 10; i++) CHECK_EQ(item_of(array, i), 0);
}

static void the_view_is_the_items_themselves(void)
{
    COOP_AUTO(coop_array) array = new_array("d", 1000);
    double *view = coop_array_data(array);
    CHECK_EQ((uintptr_t)view % 64, 0);
    for (int i = 0; i < 1000; i++) view[i] = i;
    double number = 0;
    CHECK_OK(coop_array_get(array, -1, &number));
    CHECK_DOUBLE(number, 999.0);
    CHECK_OK(coop_array_set(array, 0, 0.5));
    CHECK_DOUBLE(view[0], 0.5);
}

static void an_array_is_found_again_by_its_path(void)
{
    const char *segment = test_name("a");
    const char *path = in(segment, "samples");
    coop_array *first, *again;
    CHECK_OK(coop_array_open(path, "i", 10, COOP_CREATE, &first));
    CHECK_STR(coop_array_path(first), path);
    CHECK_OK(coop_array_set(first, 3, 7));
    CHECK_OK(coop_array_open(path, NULL, COOP_ANY_LENGTH, 0, &again));
    CHECK_EQ(coop_array_length(again), 10);
    CHECK_STR(coop_array_type(again), "i");
    CHECK_EQ(item_of(again, 3), 7);
    coop_array_close(first);
    coop_array_close(again);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void an_array_lives_in_a_segment_that_the_caller_has_open(void)
{
    const char *name = test_name("a");
    coop_segment *segment;
    coop_array *named, *nameless, *none = NULL;
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_OK(coop_array_in(segment, "x", "d", 5, COOP_CREATE, &named));
    CHECK_OK(coop_array_in(segment, NULL, "d", 5, COOP_CREATE, &nameless));
    CHECK_ERR(coop_array_in(NULL, "x", "d", 5, COOP_CREATE, &none), -EINVAL);
    CHECK_ERR(coop_array_in(segment, "x y", "d", 5, COOP_CREATE, &none), -EINVAL);
    coop_segment_close(segment);
    CHECK_OK(coop_array_set(named, 4, 2.5));
    CHECK_EQ(item_of(nameless, 4), 0);
    CHECK(!none);
    coop_array_close(named);
    coop_array_close(nameless);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void another_length_is_refused_and_both_are_named(void)
{
    const char *segment = test_name("a");
    coop_array *array, *none = NULL;
    CHECK_OK(coop_array_open(in(segment, "a"), "i", 10, COOP_CREATE, &array));
    CHECK_ERR(coop_array_open(in(segment, "a"), "i", 11, COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("/a: has 10 items, not 11");
    CHECK(!none);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void another_type_is_refused_and_the_first_difference_named(void)
{
    const char *segment = test_name("a");
    coop_array *array, *none = NULL;
    CHECK_OK(coop_array_open(in(segment, "a"), "3d", 10, COOP_CREATE, &array));
    CHECK_ERR(coop_array_open(in(segment, "a"), "3f", 10, COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("holds type \"3d\", not \"3f\"");
    CHECK_DETAIL("column 2");
    CHECK(!none);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void a_value_is_not_an_array(void)
{
    const char *segment = test_name("a");
    coop_value *value;
    coop_array *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "v"), "i", COOP_CREATE, &value));
    CHECK_ERR(coop_array_open(in(segment, "v"), "i", 1, COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("kind value, not array");
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void an_absent_array_is_told(void)
{
    const char *segment = test_name("a");
    coop_array *array, *none = NULL;
    CHECK_ERR(coop_array_open(in(segment, "a"), "i", 1, 0, &none), -ENOENT);
    CHECK_OK(coop_array_open(in(segment, "a"), "i", 1, COOP_CREATE | COOP_EXCL, &array));
    CHECK_ERR(coop_array_open(in(segment, "b"), "i", 1, 0, &none), -ENOENT);
    CHECK_ERR(coop_array_open(in(segment, "a"), "i", 1, COOP_CREATE | COOP_EXCL, &none), -EEXIST);
    CHECK(!none);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void making_without_type_or_length_is_refused(void)
{
    coop_array *none = NULL;
    CHECK_ERR(coop_array_new(NULL, 5, &none), -EINVAL);
    CHECK_ERR(coop_array_new("i", COOP_ANY_LENGTH, &none), -EINVAL);
    CHECK_ERR(coop_array_new("<i", 5, &none), -EINVAL);
    CHECK_DETAIL("nameless array: type \"<i\", column 1");
    CHECK(!none);
}

static void more_items_than_a_segment_holds_are_refused(void)
{
    coop_array *none = NULL;
    const char *name = test_name("a");
    coop_segment *segment;
    CHECK_ERR(coop_array_new("d", SIZE_MAX / 8 + 2, &none), -ENOSPC);
    CHECK_DETAIL("items of 8 bytes are more than any segment holds");
    CHECK_ERR(coop_array_new("1000000000s", SIZE_MAX - 1, &none), -ENOSPC);
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_ERR(coop_array_in(segment, "a", "d", 1 << 20, COOP_CREATE, &none), -ENOSPC);
    CHECK_ERR(coop_array_in(segment, "a", "d", INT64_MAX / 16, COOP_CREATE, &none), -ENOSPC);
    CHECK(!none);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

TESTS(array, TEST(a_new_array_is_all_zero), TEST(items_of_every_type_are_set_and_read_back),
      TEST(the_macros_choose_by_the_type_of_the_number), TEST(negative_indexes_count_from_the_end),
      TEST(an_index_out_of_bounds_is_refused), TEST(an_array_without_items_has_no_index),
      TEST(a_number_out_of_range_is_refused_and_names_the_item), TEST(items_are_added_exchanged_and_compared),
      TEST(items_that_are_no_numbers_are_refused_by_number), TEST(bool_and_char_items_cannot_be_added_to),
      TEST(items_are_copied_in_and_out), TEST(byte_strings_and_rows_are_copied_in_and_out),
      TEST(a_copy_beyond_the_end_is_refused_whole), TEST(the_view_is_the_items_themselves),
      TEST(an_array_is_found_again_by_its_path), TEST(an_array_lives_in_a_segment_that_the_caller_has_open),
      TEST(another_length_is_refused_and_both_are_named), TEST(another_type_is_refused_and_the_first_difference_named),
      TEST(a_value_is_not_an_array), TEST(an_absent_array_is_told), TEST(making_without_type_or_length_is_refused),
      TEST(more_items_than_a_segment_holds_are_refused))
