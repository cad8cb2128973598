/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/test_dict.py, DictTest, on managed dicts: the methods (tests/cpython.tsv). */
#include "unit/python.h"

static void constructor(void)
{
    managed_start(&m);
    IS(py_dict("{}"), "{}");
    CHECK(py_dict("{}").id.as.natural != py_dict("{}").id.as.natural);
    managed_stop(&m);
}

/* There are no keyword arguments: what is more than an operation takes is refused. */
static void invalid_keyword_arguments(void)
{
    managed_start(&m);
    CHECK_ERR(ask(&m, "dict.open", coop_nil(), ARGS(literal("{1: 2}"))), -EINVAL);
    RAISES(py_dict("{}"), "update", "[{}, {1: 2}]", WRONG_COUNT);
    managed_stop(&m);
}

static void literal_constructor(void)
{
    static const int sizes[] = {0, 1, 6, 256, 400};
    managed_start(&m);
    srandom(1);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        const char *text = "";
        for (int j = 0; j < sizes[i]; j++)
            text = text_of("%s%s'%08lx%d': %d", text, *text ? ", " : "", (unsigned long)random(), j, j);
        IS(py_dict(text_of("{%s}", text)), text_of("{%s}", text));
    }
    managed_stop(&m);
}

static void merge_operator(void)
{
    managed_start(&m);
    struct py a = py_dict("{0: 0, 1: 1, 2: 1}");
    struct py b = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py c = py_copy(a);
    DO(c, "update", "[{1: 1, 2: 2, 3: 3}]");
    GIVES(a, "merge", "[{1: 1, 2: 2, 3: 3}]", "{0: 0, 1: 1, 2: 2, 3: 3}");
    IS(c, "{0: 0, 1: 1, 2: 2, 3: 3}");
    c = py_copy(b);
    DO(c, "update", "[{0: 0, 1: 1, 2: 1}]");
    GIVES(b, "merge", "[{0: 0, 1: 1, 2: 1}]", "{1: 1, 2: 1, 3: 3, 0: 0}");
    IS(c, "{1: 1, 2: 1, 3: 3, 0: 0}");
    c = py_copy(a);
    DO(c, "update", "[[(1, 1), (2, 2), (3, 3)]]");
    IS(c, "{0: 0, 1: 1, 2: 2, 3: 3}");
    const char *others[] = {"[None]", "[()]", "['BAD']", "['']"};
    for (size_t i = 0; i < 4; i++) RAISES(a, "merge", others[i], TYPE_ERROR);
    RAISES(a, "update", "[None]", TYPE_ERROR);
    DO(a, "update", "[()]");
    IS(a, "{0: 0, 1: 1, 2: 1}");
    RAISES(a, "update", "[['B', 'A', 'D']]", TYPE_ERROR);
    RAISES(a, "update", "[[[], []]]", VALUE_ERROR);
    managed_stop(&m);
}

static void is_true(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "len", "[]", "0");
    GIVES(py_dict("{1: 2}"), "len", "[]", "1");
    managed_stop(&m);
}

static void contains(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "contains", "['a']", "False");
    d = py_dict("{'a': 1, 'b': 2}");
    GIVES(d, "contains", "['a']", "True");
    GIVES(d, "contains", "['b']", "True");
    GIVES(d, "contains", "['c']", "False");
    RAISES(d, "contains", "[]", WRONG_COUNT);
    managed_stop(&m);
}

static void len(void)
{
    managed_start(&m);
    GIVES(py_dict("{}"), "len", "[]", "0");
    GIVES(py_dict("{'a': 1, 'b': 2}"), "len", "[]", "2");
    managed_stop(&m);
}

static void getitem(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, 'b': 2}");
    GIVES(d, "get", "['a']", "1");
    GIVES(d, "get", "['b']", "2");
    DO(d, "set", "['c', 3]");
    DO(d, "set", "['a', 4]");
    GIVES(d, "get", "['c']", "3");
    GIVES(d, "get", "['a']", "4");
    DO(d, "del", "['b']");
    IS(d, "{'a': 4, 'c': 3}");
    RAISES(d, "get", "[]", WRONG_COUNT);
    d = py_dict("{24: 42}");
    RAISES(d, "get", "[23]", KEY_ERROR);
    RAISES(d, "get", "[nan]", -EINVAL, "NaN"); /* a key whose hash is no use */
    managed_stop(&m);
}

static void clear(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1, 2: 2, 3: 3}");
    DO(d, "clear", "[]");
    IS(d, "{}");
    RAISES(d, "clear", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

static void update(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    DO(d, "update", "[{1: 100}]");
    DO(d, "update", "[{2: 20}]");
    DO(d, "update", "[{1: 1, 2: 2, 3: 3}]");
    IS(d, "{1: 1, 2: 2, 3: 3}");
    DO(d, "update", "[{}]");
    IS(d, "{1: 1, 2: 2, 3: 3}");
    RAISES(d, "update", "[None]", TYPE_ERROR);
    DO(d, "clear", "[]");
    DO(d, "update", text_of("[%s]", py_all(py_dict("{1: 1, 2: 2, 3: 3}"), "items", false)));
    IS(d, "{1: 1, 2: 2, 3: 3}");
    DO(d, "clear", "[]");
    RAISES(d, "update", "[[('a', 1), ('b', 2), nan]]", TYPE_ERROR); /* fails at its last */
    RAISES(d, "update", "[[('a', 1), (nan, 2)]]", -EINVAL, "NaN");
    RAISES(d, "update", "[[('a', 1), ([], 2)]]", WRONG_TYPE);
    RAISES(py_dict("{}"), "update", "[[(1, 2, 3)]]", VALUE_ERROR);
    managed_stop(&m);
}

static void fromkeys(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    DO(d, "fromkeys", "[['a', 'b', 'c']]");
    IS(d, "{'a': None, 'b': None, 'c': None}");
    d = py_dict("{}");
    DO(d, "fromkeys", "[(4, 5), 0]");
    IS(d, "{4: 0, 5: 0}");
    d = py_dict("{}");
    DO(d, "fromkeys", "[[]]");
    IS(d, "{}");
    DO(d, "fromkeys", "[(1,)]");
    IS(d, "{1: None}");
    RAISES(d, "fromkeys", "[3]", TYPE_ERROR);
    RAISES(d, "fromkeys", "[]", WRONG_COUNT);
    RAISES(d, "fromkeys", "[[1, nan]]", -EINVAL, "NaN");
    struct py six = py_dict("{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5}");
    struct py zeros = py_dict("{}");
    DO(zeros, "fromkeys", text_of("[%s, 0]", py_call(six, "keys", "[]")));
    IS(zeros, "{0: 0, 1: 0, 2: 0, 3: 0, 4: 0, 5: 0}");
    DO(six, "fromkeys", "[['a', 'b', 'c']]"); /* over what is there */
    IS(six, "{0: 0, 1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 'a': None, 'b': None, 'c': None}");
    managed_stop(&m);
}

static void copy(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 1, 2: 2, 3: 3}");
    struct py other = py_copy(d);
    CHECK(py_equal(d, other));
    IS(other, "{1: 1, 2: 2, 3: 3}");
    DO(d, "set", "[4, 4]");
    CHECK(!py_equal(d, other));
    IS(py_copy(py_dict("{}")), "{}");
    RAISES(d, "items", "[None]", WRONG_COUNT);
    managed_stop(&m);
}

/* {0: 0, 1: 1, ...}, set in one command */
static struct py counting(int size)
{
    struct py d = py_dict("{}");
    coop_pair *pairs = calloc((size_t)size, sizeof *pairs);
    for (int i = 0; i < size; i++) pairs[i] = (coop_pair){coop_int(i), coop_int(i)};
    CHECK_OK(ask(&m, "dict.update", d.id, ARGS(coop_pairs(pairs, (size_t)size))));
    free(pairs);
    return d;
}

static void copy_fuzz(void)
{
    managed_start(&m);
    srandom(1);
    for (int order = 10; order <= 100000; order *= 10) {
        int size = order / 2 + (int)(random() % order);
        struct py d = counting(size);
        struct py d2 = py_copy(d);
        CHECK(py_equal(d, d2));
        DO(d2, "set", "['key', 'value']");
        CHECK(!py_equal(d, d2));
        GIVES(d2, "len", "[]", text_of("%d", size + 1));
    }
    managed_stop(&m);
}

static void copy_noncompact(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    for (int k = 0; k < 1000; k++) DO(d, "set", text_of("[%d, %d]", k, k));
    for (int k = 0; k < 950; k++) DO(d, "del", text_of("[%d]", k));
    CHECK(py_equal(py_copy(d), d));
    GIVES(d, "len", "[]", "50");
    managed_stop(&m);
}

static void get(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "get", "['c', None]", "None");
    GIVES(d, "get", "['c', 3]", "3");
    d = py_dict("{'a': 1, 'b': 2}");
    GIVES(d, "get", "['c', None]", "None");
    GIVES(d, "get", "['c', 3]", "3");
    GIVES(d, "get", "['a']", "1");
    GIVES(d, "get", "['a', 3]", "1");
    RAISES(d, "get", "[]", WRONG_COUNT);
    RAISES(d, "get", "[None, None, None]", WRONG_COUNT);
    managed_stop(&m);
}

static void setdefault(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "setdefault", "['key0']", "None");
    GIVES(d, "setdefault", "['key0', []]", "None");
    GIVES(d, "setdefault", "['key0']", "None");
    GIVES(d, "setdefault", "['key', [3]]", "[3]");
    GIVES(d, "get", "['key']", "[3]");
    GIVES(d, "setdefault", "['key', []]", "[3]");
    RAISES(d, "setdefault", "[]", WRONG_COUNT);
    RAISES(d, "setdefault", "[nan, []]", -EINVAL, "NaN");
    managed_stop(&m);
}

/* The last request once more, as a client does whose connection broke. */
static void send_again(void)
{
    m.head.attempt++;
    coop_any key = literal("'hashed2'"), value = literal("[]");
    managed_write(&m, "dict.setdefault", coop_str("y"), ARGS(key, value));
    CHECK_OK(managed_send(&m));
}

/* It looks the key up once: also when it is asked twice. */
static void setdefault_atomic(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "dict.open", coop_str("y"), ARGS(coop_int(COOPI_OPEN_CREATE))));
    struct py y = {"dict", coop_str("y")};
    DO(y, "set", "['hashed1', 5]");
    GIVES(y, "setdefault", "['hashed2', []]", "[]");
    send_again();
    CHECK_RESULT(&m, "[]");
    IS(y, "{'hashed1': 5, 'hashed2': []}");
    managed_stop(&m);
}

static void setitem_atomic_at_resize(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "dict.open", coop_str("y"), ARGS(coop_int(COOPI_OPEN_CREATE))));
    struct py y = {"dict", coop_str("y")};
    for (int i = 0; i < 319; i++)
        DO(y, "set", text_of("[%d, %d]", i, i)); /* the table has grown, and is about to again */
    GIVES(y, "setdefault", "['hashed2', []]", "[]");
    send_again();
    CHECK_RESULT(&m, "[]");
    GIVES(y, "len", "[]", "320");
    managed_stop(&m);
}

static void popitem(void)
{
    managed_start(&m);
    for (int copymode = -1; copymode <= 1; copymode += 2)
        for (int size = 1; size < 1 << 12; size *= 2) {
            struct py a = py_dict("{}");
            for (int i = 0; i < size; i++) DO(a, "set", text_of("['%d', %d]", i, i));
            struct py b = py_copy(a);
            for (int i = size - 1; i >= 0; i--) {
                const char *pair = py_call(a, "popitem", "[]");
                CHECK_STR(pair, text_of("['%d', %d]", i, i));
                GIVES(b, "popitem", "[]", pair);
            }
            GIVES(a, "len", "[]", "0");
            GIVES(b, "len", "[]", "0");
        }
    RAISES(py_dict("{}"), "popitem", "[]", KEY_ERROR);
    managed_stop(&m);
}

static void pop(void)
{
    managed_start(&m);
    struct py d = py_dict("{'abc': 'def'}");
    RAISES(d, "pop", "['ghi']", KEY_ERROR);
    GIVES(d, "pop", "['abc']", "'def'");
    GIVES(d, "len", "[]", "0");
    RAISES(d, "pop", "['abc']", KEY_ERROR);
    GIVES(d, "pop", "['abc', 'def']", "'def'");
    DO(d, "set", "['abc', 'def']");
    GIVES(d, "pop", "['abc', 1]", "'def'");
    RAISES(d, "pop", "[]", WRONG_COUNT);
    RAISES(d, "pop", "[nan]", -EINVAL, "NaN");
    managed_stop(&m);
}

/* No dict holds itself, but a copy of what it was. */
static void repr(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    IS(d, "{}");
    DO(d, "set", "[1, 2]");
    IS(d, "{1: 2}");
    DO(d, "set", text_of("[1, %s]", py_repr(d)));
    IS(d, "{1: {1: 2}}");
    managed_stop(&m);
}

static void repr_deep(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    m.head.sequence++;
    managed_write(&m, "dict.update", d.id, NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    coopi_write_array(&m.request, 1);
    for (int i = 0; i < 1100; i++) coopi_write_raw(&m.request, "\x81\x01", 2); /* {1: */
    coopi_write_map(&m.request, 0);
    CHECK_ERR(managed_send(&m), -EBADMSG);
    CHECK_HAS(m.sentence, "nested too deep");
    IS(d, "{}");
    managed_stop(&m);
}

static void eq(void)
{
    managed_start(&m);
    CHECK(py_equal(py_dict("{}"), py_dict("{}")));
    CHECK(py_equal(py_dict("{1: 2}"), py_dict("{1: 2}")));
    CHECK(!py_equal(py_dict("{1: nan}"), py_dict("{1: nan}"))); /* what cannot be compared is not equal */
    CHECK(!py_equal(py_dict("{'BadCmp': 1}"), py_dict("{1: 1}")));
    managed_stop(&m);
}

static void missing(void)
{
    managed_start(&m);
    struct py d = py_dict("{1: 2, 3: 4}");
    GIVES(d, "get", "[1, 42]", "2");
    GIVES(d, "get", "[3, 42]", "4");
    GIVES(d, "contains", "[2]", "False");
    GIVES(d, "get", "[2, 42]", "42");
    GIVES(d, "contains", "[2]", "False");
    RAISES(py_dict("{}"), "get", "[42]", -ENOENT, "it has no key 42 (KeyError)");
    managed_stop(&m);
}

TESTS(cpython_dict, TEST(constructor), TEST(invalid_keyword_arguments), TEST(literal_constructor), TEST(merge_operator),
      TEST(is_true), TEST(contains), TEST(len), TEST(getitem), TEST(clear), TEST(update), TEST(fromkeys), TEST(copy),
      TEST(copy_fuzz), TEST(copy_noncompact), TEST(get), TEST(setdefault), TEST(setdefault_atomic),
      TEST(setitem_atomic_at_resize), TEST_T(popitem, .seconds = 30), TEST(pop), TEST(repr), TEST(repr_deep), TEST(eq),
      TEST(missing))
