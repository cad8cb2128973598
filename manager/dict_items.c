/* SPDX-License-Identifier: MIT */
/* The managed dict's operations on one key. */
#include "dict_ops.h"
#include "dict_store.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>

int dict_run_get(struct call *call)
{
    coop_any key;
    coop_any value;
    COOP_TRY(call_read_key(call, &key));
    struct entry *entry = dict_find(dict_of(call), &key);
    if (entry) return call_return_value(call, &entry->value);
    if (!call->arg_count) return dict_find_entry(dict_of(call), &key, &entry);
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_value(call, &value);
    coop_any_clear(&value);
    return result;
}

int dict_run_set(struct call *call)
{
    coop_any key;
    coop_any value;
    COOP_TRY(call_read_key(call, &key));
    COOP_TRY(call_read_value(call, &value));
    int result = call_return_nil(call);
    if (result == 0) result = dict_set(dict_of(call), &key, &value);
    if (result < 0) coop_any_clear(&value);
    return result;
}

int dict_run_del(struct call *call)
{
    coop_any key;
    struct entry *entry;
    COOP_TRY(call_read_key(call, &key));
    COOP_TRY(dict_find_entry(dict_of(call), &key, &entry));
    COOP_TRY(call_return_nil(call));
    dict_remove(dict_of(call), entry);
    return 0;
}

int dict_run_contains(struct call *call)
{
    coop_any key;
    COOP_TRY(call_read_key(call, &key));
    return call_return_bool(call, dict_find(dict_of(call), &key) != NULL);
}

/* The value that is there, or else the one that is given, which then is there. */
int dict_run_setdefault(struct call *call)
{
    coop_any key;
    coop_any value = coop_nil();
    COOP_TRY(call_read_key(call, &key));
    struct entry *entry = dict_find(dict_of(call), &key);
    if (entry) return call_return_value(call, &entry->value);
    if (call->arg_count) COOP_TRY(call_read_value(call, &value));
    int result = call_return_value(call, &value);
    if (result == 0) result = dict_set(dict_of(call), &key, &value);
    if (result < 0) coop_any_clear(&value);
    return result;
}

int dict_run_pop(struct call *call)
{
    struct coopi_reader args = call->args;
    coop_any key;
    COOP_TRY(call_read_key(call, &key));
    struct entry *entry = dict_find(dict_of(call), &key);
    if (!entry) {
        call->args = args;
        call->arg_count++;
        return dict_run_get(call); /* the default, or KeyError */
    }
    COOP_TRY(call_return_value(call, &entry->value));
    dict_remove(dict_of(call), entry);
    return 0;
}

int dict_run_popitem(struct call *call)
{
    struct entry *entry = dict_last(dict_of(call));
    if (!entry) return coopi_fail(ENOENT, "%s: it is empty (KeyError); set a key first", call->object->label);
    coop_any pair[] = {entry->key, entry->value};
    COOP_TRY(call_reserve_values(call, weigh(&pair[0]).values + weigh(&pair[1]).values + 1));
    coopi_write_array(call->result, 2);
    coopi_write_any(call->result, &pair[0]);
    coopi_write_any(call->result, &pair[1]);
    COOP_TRY(call_written(call));
    dict_remove(dict_of(call), entry);
    return 0;
}

/* The next argument: an array of one value, or of none for "no such key". */
static int read_maybe(struct call *call, struct items *ret_items)
{
    COOP_TRY(call_read_items(call, ret_items));
    if (ret_items->count <= 1) return 0;
    items_free(ret_items);
    return coopi_fail(EINVAL, "%s: %s takes arrays of one value, or of none", call->object->label, call->op);
}

static bool matches(const struct entry *entry, const struct items *expected)
{
    if (!entry || expected->count == 0) return !entry && expected->count == 0;
    return coop_any_equal(entry->value, expected->values[0]);
}

/* The key has what was expected: now it gets what is desired. */
static int swap(struct call *call, const coop_any *key, struct entry *entry, struct items *desired)
{
    struct dict *dict = dict_of(call);
    if (desired->count) {
        COOP_TRY(dict_set(dict, key, &desired->values[0]));
        desired->count = 0; /* the dict's now */
    } else if (entry) {
        dict_remove(dict, entry);
    }
    return 0;
}

int dict_run_cas(struct call *call)
{
    coop_any key;
    struct items expected;
    struct items desired;
    COOP_TRY(call_read_key(call, &key));
    COOP_TRY(read_maybe(call, &expected));
    struct entry *entry = dict_find(dict_of(call), &key);
    bool match = matches(entry, &expected);
    items_free(&expected);
    COOP_TRY(read_maybe(call, &desired));
    int result = call_return_bool(call, match);
    if (result == 0 && match) result = swap(call, &key, entry, &desired);
    items_free(&desired);
    return result;
}
