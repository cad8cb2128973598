/* SPDX-License-Identifier: MIT */
/* coop_manager_start() and its end, coop_manager_close(): running the program coop-manager as a child. */
#include "base/clock.h"
#include "base/error.h"
#include "base/quote.h"
#include "proxy/client.h"
#include "proxy/generation.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "coop-manager"
#define PROGRAM_VARIABLE "COOP_MANAGER_PROGRAM"
#define READY_TIMEOUT COOP_S(30)
#define BUSY_EXIT 8 /* coop_exit_code(-EBUSY): a manager of this name is there */

/* Descriptors of the child: its ready line goes to stdout, and it watches the pidfd. */
#define CHILD_PIDFD 3
#define CHILD_PIDFD_TEXT "3"

/* PROGRAM in the folder of FILE, or in the bin beside that folder. */
static bool find_beside(const char *file, char ret_path[PATH_MAX])
{
    static const char *const places[] = {"", "../bin/"};
    const char *slash = strrchr(file, '/');
    for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
        int length = snprintf(ret_path, PATH_MAX, "%.*s/%s" PROGRAM, (int)(slash - file), file, places[i]);
        if (length > 0 && length < PATH_MAX && access(ret_path, X_OK) == 0) return true;
    }
    return false;
}

/* The program that was chosen by the variable, built or installed with the library or the running program, or else the
 * bare name, which posix_spawnp() seeks in $PATH. */
static void find_program(char ret_path[PATH_MAX])
{
    Dl_info library;
    char self[PATH_MAX] = "";
    const char *chosen = getenv(PROGRAM_VARIABLE);
    if (chosen && *chosen) {
        snprintf(ret_path, PATH_MAX, "%s", chosen);
        return;
    }
    if (dladdr((void *)(uintptr_t)&coop_manager_start, &library) && find_beside(library.dli_fname, ret_path)) return;
    if (readlink("/proc/self/exe", self, sizeof self - 1) > 0 && find_beside(self, ret_path)) return;
    snprintf(ret_path, PATH_MAX, PROGRAM);
}

/* A descriptor above those that the child rearranges; -1 and errno. FD is closed. */
static int moved_up(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 16);
    int error = errno;
    if (fd >= 0) close(fd);
    errno = error;
    return moved;
}

static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int ready, int self)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawn_file_actions_adddup2(actions, ready, STDOUT_FILENO);
    if (!error) error = posix_spawn_file_actions_adddup2(actions, self, CHILD_PIDFD);
    if (!error) error = posix_spawn_file_actions_addclosefrom_np(actions, CHILD_PIDFD + 1);
    if (!error) error = posix_spawnattr_setsigmask(attributes, &none);
    if (!error) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (!error) error = posix_spawnattr_setpgroup(attributes, 0); /* Ctrl-C is for the program; it ends its manager */
    if (!error)
        error = posix_spawnattr_setflags(attributes,
                                         POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return error;
}

/* Spawns the program with READY as its stdout and SELF as its pidfd. A positive errno on failure. */
static int spawn_with(const char *program, const char *name, int ready, int self, pid_t *ret_pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *const argv[] = {PROGRAM, "--name", (char *)(uintptr_t)name, "--watch-pidfd", CHILD_PIDFD_TEXT, NULL};
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return error;
    error = posix_spawnattr_init(&attributes);
    if (!error) {
        error = set_up(&actions, &attributes, ready, self);
        if (!error) error = posix_spawnp(ret_pid, program, &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Spawns coop-manager; *ret_ready is where its ready line comes from. */
static int spawn_manager(const char *name, pid_t *ret_pid, int *ret_ready)
{
    char program[PATH_MAX];
    int ends[2];
    find_program(program);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return coopi_fail(errno, "manager \"%s\": no pipe to hear from it (%s); close some files", name,
                          strerror(errno));
    int ready = moved_up(ends[1]);
    int self = ready < 0 ? -1 : moved_up(pidfd_open(getpid(), 0));
    int error = self < 0 ? errno : spawn_with(program, name, ready, self, ret_pid);
    if (ready >= 0) close(ready);
    if (self >= 0) close(self);
    if (!error) {
        *ret_ready = ends[0];
        return 0;
    }
    close(ends[0]);
    return coopi_fail(error, "%s: cannot run it (%s); install coop-manager, or set " PROGRAM_VARIABLE " to its path",
                      program, strerror(error));
}

/* Waits for a whole line. -ECHILD if the other end was closed before, -ETIMEDOUT. No sentence. */
static int await_line(int fd)
{
    int64_t deadline = coopi_deadline(READY_TIMEOUT);
    for (;;) {
        char text[256];
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int ready = poll(&p, 1, coopi_poll_ms(deadline));
        if (ready == 0) return -ETIMEDOUT;
        ssize_t n = ready < 0 ? -1 : read(fd, text, sizeof text);
        if (n == 0) return -ECHILD;
        if (n < 0 && errno != EINTR) return -errno;
        if (n > 0 && memchr(text, '\n', (size_t)n)) return 0;
    }
}

/* Waits until the child has ended, and reaps it unless the host was quicker. Its exit code; -1 if it was killed or
 * nobody knows; -ETIMEDOUT. */
static int await_end(int pidfd, int64_t deadline)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int ready;
    do {
        ready = poll(&p, 1, coopi_poll_ms(deadline));
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) return -ETIMEDOUT;
    siginfo_t info = {0};
    if (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) < 0) return -1;
    return info.si_code == CLD_EXITED ? info.si_status : -1;
}

/* Ends a child that is of no use. */
static int end_now(int pidfd)
{
    pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    return await_end(pidfd, COOPI_NEVER);
}

/* The manager did not become ready. */
static int explain_start(const char *name, int why, int pidfd)
{
    if (why != -ECHILD) {
        end_now(pidfd);
        return coopi_fail(-why, "manager \"%s\": started, but not ready (%s); see what it says on stderr", name,
                          strerror(-why));
    }
    int code = await_end(pidfd, coopi_deadline(READY_TIMEOUT));
    if (code == -ETIMEDOUT) code = end_now(pidfd);
    if (code == BUSY_EXIT)
        return coopi_fail(EBUSY, "manager \"%s\": one of this name is running; connect to it, or take another name",
                          name);
    return coopi_fail(ECHILD, "manager \"%s\": ended before it was ready (exit code %d); it says why on stderr", name,
                      code);
}

/* Runs a manager for the handle, up to its first answer. */
static int start(coop_manager *m, bool unique)
{
    const char *name = m->address.name;
    int ready;
    pid_t pid;
    int result = spawn_manager(name, &pid, &ready);
    if (result < 0) return result;
    int pidfd = pidfd_open(pid, 0);
    result = pidfd < 0 ? -errno : await_line(ready);
    close(ready);
    if (pidfd < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return coopi_fail(-result, "manager \"%s\": cannot watch it (%s); close some files", name, strerror(-result));
    }
    if (result < 0) {
        result = explain_start(name, result, pidfd);
    } else {
        result = coopi_manager_greet(m);
        if (result < 0) end_now(pidfd);
    }
    if (result < 0) {
        close(pidfd);
        return result;
    }
    m->unique = unique;
    m->pid = pid;
    m->pidfd = pidfd;
    return 0;
}

int coop_manager_start(const char *name, coop_manager **ret_manager)
{
    char own[COOPI_NAME_MAX + 1], quoted[COOPI_QUOTED];
    uint32_t random = 0;
    if (!name) {
        if (getrandom(&random, sizeof random, 0) < 0) random = (uint32_t)coopi_now();
        snprintf(own, sizeof own, "own-%d-%08x", getpid(), random);
        name = own;
    }
    if (!coopi_is_manager_name(name))
        return coopi_fail(EINVAL, "manager %s: not a name; take 1 to %d of A-Z a-z 0-9 _ - . (no dot first)",
                          coopi_quote(name, quoted, sizeof quoted), COOPI_NAME_MAX);
    struct coopi_address address;
    coop_manager *m;
    int result = coopi_address_parse(name, &address);
    if (result == 0) result = coopi_manager_new(&address, &m);
    if (result < 0) return result;
    result = start(m, name == own);
    if (result < 0)
        coopi_manager_free(m);
    else
        *ret_manager = m;
    return result;
}

static bool is_ours(const coop_manager *m)
{
    return m->pid && m->generation == coopi_generation();
}

/* What a manager removes at its end, unless it was killed. */
static void remove_site(const coop_manager *m)
{
    char lock[sizeof m->address.path + 8];
    snprintf(lock, sizeof lock, "%s.lock", m->address.path);
    unlink(m->address.path);
    unlink(lock);
}

pid_t coop_manager_pid(const coop_manager *m)
{
    return is_ours(m) ? m->pid : 0;
}

int coop_manager_stop(coop_manager *m)
{
    if (!is_ours(m))
        return coopi_fail(EPERM,
                          "%s: this process did not start it by this handle, or has stopped it; leave it to who did",
                          m->address.url);
    pidfd_send_signal(m->pidfd, SIGTERM, NULL, 0);
    if (await_end(m->pidfd, coopi_deadline(m->timeout)) == -ETIMEDOUT) end_now(m->pidfd);
    if (m->unique) remove_site(m);
    close(m->pidfd);
    m->pidfd = -1;
    m->pid = 0;
    return 0;
}

void coop_manager_close(coop_manager *m)
{
    if (!m) return;
    if (is_ours(m)) {
        int result = coop_manager_stop(m);
        (void)result; /* it is gone */
    }
    coopi_manager_free(m);
}
