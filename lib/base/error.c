/* SPDX-License-Identifier: MIT */
/* Failure sentences, and one table of what the codes mean to us. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DETAIL_SIZE 512

static __thread char detail[DETAIL_SIZE];

/* errno, the library's words, the exit code of its programs */
#define MEANINGS(X)                                                                                                    \
    X(EINVAL, "not a valid argument", 2)                                                                               \
    X(ENAMETOOLONG, "name or path too long", 2)                                                                        \
    X(ERANGE, "number out of the type's range", 1)                                                                     \
    X(ENOENT, "no such segment, object or manager", 3)                                                                 \
    X(ECONNREFUSED, "nobody answers at this address", 3)                                                               \
    X(EACCES, "not allowed", 4)                                                                                        \
    X(EPERM, "not permitted: not the holder, or not the owner", 4)                                                     \
    X(EBADMSG, "damaged or malformed data", 5)                                                                         \
    X(EPROTO, "the other side does not speak the protocol", 5)                                                         \
    X(EOWNERDEAD, "its owner died", 6)                                                                                 \
    X(ETIMEDOUT, "timed out", 7)                                                                                       \
    X(EBUSY, "busy: somebody else holds it", 8)                                                                        \
    X(EDEADLK, "would wait for itself for ever", 1)                                                                    \
    X(EEXIST, "already exists", 1)                                                                                     \
    X(ENOSPC, "no space left", 1)                                                                                      \
    X(ENOMEM, "out of memory", 1)                                                                                      \
    X(ENOLCK, "this thread holds too many locks", 1)                                                                   \
    X(ENOTSUP, "not supported here", 1)                                                                                \
    X(EINTR, "interrupted by a signal", 1)                                                                             \
    X(EAGAIN, "too many changes at once, or no free row: try again", 1)                                                \
    X(EMSGSIZE, "message too large", 1)                                                                                \
    X(EPIPE, "the other side is gone", 1)                                                                              \
    X(ESTALE, "the manager no longer remembers this request", 1)

const char *coop_strerror(int result)
{
    if (result == 0) return "ok";
    if (result == COOP_OWNER_DIED) return "held, and its previous owner died holding it";
    if (result > 0) return "ok";
    switch (-result) {
#define WORDS(code, words, exit_code)                                                                                  \
    case code: return words;
        MEANINGS(WORDS)
#undef WORDS
    default: break;
    }
    const char *system = strerrordesc_np(-result);
    return system ? system : "unknown error";
}

int coop_exit_code(int result)
{
    if (result == COOP_OWNER_DIED) return 6;
    if (result >= 0) return 0;
    switch (-result) {
#define CODE(code, words, exit_code)                                                                                   \
    case code: return exit_code;
        MEANINGS(CODE)
#undef CODE
    default: return 1;
    }
}

const char *coop_error_detail(void)
{
    return detail;
}

void coopi_keep_detail(const char *format, ...)
{
    char text[DETAIL_SIZE]; /* arguments may point into the old detail */
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    memcpy(detail, text, sizeof detail);
}
