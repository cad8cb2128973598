/* SPDX-License-Identifier: MIT */
/* Array: a fixed number of typed items in shared memory.
 *
 * TYPE is the format of one item, as for Value: a native scalar, `Ns`, a row such as `3d`, or a record `T{d:x: d:y:}`,
 * and items follow each other as in a C array. Indexes count from 0; negative ones count from the end, as in Python (-1
 * is the last). Bounds are always checked.
 *
 * Single scalar items are read and written by one atomic access each and need no lock. Copies of many items (read,
 * write, slices, fill) and of records and strings are not atomic as a whole: hold the array's lock around them where
 * others write.
 * The plain view (coop_array_data) runs at memory speed and is all yours to synchronise.
 *
 * A writer that is killed in the midst of many items leaves some of them new and some old. With a STEP other than 1,
 * and in fill, they are stored one by one, in order: scalars are each old or new, and of a record or string one at most
 * is half of both. Items in one piece (write, or a slice with STEP 1) are copied as memory is: in no order that anybody
 * promises, and some may be half of both. A single scalar is old or new. Nothing is put back: who must know holds the
 * array's lock around the writing, and then the next holder is told by COOP_OWNER_DIED. An array without a lock
 * (COOP_RAW) tells nobody.
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

/* Frees the handle, and not the array; NULL is ignored. If this thread holds its own lock, that stays held, and
 * coop_error_detail() says so: open it again to release it. */
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

/* Slices as in Python: the items START, START + STEP, ... before STOP. A negative bound counts from the end, one beyond
 * an end is that end, and COOP_OMITTED (also as STEP) is what Python takes if nothing is written; a negative STEP goes
 * backwards, so (COOP_OMITTED, COOP_OMITTED, -1) is the array reversed. STEP 0 is -EINVAL. No bound is an error: a
 * slice may be empty.
 *
 * get copies to ROOM items of the caller's (-ERANGE if the slice has more: nothing is copied) and says how many they
 * were (RET may be NULL); set takes exactly as many items as the slice has (-EINVAL, nothing is changed); fill gives
 * each the SIZE bytes of one item (-EINVAL if that is not coop_array_item_size()). The caller's items must not lie in
 * the array. What a writer leaves that is killed stands above. */
#define COOP_OMITTED INT64_MIN
int coop_array_slice_length(const coop_array *array, int64_t start, int64_t stop, int64_t step, size_t *ret_count);
int coop_array_get_slice(const coop_array *array, int64_t start, int64_t stop, int64_t step, void *ret_items,
                         size_t room, size_t *ret_count);
int coop_array_set_slice(coop_array *array, int64_t start, int64_t stop, int64_t step, const void *items, size_t count);
int coop_array_fill(coop_array *array, int64_t start, int64_t stop, int64_t step, const void *item, size_t size);

/* One item's bytes, of any type. SIZE must be the item's: -EINVAL names both. Scalars by one atomic access. */
int coop_array_get_bytes(const coop_array *array, int64_t index, void *ret_item, size_t size);
int coop_array_set_bytes(coop_array *array, int64_t index, const void *item, size_t size);

/* An item of type `Ns` or `Nc` as a string. Set pads with NULs; a string of more than N bytes is -ERANGE. Get ends the
 * string with a NUL, and needs room for N + 1 bytes (-ERANGE). */
int coop_array_get_string(const coop_array *array, int64_t index, char *ret_string, size_t size);
int coop_array_set_string(coop_array *array, int64_t index, const char *string);

/* A whole array of `c` as a string, as the `value` of Python's Array('c', n); read and write are its `raw`. Other than
 * there, set fills all of the rest with NULs. */
int coop_array_get_value(const coop_array *array, char *ret_string, size_t size);
int coop_array_set_value(coop_array *array, const char *string);

/* The items themselves: coop_array_length() * coop_array_item_size() bytes, aligned to 64, valid until the handle is
 * closed. Only to be read where the array is open with COOP_READ_ONLY: a store there is SIGSEGV. */
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

/* An item that is a struct of the caller's with the layout of the type: coop_array_get_record(a, 3, &point). */
#define coop_array_get_record(array, index, ret_record)                                                                \
    coop_array_get_bytes((array), (index), (ret_record), sizeof *(ret_record))
#define coop_array_set_record(array, index, record) coop_array_set_bytes((array), (index), (record), sizeof *(record))

#endif
