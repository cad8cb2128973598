/* SPDX-License-Identifier: MIT */
/* The managed dict: its type, and the table of its operations. */
#include "call.h"
#include "dict_ops.h"
#include "dict_store.h"

/* verb, arguments at least, at most, whether it changes the dict */
#define COMMANDS(X)                                                                                                    \
    X(get, 1, 2, false)                                                                                                \
    X(set, 2, 2, true)                                                                                                 \
    X(del, 1, 1, true)                                                                                                 \
    X(contains, 1, 1, false)                                                                                           \
    X(setdefault, 1, 2, true)                                                                                          \
    X(pop, 1, 2, true)                                                                                                 \
    X(popitem, 0, 0, true)                                                                                             \
    X(cas, 3, 3, true)                                                                                                 \
    X(incr, 1, 3, true)                                                                                                \
    X(len, 0, 0, false)                                                                                                \
    X(items, 0, 0, false)                                                                                              \
    X(keys, 0, 0, false)                                                                                               \
    X(values, 0, 0, false)                                                                                             \
    X(page, 2, 5, false)                                                                                               \
    X(clear, 0, 0, true)                                                                                               \
    X(update, 1, 1, true)                                                                                              \
    X(fromkeys, 1, 2, true)                                                                                            \
    X(merge, 1, 1, false)                                                                                              \
    X(equal, 1, 1, false)

static int run_open(struct call *call)
{
    return call_open(call, &dict_type);
}

static const struct command commands[] = {
#define ROW(verb, min_args, max_args, changes)                                                                         \
    COMMAND("dict." #verb, dict_run_##verb, min_args, max_args, changes, ON_OBJECT),
    COMMAND("dict.open", run_open, 0, 1, true, ON_REFERENCE), COMMANDS(ROW)
#undef ROW
};

const struct object_type dict_type = {
    .name = "dict",
    .create = dict_create,
    .destroy = dict_destroy,
    .length = dict_length,
    .commands = COMMAND_TABLE(commands),
};
