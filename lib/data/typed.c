/* SPDX-License-Identifier: MIT */
/* What Value and Array have in common: an object that holds COUNT items of one type, and perhaps a lock of its own. */
#include "data/typed.h"

#include "base/error.h"
#include "base/name.h"
#include "base/quote.h"
#include "segment/content.h"
#include "sync/holding.h"

#include <errno.h>
#include <inttypes.h>

static_assert(sizeof(struct coopi_lock_shm) % COOPI_LINE == 0, "the items behind the lock stay aligned");

/* Bytes of the body, in whole lines and never none, so that the items have an address. */
static int body_size(const char *who, uint32_t kind, const struct coopi_type *type, struct coopi_want *want)
{
    uint64_t bytes;
    if (want->length == UINT64_MAX) return 0;
    if (!coopi_content_size(kind, type->size, want->length, &bytes) || bytes > INT64_MAX / 2)
        return coopi_fail(ENOSPC,
                          "%s: %" PRIu64 " items of %" PRIu32 " bytes are more than any segment holds; ask for fewer",
                          who, want->length, type->size);
    if (bytes == 0) bytes = 1;
    want->body_size = coopi_content_head(want->entry_flags) + (bytes + COOPI_LINE - 1) / COOPI_LINE * COOPI_LINE;
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
static int check_found(uint32_t kind, struct coopi_typed *typed)
{
    int result = typed->object.type ? coopi_type_parse(typed->object.type, "found", &typed->type) : -EINVAL;
    if (result < 0) return result == -ENOMEM ? result : damaged(typed, "its type is not one");
    if (coopi_content_fits(kind, typed->object.entry_flags, typed->type.size, typed->object.length,
                           typed->object.body_size))
        return 0;
    coopi_type_clear(&typed->type);
    return damaged(typed, "its items do not fit into its storage");
}

static void bind(uint32_t kind, struct coopi_typed *typed)
{
    uint8_t *data = typed->object.body + coopi_content_head(typed->object.entry_flags);
    bool record = coopi_is_record(kind, typed->type.size);
    typed->code = coopi_type_is_scalar(&typed->type) ? typed->type.code : 's';
    typed->number = typed->object.read_only ? 0 : typed->code;
    typed->data = record ? NULL : data;
    typed->record = record ? coopi_record_at(data, typed->type.size) : (struct coopi_record){0};
    typed->lock = NULL;
    if (!(typed->object.entry_flags & COOPI_ENTRY_LOCKED) || typed->object.read_only) return;
    coopi_rlock_embed(&typed->object, &typed->own);
    typed->lock = &typed->own;
}

/* With the canonical text of what is wanted, which OBJECT refers to. */
static int open_as(const struct coopi_typed_want *want, const struct coopi_want *object, struct coopi_typed *ret_typed)
{
    int result = want->segment ? coopi_object_in(want->segment, want->path, object, want->flags, &ret_typed->object)
                               : coopi_object_open(want->path, object, want->flags, &ret_typed->object);
    if (result < 0) return result;
    result = check_found(want->kind, ret_typed);
    if (result < 0)
        coopi_object_close(&ret_typed->object);
    else
        bind(want->kind, ret_typed);
    return result;
}

int coopi_typed_open(const struct coopi_typed_want *want, struct coopi_typed *ret_typed)
{
    const char *who;
    struct coopi_type type = {0};
    struct coopi_want object = {
        .kind = want->kind,
        .entry_flags = want->flags & COOP_RAW ? 0 : COOPI_ENTRY_LOCKED,
        .length = want->length,
        .flags = COOP_RAW,
    };
    int result = check_name(want, &who);
    if (result == 0 && want->type) {
        result = coopi_type_parse(want->type, who, &type);
        object.type = type.text;
        if (result == 0) result = body_size(who, want->kind, &type, &object);
    }
    if (result == 0) result = open_as(want, &object, ret_typed);
    coopi_type_clear(&type);
    return result;
}

void coopi_typed_close(struct coopi_typed *typed)
{
    if (typed->lock == &typed->own && coop_rlock_depth(typed->lock)) coopi_say_closed_held(&typed->object);
    coopi_type_clear(&typed->type);
    coopi_object_close(&typed->object);
}

int coopi_typed_use_lock(struct coopi_typed *typed, coop_rlock *lock)
{
    const char *label = coopi_object_label(&typed->object);
    if (!lock) return coopi_fail(EINVAL, "%s: no lock given; pass an open RLock", label);
    int r = coopi_object_check_writable(&typed->object); /* reading takes no lock, or the caller's own hand */
    if (r < 0) return r;
    if (typed->lock == &typed->own)
        return coopi_fail(EEXIST, "%s: has a lock of its own; make it with COOP_RAW to give it another", label);
    if (typed->lock) return coopi_fail(EEXIST, "%s: this handle was given a lock before; open another handle", label);
    typed->lock = lock;
    return 0;
}
