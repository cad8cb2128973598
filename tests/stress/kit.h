/* SPDX-License-Identifier: MIT */
/* What the stress programs share: clocks, dice, words that several processes change, children, and options. */
#ifndef STRESS_KIT_H
#define STRESS_KIT_H

#include <coop/common.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static inline int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * COOP_S(1) + t.tv_nsec;
}

static inline unsigned roll(void)
{
    static __thread unsigned seed;
    static __thread pid_t thread;
    if (thread != gettid()) { /* a forked child throws dice of its own */
        thread = gettid();
        seed = (unsigned)now() ^ (unsigned)thread * 2654435761u;
    }
    return (unsigned)rand_r(&seed) >> 4;
}

/* Sleeps up to MOST_US microseconds. */
static inline void pass(unsigned most_us)
{
    unsigned us = roll() % (most_us + 1);
    if (us) nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static inline int load(const int *p)
{
    return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static inline void store(int *p, int value)
{
    __atomic_store_n(p, value, __ATOMIC_RELEASE);
}

static inline void add(int *p)
{
    __atomic_fetch_add(p, 1, __ATOMIC_RELAXED);
}

/* Zeroed memory that children share; what is never touched costs nothing. */
static inline void *share(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) exit(1);
    return memory;
}

/* In a child: it ends with its parent. */
static inline void become_child(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
}

struct option_of { /* --NAME N */
    const char *name;
    int *value;
};

/* False, with the usage on stderr. The table ends with an entry without name. */
static inline bool read_options(int argc, char **argv, const struct option_of *options, const char *usage)
{
    for (int i = 1; i < argc; i += 2) {
        const struct option_of *option = options;
        while (option->name && strcmp(option->name, argv[i]) != 0) option++;
        if (option->name && i + 1 < argc && (*option->value = atoi(argv[i + 1])) >= 0) continue;
        fprintf(stderr, "usage: %s\n", usage);
        return false;
    }
    return true;
}

#endif
