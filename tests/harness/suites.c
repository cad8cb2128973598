/* SPDX-License-Identifier: MIT */
/* The list of suites that constructors fill before main, in order of name. */
#include "harness/process.h"

#include <string.h>

static struct test_suite *first;

void test_register(struct test_suite *suite)
{
    struct test_suite **at = &first;
    while (*at && strcmp((*at)->name, suite->name) < 0) at = &(*at)->next;
    suite->next = *at;
    *at = suite;
}

struct test_suite *test_suites(void)
{
    return first;
}
