/* SPDX-License-Identifier: MIT */
/* Two short ways to deal with a result: hand it up, or end the program with a clear message. */
#ifndef COOP_TRY_H
#define COOP_TRY_H

#include <coop/error.h>
#include <stdio.h>
#include <stdlib.h>

/* Returns a negative result of CALL from the function it stands in; otherwise it is a statement without value. */
#define COOP_TRY(call)                                                                                                 \
    do {                                                                                                               \
        int coop_try_result_ = (call);                                                                                 \
        if (coop_try_result_ < 0) return coop_try_result_;                                                             \
    } while (0)

/* For main(), examples and tests: prints the failed call, its words and the sentence on stderr, and exits with
 * coop_exit_code(). Success and COOP_OWNER_DIED go on; the value is the call's result. */
#define COOP_MUST(call) coop_must_((call), #call, __FILE__, __LINE__)

static inline int coop_must_(int result, const char *call, const char *file, int line)
{
    if (result >= 0) return result;
    const char *detail = coop_error_detail();
    fprintf(stderr, "%s:%d: %s: %s\n", file, line, call, *detail ? detail : coop_strerror(result));
    exit(coop_exit_code(result));
}

#endif
