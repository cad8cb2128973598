/* SPDX-License-Identifier: MIT */
/* What a test is written with: checks, children, programs, and the table that registers the suite.
 *
 *     #include "harness/test.h"
 *
 *     static void reads_back_what_was_set(void)
 *     {
 *         CHECK_OK(coop_value_set(v, 5));
 *         CHECK_ERR(coop_value_open("no/thing", "i", 0, &v), -ENOENT);
 *         CHECK_DETAIL("no/thing");
 *     }
 *
 *     TESTS(value,
 *           TEST(reads_back_what_was_set),
 *           TEST_T(survives_an_hour, .seconds = 30, .tags = NO_TSAN))
 *
 * TESTS stands last in the file and takes no semicolon. A test that the table forgets is an unused static function and
 * does not compile. Every test runs in a process of its own, below a keeper that ends it at its time limit and fails it
 * for anything that it leaves behind: a segment under its prefix, a file in its runtime directory, a live process.
 *
 * The first failed check ends the test. In a forked child or in a thread that is not the test's first one it ends that
 * whole process with exit status 1: so wait for children with child_must(). */
#ifndef HARNESS_TEST_H
#define HARNESS_TEST_H

#include <coop/common.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* The table */

enum test_tag {
    NO_ASAN = 1,  /* not in variant=asan */
    NO_UBSAN = 2, /* not in variant=ubsan */
    NO_TSAN = 4,  /* not in variant=tsan */
    NO_SAN = NO_ASAN | NO_UBSAN | NO_TSAN,
    ALONE = 8, /* no other test beside it: for tests that measure time */
};

struct test_case {
    const char *name;
    void (*run)(void);
    int seconds; /* time limit; 0 is 10. Sanitizer variants multiply it */
    unsigned tags;
};

struct test_suite {
    const char *name;
    const struct test_case *cases;
    size_t count;
    struct test_suite *next;
};

void test_register(struct test_suite *suite);

/* clang-format off */
#define TEST(function) {.name = #function, .run = function}
#define TEST_T(function, ...) {.name = #function, .run = function, __VA_ARGS__}
/* clang-format on */
#define TESTS(suite_name, ...)                                                                                         \
    static const struct test_case test_cases_[] = {__VA_ARGS__};                                                       \
    __attribute__((constructor)) static void test_register_(void)                                                      \
    {                                                                                                                  \
        static struct test_suite suite = {                                                                             \
            .name = #suite_name,                                                                                       \
            .cases = test_cases_,                                                                                      \
            .count = sizeof test_cases_ / sizeof test_cases_[0],                                                       \
        };                                                                                                             \
        test_register(&suite);                                                                                         \
    }

/* Checks. Each prints what it found; those on results print coop_error_detail() as well. */

#define CHECK(condition) ((condition) ? (void)0 : FAIL("%s", #condition))
#define CHECK_OK(call) test_check_result((call), 0, #call, __FILE__, __LINE__)
#define CHECK_ERR(call, result) test_check_result((call), (result), #call, __FILE__, __LINE__)

/* Held, and the previous owner died. */
#define CHECK_OWNER_DIED(call) test_check_result((call), COOP_OWNER_DIED, #call, __FILE__, __LINE__)

/* Integers and pointers only: a double has CHECK_DOUBLE. */
#define CHECK_EQ(actual, expected)                                                                                     \
    do {                                                                                                               \
        _Static_assert(TEST_IS_INTEGER_(actual) && TEST_IS_INTEGER_(expected), "use CHECK_DOUBLE");                    \
        test_check_eq((intmax_t)(actual), (intmax_t)(expected), #actual " == " #expected, __FILE__, __LINE__);         \
    } while (0)
#define TEST_IS_INTEGER_(x)                                                                                            \
    (!__builtin_types_compatible_p(__typeof__(x), double) && !__builtin_types_compatible_p(__typeof__(x), float))
#define CHECK_DOUBLE(actual, expected) test_check_double((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_STR(actual, expected) test_check_str((actual), (expected), #actual, __FILE__, __LINE__)
#define CHECK_MEM(actual, expected, size) test_check_mem((actual), (expected), (size), #actual, __FILE__, __LINE__)
#define CHECK_HAS(text, part) test_check_has((text), (part), #text, __FILE__, __LINE__)
#define CHECK_LACKS(text, part) test_check_lacks((text), (part), #text, __FILE__, __LINE__)
#define CHECK_DETAIL(part) test_check_detail((part), __FILE__, __LINE__)

/* Looks every millisecond until the condition holds, at most 5 s (longer under sanitizers). */
#define CHECK_SOON(condition)                                                                                          \
    do {                                                                                                               \
        int64_t test_until_ = test_soon();                                                                             \
        while (!(condition)) {                                                                                         \
            if (test_passed(test_until_)) FAIL("did not come true in time: %s", #condition);                           \
            test_sleep_ms(1);                                                                                          \
        }                                                                                                              \
    } while (0)

#define FAIL(...) test_fail(__FILE__, __LINE__, __VA_ARGS__)

/* Ends the test as skipped. For what this machine cannot do, never for what is slow or flaky. */
void SKIP(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* The right WHAT ("to ...") that the test needs: without it the test is skipped, and fails where $COOP_SOAK is set. */
void need_right(bool have, const char *what);

/* Children */

/* pid_t pid; CHILD(pid) { ... }   forks; the child runs the block and ends with 0. No break or return in it. */
#define CHILD(pid) for ((pid) = test_fork(__FILE__, __LINE__); test_in_child(pid); _exit(0))

/* Reaps the child and checks that it ended with 0. */
#define child_must(pid) test_child_must((pid), 0, __FILE__, __LINE__)

/* Reaps the child and checks that it ended with this exit code. */
#define child_must_exit(pid, code) test_child_must((pid), (code), __FILE__, __LINE__)

/* SIGKILLs the child, reaps it, and checks that it was still alive until then. */
#define child_kill(pid) test_child_kill((pid), __FILE__, __LINE__)

/* Zeroed memory that the test shares with the children that it forks from now on. Never freed. */
void *test_shared(size_t size);

/* Programs */

struct ran {
    int code;  /* exit code, or 128 + signal */
    char *out; /* stdout and stderr, each ended by a NUL; the harness frees them */
    char *err;
    size_t out_size;
    size_t err_size;
};

struct started {
    pid_t pid;
    int in;  /* write end of its stdin */
    int out; /* read end of its stdout; stderr goes to the test's */
};

/* RUN("shmctl", "ls", "--json") runs a program to its end with an empty stdin. A name without a slash is sought in this
 * variant's bin, examples and tests, then in PATH. Fails the test after 10 s (longer under sanitizers). */
#define RUN(...) test_run((const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

/* START("coop-manager", "--name", "x") starts a program; end it with stop_program() or child_kill(s.pid). */
#define START(...) test_start((const char *const[]){__VA_ARGS__, NULL}, __FILE__, __LINE__)

/* Reads one line from s->out, without its newline, into harness memory; fails the test at its end or after 5 s. */
#define read_line(s) test_read_line((s), __FILE__, __LINE__)

/* Sends the signal (0: none, closes stdin), waits, closes the descriptors and returns the exit code or 128 + signal. */
#define stop_program(s, signal) test_stop((s), (signal), __FILE__, __LINE__)

/* The path of a program built in this variant: bin/NAME, examples/NAME or tests/NAME. */
const char *test_program(const char *name);

/* The test's own place */

/* A segment (or manager) name that no other test uses: the prefix $COOP_TEST_PREFIX and BASE. Eight at a time. */
const char *test_name(const char *base);

/* The private 0700 directories: $XDG_RUNTIME_DIR must be empty of files at the end; $TMPDIR, the current directory,
 * need not. A path in the latter; eight at a time. */
const char *test_file(const char *base);

/* Time */

void test_sleep_ms(int ms);

/* How much slower than release this variant is, or $COOP_TEST_SLOWNESS: multiply your own limits by it. */
int test_slowness(void);

int64_t test_soon(void); /* the point 5 s from now, more under sanitizers */
bool test_passed(int64_t point);
int64_t test_now(void); /* nanoseconds, monotonic */

/* Behind the macros */

void test_fail(const char *file, int line, const char *format, ...) __attribute__((format(printf, 3, 4), noreturn));
void test_check_result(int result, int expected, const char *call, const char *file, int line);
void test_check_eq(intmax_t actual, intmax_t expected, const char *text, const char *file, int line);
void test_check_double(double actual, double expected, const char *text, const char *file, int line);
void test_check_str(const char *actual, const char *expected, const char *text, const char *file, int line);
void test_check_mem(const void *actual, const void *expected, size_t size, const char *text, const char *file,
                    int line);
void test_check_has(const char *actual, const char *part, const char *text, const char *file, int line);
void test_check_lacks(const char *actual, const char *part, const char *text, const char *file, int line);
void test_check_detail(const char *part, const char *file, int line);
pid_t test_fork(const char *file, int line);
static inline bool test_in_child(pid_t pid)
{
    return pid == 0;
}
void test_child_must(pid_t pid, int code, const char *file, int line);
void test_child_kill(pid_t pid, const char *file, int line);
struct ran test_run(const char *const argv[], const char *file, int line);
struct started test_start(const char *const argv[], const char *file, int line);
char *test_read_line(struct started *s, const char *file, int line);
int test_stop(struct started *s, int signal, const char *file, int line);

#endif
