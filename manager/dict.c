/* SPDX-License-Identifier: MIT */
/* The managed dict: in order of insertion, with Python's equality of keys. */
#include "call.h"

#undef HASH_KEYCMP
#define HASH_KEYCMP(a, b, size) (!coop_any_equal(*(const coop_any *)(a), *(const coop_any *)(b)))

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <stdlib.h>

struct entry {
    coop_any key; /* both own their memory */
    coop_any value;
    UT_hash_handle hh;
};

struct dict {
    struct object object;  /* first: the two addresses are one */
    struct entry *entries; /* uthash: also the order of insertion */
};

static struct dict *dict_of(const struct call *call)
{
    return (struct dict *)call->object;
}

static struct object *create(void)
{
    struct dict *dict = calloc(1, sizeof *dict);
    return dict ? &dict->object : NULL;
}

static void free_entry(struct entry *entry)
{
    coop_any_clear(&entry->key);
    coop_any_clear(&entry->value);
    free(entry);
}

static void destroy(struct object *object)
{
    struct dict *dict = (struct dict *)object;
    struct entry *entry = dict->entries;
    HASH_CLEAR(hh, dict->entries);
    while (entry) {
        struct entry *next = entry->hh.next;
        free_entry(entry);
        entry = next;
    }
    free(dict);
}

static uint32_t length(const struct object *object)
{
    return HASH_COUNT(((const struct dict *)object)->entries);
}

static unsigned hash_key(const coop_any *key)
{
    return hash_fold(coopi_hash(key, coopi_hash_secret()));
}

static struct entry *find(const struct dict *dict, const coop_any *key)
{
    struct entry *entry = NULL;
    HASH_FIND_BYHASHVALUE(hh, dict->entries, key, sizeof *key, hash_key(key), entry);
    return entry;
}

/* The key as Python writes it, or its size if it is long. */
static int no_such_key(const struct dict *dict, const coop_any *key)
{
    const char *label = dict->object.label;
    char *text = NULL;
    if (key->size > 64) return coopi_fail(ENOENT, "%s: it has no such key of %u bytes", label, key->size);
    if (coop_any_format(*key, &text) < 0) return coopi_fail(ENOENT, "%s: it has no such key", label);
    int result = coopi_fail(ENOENT, "%s: it has no key %s; set it first, or ask with contains", label, text);
    free(text);
    return result;
}

static struct weight weigh_entry(const struct entry *entry)
{
    struct weight weight = weight_sum(weigh(&entry->key), weigh(&entry->value));
    weight.bytes += sizeof *entry;
    return weight;
}

/* Makes an entry of a borrowed key and an owned value; the value stays the caller's if that fails. */
static struct entry *new_entry(const coop_any *key, const coop_any *value)
{
    struct entry *entry = malloc(sizeof *entry);
    if (!entry) return NULL;
    if (coop_any_copy(*key, &entry->key) < 0) {
        free(entry);
        return NULL;
    }
    entry->value = *value;
    return entry;
}

static int insert(struct dict *dict, const coop_any *key, const coop_any *value)
{
    struct entry *entry = new_entry(key, value);
    if (!entry) return coopi_fail(ENOMEM, "%s: the manager is out of memory", dict->object.label);
    struct weight weight = weigh_entry(entry);
    int result = budget_take(dict->object.budget, weight.bytes, dict->object.label);
    if (result == 0) {
        HASH_ADD_KEYPTR_BYHASHVALUE(hh, dict->entries, &entry->key, sizeof entry->key, hash_key(key), entry);
        if (entry->hh.tbl) {
            dict->object.weight = weight_sum(dict->object.weight, weight);
            return 0;
        }
        budget_give(dict->object.budget, weight.bytes);
        result = coopi_fail(ENOMEM, "%s: the manager is out of memory", dict->object.label);
    }
    coop_any_clear(&entry->key);
    free(entry);
    return result;
}

static int replace(struct dict *dict, struct entry *entry, const coop_any *value)
{
    struct weight before = weigh(&entry->value);
    struct weight after = weigh(value);
    COOP_TRY(budget_take(dict->object.budget, after.bytes, dict->object.label));
    budget_give(dict->object.budget, before.bytes);
    dict->object.weight = weight_difference(weight_sum(dict->object.weight, after), before);
    coop_any_clear(&entry->value);
    entry->value = *value;
    return 0;
}

/* Takes the value over if it succeeds. */
static int store(struct dict *dict, const coop_any *key, const coop_any *value)
{
    struct entry *entry = find(dict, key);
    return entry ? replace(dict, entry, value) : insert(dict, key, value);
}

static int find_entry(struct call *call, struct entry **ret_entry)
{
    coop_any key;
    COOP_TRY(call_read_key(call, &key));
    struct entry *entry = find(dict_of(call), &key);
    if (!entry) return no_such_key(dict_of(call), &key);
    *ret_entry = entry;
    return 0;
}

static int run_get(struct call *call)
{
    struct entry *entry;
    COOP_TRY(find_entry(call, &entry));
    return call_return_value(call, &entry->value);
}

static int run_set(struct call *call)
{
    coop_any key;
    coop_any value;
    COOP_TRY(call_read_key(call, &key));
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_nil(call);
    if (result == 0) result = store(dict_of(call), &key, &value);
    if (result < 0) coop_any_clear(&value);
    return result;
}

static int run_del(struct call *call)
{
    struct dict *dict = dict_of(call);
    struct entry *entry;
    COOP_TRY(find_entry(call, &entry));
    COOP_TRY(call_return_nil(call));
    struct weight weight = weigh_entry(entry);
    dict->object.weight = weight_difference(dict->object.weight, weight);
    budget_give(dict->object.budget, weight.bytes);
    HASH_DELETE(hh, dict->entries, entry);
    free_entry(entry);
    return 0;
}

static bool is_number(const coop_any *value)
{
    return value->type == COOP_BOOL || value->type == COOP_INT || value->type == COOP_UINT || value->type == COOP_FLOAT;
}

/* Wide enough for the sum of any two ints and uints. */
__extension__ typedef __int128 wide;

/* Of a bool, int or uint. */
static wide exact(const coop_any *value)
{
    if (value->type == COOP_BOOL) return value->as.boolean;
    return value->type == COOP_UINT ? (wide)value->as.natural : (wide)value->as.integer;
}

static double rounded(const coop_any *value)
{
    return value->type == COOP_FLOAT ? value->as.real : (double)exact(value);
}

static int add(const struct call *call, const coop_any *a, const coop_any *b, coop_any *ret_sum)
{
    const char *label = call->object->label;
    if (!is_number(a) || !is_number(b)) return coopi_fail(EINVAL, "%s: %s adds numbers only", label, call->op);
    if (a->type == COOP_FLOAT || b->type == COOP_FLOAT) {
        *ret_sum = coop_float(rounded(a) + rounded(b));
        return 0;
    }
    wide sum = exact(a) + exact(b);
    if (sum < INT64_MIN || sum > UINT64_MAX)
        return coopi_fail(ERANGE, "%s: the sum is outside of -2^63 .. 2^64 - 1; use a float, or a smaller delta",
                          label);
    *ret_sum = sum > INT64_MAX ? coop_uint((uint64_t)sum) : coop_int((int64_t)sum);
    return 0;
}

static int run_incr(struct call *call)
{
    coop_any key;
    coop_any delta = coop_int(1);
    coop_any start = coop_int(0);
    coop_any sum;
    COOP_TRY(call_read_key(call, &key));
    if (call->arg_count) COOP_TRY(call_read_plain(call, &delta));
    if (call->arg_count) COOP_TRY(call_read_plain(call, &start));
    const struct entry *entry = find(dict_of(call), &key);
    COOP_TRY(add(call, entry ? &entry->value : &start, &delta, &sum));
    COOP_TRY(call_return_value(call, &sum));
    return store(dict_of(call), &key, &sum);
}

static int run_len(struct call *call)
{
    return call_return_number(call, length(call->object));
}

static int run_contains(struct call *call)
{
    coop_any key;
    COOP_TRY(call_read_key(call, &key));
    return call_return_bool(call, find(dict_of(call), &key) != NULL);
}

static int run_items(struct call *call)
{
    const struct dict *dict = dict_of(call);
    COOP_TRY(call_reserve_values(call, dict->object.weight.values + 1));
    coopi_write_map(call->result, length(call->object));
    for (const struct entry *entry = dict->entries; entry; entry = entry->hh.next) {
        coopi_write_any(call->result, &entry->key);
        coopi_write_any(call->result, &entry->value);
    }
    return call_written(call);
}

/* verb, arguments at least, at most, whether it changes the dict */
#define COMMANDS(X)                                                                                                    \
    X(get, 1, 1, false)                                                                                                \
    X(set, 2, 2, true)                                                                                                 \
    X(del, 1, 1, true)                                                                                                 \
    X(incr, 1, 3, true)                                                                                                \
    X(len, 0, 0, false)                                                                                                \
    X(contains, 1, 1, false)                                                                                           \
    X(items, 0, 0, false)

static int run_open(struct call *call)
{
    return call_open(call, &dict_type);
}

static const struct command commands[] = {
#define ROW(verb, min_args, max_args, changes)                                                                         \
    COMMAND("dict." #verb, run_##verb, min_args, max_args, changes, ON_OBJECT),
    COMMAND("dict.open", run_open, 0, 1, true, ON_REFERENCE), COMMANDS(ROW)
#undef ROW
};

const struct object_type dict_type = {
    .name = "dict",
    .create = create,
    .destroy = destroy,
    .length = length,
    .commands = COMMAND_TABLE(commands),
};
