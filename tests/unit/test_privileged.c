/* SPDX-License-Identifier: MIT */
/* What needs rights in earnest: another user's files, a full /dev/shm of our own, another PID namespace. Without the
 * right a test is skipped, and fails in the soak; the same with shims and forged headers stands in attach and
 * segment_limits. */
#include "harness/forge.h"
#include "segment/handle.h"
#include "unit/meeting.h"

#include <coop/error.h>
#include <coop/lock.h>
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

/* The last lock that could be made stays open. */
static void make_until_it_fails(void)
{
    int r = 0;
    for (int i = 0; i < 4000; i++) {
        coop_lock *next;
        r = coop_lock_in(segment, NULL, 0, &next);
        if (r < 0) break;
        coop_lock_close(lock);
        lock = next;
    }
    CHECK_EQ(r, -ENOSPC);
}

static void fill_a_small_shm(void)
{
    CHECK_EQ(unshare(CLONE_NEWNS), 0);
    CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_EQ(mount("tmpfs", "/dev/shm", "tmpfs", 0, "size=512k"), 0);
    CHECK_ERR(coop_segment_create("big", COOP_SEGMENT_OPTIONS(.reserve = 1 << 20), &segment), -ENOSPC);
    check_full();
    CHECK(access(forge_path("big"), F_OK) != 0);
    CHECK_OK(coop_segment_create("s", COOP_SEGMENT_OPTIONS(.objects = 2000), &segment));
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

static void open_from_inside(const char *name)
{
    CHECK_EQ(getpid(), 1);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    CHECK_DETAIL("/proc"); /* still the other namespace's */
    CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_EQ(mount("proc", "/proc", "proc", 0, NULL), 0);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    CHECK_DETAIL("another PID namespace");
}

static void a_real_pid_namespace_is_refused(void)
{
    need_right(may_unshare(CLONE_NEWPID | CLONE_NEWNS), "to make a PID namespace");
    const char *name = test_name("s");
    forge_segment(name, NULL);
    pid_t outside, inside;
    CHILD(outside) {
        CHECK_EQ(unshare(CLONE_NEWPID | CLONE_NEWNS), 0);
        CHILD(inside) open_from_inside(name);
        child_must(inside);
    }
    child_must(outside);
    forge_remove(name);
}

TESTS(privileged, TEST(another_users_segment_needs_trust), TEST(a_small_shm_that_fills_up_raises_no_sigbus),
      TEST(a_real_pid_namespace_is_refused))
