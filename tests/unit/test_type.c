/* SPDX-License-Identifier: MIT */
/* Format strings: what is accepted, in what canonical form, and what is refused at which column. */
#include "base/type.h"
#include "harness/test.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

static void every_scalar_code_has_its_c_size(void)
{
    static const struct {
        const char *format;
        size_t size;
    } codes[] = {
        {"?", 1},
        {"c", 1},
        {"b", 1},
        {"B", 1},
        {"h", sizeof(short)},
        {"H", sizeof(short)},
        {"i", sizeof(int)},
        {"I", sizeof(int)},
        {"l", sizeof(long)},
        {"L", sizeof(long)},
        {"q", sizeof(long long)},
        {"Q", sizeof(long long)},
        {"n", sizeof(ssize_t)},
        {"N", sizeof(size_t)},
        {"f", sizeof(float)},
        {"d", sizeof(double)},
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct coopi_type type;
        CHECK_OK(coopi_type_parse(codes[i].format, "t", &type));
        CHECK(coopi_type_is_scalar(&type));
        CHECK_EQ(type.code, codes[i].format[0]);
        CHECK_EQ(type.size, codes[i].size);
        CHECK_EQ(type.item_size, codes[i].size);
        CHECK_EQ(type.count, 1);
        CHECK_STR(type.text, codes[i].format);
        CHECK(strcmp(coopi_type_name(type.code), "unknown") != 0);
        coopi_type_clear(&type);
    }
    CHECK_STR(coopi_type_name('x'), "unknown");
}

static void blanks_at_sign_zeros_and_a_count_of_one_leave_the_canonical_text(void)
{
    static const char *const forms[][2] = {
        {" i ", "i"},  {"@i", "i"},       {" @ d\n", "d"}, {"1i", "i"},  {"0001d", "d"},
        {"03d", "3d"}, {"@ 016s", "16s"}, {"s", "1s"},     {"1s", "1s"}, {"1073741824s", "1073741824s"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct coopi_type type;
        CHECK_OK(coopi_type_parse(forms[i][0], "t", &type));
        CHECK_STR(type.text, forms[i][1]);
        coopi_type_clear(&type);
    }
}

static void byte_strings_and_flat_arrays_have_their_size(void)
{
    struct coopi_type type;
    CHECK_OK(coopi_type_parse("16s", "t", &type));
    CHECK_EQ(type.code, 's');
    CHECK_EQ(type.count, 1);
    CHECK_EQ(type.item_size, 16);
    CHECK_EQ(type.size, 16);
    coopi_type_clear(&type);
    CHECK_OK(coopi_type_parse("3d", "t", &type));
    CHECK_EQ(type.code, 'd');
    CHECK_EQ(type.count, 3);
    CHECK_EQ(type.size, 3 * sizeof(double));
    coopi_type_clear(&type);
}

/* What is wrong is told with its column, and the output stays as it was. */
static void refused(const char *format, const char *part)
{
    struct coopi_type type = {.code = '!'};
    CHECK_ERR(coopi_type_parse(format, "bank/saldo", &type), -EINVAL);
    CHECK_EQ(type.code, '!');
    CHECK_DETAIL("bank/saldo: ");
    CHECK_DETAIL(part);
}

static void no_type_is_refused(void)
{
    refused(NULL, "no type given");
    refused("", "type \"\" ends at column 1: expected one of");
    refused("  ", "ends at column 3");
    refused("@", "ends at column 2");
    refused("12", "ends at column 3");
}

static void an_unknown_code_is_refused_with_its_column(void)
{
    refused("z", "column 1, 'z': expected one of");
    refused("  z", "column 3, 'z'");
    refused("3z", "column 2, 'z'");
    refused("P", "column 1, 'P'");
    refused("g", "column 1, 'g'");
    refused("-3d", "column 1, '-'");
    refused("3 d", "column 2, ' '");
    refused("\x1b[31m", "type \"\\x1b[31m\", column 1, '\\x1b'");
}

static void another_byte_order_is_refused_with_its_column(void)
{
    refused("<i", "column 1, '<': only this machine's order");
    refused(" >d", "column 2, '>'");
    refused("=i", "column 1, '='");
    refused("!i", "column 1, '!'");
}

static void a_count_of_zero_is_refused_with_its_column(void)
{
    refused("0d", "column 1, '0': a count of 0");
    refused(" 000s", "column 2, '0': a count of 0");
}

static void more_than_one_gibibyte_is_refused_with_its_column(void)
{
    refused("1073741825s", "column 1, '1': larger than 1 GiB");
    refused(" 134217729d", "column 2, '1': larger than 1 GiB");
    refused("99999999999999999999999999999999d", "column 1, '9': larger than 1 GiB");
}

static void a_long_type_is_shortened_in_the_sentence(void)
{
    char format[4000];
    memset(format, 'i', sizeof format);
    format[sizeof format - 1] = '\0';
    refused(format, "i\"..., column 1024, 'i': more than 1024 fields");
}

static const char *shown(const char *format, const void *p)
{
    static char buffer[64];
    int length = coopi_type_format_scalar(*format, p, buffer, sizeof buffer);
    CHECK_EQ(length, strlen(buffer));
    return buffer;
}

static void integers_are_shown_as_python_prints_them(void)
{
    CHECK_STR(shown("b", &(int8_t){INT8_MIN}), "-128");
    CHECK_STR(shown("B", &(uint8_t){UINT8_MAX}), "255");
    CHECK_STR(shown("h", &(short){SHRT_MIN}), "-32768");
    CHECK_STR(shown("H", &(unsigned short){USHRT_MAX}), "65535");
    CHECK_STR(shown("i", &(int){INT_MIN}), "-2147483648");
    CHECK_STR(shown("I", &(unsigned int){UINT_MAX}), "4294967295");
    CHECK_STR(shown("l", &(long){LONG_MIN}), "-9223372036854775808");
    CHECK_STR(shown("L", &(unsigned long){ULONG_MAX}), "18446744073709551615");
    CHECK_STR(shown("q", &(long long){LLONG_MAX}), "9223372036854775807");
    CHECK_STR(shown("Q", &(unsigned long long){ULLONG_MAX}), "18446744073709551615");
    CHECK_STR(shown("n", &(ssize_t){-1}), "-1");
    CHECK_STR(shown("N", &(size_t){7}), "7");
    CHECK_STR(shown("?", &(uint8_t){0}), "False");
    CHECK_STR(shown("?", &(uint8_t){1}), "True");
    CHECK_STR(shown("?", &(uint8_t){77}), "True");
}

static void characters_are_shown_as_python_prints_them(void)
{
    CHECK_STR(shown("c", "x"), "b'x'");
    CHECK_STR(shown("c", "'"), "b'\\''");
    CHECK_STR(shown("c", "\\"), "b'\\\\'");
    CHECK_STR(shown("c", ""), "b'\\x00'");
    CHECK_STR(shown("c", "\xff"), "b'\\xff'");
}

static void floats_are_shown_as_python_prints_them(void)
{
    CHECK_STR(shown("d", &(double){2.5}), "2.5");
    CHECK_STR(shown("d", &(double){0}), "0.0");
    CHECK_STR(shown("d", &(double){-0.0}), "-0.0");
    CHECK_STR(shown("d", &(double){0.1}), "0.1");
    CHECK_STR(shown("d", &(double){0.1 + 0.2}), "0.30000000000000004");
    CHECK_STR(shown("d", &(double){1e15}), "1000000000000000.0");
    CHECK_STR(shown("d", &(double){123456789012345680.0}), "1.2345678901234568e+17");
    CHECK_STR(shown("d", &(double){9007199254740993.0}), "9007199254740992.0");
    CHECK_STR(shown("d", &(double){1e16}), "1e+16");
    CHECK_STR(shown("d", &(double){1e-5}), "1e-05");
    CHECK_STR(shown("d", &(double){0.0001}), "0.0001");
    CHECK_STR(shown("d", &(double){1.7976931348623157e308}), "1.7976931348623157e+308");
    CHECK_STR(shown("d", &(double){5e-324}), "5e-324");
    CHECK_STR(shown("d", &(double){INFINITY}), "inf");
    CHECK_STR(shown("d", &(double){-INFINITY}), "-inf");
    CHECK_STR(shown("d", &(double){NAN}), "nan");
    CHECK_STR(shown("f", &(float){2.5f}), "2.5");
}

static void a_scalar_is_shown_from_an_unaligned_place(void)
{
    char bytes[1 + sizeof(long long)] = {0};
    long long number = -77;
    memcpy(bytes + 1, &number, sizeof number);
    CHECK_STR(shown("q", bytes + 1), "-77");
}

static void a_small_buffer_is_not_overrun(void)
{
    char buffer[4] = "###";
    CHECK_EQ(coopi_type_format_scalar('d', &(double){1234.5}, buffer, sizeof buffer), 6);
    CHECK_STR(buffer, "123");
    CHECK_EQ(coopi_type_format_scalar('d', &(double){1234.5}, NULL, 0), 6);
}

TESTS(type, TEST(every_scalar_code_has_its_c_size),
      TEST(blanks_at_sign_zeros_and_a_count_of_one_leave_the_canonical_text),
      TEST(byte_strings_and_flat_arrays_have_their_size), TEST(no_type_is_refused),
      TEST(an_unknown_code_is_refused_with_its_column), TEST(another_byte_order_is_refused_with_its_column),
      TEST(a_count_of_zero_is_refused_with_its_column), TEST(more_than_one_gibibyte_is_refused_with_its_column),
      TEST(a_long_type_is_shortened_in_the_sentence), TEST(integers_are_shown_as_python_prints_them),
      TEST(characters_are_shown_as_python_prints_them), TEST(floats_are_shown_as_python_prints_them),
      TEST(a_scalar_is_shown_from_an_unaligned_place), TEST(a_small_buffer_is_not_overrun))
