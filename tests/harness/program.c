/* SPDX-License-Identifier: MIT */
/* Running the built programs from a test: their path, their output, their end. */
#include "harness/test.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define RUN_NS INT64_C(10000000000)

/* All texts given to tests hang here until the process ends, so that tests need not free and nothing counts as lost. */
struct text {
    struct text *next;
    size_t size;
    size_t room;
    char *bytes;
};
static struct text *texts;

static struct text *new_text(void)
{
    struct text *t = calloc(1, sizeof *t);
    if (t) t->bytes = malloc(t->room = 4096);
    if (!t || !t->bytes) FAIL("out of memory");
    t->bytes[0] = 0;
    t->next = texts;
    texts = t;
    return t;
}

/* Appends what one read gives. False at the end of the file. */
static bool read_more(int fd, struct text *t)
{
    if (t->room - t->size < 2048) {
        char *bytes = realloc(t->bytes, t->room *= 2);
        if (!bytes) FAIL("out of memory");
        t->bytes = bytes;
    }
    ssize_t n = read(fd, t->bytes + t->size, t->room - t->size - 1);
    if (n < 0 && errno == EINTR) return true;
    if (n <= 0) return false;
    t->size += (size_t)n;
    t->bytes[t->size] = 0;
    return true;
}

const char *test_program(const char *name)
{
    static const char *const folders[] = {"bin", "examples", "tests"};
    static char path[4200];
    char exe[4096];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
    if (n <= 0) FAIL("readlink /proc/self/exe: %s", strerror(errno));
    exe[n] = 0;
    for (int up = 0; up < 2; up++) *strrchr(exe, '/') = 0; /* BUILD/tests/run_tests: two names off */
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(path, sizeof path, "%s/%s/%s", exe, folders[i], name);
        if (access(path, X_OK) == 0) return path;
    }
    FAIL("no program %s in %s: build it first", name, exe);
}

static const char *resolve(const char *name)
{
    if (strchr(name, '/')) return name;
    const char *search = getenv("PATH");
    char path[4200];
    for (const char *at = search; at && *at; at += strcspn(at, ":"), at += *at == ':') {
        snprintf(path, sizeof path, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (access(path, X_OK) == 0) return name;
    }
    return test_program(name);
}

static pid_t spawn(const char *const argv[], const int fds[3], const char *file, int line)
{
    const char *path = resolve(argv[0]);
    pid_t pid = test_fork(file, line);
    if (pid != 0) return pid;
    for (int i = 0; i < 3; i++)
        if (fds[i] != i) dup2(fds[i], i);
    execvp(path, (char *const *)argv);
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    _exit(127);
}

static void make_pipe(int ends[2], const char *file, int line)
{
    if (pipe2(ends, O_CLOEXEC) != 0) test_fail(file, line, "pipe2: %s", strerror(errno));
}

static int exit_code(pid_t pid, const char *file, int line)
{
    int status;
    while (waitpid(pid, &status, 0) != pid)
        if (errno != EINTR) test_fail(file, line, "waitpid(%d): %s", (int)pid, strerror(errno));
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* Reads both streams until both end. False when the time ran out first. */
static bool collect(struct pollfd ends[2], struct text *const into[2], int64_t until)
{
    while (ends[0].fd >= 0 || ends[1].fd >= 0) {
        if (test_passed(until)) return false;
        poll(ends, 2, 50);
        for (int i = 0; i < 2; i++)
            if (ends[i].fd >= 0 && ends[i].revents && !read_more(ends[i].fd, into[i])) ends[i].fd = -1;
    }
    return true;
}

struct ran test_run(const char *const argv[], const char *file, int line)
{
    int out[2];
    int err[2];
    make_pipe(out, file, line);
    make_pipe(err, file, line);
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid = spawn(argv, (int[3]){nothing, out[1], err[1]}, file, line);
    close(nothing);
    close(out[1]);
    close(err[1]);
    struct text *texts_of[2] = {new_text(), new_text()};
    struct pollfd ends[2] = {{.fd = out[0], .events = POLLIN}, {.fd = err[0], .events = POLLIN}};
    if (!collect(ends, texts_of, test_now() + RUN_NS * test_slowness())) {
        kill(pid, SIGKILL);
        exit_code(pid, file, line);
        test_fail(file, line, "%s did not end in time; its output so far:\n%s%s", argv[0], texts_of[0]->bytes,
                  texts_of[1]->bytes);
    }
    close(out[0]);
    close(err[0]);
    return (struct ran){
        .code = exit_code(pid, file, line),
        .out = texts_of[0]->bytes,
        .err = texts_of[1]->bytes,
        .out_size = texts_of[0]->size,
        .err_size = texts_of[1]->size,
    };
}

struct started test_start(const char *const argv[], const char *file, int line)
{
    int in[2];
    int out[2];
    make_pipe(in, file, line);
    make_pipe(out, file, line);
    struct started s = {.in = in[1], .out = out[0]};
    s.pid = spawn(argv, (int[3]){in[0], out[1], 2}, file, line);
    close(in[0]);
    close(out[1]);
    return s;
}

char *test_read_line(struct started *s, const char *file, int line)
{
    struct text *t = new_text();
    int64_t until = test_soon();
    for (char c = 0; c != '\n';) {
        struct pollfd end = {.fd = s->out, .events = POLLIN};
        int ready = poll(&end, 1, 50);
        if (ready <= 0 && !test_passed(until)) continue;
        if (ready <= 0 || read(s->out, &c, 1) != 1 || t->size + 1 == t->room)
            test_fail(file, line, "program %d gave no whole line: \"%s\"", (int)s->pid, t->bytes);
        t->bytes[t->size] = c == '\n' ? 0 : c;
        t->bytes[++t->size] = 0;
    }
    return t->bytes;
}

int test_stop(struct started *s, int signal, const char *file, int line)
{
    close(s->in);
    if (signal) kill(s->pid, signal);
    int code = exit_code(s->pid, file, line);
    close(s->out);
    *s = (struct started){.pid = -1, .in = -1, .out = -1};
    return code;
}
