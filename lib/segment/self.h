/* SPDX-License-Identifier: MIT */
/* A thread as libcoop sees it: its part of the kernel's robust list, and its owner id in each segment.
 *
 * Design notes. A thread has one robust list, whose head glibc registered. At its head we link two private sentinels,
 * once, and keep all our nodes between them:
 *
 *     head -> (glibc's newer mutexes) -> newest -> our nodes, newest first -> oldest -> (glibc's older mutexes) -> head
 *
 * glibc inserts at the head and, on unlock, writes to the direct neighbours of the node it takes out: those are its own
 * nodes or a sentinel, never a node of ours in shared memory. We keep the order of our nodes in a private array and
 * never read back a pointer from shared memory, where a peer could have changed it.
 *
 * The kernel walks the list from the head when the thread dies, in any way, and marks each word that carries the
 * thread's id; `list_op_pending` names the one word that is being taken or given up and may not be in the list. A word
 * that was taken stays named until it is given up, unless another one was named before: two stores less a lock.
 * A signal handler may lock and unlock inside our lock and unlock: each saves and restores list_op_pending, and pushes
 * and pops leave the array right at every instruction.
 *
 * All of it stands in memory that is wiped at fork, so a child starts as nobody and attaches as itself. */
#ifndef COOPI_SELF_H
#define COOPI_SELF_H

#include "base/atomic.h"
#include "segment/map.h"

#include <linux/futex.h>

/* Nodes between the sentinels: a life word and 1,999 locks. The kernel gives up after 2,048, glibc's included. */
#define COOPI_HELD_MAX 2000

/* Looks like the part of a pthread_mutex_t that glibc's list code touches; its futex word stays 0, which the kernel
 * skips. */
struct coopi_sentinel {
    uint32_t word;
    uint32_t spare[5];
    void *previous;
    struct robust_list node;
};
static_assert(offsetof(struct coopi_sentinel, node) == -COOPI_FUTEX_OFFSET, "glibc's own offset");
static_assert(offsetof(struct coopi_sentinel, previous) == 24, "glibc's own offset");

/* What an acquire touches lies where a lock's line has none of its own hot fields (bytes 24 to 31 and 40 to 63 of 64),
 * for a load behind a store to an address with the same low 12 bits waits for that store, whatever page it went to. */
struct coopi_self {
    uint32_t tid;
    uint32_t lives;        /* how many of the held nodes are life words */
    int64_t last_evidence; /* when an acquire without waiting last asked /proc */
    uint64_t spare0;
    struct coopi_sentinel newest, oldest;
    struct robust_list_head *head; /* NULL: not linked (new, or wiped by fork) */
    uint32_t held_count;
    uint32_t
        unfenced; /* COOPI_MODE_BUSY where no membarrier of others reaches this process: as if each lock were busy */
    struct robust_list_head own; /* registered when the thread has none: a child of a raw clone() */
    struct robust_list *outer;   /* a word that a handler took while its thread was taking or giving it up */
    struct robust_list *held[1 + COOPI_HELD_MAX]; /* from 1, oldest first; [0] is the oldest sentinel */
    uint64_t spare2;
    uint64_t id[COOPI_MAPS + 1]; /* by map slot: {tag, tid} as lock words hold it; 0: no owner in that segment */
    uint32_t stands[COOPI_MAPS]; /* by map slot: words that this thread has in its semaphores and the like */
};
static_assert(offsetof(struct coopi_self, newest.node) % COOPI_LINE == 56, "beside a lock's hot fields");
static_assert(offsetof(struct coopi_self, head) % COOPI_LINE == 40, "head, held_count, unfenced");
static_assert(offsetof(struct coopi_self, held[2]) % COOPI_LINE == 40, "the first locks, behind a life word");
static_assert(offsetof(struct coopi_self, id) % COOPI_LINE == 40, "the first segments");

extern __thread struct coopi_self *coopi_self_ __attribute__((tls_model("initial-exec"), visibility("hidden")));

/* This thread's record with its sentinels linked. Negative with a sentence: -ENOMEM, -ENOTSUP. */
int coopi_self_link(struct coopi_self **ret_self);

/* Where the kernel looks for this thread's robust list, also if it has no record. NULL: nowhere. Async-signal-safe. */
struct robust_list_head *coopi_robust_head(void);

/* Takes the sentinels out and frees the record of the calling thread, which holds nothing. */
void coopi_self_dispose(struct coopi_self *self);

/* How many words of the segment this thread holds, its life word left out. */
unsigned coopi_self_holds(const struct coopi_self *self, const struct coopi_map *map);

/* Plain stores in program order, for the eyes of the kernel and of our own signal handlers. */
#define coopi_put(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)

static inline struct robust_list *coopi_node(struct coopi_robust *robust)
{
    return (struct robust_list *)(void *)&robust->node;
}

/* This thread's newest word is ROBUST. */
static inline bool coopi_is_newest(const struct coopi_self *self, const struct coopi_robust *robust)
{
    return (const void *)self->held[self->held_count] == &robust->node;
}

/* Names the word that is about to be taken or given up; hands back what was named before. */
static inline struct robust_list *coopi_pending_begin(struct coopi_self *self, struct coopi_robust *robust)
{
    struct robust_list *saved = self->head->list_op_pending;
    coopi_put(self->head->list_op_pending, coopi_node(robust));
    coopi_compiler_barrier();
    return saved;
}

/* Names a word that is about to be given up, if it is not named still. Hands back what is to be named afterwards. */
static inline struct robust_list *coopi_pending_resume(struct coopi_self *self, struct coopi_robust *robust)
{
    struct robust_list *saved = self->head->list_op_pending, *node = coopi_node(robust);
    bool inner = self->outer == node;
    if (coopi_unlikely(saved != node))
        coopi_put(self->head->list_op_pending, node);
    else if (!inner)
        saved = NULL; /* it was named since it was taken */
    if (coopi_unlikely(inner)) coopi_put(self->outer, NULL);
    coopi_compiler_barrier();
    return saved;
}

static inline void coopi_pending_end(struct coopi_self *self, struct robust_list *saved)
{
    coopi_compiler_barrier();
    coopi_put(self->head->list_op_pending, saved);
}

/* After a word was taken: names again what was named before. */
static inline void coopi_pending_taken(struct coopi_self *self, const struct coopi_robust *robust,
                                       struct robust_list *saved)
{
    if (coopi_unlikely((const void *)saved == &robust->node && coopi_is_newest(self, robust)))
        coopi_put(self->outer, saved);
    coopi_pending_end(self, saved);
}

/* Links a word that this thread has just taken, as its newest. */
static inline void coopi_link(struct coopi_self *self, struct coopi_robust *robust)
{
    struct robust_list *node = coopi_node(robust);
    uint32_t n = self->held_count;
    coopi_put(node->next, self->held[n]);
    coopi_put(self->held[n + 1], node);
    coopi_compiler_barrier();
    coopi_put(self->held_count, n + 1);
    coopi_compiler_barrier();
    if (coopi_unlikely(!coopi_is_newest(self, robust))) /* a handler that locked before the count moved was here */
        coopi_put(self->held[n + 1], node);
    coopi_compiler_barrier();
    coopi_put(self->newest.node.next, node);
    coopi_compiler_barrier();
}

/* Takes the newest word out. */
static inline void coopi_unlink_newest(struct coopi_self *self)
{
    uint32_t n = self->held_count - 1;
    coopi_put(self->held_count, n); /* first: a handler must not link behind the node that goes */
    coopi_compiler_barrier();
    coopi_put(self->newest.node.next, self->held[n]);
    coopi_compiler_barrier();
}

/* Takes a word out wherever it stands. False: it is not there. */
bool coopi_unlink(struct coopi_self *self, struct coopi_robust *robust);

#endif
