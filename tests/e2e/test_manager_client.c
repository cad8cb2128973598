/* SPDX-License-Identifier: MIT */
/* The library's own client and the real coop-manager together. */
#include "harness/sp.h"

#include <coop/dict.h>
#include <coop/list.h>
#include <coop/manager.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

static void kill_manager(struct started *s)
{
    child_kill(s->pid);
    close(s->in);
    close(s->out);
}

static void client_reads_what_a_plain_nanomsg_program_appended(void)
{
    static const char append_3[] = "\x98\x01\xc4\x10\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"
                                   "\x01\x01\x00\xablist.append\xa7numbers\x91\x03";
    struct started s = start_manager("m");
    coop_manager *manager;
    coop_list *list;
    coop_any items;
    CHECK_OK(coop_manager_connect("m", &manager));
    CHECK_OK(coop_list_open(manager, "numbers", COOP_CREATE, &list));
    pid_t pid;
    CHILD(pid) {
        char reply[64];
        int socket = nn_socket(AF_SP, NN_REQ);
        CHECK(nn_connect(socket, coop_manager_address(manager)) >= 0);
        CHECK_EQ(nn_send(socket, append_3, sizeof append_3 - 1, 0), sizeof append_3 - 1);
        CHECK_EQ(nn_recv(socket, reply, sizeof reply, 0), 7);
        nn_close(socket);
    }
    child_must(pid);
    CHECK_OK(coop_list_copy(list, &items));
    CHECK(coop_any_equal(items, coop_items(ARGS(coop_int(3)))));
    coop_any_clear(&items);
    coop_list_close(list);
    coop_manager_close(manager);
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
}

static void client_is_told_when_the_manager_was_killed(void)
{
    struct started s = start_manager("m");
    coop_manager *manager;
    coop_list *list;
    CHECK_OK(coop_manager_connect("m", &manager));
    CHECK_OK(coop_list_open(manager, "l", COOP_CREATE, &list));
    CHECK_OK(coop_list_append(list, coop_int(1)));
    kill_manager(&s);
    int result = coop_list_append(list, coop_int(2));
    CHECK(result == -ECONNREFUSED || result == -EPIPE);
    CHECK_DETAIL("m.sock");
    remove_left("m");
    coop_list_close(list);
    coop_manager_close(manager);
}

struct appender {
    coop_list *list;
    unsigned done; /* atomic */
    int result;
};

static void *append_until_it_fails(void *arg)
{
    struct appender *a = arg;
    do {
        a->result = coop_list_append(a->list, coop_int(1));
        __atomic_fetch_add(&a->done, 1, __ATOMIC_SEQ_CST);
    } while (a->result == 0);
    return NULL;
}

static void client_in_the_middle_of_a_call_is_told_at_once(void)
{
    for (int i = 0; i < 10; i++) {
        struct started s = start_manager("m");
        coop_manager *manager;
        struct appender a = {0};
        pthread_t thread;
        CHECK_OK(coop_manager_connect("m", &manager));
        CHECK_OK(coop_list_open(manager, "l", COOP_CREATE, &a.list));
        CHECK_EQ(pthread_create(&thread, NULL, append_until_it_fails, &a), 0);
        CHECK_SOON(__atomic_load_n(&a.done, __ATOMIC_SEQ_CST) > (unsigned)i * 10);
        kill_manager(&s);
        int64_t killed = test_now();
        pthread_join(thread, NULL);
        CHECK(a.result == -EPIPE || a.result == -ECONNREFUSED);
        CHECK(test_now() - killed < INT64_C(2000000000) * test_slowness());
        remove_left("m");
        coop_list_close(a.list);
        coop_manager_close(manager);
    }
}

static void client_of_a_replaced_manager_is_told_and_goes_on_anew(void)
{
    struct started s = start_manager("m");
    coop_manager *manager;
    coop_dict *dict;
    CHECK_OK(coop_manager_connect("m", &manager));
    CHECK_OK(coop_dict_open(manager, "d", COOP_CREATE, &dict));
    CHECK_OK(coop_dict_set(dict, coop_str("k"), coop_int(1)));
    kill_manager(&s);
    s = start_manager("m");
    int result = coop_dict_set(dict, coop_str("k"), coop_int(2));
    CHECK(result == -ENOENT || result == -ESTALE);
    coop_dict_close(dict);
    CHECK_OK(coop_dict_open(manager, "d", COOP_CREATE, &dict));
    CHECK_OK(coop_dict_set(dict, coop_str("k"), coop_int(3)));
    coop_dict_close(dict);
    coop_manager_close(manager);
    CHECK_EQ(stop_program(&s, SIGTERM), 0);
}

static bool is_gone(const char *name)
{
    return access(manager_path(name), F_OK) < 0;
}

static void started_manager_ends_when_its_program_is_killed(void)
{
    setenv("COOP_MANAGER_PROGRAM", test_program("coop-manager"), 1);
    int *ready = test_shared(sizeof *ready);
    pid_t pid;
    CHILD(pid) {
        coop_manager *manager;
        CHECK_OK(coop_manager_start("m", &manager));
        __atomic_store_n(ready, 1, __ATOMIC_SEQ_CST);
        for (;;) pause();
    }
    CHECK_SOON(__atomic_load_n(ready, __ATOMIC_SEQ_CST));
    check_serves(manager_path("m"));
    child_kill(pid);
    CHECK_SOON(is_gone("m"));
}

static void second_start_of_a_name_is_busy(void)
{
    setenv("COOP_MANAGER_PROGRAM", test_program("coop-manager"), 1);
    coop_manager *first;
    coop_manager *second;
    CHECK_OK(coop_manager_start("m", &first));
    CHECK_ERR(coop_manager_start("m", &second), -EBUSY);
    CHECK_OK(coop_manager_stop(first));
    CHECK(is_gone("m"));
    coop_manager_close(first);
}

TESTS(manager_client, TEST(client_reads_what_a_plain_nanomsg_program_appended),
      TEST(client_is_told_when_the_manager_was_killed), TEST(client_in_the_middle_of_a_call_is_told_at_once),
      TEST(client_of_a_replaced_manager_is_told_and_goes_on_anew),
      TEST(started_manager_ends_when_its_program_is_killed), TEST(second_start_of_a_name_is_busy))
