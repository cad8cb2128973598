/* SPDX-License-Identifier: MIT */
/* The private side of a segment handle. */
#ifndef COOPI_HANDLE_H
#define COOPI_HANDLE_H

#include "segment/map.h"

#include <coop/segment.h>

struct coop_segment {
    struct coopi_map *map; /* one reference */
};

/* Opens by a parsed name; with COOP_CREATE makes it where it is absent, at most 8 times around. The caller gets a
 * reference on the map. */
int coopi_segment_open_map(const struct coopi_segment_name *name, int flags, struct coopi_map **ret_map);

/* A handle that takes over a reference on MAP, also on failure. */
int coopi_segment_handle(struct coopi_map *map, coop_segment **ret_segment);

#endif
