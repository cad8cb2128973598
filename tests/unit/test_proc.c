/* SPDX-License-Identifier: MIT */
/* What the kernel tells of tasks: the living, zombies, threads, the dead, and other boots. */
#include "base/proc.h"
#include "harness/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static uint32_t own_tid(void)
{
    return (uint32_t)syscall(SYS_gettid);
}

static void this_process_is_found_with_its_command(void)
{
    struct coopi_task task;
    CHECK_EQ(prctl(PR_SET_NAME, "our name"), 0);
    CHECK_OK(coopi_task_look(own_tid(), &task));
    CHECK_STR(task.command, "our name");
    CHECK_EQ(task.state, 'R');
    CHECK(task.start > 0);
    CHECK(task.threads >= 1);
    CHECK(!coopi_task_gone(own_tid(), task.start));
    CHECK(!coopi_task_gone(own_tid(), 0));
    CHECK(!coopi_process_gone_low((uint32_t)getpid(), (uint32_t)task.start));
}

static void a_command_with_brackets_and_blanks_does_not_confuse(void)
{
    struct coopi_task before, after;
    CHECK_OK(coopi_task_look(own_tid(), &before));
    CHECK_EQ(prctl(PR_SET_NAME, ") Z 1 (2 3) 4 "), 0);
    CHECK_OK(coopi_task_look(own_tid(), &after));
    CHECK_STR(after.command, ") Z 1 (2 3) 4 ");
    CHECK_EQ(after.state, 'R');
    CHECK_EQ(after.start, before.start);
}

static void another_start_time_is_another_task(void)
{
    struct coopi_task task;
    CHECK_OK(coopi_task_look(own_tid(), &task));
    CHECK(coopi_task_gone(own_tid(), task.start + 1));
    CHECK(coopi_process_gone_low(own_tid(), (uint32_t)task.start + 1));
}

static void a_zombie_is_gone_and_so_is_one_that_was_reaped(void)
{
    struct coopi_task task;
    pid_t pid = fork();
    if (pid == 0) _exit(0);
    CHECK_SOON(coopi_task_look((uint32_t)pid, &task) == 0 && task.state == 'Z');
    CHECK(coopi_task_gone((uint32_t)pid, task.start));
    CHECK_SOON(coopi_process_gone_low((uint32_t)pid, (uint32_t)task.start)); /* TSan's own thread may end later */
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK_ERR(coopi_task_look((uint32_t)pid, &task), -ENOENT);
    CHECK(coopi_task_gone((uint32_t)pid, task.start));
    CHECK(coopi_process_gone_low((uint32_t)pid, (uint32_t)task.start));
}

static void a_stopped_process_is_not_gone(void)
{
    struct coopi_task task;
    pid_t pid;
    CHILD(pid) pause();
    CHECK_EQ(kill(pid, SIGSTOP), 0);
    CHECK_SOON(coopi_task_look((uint32_t)pid, &task) == 0 && task.state == 'T');
    CHECK(!coopi_task_gone((uint32_t)pid, task.start));
    child_kill(pid);
}

static void *tell_and_wait(void *arg)
{
    uint32_t *tid = arg;
    prctl(PR_SET_NAME, "worker");
    __atomic_store_n(tid, own_tid(), __ATOMIC_RELEASE);
    while (__atomic_load_n(tid, __ATOMIC_ACQUIRE) != 0) test_sleep_ms(1);
    return NULL;
}

static void a_thread_is_found_by_its_number_until_it_ends(void)
{
    uint32_t tid = 0;
    pthread_t thread;
    struct coopi_task task;
    CHECK_EQ(pthread_create(&thread, NULL, tell_and_wait, &tid), 0);
    CHECK_SOON(__atomic_load_n(&tid, __ATOMIC_ACQUIRE) != 0);
    uint32_t number = __atomic_load_n(&tid, __ATOMIC_ACQUIRE);
    CHECK_OK(coopi_task_look(number, &task));
    CHECK_STR(task.command, "worker");
    CHECK(task.threads >= 2);
    CHECK(!coopi_task_gone(number, task.start));
    __atomic_store_n(&tid, 0, __ATOMIC_RELEASE);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_SOON(coopi_task_gone(number, task.start));
}

static void *wait_for_ever(void *arg)
{
    (void)arg;
    for (;;) pause();
    return NULL;
}

/* The first thread of such a process is a zombie and dead as an owner, but the process lives. */
static void a_process_outlives_its_first_thread(void)
{
    struct coopi_task task;
    pid_t pid;
    CHILD(pid) {
        pthread_t thread;
        CHECK_EQ(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
        pthread_exit(NULL);
    }
    CHECK_SOON(coopi_task_look((uint32_t)pid, &task) == 0 && task.state == 'Z');
    CHECK(coopi_task_gone((uint32_t)pid, task.start));
    CHECK(!coopi_process_gone_low((uint32_t)pid, (uint32_t)task.start));
    child_kill(pid);
    CHECK(coopi_process_gone_low((uint32_t)pid, (uint32_t)task.start));
}

static void impossible_numbers_are_no_tasks(void)
{
    struct coopi_task task;
    CHECK_ERR(coopi_task_look(0, &task), -ENOENT);
    CHECK_ERR(coopi_task_look(UINT32_MAX, &task), -ENOENT);
    CHECK_ERR(coopi_task_look(0x7fffffff, &task), -ENOENT);
}

static void without_a_descriptor_nothing_is_proved(void)
{
    struct coopi_task task, other = {.start = 7};
    struct rlimit limit, none;
    CHECK_OK(coopi_task_look(own_tid(), &task));
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = limit.rlim_max};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
    int result = coopi_task_look(own_tid(), &other);
    bool gone = coopi_task_gone(own_tid(), task.start + 1);
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_ERR(result, -EMFILE);
    CHECK_EQ(other.start, 7);
    CHECK(!gone);
}

static void the_pid_namespace_is_that_of_this_process(void)
{
    uint64_t inode, again;
    struct stat status;
    CHECK_OK(coopi_pid_namespace(&inode));
    CHECK_OK(coopi_pid_namespace(&again));
    CHECK_EQ(inode, again);
    CHECK_EQ(stat("/proc/self/ns/pid", &status), 0);
    CHECK_EQ(inode, status.st_ino);
}

static void the_boot_id_is_read_as_bytes(void)
{
    uint8_t id[16] = {0};
    char text[40], shown[40];
    CHECK_OK(coopi_boot_id(id));
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    CHECK(file && fgets(text, sizeof text, file));
    fclose(file);
    text[36] = '\0';
    size_t used = 0;
    for (int i = 0; i < 16; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        used += (size_t)snprintf(shown + used, sizeof shown - used, "%s%02x", dash, id[i]);
    }
    CHECK_STR(shown, text);
}

TESTS(proc, TEST(this_process_is_found_with_its_command), TEST(a_command_with_brackets_and_blanks_does_not_confuse),
      TEST(another_start_time_is_another_task), TEST(a_zombie_is_gone_and_so_is_one_that_was_reaped),
      TEST(a_stopped_process_is_not_gone), TEST(a_thread_is_found_by_its_number_until_it_ends),
      TEST(a_process_outlives_its_first_thread), TEST(impossible_numbers_are_no_tasks),
      TEST(without_a_descriptor_nothing_is_proved), TEST(the_pid_namespace_is_that_of_this_process),
      TEST(the_boot_id_is_read_as_bytes))
