/* SPDX-License-Identifier: MIT */
/* Names and paths: what is accepted, and what is refused with which character at which column. */
#include "base/name.h"
#include "base/quote.h"
#include "harness/test.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

static void a_segment_name_belongs_to_the_effective_user(void)
{
    struct coopi_segment_name name;
    char shm[64];
    CHECK_OK(coopi_segment_name_parse("bank", &name));
    CHECK_STR(name.name, "bank");
    CHECK_EQ(name.uid, geteuid());
    snprintf(shm, sizeof shm, "/coop.%u.bank", geteuid());
    CHECK_STR(name.shm, shm);
}

static void segment_names_may_have_digits_dots_and_dashes(void)
{
    static const char *const names[] = {"0", "-", "_", "a.b", "a..b", "9-lives.v2", "A", "x."};
    struct coopi_segment_name name;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        CHECK_OK(coopi_segment_name_parse(names[i], &name));
        CHECK_STR(name.name, names[i]);
    }
}

static void a_login_name_before_the_colon_names_another_user(void)
{
    struct coopi_segment_name name;
    CHECK_OK(coopi_segment_name_parse("root:bank", &name));
    CHECK_EQ(name.uid, 0);
    CHECK_STR(name.name, "bank");
    CHECK_STR(name.shm, "/coop.0.bank");
}

static void a_number_before_the_colon_is_a_uid(void)
{
    struct coopi_segment_name name;
    CHECK_OK(coopi_segment_name_parse("4711:bank", &name));
    CHECK_EQ(name.uid, 4711);
    CHECK_STR(name.shm, "/coop.4711.bank");
    CHECK_OK(coopi_segment_name_parse("4294967294:bank", &name));
    CHECK_EQ(name.uid, 4294967294u);
}

static void refused(const char *text, int error, const char *part)
{
    struct coopi_segment_name name = {.name = "untouched"};
    CHECK_ERR(coopi_segment_name_parse(text, &name), error);
    CHECK_STR(name.name, "untouched");
    CHECK_DETAIL(part);
}

static void no_segment_name_is_refused(void)
{
    refused(NULL, -EINVAL, "no segment name given; a segment name is 1 to 100 of");
}

static void an_empty_segment_name_is_refused(void)
{
    refused("", -EINVAL, "\"\": a segment name is missing at column 1; a segment name is 1 to 100 of");
    refused("root:", -EINVAL, "\"root:\": a segment name is missing at column 6");
}

static void a_slash_in_a_segment_name_is_refused(void)
{
    refused("a/b", -EINVAL, "\"a/b\": '/' at column 2 cannot stand in a segment name");
    refused("/a", -EINVAL, "'/' at column 1 cannot begin a segment name");
}

static void a_dot_at_the_beginning_of_a_segment_name_is_refused(void)
{
    refused(".", -EINVAL, "'.' at column 1 cannot begin");
    refused("..", -EINVAL, "'.' at column 1 cannot begin");
    refused(".hidden", -EINVAL, "'.' at column 1 cannot begin");
    refused("root:..", -EINVAL, "'.' at column 6 cannot begin");
}

static void other_characters_in_a_segment_name_are_refused(void)
{
    refused("a b", -EINVAL, "' ' at column 2");
    refused("a\nb", -EINVAL, "\"a\\x0ab\": '\\x0a' at column 2");
    refused("gr\xc3\xbc\xc3\x9f", -EINVAL, "'\\xc3' at column 3");
    refused("a:b:c", -EINVAL, "':' at column 4");
    refused("a*", -EINVAL, "'*' at column 2");
}

static void a_segment_name_of_101_characters_is_too_long(void)
{
    char text[102];
    memset(text, 'a', sizeof text);
    text[100] = '\0';
    struct coopi_segment_name name;
    CHECK_OK(coopi_segment_name_parse(text, &name));
    CHECK_STR(name.name, text);
    text[100] = 'a';
    text[101] = '\0';
    refused(text, -ENAMETOOLONG, "a segment name of 101 characters at column 1 is too long, at most 100");
}

static void an_unknown_user_is_refused(void)
{
    refused("nobody-has-this-name:bank", -ENOENT, "\"nobody-has-this-name:bank\": there is no such user");
    refused("4294967295:bank", -ENOENT, "there is no such user");
    refused("99999999999999999999:bank", -ENOENT, "there is no such user");
}

static void an_empty_user_is_refused(void)
{
    refused(":bank", -EINVAL, "\":bank\": ':' at column 1: no user stands before it");
}

static void a_user_that_is_too_long_is_refused(void)
{
    char text[200];
    memset(text, 'u', sizeof text);
    snprintf(text + 100, sizeof text - 100, ":bank");
    refused(text, -ENAMETOOLONG, "the user before ':' has 100 characters, at most 64");
}

static void an_object_name_begins_with_a_letter_and_has_no_dot(void)
{
    CHECK_OK(coopi_object_name_check("saldo"));
    CHECK_OK(coopi_object_name_check("_x-9"));
    CHECK_ERR(coopi_object_name_check(NULL), -EINVAL);
    CHECK_DETAIL("no object name given");
    CHECK_ERR(coopi_object_name_check(""), -EINVAL);
    CHECK_DETAIL("\"\": an object name is missing at column 1; an object name is 1 to 64 of");
    CHECK_ERR(coopi_object_name_check("9x"), -EINVAL);
    CHECK_DETAIL("'9' at column 1 cannot begin an object name");
    CHECK_ERR(coopi_object_name_check("-x"), -EINVAL);
    CHECK_DETAIL("'-' at column 1 cannot begin");
    CHECK_ERR(coopi_object_name_check("a.b"), -EINVAL);
    CHECK_DETAIL("'.' at column 2 cannot stand in");
    CHECK_ERR(coopi_object_name_check("a/b"), -EINVAL);
    CHECK_DETAIL("'/' at column 2 cannot stand in");
}

static void an_object_name_of_65_characters_is_too_long(void)
{
    char text[66];
    memset(text, 'a', sizeof text);
    text[64] = '\0';
    CHECK_OK(coopi_object_name_check(text));
    text[64] = 'a';
    text[65] = '\0';
    CHECK_ERR(coopi_object_name_check(text), -ENAMETOOLONG);
    CHECK_DETAIL("an object name of 65 characters at column 1 is too long, at most 64");
}

static void a_path_is_a_segment_and_an_object(void)
{
    struct coopi_path path;
    CHECK_OK(coopi_path_parse("9.bank/saldo", &path));
    CHECK_STR(path.segment.name, "9.bank");
    CHECK_STR(path.object, "saldo");
    CHECK_OK(coopi_path_parse("0:bank/saldo", &path));
    CHECK_EQ(path.segment.uid, 0);
}

static void bad_path(const char *text, const char *part)
{
    struct coopi_path path = {.object = "untouched"};
    CHECK_ERR(coopi_path_parse(text, &path), -EINVAL);
    CHECK_STR(path.object, "untouched");
    CHECK_DETAIL(part);
}

static void a_path_that_is_not_one_is_refused_with_its_column(void)
{
    bad_path(NULL, "no path given; a path is segment/object");
    bad_path("bank", "\"bank\": no '/' up to column 5");
    bad_path("", "no '/' up to column 1");
    bad_path("bank/", "an object name is missing at column 6");
    bad_path("/saldo", "a segment name is missing at column 1");
    bad_path("a/b/c", "'/' at column 4 cannot stand in an object name");
    bad_path("../b", "'.' at column 1 cannot begin a segment name");
    bad_path("a/..", "'.' at column 3 cannot begin an object name");
    bad_path("a/b.c", "'.' at column 4 cannot stand in an object name");
}

static void a_long_name_is_shortened_in_the_sentence(void)
{
    char text[300];
    memset(text, 'a', sizeof text);
    text[299] = '\0';
    struct coopi_segment_name name;
    CHECK_ERR(coopi_segment_name_parse(text, &name), -ENAMETOOLONG);
    CHECK_DETAIL("aaa\"...: a segment name of 299 characters");
}

static void a_quote_stays_inside_its_buffer(void)
{
    char buffer[16];
    CHECK_STR(coopi_quote("abc", buffer, sizeof buffer), "\"abc\"");
    CHECK_STR(coopi_quote(NULL, buffer, sizeof buffer), "nothing");
    CHECK_STR(coopi_quote("a\"b\\", buffer, sizeof buffer), "\"a\\\"b\\\\\"");
    for (size_t size = 10; size <= sizeof buffer; size++) {
        memset(buffer, '#', sizeof buffer);
        coopi_quote("\x01\x02\x03\x04\x05\x06", buffer, size);
        CHECK(strlen(buffer) < size);
        CHECK_HAS(buffer, "\"...");
        for (size_t i = size; i < sizeof buffer; i++) CHECK_EQ(buffer[i], '#');
    }
    CHECK_STR(coopi_quote("0123456789a", buffer, sizeof buffer), "\"0123456789a\"");
    CHECK_STR(coopi_quote("0123456789ab", buffer, sizeof buffer), "\"0123456789\"...");
}

TESTS(name, TEST(a_segment_name_belongs_to_the_effective_user), TEST(segment_names_may_have_digits_dots_and_dashes),
      TEST(a_login_name_before_the_colon_names_another_user), TEST(a_number_before_the_colon_is_a_uid),
      TEST(no_segment_name_is_refused), TEST(an_empty_segment_name_is_refused),
      TEST(a_slash_in_a_segment_name_is_refused), TEST(a_dot_at_the_beginning_of_a_segment_name_is_refused),
      TEST(other_characters_in_a_segment_name_are_refused), TEST(a_segment_name_of_101_characters_is_too_long),
      TEST(an_unknown_user_is_refused), TEST(an_empty_user_is_refused), TEST(a_user_that_is_too_long_is_refused),
      TEST(an_object_name_begins_with_a_letter_and_has_no_dot), TEST(an_object_name_of_65_characters_is_too_long),
      TEST(a_path_is_a_segment_and_an_object), TEST(a_path_that_is_not_one_is_refused_with_its_column),
      TEST(a_long_name_is_shortened_in_the_sentence), TEST(a_quote_stays_inside_its_buffer))
