/* SPDX-License-Identifier: MIT */
/* The test runner: chooses tests, keeps a few running, and lets CUnit count.
 *
 * CUnit's registry holds every test with one function, trampoline(). In a test's own process it calls the real one. In
 * the runner, once all are done, CUnit runs the whole registry again and the trampoline asserts on each outcome, so the
 * numbers and the exit code are CUnit's. */
#include "harness/process.h"
#include "harness/variant.h"

#include <CUnit/TestRun.h>
#include <fnmatch.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define MAX_PATTERNS 64
#define MAX_OUTPUT 65536 /* shown of one failed test */

static struct plan *plans;
static size_t plan_count;
static const char *patterns[MAX_PATTERNS];
static size_t pattern_count;
static int jobs = 2;
static bool verbose;
static bool list_only;

static struct plan *plan_of(CU_pTest test)
{
    for (size_t i = 0; i < plan_count; i++)
        if (plans[i].cu_test == test) return &plans[i];
    return NULL;
}

static void trampoline(void)
{
    struct plan *plan = plan_of(CU_get_current_test());
    if (check_is_test_process())
        plan->test->run();
    else
        CU_assertImplementation(plan->outcome->verdict == PASSED, 0, plan->outcome->reason, plan->suite->name, "",
                                CU_FALSE);
}

static void die(const char *what)
{
    fprintf(stderr, "run_tests: %s\n", what);
    exit(2);
}

static bool wanted(const struct plan *plan)
{
    if (plan->test->tags & VARIANT_TAG) return false;
    if (pattern_count == 0) return true;
    char name[256];
    snprintf(name, sizeof name, "%s/%s", plan->suite->name, plan->test->name);
    for (size_t i = 0; i < pattern_count; i++)
        if (fnmatch(patterns[i], name, 0) == 0 || fnmatch(patterns[i], plan->suite->name, 0) == 0) return true;
    return false;
}

static void register_tests(void)
{
    for (struct test_suite *s = test_suites(); s; s = s->next) plan_count += s->count;
    plans = calloc(plan_count + 1, sizeof *plans);
    struct outcome *outcomes = test_shared((plan_count + 1) * sizeof *outcomes);
    if (!plans || CU_initialize_registry() != CUE_SUCCESS) die("out of memory");
    size_t n = 0;
    for (struct test_suite *s = test_suites(); s; s = s->next) {
        CU_pSuite suite = CU_add_suite(s->name, NULL, NULL);
        if (!suite || CU_get_error() != CUE_SUCCESS) die("two suites have one name, or no memory");
        for (size_t i = 0; i < s->count; i++, n++) {
            plans[n] = (struct plan){.suite = s, .test = &s->cases[i], .cu_suite = suite, .number = (int)n};
            plans[n].outcome = &outcomes[n];
            plans[n].cu_test = CU_add_test(suite, s->cases[i].name, trampoline);
            if (!plans[n].cu_test || CU_get_error() != CUE_SUCCESS) die("two tests of a suite have one name");
            plans[n].chosen = wanted(&plans[n]);
        }
    }
}

static void start(struct plan *plan)
{
    plan->output = memfd_create("output", MFD_CLOEXEC);
    if (plan->output < 0) die("memfd_create failed");
    keeper_start(plan);
    if (plan->keeper < 0) die("fork failed");
}

static void print_output(struct plan *plan)
{
    char text[4096];
    bool at_line_start = true;
    off_t at = 0;
    for (ssize_t n; at < MAX_OUTPUT && (n = pread(plan->output, text, sizeof text, at)) > 0; at += n) {
        for (ssize_t i = 0; i < n; i++) {
            if (at_line_start) fputs("    | ", stdout);
            putchar(text[i]);
            at_line_start = text[i] == '\n';
        }
    }
    if (!at_line_start) putchar('\n');
    if (at >= MAX_OUTPUT) printf("    | ... and more\n");
}

static void finish_one(void)
{
    int status;
    pid_t pid = wait(&status);
    struct plan *plan = NULL;
    for (size_t i = 0; i < plan_count; i++)
        if (plans[i].keeper == pid) plan = &plans[i];
    if (!plan) return;
    plan->keeper = 0;
    struct outcome *outcome = plan->outcome;
    if (status != 0 || outcome->verdict == NOT_RUN) {
        outcome->verdict = FAILED;
        if (!*outcome->reason) snprintf(outcome->reason, sizeof outcome->reason, "its keeper ended with %d", status);
    }
    static const char *const words[] = {"", "ok  ", "FAIL", "skip"};
    if (verbose || outcome->verdict != PASSED)
        printf("%s %s/%s (%.2f s)%s%s\n", words[outcome->verdict], plan->suite->name, plan->test->name,
               outcome->seconds, *outcome->reason ? ": " : "", outcome->reason);
    if (outcome->verdict == FAILED) print_output(plan);
    fflush(stdout);
    close(plan->output);
}

static void run_chosen(void)
{
    int running = 0;
    for (size_t i = 0; i < plan_count; i++) {
        if (!plans[i].chosen || plans[i].test->tags & ALONE) continue;
        for (; running >= jobs; running--) finish_one();
        start(&plans[i]);
        running++;
    }
    for (; running > 0; running--) finish_one();
    for (size_t i = 0; i < plan_count; i++) {
        if (!plans[i].chosen || !(plans[i].test->tags & ALONE)) continue;
        start(&plans[i]);
        finish_one();
    }
}

static void print_suite(const CU_pSuite suite, const CU_pFailureRecord failures)
{
    (void)failures;
    int passed = 0;
    int others = 0;
    double seconds = 0;
    for (size_t i = 0; i < plan_count; i++) {
        if (plans[i].cu_suite != suite || !plans[i].chosen) continue;
        seconds += plans[i].outcome->seconds;
        if (plans[i].outcome->verdict == PASSED)
            passed++;
        else
            others++;
    }
    if (passed + others > 0)
        printf("%-24s %4d of %-4d passed  %6.2f s\n", suite->pName, passed, passed + others, seconds);
}

/* The exit code: 0, or 1 if CUnit counted a failure. */
static int count(void)
{
    unsigned skipped = 0;
    unsigned kept_out = 0;
    for (size_t i = 0; i < plan_count; i++) {
        bool skip = plans[i].chosen && plans[i].outcome->verdict == SKIPPED;
        if (skip) skipped++;
        if (plans[i].test->tags & VARIANT_TAG) kept_out++;
        if (skip || !plans[i].chosen) CU_set_test_active(plans[i].cu_test, CU_FALSE);
    }
    CU_set_fail_on_inactive(CU_FALSE);
    CU_set_suite_complete_handler(print_suite);
    CU_run_all_tests();
    unsigned failed = CU_get_number_of_tests_failed();
    if (kept_out) printf("%u tests are not for this variant\n", kept_out);
    printf("%u passed, %u failed, %u skipped\n", CU_get_number_of_tests_run() - failed, failed, skipped);
    return CU_get_number_of_failures() > 0 ? 1 : 0;
}

static int usage(FILE *to, int code)
{
    fputs("usage: run_tests [--list] [--only PATTERN]... [-j N] [-v]\n"
          "  --only PATTERN  run what matches SUITE/TEST or SUITE, with * and ?\n"
          "  --list          print what would run\n"
          "  -j N            so many at a time (2)\n"
          "  -v              a line for every test\n",
          to);
    return code;
}

static void parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"list", no_argument, NULL, 'l'},
        {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    for (int c; (c = getopt_long(argc, argv, "j:vh", options, NULL)) != -1;) {
        switch (c) {
        case 'l': list_only = true; break;
        case 'o':
            if (pattern_count == MAX_PATTERNS) die("too many patterns");
            patterns[pattern_count++] = optarg;
            break;
        case 'j':
            jobs = atoi(optarg);
            if (jobs < 1) die("-j wants a number above 0");
            break;
        case 'v': verbose = true; break;
        case 'h': exit(usage(stdout, 0));
        default: exit(usage(stderr, 2));
        }
    }
    if (optind < argc) exit(usage(stderr, 2));
}

int main(int argc, char **argv)
{
    parse(argc, argv);
    register_tests();
    size_t chosen = 0;
    for (size_t i = 0; i < plan_count; i++) {
        if (!plans[i].chosen) continue;
        chosen++;
        if (list_only) printf("%s/%s\n", plans[i].suite->name, plans[i].test->name);
    }
    if (chosen == 0) die("no test matches");
    int code = 0;
    if (!list_only) {
        run_chosen();
        code = count();
    }
    CU_cleanup_registry();
    free(plans);
    return code;
}
