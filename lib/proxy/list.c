/* SPDX-License-Identifier: MIT */
/* Managed lists. */
#include "proxy/proxy.h"

#include "base/error.h"

#include <coop/list.h>
#include <errno.h>
#include <stdlib.h>

struct coop_list {
    struct coopi_proxy proxy;
};

int coop_list_open(coop_manager *manager, const char *name, int flags, coop_list **ret_list)
{
    coop_list *list = malloc(sizeof *list);
    if (!list) return coopi_fail(ENOMEM, "list %s: no memory for a handle", name ? name : "without a name");
    int result = coopi_proxy_open(manager, "list", name, flags, &list->proxy);
    if (result < 0)
        free(list);
    else
        *ret_list = list;
    return result;
}

void coop_list_close(coop_list *list)
{
    if (!list) return;
    coopi_proxy_close(&list->proxy);
    free(list);
}

const char *coop_list_path(const coop_list *list)
{
    return list->proxy.path;
}

int coop_list_append(coop_list *list, coop_any value)
{
    return coopi_proxy_call(&list->proxy, "list.append", &value, 1, NULL);
}

int coop_list_extend(coop_list *list, coop_any values)
{
    if (values.type != COOP_LIST)
        return coopi_fail(EINVAL,
                          "list %s: extend takes a list value; wrap one item by coop_items(&item, 1), or append it",
                          list->proxy.path);
    return coopi_proxy_call(&list->proxy, "list.extend", &values, 1, NULL);
}

int coop_list_get(coop_list *list, int64_t index, coop_any *ret_value)
{
    coop_any at = coop_int(index);
    return coopi_proxy_call(&list->proxy, "list.get", &at, 1, ret_value);
}

int coop_list_set(coop_list *list, int64_t index, coop_any value)
{
    coop_any args[] = {coop_int(index), value};
    return coopi_proxy_call(&list->proxy, "list.set", args, 2, NULL);
}

int coop_list_pop(coop_list *list, int64_t index, coop_any *ret_value)
{
    coop_any at = coop_int(index);
    return coopi_proxy_call(&list->proxy, "list.pop", &at, 1, ret_value);
}

int coop_list_len(coop_list *list, size_t *ret_len)
{
    return coopi_proxy_len(&list->proxy, "list.len", ret_len);
}

int coop_list_copy(coop_list *list, coop_any *ret_values)
{
    return coopi_proxy_call_for(&list->proxy, COOP_LIST, "list.copy", NULL, 0, ret_values);
}
