/* SPDX-License-Identifier: MIT */
/* Semaphores between processes and threads: a number of permits, taken and given back.
 *
 * An owned semaphore (the default) knows who has each permit. What a thread holds comes back when it ends, however it
 * ends, so it guards a number of equal things (connections, licences, slots) against losing one with every crash. Only
 * who holds permits can release them: more is -EPERM. So it is bounded by nature.
 *
 * A counting semaphore (COOP_COUNTING) is Python's Semaphore: anybody may release, also what nobody acquired, and
 * nothing comes back by itself. With COOP_BOUNDED as well it is Python's BoundedSemaphore: a release that would leave
 * more permits than it was made with is -EOVERFLOW, and releases nothing.
 *
 * Order. Permits are given in order of arrival: who asks for many is not overtaken by those behind it who ask for few.
 * An acquire with COOP_NOWAIT takes only what no earlier one waits for.
 *
 * Death. A holder that is killed at any instruction, ends its thread or calls exec gives its permits back, and the next
 * in line has them within about a millisecond; coop_semaphore_last_death() says who. One that is killed while it waits
 * leaves the line, and permits that were on their way to it go to the next. A holder that is merely stopped keeps its
 * permits. A process that is stopped within a call on the semaphore holds up the other calls on it; time-outs end then,
 * up to 10 ms late, but for one whose permits it was just giving away.
 *
 * Thread-safe. Not for signal handlers. A thread waits for one semaphore, condition, barrier or RWLock at a time.
 * Handles survive fork(): the child holds nothing of what its parent holds.
 *
 * Algorithm: one word {owner's tag | permits} for each thread that holds some, committed by one store under a robust
 * lock; turns are handed to the first in line by one compare-and-swap of the word that it sleeps by (futex_waitv, with
 * the life words of those it depends on). */
#ifndef COOP_SEMAPHORE_H
#define COOP_SEMAPHORE_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_semaphore coop_semaphore;

#define COOP_PERMITS_MAX 2147483647

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. PERMITS (0 to COOP_PERMITS_MAX) is what it begins with; one that exists keeps its own. FLAGS:
 * COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS, and when it is made COOP_COUNTING, COOP_BOUNDED. Errors: those
 * of coop_segment_open(), -ENOENT, -EEXIST, -ENOSPC (directory or segment full), -EINVAL: an object of another kind, a
 * malformed name, too many permits; none at all, for an owned one, which could never have any; COOP_BOUNDED without
 * COOP_COUNTING. */
int coop_semaphore_open(const char *path, uint32_t permits, int flags, coop_semaphore **ret_semaphore) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path, with FLAGS COOP_COUNTING, COOP_BOUNDED, COOP_INTR. */
int coop_semaphore_new(uint32_t permits, int flags, coop_semaphore **ret_semaphore) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_semaphore_in(coop_segment *segment, const char *name, uint32_t permits, int flags,
                      coop_semaphore **ret_semaphore) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. Permits that this thread holds stay held, and coop_error_detail() says so: open it
 * again to release them. */
void coop_semaphore_close(coop_semaphore *semaphore);

/* Takes one permit, or N at once. 0: held. Otherwise nothing is: -ETIMEDOUT; -EBUSY with COOP_NOWAIT; -EINTR with
 * COOP_INTR; -EINVAL, N is 0, or more than an owned one has in all; -EOVERFLOW, more than COOP_PERMITS_MAX in one
 * thread's hands; -ENOLCK; -EUSERS, no free owner row in the segment; -ENOTSUP. An owned one lets a thread take more
 * while it holds some; if nobody else could give them, it waits for ever, as in Python. */
int coop_semaphore_acquire(coop_semaphore *semaphore, int64_t timeout) COOP_MUST_CHECK;
int coop_semaphore_acquire_many(coop_semaphore *semaphore, uint32_t n, int64_t timeout) COOP_MUST_CHECK;

/* Gives one permit back, or N at once. Owned: -EPERM if this thread does not hold as many; the sentence says how many.
 * Counting: -EOVERFLOW beyond COOP_PERMITS_MAX, or beyond what a bounded one was made with. -EINVAL: N is 0. A release
 * that fails releases nothing. */
int coop_semaphore_release(coop_semaphore *semaphore);
int coop_semaphore_release_many(coop_semaphore *semaphore, uint32_t n);

/* Permits that could be taken now: 0 to COOP_PERMITS_MAX; those of the dead count. Negative: as acquire. */
int coop_semaphore_value(coop_semaphore *semaphore);

/* Permits that this thread holds (an owned one); 0: none, or it is a counting one. */
uint32_t coop_semaphore_held(coop_semaphore *semaphore);

/* Permits that it was made with. */
uint32_t coop_semaphore_permits(const coop_semaphore *semaphore);

/* How many wait in line. Negative: as acquire. */
int coop_semaphore_waiters(coop_semaphore *semaphore);

/* Who holds how many. */
typedef struct coop_permit_holder {
    int32_t pid;      /* process */
    int32_t tid;      /* thread */
    char command[16]; /* the process's command name, NUL-terminated */
    uint32_t permits;
} coop_permit_holder;

/* Fills up to ROOM of the living holders of an owned one into RET; how many there are, which may be more. Negative: as
 * acquire. */
int coop_semaphore_holders(coop_semaphore *semaphore, coop_permit_holder *ret_holders, uint32_t room);

/* Who died last holding permits, or within a call. -ENOENT: nobody. */
int coop_semaphore_last_death(coop_semaphore *semaphore, coop_lock_holder *ret_holder);

/* Its path as it was opened; NULL if it is nameless. Valid as long as the handle. */
const char *coop_semaphore_path(const coop_semaphore *semaphore);

/* For COOP_AUTO. */
static inline void coop_semaphore_closep(coop_semaphore **semaphore)
{
    coop_semaphore_close(*semaphore);
}

COOP_END_DECLS

#endif
