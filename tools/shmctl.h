/* SPDX-License-Identifier: MIT */
/* shmctl's subcommands and what they share. */
#ifndef SHMCTL_SHMCTL_H
#define SHMCTL_SHMCTL_H

#include <argp.h>
#include <stdbool.h>

/* name, arguments, purpose */
#define SHMCTL_COMMANDS(X)                                                                                             \
    X(ls, "[--all-users]", "list the segments, and who uses them")                                                     \
    X(show, "[--items N] SEGMENT[/OBJECT[PART]]", "show what is in a segment: objects, values, locks, processes")      \
    X(locks, "[SEGMENT...]", "show who holds and who waits for what, and who waits for each other for ever")           \
    X(unlock, "--force --reason TEXT SEGMENT/OBJECT", "take a lock away from a living thread that will not let go")    \
    X(events, "SEGMENT", "show what happened in a segment: who died holding what, and who noticed")                    \
    X(check, "SEGMENT...", "check segments, and say what is wrong")                                                    \
    X(repair, "[--dry-run] SEGMENT...", "mend segments, while they are used")                                          \
    X(gc, "[--dry-run] [--all] [SEGMENT...]", "remove the segments that nobody lives in, and say the proof")           \
    X(rm, "[--force] SEGMENT[/OBJECT]...", "remove segments, or objects in them")

struct shmctl {
    bool json;
};

/* The option --json, which stands before the subcommand or behind it: a child of every parser, with its input. */
extern const struct argp shmctl_common;

/* Each parses ARGV, of which argv[0] is "shmctl NAME", and returns the program's exit code. */
#define SHMCTL_DECLARE(name, arguments, purpose) int shmctl_##name(struct shmctl *shmctl, int argc, char **argv);
SHMCTL_COMMANDS(SHMCTL_DECLARE)
#undef SHMCTL_DECLARE

/* Prints this thread's coop_error_detail() as the program's sentence on stderr and returns RESULT's exit code. */
int shmctl_fail(int result);

#endif
