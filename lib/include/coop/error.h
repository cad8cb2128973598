/* SPDX-License-Identifier: MIT */
/* What went wrong, in words. */
#ifndef COOP_ERROR_H
#define COOP_ERROR_H

#include <coop/common.h>

COOP_BEGIN_DECLS

/* The library's words for a result (a negative errno, 0, or COOP_OWNER_DIED). Never NULL; static storage.
 * Thread-safe, async-signal-safe. Codes that the library has no words of its own for give the system's. */
const char *coop_strerror(int result);

/* This thread's last failure in libcoop as one sentence that names the object and says how to mend it, for example
 *     bank/saldo: holds type "d", not "i": first difference at item 0; open it as "d"
 * The empty string when no call of this thread has failed yet. The text belongs to the library and lives until this
 * thread's next call. As with errno, ask after a failure only: a call that succeeds may change it. The close functions,
 * which return nothing, leave it alone unless they say so. Not async-signal-safe. */
const char *coop_error_detail(void);

/* The exit code that libcoop's programs give for a result: 0 ok, 1 failed, 2 usage (-EINVAL, -ENAMETOOLONG), 3 absent,
 * 4 denied, 5 corrupt (-EBADMSG), 6 owner died, 7 timed out, 8 busy. */
int coop_exit_code(int result);

COOP_END_DECLS

#endif
