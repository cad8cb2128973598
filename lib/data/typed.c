/* SPDX-License-Identifier: MIT */
/* What Value and Array have in common: an object that holds COUNT items of one type, and perhaps a lock of its own. */
#include "data/typed.h"

#include "base/error.h"
#include "base/name.h"
#include "base/quote.h"

#include <errno.h>
#include <inttypes.h>

static_assert(sizeof(struct coopi_lock_shm) % COOPI_LINE == 0, "the items behind the lock stay aligned");

static uint64_t lock_size(uint32_t entry_flags)
{
    return entry_flags & COOPI_ENTRY_LOCKED ? sizeof(struct coopi_lock_shm) : 0;
}

/* Bytes of the body, in whole lines and never none, so that the items have an address. */
static int body_size(const char *who, const struct coopi_type *type, uint64_t length, uint32_t entry_flags,
                     uint64_t *ret_size)
{
    uint64_t bytes;
    if (__builtin_mul_overflow(type->size, length, &bytes) || bytes > INT64_MAX / 2)
        return coopi_fail(ENOSPC,
                          "%s: %" PRIu64 " items of %" PRIu32 " bytes are more than any segment holds; ask for fewer",
                          who, length, type->size);
    if (bytes == 0) bytes = 1;
    *ret_size = lock_size(entry_flags) + (bytes + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
    return 0;
}

/* How a sentence calls what is wanted; also the check of its name, which comes before that of its type. */
static int check_name(const struct coopi_typed_want *want, const char **ret_who)
{
    struct coopi_path path;
    *ret_who = want->path ? want->path : want->kind == COOPI_ARRAY ? "nameless array" : "nameless value";
    if (!want->path) return 0;
    return want->segment ? coopi_object_name_check(want->path) : coopi_path_parse(want->path, &path);
}

static int damaged(const struct coopi_typed *typed, const char *what)
{
    char quoted[COOPI_QUOTED];
    return coopi_fail(EBADMSG,
                      "%s: %s (type %s, %" PRIu64 " items, %" PRIu64 " bytes); the segment is damaged, remove it",
                      coopi_object_label(&typed->object), what, coopi_quote(typed->object.type, quoted, sizeof quoted),
                      typed->object.length, typed->object.body_size);
}

/* The type and the sizes came out of the segment, where anybody may have written them: nothing is believed. */
static int check_found(struct coopi_typed *typed)
{
    if (!typed->object.type || coopi_type_parse(typed->object.type, "found", &typed->type) < 0)
        return damaged(typed, "its type is not one");
    uint64_t head = lock_size(typed->object.entry_flags);
    uint64_t bytes;
    if (__builtin_mul_overflow(typed->type.size, typed->object.length, &bytes) || typed->object.body_size < head ||
        typed->object.body_size - head < bytes)
        return damaged(typed, "its items do not fit into its storage");
    return 0;
}

static void bind(struct coopi_typed *typed)
{
    bool number = typed->type.count == 1;
    typed->number = number ? typed->type.code : 's';
    typed->data = typed->object.body + lock_size(typed->object.entry_flags);
    typed->lock = NULL;
    if (!(typed->object.entry_flags & COOPI_ENTRY_LOCKED)) return;
    coopi_rlock_embed(&typed->object, &typed->own);
    typed->lock = &typed->own;
}

int coopi_typed_open(const struct coopi_typed_want *want, struct coopi_typed *ret_typed)
{
    const char *who;
    struct coopi_type type;
    struct coopi_want object = {
        .kind = want->kind,
        .entry_flags = want->flags & COOP_RAW ? 0 : COOPI_ENTRY_LOCKED,
        .length = want->length,
        .flags = COOP_RAW,
    };
    int result = check_name(want, &who);
    if (result < 0) return result;
    if (want->type) {
        result = coopi_type_parse(want->type, who, &type);
        if (result < 0) return result;
        object.type = type.text;
        result =
            want->length == UINT64_MAX ? 0 : body_size(who, &type, want->length, object.entry_flags, &object.body_size);
        if (result < 0) return result;
    }
    result = want->segment ? coopi_object_in(want->segment, want->path, &object, want->flags, &ret_typed->object)
                           : coopi_object_open(want->path, &object, want->flags, &ret_typed->object);
    if (result < 0) return result;
    result = check_found(ret_typed);
    if (result < 0) {
        coopi_object_close(&ret_typed->object);
        return result;
    }
    bind(ret_typed);
    return 0;
}

void coopi_typed_close(struct coopi_typed *typed)
{
    coopi_object_close(&typed->object);
}

int coopi_typed_use_lock(struct coopi_typed *typed, coop_rlock *lock)
{
    const char *label = coopi_object_label(&typed->object);
    if (!lock) return coopi_fail(EINVAL, "%s: no lock given; pass an open RLock", label);
    if (typed->lock == &typed->own)
        return coopi_fail(EEXIST, "%s: has a lock of its own; make it with COOP_RAW to give it another", label);
    if (typed->lock) return coopi_fail(EEXIST, "%s: this handle was given a lock before; open another handle", label);
    typed->lock = lock;
    return 0;
}
