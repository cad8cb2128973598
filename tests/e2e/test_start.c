/* SPDX-License-Identifier: MIT */
/* Managers that a program starts: how they come, how they go, and what their clients are told. */
#include "harness/sp.h"

#include <coop/list.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* 0 if a manager answers at the address, or the error. */
static int probe(const char *address)
{
    coop_manager *m;
    int result = coop_manager_connect(address, &m);
    if (result == 0) coop_manager_close(m);
    return result;
}

static void a_started_manager_ends_with_its_handle(void)
{
    coop_manager *m;
    const char *name = test_name("own");
    CHECK_OK(coop_manager_start(name, &m));
    CHECK_HAS(coop_manager_address(m), name);
    CHECK(coop_manager_pid(m) > 0);
    CHECK_OK(coop_manager_ping(m));
    CHECK_OK(probe(name));
    CHECK_OK(probe(coop_manager_address(m)));
    coop_manager_close(m);
    CHECK_ERR(probe(name), -ECONNREFUSED);
}

static void without_a_name_each_has_one_of_its_own(void)
{
    coop_manager *a, *b;
    CHECK_OK(coop_manager_start(NULL, &a));
    CHECK_OK(coop_manager_start(NULL, &b));
    CHECK(strcmp(coop_manager_address(a), coop_manager_address(b)) != 0);
    coop_manager_close(a);
    coop_manager_close(b);
}

static void stop_ends_it_and_later_calls_say_so(void)
{
    coop_manager *m;
    CHECK_OK(coop_manager_start(test_name("stop"), &m));
    CHECK_OK(coop_manager_stop(m));
    CHECK_ERR(coop_manager_ping(m), -ECONNREFUSED);
    CHECK_ERR(coop_manager_stop(m), -EPERM);
    CHECK_DETAIL("did not start it");
    coop_manager_close(m);
}

static void only_the_starter_may_stop_it(void)
{
    coop_manager *m, *guest;
    pid_t pid;
    const char *name = test_name("guest");
    CHECK_OK(coop_manager_start(name, &m));
    CHECK_OK(coop_manager_connect(name, &guest));
    CHECK_ERR(coop_manager_stop(guest), -EPERM);
    CHECK_EQ(coop_manager_pid(guest), 0);
    coop_manager_close(guest);
    CHILD(pid) {
        CHECK_ERR(coop_manager_stop(m), -EPERM);
        CHECK_EQ(coop_manager_pid(m), 0);
        coop_manager_close(m);
    }
    child_must(pid);
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
}

static void a_second_of_its_name_is_busy(void)
{
    coop_manager *m, *second = NULL;
    const char *name = test_name("twice");
    CHECK_OK(coop_manager_start(name, &m));
    CHECK_ERR(coop_manager_start(name, &second), -EBUSY);
    CHECK_DETAIL(name);
    CHECK(second == NULL);
    CHECK_OK(coop_manager_ping(m));
    coop_manager_close(m);
}

static void a_program_that_is_missing_or_fails_is_told(void)
{
    coop_manager *m = NULL;
    CHECK_OK(setenv("COOP_MANAGER_PROGRAM", "/nowhere/coop-manager", 1));
    CHECK_ERR(coop_manager_start("x", &m), -ENOENT);
    CHECK_DETAIL("COOP_MANAGER_PROGRAM");
    CHECK_OK(setenv("COOP_MANAGER_PROGRAM", "false", 1));
    CHECK_ERR(coop_manager_start("x", &m), -ECHILD);
    CHECK_DETAIL("exit code 1");
    CHECK_ERR(coop_manager_start("bad/name", &m), -EINVAL);
    CHECK_DETAIL("bad/name");
    CHECK_ERR(coop_manager_start("ipc:///x", &m), -EINVAL);
    CHECK(m == NULL);
}

/* The starter leaves a forked child behind, which holds copies of all that it had open. */
static void it_ends_with_a_killed_program(void)
{
    const char *name = test_name("orphan");
    volatile pid_t *survivor = test_shared(sizeof *survivor);
    pid_t pid;
    CHILD(pid) {
        coop_manager *m;
        CHECK_OK(coop_manager_start(name, &m));
        pid_t child = fork();
        if (child == 0) pause();
        *survivor = child;
        pause();
    }
    CHECK_SOON(*survivor != 0);
    CHECK_OK(probe(name));
    child_kill(pid);
    CHECK_SOON(probe(name) == -ECONNREFUSED);
    kill(*survivor, SIGKILL);
}

static void a_program_without_standard_descriptors_can_start_one(void)
{
    const char *name = test_name("bare");
    pid_t pid;
    CHILD(pid) {
        coop_manager *m;
        for (int fd = 0; fd < 3; fd++) close(fd);
        if (coop_manager_start(name, &m) < 0 || coop_manager_ping(m) < 0) _exit(9);
        coop_manager_close(m);
    }
    child_must(pid);
}

static void a_stopped_manager_is_killed_in_the_end(void)
{
    coop_manager *m;
    const char *name = test_name("frozen");
    CHECK_OK(coop_manager_start(name, &m));
    pid_t pid = coop_manager_pid(m);
    siginfo_t stopped;
    kill(pid, SIGSTOP);
    CHECK_OK(waitid(P_PID, (id_t)pid, &stopped, WSTOPPED));
    coop_manager_set_timeout(m, COOP_MS(50));
    CHECK_ERR(coop_manager_ping(m), -ETIMEDOUT);
    CHECK_OK(coop_manager_stop(m));
    coop_manager_close(m);
    remove_left(name);
}

static void a_killed_manager_is_told_and_its_successor_too(void)
{
    coop_manager *m, *guest;
    coop_list *list;
    const char *name = test_name("killed");
    CHECK_OK(coop_manager_start(name, &m));
    CHECK_OK(coop_manager_connect(name, &guest));
    CHECK_OK(coop_list_open(guest, "numbers", COOP_CREATE, &list));
    kill(coop_manager_pid(m), SIGKILL);
    CHECK_SOON(probe(name) == -ECONNREFUSED);
    CHECK_ERR(coop_list_append(list, coop_int(1)), -ECONNREFUSED);
    CHECK_DETAIL("no manager answers there");
    coop_manager_close(m);

    CHECK_OK(coop_manager_start(name, &m));
    CHECK_ERR(coop_list_append(list, coop_int(1)), -ENOENT);
    coop_list_close(list);
    CHECK_OK(coop_list_open(guest, "numbers", COOP_CREATE, &list));
    CHECK_OK(coop_list_append(list, coop_int(1)));
    coop_list_close(list);
    coop_manager_close(guest);
    coop_manager_close(m);
}

TESTS(start, TEST(a_started_manager_ends_with_its_handle), TEST(without_a_name_each_has_one_of_its_own),
      TEST(stop_ends_it_and_later_calls_say_so), TEST(only_the_starter_may_stop_it), TEST(a_second_of_its_name_is_busy),
      TEST(a_program_that_is_missing_or_fails_is_told), TEST(it_ends_with_a_killed_program),
      TEST(a_program_without_standard_descriptors_can_start_one), TEST(a_stopped_manager_is_killed_in_the_end),
      TEST(a_killed_manager_is_told_and_its_successor_too))
