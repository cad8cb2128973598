/* SPDX-License-Identifier: MIT */
/* A thread as libcoop sees it: linking into its robust list. */
#include "segment/self.h"

#include "base/error.h"
#include "segment/process.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

__thread struct coopi_self *coopi_self_ __attribute__((tls_model("initial-exec"), visibility("hidden")));

static __thread struct robust_list_head *head_seen;

/* glibc keeps a node's predecessor in the word before it. The head has such a word too, unless the head is ours. */
static void set_previous(const struct coopi_self *self, struct robust_list *node, void *previous)
{
    node = (struct robust_list *)((uintptr_t)node & ~(uintptr_t)1); /* bit 0 marks priority inheritance */
    if (self->head == &self->own && node == &self->head->list) return;
    memcpy((char *)node - sizeof previous, &previous, sizeof previous);
}

static bool lies_in(const struct robust_list *node, const struct coopi_map *map)
{
    uintptr_t at = (uintptr_t)node, base = (uintptr_t)map->base;
    return at >= base && at - base < map->mapped;
}

/* A forked child finds the word named that its parent's thread held when it forked. It is not the child's. */
static void forget_the_parents_word(struct robust_list_head *head)
{
    for (uint32_t slot = 0; slot < coopi_maps_end() && head->list_op_pending; slot++) {
        const struct coopi_map *map = coopi_map_in_slot(slot);
        if (map && lies_in(head->list_op_pending, map)) coopi_put(head->list_op_pending, NULL);
    }
}

static int find_head(struct coopi_self *self)
{
    struct robust_list_head *head = NULL;
    size_t size = 0;
    if (syscall(SYS_get_robust_list, 0, &head, &size) != 0)
        return coopi_fail(ENOTSUP,
                          "libcoop: this kernel or sandbox has no robust futexes (get_robust_list: %s); allow them",
                          strerror(errno));
    if (!head) { /* nobody's list is disarmed by registering ours */
        head = &self->own;
        head->list.next = &head->list;
        head->futex_offset = COOPI_FUTEX_OFFSET;
        head->list_op_pending = NULL;
        if (syscall(SYS_set_robust_list, head, sizeof *head) != 0)
            return coopi_fail(ENOTSUP, "libcoop: set_robust_list: %s; allow it in this sandbox", strerror(errno));
    }
    if (head->futex_offset != COOPI_FUTEX_OFFSET)
        return coopi_fail(ENOTSUP,
                          "libcoop: this libc's robust list has offset %ld, and libcoop was built for %d; use glibc on "
                          "a 64-bit machine",
                          head->futex_offset, COOPI_FUTEX_OFFSET);
    forget_the_parents_word(head);
    self->head = head;
    return 0;
}

static void link_sentinels(struct coopi_self *self)
{
    struct robust_list_head *head = self->head;
    struct robust_list *first = head->list.next;
    self->oldest.node.next = first;
    self->oldest.previous = &self->newest.node;
    self->newest.node.next = &self->oldest.node;
    self->newest.previous = &head->list;
    self->held[0] = &self->oldest.node;
    set_previous(self, first, &self->oldest.node);
    coopi_compiler_barrier();
    coopi_put(head->list.next, &self->newest.node);
}

static void unlink_sentinels(struct coopi_self *self)
{
    struct robust_list *next = self->oldest.node.next, *previous = self->newest.previous;
    set_previous(self, next, previous);
    coopi_compiler_barrier();
    coopi_put(previous->next, next);
    self->head = NULL;
}

void coopi_self_dispose(struct coopi_self *self)
{
    if (self->head) unlink_sentinels(self);
    if (coopi_self_ == self) coopi_self_ = NULL;
    munmap(self, sizeof *self);
}

int coopi_self_link(struct coopi_self **ret_self)
{
    struct coopi_self *self = coopi_self_;
    if (!self) {
        self = coopi_map_wiped_at_fork(sizeof *self);
        if (!self) return coopi_fail(ENOMEM, "libcoop: cannot map this thread's record (%s)", strerror(errno));
        coopi_self_ = self;
    }
    if (!self->head) {
        self->tid = (uint32_t)gettid();
        int r = find_head(self);
        if (r < 0) return r;
        link_sentinels(self);
    }
    *ret_self = self;
    return 0;
}

/* In a forked child glibc has registered the same head again. In a raw clone's nobody looks there, which harms nobody.
 */
struct robust_list_head *coopi_robust_head(void)
{
    const struct coopi_self *self = coopi_self_;
    if (self && self->head) return self->head;
    if (coopi_unlikely(!head_seen)) {
        struct robust_list_head *head = NULL;
        size_t size = 0;
        int saved = errno;
        if (syscall(SYS_get_robust_list, 0, &head, &size) == 0 && head && head->futex_offset == COOPI_FUTEX_OFFSET)
            head_seen = head;
        errno = saved;
    }
    return head_seen;
}

bool coopi_unlink(struct coopi_self *self, struct coopi_robust *robust)
{
    struct robust_list *node = coopi_node(robust);
    uint32_t n = self->held_count, i = n;
    while (i > 0 && self->held[i] != node) i--;
    if (i == 0) return false;
    if (i == n) {
        coopi_unlink_newest(self);
        return true;
    }
    coopi_put(self->held[i + 1]->next, self->held[i - 1]);
    coopi_compiler_barrier();
    for (uint32_t k = i; k < n; k++) coopi_put(self->held[k], self->held[k + 1]);
    coopi_compiler_barrier();
    coopi_put(self->held_count, n - 1);
    coopi_compiler_barrier();
    return true;
}

unsigned coopi_self_holds(const struct coopi_self *self, const struct coopi_map *map)
{
    unsigned count = 0;
    for (uint32_t i = 1; i <= self->held_count; i++) count += lies_in(self->held[i], map);
    return self->id[map->slot] && count ? count - 1 : count;
}
