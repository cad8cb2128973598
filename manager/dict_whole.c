/* SPDX-License-Identifier: MIT */
/* The managed dict's operations that show or end all of it. */
#include "dict_ops.h"
#include "dict_store.h"
#include "page.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

int dict_run_len(struct call *call)
{
    return call_return_number(call, dict_length(call->object));
}

int dict_run_items(struct call *call)
{
    const struct dict *dict = dict_of(call);
    COOP_TRY(call_reserve_values(call, dict->object.weight.values + 1));
    coopi_write_map(call->result, dict_length(call->object));
    for (const struct entry *entry = dict->entries; entry; entry = entry->hh.next) {
        coopi_write_any(call->result, &entry->key);
        coopi_write_any(call->result, &entry->value);
    }
    return call_written(call);
}

int dict_run_keys(struct call *call)
{
    uint32_t count = dict_length(call->object);
    COOP_TRY(call_reserve_values(call, count + UINT64_C(1)));
    coopi_write_array(call->result, count);
    for (const struct entry *entry = dict_of(call)->entries; entry; entry = entry->hh.next)
        coopi_write_any(call->result, &entry->key);
    return call_written(call);
}

int dict_run_values(struct call *call)
{
    const struct dict *dict = dict_of(call);
    uint32_t count = dict_length(call->object);
    COOP_TRY(call_reserve_values(call, dict->object.weight.values - count + 1)); /* a key is one value */
    coopi_write_array(call->result, count);
    for (const struct entry *entry = dict->entries; entry; entry = entry->hh.next)
        coopi_write_any(call->result, &entry->value);
    return call_written(call);
}

int dict_run_clear(struct call *call)
{
    COOP_TRY(call_return_nil(call));
    dict_clear(dict_of(call));
    return 0;
}

/* What a page shows of each entry. */
enum show { SHOW_KEYS = 1, SHOW_VALUES = 2, SHOW_ITEMS = SHOW_KEYS | SHOW_VALUES };

static int read_show(struct call *call, unsigned *ret_show)
{
    static const char *const names[] = {[SHOW_KEYS] = "keys", [SHOW_VALUES] = "values", [SHOW_ITEMS] = "items"};
    coop_any name;
    COOP_TRY(call_read_plain(call, &name));
    for (unsigned show = SHOW_KEYS; show <= SHOW_ITEMS; show++)
        if (name.type == COOP_STR && name.size == strlen(names[show]) &&
            memcmp(name.as.str, names[show], name.size) == 0) {
            *ret_show = show;
            return 0;
        }
    return coopi_fail(EINVAL, "%s: a page is of \"keys\", \"values\" or \"items\"", call->object->label);
}

static struct entry *next_of(const struct entry *entry, bool backwards)
{
    return backwards ? entry->hh.prev : entry->hh.next;
}

/* Where the page begins: behind the key that the last one ended with, if no key came or went since. */
static int find_start(struct call *call, bool backwards, struct entry **ret_start)
{
    const struct dict *dict = dict_of(call);
    int64_t version;
    coop_any key;
    struct entry *entry;
    if (!call->arg_count) {
        *ret_start = backwards ? dict_last(dict) : dict->entries;
        return 0;
    }
    COOP_TRY(call_read_index(call, &version));
    if (!call->arg_count) return coopi_fail(EINVAL, "%s: a version comes with a key", call->object->label);
    COOP_TRY(call_read_key(call, &key));
    if ((uint64_t)version != dict->version)
        return coopi_fail(EAGAIN,
                          "%s: dictionary changed size during iteration: keys came or went (RuntimeError); begin "
                          "again, or take all at once",
                          dict->object.label);
    COOP_TRY(dict_find_entry(dict, &key, &entry));
    *ret_start = next_of(entry, backwards);
    return 0;
}

static struct weight weigh_shown(const struct entry *entry, unsigned show)
{
    struct weight weight = {0};
    if (show & SHOW_KEYS) weight = weight_sum(weight, weigh(&entry->key));
    if (show & SHOW_VALUES) weight = weight_sum(weight, weigh(&entry->value));
    weight.values += show == SHOW_ITEMS;
    return weight;
}

static void write_shown(struct coopi_writer *w, const struct entry *entry, unsigned show)
{
    if (show == SHOW_ITEMS) coopi_write_array(w, 2);
    if (show & SHOW_KEYS) coopi_write_any(w, &entry->key);
    if (show & SHOW_VALUES) coopi_write_any(w, &entry->value);
}

int dict_run_page(struct call *call)
{
    unsigned show;
    struct page page;
    struct entry *start;
    COOP_TRY(read_show(call, &show));
    COOP_TRY(page_begin(call, &page));
    COOP_TRY(find_start(call, page.backwards, &start));
    const struct entry *last = start;
    uint32_t count = 0;
    for (const struct entry *entry = start; entry && page_takes(&page, weigh_shown(entry, show));
         entry = next_of(entry, page.backwards)) {
        last = entry;
        count++;
    }
    COOP_TRY(call_reserve_values(call, page.weight.values + 4));
    coopi_write_array(call->result, 3);
    coopi_write_uint(call->result, dict_of(call)->version);
    if (last)
        coopi_write_any(call->result, &last->key);
    else
        coopi_write_nil(call->result);
    coopi_write_array(call->result, count);
    const struct entry *entry = start;
    for (uint32_t i = 0; i < count; i++, entry = next_of(entry, page.backwards)) write_shown(call->result, entry, show);
    return call_written(call);
}
