/* SPDX-License-Identifier: MIT */
/* Segments that nobody lives in any more: removed if they were made to end with their last participant, adopted if they
 * are of another boot or PID namespace, and left alone otherwise. */
#ifndef COOPI_ABANDONED_H
#define COOPI_ABANDONED_H

#include "segment/layout.h"

#include "base/name.h"

#include <stdbool.h>
#include <stdint.h>

/* Before FD, a segment's file just opened, is mapped. 0: it can be; 1: it is gone now, or somebody else is about to
 * settle it: close it and open it again after a while; with LAST_TRY, only when it is gone. Negative with a sentence:
 * -ENOTSUP, it is of another boot or PID namespace, and somebody has it (or may have it). */
int coopi_abandoned_settle(const struct coopi_segment_name *name, int fd, bool last_try);

/* Removes the segment NAME if it was to end with its last participant, and has none. 1 removed; 0 it stays; -ENOENT
 * there is none. */
int coopi_abandoned_remove(const struct coopi_segment_name *name);

/* Removes the segment NAME, whatever its lifetime, if nobody has it; its file FD was just opened. DRY_RUN: only finds
 * out. 0: it is gone, or would be; -EBUSY: somebody else removes or opens it, and that took longer than PATIENCE ns;
 * -EAGAIN: somebody has it open or mapped; -ENOLCK: the kernel gives no lease on it, so nobody can tell; others: its
 * name could not be taken away, with a sentence. */
int coopi_abandoned_end(const struct coopi_segment_name *name, int fd, int64_t patience, bool dry_run);

#endif
