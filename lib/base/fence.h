/* SPDX-License-Identifier: MIT */
/* A fence that the rare side pays for both: membarrier makes every running thread of every registered process execute a
 * full barrier, so that the frequent side needs a compiler barrier only.
 *
 *     frequent side                      rare side
 *     store A                            store B
 *     compiler barrier                   coopi_fence_all()
 *     load B                             load A
 *
 * At least one of them sees the other's store, as if both had a full barrier. */
#ifndef COOPI_FENCE_H
#define COOPI_FENCE_H

#include <stdbool.h>

/* Registers this process for the frequent side. False where the kernel or a filter has no membarrier: then the frequent
 * side must use a barrier of its own. Inherited by fork, lost by exec. */
bool coopi_fence_register(void);

/* The rare side. False where it cannot be had: then the rare side must not rely on having been seen. */
bool coopi_fence_all(void);

/* For tests: behave as if membarrier were missing. */
extern bool coopi_fence_missing;

#endif
