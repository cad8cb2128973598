/* SPDX-License-Identifier: MIT */
/* A connection to a manager: its session, a lane for each thread, and one request after another on each. */
#ifndef COOPI_CLIENT_H
#define COOPI_CLIENT_H

#include "proxy/address.h"
#include "proxy/message.h"
#include "proxy/stream.h"

#include <coop/manager.h>
#include <sys/types.h>

/* A thread's strand of requests. Lanes belong to their manager and live as long as it; one whose thread has ended is
 * given to the next thread that needs one. OWNER changes under coopi_proxy_lock(), everything else is its owner's. */
struct coopi_lane {
    struct coopi_lane *next;
    const void *owner; /* the address of a thread's own variable; NULL: free */
    uint64_t number;
    uint64_t sequence;
    struct coopi_stream stream;
    struct coopi_writer out;
};

/* LANES, NEXT, and in a forked child everything that makes it a new client change under coopi_proxy_lock(). */
struct coop_manager {
    struct coop_manager *next; /* all managers of this process */
    struct coopi_address address;
    int64_t timeout;
    uint64_t generation; /* of the process that SESSION and the lanes belong to */
    uint64_t serial;     /* differs between all handles that ever were, and before and after a fork */
    unsigned char session[COOPI_SESSION_SIZE];
    uint64_t next_lane;
    struct coopi_lane *lanes;
    bool unique; /* nobody else has its name: its socket may be removed once it is dead */
    pid_t pid;   /* of the manager that we started; 0: none */
    int pidfd;   /* of the same; -1 */
};

/* One operation to be done. ARGS are borrowed; or PACKED has ARG_COUNT arguments as they go over the wire. */
struct coopi_call {
    const char *op;
    coop_any object;
    const coop_any *args;
    uint32_t arg_count;
    const struct coopi_writer *packed;
};

/* A handle that has not connected yet. */
int coopi_manager_new(const struct coopi_address *address, coop_manager **ret_manager) COOP_MUST_CHECK;
void coopi_manager_free(coop_manager *manager);

/* Has a manager say hello. */
int coopi_manager_greet(coop_manager *manager) COOP_MUST_CHECK;

/* Does one operation, within the handle's time-out. *ret_result is the caller's, to clear; NULL if it is not wanted. */
int coopi_manager_call(coop_manager *manager, const struct coopi_call *call, coop_any *ret_result) COOP_MUST_CHECK;

/* The same, and has TAKE read the result piece by piece, out of bytes that are gone when it returns: 0, -EBADMSG for
 * what it did not expect (the call then fails with -EPROTO), or another failure with its sentence. */
int coopi_manager_call_taking(coop_manager *manager, const struct coopi_call *call,
                              int (*take)(struct coopi_reader *result, void *user), void *user) COOP_MUST_CHECK;

/* This thread's lane. In a forked child, first makes the handle a new client's. */
int coopi_lane_get(coop_manager *manager, struct coopi_lane **ret_lane) COOP_MUST_CHECK;

/* Puts the handle among those whose lanes end with their threads, or takes it out and frees the lanes. */
int coopi_lanes_begin(coop_manager *manager) COOP_MUST_CHECK;
void coopi_lanes_end(coop_manager *manager);

#endif
