/* SPDX-License-Identifier: MIT */
/* The memory-order words: the only way in which libcoop touches memory that another thread or process may write.
 *
 * load_relaxed    the value alone matters (a hint, a counter, a word that a CAS will check again)
 * load_acquire    what was written before the matching store_release is seen after this
 * store_relaxed   nobody concludes anything from seeing it
 * store_release   the commit: whoever sees it with load_acquire sees all that we wrote before it
 * cas_acquire     takes something: what its last holder wrote before giving it up is seen
 * cas_both, exchange_both, fetch_add, fetch_or   take and give up in one
 * cas_relaxed     changes a word that alone matters
 * cas_total, exchange_total, load_total   with each other: of two threads that each change one word and then look at
 * the other's, one sees the other's change exchange_release gives something up compiler_barrier keeps the order for the
 * kernel that looks at our memory when this thread dies fence_release    what we stored before it is seen by who sees,
 * before its fence_acquire, anything that we store after copy_in, _out    bytes to and from memory that others change
 * meanwhile; a word that is read later decides what they are worth. Not atomic as a whole, nor at any place but single
 * bytes
 *
 * Shared words are plain fixed-width integers, so that the public headers and the layout stay C++-clean. */
#ifndef COOPI_ATOMIC_H
#define COOPI_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define coopi_load_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define coopi_load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define coopi_store_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define coopi_store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define coopi_exchange_release(p, v) __atomic_exchange_n((p), (v), __ATOMIC_RELEASE)
#define coopi_exchange_both(p, v) __atomic_exchange_n((p), (v), __ATOMIC_ACQ_REL)
#define coopi_fetch_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_ACQ_REL)
#define coopi_fetch_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_ACQ_REL)

/* Compare and swap; on failure *expected is what is there. */
#define coopi_cas_acquire(p, expected, v)                                                                              \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)
#define coopi_cas_both(p, expected, v)                                                                                 \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)
#define coopi_cas_total(p, expected, v)                                                                                \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define coopi_exchange_total(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
#define coopi_load_total(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define coopi_cas_relaxed(p, expected, v)                                                                              \
    __atomic_compare_exchange_n((p), (expected), (v), false, __ATOMIC_RELAXED, __ATOMIC_RELAXED)

#define coopi_fence_acquire() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define coopi_fence_release() __atomic_thread_fence(__ATOMIC_RELEASE)
#define coopi_compiler_barrier() __asm__ __volatile__("" ::: "memory")
#define coopi_unlikely(x) __builtin_expect(!!(x), 0)

#ifdef __has_feature
#if __has_feature(thread_sanitizer)
#define COOPI_BY_BYTES
#endif
#endif
#ifdef __SANITIZE_THREAD__
#define COOPI_BY_BYTES
#endif

#ifdef COOPI_BY_BYTES /* TSan takes a copy that is thrown away for a mistake, unless each byte is atomic */
static inline void coopi_copy_in(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) coopi_store_relaxed((uint8_t *)to + i, ((const uint8_t *)from)[i]);
}

static inline void coopi_copy_out(void *to, const void *from, size_t size)
{
    for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = coopi_load_relaxed((const uint8_t *)from + i);
}
#else
static inline void coopi_copy_in(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}

static inline void coopi_copy_out(void *to, const void *from, size_t size)
{
    memcpy(to, from, size);
}
#endif

#endif
