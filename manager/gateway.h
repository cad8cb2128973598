/* SPDX-License-Identifier: MIT */
/* What every transport offers the manager: requests go to the executor's inbox, replies go back by the way that their
 * request came.
 *
 * A gateway reads in a thread of its own. Its reply and drop functions are called by the executor's thread and must not
 * wait for a client: who does not read its replies loses them. */
#ifndef MANAGER_GATEWAY_H
#define MANAGER_GATEWAY_H

#include <stddef.h>

struct executor;
struct request;

struct gateway {
    const char *address; /* as clients name it; lives as long as the gateway */

    /* Sends SIZE bytes at BODY to whoever sent the request, and frees the request. The body stays the caller's. */
    void (*reply)(struct gateway *gateway, struct request *request, const void *body, size_t size);

    /* Frees the request without an answer. */
    void (*drop)(struct gateway *gateway, struct request *request);

    /* Reads nothing more from clients: after it returns no further request is submitted. Replies still go out. */
    void (*quiet)(struct gateway *gateway);

    /* Closes all connections and frees the gateway. Every request must have been replied to or dropped. */
    void (*close)(struct gateway *gateway);
};

/* nanomsg's REP protocol on `ipc://PATH`. The caller has seen to PATH (see site.h): nothing stands there. The socket
 * file gets mode 0600. */
int gateway_nanomsg_open(const char *address, struct executor *executor, struct gateway **ret_gateway);

#endif
