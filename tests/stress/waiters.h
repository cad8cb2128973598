/* SPDX-License-Identifier: MIT */
/* The kinds of object that stress_waiters plays on. */
#ifndef STRESS_WAITERS_H
#define STRESS_WAITERS_H

#include "stress/crowd.h"

#include <errno.h>

extern const struct crowd_kind waiters_lock, waiters_semaphore, waiters_rwlock;   /* turns.c */
extern const struct crowd_kind waiters_condition, waiters_event, waiters_barrier; /* signals.c */

#endif
