/* SPDX-License-Identifier: MIT */
/* The operations that belong to no type of object: about the manager and its objects as such. */
#include "command.h"

#include "base/error.h"
#include "call.h"

#include <coop/try.h>
#include <errno.h>
#include <unistd.h>

static void write_text(struct coopi_writer *w, const char *text)
{
    coopi_write_str(w, text, strlen(text));
}

static int run_ping(struct call *call)
{
    coopi_write_array(call->result, call->arg_count);
    struct coopi_reader end = call->args;
    for (uint32_t i = 0; i < call->arg_count; i++) COOP_TRY(coopi_read_skip(&end));
    coopi_write_raw(call->result, call->args.data + call->args.off, end.off - call->args.off);
    return call_written(call);
}

static int run_hello(struct call *call)
{
    struct coopi_writer *w = call->result;
    coopi_write_map(w, 4);
    write_text(w, "program");
    write_text(w, "coop-manager " COOP_VERSION);
    write_text(w, "name");
    write_text(w, call->commands->name);
    write_text(w, "pid");
    coopi_write_uint(w, (uint64_t)getpid());
    write_text(w, "version");
    coopi_write_uint(w, COOPI_PROTOCOL_VERSION);
    return call_written(call);
}

static int run_list(struct call *call)
{
    struct registry *registry = &call->commands->registry;
    struct coopi_writer *w = call->result;
    COOP_TRY(call_reserve_values(call, registry_count(registry) * UINT64_C(5) + 1));
    coopi_write_array(w, registry_count(registry));
    for (const struct object *object = registry->by_id; object; object = object->by_id.next) {
        coopi_write_array(w, 4);
        if (object->name)
            write_text(w, object->name);
        else
            coopi_write_nil(w);
        coopi_write_uint(w, object->id);
        write_text(w, object->type->name);
        coopi_write_uint(w, object->type->length(object));
    }
    return call_written(call);
}

static int run_remove(struct call *call)
{
    struct object *object;
    COOP_TRY(registry_find(&call->commands->registry, &call->reference, &object));
    COOP_TRY(call_return_nil(call));
    registry_remove(&call->commands->registry, object);
    return 0;
}

static const struct command commands[] = {
    COMMAND("ping", run_ping, 0, UINT32_MAX, false, ON_NOTHING),
    COMMAND("hello", run_hello, 0, 0, false, ON_NOTHING),
    COMMAND("object.list", run_list, 0, 0, false, ON_NOTHING),
    COMMAND("object.remove", run_remove, 0, 0, true, ON_REFERENCE),
    COMMAND("batch", run_batch, 0, UINT32_MAX, true, ON_NOTHING),
};

const struct command_table general_commands = COMMAND_TABLE(commands);
