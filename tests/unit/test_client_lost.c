/* SPDX-License-Identifier: MIT */
/* The client when connections break and managers die; in forked children and in several threads. */
#include "unit/fake.h"

static void die_unanswered(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    close(fake->listener);
    fake->listener = -1;
    close(fd);
}

static void die_within_the_answer(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    close(fake->listener);
    fake->listener = -1;
    write_all(fd, "\x01\0\0\0\0\0\0\0\x0b___", 12);
    close(fd);
}

static void a_manager_that_dies_before_answering_is_told_at_once(void)
{
    int64_t began = test_now();
    check_ping(die_unanswered, -EPIPE, "ended before it answered ping");
    check_ping(die_within_the_answer, -EPIPE, "ended before it answered ping");
    CHECK(test_now() - began < COOP_S(5));
}

static void die_idle(struct fake *fake)
{
    int fd = greeted_client(fake);
    close(fake->listener);
    fake->listener = -1;
    close(fd);
}

/* Nothing of the request was sent, so it was not done: another answer than above. */
static void a_manager_that_died_before_the_call_is_absent(void)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, die_idle);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    end_fake(&fake);
    CHECK_ERR(coop_manager_ping(m), -ECONNREFUSED);
    CHECK_ERR(coop_manager_ping(m), -ECONNREFUSED);
    coop_manager_close(m);
}

static void hang_up_always(struct fake *fake)
{
    close(greeted_client(fake));
    for (;;) {
        int fd = accept(fake->listener, NULL, NULL);
        if (fd < 0) return;
        close(fd);
    }
}

static void a_server_that_always_hangs_up_is_given_up(void)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, hang_up_always);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_ERR(coop_manager_ping(m), -EPIPE);
    coop_manager_close(m);
    shutdown(fake.listener, SHUT_RDWR);
    end_fake(&fake);
}

/* Loses the first connection after the request, and answers it on the second one. */
static void lose_a_connection(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    struct coopi_request first = fake->request;
    close(fd);
    fd = accept_client(fake);
    read_request(fake, fd);
    CHECK_EQ(first.attempt, 0);
    CHECK_EQ(fake->request.attempt, 1);
    CHECK_EQ(fake->request.sequence, first.sequence);
    CHECK_EQ(fake->request.lane, first.lane);
    CHECK_MEM(fake->request.session, first.session, COOPI_SESSION_SIZE);
    reply_number(fake, fd, 5);
    close(fd);
}

static void a_lost_request_is_sent_again_with_its_sequence(void)
{
    check_ping(lose_a_connection, 0, "");
}

/* Closes the idle connection: whether the next request's first bytes still go out or not is the kernel's affair. */
static void close_idle(struct fake *fake)
{
    shutdown(greeted_client(fake), SHUT_RDWR);
    int fd = accept_client(fake);
    read_request(fake, fd);
    CHECK_EQ(fake->request.sequence, 2);
    reply_number(fake, fd, 5);
    close(fd);
}

static void a_connection_lost_while_idle_is_made_anew(void)
{
    check_ping(close_idle, 0, "");
}

/* Serves two connections at once: the parent's, and the child's, which comes with a session of its own. */
static void serve_parent_and_child(struct fake *fake)
{
    unsigned char session[COOPI_SESSION_SIZE];
    int parent = greeted_client(fake);
    memcpy(session, fake->request.session, sizeof session);
    int child = accept_client(fake);
    char byte;
    read_request(fake, child);
    CHECK_EQ(recv(parent, &byte, 1, MSG_DONTWAIT), -1);
    CHECK(memcmp(session, fake->request.session, sizeof session) != 0);
    CHECK_EQ(fake->request.sequence, 1);
    reply_number(fake, child, 0);
    CHECK_EQ(recv(child, &byte, 1, 0), 0);
    close(child);
    read_request(fake, parent);
    CHECK_MEM(session, fake->request.session, sizeof session);
    CHECK_EQ(fake->request.sequence, 2);
    reply_number(fake, parent, 0);
    close(parent);
}

static void a_forked_child_is_a_client_of_its_own(void)
{
    struct fake fake;
    coop_manager *m;
    pid_t pid;
    start_fake(&fake, serve_parent_and_child);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHILD(pid) {
        CHECK_OK(coop_manager_ping(m));
        coop_manager_close(m);
    }
    child_must(pid);
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
    end_fake(&fake);
}

/* A child that closes the handle without ever having used it does not disturb the parent. */
static void a_forked_child_may_just_close(void)
{
    struct fake fake;
    coop_manager *m;
    pid_t pid;
    start_fake(&fake, answer);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHILD(pid) coop_manager_close(m);
    child_must(pid);
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
    end_fake(&fake);
}

static void serve_two_threads(struct fake *fake)
{
    char byte;
    int first = greeted_client(fake);
    uint64_t lane = fake->request.lane;
    int second = accept_client(fake);
    read_request(fake, second);
    CHECK(fake->request.lane != lane);
    reply_number(fake, second, 0);
    CHECK_EQ(recv(second, &byte, 1, 0), 0); /* the thread has ended */
    close(second);
    int third = accept_client(fake);
    read_request(fake, third);
    CHECK_EQ(fake->request.lane, 3);
    CHECK_EQ(fake->request.sequence, 1);
    reply_number(fake, third, 0);
    CHECK_EQ(recv(third, &byte, 1, 0), 0);
    close(third);
    close(first);
}

static void *ping_in_thread(void *manager)
{
    CHECK_OK(coop_manager_ping(manager));
    return NULL;
}

static void each_thread_has_a_lane_that_ends_with_it(void)
{
    struct fake fake;
    coop_manager *m;
    pthread_t thread;
    start_fake(&fake, serve_two_threads);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(pthread_create(&thread, NULL, ping_in_thread, m), 0);
        CHECK_EQ(pthread_join(thread, NULL), 0);
    }
    end_fake(&fake);
    coop_manager_close(m);
}

TESTS(client_lost, TEST(a_manager_that_dies_before_answering_is_told_at_once),
      TEST(a_manager_that_died_before_the_call_is_absent), TEST(a_server_that_always_hangs_up_is_given_up),
      TEST(a_lost_request_is_sent_again_with_its_sequence), TEST(a_connection_lost_while_idle_is_made_anew),
      TEST(a_forked_child_is_a_client_of_its_own), TEST(a_forked_child_may_just_close),
      TEST(each_thread_has_a_lane_that_ends_with_it))
