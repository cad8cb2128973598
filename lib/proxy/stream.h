/* SPDX-License-Identifier: MIT */
/* nanomsg's wire (SP) as the REQ side speaks it, over a plain UNIX stream socket. */
#ifndef COOPI_STREAM_H
#define COOPI_STREAM_H

#include "proxy/address.h"

/* Bytes of the frame before a message's body. */
#define COOPI_FRAME_HEAD 9

/* One connection. A zeroed stream with fd -1 is a closed one; it keeps its buffer for the next connection.
 *
 * The functions return a bare negative errno, no sentence: the caller knows what for.
 *   -ECONNREFUSED  nobody listens at the path
 *   -EPIPE         the connection ended
 *   -ETIMEDOUT     the deadline passed
 *   -EPROTO        the other side does not speak SP as a REP
 *   -EMSGSIZE      it announced a message over COOPI_WIRE_MAX
 *   -ENOMEM, -EMFILE, ... as the system has them
 * After any failure the stream is to be closed. */
struct coopi_stream {
    int fd;
    int64_t patience; /* what the socket's own time-outs are set to, in nanoseconds */
    unsigned char *data;
    size_t capacity;
    size_t len;   /* bytes received */
    size_t frame; /* how many of them the last message took */
};

void coopi_stream_init(struct coopi_stream *s);
void coopi_stream_close(struct coopi_stream *s); /* the buffer stays */
void coopi_stream_free(struct coopi_stream *s);

/* Connects and shakes hands. TIMEOUT is what a call may take, DEADLINE when this one ends. */
int coopi_stream_open(struct coopi_stream *s, const struct coopi_address *address, int64_t timeout,
                      int64_t deadline) COOP_MUST_CHECK;

/* Lets blocking calls take so long from now on. */
int coopi_stream_set_patience(struct coopi_stream *s, int64_t timeout) COOP_MUST_CHECK;

/* Fills the first COOPI_FRAME_HEAD bytes of a message of SIZE bytes, head included. */
void coopi_frame_fill(unsigned char *message, size_t size);

/* Sends bytes; *ret_sent is how many went out, also on failure. */
int coopi_stream_send(struct coopi_stream *s, const void *data, size_t size, int64_t deadline,
                      size_t *ret_sent) COOP_MUST_CHECK;

/* Receives one whole message; its body (request id included) stays until the next call. */
int coopi_stream_receive(struct coopi_stream *s, int64_t deadline, const unsigned char **ret_body,
                         size_t *ret_size) COOP_MUST_CHECK;

#endif
