/* SPDX-License-Identifier: MIT */
/* Reading values out of bytes that passed the scan. */
#include "base/error.h"
#include "proxy/any.h"
#include "proxy/head.h"
#include "proxy/key.h"
#include "proxy/pairs.h"
#include "proxy/wire.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>

static int unexpected(const struct coopi_reader *r, const char *wanted)
{
    return coopi_fail(EBADMSG, "message: byte %zu: expected %s; see PROTOCOL.md", r->off, wanted);
}

/* The next value's head, if it is of KIND. The bytes are looked at again, which costs less than to be wrong. */
static int next_head(const struct coopi_reader *r, int kind, struct coopi_head *ret_head, const char *wanted)
{
    struct coopi_head head;
    if (coopi_head_read(r->data + r->off, r->len - r->off, &head) < 0 || head.kind != kind)
        return unexpected(r, wanted);
    *ret_head = head;
    return 0;
}

int coopi_read_array(struct coopi_reader *r, uint32_t *ret_count)
{
    struct coopi_head head = {0};
    int result = next_head(r, COOPI_HEAD_ARRAY, &head, "an array");
    if (result < 0) return result;
    r->off += head.size;
    *ret_count = head.count;
    return 0;
}

static int read_slice(struct coopi_reader *r, int kind, const char *wanted, const void **ret_bytes, size_t *ret_size)
{
    struct coopi_head head = {0};
    int result = next_head(r, kind, &head, wanted);
    if (result < 0) return result;
    if (head.count > r->len - r->off - head.size) return unexpected(r, wanted);
    *ret_bytes = r->data + r->off + head.size;
    *ret_size = head.count;
    r->off += head.size + head.count;
    return 0;
}

int coopi_read_str(struct coopi_reader *r, const char **ret_text, size_t *ret_size)
{
    const void *bytes;
    int result = read_slice(r, COOPI_HEAD_STR, "a str", &bytes, ret_size);
    if (result == 0) *ret_text = bytes;
    return result;
}

int coopi_read_bytes(struct coopi_reader *r, const void **ret_bytes, size_t *ret_size)
{
    return read_slice(r, COOPI_HEAD_BYTES, "a bin", ret_bytes, ret_size);
}

/* msgpack-c has one code for "no memory" and "too deep". */
static int explain_failure(const struct coopi_reader *r)
{
    struct coopi_reader end = *r;
    int result = coopi_read_skip(&end);
    if (result == 0) result = coopi_wire_scan(r->data + r->off, end.off - r->off, COOP_ANY_DEPTH);
    return result < 0 ? result : coopi_fail(ENOMEM, "message: no memory for a value of %zu bytes", end.off - r->off);
}

/* msgpack-c's view of the next value; the caller destroys *ret also after a failure. */
static int unpack(struct coopi_reader *r, msgpack_unpacked *ret)
{
    size_t off = r->off;
    msgpack_unpacked_init(ret);
    msgpack_unpack_return got = msgpack_unpack_next(ret, (const char *)r->data, r->len, &off);
    if (got == MSGPACK_UNPACK_NOMEM_ERROR) return explain_failure(r);
    if (got != MSGPACK_UNPACK_SUCCESS && got != MSGPACK_UNPACK_EXTRA_BYTES) return unexpected(r, "a value");
    r->off = off;
    return 0;
}

/* Strings and bytes borrow from the message. */
static coop_any plain(const msgpack_object *o)
{
    switch (o->type) {
    case MSGPACK_OBJECT_BOOLEAN: return coop_bool(o->via.boolean);
    case MSGPACK_OBJECT_POSITIVE_INTEGER: return coop_uint(o->via.u64);
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: return coop_int(o->via.i64);
    case MSGPACK_OBJECT_FLOAT32:
    case MSGPACK_OBJECT_FLOAT64: return coop_float(o->via.f64);
    case MSGPACK_OBJECT_STR: return coop_strn(o->via.str.ptr, o->via.str.size);
    case MSGPACK_OBJECT_BIN: return coop_bytes(o->via.bin.ptr, o->via.bin.size);
    default: return coop_nil();
    }
}

int coopi_read_plain(struct coopi_reader *r, coop_any *ret_value)
{
    struct coopi_reader after = *r;
    struct coopi_head head;
    if (coopi_head_read(r->data + r->off, r->len - r->off, &head) < 0 || head.kind == COOPI_HEAD_ARRAY ||
        head.kind == COOPI_HEAD_MAP)
        return unexpected(r, "nil, a bool, a number, a str or a bin");
    msgpack_unpacked unpacked;
    int result = unpack(&after, &unpacked);
    if (result == 0) {
        *ret_value = plain(&unpacked.data);
        *r = after;
    }
    msgpack_unpacked_destroy(&unpacked);
    return result;
}

int coopi_read_uint(struct coopi_reader *r, uint64_t *ret_number)
{
    struct coopi_reader after = *r;
    coop_any number;
    int result = coopi_read_plain(&after, &number);
    if (result < 0) return result;
    if (number.type != COOP_UINT && (number.type != COOP_INT || number.as.integer < 0))
        return unexpected(r, "an int >= 0");
    *r = after;
    *ret_number = number.as.natural;
    return 0;
}

static int convert(const msgpack_object *o, coop_any *ret_value);

static int convert_array(const msgpack_object_array *array, coop_any *ret_value)
{
    coop_any *items = array->size ? coopi_items_new(array->size) : NULL;
    if (array->size && !items) return coopi_fail(ENOMEM, "message: no memory for a list of %u items", array->size);
    for (uint32_t i = 0; i < array->size; i++) {
        int result = convert(&array->ptr[i], &items[i]);
        if (result < 0) {
            coop_any half = coopi_any_own(COOP_LIST, items, i);
            coop_any_clear(&half);
            return result;
        }
    }
    *ret_value = coopi_any_own(COOP_LIST, items, array->size);
    return 0;
}

/* Puts one pair into a map that has room for it. Of a key that comes again the new value replaces the old. */
static int convert_pair(const msgpack_object_kv *kv, coop_any *map, const struct coopi_pairs_index *index)
{
    coop_any key = plain(&kv->key);
    if (coopi_key_check(&key) < 0) return coopi_fail(EBADMSG, "message: NaN as a map's key; it equals nothing");
    coop_pair *pairs = coopi_pairs(map);
    uint32_t *slot = coopi_pairs_index_slot(index, pairs, &key);
    coop_any value;
    int result = convert(&kv->val, &value);
    if (result < 0) return result;
    if (*slot) {
        coop_any_clear(&pairs[*slot - 1].value);
        pairs[*slot - 1].value = value;
        return 0;
    }
    result = convert(&kv->key, &pairs[map->size].key);
    if (result < 0) {
        coop_any_clear(&value);
        return result;
    }
    pairs[map->size].value = value;
    *slot = ++map->size;
    return 0;
}

static int convert_map(const msgpack_object_map *map, coop_any *ret_value)
{
    struct coopi_pairs_index index = {0};
    coop_pair *pairs = NULL;
    if (map->size && (!(pairs = coopi_pairs_new(map->size)) || coopi_pairs_index_init(&index, map->size) < 0)) {
        free(pairs);
        return coopi_fail(ENOMEM, "message: no memory for a map of %u pairs", map->size);
    }
    coop_any made = coopi_any_own(COOP_MAP, pairs, 0);
    int result = 0;
    for (uint32_t i = 0; i < map->size && result == 0; i++) result = convert_pair(&map->ptr[i], &made, &index);
    coopi_pairs_index_free(&index);
    if (result < 0)
        coop_any_clear(&made);
    else
        *ret_value = made;
    return result;
}

/* Recursion is bounded: msgpack-c itself builds nothing deeper than COOP_ANY_DEPTH. */
static int convert(const msgpack_object *o, coop_any *ret_value)
{
    if (o->type == MSGPACK_OBJECT_ARRAY) return convert_array(&o->via.array, ret_value);
    if (o->type == MSGPACK_OBJECT_MAP) return convert_map(&o->via.map, ret_value);
    coop_any value = plain(o);
    if (value.type == COOP_STR || value.type == COOP_BYTES)
        return coopi_any_from_bytes(value.type, value.as.bytes, value.size, ret_value);
    *ret_value = value;
    return 0;
}

int coopi_read_any(struct coopi_reader *r, coop_any *ret_value)
{
    struct coopi_reader after = *r;
    msgpack_unpacked unpacked;
    int result = unpack(&after, &unpacked);
    if (result == 0) result = convert(&unpacked.data, ret_value);
    if (result == 0) *r = after;
    msgpack_unpacked_destroy(&unpacked);
    return result;
}

static int read_levels(struct coopi_reader *r, int levels, coop_any *ret_value);

static int read_list_level(struct coopi_reader *r, uint32_t count, int levels, coop_any *ret_value)
{
    coop_any *items = count ? coopi_items_new(count) : NULL;
    if (count && !items) return coopi_fail(ENOMEM, "message: no memory for a list of %u items", count);
    for (uint32_t i = 0; i < count; i++) {
        int result = read_levels(r, levels, &items[i]);
        if (result < 0) {
            coop_any half = coopi_any_own(COOP_LIST, items, i);
            coop_any_clear(&half);
            return result;
        }
    }
    *ret_value = coopi_any_own(COOP_LIST, items, count);
    return 0;
}

/* Of a key that comes again the new value replaces the old. */
static int read_pair_level(struct coopi_reader *r, int levels, coop_any *map, const struct coopi_pairs_index *index)
{
    coop_any key, value;
    int result = coopi_read_plain(r, &key);
    if (result < 0) return result;
    if (coopi_key_check(&key) < 0) return coopi_fail(EBADMSG, "message: NaN as a map's key; it equals nothing");
    coop_pair *pairs = coopi_pairs(map);
    uint32_t *slot = coopi_pairs_index_slot(index, pairs, &key);
    result = read_levels(r, levels, &value);
    if (result < 0) return result;
    if (*slot) {
        coop_any_clear(&pairs[*slot - 1].value);
        pairs[*slot - 1].value = value;
        return 0;
    }
    result = coop_any_copy(key, &pairs[map->size].key);
    if (result < 0) {
        coop_any_clear(&value);
        return result;
    }
    pairs[map->size].value = value;
    *slot = ++map->size;
    return 0;
}

static int read_map_level(struct coopi_reader *r, uint32_t count, int levels, coop_any *ret_value)
{
    struct coopi_pairs_index index = {0};
    coop_pair *pairs = NULL;
    if (count && (!(pairs = coopi_pairs_new(count)) || coopi_pairs_index_init(&index, count) < 0)) {
        free(pairs);
        return coopi_fail(ENOMEM, "message: no memory for a map of %u pairs", count);
    }
    coop_any made = coopi_any_own(COOP_MAP, pairs, 0);
    int result = 0;
    for (uint32_t i = 0; i < count && result == 0; i++) result = read_pair_level(r, levels, &made, &index);
    coopi_pairs_index_free(&index);
    if (result < 0)
        coop_any_clear(&made);
    else
        *ret_value = made;
    return result;
}

/* LEVELS arrays or maps are taken apart here, so that what is within has msgpack-c's whole depth. */
static int read_levels(struct coopi_reader *r, int levels, coop_any *ret_value)
{
    struct coopi_head head;
    if (coopi_head_read(r->data + r->off, r->len - r->off, &head) < 0) return unexpected(r, "a value");
    if (levels == 0 || (head.kind != COOPI_HEAD_ARRAY && head.kind != COOPI_HEAD_MAP))
        return coopi_read_any(r, ret_value);
    r->off += head.size;
    return head.kind == COOPI_HEAD_ARRAY ? read_list_level(r, head.count, levels - 1, ret_value)
                                         : read_map_level(r, head.count, levels - 1, ret_value);
}

int coopi_read_result(struct coopi_reader *r, coop_any *ret_value)
{
    struct coopi_reader after = *r;
    int result = read_levels(&after, COOPI_RESULT_LEVELS, ret_value);
    if (result == 0) *r = after;
    return result;
}

int coopi_read_skip(struct coopi_reader *r)
{
    size_t at = r->off;
    for (uint64_t left = 1; left > 0; left--) {
        struct coopi_head head;
        if (coopi_head_read(r->data + at, r->len - at, &head) < 0) return unexpected(r, "a value");
        at += head.size;
        if (head.kind == COOPI_HEAD_ARRAY)
            left += head.count;
        else if (head.kind == COOPI_HEAD_MAP)
            left += 2 * (uint64_t)head.count;
        else if (head.count > r->len - at)
            return unexpected(r, "a value");
        else
            at += head.count;
    }
    r->off = at;
    return 0;
}
