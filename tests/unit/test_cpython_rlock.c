/* SPDX-License-Identifier: MIT */
/* CPython 3.11's own tests of RLock (test.lock_tests, test._test_multiprocessing), the same steps: what Lock does not
 * have (test_cpython_locks.c). */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/condition.h>
#include <coop/lock.h>
#include <pthread.h>

static coop_rlock *lock;
static uint32_t phase;

static void set_up(void)
{
    CHECK_OK(coop_rlock_new(&lock));
}

static void start(pthread_t *thread, void *(*run)(void *))
{
    CHECK_EQ(pthread_create(thread, NULL, run, NULL), 0);
}

static void join(pthread_t thread)
{
    CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void down_and_up(void)
{
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_OK(coop_rlock_release(lock));
}

static void reacquire(void)
{
    set_up();
    down_and_up();
    CHECK_EQ(coop_rlock_locked(lock), 0);
    coop_rlock_close(lock);
}

static void release_unacquired(void)
{
    set_up();
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    down_and_up();
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    coop_rlock_close(lock);
}

/* Releasing it whole is what a condition's wait does. */
static void release_save_unacquired(void)
{
    coop_condition *cond;
    set_up();
    CHECK_OK(coop_condition_new_on(lock, 0, &cond));
    CHECK_ERR(coop_condition_wait(cond, COOP_NOWAIT), -EPERM);
    down_and_up();
    CHECK_ERR(coop_condition_wait(cond, COOP_NOWAIT), -EPERM);
    coop_condition_close(cond);
    coop_rlock_close(lock);
}

static void *hold_until_phase_two(void *argument)
{
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    coopi_store_release(&phase, 1);
    CHECK_SOON(coopi_load_acquire(&phase) == 2);
    CHECK_OK(coop_rlock_release(lock));
    coopi_store_release(&phase, 3);
    return argument;
}

static void check_depth_beside_a_holder(void)
{
    pthread_t thread;
    start(&thread, hold_until_phase_two);
    CHECK_SOON(coopi_load_acquire(&phase) == 1);
    CHECK_EQ(coop_rlock_depth(lock), 0u);
    coopi_store_release(&phase, 2);
    CHECK_SOON(coopi_load_acquire(&phase) == 3);
    CHECK_EQ(coop_rlock_depth(lock), 0u);
    join(thread);
}

static void recursion_count(void)
{
    set_up();
    CHECK_EQ(coop_rlock_depth(lock), 0u);
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rlock_depth(lock), 1u);
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_EQ(coop_rlock_depth(lock), 3u);
    CHECK_OK(coop_rlock_release(lock));
    CHECK_EQ(coop_rlock_depth(lock), 2u);
    CHECK_OK(coop_rlock_release(lock));
    CHECK_OK(coop_rlock_release(lock));
    CHECK_EQ(coop_rlock_depth(lock), 0u);
    check_depth_beside_a_holder();
    coop_rlock_close(lock);
}

static void *acquire_and_stay(void *argument)
{
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    coopi_store_release(&phase, 1);
    CHECK_SOON(coopi_load_acquire(&phase) == 2);
    return argument;
}

/* The thread ends while it holds it, which nobody is told in Python. */
static void different_thread(void)
{
    pthread_t thread;
    set_up();
    start(&thread, acquire_and_stay);
    CHECK_SOON(coopi_load_acquire(&phase) == 1);
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    coopi_store_release(&phase, 2);
    join(thread);
    CHECK_OWNER_DIED(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rlock_release(lock));
    coop_rlock_close(lock);
}

static void *see_that_it_is_not_owned(void *argument)
{
    CHECK_EQ(coop_rlock_depth(lock), 0u);
    return argument;
}

static void is_owned(void)
{
    pthread_t thread;
    set_up();
    CHECK(!coop_rlock_depth(lock));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK(coop_rlock_depth(lock));
    CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    CHECK(coop_rlock_depth(lock));
    start(&thread, see_that_it_is_not_owned);
    join(thread);
    CHECK_OK(coop_rlock_release(lock));
    CHECK(coop_rlock_depth(lock));
    CHECK_OK(coop_rlock_release(lock));
    CHECK(!coop_rlock_depth(lock));
    coop_rlock_close(lock);
}

/* _TestLock */

static void multiprocessing_rlock(void)
{
    set_up();
    for (int i = 0; i < 3; i++) CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
    for (int i = 0; i < 3; i++) CHECK_OK(coop_rlock_release(lock));
    CHECK_ERR(coop_rlock_release(lock), -EPERM);
    coop_rlock_close(lock);
}

TESTS(cpython_rlock, TEST(reacquire), TEST(release_unacquired), TEST(release_save_unacquired), TEST(recursion_count),
      TEST(different_thread), TEST(is_owned), TEST(multiprocessing_rlock))
