/* SPDX-License-Identifier: MIT */
/* Opening, sharing and growing maps: one for each (device, inode), however often it is opened. */
#ifndef COOPI_REGISTRY_H
#define COOPI_REGISTRY_H

#include "segment/map.h"

#include <coop/segment.h>

/* Opens a named segment that exists and attaches this process. The caller gets a reference. */
int coopi_map_open(const struct coopi_segment_name *name, int flags, struct coopi_map **ret_map);

/* Maps a file that this process has just made; takes over FD, also on failure. The caller gets a reference. */
int coopi_map_made(int fd, const struct coopi_segment_name *name, struct coopi_map **ret_map);

/* The program's anonymous segment, made at first use and never given up. The caller gets a reference. */
int coopi_map_anonymous(struct coopi_map **ret_map);

/* Gives a reference back. With the last one this thread stops being an owner there, if it holds nothing; the mapping
 * goes when no thread of the process is one. */
void coopi_map_release(struct coopi_map *map);

/* Makes sure that bytes up to END may be touched: in the file, as last looked at or as looked at now, and in the
 * mapping. -EBADMSG or -ENOMEM with a sentence. */
int coopi_map_reach(struct coopi_map *map, uint64_t end);

/* Looks at the file again: it may have grown. -EBADF and others with a sentence. */
int coopi_map_refresh(struct coopi_map *map);

/* Reserves storage up to END, under the header's lock. -ENOSPC, -EFBIG (RLIMIT_FSIZE), -ENOMEM (the address space that
 * this process has for it), -EBADF (an anonymous segment whose descriptor the host has closed). */
int coopi_map_grow(struct coopi_map *map, uint64_t end);

#endif
