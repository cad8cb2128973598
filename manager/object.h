/* SPDX-License-Identifier: MIT */
/* What every type of managed object offers: how it is made and ended, and a table of its operations.
 *
 * All of this belongs to the executor's thread. */
#ifndef MANAGER_OBJECT_H
#define MANAGER_OBJECT_H

#include "budget.h"
#include "hash.h"
#include "proxy/wire.h"

#include <stdbool.h>

struct call;
struct object_type;
struct registry;

#define OBJECT_LABEL_SIZE 88

/* The head of every object; its type puts its own members behind. */
struct object {
    const struct object_type *type;
    uint64_t id;
    char *name;                    /* NULL: nameless */
    char label[OBJECT_LABEL_SIZE]; /* for sentences: `list "jobs"`, or `list 281474976710657` */
    struct budget *budget;
    struct weight weight; /* of what it holds; `bytes` is taken from the budget */
    UT_hash_handle by_id;
    UT_hash_handle by_name;
};

/* An operation reads its arguments, writes its result, and changes the object last, when nothing can fail any more: one
 * that fails, also because its result does not fit into the message, has changed nothing. Returns 0 or a negative errno
 * with a sentence. */
typedef int operation(struct call *call);

/* What stands in a request's object field. */
enum target {
    ON_NOTHING,   /* nil */
    ON_REFERENCE, /* the operation looks it up itself */
    ON_OBJECT     /* an object of the operation's type, which was looked up */
};

struct command {
    const char *name; /* "list.append" */
    size_t size;      /* of the name */
    operation *run;
    uint32_t min_args;
    uint32_t max_args;
    bool changes; /* its reply is remembered, so that a resent request is not run again */
    enum target target;
};

struct command_table {
    const struct command *rows;
    size_t count;
};

/* A table's row: NAME is a string literal. */
#define COMMAND(name, run, min_args, max_args, changes, target)                                                        \
    {                                                                                                                  \
        name, sizeof(name) - 1, run, min_args, max_args, changes, target                                               \
    }
#define COMMAND_TABLE(rows)                                                                                            \
    {                                                                                                                  \
        rows, sizeof(rows) / sizeof((rows)[0])                                                                         \
    }

struct object_type {
    const char *name;
    struct object *(*create)(void); /* empty, with a head of zeros; NULL: no memory */
    void (*destroy)(struct object *object);
    uint32_t (*length)(const struct object *object);
    struct command_table commands;
};

extern const struct object_type list_type;
extern const struct object_type dict_type;

#endif
