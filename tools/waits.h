/* SPDX-License-Identifier: MIT */
/* Who holds and who waits for what, over several segments: threads and objects as a graph, and its cycles.
 *
 * Read from outside, while it changes: what is seen of one moment may never have been true at once. A cycle is told only
 * if it was seen twice, with the same threads at the same objects; those in a real one stand still. */
#ifndef SHMCTL_WAITS_H
#define SHMCTL_WAITS_H

#include "image.h"

#include <jansson.h>

struct waits;

struct waits *waits_new(void);
void waits_free(struct waits *waits);

/* Adds what stands in a segment. Negative with a sentence: it cannot be read. */
int waits_add(struct waits *waits, const struct image *image);

/* An array of the objects that somebody holds or waits for: {"segment", "object", "kind", "held_by": [thread...],
 * "waited_for_by": [thread...]}, thread: {"pid", "tid", "command", "wants"}. A new reference. */
json_t *waits_objects(const struct waits *waits);

/* An array of the cycles over Locks, RLocks and RWLocks: {"sentence", "threads": [{"pid", "tid", "command", "holds",
 * "waits_for"}...]}, each once. A new reference. */
json_t *waits_cycles(const struct waits *waits);

#endif
