/* SPDX-License-Identifier: MIT */
/* Two processes, a core each, that do one operation over and over for 150 ms. */
#ifndef CONTEST_H
#define CONTEST_H

#include "bench.h"

#define CONTEST_NS UINT64_C(150000000)

struct contest {
    CACHE_LINE uint32_t stop;
    struct gate gate;
    struct {
        CACHE_LINE uint64_t operations;
        uint64_t ns;
    } side[2];
};

/* The body of a side: `CONTEST_LOOP(contest, own) { one operation }`. A macro, so that no call is measured with it. */
#define CONTEST_LOOP(contest, count) for ((count) = 0; !__atomic_load_n(&(contest)->stop, __ATOMIC_RELAXED); (count)++)

/* Runs RUN(object, contest) as both sides; it returns how many operations it did. Prints `contended_2p` and the share
 * of the slower side. Returns the sum of the operations; 0 if a side failed. */
static inline uint64_t contest_run(const char *name, uint64_t (*run)(void *object, struct contest *contest),
                                   void *object)
{
    struct contest *c = shared(sizeof *c);
    pid_t kids[2];
    int bad = 0;
    c->gate.need = 3;
    for (int i = 0; i < 2; i++) {
        kids[i] = fork_child(i);
        if (kids[i] != 0) continue;
        gate_wait(&c->gate);
        uint64_t start = now_ns();
        c->side[i].operations = run(object, c);
        c->side[i].ns = now_ns() - start;
        _exit(0);
    }
    gate_wait(&c->gate);
    nanosleep(&(struct timespec){.tv_nsec = CONTEST_NS}, NULL);
    __atomic_store_n(&c->stop, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 2; i++) bad |= join_child(kids[i]);
    uint64_t a = c->side[0].operations, b = c->side[1].operations;
    uint64_t ns = c->side[0].ns > c->side[1].ns ? c->side[0].ns : c->side[1].ns;
    munmap(c, sizeof *c);
    if (bad || !ns) {
        fprintf(stderr, "%s: a side failed (wait status 0x%x)\n", name, (unsigned)bad);
        return 0;
    }
    emit(name, "contended_2p", (double)(a + b) * 1e9 / (double)ns, "op/s");
    emit(name, "contended_2p.minority_share", (double)(a < b ? a : b) / (double)(a + b ? a + b : 1), "frac");
    return a + b;
}

#endif
