/* SPDX-License-Identifier: MIT */
/* What all proxies have in common: a managed object's type, id and path. */
#ifndef COOPI_PROXY_H
#define COOPI_PROXY_H

#include "proxy/client.h"

#define COOPI_PROXY_PATH 72 /* an object's name, or "#" and an id, with NUL */

struct coopi_proxy {
    coop_manager *manager;
    const char *type; /* "list", "dict" */
    uint64_t id;
    uint64_t maker; /* generation of the process that made a nameless object; 0: it has a name, or is another's */
    char path[COOPI_PROXY_PATH];
};

/* What a handle refers to (list.c, dict.c). */
struct coop_list;
struct coop_dict;
const struct coopi_proxy *coopi_list_proxy(const struct coop_list *list);
const struct coopi_proxy *coopi_dict_proxy(const struct coop_dict *dict);

/* Opens or makes an object of TYPE (static storage), as coop_list_open() says. */
int coopi_proxy_open(coop_manager *manager, const char *type, const char *name, int flags,
                     struct coopi_proxy *ret_proxy) COOP_MUST_CHECK;

/* Removes a nameless object that this process made, as well as it can. */
void coopi_proxy_close(struct coopi_proxy *proxy);

/* Does OP ("list.append") on the object with COUNT borrowed arguments. RET_RESULT may be NULL. */
int coopi_proxy_call(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     coop_any *ret_result) COOP_MUST_CHECK;

/* The same for results of one type: -EPROTO if the manager answers with another. The result is the caller's. */
int coopi_proxy_call_for(const struct coopi_proxy *proxy, int type, const char *op, const coop_any *args,
                         uint32_t count, coop_any *ret_result) COOP_MUST_CHECK;

/* For operations that answer with a number of items, or with yes or no. */
int coopi_proxy_size(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     size_t *ret_size) COOP_MUST_CHECK;
int coopi_proxy_bool(const struct coopi_proxy *proxy, const char *op, const coop_any *args, uint32_t count,
                     bool *ret_boolean) COOP_MUST_CHECK;

/* -EPROTO with a sentence: the manager's answer to OP is not what it must be. */
int coopi_proxy_wrong_answer(const struct coopi_proxy *proxy, const char *op);

#endif
