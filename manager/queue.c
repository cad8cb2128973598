/* SPDX-License-Identifier: MIT */
/* The executor's inbox: many gateways put requests in, one executor takes all that are there. */
#include "queue.h"

#include "base/atomic.h"

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
    coopi_fetch_add(&queue->count, 1);
    coopi_fetch_add(&queue->bytes, request->size);
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
    return coopi_load_acquire(&queue->count) < QUEUE_MAX_COUNT && coopi_load_acquire(&queue->bytes) < QUEUE_MAX_BYTES;
}

/* Who waits counts itself before it looks for room, with a full fence between; who makes room does so before it looks
 * for waiters, likewise: one of the two sees the other. */
void queue_wait_for_room(struct queue *queue)
{
    if (queue_has_room(queue)) return;
    pthread_mutex_lock(&queue->mutex);
    coopi_fetch_add(&queue->waiting, 1);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (!queue_has_room(queue)) pthread_cond_wait(&queue->room, &queue->mutex);
    coopi_fetch_add(&queue->waiting, (size_t)-1);
    pthread_mutex_unlock(&queue->mutex);
}

void queue_release(struct queue *queue, size_t count, size_t bytes)
{
    coopi_fetch_add(&queue->count, (size_t)0 - count);
    __atomic_fetch_sub(&queue->bytes, bytes, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&queue->waiting, __ATOMIC_SEQ_CST) == 0) return;
    pthread_mutex_lock(&queue->mutex);
    pthread_cond_broadcast(&queue->room);
    pthread_mutex_unlock(&queue->mutex);
}
