/* SPDX-License-Identifier: MIT */
/* Managed lists through the client, against the real manager. */
#include "harness/test.h"

#include <coop/list.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static coop_manager *manager;
static coop_list *list;

static void begin(void)
{
    CHECK_OK(coop_manager_start(test_name("list"), &manager));
    CHECK_OK(coop_list_open(manager, "numbers", COOP_CREATE, &list));
}

static void end(void)
{
    coop_list_close(list);
    coop_manager_close(manager);
}

static void check_contents(const char *expected)
{
    coop_any values;
    char *text;
    CHECK_OK(coop_list_copy(list, &values));
    CHECK_OK(coop_any_format(values, &text));
    CHECK_STR(text, expected);
    free(text);
    coop_any_clear(&values);
}

static void append_0_1_2(void)
{
    for (int i = 0; i < 3; i++) CHECK_OK(coop_list_append(list, coop_int(i)));
}

static void append_and_copy_keep_every_type(void)
{
    begin();
    coop_pair pair = {coop_str("k"), coop_items(NULL, 0)};
    CHECK_OK(coop_list_append(list, coop_nil()));
    CHECK_OK(coop_list_append(list, coop_bool(true)));
    CHECK_OK(coop_list_append(list, coop_uint(UINT64_MAX)));
    CHECK_OK(coop_list_append(list, coop_float(-0.5)));
    CHECK_OK(coop_list_append(list, coop_bytes("\xff", 1)));
    CHECK_OK(coop_list_append(list, coop_pairs(&pair, 1)));
    check_contents("[None, True, 18446744073709551615, -0.5, b'\\xff', {'k': []}]");
    end();
}

static void extend_adds_all_or_nothing(void)
{
    begin();
    coop_any items[] = {coop_int(1), coop_str("two")}, bad[] = {coop_int(3), coop_str("\xff")};
    CHECK_OK(coop_list_extend(list, coop_items(items, 2)));
    CHECK_OK(coop_list_extend(list, coop_items(NULL, 0)));
    CHECK_ERR(coop_list_extend(list, coop_items(bad, 2)), -EINVAL);
    CHECK_ERR(coop_list_extend(list, coop_int(3)), -EINVAL);
    CHECK_DETAIL("list numbers: extend takes a list");
    check_contents("[1, 'two']");
    end();
}

static void get_and_set_take_negative_indexes(void)
{
    begin();
    append_0_1_2();
    coop_any value;
    CHECK_OK(coop_list_get(list, -1, &value));
    CHECK_EQ(value.as.integer, 2);
    CHECK_OK(coop_list_set(list, -3, coop_str("zero")));
    CHECK_OK(coop_list_get(list, 0, &value));
    CHECK_STR(value.as.str, "zero");
    coop_any_clear(&value);
    end();
}

static void an_index_out_of_range_names_the_list(void)
{
    begin();
    append_0_1_2();
    coop_any value = coop_int(9);
    CHECK_ERR(coop_list_get(list, 3, &value), -ERANGE);
    CHECK_DETAIL("numbers");
    CHECK_DETAIL("index 3");
    CHECK_ERR(coop_list_get(list, -4, &value), -ERANGE);
    CHECK_ERR(coop_list_set(list, INT64_MAX, coop_nil()), -ERANGE);
    CHECK_ERR(coop_list_pop(list, INT64_MIN, &value), -ERANGE);
    CHECK_EQ(value.as.integer, 9);
    check_contents("[0, 1, 2]");
    end();
}

static void pop_takes_items_out(void)
{
    begin();
    append_0_1_2();
    coop_any value;
    CHECK_OK(coop_list_pop(list, 0, &value));
    CHECK_EQ(value.as.integer, 0);
    CHECK_OK(coop_list_pop(list, -1, NULL));
    check_contents("[1]");
    CHECK_OK(coop_list_pop(list, -1, &value));
    CHECK_ERR(coop_list_pop(list, -1, &value), -ERANGE);
    end();
}

static void len_counts_items(void)
{
    begin();
    size_t len;
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, 0);
    append_0_1_2();
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, 3);
    end();
}

static void open_finds_makes_and_refuses(void)
{
    begin();
    coop_list *other = NULL;
    CHECK_ERR(coop_list_open(manager, "absent", 0, &other), -ENOENT);
    CHECK_DETAIL("absent");
    CHECK_ERR(coop_list_open(manager, "numbers", COOP_CREATE | COOP_EXCL, &other), -EEXIST);
    CHECK_ERR(coop_list_open(manager, "no.dots", COOP_CREATE, &other), -EINVAL);
    CHECK_DETAIL("no.dots");
    CHECK_ERR(coop_list_open(manager, "", COOP_CREATE, &other), -EINVAL);
    CHECK_ERR(coop_list_open(manager, "#12x", 0, &other), -EINVAL);
    CHECK_ERR(coop_list_open(manager, "#", 0, &other), -EINVAL);
    CHECK(other == NULL);
    append_0_1_2();
    CHECK_OK(coop_list_open(manager, "numbers", 0, &other));
    CHECK_STR(coop_list_path(other), "numbers");
    size_t len;
    CHECK_OK(coop_list_len(other, &len));
    CHECK_EQ(len, 3);
    coop_list_close(other);
    coop_list_close(NULL);
    end();
}

static void a_nameless_list_is_reached_by_its_path_until_closed(void)
{
    begin();
    coop_list *nameless, *same;
    size_t len;
    pid_t pid;
    CHECK_OK(coop_list_open(manager, NULL, 0, &nameless));
    CHECK_OK(coop_list_open(manager, coop_list_path(nameless), 0, &same));
    CHECK_OK(coop_list_append(same, coop_int(1)));
    CHILD(pid) coop_list_close(nameless);
    child_must(pid);
    CHECK_OK(coop_list_len(nameless, &len));
    CHECK_EQ(len, 1);
    coop_list_close(nameless);
    CHECK_ERR(coop_list_len(same, &len), -ENOENT);
    coop_list_close(same);
    end();
}

static void forked_children_append_as_themselves(void)
{
    begin();
    enum { CHILDREN = 4, EACH = 100 };
    pid_t pids[CHILDREN];
    size_t len;
    for (int c = 0; c < CHILDREN; c++)
        CHILD(pids[c]) {
            for (int i = 0; i < EACH; i++) CHECK_OK(coop_list_append(list, coop_int(i)));
        }
    for (int i = 0; i < EACH; i++) CHECK_OK(coop_list_append(list, coop_int(i)));
    for (int c = 0; c < CHILDREN; c++) child_must(pids[c]);
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, (CHILDREN + 1) * EACH);
    end();
}

static void *append_100(void *arg)
{
    for (int i = 0; i < 100; i++) CHECK_OK(coop_list_append(arg, coop_int(i)));
    return NULL;
}

static void threads_share_a_handle(void)
{
    begin();
    pthread_t threads[4];
    size_t len;
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_create(&threads[i], NULL, append_100, list), 0);
    for (int i = 0; i < 4; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, 400);
    end();
}

static void megabytes_go_there_and_back(void)
{
    begin();
    size_t size = 5u << 20;
    char *large = calloc(1, size);
    coop_any value;
    large[size - 1] = 7;
    CHECK_OK(coop_list_append(list, coop_bytes(large, size)));
    CHECK_OK(coop_list_pop(list, 0, &value));
    CHECK_EQ(value.size, size);
    CHECK_MEM(value.as.bytes, large, size);
    coop_any_clear(&value);
    free(large);
    end();
}

TESTS(list, TEST(append_and_copy_keep_every_type), TEST(extend_adds_all_or_nothing),
      TEST(get_and_set_take_negative_indexes), TEST(an_index_out_of_range_names_the_list), TEST(pop_takes_items_out),
      TEST(len_counts_items), TEST(open_finds_makes_and_refuses),
      TEST(a_nameless_list_is_reached_by_its_path_until_closed), TEST(forked_children_append_as_themselves),
      TEST(threads_share_a_handle), TEST(megabytes_go_there_and_back))
