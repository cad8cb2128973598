/* SPDX-License-Identifier: MIT */
/* Walking through a packing format and its arguments (<coop/pack.h> says what stands in one). */
#ifndef COOPI_FORMAT_WALK_H
#define COOPI_FORMAT_WALK_H

#include <coop/pack.h>

struct coopi_format {
    const char *text;
    const char *at;
    const coop_arg *args;
    size_t count;
    size_t next; /* argument */
};

/* Passes over what parts, and returns the next character without taking it; 0 at the end. */
char coopi_format_peek(struct coopi_format *f);

/* Takes C if it comes next. */
bool coopi_format_take(struct coopi_format *f, char c);

/* Takes the ':' behind a key. */
int coopi_format_colon(struct coopi_format *f) COOP_MUST_CHECK;

/* Takes 'text', whose first quote has been taken. */
int coopi_format_quoted(struct coopi_format *f, coop_any *ret_text) COOP_MUST_CHECK;

/* The next argument, for the letter that was just taken. */
int coopi_format_arg(struct coopi_format *f, const coop_arg **ret_arg) COOP_MUST_CHECK;

/* The letter stands for a value (not a pointer): a borrowed one made of the next argument. */
int coopi_format_value(struct coopi_format *f, char letter, coop_any *ret_value) COOP_MUST_CHECK;

/* Nothing but the end follows, and all arguments are used. */
int coopi_format_end(struct coopi_format *f) COOP_MUST_CHECK;

/* -EINVAL: the letter before AT is wrong, or its argument, or what it meets. WHAT goes into the sentence. */
int coopi_format_bad(const struct coopi_format *f, const char *what);
int coopi_format_wrong_arg(const struct coopi_format *f, const char *wanted);

/* The column of the character that was just taken, from 1. */
int coopi_format_column(const struct coopi_format *f);

#endif
