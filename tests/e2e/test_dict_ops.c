/* SPDX-License-Identifier: MIT */
/* Managed dicts through the client: compare-and-set, defaults, whole dicts, iteration. */
#include "harness/literal.h"
#include "harness/test.h"

#include <coop/dict.h>
#include <math.h>
#include <stdlib.h>

static coop_manager *manager;
static coop_dict *dict;

static void begin(const char *contents)
{
    CHECK_OK(coop_manager_start(test_name("dict"), &manager));
    CHECK_OK(coop_dict_open(manager, "ages", COOP_CREATE, &dict));
    CHECK_OK(coop_dict_update(dict, literal(contents)));
}

static void end(void)
{
    coop_dict_close(dict);
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
    coop_any items;
    CHECK_OK(coop_dict_items(dict, &items));
    check_text(items, expected);
}

static bool compare_set(const char *key, const char *expected, const char *value)
{
    bool done;
    coop_any old = expected ? literal(expected) : coop_nil(), new = value ? literal(value) : coop_nil();
    CHECK_OK(coop_dict_compare_set(dict, coop_str(key), expected ? &old : NULL, value ? &new : NULL, &done));
    return done;
}

static void compare_set_inserts_changes_and_removes(void)
{
    begin("{}");
    bool done;
    CHECK(!compare_set("a", "1", "2"));
    CHECK(compare_set("a", NULL, "[1]"));
    CHECK(!compare_set("a", NULL, "2"));
    CHECK(!compare_set("a", "[2]", "2"));
    check_contents("{'a': [1]}");
    CHECK(compare_set("a", "[1.0]", "None"));
    CHECK(compare_set("a", "None", NULL));
    check_contents("{}");
    CHECK_ERR(coop_dict_compare_set(dict, coop_float(NAN), NULL, NULL, &done), -EINVAL);
    end();
}

static void defaults_stand_in_for_absent_keys(void)
{
    begin("{'a': 1}");
    coop_any value;
    CHECK_OK(coop_dict_get_or(dict, coop_str("a"), coop_int(7), &value));
    check_text(value, "1");
    CHECK_OK(coop_dict_get_or(dict, coop_str("b"), literal("[7]"), &value));
    check_text(value, "[7]");
    CHECK_OK(coop_dict_setdefault(dict, coop_str("a"), coop_int(7), &value));
    check_text(value, "1");
    CHECK_OK(coop_dict_setdefault(dict, coop_str("b"), coop_str("x"), &value));
    check_text(value, "'x'");
    CHECK_OK(coop_dict_setdefault(dict, coop_str("c"), coop_nil(), NULL));
    check_contents("{'a': 1, 'b': 'x', 'c': None}");
    CHECK_OK(coop_dict_pop_or(dict, coop_str("c"), coop_int(7), &value));
    check_text(value, "None");
    CHECK_OK(coop_dict_pop_or(dict, coop_str("c"), coop_int(7), &value));
    check_text(value, "7");
    CHECK_OK(coop_dict_pop(dict, coop_str("b"), NULL));
    CHECK_ERR(coop_dict_pop(dict, coop_str("b"), &value), -ENOENT);
    CHECK_DETAIL("it has no key 'b' (KeyError)");
    check_contents("{'a': 1}");
    end();
}

static void popitem_takes_the_last(void)
{
    begin("{'a': 1, 'b': [2]}");
    coop_any key, value = coop_int(5);
    CHECK_OK(coop_dict_popitem(dict, &key, &value));
    check_text(key, "'b'");
    check_text(value, "[2]");
    CHECK_OK(coop_dict_popitem(dict, NULL, NULL));
    value = coop_int(5);
    CHECK_ERR(coop_dict_popitem(dict, &key, &value), -ENOENT);
    CHECK_DETAIL("it is empty (KeyError)");
    CHECK_EQ(value.as.integer, 5);
    end();
}

static void whole_dicts_are_set_merged_and_compared(void)
{
    begin("{'a': 1}");
    coop_any value;
    bool equal;
    CHECK_OK(coop_dict_update(dict, literal("[['b', 2], ['a', 3]]")));
    CHECK_OK(coop_dict_fromkeys(dict, literal("['x', 'b']"), literal("[0]")));
    check_contents("{'a': 3, 'b': [0], 'x': [0]}");
    CHECK_OK(coop_dict_keys(dict, &value));
    check_text(value, "['a', 'b', 'x']");
    CHECK_OK(coop_dict_values(dict, &value));
    check_text(value, "[3, [0], [0]]");
    CHECK_OK(coop_dict_merge(dict, literal("{'b': 1, 5: 6}"), &value));
    check_text(value, "{'a': 3, 'b': 1, 'x': [0], 5: 6}");
    CHECK_OK(coop_dict_equal(dict, literal("{'x': [0], 'b': [0], 'a': 3.0}"), &equal));
    CHECK(equal);
    CHECK_OK(coop_dict_equal(dict, coop_int(3), &equal));
    CHECK(!equal);
    CHECK_ERR(coop_dict_update(dict, literal("[['b']]")), -EINVAL);
    CHECK_DETAIL("element #0 has length 1; 2 is required (ValueError)");
    CHECK_ERR(coop_dict_merge(dict, coop_int(1), &value), -EINVAL);
    CHECK_ERR(coop_dict_fromkeys(dict, coop_int(1), coop_nil()), -EINVAL);
    CHECK_OK(coop_dict_clear(dict));
    check_contents("{}");
    end();
}

/* {0: 'v', 1: 'v', ...} */
static void fill(int count)
{
    CHECK_OK(coop_dict_fromkeys(dict, literal(range_text(0, count)), coop_str("v")));
}

static void check_walk(int what, bool backwards, int count)
{
    coop_dict_iter *iter;
    coop_any key, value;
    CHECK_OK(coop_dict_iter_open(dict, what, backwards, &iter));
    for (int i = 0; i < count; i++) {
        CHECK_OK(coop_dict_iter_next(iter, &key, &value));
        if (what & COOP_KEYS) CHECK_EQ(key.as.integer, backwards ? count - 1 - i : i);
        CHECK_EQ(key.type, what & COOP_KEYS ? COOP_INT : COOP_NIL);
        CHECK_EQ(value.type, what & COOP_VALUES ? COOP_STR : COOP_NIL);
        coop_any_clear(&value);
    }
    for (int i = 0; i < 2; i++) CHECK_ERR(coop_dict_iter_next(iter, &key, &value), -ENODATA);
    coop_dict_iter_close(iter);
}

static void walks_take_as_many_pages_as_it_needs(void)
{
    static const int counts[] = {0, 1, 1024, 2500};
    begin("{}");
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        CHECK_OK(coop_dict_clear(dict));
        fill(counts[i]);
        for (int what = COOP_KEYS; what <= COOP_ITEMS; what++) {
            check_walk(what, false, counts[i]);
            check_walk(what, true, counts[i]);
        }
    }
    coop_dict_iter_close(NULL);
    end();
}

static void values_of_full_depth_come_back_by_every_way(void)
{
    begin("{}");
    coop_any cells[COOP_ANY_DEPTH + 1], all, key;
    coop_dict_iter *iter;
    cells[0] = coop_int(1);
    for (int i = 1; i <= COOP_ANY_DEPTH; i++) cells[i] = coop_items(&cells[i - 1], 1);
    coop_any deepest = cells[COOP_ANY_DEPTH];
    CHECK_OK(coop_dict_set(dict, coop_str("k"), deepest));
    CHECK_OK(coop_dict_items(dict, &all));
    CHECK(coop_any_equal(all.as.pairs[0].value, deepest));
    coop_any_clear(&all);
    CHECK_OK(coop_dict_merge(dict, literal("{'a': 1}"), &all));
    CHECK(coop_any_equal(*coop_any_get(&all, coop_str("k")), deepest));
    coop_any_clear(&all);
    CHECK_OK(coop_dict_iter_open(dict, COOP_ITEMS, false, &iter));
    CHECK_OK(coop_dict_iter_next(iter, &key, &all));
    CHECK(coop_any_equal(all, deepest));
    coop_any_clear(&key);
    coop_any_clear(&all);
    coop_dict_iter_close(iter);
    CHECK_OK(coop_dict_popitem(dict, NULL, &all));
    CHECK(coop_any_equal(all, deepest));
    coop_any_clear(&all);
    end();
}

static void walk_notices_that_keys_came_or_went(void)
{
    begin("{}");
    fill(1500);
    coop_dict_iter *iter;
    coop_any value;
    CHECK_OK(coop_dict_iter_open(dict, COOP_VALUES, false, &iter));
    for (int i = 0; i < 1024; i++) {
        CHECK_OK(coop_dict_iter_next(iter, NULL, &value));
        coop_any_clear(&value);
    }
    CHECK_OK(coop_dict_set(dict, coop_int(1024), coop_str("new"))); /* a value: that is seen */
    CHECK_OK(coop_dict_iter_next(iter, NULL, &value));
    CHECK_STR(value.as.str, "new");
    coop_any_clear(&value);
    coop_dict_iter_close(iter);

    CHECK_OK(coop_dict_iter_open(dict, COOP_KEYS, true, &iter));
    for (int i = 0; i < 1024; i++) CHECK_OK(coop_dict_iter_next(iter, &value, NULL));
    CHECK_OK(coop_dict_del(dict, coop_int(0)));
    for (int i = 0; i < 2; i++) CHECK_ERR(coop_dict_iter_next(iter, &value, NULL), -EAGAIN);
    CHECK_DETAIL("RuntimeError");
    coop_dict_iter_close(iter);
    CHECK_ERR(coop_dict_iter_open(dict, 0, false, &iter), -EINVAL);
    CHECK_ERR(coop_dict_iter_open(dict, 4, false, &iter), -EINVAL);
    end();
}

TESTS(dict_ops, TEST(compare_set_inserts_changes_and_removes), TEST(defaults_stand_in_for_absent_keys),
      TEST(popitem_takes_the_last), TEST(whole_dicts_are_set_merged_and_compared),
      TEST(walks_take_as_many_pages_as_it_needs), TEST(values_of_full_depth_come_back_by_every_way),
      TEST(walk_notices_that_keys_came_or_went))
