/* SPDX-License-Identifier: MIT */
/* What every noun of libcoop shares: version, flags, time-outs, results, and closing by scope. */
#ifndef COOP_COMMON_H
#define COOP_COMMON_H

#include <stddef.h>
#include <stdint.h>

#define COOP_VERSION_MAJOR 0
#define COOP_VERSION_MINOR 1
#define COOP_VERSION_PATCH 0
#define COOP_VERSION "0.1.0"

#ifdef __cplusplus
#define COOP_BEGIN_DECLS extern "C" {
#define COOP_END_DECLS }
#else
#define COOP_BEGIN_DECLS
#define COOP_END_DECLS
#endif

/* A fallible call's result must be looked at. */
#define COOP_MUST_CHECK __attribute__((warn_unused_result))

/* Results. Every fallible function returns an int: a negative errno for failure, 0 for success. Acquiring a lock has a
 * third answer: COOP_OWNER_DIED (1): the lock IS held, and its previous owner died holding it, so the data that it
 * guards may be half changed. Test `< 0` for "not held". A call that fails touches none of its outputs. */
#define COOP_OWNER_DIED 1

/* Time-outs are relative, in nanoseconds, on the monotonic clock. A wait that runs out gives -ETIMEDOUT; one with
 * COOP_NOWAIT gives -EBUSY at once. Any negative time-out is COOP_FOREVER. */
#define COOP_FOREVER INT64_C(-1)
#define COOP_NOWAIT INT64_C(0)
#define COOP_MS(n) ((int64_t)(n)*INT64_C(1000000))
#define COOP_S(n) ((int64_t)(n)*INT64_C(1000000000))

/* Flags of the open calls. */
#define COOP_CREATE 0x01 /* make segment and object where they are absent */
#define COOP_EXCL 0x02   /* with COOP_CREATE: -EEXIST if the object is already there */
#define COOP_RAW 0x04    /* make the value or array without a lock of its own */
/* Waits through this handle end with -EINTR after a signal handler ran; those for anything but a Lock or RLock, and for
 * a transferable Lock, do so only after a handler that was installed without SA_RESTART. */
#define COOP_INTR 0x08
#define COOP_READ_ONLY 0x40    /* open a segment, or a value or array by its path, only to read: see segment.h */
#define COOP_TRANSFERABLE 0x20 /* make a Lock that any thread may release */
#define COOP_COUNTING 0x80     /* make a semaphore whose permits have no holder */
#define COOP_BOUNDED 0x100     /* with COOP_COUNTING: never more permits than it was made with */
#define COOP_TRUST_PEERS 0x10  /* open a segment that belongs to another uid: its writers have full power over us */

/* COOP_AUTO(coop_value) v = NULL;   closes v when its scope ends, however it ends. */
#define COOP_AUTO(noun) __attribute__((cleanup(noun##_closep))) noun *

/* A new name at each use, so that nested blocks do not shadow. */
#define COOP_PASTE__(a, b) a##b
#define COOP_PASTE_(a, b) COOP_PASTE__(a, b)
#define COOP_UNIQUE_(base) COOP_PASTE_(base, __COUNTER__)

#endif
