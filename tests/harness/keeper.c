/* SPDX-License-Identifier: MIT */
/* The keeper: the process above one test, which gives it its place, ends it in time and looks for what it left.
 *
 * It is a subreaper, so whatever the test forked and forgot becomes its child. It ends early, with everything below it,
 * when the runner dies (PR_SET_PDEATHSIG gives it SIGTERM). */
#include "harness/process.h"

#include <CUnit/TestRun.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#define DEFAULT_SECONDS 10
#define GRACE_NS INT64_C(2000000000) /* for what ends by itself once the test is gone */

static void conclude(struct outcome *outcome, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The first reason to fail stands. */
static void conclude(struct outcome *outcome, enum verdict verdict, const char *format, ...)
{
    if (outcome->verdict == FAILED) return;
    outcome->verdict = (int)verdict;
    va_list args;
    va_start(args, format);
    vsnprintf(outcome->reason, sizeof outcome->reason, format, args);
    va_end(args);
}

/* Runs in the test's process and does not return. */
static void run_test(struct plan *plan, const struct place *place)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    place_enter(place);
    check_enter(plan->outcome);
    CU_run_test(plan->cu_suite, plan->cu_test);
    fflush(NULL);
    if (!check_is_test_process()) {
        fprintf(stderr, "a forked child ran to the end of the test function: end it with _exit()\n");
        _exit(1);
    }
    if (CU_get_number_of_failures() > 0) _exit(1);
    plan->outcome->finished = 1;
    exit(0); /* exit handlers, and the leak check, belong to the test */
}

/* Parent and life of a process, from the fields behind its name in /proc/PID/stat. It is ended when it is a zombie and
 * has no other thread: the first one may end, and is a zombie then, while the rest go on. */
static bool read_stat(pid_t pid, char *ret_name, size_t size, char *ret_state, bool *ret_ended, pid_t *ret_parent)
{
    char path[64];
    char text[512];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    if (n <= 0) return false;
    text[n] = 0;
    char *open_paren = strchr(text, '(');
    char *close_paren = strrchr(text, ')');
    int parent, threads;
    static const char format[] = " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %d";
    if (!open_paren || !close_paren || sscanf(close_paren + 1, format, ret_state, &parent, &threads) != 3) return false;
    *ret_parent = parent;
    *ret_ended = (*ret_state == 'Z' || *ret_state == 'X') && threads <= 1;
    snprintf(ret_name, size, "%.*s", (int)(close_paren - open_paren - 1), open_paren + 1);
    return true;
}

/* Where in the kernel the process sleeps, for the report on a hang. */
static void print_wait(pid_t pid)
{
    char path[64];
    char text[128] = "";
    snprintf(path, sizeof path, "/proc/%d/wchan", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        ssize_t n = read(fd, text, sizeof text - 1);
        text[n > 0 ? n : 0] = 0;
        close(fd);
    }
    printf("%s\n", *text ? text : "0");
}

/* Counts the live children of PARENT and hands each to ACT. */
static int each_child(pid_t parent, void (*act)(pid_t pid, const char *name, char state))
{
    int count = 0;
    DIR *proc = opendir("/proc");
    if (!proc) return 0;
    for (struct dirent *entry; (entry = readdir(proc));) {
        pid_t pid = atoi(entry->d_name);
        char name[64];
        char state;
        bool ended;
        pid_t its_parent;
        if (pid <= 0 || !read_stat(pid, name, sizeof name, &state, &ended, &its_parent)) continue;
        if (its_parent != parent || ended) continue;
        count++;
        act(pid, name, state);
    }
    closedir(proc);
    return count;
}

static void tell(pid_t pid, const char *name, char state)
{
    printf("    process %d (%s), state %c, in ", (int)pid, name, state);
    print_wait(pid);
    each_child(pid, tell);
}

static void end(pid_t pid, const char *name, char state)
{
    (void)name;
    (void)state;
    kill(pid, SIGKILL);
}

/* Waits for SIGCHLD, or SIGTERM, which ends the keeper after it ended its test. True for the latter. */
static bool wait_for_news(int64_t until)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    int64_t left = until - test_now();
    if (left < 1000000) left = 1000000;
    struct timespec t = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    return sigtimedwait(&set, NULL, &t) == SIGTERM;
}

/* Reaps whatever ends until nothing is left or the point has passed. True: nothing is left. */
static bool reap_all(int64_t until)
{
    for (;;) {
        pid_t pid = waitpid(-1, NULL, WNOHANG);
        if (pid > 0) continue;
        if (pid < 0) return true;
        if (test_passed(until)) return false;
        wait_for_news(until);
    }
}

static void kill_all(void)
{
    /* Killing one makes its children ours: again, until there are none. */
    while (!reap_all(test_now() + 20000000)) each_child(getpid(), end);
}

static void judge_end(struct outcome *outcome, int status)
{
    if (WIFSIGNALED(status))
        conclude(outcome, FAILED, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == 0 && outcome->skipped)
        outcome->verdict = SKIPPED;
    else if (WEXITSTATUS(status) == 0 && outcome->finished)
        outcome->verdict = PASSED;
    else if (WEXITSTATUS(status) == 0)
        conclude(outcome, FAILED, "the process ended with 0 before its test did");
    else if (WEXITSTATUS(status) == 1)
        conclude(outcome, FAILED, "a check failed");
    else
        conclude(outcome, FAILED, "ended with exit code %d", WEXITSTATUS(status));
}

/* Waits for the test's own process. False when it had to be stopped. */
static bool await_test(struct plan *plan, pid_t test, int64_t limit_ns)
{
    int64_t until = test_now() + limit_ns;
    for (;;) {
        int status;
        if (waitpid(test, &status, WNOHANG) == test) {
            judge_end(plan->outcome, status);
            return true;
        }
        bool told = wait_for_news(until);
        if (!told && !test_passed(until)) continue;
        conclude(plan->outcome, FAILED, told ? "stopped" : "time limit of %d s passed", (int)(limit_ns / 1000000000));
        printf("still running:\n");
        each_child(getpid(), tell);
        kill(test, SIGKILL);
        return false;
    }
}

static void keep(struct plan *plan)
{
    int64_t start = test_now();
    int seconds = plan->test->seconds ? plan->test->seconds : DEFAULT_SECONDS;
    struct place place;
    place_make(&place, plan->number);
    fflush(NULL);
    pid_t test = fork();
    if (test < 0) conclude(plan->outcome, FAILED, "fork: %s", strerror(errno));
    if (test == 0) run_test(plan, &place);
    if (test > 0) {
        bool ended = await_test(plan, test, seconds * (int64_t)test_slowness() * 1000000000);
        if (ended && !reap_all(test_now() + GRACE_NS * test_slowness())) {
            printf("left behind:\n");
            conclude(plan->outcome, FAILED, "left %d live processes behind", each_child(getpid(), tell));
        }
        kill_all();
    }
    int left = place_leave(&place);
    if (left) conclude(plan->outcome, FAILED, "left %d things behind", left);
    plan->outcome->seconds = (double)(test_now() - start) / 1e9;
}

void keeper_start(struct plan *plan)
{
    pid_t runner = getpid();
    fflush(NULL);
    plan->keeper = fork();
    if (plan->keeper != 0) return;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (getppid() != runner) _exit(1);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(nothing, 0);
    dup2(plan->output, 1);
    dup2(plan->output, 2);
    keep(plan);
    fflush(NULL);
    _exit(0);
}
