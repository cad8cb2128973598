/* SPDX-License-Identifier: MIT */
/* What needs rights in earnest: another user's files, a full /dev/shm of our own, another PID namespace. Without the
 * right a test is skipped, and fails in the soak; the same with shims and forged headers stands in attach and
 * segment_limits. */
#include "base/atomic.h"
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/array.h>
#include <coop/error.h>
#include <coop/lock.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

static coop_segment *segment;
static coop_lock *lock;

static void check_refused(const char *name, const char *cure)
{
    CHECK_ERR(coop_segment_open(name, 0, &segment), -EACCES);
    CHECK_DETAIL("belongs to uid 1");
    CHECK_DETAIL(cure);
}

static void another_users_segment_needs_trust(void)
{
    char name[160], from[512];
    snprintf(name, sizeof name, "1:%s", test_name("s"));
    forge_segment(test_name("s"), NULL);
    snprintf(from, sizeof from, "%s", forge_path(test_name("s")));
    bool given = chown(from, 1, 1) == 0;
    if (!given) forge_remove(test_name("s"));
    need_right(given, "to give files away");
    check_refused(test_name("s"), "remove it");
    CHECK_EQ(rename(from, forge_path(name)), 0);
    check_refused(name, "COOP_TRUST_PEERS");
    CHECK_OK(coop_segment_open(name, COOP_TRUST_PEERS, &segment));
    coop_segment_close(segment);
    forge_remove(name);
}

/* In a child: the test itself stays where it is. */
static bool may_unshare(int flags)
{
    int status = 1;
    pid_t child = test_fork(__FILE__, __LINE__);
    if (child == 0) _exit(unshare(flags) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 ? 0 : 1);
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status == 0;
}

static void check_full(void)
{
    CHECK_DETAIL("/dev/shm has no room");
    CHECK_DETAIL("shmctl rm");
}

static void make_until_it_fails(void)
{
    int r = 0;
    for (int i = 0; r == 0; i++) {
        char numbered[16];
        coop_array *array;
        snprintf(numbered, sizeof numbered, "array%d", i);
        r = coop_array_in(segment, numbered, "B", 1000, COOP_CREATE, &array);
        if (r == 0) coop_array_close(array);
    }
    CHECK_EQ(r, -ENOSPC);
}

static void fill_a_small_shm(void)
{
    CHECK_EQ(unshare(CLONE_NEWNS), 0);
    CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_EQ(mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=768k"), 0);
    CHECK_ERR(coop_segment_create("big", COOP_SEGMENT_OPTIONS(.reserve = 1 << 20), &segment), -ENOSPC);
    check_full();
    CHECK(access(forge_path("big"), F_OK) != 0);
    CHECK_OK(coop_segment_create("s", COOP_SEGMENT_OPTIONS(.objects = 2000), &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    make_until_it_fails();
    check_full();
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    CHECK_ERR(coop_segment_create("t", NULL, &segment), -ENOSPC);
    CHECK(access(forge_path("t"), F_OK) != 0);
}

static void a_small_shm_that_fills_up_raises_no_sigbus(void)
{
    need_right(may_unshare(CLONE_NEWNS), "to mount a /dev/shm of one's own");
    pid_t child;
    CHILD(child) fill_a_small_shm();
    child_must(child);
}

static void open_from_inside(const char *name, uint32_t *step)
{
    CHECK_EQ(getpid(), 1);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    CHECK_DETAIL("/proc"); /* still the other namespace's */
    CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_EQ(mount("proc", "/proc", "proc", 0, NULL), 0);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    CHECK_DETAIL("another PID namespace");
    coopi_store_release(step, 1);
    CHECK_SOON(coopi_load_acquire(step) == 2);
    CHECK_OK(coop_segment_open(name, 0, &segment)); /* nobody outside has it any more */
    CHECK_EQ(segment->map->header->events_told, 1);
    coopi_store_release(step, 3);
    CHECK_SOON(coopi_load_acquire(step) == 4);
}

static void a_real_pid_namespace_is_refused_then_adopted_and_back(void)
{
    need_right(may_unshare(CLONE_NEWPID | CLONE_NEWNS), "to make a PID namespace");
    const char *name = test_name("s");
    uint32_t *step = test_shared(sizeof *step);
    CHECK_OK(coop_segment_create(name, NULL, &segment));
    pid_t outside, inside;
    CHILD(outside) {
        coop_segment_close(segment);
        CHECK_EQ(unshare(CLONE_NEWPID | CLONE_NEWNS), 0);
        CHILD(inside) open_from_inside(name, step);
        child_must(inside);
        coopi_store_release(step, 5);
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    coop_segment_close(segment);
    coopi_store_release(step, 2);
    CHECK_SOON(coopi_load_acquire(step) == 3);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    coopi_store_release(step, 4);
    CHECK_SOON(coopi_load_acquire(step) == 5);
    child_must(outside);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    CHECK_EQ(segment->map->header->events_told, 2);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

enum { UID = 54321, GID = 54322 };

static void become_a_member(void)
{
    CHECK_EQ(setgroups(0, NULL), 0);
    CHECK_EQ(setresgid(GID, GID, GID), 0);
    CHECK_EQ(setresuid(UID, UID, UID), 0);
}

static void a_group_shares_a_segment_with_trust_and_not_without(void)
{
    need_right(geteuid() == 0, "to become another user");
    const char *name = test_name("s");
    char path[200];
    struct stat st;
    CHECK_OK(coop_segment_create(name, COOP_SEGMENT_OPTIONS(.access = COOP_GROUP), &segment));
    CHECK_EQ(stat(forge_path(name), &st), 0);
    CHECK_EQ(st.st_mode & 07777, 0660);
    CHECK_EQ(chown(forge_path(name), (uid_t)-1, GID), 0);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    snprintf(path, sizeof path, "0:%s", name);
    uint32_t *step = test_shared(sizeof *step);
    pid_t pid;
    CHILD(pid) {
        coop_segment *theirs;
        coop_segment_close(segment);
        coop_lock_close(lock);
        become_a_member();
        CHECK_ERR(coop_segment_open(path, 0, &theirs), -EACCES);
        CHECK_DETAIL("COOP_TRUST_PEERS");
        CHECK_OK(coop_segment_open(path, COOP_TRUST_PEERS, &theirs));
        CHECK_OK(coop_lock_in(theirs, "door", 0, &lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_FOREVER));
        coopi_store_release(step, 1);
        for (;;) pause();
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_ERR(coop_lock_acquire(lock, COOP_NOWAIT), -EBUSY);
    child_kill(pid);
    CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_FOREVER));
    CHECK_OK(coop_lock_release(lock));
    coop_lock_close(lock);
    coop_segment *again;
    CHECK_ERR(coop_segment_open(name, 0, &again), -EACCES); /* its maker trusts by name as well */
    CHECK_OK(coop_segment_open(name, COOP_TRUST_PEERS, &again));
    coop_segment_close(again);
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE));
}

TESTS(privileged, TEST(another_users_segment_needs_trust), TEST(a_small_shm_that_fills_up_raises_no_sigbus),
      TEST(a_real_pid_namespace_is_refused_then_adopted_and_back),
      TEST(a_group_shares_a_segment_with_trust_and_not_without))
