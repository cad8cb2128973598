/* SPDX-License-Identifier: MIT */
/* How much the objects of a manager may hold together, so that no client can make it grow without bound. */
#ifndef MANAGER_BUDGET_H
#define MANAGER_BUDGET_H

#include <coop/any.h>

/* What something takes: bytes of memory, about, and values as PROTOCOL.md counts them for a message. */
struct weight {
    uint64_t bytes;
    uint64_t values;
};

struct budget {
    uint64_t used; /* bytes */
    uint64_t limit;
};

/* Half of the machine's memory. */
struct budget budget_default(void);

struct weight weigh(const coop_any *value);
struct weight weight_sum(struct weight a, struct weight b);
struct weight weight_difference(struct weight a, struct weight b);

/* Takes bytes, or nothing: -ENOMEM with a sentence that names WHAT. */
int budget_take(struct budget *budget, uint64_t bytes, const char *what);
void budget_give(struct budget *budget, uint64_t bytes);

#endif
