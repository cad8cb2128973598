/* SPDX-License-Identifier: MIT */
/* The directory of a segment: objects found and made by path, its limits, its growth. */
#include "segment/handle.h"
#include "segment/robust.h"
#include "sync/lock_shm.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <coop/value.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

static coop_segment *segment;
static coop_lock *lock;

static const char *path_to(const char *object)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", test_name("s"), object);
    return path;
}

static void make_segment(const coop_segment_options *options)
{
    CHECK_OK(coop_segment_create(test_name("s"), options, &segment));
}

static void remove_segment(void)
{
    CHECK_OK(coop_segment_remove(test_name("s"), COOP_FORCE));
}

static void an_absent_segment_is_named(void)
{
    CHECK_ERR(coop_lock_open(path_to("door"), 0, &lock), -ENOENT);
    CHECK_DETAIL(test_name("s"));
    CHECK_DETAIL("no such segment");
    CHECK_DETAIL("COOP_CREATE");
    CHECK(access("/dev/shm", X_OK) == 0);
}

static void an_absent_object_is_named(void)
{
    make_segment(NULL);
    CHECK_ERR(coop_lock_open(path_to("door"), 0, &lock), -ENOENT);
    CHECK_DETAIL(path_to("door"));
    CHECK_DETAIL("no such object");
    CHECK_ERR(coop_lock_open(path_to("door"), COOP_EXCL, &lock), -ENOENT);
    remove_segment();
}

static void create_makes_segment_and_object_or_finds_them(void)
{
    coop_lock *found;
    CHECK_OK(coop_lock_open(path_to("door"), COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_open(path_to("door"), COOP_CREATE, &found));
    CHECK_ERR(coop_lock_acquire(found, COOP_NOWAIT), -EDEADLK);
    coop_lock_close(found);
    CHECK_OK(coop_lock_open(path_to("gate"), COOP_CREATE, &found));
    CHECK_OK(coop_lock_acquire(found, COOP_NOWAIT));
    coop_lock_close(found);
    remove_segment();
}

static void excl_refuses_what_is_there(void)
{
    CHECK_OK(coop_lock_open(path_to("door"), COOP_CREATE | COOP_EXCL, &lock));
    coop_lock *second = NULL;
    CHECK_ERR(coop_lock_open(path_to("door"), COOP_CREATE | COOP_EXCL, &second), -EEXIST);
    CHECK_DETAIL("without COOP_EXCL");
    CHECK(second == NULL);
    CHECK_OK(coop_lock_open(path_to("gate"), COOP_CREATE | COOP_EXCL, &second)); /* it concerns the object */
    coop_lock_close(second);
    remove_segment();
}

static void another_kind_is_refused_and_both_are_named(void)
{
    coop_rlock *other;
    CHECK_OK(coop_lock_open(path_to("door"), COOP_CREATE, &lock));
    CHECK_ERR(coop_rlock_open(path_to("door"), COOP_CREATE, &other), -EINVAL);
    CHECK_DETAIL("is of kind lock, not rlock; open it as lock");
    remove_segment();
}

static void malformed_paths_make_nothing(void)
{
    static const char *const paths[] = {"",
                                        "/",
                                        "nothing",
                                        "/door",
                                        "s/",
                                        "s/a/b",
                                        "s/a.b",
                                        "s/1door",
                                        ".s/door",
                                        "..",
                                        "s/do or",
                                        "a b/door",
                                        "s/-a",
                                        "s/\xc3\xa4",
                                        "s\n/door",
                                        ":s/door",
                                        "nobody-of-this-name:s/door"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        int r = coop_lock_open(paths[i], COOP_CREATE, &lock);
        if (r != -EINVAL && r != -ENOENT) FAIL("\"%s\" gave %d", paths[i], r);
        CHECK(strlen(coop_error_detail()) > 20);
    }
    char longer[200];
    snprintf(longer, sizeof longer, "%s/%065d", test_name("s"), 0);
    memset(strchr(longer, '/') + 1, 'x', 65);
    CHECK_ERR(coop_lock_open(longer, COOP_CREATE, &lock), -ENAMETOOLONG);
    CHECK_ERR(coop_segment_open(test_name("s"), 0, &segment), -ENOENT); /* checked before anything was made */
    strrchr(longer, 'x')[0] = 0;
    CHECK_OK(coop_lock_open(longer, COOP_CREATE, &lock));
    remove_segment();
}

static void malformed_object_names_are_refused(void)
{
    make_segment(NULL);
    CHECK_ERR(coop_lock_in(segment, "", COOP_CREATE, &lock), -EINVAL);
    CHECK_ERR(coop_lock_in(segment, "a.b", COOP_CREATE, &lock), -EINVAL);
    CHECK_ERR(coop_lock_in(segment, "a/b", COOP_CREATE, &lock), -EINVAL);
    CHECK_ERR(coop_lock_in(segment, "9", COOP_CREATE, &lock), -EINVAL);
    CHECK_ERR(coop_lock_in(segment, "door", COOP_CREATE | 0x1000, &lock), -EINVAL);
    CHECK_DETAIL("unknown flags 0x1000");
    remove_segment();
}

static void flags_of_another_noun_are_refused_by_name(void)
{
    coop_rlock *rlock;
    coop_value *value;
    make_segment(NULL);
    CHECK_ERR(coop_lock_in(segment, "door", COOP_CREATE | COOP_RAW, &lock), -EINVAL);
    CHECK_DETAIL("COOP_RAW is for values and arrays, not for a lock");
    CHECK_ERR(coop_rlock_in(segment, "door", COOP_CREATE | COOP_TRANSFERABLE, &rlock), -EINVAL);
    CHECK_DETAIL("COOP_TRANSFERABLE is for a lock, not for a rlock");
    CHECK_ERR(coop_value_in(segment, "door", "i", COOP_CREATE | COOP_TRANSFERABLE, &value), -EINVAL);
    CHECK_DETAIL("not for a value");
    CHECK_ERR(coop_lock_in(segment, "door", 0, &lock), -ENOENT); /* nothing was made */
    remove_segment();
}

/* An object's name; a nameless one would go with its last handle. */
static const char *numbered(int number)
{
    static char text[16];
    snprintf(text, sizeof text, "lock%d", number);
    return text;
}

enum { MAKERS = 4, OBJECTS = 200 };

/* Everybody makes the same names at once, each in another order: one object a name. */
static void made_by_several_at_once_each_name_is_one_object(void)
{
    make_segment(COOP_SEGMENT_OPTIONS(.objects = OBJECTS));
    int *made = test_shared(sizeof *made);
    pid_t makers[MAKERS];
    for (int m = 0; m < MAKERS; m++) {
        CHILD(makers[m]) {
            for (int i = 0; i < OBJECTS; i++) {
                char name[32];
                snprintf(name, sizeof name, "door%d", m % 2 ? i : OBJECTS - 1 - i);
                int r = coop_lock_in(segment, name, COOP_CREATE | COOP_EXCL, &lock);
                if (r == 0)
                    __atomic_fetch_add(made, 1, __ATOMIC_RELAXED);
                else
                    CHECK_EQ(r, -EEXIST);
                if (r < 0) CHECK_OK(coop_lock_in(segment, name, 0, &lock));
                CHECK(coop_lock_acquire(lock, COOP_FOREVER) == 0);
                CHECK_OK(coop_lock_release(lock));
            }
        }
    }
    for (int m = 0; m < MAKERS; m++) child_must(makers[m]);
    CHECK_EQ(*made, OBJECTS);
    remove_segment();
}

static void a_full_directory_is_told_with_its_cure(void)
{
    make_segment(COOP_SEGMENT_OPTIONS(.objects = 3, .maximum = 4 << 20));
    char name[16];
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "door%d", i);
        CHECK_OK(coop_lock_in(segment, name, COOP_CREATE, &lock));
        coop_lock_close(lock);
    }
    CHECK_ERR(coop_lock_in(segment, "door3", COOP_CREATE, &lock), -ENOSPC);
    CHECK_DETAIL("its directory is full (3 objects)");
    CHECK_DETAIL(".objects");
    CHECK_ERR(coop_lock_in(segment, NULL, 0, &lock), -ENOSPC);
    CHECK_OK(coop_lock_in(segment, "door2", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    remove_segment();
}

static void a_full_segment_is_told_with_its_cure(void)
{
    make_segment(
        COOP_SEGMENT_OPTIONS(.objects = 4096, .owners = 8, .participants = 8, .reserve = 4096, .maximum = 4096));
    int made = 0, r;
    for (; (r = coop_lock_in(segment, numbered(made), COOP_CREATE, &lock)) == 0; made++) coop_lock_close(lock);
    CHECK_EQ(r, -ENOSPC);
    CHECK_DETAIL("its maximum is");
    CHECK_DETAIL(".maximum");
    CHECK(made >= 4096 / 128);
    remove_segment();
}

/* One who has it open sees what another made beyond the size that the file had. */
static void it_grows_and_everybody_sees_it(void)
{
    enum { MANY = 3000 };
    make_segment(COOP_SEGMENT_OPTIONS(.objects = MANY, .reserve = 4096, .maximum = 4 << 20));
    struct stat before, after;
    CHECK_EQ(fstat(segment->map->fd, &before), 0);
    int *step = test_shared(sizeof *step);
    pid_t other;
    CHILD(other) {
        CHECK_OK(coop_lock_in(segment, "first", COOP_CREATE, &lock));
        step_to(step, 1);
        await_step(step, 2);
        CHECK_OK(coop_lock_in(segment, "last", 0, &lock));
        CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    }
    await_step(step, 1);
    coop_lock *last = NULL;
    for (int i = 1; i < MANY; i++) {
        CHECK_OK(coop_lock_in(segment, i == MANY - 1 ? "last" : numbered(i), COOP_CREATE, &last));
        CHECK_OK(coop_lock_acquire(last, COOP_NOWAIT));
        if (i < MANY - 1) CHECK_OK(coop_lock_release(last));
        if (i < MANY - 1) coop_lock_close(last);
    }
    CHECK_EQ(fstat(segment->map->fd, &after), 0);
    CHECK(after.st_size >= before.st_size + (MANY - 1L) * 128L - 4096);
    CHECK(after.st_blocks * 512L >= after.st_size); /* reserved, not a hole */
    step_to(step, 2);
    child_must(other);
    coop_lock_close(last);
    remove_segment();
}

/* The last lock that could be made stays open. */
static void make_until_it_has_grown(int *ret_result)
{
    uint64_t before = segment->map->header->size;
    int r = 0;
    lock = NULL;
    for (int i = 0; r == 0 && segment->map->header->size == before && i < 4000; i++) {
        coop_lock *next;
        r = coop_lock_in(segment, numbered(i), COOP_CREATE, &next);
        if (r < 0) break;
        coop_lock_close(lock);
        lock = next;
    }
    *ret_result = r;
}

/* A file of the host's gets the descriptor's number; it is neither grown nor written, and the segment is. */
static void after_closefrom_growth_leaves_the_hosts_file_alone(void)
{
    make_segment(COOP_SEGMENT_OPTIONS(.objects = 4096, .maximum = 4 << 20));
    int fd = segment->map->fd;
    closefrom(3);
    int host = open(test_file("host"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(dup2(host, fd) == fd);
    CHECK_EQ(write(fd, "8 bytes.", 8), 8);
    int r;
    make_until_it_has_grown(&r);
    CHECK_OK(r);
    struct stat st;
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, 8);
    CHECK(segment->map->fd != fd);
    coop_lock_close(lock);
    coop_segment_close(segment);
    CHECK(fcntl(fd, F_GETFD) >= 0); /* nor is it closed */
    remove_segment();
}

static void after_closefrom_an_anonymous_one_cannot_grow_and_says_so(void)
{
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = 4096, .maximum = 4 << 20), &segment));
    closefrom(3);
    int r;
    make_until_it_has_grown(&r);
    CHECK_ERR(r, -EBADF);
    CHECK_DETAIL("closefrom");
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT)); /* what is there goes on */
    CHECK_OK(coop_lock_release(lock));
}

static void after_closefrom_a_namesake_is_not_taken_for_it(void)
{
    make_segment(COOP_SEGMENT_OPTIONS(.objects = 4096, .maximum = 4 << 20));
    coop_segment *old = segment;
    remove_segment();
    make_segment(NULL);
    struct stat before, after;
    CHECK_EQ(fstat(segment->map->fd, &before), 0);
    coop_segment_close(segment);
    segment = old;
    keep(old);
    closefrom(3);
    int r;
    make_until_it_has_grown(&r);
    CHECK_ERR(r, -ENOENT);
    CHECK_DETAIL("made anew");
    CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
    CHECK_EQ(fstat(segment->map->fd, &after), 0);
    CHECK_EQ(after.st_size, before.st_size);
    remove_segment();
}

static void an_object_survives_its_maker(void)
{
    int *step = test_shared(sizeof *step);
    for (int killed = 0; killed < 2; killed++) {
        pid_t maker;
        step_to(step, 0);
        CHILD(maker) {
            CHECK_OK(coop_lock_open(path_to("door"), COOP_CREATE | COOP_EXCL, &lock));
            step_to(step, 1);
            if (killed) wait_to_be_killed();
        }
        await_step(step, 1);
        if (killed)
            child_kill(maker);
        else
            child_must(maker);
        CHECK_OK(coop_lock_open(path_to("door"), 0, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
        coop_lock_close(lock);
        remove_segment();
    }
}

/* Nothing is half made: whoever has the directory's lock next goes on, and the death is written down. */
static void a_maker_killed_at_work_is_followed_by_the_next(void)
{
    make_segment(NULL);
    int *step = test_shared(sizeof *step);
    struct coopi_lock_shm *directory = &segment->map->header->lock;
    pid_t maker;
    CHILD(maker) {
        uint32_t dead;
        CHECK_OK(coopi_robust_acquire(segment->map, &directory->robust, COOP_FOREVER, 0, &dead));
        segment->map->directory[0].kind = 77; /* half an entry */
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    child_kill(maker);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_EQ(directory->death.count, 1);
    CHECK_EQ(directory->death.pid, maker);
    coop_lock_close(lock);
    CHECK_OK(coop_lock_in(segment, "gate", COOP_CREATE, &lock));
    CHECK_EQ(directory->death.count, 1);
    remove_segment();
}

static void makers_killed_at_random_leave_whole_objects(void)
{
    make_segment(COOP_SEGMENT_OPTIONS(.objects = 4000, .maximum = 4 << 20));
    int *step = test_shared(sizeof *step);
    for (int round = 1; round <= 60; round++) {
        pid_t maker;
        CHILD(maker) {
            step_to(step, round);
            for (int i = 0; coop_lock_in(segment, numbered(round * 4000 + i), COOP_CREATE, &lock) == 0; i++) continue;
            wait_to_be_killed();
        }
        await_step(step, round);
        test_sleep_ms(round % 3);
        child_kill(maker);
    }
    unsigned live = 0;
    for (uint32_t i = 0; i < segment->map->geometry->directory.count; i++) {
        struct coopi_entry entry = segment->map->directory[i];
        if (!(entry.state & COOPI_ENTRY_LIVE)) continue;
        CHECK_OK(coopi_entry_check(&entry, segment->map->geometry, segment->map->mapped, "s"));
        live++;
    }
    CHECK(live > 0);
    if (live < 4000) CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
    remove_segment();
}

TESTS(directory, TEST(an_absent_segment_is_named), TEST(an_absent_object_is_named),
      TEST(create_makes_segment_and_object_or_finds_them), TEST(excl_refuses_what_is_there),
      TEST(another_kind_is_refused_and_both_are_named), TEST(malformed_paths_make_nothing),
      TEST(malformed_object_names_are_refused), TEST(flags_of_another_noun_are_refused_by_name),
      TEST_T(made_by_several_at_once_each_name_is_one_object, .seconds = 30),
      TEST(a_full_directory_is_told_with_its_cure), TEST(a_full_segment_is_told_with_its_cure),
      TEST_T(it_grows_and_everybody_sees_it, .seconds = 30), TEST(after_closefrom_growth_leaves_the_hosts_file_alone),
      TEST(after_closefrom_an_anonymous_one_cannot_grow_and_says_so),
      TEST(after_closefrom_a_namesake_is_not_taken_for_it), TEST(an_object_survives_its_maker),
      TEST(a_maker_killed_at_work_is_followed_by_the_next),
      TEST_T(makers_killed_at_random_leave_whole_objects, .seconds = 30))
