/* SPDX-License-Identifier: MIT */
/* RWLock and the dead: readers go silently, writers are told of, and who waits goes on at once. */
#include "base/atomic.h"
#include "harness/test.h"
#include "sync/rwlock.h"

#include <coop/rwlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>

static coop_rwlock *lock;
static uint32_t *step;

enum kind { READS, WRITES };

static void set_up(void)
{
    coop_rwlock_close(lock);
    CHECK_OK(coop_rwlock_new(&lock));
    step = test_shared(256 * sizeof *step);
}

static int acquire(enum kind kind, int64_t timeout)
{
    return kind == WRITES ? coop_rwlock_write_acquire(lock, timeout) : coop_rwlock_read_acquire(lock, timeout);
}

/* A child that comes in, whatever it is told, and stays. */
static pid_t holder_of(enum kind kind)
{
    uint32_t before = coopi_load_acquire(step);
    pid_t pid;
    CHILD(pid) {
        CHECK(acquire(kind, COOP_FOREVER) >= 0);
        coopi_fetch_add(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == before + 1);
    return pid;
}

static int waiters(enum kind kind)
{
    return kind == WRITES ? coop_rwlock_write_waiters(lock) : coop_rwlock_read_waiters(lock);
}

/* A child that waits for its turn, and writes into step[PLACE] the result, + 1. It releases, or STAYS. */
static pid_t waiter_of(enum kind kind, int place, bool stays)
{
    int before = waiters(kind);
    pid_t pid;
    CHILD(pid) {
        int r = acquire(kind, COOP_S(20));
        CHECK(r >= 0);
        coopi_store_release(&step[place], (uint32_t)r + 1);
        if (stays)
            for (;;) pause();
        CHECK_OK(coop_rwlock_release(lock));
    }
    CHECK_SOON(waiters(kind) == before + 1);
    test_sleep_ms(5); /* asleep, too */
    return pid;
}

static pid_t waiter_for(enum kind kind, int place)
{
    return waiter_of(kind, place, false);
}

static void must_be_prompt(int64_t begin)
{
    CHECK(test_now() - begin < COOP_MS(200) * test_slowness());
}

static void dead_readers_are_out_and_nobody_is_told(void)
{
    set_up();
    pid_t first = holder_of(READS), second = holder_of(READS);
    CHECK_EQ(coop_rwlock_readers(lock), 2);
    child_kill(first);
    CHECK_EQ(coop_rwlock_readers(lock), 1);
    child_kill(second);
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    coop_lock_holder died;
    CHECK_OK(coop_rwlock_last_death(lock, &died));
    CHECK_EQ(died.pid, second);
    CHECK_EQ(died.deaths, 2u);
}

static void nobody_has_died_at_first(void)
{
    set_up();
    coop_lock_holder died;
    CHECK_ERR(coop_rwlock_last_death(lock, &died), -ENOENT);
}

static void a_dead_writer_is_told_of_until_a_writer_knows(void)
{
    set_up();
    pid_t writer = holder_of(WRITES);
    child_kill(writer);
    CHECK_OWNER_DIED(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    CHECK_OWNER_DIED(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_OK(coop_rwlock_read_release(lock));
    CHECK_OWNER_DIED(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    coop_lock_holder died;
    CHECK_OK(coop_rwlock_last_death(lock, &died));
    CHECK_EQ(died.pid, writer);
    CHECK_EQ(died.deaths, 1u);
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
}

static void a_writer_that_was_told_and_dies_is_told_of(void)
{
    set_up();
    child_kill(holder_of(WRITES));
    child_kill(holder_of(WRITES));
    CHECK_OWNER_DIED(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_rwlock_write_release(lock));
}

static void a_writer_that_became_a_reader_dies_silently(void)
{
    set_up();
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_rwlock_downgrade(lock));
        coopi_fetch_add(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    child_kill(pid);
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
}

static void a_sleeping_writer_goes_on_when_a_reader_dies(void)
{
    set_up();
    pid_t reader = holder_of(READS), writer = waiter_for(WRITES, 1);
    int64_t begin = test_now();
    child_kill(reader);
    child_must(writer);
    must_be_prompt(begin);
    CHECK_EQ(step[1], 1u); /* it is not told */
}

static void a_sleeping_writer_goes_on_when_the_last_of_many_readers_dies(void)
{
    set_up();
    enum { READERS = 12 };
    pid_t readers[READERS];
    for (int i = 0; i < READERS; i++) readers[i] = holder_of(READS);
    pid_t writer = waiter_for(WRITES, 1);
    for (int i = 0; i < READERS - 1; i++) child_kill(readers[i]);
    CHECK_EQ(coop_rwlock_write_waiters(lock), 1);
    int64_t begin = test_now();
    child_kill(readers[READERS - 1]);
    child_must(writer);
    must_be_prompt(begin);
}

static void sleepers_go_on_when_a_writer_dies(void)
{
    for (enum kind kind = READS; kind <= WRITES; kind++) {
        set_up();
        pid_t writer = holder_of(WRITES), first = waiter_for(kind, 1), second = waiter_for(kind, 2);
        int64_t begin = test_now();
        child_kill(writer);
        child_must(first);
        child_must(second);
        must_be_prompt(begin);
        CHECK_EQ(step[1], 2u); /* told */
        CHECK_EQ(step[2], kind == WRITES ? 1u : 2u);
    }
}

/* It came later than the reader, which slept already. */
static void a_reader_goes_on_when_a_writer_that_overtook_it_dies(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t reader = waiter_for(READS, 1), writer = waiter_of(WRITES, 2, true);
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_SOON(coopi_load_acquire(&step[2]));
    CHECK_EQ(coopi_load_acquire(&step[1]), 0u);
    int64_t begin = test_now();
    child_kill(writer);
    child_must(reader);
    must_be_prompt(begin);
    CHECK_EQ(step[1], 2u);
}

/* The same, with the reader gone that watched it: the next one is stirred, and watches. */
static void the_next_reader_watches_the_writer_that_overtook_it(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t first;
    CHILD(first) {
        CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_MS(300)), -ETIMEDOUT);
    }
    CHECK_SOON(coop_rwlock_read_waiters(lock) == 1);
    pid_t second = waiter_for(READS, 1), writer = waiter_of(WRITES, 2, true);
    const struct coopi_waitlist *list = &lock->sync.list;
    const struct coopi_seat *seat = coopi_seat_of(list, coopi_seat_of(list, list->shm->tail)->previous);
    uint32_t asleep = coopi_load_acquire(&seat->state);
    child_must(first);
    CHECK(coopi_load_acquire(&seat->state) != asleep);
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_SOON(coopi_load_acquire(&step[2]));
    int64_t begin = test_now();
    child_kill(writer);
    child_must(second);
    must_be_prompt(begin);
}

/* Readers that read already keep it from writing, and it keeps others from reading. */
static void readers_go_on_when_the_writer_they_wait_for_dies(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t before = waiter_for(READS, 1), writer = waiter_for(WRITES, 2), behind = waiter_for(READS, 3);
    CHECK_OK(coop_rwlock_downgrade(lock));
    test_sleep_ms(20);
    CHECK_EQ(coopi_load_acquire(&step[1]), 0u);
    int64_t begin = test_now();
    child_kill(writer);
    child_must(before);
    child_must(behind);
    must_be_prompt(begin);
    CHECK_EQ(coop_rwlock_reading(lock), 1u);
}

static void a_dead_waiter_is_passed_over(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t first = waiter_for(WRITES, 1), second = waiter_for(WRITES, 2);
    child_kill(first);
    CHECK_OK(coop_rwlock_write_release(lock));
    child_must(second);
    CHECK_EQ(step[2], 1u);
}

/* It was let in, and had not come. */
static void a_turn_of_the_dead_goes_on(void)
{
    for (enum kind kind = READS; kind <= WRITES; kind++) {
        set_up();
        CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
        pid_t first = waiter_for(kind, 1), second = waiter_for(WRITES, 2);
        kill(first, SIGSTOP);
        test_sleep_ms(20);
        if (kind == READS) {
            child_kill(second); /* else it would go first */
            CHECK_EQ(coop_rwlock_write_waiters(lock), 0);
        }
        CHECK_OK(coop_rwlock_write_release(lock));
        if (kind == READS) second = waiter_for(WRITES, 2);
        test_sleep_ms(20);
        CHECK_EQ(coopi_load_acquire(&step[2]), 0u); /* it belongs to the stopped one */
        int64_t begin = test_now();
        child_kill(first);
        child_must(second);
        must_be_prompt(begin);
        CHECK_EQ(step[2], 1u); /* it never wrote */
    }
}

static void a_stopped_waiter_holds_up_no_time_out(void)
{
    set_up();
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_FOREVER));
    pid_t first = waiter_for(WRITES, 1);
    kill(first, SIGSTOP);
    CHECK_OK(coop_rwlock_write_release(lock));
    CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_NOWAIT), -EBUSY);
    CHECK_ERR(coop_rwlock_read_acquire(lock, COOP_MS(30)), -ETIMEDOUT); /* it is the stopped one's */
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_MS(30)), -ETIMEDOUT);
    kill(first, SIGCONT);
    child_must(first);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_S(5)));
}

static void a_stopped_holder_keeps_its_hold(void)
{
    set_up();
    pid_t reader = holder_of(READS);
    kill(reader, SIGSTOP);
    CHECK_ERR(coop_rwlock_write_acquire(lock, COOP_MS(600)), -ETIMEDOUT);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
    child_kill(reader);
}

static void *hold(void *argument)
{
    CHECK(acquire(*(enum kind *)argument, COOP_FOREVER) >= 0);
    return argument;
}

static void a_thread_that_ends_is_a_death(void)
{
    set_up();
    pthread_t thread;
    enum kind kind = READS;
    CHECK_EQ(pthread_create(&thread, NULL, hold, &kind), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OK(coop_rwlock_write_acquire(lock, COOP_S(5)));
    CHECK_OK(coop_rwlock_write_release(lock));
    kind = WRITES;
    CHECK_EQ(pthread_create(&thread, NULL, hold, &kind), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_OWNER_DIED(coop_rwlock_write_acquire(lock, COOP_S(5)));
    coop_lock_holder died;
    CHECK_OK(coop_rwlock_last_death(lock, &died));
    CHECK_EQ(died.pid, getpid());
    CHECK(died.tid != gettid());
}

/* The rows of the dead are taken over by the living before anybody looks. */
static void a_new_owner_inherits_nothing(void)
{
    coop_segment *segment;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.owners = 2, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_rwlock_in(segment, NULL, 0, &lock));
    coop_segment_close(segment);
    step = test_shared(16 * sizeof *step);
    CHECK_OK(coop_rwlock_read_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_rwlock_read_release(lock));
    child_kill(holder_of(READS));
    pid_t pid;
    CHILD(pid) {
        CHECK_EQ(coop_rwlock_reading(lock), 0u);
        CHECK_ERR(coop_rwlock_read_release(lock), -EPERM);
        CHECK_OK(coop_rwlock_read_acquire(lock, COOP_NOWAIT));
        CHECK_EQ(coop_rwlock_readers(lock), 1);
        CHECK_OK(coop_rwlock_read_release(lock));
    }
    child_must(pid);
    child_kill(holder_of(WRITES));
    child_kill(holder_of(READS));
    CHECK_OWNER_DIED(coop_rwlock_write_acquire(lock, COOP_NOWAIT));
}

/* A third of them are killed at random moments; the others all get it, and the counts add up. */
static void a_crowd_that_is_shot_at_goes_on(void)
{
    set_up();
    enum { MEN = 24, KILLED = 8 };
    uint32_t *inside = test_shared(sizeof *inside), *stop = test_shared(sizeof *stop);
    pid_t pids[MEN];
    for (int i = 0; i < MEN; i++) {
        CHILD(pids[i]) {
            for (int k = 0; !coopi_load_acquire(stop); k++) {
                enum kind kind = (i + k) % 4 == 0 ? WRITES : READS;
                CHECK(acquire(kind, COOP_S(5)) >= 0);
                if (kind == WRITES) coopi_store_release(inside, (uint32_t)i + 1);
                if (kind == READS) CHECK_EQ(coop_rwlock_writing(lock), 0);
                if (k % 8 == 0) sched_yield();
                if (kind == WRITES) CHECK_EQ(coopi_load_acquire(inside), (uint32_t)i + 1);
                CHECK_OK(coop_rwlock_release(lock));
            }
        }
    }
    for (int i = 0; i < KILLED; i++) {
        test_sleep_ms(20 + 7 * i);
        child_kill(pids[i]);
    }
    test_sleep_ms(200);
    coopi_store_release(stop, 1);
    for (int i = KILLED; i < MEN; i++) child_must(pids[i]);
    CHECK_EQ(coop_rwlock_holders(lock, NULL, 0), 0);
    CHECK_EQ(coop_rwlock_read_waiters(lock) + coop_rwlock_write_waiters(lock), 0);
    CHECK(coop_rwlock_write_acquire(lock, COOP_NOWAIT) >= 0);
}

TESTS(rwlock_death, TEST(dead_readers_are_out_and_nobody_is_told), TEST(nobody_has_died_at_first),
      TEST(a_dead_writer_is_told_of_until_a_writer_knows), TEST(a_writer_that_was_told_and_dies_is_told_of),
      TEST(a_writer_that_became_a_reader_dies_silently),
      TEST_T(a_sleeping_writer_goes_on_when_a_reader_dies, .tags = ALONE),
      TEST_T(a_sleeping_writer_goes_on_when_the_last_of_many_readers_dies, .tags = ALONE),
      TEST_T(sleepers_go_on_when_a_writer_dies, .tags = ALONE),
      TEST_T(a_reader_goes_on_when_a_writer_that_overtook_it_dies, .tags = ALONE),
      TEST_T(the_next_reader_watches_the_writer_that_overtook_it, .tags = ALONE),
      TEST_T(readers_go_on_when_the_writer_they_wait_for_dies, .tags = ALONE), TEST(a_dead_waiter_is_passed_over),
      TEST_T(a_turn_of_the_dead_goes_on, .tags = ALONE), TEST(a_stopped_waiter_holds_up_no_time_out),
      TEST(a_stopped_holder_keeps_its_hold), TEST(a_thread_that_ends_is_a_death), TEST(a_new_owner_inherits_nothing),
      TEST_T(a_crowd_that_is_shot_at_goes_on, .seconds = 20))
