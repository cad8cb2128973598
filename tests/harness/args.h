/* SPDX-License-Identifier: MIT */
/* Lists of values, written where they are passed. */
#ifndef HARNESS_ARGS_H
#define HARNESS_ARGS_H

#include <coop/any.h>

/* Two arguments, values and their count: ask("list.set", ARGS(coop_int(1), coop_str("a"))). */
#define ARGS(...) (const coop_any[]){__VA_ARGS__}, sizeof((const coop_any[]){__VA_ARGS__}) / sizeof(coop_any)
#define NO_ARGS NULL, 0

#endif
