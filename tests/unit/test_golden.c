/* SPDX-License-Identifier: MIT */
/* Golden segment files: what this library makes is, byte for byte, what the committed file says, and that file is read.
 *
 * tests/golden/segment-MAJOR.MINOR.hex holds the lines of 16 bytes that are not all zero, as `offset: bytes`; its last
 * line is the size. A change of the format makes a new file: GOLDEN_WRITE=1 writes it where none is, and the old one
 * stays as long as its format is read. */
#include "harness/forge.h"
#include "harness/test.h"

#include "segment/birth.h"
#include "segment/event.h"
#include "segment/handle.h"
#include "segment/process.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE 16
#define ROOM (1 << 18)

static coop_segment *segment;

static const char *golden_path(void)
{
    static char path[4200];
    snprintf(path, sizeof path, "%s", test_program("shmctl")); /* SOURCE/build/VARIANT/bin/shmctl */
    for (int up = 0; up < 4; up++) *strrchr(path, '/') = 0;
    size_t length = strlen(path);
    snprintf(path + length, sizeof path - length, "/tests/golden/segment-%d.%d.hex", COOPI_FORMAT_MAJOR,
             COOPI_FORMAT_MINOR);
    return path;
}

static void make_objects(void)
{
    coop_value *value;
    coop_array *array;
    coop_lock *lock;
    coop_rlock *rlock;
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &value));
    CHECK_OK(coop_value_set_i64(value, 42));
    coop_value_close(value);
    CHECK_OK(coop_array_in(segment, "numbers", "d", 3, COOP_CREATE | COOP_RAW, &array));
    for (int i = 0; i < 3; i++) CHECK_OK(coop_array_set_f64(array, i, i + 0.5));
    coop_array_close(array);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    coop_lock_close(lock);
    CHECK_OK(coop_rlock_in(segment, "gate", COOP_CREATE, &rlock));
    coop_rlock_close(rlock);
    CHECK_OK(coop_value_in(segment, "gone", "q", COOP_CREATE, &value));
    coop_value_close(value);
    CHECK_OK(coop_segment_remove_object(segment, "gone", 0));
}

/* What differs from run to run becomes what it might be. */
static void settle(uint8_t *bytes)
{
    struct coopi_header *h = (struct coopi_header *)(void *)bytes;
    struct coopi_participant *participants = (struct coopi_participant *)(void *)(bytes + h->participants.offset);
    struct coopi_owner *owners = (struct coopi_owner *)(void *)(bytes + h->owners.offset);
    struct coopi_event *events = (struct coopi_event *)(void *)(bytes + h->events.offset);
    memset(h->boot_id, 0xb0, sizeof h->boot_id);
    h->pid_namespace = 4026531836;
    h->created = INT64_C(1700000000000000000);
    h->creator_pid = 1000;
    h->creator_uid = 100;
    h->checksum = coopi_header_checksum(h);
    memset(participants, 0, (size_t)h->participants.count * sizeof *participants);
    memset(bytes + h->opens.offset, 0, (size_t)h->opens.count * h->opens.stride);
    memset(owners, 0, (size_t)h->owners.count * sizeof *owners);
    memset(&h->lock.robust.node, 0, sizeof h->lock.robust.node);
    owners[0].life.word = (UINT64_C(1) << COOPI_ROW_BITS) << 32; /* generation 1, given back */
    owners[0].info_tag = 1u << COOPI_ROW_BITS;
    owners[0].pid = owners[0].tid = 1000;
    memcpy(owners[0].command, "golden", 7);
    events[0].wall_time = h->created;
    events[0].teller = 1000;
    events[0].sum = coopi_event_sum(&events[0]);
}

static size_t make_bytes(uint8_t *bytes)
{
    CHECK_OK(coop_segment_create(
        NULL, COOP_SEGMENT_OPTIONS(.objects = 8, .owners = 2, .participants = 2, .reserve = 4096, .maximum = 1 << 16),
        &segment));
    make_objects();
    size_t size = segment->map->file_size;
    CHECK(size <= ROOM);
    memcpy(bytes, segment->map->base, size);
    settle(bytes);
    coop_segment_close(segment);
    return size;
}

static void write_golden(const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(golden_path(), "wxe");
    if (!file) FAIL("%s is there already: remove it first", golden_path());
    static const uint8_t zero[LINE];
    for (size_t at = 0; at < size; at += LINE) {
        if (memcmp(bytes + at, zero, LINE) == 0) continue;
        fprintf(file, "%05zx:", at);
        for (size_t i = 0; i < LINE; i++) fprintf(file, " %02x", bytes[at + i]);
        fputc('\n', file);
    }
    fprintf(file, "%05zx\n", size);
    CHECK_EQ(fclose(file), 0);
}

static size_t read_golden(uint8_t *bytes)
{
    FILE *file = fopen(golden_path(), "re");
    if (!file) FAIL("there is no %s: GOLDEN_WRITE=1 makes it", golden_path());
    char line[128];
    size_t at = 0;
    memset(bytes, 0, ROOM);
    while (fgets(line, sizeof line, file)) {
        char *rest;
        at = strtoul(line, &rest, 16);
        CHECK(at <= ROOM - LINE);
        if (*rest != ':') break;
        for (size_t i = 0; i < LINE; i++) bytes[at + i] = (uint8_t)strtoul(rest + 1, &rest, 16);
    }
    fclose(file);
    return at;
}

static void what_is_made_is_what_was_committed(void)
{
    static uint8_t made[ROOM], golden[ROOM];
    size_t size = make_bytes(made);
    if (getenv("GOLDEN_WRITE")) write_golden(made, size);
    CHECK_EQ(read_golden(golden), size);
    for (size_t at = 0; at < size; at++)
        if (made[at] != golden[at]) FAIL("byte %#zx is %#x, and was %#x in this format", at, made[at], golden[at]);
}

static void put_golden(const char *name)
{
    static uint8_t golden[ROOM];
    size_t size = read_golden(golden);
    forge_file(name, golden, size, 0600); /* of another boot: opening adopts it */
}

static void what_was_committed_is_read_and_written(void)
{
    const char *name = test_name("golden");
    put_golden(name);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    coop_value *value;
    coop_array *array;
    coop_lock *lock;
    coop_rlock *rlock;
    int64_t number;
    double item;
    CHECK_OK(coop_value_in(segment, "saldo", "i", 0, &value));
    CHECK_OK(coop_value_add(value, 1, &number));
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 43);
    CHECK_OK(coop_array_in(segment, "numbers", "d", 3, 0, &array));
    CHECK_OK(coop_array_get_f64(array, 2, &item));
    CHECK_DOUBLE(item, 2.5);
    CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    CHECK_OK(coop_rlock_in(segment, "gate", 0, &rlock));
    CHECK_OK(coop_rlock_acquire(rlock, COOP_NOWAIT));
    CHECK_OK(coop_rlock_release(rlock));
    coop_value *gone;
    CHECK_ERR(coop_value_in(segment, "gone", "q", 0, &gone), -ENOENT);
    coop_rlock_close(rlock);
    coop_lock_close(lock);
    coop_array_close(array);
    coop_value_close(value);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void shmctl_shows_what_was_committed(void)
{
    const char *name = test_name("golden");
    put_golden(name);
    struct ran ran = RUN("shmctl", "show", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, "saldo");
    CHECK_HAS(ran.out, "42");
    CHECK_HAS(ran.out, "[0.5, 1.5, 2.5]");
    CHECK_HAS(RUN("shmctl", "events", name).out, "gone");
    forge_remove(name);
}

TESTS(golden, TEST(what_is_made_is_what_was_committed), TEST(what_was_committed_is_read_and_written),
      TEST(shmctl_shows_what_was_committed))
