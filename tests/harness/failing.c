/* SPDX-License-Identifier: MIT */
/* Makes the nth call that the library makes to malloc or to the kernel fail, once or from then on. */
#include "harness/failing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static __thread struct {
    unsigned nth, calls;
    bool armed, for_good;
    const char *what;
    long blocks;
} failing;

void failing_begin(unsigned nth, bool for_good)
{
    failing.nth = nth;
    failing.calls = 0;
    failing.for_good = for_good;
    failing.what = NULL;
    failing.armed = true;
}

unsigned failing_end(void)
{
    failing.armed = false;
    return failing.calls;
}

const char *failing_what(void)
{
    return failing.what;
}

long failing_blocks(void)
{
    return failing.blocks;
}

static bool fails(const char *what, int error)
{
    if (!failing.armed) return false;
    failing.calls++;
    if (failing.calls != failing.nth && !(failing.for_good && failing.calls > failing.nth)) return false;
    if (!failing.what) failing.what = what;
    errno = error;
    return true;
}

static void *counted(void *block)
{
    failing.blocks += block != NULL;
    return block;
}

/* type, function, its parameters and arguments, what it returns when it fails, errno */
#define WRAPPED(X)                                                                                                     \
    X(void *, mmap, (void *at, size_t size, int prot, int flags, int fd, off_t from),                                  \
      (at, size, prot, flags, fd, from), MAP_FAILED, ENOMEM)                                                           \
    X(int, madvise, (void *at, size_t size, int advice), (at, size, advice), -1, ENOMEM)                               \
    X(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)                                \
    X(int, posix_fallocate, (int fd, off_t from, off_t size), (fd, from, size), ENOSPC, ENOSPC)                        \
    X(int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags), -1, ENOSPC)   \
    X(int, fchmod, (int fd, mode_t mode), (fd, mode), -1, EPERM)                                                       \
    X(int, stat, (const char *path, struct stat *st), (path, st), -1, ENOMEM)                                          \
    X(int, lstat, (const char *path, struct stat *st), (path, st), -1, ENOMEM)                                         \
    X(int, flock, (int fd, int operation), (fd, operation), -1, ENOLCK)                                                \
    X(int, shm_unlink, (const char *name), (name), -1, EACCES)                                                         \
    X(ssize_t, read, (int fd, void *to, size_t size), (fd, to, size), -1, EIO)                                         \
    X(ssize_t, pread, (int fd, void *to, size_t size, off_t at), (fd, to, size, at), -1, EIO)                          \
    X(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at), -1, ENOSPC)            \
    X(ssize_t, readlink, (const char *path, char *to, size_t size), (path, to, size), -1, EACCES)                      \
    X(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)                         \
    X(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), -1, ECONNREFUSED)             \
    X(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags), -1, EPIPE)           \
    X(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags), -1, ECONNRESET)                \
    X(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags), -1, ENOBUFS)          \
    X(ssize_t, recvmsg, (int fd, struct msghdr *message, int flags), (fd, message, flags), -1, ENOMEM)                 \
    X(int, poll, (struct pollfd * fds, nfds_t count, int ms), (fds, count, ms), -1, ENOMEM)                            \
    X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),                               \
      (fd, level, name, value, size), -1, ENOBUFS)                                                                     \
    X(ssize_t, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags), -1, ENOSYS)                      \
    X(DIR *, opendir, (const char *path), (path), NULL, EMFILE)                                                        \
    X(int, mkdir, (const char *path, mode_t mode), (path, mode), -1, ENOSPC)                                           \
    X(int, access, (const char *path, int how), (path, how), -1, EACCES)                                               \
    X(int, pipe2, (int fds[2], int flags), (fds, flags), -1, EMFILE)                                                   \
    X(int, pidfd_open, (pid_t pid, unsigned flags), (pid, flags), -1, EMFILE)                                          \
    X(int, posix_spawnp,                                                                                               \
      (pid_t * pid, const char *file, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,  \
       char *const argv[], char *const environment[]),                                                                 \
      (pid, file, actions, attributes, argv, environment), EAGAIN, EAGAIN)                                             \
    X(int, pthread_atfork, (void (*before)(void), void (*parent)(void), void (*child)(void)), (before, parent, child), \
      ENOMEM, ENOMEM)                                                                                                  \
    X(int, pthread_key_create, (unsigned *key, void (*end)(void *)), (key, end), EAGAIN, EAGAIN)                       \
    X(int, pthread_setspecific, (unsigned key, const void *value), (key, value), ENOMEM, ENOMEM)

#define WRAP(type, function, parameters, arguments, result, error)                                                     \
    type __real_##function parameters;                                                                                 \
    type __wrap_##function parameters;                                                                                 \
    type __wrap_##function parameters                                                                                  \
    {                                                                                                                  \
        return fails(#function, error) ? (result) : __real_##function arguments;                                       \
    }
WRAPPED(WRAP)

/* For good only the rest fails: the library closes no descriptor without the proof that it is its own. */
int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
    bool for_good = failing.for_good;
    failing.for_good = false;
    bool fail = fails("fstat", ENOMEM);
    failing.for_good = for_good;
    return fail ? -1 : __real_fstat(fd, st);
}

/* Memory, which is counted as well */

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    return fails("malloc", ENOMEM) ? NULL : counted(__real_malloc(size));
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return fails("calloc", ENOMEM) ? NULL : counted(__real_calloc(count, size));
}

void *__real_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size);
void *__wrap_realloc(void *block, size_t size)
{
    if (fails("realloc", ENOMEM)) return NULL;
    bool fresh = !block;
    void *grown = __real_realloc(block, size);
    return fresh ? counted(grown) : grown;
}

void *__real_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size);
void *__wrap_reallocarray(void *block, size_t count, size_t size)
{
    if (fails("reallocarray", ENOMEM)) return NULL;
    bool fresh = !block;
    void *grown = __real_reallocarray(block, count, size);
    return fresh ? counted(grown) : grown;
}

void __real_free(void *block);
void __wrap_free(void *block);
void __wrap_free(void *block)
{
    failing.blocks -= block != NULL;
    __real_free(block);
}

char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
char *__wrap_strdup(const char *text)
{
    return fails("strdup", ENOMEM) ? NULL : counted(__real_strdup(text));
}

int __wrap_asprintf(char **ret_text, const char *format, ...) __attribute__((format(printf, 2, 3)));
int __wrap_asprintf(char **ret_text, const char *format, ...)
{
    if (fails("asprintf", ENOMEM)) return -1;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(ret_text, format, arguments);
    va_end(arguments);
    failing.blocks += length >= 0;
    return length;
}

/* Those with a variable number of arguments */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    mode_t mode = 0;
    if (flags & (O_CREAT | O_TMPFILE)) {
        va_list arguments;
        va_start(arguments, flags);
        mode = va_arg(arguments, mode_t);
        va_end(arguments);
    }
    return fails("open", EMFILE) ? -1 : __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...)
{
    va_list arguments;
    va_start(arguments, command);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    return fails("fcntl", EPERM) ? -1 : __real_fcntl(fd, command, argument);
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...)
{
    long a[6];
    va_list arguments;
    va_start(arguments, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(arguments, long);
    va_end(arguments);
    return fails("syscall", EPERM) ? -1 : __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}
