/* SPDX-License-Identifier: MIT */
/* Telling a process from its forked children, and one lock that a fork cannot leave locked. */
#ifndef COOPI_GENERATION_H
#define COOPI_GENERATION_H

#include <coop/common.h>

/* A number that a forked child (fork, _Fork, clone) has one higher than its parent had. 0, with a sentence, if the
 * kernel cannot tell us (no memory, or no MADV_WIPEONFORK). */
uint64_t coopi_generation(void);

/* Guards the client's lists of managers and lanes. It is free in a forked child whoever held it in the parent, so what
 * it guards changes by single stores. Held for a few instructions or a close(2). Only after coopi_generation(). */
void coopi_proxy_lock(void);
void coopi_proxy_unlock(void);

#endif
