/* SPDX-License-Identifier: MIT */
/* Barriers between processes and threads: a number of parties that wait until all of them have come.
 *
 * A round ends when as many have arrived as the barrier has parties: then all of them go on, and the next round begins.
 * Each learns its place in the order of arrival, from 0; so exactly one has 0. If a round cannot end as it should, the
 * barrier is broken: all who wait and all who come get -EPIPE, until coop_barrier_reset() begins a new round. It is
 * broken by
 *   - the death of a thread that waits, or that has joined;
 *   - a wait that timed out, or that a signal ended (COOP_INTR): the others could not be complete any more;
 *   - an action that failed;
 *   - coop_barrier_abort().
 * coop_barrier_broken() says why, coop_barrier_breaker() and the sentence of the error say who.
 *
 * Joining is optional. Any thread may wait; each arrival takes one of the places for that round. Who has joined keeps
 * its place from round to round, and its death breaks the barrier even while it does not wait: so those that wait for a
 * known set of workers learn at once that one of them will never come. Once as many have joined as there are parties,
 * nobody else gets in.
 *
 * Death. A thread that is killed at any instruction, ends, or calls exec while it waits or has joined breaks the
 * barrier, and those that wait know within about a millisecond; coop_barrier_last_death() says who. A death after the
 * round's end, before the dead one came back from its wait, harms nobody. coop_barrier_reset() makes the place of the
 * dead free. A party that is merely stopped keeps the others waiting; time-outs end all the same.
 *
 * Thread-safe. Not for signal handlers. Handles survive fork(): the child has not joined. A thread that has joined
 * leaves before it ends, else it counts as dead.
 *
 * Algorithm: one word {generation | is broken | how many have arrived}, changed by compare-and-swap; a word for each
 * party says who stands in it, and in which generation it arrived. Sleepers wait on a bell (futex_waitv, with that
 * word, and with the life words of those who have joined and are missing), which each names to the kernel, so that the
 * death of one wakes another. No lock is held, but in a reset. */
#ifndef COOP_BARRIER_H
#define COOP_BARRIER_H

#include <coop/common.h>
#include <coop/lock.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_barrier coop_barrier;

#define COOP_PARTIES_MAX 4095

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. PARTIES is 1 to COOP_PARTIES_MAX. FLAGS: COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS. Errors:
 * those of coop_segment_open(), -ENOENT, -EEXIST, -ENOSPC (directory or segment full), -EINVAL: no parties, or too
 * many, also for the owner rows of its segment; one that exists with another number; an object of another kind; a
 * malformed name. -EBADMSG: damaged. */
int coop_barrier_open(const char *path, uint32_t parties, int flags, coop_barrier **ret_barrier) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path. */
int coop_barrier_new(uint32_t parties, coop_barrier **ret_barrier) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_barrier_in(coop_segment *segment, const char *name, uint32_t parties, int flags,
                    coop_barrier **ret_barrier) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. If this thread has joined, it still has, and coop_error_detail() says so: open it
 * again to leave. */
void coop_barrier_close(coop_barrier *barrier);

/* What the last to arrive does before anybody goes on: ACTION(USER), in its own thread, without a lock. If that is
 * negative, the barrier is broken, and it is the result of that thread's wait. Belongs to this handle, in this process
 * and its children: so give it to each party, for anyone may be the last. A wait on the same barrier within it is
 * -EDEADLK; aborting is allowed. Who times out meanwhile breaks the barrier, and the action's work counts for nothing.
 * NULL: none. Not while another thread uses this handle. */
typedef int (*coop_barrier_action)(void *user);
void coop_barrier_set_action(coop_barrier *barrier, coop_barrier_action action, void *user);

/* Arrives, and waits for the others. 0: all have come, and *RET_INDEX (if not NULL) is this thread's place in the order
 * of arrival, 0 to parties - 1. Otherwise this round has not ended for it:
 * -EPIPE: the barrier is or was broken, or somebody reset it while this thread waited; the sentence says what happened.
 * -ETIMEDOUT: the barrier is broken by that, for all. -EINTR with COOP_INTR: likewise.
 * -EBUSY with COOP_NOWAIT: others are missing, and nothing was changed; without it: all places belong to others who
 * have joined. Who finds all places taken by those of the present round waits for the next one; if that wait ends with
 * -ETIMEDOUT or -EINTR, nothing is broken.
 * -EDEADLK: in an action of the same barrier. -ENOLCK; -EUSERS, no free owner row in the segment; -ENOTSUP. The
 * action's own result, if that failed. */
int coop_barrier_wait(coop_barrier *barrier, int64_t timeout, uint32_t *ret_index) COOP_MUST_CHECK;

/* From now on this thread has a place, and its death breaks the barrier. Again: 0, and nothing changes. -EBUSY: all
 * places are taken. -EPIPE: it is broken. -ENOLCK; -EUSERS; -ENOTSUP. */
int coop_barrier_join(coop_barrier *barrier) COOP_MUST_CHECK;

/* Undoes that. -EPERM: this thread has not joined. */
int coop_barrier_leave(coop_barrier *barrier);

/* Begins a new round, whatever the last one was. Those that wait get -EPIPE; the places of the dead are free again; the
 * living that have joined keep theirs. -ENOLCK; -EUSERS; -ENOTSUP. */
int coop_barrier_reset(coop_barrier *barrier);

/* Breaks it. 0, also if it is broken already. -ENOLCK; -EUSERS; -ENOTSUP. */
int coop_barrier_abort(coop_barrier *barrier);

/* How many parties it has. */
uint32_t coop_barrier_parties(const coop_barrier *barrier);

/* How many have arrived and wait; 0 if it is broken. Negative: as abort. */
int coop_barrier_waiting(coop_barrier *barrier);

/* How many living threads have joined. */
int coop_barrier_joined(coop_barrier *barrier);

/* Why it is broken. */
#define COOP_BARRIER_WHOLE 0
#define COOP_BARRIER_DIED 1
#define COOP_BARRIER_TIMED_OUT 2
#define COOP_BARRIER_INTERRUPTED 3
#define COOP_BARRIER_ACTION 4 /* it failed */
#define COOP_BARRIER_ABORTED 5

/* COOP_BARRIER_*: 0 as long as it is whole. A death that nobody has noticed yet is noticed. Negative: as abort. */
int coop_barrier_broken(coop_barrier *barrier);

/* Who died, timed out, was interrupted, had the action, or aborted it. -ENOENT: it is whole, or he is not known any
 * more (a thread that has ended since). Otherwise as broken. */
int coop_barrier_breaker(coop_barrier *barrier, coop_lock_holder *ret_who);

/* Who was the last whose death broke it, or who died within a reset. -ENOENT: nobody. */
int coop_barrier_last_death(coop_barrier *barrier, coop_lock_holder *ret_holder);

/* Its path as it was opened; NULL if it is nameless. Valid as long as the handle. */
const char *coop_barrier_path(const coop_barrier *barrier);

/* For COOP_AUTO. */
static inline void coop_barrier_closep(coop_barrier **barrier)
{
    coop_barrier_close(*barrier);
}

COOP_END_DECLS

#endif
