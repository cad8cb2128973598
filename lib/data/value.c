/* SPDX-License-Identifier: MIT */
/* Value: one typed number, byte string or record in shared memory. */
#include <coop/value.h>

#include "base/atomic.h"
#include "base/error.h"
#include "base/quote.h"
#include "data/refusal.h"
#include "data/scalar.h"
#include "data/typed.h"
#include "segment/robust.h"

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
    int result = coopi_scalar_get_i64(value->typed.number, value->typed.data, ret_number);
    return coopi_unlikely(result < 0) ? coopi_get_else_i64(result, &value->typed, COOPI_NO_INDEX, ret_number) : result;
}

int coop_value_get_u64(const coop_value *value, uint64_t *ret_number)
{
    int result = coopi_scalar_get_u64(value->typed.number, value->typed.data, ret_number);
    return coopi_unlikely(result < 0) ? coopi_get_else_u64(result, &value->typed, COOPI_NO_INDEX, ret_number) : result;
}

int coop_value_get_f64(const coop_value *value, double *ret_number)
{
    int result = coopi_scalar_get_f64(value->typed.number, value->typed.data, ret_number);
    return coopi_unlikely(result < 0) ? coopi_get_else_f64(result, &value->typed, COOPI_NO_INDEX, ret_number) : result;
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

static __attribute__((cold)) int wrong_size(const coop_value *value, size_t size, const char *what, uint32_t needed)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(EINVAL, "%s: %zu bytes given, but %s %s has %" PRIu32 "; pass a buffer of that size",
                      coopi_object_label(&value->typed.object), size, what,
                      coopi_quote(value->typed.type.text, quoted, sizeof quoted), needed);
}

/* At most 8 bytes: one atomic access, of all 8 where the size is none of the machine's. */
static uint64_t get_small(const coop_value *value)
{
    uint64_t word = 0;
    coopi_scalar_get_bytes(value->typed.data, &word, value->typed.type.size);
    return word;
}

static __attribute__((cold)) int no_versions(const coop_value *value)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(EINVAL, "%s: type %s of %" PRIu32 " bytes has no versions; only values of more than 8 bytes do",
                      coopi_object_label(&value->typed.object),
                      coopi_quote(value->typed.type.text, quoted, sizeof quoted), value->typed.type.size);
}

static int get_any_part(coop_value *value, uint32_t from, uint32_t size, void *ret_bytes, uint64_t *ret_version)
{
    const struct coopi_record *record = &value->typed.record;
    if (record->shm) {
        if (coopi_record_try(record, from, size, ret_bytes, ret_version)) return 0;
        return coopi_record_get(record, value->typed.lock, coopi_object_label(&value->typed.object), from, size,
                                ret_bytes, ret_version);
    }
    uint64_t word = get_small(value);
    memcpy(ret_bytes, (const uint8_t *)&word + from, size);
    return 0;
}

static int get_part(coop_value *value, uint32_t from, uint32_t size, void *ret_bytes, uint64_t *ret_version)
{
    int result = get_any_part(value, from, size, ret_bytes, ret_version);
    if (!value->typed.object.read_only) return result;
    int there = coopi_object_check_there(&value->typed.object);
    return there < 0 ? there : result;
}

/* The writers' lock, when it is not free or not so quick to get; and without one. COOP_OWNER_DIED goes up to the
 * caller: this was the acquire that was told, and the next one will not be. */
static __attribute__((noinline)) int set_slowly(coop_value *value, uint32_t from, uint32_t size, const void *bytes)
{
    coop_rlock *lock = value->typed.lock;
    int held = coopi_object_check_writable(&value->typed.object);
    if (held == 0 && lock) held = coop_rlock_acquire(lock, COOP_FOREVER);
    if (held < 0) return held;
    coopi_record_set_part(&value->typed.record, from, size, bytes);
    int released = lock ? coop_rlock_release(lock) : 0;
    return released < 0 ? released : held;
}

static int set_small_part(coop_value *value, uint32_t from, uint32_t size, const void *bytes)
{
    int refused = coopi_object_check_writable(&value->typed.object);
    if (refused < 0) return refused;
    uint64_t word = get_small(value), changed;
    do {
        changed = word;
        memcpy((uint8_t *)&changed + from, bytes, size);
    } while (!coopi_scalar_cas_bytes(value->typed.data, &word, changed, value->typed.type.size));
    return 0;
}

int coop_value_get_version(coop_value *value, void *ret_bytes, size_t size, uint64_t *ret_version)
{
    uint64_t version;
    if (size != value->typed.type.size) return wrong_size(value, size, "type", value->typed.type.size);
    if (!value->typed.record.shm) return no_versions(value);
    int result = get_part(value, 0, value->typed.type.size, ret_bytes, &version);
    if (result >= 0) *ret_version = version;
    return result;
}

int coop_value_version(const coop_value *value, uint64_t *ret_version)
{
    if (!value->typed.record.shm) return no_versions(value);
    uint64_t version = coopi_load_acquire(&value->typed.record.shm->sequence);
    int result = value->typed.object.read_only ? coopi_object_check_there(&value->typed.object) : 0;
    if (result == 0) *ret_version = version;
    return result;
}

int coop_value_get_bytes(coop_value *value, void *ret_bytes, size_t size)
{
    uint64_t version;
    if (coopi_unlikely(size != value->typed.type.size)) return wrong_size(value, size, "type", value->typed.type.size);
    return get_part(value, 0, value->typed.type.size, ret_bytes, &version);
}

int coop_value_set_bytes(coop_value *value, const void *bytes, size_t size)
{
    const struct coopi_record *record = &value->typed.record;
    coop_rlock *lock = value->typed.lock;
    if (coopi_unlikely(size != value->typed.type.size)) return wrong_size(value, size, "type", value->typed.type.size);
    if (!record->shm) {
        uint64_t word = 0;
        if (coopi_unlikely(!value->typed.number)) return coopi_object_check_writable(&value->typed.object);
        memcpy(&word, bytes, size);
        coopi_scalar_set_bytes(value->typed.data, &word, value->typed.type.size);
        return 0;
    }
    struct robust_list *saved;
    if (coopi_unlikely(!lock || !coopi_robust_try_brief(lock->object.slot, &lock->shm->robust, &saved)))
        return set_slowly(value, 0, value->typed.type.size, bytes);
    coopi_record_set(record, bytes);
    coopi_robust_give_up_brief(lock->object.slot, &lock->shm->robust, saved);
    return 0;
}

/* Strings */

static int no_string(const coop_value *value)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(EINVAL, "%s: type %s is no string; make it \"16s\" or alike",
                      coopi_object_label(&value->typed.object),
                      coopi_quote(value->typed.type.text, quoted, sizeof quoted));
}

int coop_value_get_string(coop_value *value, char *ret_string, size_t size)
{
    uint32_t room = value->typed.type.size;
    if (!coopi_type_is_string(&value->typed.type)) return no_string(value);
    if (size <= room)
        return coopi_fail(ERANGE, "%s: the string may have %" PRIu32 " bytes and a NUL, and there is room for %zu",
                          coopi_object_label(&value->typed.object), room, size);
    int result = coop_value_get_bytes(value, ret_string, room);
    if (result >= 0) ret_string[room] = 0;
    return result;
}

int coop_value_set_string(coop_value *value, const char *string)
{
    uint32_t room = value->typed.type.size;
    size_t length = strlen(string);
    if (!coopi_type_is_string(&value->typed.type)) return no_string(value);
    if (length > room)
        return coopi_fail(ERANGE, "%s: a string of %zu bytes does not fit into %" PRIu32 "; nothing was changed",
                          coopi_object_label(&value->typed.object), length, room);
    if (length == room) return coop_value_set_bytes(value, string, room);
    char *padded = malloc(room);
    if (!padded) return coopi_fail(ENOMEM, "%s: out of memory", coopi_object_label(&value->typed.object));
    strncpy(padded, string, room); /* with NULs to the end */
    int result = coop_value_set_bytes(value, padded, room);
    free(padded);
    return result;
}

/* Fields */

/* The place of a field of SIZE bytes. */
static int find_field(const coop_value *value, const char *field, size_t size, struct coopi_place *ret_place)
{
    const char *label = coopi_object_label(&value->typed.object);
    if (!field) return coopi_fail(EINVAL, "%s: no field given; name one, such as \"position.x\"", label);
    int result = coopi_type_find(&value->typed.type, field, label, ret_place);
    if (result < 0) return result;
    uint32_t needed = coopi_place_size(ret_place);
    return size == needed ? 0 : wrong_size(value, size, "that part of", needed);
}

int coop_value_get_field(coop_value *value, const char *field, void *ret_bytes, size_t size)
{
    struct coopi_place place;
    uint64_t version;
    int result = find_field(value, field, size, &place);
    return result < 0 ? result : get_part(value, place.offset, (uint32_t)size, ret_bytes, &version);
}

int coop_value_set_field(coop_value *value, const char *field, const void *bytes, size_t size)
{
    struct coopi_place place;
    int result = find_field(value, field, size, &place);
    if (result < 0) return result;
    if (!value->typed.record.shm) return set_small_part(value, place.offset, (uint32_t)size, bytes);
    return set_slowly(value, place.offset, (uint32_t)size, bytes);
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
