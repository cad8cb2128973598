/* SPDX-License-Identifier: MIT */
/* The sanitizers' settings, compiled in, so that a test behaves the same however it is started. */
#include "harness/variant.h"

#if defined VARIANT_ASAN
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "abort_on_error=0:exitcode=99:detect_leaks=1:detect_stack_use_after_return=0";
}
#elif defined VARIANT_TSAN
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "halt_on_error=1:exitcode=99:die_after_fork=0";
}
#elif defined VARIANT_UBSAN
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "halt_on_error=1:exitcode=99:print_stacktrace=1";
}
#else
typedef int no_sanitizer_here;
#endif
