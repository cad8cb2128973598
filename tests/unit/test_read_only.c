/* SPDX-License-Identifier: MIT */
/* Segments that are open only to be read. */
#include "harness/forge.h"
#include "harness/test.h"

#include "segment/handle.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

struct point {
    double x, y;
    char label[16];
};
#define POINT "T{d:x: d:y: 16s:label:}"

static const char *name;
static coop_segment *writing, *reading;
static coop_value *number, *point;
static coop_array *row, *letters;

/* saldo 42, raw 7 (of `b`), spot {1, 2, "here"}, row {0, 1, 2, 3}, letters "abc": written here, read by the test. */
static void set_up(void)
{
    name = test_name("s");
    CHECK_OK(coop_segment_create(name, NULL, &writing));
    coop_value *raw;
    struct point spot = {1, 2, "here"};
    int items[4] = {0, 1, 2, 3};
    CHECK_OK(coop_value_in(writing, "saldo", "i", COOP_CREATE, &number));
    CHECK_OK(coop_value_set_i64(number, 42));
    CHECK_OK(coop_value_in(writing, "raw", "b", COOP_CREATE | COOP_RAW, &raw));
    CHECK_OK(coop_value_set_i64(raw, 7));
    coop_value_close(raw);
    CHECK_OK(coop_value_in(writing, "spot", POINT, COOP_CREATE, &point));
    CHECK_OK(coop_value_set_bytes(point, &spot, sizeof spot));
    CHECK_OK(coop_array_in(writing, "row", "i", 4, COOP_CREATE, &row));
    CHECK_OK(coop_array_write(row, 0, 4, items));
    CHECK_OK(coop_array_in(writing, "letters", "c", 3, COOP_CREATE, &letters));
    CHECK_OK(coop_array_set_value(letters, "abc"));
    CHECK_OK(coop_segment_open(name, COOP_READ_ONLY, &reading));
}

static void tear_down(void)
{
    coop_value_close(number);
    coop_value_close(point);
    coop_array_close(row);
    coop_array_close(letters);
    coop_segment_close(reading);
    coop_segment_close(writing);
    CHECK_OK(coop_segment_remove(name, 0));
}

static coop_value *read_value(const char *object)
{
    coop_value *value;
    CHECK_OK(coop_value_in(reading, object, NULL, 0, &value));
    return value;
}

static coop_array *read_array(const char *object)
{
    coop_array *array;
    CHECK_OK(coop_array_in(reading, object, NULL, COOP_ANY_LENGTH, 0, &array));
    return array;
}

static void values_are_read_as_they_change(void)
{
    set_up();
    coop_value *saldo = read_value("saldo"), *raw = read_value("raw"), *spot = read_value("spot");
    int64_t i;
    uint64_t u, version;
    double d;
    int word;
    struct point seen;
    CHECK_OK(coop_value_get_i64(saldo, &i));
    CHECK_EQ(i, 42);
    CHECK_OK(coop_value_set_i64(number, -43));
    CHECK_OK(coop_value_get_i64(saldo, &i));
    CHECK_EQ(i, -43);
    CHECK_ERR(coop_value_get_u64(saldo, &u), -ERANGE);
    CHECK_OK(coop_value_get_u64(raw, &u));
    CHECK_EQ(u, 7);
    CHECK_OK(coop_value_get_f64(saldo, &d));
    CHECK_DOUBLE(d, -43);
    CHECK_OK(coop_value_get_bytes(saldo, &word, sizeof word));
    CHECK_EQ(word, -43);
    CHECK_OK(coop_value_get_version(spot, &seen, sizeof seen, &version));
    CHECK_STR(seen.label, "here");
    CHECK_OK(coop_value_get_field(spot, "y", &d, sizeof d));
    CHECK_DOUBLE(d, 2);
    CHECK(coop_value_lock(saldo) == NULL);
    coop_value_close(saldo);
    coop_value_close(raw);
    coop_value_close(spot);
    tear_down();
}

static void arrays_are_read_as_they_change(void)
{
    set_up();
    coop_array *seen = read_array("row"), *text = read_array("letters");
    int64_t i;
    double d;
    int items[4];
    size_t count;
    char string[8];
    CHECK_OK(coop_array_set_i64(row, -1, 30));
    CHECK_OK(coop_array_get_i64(seen, 3, &i));
    CHECK_EQ(i, 30);
    CHECK_OK(coop_array_get_f64(seen, 1, &d));
    CHECK_DOUBLE(d, 1);
    CHECK_ERR(coop_array_get_i64(seen, 4, &i), -ERANGE);
    CHECK_OK(coop_array_read(seen, 0, 4, items));
    CHECK_EQ(items[3], 30);
    CHECK_OK(coop_array_get_slice(seen, COOP_OMITTED, COOP_OMITTED, -2, items, 4, &count));
    CHECK_EQ(count, 2);
    CHECK_EQ(items[0], 30);
    CHECK_OK(coop_array_get_value(text, string, sizeof string));
    CHECK_STR(string, "abc");
    CHECK_EQ(((const int *)coop_array_data(seen))[2], 2);
    coop_array_close(seen);
    coop_array_close(text);
    tear_down();
}

#define CHECK_REFUSED(call)                                                                                            \
    do {                                                                                                               \
        CHECK_ERR(call, -EACCES);                                                                                      \
        CHECK_DETAIL("COOP_READ_ONLY");                                                                                \
    } while (0)

static void nothing_can_be_set(void)
{
    set_up();
    coop_value *saldo = read_value("saldo"), *spot = read_value("spot");
    coop_array *seen = read_array("row"), *text = read_array("letters");
    int64_t expected = 42, i;
    int item = 9;
    struct point other = {3, 4, "there"};
    CHECK_REFUSED(coop_value_set_i64(saldo, 1));
    CHECK_REFUSED(coop_value_set_u64(saldo, 1));
    CHECK_REFUSED(coop_value_set_f64(saldo, 1));
    CHECK_REFUSED(coop_value_add_i64(saldo, 1, NULL));
    CHECK_REFUSED(coop_value_exchange_i64(saldo, 1, &i));
    CHECK_REFUSED(coop_value_compare_exchange_i64(saldo, &expected, 1));
    CHECK_REFUSED(coop_value_set_bytes(saldo, &item, sizeof item));
    CHECK_REFUSED(coop_value_set_bytes(spot, &other, sizeof other));
    CHECK_REFUSED(coop_value_set_field(spot, "x", &other.x, sizeof other.x));
    CHECK_REFUSED(coop_array_set_i64(seen, 0, 1));
    CHECK_REFUSED(coop_array_add_i64(seen, 0, 1, NULL));
    CHECK_REFUSED(coop_array_write(seen, 0, 1, &item));
    CHECK_REFUSED(coop_array_set_slice(seen, 0, 1, 1, &item, 1));
    CHECK_REFUSED(coop_array_fill(seen, 0, 4, 1, &item, sizeof item));
    CHECK_REFUSED(coop_array_set_bytes(seen, 0, &item, sizeof item));
    CHECK_REFUSED(coop_array_set_value(text, "x"));
    CHECK_OK(coop_value_get_i64(saldo, &i));
    CHECK_EQ(i, 42);
    coop_value_close(saldo);
    coop_value_close(spot);
    coop_array_close(seen);
    coop_array_close(text);
    tear_down();
}

static void it_borrows_no_lock(void)
{
    set_up();
    coop_value *spot = read_value("spot");
    coop_rlock *lock;
    CHECK_OK(coop_rlock_new(&lock));
    CHECK_REFUSED(coop_value_use_lock(spot, lock));
    coop_value_close(spot);
    coop_rlock_close(lock);
    tear_down();
}

static void nothing_can_be_held_made_or_removed(void)
{
    set_up();
    coop_lock *lock;
    coop_rlock *rlock;
    coop_value *value;
    CHECK_OK(coop_lock_in(writing, "door", COOP_CREATE, &lock));
    coop_lock_close(lock);
    CHECK_REFUSED(coop_lock_in(reading, "door", 0, &lock));
    CHECK_REFUSED(coop_rlock_in(reading, "gate", COOP_CREATE, &rlock));
    CHECK_REFUSED(coop_value_in(reading, "new", "i", COOP_CREATE, &value));
    CHECK_REFUSED(coop_value_in(reading, NULL, "i", 0, &value));
    CHECK_REFUSED(coop_segment_remove_object(reading, "saldo", 0));
    CHECK_ERR(coop_value_in(reading, "new", NULL, 0, &value), -ENOENT);
    tear_down();
}

static void flags_that_contradict_it_are_refused(void)
{
    set_up();
    coop_segment *other;
    coop_value *value;
    CHECK_ERR(coop_segment_open(name, COOP_READ_ONLY | COOP_CREATE, &other), -EINVAL);
    CHECK_DETAIL("contradict");
    CHECK_ERR(coop_value_in(writing, "saldo", NULL, COOP_READ_ONLY, &value), -EINVAL);
    CHECK_DETAIL("open that with COOP_READ_ONLY");
    CHECK_ERR(coop_value_open("s/v", "i", COOP_READ_ONLY | COOP_CREATE, &value), -EINVAL);
    CHECK_ERR(coop_value_open(NULL, "i", COOP_READ_ONLY, &value), -EINVAL); /* a nameless one is always made */
    CHECK_ERR(coop_segment_open(test_name("absent"), COOP_READ_ONLY, &other), -ENOENT);
    tear_down();
}

static void a_value_is_opened_to_be_read_by_its_path(void)
{
    set_up();
    char path[200];
    coop_value *value;
    int64_t i;
    snprintf(path, sizeof path, "%s/saldo", name);
    CHECK_OK(coop_value_open(path, "i", COOP_READ_ONLY, &value));
    CHECK_OK(coop_value_get_i64(value, &i));
    CHECK_EQ(i, 42);
    CHECK_REFUSED(coop_value_set_i64(value, 1));
    coop_value_close(value);
    tear_down();
}

/* Its storage is another's by then; and the name, too. */
static void reading_what_was_removed_is_told(void)
{
    set_up();
    coop_value *saldo = read_value("saldo"), *spot = read_value("spot"), *again;
    coop_array *seen = read_array("row");
    struct point there;
    uint64_t version;
    int64_t i = 5;
    int items[4];
    coop_value_close(number);
    coop_value_close(point);
    coop_array_close(row);
    CHECK_OK(coop_segment_remove_object(writing, "saldo", 0));
    CHECK_OK(coop_segment_remove_object(writing, "spot", 0));
    CHECK_OK(coop_segment_remove_object(writing, "row", 0));
    CHECK_OK(coop_value_in(writing, "saldo", "i", COOP_CREATE, &number));
    CHECK_OK(coop_value_in(writing, "spot", POINT, COOP_CREATE, &point));
    CHECK_OK(coop_array_in(writing, "row", "i", 4, COOP_CREATE, &row));
    CHECK_ERR(coop_value_get_i64(saldo, &i), -ESTALE);
    CHECK_DETAIL("was removed");
    CHECK_EQ(i, 5);
    CHECK_ERR(coop_value_get_bytes(saldo, items, sizeof items[0]), -ESTALE);
    CHECK_ERR(coop_value_get_bytes(spot, &there, sizeof there), -ESTALE);
    CHECK_ERR(coop_value_version(spot, &version), -ESTALE);
    CHECK_ERR(coop_array_get_i64(seen, 0, &i), -ESTALE);
    CHECK_ERR(coop_array_read(seen, 0, 4, items), -ESTALE);
    CHECK_ERR(coop_array_get_slice(seen, 0, 4, 2, items, 4, NULL), -ESTALE);
    again = read_value("saldo");
    CHECK_OK(coop_value_get_i64(again, &i));
    CHECK_EQ(i, 0);
    coop_value_close(again);
    coop_value_close(saldo);
    coop_value_close(spot);
    coop_array_close(seen);
    tear_down();
}

static uint32_t participants(void)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < writing->map->geometry->participants.count; i++)
        count += writing->map->participants[i].word != 0;
    return count;
}

/* The kernel would refuse the first store, in a process that has no right to write; and there is no row of it. */
static void a_reader_writes_nothing_and_is_no_participant(void)
{
    set_up();
    CHECK_EQ(participants(), 1);
    CHECK_EQ(chmod(forge_path(name), 0400), 0);
    pid_t pid;
    CHILD(pid) {
        coop_segment *other;
        coop_value *value;
        int64_t i;
        CHECK_OK(coop_segment_open(name, COOP_READ_ONLY, &other));
        CHECK_OK(coop_value_in(other, "saldo", NULL, 0, &value));
        CHECK_OK(coop_value_get_i64(value, &i));
        CHECK_EQ(i, 42);
        coop_value_close(value);
        coop_segment_close(other);
    }
    child_must(pid);
    CHECK_EQ(chmod(forge_path(name), 0600), 0);
    tear_down();
}

static void it_grows_with_the_segment(void)
{
    set_up();
    coop_array *large, *seen;
    int64_t i;
    CHECK_OK(coop_array_in(writing, "large", "q", 1 << 18, COOP_CREATE, &large));
    CHECK_OK(coop_array_set_i64(large, -1, 9));
    seen = read_array("large");
    CHECK_OK(coop_array_get_i64(seen, -1, &i));
    CHECK_EQ(i, 9);
    coop_array_close(seen);
    coop_array_close(large);
    tear_down();
}

TESTS(read_only, TEST(values_are_read_as_they_change), TEST(arrays_are_read_as_they_change), TEST(nothing_can_be_set),
      TEST(it_borrows_no_lock), TEST(nothing_can_be_held_made_or_removed), TEST(flags_that_contradict_it_are_refused),
      TEST(a_value_is_opened_to_be_read_by_its_path), TEST(reading_what_was_removed_is_told),
      TEST(a_reader_writes_nothing_and_is_no_participant), TEST(it_grows_with_the_segment))
