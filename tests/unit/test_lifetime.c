/* SPDX-License-Identifier: MIT */
/* How long a segment lives: until it is removed, or until its last participant is gone; and what gc may take. */
#include "harness/forge.h"
#include "harness/literal.h"
#include "harness/test.h"

#include "base/atomic.h"
#include "segment/handle.h"
#include "segment/naming.h"

#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <fcntl.h>
#include <jansson.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static coop_segment *segment;

static bool is_there(const char *name)
{
    struct stat st;
    return lstat(forge_path(name), &st) == 0;
}

static ino_t inode_of(const char *name)
{
    struct stat st;
    CHECK_EQ(lstat(forge_path(name), &st), 0);
    return st.st_ino;
}

static const char *make(uint32_t lifetime)
{
    const char *name = test_name("life");
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.lifetime = lifetime, .maximum = 1 << 20), &segment));
    return name;
}

/* A segment whose last participant was killed. */
static const char *make_abandoned(void)
{
    const char *name = test_name("life");
    uint32_t *step = test_shared(sizeof *step);
    pid_t pid;
    CHILD(pid) {
        coop_value *value;
        make(COOP_UNTIL_LAST);
        CHECK_OK(coop_value_in(segment, "left", "i", COOP_CREATE, &value));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    child_kill(pid);
    CHECK(is_there(name));
    return name;
}

static void by_default_it_stays_until_it_is_removed(void)
{
    const char *name = make(COOP_UNTIL_REMOVED);
    coop_segment_close(segment);
    CHECK(is_there(name));
    CHECK_OK(coop_segment_remove(name, 0));
    CHECK(!is_there(name));
}

static void it_goes_with_its_last_handle(void)
{
    const char *name = make(COOP_UNTIL_LAST);
    coop_segment *again;
    coop_value *value;
    CHECK_OK(coop_segment_open(name, 0, &again));
    CHECK_OK(coop_value_in(segment, "thing", "i", COOP_CREATE, &value));
    coop_segment_close(segment);
    coop_segment_close(again);
    CHECK(is_there(name)); /* the value is a handle, too */
    coop_value_close(value);
    CHECK(!is_there(name));
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOENT);
}

static void it_stays_while_another_process_has_it(void)
{
    const char *name = make(COOP_UNTIL_LAST);
    uint32_t *step = test_shared(sizeof *step);
    pid_t pid;
    CHILD(pid) {
        while (coopi_load_acquire(step) != 1) test_sleep_ms(1);
        coop_value *value;
        CHECK_OK(coop_value_in(segment, "thing", "i", COOP_CREATE, &value));
        coop_value_close(value);
        coop_segment_close(segment); /* the last */
        CHECK(!is_there(name));
    }
    coop_segment_close(segment);
    CHECK(is_there(name));
    coopi_store_release(step, 1);
    child_must(pid);
    CHECK(!is_there(name));
}

/* All close at the same time: whoever is the last of them removes it. */
static void several_that_close_at_once_leave_nothing(void)
{
    enum { MANY = 4, ROUNDS = 30 };
    const char *name = test_name("life");
    for (int round = 0; round < ROUNDS; round++) {
        uint32_t *steps = test_shared(2 * sizeof *steps);
        pid_t pids[MANY];
        make(COOP_UNTIL_LAST);
        coop_segment *mine = segment;
        for (int i = 0; i < MANY; i++) {
            CHILD(pids[i]) {
                coop_segment_close(mine);
                CHECK_OK(coop_segment_open(name, 0, &segment));
                __atomic_fetch_add(&steps[0], 1, __ATOMIC_RELEASE);
                while (!coopi_load_acquire(&steps[1])) sched_yield();
                coop_segment_close(segment);
            }
        }
        CHECK_SOON(coopi_load_acquire(&steps[0]) == MANY);
        coop_segment_close(mine);
        coopi_store_release(&steps[1], 1);
        for (int i = 0; i < MANY; i++) child_must(pids[i]);
        CHECK(!is_there(name));
    }
}

static void one_whose_last_was_killed_goes_at_the_next_open(void)
{
    const char *name = make_abandoned();
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOENT);
    CHECK(!is_there(name));
}

static void one_whose_last_was_killed_is_made_anew_by_open_or_create(void)
{
    const char *name = make_abandoned();
    ino_t old = inode_of(name);
    coop_value *value;
    CHECK_OK(coop_segment_open(name, COOP_CREATE, &segment));
    CHECK(inode_of(name) != old);
    CHECK_ERR(coop_value_in(segment, "left", "i", 0, &value), -ENOENT);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void one_whose_last_was_killed_makes_room_for_a_create(void)
{
    const char *name = make_abandoned();
    make(COOP_UNTIL_REMOVED);
    CHECK_ERR(coop_segment_create(name, NULL, &segment), -EEXIST); /* that one lives */
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void one_whose_last_was_killed_is_removed_by_remove(void)
{
    const char *name = make_abandoned();
    CHECK_OK(coop_segment_remove(name, 0));
    CHECK(!is_there(name));
    CHECK_ERR(coop_segment_remove(name, 0), -ENOENT);
}

/* Nobody ever gets the abandoned one, nor one that another takes away under his feet. */
static void several_that_open_an_abandoned_one_meet_in_a_new_one(void)
{
    enum { MANY = 4, ROUNDS = 10 };
    for (int round = 0; round < ROUNDS; round++) {
        const char *name = make_abandoned();
        uint32_t *steps = test_shared(2 * sizeof *steps);
        ino_t old = inode_of(name);
        pid_t pids[MANY];
        for (int i = 0; i < MANY; i++) {
            CHILD(pids[i]) {
                while (!coopi_load_acquire(&steps[0])) sched_yield();
                CHECK_OK(coop_segment_open(name, COOP_CREATE, &segment));
                __atomic_fetch_add(&steps[1], 1, __ATOMIC_ACQ_REL);
                CHECK_SOON(coopi_load_acquire(&steps[1]) == MANY);
                CHECK_EQ(segment->map->inode, inode_of(name));
            }
        }
        coopi_store_release(&steps[0], 1);
        for (int i = 0; i < MANY; i++) child_must(pids[i]);
        CHECK(inode_of(name) != old);
        CHECK_OK(coop_segment_remove(name, COOP_FORCE));
    }
}

static void an_unknown_lifetime_is_refused(void)
{
    CHECK_ERR(coop_segment_create(test_name("life"), COOP_SEGMENT_OPTIONS(.lifetime = 7), &segment), -EINVAL);
    CHECK_DETAIL(".lifetime");
}

/* What `shmctl gc` says of the test's segment. */
static const char *gc_says(struct ran ran, const char *name)
{
    static char text[64];
    json_t *document = json_loads(ran.out, 0, NULL);
    const json_t *segments = json_object_get(document, "segments");
    snprintf(text, sizeof text, "nothing");
    for (size_t i = 0; i < json_array_size(segments); i++) {
        const json_t *one = json_array_get(segments, i);
        if (strcmp(json_string_value(json_object_get(one, "name")), name) != 0) continue;
        snprintf(text, sizeof text, "%s", json_string_value(json_object_get(one, "result")));
        CHECK(strlen(json_string_value(json_object_get(one, "proof"))) > 10);
    }
    json_decref(document);
    return text;
}

static void gc_takes_what_nobody_has(void)
{
    const char *name = make_abandoned();
    struct ran ran = RUN("shmctl", "gc", "--dry-run", "--json", name);
    CHECK_EQ(ran.code, 0);
    CHECK_STR(gc_says(ran, name), "would be removed");
    CHECK(is_there(name));
    CHECK_HAS(RUN("shmctl", "gc", "--dry-run", name).out, "the kernel granted a write lease");
    ran = RUN("shmctl", "gc", "--json", name);
    CHECK_EQ(ran.code, 0);
    CHECK_STR(gc_says(ran, name), "removed");
    CHECK(!is_there(name));
}

static void gc_leaves_what_somebody_has(void)
{
    const char *name = make(COOP_UNTIL_LAST);
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", name), name), "kept");
    CHECK(is_there(name));
    coop_segment_close(segment);
}

/* It has no row, and no life word: only the kernel knows that it is there. */
static void gc_leaves_what_somebody_only_maps(void)
{
    const char *name = make_abandoned();
    forge_map(name);
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", name), name), "kept");
    CHECK(is_there(name));
    forge_remove(name);
}

static void gc_leaves_what_is_to_stay(void)
{
    const char *name = make(COOP_UNTIL_REMOVED);
    coop_segment_close(segment);
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", name), name), "kept");
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", "--all", "--dry-run", name), name), "would be removed");
    CHECK(is_there(name));
    CHECK_OK(coop_segment_remove(name, 0));
}

static void damage_magic(struct forge *forge)
{
    forge->header->magic[0] ^= 1;
}

static void gc_leaves_what_is_damaged(void)
{
    const char *name = test_name("life");
    forge_segment(name, damage_magic);
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", name), name), "kept");
    forge_remove(name);
}

/* Its mode lets the group in, and only its header is read. */
static void a_groups_segment_is_managed_as_well(void)
{
    const char *name = test_name("life");
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_segment_create(
            name, COOP_SEGMENT_OPTIONS(.lifetime = COOP_UNTIL_LAST, .access = COOP_GROUP, .maximum = 1 << 20),
            &segment));
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(pid, NULL, 0), pid);
    CHECK(is_there(name));
    CHECK_STR(gc_says(RUN("shmctl", "gc", "--json", "--dry-run", name), name), "would be removed");
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.access = COOP_GROUP, .maximum = 1 << 20),
                                 &segment)); /* in its place */
    CHECK_EQ(RUN("shmctl", "check", "--trust-peers", name).code, 0);
    CHECK_EQ(RUN("shmctl", "repair", name).code, 4);
    CHECK_EQ(RUN("shmctl", "repair", "--trust-peers", name).code, 0);
    CHECK_ERR(coop_segment_remove(name, 0), -EACCES);
    coop_segment_close(segment);
    CHECK_EQ(RUN("shmctl", "rm", "--trust-peers", name).code, 0);
    CHECK(!is_there(name));
}

/* What a link of /proc/PID leads to has TEXT in it. */
static bool leads_to(pid_t pid, const char *link, const char *text)
{
    char path[64], target[256];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, link);
    ssize_t length = readlink(path, target, sizeof target - 1);
    if (length < 0) return false;
    target[length] = 0;
    return strstr(target, text) != NULL;
}

/* Not before it is that program: until then it has our descriptors. */
static bool has_open(pid_t pid, const char *name)
{
    if (!leads_to(pid, "exe", "/shmctl")) return false;
    for (int fd = 3; fd < 10; fd++)
        if (leads_to(pid, text_of("fd/%d", fd), forge_path(name))) return true;
    return false;
}

/* Another one is at work, has it named, and takes the name away while gc waits. Who is late may find it busy first. */
static void gc_that_comes_second_finds_it_gone_and_is_content(void)
{
    const char *name = test_name("life");
    bool gone = false;
    for (int tries = 0; tries < 20 && !gone; tries++) {
        make_abandoned();
        int fd = open(forge_path(name), O_RDWR | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_OK(coopi_name_lock(fd, 0, name));
        struct started gc = START("shmctl", "gc", name);
        CHECK_SOON(has_open(gc.pid, name));
        CHECK_EQ(unlink(forge_path(name)), 0);
        close(fd);
        read_line(&gc);
        gone = strstr(read_line(&gc), "somebody else removed it first") != NULL;
        CHECK_EQ(stop_program(&gc, 0), 0);
    }
    CHECK(gone);
}

static void gc_of_an_absent_one_or_a_name_that_is_none_says_so(void)
{
    struct ran ran = RUN("shmctl", "gc", test_name("absent"));
    CHECK_EQ(ran.code, 3);
    CHECK_HAS(ran.err, "absent: no such segment");
    ran = RUN("shmctl", "gc", "--json", "no/name");
    CHECK_EQ(ran.code, 2);
    CHECK_HAS(ran.err, "no/name");
}

TESTS(lifetime, TEST(by_default_it_stays_until_it_is_removed), TEST(it_goes_with_its_last_handle),
      TEST(it_stays_while_another_process_has_it), TEST_T(several_that_close_at_once_leave_nothing, .seconds = 30),
      TEST(one_whose_last_was_killed_goes_at_the_next_open),
      TEST(one_whose_last_was_killed_is_made_anew_by_open_or_create),
      TEST(one_whose_last_was_killed_makes_room_for_a_create), TEST(one_whose_last_was_killed_is_removed_by_remove),
      TEST_T(several_that_open_an_abandoned_one_meet_in_a_new_one, .seconds = 30), TEST(an_unknown_lifetime_is_refused),
      TEST(gc_takes_what_nobody_has), TEST(gc_leaves_what_somebody_has), TEST(gc_leaves_what_somebody_only_maps),
      TEST(gc_leaves_what_is_to_stay), TEST(gc_leaves_what_is_damaged), TEST(a_groups_segment_is_managed_as_well),
      TEST_T(gc_that_comes_second_finds_it_gone_and_is_content, .seconds = 30),
      TEST(gc_of_an_absent_one_or_a_name_that_is_none_says_so))
