/* SPDX-License-Identifier: MIT */
/* The segments that this process has mapped. */
#include "segment/registry.h"

#include "base/atomic.h"
#include "base/error.h"
#include "segment/abandoned.h"
#include "segment/attach.h"
#include "segment/birth.h"
#include "segment/ending.h"
#include "segment/forking.h"
#include "segment/opens.h"
#include "segment/participant.h"
#include "segment/process.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ANONYMOUS_OBJECTS 4096
#define SETTLE_TRIES 100

static struct coopi_map *anonymous_map;

/* A forked child has all its parent's objects open: it says so before it goes on (segment/opens.h). Where no row is
 * free it goes on without; whatever it calls next says why. */
static bool enter_child(void)
{
    bool entered = true;
    for (uint32_t slot = 0; slot < coopi_maps_end(); slot++) {
        struct coopi_map *map = coopi_map_in_slot(slot);
        if (map && coopi_load_relaxed(&map->opened)) entered &= coopi_participant_attach(map) == 0;
    }
    return entered;
}

/* Should this process be killed before its child has entered, nobody else knows of the child. */
static void tell_of_fork(void)
{
    for (uint32_t slot = 0; slot < coopi_maps_end(); slot++) {
        struct coopi_map *map = coopi_map_in_slot(slot);
        if (map && coopi_load_relaxed(&map->opened)) coopi_opens_tell_of_fork(map);
    }
}

/* Takes the map of FD's file, or makes it; takes over FD. Under the process's lock. */
static int take(int fd, const struct coopi_segment_name *name, struct coopi_map **ret_map)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        int error = errno;
        close(fd);
        return coopi_fail(error, "%s: fstat: %s", name ? name->name : "anonymous segment", strerror(error));
    }
    struct coopi_map *map = coopi_map_find(st.st_dev, st.st_ino, coopi_opened_to_read(fd));
    if (map) {
        close(fd);
        coopi_map_hold(map);
        *ret_map = map;
        return 0;
    }
    int r = coopi_map_file(fd, name, &map); /* closes FD on failure */
    if (r < 0) return r;
    r = coopi_map_enter(map);
    if (r < 0) {
        coopi_unmap_file(map);
        return r;
    }
    *ret_map = map;
    return 0;
}

int coopi_map_made(int fd, const struct coopi_segment_name *name, struct coopi_map **ret_map)
{
    struct coopi_process *process = coopi_process();
    if (!process) {
        int error = errno;
        close(fd);
        return -error;
    }
    struct coopi_map *map = NULL;
    int r = coopi_forking_watch(tell_of_fork, enter_child);
    if (r < 0) {
        close(fd);
        return r;
    }
    coopi_process_lock(process);
    r = take(fd, name, &map);
    coopi_process_unlock(process);
    if (r < 0) return r;
    r = map && !map->read_only ? coopi_participant_attach(map) : 0;
    if (r < 0) {
        coopi_map_release(map);
        return r;
    }
    *ret_map = map;
    return 0;
}

int coopi_map_open(const struct coopi_segment_name *name, int flags, struct coopi_map **ret_map)
{
    for (int tries = 1;; tries++) {
        int fd, r = coopi_segment_file_open(name, flags, &fd);
        if (r < 0) return r;
        r = flags & COOP_READ_ONLY ? 0 : coopi_abandoned_settle(name, fd, tries >= SETTLE_TRIES);
        if (r == 0) return coopi_map_made(fd, name, ret_map);
        close(fd);
        if (r < 0) return r;
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
}

int coopi_map_anonymous(struct coopi_map **ret_map)
{
    struct coopi_map *map = coopi_load_acquire(&anonymous_map);
    if (!map) {
        int fd, r = coopi_segment_build(NULL, COOP_SEGMENT_OPTIONS(.objects = ANONYMOUS_OBJECTS), &fd);
        if (r == 0) r = coopi_map_made(fd, NULL, &map);
        if (r < 0) return r;
        struct coopi_map *first = NULL;
        if (!coopi_cas_both(&anonymous_map, &first, map)) { /* another thread was faster */
            coopi_map_release(map);
            map = first;
        }
    }
    coopi_map_hold(map);
    *ret_map = map;
    return 0;
}

void coopi_map_release(struct coopi_map *map)
{
    struct coopi_process *process = coopi_process();
    if (!process) return; /* kept mapped: nothing is lost but address space */
    coopi_process_lock(process);
    bool last = __atomic_sub_fetch(&map->references, 1, __ATOMIC_ACQ_REL) == 0;
    if (last) coopi_thread_leave(map);
    bool idle = last && coopi_map_drop_if_idle(map);
    coopi_process_unlock(process);
    if (idle) coopi_unmap_file(map);
}

int coopi_map_refresh(struct coopi_map *map)
{
    struct stat st;
    int fd, r = coopi_map_file_descriptor(map, &fd);
    if (r < 0) return r;
    if (fstat(fd, &st) != 0) return coopi_fail(errno, "%s: fstat: %s", coopi_map_label(map), strerror(errno));
    uint64_t size = st.st_size < 0 ? 0 : (uint64_t)st.st_size, known = coopi_load_relaxed(&map->file_size);
    if (size > map->mapped) size = map->mapped;
    while (known < size && !coopi_cas_both(&map->file_size, &known, size)) continue;
    return 0;
}

int coopi_map_reach(struct coopi_map *map, uint64_t end)
{
    if (end <= coopi_load_acquire(&map->file_size)) return 0;
    if (end > map->mapped)
        return coopi_fail(ENOMEM,
                          "%s: %" PRIu64 " bytes are needed, and this process could map only %" PRIu64
                          " of its address space; raise RLIMIT_AS (ulimit -v) and open it again",
                          coopi_map_label(map), end, map->mapped);
    int r = coopi_map_refresh(map);
    if (r < 0) return r;
    if (coopi_load_acquire(&map->file_size) < end)
        return coopi_fail(EBADMSG,
                          "%s: truncated: %" PRIu64 " bytes are needed, and the file is shorter; remove it with "
                          "`shmctl rm --force`",
                          coopi_map_label(map), end);
    return 0;
}

int coopi_map_grow(struct coopi_map *map, uint64_t end)
{
    int fd, r = coopi_map_file_descriptor(map, &fd);
    if (r < 0) return r;
    if (end > map->geometry->maximum)
        return coopi_fail(ENOSPC,
                          "%s: full: %" PRIu64 " bytes are needed, and its maximum is %" PRIu64
                          "; make the segment with a larger .maximum",
                          coopi_map_label(map), end, map->geometry->maximum);
    if (end > map->mapped) return coopi_map_reach(map, end);
    r = coopi_map_refresh(map);
    uint64_t from = coopi_load_relaxed(&map->file_size) / COOPI_LINE * COOPI_LINE; /* what is there is reserved */
    if (r == 0 && from < end) r = coopi_reserve(fd, from, end, coopi_map_label(map));
    if (r < 0) return r;
    coopi_store_release(&map->header->size, end);
    return coopi_map_reach(map, end);
}
