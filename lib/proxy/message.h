/* SPDX-License-Identifier: MIT */
/* Requests and replies: the arrays of PROTOCOL.md around operations and results. */
#ifndef COOPI_MESSAGE_H
#define COOPI_MESSAGE_H

#include "proxy/wire.h"

#define COOPI_PROTOCOL_VERSION 1
#define COOPI_SESSION_SIZE 16

/* Flags of the open operations on the wire. */
#define COOPI_OPEN_CREATE 1u
#define COOPI_OPEN_EXCLUSIVE 2u

/* One operation: what a request carries once and a batch many times. Everything borrows from the message. */
struct coopi_command {
    const char *op; /* no NUL behind it */
    size_t op_size;
    coop_any object; /* nil, str (name), or int or uint (id) */
    uint32_t arg_count;
    struct coopi_reader args; /* before the first argument */
};

struct coopi_request {
    unsigned char session[COOPI_SESSION_SIZE];
    uint64_t lane;
    uint64_t sequence;
    uint64_t attempt;
    struct coopi_command command;
};

/* status 0: RESULT stands before the result. Negative: the manager's error, with its sentence. */
struct coopi_reply {
    uint64_t sequence;
    int status;
    struct coopi_reader result;
    const char *sentence; /* no NUL behind it */
    size_t sentence_size;
};

/* Takes a request apart; BODY is the message behind the request id and must stay as long as *ret is used. Scans it
 * first. -EBADMSG, -EMSGSIZE, or -EPROTO for another version of the protocol. */
int coopi_request_parse(const void *body, size_t size, struct coopi_request *ret_request) COOP_MUST_CHECK;

/* The next [op, object, args] of a batch. -EBADMSG if it is none. */
int coopi_command_read(struct coopi_reader *r, struct coopi_command *ret_command) COOP_MUST_CHECK;

/* The same for a reply; an error name that this version does not know becomes -EIO. */
int coopi_reply_parse(const void *body, size_t size, struct coopi_reply *ret_reply) COOP_MUST_CHECK;

/* Everything of a request up to its op; op, object and the args array have to follow. */
void coopi_request_begin(struct coopi_writer *w, const struct coopi_request *head);

/* [1, sequence, "ok", and the result has to follow. */
void coopi_reply_begin(struct coopi_writer *w, uint64_t sequence);

/* A whole error reply: ERROR is a negative errno. */
void coopi_reply_error(struct coopi_writer *w, uint64_t sequence, int error, const char *sentence);

/* Error names on the wire. An errno without a name travels as "EIO". */
const char *coopi_error_name(int error);                  /* of a negative errno */
int coopi_error_from_name(const char *name, size_t size); /* a negative errno; -EIO if unknown */

#endif
