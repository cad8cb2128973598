/* SPDX-License-Identifier: MIT */
/* Which of two values comes first. */
#ifndef COOPI_ORDER_H
#define COOPI_ORDER_H

#include <coop/any.h>

enum coopi_order {
    COOPI_LESS,
    COOPI_EQUAL,
    COOPI_GREATER,
    COOPI_NEITHER, /* a NaN is in it: no value is less than the other, nor equal */
    COOPI_CLASH    /* Python's TypeError: values of these types have no order */
};

/* The two values within A and B that have no order. */
struct coopi_clash {
    const coop_any *a;
    const coop_any *b;
};

/* Python's order, which None and dicts have only within lists, where they may be equal. In one walk over both: what it
 * costs is bounded by the smaller of the two. *ret_clash is set only for COOPI_CLASH. */
enum coopi_order coopi_order(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash);

/* As Python names it: 'NoneType', 'int', ... */
const char *coopi_any_type_name(const coop_any *value);

#endif
