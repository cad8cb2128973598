/* SPDX-License-Identifier: MIT */
/* The batch: many operations in one command, each with its own outcome. */
#include "command.h"

#include "base/error.h"
#include "call.h"
#include "proxy/utf8.h"

#include <errno.h>

/* What an operation that does not fit is answered with, and the most that takes: room that is kept free for every
 * operation that is still to come. */
#define NO_ROOM "no room left for it in the message"
#define NO_ROOM_SIZE 56

static void write_failure(struct coopi_writer *w, int error, const char *sentence)
{
    const char *name = coopi_error_name(error);
    coopi_write_array(w, 2);
    coopi_write_str(w, name, strlen(name));
    coopi_write_str(w, sentence, coopi_utf8_valid(sentence, strlen(sentence))); /* it may be cut within a character */
}

static int run_operation(struct call *batch, const struct coopi_command *command)
{
    bool changes;
    if (command->op_size == 5 && memcmp(command->op, "batch", 5) == 0)
        return coopi_fail(EINVAL, "batch: it stands within a batch; put its operations beside the others");
    coopi_write_array(batch->result, 2);
    coopi_write_str(batch->result, "ok", 2);
    return batch->commands->run_one(batch->commands, command, &batch->values_left, &changes);
}

/* Reads one entry and runs it; steps over it also if it is malformed. */
static int run_entry(struct call *batch)
{
    struct coopi_reader next = batch->args;
    struct coopi_command command;
    int result = coopi_read_skip(&next);
    if (result == 0) result = coopi_command_read(&batch->args, &command);
    batch->args = next;
    return result < 0 ? result : run_operation(batch, &command);
}

/* Runs one entry with its outcome in the reply. -EMSGSIZE: there was no room, and the reply is as it was before. */
static int answer_entry(struct call *batch)
{
    size_t before = batch->result->len;
    int result = run_entry(batch);
    if (result == 0) return 0;
    coopi_writer_cut(batch->result, before);
    if (result == -EMSGSIZE) return result;
    write_failure(batch->result, result, coop_error_detail());
    if (coopi_writer_status(batch->result) == 0) return 0;
    coopi_writer_cut(batch->result, before);
    return -EMSGSIZE;
}

int run_batch(struct call *call)
{
    struct coopi_writer *w = call->result;
    size_t limit = w->limit;
    uint32_t count = call->arg_count;
    if (w->len + 8 + (size_t)count * NO_ROOM_SIZE > limit)
        return coopi_fail(EMSGSIZE, "batch: %u operations are too many for one message; send fewer at once", count);

    coopi_write_array(w, count);
    bool full = false;
    for (uint32_t left = count; left > 0; left--) {
        w->limit = limit - (size_t)left * NO_ROOM_SIZE;
        if (!full) full = answer_entry(call) < 0;
        w->limit = limit;
        if (full) write_failure(w, -EMSGSIZE, NO_ROOM);
    }
    return call_written(call);
}
