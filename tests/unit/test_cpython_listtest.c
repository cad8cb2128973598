/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/test_list.py, ListTest's own, on managed lists (tests/cpython.tsv). */
#include "unit/python.h"

static void basic(void)
{
    managed_start(&m);
    IS(py_list("[]"), "[]");
    struct py l0_3 = py_list("[0, 1, 2, 3]");
    struct py l0_3_bis = py_list(py_repr(l0_3));
    GIVES(l0_3, "equal", text_of("[%s]", py_repr(l0_3_bis)), "True");
    CHECK(l0_3.id.as.natural != l0_3_bis.id.as.natural);
    IS(py_list("()"), "[]");
    IS(py_list("(0, 1, 2, 3)"), "[0, 1, 2, 3]");
    IS(py_list("['s', 'p', 'a', 'm']"), "['s', 'p', 'a', 'm']");
    IS(py_list(py_call(py_list(range_text(0, 10)), "get_slice", "[1, None, 2]")), "[1, 3, 5, 7, 9]");
    struct py x = py_list("[]");
    DO(x, "extend", text_of("[%s]", py_repr(x)));
    IS(x, "[]");
    managed_stop(&m);
}

static void keyword_args(void)
{
    managed_start(&m);
    CHECK_ERR(ask(&m, "list.open", coop_nil(), ARGS(literal("{'sequence': []}"))), -EINVAL);
    managed_stop(&m);
}

static void identity(void)
{
    managed_start(&m);
    CHECK(py_list("[]").id.as.natural != py_list("[]").id.as.natural);
    managed_stop(&m);
}

static void overflow(void)
{
    managed_start(&m);
    struct py lst = py_list("[4, 5, 6, 7]");
    const char *n = "[4611686018427387904]"; /* 2^64 / 4 */
    RAISES(lst, "repeated", n, -EMSGSIZE, "more values than a message may");
    RAISES(lst, "repeat", n, -ENOMEM, "may hold");
    managed_stop(&m);
}

static void list_resize_overflow(void)
{
    managed_start(&m);
    struct py lst = py_list(py_call(py_list("[0]"), "repeated", "[65]"));
    DO(lst, "del_slice", "[1, None]");
    GIVES(lst, "len", "[]", "1");
    RAISES(lst, "repeated", "[9223372036854775807]", -EMSGSIZE, "more values");
    RAISES(lst, "repeat", "[9223372036854775807]", -ENOMEM, "may hold");
    managed_stop(&m);
}

static void repr_large(void)
{
    enum { N = 1000000 };
    managed_start(&m);
    struct py l = py_list("[0]");
    DO(l, "repeat", text_of("[%d]", N));
    const char *text = py_repr(l);
    CHECK_EQ(strlen(text), 3 * N);
    CHECK_EQ(text[0], '[');
    CHECK_EQ(text[3 * N - 1], ']');
    for (size_t i = 0; i < N - 1; i++) CHECK(memcmp(text + 1 + 3 * i, "0, ", 3) == 0);
    managed_stop(&m);
}

/* An iterator's state is the arguments of its next page: kept as text, it goes on over another list of the same items.
 */
static const char *rest_over_data(const struct py_iter *saved)
{
    struct py_iter it = *saved;
    it.object = py_list("[4, 5, 6, 7]");
    DO(it.object, "set_slice", "[None, None, None, [10, 11, 12, 13, 14, 15]]");
    return py_rest(&it);
}

static void iterator_pickle(void)
{
    managed_start(&m);
    const char *item = "";
    struct py_iter itorig = py_iter(py_list("[4, 5, 6, 7]"), NULL, false);
    CHECK_STR(rest_over_data(&itorig), "[10, 11, 12, 13, 14, 15]");
    CHECK_OK(py_next(&itorig, &item));
    CHECK_STR(rest_over_data(&itorig), "[11, 12, 13, 14, 15]");
    for (int i = 1; i < 4; i++) CHECK_OK(py_next(&itorig, &item));
    CHECK_STR(rest_over_data(&itorig), "[14, 15]");
    CHECK_OK(py_next(&itorig, &item));
    CHECK(item == NULL);
    CHECK_STR(rest_over_data(&itorig), "[]");
    managed_stop(&m);
}

static void reversed_pickle(void)
{
    managed_start(&m);
    const char *item = "";
    struct py_iter itorig = py_iter(py_list("[4, 5, 6, 7]"), NULL, true);
    itorig.resume = "3"; /* Python's begins where the list's end is when it is made */
    CHECK_STR(rest_over_data(&itorig), "[13, 12, 11, 10]");
    CHECK_OK(py_next(&itorig, &item));
    CHECK_STR(item, "7");
    CHECK_STR(rest_over_data(&itorig), "[12, 11, 10]");
    for (int i = 1; i < 4; i++) CHECK_OK(py_next(&itorig, &item));
    CHECK_STR(rest_over_data(&itorig), "[]");
    CHECK_OK(py_next(&itorig, &item));
    CHECK(item == NULL);
    CHECK_STR(rest_over_data(&itorig), "[]");
    managed_stop(&m);
}

static void step_overflow(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 1, 2, 3, 4]");
    DO(a, "set_slice", "[1, None, 9223372036854775807, [0]]");
    GIVES(a, "get_slice", "[3, None, 9223372036854775807]", "[3]");
    IS(a, "[0, 0, 2, 3, 4]");
    managed_stop(&m);
}

TESTS(cpython_listtest, TEST(basic), TEST(keyword_args), TEST(identity), TEST(overflow), TEST(list_resize_overflow),
      TEST(repr_large), TEST(iterator_pickle), TEST(reversed_pickle), TEST(step_overflow))
