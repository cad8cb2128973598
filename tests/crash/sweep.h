/* SPDX-License-Identifier: MIT */
/* A sweep: one operation, one mode, a kill at each point. */
#ifndef CRASH_SWEEP_H
#define CRASH_SWEEP_H

#include "crash/crash.h"

enum mode {
    KILL,   /* SIGKILL for the process */
    REPAIR, /* then SIGKILL for a second one, which repairs what the first left */
    EXIT,   /* SYS_exit for the thread, while its process lives */
    LATE,   /* SIGKILL for the process, after somebody came in the midst of the operation */
    STOP,   /* stopped in the midst of the operation, while others work, and continued to its end */
    MODES,
};

struct sweep {
    const struct operation *op;
    enum mode mode;
    unsigned every;
    unsigned stand; /* STOP: milliseconds of the one long stop of each operation */
    bool first;     /* the first fault is enough */
};

/* In memory that the sweeping process shares with main, which looks whether it gets on. */
struct result {
    uint64_t points, sides[2]; /* by enum outcome */
    uint64_t faults[FAULTS];
    uint64_t slow;
    uint64_t instructions;
    uint64_t missed;   /* points that were passed without being met */
    uint64_t beats;    /* rises with every scene */
    uint32_t finished; /* the sweep came to its end */
    uint32_t ran_out;  /* its last point was the operation's end */
};

void sweep_run(const struct sweep *sweep, struct result *result);

#endif
