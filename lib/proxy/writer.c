/* SPDX-License-Identifier: MIT */
/* Collecting msgpack in memory. */
#include "base/error.h"
#include "proxy/any.h"
#include "proxy/utf8.h"
#include "proxy/wire.h"

#include <errno.h>
#include <msgpack.h>
#include <stdlib.h>

#define FIRST_CAPACITY ((size_t)256)
#define KEPT_CAPACITY ((size_t)64 << 10)

void coopi_writer_init(struct coopi_writer *w, size_t limit)
{
    *w = (struct coopi_writer){.limit = limit};
}

void coopi_writer_free(struct coopi_writer *w)
{
    free(w->data);
    coopi_writer_init(w, w->limit);
}

void coopi_writer_reset(struct coopi_writer *w)
{
    if (w->capacity > KEPT_CAPACITY) coopi_writer_free(w);
    coopi_writer_cut(w, 0);
}

int coopi_writer_status(const struct coopi_writer *w)
{
    return w->status;
}

void coopi_writer_cut(struct coopi_writer *w, size_t len)
{
    if (len < w->len) w->len = len;
    w->status = 0;
}

static int grow(struct coopi_writer *w, size_t size)
{
    if (size > w->limit || w->len > w->limit - size)
        return coopi_fail(EMSGSIZE, "message: larger than %zu bytes; send or ask for less at a time", w->limit);
    size_t capacity = w->capacity ? w->capacity : FIRST_CAPACITY;
    while (capacity < w->len + size) capacity *= 2;
    unsigned char *data = realloc(w->data, capacity);
    if (!data) return coopi_fail(ENOMEM, "message: no memory for %zu bytes", capacity);
    w->data = data;
    w->capacity = capacity;
    return 0;
}

void coopi_write_raw(struct coopi_writer *w, const void *bytes, size_t size)
{
    if (w->status < 0) return;
    if (size > w->capacity - w->len || w->len + size > w->limit) w->status = grow(w, size);
    if (w->status < 0 || size == 0) return;
    memcpy(w->data + w->len, bytes, size);
    w->len += size;
}

static int write_packed(void *data, const char *bytes, size_t size)
{
    coopi_write_raw(data, bytes, size);
    return 0;
}

static msgpack_packer packer(struct coopi_writer *w)
{
    return (msgpack_packer){.data = w, .callback = write_packed};
}

void coopi_write_array(struct coopi_writer *w, uint32_t count)
{
    msgpack_packer p = packer(w);
    msgpack_pack_array(&p, count);
}

void coopi_write_map(struct coopi_writer *w, uint32_t count)
{
    msgpack_packer p = packer(w);
    msgpack_pack_map(&p, count);
}

void coopi_write_nil(struct coopi_writer *w)
{
    msgpack_packer p = packer(w);
    msgpack_pack_nil(&p);
}

void coopi_write_uint(struct coopi_writer *w, uint64_t number)
{
    msgpack_packer p = packer(w);
    msgpack_pack_uint64(&p, number);
}

void coopi_write_str(struct coopi_writer *w, const char *text, size_t size)
{
    if (w->status < 0) return;
    size_t good = coopi_utf8_valid(text, size);
    if (good < size) {
        w->status = coopi_fail(EINVAL, "value: text is not UTF-8 at its byte %zu; send it as bytes", good);
        return;
    }
    msgpack_packer p = packer(w);
    msgpack_pack_str(&p, size);
    coopi_write_raw(w, text, size);
}

void coopi_write_bytes(struct coopi_writer *w, const void *bytes, size_t size)
{
    msgpack_packer p = packer(w);
    msgpack_pack_bin(&p, size);
    coopi_write_raw(w, bytes, size);
}

static void write_at(struct coopi_writer *w, const coop_any *value, int depth);

static void write_container(struct coopi_writer *w, const coop_any *value, int depth)
{
    if (depth == 0) {
        w->status = coopi_fail(EINVAL, "value: nests deeper than %d; flatten it", COOP_ANY_DEPTH);
        return;
    }
    bool is_map = value->type == COOP_MAP;
    if (is_map)
        coopi_write_map(w, value->size);
    else
        coopi_write_array(w, value->size);
    for (uint32_t i = 0; i < value->size && w->status == 0; i++) {
        if (is_map && (w->status = coopi_key_check(&value->as.pairs[i].key)) == 0)
            write_at(w, &value->as.pairs[i].key, depth - 1);
        write_at(w, is_map ? &value->as.pairs[i].value : &value->as.items[i], depth - 1);
    }
}

static void write_at(struct coopi_writer *w, const coop_any *value, int depth)
{
    if (w->status < 0) return;
    msgpack_packer p = packer(w);
    switch (value->type) {
    case COOP_NIL: coopi_write_nil(w); break;
    case COOP_BOOL: value->as.boolean ? msgpack_pack_true(&p) : msgpack_pack_false(&p); break;
    case COOP_INT: msgpack_pack_int64(&p, value->as.integer); break;
    case COOP_UINT: msgpack_pack_uint64(&p, value->as.natural); break;
    case COOP_FLOAT: msgpack_pack_double(&p, value->as.real); break;
    case COOP_STR: coopi_write_str(w, value->as.str, value->size); break;
    case COOP_BYTES: coopi_write_bytes(w, value->as.bytes, value->size); break;
    case COOP_LIST:
    case COOP_MAP: write_container(w, value, depth); break;
    default:
        w->status = coopi_fail(EINVAL, "value: there is no type %d; make values by coop_int(), ...", value->type);
        break;
    }
}

void coopi_write_any(struct coopi_writer *w, const coop_any *value)
{
    write_at(w, value, COOP_ANY_DEPTH);
}
