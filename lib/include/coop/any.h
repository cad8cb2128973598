/* SPDX-License-Identifier: MIT */
/* coop_any: a value of any plain type, as managed lists and dicts hold them. */
#ifndef COOP_ANY_H
#define COOP_ANY_H

#include <coop/common.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

COOP_BEGIN_DECLS

/* A coop_any is sixteen bytes, passed by value, and may be looked into: test `type`, then read the member of `as` that
 * belongs to it.
 *
 * Ownership: borrowed going in, owned coming out. A value made by coop_str(), coop_bytes(), coop_items() or
 * coop_pairs() points at the caller's memory, which must stay while the value is used; no call keeps that pointer. A
 * value that a call hands out through a ret_ argument owns its memory, and so does a list or map that was built with
 * coop_any_append() or coop_any_set(): give it back with coop_any_clear(). Assigning a coop_any copies the sixteen
 * bytes and not what they own: clear one of the two only.
 *
 * <coop/pack.h> makes values out of C variables by a format, as printf() makes text, and takes them apart:
 * coop_any_pack(&v, "[i, s, {s: d}]", 1, "a", "k", 0.5), coop_any_unpack(v, "[is*]", &number, &text).
 *
 * Thread safety: as an int's. Different values may be used by different threads at once. Nothing here is
 * async-signal-safe, except the constructors. */

/* The types. Fixed numbers: later versions only add. */
enum {
    COOP_NIL = 0,   /* Python's None */
    COOP_BOOL = 1,  /* as.boolean */
    COOP_INT = 2,   /* as.integer */
    COOP_UINT = 3,  /* as.natural: only for integers above INT64_MAX */
    COOP_FLOAT = 4, /* as.real */
    COOP_STR = 5,   /* as.str: size bytes of UTF-8; NUL bytes are allowed within */
    COOP_BYTES = 6, /* as.bytes: size bytes */
    COOP_LIST = 7,  /* as.items: size values */
    COOP_MAP = 8    /* as.pairs: size pairs, in order of insertion, no key twice */
};

/* Lists and maps nest at most this deep in what is copied or sent: a list of numbers has depth 1. */
#define COOP_ANY_DEPTH 32

typedef struct coop_any coop_any;
typedef struct coop_pair coop_pair;

struct coop_any {
    int16_t type;   /* one of the types above */
    uint16_t owned; /* private: 1 if coop_any_clear() has something to free */
    uint32_t size;  /* bytes, items or pairs; 0 for the other types */
    union {
        bool boolean;
        int64_t integer;
        uint64_t natural;
        double real;
        const char *str;   /* ends with a NUL that size does not count if the value came from the library */
        const void *bytes; /* likewise */
        const coop_any *items;
        const coop_pair *pairs;
    } as;
};

struct coop_pair {
    coop_any key; /* nil, bool, int, float (not NaN), str or bytes */
    coop_any value;
};

/* Constructors: nothing is allocated, nothing can fail, nothing has to be cleared. A size above 4 GiB - 1 is cut to
 * that; no message carries so much. */

static inline coop_any coop_nil(void)
{
    coop_any v;
    v.type = COOP_NIL;
    v.owned = 0;
    v.size = 0;
    v.as.natural = 0;
    return v;
}

static inline coop_any coop_bool(bool boolean)
{
    coop_any v = coop_nil();
    v.type = COOP_BOOL;
    v.as.boolean = boolean;
    return v;
}

static inline coop_any coop_int(int64_t integer)
{
    coop_any v = coop_nil();
    v.type = COOP_INT;
    v.as.integer = integer;
    return v;
}

static inline coop_any coop_uint(uint64_t natural)
{
    coop_any v = coop_nil();
    v.type = natural > INT64_MAX ? COOP_UINT : COOP_INT;
    v.as.natural = natural;
    return v;
}

static inline coop_any coop_float(double real)
{
    coop_any v = coop_nil();
    v.type = COOP_FLOAT;
    v.as.real = real;
    return v;
}

/* Text of so many bytes; it must be UTF-8 to be sent. NULL only with size 0. */
static inline coop_any coop_strn(const char *text, size_t size)
{
    coop_any v = coop_nil();
    v.type = COOP_STR;
    v.size = size > UINT32_MAX ? UINT32_MAX : (uint32_t)size;
    v.as.str = size ? text : "";
    return v;
}

/* Text that ends with a NUL. */
static inline coop_any coop_str(const char *text)
{
    return coop_strn(text, strlen(text));
}

static inline coop_any coop_bytes(const void *bytes, size_t size)
{
    coop_any v = coop_strn((const char *)bytes, size);
    v.type = COOP_BYTES;
    return v;
}

/* A list of COUNT values that stay where they are: coop_items(numbers, 3). coop_items(NULL, 0) is the empty list to
 * begin a coop_any_append() with. */
static inline coop_any coop_items(const coop_any *items, size_t count)
{
    coop_any v = coop_nil();
    v.type = COOP_LIST;
    v.size = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
    v.as.items = items;
    return v;
}

/* A map of COUNT pairs that stay where they are; the keys must differ. coop_pairs(NULL, 0) is the empty map to begin a
 * coop_any_set() with. */
static inline coop_any coop_pairs(const coop_pair *pairs, size_t count)
{
    coop_any v = coop_nil();
    v.type = COOP_MAP;
    v.size = count > UINT32_MAX ? UINT32_MAX : (uint32_t)count;
    v.as.pairs = pairs;
    return v;
}

/* Appends a deep copy of ITEM to a list: an empty one, or one that coop_any_append() or the library made.
 * -EINVAL: not a list, a list that borrows its items, ITEM nests deeper than COOP_ANY_DEPTH - 1; -ENOMEM. */
int coop_any_append(coop_any *list, coop_any item) COOP_MUST_CHECK;

/* Sets KEY to a deep copy of VALUE in a map: an empty one, or one that coop_any_set() or the library made. A key that
 * is there keeps its place. Takes time in proportion to the map's size. -EINVAL: not a map, a map that borrows its
 * pairs, a list, map or NaN as key, too deep; -ENOMEM. */
int coop_any_set(coop_any *map, coop_any key, coop_any value) COOP_MUST_CHECK;

/* The value of KEY in a map, borrowed from it, or NULL if there is none (or it is no map). Takes time in proportion to
 * the map's size. */
const coop_any *coop_any_get(const coop_any *map, coop_any key);

/* The item of a list, borrowed from it; a negative index counts from the end. NULL: out of range, or no list. */
const coop_any *coop_any_at(const coop_any *list, int64_t index);

/* A deep copy that owns all of its memory. -EINVAL: nests deeper than COOP_ANY_DEPTH, unknown type; -ENOMEM. */
int coop_any_copy(coop_any value, coop_any *ret_copy) COOP_MUST_CHECK;

/* Frees what the value owns and makes it nil. NULL and borrowed values are fine. */
void coop_any_clear(coop_any *value);

/* Python's ==. Numbers by their exact value whatever their type, 1 == 1.0 == True also above 2**53; a NaN equals
 * nothing; str is never bytes; lists item by item; maps whatever their order. */
bool coop_any_equal(coop_any a, coop_any b);

/* Python's a < b: numbers by their exact value, text by its characters, bytes, and lists by the first items that
 * differ. A NaN is less than nothing. -EINVAL (TypeError): values that have no order, as text and a number, nil, or
 * maps. */
int coop_any_less(coop_any a, coop_any b, bool *ret_less) COOP_MUST_CHECK;

/* Writes the value as Python's repr() does: [1, 'a', None, True, 1.5, b'\x00', {'k': 1}]. Bytes of a text that are not
 * UTF-8 are written as \xNN. (Characters that no Unicode version has assigned are written as they are, not as \uNNNN.)
 * What nests deeper than COOP_ANY_DEPTH is written as "...". Returns 0, -ENOMEM, or -EIO when the stream failed. */
int coop_any_print(coop_any value, FILE *stream);

/* The same in memory from malloc(): free() it. -ENOMEM. */
int coop_any_format(coop_any value, char **ret_text) COOP_MUST_CHECK;

static inline void coop_any_closep(coop_any *value)
{
    coop_any_clear(value);
}

COOP_END_DECLS

#endif
