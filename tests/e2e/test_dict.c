/* SPDX-License-Identifier: MIT */
/* Managed dicts through the client, against the real manager. */
#include "harness/test.h"

#include <coop/dict.h>
#include <coop/list.h>
#include <math.h>
#include <stdlib.h>

static coop_manager *manager;
static coop_dict *dict;

static void begin(void)
{
    CHECK_OK(coop_manager_start(test_name("dict"), &manager));
    CHECK_OK(coop_dict_open(manager, "stock", COOP_CREATE, &dict));
}

static void end(void)
{
    coop_dict_close(dict);
    coop_manager_close(manager);
}

static void check_contents(const char *expected)
{
    coop_any items;
    char *text;
    CHECK_OK(coop_dict_items(dict, &items));
    CHECK_OK(coop_any_format(items, &text));
    CHECK_STR(text, expected);
    free(text);
    coop_any_clear(&items);
}

static void set_and_get_give_back_what_was_set(void)
{
    begin();
    coop_any value;
    CHECK_OK(coop_dict_set(dict, coop_str("apples"), coop_int(5)));
    CHECK_OK(coop_dict_set(dict, coop_bytes("\0", 1), coop_str("text")));
    CHECK_OK(coop_dict_get(dict, coop_str("apples"), &value));
    CHECK_EQ(value.as.integer, 5);
    CHECK_OK(coop_dict_get(dict, coop_bytes("\0", 1), &value));
    CHECK_STR(value.as.str, "text");
    coop_any_clear(&value);
    end();
}

static void items_keep_the_order_of_insertion(void)
{
    begin();
    CHECK_OK(coop_dict_set(dict, coop_str("b"), coop_int(1)));
    CHECK_OK(coop_dict_set(dict, coop_str("a"), coop_int(2)));
    CHECK_OK(coop_dict_set(dict, coop_nil(), coop_int(3)));
    CHECK_OK(coop_dict_set(dict, coop_str("b"), coop_int(4)));
    check_contents("{'b': 4, 'a': 2, None: 3}");
    CHECK_OK(coop_dict_del(dict, coop_str("b")));
    CHECK_OK(coop_dict_set(dict, coop_str("b"), coop_int(5)));
    check_contents("{'a': 2, None: 3, 'b': 5}");
    end();
}

static void equal_numbers_are_one_key(void)
{
    begin();
    CHECK_OK(coop_dict_set(dict, coop_int(1), coop_str("int")));
    CHECK_OK(coop_dict_set(dict, coop_float(1.0), coop_str("float")));
    CHECK_OK(coop_dict_set(dict, coop_bool(true), coop_str("bool")));
    check_contents("{1: 'bool'}");
    end();
}

static void an_absent_key_is_named(void)
{
    begin();
    coop_any value = coop_int(9);
    CHECK_ERR(coop_dict_get(dict, coop_str("pears"), &value), -ENOENT);
    CHECK_DETAIL("stock");
    CHECK_DETAIL("'pears'");
    CHECK_ERR(coop_dict_del(dict, coop_int(7)), -ENOENT);
    CHECK_DETAIL("7");
    CHECK_EQ(value.as.integer, 9);
    end();
}

static void what_is_no_key_is_refused(void)
{
    begin();
    coop_any value;
    bool contains;
    CHECK_ERR(coop_dict_set(dict, coop_items(NULL, 0), coop_nil()), -EINVAL);
    CHECK_DETAIL("not a list or map");
    CHECK_ERR(coop_dict_get(dict, coop_float(NAN), &value), -EINVAL);
    CHECK_ERR(coop_dict_contains(dict, coop_pairs(NULL, 0), &contains), -EINVAL);
    CHECK_ERR(coop_dict_del(dict, coop_float(NAN)), -EINVAL);
    CHECK_ERR(coop_dict_incr(dict, coop_float(NAN), coop_int(1), NULL), -EINVAL);
    end();
}

static void incr_adds_in_one_step(void)
{
    begin();
    coop_any value;
    CHECK_OK(coop_dict_incr(dict, coop_str("n"), coop_int(5), &value));
    CHECK_EQ(value.as.integer, 5);
    CHECK_OK(coop_dict_incr(dict, coop_str("n"), coop_int(-7), NULL));
    CHECK_OK(coop_dict_incr(dict, coop_str("n"), coop_float(0.5), &value));
    CHECK_DOUBLE(value.as.real, -1.5);
    CHECK_OK(coop_dict_set(dict, coop_str("s"), coop_str("text")));
    CHECK_ERR(coop_dict_incr(dict, coop_str("s"), coop_int(1), NULL), -EINVAL);
    CHECK_ERR(coop_dict_incr(dict, coop_str("n"), coop_str("1"), NULL), -EINVAL);
    CHECK_OK(coop_dict_set(dict, coop_str("max"), coop_uint(UINT64_MAX)));
    CHECK_ERR(coop_dict_incr(dict, coop_str("max"), coop_int(1), NULL), -ERANGE);
    end();
}

static void incr_by_many_processes_loses_nothing(void)
{
    begin();
    pid_t pids[4];
    coop_any value;
    for (int c = 0; c < 4; c++)
        CHILD(pids[c]) {
            for (int i = 0; i < 200; i++) CHECK_OK(coop_dict_incr(dict, coop_str("n"), coop_int(1), NULL));
        }
    for (int c = 0; c < 4; c++) child_must(pids[c]);
    CHECK_OK(coop_dict_get(dict, coop_str("n"), &value));
    CHECK_EQ(value.as.integer, 800);
    end();
}

static void len_and_contains_look_without_taking(void)
{
    begin();
    size_t len;
    bool contains;
    CHECK_OK(coop_dict_set(dict, coop_str("a"), coop_nil()));
    CHECK_OK(coop_dict_len(dict, &len));
    CHECK_EQ(len, 1);
    CHECK_OK(coop_dict_contains(dict, coop_str("a"), &contains));
    CHECK(contains);
    CHECK_OK(coop_dict_contains(dict, coop_bytes("a", 1), &contains));
    CHECK(!contains);
    end();
}

static void open_refuses_an_object_of_another_type(void)
{
    begin();
    coop_list *list;
    coop_dict *other;
    CHECK_ERR(coop_list_open(manager, "stock", COOP_CREATE, &list), -EINVAL);
    CHECK_DETAIL("stock");
    CHECK_ERR(coop_dict_open(manager, "absent", 0, &other), -ENOENT);
    CHECK_OK(coop_dict_open(manager, NULL, 0, &other));
    CHECK_ERR(coop_list_open(manager, coop_dict_path(other), 0, &list), -EINVAL);
    coop_dict_close(other);
    coop_dict_close(NULL);
    end();
}

TESTS(dict, TEST(set_and_get_give_back_what_was_set), TEST(items_keep_the_order_of_insertion),
      TEST(equal_numbers_are_one_key), TEST(an_absent_key_is_named), TEST(what_is_no_key_is_refused),
      TEST(incr_adds_in_one_step), TEST(incr_by_many_processes_loses_nothing),
      TEST(len_and_contains_look_without_taking), TEST(open_refuses_an_object_of_another_type))
