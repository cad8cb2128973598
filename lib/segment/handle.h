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

/* -EINVAL with the sentence for COOP_CREATE beside COOP_READ_ONLY. */
int coopi_say_reading_makes_nothing(const char *label);

/* An empty handle, before the work; NULL with a sentence. */
coop_segment *coopi_segment_handle(const char *label);

/* After the work: hands the handle out, or frees it if R is negative. R. */
int coopi_segment_finish(int r, coop_segment *segment, coop_segment **ret_segment);

#endif
