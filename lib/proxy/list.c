/* SPDX-License-Identifier: MIT */
/* Managed lists. */
#include "proxy/page.h"

#include "base/error.h"

#include <coop/list.h>
#include <errno.h>
#include <stdlib.h>

struct coop_list {
    struct coopi_proxy proxy;
};

const struct coopi_proxy *coopi_list_proxy(const coop_list *list)
{
    return &list->proxy;
}

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

/* -EINVAL unless VALUES is a list value. */
static int check_list(const coop_list *list, const char *verb, const coop_any *values)
{
    if (values->type == COOP_LIST) return 0;
    return coopi_fail(EINVAL, "list %s: %s takes a list value (TypeError); wrap one item by coop_items(&item, 1)",
                      list->proxy.path, verb);
}

int coop_list_extend(coop_list *list, coop_any values)
{
    int result = check_list(list, "extend", &values);
    return result < 0 ? result : coopi_proxy_call(&list->proxy, "list.extend", &values, 1, NULL);
}

int coop_list_insert(coop_list *list, int64_t index, coop_any value)
{
    coop_any args[] = {coop_int(index), value};
    return coopi_proxy_call(&list->proxy, "list.insert", args, 2, NULL);
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

int coop_list_del(coop_list *list, int64_t index)
{
    coop_any at = coop_int(index);
    return coopi_proxy_call(&list->proxy, "list.del", &at, 1, NULL);
}

int coop_list_remove(coop_list *list, coop_any value)
{
    return coopi_proxy_call(&list->proxy, "list.remove", &value, 1, NULL);
}

int coop_list_clear(coop_list *list)
{
    return coopi_proxy_call(&list->proxy, "list.clear", NULL, 0, NULL);
}

int coop_list_len(coop_list *list, size_t *ret_len)
{
    return coopi_proxy_size(&list->proxy, "list.len", NULL, 0, ret_len);
}

int coop_list_copy(coop_list *list, coop_any *ret_values)
{
    return coopi_proxy_call_for(&list->proxy, COOP_LIST, "list.copy", NULL, 0, ret_values);
}

int coop_list_index(coop_list *list, coop_any value, int64_t start, int64_t stop, size_t *ret_index)
{
    coop_any args[] = {value, coop_int(start), coop_int(stop)};
    return coopi_proxy_size(&list->proxy, "list.index", args, 3, ret_index);
}

int coop_list_count(coop_list *list, coop_any value, size_t *ret_count)
{
    return coopi_proxy_size(&list->proxy, "list.count", &value, 1, ret_count);
}

int coop_list_contains(coop_list *list, coop_any value, bool *ret_contains)
{
    return coopi_proxy_bool(&list->proxy, "list.contains", &value, 1, ret_contains);
}

int coop_list_equal(coop_list *list, coop_any values, bool *ret_equal)
{
    int result = check_list(list, "equal", &values);
    return result < 0 ? result : coopi_proxy_bool(&list->proxy, "list.equal", &values, 1, ret_equal);
}

static coop_any bound(int64_t index)
{
    return index == COOP_OMIT ? coop_nil() : coop_int(index);
}

int coop_list_get_slice(coop_list *list, int64_t start, int64_t stop, int64_t step, coop_any *ret_values)
{
    coop_any args[] = {bound(start), bound(stop), bound(step)};
    return coopi_proxy_call_for(&list->proxy, COOP_LIST, "list.get_slice", args, 3, ret_values);
}

int coop_list_set_slice(coop_list *list, int64_t start, int64_t stop, int64_t step, coop_any values)
{
    coop_any args[] = {bound(start), bound(stop), bound(step), values};
    int result = check_list(list, "set_slice", &values);
    return result < 0 ? result : coopi_proxy_call(&list->proxy, "list.set_slice", args, 4, NULL);
}

int coop_list_del_slice(coop_list *list, int64_t start, int64_t stop, int64_t step)
{
    coop_any args[] = {bound(start), bound(stop), bound(step)};
    return coopi_proxy_call(&list->proxy, "list.del_slice", args, 3, NULL);
}

int coop_list_sort(coop_list *list, coop_any key, bool reverse)
{
    coop_any args[] = {key, coop_bool(reverse)};
    return coopi_proxy_call(&list->proxy, "list.sort", args, 2, NULL);
}

int coop_list_reverse(coop_list *list)
{
    return coopi_proxy_call(&list->proxy, "list.reverse", NULL, 0, NULL);
}

int coop_list_concat(coop_list *list, coop_any values, coop_any *ret_values)
{
    int result = check_list(list, "concat", &values);
    return result < 0 ? result : coopi_proxy_call_for(&list->proxy, COOP_LIST, "list.concat", &values, 1, ret_values);
}

int coop_list_repeat(coop_list *list, int64_t times)
{
    coop_any count = coop_int(times);
    return coopi_proxy_call(&list->proxy, "list.repeat", &count, 1, NULL);
}

int coop_list_repeated(coop_list *list, int64_t times, coop_any *ret_values)
{
    coop_any count = coop_int(times);
    return coopi_proxy_call_for(&list->proxy, COOP_LIST, "list.repeated", &count, 1, ret_values);
}

struct coop_list_iter {
    const struct coopi_proxy *proxy;
    bool backwards;
    int64_t next; /* where the next page begins */
    struct coopi_page page;
};

int coop_list_iter_open(coop_list *list, bool backwards, coop_list_iter **ret_iter)
{
    coop_list_iter *iter = calloc(1, sizeof *iter);
    if (!iter) return coopi_fail(ENOMEM, "list %s: no memory for an iteration", list->proxy.path);
    *iter = (coop_list_iter){.proxy = &list->proxy, .backwards = backwards, .next = backwards ? -1 : 0};
    *ret_iter = iter;
    return 0;
}

void coop_list_iter_close(coop_list_iter *iter)
{
    if (!iter) return;
    coopi_page_clear(&iter->page);
    free(iter);
}

/* [position, items] */
static int fetch(coop_list_iter *iter)
{
    coop_any args[] = {coop_int(iter->next), coop_int(COOPI_PAGE_ITEMS), coop_bool(iter->backwards)};
    int result = coopi_page_fetch(&iter->page, iter->proxy, "list.page", args, 3, 2);
    if (result < 0) return result;
    int64_t position = iter->page.answer.as.items[0].as.integer;
    int64_t count = iter->page.items->size;
    iter->next = iter->backwards ? position - count : position + count;
    return 0;
}

int coop_list_iter_next(coop_list_iter *iter, coop_any *ret_value)
{
    if (coopi_page_empty(&iter->page)) {
        bool begun = iter->page.fetched;
        if (begun && iter->backwards && iter->next < 0) iter->page.ended = true; /* below 0 would be the end again */
        int result = iter->page.ended ? 0 : fetch(iter);
        if (result < 0) return result;
        if (coopi_page_empty(&iter->page)) return coopi_page_end(&iter->page, "list", iter->proxy);
    }
    *ret_value = coopi_page_take(&iter->page);
    return 0;
}
