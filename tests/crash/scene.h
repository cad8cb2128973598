/* SPDX-License-Identifier: MIT */
/* A scene from its beginning to its end: for the sweep. */
#ifndef CRASH_SCENE_H
#define CRASH_SCENE_H

#include "crash/crash.h"

/* What several scenes of a sweep share: set up once. False: with a sentence on stderr. */
bool scene_open(struct scene *scene, const struct operation *op);
void scene_close(struct scene *scene);

/* The segment of the scenes of that process. */
void scene_name(pid_t pid, char *ret_name, size_t size);

/* Makes the scene anew, with the operation's prepare. Faults and slow stay: they are summed up. */
void scene_begin(struct scene *scene);

/* Ends the peers, closes the handles, removes the segment, and looks for what was left in /dev/shm. */
void scene_end(struct scene *scene);

#endif
