/* SPDX-License-Identifier: MIT */
/* Array between processes: its locks, forks, and items that are not lost. */
#include "harness/test.h"

#include <coop/array.h>
#include <sched.h>
#include <stdio.h>

#define WORKERS 4
#define ROUNDS 10000

static coop_array *new_array(const char *type, size_t length, int flags)
{
    coop_array *array = NULL;
    CHECK_OK(coop_array_open(NULL, type, length, COOP_CREATE | flags, &array));
    return array;
}

static int64_t item_of(const coop_array *array, int64_t index)
{
    int64_t number = 0;
    CHECK_OK(coop_array_get_i64(array, index, &number));
    return number;
}

static void an_array_has_a_lock_of_its_own(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10, 0);
    coop_rlock *lock = coop_array_lock(array);
    int held;
    CHECK(lock);
    COOP_WITH_LOCK(lock, COOP_S(1), held) {
        CHECK_OK(coop_array_set(array, 0, 1));
        pid_t pid;
        CHILD(pid) CHECK_ERR(coop_rlock_acquire(coop_array_lock(array), COOP_NOWAIT), -EBUSY);
        child_must(pid);
    }
    CHECK_OK(held);
}

static void a_raw_array_takes_a_given_lock(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10, COOP_RAW);
    COOP_AUTO(coop_rlock) lock = NULL;
    CHECK_OK(coop_rlock_new(&lock));
    CHECK(!coop_array_lock(array));
    CHECK_ERR(coop_array_use_lock(array, NULL), -EINVAL);
    CHECK_OK(coop_array_use_lock(array, lock));
    CHECK(coop_array_lock(array) == lock);
    CHECK_ERR(coop_array_use_lock(array, lock), -EEXIST);
}

static void giving_a_lock_to_an_array_that_has_one_is_refused(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10, 0);
    COOP_AUTO(coop_rlock) lock = NULL;
    CHECK_OK(coop_rlock_new(&lock));
    CHECK_ERR(coop_array_use_lock(array, lock), -EEXIST);
    CHECK_DETAIL("has a lock of its own; make it with COOP_RAW");
}

static void a_killed_writer_is_told_by_the_lock(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 10, 0);
    coop_rlock *lock = coop_array_lock(array);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_rlock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_array_set(array, 0, 7));
        for (;;) pause();
    }
    CHECK_SOON(item_of(array, 0) == 7);
    child_kill(pid);
    CHECK_ERR(coop_rlock_acquire(lock, COOP_S(5)), COOP_OWNER_DIED);
    CHECK_OK(coop_rlock_release(lock));
    CHECK_EQ(item_of(array, 0), 7);
}

static void a_nameless_array_is_shared_with_forked_children(void)
{
    COOP_AUTO(coop_array) array = new_array("i", WORKERS, 0);
    pid_t pids[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHILD(pids[i]) CHECK_OK(coop_array_set(array, i, 100 + i));
    for (int i = 0; i < WORKERS; i++) child_must(pids[i]);
    for (int i = 0; i < WORKERS; i++) CHECK_EQ(item_of(array, i), 100 + i);
}

static void a_named_array_is_shared_by_independent_processes(void)
{
    const char *segment = test_name("a");
    char path[256];
    snprintf(path, sizeof path, "%s/a", segment);
    pid_t pids[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHILD(pids[i]) {
            coop_array *array;
            CHECK_OK(coop_array_open(path, "q", WORKERS, COOP_CREATE, &array));
            CHECK_OK(coop_array_set(array, i, 100 + i));
            coop_array_close(array);
        }
    for (int i = 0; i < WORKERS; i++) child_must(pids[i]);
    coop_array *array;
    CHECK_OK(coop_array_open(path, "q", WORKERS, 0, &array));
    for (int i = 0; i < WORKERS; i++) CHECK_EQ(item_of(array, i), 100 + i);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void processes_lose_no_addition_to_neighbouring_items(void)
{
    COOP_AUTO(coop_array) array = new_array("B", 8, COOP_RAW);
    COOP_AUTO(coop_array) sums = new_array("i", 2, COOP_RAW);
    int *arrived = test_shared(sizeof *arrived);
    pid_t pids[WORKERS];
    for (int i = 0; i < WORKERS; i++)
        CHILD(pids[i]) {
            __atomic_add_fetch(arrived, 1, __ATOMIC_ACQ_REL);
            while (__atomic_load_n(arrived, __ATOMIC_ACQUIRE) < WORKERS) sched_yield();
            for (int k = 0; k < ROUNDS; k++) {
                CHECK_OK(coop_array_set(array, i, k & 0xff));
                CHECK_EQ(item_of(array, i), k & 0xff);
                CHECK_OK(coop_array_add(sums, k & 1, 1, NULL));
            }
        }
    for (int i = 0; i < WORKERS; i++) child_must(pids[i]);
    CHECK_EQ(item_of(sums, 0), WORKERS * ROUNDS / 2);
    CHECK_EQ(item_of(sums, 1), WORKERS * ROUNDS / 2);
    for (int i = WORKERS; i < 8; i++) CHECK_EQ(item_of(array, i), 0);
}

static void copies_under_the_lock_are_whole(void)
{
    COOP_AUTO(coop_array) array = new_array("i", 500, 0);
    int *stop = test_shared(sizeof *stop);
    int numbers[500];
    int held;
    pid_t pid;
    CHILD(pid) {
        for (int i = 0; !__atomic_load_n(stop, __ATOMIC_RELAXED); i++) {
            for (int k = 0; k < 500; k++) numbers[k] = i;
            COOP_WITH_LOCK(coop_array_lock(array), COOP_FOREVER, held)
                CHECK_OK(coop_array_write(array, 0, 500, numbers));
            CHECK_OK(held);
        }
    }
    for (int i = 0; i < 2000; i++) {
        COOP_WITH_LOCK(coop_array_lock(array), COOP_FOREVER, held) CHECK_OK(coop_array_read(array, 0, 500, numbers));
        CHECK_OK(held);
        for (int k = 1; k < 500; k++) CHECK_EQ(numbers[k], numbers[0]);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
}

static void closing_nothing_is_allowed(void)
{
    coop_array_close(NULL);
}

static void closing_one_whose_lock_is_held_keeps_it_held_and_says_so(void)
{
    const char *segment = test_name("closed");
    char path[64];
    snprintf(path, sizeof path, "%s/a", segment);
    coop_array *array;
    CHECK_OK(coop_array_open(path, "d", 4, COOP_CREATE, &array));
    CHECK_OK(coop_rlock_acquire(coop_array_lock(array), COOP_FOREVER));
    coop_array_close(array);
    CHECK_DETAIL("closed while this thread holds it");
    CHECK_ERR(coop_segment_remove(segment, 0), -EBUSY);
    CHECK_DETAIL("a is held by thread");
    CHECK_OK(coop_array_open(path, "d", 4, 0, &array));
    CHECK_OK(coop_rlock_release(coop_array_lock(array)));
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(segment, 0));
}

TESTS(array_shared, TEST(closing_one_whose_lock_is_held_keeps_it_held_and_says_so),
      TEST(an_array_has_a_lock_of_its_own), TEST(a_raw_array_takes_a_given_lock),
      TEST(giving_a_lock_to_an_array_that_has_one_is_refused), TEST(a_killed_writer_is_told_by_the_lock),
      TEST(a_nameless_array_is_shared_with_forked_children), TEST(a_named_array_is_shared_by_independent_processes),
      TEST(processes_lose_no_addition_to_neighbouring_items), TEST(copies_under_the_lock_are_whole),
      TEST(closing_nothing_is_allowed))
