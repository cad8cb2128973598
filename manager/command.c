/* SPDX-License-Identifier: MIT */
/* From the bytes of a request to the bytes of its reply. */
#include "command.h"

#include "base/error.h"
#include "call.h"
#include "quote.h"

#include <coop/try.h>
#include <errno.h>

#define REPLY_MAX (COOPI_WIRE_MAX - sizeof(uint32_t)) /* a message's body with the request's id before it */
#define REPLY_VALUES 8                                /* at most, around the result of an operation */

static const struct object_type *const types[] = {&list_type, &dict_type};

static const struct command *find_in(const struct command_table *table, const struct coopi_command *sought)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct command *row = &table->rows[i];
        if (row->size == sought->op_size && memcmp(row->name, sought->op, row->size) == 0) return row;
    }
    return NULL;
}

static const struct command *find(const struct coopi_command *sought, const struct object_type **ret_type)
{
    const struct command *command = NULL;
    for (size_t i = 0; i < sizeof types / sizeof types[0] && !command; i++) {
        command = find_in(&types[i]->commands, sought);
        *ret_type = types[i];
    }
    return command ? command : find_in(&general_commands, sought);
}

static int unknown(const struct coopi_command *sought)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(ENOSYS, "%s: no such operation; this manager is libcoop %s",
                      quote_text(sought->op, sought->op_size, quoted), COOP_VERSION);
}

static int check_arguments(const struct command *command, uint32_t count)
{
    if (count >= command->min_args && count <= command->max_args) return 0;
    if (command->min_args == command->max_args)
        return coopi_fail(EINVAL, "%s: it takes %u arguments, not %u", command->name, command->min_args, count);
    return coopi_fail(EINVAL, "%s: it takes %u to %u arguments, not %u", command->name, command->min_args,
                      command->max_args, count);
}

static int find_target(struct call *call, const struct command *command, const struct object_type *type)
{
    if (command->target == ON_OBJECT)
        return registry_find_typed(&call->commands->registry, &call->reference, type, &call->object);
    if (command->target == ON_NOTHING && call->reference.type != COOP_NIL)
        return coopi_fail(EINVAL, "%s: it works on no object; send nil as the object", command->name);
    return 0;
}

static int run_command(struct commands *commands, const struct coopi_command *sought, uint64_t *values_left,
                       bool *ret_changes)
{
    const struct object_type *type;
    const struct command *command = find(sought, &type);
    *ret_changes = command && command->changes;
    if (!command) return unknown(sought);
    COOP_TRY(check_arguments(command, sought->arg_count));
    struct call call = {
        .commands = commands,
        .op = command->name,
        .reference = sought->object,
        .args = sought->args,
        .arg_count = sought->arg_count,
        .result = &commands->reply,
        .values_left = *values_left,
    };
    COOP_TRY(find_target(&call, command, type));
    COOP_TRY(command->run(&call));
    *values_left = call.values_left;
    return 0;
}

void commands_init(struct commands *commands, const char *name)
{
    *commands = (struct commands){.name = name, .run_one = run_command};
    registry_init(&commands->registry);
    lanes_init(&commands->lanes);
    coopi_writer_init(&commands->reply, REPLY_MAX);
}

void commands_destroy(struct commands *commands)
{
    lanes_destroy(&commands->lanes);
    registry_destroy(&commands->registry);
    coopi_writer_free(&commands->reply);
}

static void fail(struct commands *commands, uint64_t sequence, int error)
{
    coopi_writer_cut(&commands->reply, 0);
    coopi_reply_error(&commands->reply, sequence, error, coop_error_detail());
}

static void run_new(struct commands *commands, const struct coopi_request *request, struct lane *lane)
{
    struct coopi_writer *reply = &commands->reply;
    uint64_t values_left = COOPI_WIRE_VALUES - REPLY_VALUES;
    bool changes;
    coopi_reply_begin(reply, request->sequence);
    int result = run_command(commands, &request->command, &values_left, &changes);
    if (result < 0) fail(commands, request->sequence, result);
    if (changes && coopi_writer_status(reply) == 0) lanes_remember(&commands->lanes, lane, reply->data, reply->len);
}

static void answer(struct commands *commands, const struct coopi_request *request)
{
    struct lane *lane;
    int result = lanes_enter(&commands->lanes, request, &lane);
    if (result < 0)
        fail(commands, request->sequence, result);
    else if (lane->state == LANE_ANSWERED)
        coopi_write_raw(&commands->reply, lane->reply, lane->size);
    else
        run_new(commands, request, lane);
}

int commands_run(struct commands *commands, const void *body, size_t size, struct reply *ret_reply)
{
    struct coopi_writer *reply = &commands->reply;
    struct coopi_request request;
    coopi_writer_reset(reply);
    int result = coopi_request_parse(body, size, &request);
    if (result == 0)
        answer(commands, &request);
    else
        fail(commands, 0, result);
    COOP_TRY(coopi_writer_status(reply));
    *ret_reply = (struct reply){.data = reply->data, .size = reply->len};
    return 0;
}
