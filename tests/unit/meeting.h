/* SPDX-License-Identifier: MIT */
/* Points where a test and its children meet, in memory that they share: for the tests of segments and locks. */
#ifndef UNIT_MEETING_H
#define UNIT_MEETING_H

#include "harness/test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static inline int step_now(const int *step)
{
    return __atomic_load_n(step, __ATOMIC_ACQUIRE);
}

static inline void step_to(int *step, int number)
{
    __atomic_store_n(step, number, __ATOMIC_RELEASE);
}

static inline void await_step(const int *step, int number)
{
    CHECK_SOON(step_now(step) >= number);
}

/* The child's last line: what comes now, comes from outside. */
static inline void wait_to_be_killed(void)
{
    for (;;) pause();
}

/* The process sleeps in the kernel. */
static inline bool is_asleep(pid_t pid)
{
    char path[64], state = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) return false;
    if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1) state = 0;
    fclose(file);
    return state == 'S';
}

/* Handles that a test leaves to the end of its process hang here, so that the leak check does not count them. */
static inline void keep(void *handle)
{
    static void *volatile kept[64]; /* nobody reads them */
    static unsigned count;
    if (count == sizeof kept / sizeof kept[0]) FAIL("more handles than keep() takes: close them");
    kept[count++] = handle;
}

/* How many lines of /proc/self/maps, or names in /proc/self/fd, have TEXT in them. */
static inline int count_maps(const char *text)
{
    char line[512];
    int count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (!maps) FAIL("/proc/self/maps: %s", strerror(errno));
    while (fgets(line, sizeof line, maps)) count += strstr(line, text) != NULL;
    fclose(maps);
    return count;
}

static inline int count_descriptors(void)
{
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

#endif
