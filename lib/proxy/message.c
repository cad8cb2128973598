/* SPDX-License-Identifier: MIT */
/* Requests and replies: the arrays of PROTOCOL.md around operations and results. */
#include "proxy/message.h"

#include "base/error.h"
#include "proxy/utf8.h"

#include <errno.h>
#include <string.h>

#define REQUEST_FIELDS 8
#define REPLY_FIELDS 4
#define COMMAND_FIELDS 3

/* The errno values that have a name on the wire. */
#define ERRORS(X)                                                                                                      \
    X(EBADMSG)                                                                                                         \
    X(EPROTO)                                                                                                          \
    X(ENOSYS)                                                                                                          \
    X(EINVAL)                                                                                                          \
    X(ENOENT)                                                                                                          \
    X(EEXIST)                                                                                                          \
    X(ERANGE)                                                                                                          \
    X(ENOMEM)                                                                                                          \
    X(EMSGSIZE)                                                                                                        \
    X(ESTALE)                                                                                                          \
    X(ENAMETOOLONG)                                                                                                    \
    X(EPERM)                                                                                                           \
    X(EACCES)                                                                                                          \
    X(EBUSY)                                                                                                           \
    X(EAGAIN)                                                                                                          \
    X(ENOSPC)                                                                                                          \
    X(ENOTSUP)                                                                                                         \
    X(ETIMEDOUT)                                                                                                       \
    X(ECANCELED)                                                                                                       \
    X(EIO)

static const struct {
    const char *name;
    int error;
} errors[] = {
#define ROW(code) {#code, -code},
    ERRORS(ROW)
#undef ROW
};

const char *coopi_error_name(int error)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].error == error) return errors[i].name;
    return "EIO";
}

int coopi_error_from_name(const char *name, size_t size)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (strlen(errors[i].name) == size && memcmp(errors[i].name, name, size) == 0) return errors[i].error;
    return -EIO;
}

static int malformed(const char *what)
{
    return coopi_fail(EBADMSG, "message: %s; see PROTOCOL.md", what);
}

/* An array of at least FIELDS, of which the first is the version. */
static int read_envelope(struct coopi_reader *r, uint32_t fields, const char *what)
{
    uint32_t count;
    uint64_t version;
    int result = coopi_read_array(r, &count);
    if (result != 0) return result;
    if (count == 0) return malformed(what);
    result = coopi_read_uint(r, &version);
    if (result != 0) return result;
    if (version != COOPI_PROTOCOL_VERSION)
        return coopi_fail(EPROTO, "message: protocol version %llu, this side speaks %d; update the older program",
                          (unsigned long long)version, COOPI_PROTOCOL_VERSION);
    return count < fields ? malformed(what) : 0;
}

static int read_object(struct coopi_reader *r, coop_any *ret_object)
{
    coop_any object;
    int result = coopi_read_plain(r, &object);
    if (result != 0) return result;
    bool id = object.type == COOP_UINT || (object.type == COOP_INT && object.as.integer >= 0);
    if (object.type != COOP_NIL && object.type != COOP_STR && !id)
        return malformed("the object is no nil, str or int >= 0");
    *ret_object = object;
    return 0;
}

/* op, object, args. The reader ends behind the args. */
static int read_command(struct coopi_reader *r, struct coopi_command *ret_command)
{
    struct coopi_command command;
    int result = coopi_read_str(r, &command.op, &command.op_size);
    if (result == 0) result = read_object(r, &command.object);
    if (result != 0) return result;
    command.args = *r;
    result = coopi_read_skip(r);
    if (result == 0) result = coopi_read_array(&command.args, &command.arg_count);
    if (result == 0) *ret_command = command;
    return result;
}

int coopi_command_read(struct coopi_reader *r, struct coopi_command *ret_command)
{
    uint32_t fields;
    int result = coopi_read_array(r, &fields);
    if (result != 0) return result;
    if (fields != COMMAND_FIELDS) return malformed("not [op, object, args]");
    return read_command(r, ret_command);
}

static int read_head(struct coopi_reader *r, struct coopi_request *ret_request)
{
    const void *session;
    size_t size;
    int result = coopi_read_bytes(r, &session, &size);
    if (result != 0) return result;
    if (size != COOPI_SESSION_SIZE) return malformed("the session has not 16 bytes");
    memcpy(ret_request->session, session, sizeof ret_request->session);
    result = coopi_read_uint(r, &ret_request->lane);
    if (result == 0) result = coopi_read_uint(r, &ret_request->sequence);
    if (result == 0) result = coopi_read_uint(r, &ret_request->attempt);
    if (result == 0 && ret_request->sequence == 0) return malformed("the sequence is 0");
    return result;
}

int coopi_request_parse(const void *body, size_t size, struct coopi_request *ret_request)
{
    int result = coopi_wire_scan(body, size, COOPI_WIRE_DEPTH);
    if (result < 0) return result;
    struct coopi_reader r = {.data = body, .len = size};
    struct coopi_request request;
    result = read_envelope(&r, REQUEST_FIELDS, "not [1, session, lane, sequence, attempt, op, object, args]");
    if (result == 0) result = read_head(&r, &request);
    if (result == 0) result = read_command(&r, &request.command);
    if (result == 0) *ret_request = request;
    return result;
}

int coopi_reply_parse(const void *body, size_t size, struct coopi_reply *ret_reply)
{
    int result = coopi_wire_scan(body, size, COOPI_WIRE_DEPTH);
    if (result < 0) return result;
    struct coopi_reader r = {.data = body, .len = size};
    struct coopi_reply reply = {0};
    const char *status;
    size_t status_size;
    result = read_envelope(&r, REPLY_FIELDS, "not [1, sequence, status, result]");
    if (result == 0) result = coopi_read_uint(&r, &reply.sequence);
    if (result == 0) result = coopi_read_str(&r, &status, &status_size);
    if (result != 0) return result;
    if (status_size == 2 && memcmp(status, "ok", 2) == 0) {
        reply.result = r;
    } else {
        reply.status = coopi_error_from_name(status, status_size);
        result = coopi_read_str(&r, &reply.sentence, &reply.sentence_size);
    }
    if (result == 0) *ret_reply = reply;
    return result;
}

void coopi_request_begin(struct coopi_writer *w, const struct coopi_request *head)
{
    coopi_write_array(w, REQUEST_FIELDS);
    coopi_write_uint(w, COOPI_PROTOCOL_VERSION);
    coopi_write_bytes(w, head->session, sizeof head->session);
    coopi_write_uint(w, head->lane);
    coopi_write_uint(w, head->sequence);
    coopi_write_uint(w, head->attempt);
}

void coopi_reply_begin(struct coopi_writer *w, uint64_t sequence)
{
    coopi_write_array(w, REPLY_FIELDS);
    coopi_write_uint(w, COOPI_PROTOCOL_VERSION);
    coopi_write_uint(w, sequence);
    coopi_write_str(w, "ok", 2);
}

void coopi_reply_error(struct coopi_writer *w, uint64_t sequence, int error, const char *sentence)
{
    const char *name = coopi_error_name(error);
    coopi_write_array(w, REPLY_FIELDS);
    coopi_write_uint(w, COOPI_PROTOCOL_VERSION);
    coopi_write_uint(w, sequence);
    coopi_write_str(w, name, strlen(name));
    coopi_write_str(w, sentence, coopi_utf8_valid(sentence, strlen(sentence))); /* it may be cut within a character */
}
