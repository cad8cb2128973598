/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/seq_tests.py, CommonTest, on managed lists (tests/cpython.tsv). */
#include "unit/python.h"

static void constructors(void)
{
    managed_start(&m);
    IS(py_list("[]"), "[]");
    IS(py_list("[0]"), "[0]");
    IS(py_list("[0, 1]"), "[0, 1]");
    struct py uu = py_list(py_repr(py_list("[0, 1]"))); /* a list of a list */
    IS(uu, "[0, 1]");
    struct py vv = py_list("['t', 'h', 'i', 's', ' ', 'i', 's']");
    GIVES(vv, "len", "[]", "7");
    const char *sources[] = {"['1', '2', '3']", "[]", range_text(0, 1000), "['do', 1.2]", range_text(2000, 2200)};
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        struct py source = py_list(sources[i]);
        IS(py_list(py_all(source, NULL, false)), sources[i]); /* out of an iterator */
    }
    RAISES(uu, "extend", "[None]", TYPE_ERROR); /* what is no iterable */
    RAISES(uu, "extend", "[3]", TYPE_ERROR);
    RAISES(uu, "extend", "[[], []]", WRONG_COUNT);
    managed_stop(&m);
}

static void truth(void)
{
    managed_start(&m);
    GIVES(py_list("[]"), "len", "[]", "0");
    GIVES(py_list("[42]"), "len", "[]", "1");
    GIVES(py_list("[]"), "equal", "[[]]", "True");
    managed_stop(&m);
}

static void getitem(void)
{
    managed_start(&m);
    struct py u = py_list("[0, 1, 2, 3, 4]");
    for (int i = 0; i < 5; i++) GIVES(u, "get", text_of("[%d]", i), text_of("%d", i));
    for (int i = -5; i < -1; i++) GIVES(u, "get", text_of("[%d]", i), text_of("%d", 5 + i));
    RAISES(u, "get", "[-6]", INDEX_ERROR);
    RAISES(u, "get", "[5]", INDEX_ERROR);
    RAISES(u, "get_slice", "[0, 10, 0]", VALUE_ERROR);
    u = py_list("[]");
    RAISES(u, "get", "[0]", INDEX_ERROR);
    RAISES(u, "get", "[-1]", INDEX_ERROR);
    RAISES(u, "get", "[]", WRONG_COUNT);
    struct py a = py_list("[10, 11]");
    GIVES(a, "get", "[0]", "10");
    GIVES(a, "get", "[1]", "11");
    GIVES(a, "get", "[-2]", "10");
    GIVES(a, "get", "[-1]", "11");
    RAISES(a, "get", "[-3]", INDEX_ERROR);
    RAISES(a, "get", "[3]", INDEX_ERROR);
    managed_stop(&m);
}

static void getslice(void)
{
    static const char *const cases[][2] = {
        {"[0, 0]", "[]"},
        {"[1, 2]", "[1]"},
        {"[-2, -1]", "[3]"},
        {"[-1000, 1000]", "[0, 1, 2, 3, 4]"},
        {"[1000, -1000]", "[]"},
        {"[None, None]", "[0, 1, 2, 3, 4]"},
        {"[1, None]", "[1, 2, 3, 4]"},
        {"[None, 3]", "[0, 1, 2]"},
        {"[None, None, None]", "[0, 1, 2, 3, 4]"},
        {"[None, None, 2]", "[0, 2, 4]"},
        {"[1, None, 2]", "[1, 3]"},
        {"[None, None, -1]", "[4, 3, 2, 1, 0]"},
        {"[None, None, -2]", "[4, 2, 0]"},
        {"[3, None, -2]", "[3, 1]"},
        {"[3, 3, -2]", "[]"},
        {"[3, 2, -2]", "[3]"},
        {"[3, 1, -2]", "[3]"},
        {"[3, 0, -2]", "[3, 1]"},
        {"[None, None, -100]", "[4]"},
        {"[100, -100, None]", "[]"},
        {"[-100, 100, None]", "[0, 1, 2, 3, 4]"},
        {"[100, -100, -1]", "[4, 3, 2, 1, 0]"},
        {"[-100, 100, -1]", "[]"},
        {"[-100, 100, 2]", "[0, 2, 4]"},
        /* as far out as the wire's integers go */
        {"[-9223372036854775808, 3]", "[0, 1, 2]"},
        {"[3, 18446744073709551615]", "[3, 4]"},
        {"[3, None, 9223372036854775807]", "[3]"},
    };
    managed_start(&m);
    struct py u = py_list("[0, 1, 2, 3, 4]");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) GIVES(u, "get_slice", cases[i][0], cases[i][1]);
    managed_stop(&m);
}

static void contains(void)
{
    managed_start(&m);
    struct py u = py_list("[0, 1, 2]");
    for (int i = -1; i <= 3; i++) GIVES(u, "contains", text_of("[%d]", i), i < 0 || i > 2 ? "False" : "True");
    RAISES(u, "contains", "[]", WRONG_COUNT);
    managed_stop(&m);
}

/* A NaN equals nothing; numbers of other types are those that always do. */
static void contains_fake(void)
{
    managed_start(&m);
    GIVES(py_list("[]"), "contains", "[True]", "False");
    GIVES(py_list("[1]"), "contains", "[True]", "True");
    GIVES(py_list("[True]"), "contains", "[1]", "True");
    GIVES(py_list("[]"), "contains", "[nan]", "False");
    GIVES(py_list("[nan]"), "contains", "[1]", "False");
    GIVES(py_list("[nan]"), "contains", "[nan]", "False");
    GIVES(py_list("[1.0]"), "contains", "[True]", "True");
    managed_stop(&m);
}

static void len(void)
{
    managed_start(&m);
    GIVES(py_list("[]"), "len", "[]", "0");
    GIVES(py_list("[0]"), "len", "[]", "1");
    GIVES(py_list("[0, 1, 2]"), "len", "[]", "3");
    managed_stop(&m);
}

static void minmax(void)
{
    managed_start(&m);
    struct py u = py_list("[1, 0, 2]");
    DO(u, "sort", "[]");
    GIVES(u, "get", "[0]", "0");
    GIVES(u, "get", "[-1]", "2");
    managed_stop(&m);
}

static void addmul(void)
{
    managed_start(&m);
    struct py u1 = py_list("[0]");
    struct py u2 = py_list("[0, 1]");
    GIVES(u1, "concat", "[[]]", "[0]");
    GIVES(py_list("[]"), "concat", "[[0]]", "[0]");
    GIVES(u1, "concat", "[[1]]", "[0, 1]");
    GIVES(py_list("[-1]"), "concat", "[[0]]", "[-1, 0]");
    GIVES(u2, "repeated", "[0]", "[]");
    GIVES(u2, "repeated", "[1]", "[0, 1]");
    GIVES(u2, "repeated", "[2]", py_call(u2, "concat", "[[0, 1]]"));
    struct py twice = py_list(py_call(u2, "concat", "[[0, 1]]"));
    GIVES(twice, "concat", "[[0, 1]]", py_call(u2, "repeated", "[3]"));
    IS(u1, "[0]");
    IS(u2, "[0, 1]"); /* both give new values */
    managed_stop(&m);
}

static void iadd(void)
{
    managed_start(&m);
    struct py u = py_list("[0, 1]");
    DO(u, "extend", "[[]]");
    IS(u, "[0, 1]");
    DO(u, "extend", "[[2, 3]]");
    IS(u, "[0, 1, 2, 3]");
    DO(u, "extend", "[[4, 5]]");
    IS(u, "[0, 1, 2, 3, 4, 5]");
    u = py_list("['s', 'p', 'a', 'm']");
    DO(u, "extend", "[['e', 'g', 'g', 's']]");
    IS(u, "['s', 'p', 'a', 'm', 'e', 'g', 'g', 's']");
    RAISES(u, "extend", "[None]", TYPE_ERROR); /* list_tests adds this */
    managed_stop(&m);
}

static void imul(void)
{
    managed_start(&m);
    struct py u = py_list("[0, 1]");
    DO(u, "repeat", "[3]");
    IS(u, "[0, 1, 0, 1, 0, 1]");
    DO(u, "repeat", "[0]");
    IS(u, "[]");
    DO(u, "repeat", "[10]"); /* list_tests: the same list as before */
    IS(u, "[]");
    managed_stop(&m);
}

static void repeat(void)
{
    managed_start(&m);
    for (int length = 0; length < 4; length++) {
        struct py s = py_list(range_text(0, length));
        for (int n = -3; n < 5; n++) {
            const char *expected = "";
            for (int i = 0; i < n; i++)
                for (int j = 0; j < length; j++) expected = text_of("%s%s%d", expected, *expected ? ", " : "", j);
            GIVES(s, "repeated", text_of("[%d]", n), text_of("[%s]", expected));
        }
        GIVES(s, "repeated", "[-4]", "[]");
    }
    managed_stop(&m);
}

/* Python's 32 bits are our message and our budget. */
static void bigrepeat(void)
{
    managed_start(&m);
    m.commands.registry.budget.limit = UINT64_C(1) << 30;
    struct py x = py_list("[0]");
    DO(x, "repeat", "[65536]");
    GIVES(x, "len", "[]", "65536");
    CHECK_ERR(py_ask(x, "repeated", "[65536]"), -EMSGSIZE);
    CHECK_ERR(py_ask(x, "repeat", "[65536]"), -ENOMEM);
    GIVES(x, "len", "[]", "65536");
    managed_stop(&m);
}

static void subscript(void)
{
    managed_start(&m);
    struct py a = py_list("[10, 11]");
    GIVES(a, "get", "[0]", "10");
    GIVES(a, "get", "[1]", "11");
    GIVES(a, "get", "[-2]", "10");
    GIVES(a, "get", "[-1]", "11");
    RAISES(a, "get", "[-3]", INDEX_ERROR);
    RAISES(a, "get", "[3]", INDEX_ERROR);
    GIVES(a, "get_slice", "[0, 1]", "[10]");
    GIVES(a, "get_slice", "[1, 2]", "[11]");
    GIVES(a, "get_slice", "[0, 2]", "[10, 11]");
    GIVES(a, "get_slice", "[0, 3]", "[10, 11]");
    GIVES(a, "get_slice", "[3, 5]", "[]");
    RAISES(a, "get_slice", "[0, 10, 0]", VALUE_ERROR);
    RAISES(a, "get", "['x']", WRONG_TYPE);
    managed_stop(&m);
}

static void count(void)
{
    managed_start(&m);
    struct py a = py_list("[0, 1, 2, 0, 1, 2, 0, 1, 2]");
    GIVES(a, "count", "[0]", "3");
    GIVES(a, "count", "[1]", "3");
    GIVES(a, "count", "[3]", "0");
    GIVES(a, "count", "[True]", "3");
    GIVES(py_list("[True, 1.0]"), "count", "[1]", "2");
    GIVES(py_list("[nan, nan]"), "count", "[nan]", "0");
    RAISES(a, "count", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void index_of(void)
{
    managed_start(&m);
    struct py u = py_list("[0, 1]");
    GIVES(u, "index", "[0]", "0");
    GIVES(u, "index", "[1]", "1");
    RAISES(u, "index", "[2]", NOT_FOUND);
    u = py_list("[-2, -1, 0, 0, 1, 2]");
    GIVES(u, "count", "[0]", "2");
    GIVES(u, "index", "[0]", "2");
    GIVES(u, "index", "[0, 2]", "2");
    GIVES(u, "index", "[-2, -10]", "0");
    GIVES(u, "index", "[0, 3]", "3");
    GIVES(u, "index", "[0, 3, 4]", "3");
    RAISES(u, "index", "[2, 0, -10]", NOT_FOUND);
    GIVES(py_list("[True, 1.0]"), "index", "[1]", "0");
    RAISES(py_list("[7, 7]"), "index", "[nan]", NOT_FOUND);
    RAISES(u, "index", "[]", WRONG_COUNT);
    GIVES(u, "index", "[0, -4]", "2");
    GIVES(u, "index", "[0, -3]", "3");
    GIVES(u, "index", "[0, -3, -2]", "3");
    GIVES(u, "index", "[0, -9223372036854775808, 18446744073709551615]", "2");
    RAISES(u, "index", "[0, 18446744073709551615, -9223372036854775808]", NOT_FOUND);
    RAISES(u, "index", "[2, 0, -10]", NOT_FOUND);
    struct py a = py_list("[-2, -1, 0, 0, 1, 2]"); /* list_tests: without one of the zeros */
    DO(a, "remove", "[0]");
    RAISES(a, "index", "[2, 0, 4]", NOT_FOUND);
    IS(a, "[-2, -1, 0, 1, 2]");
    managed_stop(&m);
}

/* A list out of the bytes of a list: equal, and another. */
static void pickle(void)
{
    managed_start(&m);
    struct py lst = py_list("[4, 5, 6, 7]");
    struct coopi_writer w;
    coop_any loaded;
    coopi_writer_init(&w, COOPI_WIRE_MAX);
    DO(lst, "copy", "[]");
    coopi_write_any(&w, &m.result);
    CHECK_OK(coopi_writer_status(&w));
    struct coopi_reader r = {.data = w.data, .len = w.len};
    CHECK_OK(coopi_read_any(&r, &loaded));
    struct py lst2 = py_list("[]");
    CHECK_OK(ask(&m, "list.extend", lst2.id, &loaded, 1));
    CHECK_OK(ask(&m, "list.equal", lst.id, &loaded, 1));
    CHECK_RESULT(&m, "True");
    IS(lst2, "[4, 5, 6, 7]");
    CHECK(lst.id.as.natural != lst2.id.as.natural);
    coop_any_clear(&loaded);
    coopi_writer_free(&w);
    managed_stop(&m);
}

TESTS(cpython_seq, TEST(constructors), TEST(truth), TEST(getitem), TEST(getslice), TEST(contains), TEST(contains_fake),
      TEST(len), TEST(minmax), TEST(addmul), TEST(iadd), TEST(imul), TEST(repeat), TEST(bigrepeat), TEST(subscript),
      TEST(count), TEST(index_of), TEST(pickle))
