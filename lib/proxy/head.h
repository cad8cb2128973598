/* SPDX-License-Identifier: MIT */
/* The first bytes of a msgpack value: what it is and how much of it follows. */
#ifndef COOPI_HEAD_H
#define COOPI_HEAD_H

#include <stddef.h>
#include <stdint.h>

/* What a value can be to a scan. */
enum {
    COOPI_HEAD_BAD, /* the reserved byte, or an ext type */
    COOPI_HEAD_NIL,
    COOPI_HEAD_NUMBER, /* bool, int, float */
    COOPI_HEAD_STR,
    COOPI_HEAD_BYTES,
    COOPI_HEAD_ARRAY,
    COOPI_HEAD_MAP
};

struct coopi_head {
    int kind;
    uint32_t count; /* bytes that follow of a number, str or bin; items of an array; pairs of a map */
    size_t size;    /* bytes of the head itself */
};

/* Reads a head out of SIZE bytes. Returns 0, or -1 if it is cut off. */
int coopi_head_read(const unsigned char *data, size_t size, struct coopi_head *ret_head);

#endif
