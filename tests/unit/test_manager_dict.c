/* SPDX-License-Identifier: MIT */
/* The manager's dict, asked in the protocol's own bytes. */
#include "unit/managed.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static struct managed m;
static coop_any dict; /* the object field: "d" */

static void begin(void)
{
    managed_start(&m);
    dict = coop_str("d");
    CHECK_OK(ask(&m, "dict.open", dict, ARGS(coop_int(COOPI_OPEN_CREATE))));
}

static int set(coop_any key, coop_any value)
{
    return ask(&m, "dict.set", dict, ARGS(key, value));
}

static void check_items(const char *text)
{
    CHECK_OK(ask(&m, "dict.items", dict, NO_ARGS));
    CHECK_RESULT(&m, text);
}

static void dict_keeps_the_order_of_insertion(void)
{
    begin();
    CHECK_OK(set(coop_str("b"), coop_int(1)));
    CHECK_OK(set(coop_str("a"), coop_int(2)));
    CHECK_OK(set(coop_str("c"), coop_int(3)));
    CHECK_OK(set(coop_str("b"), coop_int(4)));
    check_items("{'b': 4, 'a': 2, 'c': 3}");
    CHECK_OK(ask(&m, "dict.del", dict, ARGS(coop_str("b"))));
    CHECK_OK(set(coop_str("b"), coop_int(5)));
    check_items("{'a': 2, 'c': 3, 'b': 5}");
    managed_stop(&m);
}

static void dict_keys_are_equal_as_in_python(void)
{
    begin();
    CHECK_OK(set(coop_int(1), coop_str("int")));
    CHECK_OK(set(coop_float(1.0), coop_str("float")));
    CHECK_OK(set(coop_bool(true), coop_str("bool")));
    CHECK_OK(set(coop_str("1"), coop_str("str")));
    CHECK_OK(set(coop_bytes("1", 1), coop_str("bytes")));
    CHECK_OK(set(coop_nil(), coop_str("none")));
    CHECK_OK(set(coop_float(-0.0), coop_str("zero")));
    CHECK_OK(ask(&m, "dict.get", dict, ARGS(coop_bool(false))));
    CHECK_RESULT(&m, "'zero'");
    check_items("{1: 'bool', '1': 'str', b'1': 'bytes', None: 'none', -0.0: 'zero'}");
    managed_stop(&m);
}

static void dict_key_that_is_no_key_is_refused(void)
{
    begin();
    CHECK_ERR(set(coop_float(NAN), coop_nil()), -EINVAL);
    CHECK_HAS(m.sentence, "NaN");
    CHECK_ERR(set(coop_items(NULL, 0), coop_nil()), -EINVAL);
    CHECK_ERR(ask(&m, "dict.get", dict, ARGS(coop_pairs(NULL, 0))), -EINVAL);
    check_items("{}");
    managed_stop(&m);
}

static void dict_get_of_an_absent_key_names_it(void)
{
    begin();
    CHECK_ERR(ask(&m, "dict.get", dict, ARGS(coop_str("prix d'ami"))), -ENOENT);
    CHECK_HAS(m.sentence, "dict \"d\": it has no key \"prix d'ami\"");
    char longer[100] = "";
    CHECK_ERR(ask(&m, "dict.get", dict, ARGS(coop_bytes(longer, sizeof longer))), -ENOENT);
    CHECK_HAS(m.sentence, "no such key of 100 bytes");
    managed_stop(&m);
}

static void dict_del_removes_one_key(void)
{
    begin();
    CHECK_OK(set(coop_int(1), coop_str("one")));
    CHECK_OK(set(coop_int(2), coop_str("two")));
    CHECK_OK(ask(&m, "dict.del", dict, ARGS(coop_float(1))));
    CHECK_ERR(ask(&m, "dict.del", dict, ARGS(coop_int(1))), -ENOENT);
    check_items("{2: 'two'}");
    managed_stop(&m);
}

static void dict_len_and_contains_tell(void)
{
    begin();
    char key[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "key %d", i);
        CHECK_OK(set(coop_str(key), coop_int(i)));
    }
    CHECK_OK(ask(&m, "dict.len", dict, NO_ARGS));
    CHECK_RESULT(&m, "1000");
    CHECK_OK(ask(&m, "dict.contains", dict, ARGS(coop_str("key 999"))));
    CHECK_RESULT(&m, "True");
    CHECK_OK(ask(&m, "dict.contains", dict, ARGS(coop_str("key 1000"))));
    CHECK_RESULT(&m, "False");
    CHECK_OK(ask(&m, "dict.get", dict, ARGS(coop_str("key 500"))));
    CHECK_RESULT(&m, "500");
    managed_stop(&m);
}

static void check_sum(coop_any value, coop_any delta, const char *sum)
{
    CHECK_OK(set(coop_str("n"), value));
    CHECK_OK(ask(&m, "dict.incr", dict, ARGS(coop_str("n"), delta)));
    CHECK_RESULT(&m, sum);
    CHECK_OK(ask(&m, "dict.get", dict, ARGS(coop_str("n"))));
    CHECK_RESULT(&m, sum);
}

static void dict_incr_adds_exactly(void)
{
    begin();
    check_sum(coop_int(40), coop_int(2), "42");
    check_sum(coop_int(INT64_MAX), coop_int(1), "9223372036854775808");
    check_sum(coop_uint(UINT64_MAX), coop_int(-1), "18446744073709551614");
    check_sum(coop_uint(UINT64_MAX), coop_int(INT64_MIN), "9223372036854775807");
    check_sum(coop_int(INT64_MIN), coop_uint(UINT64_MAX), "9223372036854775807");
    check_sum(coop_bool(true), coop_bool(true), "2");
    check_sum(coop_int(1), coop_float(0.5), "1.5");
    check_sum(coop_float(0.5), coop_uint(UINT64_MAX), "1.8446744073709552e+19");
    managed_stop(&m);
}

static void dict_incr_begins_at_start(void)
{
    begin();
    CHECK_OK(ask(&m, "dict.incr", dict, ARGS(coop_str("a"))));
    CHECK_OK(ask(&m, "dict.incr", dict, ARGS(coop_str("b"), coop_int(5))));
    CHECK_OK(ask(&m, "dict.incr", dict, ARGS(coop_str("c"), coop_int(5), coop_float(0.25))));
    check_items("{'a': 1, 'b': 5, 'c': 5.25}");
    managed_stop(&m);
}

static void check_no_sum(coop_any value, coop_any delta, int error)
{
    CHECK_OK(set(coop_str("n"), value));
    CHECK_ERR(ask(&m, "dict.incr", dict, ARGS(coop_str("n"), delta)), error);
    CHECK_OK(ask(&m, "dict.get", dict, ARGS(coop_str("n"))));
    CHECK(coop_any_equal(m.result, value));
}

static void dict_incr_refuses_what_has_no_sum(void)
{
    begin();
    check_no_sum(coop_uint(UINT64_MAX), coop_int(1), -ERANGE);
    check_no_sum(coop_uint(UINT64_MAX), coop_uint(UINT64_MAX), -ERANGE);
    check_no_sum(coop_int(INT64_MIN), coop_int(-1), -ERANGE);
    check_no_sum(coop_str("1"), coop_int(1), -EINVAL);
    check_no_sum(coop_int(1), coop_str("1"), -EINVAL);
    check_no_sum(coop_nil(), coop_int(1), -EINVAL);
    check_no_sum(coop_items(NULL, 0), coop_int(1), -EINVAL);
    CHECK_ERR(ask(&m, "dict.incr", dict, ARGS(coop_str("new"), coop_int(1), coop_str("x"))), -EINVAL);
    CHECK_OK(ask(&m, "dict.contains", dict, ARGS(coop_str("new"))));
    CHECK_RESULT(&m, "False");
    managed_stop(&m);
}

static void full_manager_refuses_more_and_keeps_what_it_has(void)
{
    begin();
    CHECK_OK(set(coop_str("a"), coop_str("first")));
    m.commands.registry.budget.limit = m.commands.registry.budget.used + 400;
    static char big[1000];
    CHECK_ERR(set(coop_str("b"), coop_bytes(big, sizeof big)), -ENOMEM);
    CHECK_HAS(m.sentence, "dict \"d\"");
    CHECK_ERR(set(coop_str("a"), coop_bytes(big, sizeof big)), -ENOMEM);
    CHECK_OK(set(coop_str("c"), coop_int(1)));
    check_items("{'a': 'first', 'c': 1}");
    managed_stop(&m);
}

TESTS(manager_dict, TEST(dict_keeps_the_order_of_insertion), TEST(dict_keys_are_equal_as_in_python),
      TEST(dict_key_that_is_no_key_is_refused), TEST(dict_get_of_an_absent_key_names_it),
      TEST(dict_del_removes_one_key), TEST(dict_len_and_contains_tell), TEST(dict_incr_adds_exactly),
      TEST(dict_incr_begins_at_start), TEST(dict_incr_refuses_what_has_no_sum),
      TEST(full_manager_refuses_more_and_keeps_what_it_has))
