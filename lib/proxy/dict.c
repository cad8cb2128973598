/* SPDX-License-Identifier: MIT */
/* Managed dicts. */
#include "proxy/page.h"

#include "base/error.h"
#include "proxy/any.h"

#include <coop/dict.h>
#include <errno.h>
#include <stdlib.h>

struct coop_dict {
    struct coopi_proxy proxy;
};

const struct coopi_proxy *coopi_dict_proxy(const coop_dict *dict)
{
    return &dict->proxy;
}

int coop_dict_open(coop_manager *manager, const char *name, int flags, coop_dict **ret_dict)
{
    coop_dict *dict = malloc(sizeof *dict);
    if (!dict) return coopi_fail(ENOMEM, "dict %s: no memory for a handle", name ? name : "without a name");
    int result = coopi_proxy_open(manager, "dict", name, flags, &dict->proxy);
    if (result < 0)
        free(dict);
    else
        *ret_dict = dict;
    return result;
}

void coop_dict_close(coop_dict *dict)
{
    if (!dict) return;
    coopi_proxy_close(&dict->proxy);
    free(dict);
}

const char *coop_dict_path(const coop_dict *dict)
{
    return dict->proxy.path;
}

/* An operation whose first argument is a key. */
static int call_with_key(coop_dict *dict, const char *op, const coop_any *args, uint32_t count, coop_any *ret_result)
{
    int result = coopi_key_check(&args[0]);
    return result < 0 ? result : coopi_proxy_call(&dict->proxy, op, args, count, ret_result);
}

int coop_dict_get(coop_dict *dict, coop_any key, coop_any *ret_value)
{
    return call_with_key(dict, "dict.get", &key, 1, ret_value);
}

int coop_dict_set(coop_dict *dict, coop_any key, coop_any value)
{
    coop_any args[] = {key, value};
    return call_with_key(dict, "dict.set", args, 2, NULL);
}

int coop_dict_del(coop_dict *dict, coop_any key)
{
    return call_with_key(dict, "dict.del", &key, 1, NULL);
}

int coop_dict_incr(coop_dict *dict, coop_any key, coop_any delta, coop_any *ret_value)
{
    coop_any args[] = {key, delta};
    return call_with_key(dict, "dict.incr", args, 2, ret_value);
}

int coop_dict_len(coop_dict *dict, size_t *ret_len)
{
    return coopi_proxy_size(&dict->proxy, "dict.len", NULL, 0, ret_len);
}

int coop_dict_contains(coop_dict *dict, coop_any key, bool *ret_contains)
{
    int result = coopi_key_check(&key);
    return result < 0 ? result : coopi_proxy_bool(&dict->proxy, "dict.contains", &key, 1, ret_contains);
}

int coop_dict_get_or(coop_dict *dict, coop_any key, coop_any default_value, coop_any *ret_value)
{
    coop_any args[] = {key, default_value};
    return call_with_key(dict, "dict.get", args, 2, ret_value);
}

int coop_dict_setdefault(coop_dict *dict, coop_any key, coop_any value, coop_any *ret_value)
{
    coop_any args[] = {key, value};
    return call_with_key(dict, "dict.setdefault", args, 2, ret_value);
}

int coop_dict_compare_set(coop_dict *dict, coop_any key, const coop_any *expected, const coop_any *value,
                          bool *ret_done)
{
    coop_any args[] = {key, coop_items(expected, expected != NULL), coop_items(value, value != NULL)};
    int result = coopi_key_check(&key);
    return result < 0 ? result : coopi_proxy_bool(&dict->proxy, "dict.cas", args, 3, ret_done);
}

int coop_dict_pop(coop_dict *dict, coop_any key, coop_any *ret_value)
{
    return call_with_key(dict, "dict.pop", &key, 1, ret_value);
}

int coop_dict_pop_or(coop_dict *dict, coop_any key, coop_any default_value, coop_any *ret_value)
{
    coop_any args[] = {key, default_value};
    return call_with_key(dict, "dict.pop", args, 2, ret_value);
}

/* Hands the items of an owned [key, value] out, and clears what is not wanted. */
static void split(coop_any *pair, coop_any *ret_key, coop_any *ret_value)
{
    coop_any *parts = coopi_items(pair);
    if (ret_key) {
        *ret_key = parts[0];
        parts[0] = coop_nil();
    }
    if (ret_value) {
        *ret_value = parts[1];
        parts[1] = coop_nil();
    }
    coop_any_clear(pair);
}

int coop_dict_popitem(coop_dict *dict, coop_any *ret_key, coop_any *ret_value)
{
    coop_any pair;
    int result = coopi_proxy_call_for(&dict->proxy, COOP_LIST, "dict.popitem", NULL, 0, &pair);
    if (result < 0) return result;
    if (pair.size != 2) {
        coop_any_clear(&pair);
        return coopi_proxy_wrong_answer(&dict->proxy, "dict.popitem");
    }
    split(&pair, ret_key, ret_value);
    return 0;
}

int coop_dict_clear(coop_dict *dict)
{
    return coopi_proxy_call(&dict->proxy, "dict.clear", NULL, 0, NULL);
}

int coop_dict_update(coop_dict *dict, coop_any values)
{
    return coopi_proxy_call(&dict->proxy, "dict.update", &values, 1, NULL);
}

int coop_dict_fromkeys(coop_dict *dict, coop_any keys, coop_any value)
{
    coop_any args[] = {keys, value};
    return coopi_proxy_call(&dict->proxy, "dict.fromkeys", args, 2, NULL);
}

int coop_dict_keys(coop_dict *dict, coop_any *ret_keys)
{
    return coopi_proxy_call_for(&dict->proxy, COOP_LIST, "dict.keys", NULL, 0, ret_keys);
}

int coop_dict_values(coop_dict *dict, coop_any *ret_values)
{
    return coopi_proxy_call_for(&dict->proxy, COOP_LIST, "dict.values", NULL, 0, ret_values);
}

int coop_dict_merge(coop_dict *dict, coop_any map, coop_any *ret_map)
{
    return coopi_proxy_call_for(&dict->proxy, COOP_MAP, "dict.merge", &map, 1, ret_map);
}

int coop_dict_equal(coop_dict *dict, coop_any map, bool *ret_equal)
{
    return coopi_proxy_bool(&dict->proxy, "dict.equal", &map, 1, ret_equal);
}

int coop_dict_items(coop_dict *dict, coop_any *ret_items)
{
    return coopi_proxy_call_for(&dict->proxy, COOP_MAP, "dict.items", NULL, 0, ret_items);
}

struct coop_dict_iter {
    const struct coopi_proxy *proxy;
    int what;
    bool backwards;
    bool changed; /* keys came or went */
    struct coopi_page page;
};

int coop_dict_iter_open(coop_dict *dict, int what, bool backwards, coop_dict_iter **ret_iter)
{
    if (what < COOP_KEYS || what > COOP_ITEMS)
        return coopi_fail(EINVAL, "dict %s: an iteration is over COOP_KEYS, COOP_VALUES or COOP_ITEMS, not %d",
                          dict->proxy.path, what);
    coop_dict_iter *iter = calloc(1, sizeof *iter);
    if (!iter) return coopi_fail(ENOMEM, "dict %s: no memory for an iteration", dict->proxy.path);
    *iter = (coop_dict_iter){.proxy = &dict->proxy, .what = what, .backwards = backwards};
    *ret_iter = iter;
    return 0;
}

void coop_dict_iter_close(coop_dict_iter *iter)
{
    if (!iter) return;
    coopi_page_clear(&iter->page);
    free(iter);
}

/* [version, last key, items]; a further page takes up where the last one ended. */
static int fetch(coop_dict_iter *iter)
{
    static const char *const names[] = {[COOP_KEYS] = "keys", [COOP_VALUES] = "values", [COOP_ITEMS] = "items"};
    coop_any args[] = {coop_str(names[iter->what]), coop_int(COOPI_PAGE_ITEMS), coop_bool(iter->backwards), coop_nil(),
                       coop_nil()};
    bool further = iter->page.fetched;
    if (further) {
        args[3] = iter->page.answer.as.items[0];
        args[4] = iter->page.answer.as.items[1];
    }
    int result = coopi_page_fetch(&iter->page, iter->proxy, "dict.page", args, further ? 5 : 3, 3);
    iter->changed = result == -EAGAIN;
    return result;
}

/* Hands out one item of the page. -EPROTO: it should be a [key, value]. */
static int hand_out(coop_dict_iter *iter, coop_any *ret_key, coop_any *ret_value)
{
    const coop_any *next = &iter->page.items->as.items[iter->page.at];
    if (iter->what == COOP_ITEMS && (next->type != COOP_LIST || next->size != 2))
        return coopi_proxy_wrong_answer(iter->proxy, "dict.page");
    coop_any item = coopi_page_take(&iter->page);
    if (iter->what == COOP_ITEMS) {
        split(&item, ret_key, ret_value);
        return 0;
    }
    coop_any *wanted = iter->what == COOP_KEYS ? ret_key : ret_value;
    coop_any *other = iter->what == COOP_KEYS ? ret_value : ret_key;
    if (other) *other = coop_nil();
    if (wanted)
        *wanted = item;
    else
        coop_any_clear(&item);
    return 0;
}

int coop_dict_iter_next(coop_dict_iter *iter, coop_any *ret_key, coop_any *ret_value)
{
    if (iter->changed)
        return coopi_fail(EAGAIN, "dict %s: keys came or went during the iteration (RuntimeError); begin another",
                          iter->proxy->path);
    if (coopi_page_empty(&iter->page)) {
        bool last = iter->page.fetched && iter->page.items->size == 0;
        int result = last || iter->page.ended ? 0 : fetch(iter);
        if (result < 0) return result;
        if (coopi_page_empty(&iter->page)) return coopi_page_end(&iter->page, "dict", iter->proxy);
    }
    return hand_out(iter, ret_key, ret_value);
}
