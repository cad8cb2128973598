/* SPDX-License-Identifier: MIT */
/* One page of an iteration. */
#include "proxy/page.h"

#include "base/error.h"
#include "proxy/any.h"

#include <errno.h>

static bool well_formed(const coop_any *answer, uint32_t fields)
{
    const coop_any *field = answer->as.items;
    return answer->size == fields && field[0].type == COOP_INT && field[0].as.integer >= 0 &&
           field[fields - 1].type == COOP_LIST;
}

int coopi_page_fetch(struct coopi_page *page, const struct coopi_proxy *proxy, const char *op, const coop_any *args,
                     uint32_t count, uint32_t fields)
{
    coop_any answer;
    int result = coopi_proxy_call_for(proxy, COOP_LIST, op, args, count, &answer);
    if (result < 0) return result;
    if (!well_formed(&answer, fields)) {
        coop_any_clear(&answer);
        return coopi_proxy_wrong_answer(proxy, op);
    }
    coopi_page_clear(page);
    *page = (struct coopi_page){.answer = answer, .items = &answer.as.items[fields - 1], .fetched = true};
    return 0;
}

bool coopi_page_empty(const struct coopi_page *page)
{
    return !page->items || page->at == page->items->size;
}

coop_any coopi_page_take(struct coopi_page *page)
{
    coop_any *item = &coopi_items(page->items)[page->at++];
    coop_any taken = *item;
    *item = coop_nil();
    return taken;
}

int coopi_page_end(struct coopi_page *page, const char *type, const struct coopi_proxy *proxy)
{
    page->ended = true;
    return coopi_fail(ENODATA, "%s %s: the iteration is at its end (StopIteration); begin another", type, proxy->path);
}

void coopi_page_clear(struct coopi_page *page)
{
    coop_any_clear(&page->answer);
    page->items = NULL;
    page->at = 0;
}
