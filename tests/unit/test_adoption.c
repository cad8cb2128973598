/* SPDX-License-Identifier: MIT */
/* Segments of another boot or PID namespace: refused while anybody may live in them, adopted when nobody can. */
#include "harness/forge.h"
#include "harness/test.h"

#include "base/atomic.h"
#include "segment/event.h"
#include "segment/handle.h"
#include "segment/naming.h"
#include "segment/process.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

static coop_segment *segment;

static void other_namespace(struct forge *forge)
{
    forge->header->pid_namespace++;
}

static void other_boot(struct forge *forge)
{
    forge->header->boot_id[15] ^= 1;
}

static int open_file(const char *name)
{
    int fd = open(forge_path(name), O_RDWR | O_CLOEXEC);
    CHECK(fd >= 0);
    return fd;
}

/* Somebody of the other world has it open: refused, and not touched. */
static void check_refused(void (*mutate)(struct forge *forge))
{
    const char *name = test_name("s");
    forge_segment(name, mutate);
    int fd = open_file(name);
    struct coopi_header before, after;
    CHECK_EQ(pread(fd, &before, sizeof before, 0), (ssize_t)sizeof before);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    CHECK_DETAIL("another PID namespace or boot");
    CHECK_DETAIL("docker --pid");
    CHECK_ERR(coop_segment_remove(name, 0), -ENOTSUP);
    CHECK_EQ(pread(fd, &after, sizeof after, 0), (ssize_t)sizeof after);
    CHECK_MEM(&after, &before, sizeof after);
    close(fd);
    CHECK_OK(coop_segment_remove(name, COOP_FORCE)); /* the cure helps */
}

static void another_pid_namespace_is_refused_while_somebody_has_it(void)
{
    check_refused(other_namespace);
}

static void another_boot_is_refused_while_somebody_has_it(void)
{
    check_refused(other_boot);
}

/* A mapping without a descriptor counts as well. */
static void another_pid_namespace_is_refused_while_somebody_maps_it(void)
{
    const char *name = test_name("s");
    forge_segment(name, other_namespace);
    forge_map(name);
    CHECK_ERR(coop_segment_open(name, 0, &segment), -ENOTSUP);
    forge_remove(name);
}

static bool was_adopted(void)
{
    for (uint32_t i = 0; i < segment->map->geometry->events.count; i++)
        if (segment->map->events[i].kind == COOPI_EVENT_ADOPTED) return true;
    return false;
}

static void check_adopted(const char *name)
{
    CHECK_OK(coop_segment_open(name, 0, &segment));
    CHECK_EQ(coopi_is_at_home(segment->map->header, name), 1);
    CHECK(was_adopted());
    coop_value *saldo;
    coop_lock *door;
    coop_rlock *gate;
    int64_t number;
    CHECK_OK(coop_value_in(segment, "saldo", "i", 0, &saldo));
    CHECK_OK(coop_value_get_i64(saldo, &number));
    CHECK_EQ(number, 42);
    CHECK_OK(coop_rlock_acquire(coop_value_lock(saldo), COOP_NOWAIT)); /* nobody held it */
    CHECK_OK(coop_rlock_release(coop_value_lock(saldo)));
    CHECK_OK(coop_lock_in(segment, "door", 0, &door));
    CHECK_OWNER_DIED(coop_lock_acquire(door, COOP_NOWAIT)); /* held by a thread of the other world */
    CHECK_OK(coop_lock_release(door));
    CHECK_OK(coop_rlock_in(segment, "gate", 0, &gate));
    CHECK_OWNER_DIED(coop_rlock_acquire(gate, COOP_NOWAIT));
    CHECK_OK(coop_rlock_release(gate));
    CHECK_ERR(coop_rlock_release(gate), -EPERM); /* its depth went as well */
    coop_rlock_close(gate);
    coop_lock_close(door);
    coop_value_close(saldo);
    coop_segment_close(segment);
}

static void what_nobody_has_is_adopted(void (*mutate)(struct forge *forge))
{
    const char *name = test_name("s");
    forge_segment(name, mutate);
    check_adopted(name);
    CHECK_OK(coop_segment_open(name, 0, &segment)); /* it is ours now */
    coop_segment_close(segment);
    CHECK_OK(coop_segment_remove(name, 0));
}

static void after_a_reboot_every_lock_is_made_anew(void)
{
    what_nobody_has_is_adopted(other_boot);
}

/* Nobody's robust list had its word. */
static void the_death_of_a_transferable_locks_holder_is_told_after_a_reboot(void)
{
    const char *name = test_name("s");
    coop_lock *lock;
    CHECK_OK(coop_segment_create(name, NULL, &segment));
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE | COOP_TRANSFERABLE, &lock));
    CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    memset(segment->map->header->boot_id, 0xb0, sizeof segment->map->header->boot_id);
    segment->map->header->checksum = coopi_header_checksum(segment->map->header);
    coop_lock_close(lock);
    coop_segment_close(segment);
    pid_t pid;
    CHILD(pid) {
        CHECK_OK(coop_segment_open(name, 0, &segment));
        CHECK_OK(coop_lock_in(segment, "door", 0, &lock));
        CHECK_OWNER_DIED(coop_lock_acquire(lock, COOP_NOWAIT));
        CHECK_OK(coop_lock_release(lock));
        CHECK_OK(coop_lock_acquire(lock, COOP_NOWAIT));
    }
    child_must(pid);
    forge_remove(name);
}

static void an_abandoned_one_of_another_pid_namespace_is_adopted(void)
{
    what_nobody_has_is_adopted(other_namespace);
}

/* All thread numbers of the other world are taken for dead, those that live here by chance as well. */
static void rows_of_the_other_world_are_free(void)
{
    const char *name = test_name("s");
    forge_segment(name, other_namespace);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    unsigned rows = 0;
    for (uint32_t i = 0; i < segment->map->geometry->participants.count; i++)
        rows += segment->map->participants[i].word != 0;
    CHECK_EQ(rows, 1); /* ours */
    for (uint32_t i = 0; i < segment->map->owner_count; i++)
        CHECK_EQ(segment->map->owners[i].life.word & COOPI_TID_MASK, 0);
    coop_segment_close(segment);
    forge_remove(name);
}

/* Several come at once: one adopts, and all attach. */
static void adopted_by_several_at_once_it_is_adopted_once(void)
{
    enum { MANY = 4 };
    const char *name = test_name("s");
    uint32_t *go = test_shared(sizeof *go);
    forge_segment(name, other_boot);
    pid_t pids[MANY];
    for (int i = 0; i < MANY; i++) {
        CHILD(pids[i]) {
            while (!coopi_load_acquire(go)) sched_yield();
            CHECK_OK(coop_segment_open(name, 0, &segment));
            coop_segment_close(segment);
        }
    }
    coopi_store_release(go, 1);
    for (int i = 0; i < MANY; i++) child_must(pids[i]);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    CHECK_EQ(segment->map->header->events_told, 1);
    coop_segment_close(segment);
    forge_remove(name);
}

/* While somebody adopts, who comes waits for him and is not refused. */
static void who_comes_during_an_adoption_waits(void)
{
    const char *name = test_name("s");
    uint32_t *step = test_shared(sizeof *step);
    forge_segment(name, NULL);
    pid_t pid;
    CHILD(pid) {
        int fd = open_file(name);
        CHECK_OK(coopi_lease_take(fd));
        coopi_store_release(step, 1);
        test_sleep_ms(30);
        coopi_lease_give(fd);
        close(fd);
    }
    CHECK_SOON(coopi_load_acquire(step) == 1);
    CHECK_OK(coop_segment_open(name, 0, &segment));
    coop_segment_close(segment);
    child_must(pid);
    forge_remove(name);
}

TESTS(adoption, TEST(another_pid_namespace_is_refused_while_somebody_has_it),
      TEST(another_boot_is_refused_while_somebody_has_it),
      TEST(another_pid_namespace_is_refused_while_somebody_maps_it), TEST(after_a_reboot_every_lock_is_made_anew),
      TEST(the_death_of_a_transferable_locks_holder_is_told_after_a_reboot),
      TEST(an_abandoned_one_of_another_pid_namespace_is_adopted), TEST(rows_of_the_other_world_are_free),
      TEST(adopted_by_several_at_once_it_is_adopted_once), TEST(who_comes_during_an_adoption_waits))
