/* SPDX-License-Identifier: MIT */
/* A manager's commands without its sockets: asks as a client would, in bytes, and takes the replies apart. */
#ifndef UNIT_MANAGED_H
#define UNIT_MANAGED_H

#include "harness/args.h"
#include "harness/test.h"
#include "manager/command.h"
#include "proxy/message.h"

#include <string.h>

struct managed {
    struct commands commands;
    struct coopi_writer request;
    struct coopi_request head; /* of the last request */
    struct reply bytes;        /* of its reply; they stay until the next */
    struct coopi_reply reply;
    char sentence[600];
    coop_any result; /* of the last request that went well; cleared by the next */
};

static inline void managed_start(struct managed *m)
{
    *m = (struct managed){.head = {.session = "0123456789abcdef", .lane = 1}, .result = coop_nil()};
    commands_init(&m->commands, "test");
    coopi_writer_init(&m->request, COOPI_WIRE_MAX);
}

/* What the objects hold was weighed right if the budget is as it was once they are gone. */
static inline void managed_stop(struct managed *m)
{
    coop_any_clear(&m->result);
    while (m->commands.registry.by_id) registry_remove(&m->commands.registry, m->commands.registry.by_id);
    CHECK_EQ(m->commands.registry.budget.used, 0);
    commands_destroy(&m->commands);
    coopi_writer_free(&m->request);
}

/* Sends m->request as it stands. Returns the reply's status. */
static inline int managed_send(struct managed *m)
{
    CHECK_OK(commands_run(&m->commands, m->request.data, m->request.len, &m->bytes));
    CHECK_OK(coopi_reply_parse(m->bytes.data, m->bytes.size, &m->reply));
    coop_any_clear(&m->result);
    m->sentence[0] = 0;
    if (m->reply.status == 0) {
        struct coopi_reader result = m->reply.result;
        CHECK_OK(coopi_read_any(&result, &m->result));
    } else {
        CHECK(m->reply.sentence_size < sizeof m->sentence);
        memcpy(m->sentence, m->reply.sentence, m->reply.sentence_size);
        m->sentence[m->reply.sentence_size] = 0;
    }
    return m->reply.status;
}

static inline void managed_write(struct managed *m, const char *op, coop_any object, const coop_any *args, size_t count)
{
    coopi_writer_reset(&m->request);
    coopi_request_begin(&m->request, &m->head);
    coopi_write_str(&m->request, op, strlen(op));
    coopi_write_any(&m->request, &object);
    coopi_write_array(&m->request, (uint32_t)count);
    for (size_t i = 0; i < count; i++) coopi_write_any(&m->request, &args[i]);
    CHECK_OK(coopi_writer_status(&m->request));
}

/* A new request of lane m->head.lane. */
static inline int ask(struct managed *m, const char *op, coop_any object, const coop_any *args, size_t count)
{
    m->head.sequence++;
    m->head.attempt = 0;
    managed_write(m, op, object, args, count);
    int status = managed_send(m);
    CHECK_EQ(m->reply.sequence, m->head.sequence);
    return status;
}

/* The last result, as Python writes it. */
#define CHECK_RESULT(m, text)                                                                                          \
    do {                                                                                                               \
        char *result_text_;                                                                                            \
        CHECK_OK(coop_any_format((m)->result, &result_text_));                                                         \
        CHECK_STR(result_text_, text);                                                                                 \
        free(result_text_);                                                                                            \
    } while (0)

#endif
