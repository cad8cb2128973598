/* SPDX-License-Identifier: MIT */
/* Value: one number or byte string, by path, nameless and in a segment; what is set is read, and what is refused. */
#include "harness/test.h"

#include <coop/array.h>
#include <coop/value.h>
#include <limits.h>
#include <stdio.h>

/* `SEGMENT/NAME`. */
static const char *in(const char *segment, const char *name)
{
    static char paths[4][256];
    static unsigned int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", segment, name);
    return path;
}

static coop_value *new_value(const char *type)
{
    coop_value *value = NULL;
    CHECK_OK(coop_value_new(type, &value));
    return value;
}

static int64_t number_of(const coop_value *value)
{
    int64_t number = 0;
    CHECK_OK(coop_value_get_i64(value, &number));
    return number;
}

static void a_new_value_is_zero(void)
{
    static const char *const types[] = {"?", "c", "b", "B", "h", "H", "i", "I", "l", "L", "q", "Q", "n", "N", "f", "d"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        coop_value *value = new_value(types[i]);
        CHECK_EQ(number_of(value), 0);
        CHECK_STR(coop_value_type(value), types[i]);
        coop_value_close(value);
    }
}

static void numbers_are_set_and_read_back(void)
{
    COOP_AUTO(coop_value) integer = new_value("q");
    COOP_AUTO(coop_value) natural = new_value("Q");
    COOP_AUTO(coop_value) real = new_value("d");
    uint64_t u = 0;
    double d = 0;
    CHECK_OK(coop_value_set_i64(integer, INT64_MIN));
    CHECK_EQ(number_of(integer), INT64_MIN);
    CHECK_OK(coop_value_set_u64(natural, UINT64_MAX));
    CHECK_OK(coop_value_get_u64(natural, &u));
    CHECK(u == UINT64_MAX);
    CHECK_OK(coop_value_set_f64(real, 2.5));
    CHECK_OK(coop_value_get_f64(real, &d));
    CHECK_DOUBLE(d, 2.5);
}

static void the_macros_choose_by_the_type_of_the_number(void)
{
    COOP_AUTO(coop_value) value = new_value("d");
    int64_t i = 0;
    uint64_t u = 0;
    double d = 0;
    CHECK_OK(coop_value_set(value, 5));
    CHECK_OK(coop_value_get(value, &i));
    CHECK_EQ(i, 5);
    CHECK_OK(coop_value_set(value, 7UL));
    CHECK_OK(coop_value_get(value, &u));
    CHECK_EQ(u, 7);
    CHECK_OK(coop_value_set(value, 2.5));
    CHECK_OK(coop_value_get(value, &d));
    CHECK_DOUBLE(d, 2.5);
    CHECK_OK(coop_value_set(value, 1.5f));
    CHECK_OK(coop_value_add(value, 0.25, &d));
    CHECK_DOUBLE(d, 1.75);
    CHECK_ERR(coop_value_exchange(value, 3, &i), -ERANGE);
    CHECK_OK(coop_value_exchange(value, 3.0, &d));
    CHECK_DOUBLE(d, 1.75);
    CHECK_OK(coop_value_add(value, 4, &i));
    CHECK_EQ(i, 7);
}

static void a_number_out_of_range_is_refused_and_changes_nothing(void)
{
    COOP_AUTO(coop_value) value = new_value("b");
    CHECK_OK(coop_value_set(value, 3));
    CHECK_ERR(coop_value_set(value, 128), -ERANGE);
    CHECK_DETAIL("128 does not fit type \"b\" (int8_t), which holds -128 to 127; nothing was changed");
    CHECK_ERR(coop_value_set(value, -129), -ERANGE);
    CHECK_DETAIL("-129 does not fit");
    CHECK_ERR(coop_value_set_u64(value, 200), -ERANGE);
    CHECK_DETAIL("200 does not fit");
    CHECK_ERR(coop_value_set(value, 2.5), -ERANGE);
    CHECK_DETAIL("2.5 does not fit type \"b\"");
    CHECK_ERR(coop_value_exchange_i64(value, 128, NULL), -ERANGE);
    CHECK_ERR(coop_value_exchange_f64(value, 0.5, NULL), -ERANGE);
    CHECK_EQ(number_of(value), 3);
}

static void a_number_that_the_caller_cannot_take_is_not_read(void)
{
    COOP_AUTO(coop_value) negative = new_value("i");
    COOP_AUTO(coop_value) fraction = new_value("d");
    COOP_AUTO(coop_value) large = new_value("Q");
    uint64_t u = 5;
    int64_t i = 5;
    CHECK_OK(coop_value_set(negative, -1));
    CHECK_OK(coop_value_set(fraction, 2.5));
    CHECK_OK(coop_value_set(large, UINT64_MAX));
    CHECK_ERR(coop_value_get(negative, &u), -ERANGE);
    CHECK_DETAIL("holds -1, which is no uint64_t");
    CHECK_ERR(coop_value_get(fraction, &i), -ERANGE);
    CHECK_DETAIL("holds 2.5, which is no int64_t");
    CHECK_ERR(coop_value_get(large, &i), -ERANGE);
    CHECK_DETAIL("holds 18446744073709551615, which is no int64_t; use the call for type \"Q\"");
    CHECK_ERR(coop_value_exchange_i64(large, 1, &i), -ERANGE);
    CHECK_ERR(coop_value_compare_exchange_i64(large, &i, 1), -ERANGE);
    CHECK_EQ(u, 5);
    CHECK_EQ(i, 5);
}

static void add_gives_the_new_number(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int64_t sum = 0;
    double real = 0;
    CHECK_OK(coop_value_add_i64(value, 5, &sum));
    CHECK_EQ(sum, 5);
    CHECK_OK(coop_value_add_i64(value, -7, NULL));
    CHECK_OK(coop_value_add_f64(value, 4.0, &real));
    CHECK_DOUBLE(real, 2.0);
}

static void add_beyond_the_range_is_refused_and_changes_nothing(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int64_t sum = 9;
    CHECK_OK(coop_value_set(value, INT_MAX - 1));
    CHECK_ERR(coop_value_add_i64(value, 2, &sum), -ERANGE);
    CHECK_DETAIL("the sum with 2 does not fit type \"i\" (int), which holds -2147483648 to 2147483647; nothing was");
    CHECK_ERR(coop_value_add_f64(value, 1e300, NULL), -ERANGE);
    CHECK_DETAIL("1e+300 does not fit");
    CHECK_EQ(sum, 9);
    CHECK_EQ(number_of(value), INT_MAX - 1);
    COOP_AUTO(coop_value) natural = new_value("Q");
    CHECK_OK(coop_value_set(natural, (uint64_t)INT64_MAX));
    CHECK_ERR(coop_value_add_i64(natural, 1, &sum), -ERANGE);
    CHECK_DETAIL("or the int64_t of the call; nothing was changed");
}

static void add_to_a_bool_or_a_char_is_refused(void)
{
    COOP_AUTO(coop_value) flag = new_value("?");
    COOP_AUTO(coop_value) letter = new_value("c");
    CHECK_ERR(coop_value_add_i64(flag, 1, NULL), -EINVAL);
    CHECK_DETAIL("type \"?\" (bool) cannot be added to; set or exchange it");
    CHECK_ERR(coop_value_add_f64(letter, 1, NULL), -EINVAL);
    CHECK_DETAIL("type \"c\" (char) cannot be added to");
}

static void exchange_gives_what_was_there(void)
{
    COOP_AUTO(coop_value) value = new_value("h");
    int64_t old = 5;
    double real = 5;
    CHECK_OK(coop_value_exchange_i64(value, 7, &old));
    CHECK_EQ(old, 0);
    CHECK_OK(coop_value_exchange_f64(value, 8, &real));
    CHECK_DOUBLE(real, 7.0);
    CHECK_EQ(number_of(value), 8);
}

static void compare_exchange_stores_only_what_was_expected(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int64_t expected = 1;
    CHECK_EQ(coop_value_compare_exchange_i64(value, &expected, 9), 0);
    CHECK_EQ(expected, 0);
    CHECK_EQ(coop_value_compare_exchange_i64(value, &expected, 9), 1);
    CHECK_EQ(number_of(value), 9);
    CHECK_ERR(coop_value_compare_exchange_i64(value, &expected, INT64_MAX), -ERANGE);
}

static void compare_exchange_of_doubles_compares_bits(void)
{
    COOP_AUTO(coop_value) value = new_value("d");
    double expected = -0.0;
    CHECK_EQ(coop_value_compare_exchange_f64(value, &expected, 9), 0);
    CHECK_EQ(coop_value_compare_exchange_f64(value, &expected, 9.5), 1);
    expected = 9.5;
    CHECK_EQ(coop_value_compare_exchange_f64(value, &expected, 1), 1);
}

static void bytes_of_a_scalar_are_read_and_written(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int number = -5;
    CHECK_OK(coop_value_set_bytes(value, &number, sizeof number));
    CHECK_EQ(number_of(value), -5);
    CHECK_OK(coop_value_set(value, 77));
    CHECK_OK(coop_value_get_bytes(value, &number, sizeof number));
    CHECK_EQ(number, 77);
}

static void a_byte_string_is_read_and_written_whole(void)
{
    COOP_AUTO(coop_value) value = new_value("16s");
    char out[16] = "";
    CHECK_EQ(coop_value_size(value), 16);
    CHECK_OK(coop_value_set_bytes(value, "sixteen letters.", 16));
    CHECK_OK(coop_value_get_bytes(value, out, 16));
    CHECK_MEM(out, "sixteen letters.", 16);
    COOP_AUTO(coop_value) one = new_value("s");
    CHECK_STR(coop_value_type(one), "1s");
    CHECK_OK(coop_value_set_bytes(one, "x", 1));
    CHECK_OK(coop_value_get_bytes(one, out, 1));
    CHECK_EQ(out[0], 'x');
}

static void a_row_of_numbers_is_read_and_written_whole(void)
{
    COOP_AUTO(coop_value) value = new_value("3d");
    double point[3] = {1.5, -2.5, 3.5}, out[3] = {0};
    CHECK_EQ(coop_value_size(value), sizeof point);
    CHECK_OK(coop_value_set_bytes(value, point, sizeof point));
    CHECK_OK(coop_value_get_bytes(value, out, sizeof out));
    CHECK_MEM(out, point, sizeof point);
}

static void bytes_of_another_size_are_refused(void)
{
    COOP_AUTO(coop_value) value = new_value("16s");
    char out[17] = "unchanged";
    CHECK_ERR(coop_value_get_bytes(value, out, 15), -EINVAL);
    CHECK_DETAIL("15 bytes given, but type \"16s\" has 16; pass a buffer of that size");
    CHECK_ERR(coop_value_set_bytes(value, out, 17), -EINVAL);
    CHECK_DETAIL("17 bytes given");
    CHECK_STR(out, "unchanged");
    COOP_AUTO(coop_value) number = new_value("i");
    CHECK_ERR(coop_value_get_bytes(number, out, 8), -EINVAL);
    CHECK_DETAIL("8 bytes given, but type \"i\" has 4");
}

static void a_byte_string_is_not_a_number(void)
{
    COOP_AUTO(coop_value) value = new_value("16s");
    COOP_AUTO(coop_value) row = new_value("3d");
    int64_t number = 5;
    double real = 5;
    CHECK_ERR(coop_value_get_i64(value, &number), -EINVAL);
    CHECK_DETAIL("type \"16s\" is not one number; read and write its bytes with coop_value_get_bytes()");
    CHECK_ERR(coop_value_set(value, 1), -EINVAL);
    CHECK_ERR(coop_value_add_i64(value, 1, NULL), -EINVAL);
    CHECK_ERR(coop_value_exchange_i64(value, 1, NULL), -EINVAL);
    CHECK_ERR(coop_value_compare_exchange_i64(value, &number, 1), -EINVAL);
    CHECK_ERR(coop_value_get_f64(row, &real), -EINVAL);
    CHECK_DETAIL("type \"3d\" is not one number");
    CHECK_EQ(number, 5);
}

static void a_malformed_type_is_refused_before_anything_is_made(void)
{
    const char *segment = test_name("v");
    coop_value *value = NULL;
    coop_segment *opened = NULL;
    CHECK_ERR(coop_value_open(in(segment, "a"), "<i", COOP_CREATE, &value), -EINVAL);
    CHECK_DETAIL("/a: type \"<i\", column 1, '<': ");
    CHECK_ERR(coop_value_open(in(segment, "a"), "", COOP_CREATE, &value), -EINVAL);
    CHECK_ERR(coop_value_open(in(segment, "a"), "2000000000s", COOP_CREATE, &value), -EINVAL);
    CHECK_DETAIL("larger than 1 GiB");
    CHECK_ERR(coop_segment_open(segment, 0, &opened), -ENOENT);
    CHECK_ERR(coop_value_new("T{i:x:", &value), -EINVAL);
    CHECK_DETAIL("nameless value: type \"T{i:x:\" ends at column 7: a record ends with '}'");
    CHECK(!value);
}

static void a_malformed_name_is_refused_before_anything_is_made(void)
{
    const char *segment = test_name("v");
    coop_value *value = NULL;
    coop_segment *opened = NULL;
    CHECK_ERR(coop_value_open(in(segment, "a.b"), "i", COOP_CREATE, &value), -EINVAL);
    CHECK_DETAIL("cannot stand in an object name");
    CHECK_ERR(coop_value_open(segment, "i", COOP_CREATE, &value), -EINVAL);
    CHECK_DETAIL("a path is segment/object");
    CHECK_ERR(coop_value_open("../etc", "i", COOP_CREATE, &value), -EINVAL);
    CHECK_ERR(coop_segment_open(segment, 0, &opened), -ENOENT);
    CHECK(!value);
}

static void a_value_is_found_again_by_its_path(void)
{
    const char *segment = test_name("v");
    const char *path = in(segment, "saldo");
    coop_value *first, *second, *any;
    CHECK_OK(coop_value_open(path, "i", COOP_CREATE, &first));
    CHECK_STR(coop_value_path(first), path);
    CHECK_OK(coop_value_set(first, 1000));
    CHECK_OK(coop_value_open(path, " @1i", COOP_CREATE, &second));
    CHECK_EQ(number_of(second), 1000);
    CHECK_OK(coop_value_set(second, 2000));
    CHECK_EQ(number_of(first), 2000);
    coop_value_close(first);
    coop_value_close(second);
    CHECK_OK(coop_value_open(path, NULL, 0, &any));
    CHECK_STR(coop_value_type(any), "i");
    CHECK_EQ(number_of(any), 2000);
    coop_value_close(any);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void a_nameless_value_has_no_path(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    COOP_AUTO(coop_value) other = new_value("i");
    CHECK(!coop_value_path(value));
    CHECK_OK(coop_value_set(value, 1));
    CHECK_EQ(number_of(other), 0);
}

static void a_value_lives_in_a_segment_that_the_caller_has_open(void)
{
    const char *name = test_name("v");
    coop_segment *segment;
    coop_value *named, *nameless, *again, *none = NULL;
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_OK(coop_value_in(segment, "x", "d", COOP_CREATE, &named));
    CHECK_OK(coop_value_in(segment, NULL, "d", COOP_CREATE, &nameless));
    CHECK_ERR(coop_value_in(segment, "x.y", "d", COOP_CREATE, &none), -EINVAL);
    CHECK_ERR(coop_value_in(NULL, "x", "d", COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("x: no segment given");
    coop_segment_close(segment);
    CHECK_OK(coop_value_set(named, 2.5));
    CHECK_STR(coop_value_path(named), in(name, "x"));
    CHECK_OK(coop_value_open(in(name, "x"), "d", 0, &again));
    double number = 0;
    CHECK_OK(coop_value_get(again, &number));
    CHECK_DOUBLE(number, 2.5);
    coop_value_close(again);
    coop_value_close(nameless);
    coop_value_close(named);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void an_absent_segment_is_told(void)
{
    coop_value *value = NULL;
    const char *path = in(test_name("nowhere"), "a");
    CHECK_ERR(coop_value_open(path, "i", 0, &value), -ENOENT);
    CHECK_DETAIL("nowhere");
    CHECK(!value);
}

static void an_absent_value_is_told(void)
{
    const char *segment = test_name("v");
    coop_value *value, *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "a"), "i", COOP_CREATE, &value));
    CHECK_ERR(coop_value_open(in(segment, "b"), "i", 0, &none), -ENOENT);
    CHECK_DETAIL("/b");
    CHECK(!none);
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void excl_refuses_a_value_that_exists(void)
{
    const char *segment = test_name("v");
    coop_value *value, *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "a"), "i", COOP_CREATE | COOP_EXCL, &value));
    CHECK_ERR(coop_value_open(in(segment, "a"), "i", COOP_CREATE | COOP_EXCL, &none), -EEXIST);
    CHECK_DETAIL("/a");
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void an_object_of_another_kind_is_refused(void)
{
    const char *segment = test_name("v");
    coop_value *none = NULL;
    coop_lock *lock;
    coop_array *array;
    CHECK_OK(coop_lock_open(in(segment, "lock"), COOP_CREATE, &lock));
    CHECK_OK(coop_array_open(in(segment, "array"), "i", 1, COOP_CREATE, &array));
    CHECK_ERR(coop_value_open(in(segment, "lock"), "i", COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("kind lock, not value");
    CHECK_ERR(coop_value_open(in(segment, "array"), "i", 0, &none), -EINVAL);
    CHECK_DETAIL("kind array, not value");
    CHECK(!none);
    coop_lock_close(lock);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void another_type_is_refused_and_the_first_difference_named(void)
{
    const char *segment = test_name("v");
    coop_value *value, *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "a"), "16s", COOP_CREATE, &value));
    CHECK_ERR(coop_value_open(in(segment, "a"), "17s", COOP_CREATE, &none), -EINVAL);
    CHECK_DETAIL("holds type \"16s\", not \"17s\"");
    CHECK_DETAIL("column 2");
    CHECK_ERR(coop_value_open(in(segment, "a"), "d", 0, &none), -EINVAL);
    CHECK_DETAIL("column 1");
    CHECK(!none);
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void making_without_a_type_is_refused(void)
{
    const char *segment = test_name("v");
    coop_value *value, *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "a"), "i", COOP_CREATE, &value));
    CHECK_ERR(coop_value_open(in(segment, "b"), NULL, COOP_CREATE, &none), -EINVAL);
    CHECK_ERR(coop_value_open(in(segment, "b"), NULL, 0, &none), -ENOENT);
    CHECK_ERR(coop_value_new(NULL, &none), -EINVAL);
    CHECK(!none);
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void a_value_larger_than_the_segment_may_be_is_refused(void)
{
    const char *name = test_name("v");
    coop_segment *segment;
    coop_value *none = NULL;
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_ERR(coop_value_in(segment, "a", "1073741824s", COOP_CREATE, &none), -ENOSPC);
    CHECK(!none);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void closing_nothing_is_allowed(void)
{
    coop_value_close(NULL);
    COOP_AUTO(coop_value) value = NULL;
    (void)value;
}

TESTS(value, TEST(a_new_value_is_zero), TEST(numbers_are_set_and_read_back),
      TEST(the_macros_choose_by_the_type_of_the_number), TEST(a_number_out_of_range_is_refused_and_changes_nothing),
      TEST(a_number_that_the_caller_cannot_take_is_not_read), TEST(add_gives_the_new_number),
      TEST(add_beyond_the_range_is_refused_and_changes_nothing), TEST(add_to_a_bool_or_a_char_is_refused),
      TEST(exchange_gives_what_was_there), TEST(compare_exchange_stores_only_what_was_expected),
      TEST(compare_exchange_of_doubles_compares_bits), TEST(bytes_of_a_scalar_are_read_and_written),
      TEST(a_byte_string_is_read_and_written_whole), TEST(a_row_of_numbers_is_read_and_written_whole),
      TEST(bytes_of_another_size_are_refused), TEST(a_byte_string_is_not_a_number),
      TEST(a_malformed_type_is_refused_before_anything_is_made),
      TEST(a_malformed_name_is_refused_before_anything_is_made), TEST(a_value_is_found_again_by_its_path),
      TEST(a_nameless_value_has_no_path), TEST(a_value_lives_in_a_segment_that_the_caller_has_open),
      TEST(an_absent_segment_is_told), TEST(an_absent_value_is_told), TEST(excl_refuses_a_value_that_exists),
      TEST(an_object_of_another_kind_is_refused), TEST(another_type_is_refused_and_the_first_difference_named),
      TEST(making_without_a_type_is_refused), TEST(a_value_larger_than_the_segment_may_be_is_refused),
      TEST(closing_nothing_is_allowed))
