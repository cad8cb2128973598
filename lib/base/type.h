/* SPDX-License-Identifier: MIT */
/* Types as format strings, in the notation of Python's struct module and PEP 3118. */
#ifndef COOPI_TYPE_H
#define COOPI_TYPE_H

#include <stddef.h>
#include <stdint.h>

#define COOPI_TYPE_TEXT 32             /* canonical text with NUL */
#define COOPI_TYPE_SIZE_MAX (1u << 30) /* bytes of one item */

/* One format: COUNT scalars of CODE, or for code 's' one string of COUNT bytes. */
struct coopi_type {
    char code;                  /* one of ?cbBhHiIlLqQnNfd, or s */
    uint32_t item_size;         /* bytes of one scalar; 1 for s */
    uint32_t count;             /* 1 for a scalar */
    uint32_t size;              /* item_size * count */
    char text[COOPI_TYPE_TEXT]; /* canonical: no '@', no blanks, no leading zeros, no count of 1 (but `1s`) */
};

/* Parses FORMAT: optional blanks, optional '@', an optional count, one code. WHO begins the sentence of an error:
 * -EINVAL with the column (from 1) and what was expected there. RET is untouched on failure. */
int coopi_type_parse(const char *format, const char *who, struct coopi_type *ret_type);

/* One scalar of the type at P as text ("-5", "2.5", "True", "b'x'"): as Python prints it. Writes at most SIZE bytes
 * with NUL and returns what snprintf would. P need not be aligned. */
int coopi_type_format_scalar(const struct coopi_type *type, const void *p, char *buffer, size_t size);

/* What a C programmer calls the code: "int", "double", "bytes". */
const char *coopi_type_name(char code);

#endif
