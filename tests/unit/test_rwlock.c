/* SPDX-License-Identifier: MIT */
/* RWLock: readers together, writers alone and first, and the dead hold up nobody. */
#include "base/atomic.h"
#include "base/futex.h"
#include "harness/test.h"
#include "sync/rwlock.h"

#include <coop/rwlock.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>

static coop_rwlock *lock;
static uint32_t *step;

static void set_up(void)
{
    coop_rwlock_close(lock);
    CHECK_OK(coop_rwlock_new(&lock));
    step = test_shared(64 * sizeof *step);
}

static int acquire(bool writing, int64_t timeout)
{
    return writing ? coop_rwlock_write_acquire(lock, timeout) : coop_rwlock_read_acquire(lock, timeout);
}

/* A child that comes in, and stays. */
static pid_t holder_of(bool writing)
{
    uint32_t before = coopi_load_acquire(step);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(acquire(writing, COOP_FOREVER));
        coopi_fetch_add(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == before + 1);
    return pid;
}

static int waiters(bool writing)
{
    return writing ? coop_rwlock_write_waiters(lock) : coop_rwlock_read_waiters(lock);
}

/* A child that waits for its turn, writes it into step[PLACE] and RESULT into step[PLACE + 1], and releases. */
static pid_t waiter_for(bool writing, int place)
{
    int before = waiters(writing);
    pid_t pid;
    CHILD(pid) {
        int r = acquire(writing, COOP_S(20));
        CHECK(r >= 0);
        step[place + 1] = (uint32_t)r;
        coopi_store_release(&step[place], coopi_fetch_add(&step[1], 1) + 1);
        CHECK_OK(coop_rwlock_release(lock));
    }
    CHECK_SOON(waiters(writing) == before + 1);
    return pid;
}

/* A child that does not get it now, or does. */
static void try_in_a_child(bool writing, int expected)
{
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(acquire(writing, COOP_NOWAIT), expected);
    }
    child_must(pid);
}

static void many_read_at_once(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    pid_t other = holder_of(false);
    CHECK_EQ(coop_rwlock_readers(lock), 2);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
    CHECK_EQ(coop_rwlock_writing(lock), 0);
    child_kill(other);
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_EQ(coop_rwlock_readers(lock), 0);
    coop_rwlock_close(lock);
}

static void one_writes_alone(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    CHECK_EQ(coop_rwlock_writing(lock), 1);
    CHECK_EQ(coop_rwlock_reading(lock), 0u);
    try_in_a_child(false, -EBUSY);
    try_in_a_child(true, -EBUSY);
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_EQ(coop_rwlock_writing(lock), 0);
    try_in_a_child(false, 0);
    try_in_a_child(true, 0);
}

static void readers_keep_writers_out(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    try_in_a_child(false, 0);
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_NOWAIT), -EBUSY);
        CHECK_DETAIL("busy: 1 read; wait for it");
    }
    child_must(pid);
}

static void a_wait_times_out(void)
{
    set_up();
    pid_t writer = holder_of(true);
    int64_t begin = test_now();
    CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_MS(30)), -ETIMEDOUT);
    CHECK(test_now() - begin >= COOP_MS(30));
    char who[64];
    snprintf(who, sizeof who, "timed out: thread %d of process %d", writer, writer);
    CHECK_DETAIL(who);
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_MS(30)), -ETIMEDOUT);
    CHECK_DETAIL(who);
    CHECK_EQ(coop_rwlock_read_waiters(lock) + coop_rwlock_write_waiters(lock), 0);
    child_kill(writer);
}

static void reading_again_counts(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    CHECK_EQ(coop_rwlock_reading(lock), 2u);
    CHECK_EQ(coop_rwlock_readers(lock), 1);
    CHECK_OK(coop_rwlock_read_release(lock));
    try_in_a_child(true, -EBUSY);
    CHECK_OK(coop_rwlock_release(lock));
    try_in_a_child(true, 0);
    CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
}

/* Else a thread would wait for a writer that waits for it. */
static void reading_again_succeeds_while_a_writer_waits(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    pid_t writer = waiter_for(true, 2);
    try_in_a_child(false, -EBUSY);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_S(5)));
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_EQ(coopi_load_acquire(&step[2]), 0u);
    CHECK_OK(coop_rwlock_read_release(lock));
    child_must(writer);
}

static void reading_too_often_is_refused(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    uint32_t row = coopi_sync_tag(&lock->sync) & COOPI_ROW_MASK;
    coopi_fetch_add(&lock->sync.words[row], INT32_MAX - 1);
    CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_FOREVER), -EOVERFLOW);
    CHECK_DETAIL("reads 2147483647 times");
    CHECK_EQ(coop_rwlock_reading(lock), (uint32_t)INT32_MAX);
}

static void a_reader_cannot_become_a_writer(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_FOREVER), -EDEADLK);
    CHECK_DETAIL("two readers that asked to write would wait for each other; release it first");
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_NOWAIT), -EDEADLK);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
    try_in_a_child(false, 0);
}

static void a_writer_cannot_acquire_again(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_FOREVER), -EDEADLK);
    CHECK_DETAIL("writes already; release it first");
    CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_FOREVER), -EDEADLK);
    CHECK_DETAIL("use coop_rwlock_downgrade()");
    CHECK_EQ(coop_rwlock_writing(lock), 1);
    CHECK_OK(coop_rwlock_release(lock));
    CHECK_EQ(coop_rwlock_writing(lock), 0);
}

static void only_who_holds_it_may_release_it(void)
{
    set_up();
    CHECK_ERR(coop_rwlock_release(lock), -EPERM);
    CHECK_DETAIL("neither reads nor writes");
    CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
    CHECK_ERR(coop_rwlock_write_release(lock), -EPERM);
    CHECK_ERR(coop_rwlock_downgrade(lock), -EPERM);
    CHECK_DETAIL("does not write");
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_rwlock_write_release(lock), -EPERM);
    CHECK_DETAIL("use coop_rwlock_read_release()");
    CHECK_ERR(coop_rwlock_downgrade(lock), -EPERM);
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
        CHECK_DETAIL("does not read");
    }
    child_must(pid);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
    CHECK_DETAIL("use coop_rwlock_write_release()");
    CHECK_EQ(coop_rwlock_writing(lock), 1);
}

static void a_writer_becomes_a_reader(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t reader = waiter_for(false, 2);
    CHECK_OK(coop_rwlock_downgrade(lock));
    child_must(reader);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
    CHECK_EQ(coop_rwlock_writing(lock), 0);
    try_in_a_child(true, -EBUSY);
    CHECK_OK(coop_rwlock_read_release(lock));
    try_in_a_child(true, 0);
}

/* Nobody else writes between, and no reader goes before a writer that waits. */
static void a_downgrade_lets_no_reader_before_a_writer(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t reader = waiter_for(false, 2), writer = waiter_for(true, 4);
    CHECK_OK(coop_rwlock_downgrade(lock));
    test_sleep_ms(30);
    CHECK_EQ(coopi_load_acquire(&step[1]), 0u);
    CHECK_OK(coop_rwlock_read_release(lock));
    child_must(writer);
    child_must(reader);
    CHECK_EQ(step[4], 1u);
    CHECK_EQ(step[2], 2u);
}

static void writers_go_first_in_order_of_arrival(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t pids[6];
    for (int i = 0; i < 6; i++) pids[i] = waiter_for(i % 2, 2 + 2 * i);
    CHECK_OK(coop_rwlock_write_release(lock));
    for (int i = 0; i < 6; i++) child_must(pids[i]);
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_EQ(step[4 + 4 * i], i + 1);
        CHECK(step[2 + 4 * i] > 3);
    }
}

static void readers_that_wait_come_in_together(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t pids[5];
    for (int i = 0; i < 5; i++) {
        CHILD(pids[i]) {
            CHECK_OK(coop_rwlock_read_acquire(lock, COOP_S(20)));
            coopi_fetch_add(&step[1], 1);
            CHECK_SOON(coopi_load_acquire(&step[1]) == 5);
        }
    }
    CHECK_SOON(coop_rwlock_read_waiters(lock) == 5);
    CHECK_OK(coop_rwlock_write_release(lock));
    for (int i = 0; i < 5; i++) child_must(pids[i]);
}

static void a_writer_that_gives_up_lets_readers_in(void)
{
    set_up();
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    pid_t writer;
    CHILD(writer) {
        CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_MS(100)), -ETIMEDOUT);
    }
    CHECK_SOON(coop_rwlock_write_waiters(lock) == 1);
    pid_t pid;
    CHILD(pid) {
        CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_NOWAIT), -EBUSY);
        CHECK_DETAIL("1 read, and a writer waits, who goes first");
    }
    child_must(pid);
    pid_t reader = waiter_for(false, 2);
    child_must(writer);
    child_must(reader);
}

static void on_signal(int number)
{
    (void)number;
}

static void a_signal_ends_a_wait_if_that_is_asked_for(void)
{
    set_up();
    coop_rwlock_close(lock);
    CHECK_OK(coop_rwlock_open(NULL, COOP_INTR, &lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    for (int writing = 0; writing < 2; writing++) {
        pid_t pid;
        CHILD(pid) {
            struct sigaction action = {.sa_handler = on_signal};
            sigaction(SIGUSR1, &action, NULL);
            CHECK_ERR(acquire(writing, COOP_FOREVER), -EINTR);
            CHECK_DETAIL("a signal ended the wait");
        }
        CHECK_SOON(waiters(writing) == 1);
        test_sleep_ms(20);
        kill(pid, SIGUSR1);
        child_must(pid);
        CHECK_EQ(waiters(writing), 0);
    }
}

/* No more than one writer, and no reader beside it. */
enum { CROWD = 6, ROUNDS = 2000 };

static void a_crowd(void)
{
    uint32_t *inside = test_shared(2 * sizeof *inside);
    pid_t pids[CROWD];
    for (int i = 0; i < CROWD; i++) {
        CHILD(pids[i]) {
            for (int k = 0; k < ROUNDS; k++) {
                bool writing = (i + k) % 3 == 0;
                CHECK_OK(acquire(writing, COOP_S(20)));
                uint32_t seen = coopi_fetch_add(&inside[writing], 1);
                CHECK(coopi_load_acquire(&inside[!writing]) == 0 && (!writing || seen == 0));
                if (k % 64 == 0) sched_yield();
                coopi_fetch_add(&inside[writing], UINT32_MAX);
                if (writing && k % 5 == 0) {
                    coopi_fetch_add(&inside[0], 1);
                    CHECK_OK(coop_rwlock_downgrade(lock));
                    CHECK_EQ(coopi_load_acquire(&inside[1]), 0u);
                    coopi_fetch_add(&inside[0], UINT32_MAX);
                }
                CHECK_OK(coop_rwlock_release(lock));
            }
        }
    }
    for (int i = 0; i < CROWD; i++) child_must(pids[i]);
    CHECK_EQ(coop_rwlock_holders(lock, NULL, 0), 0);
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_write_release(lock));
}

static void a_writer_is_alone_in_a_crowd(void)
{
    set_up();
    a_crowd();
}

static void it_works_without_waitv(void)
{
    coopi_futex_no_waitv = true;
    set_up();
    a_crowd();
    pid_t writer = holder_of(true), reader = waiter_for(false, 2);
    child_kill(writer);
    child_must(reader);
    CHECK_EQ(step[3], (uint32_t)COOP_OWNER_DIED);
}

TESTS(rwlock, TEST(many_read_at_once), TEST(one_writes_alone), TEST(readers_keep_writers_out), TEST(a_wait_times_out),
      TEST(reading_again_counts), TEST(reading_again_succeeds_while_a_writer_waits), TEST(reading_too_often_is_refused),
      TEST(a_reader_cannot_become_a_writer), TEST(a_writer_cannot_acquire_again),
      TEST(only_who_holds_it_may_release_it), TEST(a_writer_becomes_a_reader),
      TEST(a_downgrade_lets_no_reader_before_a_writer), TEST(writers_go_first_in_order_of_arrival),
      TEST(readers_that_wait_come_in_together), TEST(a_writer_that_gives_up_lets_readers_in),
      TEST(a_signal_ends_a_wait_if_that_is_asked_for), TEST_T(a_writer_is_alone_in_a_crowd, .seconds = 20),
      TEST_T(it_works_without_waitv, .seconds = 20))
