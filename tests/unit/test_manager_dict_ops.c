/* SPDX-License-Identifier: MIT */
/* The managed dict's compare-and-set, update, pages and the like, asked in the protocol's own bytes. */
#include "manager/dict_store.h"
#include "unit/python.h"

static void limit_budget(uint64_t more)
{
    m.commands.registry.budget.limit = m.commands.registry.budget.used + more;
}

static void arguments_of_another_type_are_refused(void)
{
    static const char *const bad[][2] = {
        {"get", "[[], 1]"},
        {"setdefault", "[{}, 1]"},
        {"pop", "[nan]"},
        {"cas", "[1, 2, 3]"},
        {"cas", "[1, [2], 3]"},
        {"cas", "[1, [2, 3], [4]]"},
        {"cas", "[1, [2], [4, 5]]"},
        {"cas", "[nan, [2], [4]]"},
        {"cas", "[1, {}, []]"},
        {"update", "['ab']"},
        {"update", "[[1]]"},
        {"update", "[[[1, 2], [3]]]"},
        {"update", "[[[[], 2]]]"},
        {"fromkeys", "['ab']"},
        {"fromkeys", "[{}]"},
        {"fromkeys", "[[[]]]"},
        {"fromkeys", "[[nan], 1]"},
        {"merge", "[[[1, 2]]]"},
        {"page", "['key', 1]"},
        {"page", "[1, 1]"},
        {"page", "['keys', '1']"},
        {"page", "['keys', 0]"},
        {"page", "['keys', -9223372036854775808]"},
        {"page", "['keys', 1, 1]"},
        {"page", "['keys', 1, True, 1]"},
        {"page", "['keys', 1, True, 'x', 1]"},
        {"page", "['keys', 1, True, 1, []]"},
    };
    managed_start(&m);
    struct py d = py_dict("{1: 2}");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) RAISES(d, bad[i][0], bad[i][1], -EINVAL, "");
    managed_stop(&m);
}

static void cas_changes_only_what_was_expected(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1}");
    GIVES(d, "cas", "['a', [2], [3]]", "False");
    GIVES(d, "cas", "['a', [], [3]]", "False");
    GIVES(d, "cas", "['b', [1], [3]]", "False");
    IS(d, "{'a': 1}");
    GIVES(d, "cas", "['a', [1.0], [[2]]]", "True");
    IS(d, "{'a': [2]}");
    GIVES(d, "cas", "['a', [[2]], ['x']]", "True");
    GIVES(d, "cas", "['b', [], [None]]", "True");
    IS(d, "{'a': 'x', 'b': None}");
    GIVES(d, "cas", "['b', [None], []]", "True"); /* removed */
    GIVES(d, "cas", "['b', [], []]", "True");     /* still absent */
    IS(d, "{'a': 'x'}");
    managed_stop(&m);
}

static void cas_without_room_changes_nothing(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1}");
    limit_budget(500);
    const char *big = text_of("'%01000d'", 7);
    RAISES(d, "cas", text_of("['a', [1], [%s]]", big), -ENOMEM, "may hold");
    RAISES(d, "cas", text_of("['b', [], [%s]]", big), -ENOMEM, "may hold");
    RAISES(d, "setdefault", text_of("['b', %s]", big), -ENOMEM, "may hold");
    managed_stop(&m);
}

static void resent_cas_is_not_run_again(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1}");
    coop_any args[] = {coop_str("a"), literal("[1]"), literal("[2]")};
    CHECK_OK(ask(&m, "dict.cas", d.id, args, 3));
    m.head.attempt = 1;
    managed_write(&m, "dict.cas", d.id, args, 3);
    CHECK_OK(managed_send(&m));
    CHECK_RESULT(&m, "True"); /* what it answered first */
    IS(d, "{'a': 2}");
    managed_stop(&m);
}

static void update_is_all_or_nothing(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, 'b': 2}");
    limit_budget(1500);
    const char *big = text_of("'%02000d'", 7);
    RAISES(d, "update", text_of("[{'a': 5, 'c': 6, 'd': %s}]", big), -ENOMEM, "may hold");
    RAISES(d, "update", text_of("[[('x', 1), ('a', %s)]]", big), -ENOMEM, "may hold");
    RAISES(d, "update", "[[('x', 1), ('y', 2), ('z',)]]", VALUE_ERROR);
    GIVES(d, "contains", "['c']", "False");
    DO(d, "update", "[{'c': 3, 'a': 4}]");
    IS(d, "{'a': 4, 'b': 2, 'c': 3}");
    managed_stop(&m);
}

static void update_of_an_empty_dict_that_fails_leaves_it_empty(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    limit_budget(300);
    RAISES(d, "update", text_of("[{'c': 6, 'd': '%02000d'}]", 7), -ENOMEM, "may hold");
    DO(d, "set", "['c', 1]");
    IS(d, "{'c': 1}");
    managed_stop(&m);
}

static void of_a_key_that_comes_twice_the_last_value_counts(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    DO(d, "update", "[[(1, 'a'), ('x', 0), (True, 'b'), (1.0, 'c')]]");
    IS(d, "{1: 'c', 'x': 0}");
    DO(d, "fromkeys", "[[2, 2.0, 2], 5]");
    IS(d, "{1: 'c', 'x': 0, 2: 5}");
    managed_stop(&m);
}

/* A short message that asks for a long value very often: refused before anything is copied. */
static void fromkeys_asks_the_budget_first(void)
{
    enum { KEYS = 100000, SIZE = 1 << 20 };
    static char big[SIZE];
    managed_start(&m);
    struct py d = py_dict("{}");
    m.commands.registry.budget.limit = UINT64_C(1) << 30;
    coop_any *keys = calloc(KEYS, sizeof *keys);
    for (int i = 0; i < KEYS; i++) keys[i] = coop_int(i);
    int64_t start = test_now();
    CHECK_ERR(ask(&m, "dict.fromkeys", d.id, ARGS(coop_items(keys, KEYS), coop_bytes(big, SIZE))), -ENOMEM);
    CHECK(test_now() - start < COOP_S(2) * test_slowness());
    free(keys);
    IS(d, "{}");
    managed_stop(&m);
}

static void merge_leaves_both_as_they_are(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, 'b': [2]}");
    GIVES(d, "merge", "[{'b': {}, 'c': 3}]", "{'a': 1, 'b': {}, 'c': 3}");
    GIVES(d, "merge", "[{}]", "{'a': 1, 'b': [2]}");
    GIVES(py_dict("{}"), "merge", "[{1: 2}]", "{1: 2}");
    IS(d, "{'a': 1, 'b': [2]}");
    managed_stop(&m);
}

static void equal_takes_any_order_and_any_value(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, 2: [None]}");
    GIVES(d, "equal", "[{2.0: [None], 'a': True}]", "True");
    GIVES(d, "equal", "[{2: [None]}]", "False");
    GIVES(d, "equal", "[{2: [None], 'b': 1}]", "False");
    GIVES(d, "equal", "[{2: [0], 'a': 1}]", "False");
    GIVES(d, "equal", "[[]]", "False");
    GIVES(d, "equal", "[None]", "False");
    managed_stop(&m);
}

static void pages_follow_one_another(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1, None: 2, 3: [3]}");
    DO(d, "page", "['items', 2]");
    int64_t version = m.result.as.items[0].as.integer;
    CHECK_STR(py_result(), text_of("[%d, None, [['a', 1], [None, 2]]]", (int)version));
    GIVES(d, "page", text_of("['items', 2, False, %d, None]", (int)version),
          text_of("[%d, 3, [[3, [3]]]]", (int)version));
    GIVES(d, "page", text_of("['items', 2, False, %d, 3]", (int)version), text_of("[%d, None, []]", (int)version));
    GIVES(d, "page", text_of("['values', 9, True, %d, 3]", (int)version), text_of("[%d, 'a', [2, 1]]", (int)version));
    DO(d, "set", "['a', 5]"); /* a new value is no change of the keys */
    GIVES(d, "page", text_of("['values', 1, False, %d, None]", (int)version), text_of("[%d, 3, [[3]]]", (int)version));
    DO(d, "del", "['a']");
    RAISES(d, "page", text_of("['values', 1, False, %d, None]", (int)version), RUNTIME_ERROR);
    managed_stop(&m);
}

static void page_behind_a_key_that_never_was_is_refused(void)
{
    managed_start(&m);
    struct py d = py_dict("{'a': 1}");
    DO(d, "page", "['keys', 1]");
    int version = (int)m.result.as.items[0].as.integer;
    RAISES(d, "page", text_of("['keys', 1, False, %d, 'b']", version), KEY_ERROR);
    RAISES(d, "page", "['keys', 1, False, -1, 'a']", RUNTIME_ERROR);
    RAISES(d, "page", "['keys', 1, False, 18446744073709551615, 'a']", RUNTIME_ERROR);
    managed_stop(&m);
}

static void page_ends_at_its_size_in_bytes(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    static char kilo[1024];
    for (int i = 0; i < 600; i++) CHECK_OK(ask(&m, "dict.set", d.id, ARGS(coop_int(i), coop_bytes(kilo, sizeof kilo))));
    DO(d, "page", "['values', 1000]");
    CHECK(m.result.as.items[2].size > 200 && m.result.as.items[2].size < 256);
    DO(d, "page", "['keys', 1000]"); /* what is not shown does not count */
    CHECK_EQ(m.result.as.items[2].size, 600);
    managed_stop(&m);
}

/* One whose key and value are 40 MiB each, put together by two commands. */
static void popitem_that_does_not_fit_changes_nothing(void)
{
    enum { SIZE = 40 << 20 };
    static char big[SIZE];
    managed_start(&m);
    struct py d = py_dict("{}");
    CHECK_OK(ask(&m, "dict.fromkeys", d.id, ARGS(coop_items(ARGS(coop_bytes(big, SIZE))))));
    struct entry *entry = dict_last((struct dict *)m.commands.registry.by_id);
    coop_any value = coop_bytes(big, SIZE);
    CHECK_OK(coop_any_copy(value, &value));
    CHECK_OK(dict_set((struct dict *)m.commands.registry.by_id, &entry->key, &value));
    CHECK_ERR(py_ask(d, "popitem", "[]"), -EMSGSIZE);
    CHECK_ERR(py_ask(d, "items", "[]"), -EMSGSIZE);
    DO(d, "values", "[]");
    GIVES(d, "len", "[]", "1");
    managed_stop(&m);
}

static void defaults_are_given_back_whole(void)
{
    managed_start(&m);
    struct py d = py_dict("{}");
    GIVES(d, "get", "['x', [1, {2: 3}]]", "[1, {2: 3}]");
    GIVES(d, "pop", "['x', [1, {2: 3}]]", "[1, {2: 3}]");
    IS(d, "{}");
    managed_stop(&m);
}

TESTS(manager_dict_ops, TEST(arguments_of_another_type_are_refused), TEST(cas_changes_only_what_was_expected),
      TEST(cas_without_room_changes_nothing), TEST(resent_cas_is_not_run_again), TEST(update_is_all_or_nothing),
      TEST(update_of_an_empty_dict_that_fails_leaves_it_empty), TEST(of_a_key_that_comes_twice_the_last_value_counts),
      TEST(fromkeys_asks_the_budget_first), TEST(merge_leaves_both_as_they_are),
      TEST(equal_takes_any_order_and_any_value), TEST(pages_follow_one_another),
      TEST(page_behind_a_key_that_never_was_is_refused), TEST(page_ends_at_its_size_in_bytes),
      TEST(popitem_that_does_not_fit_changes_nothing), TEST(defaults_are_given_back_whole))
