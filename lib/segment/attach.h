/* SPDX-License-Identifier: MIT */
/* Attaching: a sequence of checks from a name to a mapping, each with its own sentence. */
#ifndef COOPI_ATTACH_H
#define COOPI_ATTACH_H

#include "segment/map.h"

/* Opens the file of a named segment, with COOP_READ_ONLY in FLAGS only to read it, and checks what the file system says
 * of it: a regular file of the right owner and mode with one link. Never blocks on a planted FIFO, never follows a
 * link. *RET_FD is the caller's. */
int coopi_segment_file_open(const struct coopi_segment_name *name, int flags, int *ret_fd);

/* Was the file opened only to be read? */
bool coopi_opened_to_read(int fd);

/* Checks the header, copies the geometry and maps, with the rights of FD, the declared maximum, or the largest half of
 * a half of it that this process may have. Takes over FD, also on failure. */
int coopi_map_file(int fd, const struct coopi_segment_name *name, struct coopi_map **ret_map);

void coopi_unmap_file(struct coopi_map *map);

/* The map's descriptor, proved to be the segment's still: the host may have closed it (closefrom) and have got the
 * number again for a file of its own. Reopened by name then; -EBADF for an anonymous segment. It stays the map's. */
int coopi_map_file_descriptor(struct coopi_map *map, int *ret_fd);

#endif
