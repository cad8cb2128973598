/* SPDX-License-Identifier: MIT */
/* The managed dict's memory: its entries, in order of insertion, with Python's equality of keys. */
#ifndef MANAGER_DICT_STORE_H
#define MANAGER_DICT_STORE_H

#include "call.h"

#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, size) (!coop_any_equal(*(const coop_any *)(a), *(const coop_any *)(b)))

struct entry {
    coop_any key; /* both own their memory */
    coop_any value;
    UT_hash_handle hh;
};

struct dict {
    struct object object;  /* first: the two addresses are one */
    struct entry *entries; /* uthash: also the order of insertion */
    uint64_t version;      /* counts insertions and removals of keys */
};

static inline struct dict *dict_of(const struct call *call)
{
    return (struct dict *)call->object;
}

struct object *dict_create(void);
void dict_destroy(struct object *object);
uint32_t dict_length(const struct object *object);

/* NULL: there is no such key. */
struct entry *dict_find(const struct dict *dict, const coop_any *key);

/* The same for a key that must be there: -ENOENT with a sentence. */
int dict_find_entry(const struct dict *dict, const coop_any *key, struct entry **ret_entry);

struct entry *dict_last(const struct dict *dict);

/* Sets a borrowed key to an owned value, which is the dict's when it returns 0. -ENOMEM. */
int dict_set(struct dict *dict, const coop_any *key, const coop_any *value);

/* Sets all pairs of an owned map or none: -ENOMEM. They are the dict's when it returns 0, and the map is empty. */
int dict_set_all(struct dict *dict, coop_any *map);

void dict_remove(struct dict *dict, struct entry *entry);
void dict_clear(struct dict *dict);

#endif
