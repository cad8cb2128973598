/* SPDX-License-Identifier: MIT */
/* An operation tried again and again, each time with another one of its allocations or system calls failing, once and
 * for good: it gives an error with a sentence or has worked, leaks nothing, leaves no half-made name, and the next try
 * succeeds. */
#ifndef UNIT_TRIAL_H
#define UNIT_TRIAL_H

#include <stdbool.h>

/* RUN does it; what it opened is left in the file's handles. NAME is a segment's that all tries may use: what is left
 * of it is removed behind each, and its mappings are counted. */
struct trial {
    const char *name;
    const char *what; /* the operation, for sentences; NULL: the test's name says it */
    void (*prepare)(void);
    int (*run)(void);
    void (*check)(int r); /* what RUN has done; NULL: nothing more to see */
    void (*close)(void);  /* closes all handles; NULL: there are none */
    bool (*any_open)(void);
    int keeps;       /* descriptors that the process keeps for good, the first time, or cannot prove its own */
    bool in_place;   /* prepare opens the handles */
    bool makes_name; /* NAME, which is not there before */
    bool anonymous;  /* mappings of anonymous segments are counted as well */
};

/* Each try in a process of its own, so that also what a process does only once is met. Then all in one, which has it
 * behind it: there memory is counted. */
void trial_each(const struct trial *trial);

/* Is there a file of that segment name? */
bool trial_name_is_there(const char *name);

#endif
