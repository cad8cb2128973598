/* SPDX-License-Identifier: MIT */
/* Removing objects: out of sight at once, and their storage not used again while anybody, or the kernel, may write to it. */
#include "base/atomic.h"
#include "harness/test.h"
#include "segment/handle.h"
#include "segment/opens.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static char name[128];
static char path[200];
static coop_segment *segment;

static void set_up(void)
{
    snprintf(name, sizeof name, "%s", test_name("removal"));
    snprintf(path, sizeof path, "%s/thing", name);
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 8 << 20, .objects = 64), &segment));
}

static void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static const struct coopi_entry *entry(uint32_t number)
{
    return &segment->map->directory[number];
}

static bool is_free(uint32_t number)
{
    return !(coopi_load_acquire(&entry(number)->state) & (COOPI_ENTRY_LIVE | COOPI_ENTRY_REMOVED));
}

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
    coop_value *value;
    CHECK_OK(coop_value_in(segment, "other", "i", COOP_CREATE, &value)); /* collects */
    CHECK(is_free(0) || entry(0)->kind == COOPI_VALUE);
    coop_value_close(value);
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
    CHILD(pid)
    {
        CHECK_OK(coop_lock_open(path, 0, &lock));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    CHECK(!coopi_opens_none(segment->map, 0));
    child_kill(pid);
    CHECK(coopi_opens_none(segment->map, 0));
    tear_down();
}

static void a_forked_child_counts_from_its_first_moment(void)
{
    set_up();
    coop_lock *lock;
    uint32_t *step = test_shared(sizeof *step);
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    pid_t pid;
    CHILD(pid)
    {
        while (coopi_load_acquire(step) == 0) test_sleep_ms(1); /* calls nothing of libcoop */
        _exit(0);
    }
    coop_lock_close(lock);
    CHECK_SOON(!coopi_opens_none(segment->map, 0)); /* the parent has let go */
    CHECK_OK(coop_object_remove(path, 0));
    CHECK(!is_free(0));
    coopi_store_release(step, 1);
    child_must(pid);
    CHECK(coopi_opens_none(segment->map, 0));
    tear_down();
}

enum { ROUNDS = 20 };

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
        CHILD(pid)
        {
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
        CHECK_OK(coop_array_open(path, "B", 40 * 128, COOP_CREATE, &array));
        uint8_t *bytes = coop_array_data(array);
        test_sleep_ms(2);
        for (int i = 0; i < 40 * 128; i++) CHECK_EQ(bytes[i], 0);
        coop_array_close(array);
        CHECK_OK(coop_object_remove(path, 0));
    }
    tear_down();
}

static void a_malformed_path_is_refused(void)
{
    CHECK_ERR(coop_object_remove("no-slash", 0), -EINVAL);
    CHECK_ERR(coop_object_remove(NULL, 0), -EINVAL);
    CHECK_ERR(coop_object_remove("a/b", COOP_CREATE), -EINVAL);
}

TESTS(object_removal,
      TEST(it_is_out_of_sight_at_once),
      TEST(its_name_is_free_and_another_object),
      TEST(its_storage_is_used_again),
      TEST(a_gap_between_objects_is_used),
      TEST(it_is_busy_while_a_living_thread_holds_it),
      TEST(force_removes_what_is_held_and_keeps_its_storage),
      TEST(storage_waits_for_another_process_that_has_it_open),
      TEST(a_forked_child_counts_from_its_first_moment),
      TEST_T(the_kernel_never_writes_into_storage_that_is_used_again, .seconds = 30),
      TEST(a_malformed_path_is_refused))
