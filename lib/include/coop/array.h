/* SPDX-License-Identifier: MIT */
/* Array: a fixed number of typed items in shared memory.
 *
 * TYPE is the format of one item, as for Value: a native scalar, `Ns`, or a row such as `3d`. Indexes count from 0;
 * negative ones count from the end, as in Python (-1 is the last). Bounds are always checked.
 *
 * Single scalar items are read and written by one atomic access each and need no lock. Copies of many items
 * (coop_array_read, coop_array_write) are not atomic as a whole: hold the array's lock around them where others write.
 * The plain view (coop_array_data) runs at memory speed and is all yours to synchronise. A writer that is killed leaves
 * the items it had stored; if it held the lock, the next holder is told by COOP_OWNER_DIED.
 *
 * Thread-safe; item get, set and add are async-signal-safe as long as they succeed. Handles survive fork(). */
#ifndef COOP_ARRAY_H
#define COOP_ARRAY_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>

COOP_BEGIN_DECLS

typedef struct coop_array coop_array;

/* By path; a NULL path makes a nameless one. LENGTH items (0 is allowed), all zero when new; more than fit is
 * -ENOSPC. Opening an existing array, LENGTH must be its length or COOP_ANY_LENGTH, and TYPE its type or NULL. Flags
 * and errors as for coop_value_open(); another length is -EINVAL and names both. */
#define COOP_ANY_LENGTH SIZE_MAX
int coop_array_open(const char *path, const char *type, size_t length, int flags,
                    coop_array **ret_array) COOP_MUST_CHECK;
int coop_array_new(const char *type, size_t length, coop_array **ret_array) COOP_MUST_CHECK;
int coop_array_in(coop_segment *segment, const char *name, const char *type, size_t length, int flags,
                  coop_array **ret_array) COOP_MUST_CHECK;

/* Frees the handle, and not the array; NULL is ignored. */
void coop_array_close(coop_array *array);

/* Number of items; bytes of one item; format of one item; path (NULL for a nameless one). */
size_t coop_array_length(const coop_array *array);
size_t coop_array_item_size(const coop_array *array);
const char *coop_array_type(const coop_array *array);
const char *coop_array_path(const coop_array *array);

/* One item as a number; ranges as for Value. -ERANGE for an index out of bounds (the sentence gives index and length).
 * -EINVAL for items that are no scalars: read and write those with the calls below. */
int coop_array_get_i64(const coop_array *array, int64_t index, int64_t *ret_number);
int coop_array_get_u64(const coop_array *array, int64_t index, uint64_t *ret_number);
int coop_array_get_f64(const coop_array *array, int64_t index, double *ret_number);
int coop_array_set_i64(coop_array *array, int64_t index, int64_t number);
int coop_array_set_u64(coop_array *array, int64_t index, uint64_t number);
int coop_array_set_f64(coop_array *array, int64_t index, double number);

/* Atomic operations on one item, as for Value. */
int coop_array_add_i64(coop_array *array, int64_t index, int64_t delta, int64_t *ret_new);
int coop_array_add_f64(coop_array *array, int64_t index, double delta, double *ret_new);
int coop_array_exchange_i64(coop_array *array, int64_t index, int64_t number, int64_t *ret_old);
int coop_array_exchange_f64(coop_array *array, int64_t index, double number, double *ret_old);
int coop_array_compare_exchange_i64(coop_array *array, int64_t index, int64_t *expected,
                                    int64_t desired) COOP_MUST_CHECK;
int coop_array_compare_exchange_f64(coop_array *array, int64_t index, double *expected, double desired) COOP_MUST_CHECK;

/* Copies COUNT items from START (negative counts from the end) out to, or in from, COUNT * item_size bytes of the
 * caller's. All COUNT items must exist: -ERANGE, and nothing is copied. */
int coop_array_read(const coop_array *array, int64_t start, size_t count, void *ret_items);
int coop_array_write(coop_array *array, int64_t start, size_t count, const void *items);

/* The items themselves: coop_array_length() * coop_array_item_size() bytes, aligned to 64, valid until the handle is
 * closed. */
void *coop_array_data(coop_array *array);

/* As coop_value_lock() and coop_value_use_lock(). */
coop_rlock *coop_array_lock(coop_array *array);
int coop_array_use_lock(coop_array *array, coop_rlock *lock) COOP_MUST_CHECK;

static inline void coop_array_closep(coop_array **array)
{
    coop_array_close(*array);
}

COOP_END_DECLS

#ifndef __cplusplus
#define coop_array_set(array, index, number)                                                                           \
    COOP_NUMBER_(number, coop_array_set_i64, coop_array_set_u64, coop_array_set_f64)((array), (index), (number))
#define coop_array_add(array, index, delta, ret_new)                                                                   \
    _Generic((delta), float                                                                                            \
             : coop_array_add_f64, double                                                                              \
             : coop_array_add_f64, default                                                                             \
             : coop_array_add_i64)((array), (index), (delta), (ret_new))
#define coop_array_get(array, index, ret_number)                                                                       \
    _Generic((ret_number), int64_t *: coop_array_get_i64, uint64_t *: coop_array_get_u64,                              \
             double *: coop_array_get_f64)((array), (index), (ret_number))
#endif

#endif
