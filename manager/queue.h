/* SPDX-License-Identifier: MIT */
/* The executor's inbox: many gateways put requests in, one executor takes all that are there.
 *
 * It is bounded, because those who send are not trusted: before a gateway reads from its clients it waits for room. The
 * clients then wait in their own sockets. What is taken counts until it is released, so the bounds cover everything
 * that is held for the executor. */
#ifndef MANAGER_QUEUE_H
#define MANAGER_QUEUE_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct gateway;

/* One message from a client, on its way from the gateway that received it to the reply that goes back by it. The
 * gateway makes it, and alone frees it: in its reply or drop function. */
struct request {
    struct request *next;
    struct gateway *gateway;
    const void *body; /* the gateway's memory */
    size_t size;
    void *route; /* the gateway's own: how the reply finds its way */
};

struct queue {
    struct request *newest; /* a stack; taken whole, so that no pop races a push */
    size_t count;           /* atomic, as the next two are */
    size_t bytes;
    size_t waiting;        /* gateways that wait for room */
    pthread_mutex_t mutex; /* with `room`, for threads of the manager alone: nothing here is in shared memory */
    pthread_cond_t room;
};

/* At most this much is held; a gateway may exceed it by the one message that it had in hand. */
#define QUEUE_MAX_COUNT 1024u
#define QUEUE_MAX_BYTES (32u << 20)

void queue_init(struct queue *queue);
void queue_destroy(struct queue *queue);

/* Any thread. The request belongs to the executor from here on. */
void queue_put(struct queue *queue, struct request *request);

/* Any gateway: 1 while less than the bounds is held; and a wait until it is so. */
int queue_has_room(struct queue *queue);
void queue_wait_for_room(struct queue *queue);

/* The executor: everything that waits, oldest first, linked by `next`; NULL when there is nothing. */
struct request *queue_take(struct queue *queue);

/* The executor: COUNT requests of together BYTES are done with. */
void queue_release(struct queue *queue, size_t count, size_t bytes);

#endif
