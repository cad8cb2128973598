/* SPDX-License-Identifier: MIT */
/* A fence that the rare side pays for both, by membarrier(2). */
#include "base/fence.h"

#include "base/atomic.h"

#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

bool coopi_fence_missing;

static bool membarrier(int command)
{
    if (coopi_load_relaxed(&coopi_fence_missing)) return false;
    int saved = errno;
    bool done = syscall(SYS_membarrier, command, 0, 0) == 0;
    errno = saved;
    return done;
}

bool coopi_fence_register(void)
{
    return membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED);
}

bool coopi_fence_all(void)
{
    return membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED);
}
