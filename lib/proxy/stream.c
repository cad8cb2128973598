/* SPDX-License-Identifier: MIT */
/* nanomsg's wire (SP) as the REQ side speaks it, over a plain UNIX stream socket. */
#include "proxy/stream.h"

#include "base/clock.h"
#include "proxy/wire.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define FIRST_CAPACITY ((size_t)4096)
#define KEPT_CAPACITY ((size_t)64 << 10)
#define FRAME_IPC 0x01

static const unsigned char our_greeting[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};   /* REQ */
static const unsigned char their_greeting[8] = {0, 'S', 'P', 0, 0, 0x31, 0, 0}; /* REP */

void coopi_stream_init(struct coopi_stream *s)
{
    *s = (struct coopi_stream){.fd = -1};
}

void coopi_stream_close(struct coopi_stream *s)
{
    int fd = s->fd;
    s->fd = -1; /* first: a child that another thread forks here closes no number that is somebody else's by then */
    if (fd >= 0) close(fd);
    s->len = s->frame = 0;
}

void coopi_stream_free(struct coopi_stream *s)
{
    coopi_stream_close(s);
    free(s->data);
    coopi_stream_init(s);
}

/* The socket's own time-outs spare a poll(2) in each direction: 0 is for ever. */
int coopi_stream_set_patience(struct coopi_stream *s, int64_t timeout)
{
    struct timeval tv = {0};
    if (timeout > 0) {
        int64_t us = timeout / 1000 + 1;
        tv = (struct timeval){.tv_sec = us / 1000000, .tv_usec = us % 1000000};
    }
    if (setsockopt(s->fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) < 0 ||
        setsockopt(s->fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) < 0)
        return -errno;
    s->patience = timeout;
    return 0;
}

/* The words for errors of connect, send and recv. */
static int translated(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR: return -ECONNREFUSED;
    case ECONNRESET:
    case ENOTCONN: return -EPIPE;
    case EPROTOTYPE: return -EPROTO; /* a socket of another kind */
    default: return -error;
    }
}

/* After send or recv failed: 0 to try again without blocking, else what it comes to. The first try may block, as long
 * as the socket's own time-out, and EAGAIN then means that this has passed. */
static int wait_ready(struct coopi_stream *s, int error, bool blocked, short events, int64_t deadline)
{
    if (error == EINTR) return 0;
    if (error != EAGAIN) return translated(error);
    if (blocked) return -ETIMEDOUT;
    struct pollfd p = {.fd = s->fd, .events = events};
    int ready = poll(&p, 1, coopi_poll_ms(deadline));
    if (ready == 0) return -ETIMEDOUT;
    return ready > 0 || errno == EINTR ? 0 : -errno;
}

int coopi_stream_send(struct coopi_stream *s, const void *data, size_t size, int64_t deadline, size_t *ret_sent)
{
    bool block = deadline != 0;
    size_t sent = 0;
    int result = 0;
    while (sent < size && result == 0) {
        ssize_t n = send(s->fd, (const char *)data + sent, size - sent, MSG_NOSIGNAL | (block ? 0 : MSG_DONTWAIT));
        if (n < 0)
            result = wait_ready(s, errno, block, POLLOUT, deadline);
        else
            sent += (size_t)n;
        block = false;
    }
    *ret_sent = sent;
    return result;
}

/* Receives something behind what is there. */
static int receive_some(struct coopi_stream *s, bool block, int64_t deadline)
{
    for (;;) {
        ssize_t n = recv(s->fd, s->data + s->len, s->capacity - s->len, block ? 0 : MSG_DONTWAIT);
        if (n > 0) s->len += (size_t)n;
        if (n > 0) return 0;
        if (n == 0) return -EPIPE;
        int result = wait_ready(s, errno, block, POLLIN, deadline);
        if (result < 0) return result;
        block = false;
    }
}

/* Receives until SIZE bytes are there. */
static int receive_up_to(struct coopi_stream *s, size_t size, int64_t deadline)
{
    if (s->capacity < size) {
        size_t capacity = size < FIRST_CAPACITY ? FIRST_CAPACITY : size;
        unsigned char *data = realloc(s->data, capacity);
        if (!data) return -ENOMEM;
        s->data = data;
        s->capacity = capacity;
    }
    bool block = deadline != 0;
    int result = 0;
    for (; s->len < size && result == 0; block = false) result = receive_some(s, block, deadline);
    return result;
}

/* Forgets the last message; a large buffer with it. */
static void drop_frame(struct coopi_stream *s)
{
    s->len -= s->frame;
    if (s->len) memmove(s->data, s->data + s->frame, s->len);
    s->frame = 0;
    if (s->len == 0 && s->capacity > KEPT_CAPACITY) {
        free(s->data);
        s->data = NULL;
        s->capacity = 0;
    }
}

void coopi_frame_fill(unsigned char *message, size_t size)
{
    uint64_t length = htobe64(size - COOPI_FRAME_HEAD);
    message[0] = FRAME_IPC;
    memcpy(message + 1, &length, sizeof length);
}

int coopi_stream_receive(struct coopi_stream *s, int64_t deadline, const unsigned char **ret_body, size_t *ret_size)
{
    drop_frame(s);
    int result = receive_up_to(s, COOPI_FRAME_HEAD, deadline);
    if (result < 0) return result;
    uint64_t length;
    memcpy(&length, s->data + 1, sizeof length);
    length = be64toh(length);
    if (s->data[0] != FRAME_IPC) return -EPROTO;
    if (length > COOPI_WIRE_MAX) return -EMSGSIZE;
    result = receive_up_to(s, COOPI_FRAME_HEAD + (size_t)length, deadline);
    if (result < 0) return result;
    s->frame = COOPI_FRAME_HEAD + (size_t)length;
    *ret_body = s->data + COOPI_FRAME_HEAD;
    *ret_size = (size_t)length;
    return 0;
}

static int shake_hands(struct coopi_stream *s, int64_t deadline)
{
    size_t sent;
    int result = coopi_stream_send(s, our_greeting, sizeof our_greeting, deadline, &sent);
    if (result < 0 && result != -EPIPE) return result;
    result =
        receive_up_to(s, sizeof their_greeting, deadline); /* also when the other side has hung up: it may say why */
    if (result < 0) return result;
    if (memcmp(s->data, their_greeting, sizeof their_greeting) != 0) return -EPROTO;
    s->frame = sizeof their_greeting;
    return 0;
}

int coopi_stream_open(struct coopi_stream *s, const struct coopi_address *address, int64_t timeout, int64_t deadline)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    memcpy(un.sun_path, address->path, sizeof un.sun_path);
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s->fd < 0) return -errno;
    int result = coopi_stream_set_patience(s, timeout);
    while (result == 0 && connect(s->fd, (const struct sockaddr *)&un, sizeof un) < 0)
        if (errno != EINTR) result = errno == EAGAIN ? -ETIMEDOUT : translated(errno);
    if (result == 0) result = shake_hands(s, deadline);
    if (result < 0) coopi_stream_close(s);
    return result;
}
