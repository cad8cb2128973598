/* SPDX-License-Identifier: MIT */
/* Objects as handles see them: found or made by path, in an open segment, or nameless. One way in for every noun. */
#ifndef COOPI_OBJECT_H
#define COOPI_OBJECT_H

#include "segment/map.h"

#include <coop/segment.h>

/* What a noun wants to find, or to make with COOP_CREATE. */
struct coopi_want {
    uint32_t kind;
    uint32_t entry_flags; /* when made: COOPI_ENTRY_* */
    const char *type;     /* canonical text; NULL: the kind has none, or any will do (then nothing can be made) */
    uint64_t length;      /* items; UINT64_MAX: any (then nothing can be made) */
    uint64_t body_size;   /* when made: bytes of the body, zeroed before the object becomes visible */
    const void *initial;  /* when made: what the body begins with instead; NULL: nothing */
    size_t initial_size;
    bool has_words; /* when made: LENGTH words of 8 bytes, or as many as the segment has owners, stand behind body_size;
                     * an existing object may have any number */
    uint32_t threads; /* when made: so many must be able to own something at one time, or it is of no use; 0: any */
    int flags;        /* those that this noun knows besides CREATE, EXCL, INTR and TRUST_PEERS */
};

/* The common head of every handle; a noun embeds it first. The handle owns `path` and one reference on `map`. */
struct coopi_object {
    struct coopi_map *map;
    uint8_t *body;      /* in the mapping */
    uint64_t body_size; /* checked: [body, body + body_size) lies inside the mapped file */
    uint64_t length;
    uint32_t entry_flags;
    uint32_t flags;  /* COOP_INTR of the opener */
    uint32_t slot;   /* map->slot, a load nearer */
    uint32_t number; /* of its directory entry */
    bool read_only;  /* map->read_only: not counted among those who have it open */
    uint64_t state;  /* the entry's when it was opened */
    char *path;      /* `segment/object`; NULL: nameless */
    char *type;      /* the object's own format string, private copy; NULL: none. Not yet parsed: hostile text */
};

/* Opens or makes. PATH NULL: a nameless one in the program's anonymous segment. Checks names, kind, type and length
 * against WANT; a noun checks what is special to it afterwards (and closes on failure). Fills RET only on success.
 * Errors: as the public headers say for their open calls. */
int coopi_object_open(const char *path, const struct coopi_want *want, int flags, struct coopi_object *ret_object);

/* The same in SEGMENT; NAME NULL: nameless. */
int coopi_object_in(struct coop_segment *segment, const char *name, const struct coopi_want *want, int flags,
                    struct coopi_object *ret_object);

/* Gives back path, type and the reference on the map. */
void coopi_object_close(struct coopi_object *object);

/* After reading through a read-only handle: 0 if the object was there all the time; -ESTALE: it was removed. */
int coopi_object_check_there(const struct coopi_object *object);

/* -EACCES with a sentence if the object is only to be read, else 0. */
int coopi_object_check_writable(const struct coopi_object *object);

/* For sentences: the path, or "nameless value" and the like. */
const char *coopi_object_label(const struct coopi_object *object);

#endif
