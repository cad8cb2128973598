/* SPDX-License-Identifier: MIT */
/* tests/cpython.tsv: which of CPython's own test cases we run. */
#include "harness/test.h"

#include <stdio.h>
#include <string.h>

/* The folder of the sources: BUILD/bin/shmctl without four names. */
static void find_tree(char ret_path[4096])
{
    snprintf(ret_path, 4096, "%s", test_program("shmctl"));
    for (int up = 0; up < 4; up++) *strrchr(ret_path, '/') = 0;
}

static void every_case_of_cpython_is_listed_and_ours_exist(void)
{
    char tree[4096], script[4200], table[4200];
    find_tree(tree);
    snprintf(script, sizeof script, "%s/tests/e2e/cpython.py", tree);
    snprintf(table, sizeof table, "%s/tests/cpython.tsv", tree);
    struct ran r = RUN("python3", script, table, test_program("run_tests"));
    if (r.code == 77) SKIP("%s", r.err);
    CHECK_STR(r.err, "");
    CHECK_HAS(r.out, " cases: ");
    CHECK_EQ(r.code, 0);
}

TESTS(cpython, TEST_T(every_case_of_cpython_is_listed_and_ours_exist, .seconds = 30))
