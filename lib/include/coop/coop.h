/* SPDX-License-Identifier: MIT */
/* All of libcoop: cooperating processes on Linux. Each header is the manual of its noun. */
#ifndef COOP_COOP_H
#define COOP_COOP_H

#include <coop/any.h>
#include <coop/array.h>
#include <coop/barrier.h>
#include <coop/batch.h>
#include <coop/common.h>
#include <coop/condition.h>
#include <coop/dict.h>
#include <coop/error.h>
#include <coop/event.h>
#include <coop/list.h>
#include <coop/lock.h>
#include <coop/manager.h>
#include <coop/pack.h>
#include <coop/rwlock.h>
#include <coop/segment.h>
#include <coop/semaphore.h>
#include <coop/value.h>

#endif
