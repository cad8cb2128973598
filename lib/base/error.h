/* SPDX-License-Identifier: MIT */
/* Recording a failure: the code goes up as the result, the sentence waits in thread-local memory. */
#ifndef COOPI_ERROR_H
#define COOPI_ERROR_H

#include <coop/error.h>
#include <errno.h>

/* Keeps the sentence as this thread's coop_error_detail() and returns -ERR (ERR is a positive errno).
 * The sentence names the object first, then what is wrong, then the cure. Truncated at 511 bytes. */
#define coopi_fail(err, ...)                                                                                           \
    __extension__({                                                                                                    \
        int coopi_err_ = (err);                                                                                        \
        coopi_keep_detail(__VA_ARGS__);                                                                                \
        coopi_err_ > 0 ? -coopi_err_ : -EIO; /* negative for certain: the compiler relies on it */                     \
    })

void coopi_keep_detail(const char *format, ...) __attribute__((format(printf, 1, 2), cold));

#endif
