/* SPDX-License-Identifier: MIT */
/* Which sanitizer this build carries, as macros; the tag that keeps a test out of it; how much slower it is. */
#ifndef HARNESS_VARIANT_H
#define HARNESS_VARIANT_H

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define VARIANT_ASAN 1
#elif __has_feature(thread_sanitizer)
#define VARIANT_TSAN 1
#endif
#endif

#ifdef __SANITIZE_ADDRESS__
#define VARIANT_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define VARIANT_TSAN 1
#endif

/* Neither compiler says so for UBSan: the SConscript does, with -DVARIANT_UBSAN. */
#if defined VARIANT_ASAN
#define VARIANT_TAG NO_ASAN
#define VARIANT_SLOWNESS 3
#elif defined VARIANT_TSAN
#define VARIANT_TAG NO_TSAN
#define VARIANT_SLOWNESS 6
#elif defined VARIANT_UBSAN
#define VARIANT_TAG NO_UBSAN
#define VARIANT_SLOWNESS 3
#else
#define VARIANT_TAG 0
#define VARIANT_SLOWNESS 1
#endif

/* They keep books of their own about threads: one that ends by a raw system call is missed there. */
#if defined VARIANT_ASAN || defined VARIANT_TSAN
#define VARIANT_LETS_THREADS_VANISH 0
#else
#define VARIANT_LETS_THREADS_VANISH 1
#endif

#endif
