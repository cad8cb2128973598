/* SPDX-License-Identifier: MIT */
/* Finding one name among many: the index follows the entries, whoever changes them, and is never believed. */
#include "base/atomic.h"
#include "harness/test.h"
#include "segment/handle.h"
#include "segment/index.h"
#include "segment/robust.h"

#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

enum { MANY = 1000 };

static char name[128];
static coop_segment *segment;

static void set_up(uint32_t objects)
{
    snprintf(name, sizeof name, "%s", test_name("index"));
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 16 << 20, .objects = objects), &segment));
}

static void tear_down(void)
{
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

static void make(int number)
{
    char object[32];
    coop_value *value;
    snprintf(object, sizeof object, "object%d", number);
    CHECK_OK(coop_value_in(segment, object, "i", COOP_CREATE | COOP_EXCL | COOP_RAW, &value));
    CHECK_OK(coop_value_set_i64(value, number));
    coop_value_close(value);
}

static void make_all(void)
{
    for (int i = 0; i < MANY; i++) make(i);
}

/* -ENOENT, or 0: then it is the right one. */
static int look(int number)
{
    char object[32];
    coop_value *value;
    snprintf(object, sizeof object, "object%d", number);
    int r = coop_value_in(segment, object, "i", 0, &value);
    if (r < 0) return r;
    int64_t found;
    CHECK_OK(coop_value_get_i64(value, &found));
    CHECK_EQ(found, number);
    coop_value_close(value);
    return 0;
}

static void drop(int number)
{
    char path[200];
    snprintf(path, sizeof path, "%s/object%d", name, number);
    CHECK_OK(coop_object_remove(path, 0));
}

static void look_at_all(void)
{
    for (int i = 0; i < MANY; i++) CHECK_OK(look(i));
    CHECK_ERR(look(MANY), -ENOENT);
}

/* Is an entry of that name in its chain? */
static bool in_chain(int number)
{
    char object[32];
    snprintf(object, sizeof object, "object%d", number);
    const struct coopi_map *map = segment->map;
    uint32_t at = map->index[coopi_name_hash(object) & (map->geometry->index.count - 1)];
    while (at && strcmp(map->directory[at - 1].name, object) != 0) at = map->directory[at - 1].next;
    return at != 0;
}

static void each_of_many_is_found_by_its_chain(void)
{
    set_up(MANY);
    make_all();
    look_at_all();
    for (int i = 0; i < MANY; i++) CHECK(in_chain(i));
    tear_down();
}

static void what_others_make_and_remove_is_seen_at_once(void)
{
    set_up(MANY);
    CHECK_ERR(look(1), -ENOENT);
    pid_t pid;
    CHILD(pid) {
        make(1);
        make(2);
    }
    child_must(pid);
    CHECK_OK(look(1));
    CHILD(pid) drop(1);
    child_must(pid);
    CHECK_ERR(look(1), -ENOENT);
    CHECK_OK(look(2));
    tear_down();
}

/* Every entry serves many names, so it changes chains all the time. */
static void entries_that_are_used_again_leave_their_old_chain(void)
{
    enum { ROUNDS = 40, FEW = 48 };
    set_up(FEW);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < FEW; i++) make(round * FEW + i);
        for (int i = 0; i < FEW; i++) CHECK_OK(look(round * FEW + i));
        for (int i = 0; i < FEW; i++) drop(round * FEW + (i * 7) % FEW);
        for (int i = 0; i < FEW; i++) CHECK_ERR(look(round * FEW + i), -ENOENT);
    }
    uint32_t in_chains = 0;
    for (uint32_t i = 0; i < segment->map->geometry->index.count; i++)
        for (uint32_t at = segment->map->index[i]; at; at = segment->map->directory[at - 1].next) in_chains++;
    CHECK(in_chains <= FEW);
    tear_down();
}

/* What stands there all the time is found all the time, while entries beside it come, go and change chains. */
static void nothing_is_missed_while_others_change_chains(void)
{
    enum { FEW = 32, LOOKS = 200000 };
    set_up(FEW + 4);
    uint32_t *stop = test_shared(sizeof *stop);
    for (int i = 0; i < 4; i++) make(i);
    pid_t pid;
    CHILD(pid) {
        for (int round = 100; !coopi_load_acquire(stop); round += FEW) {
            for (int i = 0; i < FEW; i++) make(round + i);
            for (int i = 0; i < FEW; i++) drop(round + i);
        }
    }
    struct coopi_found found;
    char object[32];
    for (int i = 0; i < LOOKS; i++) {
        snprintf(object, sizeof object, "object%d", i % 4);
        CHECK_EQ(coopi_directory_find(segment->map, object, &found), 0);
        CHECK_STR(found.entry.name, object);
    }
    coopi_store_release(stop, 1);
    child_must(pid);
    tear_down();
}

static void a_chain_without_end_is_noticed(void)
{
    set_up(MANY);
    make_all();
    for (int i = 0; i < MANY; i++) segment->map->directory[i].next = (uint32_t)i + 1; /* each its own next */
    look_at_all();
    tear_down();
}

static void a_chain_that_leads_out_of_the_table_is_noticed(void)
{
    set_up(MANY);
    make_all();
    for (uint32_t i = 0; i < segment->map->geometry->index.count; i++) segment->map->index[i] = UINT32_MAX - i;
    look_at_all();
    tear_down();
}

static void die_with_the_directory(uint32_t *step)
{
    uint32_t dead;
    CHECK_OK(coopi_robust_acquire(segment->map, &segment->map->header->lock.robust, COOP_FOREVER, 0, &dead));
    coopi_store_release(step, 1);
    for (;;) pause();
}

/* Whoever had the lock may have been killed in the midst of anything. */
static void after_a_death_all_that_is_derived_is_made_anew(void)
{
    set_up(MANY + 1);
    make_all();
    struct coopi_header *header = segment->map->header;
    uint32_t *step = test_shared(sizeof *step);
    uint64_t end = header->storage_end;
    pid_t pid;
    CHILD(pid) die_with_the_directory(step);
    CHECK_SOON(coopi_load_acquire(step) == 1);
    memset(segment->map->index, 0, segment->map->geometry->index.count * sizeof(uint32_t));
    header->index_state |= 1;
    header->storage_end = 0;
    header->entry_cursor = 0;
    look_at_all(); /* odd: all entries are looked at */
    child_kill(pid);
    make(MANY);
    CHECK_EQ(header->index_state & 1, 0);
    CHECK(header->storage_end > end);
    CHECK_EQ(header->entry_cursor, MANY);
    for (int i = 0; i <= MANY; i++) CHECK(in_chain(i));
    for (int i = 0; i < MANY; i++) CHECK_OK(look(i)); /* nothing was laid over another */
    tear_down();
}

static void ten_thousand_are_found(void)
{
    enum { TEN_THOUSAND = 10000 };
    set_up(TEN_THOUSAND);
    for (int i = 0; i < TEN_THOUSAND; i++) make(i);
    for (int i = 0; i < TEN_THOUSAND; i += 7) CHECK_OK(look(i));
    CHECK_ERR(look(TEN_THOUSAND), -ENOENT);
    coop_value *value;
    CHECK_ERR(coop_value_in(segment, "more", "i", COOP_CREATE, &value), -ENOSPC);
    CHECK_DETAIL("its directory is full (10000 objects)");
    tear_down();
}

TESTS(index, TEST(each_of_many_is_found_by_its_chain), TEST(what_others_make_and_remove_is_seen_at_once),
      TEST(entries_that_are_used_again_leave_their_old_chain),
      TEST_T(nothing_is_missed_while_others_change_chains, .seconds = 30, .tags = NO_TSAN),
      TEST(a_chain_without_end_is_noticed), TEST(a_chain_that_leads_out_of_the_table_is_noticed),
      TEST(after_a_death_all_that_is_derived_is_made_anew), TEST_T(ten_thousand_are_found, .seconds = 60))
