/* SPDX-License-Identifier: MIT */
/* Sleeping until an event comes, or until somebody who could cause it is dead.
 *
 * Design notes. A sleeper waits on a bell, which is rung after every change that it may wait for, and on the life words
 * of those who could cause one. It never waits on a word that somebody acquires: an unlock that found its WAITERS bit
 * would wake the wrong one. Life words are born with WAITERS, so a sleeper writes nothing at all. At a death the kernel
 * wakes one sleeper of the life word, and perhaps just one that is being woken by the bell. So every return from a
 * sleep, a successful one too, looks at the life words, and whoever finds one dead wakes all who sleep on it. Whoever
 * is killed in between is made good by the net: every sleep ends after 250 ms, and then the threads themselves are
 * asked for in /proc (coopi_owner_second_evidence). The holders are looked at when the sleep begins. That is complete
 * as long as nobody overtakes: who came later cannot keep the event from us. The kernel looks at the words one after
 * the other, and queues on each before it looks at the next. So there is behind each word that wakes one that says
 * whether that wake is still to come. Behind the bell, the sleeper's own word: a bell that the kernel may ring for a
 * killed waker has two bits to count with, and comes round after four rings. Behind the low half of a life word, its
 * tag: a thread that gives its row back and claims it again has the same low half. tests/model/sleep.pml has all of
 * this, in every interleaving of three threads, with deaths at any step. */
#ifndef COOPI_SLEEP_H
#define COOPI_SLEEP_H

#include "base/futex.h"
#include "segment/map.h"

#define COOPI_WATCHED_MAX ((COOPI_FUTEX_MANY - 2) / 2)
#define COOPI_WATCHED_DIED 1

struct coopi_awaited {
    struct coopi_futex_word bell;  /* rung after the event; read before the word */
    struct coopi_futex_word still; /* as long as a word is like this, the bell has not been rung for the event */
    unsigned
        unasked; /* for so many of the watched, the first ones, /proc is not asked this time: it takes 10 us each */
};

/* Sleeps while both words of EVENT have their values, at most until DEADLINE or the end of the net's slice. COUNT (at
 * most COOPI_WATCHED_MAX; the rest is left to the net) TAGS are watched.
 * 0: look again; COOPI_WATCHED_DIED: one of TAGS is dead, and all who slept on it have been woken; -ETIMEDOUT: the
 * deadline has passed; -EINTR: a signal handler ran. No sentence is kept. */
int coopi_sleep(const struct coopi_map *map, const struct coopi_awaited *event, const uint32_t *tags, unsigned count,
                int64_t deadline);

#endif
