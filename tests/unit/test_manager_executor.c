/* SPDX-License-Identifier: MIT */
/* The manager's doorbell, inbox and executor, fed by a gateway of threads. */
#include "harness/test.h"
#include "manager/executor.h"
#include "manager/gateway.h"
#include "unit/managed.h"

#include <stdlib.h>

enum { FEEDERS = 4, EACH = 5000 };

struct fed {
    struct gateway gateway;
    struct executor executor;
    unsigned replied;       /* atomic */
    unsigned next[FEEDERS]; /* the executor's thread: what each feeder's next request is */
    bool order_kept;
    struct coopi_writer body;
};

static void count_reply(struct gateway *gateway, struct request *request, const void *body, size_t size)
{
    struct fed *fed = (struct fed *)gateway;
    uintptr_t route = (uintptr_t)request->route;
    CHECK(body != NULL && size > 0);
    free(request);
    if (__atomic_fetch_add(&fed->next[route % FEEDERS], 1, __ATOMIC_ACQ_REL) != route / FEEDERS)
        fed->order_kept = false;
    __atomic_fetch_add(&fed->replied, 1, __ATOMIC_SEQ_CST);
}

static void count_drop(struct gateway *gateway, struct request *request)
{
    (void)gateway;
    (void)request;
    FAIL("a request was dropped");
}

static void submit(struct fed *fed, uintptr_t route)
{
    struct request *request = malloc(sizeof *request);
    *request = (struct request){
        .gateway = &fed->gateway, .body = fed->body.data, .size = fed->body.len, .route = (void *)route};
    executor_wait_for_room(&fed->executor);
    executor_submit(&fed->executor, request);
    executor_ring(&fed->executor);
}

struct feeder {
    struct fed *fed;
    uintptr_t number;
    pthread_t thread;
};

static void *feed(void *arg)
{
    struct feeder *feeder = arg;
    for (uintptr_t i = 0; i < EACH; i++) submit(feeder->fed, i * FEEDERS + feeder->number);
    return NULL;
}

static void start(struct fed *fed, struct managed *m)
{
    managed_start(m);
    *fed = (struct fed){.gateway = {.reply = count_reply, .drop = count_drop}, .order_kept = true};
    coopi_writer_init(&fed->body, COOPI_WIRE_MAX);
    m->head.sequence = 1;
    managed_write(m, "ping", coop_nil(), ARGS(coop_int(1)));
    coopi_write_raw(&fed->body, m->request.data, m->request.len);
    CHECK_OK(coopi_writer_status(&fed->body));
    CHECK_OK(executor_start(&fed->executor, &m->commands));
}

static void stop(struct fed *fed, struct managed *m)
{
    executor_stop(&fed->executor);
    coopi_writer_free(&fed->body);
    managed_stop(m);
}

static void executor_runs_all_in_the_order_of_each_gateway(void)
{
    static struct fed fed;
    static struct managed m;
    struct feeder feeders[FEEDERS];
    start(&fed, &m);
    for (uintptr_t i = 0; i < FEEDERS; i++) {
        feeders[i] = (struct feeder){.fed = &fed, .number = i};
        CHECK_EQ(pthread_create(&feeders[i].thread, NULL, feed, &feeders[i]), 0);
    }
    for (int i = 0; i < FEEDERS; i++) pthread_join(feeders[i].thread, NULL);
    stop(&fed, &m);
    CHECK_EQ(fed.replied, FEEDERS * EACH);
    CHECK(fed.order_kept);
}

/* The executor is asleep, or about to be, whenever a request comes. */
static void sleeping_executor_is_woken_by_each_request(void)
{
    static struct fed fed;
    static struct managed m;
    start(&fed, &m);
    for (unsigned i = 0; i < 20000u / (unsigned)test_slowness(); i++) {
        submit(&fed, (uintptr_t)i * FEEDERS);
        while (__atomic_load_n(&fed.replied, __ATOMIC_ACQUIRE) <= i) sched_yield();
    }
    stop(&fed, &m);
    CHECK(fed.order_kept);
}

static void ring_between_look_and_sleep_is_not_lost(void)
{
    static struct doorbell bell;
    for (int i = 0; i < 3; i++) {
        uint32_t seen = doorbell_read(&bell);
        doorbell_ring(&bell);
        doorbell_sleep(&bell, seen); /* returns at once */
        CHECK(doorbell_read(&bell) != seen);
    }
}

static void stopping_runs_what_was_submitted(void)
{
    static struct fed fed;
    static struct managed m;
    start(&fed, &m);
    for (uintptr_t i = 0; i < 500; i++) submit(&fed, i * FEEDERS);
    stop(&fed, &m);
    CHECK_EQ(fed.replied, 500);
}

static void inbox_is_bounded(void)
{
    static struct queue queue;
    static struct request requests[QUEUE_MAX_COUNT];
    queue_init(&queue);
    for (unsigned i = 0; i < QUEUE_MAX_COUNT; i++) {
        CHECK(queue_has_room(&queue));
        requests[i].size = 1;
        queue_put(&queue, &requests[i]);
    }
    CHECK(!queue_has_room(&queue));
    CHECK(queue_take(&queue) == &requests[0]);
    CHECK(!queue_has_room(&queue));
    queue_release(&queue, QUEUE_MAX_COUNT, QUEUE_MAX_COUNT);
    CHECK(queue_has_room(&queue));
    requests[0].size = QUEUE_MAX_BYTES;
    queue_put(&queue, &requests[0]);
    CHECK(!queue_has_room(&queue));
    queue_destroy(&queue);
}

TESTS(manager_executor, TEST(executor_runs_all_in_the_order_of_each_gateway),
      TEST(sleeping_executor_is_woken_by_each_request), TEST(ring_between_look_and_sleep_is_not_lost),
      TEST(stopping_runs_what_was_submitted), TEST(inbox_is_bounded))
