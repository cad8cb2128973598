/* SPDX-License-Identifier: MIT */
/* Semaphore: the price of an acquire and a release, alone and with another process on another core. */
#include "contest.h"

#include <coop/semaphore.h>
#include <coop/try.h>

#define ROUNDS 5
#define MIDDLE 2 /* the median of ROUNDS */
#define TIMES 200000

static uint64_t contend(void *object, struct contest *contest)
{
    coop_semaphore *semaphore = object;
    uint64_t count;
    CONTEST_LOOP(contest, count)
    {
        COOP_MUST(coop_semaphore_acquire(semaphore, COOP_FOREVER));
        COOP_MUST(coop_semaphore_release(semaphore));
    }
    return count;
}

static void work(coop_semaphore *semaphore)
{
    for (int i = 0; i < TIMES; i++) {
        COOP_MUST(coop_semaphore_acquire(semaphore, COOP_FOREVER));
        COOP_MUST(coop_semaphore_release(semaphore));
    }
}

/* The median of five rounds in a fresh process. */
static void uncontended(const char *name, coop_semaphore *semaphore)
{
    pid_t pid = fork_child(0);
    if (pid > 0) {
        join_child(pid);
        return;
    }
    uint64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        work(semaphore);
        took[i] = now_ns() - start;
    }
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    emit(name, "uncontended", (double)took[MIDDLE] / TIMES, "ns");
    _exit(0);
}

static void measure(const char *name, uint32_t permits, int flags)
{
    coop_semaphore *semaphore;
    COOP_MUST(coop_semaphore_new(permits, flags, &semaphore));
    uncontended(name, semaphore);
    contest_run(name, contend, semaphore);
    coop_semaphore_close(semaphore);
}

int main(int argc, char **argv)
{
    if (wanted(argc, argv, "coop_semaphore")) measure("lock/coop_semaphore", 1, 0);
    if (wanted(argc, argv, "coop_semaphore_wide")) measure("lock/coop_semaphore_wide", 64, 0);
    if (wanted(argc, argv, "coop_semaphore_counting")) measure("lock/coop_semaphore_counting", 1, COOP_COUNTING);
    return 0;
}
