/* SPDX-License-Identifier: MIT */
/* Damaged copies of a segment, used as any program would, checked and repaired: an error or a right result, soon, and
 * afterwards it is sound. 2,000 copies in the ordinary run, 20,000 with COOP_SOAK set; in batches, each a process. */
#include "harness/damage.h"
#include "harness/forge.h"
#include "harness/test.h"

#include "base/clock.h"
#include "segment/check.h"
#include "segment/handle.h"
#include "segment/repair.h"

#include <coop/array.h>
#include <coop/error.h>
#include <coop/lock.h>
#include <coop/segment.h>
#include <coop/value.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH = 100 };

static char original[128], forged[128], copy[128]; /* made by the library; with people in it, dead and alive */
static coop_segment *segment;
static uint32_t *opened; /* of all, by all batches */

static void make_original(void)
{
    coop_value *value;
    coop_array *array;
    coop_lock *lock;
    coop_rlock *rlock;
    snprintf(original, sizeof original, "%s", test_name("whole"));
    CHECK_OK(coop_segment_create(
        original, COOP_SEGMENT_OPTIONS(.objects = 16, .owners = 8, .participants = 8, .maximum = 1 << 20), &segment));
    CHECK_OK(coop_value_in(segment, "saldo", "i", COOP_CREATE, &value));
    coop_value_close(value);
    CHECK_OK(coop_value_in(segment, "spot", "T{d:x: d:y: 16s:label:}", COOP_CREATE, &value));
    coop_value_close(value);
    CHECK_OK(coop_array_in(segment, "row", "d", 100, COOP_CREATE, &array));
    coop_array_close(array);
    CHECK_OK(coop_rlock_in(segment, "gate", COOP_CREATE, &rlock));
    CHECK_OK(coop_rlock_acquire(rlock, COOP_NOWAIT));
    CHECK_OK(coop_rlock_release(rlock));
    coop_rlock_close(rlock);
    CHECK_OK(coop_lock_in(segment, "door", COOP_CREATE, &lock));
    coop_lock_close(lock);
    CHECK_OK(coop_lock_in(segment, "pass", COOP_CREATE | COOP_TRANSFERABLE, &lock));
    coop_lock_close(lock);
    CHECK_OK(coop_value_in(segment, "gone", "q", COOP_CREATE, &value));
    coop_value_close(value);
    CHECK_OK(coop_segment_remove_object(segment, "gone", 0));
    coop_segment_close(segment);
}

/* Failing is as good as any answer, here and below. */
static void use_values(void)
{
    coop_value *value;
    coop_array *array;
    int64_t number;
    char bytes[256];
    double items[8];
    if (coop_value_in(segment, "saldo", "i", 0, &value) == 0) {
        (void)!coop_value_get_i64(value, &number);
        (void)!coop_value_add(value, 1, &number);
        coop_value_close(value);
    }
    if (coop_value_in(segment, "spot", NULL, 0, &value) == 0) {
        if (coop_value_size(value) <= sizeof bytes) (void)!coop_value_get_bytes(value, bytes, coop_value_size(value));
        coop_value_close(value);
    }
    if (coop_array_in(segment, "row", "d", COOP_ANY_LENGTH, 0, &array) == 0) {
        size_t count;
        (void)!coop_array_get_slice(array, -1, COOP_OMITTED, -20, items, 8, &count);
        coop_array_close(array);
    }
    if (coop_value_in(segment, "new", "q", COOP_CREATE, &value) == 0) coop_value_close(value);
    (void)!coop_segment_remove_object(segment, "new", 0);
}

static void use_locks(void)
{
    static const char *const names[] = {"door", "pass"};
    coop_lock *lock;
    coop_rlock *rlock;
    for (int i = 0; i < 2; i++) {
        if (coop_lock_in(segment, names[i], 0, &lock) < 0) continue;
        if (coop_lock_acquire(lock, COOP_NOWAIT) >= 0) (void)!coop_lock_release(lock);
        coop_lock_close(lock);
    }
    if (coop_rlock_in(segment, "gate", 0, &rlock) < 0) return;
    if (coop_rlock_acquire(rlock, COOP_NOWAIT) >= 0) (void)!coop_rlock_release(rlock);
    coop_rlock_close(rlock);
}

static void keep(struct coopi_findings *findings, const char *sentence)
{
    snprintf(findings->context, 400, "%s", sentence);
}

/* After a repair: what is left can be opened, whatever it was before. */
static void open_what_is_left(const char *what)
{
    for (uint32_t i = 0; i < segment->map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        coop_value *value;
        coop_array *array;
        memcpy(&entry, &segment->map->directory[i], sizeof entry);
        if (!(entry.state & COOPI_ENTRY_LIVE) || !entry.name[0]) continue;
        int r = 0;
        if (entry.kind == COOPI_VALUE) {
            r = coop_value_in(segment, entry.name, NULL, 0, &value);
            if (r == 0) coop_value_close(value);
        } else if (entry.kind == COOPI_ARRAY) {
            r = coop_array_in(segment, entry.name, NULL, COOP_ANY_LENGTH, 0, &array);
            if (r == 0) coop_array_close(array);
        }
        if (r < 0) FAIL("%s: %s cannot be opened after the repair: %s", what, entry.name, coop_error_detail());
    }
}

static void mend(const char *what)
{
    char last[400] = "";
    struct coopi_findings first = {.tell = keep, .context = last}, second = first;
    if (coopi_segment_repair(segment->map, false, &first) < 0) return;
    CHECK_OK(coopi_segment_repair(segment->map, true, &second));
    if (second.count) FAIL("%s: %u of %u are left: %s", what, second.count, first.count, last);
    open_what_is_left(what);
}

/* USED: before it is mended. */
static void live_with(unsigned number, bool used)
{
    struct forge forge;
    char what[200];
    forge_read(&forge, number % 3 ? original : forged);
    size_t size = damage(forge.bytes, forge.size, number, what, sizeof what);
    forge_file(copy, forge.bytes, size, 0600);
    forge_end(&forge);
    int64_t began = coopi_now();
    int r = coop_segment_open(copy, number % 7 == 3 ? COOP_READ_ONLY : 0, &segment);
    if (r == 0) {
        __atomic_fetch_add(opened, 1, __ATOMIC_RELAXED);
        if (used) use_values();
        if (used) use_locks();
        if (number % 7 != 3) mend(what);
        use_values();
        use_locks();
        coop_segment_close(segment);
    }
    int64_t took = coopi_now() - began;
    if (took > COOP_MS(100) * test_slowness()) FAIL("%s: %lld ms", what, (long long)(took / COOP_MS(1)));
    if (r < 0 && !*coop_error_detail()) FAIL("%s: no sentence", what);
    forge_remove(copy);
}

static void a_damaged_segment_is_refused_or_used_and_mended(void)
{
    unsigned count = getenv("COOP_SOAK") ? 20000 : 2000;
    make_original();
    snprintf(forged, sizeof forged, "%s", test_name("forged"));
    forge_segment(forged, NULL);
    opened = test_shared(sizeof *opened);
    snprintf(copy, sizeof copy, "%s", test_name("copy"));
    for (unsigned from = 0; from < count; from += BATCH) {
        pid_t pid;
        CHILD(pid) {
            for (unsigned i = 0; i < BATCH; i++) live_with(from + i, i % 2);
        }
        child_must(pid);
    }
    if (*opened < count / 4) FAIL("only %u of %u could be opened", *opened, count);
    CHECK_OK(coop_segment_remove(original, COOP_FORCE));
    forge_remove(forged);
}

TESTS(damaged, TEST_T(a_damaged_segment_is_refused_or_used_and_mended, .seconds = 60))
