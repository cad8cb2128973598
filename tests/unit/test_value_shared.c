/* SPDX-License-Identifier: MIT */
/* Value between threads and processes: its locks, death, forks, and additions that are not lost. */
#include "harness/test.h"

#include <coop/value.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

/* `SEGMENT/NAME`. */
static const char *in(const char *segment, const char *name)
{
    static char paths[4][256];
    static unsigned int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", segment, name);
    return path;
}

static coop_value *new_value(const char *type)
{
    coop_value *value = NULL;
    CHECK_OK(coop_value_new(type, &value));
    return value;
}

static int64_t number_of(const coop_value *value)
{
    int64_t number = 0;
    CHECK_OK(coop_value_get_i64(value, &number));
    return number;
}

/* Locks */

static void a_value_has_a_lock_of_its_own(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    coop_rlock *lock = coop_value_lock(value);
    int held;
    CHECK(lock);
    COOP_WITH_LOCK(lock, COOP_S(1), held) {
        CHECK_EQ(coop_rlock_depth(lock), 1);
        CHECK_OK(coop_value_set(value, number_of(value) + 1));
        pid_t pid;
        CHILD(pid) CHECK_ERR(coop_rlock_acquire(coop_value_lock(value), COOP_NOWAIT), -EBUSY);
        child_must(pid);
    }
    CHECK_OK(held);
    CHECK_EQ(coop_rlock_depth(lock), 0);
}

static void a_raw_value_has_no_lock(void)
{
    const char *segment = test_name("v");
    coop_value *value, *again;
    CHECK_OK(coop_value_open(in(segment, "a"), "16s", COOP_CREATE | COOP_RAW, &value));
    CHECK(!coop_value_lock(value));
    CHECK_OK(coop_value_set_bytes(value, "sixteen letters.", 16));
    CHECK_OK(coop_value_open(in(segment, "a"), "16s", COOP_CREATE, &again));
    CHECK(!coop_value_lock(again));
    coop_value_close(value);
    coop_value_close(again);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void two_raw_values_share_a_given_lock(void)
{
    const char *segment = test_name("v");
    coop_value *one, *two;
    coop_rlock *lock;
    CHECK_OK(coop_value_open(in(segment, "one"), "i", COOP_CREATE | COOP_RAW, &one));
    CHECK_OK(coop_value_open(in(segment, "two"), "16s", COOP_CREATE | COOP_RAW, &two));
    CHECK_OK(coop_rlock_open(in(segment, "lock"), COOP_CREATE, &lock));
    CHECK_ERR(coop_value_use_lock(one, NULL), -EINVAL);
    CHECK_OK(coop_value_use_lock(one, lock));
    CHECK_OK(coop_value_use_lock(two, lock));
    CHECK(coop_value_lock(one) == lock);
    CHECK(coop_value_lock(two) == lock);
    CHECK_OK(coop_value_set_bytes(two, "sixteen letters.", 16));
    CHECK_EQ(coop_rlock_locked(lock), 0);
    CHECK_ERR(coop_value_use_lock(two, lock), -EEXIST);
    CHECK_DETAIL("was given a lock before");
    coop_value_close(one);
    coop_value_close(two);
    coop_rlock_close(lock);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void giving_a_lock_to_a_value_that_has_one_is_refused(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    coop_rlock *lock;
    CHECK_OK(coop_rlock_new(&lock));
    CHECK_ERR(coop_value_use_lock(value, lock), -EEXIST);
    CHECK_DETAIL("has a lock of its own; make it with COOP_RAW");
    CHECK(coop_value_lock(value) != lock);
    coop_rlock_close(lock);
}

static void closing_one_whose_lock_is_held_keeps_it_held_and_says_so(void)
{
    const char *segment = test_name("closed");
    char path[64];
    snprintf(path, sizeof path, "%s/v", segment);
    coop_value *value;
    CHECK_OK(coop_value_open(path, "i", COOP_CREATE, &value));
    CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_FOREVER));
    coop_value_close(value);
    CHECK_DETAIL("closed while this thread holds it");
    CHECK_ERR(coop_segment_remove(segment, 0), -EBUSY);
    CHECK_DETAIL("v is held by thread");
    CHECK_OK(coop_value_open(path, "i", 0, &value));
    CHECK_OK(coop_rlock_release(coop_value_lock(value)));
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void a_stopped_holder_does_not_stop_readers_of_a_scalar(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int *held = test_shared(sizeof *held);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_FOREVER));
        __atomic_store_n(held, 1, __ATOMIC_RELEASE);
        for (;;) pause();
    }
    CHECK_SOON(__atomic_load_n(held, __ATOMIC_ACQUIRE));
    CHECK_OK(coop_value_set(value, 5));
    CHECK_OK(coop_value_add(value, 1, NULL));
    CHECK_EQ(number_of(value), 6);
    child_kill(pid);
}

static void a_writer_is_told_that_the_last_one_died(void)
{
    COOP_AUTO(coop_value) value = new_value("16s");
    int *held = test_shared(sizeof *held);
    char out[16] = "";
    pid_t pid;
    CHECK_OK(coop_value_set_bytes(value, "sixteen letters.", 16));
    CHILD(pid) {
        CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_FOREVER));
        __atomic_store_n(held, 1, __ATOMIC_RELEASE);
        for (;;) pause();
    }
    CHECK_SOON(__atomic_load_n(held, __ATOMIC_ACQUIRE));
    child_kill(pid);
    CHECK_OK(coop_value_get_bytes(value, out, 16)); /* takes no lock, so it is told nothing */
    CHECK_MEM(out, "sixteen letters.", 16);
    CHECK_ERR(coop_value_set_bytes(value, "SIXTEEN LETTERS.", 16), COOP_OWNER_DIED);
    CHECK_OK(coop_value_get_bytes(value, out, 16));
    CHECK_MEM(out, "SIXTEEN LETTERS.", 16);
    CHECK_OK(coop_value_set_bytes(value, "sixteen letters.", 16));
}

/* Sharing */

static void a_nameless_value_is_shared_with_forked_children(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    pid_t pid;
    CHILD(pid) {
        CHECK_EQ(number_of(value), 0);
        CHECK_OK(coop_value_set(value, 42));
        coop_value_close(value);
    }
    child_must(pid);
    CHECK_EQ(number_of(value), 42);
}

static void a_named_value_is_shared_by_independent_processes(void)
{
    const char *segment = test_name("v");
    const char *path = in(segment, "a");
    pid_t writer, reader;
    CHILD(writer) {
        coop_value *value;
        CHECK_OK(coop_value_open(path, "q", COOP_CREATE, &value));
        CHECK_OK(coop_value_add(value, 40, NULL));
        coop_value_close(value);
    }
    child_must(writer);
    CHILD(reader) {
        coop_value *value;
        int64_t sum = 0;
        CHECK_OK(coop_value_open(path, "q", 0, &value));
        CHECK_OK(coop_value_add(value, 2, &sum));
        CHECK_EQ(sum, 42);
    }
    child_must(reader);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void a_handle_survives_fork_and_its_parent(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    pid_t pid;
    CHILD(pid) {
        pid_t grandchild;
        CHILD(grandchild) {
            CHECK_OK(coop_value_add(value, 1, NULL));
            CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_S(5)));
            CHECK_OK(coop_rlock_release(coop_value_lock(value)));
        }
        child_must(grandchild);
        CHECK_OK(coop_value_add(value, 1, NULL));
    }
    child_must(pid);
    CHECK_EQ(number_of(value), 2);
}

#define ROUNDS 20000

/* Waits until COUNT have come, so that they run beside each other and not one after the other. */
static void gate(int *arrived, int count)
{
    __atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < count) sched_yield();
}

/* Four processes add until one of them has seen this often that another one got in between two additions of its own:
 * only then have they really run beside each other, however busy the machine is. One core shows few of these in 2 s. */
#define MEETINGS 500

struct adders {
    int64_t additions[4];
    int stop;
};

static void add_until_they_met(coop_value *value, struct adders *shared, int self, double delta)
{
    int64_t end = test_now() + INT64_C(2000000000);
    double last = 0;
    int64_t count = 0;
    int met = 0;
    while (met < MEETINGS && !__atomic_load_n(&shared->stop, __ATOMIC_RELAXED)) {
        double sum = 0;
        if (delta == 1) {
            int64_t whole = 0;
            CHECK_OK(coop_value_add_i64(value, 1, &whole));
            sum = (double)whole;
        } else {
            CHECK_OK(coop_value_add_f64(value, delta, &sum));
        }
        if (sum != last + delta) met++;
        last = sum;
        if (++count % 4096 == 0 && test_now() > end) break;
    }
    shared->additions[self] = count;
    __atomic_store_n(&shared->stop, 1, __ATOMIC_RELAXED);
}

/* How many additions four processes made. */
static int64_t four_add(coop_value *value, double delta)
{
    struct adders *shared = test_shared(sizeof *shared);
    int64_t total = 0;
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        CHILD(pids[i]) add_until_they_met(value, shared, i, delta);
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    for (int i = 0; i < 4; i++) total += shared->additions[i];
    return total;
}

static void four_processes_lose_no_addition(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    int64_t total = four_add(value, 1);
    CHECK_EQ(number_of(value), total);
}

static void four_processes_lose_no_addition_to_a_double(void)
{
    COOP_AUTO(coop_value) value = new_value("d");
    int64_t total = four_add(value, 0.5);
    double sum = 0;
    CHECK_OK(coop_value_get(value, &sum));
    CHECK_DOUBLE(sum, 0.5 * (double)total);
}

static void four_processes_lose_nothing_under_the_lock(void)
{
    COOP_AUTO(coop_value) value = new_value("q");
    int *arrived = test_shared(sizeof *arrived);
    pid_t pids[4];
    for (int i = 0; i < 4; i++)
        CHILD(pids[i]) {
            gate(arrived, 4);
            for (int k = 0; k < ROUNDS / 10; k++) {
                int held;
                COOP_WITH_LOCK(coop_value_lock(value), COOP_FOREVER, held) {
                    CHECK_OK(coop_value_set(value, number_of(value) + 1));
                }
                CHECK_OK(held);
            }
        }
    for (int i = 0; i < 4; i++) child_must(pids[i]);
    CHECK_EQ(number_of(value), 4 * (ROUNDS / 10));
}

/* Every sum is refused or fits; a number beyond the bound would show as a negative one, if only for a moment. */
static void *push_against_the_bound(void *arg)
{
    static int arrived;
    coop_value *value = arg;
    gate(&arrived, 2);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t sum = 0;
        int result = coop_value_add_i64(value, 1, &sum);
        CHECK(result == 0 || result == -ERANGE);
        CHECK(sum >= 0);
        CHECK(number_of(value) > 0);
    }
    return NULL;
}

static void add_at_the_bound_changes_nothing_under_contention(void)
{
    COOP_AUTO(coop_value) value = new_value("i");
    pthread_t threads[2];
    CHECK_OK(coop_value_set(value, INT_MAX - 10));
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&threads[i], NULL, push_against_the_bound, value), 0);
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(number_of(value), INT_MAX);
}

/* A reader never sees half of a number: the writer alternates between two that differ in every byte. */
static void a_reader_never_sees_half_of_a_number(void)
{
    COOP_AUTO(coop_value) value = new_value("q");
    int *stop = test_shared(sizeof *stop);
    pid_t pid;
    CHILD(pid) {
        for (int i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++)
            CHECK_OK(coop_value_set(value, i & 1 ? INT64_C(-1) : INT64_C(0)));
    }
    for (int i = 0; i < 5 * ROUNDS; i++) {
        int64_t number = number_of(value);
        CHECK(number == 0 || number == -1);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
}

static void byte_strings_are_never_torn(void)
{
    COOP_AUTO(coop_value) value = new_value("1000s");
    int *stop = test_shared(sizeof *stop);
    char bytes[1000];
    pid_t pid;
    CHILD(pid) {
        for (int i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
            memset(bytes, i & 0x7f, sizeof bytes);
            CHECK_OK(coop_value_set_bytes(value, bytes, sizeof bytes));
        }
    }
    for (int i = 0; i < ROUNDS / 10; i++) {
        CHECK_OK(coop_value_get_bytes(value, bytes, sizeof bytes));
        for (size_t k = 1; k < sizeof bytes; k++) CHECK_EQ(bytes[k], bytes[0]);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
}

TESTS(value_shared, TEST(a_value_has_a_lock_of_its_own), TEST(a_raw_value_has_no_lock),
      TEST(two_raw_values_share_a_given_lock), TEST(giving_a_lock_to_a_value_that_has_one_is_refused),
      TEST(closing_one_whose_lock_is_held_keeps_it_held_and_says_so),
      TEST(a_stopped_holder_does_not_stop_readers_of_a_scalar), TEST(a_writer_is_told_that_the_last_one_died),
      TEST(a_nameless_value_is_shared_with_forked_children), TEST(a_named_value_is_shared_by_independent_processes),
      TEST(a_handle_survives_fork_and_its_parent), TEST(four_processes_lose_no_addition),
      TEST(four_processes_lose_no_addition_to_a_double), TEST(four_processes_lose_nothing_under_the_lock),
      TEST(add_at_the_bound_changes_nothing_under_contention), TEST(a_reader_never_sees_half_of_a_number),
      TEST(byte_strings_are_never_torn))
