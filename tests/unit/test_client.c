/* SPDX-License-Identifier: MIT */
/* The client against servers that are absent, unsafe, of another kind, silent or talk nonsense; and against nanomsg's
 * own REP socket. */
#include "unit/fake.h"

#include <coop/list.h>
#include <nanomsg/nn.h>
#include <nanomsg/reqrep.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>

static void check_no_connection(const char *address, int result, const char *detail)
{
    coop_manager *m = NULL;
    CHECK_ERR(coop_manager_connect(address, &m), result);
    CHECK_DETAIL(detail);
    CHECK(m == NULL);
}

static void an_absent_manager_is_named_with_the_cure(void)
{
    char url[120];
    snprintf(url, sizeof url, "ipc://%s", test_file("absent.sock"));
    check_no_connection(url, -ECONNREFUSED, "absent.sock: no manager answers there; start coop-manager");
    check_no_connection(test_name("absent"), -ECONNREFUSED, "no manager answers there");
    check_no_connection("bad name", -EINVAL, "bad name");
}

static void a_dead_managers_socket_counts_as_absent(void)
{
    struct fake fake = {0};
    listen_at(&fake);
    close(fake.listener);
    check_no_connection(fake.url, -ECONNREFUSED, "no manager answers");
    unlink(fake.path);
    fclose(fopen(fake.path, "w"));
    check_no_connection(fake.url, -ECONNREFUSED, "no manager answers");
    unlink(fake.path);
}

static void an_unsafe_directory_is_refused(void)
{
    const char *runtime = test_file("open");
    char directory[4200];
    CHECK_OK(mkdir(runtime, 0700));
    snprintf(directory, sizeof directory, "%s/coop", runtime);
    CHECK_OK(mkdir(directory, 0700));
    CHECK_OK(chmod(directory, 0777));
    CHECK_OK(setenv("XDG_RUNTIME_DIR", runtime, 1));
    check_no_connection("bank", -EPERM, "0777");
}

static void greet_as_publisher(struct fake *fake)
{
    int fd = accept(fake->listener, NULL, NULL);
    write_all(fd, "\0SP\0\0\x20\0\0", 8);
    close(fd);
}

static void greet_as_something_else(struct fake *fake)
{
    int fd = accept(fake->listener, NULL, NULL);
    write_all(fd, "-ERR unknown command\r\n", 22);
    close(fd);
}

static void a_server_of_another_kind_is_refused(void)
{
    struct fake fake;
    start_fake(&fake, greet_as_publisher);
    check_no_connection(fake.url, -EPROTO, "does not speak a manager's protocol");
    end_fake(&fake);
    start_fake(&fake, greet_as_something_else);
    check_no_connection(fake.url, -EPROTO, "does not speak a manager's protocol");
    end_fake(&fake);
}

static void a_datagram_socket_is_refused(void)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char url[120];
    snprintf(un.sun_path, sizeof un.sun_path, "%s", test_file("datagram.sock"));
    snprintf(url, sizeof url, "ipc://%s", un.sun_path);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_OK(bind(fd, (struct sockaddr *)&un, sizeof un));
    check_no_connection(url, -EPROTO, "protocol");
    close(fd);
}

static void answer_in_drops(struct fake *fake)
{
    static const char bytes[] = "\x01\0\0\0\0\0\0\0\x0b____\x94\x01\x02\xa2ok\xc0";
    char reply[sizeof bytes];
    int fd = greeted_client(fake);
    read_request(fake, fd);
    memcpy(reply, bytes, sizeof bytes);
    memcpy(reply + COOPI_FRAME_HEAD, fake->id, 4);
    for (size_t i = 0; i < sizeof bytes - 1; i++) {
        write_all(fd, &reply[i], 1);
        test_sleep_ms(1);
    }
    close(fd);
}

static void an_answer_may_come_in_drops(void)
{
    check_ping(answer, 0, "");
    check_ping(answer_in_drops, 0, "");
}

static void send_wrong_frame_type(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    write_all(fd, "\x02\0\0\0\0\0\0\0\x04____", 13);
    close(fd);
}

static void send_wrong_id(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    fake->id[3] ^= 1;
    reply_number(fake, fd, 5);
    close(fd);
}

static void send_wrong_sequence(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    fake->request.sequence++;
    reply_number(fake, fd, 5);
    close(fd);
}

static void send_garbage(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    send_body(fake, fd, "\xdd\xff\xff\xff\xff\xff", 6);
    close(fd);
}

static void send_nothing_in_a_frame(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    write_all(fd, "\x01\0\0\0\0\0\0\0\0", 9);
    close(fd);
}

static void send_version_2(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    send_body(fake, fd, "\x94\x02\x02\xa2ok\xc0", 7);
    close(fd);
}

static void nonsense_is_a_protocol_error(void)
{
    static void (*const servers[])(struct fake *) = {send_wrong_frame_type,   send_wrong_id,
                                                     send_wrong_sequence,     send_garbage,
                                                     send_nothing_in_a_frame, send_version_2};
    for (size_t i = 0; i < sizeof servers / sizeof *servers; i++)
        check_ping(servers[i], -EPROTO, "does not speak a manager's protocol");
}

static void announce_too_much(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    write_all(fd, "\x01\0\0\x01\0\0\0\0\0", 9);
    close(fd);
}

static void an_oversized_answer_is_refused(void)
{
    check_ping(announce_too_much, -EMSGSIZE, "larger than 64 MiB");
}

static void refuse(struct fake *fake)
{
    static const char reply[] = "\x94\x01\x02\xa6"
                                "ESTALE\xa8no\x1b[1mit";
    int fd = greeted_client(fake);
    read_request(fake, fd);
    send_body(fake, fd, reply, sizeof reply - 1);
    close(fd);
}

static void the_managers_sentence_comes_without_control_characters(void)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, refuse);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_ERR(coop_manager_ping(m), -ESTALE);
    CHECK_DETAIL("no?[1mit");
    coop_manager_close(m);
    end_fake(&fake);
}

/* Leaves the ping unanswered, then takes the next request on a new connection. */
static void be_slow(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    int next = accept_client(fake);
    read_request(fake, next);
    fake->counter = (int)fake->request.sequence;
    reply_number(fake, next, 0);
    close(next);
    close(fd);
}

static void silence_ends_with_the_time_out(void)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, be_slow);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    coop_manager_set_timeout(m, COOP_MS(50));
    int64_t began = test_now();
    CHECK_ERR(coop_manager_ping(m), -ETIMEDOUT);
    CHECK_DETAIL("no answer to ping in time");
    CHECK(test_now() - began >= COOP_MS(49));
    CHECK(test_now() - began < COOP_S(2) * test_slowness());
    coop_manager_set_timeout(m, COOP_FOREVER);
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
    end_fake(&fake);
    CHECK_EQ(fake.counter, 3);
}

static void without_patience_a_call_does_not_wait(void)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, be_slow);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    coop_manager_set_timeout(m, COOP_NOWAIT);
    CHECK_ERR(coop_manager_ping(m), -ETIMEDOUT);
    coop_manager_set_timeout(m, COOP_S(10));
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
    end_fake(&fake);
}

static volatile sig_atomic_t signals_seen;

static void count_signal(int number)
{
    (void)number;
    signals_seen++;
}

static void answer_after_a_while(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    test_sleep_ms(100);
    reply_number(fake, fd, 5);
    close(fd);
}

/* The handler stays with this thread, which waits; SA_RESTART is not set. */
static void signals_do_not_end_a_call(void)
{
    struct sigaction action = {.sa_handler = count_signal};
    struct itimerval storm = {.it_interval = {.tv_usec = 1000}, .it_value = {.tv_usec = 1000}}, calm = {0};
    CHECK_OK(sigaction(SIGALRM, &action, NULL));
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    struct fake fake;
    coop_manager *m;
    pthread_sigmask(SIG_BLOCK, &alarms, NULL);
    start_fake(&fake, answer_after_a_while);
    pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_OK(setitimer(ITIMER_REAL, &storm, NULL));
    CHECK_OK(coop_manager_ping(m));
    CHECK_OK(setitimer(ITIMER_REAL, &calm, NULL));
    CHECK(signals_seen > 0);
    coop_manager_close(m);
    end_fake(&fake);
}

/* Opens list 7, and then answers pings (with 0 as their sequence would be an error) until the client goes. */
static void serve_a_list(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    reply_number(fake, fd, 7);
    read_request(fake, fd);
    reply_number(fake, fd, 0);
    close(fd);
}

static void a_request_that_is_too_large_is_not_sent(void)
{
    struct fake fake;
    coop_manager *m;
    coop_list *list;
    start_fake(&fake, serve_a_list);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_OK(coop_list_open(m, "x", 0, &list));
    char *huge = calloc(1, COOPI_WIRE_MAX);
    CHECK_ERR(coop_list_append(list, coop_bytes(huge, COOPI_WIRE_MAX)), -EMSGSIZE);
    CHECK_ERR(coop_list_append(list, coop_str("\xff")), -EINVAL);
    CHECK_DETAIL("not UTF-8");
    free(huge);
    CHECK_OK(coop_list_append(list, coop_nil()));
    coop_list_close(list);
    coop_manager_close(m);
    end_fake(&fake);
}

static void an_answer_of_the_wrong_type_is_a_protocol_error(void)
{
    struct fake fake;
    coop_manager *m;
    coop_list *list;
    coop_any value = coop_int(3);
    start_fake(&fake, serve_a_list);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_OK(coop_list_open(m, "x", 0, &list));
    CHECK_ERR(coop_list_copy(list, &value), -EPROTO);
    CHECK_DETAIL("wrong type");
    CHECK_EQ(value.as.integer, 3);
    coop_list_close(list);
    coop_manager_close(m);
    end_fake(&fake);
}

/* nanomsg's REP socket in a process of its own, answering what a manager would: nil, or 42 to a list.len. */
static void serve_by_nanomsg(const char *url, int requests)
{
    int s = nn_socket(AF_SP, NN_REP);
    CHECK(s >= 0 && nn_bind(s, url) >= 0);
    for (int i = 0; i < requests; i++) {
        unsigned char *body = NULL;
        int size = nn_recv(s, &body, NN_MSG, 0);
        struct coopi_request request;
        struct coopi_writer w;
        CHECK(size > 0);
        CHECK_OK(coopi_request_parse(body, (size_t)size, &request));
        coopi_writer_init(&w, 1000);
        coopi_reply_begin(&w, request.sequence);
        coopi_write_uint(&w, 42);
        CHECK_EQ(nn_send(s, w.data, w.len, 0), w.len);
        coopi_writer_free(&w);
        nn_freemsg(body);
    }
    test_sleep_ms(100); /* nn_close() does not wait for what was sent */
    nn_close(s);
}

static void a_plain_nanomsg_rep_server_answers_it(void)
{
    char url[120];
    coop_manager *m = NULL;
    coop_list *list;
    size_t len = 0;
    pid_t pid;
    snprintf(url, sizeof url, "ipc://%s", test_file("rep.sock"));
    CHILD(pid) serve_by_nanomsg(url, 3 + 100);
    CHECK_SOON(coop_manager_connect(url, &m) == 0);
    CHECK_OK(coop_list_open(m, "numbers", COOP_CREATE, &list));
    for (int i = 0; i < 100; i++) CHECK_OK(coop_list_append(list, coop_int(i)));
    CHECK_OK(coop_list_len(list, &len));
    CHECK_EQ(len, 42);
    coop_list_close(list);
    coop_manager_close(m);
    child_must(pid);
}

TESTS(client, TEST(an_absent_manager_is_named_with_the_cure), TEST(a_dead_managers_socket_counts_as_absent),
      TEST(an_unsafe_directory_is_refused), TEST(a_server_of_another_kind_is_refused),
      TEST(a_datagram_socket_is_refused), TEST(an_answer_may_come_in_drops), TEST(nonsense_is_a_protocol_error),
      TEST(an_oversized_answer_is_refused), TEST(the_managers_sentence_comes_without_control_characters),
      TEST(silence_ends_with_the_time_out), TEST(without_patience_a_call_does_not_wait),
      TEST(signals_do_not_end_a_call), TEST(a_request_that_is_too_large_is_not_sent),
      TEST(an_answer_of_the_wrong_type_is_a_protocol_error), TEST(a_plain_nanomsg_rep_server_answers_it))
