/* SPDX-License-Identifier: MIT */
/* The managed list: its type, and the table of its operations. */
#include "call.h"
#include "list_ops.h"
#include "list_store.h"

/* verb, arguments at least, at most, whether it changes the list */
#define COMMANDS(X)                                                                                                    \
    X(append, 1, 1, true)                                                                                              \
    X(extend, 1, 1, true)                                                                                              \
    X(insert, 2, 2, true)                                                                                              \
    X(get, 1, 1, false)                                                                                                \
    X(set, 2, 2, true)                                                                                                 \
    X(del, 1, 1, true)                                                                                                 \
    X(pop, 0, 1, true)                                                                                                 \
    X(remove, 1, 1, true)                                                                                              \
    X(clear, 0, 0, true)                                                                                               \
    X(len, 0, 0, false)                                                                                                \
    X(copy, 0, 0, false)                                                                                               \
    X(page, 2, 3, false)                                                                                               \
    X(index, 1, 3, false)                                                                                              \
    X(count, 1, 1, false)                                                                                              \
    X(contains, 1, 1, false)                                                                                           \
    X(equal, 1, 1, false)                                                                                              \
    X(get_slice, 2, 3, false)                                                                                          \
    X(set_slice, 4, 4, true)                                                                                           \
    X(del_slice, 2, 3, true)                                                                                           \
    X(concat, 1, 1, false)                                                                                             \
    X(repeat, 1, 1, true)                                                                                              \
    X(repeated, 1, 1, false)                                                                                           \
    X(sort, 0, 2, true)                                                                                                \
    X(reverse, 0, 0, true)

static int run_open(struct call *call)
{
    return call_open(call, &list_type);
}

static const struct command commands[] = {
#define ROW(verb, min_args, max_args, changes)                                                                         \
    COMMAND("list." #verb, list_run_##verb, min_args, max_args, changes, ON_OBJECT),
    COMMAND("list.open", run_open, 0, 1, true, ON_REFERENCE), COMMANDS(ROW)
#undef ROW
};

const struct object_type list_type = {
    .name = "list",
    .create = list_create,
    .destroy = list_destroy,
    .length = list_length,
    .commands = COMMAND_TABLE(commands),
};
