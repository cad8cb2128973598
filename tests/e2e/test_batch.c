/* SPDX-License-Identifier: MIT */
/* Batches through the client, against the real manager. */
#include "harness/literal.h"
#include "harness/test.h"

#include <coop/batch.h>
#include <stdlib.h>

static coop_manager *manager;
static coop_list *list;
static coop_dict *dict;
static coop_batch *batch;

static void begin(void)
{
    CHECK_OK(coop_manager_start(test_name("batch"), &manager));
    CHECK_OK(coop_list_open(manager, "l", COOP_CREATE, &list));
    CHECK_OK(coop_dict_open(manager, "d", COOP_CREATE, &dict));
    CHECK_OK(coop_batch_new(manager, &batch));
}

static void end(void)
{
    coop_batch_close(batch);
    coop_dict_close(dict);
    coop_list_close(list);
    coop_manager_close(manager);
}

static void check_list(const char *expected)
{
    coop_any values;
    char *text;
    CHECK_OK(coop_list_copy(list, &values));
    CHECK_OK(coop_any_format(values, &text));
    CHECK_STR(text, expected);
    free(text);
    coop_any_clear(&values);
}

static void each_operation_has_its_own_outcome(void)
{
    begin();
    coop_any value = coop_int(7);
    CHECK_OK(coop_batch_list(batch, list, "append", "[[i, s]]", 1, "a"));
    CHECK_OK(coop_batch_list(batch, list, "pop", "[i]", 5));
    CHECK_OK(coop_batch_dict(batch, dict, "incr", "[s, i]", "jobs", 3));
    CHECK_OK(coop_batch_list(batch, list, "len", "[]"));
    CHECK_EQ(coop_batch_count(batch), 4);
    check_list("[]"); /* nothing was sent yet */
    CHECK_ERR(coop_batch_result(batch, 0, &value), -ERANGE);
    CHECK_OK(coop_batch_run(batch));
    CHECK_OK(coop_batch_result(batch, 0, &value));
    CHECK_EQ(value.type, COOP_NIL);
    CHECK_ERR(coop_batch_result(batch, 1, &value), -ERANGE);
    CHECK_DETAIL("list \"l\": index 5 is out of range (IndexError)");
    CHECK_OK(coop_batch_result(batch, 2, &value));
    CHECK_EQ(value.as.integer, 3);
    CHECK_OK(coop_batch_result(batch, 3, &value));
    CHECK_EQ(value.as.integer, 1);
    CHECK_ERR(coop_batch_result(batch, 4, &value), -ERANGE);
    CHECK_DETAIL("its 4 results count from 0");
    CHECK_EQ(value.as.integer, 1);
    check_list("[[1, 'a']]");
    end();
}

static void is_used_again_after_a_run(void)
{
    begin();
    coop_any value;
    CHECK_OK(coop_batch_run(batch)); /* an empty one */
    CHECK_EQ(coop_batch_count(batch), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++) CHECK_OK(coop_batch_list(batch, list, "append", "[i]", i));
        CHECK_OK(coop_batch_list(batch, list, "get_slice", "[i, n]", -2));
        CHECK_OK(coop_batch_run(batch));
        CHECK_EQ(coop_batch_count(batch), 101);
        CHECK_OK(coop_batch_result(batch, 100, &value));
        CHECK(coop_any_equal(value, literal("[98, 99]")));
    }
    CHECK_OK(coop_batch_run(batch)); /* what was run is not run again */
    size_t len;
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, 300);
    coop_batch_close(NULL);
    end();
}

static void what_cannot_be_added_leaves_the_rest(void)
{
    begin();
    coop_manager *other;
    coop_list *foreign;
    CHECK_OK(coop_manager_connect(coop_manager_address(manager), &other));
    CHECK_OK(coop_list_open(other, "l", 0, &foreign));
    CHECK_OK(coop_batch_list(batch, list, "append", "[i]", 1));
    CHECK_ERR(coop_batch_list(batch, foreign, "append", "[i]", 2), -EINVAL);
    CHECK_DETAIL("another manager's handle");
    CHECK_ERR(coop_batch_list(batch, list, "append", "i", 2), -EINVAL);
    CHECK_DETAIL("list of the arguments");
    CHECK_ERR(coop_batch_list(batch, list, "append", "[i", 2), -EINVAL);
    CHECK_ERR(coop_batch_list(batch, list, "append", "[s]", "\xff"), -EINVAL);
    CHECK_DETAIL("not UTF-8");
    CHECK_OK(coop_batch_list(batch, list, "fold", "[]"));
    CHECK_OK(coop_batch_run(batch));
    coop_any value;
    CHECK_ERR(coop_batch_result(batch, 1, &value), -ENOSYS);
    check_list("[1]");
    coop_list_close(foreign);
    coop_manager_close(other);
    end();
}

static void a_full_batch_says_so_and_runs(void)
{
    enum { SIZE = 20 << 20 };
    begin();
    char *big = calloc(1, SIZE);
    for (int i = 0; i < 3; i++) CHECK_OK(coop_batch_list(batch, list, "append", "[y]", coop_bytes(big, SIZE)));
    CHECK_ERR(coop_batch_list(batch, list, "append", "[y]", coop_bytes(big, SIZE)), -EMSGSIZE);
    CHECK_DETAIL("run what was added before");
    CHECK_OK(coop_batch_list(batch, list, "len", "[]"));
    CHECK_OK(coop_batch_run(batch));
    coop_any value;
    CHECK_OK(coop_batch_result(batch, 3, &value));
    CHECK_EQ(value.as.integer, 3);
    for (int i = 0; i < 4; i++) CHECK_OK(coop_batch_list(batch, list, "pop", "[]"));
    CHECK_OK(coop_batch_run(batch)); /* the fourth is of an empty list */
    CHECK_ERR(coop_batch_result(batch, 3, &value), -ERANGE);
    free(big);
    end();
}

static void values_may_nest_as_deep_as_outside(void)
{
    begin();
    coop_any cells[COOP_ANY_DEPTH + 1], value;
    cells[0] = coop_int(1);
    for (int i = 1; i <= COOP_ANY_DEPTH; i++) cells[i] = coop_items(&cells[i - 1], 1);
    CHECK_OK(coop_list_append(list, cells[COOP_ANY_DEPTH]));
    CHECK_OK(coop_batch_list(batch, list, "get", "[i]", 0));
    CHECK_OK(coop_batch_run(batch));
    CHECK_OK(coop_batch_result(batch, 0, &value));
    CHECK(coop_any_equal(value, cells[COOP_ANY_DEPTH]));
    end();
}

TESTS(batch, TEST(each_operation_has_its_own_outcome), TEST(is_used_again_after_a_run),
      TEST(what_cannot_be_added_leaves_the_rest), TEST(a_full_batch_says_so_and_runs),
      TEST(values_may_nest_as_deep_as_outside))
