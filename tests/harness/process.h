/* SPDX-License-Identifier: MIT */
/* Between the runner, the keepers and the checks: one test's plan and its outcome. */
#ifndef HARNESS_PROCESS_H
#define HARNESS_PROCESS_H

#include "harness/test.h"

#include <CUnit/CUnit.h>
#include <CUnit/TestDB.h>

enum verdict { NOT_RUN, PASSED, FAILED, SKIPPED };

/* In memory that the runner, the keeper and the test share. The test writes finished and skipped. */
struct outcome {
    int verdict; /* enum verdict */
    int finished;
    int skipped;
    double seconds;
    char reason[400];
};

struct plan {
    const struct test_suite *suite;
    const struct test_case *test;
    CU_pSuite cu_suite;
    CU_pTest cu_test;
    struct outcome *outcome;
    bool chosen;
    int number;
    int output; /* descriptor of the captured output */
    pid_t keeper;
};

/* suites.c: the registered suites by name */
struct test_suite *test_suites(void);

/* keeper.c: forks the keeper of one test and returns at once. */
void keeper_start(struct plan *plan);

/* check.c: says that this process is the test, so that checks may jump out of it. */
void check_enter(struct outcome *own);
bool check_is_test_process(void);

/* place.c: the directories and the prefix of one test. */
struct place {
    char dir[64];
    char prefix[32];
};
void place_make(struct place *place, int number);
void place_enter(const struct place *place);
/* Prints and removes what is left; the number of things that should not have been. */
int place_leave(const struct place *place);

#endif
