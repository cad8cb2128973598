/* SPDX-License-Identifier: MIT */
/* A client of a manager written from PROTOCOL.md's bytes, and managers to talk to. */
#include "harness/sp.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

const char *manager_path(const char *name)
{
    static char paths[4][108];
    static unsigned next;
    char *path = paths[next++ % 4];
    int length = snprintf(path, sizeof paths[0], "%s/coop/%s.sock", getenv("XDG_RUNTIME_DIR"), name);
    CHECK(length < (int)sizeof paths[0]);
    return path;
}

struct started start_manager(const char *name)
{
    struct started s = START("coop-manager", "--name", name);
    char ready[160];
    snprintf(ready, sizeof ready, "coop-manager: ready at ipc://%s", manager_path(name));
    CHECK_STR(read_line(&s), ready);
    return s;
}

void remove_left(const char *name)
{
    char lock[120];
    snprintf(lock, sizeof lock, "%s.lock", manager_path(name));
    unlink(manager_path(name));
    unlink(lock);
}

int sp_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0);
    struct timeval limit = {.tv_sec = 5L * test_slowness()};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    CHECK_EQ(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

bool sp_write(int fd, const void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = send(fd, (const char *)bytes + done, size - done, MSG_NOSIGNAL);
        if (n < 0) return false;
        done += (size_t)n;
    }
    return true;
}

bool sp_read(int fd, void *bytes, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t n = recv(fd, (char *)bytes + done, size - done, 0);
        if (n <= 0) return false;
        done += (size_t)n;
    }
    return true;
}

static void shake_hands(struct sp *sp, const char *path)
{
    char theirs[8];
    sp->fd = sp_socket(path);
    CHECK(sp_write(sp->fd, SP_REQ, 8));
    CHECK(sp_read(sp->fd, theirs, 8));
    CHECK_MEM(theirs, SP_REP, 8);
}

void sp_open(struct sp *sp, const char *path)
{
    *sp = (struct sp){.id = 0x80000000, .head.lane = 1, .result = coop_nil()};
    FILE *random = fopen("/dev/urandom", "re");
    CHECK(random && fread(sp->head.session, sizeof sp->head.session, 1, random) == 1);
    fclose(random);
    coopi_writer_init(&sp->request, COOPI_WIRE_MAX);
    shake_hands(sp, path);
}

void sp_reopen(struct sp *sp, const char *path)
{
    close(sp->fd);
    shake_hands(sp, path);
}

void sp_close(struct sp *sp)
{
    close(sp->fd);
    free(sp->body);
    coop_any_clear(&sp->result);
    coopi_writer_free(&sp->request);
}

bool sp_send(struct sp *sp, const void *body, size_t size)
{
    unsigned char head[13] = {1};
    uint64_t length = htobe64(size + 4);
    uint32_t id = htobe32(++sp->id);
    memcpy(head + 1, &length, 8);
    memcpy(head + 9, &id, 4);
    return sp_write(sp->fd, head, sizeof head) && sp_write(sp->fd, body, size);
}

bool sp_receive(struct sp *sp)
{
    unsigned char head[13];
    uint64_t length;
    uint32_t id;
    if (!sp_read(sp->fd, head, sizeof head)) return false;
    memcpy(&length, head + 1, 8);
    memcpy(&id, head + 9, 4);
    CHECK_EQ(head[0], 1);
    CHECK_EQ(be32toh(id), sp->id);
    sp->size = be64toh(length) - 4;
    free(sp->body);
    sp->body = malloc(sp->size + 1);
    return sp_read(sp->fd, sp->body, sp->size);
}

void sp_compose(struct sp *sp, const char *op, coop_any object, const coop_any *args, size_t count)
{
    coopi_writer_reset(&sp->request);
    coopi_request_begin(&sp->request, &sp->head);
    coopi_write_str(&sp->request, op, strlen(op));
    coopi_write_any(&sp->request, &object);
    coopi_write_array(&sp->request, (uint32_t)count);
    for (size_t i = 0; i < count; i++) coopi_write_any(&sp->request, &args[i]);
    CHECK_OK(coopi_writer_status(&sp->request));
}

int sp_answer(struct sp *sp)
{
    struct coopi_reply reply;
    coop_any result = coop_nil();
    if (!sp_receive(sp)) return -EPIPE;
    CHECK_OK(coopi_reply_parse(sp->body, sp->size, &reply));
    if (reply.status == 0) CHECK_OK(coopi_read_any(&reply.result, &result));
    coop_any_clear(&sp->result);
    sp->reply = reply;
    sp->result = result;
    return reply.status;
}

int sp_repeat(struct sp *sp)
{
    return sp_send(sp, sp->request.data, sp->request.len) ? sp_answer(sp) : -EPIPE;
}

int sp_ask(struct sp *sp, const char *op, coop_any object, const coop_any *args, size_t count)
{
    sp->head.sequence++;
    sp->head.attempt = 0;
    sp_compose(sp, op, object, args, count);
    return sp_repeat(sp);
}

void check_serves(const char *path)
{
    struct sp sp;
    sp_open(&sp, path);
    CHECK_OK(sp_ask(&sp, "list.open", coop_nil(), NO_ARGS));
    coop_any list = coop_int(sp.result.as.integer);
    CHECK_OK(sp_ask(&sp, "list.append", list, ARGS(coop_str("x"))));
    CHECK_OK(sp_ask(&sp, "list.pop", list, NO_ARGS));
    CHECK(coop_any_equal(sp.result, coop_str("x")));
    CHECK_OK(sp_ask(&sp, "object.remove", list, NO_ARGS));
    sp_close(&sp);
}
