/* SPDX-License-Identifier: MIT */
/* Value of records: whole versions for readers, whoever writes, stops or dies; fields, versions and strings. */
#include "harness/test.h"

#include "segment/layout.h"
#include "sync/lock_shm.h"

#include <coop/value.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

struct reading {
    int64_t time;
    double x, y;
    char label[16];
};
#define READING "T{q:time: T{d:x: d:y:}:position: 16s:label:}"

static coop_value *new_value(const char *type)
{
    coop_value *value = NULL;
    CHECK_OK(coop_value_new(type, &value));
    return value;
}

/* `SEGMENT/NAME`. */
static const char *in(const char *segment, const char *name)
{
    static char paths[4][256];
    static unsigned int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", segment, name);
    return path;
}

static void a_record_is_set_and_read_as_a_struct(void)
{
    COOP_AUTO(coop_value) value = new_value(READING);
    struct reading set = {7, 1.5, -2.5, "north"}, got;
    CHECK_EQ(coop_value_size(value), sizeof set);
    CHECK_OK(coop_value_get_record(value, &got));
    CHECK_MEM(&got, &(struct reading){0}, sizeof got);
    CHECK_OK(coop_value_set_record(value, &set));
    CHECK_OK(coop_value_get_record(value, &got));
    CHECK_MEM(&got, &set, sizeof got);
    set.time = 8;
    CHECK_OK(coop_value_set_bytes(value, &set, sizeof set));
    CHECK_OK(coop_value_get_bytes(value, &got, sizeof got));
    CHECK_MEM(&got, &set, sizeof got);
}

static void a_struct_of_another_size_is_refused(void)
{
    COOP_AUTO(coop_value) value = new_value("T{d:x: i:n:}");
    char bytes[16] = "unchanged";
    CHECK_EQ(coop_value_size(value), 16);
    CHECK_ERR(coop_value_get_bytes(value, bytes, 12), -EINVAL);
    CHECK_DETAIL("12 bytes given, but type \"T{d:x:i:n:}\" has 16");
    CHECK_ERR(coop_value_set_bytes(value, bytes, 17), -EINVAL);
    CHECK_STR(bytes, "unchanged");
    int64_t number;
    CHECK_ERR(coop_value_get(value, &number), -EINVAL);
    CHECK_DETAIL("is not one number");
    CHECK_ERR(coop_value_add(value, 1, NULL), -EINVAL);
}

static void values_of_every_size_are_read_back(void)
{
    for (unsigned size = 1; size <= 300; size++) {
        char type[16], set[300], got[301];
        snprintf(type, sizeof type, "%us", size);
        COOP_AUTO(coop_value) value = new_value(type);
        for (int round = 0; round < 3; round++) {
            memset(set, 'a' + round, sizeof set);
            memset(got, '!', sizeof got);
            CHECK_OK(coop_value_set_bytes(value, set, size));
            CHECK_OK(coop_value_get_bytes(value, got, size));
            CHECK_MEM(got, set, size);
            CHECK_EQ(got[size], '!');
        }
    }
}

static void versions_count_the_sets(void)
{
    COOP_AUTO(coop_value) value = new_value("T{q:a: q:b:}");
    int64_t pair[2] = {0};
    uint64_t version = 9;
    CHECK_OK(coop_value_version(value, &version));
    CHECK_EQ(version, 0);
    for (int64_t i = 1; i <= 5; i++) {
        pair[0] = pair[1] = i;
        CHECK_OK(coop_value_set_record(value, &pair));
        CHECK_OK(coop_value_version(value, &version));
        CHECK_EQ(version, i);
        CHECK_OK(coop_value_get_version(value, pair, sizeof pair, &version));
        CHECK_EQ(version, i);
        CHECK_EQ(pair[1], i);
    }
}

static void small_values_have_no_versions(void)
{
    COOP_AUTO(coop_value) value = new_value("T{i:a: i:b:}");
    int pair[2] = {1, 2};
    uint64_t version = 9;
    CHECK_ERR(coop_value_version(value, &version), -EINVAL);
    CHECK_DETAIL("type \"T{i:a:i:b:}\" of 8 bytes has no versions");
    CHECK_ERR(coop_value_get_version(value, pair, sizeof pair, &version), -EINVAL);
    CHECK_EQ(version, 9);
    CHECK_EQ(pair[0], 1);
}

/* Fields */

static void fields_are_read_and_set_by_name(void)
{
    COOP_AUTO(coop_value) value = new_value(READING);
    struct reading set = {7, 1.5, -2.5, "north"}, got;
    double x = 0;
    char label[16];
    CHECK_OK(coop_value_set_record(value, &set));
    CHECK_OK(coop_value_get_field(value, "position.x", &x, sizeof x));
    CHECK_DOUBLE(x, 1.5);
    CHECK_OK(coop_value_get_field(value, "label", label, sizeof label));
    CHECK_STR(label, "north");
    CHECK_OK(coop_value_set_field(value, ".position.y", &(double){9.5}, sizeof(double)));
    CHECK_OK(coop_value_get_record(value, &got));
    set.y = 9.5;
    CHECK_MEM(&got, &set, sizeof got);
    uint64_t version = 0;
    CHECK_OK(coop_value_version(value, &version));
    CHECK_EQ(version, 2);
}

static void fields_that_are_not_there_are_told(void)
{
    COOP_AUTO(coop_value) value = new_value(READING);
    double x = 7;
    CHECK_ERR(coop_value_get_field(value, "position.z", &x, sizeof x), -ENOENT);
    CHECK_DETAIL("has no field \"z\"; there are: x, y");
    CHECK_ERR(coop_value_set_field(value, "reading", &x, sizeof x), -ENOENT);
    CHECK_ERR(coop_value_get_field(value, "position.x", &x, 4), -EINVAL);
    CHECK_DETAIL("4 bytes given, but that part of \"T{");
    CHECK_DETAIL("has 8");
    CHECK_ERR(coop_value_get_field(value, NULL, &x, sizeof x), -EINVAL);
    CHECK_ERR(coop_value_get_field(value, "label[3]", &x, 1), -EINVAL);
    CHECK_DOUBLE(x, 7);
}

static void fields_of_a_small_record_are_set_beside_each_other(void)
{
    COOP_AUTO(coop_value) value = new_value("T{h:a: h:b:}");
    pid_t pid;
    CHILD(pid) {
        for (short i = 1; i <= 20000; i++) CHECK_OK(coop_value_set_field(value, "a", &i, sizeof i));
    }
    for (short i = 1; i <= 20000; i++) {
        short seen = 0;
        CHECK_OK(coop_value_set_field(value, "b", &i, sizeof i));
        CHECK_OK(coop_value_get_field(value, "b", &seen, sizeof seen));
        CHECK_EQ(seen, i);
    }
    child_must(pid);
    short pair[2] = {0};
    CHECK_OK(coop_value_get_record(value, &pair));
    CHECK_EQ(pair[0], 20000);
    CHECK_EQ(pair[1], 20000);
}

static void fields_of_a_large_record_are_set_beside_each_other(void)
{
    COOP_AUTO(coop_value) value = new_value("(2)32q");
    int64_t row[32];
    pid_t pid;
    CHILD(pid) {
        for (int64_t i = 1; i <= 5000; i++) CHECK_OK(coop_value_set_field(value, "[1][31]", &i, sizeof i));
    }
    for (int64_t i = 1; i <= 5000; i++) {
        for (int k = 0; k < 32; k++) row[k] = i;
        CHECK_OK(coop_value_set_field(value, "[0]", row, sizeof row));
    }
    child_must(pid);
    int64_t all[2][32];
    CHECK_OK(coop_value_get_record(value, &all));
    for (int k = 0; k < 32; k++) CHECK_EQ(all[0][k], 5000);
    CHECK_EQ(all[1][31], 5000);
    uint64_t version = 0;
    CHECK_OK(coop_value_version(value, &version));
    CHECK_EQ(version, 10000);
}

/* Types */

static void another_record_is_refused_and_the_first_field_named(void)
{
    const char *segment = test_name("r");
    coop_value *value, *none = NULL;
    CHECK_OK(coop_value_open(in(segment, "a"), READING, COOP_CREATE, &value));
    CHECK_ERR(coop_value_open(in(segment, "a"), "T{q:time: T{d:x: f:y:}:position: 16s:label:}", COOP_CREATE, &none),
              -EINVAL);
    CHECK_DETAIL("/a: is of another type: field `position.y` is d at byte 8, not f at byte 8; open it as \"T{q:time:");
    CHECK_ERR(coop_value_open(in(segment, "a"), "T{q:time: T{d:x: d:y:}:place: 16s:label:}", 0, &none), -EINVAL);
    CHECK_DETAIL("it has field `position` where `place` is wanted");
    CHECK_ERR(coop_value_open(in(segment, "a"), "40s", 0, &none), -EINVAL);
    CHECK_DETAIL("they differ from column 1 on");
    CHECK(!none);
    coop_value_close(value);
    CHECK_OK(coop_segment_remove(segment, 0));
}

static void the_same_layout_written_otherwise_is_the_same_type(void)
{
    const char *segment = test_name("r");
    coop_value *value, *same;
    CHECK_OK(coop_value_open(in(segment, "a"), "T{ i:a: d:b: }", COOP_CREATE, &value));
    CHECK_OK(coop_value_open(in(segment, "a"), "@i:a: 4x d:b:", COOP_CREATE, &same));
    CHECK_STR(coop_value_type(same), "T{i:a:d:b:}");
    coop_value_close(value);
    coop_value_close(same);
    CHECK_OK(coop_segment_remove(segment, 0));
}

/* Strings */

static void a_string_is_padded_and_read_back(void)
{
    static const char *const types[] = {"5s", "8s", "16s", "16c", "300s"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        COOP_AUTO(coop_value) value = new_value(types[i]);
        char text[301], raw[300];
        size_t size = coop_value_size(value);
        CHECK_OK(coop_value_set_string(value, "abcde"));
        CHECK_OK(coop_value_set_string(value, "xy"));
        CHECK_OK(coop_value_get_string(value, text, size + 1));
        CHECK_STR(text, "xy");
        CHECK_OK(coop_value_get_bytes(value, raw, size));
        for (size_t k = 2; k < size; k++) CHECK_EQ(raw[k], 0);
        memset(raw, 'z', size);
        CHECK_OK(coop_value_set_bytes(value, raw, size));
        CHECK_OK(coop_value_get_string(value, text, sizeof text));
        CHECK_EQ(strlen(text), size);
    }
}

static void a_string_that_does_not_fit_changes_nothing(void)
{
    COOP_AUTO(coop_value) value = new_value("5s");
    COOP_AUTO(coop_value) number = new_value("i");
    char text[6] = "?";
    CHECK_OK(coop_value_set_string(value, "abcde"));
    CHECK_ERR(coop_value_set_string(value, "abcdef"), -ERANGE);
    CHECK_DETAIL("a string of 6 bytes does not fit into 5; nothing was changed");
    CHECK_ERR(coop_value_get_string(value, text, 5), -ERANGE);
    CHECK_DETAIL("the string may have 5 bytes and a NUL, and there is room for 5");
    CHECK_STR(text, "?");
    CHECK_OK(coop_value_get_string(value, text, 6));
    CHECK_STR(text, "abcde");
    CHECK_ERR(coop_value_set_string(number, "1"), -EINVAL);
    CHECK_DETAIL("type \"i\" is no string");
    CHECK_ERR(coop_value_get_string(number, text, 6), -EINVAL);
}

/* Sharing */

#define WORDS 128 /* 1 KiB */

static bool is_whole(const int64_t *words)
{
    for (int i = 1; i < WORDS; i++)
        if (words[i] != words[0]) return false;
    return true;
}

static void write_until(coop_value *value, const int *stop)
{
    int64_t words[WORDS];
    for (int64_t n = 1; !__atomic_load_n(stop, __ATOMIC_RELAXED); n++) {
        for (int i = 0; i < WORDS; i++) words[i] = n;
        CHECK(coop_value_set_bytes(value, words, sizeof words) >= 0);
    }
}

/* Reads ROUNDS times; whole versions only, and never an older one than before. */
static void read_whole(coop_value *value, int rounds)
{
    int64_t words[WORDS];
    uint64_t last = 0, version = 0;
    for (int i = 0; i < rounds; i++) {
        CHECK(coop_value_get_version(value, words, sizeof words, &version) >= 0);
        CHECK(is_whole(words));
        CHECK(version >= last);
        last = version;
    }
}

static void readers_get_whole_versions_while_two_processes_write(void)
{
    COOP_AUTO(coop_value) value = new_value("128q");
    int *stop = test_shared(sizeof *stop);
    pid_t writers[2], readers[2];
    for (int i = 0; i < 2; i++)
        CHILD(writers[i]) write_until(value, stop);
    for (int i = 0; i < 2; i++)
        CHILD(readers[i]) read_whole(value, 20000);
    for (int i = 0; i < 2; i++) child_must(readers[i]);
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 2; i++) child_must(writers[i]);
}

struct threads {
    coop_value *value;
    int stop;
};

static void *write_in_thread(void *arg)
{
    struct threads *threads = arg;
    write_until(threads->value, &threads->stop);
    return NULL;
}

static void readers_get_whole_versions_while_a_thread_writes(void)
{
    struct threads threads = {.value = new_value("128q")};
    pthread_t writer;
    CHECK_EQ(pthread_create(&writer, NULL, write_in_thread, &threads), 0);
    read_whole(threads.value, 5000);
    __atomic_store_n(&threads.stop, 1, __ATOMIC_RELAXED);
    CHECK_EQ(pthread_join(writer, NULL), 0);
    coop_value_close(threads.value);
}

static void a_raw_record_has_one_writer_and_whole_versions(void)
{
    coop_value *value;
    int *stop = test_shared(sizeof *stop);
    CHECK_OK(coop_value_open(NULL, "128q", COOP_CREATE | COOP_RAW, &value));
    CHECK(!coop_value_lock(value));
    pid_t pid;
    CHILD(pid) write_until(value, stop);
    read_whole(value, 5000);
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
    coop_value_close(value);
}

static void a_killed_writer_leaves_a_whole_version(void)
{
    COOP_AUTO(coop_value) value = new_value("128q");
    int *stop = test_shared(sizeof *stop);
    int64_t words[WORDS];
    uint64_t before = 0, after = 0;
    for (int i = 0; i < 40; i++) {
        pid_t pid;
        CHECK_OK(coop_value_version(value, &before));
        CHILD(pid) write_until(value, stop);
        CHECK_SOON(coop_value_version(value, &after) == 0 && after > before);
        test_sleep_ms(1);
        child_kill(pid);
        read_whole(value, 3);
        for (int k = 0; k < WORDS; k++) words[k] = -i;
        int result = coop_value_set_bytes(value, words, sizeof words);
        CHECK(result == 0 || result == COOP_OWNER_DIED);
        CHECK_OK(coop_value_get_bytes(value, words, sizeof words));
        CHECK(is_whole(words) && words[0] == -i);
    }
}

static void a_stopped_writer_does_not_stop_readers(void)
{
    COOP_AUTO(coop_value) value = new_value("128q");
    int *stop = test_shared(sizeof *stop);
    pid_t pid;
    CHILD(pid) write_until(value, stop);
    for (int i = 0; i < 40; i++) {
        test_sleep_ms(1);
        CHECK_EQ(kill(pid, SIGSTOP), 0);
        read_whole(value, 3);
        CHECK_EQ(kill(pid, SIGCONT), 0);
    }
    __atomic_store_n(stop, 1, __ATOMIC_RELAXED);
    child_must(pid);
}

static void a_holder_of_the_lock_does_not_stop_readers_but_writers(void)
{
    COOP_AUTO(coop_value) value = new_value("16s");
    char out[16];
    CHECK_OK(coop_value_set_bytes(value, "sixteen letters.", 16));
    CHECK_OK(coop_rlock_acquire(coop_value_lock(value), COOP_FOREVER));
    pid_t reader, writer;
    CHILD(reader) CHECK_OK(coop_value_get_bytes(value, out, 16));
    child_must(reader);
    int *asks = test_shared(sizeof *asks);
    CHILD(writer) {
        __atomic_store_n(asks, 1, __ATOMIC_RELEASE);
        CHECK_OK(coop_value_set_bytes(value, "another sixteen.", 16));
    }
    CHECK_SOON(__atomic_load_n(asks, __ATOMIC_ACQUIRE));
    test_sleep_ms(20);
    CHECK_OK(coop_value_get_bytes(value, out, 16));
    CHECK_MEM(out, "sixteen letters.", 16);
    CHECK_OK(coop_value_set_bytes(value, "the holder may.", 16)); /* its own lock is an RLock */
    CHECK_OK(coop_rlock_release(coop_value_lock(value)));
    child_must(writer);
    CHECK_OK(coop_value_get_bytes(value, out, 16));
    CHECK_MEM(out, "another sixteen.", 16);
}

/* The copy itself changes the sequence, which a writer without the lock might do: buffers of 64 bytes that begin with a
 * number of the other's parity are copied over it again and again. */
static void what_changes_all_the_time_is_given_up(void)
{
    COOP_AUTO(coop_value) value = new_value("8q");
    int64_t words[8] = {4};
    CHECK_OK(coop_value_set_bytes(value, words, sizeof words));
    words[0] = 5;
    CHECK_OK(coop_value_set_bytes(value, words, sizeof words));
    uint8_t *sequence = coop_value_lock(value)->object.body + sizeof(struct coopi_lock_shm);
    CHECK_ERR(coop_value_get_bytes(value, sequence, sizeof words), -EAGAIN);
    CHECK_DETAIL("is changed faster than it can be read; somebody writes without its lock");
    CHECK_EQ(coop_rlock_depth(coop_value_lock(value)), 0);
}

TESTS(record, TEST(a_record_is_set_and_read_as_a_struct), TEST(a_struct_of_another_size_is_refused),
      TEST(values_of_every_size_are_read_back), TEST(versions_count_the_sets), TEST(small_values_have_no_versions),
      TEST(fields_are_read_and_set_by_name), TEST(fields_that_are_not_there_are_told),
      TEST(fields_of_a_small_record_are_set_beside_each_other),
      TEST(fields_of_a_large_record_are_set_beside_each_other),
      TEST(another_record_is_refused_and_the_first_field_named),
      TEST(the_same_layout_written_otherwise_is_the_same_type), TEST(a_string_is_padded_and_read_back),
      TEST(a_string_that_does_not_fit_changes_nothing),
      TEST_T(readers_get_whole_versions_while_two_processes_write, .seconds = 30),
      TEST(readers_get_whole_versions_while_a_thread_writes), TEST(a_raw_record_has_one_writer_and_whole_versions),
      TEST_T(a_killed_writer_leaves_a_whole_version, .seconds = 30), TEST(a_stopped_writer_does_not_stop_readers),
      TEST(a_holder_of_the_lock_does_not_stop_readers_but_writers), TEST(what_changes_all_the_time_is_given_up))
