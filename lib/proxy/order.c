/* SPDX-License-Identifier: MIT */
/* Which of two values comes first: Python's < on values. */
#include "proxy/order.h"

#include "base/error.h"
#include "proxy/key.h"

#include <errno.h>

const char *coopi_any_type_name(const coop_any *value)
{
    static const char *const names[] = {"NoneType", "bool", "int", "int", "float", "str", "bytes", "list", "dict"};
    return value->type >= 0 && value->type <= COOP_MAP ? names[value->type] : "unknown type";
}

static enum coopi_order clash(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash)
{
    *ret_clash = (struct coopi_clash){a, b};
    return COOPI_CLASH;
}

static enum coopi_order order_of_sizes(uint32_t a, uint32_t b)
{
    if (a == b) return COOPI_EQUAL;
    return a < b ? COOPI_LESS : COOPI_GREATER;
}

/* The order of UTF-8 is that of the characters. */
static enum coopi_order order_of_bytes(const coop_any *a, const coop_any *b)
{
    uint32_t common = a->size < b->size ? a->size : b->size;
    int difference = common ? memcmp(a->as.bytes, b->as.bytes, common) : 0;
    if (difference) return difference < 0 ? COOPI_LESS : COOPI_GREATER;
    return order_of_sizes(a->size, b->size);
}

static enum coopi_order order_within(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash);

/* The first items that differ decide. Recursion ends: what is sent or copied nests at most COOP_ANY_DEPTH deep. */
static enum coopi_order order_of_lists(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash)
{
    uint32_t common = a->size < b->size ? a->size : b->size;
    for (uint32_t i = 0; i < common; i++) {
        enum coopi_order order = order_within(&a->as.items[i], &b->as.items[i], ret_clash);
        if (order != COOPI_EQUAL) return order;
    }
    return order_of_sizes(a->size, b->size);
}

/* In lists None and dicts may be equal; they have no order. */
static enum coopi_order order_within(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash)
{
    if (coopi_is_number(a) && coopi_is_number(b)) {
        int order = coopi_numbers_order(a, b);
        if (order == COOPI_UNORDERED) return COOPI_NEITHER;
        return order < 0 ? COOPI_LESS : order > 0 ? COOPI_GREATER : COOPI_EQUAL;
    }
    if (a->type != b->type) return clash(a, b, ret_clash);
    switch (a->type) {
    case COOP_STR:
    case COOP_BYTES: return order_of_bytes(a, b);
    case COOP_LIST: return order_of_lists(a, b, ret_clash);
    default: return coop_any_equal(*a, *b) ? COOPI_EQUAL : clash(a, b, ret_clash);
    }
}

enum coopi_order coopi_order(const coop_any *a, const coop_any *b, struct coopi_clash *ret_clash)
{
    enum coopi_order order = order_within(a, b, ret_clash);
    bool ordered = coopi_is_number(a) || (a->type >= COOP_STR && a->type <= COOP_LIST);
    return order == COOPI_EQUAL && !ordered ? clash(a, b, ret_clash) : order;
}

int coop_any_less(coop_any a, coop_any b, bool *ret_less)
{
    struct coopi_clash clash = {&a, &b};
    enum coopi_order order = coopi_order(&a, &b, &clash);
    if (order == COOPI_CLASH)
        return coopi_fail(EINVAL,
                          "value: '<' is not supported between '%s' and '%s' (TypeError); compare like with like",
                          coopi_any_type_name(clash.a), coopi_any_type_name(clash.b));
    *ret_less = order == COOPI_LESS;
    return 0;
}
