/* SPDX-License-Identifier: MIT */
/* Damaged files: whatever stands in a value's or array's entry and type, opening it fails with a sentence. */
#include "harness/test.h"
#include "segment/layout.h"

#include <coop/array.h>
#include <coop/value.h>
#include <fcntl.h>
#include <stdio.h>

/* A segment with one object, `a`, that nobody has open, and its directory entry as the file has it. */
struct damaged {
    const char *segment;
    char path[256];
    char file[256];
    off_t at;
    struct coopi_entry entry;
};

static void read_entry(struct damaged *d)
{
    struct coopi_header header;
    int fd = open(d->file, O_RDONLY | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(pread(fd, &header, sizeof header, 0), sizeof header);
    d->at = (off_t)header.directory.offset;
    CHECK_EQ(pread(fd, &d->entry, sizeof d->entry, d->at), sizeof d->entry);
    close(fd);
    CHECK_STR(d->entry.name, "a");
}

static void overwrite(const struct damaged *d, off_t offset, const void *bytes, size_t size)
{
    int fd = open(d->file, O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    CHECK_EQ(pwrite(fd, bytes, size, offset), size);
    close(fd);
}

static void write_entry(const struct damaged *d)
{
    overwrite(d, d->at, &d->entry, sizeof d->entry);
}

static struct damaged with_value(const char *type, int flags)
{
    struct damaged d = {.segment = test_name("d")};
    coop_value *value;
    snprintf(d.path, sizeof d.path, "%s/a", d.segment);
    snprintf(d.file, sizeof d.file, "/dev/shm/coop.%u.%s", geteuid(), d.segment);
    CHECK_OK(coop_value_open(d.path, type, COOP_CREATE | flags, &value));
    coop_value_close(value);
    read_entry(&d);
    return d;
}

static struct damaged with_array(const char *type, size_t length)
{
    struct damaged d = {.segment = test_name("d")};
    coop_array *array;
    snprintf(d.path, sizeof d.path, "%s/a", d.segment);
    snprintf(d.file, sizeof d.file, "/dev/shm/coop.%u.%s", geteuid(), d.segment);
    CHECK_OK(coop_array_open(d.path, type, length, COOP_CREATE, &array));
    coop_array_close(array);
    read_entry(&d);
    return d;
}

static void value_is_refused(const struct damaged *d, const char *part)
{
    coop_value *value = NULL;
    CHECK_ERR(coop_value_open(d->path, NULL, 0, &value), -EBADMSG);
    CHECK_DETAIL(part);
    CHECK(!value);
}

static void array_is_refused(const struct damaged *d, const char *part)
{
    coop_array *array = NULL;
    CHECK_ERR(coop_array_open(d->path, NULL, COOP_ANY_LENGTH, 0, &array), -EBADMSG);
    CHECK_DETAIL(part);
    CHECK(!array);
}

static void a_type_that_is_none_is_told(void)
{
    struct damaged d = with_value("9s", 0);
    CHECK_EQ(d.entry.type_size, 3);
    overwrite(&d, (off_t)d.entry.offset, "T{", 2);
    value_is_refused(&d, "/a: its type is not one (type \"T{\"");
    overwrite(&d, (off_t)d.entry.offset, "\x1b[", 2);
    value_is_refused(&d, "(type \"\\x1b[\"");
    overwrite(&d, (off_t)d.entry.offset, "9\0", 2);
    value_is_refused(&d, "/a");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_type_without_its_end_is_told(void)
{
    struct damaged d = with_value("9s", 0);
    overwrite(&d, (off_t)d.entry.offset, "9s!", 3);
    value_is_refused(&d, "/a");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_missing_type_is_told(void)
{
    struct damaged d = with_value("9s", 0);
    d.entry.type_size = 0;
    write_entry(&d);
    value_is_refused(&d, "/a");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_type_larger_than_its_storage_is_told(void)
{
    struct damaged d = with_value("9s", 0);
    overwrite(&d, (off_t)d.entry.offset, "9d", 2);
    value_is_refused(&d, "its items do not fit into its storage (type \"9d\", 1 items, 320 bytes)");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_lock_without_storage_is_told(void)
{
    struct damaged d = with_value("i", COOP_RAW);
    d.entry.flags = COOPI_ENTRY_LOCKED;
    write_entry(&d);
    value_is_refused(&d, "do not fit");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_value_with_many_items_is_told(void)
{
    struct damaged d = with_value("i", 0);
    d.entry.length = UINT64_MAX;
    write_entry(&d);
    coop_value *value = NULL;
    CHECK(coop_value_open(d.path, "i", 0, &value) < 0);
    CHECK_DETAIL("/a");
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_length_beyond_the_storage_is_told(void)
{
    static const uint64_t lengths[] = {17, 1000, UINT64_C(1) << 40, (UINT64_C(1) << 62) + 1, INT64_MAX, UINT64_MAX};
    struct damaged d = with_array("i", 16);
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        d.entry.length = lengths[i];
        write_entry(&d);
        array_is_refused(&d, "its items do not fit into its storage");
    }
    d.entry.length = 15;
    write_entry(&d);
    coop_array *array;
    CHECK_OK(coop_array_open(d.path, "i", COOP_ANY_LENGTH, 0, &array));
    CHECK_EQ(coop_array_length(array), 15);
    coop_array_close(array);
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

static void a_body_outside_of_its_storage_is_told(void)
{
    static const uint64_t bodies[] = {0, 64, 1, UINT64_MAX, UINT64_MAX - 63, UINT64_C(1) << 40};
    struct damaged d = with_array("i", 16);
    uint64_t body = d.entry.body;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        d.entry.body = bodies[i];
        write_entry(&d);
        array_is_refused(&d, d.segment);
    }
    d.entry.body = body + 4;
    write_entry(&d);
    array_is_refused(&d, d.segment);
    CHECK_OK(coop_segment_remove(d.segment, 0));
}

TESTS(typed, TEST(a_type_that_is_none_is_told), TEST(a_type_without_its_end_is_told), TEST(a_missing_type_is_told),
      TEST(a_type_larger_than_its_storage_is_told), TEST(a_lock_without_storage_is_told),
      TEST(a_value_with_many_items_is_told), TEST(a_length_beyond_the_storage_is_told),
      TEST(a_body_outside_of_its_storage_is_told))
