/* SPDX-License-Identifier: MIT */
/* The program coop-manager as its clients see it: PROTOCOL.md's bytes, plain nanomsg, many at once, sent again, killed.
 */
#include "harness/sp.h"

#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static struct started manager;

static void begin(struct sp *sp)
{
    manager = start_manager("m");
    sp_open(sp, manager_path("m"));
    CHECK_OK(sp_ask(sp, "list.open", coop_str("numbers"), ARGS(coop_int(COOPI_OPEN_CREATE))));
    CHECK_OK(sp_ask(sp, "dict.open", coop_str("d"), ARGS(coop_int(COOPI_OPEN_CREATE))));
}

static void end(struct sp *sp)
{
    sp_close(sp);
    CHECK_EQ(stop_program(&manager, SIGTERM), 0);
}

static void check_numbers(struct sp *sp, const char *text)
{
    char *found;
    CHECK_OK(sp_ask(sp, "list.copy", coop_str("numbers"), NO_ARGS));
    CHECK_OK(coop_any_format(sp->result, &found));
    CHECK_STR(found, text);
    free(found);
}

/* PROTOCOL.md, "An example": the body behind the request's id. */
#define EXAMPLE                                                                                                        \
    "\x98\x01\xc4\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x01\x01\x00"                     \
    "\xablist.append\xa7numbers\x91\x03"
#define EXAMPLE_REPLY "\x94\x01\x01\xa2ok\xc0"

static void example_of_the_protocol_page_works(void)
{
    static const char frame[] = "\x01\0\0\0\0\0\0\0\x31\x80\0\0\x01" EXAMPLE;
    static const char expected[] = "\x01\0\0\0\0\0\0\0\x0b\x80\0\0\x01" EXAMPLE_REPLY;
    char reply[sizeof expected - 1];
    struct sp sp;
    begin(&sp);
    int fd = sp_socket(manager_path("m"));
    CHECK(sp_write(fd, SP_REQ, 8));
    CHECK(sp_write(fd, frame, sizeof frame - 1));
    char handshake[8];
    CHECK(sp_read(fd, handshake, sizeof handshake));
    CHECK_MEM(handshake, SP_REP, 8);
    CHECK(sp_read(fd, reply, sizeof reply));
    CHECK_MEM(reply, expected, sizeof reply);
    close(fd);
    check_numbers(&sp, "[3]");
    end(&sp);
}

static void plain_nanomsg_program_appends_to_a_list(void)
{
    struct sp sp;
    begin(&sp);
    pid_t pid;
    CHILD(pid) {
        char url[160];
        char reply[64];
        snprintf(url, sizeof url, "ipc://%s", manager_path("m"));
        int s = nn_socket(AF_SP, NN_REQ);
        CHECK(s >= 0 && nn_connect(s, url) >= 0);
        CHECK_EQ(nn_send(s, EXAMPLE, sizeof EXAMPLE - 1, 0), sizeof EXAMPLE - 1);
        CHECK_EQ(nn_recv(s, reply, sizeof reply, 0), sizeof EXAMPLE_REPLY - 1);
        CHECK_MEM(reply, EXAMPLE_REPLY, sizeof EXAMPLE_REPLY - 1);
        nn_close(s);
    }
    child_must(pid);
    check_numbers(&sp, "[3]");
    end(&sp);
}

/* The request's effect is there, its reply was lost with the connection. */
static void request_sent_again_on_a_new_connection_is_not_run_twice(void)
{
    struct sp sp;
    begin(&sp);
    for (int i = 0; i < 50; i++) {
        sp.head.sequence++;
        sp.head.attempt = 0;
        sp_compose(&sp, "list.append", coop_str("numbers"), ARGS(coop_int(i)));
        CHECK(sp_send(&sp, sp.request.data, sp.request.len));
        if (i % 2) test_sleep_ms(1); /* with it the manager has run it, without it maybe not */
        for (int again = 0; again < 2; again++) {
            sp_reopen(&sp, manager_path("m"));
            sp.head.attempt++;
            sp_compose(&sp, "list.append", coop_str("numbers"), ARGS(coop_int(i)));
            int status = sp_repeat(&sp);
            CHECK_EQ(status, 0);
        }
    }
    CHECK_OK(sp_ask(&sp, "list.len", coop_str("numbers"), NO_ARGS));
    CHECK_EQ(sp.result.as.integer, 50);
    end(&sp);
}

static void replaced_manager_does_not_run_a_request_again(void)
{
    struct sp sp;
    begin(&sp);
    CHECK_OK(sp_ask(&sp, "list.append", coop_str("numbers"), ARGS(coop_int(1))));
    child_kill(manager.pid);
    close(manager.in);
    close(manager.out);
    CHECK(!sp_receive(&sp)); /* told: the end of the stream */
    manager = start_manager("m");
    sp_reopen(&sp, manager_path("m"));
    sp.head.attempt++;
    sp_compose(&sp, "list.append", coop_str("numbers"), ARGS(coop_int(1)));
    CHECK_EQ(sp_repeat(&sp), -ESTALE);
    CHECK_EQ(sp_ask(&sp, "list.len", coop_str("numbers"), NO_ARGS), -ENOENT);
    end(&sp);
}

static void many_clients_at_once_lose_nothing(void)
{
    enum { CLIENTS = 12, EACH = 200 };
    struct sp sp;
    pid_t pids[CLIENTS];
    begin(&sp);
    for (int c = 0; c < CLIENTS; c++) {
        CHILD(pids[c]) {
            struct sp mine;
            sp_open(&mine, manager_path("m"));
            for (int i = 0; i < EACH; i++) {
                CHECK_OK(sp_ask(&mine, "dict.incr", coop_str("d"), ARGS(coop_str("n"))));
                CHECK_OK(sp_ask(&mine, "list.append", coop_str("numbers"), ARGS(coop_int(c))));
            }
            sp_close(&mine);
        }
    }
    for (int c = 0; c < CLIENTS; c++) child_must(pids[c]);
    CHECK_OK(sp_ask(&sp, "dict.get", coop_str("d"), ARGS(coop_str("n"))));
    CHECK_EQ(sp.result.as.integer, CLIENTS * EACH);
    CHECK_OK(sp_ask(&sp, "list.len", coop_str("numbers"), NO_ARGS));
    CHECK_EQ(sp.result.as.integer, CLIENTS * EACH);
    end(&sp);
}

/* Increments one key and tells the test after each answer; killed at some point of it. */
static void count_until_killed(unsigned *told)
{
    struct sp mine;
    sp_open(&mine, manager_path("m"));
    for (;;) {
        CHECK_OK(sp_ask(&mine, "dict.incr", coop_str("d"), ARGS(coop_str("n"))));
        __atomic_fetch_add(told, 1, __ATOMIC_SEQ_CST);
    }
}

/* Nothing that a client was told is lost, and each runs at most the one it was not told of. 2,000 with COOP_SOAK set.
 */
static void clients_killed_in_the_middle_of_a_command_do_no_harm(void)
{
    enum { AT_ONCE = 4 };
    unsigned kills = getenv("COOP_SOAK") ? 2000 : 200;
    struct sp sp;
    begin(&sp);
    unsigned *told = test_shared(sizeof *told);
    srand(7);
    for (unsigned k = 0; k < kills; k += AT_ONCE) {
        pid_t pids[AT_ONCE];
        for (int i = 0; i < AT_ONCE; i++) {
            CHILD(pids[i]) {
                count_until_killed(told);
            }
        }
        for (int i = 0; i < AT_ONCE; i++) {
            usleep((useconds_t)(rand() % 3000));
            child_kill(pids[i]);
        }
    }
    CHECK_OK(sp_ask(&sp, "dict.incr", coop_str("d"), ARGS(coop_str("n"), coop_int(0))));
    int64_t counted = sp.result.as.integer;
    CHECK(counted >= *told && counted <= *told + kills);
    end(&sp);
}

static void largest_message_passes_and_a_larger_one_ends_the_connection(void)
{
    enum { MORE = 64 };
    struct sp sp;
    begin(&sp);
    char *text = malloc(COOPI_WIRE_MAX);
    CHECK(text != NULL);
    memset(text, 'x', COOPI_WIRE_MAX);
    sp.head.sequence++;
    sp_compose(&sp, "list.append", coop_str("numbers"), ARGS(coop_nil()));
    size_t around = sp.request.len - 1 + 5 + 4; /* without the nil, with a bin's header, with the id */
    sp_compose(&sp, "list.append", coop_str("numbers"), ARGS(coop_bytes(text, COOPI_WIRE_MAX - around)));
    CHECK_EQ(sp_repeat(&sp), 0);
    CHECK_OK(sp_ask(&sp, "list.get", coop_str("numbers"), ARGS(coop_int(0))));
    CHECK_EQ(sp.result.size, COOPI_WIRE_MAX - around);
    CHECK_EQ(sp_ask(&sp, "list.append", coop_str("numbers"), ARGS(coop_nil())), 0);

    (void)sp_send(&sp, text, COOPI_WIRE_MAX - 3); /* one byte too long with its id */
    CHECK(!sp_receive(&sp));
    check_serves(manager_path("m"));
    free(text);
    end(&sp);
}

TESTS(manager_wire, TEST(example_of_the_protocol_page_works), TEST(plain_nanomsg_program_appends_to_a_list),
      TEST(request_sent_again_on_a_new_connection_is_not_run_twice),
      TEST(replaced_manager_does_not_run_a_request_again), TEST_T(many_clients_at_once_lose_nothing, .seconds = 20),
      TEST_T(clients_killed_in_the_middle_of_a_command_do_no_harm, .seconds = 120),
      TEST_T(largest_message_passes_and_a_larger_one_ends_the_connection, .seconds = 20))
