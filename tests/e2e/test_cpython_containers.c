/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/_test_multiprocessing.py, _TestContainers, with a real manager
 * (tests/cpython.tsv). A proxy within a proxy is its path: opening it gives the same object, and a named one stays. */
#include "harness/literal.h"
#include "harness/test.h"

#include <coop/dict.h>
#include <coop/list.h>
#include <stdlib.h>

static coop_manager *manager;

static void begin(void)
{
    CHECK_OK(coop_manager_start(test_name("c"), &manager));
}

static void end(void)
{
    coop_manager_close(manager);
}

static coop_list *new_list(const char *name, const char *contents)
{
    coop_list *list;
    CHECK_OK(coop_list_open(manager, name, COOP_CREATE, &list));
    CHECK_OK(coop_list_extend(list, literal(contents)));
    return list;
}

static coop_dict *new_dict(const char *name, const char *contents)
{
    coop_dict *dict;
    CHECK_OK(coop_dict_open(manager, name, COOP_CREATE, &dict));
    CHECK_OK(coop_dict_update(dict, literal(contents)));
    return dict;
}

static const char *text(coop_any value)
{
    char *written;
    CHECK_OK(coop_any_format(value, &written));
    const char *kept = text_of("%s", written);
    free(written);
    coop_any_clear(&value);
    return kept;
}

static const char *all_of(coop_list *list)
{
    coop_any values;
    CHECK_OK(coop_list_get_slice(list, COOP_OMIT, COOP_OMIT, COOP_OMIT, &values));
    return text(values);
}

/* list[index][:], where list[index] is a path */
static const char *all_of_inner(coop_list *list, int64_t index)
{
    coop_any path;
    coop_list *inner;
    CHECK_OK(coop_list_get(list, index, &path));
    CHECK_OK(coop_list_open(manager, path.as.str, 0, &inner));
    const char *all = all_of(inner);
    coop_list_close(inner);
    coop_any_clear(&path);
    return all;
}

static void list(void)
{
    begin();
    coop_any value;
    coop_list *a = new_list(NULL, range_text(0, 10));
    CHECK_STR(all_of(a), range_text(0, 10));
    coop_list *b = new_list(NULL, "[]");
    CHECK_STR(all_of(b), "[]");
    CHECK_OK(coop_list_extend(b, literal(range_text(0, 5))));
    CHECK_STR(all_of(b), range_text(0, 5));
    CHECK_OK(coop_list_get(b, 2, &value));
    CHECK_EQ(value.as.integer, 2);
    CHECK_OK(coop_list_get_slice(b, 2, 10, COOP_OMIT, &value));
    CHECK_STR(text(value), "[2, 3, 4]");
    CHECK_OK(coop_list_repeat(b, 2));
    CHECK_STR(all_of(b), "[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]");
    CHECK_OK(coop_list_concat(b, literal("[5, 6]"), &value));
    CHECK_STR(text(value), "[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6]");
    CHECK_STR(all_of(a), range_text(0, 10));

    coop_list *e = new_list(NULL, text_of("['%s', '%s']", coop_list_path(a), coop_list_path(b)));
    CHECK_STR(all_of_inner(e, 0), range_text(0, 10));
    CHECK_STR(all_of_inner(e, 1), "[0, 1, 2, 3, 4, 0, 1, 2, 3, 4]");
    coop_list *f = new_list(NULL, text_of("['%s']", coop_list_path(a)));
    CHECK_OK(coop_list_append(a, coop_str("hello")));
    CHECK_STR(all_of_inner(f, 0), "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 'hello']");
    coop_list *all[] = {a, b, e, f};
    for (int i = 0; i < 4; i++) coop_list_close(all[i]);
    end();
}

static const char *rest_of_list(coop_list_iter *it)
{
    coop_any all = coop_items(NULL, 0), item;
    int result;
    while ((result = coop_list_iter_next(it, &item)) == 0) {
        CHECK_OK(coop_any_append(&all, item));
        coop_any_clear(&item);
    }
    CHECK_EQ(result, -ENODATA);
    return text(all);
}

static void list_iter(void)
{
    begin();
    coop_any item;
    coop_list_iter *it;
    coop_list *a = new_list(NULL, range_text(0, 10));
    CHECK_OK(coop_list_iter_open(a, false, &it));
    CHECK_STR(rest_of_list(it), range_text(0, 10));
    CHECK_STR(rest_of_list(it), "[]"); /* exhausted */
    coop_list_iter_close(it);
    CHECK_OK(coop_list_iter_open(a, false, &it));
    CHECK_OK(coop_list_set(a, 0, coop_int(100)));
    CHECK_OK(coop_list_iter_next(it, &item));
    CHECK_EQ(item.as.integer, 100);
    coop_list_iter_close(it);
    coop_list_close(a);
    end();
}

static void list_proxy_in_list(void)
{
    begin();
    coop_list *inner[3], *again;
    coop_any path, value;
    size_t len;
    for (int i = 0; i < 3; i++) inner[i] = new_list(text_of("inner%d", i), "[0, 1, 2]");
    coop_list *a = new_list("a", "['inner0', 'inner1', 'inner2']");
    for (int i = 0; i < 3; i++) CHECK_STR(all_of_inner(a, i), "[0, 1, 2]");
    CHECK_OK(coop_list_get(a, 0, &path));
    CHECK_OK(coop_list_open(manager, path.as.str, 0, &again));
    coop_any_clear(&path);
    CHECK_OK(coop_list_set(again, -1, coop_int(55)));
    coop_list_close(again);
    CHECK_STR(all_of_inner(a, 0), "[0, 1, 55]");
    CHECK_STR(all_of_inner(a, 1), "[0, 1, 2]");
    CHECK_STR(all_of_inner(a, 2), "[0, 1, 2]");
    CHECK_OK(coop_list_pop(inner[1], -1, &value));
    CHECK_EQ(value.as.integer, 2);
    for (int i = 0; i < 3; i++) {
        CHECK_OK(coop_list_len(inner[i], &len));
        CHECK_EQ(len, i == 1 ? 2 : 3);
    }
    coop_list_close(a);
    coop_list *b = new_list(NULL, "[]");
    CHECK_OK(coop_list_append(b, coop_str(coop_list_path(b)))); /* in itself */
    coop_list_close(b);
    for (int i = 0; i < 3; i++) coop_list_close(inner[i]);
    end();
}

static void dict(void)
{
    begin();
    coop_any value;
    coop_dict *d = new_dict(NULL, "{}");
    for (int i = 65; i < 70; i++) CHECK_OK(coop_dict_set(d, coop_int(i), coop_strn(&"ABCDE"[i - 65], 1)));
    CHECK_OK(coop_dict_items(d, &value));
    CHECK_STR(text(value), "{65: 'A', 66: 'B', 67: 'C', 68: 'D', 69: 'E'}");
    CHECK_OK(coop_dict_keys(d, &value));
    CHECK_STR(text(value), "[65, 66, 67, 68, 69]");
    CHECK_OK(coop_dict_values(d, &value));
    CHECK_STR(text(value), "['A', 'B', 'C', 'D', 'E']");
    coop_dict_close(d);
    end();
}

static void dict_iter(void)
{
    begin();
    coop_any key;
    coop_dict_iter *it;
    coop_dict *d = new_dict(NULL, "{65: 'A', 66: 'B', 67: 'C', 68: 'D', 69: 'E'}");
    CHECK_OK(coop_dict_iter_open(d, COOP_KEYS, false, &it));
    for (int i = 65; i < 70; i++) {
        CHECK_OK(coop_dict_iter_next(it, &key, NULL));
        CHECK_EQ(key.as.integer, i);
    }
    CHECK_ERR(coop_dict_iter_next(it, &key, NULL), -ENODATA);
    CHECK_ERR(coop_dict_iter_next(it, &key, NULL), -ENODATA); /* exhausted */
    coop_dict_iter_close(it);
    CHECK_OK(coop_dict_iter_open(d, COOP_KEYS, false, &it));
    CHECK_OK(coop_dict_iter_next(it, &key, NULL)); /* ours begins with the first step */
    CHECK_OK(coop_dict_clear(d));
    for (int i = 1; i < 5; i++) CHECK_OK(coop_dict_iter_next(it, &key, NULL)); /* of the page that is here */
    CHECK_ERR(coop_dict_iter_next(it, &key, NULL), -EAGAIN);
    CHECK_DETAIL("dictionary changed size during iteration");
    coop_dict_iter_close(it);
    coop_dict_close(d);
    end();
}

/* d[outer][key], where d[outer] is a path */
static int64_t inner_value(coop_dict *d, const char *outer, const char *key)
{
    coop_any path, value;
    coop_dict *inner;
    CHECK_OK(coop_dict_get(d, coop_str(outer), &path));
    CHECK_OK(coop_dict_open(manager, path.as.str, 0, &inner));
    CHECK_OK(coop_dict_get(inner, coop_str(key), &value));
    coop_dict_close(inner);
    coop_any_clear(&path);
    return value.as.integer;
}

static void set_inner(coop_dict *d, const char *outer, const char *key, int64_t number)
{
    coop_any path;
    coop_dict *inner;
    CHECK_OK(coop_dict_get(d, coop_str(outer), &path));
    CHECK_OK(coop_dict_open(manager, path.as.str, 0, &inner));
    CHECK_OK(coop_dict_set(inner, coop_str(key), coop_int(number)));
    coop_dict_close(inner);
    coop_any_clear(&path);
}

static int64_t number_in(coop_dict *d, const char *key)
{
    coop_any value;
    CHECK_OK(coop_dict_get(d, coop_str(key), &value));
    return value.as.integer;
}

static void dict_proxy_nested(void)
{
    begin();
    size_t len;
    coop_any value;
    coop_dict *pets = new_dict("pets", "{'ferrets': 2, 'hamsters': 4}");
    coop_dict *supplies = new_dict("supplies", "{'water': 10, 'feed': 3}");
    coop_dict *d = new_dict("d", "{'pets': 'pets', 'supplies': 'supplies'}");
    CHECK_EQ(number_in(supplies, "water"), 10);
    CHECK_EQ(inner_value(d, "supplies", "water"), 10);
    set_inner(d, "supplies", "blankets", 5);
    CHECK_EQ(number_in(supplies, "blankets"), 5);
    CHECK_EQ(inner_value(d, "supplies", "blankets"), 5);
    set_inner(d, "supplies", "water", 7);
    CHECK_EQ(number_in(supplies, "water"), 7);
    CHECK_EQ(inner_value(d, "supplies", "water"), 7);
    coop_dict_close(pets);
    coop_dict_close(supplies);
    CHECK_EQ(inner_value(d, "pets", "ferrets"), 2);
    set_inner(d, "supplies", "blankets", 11);
    CHECK_EQ(inner_value(d, "supplies", "blankets"), 11);
    CHECK_OK(coop_dict_open(manager, "pets", 0, &pets));
    CHECK_OK(coop_dict_open(manager, "supplies", 0, &supplies));
    CHECK_EQ(number_in(supplies, "water"), 7);
    CHECK_OK(coop_dict_clear(d));
    CHECK_OK(coop_dict_len(d, &len));
    CHECK_EQ(len, 0);
    CHECK_EQ(number_in(supplies, "water"), 7);
    CHECK_EQ(number_in(pets, "hamsters"), 4);
    coop_dict *l = new_dict("l", "{0: 'pets', 1: 'supplies'}");
    CHECK_OK(coop_dict_set(pets, coop_str("marmots"), coop_int(1)));
    CHECK_EQ(number_in(pets, "marmots"), 1);
    coop_dict_close(pets);
    CHECK_OK(coop_dict_open(manager, "pets", 0, &pets));
    CHECK_EQ(number_in(pets, "marmots"), 1);
    coop_list *outer = new_list("outer", "[[88, 99], 'l']");
    CHECK_OK(coop_list_get(outer, 0, &value));
    CHECK_EQ(value.type, COOP_LIST); /* a value, no path */
    coop_any_clear(&value);
    coop_list_close(outer);
    coop_dict *all[] = {pets, supplies, d, l};
    for (int i = 0; i < 4; i++) coop_dict_close(all[i]);
    end();
}

/* The list at PATH is the queue: put is append, get is pop(0). */
static int64_t put_and_get(coop_any path, int64_t number)
{
    coop_list *queue;
    coop_any got;
    CHECK_EQ(path.type, COOP_STR);
    CHECK_OK(coop_list_open(manager, path.as.str, 0, &queue));
    CHECK_OK(coop_list_append(queue, coop_int(number)));
    CHECK_OK(coop_list_pop(queue, 0, &got));
    CHECK_EQ(got.type, COOP_INT);
    coop_list_close(queue);
    return got.as.integer;
}

static void nested_queue(void)
{
    begin();
    coop_any path;
    coop_list *a = new_list("a", "[]"); /* a queue inside a list */
    coop_list_close(new_list("first", "[]"));
    CHECK_OK(coop_list_append(a, coop_str("first")));
    CHECK_OK(coop_list_get(a, 0, &path));
    CHECK_EQ(put_and_get(path, 123), 123);
    coop_any_clear(&path);
    coop_dict *b = new_dict("b", "{}"); /* a queue inside a dict */
    coop_list_close(new_list("second", "[]"));
    CHECK_OK(coop_dict_set(b, coop_int(0), coop_str("second")));
    CHECK_OK(coop_dict_get(b, coop_int(0), &path));
    CHECK_EQ(put_and_get(path, 456), 456);
    coop_any_clear(&path);
    coop_list_close(a);
    coop_dict_close(b);
    end();
}

TESTS(cpython_containers, TEST(list), TEST(list_iter), TEST(list_proxy_in_list), TEST(dict), TEST(dict_iter),
      TEST(dict_proxy_nested), TEST(nested_queue))
