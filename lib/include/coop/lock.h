/* SPDX-License-Identifier: MIT */
/* Locks between processes and threads that the death of a holder never blocks.
 *
 * Lock is Python's Lock with a checked owner: only the thread that acquired it may release it, and acquiring it twice
 * is -EDEADLK instead of a hang. RLock may be acquired again by its holder, and is free after as many releases.
 *
 * A Lock made with COOP_TRANSFERABLE is Python's Lock to the letter: any thread or process may release it, and who
 * holds it and acquires it again waits until somebody does. A holder that ends without releasing, even cleanly, counts
 * as dead.
 *
 * Death. A holder that is killed at any instruction, ends by thread exit, or calls exec gives the lock up: the next
 * acquire returns COOP_OWNER_DIED (held!), and coop_lock_last_death() says who and when. If that one dies too before it
 * releases, the next one is told again. A death before the acquire took effect, or after the release did, is not told.
 * A holder that is merely stopped keeps its lock.
 *
 * A thread holds at most 1,999 locks (one less for each further segment that it has held something in): -ENOLCK
 * beyond, because the kernel looks after 2,048 at a thread's death.
 *
 * Acquire and release may be called from a signal handler, as long as they succeed, and once the thread has acquired
 * any lock of that segment before. Locks are not FIFO: a running thread may take a lock before one that just woke,
 * again and again; no bound on the wait is promised.
 *
 * Algorithm: the kernel's robust futex list (Documentation/locking/robust-futex-ABI), with a 64-bit word that holds
 * the thread's id and its owner tag, is taken by one compare-and-swap, and where nobody waits is given up by one plain
 * store: the first who goes to sleep runs membarrier(2) for both, and makes the lock one that is given up by
 * compare-and-swap until it has been quiet for a while. */
#ifndef COOP_LOCK_H
#define COOP_LOCK_H

#include <coop/common.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_lock coop_lock;
typedef struct coop_rlock coop_rlock;

/* Who holds a lock, or who died holding it. */
typedef struct coop_lock_holder {
    int32_t pid;       /* process */
    int32_t tid;       /* thread */
    char command[16];  /* the process's command name, NUL-terminated */
    int64_t wall_time; /* last death: when it was noticed, in ns since 1970; holder: 0 */
    uint64_t deaths;   /* last death: how many times an owner died holding it; holder: 0 */
} coop_lock_holder;

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. FLAGS: COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS, and for a Lock COOP_TRANSFERABLE (heeded
 * when it is made). Errors: those of coop_segment_open(), -ENOENT, -EEXIST, -EINVAL (an object of another kind, a
 * malformed name), -ENOSPC (directory or segment full). */
int coop_lock_open(const char *path, int flags, coop_lock **ret_lock) COOP_MUST_CHECK;
int coop_rlock_open(const char *path, int flags, coop_rlock **ret_lock) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path. */
int coop_lock_new(coop_lock **ret_lock) COOP_MUST_CHECK;
int coop_rlock_new(coop_rlock **ret_lock) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_lock_in(coop_segment *segment, const char *name, int flags, coop_lock **ret_lock) COOP_MUST_CHECK;
int coop_rlock_in(coop_segment *segment, const char *name, int flags, coop_rlock **ret_lock) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. A lock that this thread holds stays held, and coop_error_detail() says so: open it
 * again to release it. */
void coop_lock_close(coop_lock *lock);
void coop_rlock_close(coop_rlock *lock);

/* 0: held. COOP_OWNER_DIED: held, and its last owner died holding it. Otherwise not held:
 * -ETIMEDOUT; -EBUSY with COOP_NOWAIT; -EDEADLK, this thread holds it already (Lock); -EOVERFLOW, more than 2^31
 * times (RLock); -EINTR with COOP_INTR; -ENOLCK; -EUSERS, no free owner row in the segment; -ENOTSUP. */
int coop_lock_acquire(coop_lock *lock, int64_t timeout) COOP_MUST_CHECK;
int coop_rlock_acquire(coop_rlock *lock, int64_t timeout) COOP_MUST_CHECK;

/* -EPERM if this thread does not hold it; the sentence says who does. */
int coop_lock_release(coop_lock *lock);
int coop_rlock_release(coop_rlock *lock);

/* 1 if a living thread holds it, else 0. True at the moment of the look. */
int coop_lock_locked(coop_lock *lock);
int coop_rlock_locked(coop_rlock *lock);

/* How many times this thread holds it; 0 if it does not. */
uint32_t coop_rlock_depth(coop_rlock *lock);

/* Who holds it now: -ENOENT if nobody does. */
int coop_lock_owner(coop_lock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;
int coop_rlock_owner(coop_rlock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* Who died last holding it: -ENOENT if nobody ever did. Best called while holding it. */
int coop_lock_last_death(coop_lock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;
int coop_rlock_last_death(coop_rlock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* `segment/object`; NULL for a nameless one. Lives as long as the handle. */
const char *coop_lock_path(const coop_lock *lock);
const char *coop_rlock_path(const coop_rlock *lock);

static inline void coop_lock_closep(coop_lock **lock)
{
    coop_lock_close(*lock);
}

static inline void coop_rlock_closep(coop_rlock **lock)
{
    coop_rlock_close(*lock);
}

/* What COOP_WITH_LOCK keeps: exactly one of the two is set while it is held. */
struct coop_held_ {
    coop_lock *plain;
    coop_rlock *recursive;
};

static inline void coop_held_end_(struct coop_held_ *held)
{
    if (held->plain) (void)coop_lock_release(held->plain);
    if (held->recursive) (void)coop_rlock_release(held->recursive);
    held->plain = NULL;
    held->recursive = NULL;
}

static inline struct coop_held_ coop_lock_hold_(coop_lock *lock, int64_t timeout, int *ret_result)
{
    struct coop_held_ held = {NULL, NULL};
    *ret_result = coop_lock_acquire(lock, timeout);
    if (*ret_result >= 0) held.plain = lock;
    return held;
}

static inline struct coop_held_ coop_rlock_hold_(coop_rlock *lock, int64_t timeout, int *ret_result)
{
    struct coop_held_ held = {NULL, NULL};
    *ret_result = coop_rlock_acquire(lock, timeout);
    if (*ret_result >= 0) held.recursive = lock;
    return held;
}

COOP_END_DECLS

/* Runs the block that follows once, holding LOCK (a coop_lock * or coop_rlock *), and releases it at the block's end,
 * on break and on return. HELD, an int variable of the caller's, gets acquire's result; if it is negative the block
 * does not run. Do not leave by goto or longjmp.
 *
 *     int held;
 *     COOP_WITH_LOCK(lock, COOP_S(1), held) {
 *         if (held == COOP_OWNER_DIED) mend();
 *         change();
 *     }
 *     if (held < 0) return held; */
#ifdef __cplusplus
static inline struct coop_held_ coop_hold_(coop_lock *lock, int64_t timeout, int *ret_result)
{
    return coop_lock_hold_(lock, timeout, ret_result);
}
static inline struct coop_held_ coop_hold_(coop_rlock *lock, int64_t timeout, int *ret_result)
{
    return coop_rlock_hold_(lock, timeout, ret_result);
}
#define COOP_HOLD_(lock, timeout, ret_result) coop_hold_((lock), (timeout), (ret_result))
#else
#define COOP_HOLD_(lock, timeout, ret_result)                                                                          \
    _Generic((lock), coop_lock * : coop_lock_hold_, coop_rlock * : coop_rlock_hold_)((lock), (timeout), (ret_result))
#endif

#define COOP_WITH_LOCK(lock, timeout, held) COOP_WITH_LOCK_(lock, timeout, held, COOP_UNIQUE_(coop_scope_))
#define COOP_WITH_LOCK_(lock, timeout, held, scope)                                                                    \
    for (struct coop_held_ scope __attribute__((cleanup(coop_held_end_))) = COOP_HOLD_((lock), (timeout), &(held));    \
         scope.plain || scope.recursive; coop_held_end_(&scope))

#endif
