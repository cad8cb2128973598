/* SPDX-License-Identifier: MIT */
/* Requests that are sent again: answered from memory, never run twice. */
#include "unit/managed.h"

#include <stdlib.h>

static struct managed m;
static coop_any list;

static void begin(void)
{
    managed_start(&m);
    list = coop_str("l");
    CHECK_OK(ask(&m, "list.open", list, ARGS(coop_int(COOPI_OPEN_CREATE))));
}

static int append(int number)
{
    return ask(&m, "list.append", list, ARGS(coop_int(number)));
}

/* The last request again, as a client does that lost its connection: with the next attempt's number. */
static int resend(const char *op, const coop_any *args, size_t count)
{
    m.head.attempt++;
    managed_write(&m, op, list, args, count);
    return managed_send(&m);
}

/* By a lane of its own, so that the lanes under test stay as they are. */
static void check_length(int64_t length)
{
    struct coopi_request saved = m.head;
    m.head.lane = UINT64_MAX;
    m.head.sequence += 1000000;
    CHECK_OK(ask(&m, "list.len", list, NO_ARGS));
    CHECK_EQ(m.result.as.integer, length);
    m.head = saved;
}

static void resent_request_is_answered_from_memory(void)
{
    begin();
    CHECK_OK(append(7));
    for (int i = 0; i < 5; i++) CHECK_OK(resend("list.append", ARGS(coop_int(7))));
    check_length(1);
    managed_stop(&m);
}

static void resent_pop_gives_the_same_item(void)
{
    begin();
    CHECK_OK(append(1));
    CHECK_OK(append(2));
    CHECK_OK(ask(&m, "list.pop", list, NO_ARGS));
    CHECK_RESULT(&m, "2");
    CHECK_OK(resend("list.pop", NO_ARGS));
    CHECK_RESULT(&m, "2");
    check_length(1);
    managed_stop(&m);
}

/* As nanomsg's REQ socket resends: the very same bytes, without a new attempt number. */
static void same_bytes_again_are_not_run_again(void)
{
    begin();
    CHECK_OK(append(7));
    CHECK_OK(managed_send(&m));
    CHECK_OK(managed_send(&m));
    check_length(1);
    managed_stop(&m);
}

static void resent_failure_is_answered_from_memory(void)
{
    begin();
    CHECK_ERR(ask(&m, "list.pop", list, NO_ARGS), -ERANGE);
    uint64_t popped = m.head.sequence;
    m.head.lane = 2;
    CHECK_OK(append(1));
    m.head.lane = 1;
    m.head.sequence = popped;
    CHECK_ERR(resend("list.pop", NO_ARGS), -ERANGE);
    check_length(1);
    managed_stop(&m);
}

static void resent_request_that_changes_nothing_is_run_anew(void)
{
    begin();
    CHECK_OK(ask(&m, "list.len", list, NO_ARGS));
    uint64_t asked = m.head.sequence;
    m.head.lane = 2;
    CHECK_OK(append(1));
    m.head.lane = 1;
    m.head.sequence = asked;
    CHECK_OK(resend("list.len", NO_ARGS));
    CHECK_RESULT(&m, "1");
    managed_stop(&m);
}

static void resent_batch_is_not_run_again(void)
{
    begin();
    coop_any one = coop_items(ARGS(coop_str("list.append"), coop_str("l"), coop_items(ARGS(coop_int(1)))));
    list = coop_nil();
    CHECK_OK(ask(&m, "batch", coop_nil(), ARGS(one, one)));
    CHECK_OK(resend("batch", ARGS(one, one)));
    CHECK_RESULT(&m, "[['ok', None], ['ok', None]]");
    list = coop_str("l");
    check_length(2);
    managed_stop(&m);
}

static void unknown_lane_with_a_later_attempt_is_stale(void)
{
    begin();
    m.head.lane = 9;
    m.head.sequence = 1;
    CHECK_ERR(resend("list.append", ARGS(coop_int(1))), -ESTALE);
    CHECK_HAS(m.sentence, "lane 9");
    check_length(0);
    managed_stop(&m);
}

static void older_sequence_is_stale(void)
{
    begin();
    CHECK_OK(append(1));
    CHECK_OK(append(2));
    m.head.sequence--;
    CHECK_ERR(resend("list.append", ARGS(coop_int(1))), -ESTALE);
    check_length(2);
    managed_stop(&m);
}

static void higher_sequence_is_run_whatever_the_attempt(void)
{
    begin();
    CHECK_OK(append(1));
    m.head.sequence += 10;
    CHECK_OK(resend("list.append", ARGS(coop_int(2))));
    check_length(2);
    managed_stop(&m);
}

static void lanes_of_two_sessions_are_apart(void)
{
    begin();
    CHECK_OK(append(1));
    m.head.session[15] ^= 1;
    managed_write(&m, "list.append", list, ARGS(coop_int(1)));
    CHECK_OK(managed_send(&m));
    check_length(2);
    managed_stop(&m);
}

static void longest_idle_lane_is_forgotten(void)
{
    begin();
    m.head.sequence = 1;
    for (uint64_t lane = 100; lane < 100 + LANES_MAX; lane++) {
        m.head.lane = lane;
        managed_write(&m, "list.append", list, ARGS(coop_int(1)));
        CHECK_OK(managed_send(&m));
    }
    m.head.lane = 100;
    CHECK_OK(resend("list.append", ARGS(coop_int(1)))); /* used again: 101 is the longest idle now */
    m.head.attempt = 0;
    m.head.lane = 99;
    managed_write(&m, "list.append", list, ARGS(coop_int(1)));
    CHECK_OK(managed_send(&m));
    m.head.lane = 101;
    CHECK_ERR(resend("list.append", ARGS(coop_int(1))), -ESTALE);
    m.head.lane = 100;
    CHECK_OK(resend("list.append", ARGS(coop_int(1))));
    m.head.lane = 102;
    CHECK_OK(resend("list.append", ARGS(coop_int(1))));
    CHECK_EQ(HASH_COUNT(m.commands.lanes.table), LANES_MAX);
    check_length(LANES_MAX + 1);
    managed_stop(&m);
}

static void large_replies_do_not_pile_up(void)
{
    enum { SIZE = 30 << 20 };
    begin();
    static char big[SIZE];
    for (int i = 0; i < 4; i++) CHECK_OK(ask(&m, "list.append", list, ARGS(coop_bytes(big, sizeof big))));
    for (uint64_t lane = 10; lane < 14; lane++) {
        m.head.lane = lane;
        CHECK_OK(ask(&m, "list.pop", list, NO_ARGS));
        CHECK(m.commands.lanes.bytes <= LANES_MAX_BYTES);
    }
    CHECK_OK(resend("list.pop", NO_ARGS));
    CHECK_EQ(m.result.size, SIZE);
    m.head.lane = 10;
    m.head.sequence -= 3;
    CHECK_ERR(resend("list.pop", NO_ARGS), -ESTALE);
    managed_stop(&m);
}

TESTS(manager_lanes, TEST(resent_request_is_answered_from_memory), TEST(resent_pop_gives_the_same_item),
      TEST(same_bytes_again_are_not_run_again), TEST(resent_failure_is_answered_from_memory),
      TEST(resent_request_that_changes_nothing_is_run_anew), TEST(resent_batch_is_not_run_again),
      TEST(unknown_lane_with_a_later_attempt_is_stale), TEST(older_sequence_is_stale),
      TEST(higher_sequence_is_run_whatever_the_attempt), TEST(lanes_of_two_sessions_are_apart),
      TEST(longest_idle_lane_is_forgotten), TEST(large_replies_do_not_pile_up))
