/* SPDX-License-Identifier: MIT */
/* Removing a segment's name: only the inode that was looked at, and not while the living hold something in it. */
#include "base/error.h"
#include "segment/abandoned.h"
#include "segment/attach.h"
#include "segment/handle.h"
#include "segment/holders.h"
#include "segment/naming.h"
#include "segment/registry.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_LOCK_TIMEOUT INT64_C(5000000000)

static int refuse_if_any_held(struct coopi_map *map)
{
    for (uint32_t i = 0; i < map->geometry->directory.count; i++) {
        struct coopi_entry entry;
        memcpy(&entry, &map->directory[i], sizeof entry);
        if (!(entry.state & COOPI_ENTRY_LIVE)) continue;
        int r = coopi_refuse_if_held(map, &entry, i);
        if (r < 0) return r;
    }
    return 0;
}

/* What we refuse to attach we may still remove by force, if it is a file of ours. */
static int open_for_removal(const struct coopi_segment_name *name, int flags, int *ret_fd)
{
    int r = coopi_segment_file_open(name, flags & COOP_TRUST_PEERS, ret_fd);
    if (r != -EACCES || !(flags & COOP_FORCE)) return r;
    return coopi_segment_file_open(name, COOP_TRUST_PEERS, ret_fd);
}

/* Of all that may bear the name by now: the one that was looked into. */
static int remove_file(const struct coopi_segment_name *name, int fd, struct coopi_map *map)
{
    struct stat st;
    if (map && (fstat(fd, &st) != 0 || st.st_dev != map->device || st.st_ino != map->inode))
        return coopi_fail(ENOENT, "%s: somebody else removed it first", name->name);
    int r = coopi_name_lock(fd, NAME_LOCK_TIMEOUT, name->name);
    if (r < 0) return r;
    if (map) r = refuse_if_any_held(map);
    if (r == 0) r = coopi_unlink_if_same(name, fd);
    coopi_name_unlock(fd);
    return r;
}

int coop_segment_remove(const char *name, int flags)
{
    struct coopi_segment_name parsed;
    if (!name) return coopi_fail(EINVAL, "segment: no name to remove");
    if (flags & ~(COOP_FORCE | COOP_TRUST_PEERS))
        return coopi_fail(EINVAL, "%s: unknown flags %#x; removing takes COOP_FORCE, COOP_TRUST_PEERS", name, flags);
    int fd, r = coopi_segment_name_parse(name, &parsed);
    if (r < 0) return r;
    struct coopi_map *map = NULL;
    if (!(flags & COOP_FORCE)) {
        if (coopi_abandoned_remove(&parsed) == 1) return 0;
        r = coopi_map_open(&parsed, flags & COOP_TRUST_PEERS, &map);
    }
    if (r == 0) r = open_for_removal(&parsed, flags, &fd);
    if (r == 0) {
        r = remove_file(&parsed, fd, map);
        close(fd);
    }
    if (map) coopi_map_release(map);
    return r;
}
