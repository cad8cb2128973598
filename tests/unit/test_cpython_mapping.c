/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/mapping_tests.py, BasicTestMappingProtocol, as test_dict.GeneralMappingTests
 * runs them, on managed dicts (tests/cpython.tsv). */
#include "unit/python.h"

#define REFERENCE "{'1': '2', 'key1': 'value1'}"
#define OTHER "'key2'"
#define OTHER_ITEM "{'key2': [1, 2, 3]}"

static void reading(void)
{
    managed_start(&m);
    struct py p = py_dict("{}");
    struct py d = py_dict(REFERENCE);
    GIVES(d, "get", "['1']", "'2'");
    GIVES(d, "get", "['key1']", "'value1'");
    RAISES(d, "get", "[" OTHER "]", KEY_ERROR);
    GIVES(p, "len", "[]", "0");
    GIVES(d, "len", "[]", "2");
    GIVES(d, "contains", "['1']", "True");
    GIVES(d, "contains", "['key1']", "True");
    GIVES(d, "contains", "[" OTHER "]", "False");
    CHECK(py_equal(p, p) && py_equal(d, d) && !py_equal(p, d) && !py_equal(d, p));
    CHECK_STR(py_all(d, "keys", false), py_call(d, "keys", "[]"));
    CHECK_STR(py_all(d, "values", false), py_call(d, "values", "[]"));
    CHECK_STR(py_all(d, "items", false), "[['1', '2'], ['key1', 'value1']]");
    GIVES(d, "get", "['1', [1, 2, 3]]", "'2'");
    GIVES(d, "get", "[" OTHER ", [1, 2, 3]]", "[1, 2, 3]");
    GIVES(d, "contains", "[" OTHER "]", "False");
    managed_stop(&m);
}

static void write_one(struct py p)
{
    DO(p, "set", "['1', '2']");
    GIVES(p, "get", "['1']", "'2'");
    DO(p, "set", "['key1', 'value1']");
    GIVES(p, "get", "['key1']", "'value1'");
    DO(p, "del", "['1']");
    RAISES(p, "get", "['1']", KEY_ERROR);
    DO(p, "del", "['key1']");
    RAISES(p, "get", "['key1']", KEY_ERROR);
}

static void writing(void)
{
    managed_start(&m);
    write_one(py_dict("{}"));
    struct py p = py_dict("{}");
    DO(p, "update", "[" REFERENCE "]");
    IS(p, REFERENCE);
    IS(py_dict(py_all(p, "items", false)), REFERENCE);
    struct py d = py_dict(REFERENCE);
    GIVES(d, "setdefault", "['1', 7]", "'2'");
    GIVES(d, "get", "['1']", "'2'");
    GIVES(d, "setdefault", "[" OTHER ", [1, 2, 3]]", "[1, 2, 3]");
    GIVES(d, "get", "[" OTHER "]", "[1, 2, 3]");
    GIVES(d, "pop", "[" OTHER "]", "[1, 2, 3]");
    GIVES(d, "contains", "[" OTHER "]", "False");
    RAISES(d, "pop", "[" OTHER "]", KEY_ERROR);
    DO(d, "set", "[" OTHER ", [1, 2, 3]]");
    GIVES(d, "pop", "[" OTHER ", 909]", "[1, 2, 3]");
    GIVES(d, "contains", "[" OTHER "]", "False");
    GIVES(d, "pop", "[" OTHER ", 909]", "909");
    GIVES(d, "popitem", "[]", "['key1', 'value1']");
    GIVES(d, "contains", "['key1']", "False");
    RAISES(py_dict("{}"), "popitem", "[]", KEY_ERROR);
    managed_stop(&m);
}

static void constructor(void)
{
    managed_start(&m);
    CHECK(py_equal(py_dict("{}"), py_dict("{}")));
    managed_stop(&m);
}

static void is_true(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "len", "[]", "0");
    GIVES(py_dict(REFERENCE), "len", "[]", "2");
    managed_stop(&m);
}

static void keys(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "keys", "[]", "[]");
    struct py d = py_dict(REFERENCE);
    GIVES(d, "keys", "[]", "['1', 'key1']");
    RAISES(d, "keys", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void values(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "values", "[]", "[]");
    RAISES(d, "values", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void items(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    CHECK_STR(py_all(d, "items", false), "[]");
    RAISES(d, "items", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void len(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "len", "[]", "0");
    managed_stop(&m);
}

static void getitem(void)
{
    managed_start(&m);
    struct py d = py_dict(REFERENCE);
    GIVES(d, "get", "['key1']", "'value1'");
    RAISES(d, "get", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void update(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    DO(d, "update", "[" OTHER_ITEM "]");
    IS(d, OTHER_ITEM);
    d = py_dict("{}");
    DO(d, "update", "[{}]");
    IS(d, "{}");
    DO(d, "update", "[[(" OTHER ", [1, 2, 3])]]");
    IS(d, OTHER_ITEM);
    RAISES(d, "update", "[42]", TYPE_ERROR);
    DO(d, "clear", "[]");
    DO(d, "update", text_of("[%s]", py_all(py_dict(REFERENCE), "items", false)));
    IS(d, REFERENCE);
    DO(d, "clear", "[]");
    RAISES(d, "update", "[[('a', 'a'), None]]", TYPE_ERROR); /* fails in the middle */
    RAISES(d, "update", "[[(1, 2, 3)]]", VALUE_ERROR);
    managed_stop(&m);
}

static void get(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "get", "[" OTHER ", None]", "None");
    GIVES(d, "get", "[" OTHER ", 3]", "3");
    d = py_dict(REFERENCE);
    GIVES(d, "get", "[" OTHER ", None]", "None");
    GIVES(d, "get", "[" OTHER ", 3]", "3");
    GIVES(d, "get", "['key1', None]", "'value1'");
    GIVES(d, "get", "['key1', 3]", "'value1'");
    RAISES(d, "get", "[]", WRONG_COUNT);
    RAISES(d, "get", "[None, None, None]", WRONG_COUNT);
    managed_stop(&m);
}

static void setdefault(void)
{
    managed_start(&m);
    RAISES(py_dict("{}"), "setdefault", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void popitem(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    RAISES(d, "popitem", "[]", KEY_ERROR);
    RAISES(d, "popitem", "[42]", WRONG_COUNT);
    managed_stop(&m);
}

static void pop(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    DO(d, "set", "['key1', 'value1']");
    RAISES(d, "pop", "[" OTHER "]", KEY_ERROR);
    GIVES(d, "pop", "['key1']", "'value1'");
    GIVES(d, "len", "[]", "0");
    RAISES(d, "pop", "['key1']", KEY_ERROR);
    managed_stop(&m);
}

/* a < b of whole dicts: TypeError, in either order. */
static void check_no_order(struct py a, struct py b)
{
    coop_any maps[2] = {literal(py_repr(a)), literal(py_repr(b))};
    bool less = true;
    CHECK_ERR(coop_any_less(maps[0], maps[1], &less), -EINVAL);
    CHECK_ERR(coop_any_less(maps[1], maps[0], &less), -EINVAL);
    CHECK(less);
    struct py both = py_list(text_of("[%s, %s]", py_repr(a), py_repr(b)));
    RAISES(both, "sort", "[]", TYPE_ERROR);
    RAISES(both, "sort", "[None, True]", TYPE_ERROR);
}

/* test_richcmp.DictTest: dicts are equal or not whose values have no order (there complex numbers, here dicts). */
static void dicts(void)
{
    enum { MANY = 50 };
    int keys_of[MANY], values_of[MANY];
    managed_start(&m);
    srandom(1);
    struct py imag1a = py_dict("{}"), imag1b = py_dict("{}");
    for (int i = 0; i < MANY; i++) {
        keys_of[i] = (int)(random() % 100);
        for (int k = 0; k < i; k++)
            if (keys_of[k] == keys_of[i]) keys_of[i] = 100 + i;
        values_of[i] = (int)(random() % 100);
        DO(imag1a, "set", text_of("[%d.5, {'imag': %d}]", keys_of[i], values_of[i]));
    }
    for (int i = 0; i < MANY; i++) { /* in another order */
        int k = (i * 7 + 3) % MANY;
        DO(imag1b, "set", text_of("[%d.5, {'imag': %d}]", keys_of[k], values_of[k]));
    }
    struct py imag2 = py_copy(imag1b);
    DO(imag2, "set", text_of("[%d.5, {'imag': %d.5}]", keys_of[0], values_of[0]));
    CHECK(py_equal(imag1a, imag1a));
    CHECK(py_equal(imag1a, imag1b));
    CHECK(py_equal(imag2, imag2));
    CHECK(!py_equal(imag1a, imag2));
    check_no_order(imag1a, imag2);
    managed_stop(&m);
}

TESTS(cpython_mapping, TEST(reading), TEST(writing), TEST(constructor), TEST(is_true), TEST(keys), TEST(values),
      TEST(items), TEST(len), TEST(getitem), TEST(update), TEST(get), TEST(setdefault), TEST(popitem), TEST(pop),
      TEST(dicts))
