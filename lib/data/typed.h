/* SPDX-License-Identifier: MIT */
/* What Value and Array have in common: an object that holds COUNT items of one type, and perhaps a lock of its own. */
#ifndef COOPI_TYPED_H
#define COOPI_TYPED_H

#include "base/type.h"
#include "data/record.h"
#include "segment/object.h"
#include "sync/lock_shm.h"

#include <coop/lock.h>

/* The whole of a Value's or Array's handle. Private memory, never changed after opening, but for `lock`. The body is
 *     [struct coopi_lock_shm, 128 bytes, with COOPI_ENTRY_LOCKED] [items, or a large Value's record]
 * with both parts aligned to 64. */
struct coopi_typed {
    struct coopi_object object;
    struct coopi_type type;
    uint8_t *data; /* in the mapping, checked: length * type.size bytes of items; a Value's one, at least 8 */
    char code;     /* type.code if an item is one number, else 's' */
    char number;   /* the same; 0 if it is only to be read, so that no call of scalar.h does anything */
    struct coopi_record record; /* a Value of more than 8 bytes: instead of `data` */
    coop_rlock *lock;           /* &own, a borrowed one, or NULL */
    struct coop_rlock own;      /* with COOPI_ENTRY_LOCKED */
};

/* Which one to open, or to make. */
struct coopi_typed_want {
    const char *path;             /* with `segment`: the object's name. NULL: nameless */
    struct coop_segment *segment; /* NULL: by path */
    uint32_t kind;
    const char *type; /* NULL: whatever it is */
    uint64_t length;  /* items; UINT64_MAX: whatever it has */
    int flags;
};

/* Errors as in value.h. RET stays where it is as long as it is open, since its lock refers to it. */
int coopi_typed_open(const struct coopi_typed_want *want, struct coopi_typed *ret_typed);

void coopi_typed_close(struct coopi_typed *typed);

/* Borrows LOCK for a handle that has none: -EEXIST if it has; -EACCES if it only reads. */
int coopi_typed_use_lock(struct coopi_typed *typed, coop_rlock *lock);

#endif
