/* SPDX-License-Identifier: MIT */
/* clang-format off */
/* Value: one typed number, byte string, row of numbers or record in shared memory.
 *
 * TYPE is a format string as in Python's struct module and PEP 3118:
 *     ? bool   c char   b B 8 bits   h H short   i I int   l L long   q Q long long   n N ssize_t, size_t
 *     f float  d double
 *     16s                           16 bytes
 *     3d  (3,4)d  (2)16s            rows and matrices
 *     T{d:x: d:y: 16s:label:}       struct { double x, y; char label[16]; }, laid out as the C compiler does it, with
 *                                   the padding at its end. Records nest, and have rows of records (`4T{...}`).
 *                                   Padding may be written out: `x` is a byte of it, and `0d` none, but up to where
 *                                   a d may stand
 *     id3x                          several scalars as Python's struct has them: without padding at the end; the fields
 *                                   are f0, f1, ...
 * with blanks and '@' between them; at most 4095 characters, 1,023 fields, 16 records within each other and 1 GiB. The
 * type that a value says it has is this text in its shortest form. Two texts that lay out the same names in the same
 * way are the same type.
 *
 * Whatever has at most 8 bytes is read and written by one atomic access, so a reader never sees half of a value, and a
 * writer killed at any instruction leaves the old value or the new one. For numbers add, exchange and compare_exchange
 * are atomic as well. Reading sees what was written to other memory before the value was set, so a value may be the
 * flag that publishes other data. What is larger (`16s`, `3d`, records) keeps both promises by two buffers: a writer
 * takes the value's lock, fills the one that nobody reads, and makes it count by one store; a reader takes no lock,
 * gets a whole version, and is stopped neither by a dead nor by a stopped writer. Only one that finds writers faster
 * than itself 64 times joins their queue. Writers of a raw value (COOP_RAW) without a lock have to take turns by other
 * means: two at once may mix their bytes.
 *
 * Each value has an RLock of its own (coop_value_lock(), as Python's get_lock()) for steps that belong together, unless
 * it was made with COOP_RAW. On purpose other than in Python, get does not wait for that lock, nor does set of at most
 * 8 bytes: they are whole without it, and a stopped holder does not stop readers.
 *
 * Thread-safe; get, set, add, exchange and compare_exchange of at most 8 bytes are async-signal-safe as long as they
 * succeed. Handles survive fork().
 *
 * The two buffers behind a sequence are akin to the Linux kernel's seqcount_latch; here the sequence tells versions,
 * and must be the same before and after a copy. */
/* clang-format on */
#ifndef COOP_VALUE_H
#define COOP_VALUE_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_value coop_value;

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. A new value is zero. FLAGS: COOP_CREATE, COOP_EXCL, COOP_RAW (heeded when it is made), COOP_INTR,
 * COOP_TRUST_PEERS, COOP_READ_ONLY (segment.h). TYPE NULL opens an existing value as whatever it is. Errors: those of
 * coop_segment_open(), -ENOENT, -EEXIST, -ENOSPC, -EINVAL: a malformed name or type (the sentence gives the column), an
 * object of another kind or type (it names the first difference). */
int coop_value_open(const char *path, const char *type, int flags, coop_value **ret_value) COOP_MUST_CHECK;

/* A new nameless value: as opening a NULL path. */
int coop_value_new(const char *type, coop_value **ret_value) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_value_in(coop_segment *segment, const char *name, const char *type, int flags,
                  coop_value **ret_value) COOP_MUST_CHECK;

/* Frees the handle, and not the value; NULL is ignored. If this thread holds its own lock, that stays held, and
 * coop_error_detail() says so: open it again to release it. */
void coop_value_close(coop_value *value);

/* The value as a number. Integers widen and narrow by value: -ERANGE if it does not fit RET's type or the value's (a
 * fraction does not fit an integer: -ERANGE). Towards a float or double, numbers are rounded, as in Python and C; a
 * finite one that would become infinite is -ERANGE. `?` takes 0 and 1; `c` takes -128 to 255 and reads back as C's char
 * does. -EINVAL for all but scalars. */
int coop_value_get_i64(const coop_value *value, int64_t *ret_number);
int coop_value_get_u64(const coop_value *value, uint64_t *ret_number);
int coop_value_get_f64(const coop_value *value, double *ret_number);
int coop_value_set_i64(coop_value *value, int64_t number);
int coop_value_set_u64(coop_value *value, uint64_t number);
int coop_value_set_f64(coop_value *value, double number);

/* The value's bytes in this machine's order, of any type, always a whole version. SIZE must be its size: -EINVAL names
 * both. Setting more than 8 bytes takes the value's lock, if it has one, and waits for it for ever: errors as for
 * coop_rlock_acquire(). COOP_OWNER_DIED: done, and the lock's last owner died holding it; the value was whole all the
 * same, but if he held the lock for several steps, some of them were not made. No later acquire will tell it again.
 * -EAGAIN after a million tries: somebody sets it all the time without the lock. -ESTALE: it is open with
 * COOP_READ_ONLY, and was removed. Those are the only failures after which RET's bytes may be others than before. */
int coop_value_get_bytes(coop_value *value, void *ret_bytes, size_t size);
int coop_value_set_bytes(coop_value *value, const void *bytes, size_t size);

/* How often a value of more than 8 bytes was set since it was made: a reader that has seen this version has missed
 * nothing. get_version reads as get_bytes does and tells which version it was. Smaller values count nothing: -EINVAL.
 */
int coop_value_version(const coop_value *value, uint64_t *ret_version);
int coop_value_get_version(coop_value *value, void *ret_bytes, size_t size, uint64_t *ret_version);

/* A part of the value: FIELD is the name of a record's field, such as `label`, `position.x`, `samples[3]`, `[2]`. Its
 * bytes are all of one version, and set makes a version that differs from the one before in that part only, however
 * many set parts at once (with a lock; else take turns). SIZE must be the part's: -EINVAL. -ENOENT: there is no such
 * field (the sentence lists those there are); -ERANGE: no such index. Else as get_bytes and set_bytes. */
int coop_value_get_field(coop_value *value, const char *field, void *ret_bytes, size_t size);
int coop_value_set_field(coop_value *value, const char *field, const void *bytes, size_t size);

/* A value of type `Ns` or `Nc` as a string. Set pads with NULs; a string of more than N bytes is -ERANGE. Get ends the
 * string with a NUL, and needs room for N + 1 bytes (-ERANGE). get_bytes and set_bytes give and take all N as they are.
 */
int coop_value_get_string(coop_value *value, char *ret_string, size_t size);
int coop_value_set_string(coop_value *value, const char *string);

/* Adds atomically and gives the new number (RET may be NULL). A result out of the type's range, or of RET's, is -ERANGE
 * and changes nothing, not even for a moment. Not for `?`, `c` and what is no scalar (-EINVAL). */
int coop_value_add_i64(coop_value *value, int64_t delta, int64_t *ret_new);
int coop_value_add_f64(coop_value *value, double delta, double *ret_new);

/* Stores atomically and gives what was there before (RET may be NULL). If that does not fit RET: -ERANGE, and nothing
 * is stored. */
int coop_value_exchange_i64(coop_value *value, int64_t number, int64_t *ret_old);
int coop_value_exchange_f64(coop_value *value, double number, double *ret_old);

/* Stores DESIRED only if the value equals *EXPECTED; returns 1 if it did, 0 if not, and then *EXPECTED is what is there
 * (the one output that changes without success; -ERANGE if it cannot tell it). Floats compare by their bits. */
int coop_value_compare_exchange_i64(coop_value *value, int64_t *expected, int64_t desired) COOP_MUST_CHECK;
int coop_value_compare_exchange_f64(coop_value *value, double *expected, double desired) COOP_MUST_CHECK;

/* The value's lock, borrowed from the handle: do not close it. NULL for a raw value that was given none, and for a
 * handle that only reads. */
coop_rlock *coop_value_lock(coop_value *value);

/* Gives a raw value a lock for this handle (several values may share one): borrowed, and must outlive the handle.
 * -EEXIST if it has a lock already; -EACCES if it only reads. More than 8 bytes are then set under it. Not thread-safe:
 * call it before other threads use the handle. */
int coop_value_use_lock(coop_value *value, coop_rlock *lock) COOP_MUST_CHECK;

/* Format string, size in bytes, and `segment/object` (NULL for a nameless one). The strings live as long as the handle.
 */
const char *coop_value_type(const coop_value *value);
size_t coop_value_size(const coop_value *value);
const char *coop_value_path(const coop_value *value);

static inline void coop_value_closep(coop_value **value)
{
    coop_value_close(*value);
}

COOP_END_DECLS

/* C callers may leave the type of the number to the compiler: coop_value_set(v, 5), coop_value_get(v, &x) with x an
 * int64_t, uint64_t (or long long forms) or double. */
#ifndef __cplusplus
#define COOP_NUMBER_(number, i64, u64, f64)                                                                            \
    _Generic((number), float : f64, double : f64, unsigned long : u64, unsigned long long : u64, default : i64)
#define coop_value_set(value, number)                                                                                  \
    COOP_NUMBER_(number, coop_value_set_i64, coop_value_set_u64, coop_value_set_f64)((value), (number))
#define coop_value_add(value, delta, ret_new)                                                                          \
    _Generic((delta), float                                                                                            \
             : coop_value_add_f64, double                                                                              \
             : coop_value_add_f64, default                                                                             \
             : coop_value_add_i64)((value), (delta), (ret_new))
#define coop_value_exchange(value, number, ret_old)                                                                    \
    _Generic((number), float                                                                                           \
             : coop_value_exchange_f64, double                                                                         \
             : coop_value_exchange_f64, default                                                                        \
             : coop_value_exchange_i64)((value), (number), (ret_old))
#define coop_value_get(value, ret_number)                                                                              \
    _Generic((ret_number), int64_t *: coop_value_get_i64, uint64_t *: coop_value_get_u64,                              \
             double *: coop_value_get_f64)((value), (ret_number))
#endif

/* A struct of the caller's with the layout of the value's type: coop_value_get_record(v, &reading). */
#define coop_value_get_record(value, ret_record) coop_value_get_bytes((value), (ret_record), sizeof *(ret_record))
#define coop_value_set_record(value, record) coop_value_set_bytes((value), (record), sizeof *(record))

#endif
