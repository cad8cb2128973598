/* SPDX-License-Identifier: MIT */
/* How much of an object goes into one page of an iteration. */
#ifndef MANAGER_PAGE_H
#define MANAGER_PAGE_H

#include "call.h"

#define PAGE_BYTES (256u << 10) /* about; a single item may be larger */

struct page {
    uint64_t left; /* items that may still come in */
    bool backwards;
    struct weight weight; /* of those that are in */
};

/* The next arguments: how many items at most (an int >= 1), and whether to walk backwards (a bool, optional, false). */
int page_begin(struct call *call, struct page *ret_page);

/* Whether one more item goes into the page; then it is counted. The first always does. */
bool page_takes(struct page *page, struct weight item);

#endif
