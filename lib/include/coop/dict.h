/* SPDX-License-Identifier: MIT */
/* Managed dicts: Python's dict, held by a manager and used by any number of processes. */
#ifndef COOP_DICT_H
#define COOP_DICT_H

#include <coop/any.h>
#include <coop/manager.h>

COOP_BEGIN_DECLS

/* Keys are nil, bool, int, float (not NaN: it equals nothing), str or bytes; 1, 1.0 and true are one key, as in Python.
 * Order is that of insertion. Each call is one command, atomic against all others: no client sees one half done, and
 * one that fails has changed nothing. A handle may be used by several threads and survives fork.
 *
 * Values go in as copies and come out as the caller's, to clear. What Python raises stands in the sentence, and its
 * errno is: KeyError      -ENOENT TypeError     -EINVAL, also for a key that is none ValueError    -EINVAL RuntimeError
 * -EAGAIN: keys came or went during an iteration MemoryError   -ENOMEM (the manager's budget, see coop-manager(1))
 * Further errors: those of <coop/manager.h>, and -ENOENT when the dict was removed or its manager replaced.
 *
 * A nameless dict goes when the process that made it closes its handle; if that process is killed, the dict stays until
 * its manager ends. */
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

/* The same, but DEFAULT_VALUE where there is no such key: Python's d.get(key, default). */
int coop_dict_get_or(coop_dict *dict, coop_any key, coop_any default_value, coop_any *ret_value) COOP_MUST_CHECK;

/* Sets KEY to a copy of VALUE. A key that is there keeps its place. */
int coop_dict_set(coop_dict *dict, coop_any key, coop_any value) COOP_MUST_CHECK;

/* Removes KEY. -ENOENT: no such key. */
int coop_dict_del(coop_dict *dict, coop_any key) COOP_MUST_CHECK;

/* Sets KEY to a copy of VALUE where there is no such key. *ret_value is what it has then; NULL if it is not wanted. */
int coop_dict_setdefault(coop_dict *dict, coop_any key, coop_any value, coop_any *ret_value) COOP_MUST_CHECK;

/* Compare and set: if KEY has a value that equals *EXPECTED, it gets a copy of *VALUE. EXPECTED NULL stands for "there
 * is no such key", VALUE NULL for "remove it". *ret_done tells whether it was so, and the change made. */
int coop_dict_compare_set(coop_dict *dict, coop_any key, const coop_any *expected, const coop_any *value,
                          bool *ret_done) COOP_MUST_CHECK;

/* Takes the value of KEY out; NULL if it is not wanted. -ENOENT, or DEFAULT_VALUE, where there is no such key. */
int coop_dict_pop(coop_dict *dict, coop_any key, coop_any *ret_value) COOP_MUST_CHECK;
int coop_dict_pop_or(coop_dict *dict, coop_any key, coop_any default_value, coop_any *ret_value) COOP_MUST_CHECK;

/* Takes the key and value out that were inserted last. Either may be NULL. -ENOENT: it is empty. */
int coop_dict_popitem(coop_dict *dict, coop_any *ret_key, coop_any *ret_value) COOP_MUST_CHECK;

/* Removes all keys. */
int coop_dict_clear(coop_dict *dict) COOP_MUST_CHECK;

/* Sets all keys of a map value, or of a list of [key, value] lists. */
int coop_dict_update(coop_dict *dict, coop_any values) COOP_MUST_CHECK;

/* Sets all keys that a list value names to copies of VALUE: Python's d.update(dict.fromkeys(keys, value)). */
int coop_dict_fromkeys(coop_dict *dict, coop_any keys, coop_any value) COOP_MUST_CHECK;

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

/* All keys, or all values, as they are at one moment: a list value. */
int coop_dict_keys(coop_dict *dict, coop_any *ret_keys) COOP_MUST_CHECK;
int coop_dict_values(coop_dict *dict, coop_any *ret_values) COOP_MUST_CHECK;

/* The dict's keys and those of a map value, with the map's values where both have a key: Python's dict | map. The dict
 * stays as it is. */
int coop_dict_merge(coop_dict *dict, coop_any map, coop_any *ret_map) COOP_MUST_CHECK;

/* Whether the dict equals a map value: the same keys with equal values, in any order. A value that is no map does not.
 */
int coop_dict_equal(coop_dict *dict, coop_any map, bool *ret_equal) COOP_MUST_CHECK;

/* Walks through a dict of any length in order of insertion, or backwards, in pages: some hundred keys come in one round
 * trip. It is a live view: a new value of an old key is seen unless its page was fetched already. Once keys come or go
 * the next page is refused with -EAGAIN; at the end of the walk that is asked as well, so that a walk that ends with
 * -ENODATA saw all keys of one moment. (Python looks at every step, and only at the number of keys.) One thread at a
 * time uses a walk; close it before the dict. */
typedef struct coop_dict_iter coop_dict_iter;

/* What a walk fetches. */
#define COOP_KEYS 1
#define COOP_VALUES 2
#define COOP_ITEMS 3 /* both */

/* -EINVAL: WHAT is none of these. */
int coop_dict_iter_open(coop_dict *dict, int what, bool backwards, coop_dict_iter **ret_iter) COOP_MUST_CHECK;

/* The next key and value: either may be NULL, and what is not fetched is nil. -ENODATA (StopIteration) at the end, and
 * from then on always; -EAGAIN (RuntimeError): keys came or went, and every further call says so too. */
int coop_dict_iter_next(coop_dict_iter *iter, coop_any *ret_key, coop_any *ret_value) COOP_MUST_CHECK;

/* NULL is ignored. */
void coop_dict_iter_close(coop_dict_iter *iter);

static inline void coop_dict_iter_closep(coop_dict_iter **iter)
{
    coop_dict_iter_close(*iter);
}

static inline void coop_dict_closep(coop_dict **dict)
{
    coop_dict_close(*dict);
}

COOP_END_DECLS

#endif
