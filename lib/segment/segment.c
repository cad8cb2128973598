/* SPDX-License-Identifier: MIT */
/* Segments as handles: create, open, close. */
#include "base/error.h"
#include "segment/abandoned.h"
#include "segment/birth.h"
#include "segment/ending.h"
#include "segment/handle.h"
#include "segment/registry.h"

#include <errno.h>
#include <stdlib.h>

#define OPEN_TRIES 8

/* Handles are allocated first: when the name is there, nothing may fail any more. */
coop_segment *coopi_segment_handle(const char *label)
{
    coop_segment *segment = malloc(sizeof *segment);
    if (!segment) coopi_fail(ENOMEM, "%s: out of memory", label);
    return segment;
}

int coopi_segment_finish(int r, coop_segment *segment, coop_segment **ret_segment)
{
    if (r < 0)
        free(segment);
    else
        *ret_segment = segment;
    return r;
}

/* The name comes last: who cannot map what he made leaves nothing behind. */
static int make(const struct coopi_segment_name *name, const coop_segment_options *options, struct coopi_map **ret_map)
{
    struct coopi_map *map = NULL;
    int fd, r = coopi_segment_build(name, options, &fd);
    if (r < 0) return r;
    r = coopi_map_made(fd, name, &map);
    if (r < 0) return r;
    if (name) r = coopi_segment_publish(map->fd, name);
    if (r == -EEXIST && coopi_abandoned_remove(name) != 0) r = coopi_segment_publish(map->fd, name);
    if (r < 0) {
        coopi_map_release(map);
        return r;
    }
    *ret_map = map;
    return 0;
}

int coop_segment_create(const char *name, const coop_segment_options *options, coop_segment **ret_segment)
{
    struct coopi_segment_name parsed;
    int r = name ? coopi_segment_name_parse(name, &parsed) : 0;
    if (r < 0) return r;
    coop_segment *segment = coopi_segment_handle(name ? name : "anonymous segment");
    if (!segment) return -ENOMEM;
    return coopi_segment_finish(make(name ? &parsed : NULL, options, &segment->map), segment, ret_segment);
}

int coopi_say_reading_makes_nothing(const char *label)
{
    return coopi_fail(EINVAL, "%s: COOP_READ_ONLY and COOP_CREATE contradict each other; leave one out", label);
}

int coopi_segment_open_map(const struct coopi_segment_name *name, int flags, struct coopi_map **ret_map)
{
    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        int r = coopi_map_open(name, flags, ret_map);
        if (r == -ENOENT && !(flags & COOP_CREATE))
            return coopi_fail(ENOENT, "%s: no such segment (%s%s); make it with COOP_CREATE, or look at `shmctl ls`",
                              name->name, COOPI_SHM_FOLDER, name->shm);
        if (r != -ENOENT) return r;
        r = make(name, NULL, ret_map);
        if (r != -EEXIST) return r;
    }
    return coopi_fail(EAGAIN, "%s: appeared and disappeared %d times while we opened it; somebody removes it in a loop",
                      name->name, OPEN_TRIES);
}

int coop_segment_open(const char *name, int flags, coop_segment **ret_segment)
{
    if (!name)
        return coopi_fail(EINVAL, "segment: no name to open; coop_segment_create(NULL, ...) makes an anonymous one");
    if (flags & ~(COOP_CREATE | COOP_EXCL | COOP_TRUST_PEERS | COOP_READ_ONLY))
        return coopi_fail(
            EINVAL, "%s: unknown flags %#x; segments take COOP_CREATE, COOP_EXCL, COOP_TRUST_PEERS, COOP_READ_ONLY",
            name, flags);
    if ((flags & COOP_READ_ONLY) && (flags & COOP_CREATE)) return coopi_say_reading_makes_nothing(name);
    struct coopi_segment_name parsed;
    int r = coopi_segment_name_parse(name, &parsed);
    if (r < 0) return r;
    if ((flags & COOP_CREATE) && (flags & COOP_EXCL)) return coop_segment_create(name, NULL, ret_segment);
    coop_segment *segment = coopi_segment_handle(name);
    if (!segment) return -ENOMEM;
    return coopi_segment_finish(coopi_segment_open_map(&parsed, flags, &segment->map), segment, ret_segment);
}

void coop_segment_close(coop_segment *segment)
{
    if (!segment) return;
    const struct coopi_self *self = coopi_self_;
    unsigned held = self && self->head ? coopi_self_holds(self, segment->map) : 0;
    if (held)
        coopi_keep_detail(
            "%s: closed while this thread holds %u of its locks: they stay held; open them again to release them",
            coopi_map_label(segment->map), held);
    coopi_map_release(segment->map);
    free(segment);
}

const char *coop_segment_name(const coop_segment *segment)
{
    return segment->map->anonymous ? NULL : segment->map->name;
}
