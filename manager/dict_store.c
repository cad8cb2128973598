/* SPDX-License-Identifier: MIT */
/* The managed dict's memory. */
#include "dict_store.h"

#include "base/error.h"
#include "proxy/any.h"

#include <coop/try.h>
#include <errno.h>
#include <stdlib.h>

struct object *dict_create(void)
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

static void free_entries(struct dict *dict)
{
    struct entry *entry = dict->entries;
    HASH_CLEAR(hh, dict->entries);
    while (entry) {
        struct entry *next = entry->hh.next;
        free_entry(entry);
        entry = next;
    }
}

void dict_destroy(struct object *object)
{
    free_entries((struct dict *)object);
    free(object);
}

uint32_t dict_length(const struct object *object)
{
    return HASH_COUNT(((const struct dict *)object)->entries);
}

static unsigned hash_key(const coop_any *key)
{
    return hash_fold(coopi_hash(key, coopi_hash_secret()));
}

struct entry *dict_find(const struct dict *dict, const coop_any *key)
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
    if (key->size > 64) return coopi_fail(ENOENT, "%s: it has no such key of %u bytes (KeyError)", label, key->size);
    if (coop_any_format(*key, &text) < 0) return coopi_fail(ENOENT, "%s: it has no such key (KeyError)", label);
    int result = coopi_fail(ENOENT, "%s: it has no key %s (KeyError); set it first, or ask with contains", label, text);
    free(text);
    return result;
}

int dict_find_entry(const struct dict *dict, const coop_any *key, struct entry **ret_entry)
{
    struct entry *entry = dict_find(dict, key);
    if (!entry) return no_such_key(dict, key);
    *ret_entry = entry;
    return 0;
}

struct entry *dict_last(const struct dict *dict)
{
    return dict->entries ? ELMT_FROM_HH(dict->entries->hh.tbl, dict->entries->hh.tbl->tail) : NULL;
}

static struct weight weigh_entry(const coop_any *key, const coop_any *value)
{
    struct weight weight = weight_sum(weigh(key), weigh(value));
    weight.bytes += sizeof(struct entry);
    return weight;
}

static int no_memory(const struct dict *dict)
{
    return coopi_fail(ENOMEM, "%s: the manager is out of memory", dict->object.label);
}

/* Puts an entry behind all others. */
static int add(struct dict *dict, struct entry *entry)
{
    HASH_ADD_KEYPTR_BYHASHVALUE(hh, dict->entries, &entry->key, sizeof entry->key, hash_key(&entry->key), entry);
    return entry->hh.tbl ? 0 : no_memory(dict);
}

/* The value stays the caller's if it fails. */
static int insert(struct dict *dict, const coop_any *key, const coop_any *value)
{
    struct weight weight = weigh_entry(key, value);
    COOP_TRY(budget_take(dict->object.budget, weight.bytes, dict->object.label));
    struct entry *entry = malloc(sizeof *entry);
    int result = entry ? coop_any_copy(*key, &entry->key) : no_memory(dict);
    if (result == 0) {
        entry->value = *value;
        result = add(dict, entry);
        if (result < 0) coop_any_clear(&entry->key);
    }
    if (result < 0) {
        free(entry);
        budget_give(dict->object.budget, weight.bytes);
        return result;
    }
    dict->object.weight = weight_sum(dict->object.weight, weight);
    dict->version++;
    return 0;
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

int dict_set(struct dict *dict, const coop_any *key, const coop_any *value)
{
    struct entry *entry = dict_find(dict, key);
    return entry ? replace(dict, entry, value) : insert(dict, key, value);
}

/* One pair of many: the entry that is there already, or a new one that borrows the pair's memory until all is well. */
struct setting {
    struct entry *entry;
    bool is_new;
};

static void undo(struct dict *dict, struct setting *settings, uint32_t count)
{
    while (count-- > 0 && dict->entries) {
        if (!settings[count].is_new) continue;
        HASH_DELETE(hh, dict->entries, settings[count].entry);
        free(settings[count].entry);
    }
}

/* Enters a new key, so that nothing can fail later. */
static int prepare(struct dict *dict, const coop_pair *pair, struct setting *ret_setting)
{
    struct setting setting = {.entry = dict_find(dict, &pair->key)};
    if (!setting.entry) {
        setting = (struct setting){.entry = malloc(sizeof *setting.entry), .is_new = true};
        if (!setting.entry) return no_memory(dict);
        setting.entry->key = pair->key;
        setting.entry->value = pair->value;
        int result = add(dict, setting.entry);
        if (result < 0) {
            free(setting.entry);
            return result;
        }
    }
    *ret_setting = setting;
    return 0;
}

/* All keys are there; what they had before goes, and what is new counts. */
static void commit(struct dict *dict, struct setting *settings, coop_any *map)
{
    for (uint32_t i = 0; i < map->size; i++) {
        coop_pair *pair = &coopi_pairs(map)[i];
        struct entry *entry = settings[i].entry;
        if (settings[i].is_new) {
            dict->object.weight = weight_sum(dict->object.weight, weigh_entry(&pair->key, &pair->value));
            dict->version++;
            continue;
        }
        struct weight before = weigh(&entry->value);
        budget_give(dict->object.budget, before.bytes);
        dict->object.weight = weight_difference(weight_sum(dict->object.weight, weigh(&pair->value)), before);
        coop_any_clear(&entry->value);
        entry->value = pair->value;
        coop_any_clear(&pair->key); /* the key that is there keeps its spelling */
    }
    map->size = 0; /* the pairs live on in the entries */
    coop_any_clear(map);
}

static uint64_t bytes_of(const struct setting *settings, const coop_any *map)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < map->size; i++) {
        const coop_pair *pair = &map->as.pairs[i];
        bytes += settings[i].is_new ? weigh_entry(&pair->key, &pair->value).bytes : weigh(&pair->value).bytes;
    }
    return bytes;
}

int dict_set_all(struct dict *dict, coop_any *map)
{
    uint32_t count = 0;
    struct setting *settings = map->size ? calloc(map->size, sizeof *settings) : NULL;
    int result = map->size && !settings ? no_memory(dict) : 0;
    while (result == 0 && count < map->size) {
        result = prepare(dict, &map->as.pairs[count], &settings[count]);
        count += result == 0;
    }
    if (result == 0) result = budget_take(dict->object.budget, bytes_of(settings, map), dict->object.label);
    if (result == 0)
        commit(dict, settings, map);
    else
        undo(dict, settings, count);
    free(settings);
    return result;
}

void dict_remove(struct dict *dict, struct entry *entry)
{
    struct weight weight = weigh_entry(&entry->key, &entry->value);
    dict->object.weight = weight_difference(dict->object.weight, weight);
    budget_give(dict->object.budget, weight.bytes);
    dict->version++;
    HASH_DELETE(hh, dict->entries, entry);
    free_entry(entry);
}

void dict_clear(struct dict *dict)
{
    if (!dict->entries) return;
    budget_give(dict->object.budget, dict->object.weight.bytes);
    dict->object.weight = (struct weight){0};
    dict->version++;
    free_entries(dict);
}
