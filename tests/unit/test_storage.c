/* SPDX-License-Identifier: MIT */
/* Storage that is given away again and again: never to two at one time, and never lost. */
#include "base/atomic.h"
#include "harness/test.h"
#include "segment/handle.h"

#include <coop/array.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 40, STEPS = 4000 };

static char name[128];
static coop_segment *segment;

static void set_up(uint64_t maximum)
{
    snprintf(name, sizeof name, "%s", test_name("storage"));
    CHECK_OK(coop_segment_create(name,
                                 COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = maximum, .objects = SLOTS + 4,
                                                      .owners = 64, .participants = 16),
                                 &segment));
}

static void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static const char *object(int number)
{
    static char text[32];
    snprintf(text, sizeof text, "object%d", number);
    return text;
}

static int make(int number, size_t size)
{
    coop_array *array;
    int r = coop_array_in(segment, object(number), "B", size, COOP_CREATE | COOP_EXCL | COOP_RAW, &array);
    if (r < 0) return r;
    uint8_t *bytes = coop_array_data(array);
    for (size_t i = 0; i < size; i++)
        if (bytes[i]) FAIL("a new array is not zero at %zu", i);
    memset(bytes, number + 1, size);
    coop_array_close(array);
    return 0;
}

static void check_and_remove(int number, size_t size)
{
    coop_array *array;
    CHECK_OK(coop_array_in(segment, object(number), "B", size, 0, &array));
    const uint8_t *bytes = coop_array_data(array);
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != number + 1) FAIL("byte %zu of array %d is %d", i, number, bytes[i]);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove_object(segment, object(number), 0));
}

/* Sizes from a line to 8 KiB, made and removed at random: each byte belongs to one object, and is zero at first. */
static void churn(unsigned seed)
{
    size_t sizes[SLOTS] = {0};
    int refused = 0;
    for (int step = 0; step < STEPS; step++) {
        int number = rand_r(&seed) % SLOTS;
        if (sizes[number]) {
            check_and_remove(number, sizes[number]);
            sizes[number] = 0;
            continue;
        }
        size_t size = 1 + (size_t)rand_r(&seed) % (rand_r(&seed) % 8 ? 300 : 4096);
        int r = make(number, size);
        if (r < 0) CHECK_EQ(r, -ENOSPC);
        refused += r < 0;
        if (r == 0) sizes[number] = size;
    }
    CHECK(refused < STEPS / 4);
    for (int i = 0; i < SLOTS; i++)
        if (sizes[i]) check_and_remove(i, sizes[i]);
}

static void no_byte_belongs_to_two_with_room_to_spare(void)
{
    set_up(1 << 20);
    for (unsigned seed = 1; seed <= 3; seed++) churn(seed);
    tear_down();
}

static void no_byte_belongs_to_two_when_it_is_scarce(void)
{
    set_up(96 << 10);
    for (unsigned seed = 1; seed <= 3; seed++) churn(seed);
    uint64_t all = segment->map->geometry->maximum - segment->map->geometry->storage - 64; /* but for the type's line */
    CHECK_OK(make(0, all)); /* and in the end none is lost */
    check_and_remove(0, all);
    tear_down();
}

/* It is a hint in shared memory, and whoever follows it must not leave the storage. */
static void a_wrong_hint_of_free_storage_is_not_followed(void)
{
    set_up(1 << 20);
    CHECK_OK(make(0, 100));
    struct coopi_header *header = segment->map->header;
    const uint64_t lies[][2] = {{0, 4096},
                                {64, UINT64_MAX},
                                {header->storage + 1, header->storage_end},
                                {UINT64_MAX - 63, UINT64_MAX},
                                {1 << 19, 1 << 20},
                                {header->storage_end, 1 << 30}};
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        header->free_start = lies[i][0];
        header->free_end = lies[i][1];
        CHECK_OK(make((int)i + 1, 64));
    }
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) check_and_remove((int)i + 1, 64);
    check_and_remove(0, 100);
    tear_down();
}

enum { MAKERS = 3, EACH = 400 };

/* Several processes make it grow at once, and what each writes stays. */
static void grown_by_several_at_once_it_loses_nothing(void)
{
    snprintf(name, sizeof name, "%s", test_name("storage"));
    CHECK_OK(coop_segment_create(
        name, COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 64 << 20, .objects = MAKERS * EACH), &segment));
    pid_t pids[MAKERS];
    for (int m = 0; m < MAKERS; m++) {
        CHILD(pids[m])
            for (int i = 0; i < EACH; i++) CHECK_OK(make(m * EACH + i, 1000 + (size_t)i));
    }
    for (int m = 0; m < MAKERS; m++) child_must(pids[m]);
    for (int i = 0; i < MAKERS * EACH; i++) {
        coop_array *array;
        CHECK_OK(coop_array_in(segment, object(i), "B", 1000 + (size_t)(i % EACH), 0, &array));
        const uint8_t *bytes = coop_array_data(array);
        for (size_t k = 0; k < coop_array_length(array); k++) CHECK_EQ(bytes[k], (uint8_t)(i + 1));
        coop_array_close(array);
    }
    tear_down();
}

static void an_object_of_an_open_segment_is_removed_by_its_name(void)
{
    coop_value *value;
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.maximum = 1 << 20), &segment));
    CHECK_OK(coop_value_in(segment, "thing", "i", COOP_CREATE, &value));
    CHECK_OK(coop_segment_remove_object(segment, "thing", 0));
    CHECK_ERR(coop_segment_remove_object(segment, "thing", 0), -ENOENT);
    CHECK_ERR(coop_segment_remove_object(segment, "no/name", 0), -EINVAL);
    CHECK_ERR(coop_segment_remove_object(segment, NULL, 0), -EINVAL);
    CHECK_ERR(coop_segment_remove_object(segment, "thing", COOP_CREATE), -EINVAL);
    coop_value_close(value);
    coop_segment_close(segment);
}

enum { SEGMENTS = 1000 };

static void a_thousand_segments_are_open_in_one_process(void)
{
    static coop_segment *all[SEGMENTS];
    static coop_array *arrays[SEGMENTS];
    for (int i = 0; i < SEGMENTS; i++) {
        CHECK_OK(
            coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = 4, .owners = 4, .participants = 4), &all[i]));
        close(all[i]->map->fd); /* whatever this machine allows */
        CHECK_OK(coop_array_in(all[i], "numbers", "i", 4, COOP_CREATE, &arrays[i]));
        CHECK_OK(coop_array_set_i64(arrays[i], 0, i));
    }
    pid_t pid;
    CHILD(pid)
        for (int i = 0; i < SEGMENTS; i++) CHECK_OK(coop_array_set_i64(arrays[i], 1, -i));
    child_must(pid);
    for (int i = 0; i < SEGMENTS; i++) {
        int64_t first, second;
        CHECK_OK(coop_array_get_i64(arrays[i], 0, &first));
        CHECK_OK(coop_array_get_i64(arrays[i], 1, &second));
        CHECK_EQ(first, i);
        CHECK_EQ(second, -i);
        coop_array_close(arrays[i]);
        coop_segment_close(all[i]);
    }
}

TESTS(storage, TEST(an_object_of_an_open_segment_is_removed_by_its_name),
      TEST_T(no_byte_belongs_to_two_with_room_to_spare, .seconds = 30),
      TEST_T(no_byte_belongs_to_two_when_it_is_scarce, .seconds = 30),
      TEST(a_wrong_hint_of_free_storage_is_not_followed),
      TEST_T(grown_by_several_at_once_it_loses_nothing, .seconds = 30),
      TEST_T(a_thousand_segments_are_open_in_one_process, .seconds = 30, .tags = NO_TSAN))
