/* SPDX-License-Identifier: MIT */
/* The one thread that owns all objects and runs one request at a time to its end, so that each is atomic.
 *
 * Everything that a request touches (lanes, registry, objects) belongs to this thread and needs no lock. Gateways only
 * put requests into its inbox and ring its doorbell. */
#ifndef MANAGER_EXECUTOR_H
#define MANAGER_EXECUTOR_H

#include "doorbell.h"
#include "queue.h"

#include <stdbool.h>

struct commands;

struct executor {
    struct queue inbox;
    struct doorbell bell;
    bool stopping; /* atomic */
    pthread_t thread;
    struct commands *commands;
};

/* Starts the thread. COMMANDS is used by it alone until executor_stop() has returned. Returns a negative errno with a
 * sentence. */
int executor_start(struct executor *executor, struct commands *commands);

/* Any gateway: whether it may read from its clients now, and a wait until it may. Ring before waiting. */
int executor_has_room(struct executor *executor);
void executor_wait_for_room(struct executor *executor);

/* Any gateway: hands a request over. Ring once after any number of them. */
void executor_submit(struct executor *executor, struct request *request);
void executor_ring(struct executor *executor);

/* Runs what has been submitted, then ends the thread. No gateway may submit any more. */
void executor_stop(struct executor *executor);

#endif
