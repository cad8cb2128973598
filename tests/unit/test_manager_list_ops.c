/* SPDX-License-Identifier: MIT */
/* The managed list's slices, sort, search and arithmetic, asked in the protocol's own bytes: what strangers may send.
 */
#include "unit/python.h"

static void limit_budget(uint64_t more)
{
    m.commands.registry.budget.limit = m.commands.registry.budget.used + more;
}

static void arguments_of_another_type_are_refused(void)
{
    static const char *const bad[][2] = {
        {"insert", "['0', 1]"},
        {"insert", "[None, 1]"},
        {"insert", "[0.0, 1]"},
        {"del", "[[]]"},
        {"del", "[True]"},
        {"index", "[1, '0']"},
        {"index", "[1, 0, None]"},
        {"equal", "[1]"},
        {"equal", "[{}]"},
        {"get_slice", "['a', 1]"},
        {"get_slice", "[0, 1, '1']"},
        {"get_slice", "[0, 1, [1]]"},
        {"set_slice", "[0, 1, 1, 5]"},
        {"set_slice", "[0, 1, {}, [5]]"},
        {"del_slice", "[0, True]"},
        {"concat", "['ab']"},
        {"concat", "[None]"},
        {"repeat", "[2.0]"},
        {"repeat", "[None]"},
        {"repeated", "['2']"},
        {"sort", "[None, 1]"},
        {"sort", "[None, None]"},
        {"sort", "[{}]"},
        {"page", "['0', 1]"},
        {"page", "[0, None]"},
        {"page", "[0, 1, 0]"},
        {"extend", "[{1: 2}]"},
    };
    managed_start(&m);
    struct py l = py_list("[1, 2, 3]");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) RAISES(l, bad[i][0], bad[i][1], -EINVAL, "");
    managed_stop(&m);
}

static void step_of_zero_is_refused(void)
{
    managed_start(&m);
    struct py l = py_list("[1, 2, 3]");
    RAISES(l, "get_slice", "[0, 3, 0]", VALUE_ERROR);
    RAISES(l, "set_slice", "[0, 3, 0, [1, 2, 3]]", VALUE_ERROR);
    RAISES(l, "del_slice", "[0, 3, 0]", VALUE_ERROR);
    managed_stop(&m);
}

/* All combinations of nasty bounds and steps, against the plainest way to slice. */
static void slices_agree_with_python_for_any_numbers(void)
{
    static const int64_t numbers[] = {INT64_MIN, INT64_MIN + 1, -6, -5, -1, 0, 1, 3, 5, 6, INT64_MAX - 1, INT64_MAX};
    static const int64_t steps[] = {INT64_MIN, INT64_MIN + 1, -3, -1, 1, 2, INT64_MAX};
    enum { LENGTH = 5, NUMBERS = sizeof numbers / sizeof *numbers, STEPS = sizeof steps / sizeof *steps };
    managed_start(&m);
    struct py l = py_list(range_text(0, LENGTH));
    for (int i = 0; i < NUMBERS * NUMBERS * STEPS; i++) {
        __extension__ __int128 start = numbers[i % NUMBERS], stop = numbers[i / NUMBERS % NUMBERS];
        int64_t step = steps[i / NUMBERS / NUMBERS];
        coop_any expected[LENGTH];
        size_t count = 0;
        if (start < 0) start += LENGTH;
        if (stop < 0) stop += LENGTH;
        if (step > 0 && start < 0) start = 0;
        if (step < 0 && start >= LENGTH) start = LENGTH - 1;
        if (step < 0 && stop < -1) stop = -1;
        for (; step > 0 ? start < stop && start < LENGTH : start > stop && start >= 0; start += step)
            expected[count++] = coop_int((int64_t)start);
        CHECK_OK(ask(&m, "list.get_slice", l.id,
                     ARGS(coop_int(numbers[i % NUMBERS]), coop_int(numbers[i / NUMBERS % NUMBERS]), coop_int(step))));
        CHECK(coop_any_equal(m.result, coop_items(expected, count)));
    }
    managed_stop(&m);
}

static void slice_set_replaces_by_more_or_fewer(void)
{
    managed_start(&m);
    struct py l = py_list("[0, 1, 2, 3]");
    DO(l, "set_slice", "[1, 3, 1, ['a', 'b', 'c', 'd']]");
    IS(l, "[0, 'a', 'b', 'c', 'd', 3]");
    DO(l, "set_slice", "[1, 5, None, []]");
    IS(l, "[0, 3]");
    DO(l, "set_slice", "[2, 0, 1, ['end']]"); /* an empty slice: before its start */
    IS(l, "[0, 3, 'end']");
    DO(l, "set_slice", "[None, None, -1, [{}, 'x', 1]]");
    IS(l, "[1, 'x', {}]");
    managed_stop(&m);
}

static void what_does_not_fit_the_budget_changes_nothing(void)
{
    managed_start(&m);
    struct py l = py_list("[1, 2, 3]");
    const char *big = text_of("'%01000d'", 7);
    limit_budget(900);
    RAISES(l, "insert", text_of("[0, %s]", big), -ENOMEM, "the manager's objects hold");
    RAISES(l, "extend", text_of("[[1, %s]]", big), -ENOMEM, "the manager's objects hold");
    RAISES(l, "set_slice", text_of("[0, 1, 1, [%s]]", big), -ENOMEM, "the manager's objects hold");
    RAISES(l, "set_slice", text_of("[0, None, 2, [4, %s]]", big), -ENOMEM, "the manager's objects hold");
    RAISES(l, "repeat", "[100]", -ENOMEM, "the manager's objects hold");
    DO(l, "repeat", "[2]");
    IS(l, "[1, 2, 3, 1, 2, 3]");
    managed_stop(&m);
}

static void huge_repetitions_are_refused_at_once(void)
{
    managed_start(&m);
    struct py l = py_list("['abc', [1, 2]]");
    const char *times[] = {"[9223372036854775807]", "[18446744073709551615]", "[1000000000000]",
                           "[4611686018427387904]"};
    for (int i = 0; i < 4; i++) {
        RAISES(l, "repeat", times[i], -ENOMEM, "may hold");
        RAISES(l, "repeated", times[i], -EMSGSIZE, "more values than a message may");
        DO(py_list("[]"), "repeat", times[i]);
        GIVES(py_list("[]"), "repeated", times[i], "[]");
    }
    GIVES(l, "repeated", "[-9223372036854775808]", "[]");
    DO(l, "repeat", "[-9223372036854775808]");
    IS(l, "[]");
    managed_stop(&m);
}

static void results_larger_than_a_message_are_refused(void)
{
    enum { SIZE = 30 << 20 };
    static char big[SIZE];
    managed_start(&m);
    struct py l = py_list("[]");
    for (int i = 0; i < 3; i++) CHECK_OK(ask(&m, "list.append", l.id, ARGS(coop_bytes(big, SIZE))));
    CHECK_ERR(py_ask(l, "get_slice", "[None, None]"), -EMSGSIZE);
    CHECK_ERR(py_ask(l, "concat", "[[1]]"), -EMSGSIZE);
    CHECK_ERR(py_ask(l, "repeated", "[1]"), -EMSGSIZE);
    DO(l, "page", "[0, 3]"); /* as much as fits: one */
    CHECK_EQ(m.result.as.items[1].size, 1);
    DO(l, "del_slice", "[1, None, 2]");
    DO(l, "get_slice", "[None, 1]");
    GIVES(l, "len", "[]", "2");
    managed_stop(&m);
}

static void sort_follows_pythons_order(void)
{
    managed_start(&m);
    struct py l = py_list("[3, 2.5, True, -1, 18446744073709551615, -9223372036854775808, 1e300, -0.5, 0]");
    DO(l, "sort", "[]");
    IS(l, "[-9223372036854775808, -1, -0.5, 0, True, 2.5, 3, 18446744073709551615, 1e+300]");
    l = py_list("['b', 'a', '', '\\xc3\\xa9', 'ab', 'B']");
    DO(l, "sort", "[]");
    IS(l, "['', 'B', 'a', 'ab', 'b', '\xc3\xa9']");
    l = py_list("[[2], [1, 'x'], [], [1], [1, 'a', None], [1, 'a', None, 0]]");
    DO(l, "sort", "[None, False]");
    IS(l, "[[], [1], [1, 'a', None], [1, 'a', None, 0], [1, 'x'], [2]]");
    l = py_list("[b'\\xff', b'', b'a']");
    DO(l, "sort", "[None, True]");
    IS(l, "[b'\\xff', b'a', b'']");
    managed_stop(&m);
}

static void sort_compares_large_integers_and_floats_exactly(void)
{
    managed_start(&m);
    struct py l = py_list("[9007199254740993, 9007199254740992.0, 18446744073709551616.0, 18446744073709551615]");
    DO(l, "sort", "[]");
    IS(l, "[9007199254740992.0, 9007199254740993, 18446744073709551615, 1.8446744073709552e+19]");
    managed_stop(&m);
}

static void sort_by_key_is_stable_both_ways(void)
{
    managed_start(&m);
    const char *people = "[{'n': 'a', 'at': [2]}, {'n': 'b', 'at': [1]}, {'n': 'c', 'at': [2]}, {'n': 'd', 'at': [1]}]";
    struct py l = py_list(people);
    DO(l, "sort", "[['at', 0]]");
    IS(l, "[{'n': 'b', 'at': [1]}, {'n': 'd', 'at': [1]}, {'n': 'a', 'at': [2]}, {'n': 'c', 'at': [2]}]");
    DO(l, "sort", "[['at', -1], True]");
    IS(l, "[{'n': 'a', 'at': [2]}, {'n': 'c', 'at': [2]}, {'n': 'b', 'at': [1]}, {'n': 'd', 'at': [1]}]");
    DO(l, "sort", "['n', True]");
    IS(l, "[{'n': 'd', 'at': [1]}, {'n': 'c', 'at': [2]}, {'n': 'b', 'at': [1]}, {'n': 'a', 'at': [2]}]");
    managed_stop(&m);
}

static void sort_of_what_has_no_order_changes_nothing(void)
{
    managed_start(&m);
    RAISES(py_list("[3, 1, 'a', 2]"), "sort", "[]", -EINVAL,
           "'<' is not supported between 'int' and 'str' (TypeError)");
    RAISES(py_list("[None, None]"), "sort", "[]", TYPE_ERROR);
    RAISES(py_list("[{}, {}]"), "sort", "[]", TYPE_ERROR);
    RAISES(py_list("[[2, {}], [1], [2, {1: 1}]]"), "sort", "[]", -EINVAL, "'dict' and 'dict'");
    RAISES(py_list("['a', b'a']"), "sort", "[]", TYPE_ERROR);
    RAISES(py_list("[{'a': 1}, {'b': 2}]"), "sort", "['a']", -ENOENT, "item 1 does not have the key (KeyError)");
    RAISES(py_list("[[1, 2], [1]]"), "sort", "[1]", -ERANGE, "item 1 is shorter");
    RAISES(py_list("[[1], 5]"), "sort", "[0]", TYPE_ERROR);
    RAISES(py_list("[[1], [2]]"), "sort", "['a']", TYPE_ERROR);
    DO(py_list("[None]"), "sort", "[]"); /* nothing to compare with */
    managed_stop(&m);
}

/* Many items that are alike up to their end: each comparison is long, and there are n log n of them. */
static void sort_of_hostile_items_is_bounded(void)
{
    enum { ITEMS = 2000, LENGTH = 1000 };
    managed_start(&m);
    struct py l = py_list("[]");
    coop_any *items = calloc(ITEMS + LENGTH, sizeof *items), *zeros = items + ITEMS;
    for (int i = 0; i < LENGTH; i++) zeros[i] = coop_int(0);
    for (int i = 0; i < ITEMS; i++) items[i] = coop_items(zeros, LENGTH - (size_t)(i % 7));
    CHECK_OK(ask(&m, "list.extend", l.id, ARGS(coop_items(items, ITEMS))));
    int64_t start = test_now();
    DO(l, "sort", "[]");
    CHECK(test_now() - start < COOP_S(5) * test_slowness());
    DO(l, "get", "[0]");
    CHECK_EQ(m.result.size, LENGTH - 6);
    free(items);
    managed_stop(&m);
}

static void nan_is_never_found_and_sorts_somewhere(void)
{
    managed_start(&m);
    struct py l = py_list("[2, nan, 1]");
    GIVES(l, "contains", "[nan]", "False");
    GIVES(l, "equal", "[[2, nan, 1]]", "False");
    DO(l, "sort", "[]");
    GIVES(l, "len", "[]", "3");
    managed_stop(&m);
}

static void equal_looks_at_types_order_and_depth(void)
{
    managed_start(&m);
    struct py l = py_list("[1, 'a', [None, {'k': [1.5]}]]");
    GIVES(l, "equal", "[[True, 'a', [None, {'k': [1.5]}]]]", "True");
    GIVES(l, "equal", "[[1, b'a', [None, {'k': [1.5]}]]]", "False");
    GIVES(l, "equal", "[[1, 'a', [None, {'k': [1.25]}]]]", "False");
    GIVES(l, "equal", "[['a', 1, [None, {'k': [1.5]}]]]", "False");
    GIVES(l, "equal", "[[1, 'a']]", "False");
    GIVES(py_list("[]"), "equal", "[[]]", "True");
    managed_stop(&m);
}

static void pages_tell_where_they_begin(void)
{
    managed_start(&m);
    struct py l = py_list(range_text(0, 5));
    GIVES(l, "page", "[1, 2]", "[1, [1, 2]]");
    GIVES(l, "page", "[-2, 100]", "[3, [3, 4]]");
    GIVES(l, "page", "[3, 2, True]", "[3, [3, 2]]");
    GIVES(l, "page", "[1, 9, True]", "[1, [1, 0]]");
    GIVES(l, "page", "[5, 1]", "[5, []]");
    GIVES(l, "page", "[-6, 1, True]", "[5, []]");
    GIVES(l, "page", "[9223372036854775807, 18446744073709551615]", "[5, []]");
    GIVES(l, "page", "[-9223372036854775808, 1]", "[5, []]");
    RAISES(l, "page", "[0, 0]", VALUE_ERROR);
    RAISES(l, "page", "[0, -9223372036854775808]", VALUE_ERROR);
    managed_stop(&m);
}

static void page_ends_at_its_size_in_bytes(void)
{
    managed_start(&m);
    struct py l = py_list("[]");
    static char kilo[1024];
    for (int i = 0; i < 1000; i++) CHECK_OK(ask(&m, "list.append", l.id, ARGS(coop_bytes(kilo, sizeof kilo))));
    DO(l, "page", "[0, 1000]");
    CHECK(m.result.as.items[1].size > 200 && m.result.as.items[1].size < 256);
    managed_stop(&m);
}

static void resent_reverse_is_not_run_again(void)
{
    managed_start(&m);
    struct py l = py_list("[1, 2, 3]");
    DO(l, "reverse", "[]");
    m.head.attempt = 1;
    managed_write(&m, "list.reverse", l.id, NO_ARGS);
    CHECK_OK(managed_send(&m));
    IS(l, "[3, 2, 1]");
    managed_stop(&m);
}

static void memory_goes_back_with_the_items(void)
{
    managed_start(&m);
    struct py l = py_list("[1]");
    uint64_t used = m.commands.registry.budget.used;
    DO(l, "extend", "[['abc', [1, {2: 'x'}], 3, 4, 5]]");
    DO(l, "repeat", "[50]");
    DO(l, "del_slice", "[1, None, 3]");
    DO(l, "set_slice", "[0, 6, -1, []]");
    DO(l, "set_slice", "[4, 8, 2, ['x', {'y': 'z'}]]");
    DO(l, "set_slice", "[0, 100, 1, ['x', {'y': 'z'}]]");
    DO(l, "reverse", "[]");
    DO(l, "remove", "['x']");
    DO(l, "set_slice", "[None, None, None, [1]]");
    IS(l, "[1]");
    CHECK_EQ(m.commands.registry.budget.used, used);
    managed_stop(&m);
}

TESTS(manager_list_ops, TEST(arguments_of_another_type_are_refused), TEST(step_of_zero_is_refused),
      TEST(slices_agree_with_python_for_any_numbers), TEST(slice_set_replaces_by_more_or_fewer),
      TEST(what_does_not_fit_the_budget_changes_nothing), TEST(huge_repetitions_are_refused_at_once),
      TEST(results_larger_than_a_message_are_refused), TEST(sort_follows_pythons_order),
      TEST(sort_compares_large_integers_and_floats_exactly), TEST(sort_by_key_is_stable_both_ways),
      TEST(sort_of_what_has_no_order_changes_nothing), TEST(sort_of_hostile_items_is_bounded),
      TEST(nan_is_never_found_and_sorts_somewhere), TEST(equal_looks_at_types_order_and_depth),
      TEST(pages_tell_where_they_begin), TEST(page_ends_at_its_size_in_bytes), TEST(resent_reverse_is_not_run_again),
      TEST(memory_goes_back_with_the_items))
