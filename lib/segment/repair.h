/* SPDX-License-Identifier: MIT */
/* Mending a segment: what coopi_segment_check() complains of, in the segment itself, while others use it. */
#ifndef COOPI_REPAIR_H
#define COOPI_REPAIR_H

#include "segment/check.h"
#include "segment/map.h"

/* Takes the directory's lock, checks, tells what is wrong, and unless DRY_RUN mends it: an entry that is not sound,
 * or that nobody can open, goes out of sight, derived words and the index are made anew, torn events are cleared, a
 * lock of an owner that there cannot be counts as left by a dead one, and the event ring says that it was repaired.
 * Idempotent; killed at any instruction, the next repair does the rest. 0, also if nothing was wrong; negative with a
 * sentence. */
int coopi_segment_repair(struct coopi_map *map, bool dry_run, struct coopi_findings *findings);

#endif
