/* SPDX-License-Identifier: MIT */
/* CPython 3.11's own tests of Event (test.lock_tests, test._test_multiprocessing): the same steps. */
#include "base/atomic.h"
#include "unit/meeting.h"

#include <coop/event.h>
#include <pthread.h>

#define N 5

static coop_event *event;
static uint32_t *count;

static void set_up(void)
{
    CHECK_OK(coop_event_new(&event));
    count = test_shared(4 * sizeof *count);
}

static void run_bunch(void *(*run)(void *), pthread_t *threads)
{
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_create(&threads[i], NULL, run, NULL), 0);
}

static void join_bunch(const pthread_t *threads)
{
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void is_set(void)
{
    set_up();
    CHECK(!coop_event_is_set(event));
    coop_event_set(event);
    CHECK(coop_event_is_set(event));
    coop_event_set(event);
    CHECK(coop_event_is_set(event));
    coop_event_clear(event);
    CHECK(!coop_event_is_set(event));
    coop_event_clear(event);
    CHECK(!coop_event_is_set(event));
}

static void *wait_twice(void *argument)
{
    coopi_fetch_add(&count[0], 1);
    CHECK_OK(coop_event_wait(event, COOP_FOREVER));
    coopi_fetch_add(&count[1], 1);
    CHECK_OK(coop_event_wait(event, COOP_FOREVER));
    coopi_fetch_add(&count[2], 1);
    return argument;
}

static void check_notify(void)
{
    pthread_t threads[N];
    for (int i = 0; i < 3; i++) coopi_store_release(&count[i], 0);
    run_bunch(wait_twice, threads);
    CHECK_SOON(coopi_load_acquire(&count[0]) == N);
    test_sleep_ms(10);
    CHECK_EQ(coopi_load_acquire(&count[1]), 0u);
    coop_event_set(event);
    join_bunch(threads);
    CHECK_EQ(coopi_load_acquire(&count[1]), N);
    CHECK_EQ(coopi_load_acquire(&count[2]), N);
}

static void notify(void)
{
    set_up();
    check_notify();
    coop_event_set(event);
    coop_event_clear(event);
    check_notify();
}

static void *wait_half_a_second(void *argument)
{
    CHECK_ERR(coop_event_wait(event, COOP_NOWAIT), -EBUSY);
    int64_t begin = test_now();
    CHECK_ERR(coop_event_wait(event, COOP_MS(500)), -ETIMEDOUT);
    CHECK(test_now() - begin >= COOP_MS(500));
    return argument;
}

static void *wait_no_time(void *argument)
{
    CHECK_OK(coop_event_wait(event, COOP_NOWAIT));
    CHECK_OK(coop_event_wait(event, COOP_MS(500)));
    return argument;
}

static void timeout(void)
{
    pthread_t threads[N];
    set_up();
    run_bunch(wait_half_a_second, threads);
    join_bunch(threads);
    coop_event_set(event);
    run_bunch(wait_no_time, threads);
    join_bunch(threads);
}

static void *wait_once(void *argument)
{
    coopi_fetch_add(&count[0], 1);
    CHECK_OK(coop_event_wait(event, COOP_S(20)));
    coopi_fetch_add(&count[1], 1);
    return argument;
}

static void set_and_clear(void)
{
    pthread_t threads[N];
    set_up();
    run_bunch(wait_once, threads);
    CHECK_SOON(coopi_load_acquire(&count[0]) == N);
    test_sleep_ms(50);
    coop_event_set(event);
    coop_event_clear(event);
    join_bunch(threads);
    CHECK_EQ(coopi_load_acquire(&count[1]), N);
}

/* A child forked in the midst of another thread's wait finds nothing locked. */
static void at_fork_reinit(void)
{
    pthread_t threads[N];
    set_up();
    run_bunch(wait_once, threads);
    CHECK_SOON(coopi_load_acquire(&count[0]) == N);
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_event_wait(event, COOP_MS(10)), -ETIMEDOUT);
        coop_event_set(event);
        CHECK_OK(coop_event_wait(event, COOP_NOWAIT));
    }
    child_must(pid);
    join_bunch(threads);
}

/* What repr() shows: unset, set; and the path that it would name. */
static void repr(void)
{
    set_up();
    CHECK_EQ(coop_event_is_set(event), 0);
    CHECK_EQ(coop_event_times(event), 0u);
    CHECK(coop_event_path(event) == NULL);
    coop_event_set(event);
    CHECK_EQ(coop_event_is_set(event), 1);
    CHECK_EQ(coop_event_times(event), 1u);
    coop_event_clear(event);
    CHECK_EQ(coop_event_is_set(event), 0);
}

static void between_processes(void)
{
    set_up();
    CHECK_EQ(coop_event_is_set(event), 0);
    CHECK_ERR(coop_event_wait(event, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_event_wait(event, COOP_MS(100)), -ETIMEDOUT);
    coop_event_set(event);
    CHECK_EQ(coop_event_is_set(event), 1);
    CHECK_OK(coop_event_wait(event, COOP_FOREVER));
    CHECK_OK(coop_event_wait(event, COOP_MS(100)));
    coop_event_clear(event);
    pid_t pid;
    CHILD(pid) {
        test_sleep_ms(100);
        coop_event_set(event);
    }
    CHECK_OK(coop_event_wait(event, COOP_FOREVER));
    child_must(pid);
}

TESTS(cpython_event, TEST(is_set), TEST(notify), TEST(timeout), TEST(set_and_clear), TEST(at_fork_reinit), TEST(repr),
      TEST(between_processes))
