/* SPDX-License-Identifier: MIT */
/* Lives, the locks that they hold, and the proof that each death while holding is told, and no other.
 *
 * A holder puts its number into the lock's mark after it acquired, and takes it out before it releases. So whoever
 * acquires finds a mark exactly when a holder died, and must have been told of it. What was killed inside acquire or
 * release may be told or not; there may not be more such tellings than such deaths. */
#ifndef STRESS_GUARDS_H
#define STRESS_GUARDS_H

#include "stress/kit.h"

#include <coop/lock.h>

enum { GUARDS_MAX = 12, BYSTANDERS = 2, LIVES = 1 << 18 };
enum phase { IDLE, ACQUIRING, HELD, RELEASING };

/* A process or thread from its beginning to its end: what it was doing when it ended. */
struct life {
    int phase; /* enum phase */
    int guard;
    int doomed; /* its end has begun: from now on, and not before, it may be told of */
    int told;
};

struct guard { /* one of the two is set */
    coop_lock *plain;
    coop_rlock *recursive;
};

/* One who is never killed. */
struct bystander {
    int64_t since; /* it began what it does; 0: nothing */
    int guard;     /* that it waits for; -1: none */
};

/* In memory that all processes share. */
struct guards {
    int stop;
    int next_life;
    int mark[GUARDS_MAX];  /* number of the life that holds it */
    int turns[GUARDS_MAX]; /* how often it was acquired */
    int told_without_mark[GUARDS_MAX];
    int tellings, torn, untold, false_tellings;
    int64_t longest; /* wait, in ns */
    int turns_in_longest;
    struct bystander bystanders[BYSTANDERS];
    struct life lives[LIVES]; /* from 1 */
};

extern struct guards *guards;

void guards_open(const struct guard *guard, int count);

int life_new(void);

/* Acquires: as coop_lock_acquire(). The mark is set then, and what acquire said has been compared with what was found.
 * Unexpected errors are counted as torn. */
int guard_take(int life_number, int guard, int64_t timeout);

/* Once more, for those that allow it, and back. */
void guard_deepen(int guard);
void guard_undeepen(int guard);

void guard_give(int life_number, int guard);

/* True once a bystander has waited for two seconds (ten, if not for a lock) and nothing moved: nobody at all has got
 * the lock that it waits for. (That others get it again and again is no hang: a busy machine can keep one who has slept
 * from coming first.) Two looks that are far apart prove little, because then this process did not run either. */
bool bystander_hangs(void);

/* What happened to the dead. */
struct ends {
    int held; /* died while holding */
    int hangs;
};

/* When all have ended: acquires each lock, for the deaths that nobody has come across yet, and sums up. */
struct ends guards_close(void);

#endif
