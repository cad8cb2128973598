/* SPDX-License-Identifier: MIT */
/* What a lock's words say: free, held and by whom, or left behind by one who died holding it. */
#ifndef SHMCTL_LOCKVIEW_H
#define SHMCTL_LOCKVIEW_H

#include "people.h"

/* Room for lockview_text() and lockview_death_text(). */
#define LOCKVIEW_TEXT 256

/* The lock at OFFSET: {"state": "free" | "held" | "owner died", "holder", "depth", "waiters", "last_death"}, a new
 * reference; and the tag of who holds it, 0: nobody. NULL with a sentence and *RET_RESULT: it cannot be read, or names
 * nobody. */
json_t *lockview_read(const struct image *image, uint64_t offset, uint32_t *ret_tag, int *ret_result);

/* {"count", "pid", "tid", "command", "when", "when_ns"}, a new reference; null: nobody died yet. */
json_t *lockview_last_death(const struct coopi_death *death);

/* Counts that TAG's owner holds a lock; 0: nobody does. */
void lockview_count(struct people_holds holds[COOPI_ROWS_MAX + 1], uint32_t tag);

/* "free", "held by pid 12 (saldo), depth 2", "DIED HOLDING IT: pid 12 (saldo)" */
void lockview_text(const json_t *lock, char buffer[LOCKVIEW_TEXT]);

/* "pid 12 (saldo) on 2026-01-31 09:05:00, 3 deaths in all"; empty: none. */
void lockview_death_text(const json_t *lock, char buffer[LOCKVIEW_TEXT]);

#endif
