/* SPDX-License-Identifier: MIT */
/* The manager's commands about objects as such, batches, and requests that are none. */
#include "unit/managed.h"

#include <stdlib.h>

static struct managed m;

#define CREATE coop_int(COOPI_OPEN_CREATE)
#define OPERATION(op, object, ...) coop_items(ARGS(coop_str(op), object, coop_items(ARGS(__VA_ARGS__))))

static void ping_gives_its_arguments_back(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "ping", coop_nil(), ARGS(coop_int(1), coop_items(ARGS(coop_str("x"))))));
    CHECK_RESULT(&m, "[1, ['x']]");
    CHECK_OK(ask(&m, "ping", coop_nil(), NO_ARGS));
    CHECK_RESULT(&m, "[]");
    managed_stop(&m);
}

static void hello_says_who_it_is(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "hello", coop_nil(), NO_ARGS));
    CHECK(coop_any_equal(*coop_any_get(&m.result, coop_str("name")), coop_str("test")));
    CHECK(coop_any_equal(*coop_any_get(&m.result, coop_str("pid")), coop_int(getpid())));
    CHECK(coop_any_equal(*coop_any_get(&m.result, coop_str("version")), coop_int(1)));
    managed_stop(&m);
}

static void open_finds_what_it_made(void)
{
    managed_start(&m);
    CHECK_ERR(ask(&m, "list.open", coop_str("jobs"), NO_ARGS), -ENOENT);
    CHECK_HAS(m.sentence, "jobs");
    CHECK_OK(ask(&m, "list.open", coop_str("jobs"), ARGS(CREATE)));
    int64_t id = m.result.as.integer;
    CHECK_OK(ask(&m, "list.open", coop_str("jobs"), ARGS(CREATE)));
    CHECK_EQ(m.result.as.integer, id);
    CHECK_OK(ask(&m, "list.open", coop_int(id), NO_ARGS));
    CHECK_EQ(m.result.as.integer, id);
    CHECK_OK(ask(&m, "list.append", coop_int(id), ARGS(coop_int(1))));
    CHECK_OK(ask(&m, "list.len", coop_str("jobs"), NO_ARGS));
    CHECK_RESULT(&m, "1");
    managed_stop(&m);
}

static void nameless_objects_are_new_each_time(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "dict.open", coop_nil(), NO_ARGS));
    int64_t id = m.result.as.integer;
    CHECK_OK(ask(&m, "dict.open", coop_nil(), NO_ARGS));
    CHECK(m.result.as.integer != id);
    CHECK_ERR(ask(&m, "list.open", coop_int(id), NO_ARGS), -EINVAL);
    CHECK_ERR(ask(&m, "dict.open", coop_int(id + 1000), NO_ARGS), -ENOENT);
    managed_stop(&m);
}

static void exclusive_open_refuses_what_is_there(void)
{
    coop_any exclusive = coop_int(COOPI_OPEN_CREATE | COOPI_OPEN_EXCLUSIVE);
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("jobs"), ARGS(exclusive)));
    CHECK_ERR(ask(&m, "list.open", coop_str("jobs"), ARGS(exclusive)), -EEXIST);
    CHECK_ERR(ask(&m, "list.open", coop_str("jobs"), ARGS(coop_int(4))), -EINVAL);
    CHECK_ERR(ask(&m, "list.open", coop_str("jobs"), ARGS(coop_str("c"))), -EINVAL);
    managed_stop(&m);
}

static void another_type_is_refused_and_named(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("jobs"), ARGS(CREATE)));
    CHECK_ERR(ask(&m, "dict.open", coop_str("jobs"), ARGS(CREATE)), -EINVAL);
    CHECK_HAS(m.sentence, "list \"jobs\": it is a list, not a dict");
    CHECK_ERR(ask(&m, "dict.len", coop_str("jobs"), NO_ARGS), -EINVAL);
    managed_stop(&m);
}

static void bad_object_names_are_refused(void)
{
    static const char *const names[] = {"", "a.b", "a/b", "1a", "-a", "a b", "\xc3\xa9", "0123456789"};
    char longer[66];
    memset(longer, 'a', sizeof longer);
    managed_start(&m);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_ERR(ask(&m, "list.open", coop_str(names[i]), ARGS(CREATE)), -EINVAL);
        CHECK_HAS(m.sentence, "not a name");
    }
    CHECK_ERR(ask(&m, "list.open", coop_strn(longer, 65), ARGS(CREATE)), -EINVAL);
    CHECK_ERR(ask(&m, "list.open", coop_strn("a\0b", 3), ARGS(CREATE)), -EINVAL);
    CHECK_OK(ask(&m, "list.open", coop_strn(longer, 64), ARGS(CREATE)));
    managed_stop(&m);
}

static void object_list_shows_all_in_order_of_creation(void)
{
    managed_start(&m);
    m.commands.registry.next_id = 5;
    CHECK_OK(ask(&m, "list.open", coop_str("b"), ARGS(CREATE)));
    CHECK_OK(ask(&m, "dict.open", coop_nil(), NO_ARGS));
    CHECK_OK(ask(&m, "list.open", coop_str("a"), ARGS(CREATE)));
    CHECK_OK(ask(&m, "list.append", coop_str("a"), ARGS(coop_int(1))));
    CHECK_OK(ask(&m, "object.list", coop_nil(), NO_ARGS));
    CHECK_RESULT(&m, "[['b', 5, 'list', 0], [None, 6, 'dict', 0], ['a', 7, 'list', 1]]");
    managed_stop(&m);
}

static void removed_object_is_gone_and_its_name_free(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("jobs"), ARGS(CREATE)));
    int64_t id = m.result.as.integer;
    CHECK_OK(ask(&m, "object.remove", coop_str("jobs"), NO_ARGS));
    CHECK_ERR(ask(&m, "object.remove", coop_str("jobs"), NO_ARGS), -ENOENT);
    CHECK_ERR(ask(&m, "list.len", coop_int(id), NO_ARGS), -ENOENT);
    CHECK_OK(ask(&m, "dict.open", coop_str("jobs"), ARGS(CREATE)));
    CHECK(m.result.as.integer != id);
    CHECK_OK(ask(&m, "object.remove", coop_int(m.result.as.integer), NO_ARGS));
    managed_stop(&m);
}

static void ids_differ_between_managers(void)
{
    struct commands other;
    managed_start(&m);
    commands_init(&other, "other");
    CHECK(other.registry.next_id >> 32 != m.commands.registry.next_id >> 32);
    CHECK((int64_t)other.registry.next_id > 0);
    commands_destroy(&other);
    managed_stop(&m);
}

static void unknown_operation_and_wrong_arguments_are_refused(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("l"), ARGS(CREATE)));
    CHECK_ERR(ask(&m, "list.shuffle", coop_str("l"), NO_ARGS), -ENOSYS);
    CHECK_HAS(m.sentence, "\"list.shuffle\"");
    CHECK_ERR(ask(&m, "", coop_nil(), NO_ARGS), -ENOSYS);
    CHECK_ERR(ask(&m, "list.append", coop_str("l"), NO_ARGS), -EINVAL);
    CHECK_HAS(m.sentence, "list.append: it takes 1 arguments, not 0");
    CHECK_ERR(ask(&m, "list.len", coop_str("l"), ARGS(coop_int(1))), -EINVAL);
    CHECK_ERR(ask(&m, "list.pop", coop_str("l"), ARGS(coop_int(1), coop_int(2))), -EINVAL);
    CHECK_ERR(ask(&m, "list.len", coop_nil(), NO_ARGS), -EINVAL);
    CHECK_ERR(ask(&m, "ping", coop_str("l"), NO_ARGS), -EINVAL);
    managed_stop(&m);
}

static void batch_gives_each_operation_its_own_outcome(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("l"), ARGS(CREATE)));
    coop_any append = OPERATION("list.append", coop_str("l"), coop_int(4));
    coop_any bad = OPERATION("list.get", coop_str("l"), coop_int(7));
    coop_any get = OPERATION("list.get", coop_str("l"), coop_int(0));
    CHECK_OK(ask(&m, "batch", coop_nil(), ARGS(append, bad, get, coop_int(3), append)));
    CHECK_EQ(m.result.size, 5);
    CHECK(coop_any_equal(m.result.as.items[0], coop_items(ARGS(coop_str("ok"), coop_nil()))));
    CHECK(coop_any_equal(m.result.as.items[1].as.items[0], coop_str("ERANGE")));
    CHECK(coop_any_equal(m.result.as.items[2], coop_items(ARGS(coop_str("ok"), coop_int(4)))));
    CHECK(coop_any_equal(m.result.as.items[3].as.items[0], coop_str("EBADMSG")));
    CHECK_OK(ask(&m, "list.copy", coop_str("l"), NO_ARGS));
    CHECK_RESULT(&m, "[4, 4]");
    CHECK_OK(ask(&m, "batch", coop_nil(), NO_ARGS));
    CHECK_RESULT(&m, "[]");
    managed_stop(&m);
}

static void batch_in_a_batch_is_refused(void)
{
    managed_start(&m);
    coop_any inner = coop_items(ARGS(coop_str("batch"), coop_nil(), coop_items(NULL, 0)));
    CHECK_OK(ask(&m, "batch", coop_nil(), ARGS(inner)));
    CHECK(coop_any_equal(m.result.as.items[0].as.items[0], coop_str("EINVAL")));
    managed_stop(&m);
}

static void batch_stops_where_its_results_do_not_fit(void)
{
    enum { SIZE = 30 << 20 };
    static char big[SIZE];
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("l"), ARGS(CREATE)));
    for (int i = 0; i < 4; i++) CHECK_OK(ask(&m, "list.append", coop_str("l"), ARGS(coop_bytes(big, sizeof big))));
    coop_any pop = coop_items(ARGS(coop_str("list.pop"), coop_str("l"), coop_items(NULL, 0)));
    coop_any len = coop_items(ARGS(coop_str("list.len"), coop_str("l"), coop_items(NULL, 0)));
    CHECK_OK(ask(&m, "batch", coop_nil(), ARGS(pop, len, pop, pop, len)));
    const coop_any *outcomes = m.result.as.items;
    CHECK_EQ(outcomes[0].as.items[1].size, SIZE);
    CHECK(coop_any_equal(outcomes[1], coop_items(ARGS(coop_str("ok"), coop_int(3)))));
    CHECK(coop_any_equal(outcomes[2].as.items[0], coop_str("ok")));
    CHECK(coop_any_equal(outcomes[3].as.items[0], coop_str("EMSGSIZE")));
    CHECK(coop_any_equal(outcomes[4].as.items[0], coop_str("EMSGSIZE")));
    CHECK_OK(ask(&m, "list.len", coop_str("l"), NO_ARGS));
    CHECK_RESULT(&m, "2");
    managed_stop(&m);
}

static int run_bytes(const void *bytes, size_t size)
{
    coopi_writer_reset(&m.request);
    coopi_write_raw(&m.request, bytes, size);
    return managed_send(&m);
}

static void what_is_no_request_is_answered_with_sequence_0(void)
{
    managed_start(&m);
    CHECK_ERR(run_bytes("", 0), -EBADMSG);
    CHECK_EQ(m.reply.sequence, 0);
    CHECK_ERR(run_bytes("\xc1", 1), -EBADMSG);
    CHECK_ERR(run_bytes("\x90", 1), -EBADMSG);
    CHECK_ERR(run_bytes("\x98\x02\1\1\1\1\1\1\1", 9), -EPROTO);
    CHECK_ERR(run_bytes("\xdd\xff\xff\xff\xff", 5), -EBADMSG);
    CHECK_EQ(m.reply.sequence, 0);
    managed_stop(&m);
}

/* A request to append the bytes to the list, and what comes behind it. */
static int append_bytes(const void *bytes, size_t size, size_t behind)
{
    m.head.sequence++;
    managed_write(&m, "list.append", coop_str("l"), NO_ARGS);
    coopi_writer_cut(&m.request, m.request.len - 1);
    coopi_write_array(&m.request, 1);
    coopi_write_raw(&m.request, bytes, size);
    coopi_write_raw(&m.request, "\0\0\0\0", behind);
    return managed_send(&m);
}

static void values_that_the_protocol_forbids_are_refused(void)
{
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("l"), ARGS(CREATE)));
    CHECK_OK(append_bytes("\xa2\xc3\xa9", 3, 0));
    CHECK_ERR(append_bytes("\xa2\xc3\xc3", 3, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\xa3\xed\xa0\x80", 4, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\xd4\x01\x00", 3, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\xc1", 1, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\x81\x90\x01", 3, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\x81\xcb\x7f\xf8\0\0\0\0\0\0\x01", 11, 0), -EBADMSG);
    CHECK_ERR(append_bytes("\x01", 1, 1), -EBADMSG);
    CHECK_OK(ask(&m, "list.copy", coop_str("l"), NO_ARGS));
    CHECK_RESULT(&m, "['\xc3\xa9']");
    managed_stop(&m);
}

/* Requests with a few bytes changed or cut: whatever the manager makes of them, it stays whole. */
static void damaged_requests_do_no_harm(void)
{
    srand(1);
    managed_start(&m);
    CHECK_OK(ask(&m, "list.open", coop_str("l"), ARGS(CREATE)));
    CHECK_OK(ask(&m, "dict.open", coop_str("d"), ARGS(CREATE)));
    coop_any append = OPERATION("list.append", coop_str("l"), coop_int(4));
    coop_any set = OPERATION("dict.set", coop_str("d"), coop_str("key"), append);
    coop_any incr = OPERATION("dict.incr", coop_str("d"), coop_int(1), coop_float(1), coop_int(3));
    for (int i = 0; i < 50000 / test_slowness(); i++) {
        m.head.sequence++;
        managed_write(&m, "batch", coop_nil(), ARGS(append, set, incr));
        for (int changes = rand() % 4; changes >= 0; changes--)
            m.request.data[(size_t)rand() % m.request.len] = (unsigned char)rand();
        size_t size = rand() % 4 ? m.request.len : (size_t)rand() % m.request.len;
        CHECK_OK(commands_run(&m.commands, m.request.data, size, &m.bytes));
        CHECK_OK(coopi_reply_parse(m.bytes.data, m.bytes.size, &m.reply));
    }
    managed_stop(&m);
}

TESTS(manager_commands, TEST(ping_gives_its_arguments_back), TEST(hello_says_who_it_is), TEST(open_finds_what_it_made),
      TEST(nameless_objects_are_new_each_time), TEST(exclusive_open_refuses_what_is_there),
      TEST(another_type_is_refused_and_named), TEST(bad_object_names_are_refused),
      TEST(object_list_shows_all_in_order_of_creation), TEST(removed_object_is_gone_and_its_name_free),
      TEST(ids_differ_between_managers), TEST(unknown_operation_and_wrong_arguments_are_refused),
      TEST(batch_gives_each_operation_its_own_outcome), TEST(batch_in_a_batch_is_refused),
      TEST(batch_stops_where_its_results_do_not_fit), TEST(what_is_no_request_is_answered_with_sequence_0),
      TEST(values_that_the_protocol_forbids_are_refused), TEST(damaged_requests_do_no_harm))
