/* SPDX-License-Identifier: MIT */
/* Conditions between processes and threads: waiting, with a lock given up meanwhile, until somebody says that the data
 * has changed.
 *
 * A condition works with a lock: an RLock of its own, as Python's Condition(), or a Lock or RLock that it is given. Who
 * waits holds the lock, looks at the data, gives the lock up while it waits, and has it again when the call returns, an
 * RLock as deep as before:
 *
 *     COOP_WITH_LOCK(coop_condition_lock(c), COOP_FOREVER, held) {
 *         int r = coop_condition_wait_for(c, has_work, &queue, COOP_S(5));
 *         if (r == COOP_OWNER_DIED) mend(&queue);
 *         ...
 *     }
 *
 * Order. Who holds the lock notifies a number of those that wait, in order of arrival; all of them at one instant. Who
 * comes to wait later gets nothing of it. A notification is used up when its waiter holds the lock again. The lock
 * itself has no order.
 *
 * Death. A waiter that is killed at any instruction before it used its notification up passes it on to the next one
 * that waits, within about a millisecond; if nobody waits, it is gone. Nobody ever waits for a dead waiter. A notifier
 * that is killed has notified all that it meant to, or nobody.
 * Who is killed while it holds the lock is told of to one survivor, as with every lock: to the next that acquires it,
 * or to one of those that wait, for perhaps nobody else comes: its wait ends with COOP_OWNER_DIED, with the lock. The
 * others go on waiting: the lock is in order again, and it is for who was told to mend the data and to notify. A waiter
 * sees the death at once if the dead one held the lock when the waiter went to sleep, else within 250 ms.
 * A thread that ends, or a call of exec, while it holds the lock, is a death like any other. A stopped process keeps
 * what it was notified of. A process that is stopped within a call on the condition holds up the other calls on it;
 * time-outs end then, up to 10 ms late.
 *
 * Thread-safe. Not for signal handlers. A thread waits for one semaphore, condition, barrier or RWLock at a time.
 * Handles survive fork(): the child holds nothing of what its parent holds.
 *
 * Algorithm: tickets and tokens. A notify commits the highest ticket that it reaches, and how many tokens it gave out,
 * by one store under a robust lock. Tokens given out, less those used up, less the living that have one, are those of
 * the dead. The waiters sleep by words of their own (futex_waitv, with the life words of those they depend on). */
#ifndef COOP_CONDITION_H
#define COOP_CONDITION_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_condition coop_condition;

/* By path (`segment/object`), with an RLock of its own; a NULL path makes a nameless one in the program's anonymous
 * segment, which forked children share. FLAGS: COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS. Errors: those of
 * coop_segment_open(), -ENOENT, -EEXIST, -ENOSPC (directory or segment full), -EINVAL: an object of another kind, a
 * malformed name; a condition that works with another lock, which the sentence names. */
int coop_condition_open(const char *path, int flags, coop_condition **ret_condition) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path, with FLAGS COOP_INTR. */
int coop_condition_new(int flags, coop_condition **ret_condition) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_condition_in(coop_segment *segment, const char *name, int flags,
                      coop_condition **ret_condition) COOP_MUST_CHECK;

/* The same over LOCK, whose handle is borrowed: it must stay open as long as the condition's. Several conditions may
 * share one lock; it may also be the one of a Value, an Array or another condition. A NULL path, or name, makes a
 * nameless one in the lock's segment. -EINVAL as well: LOCK lies in another segment; the condition that was found works
 * with another lock (the sentence names both); LOCK is transferable: anybody may release it, so who waits could not be
 * sure to hold it. */
int coop_condition_open_on_lock(const char *path, coop_lock *lock, int flags,
                                coop_condition **ret_condition) COOP_MUST_CHECK;
int coop_condition_open_on_rlock(const char *path, coop_rlock *lock, int flags,
                                 coop_condition **ret_condition) COOP_MUST_CHECK;
int coop_condition_in_on_lock(coop_segment *segment, const char *name, coop_lock *lock, int flags,
                              coop_condition **ret_condition) COOP_MUST_CHECK;
int coop_condition_in_on_rlock(coop_segment *segment, const char *name, coop_rlock *lock, int flags,
                               coop_condition **ret_condition) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. If this thread holds the condition's own lock, that stays held, and
 * coop_error_detail() says so: open it again to release it. */
void coop_condition_close(coop_condition *condition);

/* Acquires and releases its lock, with the results of coop_lock_acquire(), coop_rlock_acquire() and their releases. */
int coop_condition_acquire(coop_condition *condition, int64_t timeout) COOP_MUST_CHECK;
int coop_condition_release(coop_condition *condition);

/* Gives the lock up, waits until this thread is notified, and takes the lock again, however long that takes. The lock
 * is held when it returns, whatever it returns:
 *
 *     0                 notified
 *     COOP_OWNER_DIED   somebody died holding the lock, and nobody was told before: look at your data, whether this
 *                       thread was notified or not
 *     -ETIMEDOUT        not notified; with COOP_NOWAIT -EBUSY: the lock was given up for a moment only
 *     -EINTR            with COOP_INTR: not notified
 *     -EPERM            this thread did not hold the lock, and does not now
 *     -ENOLCK, -EUSERS, -ENOTSUP   nothing was done: as coop_lock_acquire()
 *
 * There is one exception: if a signal handler ran meanwhile and left this thread with as many locks as it can hold, the
 * lock could not be taken again: -ENOLCK, and the sentence says so. */
int coop_condition_wait(coop_condition *condition, int64_t timeout) COOP_MUST_CHECK;

/* Waits until PREDICATE(USER), called with the lock held, is not 0; at first it is called at once. 0: it is so.
 * Otherwise as coop_condition_wait(), with TIMEOUT for all of it; -ETIMEDOUT, -EBUSY and -EINTR only if the predicate
 * is 0 still. COOP_OWNER_DIED ends the wait whatever the predicate says: to wait on would be to give the lock up again
 * with the death untold, and the predicate may have seen data that is half changed. Mend it, and call again. */
int coop_condition_wait_for(coop_condition *condition, int (*predicate)(void *user), void *user,
                            int64_t timeout) COOP_MUST_CHECK;

/* Notifies N of those that wait, the first to come first, or all. Fewer wait, or none: 0 as well, and nothing is kept
 * for later. -EPERM: this thread does not hold the lock; -ENOLCK. */
int coop_condition_notify(coop_condition *condition, uint32_t n);
int coop_condition_notify_all(coop_condition *condition);

/* Its lock, as long as the handle lives: its own, or the RLock that it was given; NULL: it was given a Lock. */
coop_rlock *coop_condition_lock(coop_condition *condition);

/* 1 if this thread holds its lock, else 0. */
int coop_condition_held(const coop_condition *condition);

/* Who holds its lock now: -ENOENT if nobody does. */
int coop_condition_owner(coop_condition *condition, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* How many wait and are not yet notified. Negative: -ENOLCK, -EUSERS, -ENOTSUP. */
int coop_condition_waiters(coop_condition *condition);

/* Who died last: holding its lock, within a call, or with a notification that it had not used up. -ENOENT: nobody. The
 * deaths are those of all three kinds. */
int coop_condition_last_death(coop_condition *condition, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* Its path as it was opened; that of its lock, which is the same for a lock of its own. NULL: nameless. They live as
 * long as the handle. */
const char *coop_condition_path(const coop_condition *condition);
const char *coop_condition_lock_path(const coop_condition *condition);

/* For COOP_AUTO. */
static inline void coop_condition_closep(coop_condition **condition)
{
    coop_condition_close(*condition);
}

COOP_END_DECLS

/* Over a coop_lock * or a coop_rlock *, whichever it is. */
#ifdef __cplusplus
static inline int coop_condition_open_on(const char *path, coop_lock *lock, int flags, coop_condition **ret_condition)
{
    return coop_condition_open_on_lock(path, lock, flags, ret_condition);
}
static inline int coop_condition_open_on(const char *path, coop_rlock *lock, int flags, coop_condition **ret_condition)
{
    return coop_condition_open_on_rlock(path, lock, flags, ret_condition);
}
static inline int coop_condition_in_on(coop_segment *segment, const char *name, coop_lock *lock, int flags,
                                       coop_condition **ret_condition)
{
    return coop_condition_in_on_lock(segment, name, lock, flags, ret_condition);
}
static inline int coop_condition_in_on(coop_segment *segment, const char *name, coop_rlock *lock, int flags,
                                       coop_condition **ret_condition)
{
    return coop_condition_in_on_rlock(segment, name, lock, flags, ret_condition);
}
#else
#define coop_condition_open_on(path, lock, flags, ret_condition)                                                       \
    _Generic((lock), coop_lock *                                                                                       \
             : coop_condition_open_on_lock, coop_rlock *                                                               \
             : coop_condition_open_on_rlock)((path), (lock), (flags), (ret_condition))
#define coop_condition_in_on(segment, name, lock, flags, ret_condition)                                                \
    _Generic((lock), coop_lock *                                                                                       \
             : coop_condition_in_on_lock, coop_rlock *                                                                 \
             : coop_condition_in_on_rlock)((segment), (name), (lock), (flags), (ret_condition))
#endif

/* A new nameless one in the lock's segment. */
#define coop_condition_new_on(lock, flags, ret_condition) coop_condition_open_on(NULL, (lock), (flags), (ret_condition))

#endif
