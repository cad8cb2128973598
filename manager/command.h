/* SPDX-License-Identifier: MIT */
/* From the bytes of a request to the bytes of its reply. The executor's thread only. */
#ifndef MANAGER_COMMAND_H
#define MANAGER_COMMAND_H

#include "lanes.h"
#include "registry.h"

struct call;

struct commands;

/* Runs the operation that SOUGHT names, with its result behind what the reply holds so far. The values that the result
 * takes are taken from *values_left. *ret_changes, set also on failure, says whether the operation is one that changes
 * something. */
typedef int run_one(struct commands *commands, const struct coopi_command *sought, uint64_t *values_left,
                    bool *ret_changes);

struct commands {
    const char *name; /* the manager's */
    run_one *run_one; /* for operations that run others */
    struct registry registry;
    struct lanes lanes;
    struct coopi_writer reply;
};

/* NAME must stay. */
void commands_init(struct commands *commands, const char *name);
void commands_destroy(struct commands *commands);

/* The bytes of a reply; they stay until the next commands_run(). */
struct reply {
    const void *data;
    size_t size;
};

/* Runs what SIZE bytes at BODY ask for, which may be anything at all. 0 and the reply, or -ENOMEM: there is none. */
int commands_run(struct commands *commands, const void *body, size_t size, struct reply *ret_reply);

/* The operations that belong to no type of object, batch among them. */
extern const struct command_table general_commands;

/* batch.c */
int run_batch(struct call *call);

#endif
