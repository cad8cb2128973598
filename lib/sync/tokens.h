/* SPDX-License-Identifier: MIT */
/* The tokens of a condition: who of those that wait has been notified.
 *
 * Design notes.
 * A notify gives a token to each of the first so many that wait, and commits by one store: it writes the version that
 * does not count, {the highest ticket that has one, tokens ever given out}, and raises the sequence. The words by which
 * the waiters sleep are set afterwards, and again by whoever finds that a notifier died. A waiter uses its token up
 * when it holds its lock again: it raises `taken`, and then leaves its seat.
 * Tokens belong to nobody in particular, and are only counted: given out, less used up, less the living in line that
 * have one, are those that the dead had. (Their seats may be gone: a row's next owner writes over it.) They are given
 * to the next that wait by raising the ticket alone. If nobody waits for them they are gone; whoever comes to wait
 * settles that first, so that a late one gets nothing of an old notify.
 * Dying between raising `taken` and leaving the seat changes nothing: a dead one in line is not counted. Who takes back
 * his claim without the guard, which a stopped process has, may lose a token that was just given to him: it is counted
 * with those of the dead. */
#ifndef COOPI_TOKENS_H
#define COOPI_TOKENS_H

#include "sync/sync.h"

/* Takes the guard; after a death within a call, mends the line, and wakes all that have a token. 0, or as
 * coopi_sync_enter(). */
int coopi_tokens_enter(const struct coopi_sync *sync, int64_t deadline);

/* All of this under the guard. */

/* Puts the calling thread at the end of the line. */
void coopi_tokens_join(const struct coopi_sync *sync, struct coopi_turn *turn);

/* Gives a token to each of the first N that wait. */
void coopi_tokens_give(const struct coopi_sync *sync, uint64_t n);

/* Takes the dead out of the line, and passes on what they had. */
void coopi_tokens_settle(const struct coopi_sync *sync);

/* Takes the calling thread out of the line; its token, if it has one, is used up. */
void coopi_tokens_leave_line(const struct coopi_sync *sync, const struct coopi_turn *turn);

/* How many wait without a token. */
int coopi_tokens_count_waiting(const struct coopi_sync *sync);

/* Without the guard: the calling thread cannot use what it may have been given, which is passed on. */
void coopi_tokens_abandon(const struct coopi_sync *sync, const struct coopi_turn *turn);

#endif
