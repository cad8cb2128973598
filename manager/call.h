/* SPDX-License-Identifier: MIT */
/* One operation that is being run: its arguments, and where its result goes. */
#ifndef MANAGER_CALL_H
#define MANAGER_CALL_H

#include "object.h"

struct commands;

struct call {
    struct commands *commands;
    const char *op;        /* its name, for sentences */
    coop_any reference;    /* what the request names as its object: nil, str, int or uint */
    struct object *object; /* that object; NULL unless the operation's target is ON_OBJECT */
    struct coopi_reader args;
    uint32_t arg_count; /* not yet read */
    struct coopi_writer *result;
    uint64_t values_left; /* that the message may still carry */
};

/* The next argument. -EINVAL if it has another type. */
int call_read_value(struct call *call, coop_any *ret_value); /* owned by the caller */
int call_read_key(struct call *call, coop_any *ret_key);     /* borrowed from the message */
int call_read_plain(struct call *call, coop_any *ret_value); /* no list, no map; borrowed */
int call_read_index(struct call *call, int64_t *ret_index);
int call_read_bool(struct call *call, bool *ret_boolean);

/* An index, or nil: then *ret_index stays as it is. */
int call_read_index_or_nil(struct call *call, int64_t *ret_index);

/* An array, each value for itself: the array is a level of its own around values that may nest as deep as values can.
 * items_free() gives them back; whoever takes the values over sets COUNT to 0 before. */
struct items {
    coop_any *values;
    uint32_t count;
};
int call_read_items(struct call *call, struct items *ret_items);
void items_free(struct items *items);

/* Each writes the operation's whole result and tells whether it fits: -EMSGSIZE, -ENOMEM. */
int call_return_nil(struct call *call);
int call_return_bool(struct call *call, bool boolean);
int call_return_number(struct call *call, uint64_t number);
int call_return_value(struct call *call, const coop_any *value);

/* The manager has no memory for what the operation needs: -ENOMEM, of the operation's object. */
int call_no_memory(const struct call *call);

/* open.c: the operation TYPE.open, which finds or makes an object of the type. */
int call_open(struct call *call, const struct object_type *type);

/* For results that are written piece by piece: whether the message may carry so many values more. */
int call_reserve_values(struct call *call, uint64_t values);
int call_written(struct call *call);

#endif
