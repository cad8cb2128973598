/* SPDX-License-Identifier: MIT */
/* Failure sentences and what the codes mean. */
#include "base/error.h"
#include "harness/test.h"

#include <pthread.h>
#include <string.h>

static void failing_returns_the_code_and_keeps_the_sentence(void)
{
    CHECK_ERR(coopi_fail(ENOENT, "bank/%s: no such object; create it", "saldo"), -ENOENT);
    CHECK_STR(coop_error_detail(), "bank/saldo: no such object; create it");
}

static void a_sentence_can_be_made_of_the_last_one(void)
{
    CHECK_ERR(coopi_fail(EINVAL, "inner"), -EINVAL);
    CHECK_ERR(coopi_fail(EINVAL, "outer: %s", coop_error_detail()), -EINVAL);
    CHECK_STR(coop_error_detail(), "outer: inner");
}

static void long_sentence_is_cut_not_overrun(void)
{
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    CHECK_ERR(coopi_fail(EINVAL, "%s", text), -EINVAL);
    CHECK_EQ(strlen(coop_error_detail()), 511);
}

static void *fail_elsewhere(void *unused)
{
    (void)unused;
    CHECK_STR(coop_error_detail(), "");
    CHECK_ERR(coopi_fail(EINVAL, "elsewhere"), -EINVAL);
    return NULL;
}

static void each_thread_has_its_own_sentence(void)
{
    CHECK_ERR(coopi_fail(EINVAL, "here"), -EINVAL);
    pthread_t thread;
    CHECK_EQ(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
    CHECK_EQ(pthread_join(thread, NULL), 0);
    CHECK_STR(coop_error_detail(), "here");
}

static void every_result_has_words(void)
{
    for (int result = -200; result <= 2; result++) CHECK(*coop_strerror(result));
    CHECK_STR(coop_strerror(0), "ok");
    CHECK_HAS(coop_strerror(COOP_OWNER_DIED), "died");
}

static void exit_codes_follow_the_table(void)
{
    CHECK_EQ(coop_exit_code(0), 0);
    CHECK_EQ(coop_exit_code(-ENOMEM), 1);
    CHECK_EQ(coop_exit_code(-EINVAL), 2);
    CHECK_EQ(coop_exit_code(-ENOENT), 3);
    CHECK_EQ(coop_exit_code(-EACCES), 4);
    CHECK_EQ(coop_exit_code(-EBADMSG), 5);
    CHECK_EQ(coop_exit_code(COOP_OWNER_DIED), 6);
    CHECK_EQ(coop_exit_code(-ETIMEDOUT), 7);
    CHECK_EQ(coop_exit_code(-EBUSY), 8);
    CHECK_EQ(coop_exit_code(-ENOTTY), 1);
}

TESTS(error, TEST(failing_returns_the_code_and_keeps_the_sentence), TEST(a_sentence_can_be_made_of_the_last_one),
      TEST(long_sentence_is_cut_not_overrun), TEST(each_thread_has_its_own_sentence), TEST(every_result_has_words),
      TEST(exit_codes_follow_the_table))
