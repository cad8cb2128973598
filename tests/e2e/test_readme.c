/* SPDX-License-Identifier: MIT */
/* README.md: its programs compile, run and print what it says. */
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The folder of this build: BUILD/bin/shmctl without two names. */
static void find_build(char ret_path[4096])
{
    snprintf(ret_path, 4096, "%s", test_program("shmctl"));
    for (int up = 0; up < 2; up++) *strrchr(ret_path, '/') = 0;
}

static void its_programs_print_what_it_says(void)
{
    char build[4096], readme[4200], headers[4200], script[4200];
    find_build(build);
    snprintf(readme, sizeof readme, "%s/../../README.md", build);
    snprintf(headers, sizeof headers, "%s/../../lib/include", build);
    snprintf(script, sizeof script, "%s/../../tests/e2e/readme.py", build);
    struct ran r = RUN("python3", script, readme, headers, build, getenv("TMPDIR"));
    CHECK_STR(r.err, "");
    CHECK_STR(r.out, "5 programs\n");
    CHECK_EQ(r.code, 0);
}

/* Without the sanitizer in the program itself, a sanitized library does not load. */
TESTS(readme, TEST_T(its_programs_print_what_it_says, .seconds = 60, .tags = NO_SAN))
