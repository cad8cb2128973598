/* SPDX-License-Identifier: MIT */
/* Segments where something runs out: room in /dev/shm, file size, address space, descriptors, the table of maps. */
#include "base/futex.h"
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>

static coop_segment *segment;
static coop_lock *lock;

/* The whole runner's posix_fallocate: a full /dev/shm whenever a test says so. */
static bool shm_is_full;

int perhaps_full(int fd, off_t offset, off_t len) __asm__("posix_fallocate");

int perhaps_full(int fd, off_t offset, off_t len)
{
    if (shm_is_full) return ENOSPC;
    int saved = errno;
    int error = fallocate(fd, 0, offset, len) == 0 ? 0 : errno;
    errno = saved;
    return error;
}

static bool is_there(const char *name)
{
    return access(forge_path(name), F_OK) == 0;
}

static void check_full(void)
{
    CHECK_DETAIL("/dev/shm has no room");
    CHECK_DETAIL("shmctl rm");
}

static void a_full_shm_is_told_and_leaves_no_name(void)
{
    int descriptors = count_descriptors();
    shm_is_full = true;
    CHECK_ERR(coop_segment_create(test_name("s"), NULL, &segment), -ENOSPC);
    check_full();
    CHECK_ERR(coop_segment_open(test_name("s"), COOP_CREATE, &segment), -ENOSPC);
    CHECK_ERR(coop_segment_create(NULL, NULL, &segment), -ENOSPC);
    CHECK_ERR(coop_lock_new(&lock), -ENOSPC);
    CHECK(!is_there(test_name("s")));
    CHECK_EQ(count_descriptors(), descriptors);
    shm_is_full = false;
    CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

/* An object's name; a nameless one would go with its last handle. */
static const char *numbered(int number)
{
    static char text[16];
    snprintf(text, sizeof text, "lock%d", number);
    return text;
}

/* The last lock that could be made stays open. */
static int make_until_it_fails(void)
{
    int r = 0;
    lock = NULL;
    for (int i = 0; r == 0 && i < 4000; i++) {
        coop_lock *next;
        r = coop_lock_in(segment, numbered(i), COOP_CREATE, &next);
        if (r < 0) break;
        coop_lock_close(lock);
        lock = next;
    }
    return r;
}

static void a_shm_that_is_full_when_it_grows_is_told_and_costs_nothing(void)
{
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = 4000, .maximum = 1 << 22), &segment));
    shm_is_full = true;
    CHECK_EQ(make_until_it_fails(), -ENOSPC);
    check_full();
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT)); /* the last that was made */
    CHECK_OK(coop_lock_release(lock));
    shm_is_full = false;
    coop_lock_close(lock);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
}

static void set_limit(__rlimit_resource_t what, rlim_t soft)
{
    struct rlimit limit;
    CHECK_EQ(getrlimit(what, &limit), 0);
    limit.rlim_cur = soft;
    CHECK_EQ(setrlimit(what, &limit), 0);
}

/* The signal would end the test. */
static void the_file_size_limit_is_told_without_its_signal(void)
{
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.objects = 4000, .maximum = 1 << 22), &segment));
    set_limit(RLIMIT_FSIZE, 64 << 10);
    coop_segment *other;
    CHECK_ERR(coop_segment_create(test_name("s"), NULL, &other), -EFBIG);
    CHECK_DETAIL("RLIMIT_FSIZE allows 65536");
    CHECK_DETAIL("ulimit -f");
    CHECK(!is_there(test_name("s")));
    CHECK_EQ(make_until_it_fails(), -EFBIG);
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
}

static void little_address_space_makes_a_smaller_mapping(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), COOP_SEGMENT_OPTIONS(.objects = 4000), &segment));
    uint64_t size = segment->map->geometry->storage;
    coop_segment_close(segment);
    pid_t child;
    CHILD(child) {
        set_limit(RLIMIT_AS, 1 << 30);
        CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
        CHECK(segment->map->mapped < segment->map->geometry->maximum);
        CHECK(segment->map->mapped >= size);
        CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
    }
    child_must(child);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static uint64_t address_space_in_use(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    CHECK(file && fscanf(file, "%lu", &pages) == 1);
    fclose(file);
    return pages * 4096;
}

static void too_little_address_space_is_told(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), COOP_SEGMENT_OPTIONS(.reserve = 64 << 20), &segment));
    coop_segment_close(segment);
    pid_t child;
    CHILD(child) {
        set_limit(RLIMIT_AS, address_space_in_use() + (16 << 20));
        CHECK_ERR(coop_segment_open(test_name("s"), 0, &segment), -ENOMEM);
        CHECK_DETAIL("cannot map even its");
        CHECK_DETAIL("RLIMIT_AS");
        CHECK_ERR(coop_segment_create(test_name("t"), COOP_SEGMENT_OPTIONS(.reserve = 64 << 20), &segment), -ENOMEM);
        CHECK(!is_there(test_name("t")));
    }
    child_must(child);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

/* Another process has let it grow beyond what this one could map. */
static void growth_beyond_ones_own_mapping_is_told(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), COOP_SEGMENT_OPTIONS(.objects = 4000, .maximum = 1 << 24), &segment));
    int *step = test_shared(sizeof *step);
    pid_t child;
    CHILD(child) {
        coop_segment_close(segment);
        set_limit(RLIMIT_AS, address_space_in_use() + (1400 << 10));
        CHECK_OK(coop_segment_open(test_name("s"), 0, &segment));
        CHECK(segment->map->mapped <= 1 << 20);
        step_to(step, 1);
        await_step(step, 2);
        CHECK_ERR(coop_lock_in(segment, "last", 0, &lock), -ENOMEM);
        CHECK_DETAIL("RLIMIT_AS");
        CHECK_OK(coop_lock_in(segment, "first", 0, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    }
    await_step(step, 1);
    CHECK_OK(coop_lock_in(segment, "first", COOP_CREATE, &lock));
    for (int i = 0; i < 3900; i++) {
        CHECK_OK(coop_lock_in(segment, numbered(i), COOP_CREATE, &lock));
        coop_lock_close(lock);
    }
    CHECK_OK(coop_lock_in(segment, "last", COOP_CREATE, &lock));
    step_to(step, 2);
    child_must(child);
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

static void use_all_descriptors(int left)
{
    set_limit(RLIMIT_NOFILE, 64);
    int last = -1, fd;
    while ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0) last = fd;
    for (int i = 0; i < left; i++) close(last - i);
}

static void without_descriptors_every_call_says_so(void)
{
    CHECK_OK(coop_segment_create(test_name("s"), NULL, &segment));
    coop_segment_close(segment);
    for (int left = 0; left < 4; left++) {
        pid_t child;
        CHILD(child) {
            use_all_descriptors(left);
            int r = coop_segment_create(test_name("t"), NULL, &segment);
            if (r < 0) CHECK_ERR(r, -EMFILE);
            if (r < 0) CHECK(!is_there(test_name("t")));
            if (r == 0) coop_segment_close(segment); /* its descriptor is needed */
            if (r == 0) CHECK_OK(coop_segment_remove(test_name("t"), COOP_FORCE));
            r = coop_segment_open(test_name("s"), 0, &segment);
            if (r < 0) CHECK_ERR(r, -EMFILE);
            if (left == 0) CHECK_EQ(r, -EMFILE);
            if (left == 0) CHECK_DETAIL("Too many open files");
            if (r == 0) CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
        }
        child_must(child);
    }
    CHECK_OK(coop_segment_remove(test_name("s"), 0));
}

/* The library lives without its descriptors: what it has, it uses. */
static void locks_work_without_a_free_descriptor(void)
{
    CHECK_OK(coop_lock_new(&lock));
    int *step = test_shared(sizeof *step);
    pid_t holder;
    CHILD(holder) {
        use_all_descriptors(0); /* it has looked at itself before fork() returned */
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        CHECK_OK(coop_lock_release(lock));
    }
    child_must(holder);
    CHILD(holder) {
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        use_all_descriptors(0);
        CHECK_OK(coop_lock_release(lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        step_to(step, 1);
        wait_to_be_killed();
    }
    await_step(step, 1);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    pid_t other;
    CHILD(other) {
        CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
        use_all_descriptors(0);
        CHECK_ERR(coop_lock_acquire(lock, COOP_MS(300)), -ETIMEDOUT); /* no look at /proc is no proof of death */
    }
    child_must(other);
    child_kill(holder);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
}

/* It cannot look at itself in /proc, so it cannot enter itself; it says so, and later it can. */
static void a_child_born_without_a_free_descriptor_says_so(void)
{
    CHECK_OK(coop_lock_new(&lock));
    pid_t parent;
    CHILD(parent) {
        use_all_descriptors(0);
        pid_t child;
        CHILD(child) {
            CHECK_ERR(coop_lock_acquire(lock, COOP_FOREVER), -EMFILE);
            CHECK_DETAIL("Too many open files");
            close(63);
            CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
            CHECK_OK(coop_lock_release(lock));
        }
        child_must(child);
    }
    child_must(parent);
}

static void the_table_of_maps_has_an_end(void)
{
    const coop_segment_options *tiny =
        COOP_SEGMENT_OPTIONS(.objects = 1, .owners = 1, .participants = 1, .reserve = 1, .maximum = 8192);
    static coop_segment *all[COOPI_MAPS];
    for (int i = 0; i < COOPI_MAPS; i++) {
        CHECK_OK(coop_segment_create(NULL, tiny, &all[i]));
        close(all[i]->map->fd); /* whatever this machine allows */
    }
    CHECK_ERR(coop_segment_create(NULL, tiny, &segment), -EMFILE);
    CHECK_DETAIL("4096 segments open already");
    coop_segment_close(all[COOPI_MAPS / 2]);
    CHECK_OK(coop_segment_create(NULL, tiny, &segment));
    CHECK_EQ(segment->map->slot, COOPI_MAPS / 2);
    CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_OK(coop_lock_release(lock));
    for (int i = 0; i < COOPI_MAPS; i++)
        if (i != COOPI_MAPS / 2) coop_segment_close(all[i]);
}

static void no_action(int number)
{
    (void)number;
}

/* The kernel takes a reservation back when a signal comes, and a profiler's timer would always come too soon. */
static void a_fast_timer_does_not_keep_it_from_growing(void)
{
    struct sigaction action = {.sa_handler = no_action, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    struct itimerval interval = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &interval, NULL);
    CHECK_OK(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.reserve = 128 << 20), &segment));
    CHECK_OK(coop_lock_in(segment, NULL, 0, &lock));
}

TESTS(segment_limits, TEST(a_full_shm_is_told_and_leaves_no_name),
      TEST(a_shm_that_is_full_when_it_grows_is_told_and_costs_nothing),
      TEST(the_file_size_limit_is_told_without_its_signal),
      TEST_T(little_address_space_makes_a_smaller_mapping, .tags = NO_ASAN | NO_TSAN),
      TEST_T(too_little_address_space_is_told, .tags = NO_ASAN | NO_TSAN),
      TEST_T(growth_beyond_ones_own_mapping_is_told, .seconds = 30, .tags = NO_ASAN | NO_TSAN),
      TEST(without_descriptors_every_call_says_so), TEST(locks_work_without_a_free_descriptor),
      TEST(a_child_born_without_a_free_descriptor_says_so),
      TEST_T(the_table_of_maps_has_an_end, .seconds = 60, .tags = NO_TSAN),
      TEST_T(a_fast_timer_does_not_keep_it_from_growing, .seconds = 30))
