/* SPDX-License-Identifier: MIT */
/* Managed dicts. */
#include "proxy/proxy.h"

#include "base/error.h"
#include "proxy/any.h"

#include <coop/dict.h>
#include <errno.h>
#include <stdlib.h>

struct coop_dict {
    struct coopi_proxy proxy;
};

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
    return coopi_proxy_len(&dict->proxy, "dict.len", ret_len);
}

int coop_dict_contains(coop_dict *dict, coop_any key, bool *ret_contains)
{
    int result = coopi_key_check(&key);
    if (result < 0) return result;
    coop_any answer;
    result = coopi_proxy_call_for(&dict->proxy, COOP_BOOL, "dict.contains", &key, 1, &answer);
    if (result == 0) *ret_contains = answer.as.boolean;
    return result;
}

int coop_dict_items(coop_dict *dict, coop_any *ret_items)
{
    return coopi_proxy_call_for(&dict->proxy, COOP_MAP, "dict.items", NULL, 0, ret_items);
}
