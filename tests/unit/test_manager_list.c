/* SPDX-License-Identifier: MIT */
/* The manager's list, asked in the protocol's own bytes. */
#include "unit/managed.h"

#include <stdlib.h>

static struct managed m;
static coop_any list; /* the object field: "l" */

static void begin(void)
{
    managed_start(&m);
    list = coop_str("l");
    CHECK_OK(ask(&m, "list.open", list, ARGS(coop_int(COOPI_OPEN_CREATE))));
}

static void fill(int count)
{
    for (int i = 0; i < count; i++) CHECK_OK(ask(&m, "list.append", list, ARGS(coop_int(i))));
}

static void check_copy(const char *text)
{
    CHECK_OK(ask(&m, "list.copy", list, NO_ARGS));
    CHECK_RESULT(&m, text);
}

static void list_append_adds_behind_the_last(void)
{
    begin();
    CHECK_OK(ask(&m, "list.append", list, ARGS(coop_str("a"))));
    CHECK_RESULT(&m, "None");
    CHECK_OK(ask(&m, "list.append", list, ARGS(coop_items(ARGS(coop_int(1), coop_nil())))));
    check_copy("['a', [1, None]]");
    managed_stop(&m);
}

static void list_extend_adds_all_in_order(void)
{
    begin();
    fill(1);
    CHECK_OK(ask(&m, "list.extend", list, ARGS(coop_items(ARGS(coop_int(7), coop_str("x"), coop_float(0.5))))));
    CHECK_OK(ask(&m, "list.extend", list, ARGS(coop_items(NULL, 0))));
    check_copy("[0, 7, 'x', 0.5]");
    managed_stop(&m);
}

static void list_extend_with_no_array_is_refused(void)
{
    begin();
    CHECK_ERR(ask(&m, "list.extend", list, ARGS(coop_int(7))), -EINVAL);
    CHECK_HAS(m.sentence, "list \"l\"");
    check_copy("[]");
    managed_stop(&m);
}

static void list_get_counts_from_both_ends(void)
{
    begin();
    fill(3);
    CHECK_OK(ask(&m, "list.get", list, ARGS(coop_int(0))));
    CHECK_RESULT(&m, "0");
    CHECK_OK(ask(&m, "list.get", list, ARGS(coop_int(-1))));
    CHECK_RESULT(&m, "2");
    CHECK_OK(ask(&m, "list.get", list, ARGS(coop_int(-3))));
    CHECK_RESULT(&m, "0");
    managed_stop(&m);
}

static void list_index_out_of_range_names_the_range(void)
{
    begin();
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_int(0))), -ERANGE);
    CHECK_HAS(m.sentence, "empty");
    fill(3);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_int(3))), -ERANGE);
    CHECK_HAS(m.sentence, "list \"l\": index 3 is out of range (IndexError); its 3 items are 0 to 2");
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_int(-4))), -ERANGE);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_int(INT64_MAX))), -ERANGE);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_int(INT64_MIN))), -ERANGE);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_uint(UINT64_MAX))), -ERANGE);
    CHECK_ERR(ask(&m, "list.set", list, ARGS(coop_int(3), coop_nil())), -ERANGE);
    CHECK_ERR(ask(&m, "list.pop", list, ARGS(coop_int(3))), -ERANGE);
    managed_stop(&m);
}

static void list_index_that_is_no_int_is_refused(void)
{
    begin();
    fill(1);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_str("0"))), -EINVAL);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_float(0))), -EINVAL);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_bool(false))), -EINVAL);
    CHECK_ERR(ask(&m, "list.get", list, ARGS(coop_items(NULL, 0))), -EINVAL);
    managed_stop(&m);
}

static void list_set_replaces_an_item(void)
{
    begin();
    fill(3);
    CHECK_OK(ask(&m, "list.set", list, ARGS(coop_int(-2), coop_str("middle"))));
    check_copy("[0, 'middle', 2]");
    managed_stop(&m);
}

static void list_pop_gives_and_removes(void)
{
    begin();
    fill(4);
    CHECK_OK(ask(&m, "list.pop", list, NO_ARGS));
    CHECK_RESULT(&m, "3");
    CHECK_OK(ask(&m, "list.pop", list, ARGS(coop_int(0))));
    CHECK_RESULT(&m, "0");
    check_copy("[1, 2]");
    CHECK_OK(ask(&m, "list.pop", list, NO_ARGS));
    CHECK_OK(ask(&m, "list.pop", list, NO_ARGS));
    CHECK_ERR(ask(&m, "list.pop", list, NO_ARGS), -ERANGE);
    managed_stop(&m);
}

static void list_len_counts(void)
{
    begin();
    fill(100);
    CHECK_OK(ask(&m, "list.len", list, NO_ARGS));
    CHECK_RESULT(&m, "100");
    managed_stop(&m);
}

/* A list of one item that nests as deep as a value may. */
static coop_any nested(coop_any *cells)
{
    cells[0] = coop_int(1);
    for (int i = 1; i < COOP_ANY_DEPTH; i++) cells[i] = coop_items(&cells[i - 1], 1);
    return coop_items(&cells[COOP_ANY_DEPTH - 1], 1);
}

static void list_keeps_items_of_every_type_and_depth(void)
{
    coop_any cells[COOP_ANY_DEPTH];
    coop_pair pair = {.key = coop_bytes("\0\xff", 2), .value = coop_bool(true)};
    begin();
    CHECK_OK(ask(&m, "list.extend", list,
                 ARGS(coop_items(ARGS(coop_nil(), coop_uint(UINT64_MAX), coop_int(INT64_MIN), coop_pairs(&pair, 1))))));
    check_copy("[None, 18446744073709551615, -9223372036854775808, {b'\\x00\\xff': True}]");
    CHECK_OK(ask(&m, "list.append", list, ARGS(nested(cells))));
    CHECK_OK(ask(&m, "list.get", list, ARGS(coop_int(-1))));
    CHECK(coop_any_equal(m.result, nested(cells)));
    managed_stop(&m);
}

/* Its float32 items come back as float64, so that the copy is longer than what was sent. */
static void list_result_larger_than_a_message_changes_nothing(void)
{
    enum { FLOATS = 3500000, TEXT = 40 << 20 };
    begin();
    static char text[TEXT];
    memset(text, 'x', sizeof text);
    m.head.sequence++;
    managed_write(&m, "list.append", list, NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    coopi_write_array(&m.request, 1);
    coopi_write_array(&m.request, FLOATS + 1);
    coopi_write_str(&m.request, text, sizeof text);
    for (int i = 0; i < FLOATS; i++) coopi_write_raw(&m.request, "\xca\0\0\0\0", 5);
    CHECK_OK(coopi_writer_status(&m.request));
    CHECK_OK(managed_send(&m));
    CHECK_ERR(ask(&m, "list.pop", list, NO_ARGS), -EMSGSIZE);
    CHECK_HAS(m.sentence, "larger than a message");
    CHECK_OK(ask(&m, "list.len", list, NO_ARGS));
    CHECK_RESULT(&m, "1");
    managed_stop(&m);
}

static void list_with_more_values_than_a_message_may_carry_is_not_copied(void)
{
    begin();
    coop_any *zeros = calloc(1 << 20, sizeof *zeros);
    for (int i = 0; i < 5; i++) CHECK_OK(ask(&m, "list.extend", list, ARGS(coop_items(zeros, 1 << 20))));
    free(zeros);
    CHECK_ERR(ask(&m, "list.copy", list, NO_ARGS), -EMSGSIZE);
    CHECK_OK(ask(&m, "list.get", list, ARGS(coop_int(5000000))));
    managed_stop(&m);
}

TESTS(manager_list, TEST(list_append_adds_behind_the_last), TEST(list_extend_adds_all_in_order),
      TEST(list_extend_with_no_array_is_refused), TEST(list_get_counts_from_both_ends),
      TEST(list_index_out_of_range_names_the_range), TEST(list_index_that_is_no_int_is_refused),
      TEST(list_set_replaces_an_item), TEST(list_pop_gives_and_removes), TEST(list_len_counts),
      TEST(list_keeps_items_of_every_type_and_depth), TEST(list_result_larger_than_a_message_changes_nothing),
      TEST(list_with_more_values_than_a_message_may_carry_is_not_copied))
