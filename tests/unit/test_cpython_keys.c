/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/test_dict.py, DictTest, on managed dicts: keys, growth, changes in the middle of
 * something (tests/cpython.tsv). No operation of a manager can be interrupted: where Python's own code runs inside one,
 * the change comes between two of ours. */
#include "unit/python.h"

static void tuple_keyerror(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    RAISES(d, "get", "[b'\\x01']", -ENOENT, "no key b'\\x01' (KeyError)"); /* the key itself is named */
    RAISES(d, "get", "[(1,)]", -EINVAL, "list or map");                    /* there are no tuples */
    managed_stop(&m);
}

static void bad_key(void)
{
    static const char *const statements[][2] = {
        {"set", "[nan, 2]"},         {"get", "[nan]"}, {"contains", "[nan]"},      {"get", "[nan, 3]"},
        {"setdefault", "[nan, 42]"}, {"pop", "[nan]"}, {"update", "[[(nan, 2)]]"},
    };
    managed_start(&m);
    struct py d = py_dict("{'x1': 1}");
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
        RAISES(d, statements[i][0], statements[i][1], -EINVAL, "NaN");
    managed_stop(&m);
}

static void resize1(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    for (int i = 0; i < 5; i++) DO(d, "set", text_of("[%d, %d]", i, i));
    for (int i = 0; i < 5; i++) DO(d, "del", text_of("[%d]", i));
    for (int i = 5; i < 9; i++) DO(d, "set", text_of("[%d, %d]", i, i));
    IS(d, "{5: 5, 6: 6, 7: 7, 8: 8}");
    managed_stop(&m);
}

static void resize2(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    for (int i = 1; i <= 400; i++) DO(d, "set", text_of("['X%d', %d]", i, i)); /* past the table's first growth */
    DO(d, "clear", "[]");
    DO(d, "set", "[9, 6]");
    IS(d, "{9: 6}");
    managed_stop(&m);
}

static void empty_presized_dict_in_freelist(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    RAISES(d, "update", "[[('a', 1, 0), ('b', None), ('c', None), ('d', None), ('e', None), ('f', None)]]",
           VALUE_ERROR);
    IS(py_dict("{}"), "{}");
    managed_stop(&m);
}

static void string_keys_can_track_values(void)
{
    managed_start(&m); /* its end checks that all memory was given back */
    for (int i = 0; i < 10; i++) {
        struct py d = py_dict("{}");
        for (int j = 0; j < 10; j++) DO(d, "set", text_of("['%d', %d]", j, j));
        DO(d, "set", text_of("['foo', %s]", py_repr(d)));
        GIVES(d, "len", "[]", "11");
    }
    managed_stop(&m);
}

#define SHARED "{'x': 1, 'y': 2, 'z': 3}"

static void splittable_setdefault(void)
{
    managed_start(&m);
    struct py a = py_dict(SHARED), b = py_dict(SHARED);
    DO(a, "set", "['a', 1]");
    DO(a, "set", "['b', 2]");
    DO(b, "setdefault", "['b', 2]");
    DO(b, "set", "['a', 1]");
    GIVES(a, "keys", "[]", "['x', 'y', 'z', 'a', 'b']");
    GIVES(b, "keys", "[]", "['x', 'y', 'z', 'b', 'a']");
    managed_stop(&m);
}

static void check_splittable(const char *verb)
{
    managed_start(&m);
    struct py a = py_dict(SHARED), b = py_dict(SHARED);
    DO(a, verb, "['y']");
    RAISES(a, verb, "['y']", KEY_ERROR);
    GIVES(a, "keys", "[]", "['x', 'z']");
    GIVES(b, "keys", "[]", "['x', 'y', 'z']");
    DO(a, "set", "['y', 42]");
    GIVES(a, "keys", "[]", "['x', 'z', 'y']");
    GIVES(b, "keys", "[]", "['x', 'y', 'z']");
    managed_stop(&m);
}

static void splittable_del(void)
{
    check_splittable("del");
}

static void splittable_pop(void)
{
    check_splittable("pop");
}

static void splittable_pop_pending(void)
{
    managed_start(&m);
    struct py a = py_dict(SHARED), b = py_dict(SHARED);
    DO(a, "set", "['a', 4]");
    RAISES(b, "pop", "['a']", KEY_ERROR);
    managed_stop(&m);
}

static void splittable_popitem(void)
{
    managed_start(&m);
    struct py a = py_dict(SHARED), b = py_dict(SHARED);
    GIVES(a, "popitem", "[]", "['z', 3]");
    RAISES(a, "del", "['z']", KEY_ERROR);
    GIVES(a, "keys", "[]", "['x', 'y']");
    GIVES(b, "keys", "[]", "['x', 'y', 'z']");
    managed_stop(&m);
}

static void splittable_update(void)
{
    managed_start(&m);
    struct py o = py_dict("{'c': 1, 'b': 2, 'a': 3}");
    GIVES(o, "keys", "[]", "['c', 'b', 'a']");
    struct py d = py_dict("{}");
    DO(d, "update", text_of("[%s]", py_repr(o)));
    GIVES(d, "keys", "[]", "['c', 'b', 'a']");
    managed_stop(&m);
}

/* Text is a key by its characters, wherever they stand. */
static void instance_dict_getattr_str_subclass(void)
{
    managed_start(&m);
    char here[] = "msg", there[] = "msg";
    struct py f = py_dict("{}");
    CHECK_OK(ask(&m, "dict.set", f.id, ARGS(coop_str(here), coop_str("123"))));
    CHECK_OK(ask(&m, "dict.get", f.id, ARGS(coop_str(there))));
    CHECK_RESULT(&m, "'123'");
    managed_stop(&m);
}

static void object_set_item_single_instance_non_str_key(void)
{
    managed_start(&m);
    struct py f = py_dict("{}");
    DO(f, "set", "[1, 1]");
    DO(f, "set", "['a', 'a']");
    IS(f, "{1: 1, 'a': 'a'}");
    managed_stop(&m);
}

static void str_nonstr(void)
{
    managed_start(&m);
    struct py dicts[8] = {py_dict("{1: 42, 2: 43, 3.0: 44}")};
    for (int i = 1; i < 6; i++) dicts[i] = py_dict("{1: 42, 2: 43}");
    DO(dicts[1], "set", "[3.0, 44]");
    GIVES(dicts[2], "setdefault", "[3.0, 44]", "44");
    DO(dicts[3], "update", "[{3.0: 44}]");
    DO(dicts[4], "update", "[[(3.0, 44)]]");
    dicts[5] = py_dict(py_call(dicts[5], "merge", "[{3.0: 44}]"));
    dicts[6] = py_copy(dicts[5]);
    dicts[7] = py_dict("[(1, 42), (2, 43), (3.0, 44)]");
    for (int i = 0; i < 8; i++) {
        GIVES(dicts[i], "get", "[1]", "42");
        GIVES(dicts[i], "get", "[True]", "42"); /* another object that is equal */
        GIVES(dicts[i], "get", "[3]", "44");
        GIVES(dicts[i], "get", "[3.0]", "44");
        GIVES(dicts[i], "contains", "['3']", "False");
        IS(dicts[i], "{1: 42, 2: 43, 3.0: 44}");
    }
    managed_stop(&m);
}

static void mutating_lookup(void)
{
    managed_start(&m);
    struct py d = py_dict("{'key1': 1}");
    GIVES(d, "contains", "['key2']", "False");
    DO(d, "del", "['key1']");
    DO(d, "set", "['key2', 2]");
    IS(d, "{'key2': 2}");
    managed_stop(&m);
}

static void set_b(struct py d)
{
    DO(d, "set", "['b', 5]");
}

static void update_and_clear(struct py d)
{
    DO(d, "update", "[{'self': 1}]");
    DO(d, "clear", "[]");
}

static void pop_all(struct py d)
{
    while (strcmp(py_call(d, "len", "[]"), "0") != 0) DO(d, "popitem", "[]");
}

static const char *reentrant(void (*mutate)(struct py d))
{
    static const char letters[] = "abcdefghijklmnopqr";
    struct py d = py_dict("{}");
    for (const char *k = letters; *k; k++) DO(d, "set", text_of("['%c', 0]", *k));
    coop_any keys = literal(py_call(d, "keys", "[]"));
    for (uint32_t i = 0; i < keys.size; i++) {
        DO(d, "set", text_of("['%s', '%s']", keys.as.items[i].as.str, keys.as.items[i].as.str));
        mutate(d);
    }
    return py_call(d, "len", "[]");
}

static void reentrant_insertion(void)
{
    managed_start(&m);
    CHECK_STR(reentrant(set_b), "18");
    CHECK_STR(reentrant(update_and_clear), "0");
    CHECK_STR(reentrant(pop_all), "0");
    managed_stop(&m);
}

/* d.update(other) of a dict that is walked in pages, and changes after the first. */
static void merge_and_mutate(void)
{
    managed_start(&m);
    struct py other = py_dict("{}");
    for (int i = 1; i < 1337; i++) DO(other, "set", text_of("[%d, 0]", i));
    struct py d = py_dict("{0: 0, 1: 1}");
    struct py_iter it = py_iter(other, "items", false);
    it.page = 100;
    const char *item = "";
    CHECK_OK(py_next(&it, &item));
    DO(d, "update", text_of("[%s]", it.held));
    DO(other, "clear", "[]");
    for (int i = 1; i < 100; i++) CHECK_OK(py_next(&it, &item)); /* of the page that was fetched */
    CHECK_ERR(py_next(&it, &item), -EAGAIN);
    CHECK_HAS(m.sentence, "RuntimeError");
    managed_stop(&m);
}

static void equal_operator_modifying_operand(void)
{
    managed_start(&m);
    struct py a = py_dict("{13: 0}");
    struct py b = py_dict("{13: 0}");
    const char *b_before = py_repr(b);
    DO(a, "clear", "[]");
    DO(b, "clear", "[]");
    GIVES(a, "equal", text_of("[%s]", b_before), "False");
    CHECK(py_equal(a, b));
    managed_stop(&m);
}

static void fromkeys_operator_modifying_dict_operand(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1, 2: 2}");
    const char *keys = py_call(d, "keys", "[]");
    DO(d, "clear", "[]");
    struct py made = py_dict("{}");
    DO(made, "fromkeys", text_of("[%s]", keys));
    IS(made, "{1: None, 2: None}");
    IS(d, "{}");
    managed_stop(&m);
}

/* The operand itself is changed by it. */
static void fromkeys_operator_modifying_set_operand(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1, 2: 2}");
    DO(d, "fromkeys", text_of("[%s]", py_call(d, "keys", "[]")));
    IS(d, "{1: None, 2: None}");
    managed_stop(&m);
}

TESTS(cpython_keys, TEST(tuple_keyerror), TEST(bad_key), TEST(resize1), TEST(resize2),
      TEST(empty_presized_dict_in_freelist), TEST(string_keys_can_track_values), TEST(splittable_setdefault),
      TEST(splittable_del), TEST(splittable_pop), TEST(splittable_pop_pending), TEST(splittable_popitem),
      TEST(splittable_update), TEST(instance_dict_getattr_str_subclass),
      TEST(object_set_item_single_instance_non_str_key), TEST(str_nonstr), TEST(mutating_lookup),
      TEST(reentrant_insertion), TEST(merge_and_mutate), TEST(equal_operator_modifying_operand),
      TEST(fromkeys_operator_modifying_dict_operand), TEST(fromkeys_operator_modifying_set_operand))
