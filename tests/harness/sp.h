/* SPDX-License-Identifier: MIT */
/* A client of a manager written from PROTOCOL.md's bytes: a plain socket, so that tests can also do what no honest
 * client does. And managers to talk to. */
#ifndef HARNESS_SP_H
#define HARNESS_SP_H

#include "harness/args.h"
#include "harness/test.h"
#include "proxy/message.h"

/* The path of a named manager's socket; four at a time. */
const char *manager_path(const char *name);

/* Starts a manager and waits until it says that it is ready. */
struct started start_manager(const char *name);

/* For managers that were killed: they leave their socket and lock. */
void remove_left(const char *name);

/* The handshakes of the two sides. */
#define SP_REQ "\0SP\0\0\x30\0\0"
#define SP_REP "\0SP\0\0\x31\0\0"

struct sp {
    int fd;
    uint32_t id; /* of the last message sent */
    struct coopi_request head;
    struct coopi_writer request;
    unsigned char *body; /* of the last message received, behind its id */
    size_t size;
    struct coopi_reply reply;
    coop_any result;
};

/* A connected socket on which nothing was said. It waits 5 s at most for the other side, longer under sanitizers. */
int sp_socket(const char *path);

/* Both move all the bytes. False: the other side hung up, or its time is over. */
bool sp_write(int fd, const void *bytes, size_t size);
bool sp_read(int fd, void *bytes, size_t size);

/* A client with a session of its own, connected and past the handshake; and the same client on a new connection. */
void sp_open(struct sp *sp, const char *path);
void sp_reopen(struct sp *sp, const char *path);
void sp_close(struct sp *sp);

/* One message each: sends a body under a new id; receives one with that id. False if the other side hung up. */
bool sp_send(struct sp *sp, const void *body, size_t size);
bool sp_receive(struct sp *sp);

/* Asks the manager to run an operation, under the lane's next sequence. The status that it answers, with sp->result;
 * -EPIPE if it hung up. */
int sp_ask(struct sp *sp, const char *op, coop_any object, const coop_any *args, size_t count);

/* The steps of sp_ask(): writes sp->request from sp->head as it stands, sends it (also again and again), and takes the
 * answer in. */
void sp_compose(struct sp *sp, const char *op, coop_any object, const coop_any *args, size_t count);
int sp_repeat(struct sp *sp);
int sp_answer(struct sp *sp);

/* That the manager serves: a new client makes, fills and reads a list. */
void check_serves(const char *path);

#endif
