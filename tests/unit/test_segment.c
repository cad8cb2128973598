/* SPDX-License-Identifier: MIT */
/* Segments from their birth to their removal: names, options, mappings, and who keeps what. */
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define SMALL COOP_SEGMENT_OPTIONS(.objects = 8, .owners = 8, .participants = 8, .reserve = 4096, .maximum = 1 << 20)

static coop_segment *segment;

static bool is_there(const char *name)
{
    return access(forge_path(name), F_OK) == 0;
}

/* Names */

static void malformed_names_are_refused_by_every_call(void)
{
    static const char *const names[] = {"",    ".",   "..",       ".hidden", "a/b", "/a",
                                        "a b", "a\n", "\xc3\xa9", ":a",      "a:",  "a:b:c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_ERR(coop_segment_create(names[i], SMALL, &segment), -EINVAL);
        CHECK_ERR(coop_segment_open(names[i], COOP_CREATE, &segment), -EINVAL);
        CHECK_ERR(coop_segment_remove(names[i], 0), -EINVAL);
        CHECK(strlen(coop_error_detail()) > 20);
    }
}

static void names_may_have_100_characters(void)
{
    char name[128];
    int length = snprintf(name, sizeof name, "%s", test_name("s"));
    memset(name + length, 'x', (size_t)(101 - length));
    name[101] = 0;
    CHECK_ERR(coop_segment_create(name, SMALL, &segment), -ENAMETOOLONG);
    CHECK_DETAIL("at most 100");
    CHECK_ERR(coop_segment_open(name, COOP_CREATE, &segment), -ENAMETOOLONG);
    CHECK_ERR(coop_segment_remove(name, 0), -ENAMETOOLONG);
    name[100] = 0;
    CHECK_OK(coop_segment_create(name, SMALL, &segment));
    CHECK_STR(coop_segment_name(segment), name);
    CHECK(is_there(name));
    CHECK_OK(coop_segment_remove(name, 0));
}

static void no_name_is_refused(void)
{
    CHECK_ERR(coop_segment_open(NULL, COOP_CREATE, &segment), -EINVAL);
    CHECK_DETAIL("coop_segment_create(NULL");
    CHECK_ERR(coop_segment_remove(NULL, 0), -EINVAL);
}

static void the_users_prefix_reaches_the_same_segment(void)
{
    char name[160];
    coop_segment *again;
    snprintf(name, sizeof name, "%u:%s", geteuid(), test_name("s"));
    CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
    CHECK_ERR(coop_segment_create(name, SMALL, &again), -EEXIST);
    CHECK_OK(coop_segment_open(name, 0, &again));
    CHECK(again->map == segment->map);
    CHECK_OK(coop_segment_remove(name, 0));
    CHECK_ERR(coop_segment_open(test_name("s"), 0, &again), -ENOENT);
    CHECK_ERR(coop_segment_open("nobody-of-this-name:s", 0, &again), -ENOENT);
    CHECK_DETAIL("no such user");
    snprintf(name, sizeof name, "%u:s", geteuid() + 1);
    CHECK_ERR(coop_segment_create(name, SMALL, &again), -EACCES);
    CHECK_DETAIL("only that user can make it");
    coop_segment_close(again);
}

/* Making and opening */

static void create_refuses_what_is_there(void)
{
    coop_segment *second = NULL;
    CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
    CHECK_ERR(coop_segment_create(test_name("s"), SMALL, &second), -EEXIST);
    CHECK_DETAIL("exists already; open it");
    CHECK_ERR(coop_segment_open(test_name("s"), COOP_CREATE | COOP_EXCL, &second), -EEXIST);
    CHECK(second == NULL);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void open_finds_or_with_create_makes(void)
{
    coop_segment *again;
    CHECK_ERR(coop_segment_open(test_name("s"), 0, &segment), -ENOENT);
    CHECK_DETAIL("no such segment");
    CHECK_OK(coop_segment_open(test_name("s"), COOP_CREATE, &segment));
    CHECK_OK(coop_segment_open(test_name("s"), COOP_CREATE, &again));
    CHECK(again->map == segment->map);
    CHECK_ERR(coop_segment_open(test_name("s"), 0x1000, &again), -EINVAL);
    CHECK_DETAIL("unknown flags 0x1000");
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
    coop_segment_close(again);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_open(test_name("t"), COOP_CREATE | COOP_EXCL, &segment));
    CHECK_OK(coop_segment_remove(test_name("t"), 0));
}

static void its_file_is_for_its_user_whatever_the_umask(void)
{
    static const mode_t masks[] = {0, 022, 077, 0777};
    for (size_t i = 0; i < sizeof masks / sizeof masks[0]; i++) {
        umask(masks[i]);
        CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
        struct stat st;
        CHECK_EQ(stat(forge_path(test_name("s")), &st), 0);
        CHECK_EQ(st.st_mode, S_IFREG | 0600);
        CHECK_EQ(st.st_nlink, 1);
        CHECK_EQ(st.st_uid, geteuid());
        CHECK(st.st_blocks * 512 >= st.st_size); /* reserved */
        CHECK_OK(coop_segment_remove(test_name("s"), 0));
        coop_segment_close(segment);
    }
}

static void options_out_of_range_are_refused(void)
{
    const char *name = test_name("s");
    coop_segment_options old = {.size = 4};
    CHECK_ERR(coop_segment_create(name, &old, &segment), -EINVAL);
    CHECK_DETAIL("COOP_SEGMENT_OPTIONS");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.objects = 65537), &segment), -EINVAL);
    CHECK_DETAIL("65536 objects");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.owners = 4096), &segment), -EINVAL);
    CHECK_DETAIL("4095 owners");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.participants = UINT32_MAX), &segment), -EINVAL);
    CHECK_DETAIL("4095 participants");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = UINT64_MAX), &segment), -EINVAL);
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.maximum = 4096, .reserve = 4097), &segment), -EINVAL);
    CHECK_DETAIL("not below the reserve");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.lifetime = 2), &segment), -EINVAL);
    CHECK_DETAIL(".lifetime is COOP_UNTIL_REMOVED or COOP_UNTIL_LAST");
    CHECK_ERR(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.reserve = UINT64_MAX), &segment), -EINVAL);
    CHECK(!is_there(name));
}

static void options_are_heeded_to_their_limits(void)
{
    CHECK_OK(coop_segment_create(
        test_name("s"), COOP_SEGMENT_OPTIONS(.objects = 65536, .owners = 4095, .participants = 4095, .reserve = 1),
        &segment));
    CHECK_EQ(segment->map->geometry->directory.count, 65536);
    CHECK_EQ(segment->map->owner_count, 4095);
    CHECK_EQ(segment->map->geometry->participants.count, 4095);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
    coop_segment_close(segment);
    CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
    CHECK_EQ(segment->map->geometry->directory.count, 256);
    CHECK_EQ(segment->map->owner_count, 1024);
    CHECK_EQ(segment->map->geometry->participants.count, 256);
    CHECK_EQ(segment->map->geometry->maximum, UINT64_C(16) << 30);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void an_anonymous_one_cannot_be_shortened(void)
{
    CHECK_OK(coop_segment_create(NULL, SMALL, &segment));
    CHECK(coop_segment_name(segment) == NULL);
    int fd = segment->map->fd;
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(ftruncate(fd, 0), -1);
    CHECK_EQ(errno, EPERM);
    CHECK_EQ(ftruncate(fd, st.st_size - 1), -1);
    CHECK_EQ(ftruncate(fd, st.st_size + 4096), 0);
}

static void children_inherit_an_anonymous_one(void)
{
    CHECK_OK(coop_segment_create(NULL, SMALL, &segment));
    pid_t child;
    CHILD(child) {
        coop_lock *lock;
        CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        kill(getpid(), SIGKILL);
    }
    CHECK_EQ(waitpid(child, NULL, 0), child);
    coop_lock *lock;
    CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
}

/* Several at once */

enum { RACERS = 4, RACES = 100 };

static void race(int *gate, int round, ino_t *ret_inode, int *creators)
{
    __atomic_fetch_add(gate, 1, __ATOMIC_ACQ_REL);
    while (step_now(gate) < round * RACERS) sched_yield();
    if (round % 2) {
        int r = coop_segment_create(test_name("s"), SMALL, &segment);
        if (r == 0)
            __atomic_fetch_add(creators, 1, __ATOMIC_RELAXED);
        else
            CHECK_ERR(r, -EEXIST);
        if (r < 0) CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
    } else {
        CHECK_OK(coop_segment_open(test_name("s"), COOP_CREATE, &segment));
    }
    *ret_inode = segment->map->inode;
}

static void made_by_several_at_once_it_is_one(void)
{
    struct {
        int gate, creators;
        ino_t inodes[RACERS];
    } *shared = test_shared(sizeof *shared);
    for (int round = 1; round <= RACES; round++) {
        pid_t racers[RACERS];
        for (int i = 0; i < RACERS; i++)
            CHILD(racers[i]) race(&shared->gate, round, &shared->inodes[i], &shared->creators);
        for (int i = 0; i < RACERS; i++) child_must(racers[i]);
        struct stat st;
        CHECK_EQ(stat(forge_path(test_name("s")), &st), 0);
        for (int i = 0; i < RACERS; i++) CHECK_EQ(shared->inodes[i], st.st_ino);
        CHECK_EQ(shared->creators, (round + 1) / 2);
        CHECK_OK(coop_segment_remove(test_name("s"), 0));
    }
}

/* Each round's creator is killed a little later, over twice the time that the last whole creation took. */
static void a_creator_killed_at_random_leaves_all_or_nothing(void)
{
    enum { KILLED = 150 };
    struct {
        int step;
        int64_t took;
    } *shared = test_shared(sizeof *shared);
    int whole = 0;
    shared->took = COOP_MS(100);
    for (int round = 1; round <= KILLED; round++) {
        pid_t maker;
        CHILD(maker) {
            int64_t start = test_now();
            step_to(&shared->step, round);
            CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
            shared->took = test_now() - start;
            wait_to_be_killed();
        }
        await_step(&shared->step, round);
        int64_t until = test_now() + shared->took * 2 * (round == 1 ? KILLED : round) / KILLED;
        while (!test_passed(until)) continue;
        child_kill(maker);
        if (!is_there(test_name("s"))) continue;
        whole++;
        CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
        coop_segment_close(segment);
        CHECK_OK(coop_segment_remove(test_name("s"), 0));
    }
    CHECK(whole > 0);
}

/* Mappings */

static void opened_twice_it_is_mapped_once(void)
{
    const char *name = test_name("s");
    coop_segment *again;
    coop_lock *lock;
    char path[160];
    snprintf(path, sizeof path, "%s/door", name);
    CHECK_OK(coop_segment_create(name, SMALL, &segment));
    CHECK_OK(coop_segment_open(name, 0, &again));
    CHECK_OK(coop_lock_open(path, COOP_CREATE, &lock));
    CHECK_EQ(count_maps("/dev/shm/"), 1);
    coop_segment_close(segment);
    coop_segment_close(again);
    CHECK_EQ(count_maps("/dev/shm/"), 1);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    CHECK_EQ(count_maps("/dev/shm/"), 0);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void closing_unmaps_it_and_closes_its_file(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
    coop_segment_close(segment);
    int descriptors = count_descriptors();
    CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
    CHECK_EQ(count_maps("/dev/shm/"), 1);
    CHECK_EQ(count_descriptors(), descriptors + 1);
    coop_segment_close(segment);
    coop_segment_close(NULL);
    CHECK_EQ(count_maps("/dev/shm/"), 0);
    CHECK_EQ(count_descriptors(), descriptors);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void closed_while_a_lock_is_held_it_stays_and_says_so(void)
{
    const char *name = test_name("s");
    coop_lock *lock;
    CHECK_OK(coop_segment_create(name, SMALL, &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK_DETAIL("closed while this thread holds 1 of its locks");
    CHECK_EQ(count_maps("/dev/shm/"), 1);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
    CHECK_EQ(coop_lock_locked(lock), 1);
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK_EQ(count_maps("/dev/shm/"), 0);
    CHECK_OK(coop_segment_remove(name, 0));
}

static int *step;

static void *own_something(void *lock)
{
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    step_to(step, 1);
    await_step(step, 2);
    return NULL;
}

/* The thread's life word is in it, and the kernel will write there when the thread dies. */
static void it_stays_mapped_while_another_thread_is_an_owner(void)
{
    const char *name = test_name("s");
    coop_lock *lock;
    pthread_t thread;
    step = test_shared(sizeof *step);
    CHECK_OK(coop_segment_create(name, SMALL, &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_EQ(pthread_create(&thread, NULL, own_something, lock), 0);
    await_step(step, 1);
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK_EQ(count_maps("/dev/shm/"), 1);
    step_to(step, 2);
    pthread_join(thread, NULL);
    CHECK_EQ(count_maps("/dev/shm/"), 0); /* its end took it along */
    CHECK_OK(coop_segment_remove(name, 0));
}

enum { BEGINNERS = 8 };

static void *begin(void *gate)
{
    coop_lock *lock;
    __atomic_fetch_add((int *)gate, 1, __ATOMIC_ACQ_REL);
    while (step_now(gate) < BEGINNERS) sched_yield();
    CHECK_OK(coop_lock_new(&lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    return lock;
}

/* The library's first calls in a process come from all its threads at once. */
static void threads_that_begin_at_once_share_what_is_nameless(void)
{
    pthread_t threads[BEGINNERS];
    int gate = 0;
    for (int i = 0; i < BEGINNERS; i++) CHECK_EQ(pthread_create(&threads[i], NULL, begin, &gate), 0);
    for (int i = 0; i < BEGINNERS; i++) {
        void *lock;
        CHECK_EQ(pthread_join(threads[i], &lock), 0);
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        keep(lock);
    }
    CHECK_EQ(count_maps("memfd:coop"), 1);
}

/* A process that dumps core keeps its locks until the dump is written. */
static void a_core_dump_leaves_it_out(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
    char line[512];
    bool ours = false, left_out = false;
    FILE *smaps = fopen("/proc/self/smaps", "re");
    CHECK(smaps != NULL);
    while (fgets(line, sizeof line, smaps)) {
        if (strstr(line, "/dev/shm/")) ours = true;
        if (!ours || strncmp(line, "VmFlags:", 8) != 0) continue;
        left_out = strstr(line, " dd") != NULL;
        break;
    }
    fclose(smaps);
    CHECK(left_out);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static int *stop;

static void *open_and_close(void *name)
{
    while (!step_now(stop)) {
        coop_segment *own;
        CHECK_OK(coop_segment_open(name, 0, &own));
        coop_segment_close(own);
    }
    return NULL;
}

/* The child is made at any moment of the other thread's work, and finds everything in order. */
static void a_fork_amid_other_threads_opens_leaves_a_sound_child(void)
{
    static char name[128];
    snprintf(name, sizeof name, "%s", test_name("s"));
    CHECK_OK(coop_segment_create(name, SMALL, &segment));
    coop_segment_close(segment);
    stop = test_shared(sizeof *stop);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, open_and_close, name), 0);
    for (int i = 0; i < 150; i++) {
        pid_t child;
        CHILD(child) {
            coop_lock *lock;
            CHECK_OK(coop_segment_open(name, 0, &segment));
            CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
            CHECK(coop_lock_acquire(lock, COOP_FOREVER) >= 0);
            CHECK_OK(coop_lock_release(lock));
            coop_lock_close(lock);
            coop_segment_close(segment);
        }
        child_must(child);
    }
    step_to(stop, 1);
    pthread_join(thread, NULL);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void a_thousand_made_and_removed_leave_nothing(void)
{
    int descriptors = 0, maps = 0;
    for (int i = 0; i < 1000; i++) {
        coop_lock *lock;
        CHECK_OK(coop_segment_create(test_name("s"), SMALL, &segment));
        CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
        CHECK_OK(coop_segment_remove(test_name("s"), 0));
        coop_segment_close(segment);
        coop_lock_close(lock);
        if (i == 10) descriptors = count_descriptors();
        if (i == 10) maps = count_maps("");
    }
    CHECK_EQ(count_descriptors(), descriptors);
    CHECK(count_maps("") <= maps + 100); /* the heap's own */
    CHECK_EQ(count_maps("/dev/shm/"), 0);
}

TESTS(segment, TEST(malformed_names_are_refused_by_every_call), TEST(names_may_have_100_characters),
      TEST(no_name_is_refused), TEST(the_users_prefix_reaches_the_same_segment), TEST(create_refuses_what_is_there),
      TEST(open_finds_or_with_create_makes), TEST(its_file_is_for_its_user_whatever_the_umask),
      TEST(options_out_of_range_are_refused), TEST(options_are_heeded_to_their_limits),
      TEST(an_anonymous_one_cannot_be_shortened), TEST(children_inherit_an_anonymous_one),
      TEST_T(made_by_several_at_once_it_is_one, .seconds = 30),
      TEST_T(a_creator_killed_at_random_leaves_all_or_nothing, .seconds = 30), TEST(opened_twice_it_is_mapped_once),
      TEST(closing_unmaps_it_and_closes_its_file), TEST(a_core_dump_leaves_it_out),
      TEST(threads_that_begin_at_once_share_what_is_nameless), TEST(closed_while_a_lock_is_held_it_stays_and_says_so),
      TEST(it_stays_mapped_while_another_thread_is_an_owner),
      TEST_T(a_fork_amid_other_threads_opens_leaves_a_sound_child, .seconds = 60, .tags = NO_TSAN),
      TEST_T(a_thousand_made_and_removed_leave_nothing, .seconds = 60))
