/* SPDX-License-Identifier: MIT */
/* How much the objects of a manager may hold together. */
#include "budget.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#define ALLOCATION 32 /* what malloc and the closing NUL add to bytes of our own */

struct budget budget_default(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long size = sysconf(_SC_PAGESIZE);
    uint64_t memory = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : UINT64_C(2) << 30;
    return (struct budget){.limit = memory / 2};
}

struct weight weigh(const coop_any *value)
{
    struct weight sum = {.bytes = sizeof *value, .values = 1};
    switch (value->type) {
    case COOP_STR:
    case COOP_BYTES: sum.bytes += value->size + ALLOCATION; break;
    case COOP_LIST:
        sum.bytes += ALLOCATION;
        for (uint32_t i = 0; i < value->size; i++) sum = weight_sum(sum, weigh(&value->as.items[i]));
        break;
    case COOP_MAP:
        sum.bytes += ALLOCATION;
        for (uint32_t i = 0; i < value->size; i++) {
            sum = weight_sum(sum, weigh(&value->as.pairs[i].key));
            sum = weight_sum(sum, weigh(&value->as.pairs[i].value));
        }
        break;
    default: break;
    }
    return sum;
}

struct weight weight_sum(struct weight a, struct weight b)
{
    return (struct weight){.bytes = a.bytes + b.bytes, .values = a.values + b.values};
}

struct weight weight_difference(struct weight a, struct weight b)
{
    return (struct weight){.bytes = a.bytes - b.bytes, .values = a.values - b.values};
}

int budget_take(struct budget *budget, uint64_t bytes, const char *what)
{
    if (bytes > budget->limit - budget->used)
        return coopi_fail(ENOMEM,
                          "%s: the manager's objects hold %" PRIu64 " MiB and may hold %" PRIu64
                          "; remove what is not needed, or start another manager",
                          what, budget->used >> 20, budget->limit >> 20);
    budget->used += bytes;
    return 0;
}

void budget_give(struct budget *budget, uint64_t bytes)
{
    budget->used -= bytes;
}
