/* SPDX-License-Identifier: MIT */
/* Sleeping until an event comes, or until somebody who could cause it is dead.
 *
 * Design notes. A sleeper waits on the event's word and on the life words of those who could change it. It never waits
 * on a word that somebody acquires: an unlock that found its WAITERS bit would wake the wrong one. Life words are born
 * with WAITERS, so a sleeper writes nothing at all. At a death the kernel wakes one sleeper of the life word, and
 * perhaps just one that is being woken by its event. So every return from a sleep, a successful one too, looks at the
 * life words, and whoever finds one dead wakes all who sleep on it. Whoever is killed in between is made good by the
 * net: every sleep ends after 250 ms, and then the threads themselves are asked for in /proc
 * (coopi_owner_second_evidence). The holders are looked at when the sleep begins. That is complete as long as nobody
 * overtakes: who came later cannot keep the event from us. */
#ifndef COOPI_SLEEP_H
#define COOPI_SLEEP_H

#include "base/futex.h"
#include "segment/map.h"

#define COOPI_WATCHED_MAX (COOPI_FUTEX_MANY - 1)
#define COOPI_WATCHED_DIED 1

/* Sleeps while *EVENT is VALUE, at most until DEADLINE or the end of the net's slice. COUNT (at most COOPI_WATCHED_MAX;
 * the rest is left to the net) TAGS are watched.
 * 0: look again; COOPI_WATCHED_DIED: one of TAGS is dead, and all who slept on it have been woken; -ETIMEDOUT: the
 * deadline has passed; -EINTR: a signal handler ran. No sentence is kept. */
int coopi_sleep(const struct coopi_map *map, const uint32_t *event, uint32_t value, const uint32_t *tags,
                unsigned count, int64_t deadline);

#endif
