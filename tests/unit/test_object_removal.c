/* SPDX-License-Identifier: MIT */
/* Removing objects: out of sight at once, and their storage not used again while anybody, or the kernel, may write to
 * it. */
#include "base/clock.h"
#include "unit/removing.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static void it_is_out_of_sight_at_once(void)
{
    set_up();
    coop_value *value, *again;
    CHECK_OK(coop_value_open(path, "i", COOP_CREATE, &value));
    CHECK_OK(coop_value_set_i64(value, 7));
    CHECK_OK(coop_object_remove(path, 0));
    CHECK_ERR(coop_value_open(path, "i", 0, &again), -ENOENT);
    CHECK_ERR(coop_object_remove(path, 0), -ENOENT);
    int64_t number;
    CHECK_OK(coop_value_get_i64(value, &number)); /* who has it open goes on */
    CHECK_EQ(number, 7);
    CHECK(!is_free(0));
    coop_value_close(value);
    tear_down();
}

static void its_name_is_free_and_another_object(void)
{
    set_up();
    coop_value *value;
    coop_array *array;
    CHECK_OK(coop_value_open(path, "i", COOP_CREATE, &value));
    CHECK_OK(coop_value_set_i64(value, 7));
    CHECK_OK(coop_object_remove(path, 0));
    CHECK_OK(coop_array_open(path, "d", 100, COOP_CREATE, &array));
    for (int i = 0; i < 100; i++) CHECK_OK(coop_array_set_f64(array, i, -1));
    int64_t number;
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 7);
    coop_array_close(array);
    coop_value_close(value);
    tear_down();
}

static void its_storage_is_used_again(void)
{
    set_up();
    for (int i = 0; i < 200; i++) { /* 200 MiB in all, and at most 8 at one time */
        coop_array *array;
        int64_t number;
        CHECK_OK(coop_array_open(path, "B", 1 << 20, COOP_CREATE, &array));
        CHECK_OK(coop_array_get_i64(array, -1, &number));
        CHECK_EQ(number, 0); /* new is zero */
        CHECK_OK(coop_array_set_i64(array, -1, 1));
        coop_array_close(array);
        CHECK_OK(coop_object_remove(path, 0));
    }
    tear_down();
}

static void a_gap_between_objects_is_used(void)
{
    set_up();
    coop_array *arrays[6];
    char each[220];
    for (int i = 0; i < 6; i++) {
        snprintf(each, sizeof each, "%s/a%d", name, i);
        CHECK_OK(coop_array_open(each, "B", 1u << 20, COOP_CREATE, &arrays[i]));
        coop_array_close(arrays[i]);
    }
    uint64_t before = coopi_load_acquire(&segment->map->header->size);
    snprintf(each, sizeof each, "%s/a2", name);
    uint64_t offset = entry(2)->offset;
    CHECK_OK(coop_object_remove(each, 0));
    CHECK_OK(coop_array_open(each, "B", 1u << 20, COOP_CREATE, &arrays[0]));
    CHECK_EQ(entry(2)->offset, offset);
    CHECK_EQ(coopi_load_acquire(&segment->map->header->size), before);
    coop_array_close(arrays[0]);
    tear_down();
}

static void it_is_busy_while_a_living_thread_holds_it(void)
{
    set_up();
    coop_lock *lock;
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_ERR(coop_object_remove(path, 0), -EBUSY);
    CHECK_DETAIL("is held by thread");
    CHECK_OK(coop_lock_release(lock));
    CHECK_OK(coop_object_remove(path, 0));
    coop_lock_close(lock);
    tear_down();
}

static void force_removes_what_is_held_and_keeps_its_storage(void)
{
    set_up();
    coop_lock *lock;
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_object_remove(path, COOP_FORCE));
    CHECK(!is_free(0));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    CHECK(!is_open(0));
    coop_array *array; /* as large as all storage: it needs the lock's place as well */
    uint64_t storage = segment->map->geometry->storage;
    CHECK_OK(coop_array_in(segment, "all", "B", (8 << 20) - storage - 64, COOP_CREATE | COOP_RAW, &array));
    CHECK_EQ(entry(1)->offset, storage);
    CHECK(is_free(0));
    coop_array_close(array);
    tear_down();
}

static void storage_waits_for_another_process_that_has_it_open(void)
{
    set_up();
    coop_lock *lock;
    uint32_t *step = test_shared(sizeof *step);
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    coop_lock_close(lock);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_lock_open(path, 0, &lock));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    CHECK(is_open(0));
    child_kill(pid);
    CHECK(!is_open(0));
    tear_down();
}

static void a_forked_child_counts_from_its_first_moment(void)
{
    set_up();
    coop_lock *lock;
    uint32_t *step = test_shared(2 * sizeof *step);
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    pid_t pid;
    CHILD(pid) {
        coopi_store_release(&step[1], 1);
        while (coopi_load_acquire(step) == 0) test_sleep_ms(1); /* calls nothing of libcoop */
        _exit(0);
    }
    CHECK_SOON(coopi_load_acquire(&step[1]) == 1);
    coop_lock_close(lock);
    CHECK(is_open(0)); /* the parent has let go */
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    coopi_store_release(step, 1);
    child_must(pid);
    CHECK(!is_open(0));
    tear_down();
}

enum { ROUNDS = 20, BYTES = 40 * 128 };

/* The kernel may write into a dead holder's lock words some time after others know of its death. The space must not be
 * somebody else's by then. */
static void the_kernel_never_writes_into_storage_that_is_used_again(void)
{
    set_up();
    uint32_t *step = test_shared(sizeof *step);
    for (int round = 0; round < ROUNDS; round++) {
        coop_array *array;
        char each[220];
        *step = 0;
        pid_t pid;
        CHILD(pid) {
            coop_lock *locks[40];
            for (int i = 0; i < 40; i++) {
                snprintf(each, sizeof each, "%s/l%d", name, i);
                CHECK_OK(coop_lock_open(each, COOP_CREATE, &locks[i]));
                CHECK_OK(coop_lock_acquire(locks[i], COOP_FOREVER));
            }
            coopi_store_release(step, 1);
            for (;;) pause();
        }
        CHECK_SOON(coopi_load_acquire(step) == 1);
        child_kill(pid);
        for (int i = 0; i < 40; i++) {
            snprintf(each, sizeof each, "%s/l%d", name, i);
            CHECK_OK(coop_object_remove(each, 0));
        }
        CHECK_OK(coop_array_open(path, "B", BYTES, COOP_CREATE, &array));
        uint8_t *bytes = coop_array_data(array);
        test_sleep_ms(2);
        for (int i = 0; i < BYTES; i++) CHECK_EQ(bytes[i], 0);
        coop_array_close(array);
        CHECK_OK(coop_object_remove(path, 0));
    }
    tear_down();
}

enum { HELD = 1900, TIMES = 10 };

static void hold_many(uint32_t *step)
{
    static coop_lock *locks[HELD];
    char each[220];
    for (int i = 0; i < HELD; i++) {
        snprintf(each, sizeof each, "%s/l%d", name, i);
        CHECK_OK(coop_lock_open(each, COOP_CREATE, &locks[i]));
        CHECK_OK(coop_lock_acquire(locks[i], COOP_FOREVER));
    }
    coopi_store_release(step, 1);
    for (;;) pause();
}

/* The time from its holder's SIGKILL until somebody else has the room of 1,900 locks. */
static int64_t time_reuse(const char *const *paths, uint64_t room)
{
    uint32_t *step = test_shared(sizeof *step);
    pid_t pid;
    coop_array *array;
    CHILD(pid) hold_many(step);
    CHECK_SOON(coopi_load_acquire(step) == 1);
    for (int i = 0; i < HELD; i++) CHECK_OK(coop_object_remove(paths[i], COOP_FORCE));
    CHECK_ERR(coop_array_open(path, "B", room, COOP_CREATE | COOP_RAW, &array), -ENOSPC);
    int64_t began = coopi_now();
    kill(pid, SIGKILL);
    while (coop_array_open(path, "B", room, COOP_CREATE | COOP_RAW, &array) < 0)
        if (coopi_now() - began > INT64_C(5000000000)) FAIL("its room was never free again");
    int64_t took = coopi_now() - began;
    const uint8_t *bytes = coop_array_data(array);
    for (int ms = 0; ms < 3; ms++) {
        for (uint64_t i = 0; i < room; i++) CHECK_EQ(bytes[i], 0);
        test_sleep_ms(1);
    }
    coop_array_close(array);
    CHECK_OK(coop_object_remove(path, 0));
    child_kill(pid);
    return took;
}

static void room_of_a_killed_holder_of_many_locks_is_used_again_within_a_millisecond(void)
{
    const uint64_t room = (uint64_t)HELD * sizeof(struct coopi_lock_shm) - 64; /* all of it: so all must be free */
    static char texts[HELD][220];
    static const char *paths[HELD];
    snprintf(name, sizeof name, "%s", test_name("removal"));
    snprintf(path, sizeof path, "%s/thing", name);
    CHECK_OK(coop_segment_create(
        name, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20, .objects = 2000, .participants = 4, .owners = 64), &segment));
    uint64_t left = segment->map->geometry->maximum - segment->map->geometry->storage - room - 64;
    coop_array *rest;
    CHECK_OK(coop_array_in(segment, "rest", "B", left - 64, COOP_CREATE | COOP_RAW, &rest));
    for (int i = 0; i < HELD; i++) {
        snprintf(texts[i], sizeof texts[i], "%s/l%d", name, i);
        paths[i] = texts[i];
    }
    int64_t best = INT64_MAX;
    for (int i = 0; i < TIMES; i++) {
        int64_t took = time_reuse(paths, room);
        if (took < best) best = took;
    }
    if (best > 1000000) FAIL("at best %lld us", (long long)best / 1000);
    coop_array_close(rest);
    tear_down();
}

static void *sleep_for_ever(void *argument)
{
    coopi_store_release((uint32_t *)argument, 1);
    for (;;) pause();
    return NULL;
}

/* The program ends by exit(), and its other thread is about to be killed: it may still use what it has open. */
static void a_program_that_ends_with_other_threads_counts_until_it_is_gone(void)
{
    set_up();
    uint32_t *step = test_shared(2 * sizeof *step);
    pid_t pid;
    CHILD(pid) {
        coop_lock *lock;
        pthread_t thread;
        CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
        CHECK_EQ(pthread_create(&thread, NULL, sleep_for_ever, step), 0);
        CHECK_SOON(coopi_load_acquire(step) == 1);
        exit(0);
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    child_must(pid);
    bool kept = false;
    for (uint32_t i = 0; i < segment->map->geometry->participants.count; i++)
        kept |= (segment->map->participants[i].word & COOPI_PID_MASK) == (uint64_t)pid;
    CHECK(kept);        /* its row was not given back */
    CHECK(!is_open(0)); /* but it is gone */
    tear_down();
}

static void a_process_that_called_exec_has_nothing_open(void)
{
    set_up();
    coop_lock *lock;
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    int pipes[2];
    CHECK_EQ(pipe2(pipes, O_CLOEXEC), 0);
    pid_t pid;
    CHILD(pid) {
        execlp("sleep", "sleep", "60", NULL);
        _exit(1);
    }
    close(pipes[1]);
    char byte;
    CHECK_EQ(read(pipes[0], &byte, 1), 0); /* exec has closed it */
    close(pipes[0]);
    coop_lock_close(lock);
    CHECK_SOON(!is_open(0));
    child_kill(pid);
    tear_down();
}

static void a_nameless_object_goes_with_its_last_handle(void)
{
    set_up();
    coop_lock *kept, *lock;
    CHECK_OK(coop_lock_in(segment, NULL, 0, &kept));
    CHECK_OK(coop_lock_acquire(kept, COOP_NOWAIT));
    for (int i = 0; i < 500; i++) { /* in a directory of 64 */
        CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
        coop_lock_close(lock);
    }
    CHECK_OK(coop_lock_release(kept));
    coop_lock_close(kept);
    tear_down();
}

static void a_nameless_object_stays_while_a_child_has_it(void)
{
    enum { FILL = 200 };
    set_up();
    coop_value *value, *other;
    uint32_t *step = test_shared(sizeof *step);
    CHECK_OK(coop_value_in(segment, NULL, "i", 0, &value));
    pid_t pid;
    CHILD(pid) {
        int64_t number;
        CHECK_OK(coop_value_set_i64(value, 7));
        CHECK_SOON(coopi_load_acquire(step) == 1);
        CHECK_OK(coop_value_get_i64(value, &number));
        CHECK_EQ(number, 7);
    }
    coop_value_close(value);
    for (int i = 0; i < FILL; i++) {
        CHECK_OK(coop_value_in(segment, NULL, "i", 0, &other));
        CHECK_OK(coop_value_set_i64(other, 1));
        coop_value_close(other);
    }
    coopi_store_release(step, 1);
    child_must(pid);
    tear_down();
}

static void a_malformed_path_is_refused(void)
{
    CHECK_ERR(coop_object_remove("no-slash", 0), -EINVAL);
    CHECK_ERR(coop_object_remove(NULL, 0), -EINVAL);
    CHECK_ERR(coop_object_remove("a/b", COOP_CREATE), -EINVAL);
}

TESTS(object_removal, TEST(it_is_out_of_sight_at_once), TEST(its_name_is_free_and_another_object),
      TEST(its_storage_is_used_again), TEST(a_gap_between_objects_is_used),
      TEST(it_is_busy_while_a_living_thread_holds_it), TEST(force_removes_what_is_held_and_keeps_its_storage),
      TEST(storage_waits_for_another_process_that_has_it_open), TEST(a_forked_child_counts_from_its_first_moment),
      TEST_T(the_kernel_never_writes_into_storage_that_is_used_again, .seconds = 30),
      TEST_T(room_of_a_killed_holder_of_many_locks_is_used_again_within_a_millisecond, .seconds = 30,
             .tags = NO_SAN | ALONE),
      TEST(a_program_that_ends_with_other_threads_counts_until_it_is_gone),
      TEST(a_process_that_called_exec_has_nothing_open), TEST(a_nameless_object_goes_with_its_last_handle),
      TEST(a_nameless_object_stays_while_a_child_has_it), TEST(a_malformed_path_is_refused))
