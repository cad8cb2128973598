/* SPDX-License-Identifier: MIT */
/* Waiting a moment for another core, before going to sleep. */
#ifndef COOPI_SPIN_H
#define COOPI_SPIN_H

#include <stdbool.h>

/* Looks worth taking: some two microseconds, which is less than going to sleep and being woken costs. */
#define COOPI_SPINS 50

/* True if this process may run on more than one core, so that whoever we wait for may be running now. What was found
 * is believed for a second. */
bool coopi_spin_pays(void);

static inline void coopi_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ __volatile__("isb" ::: "memory");
#else
    __asm__ __volatile__("" ::: "memory");
#endif
}

#endif
