/* SPDX-License-Identifier: MIT */
/* Looking through a message before anything else touches it: bounded, without allocation. */
#include "base/error.h"
#include "proxy/head.h"
#include "proxy/utf8.h"
#include "proxy/wire.h"

#include <errno.h>

/* One open array or map: how many values are still to come in it. In a map keys and values take turns, and a key is
 * next while the number is even. */
struct level {
    uint64_t left;
    bool is_map;
};

/* DEPTH counts the open levels. PENDING is the sum of what is to come in all of them: each value takes at least a byte,
 * so it can never exceed the bytes that are left. */
struct scan {
    const unsigned char *data;
    size_t len;
    size_t at;
    uint32_t values;
    uint64_t pending;
    int depth;
    int max_depth;
    struct level levels[COOPI_WIRE_DEPTH];
};

static int bad(const struct scan *s, const char *what)
{
    return coopi_fail(EBADMSG, "message: byte %zu: %s; send one msgpack value as PROTOCOL.md has it", s->at, what);
}

/* Counts one value, off its level and all that is pending. */
static int begin_value(struct scan *s, const struct coopi_head *head)
{
    if (++s->values > COOPI_WIRE_VALUES)
        return coopi_fail(EMSGSIZE, "message: more than %u values; send them in several", COOPI_WIRE_VALUES);
    s->pending--;
    if (s->depth == 0) return 0;
    struct level *level = &s->levels[s->depth - 1];
    bool is_key = level->is_map && level->left % 2 == 0;
    level->left--;
    if (is_key && (head->kind == COOPI_HEAD_ARRAY || head->kind == COOPI_HEAD_MAP))
        return bad(s, "a list or map as a map's key");
    return 0;
}

/* An array or map has begun: S->at is behind its head. */
static int open_level(struct scan *s, const struct coopi_head *head)
{
    bool is_map = head->kind == COOPI_HEAD_MAP;
    uint64_t values = is_map ? 2 * (uint64_t)head->count : head->count;
    if (s->depth == s->max_depth) return bad(s, "nested too deep");
    s->pending += values;
    if (s->pending > s->len - s->at) return bad(s, "announces more values than there are bytes");
    s->levels[s->depth++] = (struct level){.left = values, .is_map = is_map};
    return 0;
}

/* A number, str or bin: its bytes must be there. */
static int pass_bytes(struct scan *s, const struct coopi_head *head)
{
    if (head->count > s->len - s->at) return bad(s, "announces more bytes than there are");
    if (head->kind == COOPI_HEAD_STR) {
        size_t good = coopi_utf8_valid((const char *)s->data + s->at, head->count);
        if (good < head->count) {
            s->at += good;
            return bad(s, "text that is not UTF-8");
        }
    }
    s->at += head->count;
    return 0;
}

static int scan_value(struct scan *s)
{
    struct coopi_head head;
    if (coopi_head_read(s->data + s->at, s->len - s->at, &head) < 0) return bad(s, "it ends in the middle of a value");
    if (head.kind == COOPI_HEAD_BAD) return bad(s, "an ext type or the reserved byte c1");
    int r = begin_value(s, &head);
    if (r < 0) return r;
    s->at += head.size;
    return head.kind == COOPI_HEAD_ARRAY || head.kind == COOPI_HEAD_MAP ? open_level(s, &head) : pass_bytes(s, &head);
}

int coopi_wire_scan(const void *data, size_t len, int max_depth)
{
    if (len > COOPI_WIRE_MAX)
        return coopi_fail(EMSGSIZE, "message: %zu bytes; at most %zu are taken, send less at a time", len,
                          COOPI_WIRE_MAX);
    struct scan s = {.data = data, .len = len, .pending = 1};
    s.max_depth = max_depth < COOPI_WIRE_DEPTH ? max_depth : COOPI_WIRE_DEPTH;
    while (s.pending > 0) {
        int r = scan_value(&s);
        if (r < 0) return r;
        while (s.depth && s.levels[s.depth - 1].left == 0) s.depth--;
    }
    return s.at == len ? 0 : bad(&s, "more behind the value");
}
