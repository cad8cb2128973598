/* SPDX-License-Identifier: MIT */
/* A victim that is stopped in the midst of its operation. */
#ifndef CRASH_STAND_H
#define CRASH_STAND_H

#include "crash/crash.h"

/* In the survivor, while the victim stands: for so many milliseconds more than the others need. */
void stand(struct scene *scene, unsigned ms);

#endif
