/* SPDX-License-Identifier: MIT */
/* Removing a segment's name: only the inode that was looked at, and not while the living hold something in it. */
#include "base/clock.h"
#include "base/error.h"
#include "segment/attach.h"
#include "segment/handle.h"
#include "segment/holders.h"
#include "segment/registry.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NAME_LOCK_TIMEOUT INT64_C(5000000000)

/* The name lock is a flock on a descriptor of our own: it ends with us, however we end. */
static int lock_name(int fd, const char *label)
{
    int64_t deadline = coopi_deadline(NAME_LOCK_TIMEOUT);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR) return coopi_fail(errno, "%s: flock: %s", label, strerror(errno));
        if (coopi_now() >= deadline)
            return coopi_fail(EBUSY, "%s: somebody else has been removing it for 5 s; try again", label);
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    return 0;
}

static int unlink_if_same(const struct coopi_segment_name *name, int fd)
{
    char file[sizeof COOPI_SHM_FOLDER + COOPI_SHM_NAME] = COOPI_SHM_FOLDER;
    memcpy(file + sizeof COOPI_SHM_FOLDER - 1, name->shm, sizeof name->shm);
    struct stat mine, there;
    if (fstat(fd, &mine) != 0 || stat(file, &there) != 0 || mine.st_ino != there.st_ino || mine.st_dev != there.st_dev)
        return coopi_fail(ENOENT, "%s: somebody else removed it first", name->name);
    if (shm_unlink(name->shm) != 0) return coopi_fail(errno, "%s: shm_unlink: %s", name->name, strerror(errno));
    return 0;
}

static int refuse_if_any_held(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        memcpy(&entry, &map->directory[i], sizeof entry);
        if (!(entry.state & COOPI_ENTRY_LIVE)) continue;
        int r = coopi_refuse_if_held(map, &entry);
        if (r < 0) return r;
    }
    return 0;
}

/* What we refuse to attach we may still remove by force, if it is a file of ours. */
static int open_for_removal(const struct coopi_segment_name *name, int flags, int *ret_fd)
{
    int r = coopi_segment_file_open(name, 0, ret_fd);
    if (r != -EACCES || !(flags & COOP_FORCE)) return r;
    return coopi_segment_file_open(name, COOP_TRUST_PEERS, ret_fd);
}

int coop_segment_remove(const char *name, int flags)
{
    struct coopi_segment_name parsed;
    if (!name) return coopi_fail(EINVAL, "segment: no name to remove");
    if (flags & ~COOP_FORCE) return coopi_fail(EINVAL, "%s: unknown flags %#x; removing takes COOP_FORCE", name, flags);
    int fd, r = coopi_segment_name_parse(name, &parsed);
    if (r == 0) r = open_for_removal(&parsed, flags, &fd);
    if (r < 0) return r;
    r = lock_name(fd, parsed.name);
    struct coopi_map *map = NULL;
    if (r == 0 && !(flags & COOP_FORCE)) r = coopi_map_open(&parsed, 0, &map);
    if (r == 0 && map) r = refuse_if_any_held(map);
    if (r == 0) r = unlink_if_same(&parsed, fd);
    if (map) coopi_map_release(map);
    flock(fd, LOCK_UN); /* not by close alone: another thread may have forked a child, which has the descriptor too */
    close(fd);
    return r;
}
