/* SPDX-License-Identifier: MIT */
/* Managed lists: Python's list, held by a manager and used by any number of processes. */
#ifndef COOP_LIST_H
#define COOP_LIST_H

#include <coop/any.h>
#include <coop/manager.h>

COOP_BEGIN_DECLS

/* Each call is one command, atomic against all others: no client sees one half done, and one that fails has changed
 * nothing. A handle may be used by several threads and survives fork.
 *
 * Values go in as copies and come out as the caller's, to clear. Two values are equal as coop_any_equal() says: 1, 1.0
 * and true are; a NaN equals nothing, not even itself. What Python raises stands in the sentence, and its errno is:
 *   IndexError    -ERANGE
 *   ValueError    -ENOENT for a value that is not in the list, else -EINVAL
 *   TypeError     -EINVAL
 *   MemoryError   -ENOMEM (the manager's budget, see coop-manager(1)); -ENOSPC over 2^32 - 1 items
 * Further errors: those of <coop/manager.h>, and -ENOENT when the list was removed or its manager replaced.
 *
 * A nameless list goes when the process that made it closes its handle; if that process is killed, the list stays until
 * its manager ends. */
typedef struct coop_list coop_list;

/* A slice's start, stop or step that is left out, as in Python's l[:3] or l[::2]. */
#define COOP_OMIT INT64_MIN

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

/* Puts copies of all items of a list value at the end, as one command. -EINVAL: VALUES is no list. */
int coop_list_extend(coop_list *list, coop_any values) COOP_MUST_CHECK;

/* Puts a copy of VALUE before the item at INDEX; an index beyond either end means that end. */
int coop_list_insert(coop_list *list, int64_t index, coop_any value) COOP_MUST_CHECK;

/* The item at INDEX; a negative one counts from the end. *ret_value is the caller's, to clear.
 * -ERANGE: there is no such item. */
int coop_list_get(coop_list *list, int64_t index, coop_any *ret_value) COOP_MUST_CHECK;

/* Replaces the item at INDEX. -ERANGE. */
int coop_list_set(coop_list *list, int64_t index, coop_any value) COOP_MUST_CHECK;

/* Takes the item at INDEX out (-1: the last). *ret_value is the caller's, to clear; NULL if it is not wanted.
 * -ERANGE: there is no such item; any index of an empty list. */
int coop_list_pop(coop_list *list, int64_t index, coop_any *ret_value) COOP_MUST_CHECK;

/* Removes the item at INDEX. -ERANGE. */
int coop_list_del(coop_list *list, int64_t index) COOP_MUST_CHECK;

/* Removes the first item that equals VALUE. -ENOENT: there is none. */
int coop_list_remove(coop_list *list, coop_any value) COOP_MUST_CHECK;

/* Removes all items. */
int coop_list_clear(coop_list *list) COOP_MUST_CHECK;

/* The number of items. */
int coop_list_len(coop_list *list, size_t *ret_len) COOP_MUST_CHECK;

/* All items as they are at one moment: a list value, the caller's, to clear. */
int coop_list_copy(coop_list *list, coop_any *ret_values) COOP_MUST_CHECK;

/* Where the first item stands that equals VALUE, from START to before STOP, which are cut to the list as a slice's are:
 * 0 and INT64_MAX look through all of it. -ENOENT: there is none. */
int coop_list_index(coop_list *list, coop_any value, int64_t start, int64_t stop, size_t *ret_index) COOP_MUST_CHECK;

/* How many items equal VALUE; whether one does; whether the list equals a list value, item by item. */
int coop_list_count(coop_list *list, coop_any value, size_t *ret_count) COOP_MUST_CHECK;
int coop_list_contains(coop_list *list, coop_any value, bool *ret_contains) COOP_MUST_CHECK;
int coop_list_equal(coop_list *list, coop_any values, bool *ret_equal) COOP_MUST_CHECK;

/* The items START, START + STEP, ... before STOP, by Python's rules: negative bounds count from the end, those out of
 * range are cut to the list, each may be COOP_OMIT, and with a negative STEP it goes backwards. -EINVAL: STEP 0. */
int coop_list_get_slice(coop_list *list, int64_t start, int64_t stop, int64_t step,
                        coop_any *ret_values) COOP_MUST_CHECK;

/* Replaces those items by the items of a list value. With STEP 1 or COOP_OMIT there may be more or fewer: the list
 * grows or shrinks, and an empty slice makes it an insertion before START. With another step there must be as many:
 * -EINVAL. */
int coop_list_set_slice(coop_list *list, int64_t start, int64_t stop, int64_t step, coop_any values) COOP_MUST_CHECK;

/* Removes those items. */
int coop_list_del_slice(coop_list *list, int64_t start, int64_t stop, int64_t step) COOP_MUST_CHECK;

/* Sorts by Python's < (coop_any_less()), stable: equal items keep their order, also with REVERSE, which puts the
 * greatest first. KEY is what to sort by within each item: nil for the item itself; a map's key or a list's index; or a
 * list of those, which leads from level to level: coop_items((coop_any[]){coop_str("born"), coop_int(0)}, 2). Takes
 * time in proportion to the list's size times the logarithm of its length. -EINVAL: items that have no order, as text
 * and numbers, or no such key inside; -ENOENT, -ERANGE: an item lacks the key or index. */
int coop_list_sort(coop_list *list, coop_any key, bool reverse) COOP_MUST_CHECK;

/* Turns the order around. */
int coop_list_reverse(coop_list *list) COOP_MUST_CHECK;

/* The list's items and behind them those of a list value: Python's list + values. The list stays as it is. */
int coop_list_concat(coop_list *list, coop_any values, coop_any *ret_values) COOP_MUST_CHECK;

/* The items TIMES times behind one another; none if TIMES <= 0. The first changes the list (Python's *=), the second
 * leaves it as it is. */
int coop_list_repeat(coop_list *list, int64_t times) COOP_MUST_CHECK;
int coop_list_repeated(coop_list *list, int64_t times, coop_any *ret_values) COOP_MUST_CHECK;

/* Walks through a list of any length, in pages: some hundred items come in one round trip. It goes by index, as
 * Python's does: an item that is inserted or removed before the place where the walk is shifts what comes next, so that
 * an item may come twice or not at all; take coop_list_copy() for the items of one moment. A change within a page that
 * was fetched already is not seen. One thread at a time uses a walk; close it before the list. */
typedef struct coop_list_iter coop_list_iter;

/* Backwards it begins at the item that is last when coop_list_iter_next() is first called. */
int coop_list_iter_open(coop_list *list, bool backwards, coop_list_iter **ret_iter) COOP_MUST_CHECK;

/* The next item; -ENODATA (StopIteration) at the end, and from then on always. */
int coop_list_iter_next(coop_list_iter *iter, coop_any *ret_value) COOP_MUST_CHECK;

/* NULL is ignored. */
void coop_list_iter_close(coop_list_iter *iter);

static inline void coop_list_iter_closep(coop_list_iter **iter)
{
    coop_list_iter_close(*iter);
}

static inline void coop_list_closep(coop_list **list)
{
    coop_list_close(*list);
}

COOP_END_DECLS

#endif
