/* SPDX-License-Identifier: MIT */
/* The one thread that owns all objects and runs one request at a time to its end. */
#include "executor.h"

#include "base/atomic.h"
#include "base/error.h"
#include "command.h"
#include "gateway.h"

#include <string.h>

static void run(struct executor *executor, struct request *request)
{
    size_t bytes = request->size;
    struct gateway *gateway = request->gateway;
    struct reply reply;
    if (commands_run(executor->commands, request->body, request->size, &reply) < 0)
        gateway->drop(gateway, request);
    else
        gateway->reply(gateway, request, reply.data, reply.size);
    queue_release(&executor->inbox, 1, bytes);
}

static void *serve(void *arg)
{
    struct executor *executor = arg;
    pthread_setname_np(pthread_self(), "executor");
    for (;;) {
        uint32_t seen = doorbell_read(&executor->bell);
        struct request *batch = queue_take(&executor->inbox);
        if (!batch) {
            if (coopi_load_acquire(&executor->stopping)) return NULL;
            doorbell_sleep(&executor->bell, seen);
            continue;
        }
        while (batch) {
            struct request *next = batch->next; /* running it frees it */
            run(executor, batch);
            batch = next;
        }
    }
}

int executor_start(struct executor *executor, struct commands *commands)
{
    *executor = (struct executor){.commands = commands};
    queue_init(&executor->inbox);
    int err = pthread_create(&executor->thread, NULL, serve, executor);
    if (err) return coopi_fail(err, "manager: cannot start its executor thread: %s", strerror(err));
    return 0;
}

int executor_has_room(struct executor *executor)
{
    return queue_has_room(&executor->inbox);
}

void executor_wait_for_room(struct executor *executor)
{
    queue_wait_for_room(&executor->inbox);
}

void executor_submit(struct executor *executor, struct request *request)
{
    queue_put(&executor->inbox, request);
}

void executor_ring(struct executor *executor)
{
    doorbell_ring(&executor->bell);
}

void executor_stop(struct executor *executor)
{
    coopi_store_release(&executor->stopping, true);
    doorbell_ring(&executor->bell);
    pthread_join(executor->thread, NULL);
    queue_destroy(&executor->inbox);
}
