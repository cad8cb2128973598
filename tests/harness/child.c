/* SPDX-License-Identifier: MIT */
/* Forked children of a test: starting, waiting, killing, and the memory that they share with it. */
#include "harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

pid_t test_fork(const char *file, int line)
{
    fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) test_fail(file, line, "fork: %s", strerror(errno));
    return pid;
}

static int reap(pid_t pid, const char *file, int line)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR) test_fail(file, line, "waitpid(%d): %s", (int)pid, strerror(errno));
    return status;
}

void test_child_must(pid_t pid, int code, const char *file, int line)
{
    int status = reap(pid, file, line);
    if (WIFSIGNALED(status))
        test_fail(file, line, "child %d was killed by signal %d (%s)", (int)pid, WTERMSIG(status),
                  strsignal(WTERMSIG(status)));
    if (WEXITSTATUS(status) != code)
        test_fail(file, line, "child %d ended with %d, not %d", (int)pid, WEXITSTATUS(status), code);
}

void test_child_kill(pid_t pid, const char *file, int line)
{
    kill(pid, SIGKILL);
    int status = reap(pid, file, line);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        test_fail(file, line, "child %d was not there to be killed: wait status 0x%x", (int)pid, (unsigned)status);
}

void *test_shared(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) FAIL("mmap: %s", strerror(errno));
    return memory;
}
