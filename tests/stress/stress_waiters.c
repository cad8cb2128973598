/* SPDX-License-Identifier: MIT */
/* 64 waiters on each kind of synchronisation object, a third of them killed at random moments in two rounds of three,
 * those who hold, notify and set as well: each one that lives gets what it waits for, and the counts add up.
 *
 *     stress_waiters [--seconds N] [--kind N]      kind 1 to 6: lock, semaphore, rwlock, condition, event, barrier
 *
 * The seconds are for all kinds together. Prints one line a kind, and a total; 0 only if nothing went wrong. */
#include "stress/waiters.h"

enum { KINDS = 6 };

int main(int argc, char **argv)
{
    static const struct crowd_kind *const kinds[KINDS] = {&waiters_lock,      &waiters_semaphore, &waiters_rwlock,
                                                          &waiters_condition, &waiters_event,     &waiters_barrier};
    int seconds = 20, only = 0, bad = 0;
    struct crowd_count sum = {0};
    const struct option_of options[] = {{"--seconds", &seconds}, {"--kind", &only}, {NULL, NULL}};
    if (!read_options(argc, argv, options, "stress_waiters [--seconds N] [--kind N]")) return 2;
    if (only > KINDS) {
        fprintf(stderr, "stress_waiters: kinds are 1 to %d\n", KINDS);
        return 2;
    }
    for (int i = 0; i < KINDS; i++) {
        if (only && only != i + 1) continue;
        if (!crowd_play(kinds[i], only ? seconds : (double)seconds / KINDS)) bad++;
        sum.rounds += crowd_count.rounds;
        sum.kills += crowd_count.kills;
        sum.kills_holding += crowd_count.kills_holding;
        sum.hangs += crowd_count.hangs;
        sum.wrong += crowd_count.wrong;
    }
    printf("stress_waiters: %d rounds, %d kills (%d holding): %d hangs, %d wrong\n", sum.rounds, sum.kills,
           sum.kills_holding, sum.hangs, sum.wrong);
    return bad ? 1 : 0;
}
