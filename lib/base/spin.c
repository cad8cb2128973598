/* SPDX-License-Identifier: MIT */
/* Waiting a moment for another core, before going to sleep. */
#include "base/spin.h"

#include "base/atomic.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>

#define BELIEVED INT64_C(1000000000)

bool coopi_spin_pays(void)
{
    static int64_t looked;
    static bool pays;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    int64_t ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
    if (ns - coopi_load_relaxed(&looked) < BELIEVED) return coopi_load_relaxed(&pays);
    cpu_set_t cores;
    bool many = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1;
    coopi_store_relaxed(&pays, many);
    coopi_store_relaxed(&looked, ns);
    return many;
}
