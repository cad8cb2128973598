/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/list_tests.py, CommonTest, on managed lists (tests/cpython.tsv). */
#include "unit/python.h"

static void init(void)
{
    managed_start(&m);
    IS(py_list("[]"), "[]");
    struct py a = py_list("[1, 2, 3]");
    DO(a, "clear", "[]");
    IS(a, "[]");
    a = py_list("[1, 2, 3]");
    DO(a, "set_slice", "[None, None, None, [4, 5, 6]]");
    IS(a, "[4, 5, 6]");
    struct py b = py_list(py_repr(a));
    CHECK(a.id.as.natural != b.id.as.natural);
    GIVES(a, "equal", text_of("[%s]", py_repr(b)), "True");
    managed_stop(&m);
}

static void getitem_error(void)
{
    managed_start(&m);
    RAISES(py_list("[]"), "get", "['a']", -EINVAL, "an index is an int");
    managed_stop(&m);
}

static void setitem_error(void)
{
    managed_start(&m);
    RAISES(py_list("[]"), "set", "['a', 'python']", -EINVAL, "an index is an int");
    managed_stop(&m);
}

/* A list holds no reference to itself, but a copy of what it was. */
static void repr(void)
{
    managed_start(&m);
    struct py a2 = py_list("[0, 1, 2]");
    IS(py_list("[]"), "[]");
    IS(a2, "[0, 1, 2]");
    DO(a2, "append", text_of("[%s]", py_repr(a2)));
    DO(a2, "append", "[3]");
    IS(a2, "[0, 1, 2, [0, 1, 2], 3]");
    managed_stop(&m);
}

/* Too deep to be written out is too deep to be sent. */
static void repr_deep(void)
{
    managed_start(&m);
    struct py a = py_list("[]");
    m.head.sequence++;
    managed_write(&m, "list.append", a.id, NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    for (int i = 0; i < 1100; i++) coopi_write_array(&m.request, 1);
    coopi_write_array(&m.request, 0);
    CHECK_ERR(managed_send(&m), -EBADMSG);
    CHECK_HAS(m.sentence, "nested too deep");
    IS(a, "[]");
    managed_stop(&m);
}

static void set_subscript(void)
{
    managed_start(&m);
    struct py a = py_list(range_text(0, 20));
    RAISES(a, "set_slice", "[0, 10, 0, [1, 2, 3]]", VALUE_ERROR);
    RAISES(a, "set_slice", "[0, 10, 1, 1]", TYPE_ERROR);
    RAISES(a, "set_slice", "[0, 10, 2, [1, 2]]", VALUE_ERROR);
    RAISES(a, "get", "['x', 1]", WRONG_COUNT);
    DO(a, "set_slice", "[2, 10, 3, [1, 2, 3]]");
    IS(a, "[0, 1, 1, 3, 4, 2, 6, 7, 3, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]");
    managed_stop(&m);
}

static void reversed(void)
{
    managed_start(&m);
    struct py_iter r = py_iter(py_list(range_text(0, 20)), NULL, true);
    const char *item = "";
    CHECK_STR(py_rest(&r), "[19, 18, 17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]");
    CHECK_OK(py_next(&r, &item));
    CHECK(item == NULL);
    CHECK_STR(py_all(py_list("[]"), NULL, true), "[]");
    managed_stop(&m);
}

static void setitem(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 1]");
    DO(a, "set", "[0, 0]");
    DO(a, "set", "[1, 100]");
    IS(a, "[0, 100]");
    DO(a, "set", "[-1, 200]");
    IS(a, "[0, 200]");
    DO(a, "set", "[-2, 100]");
    IS(a, "[100, 200]");
    RAISES(a, "set", "[-3, 200]", INDEX_ERROR);
    RAISES(a, "set", "[2, 200]", INDEX_ERROR);
    a = py_list("[]");
    RAISES(a, "set", "[0, 200]", INDEX_ERROR);
    RAISES(a, "set", "[-1, 200]", INDEX_ERROR);
    RAISES(a, "set", "[]", WRONG_COUNT);
    a = py_list("[0, 1, 2, 3, 4]");
    for (int i = 0; i < 3; i++) DO(a, "set", text_of("[%d, %d]", i, i + 1));
    IS(a, "[1, 2, 3, 3, 4]");
    for (int i = 0; i < 3; i++) DO(a, "set", text_of("[%d, %d]", i, i + 5));
    IS(a, "[5, 6, 7, 3, 4]");
    DO(a, "set", "[-2, 88]");
    DO(a, "set", "[-1, 99]");
    IS(a, "[5, 6, 7, 88, 99]");
    DO(a, "set", "[-2, 8]");
    DO(a, "set", "[-1, 9]");
    IS(a, "[5, 6, 7, 8, 9]");
    RAISES(a, "set", "['a', 'python']", -EINVAL, "an index is an int");
    managed_stop(&m);
}

static void delitem(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 1]");
    DO(a, "del", "[1]");
    IS(a, "[0]");
    DO(a, "del", "[0]");
    IS(a, "[]");
    a = py_list("[0, 1]");
    DO(a, "del", "[-2]");
    IS(a, "[1]");
    DO(a, "del", "[-1]");
    IS(a, "[]");
    a = py_list("[0, 1]");
    RAISES(a, "del", "[-3]", INDEX_ERROR);
    RAISES(a, "del", "[2]", INDEX_ERROR);
    a = py_list("[]");
    RAISES(a, "del", "[0]", INDEX_ERROR);
    RAISES(a, "del", "[]", WRONG_COUNT);
    managed_stop(&m);
}

/* a[i:j] = l[i:j], through the manager both ways, leaves both as they are. */
static void assign_same(struct py a, struct py l, const char *bounds)
{
    DO(a, "set_slice", text_of("[%s, None, %s]", bounds, py_call(l, "get_slice", text_of("[%s]", bounds))));
    IS(a, py_repr(l));
    struct py a2 = py_list(py_repr(a));
    DO(a2, "set_slice", text_of("[%s, None, %s]", bounds, py_call(a, "get_slice", text_of("[%s]", bounds))));
    IS(a2, py_repr(a));
}

static void setslice(void)
{
    managed_start(&m);
    struct py l = py_list("[0, 1]");
    struct py a = py_list("[0, 1]");
    for (int i = -3; i < 4; i++) {
        assign_same(a, l, text_of("None, %d", i));
        assign_same(a, l, text_of("%d, None", i));
        for (int j = -3; j < 4; j++) assign_same(a, l, text_of("%d, %d", i, j));
    }
    DO(a, "set_slice", "[None, 0, None, [-2, -1]]");
    IS(a, "[-2, -1, 0, 1]");
    DO(a, "set_slice", "[0, None, None, []]");
    IS(a, "[]");
    a = py_list("[1, 2, 3, 4, 5]");
    DO(a, "set_slice", text_of("[None, -1, None, %s]", py_repr(a)));
    IS(a, "[1, 2, 3, 4, 5, 5]");
    a = py_list("[1, 2, 3, 4, 5]");
    DO(a, "set_slice", text_of("[1, None, None, %s]", py_repr(a)));
    IS(a, "[1, 1, 2, 3, 4, 5]");
    a = py_list("[1, 2, 3, 4, 5]");
    DO(a, "set_slice", text_of("[1, -1, None, %s]", py_repr(a)));
    IS(a, "[1, 1, 2, 3, 4, 5, 5]");
    a = py_list("[]");
    DO(a, "set_slice", text_of("[None, None, None, %s]", range_text(0, 10)));
    IS(a, range_text(0, 10));
    RAISES(a, "set_slice", "[0, 1, 5]", WRONG_COUNT);
    RAISES(a, "set_slice", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void delslice(void)
{
    static const char *const cases[][3] = {
        {"[1, 2]", "[0, 1]", "[]"},  {"[-2, -1]", NULL, "[1]"},    {"[1, None]", "[None, 1]", "[]"},
        {"[-1, None]", NULL, "[0]"}, {"[None, None]", NULL, "[]"},
    };
    managed_start(&m);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct py a = py_list("[0, 1]");
        DO(a, "del_slice", cases[i][0]);
        if (cases[i][1]) DO(a, "del_slice", cases[i][1]);
        IS(a, cases[i][2]);
    }
    managed_stop(&m);
}

static void append(void)
{
    managed_start(&m);
    struct py a = py_list("[]");
    for (int i = 0; i < 3; i++) DO(a, "append", text_of("[%d]", i));
    IS(a, "[0, 1, 2]");
    RAISES(a, "append", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void extend(void)
{
    managed_start(&m);
    struct py a1 = py_list("[0]");
    struct py a = py_list(py_call(a1, "get_slice", "[None, None]"));
    DO(a, "extend", "[[0, 1]]");
    IS(a, py_call(a1, "concat", "[[0, 1]]"));
    DO(a, "extend", "[[]]");
    IS(a, "[0, 0, 1]");
    DO(a, "extend", text_of("[%s]", py_repr(a)));
    IS(a, "[0, 0, 1, 0, 0, 1]");
    a = py_list("['s', 'p', 'a', 'm']");
    DO(a, "extend", "[['e', 'g', 'g', 's']]");
    IS(a, "['s', 'p', 'a', 'm', 'e', 'g', 'g', 's']");
    RAISES(a, "extend", "[None]", TYPE_ERROR);
    RAISES(a, "extend", "[]", WRONG_COUNT);
    /* one that says it is longer than it is: array 32 of 2^32 - 1 values, and none there */
    m.head.sequence++;
    managed_write(&m, "list.extend", a.id, NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    coopi_write_raw(&m.request, "\x91\xdd\xff\xff\xff\xff", 6);
    CHECK_ERR(managed_send(&m), -EBADMSG);
    GIVES(a, "len", "[]", "8");
    managed_stop(&m);
}

static void insert(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 1, 2]");
    DO(a, "insert", "[0, -2]");
    DO(a, "insert", "[1, -1]");
    DO(a, "insert", "[2, 0]");
    IS(a, "[-2, -1, 0, 0, 1, 2]");
    struct py b = py_list(py_repr(a));
    DO(b, "insert", "[-2, 'foo']");
    DO(b, "insert", "[-200, 'left']");
    DO(b, "insert", "[200, 'right']");
    IS(b, "['left', -2, -1, 0, 0, 'foo', 1, 2, 'right']");
    RAISES(a, "insert", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void pop(void)
{
    managed_start(&m);
    struct py a = py_list("[-1, 0, 1]");
    DO(a, "pop", "[]");
    IS(a, "[-1, 0]");
    DO(a, "pop", "[0]");
    IS(a, "[0]");
    RAISES(a, "pop", "[5]", INDEX_ERROR);
    DO(a, "pop", "[0]");
    IS(a, "[]");
    RAISES(a, "pop", "[]", INDEX_ERROR);
    RAISES(a, "pop", "[42, 42]", WRONG_COUNT);
    managed_stop(&m);
}

static void remove_value(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 0, 1]");
    DO(a, "remove", "[1]");
    IS(a, "[0, 0]");
    DO(a, "remove", "[0]");
    IS(a, "[0]");
    DO(a, "remove", "[0]");
    IS(a, "[]");
    RAISES(a, "remove", "[0]", NOT_FOUND);
    RAISES(a, "remove", "[]", WRONG_COUNT);
    a = py_list("[1, 2]");
    RAISES(a, "remove", "[nan]", NOT_FOUND); /* it equals nothing */
    DO(a, "remove", "[True]");
    IS(a, "[2]");
    a = py_list("[nan]");
    RAISES(a, "remove", "[nan]", NOT_FOUND);
    struct py d = py_list("['a', 'b', 'c', 'd', 'e', 'c', 'i', 'j']");
    DO(d, "remove", "['c']");
    IS(d, "['a', 'b', 'd', 'e', 'c', 'i', 'j']");
    DO(d, "remove", "['c']");
    IS(d, "['a', 'b', 'd', 'e', 'i', 'j']");
    RAISES(d, "remove", "['c']", NOT_FOUND);
    managed_stop(&m);
}

static void reverse(void)
{
    managed_start(&m);
    struct py u = py_list("[-2, -1, 0, 1, 2]");
    DO(u, "reverse", "[]");
    IS(u, "[2, 1, 0, -1, -2]");
    DO(u, "reverse", "[]");
    IS(u, "[-2, -1, 0, 1, 2]");
    RAISES(u, "reverse", "[42]", WRONG_COUNT);
    managed_stop(&m);
}

static void clear(void)
{
    managed_start(&m);
    struct py u = py_list("[2, 3, 4]");
    DO(u, "clear", "[]");
    IS(u, "[]");
    DO(u, "clear", "[]");
    IS(u, "[]");
    DO(u, "append", "[1]");
    DO(u, "clear", "[]");
    DO(u, "append", "[2]");
    IS(u, "[2]");
    RAISES(u, "clear", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void copy(void)
{
    managed_start(&m);
    IS(py_list(py_repr(py_list("[1, 2, 3]"))), "[1, 2, 3]");
    IS(py_list(py_repr(py_list("[]"))), "[]");
    struct py u = py_list("['a', 'b']");
    struct py v = py_list(py_repr(u));
    DO(v, "append", "['i']");
    IS(u, "['a', 'b']");
    IS(v, py_call(u, "concat", "[['i']]"));
    u = py_list("[1, 2, [3, 4], 5]");
    v = py_list(py_repr(u));
    GIVES(v, "equal", text_of("[%s]", py_repr(u)), "True");
    GIVES(v, "get", "[3]", py_call(u, "get", "[3]"));
    RAISES(u, "copy", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

/* A key function is a path into each item. While a list is sorted nobody can change it. */
static void sort(void)
{
    managed_start(&m);
    struct py u = py_list("[1, 0]");
    DO(u, "sort", "[]");
    IS(u, "[0, 1]");
    u = py_list("[2, 1, 0, -1, -2]");
    DO(u, "sort", "[]");
    IS(u, "[-2, -1, 0, 1, 2]");
    RAISES(u, "sort", "[42, 42]", WRONG_TYPE);
    DO(u, "sort", "[None, True]");
    IS(u, "[2, 1, 0, -1, -2]");
    const char *pairs = "";
    for (int x = 0; x < 12; x++) pairs = text_of("%s[%d, %d], ", pairs, x % 3, x);
    struct py z = py_list(text_of("[%s]", pairs));
    DO(z, "sort", "[0]");
    IS(z, "[[0, 0], [0, 3], [0, 6], [0, 9], [1, 1], [1, 4], [1, 7], [1, 10], [2, 2], [2, 5], [2, 8], [2, 11]]");
    RAISES(py_list("[1, 2]"), "sort", "[2]", TYPE_ERROR);
    RAISES(z, "sort", "[42, 42, 42, 42]", WRONG_COUNT);
    managed_stop(&m);
}

static void slice(void)
{
    managed_start(&m);
    struct py u = py_list("['s', 'p', 'a', 'm']");
    DO(u, "set_slice", "[None, 2, None, ['h']]");
    IS(u, "['h', 'a', 'm']");
    managed_stop(&m);
}

static void check_slice_done(int length, const char *verb, const char *arguments, const char *expected)
{
    struct py a = py_list(range_text(0, length));
    DO(a, verb, arguments);
    IS(a, expected);
}

static void extendedslicing(void)
{
    managed_start(&m);
    check_slice_done(5, "del_slice", "[None, None, 2]", "[1, 3]");
    check_slice_done(5, "del_slice", "[1, None, 2]", "[0, 2, 4]");
    check_slice_done(5, "del_slice", "[1, None, -2]", "[0, 2, 3, 4]");
    check_slice_done(10, "del_slice", "[None, None, 1000]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]");
    check_slice_done(10, "set_slice", "[None, None, 2, [-1, -1, -1, -1, -1]]", "[-1, 1, -1, 3, -1, 5, -1, 7, -1, 9]");
    check_slice_done(10, "set_slice", "[None, None, -4, [10, 10, 10]]", "[0, 10, 2, 3, 4, 10, 6, 7, 8, 10]");
    check_slice_done(4, "set_slice", "[None, None, -1, [0, 1, 2, 3]]", "[3, 2, 1, 0]");
    const char *two = "[0, 1, 'two', 'elements', 3, 4, 5, 6, 7, 8, 9]";
    check_slice_done(10, "set_slice", "[2, 3, None, ['two', 'elements']]", two);
    check_slice_done(10, "set_slice", "[2, 3, 1, ['two', 'elements']]", two);
    check_slice_done(10, "set_slice", "[None, None, 2, [0, 1, 2, 3, 4]]", "[0, 1, 1, 3, 2, 5, 3, 7, 4, 9]");
    check_slice_done(10, "del_slice", "[9, None, 18446744073709551615]", "[0, 1, 2, 3, 4, 5, 6, 7, 8]");
    managed_stop(&m);
}

/* What breaks in the middle of the values leaves nothing behind. */
static void constructor_exception_handling(void)
{
    managed_start(&m);
    struct py a = py_list("[]");
    m.head.sequence++;
    managed_write(&m, "list.extend", a.id, NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    coopi_write_raw(&m.request, "\x91\x92\x01\xa1\xff", 5); /* [1, text that is not UTF-8] */
    CHECK_ERR(managed_send(&m), -EBADMSG);
    IS(a, "[]");
    managed_stop(&m);
}

static void exhausted_iterator(void)
{
    managed_start(&m);
    struct py a = py_list("[1, 2, 3]");
    struct py_iter exhit = py_iter(a, NULL, false);
    struct py_iter empit = py_iter(a, NULL, false);
    const char *x = "", *y = "";
    for (;;) {
        CHECK_OK(py_next(&exhit, &x));
        if (!x) break;
        CHECK_OK(py_next(&empit, &y));
    }
    DO(a, "append", "[9]");
    CHECK_STR(py_rest(&exhit), "[]");
    CHECK_STR(py_rest(&empit), "[9]");
    IS(a, "[1, 2, 3, 9]");
    managed_stop(&m);
}

TESTS(cpython_list, TEST(init), TEST(getitem_error), TEST(setitem_error), TEST(repr), TEST(repr_deep),
      TEST(set_subscript), TEST(reversed), TEST(setitem), TEST(delitem), TEST(setslice), TEST(delslice), TEST(append),
      TEST(extend), TEST(insert), TEST(pop), TEST(remove_value), TEST(reverse), TEST(clear), TEST(copy), TEST(sort),
      TEST(slice), TEST(extendedslicing), TEST(constructor_exception_handling), TEST(exhausted_iterator))
