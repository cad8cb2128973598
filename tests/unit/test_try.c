/* SPDX-License-Identifier: MIT */
/* COOP_TRY hands a failure up; COOP_MUST ends the program with it. */
#include "unit/meeting.h"

#include <coop/lock.h>
#include <coop/try.h>

static int calls;

static int give(int result)
{
    calls++;
    return result;
}

static int try_it(int result)
{
    COOP_TRY(give(result));
    return 77;
}

static void try_returns_what_is_negative(void)
{
    CHECK_EQ(try_it(-ENOENT), -ENOENT);
    CHECK_EQ(try_it(INT32_MIN), INT32_MIN);
    CHECK_EQ(calls, 2);
}

static void try_goes_on_after_success_and_after_a_death(void)
{
    CHECK_EQ(try_it(0), 77);
    CHECK_EQ(try_it(COOP_OWNER_DIED), 77);
    CHECK_EQ(calls, 2);
}

static int try_without_braces(int result)
{
    if (result < 0)
        COOP_TRY(give(result));
    else
        return 5;
    return 6;
}

static void try_is_one_statement(void)
{
    CHECK_EQ(try_without_braces(-EIO), -EIO);
    CHECK_EQ(try_without_braces(0), 5);
}

static void must_gives_the_result_of_what_succeeds(void)
{
    CHECK_EQ(COOP_MUST(give(0)), 0);
    CHECK_EQ(COOP_MUST(give(COOP_OWNER_DIED)), COOP_OWNER_DIED);
    CHECK_EQ(calls, 2);
}

/* What COOP_MUST prints and exits with, in a child. */
static void check_must(void (*fail)(void), int code, const char *line, const char *words)
{
    const char *path = test_file("stderr");
    char text[1024] = "";
    pid_t child = test_fork(__FILE__, __LINE__);
    if (child == 0) {
        if (!freopen(path, "w", stderr)) _exit(99);
        fail();
        _exit(98);
    }
    child_must_exit(child, code);
    FILE *file = fopen(path, "re");
    CHECK(file && fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    CHECK_HAS(text, "test_try.c:");
    CHECK_HAS(text, line);
    CHECK_HAS(text, words);
    CHECK_EQ(text[strlen(text) - 1], '\n');
}

static void open_absent(void)
{
    coop_lock *lock;
    COOP_MUST(coop_lock_open("no.such.segment/door", 0, &lock));
}

static void fail_without_a_sentence(void)
{
    COOP_MUST(give(-ETIMEDOUT));
}

static void must_prints_the_call_and_the_sentence_and_exits_with_its_code(void)
{
    check_must(open_absent, 3, "coop_lock_open(\"no.such.segment/door\", 0, &lock)", "no such segment");
}

static void must_prints_the_words_where_there_is_no_sentence(void)
{
    check_must(fail_without_a_sentence, 7, "give(-ETIMEDOUT)", "timed out");
}

TESTS(try, TEST(try_returns_what_is_negative), TEST(try_goes_on_after_success_and_after_a_death),
      TEST(try_is_one_statement), TEST(must_gives_the_result_of_what_succeeds),
      TEST(must_prints_the_call_and_the_sentence_and_exits_with_its_code),
      TEST(must_prints_the_words_where_there_is_no_sentence))
