/* SPDX-License-Identifier: MIT */
/* Managers: server processes that own lists and dicts, and connections to them. */
#ifndef COOP_MANAGER_H
#define COOP_MANAGER_H

#include <coop/common.h>
#include <sys/types.h>

COOP_BEGIN_DECLS

/* A manager is a process running the program coop-manager. Any number of programs connect to it and work on its objects
 * through proxies (<coop/list.h>, <coop/dict.h>); it runs one command at a time, so each is atomic.
 *
 * An address is a NAME ([A-Za-z0-9_-][A-Za-z0-9._-]{0,99}), or ipc:///absolute/path for a socket elsewhere. A name's
 * socket is $XDG_RUNTIME_DIR/coop/NAME.sock, or /tmp/coop-UID/NAME.sock without that variable, in a directory that is
 * refused unless it is this user's with mode 0700. NULL is $COOP_MANAGER, or else "default".
 *
 * Threads: a handle may be used by any number of threads at once, each gets a connection (a lane) of its own at its
 * first call; it is closed when the thread ends. No call is async-signal-safe. No SIGPIPE is ever raised.
 *
 * fork: handles survive it. The child is a new client with connections of its own, made at its first call; it never
 * touches its parent's.
 *
 * Death: a call whose connection breaks connects again and sends the same request again; the manager runs no request
 * twice. When nobody listens any more the call fails at once with -EPIPE: then nobody can know whether the manager did
 * it before it died. Its objects are gone with it.
 *
 * Errors of every call that talks to the manager, the proxies' too:
 *   -ECONNREFUSED  nobody answers at this address
 *   -EPIPE         the manager ended during the call
 *   -ETIMEDOUT     no answer in time; whether it was done is unknown
 *   -EPROTO        something answers that is no coop-manager, or one of another version
 *   -EMSGSIZE      request or answer over 64 MiB, or 4 million values (for an answer: nothing was changed): pass or ask
 *                  for less at a time, by slices, walks or several calls
 *   -ESTALE        the manager was replaced, or no longer remembers this request
 *   -EPERM         the socket's directory is not safe
 *   -ENOSPC        the manager holds as many objects, or the object as many items, as there can be
 *   -ENOMEM, -EMFILE, -EINVAL, and what the operation names. */
typedef struct coop_manager coop_manager;

/* Connects, and makes sure that a manager answers. The handle is the caller's, to close. */
int coop_manager_connect(const char *address, coop_manager **ret_manager) COOP_MUST_CHECK;

/* Runs coop-manager as a child of this process and connects to it. NAME NULL: a name that nobody else has, which
 * coop_manager_address() tells. The manager ends with this process, however this process ends; an exec(2) by this
 * process is no end. The program is $COOP_MANAGER_PROGRAM, or the coop-manager that was installed or built with this
 * library, or the first in $PATH.
 * Errors: -EBUSY (a manager of that name is running), -ENOENT (no program), -ECHILD (it ended before it was ready; its
 * words are on stderr), -ETIMEDOUT (not ready within 30 s), and those above. */
int coop_manager_start(const char *name, coop_manager **ret_manager) COOP_MUST_CHECK;

/* Ends a manager that coop_manager_start() made: asks it to (SIGTERM), waits up to the handle's time-out, then kills it
 * (SIGKILL, and the result is 0 all the same). Later calls through the handle fail; close it as usual.
 * -EPERM: this handle, or in a forked child this process, did not start one. */
int coop_manager_stop(coop_manager *manager) COOP_MUST_CHECK;

/* Frees the handle; NULL is ignored. Stops the manager if this process started it through this handle. Proxies of it
 * must have been closed before, and no other thread may be using it. */
void coop_manager_close(coop_manager *manager);

/* Asks the manager for a sign of life. */
int coop_manager_ping(coop_manager *manager) COOP_MUST_CHECK;

/* How long a call through this handle may take, from now on: nanoseconds, COOP_FOREVER included; 30 s at first. */
void coop_manager_set_timeout(coop_manager *manager, int64_t timeout);

/* The address as ipc://PATH, to give to other programs; lives as long as the handle. */
const char *coop_manager_address(const coop_manager *manager);

/* The process id of the manager that this process started through this handle; 0 if it did not, or has stopped it. It
 * is a child of this process: a wait(2) for any child may reap it, which does no harm. */
pid_t coop_manager_pid(const coop_manager *manager);

static inline void coop_manager_closep(coop_manager **manager)
{
    coop_manager_close(*manager);
}

COOP_END_DECLS

#endif
