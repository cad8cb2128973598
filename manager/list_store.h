/* SPDX-License-Identifier: MIT */
/* The managed list's memory: its items, and the two ways in which their number changes. */
#ifndef MANAGER_LIST_STORE_H
#define MANAGER_LIST_STORE_H

#include "call.h"

struct list {
    struct object object; /* first: the two addresses are one */
    coop_any *items;      /* each owns its memory */
    uint32_t count;
    uint32_t capacity;
};

static inline struct list *list_of(const struct call *call)
{
    return (struct list *)call->object;
}

struct object *list_create(void);
void list_destroy(struct object *object);
uint32_t list_length(const struct object *object);

/* Turns an index as clients count, negative from the end, into a position. -ERANGE. */
int list_position(const struct list *list, int64_t index, uint32_t *ret_position);

/* The same for a bound: out of range is cut to 0 or the number of items. */
uint32_t list_bound(const struct list *list, int64_t index);

/* Puts COUNT owned values before AT, all or none: -ENOSPC, -ENOMEM. They are the list's when it returns 0. */
int list_insert(struct list *list, uint32_t at, const coop_any *values, uint32_t count);

/* Ends COUNT items from AT on. */
void list_cut(struct list *list, uint32_t at, uint32_t count);

/* Puts an owned value in the place of an item, or fails: -ENOMEM. */
int list_replace(struct list *list, uint32_t at, const coop_any *value);

/* The items change their places only: VALUES holds the same ones in another order. */
void list_reorder(struct list *list, const coop_any *values);

#endif
