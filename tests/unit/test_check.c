/* SPDX-License-Identifier: MIT */
/* check finds what is wrong, and repair mends it, once and for all. */
#include "harness/damage.h"
#include "harness/forge.h"
#include "harness/test.h"

#include "base/atomic.h"
#include "segment/event.h"
#include "segment/handle.h"
#include "segment/repair.h"

#include <coop/array.h>
#include <coop/error.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAMED = 6 };

static const char *name;
static coop_segment *segment;
static coop_lock *nameless;
static struct coopi_header *header;

static struct coopi_entry *entry(uint32_t number)
{
    return &segment->map->directory[number];
}

static struct coopi_lock_shm *lock_of(uint32_t number)
{
    return (struct coopi_lock_shm *)(void *)(segment->map->base + entry(number)->body);
}

/* 0 saldo (value with a lock), 1 numbers, 2 door (lock), 3 gate (rlock), 4 spare, 5 more. */
static void set_up(void)
{
    coop_value *value;
    coop_array *array;
    coop_lock *lock;
    coop_rlock *rlock;
    name = test_name("check");
    CHECK_OK(coop_segment_create(
        name, COOP_SEGMENT_OPTIONS(.objects = 16, .owners = 16, .participants = 8, .maximum = 1 << 20), &segment));
    header = segment->map->header;
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &value));
    CHECK_OK(coop_value_set_i64(value, 42));
    coop_value_close(value);
    CHECK_OK(coop_array_in(segment, "numbers", "d", 5, COOP_CREATE, &array));
    coop_array_close(array);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    coop_lock_close(lock);
    CHECK_OK(coop_rlock_in(segment, "gate", COOP_CREATE, &rlock));
    coop_rlock_close(rlock);
    CHECK_OK(coop_lock_in(segment, "spare", COOP_CREATE, &lock));
    coop_lock_close(lock);
    CHECK_OK(coop_lock_in(segment, "more", COOP_CREATE, &lock));
    coop_lock_close(lock);
}

static void tear_down(void)
{
    coop_lock_close(nameless);
    nameless = NULL;
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static void entry_outside(void)
{
    entry(4)->offset = UINT64_C(1) << 40;
}

static void entry_without_kind(void)
{
    entry(4)->kind = 99;
}

static void entry_live_and_removed(void)
{
    entry(4)->state |= COOPI_ENTRY_REMOVED;
}

static void two_of_one_name(void)
{
    memcpy(entry(5)->name, "spare\0", 6);
}

static void one_over_another(void)
{
    entry(5)->offset = entry(4)->offset;
    entry(5)->body = entry(4)->body;
}

static char *type_of(uint32_t number)
{
    return (char *)segment->map->base + entry(number)->offset;
}

static void make_extra(void)
{
    coop_value *value;
    CHECK_OK(coop_value_in(segment, "extra", "16s", COOP_CREATE, &value));
    coop_value_close(value);
}

static void type_without_end(void)
{
    make_extra();
    memset(type_of(NAMED), '1', entry(NAMED)->type_size);
}

static void type_that_ends_early(void)
{
    make_extra();
    type_of(NAMED)[1] = 0;
}

static void type_that_is_none(void)
{
    make_extra();
    memcpy(type_of(NAMED), "1!s", 3);
}

static void type_too_large(void)
{
    make_extra();
    memcpy(type_of(NAMED), "99s", 3);
}

static void type_left_out(void)
{
    make_extra();
    entry(NAMED)->type_size = 0;
}

static void type_too_long(void)
{
    make_extra();
    entry(NAMED)->type_size = 5000;
    entry(NAMED)->body += 5056;
    entry(NAMED)->size += 5056;
    header->storage_end += 5056;
}

static void items_beyond_their_room(void)
{
    coop_array *array;
    CHECK_OK(coop_array_in(segment, "extra", "d", 8, COOP_CREATE | COOP_RAW, &array));
    coop_array_close(array);
    entry(NAMED)->length = UINT64_MAX / 4;
}

static void value_of_two_items(void)
{
    make_extra();
    entry(NAMED)->length = 2;
}

static void index_empty(void)
{
    memset(segment->map->index, 0, header->index.count * sizeof(uint32_t));
}

static void index_in_a_circle(void)
{
    for (uint32_t i = 0; i < NAMED; i++) entry(i)->next = i + 1;
}

static void index_half_made(void)
{
    header->index_state |= 1;
}

static void end_too_low(void)
{
    header->storage_end = header->storage;
}

static void cursor_too_high(void)
{
    header->entry_cursor = header->directory.count;
}

static void hidden_not_counted(void)
{
    CHECK_OK(coop_lock_in(segment, NULL, 0, &nameless)); /* stays open */
    header->out_of_sight = 0;
}

static void free_range_in_use(void)
{
    header->free_start = entry(1)->offset;
    header->free_end = entry(1)->offset + 64;
}

static void size_beyond_the_file(void)
{
    header->size = header->maximum;
}

static void life_of_another_row(void)
{
    segment->map->owners[7].life.word = (UINT64_C(3) << COOPI_ROW_BITS | 2) << 32;
}

static void held_by_an_impossible_owner(void)
{
    lock_of(2)->robust.word = (UINT64_C(1) << COOPI_ROW_BITS | 4000) << 32 | 1;
}

static void held_by_nobody_twice(void)
{
    lock_of(3)->robust.extra = 2;
}

static void event_torn(void)
{
    coopi_event_tell(segment->map, COOPI_EVENT_REMOVED, NULL, "thing");
    segment->map->events[header->events_told - 1].pid++;
}

static const struct {
    void (*damage)(void);
    const char *says;
} cases[] = {
    {entry_outside, "is not sound"},
    {entry_without_kind, "is not sound"},
    {entry_live_and_removed, "live and removed at once"},
    {two_of_one_name, "has the name of another"},
    {one_over_another, "lies over another"},
    {type_without_end, "6, extra, has a type that is not a string: nobody can open it"},
    {type_that_ends_early, "has a type that is not a string"},
    {type_that_is_none, "has a type that is not one"},
    {type_too_large, "has no room for its items"},
    {type_left_out, "has a type of an impossible length"},
    {type_too_long, "has a type of an impossible length"},
    {items_beyond_their_room, "extra, has no room for its items"},
    {value_of_two_items, "has no room for its items"},
    {index_empty, "6 objects are not in the index"},
    {index_in_a_circle, "chains of its index have no end"},
    {index_half_made, "half made"},
    {end_too_low, "its storage ends at"},
    {cursor_too_high, "free entries stand below"},
    {hidden_not_counted, "out of sight"},
    {free_range_in_use, "what the header calls free"},
    {size_beyond_the_file, "bytes are reserved"},
    {life_of_another_row, "belongs to another row"},
    {held_by_an_impossible_owner, "an owner that there cannot be"},
    {held_by_nobody_twice, "by nobody more than once"},
    {event_torn, "is torn"},
};

static void the_rest_is_as_it_was(void)
{
    coop_value *value;
    coop_lock *lock;
    coop_rlock *rlock;
    int64_t number;
    CHECK_OK(coop_value_in(segment, "saldo", "i", 0, &value));
    CHECK_OK(coop_value_get_i64(value, &number));
    CHECK_EQ(number, 42);
    coop_value_close(value);
    CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
    CHECK(coop_lock_acquire(lock, COOP_NOWAIT) >= 0);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    CHECK_OK(coop_rlock_in(segment, "gate", 0, &rlock));
    CHECK_OK(coop_rlock_acquire(rlock, COOP_NOWAIT));
    CHECK_OK(coop_rlock_release(rlock));
    CHECK_ERR(coop_rlock_release(rlock), -EPERM);
    coop_rlock_close(rlock);
}

static void a_sound_segment_is_sound(void)
{
    set_up();
    struct ran ran = RUN("shmctl", "check", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, ": sound");
    ran = RUN("shmctl", "repair", name);
    CHECK_EQ(ran.code, 0);
    CHECK_HAS(ran.out, ": sound");
    CHECK_EQ(header->events_told, 0);
    tear_down();
}

static void each_damage_is_found_and_mended(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up();
        cases[i].damage();
        struct ran ran = RUN("shmctl", "check", name);
        if (ran.code != 5) FAIL("case %zu, %s: %d, %s", i, cases[i].says, ran.code, ran.out);
        CHECK_HAS(ran.out, cases[i].says);
        ran = RUN("shmctl", "repair", name);
        CHECK_EQ(ran.code, 0);
        CHECK_HAS(ran.out, cases[i].says);
        CHECK_HAS(ran.out, ": repaired");
        ran = RUN("shmctl", "check", name);
        if (ran.code != 0) FAIL("case %zu: %s", i, ran.out);
        CHECK_HAS(RUN("shmctl", "repair", name).out, ": sound"); /* once is enough */
        CHECK_HAS(RUN("shmctl", "events", name).out, "repaired");
        the_rest_is_as_it_was();
        tear_down();
    }
}

static void a_dry_run_changes_nothing(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        set_up();
        cases[i].damage();
        size_t from = sizeof *header, size = segment->map->geometry->participants.offset - from;
        void *before = malloc(size);
        memcpy(before, segment->map->base + from, size);
        struct coopi_header was = *header;
        struct ran ran = RUN("shmctl", "repair", "--dry-run", name);
        CHECK_EQ(ran.code, 5);
        CHECK_HAS(ran.out, "would be repaired");
        CHECK_HAS(ran.out, cases[i].says);
        CHECK_MEM(segment->map->base + from, before, size);
        CHECK_EQ(header->storage_end, was.storage_end);
        CHECK_EQ(header->index_state, was.index_state);
        CHECK_EQ(header->events_told, was.events_told);
        free(before);
        tear_down();
    }
}

/* Out of sight it goes, but who has it open writes into it still. */
static void what_nobody_can_open_keeps_its_space(void)
{
    set_up();
    coop_value *held, *next;
    CHECK_OK(coop_value_in(segment, "extra", "16s", COOP_CREATE, &held));
    memcpy(type_of(NAMED), "1!s", 3);
    CHECK_HAS(RUN("shmctl", "repair", name).out, "nobody can open it");
    CHECK_ERR(coop_value_in(segment, "extra", NULL, 0, &next), -ENOENT);
    CHECK_OK(coop_value_in(segment, "extra", "16s", COOP_CREATE, &next)); /* its name is free */
    CHECK_OK(coop_value_set_string(held, "old"));
    CHECK_OK(coop_value_set_string(next, "new"));
    char text[17];
    CHECK_OK(coop_value_get_string(held, text, sizeof text));
    CHECK_STR(text, "old");
    coop_value_close(next);
    coop_value_close(held);
    tear_down();
}

static void json_tells_each_finding(void)
{
    set_up();
    index_half_made();
    cursor_too_high();
    struct ran ran = RUN("shmctl", "check", "--json", name, test_name("absent"));
    CHECK_EQ(ran.code, 5);
    json_t *document = json_loads(ran.out, 0, NULL);
    const json_t *segments = json_object_get(document, "segments");
    CHECK_EQ(json_array_size(segments), 2);
    const json_t *one = json_array_get(segments, 0);
    CHECK_STR(json_string_value(json_object_get(one, "result")), "damaged");
    CHECK_EQ(json_array_size(json_object_get(one, "findings")), 2);
    CHECK_EQ(json_integer_value(json_object_get(json_array_get(segments, 1), "exit")), 3);
    json_decref(document);
    tear_down();
}

static void damage_checksum(struct forge *forge)
{
    forge->header->maximum += 4096;
    forge->keep_checksum = true;
}

static void what_cannot_be_mended_is_said(void)
{
    const char *forged = test_name("forged");
    forge_segment(forged, damage_checksum);
    CHECK_EQ(RUN("shmctl", "check", forged).code, 5);
    struct ran ran = RUN("shmctl", "repair", forged);
    CHECK_EQ(ran.code, 5);
    CHECK_HAS(ran.err, "shmctl rm --force");
    forge_remove(forged);
}

/* Nobody is made to wait, and nothing that is right for a moment only is complained of. */
static void a_segment_in_use_is_sound(void)
{
    set_up();
    uint32_t *stop = test_shared(sizeof *stop);
    pid_t pid;
    CHILD(pid) {
        coop_value *value;
        for (int i = 0; !coopi_load_acquire(stop); i++) {
            CHECK_OK(coop_value_in(segment, i % 2 ? "odd" : "even", "i", COOP_CREATE, &value));
            coop_value_close(value);
            CHECK_OK(coop_segment_remove_object(segment, i % 2 ? "odd" : "even", 0));
        }
    }
    for (int i = 0; i < 10; i++) {
        struct ran ran = RUN("shmctl", "check", name);
        if (ran.code != 0) FAIL("check of a segment in use: %d: %s%s", ran.code, ran.out, ran.err);
        CHECK_HAS(RUN("shmctl", "repair", name).out, ": sound");
    }
    coopi_store_release(stop, 1);
    child_must(pid);
    tear_down();
}

static bool read_bytes(const struct coopi_copy *copy, uint64_t offset, size_t size, void *ret_bytes)
{
    CHECK(offset + size <= copy->file_size);
    memcpy(ret_bytes, (const uint8_t *)copy->context + offset, size);
    return true;
}

static void count(struct coopi_findings *findings, const char *sentence)
{
    CHECK(strlen(sentence) > 10);
    if (findings->context) snprintf(findings->context, 400, "%s", sentence);
}

/* Whatever the bytes, check comes to an end and stays inside (ASan says so). */
static void damaged_copies_are_judged_without_harm(void)
{
    enum { COPIES = 2000 };
    struct forge forge;
    const char *forged = test_name("forged");
    forge_segment(forged, NULL);
    unsigned judged = 0;
    for (unsigned i = 0; i < COPIES; i++) {
        char what[200];
        forge_read(&forge, forged);
        size_t size = damage(forge.bytes, forge.size, i, what, sizeof what);
        if (size >= sizeof(struct coopi_header) && coopi_header_check(forge.header, size, "copy") == 0) {
            struct coopi_findings findings = {.tell = count};
            struct coopi_copy copy = {
                .bytes = forge.bytes, .file_size = size, .label = "copy", .read = read_bytes, .context = forge.bytes};
            CHECK_OK(coopi_segment_check(&copy, &findings));
            judged++;
        }
        forge_end(&forge);
    }
    CHECK(judged > COPIES / 4);
    forge_remove(forged);
}

TESTS(check, TEST(a_sound_segment_is_sound), TEST_T(each_damage_is_found_and_mended, .seconds = 30),
      TEST_T(a_dry_run_changes_nothing, .seconds = 30), TEST(what_nobody_can_open_keeps_its_space),
      TEST(json_tells_each_finding), TEST(what_cannot_be_mended_is_said),
      TEST_T(a_segment_in_use_is_sound, .seconds = 30), TEST_T(damaged_copies_are_judged_without_harm, .seconds = 30))
