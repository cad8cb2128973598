/* SPDX-License-Identifier: MIT */
/* Managed lists through the client: slices, search, sort, arithmetic, iteration. */
#include "harness/literal.h"
#include "harness/test.h"

#include <coop/list.h>
#include <stdlib.h>

static coop_manager *manager;
static coop_list *list;

static void begin(const char *contents)
{
    CHECK_OK(coop_manager_start(test_name("list"), &manager));
    CHECK_OK(coop_list_open(manager, "numbers", COOP_CREATE, &list));
    CHECK_OK(coop_list_extend(list, literal(contents)));
}

static void end(void)
{
    coop_list_close(list);
    coop_manager_close(manager);
}

static void check_text(coop_any value, const char *expected)
{
    char *text;
    CHECK_OK(coop_any_format(value, &text));
    CHECK_STR(text, expected);
    free(text);
    coop_any_clear(&value);
}

static void check_contents(const char *expected)
{
    coop_any values;
    CHECK_OK(coop_list_copy(list, &values));
    check_text(values, expected);
}

static void insert_and_delete_by_index(void)
{
    begin("[1, 2]");
    CHECK_OK(coop_list_insert(list, 1, coop_str("x")));
    CHECK_OK(coop_list_insert(list, INT64_MIN, coop_str("first")));
    CHECK_OK(coop_list_insert(list, INT64_MAX, coop_str("last")));
    check_contents("['first', 1, 'x', 2, 'last']");
    CHECK_OK(coop_list_del(list, -2));
    CHECK_ERR(coop_list_del(list, 4), -ERANGE);
    CHECK_DETAIL("IndexError");
    check_contents("['first', 1, 'x', 'last']");
    CHECK_OK(coop_list_clear(list));
    check_contents("[]");
    end();
}

static void search_finds_the_first_equal_item(void)
{
    begin("[1, 'a', 1.0, [1], True]");
    size_t at = 99, count = 99;
    bool contains;
    CHECK_OK(coop_list_index(list, coop_int(1), 0, INT64_MAX, &at));
    CHECK_EQ(at, 0);
    CHECK_OK(coop_list_index(list, coop_int(1), -4, 3, &at));
    CHECK_EQ(at, 2);
    CHECK_ERR(coop_list_index(list, coop_int(1), 3, 4, &at), -ENOENT);
    CHECK_DETAIL("1 is not in it (ValueError)");
    CHECK_EQ(at, 2);
    CHECK_OK(coop_list_count(list, coop_bool(true), &count));
    CHECK_EQ(count, 3);
    CHECK_OK(coop_list_contains(list, literal("[1]"), &contains));
    CHECK(contains);
    CHECK_OK(coop_list_contains(list, coop_str("b"), &contains));
    CHECK(!contains);
    CHECK_OK(coop_list_remove(list, coop_int(1)));
    CHECK_ERR(coop_list_remove(list, coop_str("b")), -ENOENT);
    check_contents("['a', 1.0, [1], True]");
    end();
}

static void slices_are_pythons(void)
{
    begin("[0, 1, 2, 3, 4, 5]");
    coop_any values = coop_int(7);
    CHECK_OK(coop_list_get_slice(list, 1, 4, 1, &values));
    check_text(values, "[1, 2, 3]");
    CHECK_OK(coop_list_get_slice(list, COOP_OMIT, COOP_OMIT, -2, &values));
    check_text(values, "[5, 3, 1]");
    CHECK_OK(coop_list_get_slice(list, -2, COOP_OMIT, COOP_OMIT, &values));
    check_text(values, "[4, 5]");
    values = coop_int(7);
    CHECK_ERR(coop_list_get_slice(list, 0, 1, 0, &values), -EINVAL);
    CHECK_DETAIL("step cannot be 0 (ValueError)");
    CHECK_EQ(values.as.integer, 7);
    CHECK_OK(coop_list_set_slice(list, 1, 3, COOP_OMIT, literal("['a', 'b', 'c']")));
    check_contents("[0, 'a', 'b', 'c', 3, 4, 5]");
    CHECK_ERR(coop_list_set_slice(list, COOP_OMIT, COOP_OMIT, 2, literal("[1, 2]")), -EINVAL);
    CHECK_DETAIL("attempt to assign sequence of size 2 to extended slice of size 4 (ValueError)");
    CHECK_ERR(coop_list_set_slice(list, 0, 1, 1, coop_int(1)), -EINVAL);
    CHECK_DETAIL("list numbers: set_slice takes a list value");
    CHECK_OK(coop_list_del_slice(list, COOP_OMIT, COOP_OMIT, 3));
    check_contents("['a', 'b', 3, 4]");
    CHECK_OK(coop_list_del_slice(list, 1, 3, COOP_OMIT));
    check_contents("['a', 4]");
    end();
}

static void sort_takes_a_key(void)
{
    begin("[{'name': 'Bo', 'born': [1990, 5]}, {'name': 'Al', 'born': [1971, 2]}, {'name': 'Cy', 'born': [1990, 1]}]");
    coop_any path[] = {coop_str("born"), coop_int(0)}, value;
    CHECK_OK(coop_list_sort(list, coop_items(path, 2), true));
    CHECK_OK(coop_list_get(list, 0, &value));
    check_text(value, "{'name': 'Bo', 'born': [1990, 5]}");
    CHECK_OK(coop_list_sort(list, coop_str("name"), false));
    CHECK_OK(coop_list_get(list, 0, &value));
    check_text(value, "{'name': 'Al', 'born': [1971, 2]}");
    CHECK_ERR(coop_list_sort(list, coop_nil(), false), -EINVAL);
    CHECK_DETAIL("TypeError");
    CHECK_ERR(coop_list_sort(list, coop_str("age"), false), -ENOENT);
    CHECK_OK(coop_list_reverse(list));
    CHECK_OK(coop_list_get(list, -1, &value));
    check_text(value, "{'name': 'Al', 'born': [1971, 2]}");
    end();
}

static void arithmetic_gives_new_values_or_changes_in_place(void)
{
    begin("[1, 2]");
    coop_any values;
    bool equal;
    CHECK_OK(coop_list_concat(list, literal("['x']"), &values));
    check_text(values, "[1, 2, 'x']");
    CHECK_OK(coop_list_repeated(list, 2, &values));
    check_text(values, "[1, 2, 1, 2]");
    CHECK_OK(coop_list_equal(list, literal("[1.0, 2]"), &equal));
    CHECK(equal);
    CHECK_OK(coop_list_repeat(list, 3));
    check_contents("[1, 2, 1, 2, 1, 2]");
    CHECK_OK(coop_list_equal(list, literal("[1, 2]"), &equal));
    CHECK(!equal);
    CHECK_ERR(coop_list_equal(list, coop_nil(), &equal), -EINVAL);
    CHECK_ERR(coop_list_concat(list, coop_nil(), &values), -EINVAL);
    CHECK_OK(coop_list_repeat(list, -1));
    check_contents("[]");
    end();
}

static void check_walk(bool backwards, int64_t count)
{
    coop_list_iter *iter;
    coop_any item;
    CHECK_OK(coop_list_iter_open(list, backwards, &iter));
    for (int64_t i = 0; i < count; i++) {
        CHECK_OK(coop_list_iter_next(iter, &item));
        CHECK_EQ(item.as.integer, backwards ? count - 1 - i : i);
    }
    for (int i = 0; i < 2; i++) CHECK_ERR(coop_list_iter_next(iter, &item), -ENODATA);
    CHECK_DETAIL("list numbers: the iteration is at its end (StopIteration)");
    coop_list_iter_close(iter);
}

static void walks_take_as_many_pages_as_it_needs(void)
{
    static const int64_t counts[] = {0, 1, 1023, 1024, 1025, 2500};
    begin("[]");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        CHECK_OK(coop_list_clear(list));
        CHECK_OK(coop_list_extend(list, literal(range_text(0, (int)counts[i]))));
        check_walk(false, counts[i]);
        check_walk(true, counts[i]);
    }
    coop_list_iter_close(NULL);
    end();
}

static void walk_goes_by_index_over_what_is_there_then(void)
{
    begin(range_text(0, 1500));
    coop_list_iter *iter, *backwards;
    coop_any item;
    CHECK_OK(coop_list_iter_open(list, false, &iter));
    CHECK_OK(coop_list_iter_open(list, true, &backwards));
    for (int i = 0; i < 1024; i++) {
        CHECK_OK(coop_list_iter_next(iter, &item));
        CHECK_OK(coop_list_iter_next(backwards, &item));
    }
    CHECK_OK(coop_list_del(list, 0)); /* the second page begins one further */
    CHECK_OK(coop_list_iter_next(iter, &item));
    CHECK_EQ(item.as.integer, 1025);
    CHECK_OK(coop_list_clear(list));
    CHECK_ERR(coop_list_iter_next(backwards, &item), -ENODATA);
    coop_list_iter_close(backwards);
    coop_list_iter_close(iter); /* with items that were not taken */
    end();
}

static coop_any cells[COOP_ANY_DEPTH + 1];

/* As deep as a value may nest. */
static coop_any deepest(void)
{
    cells[0] = coop_int(1);
    for (int i = 1; i <= COOP_ANY_DEPTH; i++) cells[i] = coop_items(&cells[i - 1], 1);
    return cells[COOP_ANY_DEPTH];
}

static void items_of_full_depth_come_back_by_every_way(void)
{
    begin("[]");
    coop_list_iter *iter;
    coop_any values;
    CHECK_OK(coop_list_append(list, deepest()));
    CHECK_OK(coop_list_copy(list, &values));
    CHECK(coop_any_equal(values.as.items[0], deepest()));
    coop_any_clear(&values);
    CHECK_OK(coop_list_get_slice(list, 0, 1, 1, &values));
    CHECK(coop_any_equal(values.as.items[0], deepest()));
    coop_any_clear(&values);
    CHECK_OK(coop_list_repeated(list, 2, &values));
    CHECK(coop_any_equal(values.as.items[1], deepest()));
    coop_any_clear(&values);
    CHECK_OK(coop_list_iter_open(list, false, &iter));
    CHECK_OK(coop_list_iter_next(iter, &values));
    CHECK(coop_any_equal(values, deepest()));
    coop_any_clear(&values);
    coop_list_iter_close(iter);
    CHECK_ERR(coop_list_append(list, coop_items(&cells[COOP_ANY_DEPTH], 1)), -EINVAL);
    end();
}

static void values_too_large_for_one_call_are_named_so(void)
{
    enum { SIZE = 30 << 20 };
    begin("[]");
    char *big = calloc(1, SIZE);
    coop_any three[] = {coop_bytes(big, SIZE), coop_bytes(big, SIZE), coop_bytes(big, SIZE)}, values;
    CHECK_ERR(coop_list_extend(list, coop_items(three, 3)), -EMSGSIZE);
    CHECK_DETAIL("the values given to list.extend are larger than 64 MiB together; pass them in several calls");
    for (int i = 0; i < 3; i++) CHECK_OK(coop_list_append(list, three[i]));
    CHECK_ERR(coop_list_copy(list, &values), -EMSGSIZE);
    free(big);
    end();
}

TESTS(list_ops, TEST(insert_and_delete_by_index), TEST(search_finds_the_first_equal_item), TEST(slices_are_pythons),
      TEST(sort_takes_a_key), TEST(arithmetic_gives_new_values_or_changes_in_place),
      TEST(walks_take_as_many_pages_as_it_needs), TEST(walk_goes_by_index_over_what_is_there_then),
      TEST(items_of_full_depth_come_back_by_every_way), TEST(values_too_large_for_one_call_are_named_so))
