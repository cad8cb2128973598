/* SPDX-License-Identifier: MIT */
/* CPython 3.11's own tests of Lock, and those that RLock shares (test.lock_tests, test._test_multiprocessing): the same
 * steps. RLock's own are in test_cpython_rlock.c.
 *
 * What both have in common runs on the Lock with a checked owner, on the transferable one, and on the RLock. Where a
 * case releases from another thread, or acquires what its thread holds, it is about the transferable one. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/lock.h>
#include <pthread.h>

enum { N = 5, MOST = 15, ROWS = 4095 /* threads that a segment knows at a time */ };

static coop_lock *lock;
static coop_rlock *rlock; /* or this one */
static uint32_t finished, phase;

static void set_up_lock(int flags)
{
    rlock = NULL;
    CHECK_OK(coop_lock_open(NULL, COOP_CREATE | flags, &lock));
}

static void set_up_rlock(void)
{
    CHECK_OK(coop_rlock_new(&rlock));
}

static void close_it(void)
{
    if (rlock)
        coop_rlock_close(rlock);
    else
        coop_lock_close(lock);
}

static int acquire(int64_t timeout)
{
    return rlock ? coop_rlock_acquire(rlock, timeout) : coop_lock_acquire(lock, timeout);
}

static int release(void)
{
    return rlock ? coop_rlock_release(rlock) : coop_lock_release(lock);
}

static int locked(void)
{
    return rlock ? coop_rlock_locked(rlock) : coop_lock_locked(lock);
}

static void check_is_free(void)
{
    CHECK_EQ(locked(), 0);
    CHECK_OK(acquire(COOP_NOWAIT));
    CHECK_OK(release());
}

/* A bunch of threads that run the same. */

static void start_bunch(int n, void *(*run)(void *), pthread_t *threads)
{
    coopi_store_release(&finished, 0);
    for (int i = 0; i < n; i++) CHECK_EQ(pthread_create(&threads[i], NULL, run, NULL), 0);
}

static void join_bunch(int n, const pthread_t *threads)
{
    for (int i = 0; i < n; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(coopi_load_acquire(&finished), (uint32_t)n);
}

static void run_bunch(int n, void *(*run)(void *))
{
    pthread_t threads[MOST];
    start_bunch(n, run, threads);
    join_bunch(n, threads);
}

static void *acquire_and_release(void *argument)
{
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_OK(release());
    coopi_fetch_add(&finished, 1);
    return argument;
}

/* BaseLockTests */

static void constructor(void)
{
    CHECK(rlock ? coop_rlock_path(rlock) == NULL : coop_lock_path(lock) == NULL);
    close_it();
}

static int owner(coop_lock_holder *ret_holder)
{
    return rlock ? coop_rlock_owner(rlock, ret_holder) : coop_lock_owner(lock, ret_holder);
}

/* What repr() shows: unlocked, locked; and by whom. */
static void repr(void)
{
    coop_lock_holder holder;
    CHECK_EQ(locked(), 0);
    CHECK_ERR(owner(&holder), -ENOENT);
    CHECK_DETAIL("nobody holds it");
    close_it();
}

static void locked_repr(void)
{
    coop_lock_holder holder;
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_EQ(locked(), 1);
    CHECK_OK(owner(&holder));
    CHECK_EQ(holder.pid, getpid());
    CHECK_EQ(holder.tid, gettid());
    CHECK_OK(release());
    close_it();
}

static void acquire_destroy(void)
{
    CHECK_OK(acquire(COOP_FOREVER));
    close_it();
}

static void acquire_release(void)
{
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_OK(release());
    CHECK_EQ(locked(), 0);
    close_it();
}

static void try_acquire(void)
{
    CHECK_OK(acquire(COOP_NOWAIT));
    CHECK_EQ(locked(), 1);
    CHECK_OK(release());
    close_it();
}

static void *try_in_vain(void *argument)
{
    CHECK_ERR(acquire(COOP_NOWAIT), -EBUSY);
    coopi_fetch_add(&finished, 1);
    return argument;
}

static void try_acquire_contended(void)
{
    CHECK_OK(acquire(COOP_FOREVER));
    run_bunch(1, try_in_vain);
    CHECK_OK(release());
    close_it();
}

static void acquire_contended(void)
{
    pthread_t threads[N];
    CHECK_OK(acquire(COOP_FOREVER));
    start_bunch(N, acquire_and_release, threads);
    test_sleep_ms(10 * N);
    CHECK_EQ(coopi_load_acquire(&finished), 0u);
    CHECK_OK(release());
    join_bunch(N, threads);
    check_is_free();
    close_it();
}

/* Leaves its block by the end or, where Python raises, by a return. */
static int hold(int error)
{
    int held;
    if (rlock) {
        COOP_WITH_LOCK(rlock, COOP_FOREVER, held) {
            CHECK_EQ(locked(), 1);
            if (error) return error;
        }
    } else {
        COOP_WITH_LOCK(lock, COOP_FOREVER, held) {
            CHECK_EQ(locked(), 1);
            if (error) return error;
        }
    }
    return held;
}

static void with(void)
{
    CHECK_OK(hold(0));
    run_bunch(1, acquire_and_release);
    CHECK_EQ(hold(-EPROTO), -EPROTO);
    run_bunch(1, acquire_and_release);
    close_it();
}

/* More threads than a segment has rows for: none leaves its row behind. */
static void thread_leak(void)
{
    for (int i = 0; i < ROWS / MOST + 5; i++) run_bunch(MOST, acquire_and_release);
    check_is_free();
    close_it();
}

static void *wait_half_a_second(void *argument)
{
    int64_t begin = test_now();
    CHECK_ERR(acquire(COOP_MS(500)), -ETIMEDOUT);
    int64_t took = test_now() - begin;
    CHECK(took >= COOP_MS(500) && took < COOP_S(5) * test_slowness());
    coopi_fetch_add(&finished, 1);
    return argument;
}

/* A time-out that is no number, or too large, does not compile; a negative one is COOP_FOREVER. */
static void timeout(void)
{
    CHECK_OK(acquire(INT64_MAX));
    CHECK_OK(release());
    int64_t begin = test_now();
    CHECK_OK(acquire(COOP_S(5)));
    CHECK(test_now() - begin < COOP_S(5));
    run_bunch(1, wait_half_a_second);
    CHECK_OK(release());
    check_is_free();
    close_it();
}

#define EACH(case)                                                                                                     \
    static void lock_##case (void)                                                                                     \
    {                                                                                                                  \
        set_up_lock(0);                                                                                                \
        case();                                                                                                        \
        set_up_lock(COOP_TRANSFERABLE);                                                                                \
        case();                                                                                                        \
    }                                                                                                                  \
    static void rlock_##case (void)                                                                                    \
    {                                                                                                                  \
        set_up_rlock();                                                                                                \
        case();                                                                                                        \
    }
EACH(constructor)
EACH(repr)
EACH(locked_repr)
EACH(acquire_destroy)
EACH(acquire_release)
EACH(try_acquire)
EACH(try_acquire_contended)
EACH(acquire_contended)
EACH(with)
EACH(thread_leak)
EACH(timeout)

/* LockTests */

static void *acquire_twice(void *argument)
{
    CHECK_OK(acquire(COOP_FOREVER));
    coopi_store_release(&phase, 1);
    CHECK_OK(acquire(COOP_FOREVER));
    coopi_store_release(&phase, 2);
    CHECK_OK(release());
    coopi_fetch_add(&finished, 1);
    return argument;
}

static void lock_reacquire(void)
{
    pthread_t thread;
    set_up_lock(COOP_TRANSFERABLE);
    start_bunch(1, acquire_twice, &thread);
    CHECK_SOON(coopi_load_acquire(&phase) == 1);
    test_sleep_ms(10);
    CHECK_EQ(coopi_load_acquire(&phase), 1u);
    CHECK_OK(release());
    CHECK_SOON(coopi_load_acquire(&phase) == 2);
    join_bunch(1, &thread);
    close_it();
}

static void *only_release(void *argument)
{
    CHECK_OK(release());
    coopi_fetch_add(&finished, 1);
    return argument;
}

static void lock_different_thread(void)
{
    set_up_lock(COOP_TRANSFERABLE);
    CHECK_OK(acquire(COOP_FOREVER));
    run_bunch(1, only_release);
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_OK(release());
    close_it();
}

static void lock_state_after_timeout(void)
{
    set_up_lock(COOP_TRANSFERABLE);
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_ERR(acquire(COOP_MS(10)), -ETIMEDOUT);
    CHECK_OK(release());
    CHECK_EQ(locked(), 0);
    CHECK_OK(acquire(COOP_NOWAIT));
    CHECK_OK(release());
    close_it();
}

/* A child finds a free lock free, and holds nothing of what its parent holds. What was held by who is no more works
 * again, as Python's does for the threads that a fork leaves behind. */
static void check_after_fork(bool mine)
{
    pid_t pid;
    CHILD(pid) {
        check_is_free();
    }
    child_must(pid);
    CHECK_OK(acquire(COOP_FOREVER));
    CHILD(pid) {
        CHECK_ERR(acquire(COOP_NOWAIT), -EBUSY);
        if (mine) CHECK_ERR(release(), -EPERM);
        CHECK_ERR(acquire(COOP_MS(10)), -ETIMEDOUT);
    }
    child_must(pid);
    CHECK_OK(release());
    CHILD(pid) {
        CHECK_OK(acquire(COOP_FOREVER));
    }
    child_must(pid);
    CHILD(pid) {
        CHECK_OWNER_DIED(acquire(COOP_FOREVER));
        CHECK_OK(release());
        check_is_free();
    }
    child_must(pid);
    close_it();
}

static void lock_at_fork_reinit(void)
{
    set_up_lock(0);
    check_after_fork(true);
    set_up_lock(COOP_TRANSFERABLE);
    check_after_fork(false);
}

/* _TestLock */

static void check_lock(int again)
{
    CHECK_OK(acquire(COOP_FOREVER));
    CHECK_ERR(acquire(COOP_NOWAIT), again);
    CHECK_OK(release());
    CHECK_ERR(release(), -EPERM);
    close_it();
}

static void multiprocessing_lock(void)
{
    set_up_lock(COOP_TRANSFERABLE);
    check_lock(-EBUSY);
    set_up_lock(0);
    check_lock(-EDEADLK);
}

static void multiprocessing_lock_context(void)
{
    set_up_lock(0);
    CHECK_OK(hold(0));
    check_is_free();
    close_it();
}

TESTS(cpython_locks, TEST(lock_constructor), TEST(lock_repr), TEST(lock_locked_repr), TEST(lock_acquire_destroy),
      TEST(lock_acquire_release), TEST(lock_try_acquire), TEST(lock_try_acquire_contended),
      TEST(lock_acquire_contended), TEST(lock_with), TEST_T(lock_thread_leak, .seconds = 30), TEST(lock_timeout),
      TEST(lock_reacquire), TEST(lock_different_thread), TEST(lock_state_after_timeout), TEST(lock_at_fork_reinit),
      TEST(rlock_constructor), TEST(rlock_repr), TEST(rlock_locked_repr), TEST(rlock_acquire_destroy),
      TEST(rlock_acquire_release), TEST(rlock_try_acquire), TEST(rlock_try_acquire_contended),
      TEST(rlock_acquire_contended), TEST(rlock_with), TEST_T(rlock_thread_leak, .seconds = 30), TEST(rlock_timeout),
      TEST(multiprocessing_lock), TEST(multiprocessing_lock_context))
