/* SPDX-License-Identifier: MIT */
/* Requests to a manager: sent, answered, and sent again when a connection breaks. */
#include "proxy/client.h"

#include "base/atomic.h"
#include "base/clock.h"
#include "base/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TIMEOUT COOP_S(30)
#define MAX_ATTEMPTS 16
#define ID_SIZE 4
#define ID_TOP 0x80000000u

/* A request on its way. DELIVERED: bytes of it have gone out, so the manager may have done it. */
struct exchange {
    coop_manager *manager;
    const char *op;
    struct coopi_lane *lane;
    size_t attempt_at; /* where the attempt stands in the message: one byte */
    unsigned attempt;
    int64_t timeout;
    int64_t deadline;
    bool delivered;
};

int coopi_manager_new(const struct coopi_address *address, coop_manager **ret_manager)
{
    coop_manager *m = calloc(1, sizeof *m);
    if (!m) return coopi_fail(ENOMEM, "%s: no memory for a handle", address->url);
    m->address = *address;
    m->timeout = DEFAULT_TIMEOUT;
    m->pidfd = -1;
    int result = coopi_lanes_begin(m);
    if (result < 0)
        free(m);
    else
        *ret_manager = m;
    return result;
}

void coopi_manager_free(coop_manager *m)
{
    coopi_lanes_end(m);
    free(m);
}

static uint32_t request_id(const struct coopi_lane *lane)
{
    return htonl(ID_TOP | (uint32_t)lane->sequence);
}

/* Writes the whole frame: head, request id, request. */
static int encode(struct exchange *x, const struct coopi_call *call)
{
    struct coopi_lane *lane = x->lane;
    struct coopi_writer *w = &lane->out;
    struct coopi_request head = {.lane = lane->number, .sequence = lane->sequence};
    memcpy(head.session, x->manager->session, sizeof head.session);
    uint32_t id = request_id(lane);

    coopi_writer_reset(w);
    coopi_write_raw(w, (unsigned char[COOPI_FRAME_HEAD]){0}, COOPI_FRAME_HEAD);
    coopi_write_raw(w, &id, ID_SIZE);
    coopi_request_begin(w, &head);
    x->attempt_at = w->len - 1; /* small numbers are one byte in msgpack */
    coopi_write_str(w, call->op, strlen(call->op));
    coopi_write_any(w, &call->object);
    coopi_write_array(w, call->arg_count);
    if (call->packed)
        coopi_write_raw(w, call->packed->data, call->packed->len);
    else
        for (uint32_t i = 0; i < call->arg_count; i++) coopi_write_any(w, &call->args[i]);
    int result = coopi_writer_status(w);
    if (result == -EMSGSIZE)
        return coopi_fail(EMSGSIZE,
                          "%s: the values given to %s are larger than %zu MiB together; pass them in several calls",
                          x->manager->address.url, call->op, COOPI_WIRE_MAX >> 20);
    if (result == 0) coopi_frame_fill(w->data, w->len);
    return result;
}

/* Sends the request over the lane's connection, which is made if there is none, and receives one message. */
static int attempt(struct exchange *x, const unsigned char **ret_body, size_t *ret_size)
{
    struct coopi_stream *s = &x->lane->stream;
    struct coopi_writer *w = &x->lane->out;
    int result = 0;
    if (s->fd < 0)
        result = coopi_stream_open(s, &x->manager->address, x->timeout, x->deadline);
    else if (s->patience != x->timeout)
        result = coopi_stream_set_patience(s, x->timeout);
    if (result < 0) return result;

    size_t sent;
    w->data[x->attempt_at] = (unsigned char)x->attempt;
    result = coopi_stream_send(s, w->data, w->len, x->deadline, &sent);
    if (sent > 0) {
        x->delivered = true;
        x->attempt++;
    }
    return result < 0 ? result : coopi_stream_receive(s, x->deadline, ret_body, ret_size);
}

/* Attempts until an answer is there or there will be none. The manager answers what it has done before from memory. */
static int converse(struct exchange *x, const unsigned char **ret_body, size_t *ret_size)
{
    int result = -EPIPE;
    for (int i = 0; i < MAX_ATTEMPTS && result == -EPIPE; i++) {
        result = attempt(x, ret_body, ret_size);
        if (result < 0) coopi_stream_close(&x->lane->stream);
    }
    return result;
}

/* The sentence for what a stream could not do. */
static int explain(const struct exchange *x, int error)
{
    const char *url = x->manager->address.url, *op = x->op;
    switch (error) {
    case -EPIPE:
    case -ECONNREFUSED:
        if (x->delivered)
            return coopi_fail(EPIPE,
                              "%s: the manager ended before it answered %s, which it may have done or not; start "
                              "it anew and open its objects again",
                              url, op);
        if (error == -EPIPE)
            return coopi_fail(
                EPIPE, "%s: the manager closed the connection before %s was sent; see whether it still runs", url, op);
        return coopi_fail(ECONNREFUSED, "%s: no manager answers there; start coop-manager, or name another address",
                          url);
    case -ETIMEDOUT:
        return coopi_fail(ETIMEDOUT,
                          "%s: no answer to %s in time, and it may be done or not; see whether the manager is "
                          "stopped, or allow more by coop_manager_set_timeout()",
                          url, op);
    case -EPROTO:
        return coopi_fail(EPROTO, "%s: what answers there does not speak a manager's protocol; name another address",
                          url);
    case -EMSGSIZE:
        return coopi_fail(EMSGSIZE, "%s: the answer to %s is larger than %zu MiB; ask for less at a time", url, op,
                          COOPI_WIRE_MAX >> 20);
    default: return coopi_fail(-error, "%s: %s: %s; see the system's limits", url, op, strerror(-error));
    }
}

/* The manager's own sentence becomes ours; a hostile one does not reach a terminal's control characters. */
static int told(const struct coopi_reply *reply)
{
    char sentence[512];
    size_t size = reply->sentence_size < sizeof sentence - 1 ? reply->sentence_size : sizeof sentence - 1;
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)reply->sentence[i];
        sentence[i] = c < 0x20 || c == 0x7f ? '?' : (char)c;
    }
    sentence[size] = '\0';
    return coopi_fail(-reply->status, "%s", sentence);
}

/* Takes the answer apart. -EPROTO, with a sentence, if it is none to this request. */
static int understand(const struct exchange *x, const unsigned char *body, size_t size,
                      int (*take)(struct coopi_reader *result, void *user), void *user)
{
    uint32_t id = request_id(x->lane);
    struct coopi_reply reply;
    if (size < ID_SIZE || memcmp(body, &id, ID_SIZE) != 0 ||
        coopi_reply_parse(body + ID_SIZE, size - ID_SIZE, &reply) < 0)
        return explain(x, -EPROTO);
    if (reply.sequence != x->lane->sequence && !(reply.sequence == 0 && reply.status < 0)) return explain(x, -EPROTO);
    if (reply.status < 0) return told(&reply);
    int result = take(&reply.result, user);
    return result == -EBADMSG ? explain(x, -EPROTO) : result;
}

int coopi_manager_call_taking(coop_manager *m, const struct coopi_call *call,
                              int (*take)(struct coopi_reader *result, void *user), void *user)
{
    struct exchange x = {.manager = m, .op = call->op};
    int result = coopi_lane_get(m, &x.lane);
    if (result < 0) return result;
    x.timeout = coopi_load_relaxed(&m->timeout);
    x.deadline = coopi_deadline(x.timeout);
    x.lane->sequence++;
    result = encode(&x, call);
    if (result < 0) return result;

    const unsigned char *body;
    size_t size;
    result = converse(&x, &body, &size);
    if (result < 0) return explain(&x, result);
    result = understand(&x, body, size, take, user);
    if (result == -EPROTO) coopi_stream_close(&x.lane->stream);
    return result;
}

/* USER is where the value goes, or NULL. */
static int take_value(struct coopi_reader *result, void *user)
{
    return user ? coopi_read_result(result, user) : 0;
}

int coopi_manager_call(coop_manager *m, const struct coopi_call *call, coop_any *ret_result)
{
    return coopi_manager_call_taking(m, call, take_value, ret_result);
}

int coopi_manager_greet(coop_manager *m)
{
    return coopi_manager_call(m, &(struct coopi_call){.op = "hello", .object = coop_nil()}, NULL);
}

int coop_manager_connect(const char *address, coop_manager **ret_manager)
{
    struct coopi_address a;
    coop_manager *m;
    int result = coopi_address_parse(address, &a);
    if (result == 0) result = coopi_address_check(&a);
    if (result == -ENOENT)
        return coopi_fail(ECONNREFUSED, "%s: no manager answers there; start coop-manager, or name another address",
                          a.url);
    if (result < 0) return result;
    result = coopi_manager_new(&a, &m);
    if (result < 0) return result;
    result = coopi_manager_greet(m);
    if (result < 0)
        coopi_manager_free(m);
    else
        *ret_manager = m;
    return result;
}

int coop_manager_ping(coop_manager *m)
{
    return coopi_manager_call(m, &(struct coopi_call){.op = "ping", .object = coop_nil()}, NULL);
}

void coop_manager_set_timeout(coop_manager *m, int64_t timeout)
{
    coopi_store_relaxed(&m->timeout, timeout < 0 ? COOP_FOREVER : timeout);
}

const char *coop_manager_address(const coop_manager *m)
{
    return m->address.url;
}
