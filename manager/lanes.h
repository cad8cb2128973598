/* SPDX-License-Identifier: MIT */
/* What the manager remembers of each lane, so that a request that is sent again is answered and never run twice
 * (PROTOCOL.md, "Sent again"). The executor's thread only.
 *
 * The executor runs a request to its end before it looks at the next, so a lane that is found is always answered: its
 * last request was run, and if it changed something its reply is here. */
#ifndef MANAGER_LANES_H
#define MANAGER_LANES_H

#include "hash.h"
#include "proxy/message.h"

#include <sys/queue.h>

#define LANES_MAX 1024u             /* remembered lanes */
#define LANES_MAX_BYTES (64u << 20) /* of remembered replies, the newest one apart */

struct lane_key {
    unsigned char session[COOPI_SESSION_SIZE];
    uint64_t lane;
};

/* What is known of a lane's last request. */
enum lane_state {
    LANE_UNCHANGED, /* it changed nothing: it may be run anew */
    LANE_ANSWERED,  /* its reply is remembered */
    LANE_LOST       /* it was run, and there was no room to keep its reply */
};

struct lane {
    struct lane_key key;
    uint64_t sequence;
    enum lane_state state;
    unsigned char *reply;
    size_t size;
    TAILQ_ENTRY(lane) idle;
    UT_hash_handle hh;
};

struct lanes {
    struct lane *table;
    TAILQ_HEAD(lanes_idle, lane) idle; /* from the longest idle to the last used */
    size_t bytes;
};

void lanes_init(struct lanes *lanes);
void lanes_destroy(struct lanes *lanes);

/* Decides about a request by the table in PROTOCOL.md. Returns
 *   0 and the lane with state LANE_ANSWERED: send its reply again;
 *   0 and the lane with another state: run it, then call lanes_remember();
 *   -ESTALE: what became of it is not known; -ENOMEM. */
int lanes_enter(struct lanes *lanes, const struct coopi_request *request, struct lane **ret_lane);

/* The lane's request was run and changed something: this is its reply. The bytes are copied. May
 * forget the replies of lanes that are longer idle. */
void lanes_remember(struct lanes *lanes, struct lane *lane, const void *reply, size_t size);

#endif
