/* SPDX-License-Identifier: MIT */
/* CPython 3.11's own tests of Semaphore and BoundedSemaphore (test.lock_tests, test._test_multiprocessing): the same
 * steps. */
#include "base/atomic.h"
#include "harness/test.h"

#include <coop/semaphore.h>
#include <limits.h>
#include <pthread.h>

enum { VALUE = 7, THREADS = 10, PHASES = 3 };

static coop_semaphore *sem;
static int kind; /* COOP_COUNTING, or that and COOP_BOUNDED */

/* What an earlier step had is closed. */
static void make(uint32_t permits)
{
    coop_semaphore_close(sem);
    CHECK_OK(coop_semaphore_new(permits, kind, &sem));
}

static void acquire(void)
{
    CHECK_OK(coop_semaphore_acquire(sem, COOP_FOREVER));
}

static void release(void)
{
    CHECK_OK(coop_semaphore_release(sem));
}

static void run_bunch(int n, void *(*run)(void *), pthread_t *threads)
{
    for (int i = 0; i < n; i++) CHECK_EQ(pthread_create(&threads[i], NULL, run, NULL), 0);
}

static void join_bunch(int n, const pthread_t *threads)
{
    for (int i = 0; i < n; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

/* BaseSemaphoreTests */

static void constructor(void)
{
    coop_semaphore *none = NULL;
    CHECK_ERR(coop_semaphore_new((uint32_t)-1, kind, &none), -EINVAL);
    CHECK_DETAIL("too many");
    CHECK_ERR(coop_semaphore_new((uint32_t)-INT_MAX, kind, &none), -EINVAL);
    CHECK_DETAIL("too many");
    CHECK(none == NULL);
}

static void acquires(void)
{
    make(1);
    acquire();
    release();
    make(2);
    acquire();
    acquire();
    release();
    release();
    CHECK_EQ(coop_semaphore_value(sem), 2);
}

static void acquire_destroy(void)
{
    make(1);
    acquire();
    coop_semaphore_close(sem);
    sem = NULL;
}

static uint32_t phase;
static uint32_t results[PHASES]; /* acquires that ended in each phase */

static void *acquire_twice(void *argument)
{
    for (int i = 0; i < 2; i++) {
        acquire();
        coopi_fetch_add(&results[coopi_load_acquire(&phase)], 1);
    }
    return argument;
}

static uint32_t count_results(void)
{
    uint32_t sum = 0;
    for (int i = 0; i < PHASES; i++) sum += coopi_load_acquire(&results[i]);
    return sum;
}

static void release_n(uint32_t n, bool at_once)
{
    if (at_once)
        CHECK_OK(coop_semaphore_release_many(sem, n));
    else
        for (uint32_t i = 0; i < n; i++) release();
}

/* As many go on as there are permits, and no more. */
static void await_phase(uint32_t now, uint32_t count, uint32_t before)
{
    CHECK_SOON(count_results() == before + count);
    test_sleep_ms(10);
    CHECK_EQ(coopi_load_acquire(&results[now]), count);
    CHECK_EQ(count_results(), before + count);
}

static void check_phases(bool at_once)
{
    pthread_t threads[THREADS];
    make(VALUE);
    acquire();
    run_bunch(THREADS, acquire_twice, threads);
    await_phase(0, VALUE - 1, 0);
    coopi_store_release(&phase, 1);
    release_n(VALUE, at_once);
    await_phase(1, VALUE, VALUE - 1);
    coopi_store_release(&phase, 2);
    release_n(VALUE - 1, at_once);
    await_phase(2, VALUE - 1, 2 * VALUE - 1);
    CHECK_ERR(coop_semaphore_acquire(sem, COOP_NOWAIT), -EBUSY);
    release();
    join_bunch(THREADS, threads);
    CHECK_EQ(count_results(), 2u * THREADS);
}

static void acquire_contended(void)
{
    check_phases(false);
}

static void multirelease(void)
{
    check_phases(true);
}

static void try_acquire(void)
{
    make(2);
    CHECK_OK(coop_semaphore_acquire(sem, COOP_NOWAIT));
    CHECK_OK(coop_semaphore_acquire(sem, COOP_NOWAIT));
    CHECK_ERR(coop_semaphore_acquire(sem, COOP_NOWAIT), -EBUSY);
    release();
    CHECK_OK(coop_semaphore_acquire(sem, COOP_NOWAIT));
}

static uint32_t taken, busy;

static void *try_twice(void *argument)
{
    for (int i = 0; i < 2; i++) {
        int r = coop_semaphore_acquire(sem, COOP_NOWAIT);
        CHECK(r == 0 || r == -EBUSY);
        coopi_fetch_add(r == 0 ? &taken : &busy, 1);
    }
    return argument;
}

static void try_acquire_contended(void)
{
    pthread_t threads[5];
    make(4);
    acquire();
    run_bunch(5, try_twice, threads);
    join_bunch(5, threads);
    CHECK_EQ(taken, 3u);
    CHECK_EQ(busy, 7u);
}

static void check_times_out(int64_t timeout)
{
    int64_t begin = test_now();
    CHECK_ERR(coop_semaphore_acquire(sem, timeout), -ETIMEDOUT);
    int64_t took = test_now() - begin;
    CHECK(took >= timeout && took < timeout + COOP_S(4) * test_slowness());
}

static void acquire_timeout(void)
{
    make(2);
    CHECK_OK(coop_semaphore_acquire(sem, COOP_MS(5)));
    CHECK_OK(coop_semaphore_acquire(sem, COOP_MS(5)));
    check_times_out(COOP_MS(5));
    release();
    CHECK_OK(coop_semaphore_acquire(sem, COOP_MS(5)));
    check_times_out(COOP_MS(500));
}

static uint32_t finished;

static void *acquire_and_release(void *argument)
{
    acquire();
    release();
    coopi_store_release(&finished, 1);
    return argument;
}

/* Python's default is one permit, which C has to say. */
static void default_value(void)
{
    pthread_t thread;
    make(1);
    acquire();
    run_bunch(1, acquire_and_release, &thread);
    CHECK_SOON(coop_semaphore_waiters(sem) == 1);
    test_sleep_ms(10);
    CHECK_EQ(coopi_load_acquire(&finished), 0u);
    release();
    join_bunch(1, &thread);
    CHECK_EQ(finished, 1u);
}

static void release_at_the_end(coop_semaphore **held)
{
    CHECK_OK(coop_semaphore_release(*held));
}

static coop_semaphore *acquired(void)
{
    acquire();
    return sem;
}

/* Two blocks, one within the other, that are left by the end or, where Python raises, by a return. */
static int hold_twice(int error)
{
    coop_semaphore *outer __attribute__((cleanup(release_at_the_end))) = acquired();
    CHECK_OK(coop_semaphore_acquire(outer, COOP_NOWAIT));
    release();
    coop_semaphore *inner __attribute__((cleanup(release_at_the_end))) = acquired();
    CHECK_ERR(coop_semaphore_acquire(inner, COOP_NOWAIT), -EBUSY);
    return error;
}

static void with(void)
{
    make(2);
    CHECK_OK(hold_twice(0));
    CHECK_OK(coop_semaphore_acquire(sem, COOP_NOWAIT));
    release();
    CHECK_EQ(hold_twice(-EPROTO), -EPROTO);
    CHECK_OK(coop_semaphore_acquire(sem, COOP_NOWAIT));
    release();
    CHECK_EQ(coop_semaphore_value(sem), 2);
}

#define EACH(case)                                                                                                     \
    static void semaphore_##case (void)                                                                                \
    {                                                                                                                  \
        kind = COOP_COUNTING;                                                                                          \
        case();                                                                                                        \
    }                                                                                                                  \
    static void bounded_##case (void)                                                                                  \
    {                                                                                                                  \
        kind = COOP_COUNTING | COOP_BOUNDED;                                                                           \
        case();                                                                                                        \
    }
EACH(constructor)
EACH(acquires)
EACH(acquire_destroy)
EACH(acquire_contended)
EACH(multirelease)
EACH(try_acquire)
EACH(try_acquire_contended)
EACH(acquire_timeout)
EACH(default_value)
EACH(with)

/* SemaphoreTests */

static void semaphore_release_unacquired(void)
{
    kind = COOP_COUNTING;
    make(1);
    release();
    acquire();
    acquire();
    release();
    CHECK_EQ(coop_semaphore_value(sem), 1);
}

/* What repr() shows: the value; and of a bounded one, the bound. */
static void semaphore_repr(void)
{
    kind = COOP_COUNTING;
    make(3);
    CHECK_EQ(coop_semaphore_value(sem), 3);
    acquire();
    CHECK_EQ(coop_semaphore_value(sem), 2);
    release();
    release();
    CHECK_EQ(coop_semaphore_value(sem), 4);
    CHECK(coop_semaphore_path(sem) == NULL);
}

/* BoundedSemaphoreTests */

static void bounded_release_unacquired(void)
{
    kind = COOP_COUNTING | COOP_BOUNDED;
    make(1);
    CHECK_ERR(coop_semaphore_release(sem), -EOVERFLOW);
    acquire();
    release();
    CHECK_ERR(coop_semaphore_release(sem), -EOVERFLOW);
    CHECK_EQ(coop_semaphore_value(sem), 1);
}

static void bounded_repr(void)
{
    kind = COOP_COUNTING | COOP_BOUNDED;
    make(3);
    CHECK_EQ(coop_semaphore_value(sem), 3);
    CHECK_EQ(coop_semaphore_permits(sem), 3u);
    acquire();
    CHECK_EQ(coop_semaphore_value(sem), 2);
    CHECK_EQ(coop_semaphore_permits(sem), 3u);
}

/* _TestSemaphore */

static void two_down_and_up(void)
{
    make(2);
    CHECK_EQ(coop_semaphore_value(sem), 2);
    acquire();
    CHECK_EQ(coop_semaphore_value(sem), 1);
    acquire();
    CHECK_EQ(coop_semaphore_value(sem), 0);
    CHECK_ERR(coop_semaphore_acquire(sem, COOP_NOWAIT), -EBUSY);
    CHECK_EQ(coop_semaphore_value(sem), 0);
    release();
    CHECK_EQ(coop_semaphore_value(sem), 1);
    release();
    CHECK_EQ(coop_semaphore_value(sem), 2);
}

static void multiprocessing_semaphore(void)
{
    kind = COOP_COUNTING;
    two_down_and_up();
    release();
    CHECK_EQ(coop_semaphore_value(sem), 3);
    release();
    CHECK_EQ(coop_semaphore_value(sem), 4);
}

static void multiprocessing_bounded_semaphore(void)
{
    kind = COOP_COUNTING | COOP_BOUNDED;
    two_down_and_up();
    CHECK_ERR(coop_semaphore_release(sem), -EOVERFLOW);
    CHECK_EQ(coop_semaphore_value(sem), 2);
}

static void multiprocessing_timeout(void)
{
    kind = COOP_COUNTING;
    make(0);
    for (int i = 0; i < 3; i++) {
        int64_t begin = test_now();
        CHECK_ERR(coop_semaphore_acquire(sem, COOP_NOWAIT), -EBUSY);
        CHECK(test_now() - begin < COOP_S(1) * test_slowness());
    }
    check_times_out(COOP_MS(100));
    check_times_out(COOP_MS(140));
    CHECK_EQ(coop_semaphore_value(sem), 0);
}

TESTS(cpython_semaphore, TEST(semaphore_constructor), TEST(semaphore_acquires), TEST(semaphore_acquire_destroy),
      TEST(semaphore_acquire_contended), TEST(semaphore_multirelease), TEST(semaphore_try_acquire),
      TEST(semaphore_try_acquire_contended), TEST(semaphore_acquire_timeout), TEST(semaphore_default_value),
      TEST(semaphore_with), TEST(semaphore_release_unacquired), TEST(semaphore_repr), TEST(bounded_constructor),
      TEST(bounded_acquires), TEST(bounded_acquire_destroy), TEST(bounded_acquire_contended),
      TEST(bounded_multirelease), TEST(bounded_try_acquire), TEST(bounded_try_acquire_contended),
      TEST(bounded_acquire_timeout), TEST(bounded_default_value), TEST(bounded_with), TEST(bounded_release_unacquired),
      TEST(bounded_repr), TEST(multiprocessing_semaphore), TEST(multiprocessing_bounded_semaphore),
      TEST(multiprocessing_timeout))
