/* SPDX-License-Identifier: MIT */
/* Array: slices as Python has them, fill, records, and characters as strings. */
#include "harness/test.h"

#include <coop/array.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static coop_array *new_array(const char *type, size_t length)
{
    coop_array *array = NULL;
    CHECK_OK(coop_array_new(type, length, &array));
    return array;
}

/* 0, 1, 2, ... */
static coop_array *counted(size_t length)
{
    coop_array *array = new_array("i", length);
    for (size_t i = 0; i < length; i++) CHECK_OK(coop_array_set(array, (int64_t)i, (int64_t)i));
    return array;
}

/* Slices */

#define LONGEST 5
#define REACH 7 /* bounds from -REACH to REACH, and none */

static int64_t bound(int i)
{
    return i > REACH ? COOP_OMITTED : i;
}

static const char python_slices[] = "def bounds(): return list(range(-7, 8)) + [None]\n"
                                    "for length in range(6):\n"
                                    "    for start in bounds():\n"
                                    "        for stop in bounds():\n"
                                    "            for step in bounds():\n"
                                    "                if step != 0:\n"
                                    "                    print(*list(range(length))[start:stop:step], -1)\n";

static void check_slice(const coop_array *array, int64_t start, int64_t stop, int64_t step, char **line)
{
    int items[LONGEST] = {0};
    size_t count = 99, length = 99;
    CHECK_OK(coop_array_get_slice(array, start, stop, step, items, LONGEST, &count));
    CHECK_OK(coop_array_slice_length(array, start, stop, step, &length));
    CHECK_EQ(count, length);
    for (size_t i = 0; i <= count; i++) {
        long expected = strtol(*line, line, 10);
        if (expected != (i < count ? items[i] : -1))
            FAIL("[%lld:%lld:%lld] of %zu: Python has %ld at %zu, not %d", (long long)start, (long long)stop,
                 (long long)step, coop_array_length(array), expected, i, items[i]);
    }
}

static void slices_are_those_of_python(void)
{
    struct ran ran = RUN("python3", "-c", python_slices);
    char *line = ran.out;
    CHECK_STR(ran.err, "");
    for (size_t length = 0; length <= LONGEST; length++) {
        COOP_AUTO(coop_array) array = counted(length);
        for (int start = -REACH; start <= REACH + 1; start++)
            for (int stop = -REACH; stop <= REACH + 1; stop++)
                for (int step = -REACH; step <= REACH + 1; step++)
                    if (step != 0) check_slice(array, bound(start), bound(stop), bound(step), &line);
    }
    CHECK_STR(line, "\n");
}

static void bounds_and_steps_far_outside_are_clamped(void)
{
    COOP_AUTO(coop_array) array = counted(4);
    static const struct {
        int64_t start, stop, step;
        size_t count;
        int first;
    } rows[] = {
        {INT64_MIN + 1, INT64_MAX, 1, 4, 0}, {INT64_MAX, INT64_MIN + 1, -1, 4, 3},
        {0, INT64_MAX, INT64_MAX, 1, 0},     {INT64_MAX, INT64_MIN + 1, -INT64_MAX, 1, 3},
        {2, COOP_OMITTED, INT64_MAX, 1, 2},  {INT64_MIN + 1, INT64_MIN + 1, -1, 0, 0},
        {INT64_MAX, INT64_MAX, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int items[4] = {0};
        size_t count = 9;
        CHECK_OK(coop_array_get_slice(array, rows[i].start, rows[i].stop, rows[i].step, items, 4, &count));
        CHECK_EQ(count, rows[i].count);
        CHECK_EQ(items[0], rows[i].first);
    }
}

static void a_slice_is_set_backwards_and_in_steps(void)
{
    COOP_AUTO(coop_array) array = counted(6);
    int items[6];
    CHECK_OK(coop_array_set_slice(array, COOP_OMITTED, COOP_OMITTED, -1, (int[]){10, 11, 12, 13, 14, 15}, 6));
    CHECK_OK(coop_array_read(array, 0, 6, items));
    CHECK_MEM(items, ((int[]){15, 14, 13, 12, 11, 10}), sizeof items);
    CHECK_OK(coop_array_set_slice(array, 1, COOP_OMITTED, 2, (int[]){1, 2, 3}, 3));
    CHECK_OK(coop_array_set_slice(array, -1, -1, 1, NULL, 0));
    CHECK_OK(coop_array_read(array, 0, 6, items));
    CHECK_MEM(items, ((int[]){15, 1, 13, 2, 11, 3}), sizeof items);
    CHECK_OK(coop_array_set_slice(array, 2, 4, 1, (int[]){7, 8}, 2));
    CHECK_OK(coop_array_get_slice(array, 4, COOP_OMITTED, -2, items, 6, NULL));
    CHECK_MEM(items, ((int[]){11, 7, 15}), 3 * sizeof(int));
}

static void a_slice_of_the_wrong_size_changes_nothing(void)
{
    COOP_AUTO(coop_array) array = counted(6);
    int items[6] = {77, 77, 77, 77, 77, 77};
    size_t count = 9;
    CHECK_ERR(coop_array_set_slice(array, 0, 4, 1, items, 3), -EINVAL);
    CHECK_DETAIL("the slice has 4 items, and 3 are given; nothing was changed");
    CHECK_ERR(coop_array_set_slice(array, 0, 4, 2, items, 3), -EINVAL);
    CHECK_ERR(coop_array_get_slice(array, 0, 4, 1, items, 3, &count), -ERANGE);
    CHECK_DETAIL("the slice has 4 items, and there is room for 3; nothing was copied");
    CHECK_ERR(coop_array_get_slice(array, 0, 4, 0, items, 6, &count), -EINVAL);
    CHECK_DETAIL("the step of a slice is 0");
    CHECK_ERR(coop_array_set_slice(array, 0, 4, 0, items, 4), -EINVAL);
    CHECK_ERR(coop_array_slice_length(array, 0, 4, 0, &count), -EINVAL);
    CHECK_ERR(coop_array_fill(array, 0, 4, 0, items, sizeof(int)), -EINVAL);
    CHECK_EQ(count, 9);
    CHECK_EQ(items[0], 77);
    for (int i = 0; i < 6; i++) {
        int64_t item = -1;
        CHECK_OK(coop_array_get(array, i, &item));
        CHECK_EQ(item, i);
    }
}

static void fill_gives_each_item_of_a_slice_the_same(void)
{
    COOP_AUTO(coop_array) array = counted(7);
    int items[7];
    CHECK_OK(coop_array_fill(array, -2, COOP_OMITTED, -2, &(int){9}, sizeof(int)));
    CHECK_OK(coop_array_read(array, 0, 7, items));
    CHECK_MEM(items, ((int[]){0, 9, 2, 9, 4, 9, 6}), sizeof items);
    CHECK_OK(coop_array_fill(array, COOP_OMITTED, COOP_OMITTED, COOP_OMITTED, &(int){-1}, sizeof(int)));
    CHECK_OK(coop_array_read(array, 0, 7, items));
    for (int i = 0; i < 7; i++) CHECK_EQ(items[i], -1);
    CHECK_ERR(coop_array_fill(array, 0, 7, 1, &(char){1}, 1), -EINVAL);
    CHECK_DETAIL("1 bytes given, but an item of type \"i\" has 4");
}

/* Records */

struct point {
    double x;
    int n;
    char label[5];
};
#define POINT "T{d:x: i:n: 5s:label:}"

static void records_follow_each_other_as_in_a_c_array(void)
{
    COOP_AUTO(coop_array) array = new_array(POINT, 5);
    CHECK_EQ(coop_array_item_size(array), sizeof(struct point));
    for (int i = 0; i < 5; i++) {
        struct point point = {i + 0.5, i, "abcd"};
        CHECK_OK(coop_array_set_record(array, i - 5, &point));
    }
    const struct point *view = coop_array_data(array);
    struct point points[5], point;
    size_t count = 0;
    for (int i = 0; i < 5; i++) CHECK_EQ(view[i].n, i);
    CHECK_OK(coop_array_get_record(array, -1, &point));
    CHECK_DOUBLE(point.x, 4.5);
    CHECK_STR(point.label, "abcd");
    CHECK_OK(coop_array_get_slice(array, COOP_OMITTED, COOP_OMITTED, -2, points, 5, &count));
    CHECK_EQ(count, 3);
    for (int i = 0; i < 3; i++) CHECK_EQ(points[i].n, 4 - 2 * i);
    CHECK_OK(coop_array_fill(array, 1, 3, 1, &point, sizeof point));
    CHECK_EQ(view[0].n, 0);
    CHECK_EQ(view[1].n, 4);
    CHECK_EQ(view[2].n, 4);
    CHECK_EQ(view[3].n, 3);
    CHECK_EQ((uintptr_t)view % 64, 0);
}

static void an_item_of_another_size_or_place_is_refused(void)
{
    COOP_AUTO(coop_array) array = new_array(POINT, 5);
    struct point point = {.n = 7};
    int64_t number = 7;
    CHECK_ERR(coop_array_get_bytes(array, 0, &point, 23), -EINVAL);
    CHECK_DETAIL("23 bytes given, but an item of type \"T{d:x:i:n:5s:label:}\" has 24; pass one item");
    CHECK_ERR(coop_array_set_bytes(array, 0, &point, 25), -EINVAL);
    CHECK_ERR(coop_array_get_record(array, 5, &point), -ERANGE);
    CHECK_DETAIL("index 5 is out of bounds");
    CHECK_ERR(coop_array_set_record(array, -6, &point), -ERANGE);
    CHECK_ERR(coop_array_get(array, 0, &number), -EINVAL);
    CHECK_DETAIL("is not one number");
    CHECK_EQ(point.n, 7);
    CHECK_EQ(number, 7);
}

static void another_record_is_refused_and_the_first_field_named(void)
{
    const char *segment = test_name("a");
    char path[256];
    coop_array *array, *none = NULL;
    snprintf(path, sizeof path, "%s/points", segment);
    CHECK_OK(coop_array_open(path, POINT, 5, COOP_CREATE, &array));
    CHECK_ERR(coop_array_open(path, "T{d:x: I:n: 5s:label:}", 5, 0, &none), -EINVAL);
    CHECK_DETAIL("/points: is of another type: field `n` is i at byte 8, not I at byte 8");
    CHECK(!none);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

/* Strings */

static void items_are_strings(void)
{
    COOP_AUTO(coop_array) names = new_array("8s", 3);
    COOP_AUTO(coop_array) rows = new_array("8c", 3);
    COOP_AUTO(coop_array) numbers = new_array("i", 3);
    char text[9] = "?";
    CHECK_OK(coop_array_set_string(names, 1, "eight888"));
    CHECK_OK(coop_array_set_string(names, -1, "last"));
    CHECK_OK(coop_array_set_string(names, -1, "l"));
    CHECK_OK(coop_array_get_string(names, 1, text, sizeof text));
    CHECK_STR(text, "eight888");
    CHECK_OK(coop_array_get_string(names, 2, text, sizeof text));
    CHECK_STR(text, "l");
    CHECK_OK(coop_array_get_string(names, 0, text, sizeof text));
    CHECK_STR(text, "");
    CHECK_MEM(coop_array_data(names), "\0\0\0\0\0\0\0\0eight888l\0\0\0\0\0\0\0", 24);
    CHECK_OK(coop_array_set_string(rows, 0, "row"));
    CHECK_OK(coop_array_get_string(rows, 0, text, sizeof text));
    CHECK_STR(text, "row");
    CHECK_ERR(coop_array_set_string(names, 0, "nine99999"), -ERANGE);
    CHECK_DETAIL("a string of 9 bytes does not fit into 8");
    CHECK_ERR(coop_array_set_string(names, 3, "x"), -ERANGE);
    CHECK_ERR(coop_array_get_string(names, -4, text, sizeof text), -ERANGE);
    CHECK_ERR(coop_array_get_string(names, 0, text, 8), -ERANGE);
    CHECK_DETAIL("the string may have 8 bytes and a NUL, and there is room for 8");
    CHECK_ERR(coop_array_set_string(numbers, 0, "x"), -EINVAL);
    CHECK_DETAIL("items of type \"i\" are no string");
    CHECK_ERR(coop_array_get_string(numbers, 0, text, sizeof text), -EINVAL);
    CHECK_STR(text, "row");
}

/* As ctypes' create_string_buffer and multiprocessing's Array('c', n) have it. */
static void a_whole_array_of_characters_is_a_string(void)
{
    COOP_AUTO(coop_array) letters = new_array("c", 10);
    COOP_AUTO(coop_array) numbers = new_array("b", 10);
    char text[11] = "?", raw[10];
    CHECK_OK(coop_array_get_value(letters, text, sizeof text));
    CHECK_STR(text, "");
    CHECK_OK(coop_array_set_value(letters, "ten letter"));
    CHECK_OK(coop_array_get_value(letters, text, sizeof text));
    CHECK_STR(text, "ten letter");
    CHECK_OK(coop_array_set_value(letters, "few"));
    CHECK_OK(coop_array_get_value(letters, text, sizeof text));
    CHECK_STR(text, "few");
    CHECK_OK(coop_array_read(letters, 0, 10, raw));
    CHECK_MEM(raw, "few\0\0\0\0\0\0\0", 10);
    CHECK_ERR(coop_array_set_value(letters, "eleven char"), -ERANGE);
    CHECK_DETAIL("a string of 11 bytes does not fit into 10");
    CHECK_ERR(coop_array_get_value(letters, text, 10), -ERANGE);
    CHECK_ERR(coop_array_set_value(numbers, "x"), -EINVAL);
    CHECK_DETAIL("only an array of \"c\" is one as a whole");
    CHECK_ERR(coop_array_get_value(numbers, text, sizeof text), -EINVAL);
    CHECK_STR(text, "few");
}

TESTS(array_many, TEST(slices_are_those_of_python), TEST(bounds_and_steps_far_outside_are_clamped),
      TEST(a_slice_is_set_backwards_and_in_steps), TEST(a_slice_of_the_wrong_size_changes_nothing),
      TEST(fill_gives_each_item_of_a_slice_the_same), TEST(records_follow_each_other_as_in_a_c_array),
      TEST(an_item_of_another_size_or_place_is_refused), TEST(another_record_is_refused_and_the_first_field_named),
      TEST(items_are_strings), TEST(a_whole_array_of_characters_is_a_string))
