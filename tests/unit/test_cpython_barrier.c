/* SPDX-License-Identifier: MIT */
/* CPython 3.11's own tests of Barrier: those of test.lock_tests in threads, those of test._test_multiprocessing in
 * processes; the same steps. A barrier has no default time-out here: it is given with each wait. */
#include "base/atomic.h"
#include "unit/meeting.h"

#include <coop/barrier.h>
#include <pthread.h>

#define N 5
#define PASSES 1000

static coop_barrier *barrier, *second;
static uint32_t *results; /* three counters */
static void (*step)(void);

static void set_up(uint32_t parties)
{
    CHECK_OK(coop_barrier_new(parties, &barrier));
    CHECK_OK(coop_barrier_new(N, &second));
    results = test_shared(4 * sizeof *results);
}

static void *run_step(void *argument)
{
    step();
    return argument;
}

static void in_threads(void (*run)(void))
{
    pthread_t threads[N];
    step = run;
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_create(&threads[i], NULL, run_step, NULL), 0);
    for (int i = 0; i < N; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void in_processes(void (*run)(void))
{
    pid_t pids[N];
    for (int i = 0; i < N; i++) {
        CHILD(pids[i]) {
            run();
        }
    }
    for (int i = 0; i < N; i++) child_must(pids[i]);
}

static uint32_t count(int which)
{
    return coopi_load_acquire(&results[which]);
}

static void append(int which)
{
    coopi_fetch_add(&results[which], 1);
}

static uint32_t pass(coop_barrier *through)
{
    uint32_t index = N;
    CHECK_OK(coop_barrier_wait(through, COOP_S(30), &index));
    return index;
}

static void multipass(uint32_t passes)
{
    for (uint32_t i = 0; i < passes; i++) {
        append(0);
        CHECK_EQ(count(1), i * N);
        pass(barrier);
        append(1);
        CHECK_EQ(count(0), (i + 1) * N);
        pass(barrier);
    }
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_EQ(coop_barrier_broken(barrier), 0);
}

static void pass_once(void)
{
    multipass(1);
}

static void pass_ten_times(void)
{
    multipass(10);
}

static void add_index(void)
{
    uint32_t index = pass(barrier);
    coopi_fetch_add(&results[0], index);
    if (index == 0) append(1);
}

static int append_true(void *user)
{
    (void)user;
    append(0);
    return 0;
}

static void meet_after_action(void)
{
    pass(barrier);
    CHECK_EQ(count(0), 1u);
}

/* The one in the middle aborts; the others find it broken. */
static void abort_in_the_middle(void)
{
    if (pass(barrier) == N / 2) {
        CHECK_OK(coop_barrier_abort(barrier));
        return;
    }
    int r = coop_barrier_wait(barrier, COOP_S(30), NULL);
    append(r == 0 ? 0 : 1);
    if (r < 0) CHECK_EQ(r, -EPIPE);
}

static void reset_in_the_middle(void)
{
    if (pass(barrier) == N / 2) {
        CHECK_SOON(coop_barrier_waiting(barrier) >= N - 1);
        CHECK_OK(coop_barrier_reset(barrier));
    } else {
        int r = coop_barrier_wait(barrier, COOP_S(30), NULL);
        append(r == 0 ? 0 : 1);
        if (r < 0) CHECK_EQ(r, -EPIPE);
    }
    pass(barrier);
    append(2);
}

static void abort_and_mend(void)
{
    abort_in_the_middle();
    if (pass(second) == N / 2) CHECK_OK(coop_barrier_reset(barrier));
    pass(second);
    pass(barrier);
    append(2);
}

static void be_late(void)
{
    if (pass(barrier) == N / 2) test_sleep_ms(1000);
    int r = coop_barrier_wait(barrier, COOP_MS(500), NULL);
    CHECK(r == -ETIMEDOUT || r == -EPIPE);
    append(0);
}

static void pass_a_thousand_times(void)
{
    for (uint32_t i = 0; i < PASSES; i++) {
        pass(barrier);
        uint32_t number = coopi_fetch_add(&results[0], 1);
        CHECK_EQ(number / N, i);
    }
}

#define CASES(prefix, run)                                                                                             \
    static void prefix##barrier(void)                                                                                  \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(pass_once);                                                                                                \
    }                                                                                                                  \
    static void prefix##barrier_10(void)                                                                               \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(pass_ten_times);                                                                                           \
    }                                                                                                                  \
    static void prefix##wait_return(void)                                                                              \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(add_index);                                                                                                \
        CHECK_EQ(count(0), N *(N - 1) / 2);                                                                            \
        CHECK_EQ(count(1), 1u);                                                                                        \
    }                                                                                                                  \
    static void prefix##action(void)                                                                                   \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        coop_barrier_set_action(barrier, append_true, NULL);                                                           \
        run(meet_after_action);                                                                                        \
        CHECK_EQ(count(0), 1u);                                                                                        \
    }                                                                                                                  \
    static void prefix##abort(void)                                                                                    \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(abort_in_the_middle);                                                                                      \
        CHECK_EQ(count(0), 0u);                                                                                        \
        CHECK_EQ(count(1), N - 1);                                                                                     \
        CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_ABORTED);                                                  \
    }                                                                                                                  \
    static void prefix##reset(void)                                                                                    \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(reset_in_the_middle);                                                                                      \
        CHECK_EQ(count(0), 0u);                                                                                        \
        CHECK_EQ(count(1), N - 1);                                                                                     \
        CHECK_EQ(count(2), N);                                                                                         \
    }                                                                                                                  \
    static void prefix##abort_and_reset(void)                                                                          \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(abort_and_mend);                                                                                           \
        CHECK_EQ(count(0), 0u);                                                                                        \
        CHECK_EQ(count(1), N - 1);                                                                                     \
        CHECK_EQ(count(2), N);                                                                                         \
    }                                                                                                                  \
    static void prefix##timeout(void)                                                                                  \
    {                                                                                                                  \
        set_up(N);                                                                                                     \
        run(be_late);                                                                                                  \
        CHECK_EQ(count(0), N);                                                                                         \
    }

CASES(threads_, in_threads)
CASES(processes_, in_processes)

static void default_timeout(void)
{
    set_up(2);
    int64_t begin = test_now();
    CHECK_ERR(coop_barrier_wait(barrier, COOP_MS(100), NULL), -ETIMEDOUT);
    CHECK(test_now() - begin >= COOP_MS(100));
}

static void single_thread(void)
{
    set_up(1);
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
    CHECK_OK(coop_barrier_wait(barrier, COOP_FOREVER, NULL));
}

/* What repr() shows: how many of how many wait, or that it is broken. */
static void repr(void)
{
    pid_t pids[2];
    set_up(3);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_EQ(coop_barrier_parties(barrier), 3u);
    for (int i = 0; i < 2; i++) {
        CHILD(pids[i]) {
            CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), NULL));
        }
    }
    CHECK_SOON(coop_barrier_waiting(barrier) == 2);
    CHECK_OK(coop_barrier_wait(barrier, COOP_S(20), NULL));
    for (int i = 0; i < 2; i++) child_must(pids[i]);
    CHECK_EQ(coop_barrier_waiting(barrier), 0);
    CHECK_OK(coop_barrier_abort(barrier));
    CHECK_EQ(coop_barrier_broken(barrier), COOP_BARRIER_ABORTED);
}

static void thousand(void)
{
    set_up(N);
    in_processes(pass_a_thousand_times);
    CHECK_EQ(count(0), N * PASSES);
}

TESTS(cpython_barrier, TEST(threads_barrier), TEST(threads_barrier_10), TEST(threads_wait_return), TEST(threads_action),
      TEST(threads_abort), TEST(threads_reset), TEST(threads_abort_and_reset), TEST(threads_timeout),
      TEST(default_timeout), TEST(single_thread), TEST(repr), TEST(processes_barrier), TEST(processes_barrier_10),
      TEST(processes_wait_return), TEST(processes_action), TEST(processes_abort), TEST(processes_reset),
      TEST(processes_abort_and_reset), TEST(processes_timeout), TEST(thousand))
