/* SPDX-License-Identifier: MIT */
/* Suites that misbehave on purpose: unit/test_runner.c runs them and looks whether the runner saw it. */
#include "harness/test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void passes(void)
{
    CHECK_EQ(1 + 1, 2);
}

static void fails_a_check(void)
{
    CHECK_EQ(1 + 1, 3);
}

static void dies_of_a_signal(void)
{
    raise(SIGUSR1); /* no sanitizer catches this one */
}

static void hangs(void)
{
    for (;;) pause();
}

static void exits_early(void)
{
    exit(0);
}

static void leaves_a_segment(void)
{
    char path[256];
    snprintf(path, sizeof path, "/dev/shm/coop.%d.%s", (int)getuid(), test_name("forgotten"));
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void leaves_a_file(void)
{
    char path[256];
    snprintf(path, sizeof path, "%s/forgotten.sock", getenv("XDG_RUNTIME_DIR"));
    int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    CHECK(fd >= 0);
    close(fd);
}

static void leaves_a_child(void)
{
    pid_t pid;
    CHILD(pid) {
        for (;;) pause();
    }
}

static void child_fails_a_check(void)
{
    pid_t pid;
    CHILD(pid) {
        CHECK_STR("one", "two");
    }
    child_must(pid);
}

static void child_returns_into_the_test(void)
{
    pid_t pid = fork();
    if (pid == 0) return;
    child_must(pid);
}

static void *fail_in_thread(void *unused)
{
    (void)unused;
    FAIL("from a thread");
}

static void thread_fails_a_check(void)
{
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, fail_in_thread, NULL), 0);
    pthread_join(thread, NULL);
}

static void leaks_memory(void)
{
    static void *volatile kept;
    kept = malloc(77);
    CHECK(kept != NULL);
    kept = NULL;
}

static void is_skipped(void)
{
    SKIP("no %s here", "moon");
}

TESTS(selftest, TEST(passes), TEST(fails_a_check), TEST(dies_of_a_signal), TEST_T(hangs, .seconds = 1),
      TEST(exits_early), TEST(leaves_a_segment), TEST(leaves_a_file), TEST(leaves_a_child), TEST(child_fails_a_check),
      TEST(child_returns_into_the_test), TEST(thread_fails_a_check), TEST(leaks_memory), TEST(is_skipped))
