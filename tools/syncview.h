/* SPDX-License-Identifier: MIT */
/* What a Semaphore, Condition, Event, Barrier or RWLock holds: who stands in it, who waits, who died. */
#ifndef SHMCTL_SYNCVIEW_H
#define SHMCTL_SYNCVIEW_H

#include "people.h"

/* Adds to OBJECT what the object of ENTRY, a checked copy of the directory's entry NUMBER, says: "text", a line of it,
 * and "last_death" for all but an Event; and
 *     semaphore  "semaphore": "owned" | "counting" | "bounded", "permits", "free", "holders", "waiters"
 *     condition  "waiters"; "works_with": the entry of its lock, if it is not its own
 *     event      "set", "times_set"
 *     barrier    "parties", "generation", "members", "broken": null or why
 *     rwlock     "writer", "readers", "waiters"
 * Each thread is {"pid", "tid", "command", "state", "wants"}. -EBADMSG with a sentence: it cannot be. */
int syncview_read(const struct image *image, const struct coopi_entry *entry, uint32_t number, const char *label,
                  json_t *object);

/* True for the kinds that this file knows. */
bool syncview_knows(uint32_t kind);

#endif
