/* SPDX-License-Identifier: MIT */
/* What all proxies have in common: a managed object's type, id and path. */
#include "proxy/proxy.h"

#include "base/error.h"
#include "base/name.h"
#include "base/quote.h"
#include "proxy/generation.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

/* "#ID", as a nameless object's path is. */
static int parse_id(const char *text, coop_any *ret_object)
{
    char quoted[COOPI_QUOTED], *end = NULL;
    errno = 0;
    unsigned long long id = isdigit((unsigned char)text[1]) ? strtoull(text + 1, &end, 10) : 0ull;
    if (errno || !end || *end)
        return coopi_fail(EINVAL, "%s: not the path of a nameless object; take it from coop_list_path() or its like",
                          coopi_quote(text, quoted, sizeof quoted));
    *ret_object = coop_uint(id);
    return 0;
}

static int object_of(const char *name, coop_any *ret_object)
{
    *ret_object = coop_nil();
    if (!name) return 0;
    if (*name == '#') return parse_id(name, ret_object);
    int result = coopi_object_name_check(name);
    if (result == 0) *ret_object = coop_str(name);
    return result;
}

int coopi_proxy_wrong_answer(const struct coopi_proxy *proxy, const char *op)
{
    return coopi_fail(EPROTO, "%s: the manager answers %s with a value of the wrong type; it may be another version",
                      coop_manager_address(proxy->manager), op);
}

int coopi_proxy_open(coop_manager *manager, const char *type, const char *name, int flags,
                     struct coopi_proxy *ret_proxy)
{
    struct coopi_proxy proxy = {.manager = manager, .type = type};
    coop_any object, id;
    char op[32];
    int result = object_of(name, &object);
    if (result < 0) return result;
    unsigned wire_flags =
        (flags & COOP_CREATE ? COOPI_OPEN_CREATE : 0) | (flags & COOP_EXCL ? COOPI_OPEN_EXCLUSIVE : 0);
    coop_any argument = coop_int(name ? (int64_t)wire_flags : 0);
    snprintf(op, sizeof op, "%s.open", type);
    result = coopi_manager_call(manager, &(struct coopi_call){op, object, &argument, 1, NULL}, &id);
    if (result < 0) return result;
    if (id.type != COOP_UINT && (id.type != COOP_INT || id.as.integer < 0)) {
        coop_any_clear(&id);
        return coopi_proxy_wrong_answer(&proxy, op);
    }
    proxy.id = id.as.natural;
    if (name && *name != '#')
        snprintf(proxy.path, sizeof proxy.path, "%s", name);
    else
        snprintf(proxy.path, sizeof proxy.path, "#%" PRIu64, proxy.id);
    if (!name) proxy.maker = coopi_generation();
    *ret_proxy = proxy;
    return 0;
}

void coopi_proxy_close(struct coopi_proxy *proxy)
{
    if (!proxy->maker || proxy->maker != coopi_generation()) return;
    int result = coopi_proxy_call(proxy, "object.remove", NULL, 0, NULL);
    (void)result; /* it is gone already, or its manager is */
}

int coopi_proxy_call(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     coop_any *ret_result)
{
    return coopi_manager_call(proxy->manager, &(struct coopi_call){op, coop_uint(proxy->id), args, count, NULL},
                              ret_result);
}

int coopi_proxy_call_for(const struct coopi_proxy *proxy, int type, const char *op, const coop_any *args,
                         uint32_t count, coop_any *ret_result)
{
    coop_any answer;
    int result = coopi_proxy_call(proxy, op, args, count, &answer);
    if (result < 0) return result;
    if (answer.type != type) {
        coop_any_clear(&answer);
        return coopi_proxy_wrong_answer(proxy, op);
    }
    *ret_result = answer;
    return 0;
}

int coopi_proxy_size(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     size_t *ret_size)
{
    coop_any answer;
    int result = coopi_proxy_call_for(proxy, COOP_INT, op, args, count, &answer);
    if (result < 0) return result;
    if (answer.as.integer < 0) return coopi_proxy_wrong_answer(proxy, op);
    *ret_size = (size_t)answer.as.integer;
    return 0;
}

int coopi_proxy_bool(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     bool *ret_boolean)
{
    coop_any answer;
    int result = coopi_proxy_call_for(proxy, COOP_BOOL, op, args, count, &answer);
    if (result == 0) *ret_boolean = answer.as.boolean;
    return result;
}
