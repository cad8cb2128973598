/* SPDX-License-Identifier: MIT */
/* Values written as Python writes them: literal("[1, 'a', None, {b'k': -0.5}]"). */
#ifndef HARNESS_LITERAL_H
#define HARNESS_LITERAL_H

#include <coop/any.h>

/* Lives until the test ends. Fails the test for what is no literal. Tuples become lists; nan and inf are floats. */
coop_any literal(const char *text);

/* printf into memory that lives until the test ends. */
const char *text_of(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "[from, from + 1, ..., to - 1]" */
const char *range_text(int from, int to);

#endif
