/* SPDX-License-Identifier: MIT */
/* A server that a test plays itself, in a thread: it greets as a manager does, and then does what the test is about. */
#ifndef UNIT_FAKE_H
#define UNIT_FAKE_H

#include "harness/test.h"
#include "proxy/message.h"
#include "proxy/stream.h"

#include <coop/manager.h>
#include <endian.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A server that runs SERVE in a thread. What it saw of the last request is in the other fields. */
struct fake {
    char path[108];
    char url[120];
    int listener;
    pthread_t thread;
    void (*serve)(struct fake *fake);
    unsigned char id[4];
    struct coopi_request request;
    unsigned char body[1000];
    int counter;
};

static inline void listen_at(struct fake *fake)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    snprintf(fake->path, sizeof fake->path, "%s", test_file("fake.sock"));
    snprintf(fake->url, sizeof fake->url, "ipc://%s", fake->path);
    memcpy(un.sun_path, fake->path, sizeof un.sun_path);
    fake->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fake->listener >= 0);
    CHECK_OK(bind(fake->listener, (struct sockaddr *)&un, sizeof un));
    CHECK_OK(listen(fake->listener, 16));
}

static inline void *run_fake(void *arg)
{
    struct fake *fake = arg;
    fake->serve(fake);
    return NULL;
}

static inline void start_fake(struct fake *fake, void (*serve)(struct fake *))
{
    *fake = (struct fake){.serve = serve};
    listen_at(fake);
    CHECK_EQ(pthread_create(&fake->thread, NULL, run_fake, fake), 0);
}

static inline void end_fake(struct fake *fake)
{
    CHECK_EQ(pthread_join(fake->thread, NULL), 0);
    if (fake->listener >= 0) close(fake->listener);
    unlink(fake->path);
}

static inline void read_exactly(int fd, void *data, size_t size)
{
    CHECK_EQ(recv(fd, data, size, MSG_WAITALL), size);
}

static inline void write_all(int fd, const void *data, size_t size)
{
    CHECK_EQ(send(fd, data, size, MSG_NOSIGNAL), size);
}

static inline int accept_client(struct fake *fake)
{
    char greeting[8];
    int fd = accept(fake->listener, NULL, NULL);
    CHECK(fd >= 0);
    write_all(fd, "\0SP\0\0\x31\0\0", 8);
    read_exactly(fd, greeting, 8);
    CHECK_MEM(greeting, "\0SP\0\0\x30\0\0", 8);
    return fd;
}

static inline void read_request(struct fake *fake, int fd)
{
    unsigned char head[COOPI_FRAME_HEAD];
    uint64_t size;
    read_exactly(fd, head, sizeof head);
    CHECK_EQ(head[0], 1);
    memcpy(&size, head + 1, 8);
    size = be64toh(size) - 4;
    CHECK(size <= sizeof fake->body);
    read_exactly(fd, fake->id, 4);
    CHECK(fake->id[0] & 0x80);
    read_exactly(fd, fake->body, size);
    CHECK_OK(coopi_request_parse(fake->body, size, &fake->request));
}

static inline void send_body(struct fake *fake, int fd, const void *body, size_t size)
{
    unsigned char message[2000];
    memcpy(message + COOPI_FRAME_HEAD, fake->id, 4);
    memcpy(message + COOPI_FRAME_HEAD + 4, body, size);
    coopi_frame_fill(message, COOPI_FRAME_HEAD + 4 + size);
    write_all(fd, message, COOPI_FRAME_HEAD + 4 + size);
}

/* [1, sequence, "ok", number] */
static inline void reply_number(struct fake *fake, int fd, uint64_t number)
{
    struct coopi_writer w;
    coopi_writer_init(&w, 1000);
    coopi_reply_begin(&w, fake->request.sequence);
    coopi_write_uint(&w, number);
    send_body(fake, fd, w.data, w.len);
    coopi_writer_free(&w);
}

/* A client that has said hello and was answered. */
static inline int greeted_client(struct fake *fake)
{
    int fd = accept_client(fake);
    read_request(fake, fd);
    CHECK_MEM(fake->request.command.op, "hello", 5);
    reply_number(fake, fd, 0);
    return fd;
}

/* A whole server: the hello, one request more, and gone. */
static inline void answer(struct fake *fake)
{
    int fd = greeted_client(fake);
    read_request(fake, fd);
    reply_number(fake, fd, 5);
    close(fd);
}

/* Connects and pings; the server plays along with the hello and does something to the ping. */
static inline void check_ping(void (*serve)(struct fake *), int result, const char *detail)
{
    struct fake fake;
    coop_manager *m;
    start_fake(&fake, serve);
    CHECK_OK(coop_manager_connect(fake.url, &m));
    CHECK_ERR(coop_manager_ping(m), result);
    if (result < 0) CHECK_DETAIL(fake.url);
    if (result < 0) CHECK_DETAIL(detail);
    coop_manager_close(m);
    end_fake(&fake);
}

#endif
