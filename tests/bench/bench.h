/* SPDX-License-Identifier: MIT */
/* What the benchmark programs share. Each runs one repetition and prints lines "name<TAB>metric<TAB>value<TAB>unit".
 *
 * Everything is measured as the peers' programs measure it (pinning, gates, durations, medians), so that one table may
 * hold both: change neither side alone. */
#ifndef BENCH_H
#define BENCH_H

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CACHE_LINE __attribute__((aligned(64)))

static inline uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

/* Pins to the nth CPU, modulo their number, of those that the program was started with. */
static inline void pin(int nth)
{
    static cpu_set_t allowed;
    static int count;
    if (!count) {
        sched_getaffinity(0, sizeof allowed, &allowed);
        count = CPU_COUNT(&allowed);
    }
    int left = nth % count;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && left-- == 0) {
            cpu_set_t one;
            CPU_ZERO(&one);
            CPU_SET(cpu, &one);
            sched_setaffinity(0, sizeof one, &one);
            return;
        }
}

static inline void *shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) return memory;
    perror("mmap");
    exit(1);
}

static inline void emit(const char *name, const char *metric, double value, const char *unit)
{
    printf("%s\t%s\t%.6g\t%s\n", name, metric, value, unit);
    fflush(stdout);
}

/* A child on CPU nth (-1: any) that dies with its parent, and after 20 s. Returns as fork() does. */
static inline pid_t fork_child(int cpu)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0) {
        perror("fork");
        exit(1);
    }
    if (pid > 0) return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    alarm(20);
    if (cpu >= 0) pin(cpu);
    return 0;
}

/* The wait status. */
static inline int join_child(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return status;
}

/* Every party arrives, then all leave together. */
struct gate {
    uint32_t need;
    uint32_t here;
    uint32_t go;
};

static inline void gate_wait(struct gate *gate)
{
    if (__atomic_add_fetch(&gate->here, 1, __ATOMIC_ACQ_REL) == gate->need)
        __atomic_store_n(&gate->go, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&gate->go, __ATOMIC_ACQUIRE)) sched_yield();
}

static inline int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Without filters everything is wanted; a filter is a substring of a name. */
static inline bool wanted(int argc, char **argv, const char *name)
{
    for (int i = 1; i < argc; i++)
        if (strstr(name, argv[i])) return true;
    return argc < 2;
}

#endif
