/* SPDX-License-Identifier: MIT */
/* Transferable locks: any thread releases, and a dead holder is told all the same. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/lock.h>
#include <pthread.h>
#include <stdio.h>

static coop_lock *lock;
static uint32_t *step;

static void set_up(void)
{
    CHECK_OK(coop_lock_open(NULL, COOP_CREATE | COOP_TRANSFERABLE, &lock));
    step = test_shared(sizeof *step);
}

static void another_process_may_release(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_lock_release(lock));
    }
    child_must(pid);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
}

static void acquiring_twice_waits_for_another_to_release(void)
{
    set_up();
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_lock_acquire(lock, COOP_MS(20)), -ETIMEDOUT);
    pid_t pid;
    CHILD(pid) {
        test_sleep_ms(30);
        CHECK_OK(coop_lock_release(lock));
    }
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    child_must(pid);
    CHECK_OK(coop_lock_release(lock));
}

static void releasing_a_free_one_is_refused(void)
{
    set_up();
    CHECK_ERR(coop_lock_release(lock), -EPERM);
    CHECK_DETAIL("no living thread holds it");
}

static void a_dead_holder_is_told(void)
{
    set_up();
    pid_t holder, sleeper;
    CHILD(holder) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHILD(sleeper) {
        CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
        coop_lock_holder died;
        CHECK_OK(coop_lock_last_death(lock, &died));
        CHECK_EQ(died.pid, holder);
        CHECK_OK(coop_lock_release(lock));
    }
    test_sleep_ms(30);
    child_kill(holder);
    child_must(sleeper);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
}

static void a_dead_holders_lock_cannot_be_released_unseen(void)
{
    set_up();
    pid_t holder;
    CHILD(holder) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    child_kill(holder);
    CHECK_ERR(coop_lock_release(lock), -EPERM);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
}

static void *take_and_end(void *argument)
{
    (void)argument;
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    return NULL;
}

static void a_thread_that_ends_holding_counts_as_dead(void)
{
    set_up();
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, take_and_end, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_S(2)));
    CHECK_OK(coop_lock_release(lock));
}

enum { ROUNDS = 20000 };

static void it_excludes(void)
{
    set_up();
    uint64_t *sum = test_shared(sizeof *sum);
    pid_t pids[3];
    for (int i = 0; i < 3; i++) {
        CHILD(pids[i]) {
            for (int k = 0; k < ROUNDS; k++) {
                CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
                uint64_t seen = coopi_load_relaxed(sum);
                coopi_store_relaxed(sum, seen + 1);
                CHECK_OK(coop_lock_release(lock));
            }
        }
    }
    for (int i = 0; i < 3; i++) child_must(pids[i]);
    CHECK_EQ(*sum, 3 * ROUNDS);
}

static void the_kind_is_decided_when_it_is_made(void)
{
    char path[80];
    const char *name = test_name("kind");
    snprintf(path, sizeof path, "%s/plain", name);
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    coop_lock *again;
    CHECK_OK(coop_lock_open(path, COOP_CREATE | COOP_TRANSFERABLE, &again));
    CHECK_ERR(coop_lock_acquire(again, COOP_NOWAIT), -EDEADLK);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(again);
    coop_lock_close(lock);
    CHECK_OK(coop_segment_remove(name, 0));
}

TESTS(transfer, TEST(another_process_may_release), TEST(acquiring_twice_waits_for_another_to_release),
      TEST(releasing_a_free_one_is_refused), TEST(a_dead_holder_is_told),
      TEST(a_dead_holders_lock_cannot_be_released_unseen), TEST(a_thread_that_ends_holding_counts_as_dead),
      TEST(it_excludes), TEST(the_kind_is_decided_when_it_is_made))
