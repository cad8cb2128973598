/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/test_dict.py, DictTest, on managed dicts: views, iterators, order
 * (tests/cpython.tsv). A view is what a walk in pages shows, now and later. There are no sets: what Python's views do
 * as sets is done here out of walks and lookups. */
#include "unit/python.h"

static void keys(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "keys", "[]", "[]");
    struct py d = py_dict("{'a': 1, 'b': 2}");
    GIVES(d, "keys", "[]", "['a', 'b']");
    CHECK_STR(py_all(d, "keys", false), "['a', 'b']");
    GIVES(d, "contains", "['a']", "True");
    GIVES(d, "contains", "['b']", "True");
    RAISES(d, "keys", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void values(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "values", "[]", "[]");
    struct py d = py_dict("{1: 2}");
    GIVES(d, "values", "[]", "[2]");
    CHECK_STR(py_all(d, "values", false), "[2]");
    RAISES(d, "values", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void items(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "items", "[]", "{}");
    struct py d = py_dict("{1: 2}");
    CHECK_STR(py_all(d, "items", false), "[[1, 2]]");
    RAISES(d, "items", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void views_mapping(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    struct py_iter before = py_iter(d, "items", false); /* made before there was anything */
    CHECK_STR(py_all(d, "items", false), "[]");
    DO(d, "set", "['foo', 'bar']");
    CHECK_STR(py_all(d, "keys", false), "['foo']");
    CHECK_STR(py_all(d, "values", false), "['bar']");
    CHECK_STR(py_rest(&before), "[['foo', 'bar']]");
    managed_stop(&m);
}

/* Whether an element of a view of one dict is in the same view of another. */
static bool has(struct py d, const char *what, const char *element)
{
    coop_any value = literal(element);
    bool pair = strcmp(what, "items") == 0;
    CHECK_OK(ask(&m, "dict.contains", d.id, pair ? value.as.items : &value, 1));
    if (!pair || !m.result.as.boolean) return m.result.as.boolean;
    CHECK_OK(ask(&m, "dict.get", d.id, value.as.items, 1));
    return coop_any_equal(m.result, value.as.items[1]);
}

/* Those of A that are in B (WANTED), or those that are not, in A's order. */
static const char *pick(struct py a, struct py b, const char *what, bool wanted)
{
    coop_any all = literal(py_all(a, what, false));
    const char *picked = "";
    for (uint32_t i = 0; i < all.size; i++) {
        char *text;
        CHECK_OK(coop_any_format(all.as.items[i], &text));
        if (has(b, what, text) == wanted) picked = text_of("%s%s%s", picked, *picked ? ", " : "", text);
        free(text);
    }
    return picked;
}

static const char *set_minus(struct py a, struct py b, const char *what)
{
    return text_of("{%s}", pick(a, b, what, false));
}

static const char *set_and(struct py a, struct py b, const char *what)
{
    return text_of("{%s}", pick(a, b, what, true));
}

static const char *joined(const char *a, const char *b)
{
    return text_of("{%s%s%s}", a, *a && *b ? ", " : "", b);
}

static const char *set_xor(struct py a, struct py b, const char *what)
{
    return joined(pick(a, b, what, false), pick(b, a, what, false));
}

static const char *set_or(struct py a, struct py b, const char *what)
{
    return joined(pick(a, a, what, true), pick(b, a, what, false));
}

static bool is_subset(struct py a, struct py b, const char *what)
{
    return *pick(a, b, what, false) == 0;
}

static void check_contained(const char *what)
{
    struct py empty = py_dict("{}"), empty2 = py_dict("{}");
    struct py smaller = py_dict("{1: 1, 2: 2}");
    struct py larger = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py larger2 = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py larger3 = py_dict("{4: 1, 2: 2, 3: 3}");
    CHECK(is_subset(smaller, larger, what) && !is_subset(larger, smaller, what));
    CHECK(!is_subset(smaller, larger3, what) && !is_subset(larger3, smaller, what));
    CHECK(is_subset(larger2, larger, what) && is_subset(larger, larger2, what));
    CHECK(py_equal(larger, larger2) && !py_equal(smaller, larger));
    CHECK(py_equal(empty, empty2) && !py_equal(empty, smaller));
    CHECK(is_subset(empty, empty2, what) && is_subset(empty, smaller, what));
    CHECK(!py_equal(larger, larger3));
}

static void keys_contained(void)
{
    managed_start(&m);
    check_contained("keys");
    check_contained("items");
    managed_stop(&m);
}

static void dictview_set_operations_on_keys(void)
{
    managed_start(&m);
    struct py k1 = py_dict("{1: 1, 2: 2}");
    struct py k2 = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py k3 = py_dict("{4: 4}");
    CHECK_STR(set_minus(k1, k2, "keys"), "{}");
    CHECK_STR(set_minus(k1, k3, "keys"), "{1, 2}");
    CHECK_STR(set_minus(k2, k1, "keys"), "{3}");
    CHECK_STR(set_minus(k3, k1, "keys"), "{4}");
    CHECK_STR(set_and(k1, k2, "keys"), "{1, 2}");
    CHECK_STR(set_and(k1, k3, "keys"), "{}");
    CHECK_STR(set_or(k1, k2, "keys"), "{1, 2, 3}");
    CHECK_STR(set_xor(k1, k2, "keys"), "{3}");
    CHECK_STR(set_xor(k1, k3, "keys"), "{1, 2, 4}");
    managed_stop(&m);
}

static void dictview_set_operations_on_items(void)
{
    managed_start(&m);
    struct py k1 = py_dict("{1: 1, 2: 2}");
    struct py k2 = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py k3 = py_dict("{4: 4}");
    CHECK_STR(set_minus(k1, k2, "items"), "{}");
    CHECK_STR(set_minus(k1, k3, "items"), "{[1, 1], [2, 2]}");
    CHECK_STR(set_minus(k2, k1, "items"), "{[3, 3]}");
    CHECK_STR(set_minus(k3, k1, "items"), "{[4, 4]}");
    CHECK_STR(set_and(k1, k2, "items"), "{[1, 1], [2, 2]}");
    CHECK_STR(set_and(k1, k3, "items"), "{}");
    CHECK_STR(set_or(k1, k2, "items"), "{[1, 1], [2, 2], [3, 3]}");
    CHECK_STR(set_xor(k1, k2, "items"), "{[3, 3]}");
    CHECK_STR(set_xor(k1, k3, "items"), "{[1, 1], [2, 2], [4, 4]}");
    managed_stop(&m);
}

static void dictview_mixed_set_operations(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1}");
    struct py set = py_dict("{}"); /* its keys are a set */
    DO(set, "fromkeys", "[[1]]");
    CHECK(is_subset(d, set, "keys") && is_subset(set, d, "keys"));
    struct py two = py_dict("{}");
    DO(two, "fromkeys", "[[2]]");
    CHECK_STR(set_or(d, two, "keys"), "{1, 2}");
    CHECK_STR(set_or(two, d, "keys"), "{2, 1}");
    CHECK_STR(set_or(d, two, "items"), "{[1, 1], [2, None]}");
    managed_stop(&m);
}

static void items_symmetric_difference(void)
{
    managed_start(&m);
    srandom(1);
    for (int round = 0; round < 20; round++) {
        int values_of[2][20];
        struct py d[2] = {py_dict("{}"), py_dict("{}")};
        for (int side = 0; side < 2; side++)
            for (int x = 0; x < 20; x++) {
                values_of[side][x] = random() % 2 ? (int)(random() % 3) : -1;
                if (values_of[side][x] >= 0) DO(d[side], "set", text_of("[%d, %d]", x, values_of[side][x]));
            }
        const char *expected = "";
        for (int side = 0; side < 2; side++)
            for (int x = 0; x < 20; x++)
                if (values_of[side][x] >= 0 && values_of[side][x] != values_of[!side][x])
                    expected = text_of("%s%s[%d, %d]", expected, *expected ? ", " : "", x, values_of[side][x]);
        CHECK_STR(set_xor(d[0], d[1], "items"), text_of("{%s}", expected));
    }
    managed_stop(&m);
}

static void reversed(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, 'b': 2, 'foo': 0, 'c': 3, 'd': 4}");
    DO(d, "del", "['foo']");
    struct py_iter r = py_iter(d, "keys", true);
    const char *item = "";
    CHECK_STR(py_rest(&r), "['d', 'c', 'b', 'a']");
    CHECK_OK(py_next(&r, &item));
    CHECK(item == NULL);
    managed_stop(&m);
}

static void reverse_iterator_for_empty_dict(void)
{
    managed_start(&m);
    CHECK_STR(py_all(py_dict("{}"), "keys", true), "[]");
    CHECK_STR(py_all(py_dict("{}"), "items", true), "[]");
    CHECK_STR(py_all(py_dict("{}"), "values", true), "[]");
    managed_stop(&m);
}

static void reverse_iterator_for_shared_shared_dicts(void)
{
    managed_start(&m);
    CHECK_STR(py_all(py_dict("{'x': 1, 'y': 2}"), "keys", true), "['y', 'x']");
    CHECK_STR(py_all(py_dict("{'x': 1}"), "keys", true), "['x']");
    CHECK_STR(py_all(py_dict("{'y': 1}"), "keys", true), "['y']");
    managed_stop(&m);
}

static void dict_copy_order(void)
{
    managed_start(&m);
    struct py od = py_dict("{'a': 1, 'b': 2}");
    DO(od, "del", "['a']"); /* move_to_end */
    DO(od, "set", "['a', 1]");
    IS(py_copy(od), "{'b': 2, 'a': 1}");
    const char *pairs = "[['a', 1], ['b', 2], ['c', 3]]";
    CHECK_STR(py_all(py_copy(py_dict(pairs)), "items", false), pairs);
    struct py turned = py_dict(py_all(py_dict(pairs), "items", true));
    IS(turned, "{'c': 3, 'b': 2, 'a': 1}");
    managed_stop(&m);
}

/* An iterator's rest out of its bytes: what pickle makes of one. */
static const char *pickled(struct py_iter it)
{
    coop_any rest = literal(py_rest(&it)), loaded;
    struct coopi_writer w;
    coopi_writer_init(&w, COOPI_WIRE_MAX);
    coopi_write_any(&w, &rest);
    struct coopi_reader r = {.data = w.data, .len = w.len};
    CHECK_OK(coopi_read_any(&r, &loaded));
    char *text;
    CHECK_OK(coop_any_format(loaded, &text));
    const char *kept = text_of("%s", text);
    free(text);
    coop_any_clear(&loaded);
    coopi_writer_free(&w);
    return kept;
}

static void check_pickling(const char *what, bool backwards, const char *drop)
{
    managed_start(&m);
    const char *item = "";
    struct py data = py_dict("{1: 'a', 2: 'b', 3: 'c'}");
    struct py_iter it = py_iter(data, what, backwards);
    CHECK_STR(pickled(it), py_all(data, what, backwards));
    CHECK_OK(py_next(&it, &item));
    const char *rest = pickled(it);
    DO(data, "del", text_of("[%s]", drop)); /* the pickle has no more to do with the dict */
    CHECK_STR(rest, py_all(data, what, backwards));
    managed_stop(&m);
}

static void iterator_pickling(void)
{
    check_pickling("keys", false, "1");
}

static void itemiterator_pickling(void)
{
    check_pickling("items", false, "1");
}

static void valuesiterator_pickling(void)
{
    check_pickling("values", false, "1");
}

static void reverseiterator_pickling(void)
{
    check_pickling("keys", true, "3");
}

static void reverseitemiterator_pickling(void)
{
    check_pickling("items", true, "3");
}

static void reversevaluesiterator_pickling(void)
{
    check_pickling("values", true, "3");
}

static void mutating_iteration(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1}");
    struct py_iter it = py_iter(d, "keys", false);
    const char *i = "";
    CHECK_OK(py_next(&it, &i));
    CHECK_STR(i, "1");
    DO(d, "set", "[2, 1]");
    CHECK_ERR(py_next(&it, &i), -EAGAIN);
    CHECK_HAS(m.sentence, "dictionary changed size during iteration");
    managed_stop(&m);
}

static void check_mutating_delete(const char *what)
{
    managed_start(&m);
    struct py d = py_dict("{0: 0}");
    struct py_iter it = py_iter(d, what, false);
    const char *i = "";
    CHECK_OK(py_next(&it, &i));
    DO(d, "del", "[0]");
    DO(d, "set", "[0, 0]");
    CHECK_ERR(py_next(&it, &i), -EAGAIN);
    CHECK_HAS(m.sentence, "RuntimeError");
    managed_stop(&m);
}

static void mutating_iteration_delete(void)
{
    check_mutating_delete("keys");
}

static void mutating_iteration_delete_over_values(void)
{
    check_mutating_delete("values");
}

static void mutating_iteration_delete_over_items(void)
{
    check_mutating_delete("items");
}

static void oob_indexing_dictiter_iternextitem(void)
{
    managed_start(&m);
    struct py d = py_dict("{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 7}");
    struct py_iter it = py_iter(d, "items", false);
    const char *result = "";
    for (int i = 0; i < 3; i++) CHECK_OK(py_next(&it, &result));
    CHECK_STR(result, "[2, 2]");
    DO(d, "set", "[2, None]");
    DO(d, "clear", "[]");
    CHECK_ERR(py_next(&it, &result), -EAGAIN);
    managed_stop(&m);
}

TESTS(cpython_views, TEST(keys), TEST(values), TEST(items), TEST(views_mapping), TEST(keys_contained),
      TEST(dictview_set_operations_on_keys), TEST(dictview_set_operations_on_items),
      TEST(dictview_mixed_set_operations), TEST_T(items_symmetric_difference, .seconds = 20), TEST(reversed),
      TEST(reverse_iterator_for_empty_dict), TEST(reverse_iterator_for_shared_shared_dicts), TEST(dict_copy_order),
      TEST(iterator_pickling), TEST(itemiterator_pickling), TEST(valuesiterator_pickling),
      TEST(reverseiterator_pickling), TEST(reverseitemiterator_pickling), TEST(reversevaluesiterator_pickling),
      TEST(mutating_iteration), TEST(mutating_iteration_delete), TEST(mutating_iteration_delete_over_values),
      TEST(mutating_iteration_delete_over_items), TEST(oob_indexing_dictiter_iternextitem))
