/* SPDX-License-Identifier: MIT */
/* How much of an object goes into one page of an iteration. */
#include "page.h"

#include "base/error.h"

#include <coop/try.h>
#include <errno.h>
#include <inttypes.h>

int page_begin(struct call *call, struct page *ret_page)
{
    int64_t count;
    bool backwards = false;
    COOP_TRY(call_read_index(call, &count));
    if (count < 1)
        return coopi_fail(EINVAL, "%s: a page has 1 item or more, not %" PRId64 " (ValueError)", call->object->label,
                          count);
    if (call->arg_count) COOP_TRY(call_read_bool(call, &backwards));
    *ret_page = (struct page){.left = (uint64_t)count, .backwards = backwards};
    return 0;
}

bool page_takes(struct page *page, struct weight item)
{
    struct weight sum = weight_sum(page->weight, item);
    bool first = page->weight.values == 0;
    if (page->left == 0 || (!first && sum.bytes > PAGE_BYTES)) return false;
    page->left--;
    page->weight = sum;
    return true;
}
