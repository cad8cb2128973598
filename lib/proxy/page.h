/* SPDX-License-Identifier: MIT */
/* One page of an iteration: what has been fetched of an object and not been handed out yet. */
#ifndef COOPI_PAGE_H
#define COOPI_PAGE_H

#include "proxy/proxy.h"

#define COOPI_PAGE_ITEMS 1024 /* asked for at once; the manager may give fewer */

struct coopi_page {
    coop_any answer;       /* the manager's, owned; its last field are the items */
    const coop_any *items; /* within it */
    uint32_t at;           /* the next item to be handed out */
    bool fetched;          /* at least once */
    bool ended;            /* nothing will come any more */
};

/* Asks for the next page: an array of FIELDS fields, of which the first is an int >= 0 and the last an array. The page
 * stays as it is on failure. */
int coopi_page_fetch(struct coopi_page *page, const struct coopi_proxy *proxy, const char *op, const coop_any *args,
                     uint32_t count, uint32_t fields) COOP_MUST_CHECK;

bool coopi_page_empty(const struct coopi_page *page);

/* The next item of a page that is not empty: owned by the caller. */
coop_any coopi_page_take(struct coopi_page *page);

/* Nothing more comes: -ENODATA, from now on. */
int coopi_page_end(struct coopi_page *page, const char *type, const struct coopi_proxy *proxy);

void coopi_page_clear(struct coopi_page *page);

#endif
