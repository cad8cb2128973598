/* SPDX-License-Identifier: MIT */
/* Bells that are named: words that sleepers wait on, of which only the two top bits ever change.
 *
 * Design notes. Whoever rings a bell names it in list_op_pending from before the change that it rings for until it has
 * woken all. If it is killed in between, the kernel finds a word without tid there, and wakes one sleeper (Linux
 * >= 6.2); that one passes the wake on to all. Sleepers name it as well: so a wake that went to one who is killed goes
 * on to the next, and the death of one who sleeps wakes another, who may look what that means. A name that stood there
 * before is put back afterwards; a handler that comes meanwhile does the same. */
#ifndef COOPI_BELL_H
#define COOPI_BELL_H

#include "base/futex.h"
#include "segment/self.h"

#define COOPI_RING UINT32_C(0x40000000)

struct coopi_naming {
    struct robust_list_head *head; /* NULL: this thread has none, and nothing is named */
    struct robust_list *saved;
};

static inline struct coopi_naming coopi_bell_name(struct robust_list_head *head, uint32_t *bell)
{
    struct coopi_naming naming = {head, NULL};
    if (coopi_unlikely(!head)) return naming;
    naming.saved = head->list_op_pending;
    coopi_put(head->list_op_pending, (struct robust_list *)(void *)((char *)bell - COOPI_FUTEX_OFFSET));
    coopi_compiler_barrier();
    return naming;
}

static inline void coopi_bell_unname(struct coopi_naming naming)
{
    coopi_compiler_barrier();
    if (naming.head) coopi_put(naming.head->list_op_pending, naming.saved);
}

static inline void coopi_bell_ring(uint32_t *bell)
{
    coopi_fetch_add(bell, COOPI_RING);
    coopi_futex_wake(bell, COOPI_FUTEX_ALL);
}

#endif
