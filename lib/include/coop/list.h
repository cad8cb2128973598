/* SPDX-License-Identifier: MIT */
/* Managed lists: Python's list, held by a manager and used by any number of processes. */
#ifndef COOP_LIST_H
#define COOP_LIST_H

#include <coop/any.h>
#include <coop/manager.h>

COOP_BEGIN_DECLS

/* Each call is one command, atomic against all others. Errors: those of <coop/manager.h>, and -ENOENT when the list was
 * removed or its manager replaced. A handle may be used by several threads and survives fork. */
typedef struct coop_list coop_list;

/* Opens the list NAME ([A-Za-z_][A-Za-z0-9_-]{0,63}), or another handle's path. FLAGS: COOP_CREATE makes it, empty,
 * where it is absent; COOP_EXCL with it fails with -EEXIST where it is not. NAME NULL: a new nameless list (FLAGS are
 * not looked at), which is removed when the process that made it closes this handle.
 * -ENOENT: there is none; -EINVAL: a bad name, or an object of another type. */
int coop_list_open(coop_manager *manager, const char *name, int flags, coop_list **ret_list) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. A named list stays. Must come before coop_manager_close(). */
void coop_list_close(coop_list *list);

/* What another process opens to reach the same list: its name, or "#ID". Lives as long as the handle. */
const char *coop_list_path(const coop_list *list);

/* Puts a copy of VALUE at the end. */
int coop_list_append(coop_list *list, coop_any value) COOP_MUST_CHECK;

/* Puts copies of all items of a list value at the end, as one command. -EINVAL: VALUES is not a list. */
int coop_list_extend(coop_list *list, coop_any values) COOP_MUST_CHECK;

/* The item at INDEX; a negative one counts from the end. *ret_value is the caller's, to clear.
 * -ERANGE: there is no such item. */
int coop_list_get(coop_list *list, int64_t index, coop_any *ret_value) COOP_MUST_CHECK;

/* Replaces the item at INDEX. -ERANGE. */
int coop_list_set(coop_list *list, int64_t index, coop_any value) COOP_MUST_CHECK;

/* Takes the item at INDEX out (-1: the last). *ret_value is the caller's, to clear; NULL if it is not wanted.
 * -ERANGE: there is no such item; any index of an empty list. */
int coop_list_pop(coop_list *list, int64_t index, coop_any *ret_value) COOP_MUST_CHECK;

/* The number of items. */
int coop_list_len(coop_list *list, size_t *ret_len) COOP_MUST_CHECK;

/* All items as they are at one moment: a list value, the caller's, to clear. */
int coop_list_copy(coop_list *list, coop_any *ret_values) COOP_MUST_CHECK;

static inline void coop_list_closep(coop_list **list)
{
    coop_list_close(*list);
}

COOP_END_DECLS

#endif
