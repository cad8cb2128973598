/* SPDX-License-Identifier: MIT */
/* The executor's inbox: many gateways put requests in, one executor takes all that are there. */
#include "queue.h"

#include "base/atomic.h"

/* Who waits counts itself before it looks for room; who makes room does so before it looks for waiters. In one order
 * for all, so that one of the two sees the other. */
static void add(size_t *number, size_t amount)
{
    __atomic_fetch_add(number, amount, __ATOMIC_SEQ_CST);
}

static size_t read_number(const size_t *number)
{
    return __atomic_load_n(number, __ATOMIC_SEQ_CST);
}

void queue_init(struct queue *queue)
{
    *queue = (struct queue){.newest = NULL};
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->room, NULL);
}

void queue_destroy(struct queue *queue)
{
    pthread_cond_destroy(&queue->room);
    pthread_mutex_destroy(&queue->mutex);
}

void queue_put(struct queue *queue, struct request *request)
{
    add(&queue->count, 1);
    add(&queue->bytes, request->size);
    struct request *old = coopi_load_relaxed(&queue->newest);
    do {
        request->next = old;
    } while (!coopi_cas_both(&queue->newest, &old, request));
}

struct request *queue_take(struct queue *queue)
{
    struct request *newest = coopi_exchange_both(&queue->newest, NULL);
    struct request *oldest = NULL;
    while (newest) {
        struct request *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

int queue_has_room(struct queue *queue)
{
    return read_number(&queue->count) < QUEUE_MAX_COUNT && read_number(&queue->bytes) < QUEUE_MAX_BYTES;
}

void queue_wait_for_room(struct queue *queue)
{
    if (queue_has_room(queue)) return;
    pthread_mutex_lock(&queue->mutex);
    add(&queue->waiting, 1);
    while (!queue_has_room(queue)) pthread_cond_wait(&queue->room, &queue->mutex);
    add(&queue->waiting, (size_t)-1);
    pthread_mutex_unlock(&queue->mutex);
}

void queue_release(struct queue *queue, size_t count, size_t bytes)
{
    add(&queue->count, (size_t)0 - count);
    add(&queue->bytes, (size_t)0 - bytes);
    if (read_number(&queue->waiting) == 0) return;
    pthread_mutex_lock(&queue->mutex);
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
}
