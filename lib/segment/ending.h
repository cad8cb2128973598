/* SPDX-License-Identifier: MIT */
/* Ends: of a thread, of a program, and of a thread's business with one segment. */
#ifndef COOPI_ENDING_H
#define COOPI_ENDING_H

#include "segment/self.h"

/* Sees to it that this thread's clean end gives its owner rows back. A thread that ends while it holds something leaves
 * everything to the kernel, which marks it: that is a death. 0, or a negative errno with a sentence. */
int coopi_thread_watch(struct coopi_self *self);

/* Gives up this thread's owner row in the segment, unless it holds something there. */
void coopi_thread_leave(struct coopi_map *map);

#endif
