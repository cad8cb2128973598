/* SPDX-License-Identifier: MIT */
/* shmctl's texts: escapes are never cut, sizes and times read as people write them. */
#include "harness/test.h"
#include "tools/text.h"

#include <stdlib.h>
#include <time.h>

static void escapes_what_is_not_printable(void)
{
    char text[32];
    CHECK_EQ(text_escape("a\\\x1b\xff z", 6, text, sizeof text), 6);
    CHECK_STR(text, "a\\\\\\x1b\\xff z");
    text_name("ab\0cd", 5, text, sizeof text);
    CHECK_STR(text, "ab");
    text_sentence("C:\\x\n", text, sizeof text);
    CHECK_STR(text, "C:\\x\\x0a");
}

static void cuts_no_escape_in_two(void)
{
    char text[6];
    CHECK_EQ(text_escape("ab\x01\x02", 4, text, sizeof text), 2);
    CHECK_STR(text, "ab");
    CHECK_EQ(text_escape("a\x01\x02", 3, text, sizeof text), 2);
    CHECK_STR(text, "a\\x01");
    CHECK_EQ(text_escape("abc", 3, text, 1), 0);
    CHECK_STR(text, "");
}

static void writes_sizes_in_the_largest_whole_unit(void)
{
    static const struct {
        uint64_t bytes;
        const char *text;
    } rows[] = {
        {0, "0 B"},
        {1023, "1023 B"},
        {1024, "1 KiB"},
        {1536, "1.5 KiB"},
        {UINT64_C(1) << 34, "16 GiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[TEXT_SHORT];
        text_size(rows[i].bytes, text);
        CHECK_STR(text, rows[i].text);
    }
}

static void writes_any_time_that_a_segment_can_claim(void)
{
    char text[TEXT_SHORT];
    text_time_utc(0, text);
    CHECK_STR(text, "1970-01-01T00:00:00Z");
    text_time_utc(-1, text);
    CHECK_STR(text, "1969-12-31T23:59:59Z");
    text_time_utc(INT64_MAX, text);
    CHECK_STR(text, "2262-04-11T23:47:16Z");
    text_time_utc(INT64_MIN, text);
    CHECK_STR(text, "1677-09-21T00:12:43Z");
    setenv("TZ", "UTC-2", 1);
    tzset();
    text_time(0, text);
    CHECK_STR(text, "1970-01-01 02:00:00");
}

TESTS(shmctl_text, TEST(escapes_what_is_not_printable), TEST(cuts_no_escape_in_two),
      TEST(writes_sizes_in_the_largest_whole_unit), TEST(writes_any_time_that_a_segment_can_claim))
