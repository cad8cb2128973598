/* SPDX-License-Identifier: MIT */
/* The steps of CPython 3.11's Lib/test/test_sort.py, TestBase and TestOptimizedCompares, on managed lists
 * (tests/cpython.tsv). A tuple is a list here, and what a comparison function does there is done by a key's path and by
 * values that have no order. */
#include "unit/python.h"

#define MANY 100

/* The numbers from 0 in any order. */
static void shuffle(int *numbers, int count)
{
    for (int i = 0; i < count; i++) {
        int other = (int)(random() % (i + 1));
        numbers[i] = numbers[other];
        numbers[other] = i;
    }
}

/* "[0, 1, 2]" out of them; NONE_AT: where an additional None stands, -1 for nowhere. */
static const char *list_of_numbers(const int *numbers, int count, int none_at)
{
    size_t room = (size_t)count * 8 + 16, used = 1;
    char *text = malloc(room);
    CHECK(text != NULL);
    text[0] = '[';
    for (int i = 0; i < count; i++) {
        if (i == none_at) used += (size_t)snprintf(text + used, room - used, "None, ");
        used += (size_t)snprintf(text + used, room - used, "%d%s", numbers[i], i + 1 < count ? ", " : "");
    }
    snprintf(text + used, room - used, "]");
    const char *kept = text_of("%s", text);
    free(text);
    return kept;
}

static void check_order(const int *numbers, int count)
{
    const char *sorted = range_text(0, count);
    struct py s = py_list(sorted); /* identity */
    DO(s, "sort", "[]");
    IS(s, sorted);
    DO(s, "reverse", "[]"); /* reversed */
    DO(s, "sort", "[]");
    IS(s, sorted);
    s = py_list(list_of_numbers(numbers, count, -1)); /* random permutation */
    DO(s, "sort", "[]");
    IS(s, sorted);
    struct py y = py_copy(s); /* reversed via function */
    DO(y, "reverse", "[]");
    DO(s, "sort", "[None, True]");
    CHECK(py_equal(s, y));
}

/* An order that makes no sense leaves some permutation: a NaN is less than nothing, and nothing is less than it. */
static void check_insane(const int *numbers, int count)
{
    struct py s = py_list("[]"), sane = py_list("[]");
    for (int i = 0; i < count; i++) {
        const char *key = random() % 3 ? text_of("%d", numbers[i]) : "nan";
        DO(s, "append", text_of("[[%s, %d]]", key, i));
        DO(sane, "append", text_of("[%d]", i));
    }
    DO(s, "sort", "[0, False]");
    DO(s, "sort", "[1, False]");
    struct py seconds = py_list("[]");
    coop_any pairs = literal(py_repr(s));
    for (uint32_t i = 0; i < pairs.size; i++)
        DO(seconds, "append", text_of("[%lld]", (long long)pairs.as.items[i].as.items[1].as.integer));
    CHECK(py_equal(seconds, sane));
}

/* Whoever complains in the midst of it leaves the list as it was. */
static void check_complaints(const int *numbers, int count)
{
    if (count < 2) return;
    struct py keyless = py_list(list_of_numbers(numbers, count, -1));
    RAISES(keyless, "sort", "[0, False]", TYPE_ERROR);
    struct py mixed = py_list(list_of_numbers(numbers, count, (int)(random() % count)));
    RAISES(mixed, "sort", "[]", TYPE_ERROR);
}

static void check_stable(int count)
{
    struct py s = py_list("[]");
    for (int i = 0; i < count; i++) DO(s, "append", text_of("[[%d, %d]]", (int)(random() % 10), i));
    struct py augmented = py_copy(s);
    DO(augmented, "sort", "[]"); /* ties are broken by the index */
    DO(s, "sort", "[0, False]");
    CHECK(py_equal(s, augmented));
}

static void stressfully(void)
{
    int sizes[40] = {0}, count = 1, numbers[1000];
    for (int power = 1; power < 10; power++)
        for (int n = (1 << power) - 1; n <= (1 << power) + 1; n++) sizes[count++] = n;
    sizes[count++] = 10;
    sizes[count++] = 100;
    sizes[count++] = 1000;
    managed_start(&m);
    srandom(1);
    for (int i = 0; i < count; i++) {
        shuffle(numbers, sizes[i]);
        check_order(numbers, sizes[i]);
        check_insane(numbers, sizes[i]);
        check_complaints(numbers, sizes[i]);
        check_stable(sizes[i]);
    }
    managed_stop(&m);
}

/* "[BEFORE x AFTER, ...]" */
static const char *wrapped(const char *const *items, int count, const char *before, const char *after)
{
    const char *all = "";
    for (int i = 0; i < count; i++) all = text_of("%s%s%s%s%s", all, i ? ", " : "", before, items[i], after);
    return text_of("[%s]", all);
}

/* Sorting items gives what sorting [0, item] gives, also within one or two lists more. */
static void check_against_pairs(const char **items, int count)
{
    static const char *const around[][2] = {{"", ""}, {"[", "]"}, {"[[", "]]"}};
    for (int i = 0; i < count; i++) {
        int other = (int)(random() % (i + 1));
        const char *item = items[i];
        items[i] = items[other];
        items[other] = item;
    }
    for (int depth = 0; depth < 3; depth++) {
        struct py plain = py_list(wrapped(items, count, around[depth][0], around[depth][1]));
        struct py pairs =
            py_list(wrapped(items, count, text_of("[0, %s", around[depth][0]), text_of("%s]", around[depth][1])));
        DO(plain, "sort", "[]");
        DO(pairs, "sort", "[]");
        coop_any sorted = literal(py_repr(plain)), reference = literal(py_repr(pairs));
        CHECK_EQ(sorted.size, reference.size);
        for (uint32_t i = 0; i < sorted.size; i++) {
            char *one, *other;
            CHECK_OK(coop_any_format(sorted.as.items[i], &one));
            CHECK_OK(coop_any_format(reference.as.items[i].as.items[1], &other));
            CHECK_STR(one, other); /* the very same, and not only equal */
            free(one);
            free(other);
        }
    }
}

static void check_many(const char *format)
{
    const char *items[MANY];
    managed_start(&m);
    for (int i = 0; i < MANY; i++) items[i] = strchr(format, '%') ? text_of(format, i) : format;
    check_against_pairs(items, MANY);
    managed_stop(&m);
}

static void check_refused(const char *items)
{
    struct py list = py_list(items);
    RAISES(list, "sort", "[]", TYPE_ERROR);
}

static void safe_object_compare(void)
{
    static const char *const mixed[] = {"0", "0.0", "['foo']"};
    static const char *const numbers[][2] = {
        {"1", "1.1"}, {"18446744073709551615", "1.1"}, {"1.1", "1"}, {"1.1", "18446744073709551615"}};
    managed_start(&m);
    for (int i = 0; i < 3; i++) {
        check_refused(text_of("[%s, 'foo']", mixed[i]));
        check_refused(text_of("[[%s], ['foo']]", mixed[i]));
        check_refused(text_of("[[[%s]], [['foo']]]", mixed[i]));
    }
    for (int i = 0; i < 4; i++) {
        const char *two[] = {numbers[i][0], numbers[i][1]};
        check_against_pairs(two, 2);
    }
    managed_stop(&m);
}

static void unsafe_latin_compare(void)
{
    check_many("'%d'");
}

static void unsafe_long_compare(void)
{
    check_many("%d");
}

static void unsafe_float_compare(void)
{
    check_many("%d.0");
}

static void unsafe_tuple_compare(void)
{
    check_many("nan");
}

static void not_all_tuples(void)
{
    managed_start(&m);
    check_refused("[[1.0, 1.0], [False, 'A'], 6]");
    check_refused("[['a', 1], [1, 'a']]");
    check_refused("[[1, 'a'], ['a', 1]]");
    managed_stop(&m);
}

static void none_in_tuples(void)
{
    managed_start(&m);
    struct py actual = py_list("[[None, 2], [None, 1]]");
    DO(actual, "sort", "[]");
    IS(actual, "[[None, 1], [None, 2]]");
    managed_stop(&m);
}

TESTS(cpython_sort, TEST_T(stressfully, .seconds = 60), TEST(safe_object_compare), TEST(unsafe_latin_compare),
      TEST(unsafe_long_compare), TEST(unsafe_float_compare), TEST(unsafe_tuple_compare), TEST(not_all_tuples),
      TEST(none_in_tuples))
