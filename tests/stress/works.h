/* SPDX-License-Identifier: MIT */
/* What the victims of stress_all do, and the books from which is proved afterwards that nothing was lost or doubled.
 *
 * Sums: who adds one writes first that it begins and afterwards that it is done. In the end a sum lies between all that
 * was done and all that was begun; only the dead leave a difference.
 * Tokens: numbers that exist once, put into a place and taken out of it. Nobody may take one twice; one that was put in
 * for certain may be missing only where somebody died while taking. */
#ifndef STRESS_WORKS_H
#define STRESS_WORKS_H

#include "stress/guards.h"

enum sum { ADDED, ITEMS, OBJECTS, LEDGER, INCREMENTED, SUMS };
enum place { EXCHANGED, LISTED, PLACES };
enum { TOKENS = 512 };

/* One life's. */
struct book {
    int begun[SUMS], done[SUMS];
    int puts_begun[PLACES], puts_done[PLACES];
    int takes_begun[PLACES], takes_done[PLACES];
    uint64_t taken[PLACES][TOKENS / 64]; /* of the tokens that it put in; set by who took them */
};

struct tally {
    int operations[8]; /* by enum noun */
    int torn, doubled, wrong;
    struct book books[LIVES];
};

enum noun { LOCKS, VALUES, ARRAYS, SEGMENTS, OBJECT_NAMES, MANAGED, NOUNS };
extern const char *const noun_names[NOUNS];

struct work {
    void (*run)(int life);
    enum noun noun;
    int guard;  /* that it waits for; -1: none, or another each time */
    bool light; /* touches nothing private that several threads share: a thread may end within it */
};

extern const struct work works[];
extern const int work_count;
extern struct tally *tally;

/* Makes all objects and starts the manager; BASE begins the segments' names. And removes them. */
void works_open(const char *base);
void works_close(void);

/* A number whose tokens are used up does not go on: it needs another life. */
bool works_used_up(int life);

struct balance {
    int lost, doubled, leaked;
};
/* When all have ended, before works_close(). */
struct balance works_settle(void);

#endif
