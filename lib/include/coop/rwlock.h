/* SPDX-License-Identifier: MIT */
/* Reader-writer locks between processes and threads: many read at once, or one writes.
 *
 * Reading again. A thread that reads may read again, always and at once, and reads until it has released as often. A
 * thread that reads cannot become a writer (-EDEADLK): two that tried would wait for each other. It releases first, and
 * looks at the data anew once it writes. A thread that writes cannot acquire it again (-EDEADLK), but it may become a
 * reader without a gap, in which nobody else could write: coop_rwlock_downgrade().
 *
 * Order. Writers go first: while one waits, no new reader comes in. They come in order of arrival among themselves.
 * When no writer waits, all readers that wait come in at once. So readers wait for ever if there is always a writer;
 * no bound on their wait is promised. A writer waits for the readers that are in, and for writers before it.
 *
 * Death. A reader that is killed at any instruction, ends its thread or calls exec has changed nothing: it is out, and
 * nobody is told but coop_rwlock_last_death() and the segment's events. When a writer dies so, what it wrote may be
 * half done: whoever acquires it next is answered COOP_OWNER_DIED (held!), for reading and for writing, until a writer
 * has been told, who can mend the data. If that one dies too before it releases or downgrades, it begins again. Those
 * that wait go on within about a millisecond. One that is killed while it waits leaves the line. A holder that is
 * merely stopped keeps its hold, and so does one that was let in and stopped before it returned. A process that is
 * stopped within a call on the lock holds up the other calls on it; time-outs end then, up to 10 ms late.
 *
 * Thread-safe. Not for signal handlers. A thread waits for one semaphore, condition, barrier or RWLock at a time.
 * Handles survive fork(): the child holds nothing of what its parent holds.
 *
 * Algorithm: one word {owner's tag | times read, or that it writes} for each owner row of the segment, committed by one
 * store under a robust lock; a downgrade is one such store. Turns are handed out by one compare-and-swap of the word
 * that the waiter sleeps by (futex_waitv, with the life words of those it depends on). */
#ifndef COOP_RWLOCK_H
#define COOP_RWLOCK_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_rwlock coop_rwlock;

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. FLAGS: COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS. Errors: those of coop_segment_open(),
 * -ENOENT, -EEXIST, -EINVAL (an object of another kind, a malformed name), -ENOSPC (directory or segment full). It
 * takes 8 bytes of the segment for each owner row. */
int coop_rwlock_open(const char *path, int flags, coop_rwlock **ret_lock) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path. */
int coop_rwlock_new(coop_rwlock **ret_lock) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_rwlock_in(coop_segment *segment, const char *name, int flags, coop_rwlock **ret_lock) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. What this thread holds stays held, and coop_error_detail() says so: open it again
 * to release it. */
void coop_rwlock_close(coop_rwlock *lock);

/* 0: held. COOP_OWNER_DIED: held, and a writer died writing. Otherwise not held, or no more than before: -ETIMEDOUT;
 * -EBUSY with COOP_NOWAIT; -EDEADLK, this thread writes already, or it reads and asks to write; -EOVERFLOW, it reads
 * more than 2^31 - 1 times; -EINTR with COOP_INTR; -ENOLCK; -EUSERS, no free owner row in the segment; -ENOTSUP. */
int coop_rwlock_read_acquire(coop_rwlock *lock, int64_t timeout) COOP_MUST_CHECK;
int coop_rwlock_write_acquire(coop_rwlock *lock, int64_t timeout) COOP_MUST_CHECK;

/* -EPERM if this thread does not read, or does not write; the third gives up whichever it does, once. */
int coop_rwlock_read_release(coop_rwlock *lock);
int coop_rwlock_write_release(coop_rwlock *lock);
int coop_rwlock_release(coop_rwlock *lock);

/* This thread, which writes, reads from now on; other readers come in if no writer waits. -EPERM: it does not write. */
int coop_rwlock_downgrade(coop_rwlock *lock);

/* How many times this thread reads; 1 if it writes. 0: it does not. */
uint32_t coop_rwlock_reading(coop_rwlock *lock);
int coop_rwlock_writing(coop_rwlock *lock);

/* How many threads read now; the dead do not count. Negative: as acquire. */
int coop_rwlock_readers(coop_rwlock *lock);

/* Who writes now: -ENOENT if nobody does. */
int coop_rwlock_writer(coop_rwlock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* How many wait in line to read, or to write. Negative: as acquire. */
int coop_rwlock_read_waiters(coop_rwlock *lock);
int coop_rwlock_write_waiters(coop_rwlock *lock);

/* Who holds it, and how. */
typedef struct coop_rwlock_holder {
    int32_t pid;      /* process */
    int32_t tid;      /* thread */
    char command[16]; /* the process's command name, NUL-terminated */
    uint32_t times;   /* times that it reads; 0: it writes */
} coop_rwlock_holder;

/* Fills up to ROOM of the living holders into RET; how many there are, which may be more. Negative: as acquire. */
int coop_rwlock_holders(coop_rwlock *lock, coop_rwlock_holder *ret_holders, uint32_t room);

/* Who died last reading, writing, or within a call. -ENOENT: nobody. */
int coop_rwlock_last_death(coop_rwlock *lock, coop_lock_holder *ret_holder) COOP_MUST_CHECK;

/* `segment/object`; NULL for a nameless one. Lives as long as the handle. */
const char *coop_rwlock_path(const coop_rwlock *lock);

/* For COOP_AUTO. */
static inline void coop_rwlock_closep(coop_rwlock **lock)
{
    coop_rwlock_close(*lock);
}

/* What COOP_WITH_READ_LOCK and COOP_WITH_WRITE_LOCK keep; NULL: it is not held. */
struct coop_rwlock_held_ {
    coop_rwlock *lock;
};

static inline void coop_rwlock_held_end_(struct coop_rwlock_held_ *held)
{
    if (held->lock) (void)coop_rwlock_release(held->lock);
    held->lock = NULL;
}

static inline struct coop_rwlock_held_ coop_rwlock_read_hold_(coop_rwlock *lock, int64_t timeout, int *ret_result)
{
    struct coop_rwlock_held_ held = {NULL};
    *ret_result = coop_rwlock_read_acquire(lock, timeout);
    if (*ret_result >= 0) held.lock = lock;
    return held;
}

static inline struct coop_rwlock_held_ coop_rwlock_write_hold_(coop_rwlock *lock, int64_t timeout, int *ret_result)
{
    struct coop_rwlock_held_ held = {NULL};
    *ret_result = coop_rwlock_write_acquire(lock, timeout);
    if (*ret_result >= 0) held.lock = lock;
    return held;
}

COOP_END_DECLS

/* As COOP_WITH_LOCK: each runs the block that follows once, holding LOCK for reading or for writing, and releases it
 * however the block ends, also after a downgrade in it. HELD, an int variable of the caller's, gets acquire's result;
 * if it is negative the block does not run. Do not leave by goto or longjmp. */
#define COOP_WITH_READ_LOCK(lock, timeout, held)                                                                       \
    COOP_WITH_RWLOCK_(coop_rwlock_read_hold_(lock, timeout, &(held)), COOP_UNIQUE_(coop_scope_))
#define COOP_WITH_WRITE_LOCK(lock, timeout, held)                                                                      \
    COOP_WITH_RWLOCK_(coop_rwlock_write_hold_(lock, timeout, &(held)), COOP_UNIQUE_(coop_scope_))
#define COOP_WITH_RWLOCK_(hold, scope)                                                                                 \
    for (struct coop_rwlock_held_ scope __attribute__((cleanup(coop_rwlock_held_end_))) = hold; scope.lock;            \
         coop_rwlock_held_end_(&scope))

#endif
