/* SPDX-License-Identifier: MIT */
/* Value: one typed number or byte string in shared memory. */
#include <coop/value.h>

#include "base/atomic.h"
#include "base/error.h"
#include "data/refusal.h"
#include "data/scalar.h"
#include "data/typed.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct coop_value {
    struct coopi_typed typed;
};

/* Opening */

static int open_value(const struct coopi_typed_want *want, coop_value **ret_value)
{
    coop_value *value = calloc(1, sizeof *value);
    if (!value) return coopi_fail(ENOMEM, "%s: no memory for a handle", want->path ? want->path : "nameless value");
    int result = coopi_typed_open(want, &value->typed);
    if (result < 0) {
        free(value);
        return result;
    }
    *ret_value = value;
    return 0;
}

int coop_value_open(const char *path, const char *type, int flags, coop_value **ret_value)
{
    struct coopi_typed_want want = {.path = path, .kind = COOPI_VALUE, .type = type, .length = 1, .flags = flags};
    return open_value(&want, ret_value);
}

int coop_value_new(const char *type, coop_value **ret_value)
{
    return coop_value_open(NULL, type, COOP_CREATE, ret_value);
}

int coop_value_in(coop_segment *segment, const char *name, const char *type, int flags, coop_value **ret_value)
{
    if (!segment) return coopi_fail(EINVAL, "%s: no segment given; open one first", name ? name : "nameless value");
    struct coopi_typed_want want = {
        .path = name, .segment = segment, .kind = COOPI_VALUE, .type = type, .length = 1, .flags = flags};
    return open_value(&want, ret_value);
}

void coop_value_close(coop_value *value)
{
    if (!value) return;
    coopi_typed_close(&value->typed);
    free(value);
}

/* Numbers. Each call is one operation of scalar.c, and a sentence if that failed. */

static inline int done_i64(int result, const coop_value *value, int64_t number)
{
    return coopi_unlikely(result < 0) ? coopi_refuse_i64(result, &value->typed, COOPI_NO_INDEX, number) : result;
}

static inline int done_u64(int result, const coop_value *value, uint64_t number)
{
    return coopi_unlikely(result < 0) ? coopi_refuse_u64(result, &value->typed, COOPI_NO_INDEX, number) : result;
}

static inline int done_f64(int result, const coop_value *value, double number)
{
    return coopi_unlikely(result < 0) ? coopi_refuse_f64(result, &value->typed, COOPI_NO_INDEX, number) : result;
}

int coop_value_get_i64(const coop_value *value, int64_t *ret_number)
{
    return done_i64(coopi_scalar_get_i64(value->typed.number, value->typed.data, ret_number), value, 0);
}

int coop_value_get_u64(const coop_value *value, uint64_t *ret_number)
{
    return done_u64(coopi_scalar_get_u64(value->typed.number, value->typed.data, ret_number), value, 0);
}

int coop_value_get_f64(const coop_value *value, double *ret_number)
{
    return done_f64(coopi_scalar_get_f64(value->typed.number, value->typed.data, ret_number), value, 0);
}

int coop_value_set_i64(coop_value *value, int64_t number)
{
    return done_i64(coopi_scalar_set_i64(value->typed.number, value->typed.data, number), value, number);
}

int coop_value_set_u64(coop_value *value, uint64_t number)
{
    return done_u64(coopi_scalar_set_u64(value->typed.number, value->typed.data, number), value, number);
}

int coop_value_set_f64(coop_value *value, double number)
{
    return done_f64(coopi_scalar_set_f64(value->typed.number, value->typed.data, number), value, number);
}

/* Out of line, so that the short way saves no registers. */
static __attribute__((noinline)) int add_i64(coop_value *value, int64_t delta, int64_t *ret_new, int tried)
{
    if (tried < 0) coopi_scalar_stand_back();
    return done_i64(coopi_scalar_add_i64(value->typed.number, value->typed.data, delta, ret_new), value, delta);
}

int coop_value_add_i64(coop_value *value, int64_t delta, int64_t *ret_new)
{
    int tried = coopi_scalar_try_add(value->typed.number, value->typed.data, delta, ret_new);
    return coopi_unlikely(tried <= 0) ? add_i64(value, delta, ret_new, tried) : 0;
}

int coop_value_add_f64(coop_value *value, double delta, double *ret_new)
{
    return done_f64(coopi_scalar_add_f64(value->typed.number, value->typed.data, delta, ret_new), value, delta);
}

int coop_value_exchange_i64(coop_value *value, int64_t number, int64_t *ret_old)
{
    return done_i64(coopi_scalar_exchange_i64(value->typed.number, value->typed.data, number, ret_old), value, number);
}

int coop_value_exchange_f64(coop_value *value, double number, double *ret_old)
{
    return done_f64(coopi_scalar_exchange_f64(value->typed.number, value->typed.data, number, ret_old), value, number);
}

int coop_value_compare_exchange_i64(coop_value *value, int64_t *expected, int64_t desired)
{
    int result = coopi_scalar_compare_exchange_i64(value->typed.number, value->typed.data, expected, desired);
    return done_i64(result, value, desired);
}

int coop_value_compare_exchange_f64(coop_value *value, double *expected, double desired)
{
    int result = coopi_scalar_compare_exchange_f64(value->typed.number, value->typed.data, expected, desired);
    return done_f64(result, value, desired);
}

/* Bytes */

static int check_size(const coop_value *value, size_t size)
{
    const struct coopi_type *type = &value->typed.type;
    if (size == type->size) return 0;
    return coopi_fail(EINVAL, "%s: %zu bytes given, but type \"%s\" has %" PRIu32 "; pass a buffer of that size",
                      coopi_object_label(&value->typed.object), size, type->text, type->size);
}

/* One scalar (or one byte): copied by one atomic access. */
static bool is_single(const coop_value *value)
{
    return value->typed.type.count == 1;
}

/* Copies under the value's lock, if it has one. COOP_OWNER_DIED goes up to the caller: this was the acquire that was
 * told, and the next one will not be. */
static int copy_locked(coop_value *value, void *to, const void *from)
{
    coop_rlock *lock = value->typed.lock;
    int held = lock ? coop_rlock_acquire(lock, COOP_FOREVER) : 0;
    if (held < 0) return held;
    memcpy(to, from, value->typed.type.size);
    int released = lock ? coop_rlock_release(lock) : 0;
    return released < 0 ? released : held;
}

int coop_value_get_bytes(coop_value *value, void *ret_bytes, size_t size)
{
    int result = check_size(value, size);
    if (result < 0) return result;
    if (!is_single(value)) return copy_locked(value, ret_bytes, value->typed.data);
    coopi_scalar_get_bytes(value->typed.data, ret_bytes, value->typed.type.size);
    return 0;
}

int coop_value_set_bytes(coop_value *value, const void *bytes, size_t size)
{
    int result = check_size(value, size);
    if (result < 0) return result;
    if (!is_single(value)) return copy_locked(value, value->typed.data, bytes);
    coopi_scalar_set_bytes(value->typed.data, bytes, value->typed.type.size);
    return 0;
}

/* Lock and description */

coop_rlock *coop_value_lock(coop_value *value)
{
    return value->typed.lock;
}

int coop_value_use_lock(coop_value *value, coop_rlock *lock)
{
    return coopi_typed_use_lock(&value->typed, lock);
}

const char *coop_value_type(const coop_value *value)
{
    return value->typed.type.text;
}

size_t coop_value_size(const coop_value *value)
{
    return value->typed.type.size;
}

const char *coop_value_path(const coop_value *value)
{
    return value->typed.object.path;
}
