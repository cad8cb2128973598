/* SPDX-License-Identifier: MIT */
/* Value of records: a reader has a whole version at any moment, without a lock, and it is the old one or the new one.
 */
#include "crash/crash.h"

#include "base/atomic.h"
#include "sync/lock_shm.h"

#include <string.h>

#define TYPE "T{q:a: q:b: 3q:c:}"
#define OLD 40
#define NEW 42
#define LATER 43
#define GARBAGE 0x5a

/* All words of a whole one are equal. */
struct record {
    int64_t words[5];
};

static struct record of(int64_t number)
{
    return (struct record){{number, number, number, number, number}};
}

static bool is_whole(const struct record *record)
{
    for (int i = 1; i < 5; i++)
        if (record->words[i] != record->words[0]) return false;
    return true;
}

static void prepare(struct scene *scene)
{
    struct record old = of(OLD);
    make_segment(scene);
    COOP_MUST(coop_value_in(scene->segment, "value", TYPE, COOP_CREATE, &scene->value));
    COOP_MUST(coop_value_set_record(scene->value, &old));
    scene->rlock = coop_value_lock(scene->value);
    COOP_MUST(coop_lock_in(scene->segment, "spare", COOP_CREATE, &scene->spare));
}

static void set(struct scene *scene)
{
    struct record new = of(NEW);
    scene->board->result = coop_value_set_record(scene->value, &new);
}

/* In one part: the rest comes from the version before. */
static void set_field(struct scene *scene)
{
    struct record new = of(NEW);
    scene->board->result = coop_value_set_field(scene->value, "c", &new.words[2], 3 * sizeof new.words[0]);
}

/* What the survivor reads while the victim stands: a whole version, and version 1 is the old one. */
static void look_at(struct scene *scene, bool part)
{
    struct record seen;
    uint64_t version = 0;
    look_lock(scene);
    if (coop_value_get_version(scene->value, &seen, sizeof seen, &version) < 0)
        fault(scene, TORN, "%s", coop_error_detail());
    struct record expected = of(version > 1 ? NEW : OLD);
    if (part) expected.words[0] = expected.words[1] = OLD;
    if (memcmp(&seen, &expected, sizeof seen) != 0)
        fault(scene, TORN, "version %llu is %lld ... %lld", (unsigned long long)version, (long long)seen.words[0],
              (long long)seen.words[4]);
    memcpy(scene->copy, &version, sizeof version);
}

static void look(struct scene *scene)
{
    look_at(scene, false);
}

static void look_field(struct scene *scene)
{
    look_at(scene, true);
}

/* The version that was seen, or (a peer or a second victim sets nothing else) a later one; and it can be set again. */
static enum outcome verify(struct scene *scene)
{
    struct record seen, later = of(LATER);
    uint64_t before, version = 0;
    memcpy(&before, scene->copy, sizeof before);
    verify_taken(scene);
    if (coop_value_get_version(scene->value, &seen, sizeof seen, &version) < 0)
        fault(scene, LOST, "%s", coop_error_detail());
    if (version != before && !scene->alive) fault(scene, LOST, "version %llu was there", (unsigned long long)before);
    if (coop_value_set_record(scene->value, &later) < 0) fault(scene, LOST, "%s", coop_error_detail());
    if (coop_value_get_record(scene->value, &seen) < 0 || memcmp(&seen, &later, sizeof seen) != 0)
        fault(scene, LOST, "set again, it is %lld", (long long)seen.words[0]);
    check_segment(scene);
    return before > 1 ? AFTER : BEFORE;
}

/* Reading */

static void get(struct scene *scene)
{
    struct record seen;
    scene->board->result = coop_value_get_record(scene->value, &seen);
    scene->board->number = is_whole(&seen) ? seen.words[0] : -1;
}

/* A version comes while the victim reads, and a next one whose writer is killed in its copy: what it leaves in the
 * buffer that does not count. */
static void write_twice(struct scene *scene)
{
    struct record new = of(NEW);
    if (coop_value_set_record(scene->value, &new) < 0) fault(scene, LOST, "%s", coop_error_detail());
    uint8_t *head = scene->rlock->object.body + sizeof(struct coopi_lock_shm);
    uint64_t version = coopi_load_relaxed(&((struct coopi_record_shm *)(void *)head)->sequence);
    memset(head + sizeof(struct coopi_record_shm) + ((version + 1) & 1) * COOPI_LINE, GARBAGE, 3 * sizeof(int64_t) + 5);
}

static void add_dead_writer(struct scene *scene)
{
    add_holder(scene);
    kill_holder(scene);
}

static enum outcome verify_read(struct scene *scene)
{
    int64_t number = scene->board->number;
    if (scene->complete && scene->board->result < 0) fault(scene, LOST, "reading gave %d", scene->board->result);
    if (scene->complete && number != OLD && number != NEW) fault(scene, TORN, "read %lld", (long long)number);
    verify_taken(scene);
    return BEFORE;
}

#define RECORD(called, ...)                                                                                            \
    {                                                                                                                  \
        .name = called, .prepare = prepare, .warm = warm_owner, .lets_go = true, __VA_ARGS__                           \
    }
#define SETTING .operate = set, .verify = verify, .look = look
#define READING .operate = get, .verify = verify_read, .look = look_lock, .constant = true

const struct operation record_operations[] = {
    RECORD("record-set/alone", SETTING, .late = add_late, .repair = set),
    RECORD("record-set/held", SETTING, .gather = add_holder, .asleep = let_holder_go, .repair = set),
    RECORD("record-set/crowd", SETTING, .gather = add_crowd, .asleep = let_holder_go),
    RECORD("record-set/holder-dies", SETTING, .gather = add_holder, .asleep = kill_holder),
    RECORD("record-set-field/alone", .operate = set_field, .verify = verify, .look = look_field),
    RECORD("record-get/alone", READING, .late = write_twice),
    RECORD("record-get/dead-writer", READING, .gather = add_dead_writer),
    RECORD("record-get/held", READING, .gather = add_holder, .let_go = let_holder_go),
    {0},
};
