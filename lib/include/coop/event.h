/* SPDX-License-Identifier: MIT */
/* Events between processes and threads: a flag that one sets and any number wait for.
 *
 * An event is set or not, as Python's. Setting it wakes all who wait, and later waits return at once until it is
 * cleared. A wait sees every set that comes after it began, also one that was cleared again before it woke (Python
 * loses that one).
 *
 * Death. Nobody holds an event, so a death takes nothing away, and an event has no last_death(). Who is killed within
 * coop_event_set() has set it or has not; if it has, those that wait are woken within about a millisecond. Who is
 * killed while it waits is not missed. A process that is merely stopped holds up nobody.
 *
 * Thread-safe. coop_event_set(), coop_event_clear(), coop_event_is_set() and coop_event_times() may be called from a
 * signal handler, in any thread. Handles survive fork(). No call needs an owner row in the segment.
 *
 * Algorithm: one word {times set | is set}, changed by compare-and-swap. Sleepers wait on a bell beside it
 * (futex_waitv, with that word), and say beforehand that somebody may sleep, so that a set before nobody makes no
 * system call. Who sets names the bell to the kernel, which at its death wakes one sleeper, who wakes the others. */
#ifndef COOP_EVENT_H
#define COOP_EVENT_H

#include <coop/common.h>
#include <coop/segment.h>

COOP_BEGIN_DECLS

typedef struct coop_event coop_event;

/* By path (`segment/object`); a NULL path makes a nameless one in the program's anonymous segment, which forked
 * children share. A new one is not set. FLAGS: COOP_CREATE, COOP_EXCL, COOP_INTR, COOP_TRUST_PEERS. Errors: those of
 * coop_segment_open(), -ENOENT, -EEXIST, -ENOSPC (directory or segment full), -EINVAL (an object of another kind, a
 * malformed name), -EBADMSG (damaged). */
int coop_event_open(const char *path, int flags, coop_event **ret_event) COOP_MUST_CHECK;

/* A new nameless one: as opening a NULL path. */
int coop_event_new(coop_event **ret_event) COOP_MUST_CHECK;

/* The same in a segment that the caller has open; NAME NULL: nameless. The handle keeps the segment mapped. */
int coop_event_in(coop_segment *segment, const char *name, int flags, coop_event **ret_event) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. Nobody else notices. */
void coop_event_close(coop_event *event);

/* Sets it, and wakes all who wait. Changes nothing if it is set already. 0; it cannot fail. */
int coop_event_set(coop_event *event);

/* Makes it not set. Changes nothing if it is not. 0; it cannot fail. */
int coop_event_clear(coop_event *event);

/* 1: it is set; 0: it is not. True at the moment of the look. */
int coop_event_is_set(const coop_event *event);

/* Waits until it is set; returns at once if it is. 0: it is, or it was since the call began. -ETIMEDOUT; -EBUSY with
 * COOP_NOWAIT; -EINTR with COOP_INTR. */
int coop_event_wait(coop_event *event, int64_t timeout) COOP_MUST_CHECK;

/* How many times it has gone from not set to set. */
uint64_t coop_event_times(const coop_event *event);

/* Its path as it was opened; NULL if it is nameless. Valid as long as the handle. */
const char *coop_event_path(const coop_event *event);

/* For COOP_AUTO. */
static inline void coop_event_closep(coop_event **event)
{
    coop_event_close(*event);
}

COOP_END_DECLS

#endif
