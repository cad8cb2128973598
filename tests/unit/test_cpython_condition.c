/* SPDX-License-Identifier: MIT */
/* CPython's cases for Condition (test.lock_tests, test._test_multiprocessing), step for step. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/condition.h>
#include <coop/semaphore.h>
#include <coop/value.h>
#include <pthread.h>
#include <signal.h>

#define DELTA 30 /* ms: nobody should come meanwhile */

static coop_condition *cond;
static coop_semaphore *sleeping, *woken;

static void set_up(void)
{
    CHECK_OK(coop_condition_new(0, &cond));
    CHECK_OK(coop_semaphore_new(0, COOP_COUNTING, &sleeping));
    CHECK_OK(coop_semaphore_new(0, COOP_COUNTING, &woken));
}

static void acquire(void)
{
    CHECK_OK(coop_condition_acquire(cond, COOP_S(20)));
}

static void release(void)
{
    CHECK_OK(coop_condition_release(cond));
}

static void notify(uint32_t n)
{
    acquire();
    CHECK_OK(coop_condition_notify(cond, n));
    release();
}

/* test.lock_tests ConditionTests */

static void acquires(void)
{
    coop_lock *lock;
    set_up();
    acquire();
    acquire();
    release();
    release();
    coop_condition_close(cond);
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_condition_new_on(lock, 0, &cond));
    acquire();
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EDEADLK);
    release();
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_ERR(coop_condition_acquire(cond, COOP_NOWAIT), -EDEADLK);
    CHECK_OK(coop_lock_release(lock));
    acquire();
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EDEADLK);
    release();
}

static void unacquired_wait(void)
{
    set_up();
    CHECK_ERR(coop_condition_wait(cond, COOP_FOREVER), -EPERM);
}

static void unacquired_notify(void)
{
    set_up();
    CHECK_ERR(coop_condition_notify(cond, 1), -EPERM);
}

enum { N = 5 };
static uint32_t phase, ready;
static uint32_t results[2][4]; /* first and second waits that ended in each phase */

static void *wait_twice(void *argument)
{
    for (int i = 0; i < 2; i++) {
        acquire();
        coopi_fetch_add(&ready, 1);
        CHECK_OK(coop_condition_wait(cond, COOP_FOREVER));
        uint32_t now = coopi_load_acquire(&phase);
        release();
        coopi_fetch_add(&results[i][now], 1);
    }
    return argument;
}

static uint32_t count(int i)
{
    uint32_t sum = 0;
    for (int k = 0; k < 4; k++) sum += coopi_load_acquire(&results[i][k]);
    return sum;
}

static void notify_in_phase(uint32_t next, uint32_t n)
{
    acquire();
    CHECK_OK(coop_condition_notify(cond, n));
    test_sleep_ms(DELTA);
    coopi_store_release(&phase, next);
    release();
}

static void notifies_once(void)
{
    pthread_t threads[N];
    phase = ready = 0;
    for (int i = 0; i < 8; i++) results[i / 4][i % 4] = 0;
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_create(&threads[i], NULL, wait_twice, NULL), 0);
    CHECK_SOON(coop_condition_waiters(cond) == N);
    coopi_store_release(&ready, 0);
    CHECK_EQ(count(0), 0u);
    notify_in_phase(1, 3);
    CHECK_SOON(count(0) == 3);
    CHECK_EQ(results[0][1], 3u);
    CHECK_EQ(count(1), 0u);
    CHECK_SOON(coop_condition_waiters(cond) == N);
    notify_in_phase(2, 5);
    CHECK_SOON(count(0) + count(1) == N + 3);
    CHECK_EQ(results[0][1], 3u);
    CHECK_EQ(results[0][2], 2u);
    CHECK_EQ(results[1][2], 3u);
    CHECK_SOON(coop_condition_waiters(cond) == 2);
    notify_in_phase(3, UINT32_MAX);
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(results[1][2], 3u);
    CHECK_EQ(results[1][3], 2u);
}

static void notifies(void)
{
    set_up();
    notifies_once();
    notifies_once();
}

static void *time_out(void *argument)
{
    acquire();
    int64_t begin = test_now();
    CHECK_ERR(coop_condition_wait(cond, COOP_MS(100)), -ETIMEDOUT);
    int64_t took = test_now() - begin;
    release();
    CHECK(took >= COOP_MS(100) && took < COOP_S(3) * test_slowness());
    return argument;
}

static void times_out(void)
{
    pthread_t threads[N];
    set_up();
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_create(&threads[i], NULL, time_out, NULL), 0);
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static int is_four(void *user)
{
    return coopi_load_acquire((const uint32_t *)user) == 4;
}

static int is_zero(void *user)
{
    return coopi_load_acquire((const uint32_t *)user) == 0;
}

static void *wait_for_four(void *state)
{
    acquire();
    CHECK_OK(coop_condition_wait_for(cond, is_four, state, COOP_FOREVER));
    CHECK_EQ(*(uint32_t *)state, 4u);
    release();
    return NULL;
}

static void raise_and_notify(uint32_t *state, int times)
{
    for (int i = 0; i < times; i++) {
        test_sleep_ms(10);
        acquire();
        coopi_store_release(state, *state + 1);
        CHECK_OK(coop_condition_notify(cond, 1));
        release();
    }
}

static void waits_for(void)
{
    pthread_t thread;
    uint32_t state = 0;
    set_up();
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_four, &state), 0);
    raise_and_notify(&state, 4);
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void *wait_for_four_in_vain(void *state)
{
    acquire();
    int64_t begin = test_now();
    CHECK_ERR(coop_condition_wait_for(cond, is_four, state, COOP_MS(100)), -ETIMEDOUT);
    int64_t took = test_now() - begin;
    CHECK(took >= COOP_MS(100) && took < COOP_S(3) * test_slowness());
    release();
    return state;
}

static void waits_for_until_its_time_limit(void)
{
    pthread_t thread;
    void *result;
    uint32_t state = 0;
    set_up();
    CHECK_EQ(pthread_create(&thread, NULL, wait_for_four_in_vain, &state), 0);
    raise_and_notify(&state, 3);
    CHECK_EQ(pthread_join(thread, &result), 0);
    CHECK(result == &state);
}

/* test._test_multiprocessing _TestCondition */

static int64_t wait_timeout = COOP_FOREVER;

static void *sleep_and_wake(void *argument)
{
    acquire();
    CHECK_OK(coop_semaphore_release(sleeping));
    CHECK_ERR(coop_condition_wait(cond, wait_timeout), wait_timeout < 0 ? 0 : -ETIMEDOUT);
    CHECK_OK(coop_semaphore_release(woken));
    release();
    return argument;
}

struct sleepers {
    pid_t pids[3];
    pthread_t threads[3];
    int each;
};

/* As many processes as threads; returns when all have the lock given up. */
static struct sleepers start_sleepers(int each, int64_t timeout)
{
    struct sleepers s = {.each = each};
    wait_timeout = timeout;
    for (int i = 0; i < each; i++) {
        CHILD(s.pids[i]) {
            sleep_and_wake(NULL);
        }
        CHECK_EQ(pthread_create(&s.threads[i], NULL, sleep_and_wake, NULL), 0);
    }
    for (int i = 0; i < 2 * each; i++) CHECK_OK(coop_semaphore_acquire(sleeping, COOP_S(20)));
    return s;
}

static void join(const struct sleepers *s)
{
    for (int i = 0; i < s->each; i++) {
        child_must(s->pids[i]);
        CHECK_EQ(pthread_join(s->threads[i], NULL), 0);
    }
    CHECK_EQ(coop_condition_waiters(cond), 0);
}

static void nobody_more_than(int n)
{
    test_sleep_ms(DELTA);
    CHECK_EQ(coop_semaphore_value(woken), n);
}

static void notifies_a_process_and_a_thread(void)
{
    set_up();
    struct sleepers s = start_sleepers(1, COOP_FOREVER);
    nobody_more_than(0);
    notify(1);
    CHECK_SOON(coop_semaphore_value(woken) == 1);
    nobody_more_than(1);
    notify(1);
    CHECK_SOON(coop_semaphore_value(woken) == 2);
    join(&s);
}

static void notifies_all_processes_and_threads(void)
{
    set_up();
    struct sleepers s = start_sleepers(3, COOP_MS(82));
    for (int i = 0; i < 6; i++) CHECK_OK(coop_semaphore_acquire(woken, COOP_S(20)));
    CHECK_EQ(coop_semaphore_value(woken), 0);
    join(&s);
    s = start_sleepers(3, COOP_FOREVER);
    nobody_more_than(0);
    acquire();
    CHECK_OK(coop_condition_notify_all(cond));
    release();
    CHECK_SOON(coop_semaphore_value(woken) == 6);
    join(&s);
}

static void notifies_n_processes_and_threads(void)
{
    set_up();
    struct sleepers s = start_sleepers(3, COOP_FOREVER);
    nobody_more_than(0);
    notify(2);
    CHECK_SOON(coop_semaphore_value(woken) == 2);
    nobody_more_than(2);
    notify(4);
    CHECK_SOON(coop_semaphore_value(woken) == 6);
    notify(3);
    nobody_more_than(6);
    join(&s);
}

static void a_process_times_out(void)
{
    set_up();
    acquire();
    int64_t begin = test_now();
    CHECK_ERR(coop_condition_wait(cond, COOP_MS(82)), -ETIMEDOUT);
    release();
    int64_t took = test_now() - begin;
    CHECK(took >= COOP_MS(82) && took < COOP_S(3) * test_slowness());
}

static void a_process_waits_for(void)
{
    set_up();
    uint32_t *state = test_shared(sizeof *state);
    coopi_store_release(state, UINT32_MAX);
    pid_t pid;
    CHILD(pid) {
        acquire();
        coopi_store_release(state, 0);
        CHECK_OK(coop_condition_notify(cond, 1));
        CHECK_OK(coop_condition_wait_for(cond, is_four, state, COOP_FOREVER));
        CHECK_EQ(*state, 4u);
        release();
    }
    acquire();
    CHECK_OK(coop_condition_wait_for(cond, is_zero, state, COOP_FOREVER));
    CHECK_EQ(*state, 0u);
    release();
    raise_and_notify(state, 4);
    child_must(pid);
}

static void a_process_waits_for_until_its_time_limit(void)
{
    set_up();
    uint32_t *state = test_shared(2 * sizeof *state);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_semaphore_release(sleeping));
        wait_for_four_in_vain(state);
        coopi_store_release(&state[1], 1);
    }
    CHECK_OK(coop_semaphore_acquire(sleeping, COOP_S(20)));
    raise_and_notify(state, 3);
    child_must(pid);
    CHECK_EQ(state[1], 1u);
}

static void on_interrupt(int number)
{
    (void)number;
}

static void wait_result(void)
{
    CHECK_OK(coop_condition_new(COOP_INTR, &cond));
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    pid_t us = getpid(), pid;
    acquire();
    CHECK_ERR(coop_condition_wait(cond, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_condition_wait(cond, COOP_MS(50)), -ETIMEDOUT);
    CHILD(pid) {
        notify(1);
        test_sleep_ms(200);
        kill(us, SIGINT);
    }
    CHECK_OK(coop_condition_wait(cond, COOP_S(60)));
    CHECK_ERR(coop_condition_wait(cond, COOP_S(60)), -EINTR);
    release();
    child_must(pid);
}

TESTS(cpython_condition, TEST(acquires), TEST(unacquired_wait), TEST(unacquired_notify), TEST(notifies),
      TEST(times_out), TEST(waits_for), TEST(waits_for_until_its_time_limit), TEST(notifies_a_process_and_a_thread),
      TEST(notifies_all_processes_and_threads), TEST(notifies_n_processes_and_threads), TEST(a_process_times_out),
      TEST(a_process_waits_for), TEST(a_process_waits_for_until_its_time_limit), TEST(wait_result))
