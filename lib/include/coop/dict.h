/* SPDX-License-Identifier: MIT */
/* Managed dicts: Python's dict, held by a manager and used by any number of processes. */
#ifndef COOP_DICT_H
#define COOP_DICT_H

#include <coop/any.h>
#include <coop/manager.h>

COOP_BEGIN_DECLS

/* Keys are nil, bool, int, float (not NaN: it equals nothing), str or bytes; 1, 1.0 and true are one key, as in Python.
 * Order is that of insertion. Each call is one command, atomic against all others. Errors: those of <coop/manager.h>,
 * -EINVAL for a key that is none, and -ENOENT when the dict was removed or its manager replaced. A handle may be used
 * by several threads and survives fork. */
typedef struct coop_dict coop_dict;

/* Opens the dict NAME ([A-Za-z_][A-Za-z0-9_-]{0,63}), or another handle's path. FLAGS: COOP_CREATE makes it, empty,
 * where it is absent; COOP_EXCL with it fails with -EEXIST where it is not. NAME NULL: a new nameless dict (FLAGS are
 * not looked at), which is removed when the process that made it closes this handle.
 * -ENOENT: there is none; -EINVAL: a bad name, or an object of another type. */
int coop_dict_open(coop_manager *manager, const char *name, int flags, coop_dict **ret_dict) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. A named dict stays. Must come before coop_manager_close(). */
void coop_dict_close(coop_dict *dict);

/* What another process opens to reach the same dict: its name, or "#ID". Lives as long as the handle. */
const char *coop_dict_path(const coop_dict *dict);

/* The value of KEY; *ret_value is the caller's, to clear. -ENOENT: no such key (Python's KeyError). */
int coop_dict_get(coop_dict *dict, coop_any key, coop_any *ret_value) COOP_MUST_CHECK;

/* Sets KEY to a copy of VALUE. A key that is there keeps its place. */
int coop_dict_set(coop_dict *dict, coop_any key, coop_any value) COOP_MUST_CHECK;

/* Removes KEY. -ENOENT: no such key. */
int coop_dict_del(coop_dict *dict, coop_any key) COOP_MUST_CHECK;

/* Adds DELTA, an int or float, to the number at KEY in one step; an absent key counts as 0. *ret_value is the new
 * number (nothing to clear); NULL if it is not wanted. With a float on either side it becomes a float. -EINVAL: the
 * value or DELTA is no number; -ERANGE: outside -2^63 .. 2^64-1. */
int coop_dict_incr(coop_dict *dict, coop_any key, coop_any delta, coop_any *ret_value) COOP_MUST_CHECK;

/* The number of keys. */
int coop_dict_len(coop_dict *dict, size_t *ret_len) COOP_MUST_CHECK;

/* Whether KEY is there. */
int coop_dict_contains(coop_dict *dict, coop_any key, bool *ret_contains) COOP_MUST_CHECK;

/* All keys and values as they are at one moment: a map value, the caller's, to clear. */
int coop_dict_items(coop_dict *dict, coop_any *ret_items) COOP_MUST_CHECK;

static inline void coop_dict_closep(coop_dict **dict)
{
    coop_dict_close(*dict);
}

COOP_END_DECLS

#endif
