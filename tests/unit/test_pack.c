/* SPDX-License-Identifier: MIT */
/* <coop/pack.h>: values out of C variables by a format, and back. */
#include "harness/literal.h"
#include "harness/test.h"

#include <coop/pack.h>
#include <math.h>
#include <stdlib.h>

static void check_text(coop_any value, const char *expected)
{
    char *text;
    CHECK_OK(coop_any_format(value, &text));
    CHECK_STR(text, expected);
    free(text);
    coop_any_clear(&value);
}

#define PACKS(expected, ...)                                                                                           \
    do {                                                                                                               \
        coop_any packed_;                                                                                              \
        CHECK_OK(coop_any_pack(&packed_, __VA_ARGS__));                                                                \
        check_text(packed_, (expected));                                                                               \
    } while (0)

#define PACK_FAILS(sentence, ...)                                                                                      \
    do {                                                                                                               \
        coop_any packed_ = coop_int(7);                                                                                \
        CHECK_ERR(coop_any_pack(&packed_, __VA_ARGS__), -EINVAL);                                                      \
        CHECK_DETAIL(sentence);                                                                                        \
        CHECK_EQ(packed_.as.integer, 7);                                                                               \
    } while (0)

static void packs_every_letter(void)
{
    bool yes = true;
    const char *text = "it's";
    PACKS("None", "n");
    PACKS("[True, False, True]", "[???]", true, 0, yes);
    PACKS("[-1, 200, -30000, 65535, 4294967295, -9223372036854775808, 18446744073709551615]", "[i,i,i,i,i,i,i]",
          (signed char)-1, (unsigned char)200, (short)-30000, (unsigned short)65535, 4294967295u, INT64_MIN,
          UINT64_MAX);
    PACKS("[0.5, -1.25]", "[d d]", 0.5f, -1.25);
    PACKS("[\"it's\", 'a\\x00b', None, 'z']", "[s, s, z, z]", text, coop_strn("a\0b", 3), NULL, "z");
    PACKS("[b'\\xff', [1], {'k': None}]", "[y, v, v]", coop_bytes("\xff", 1), literal("[1]"), literal("{'k': None}"));
    PACKS("'text'", "'text'");
}

static void packs_nested_lists_and_maps(void)
{
    PACKS("[]", "[]");
    PACKS("{}", " { } ");
    PACKS("[1, 'two', {'three': 3.5}]", "[i,s,{s:d}]", 1, "two", "three", 3.5);
    PACKS("{'name': 'Ada', 'born': [1815, 12], 7: {b'k': [[]]}}", "{'name': s, 'born': [i i], i: {y: [[]]}}", "Ada",
          1815, 12, 7, coop_bytes("k", 1));
    PACKS("{1: 'b'}", "{i: 'a', d: 'b'}", 1, 1.0); /* a key that comes twice keeps its place and spelling */
}

static void what_is_packed_is_a_copy(void)
{
    char text[] = "abc";
    coop_any packed;
    CHECK_OK(coop_any_pack(&packed, "[s]", text));
    text[0] = 'x';
    check_text(packed, "['abc']");
}

static void bad_formats_name_the_column(void)
{
    PACK_FAILS("format \"\", column 1: it ends", "");
    PACK_FAILS("format \"[i\", column 2: it ends", "[i", 1);
    PACK_FAILS("format \"[i, x]\", column 5: this is no letter", "[i, x]", 1);
    PACK_FAILS("format \"{'a' i}\", column 6: a key is followed by ':'", "{'a' i}", 1);
    PACK_FAILS("column 5: a quote is not closed", "['abc");
    PACK_FAILS("column 2: more stands behind the value", "ii", 1, 2);
    PACK_FAILS("column 1: this is no letter", "]");
    PACK_FAILS("column 2: too deep, or a list or map as a key", "{[i]: i}", 1, 2);
    PACK_FAILS("NaN", "{d: i}", NAN, 2);
    PACK_FAILS("this is no letter of a format for packing", "[i | i]", 1, 2);
}

static void arguments_that_do_not_suit_are_named(void)
{
    int number = 1;
    PACK_FAILS("column 2: 's' takes a const char * or a str value, and argument 1 is an integer", "[s]", 1);
    PACK_FAILS("column 3: 'i' takes an integer, and argument 2 is a text", "[ii]", 1, "a");
    PACK_FAILS("'d' takes a floating number, and argument 1 is an integer", "d", 1);
    PACK_FAILS("'?' takes a bool, and argument 1 is a floating number", "?", 1.0);
    PACK_FAILS("'v' takes a coop_any, and argument 1 is a pointer to an integer", "v", &number);
    PACK_FAILS("'y' takes a bytes value", "y", coop_str("a"));
    PACK_FAILS("the text is NULL; 'z' takes that", "s", NULL);
    PACK_FAILS("column 4: 'i' takes an argument more than the 2 that there are", "[iii]", 1, 2);
    PACK_FAILS("it takes 1 arguments, and there are 2", "i", 1, 2);
}

static void nesting_is_limited(void)
{
    char format[100];
    coop_any value;
    for (size_t depth = COOP_ANY_DEPTH; depth <= COOP_ANY_DEPTH + 1; depth++) {
        memset(format, '[', depth);
        memset(format + depth, ']', depth);
        format[2 * depth] = 0;
        if (depth > COOP_ANY_DEPTH) {
            CHECK_ERR(coop_any_pack(&value, format), -EINVAL);
            break;
        }
        CHECK_OK(coop_any_pack(&value, format));
        CHECK_OK(coop_any_unpack(value, format));
        coop_any deeper;
        CHECK_ERR(coop_any_pack(&deeper, "[v]", value), -EINVAL);
        CHECK_DETAIL("nests deeper");
        coop_any_clear(&value);
    }
}

static void unpacks_every_letter(void)
{
    coop_any value, inner, bytes;
    bool yes = false;
    signed char small;
    unsigned short middle;
    int64_t large;
    double real, whole;
    float single;
    const char *text, *nothing = "x";
    CHECK_OK(coop_any_pack(&value, "[n?iiiddds, z, y, v, 'k']", true, -128, 65535, INT64_MIN, 0.5, 2.0, 1.5, "abc",
                           NULL, coop_bytes("\0", 1), literal("{'a': [1]}")));
    CHECK_OK(coop_any_unpack(value, "[n?iiidddszyv'k']", &yes, &small, &middle, &large, &real, &whole, &single, &text,
                             &nothing, &bytes, &inner));
    CHECK(yes);
    CHECK_EQ(small, -128);
    CHECK_EQ(middle, 65535);
    CHECK_EQ(large, INT64_MIN);
    CHECK_DOUBLE(real + whole + (double)single, 4.0);
    CHECK_STR(text, "abc");
    CHECK(nothing == NULL);
    CHECK_EQ(bytes.size, 1);
    CHECK_EQ(inner.owned, 0);
    CHECK_OK(coop_any_unpack(inner, "{'a': [i]}", &large));
    CHECK_EQ(large, 1);
    CHECK_OK(coop_any_unpack(coop_int(3), "d", &real)); /* an int is a float too */
    CHECK_DOUBLE(real, 3.0);
    coop_any_clear(&value);
}

static void unpacks_maps_by_key_in_any_order(void)
{
    int year = 0, month = 0;
    const char *name;
    coop_any person;
    CHECK_OK(coop_any_copy(literal("{'born': [1815, 12], 'name': 'Ada', 1: None}"), &person));
    CHECK_OK(coop_any_unpack(person, "{'name': s, 'born': [ii], i: n}", &name, &year, &month, 1));
    CHECK_STR(name, "Ada");
    CHECK_EQ(year * 100 + month, 181512);
    CHECK_OK(coop_any_unpack(person, "{s: [i*] *}", "born", &month));
    CHECK_EQ(month, 1815);
    coop_any_clear(&person);
}

static void optional_parts_leave_their_variables_alone(void)
{
    int a = 0, b = 7, c = 8;
    const char *text = "unset";
    CHECK_OK(coop_any_unpack(literal("[1]"), "[i|i[is]]", &a, &b, &c, &text));
    CHECK_EQ(a * 100 + b * 10 + c, 178);
    CHECK_OK(coop_any_unpack(literal("{'b': 2}"), "{|'a': i, 'b': i}", &a, &b));
    CHECK_EQ(a * 10 + b, 12);
    CHECK_STR(text, "unset");
    CHECK_ERR(coop_any_unpack(literal("[1, 2, 3]"), "[i|i]", &a, &b), -EINVAL);
    CHECK_OK(coop_any_unpack(literal("[1, 2, 3]"), "[i|i*]", &a, &b));
}

/* Fails with a sentence, and changes nothing. */
#define UNPACK_FAILS(value, error, sentence, ...)                                                                      \
    do {                                                                                                               \
        number = 77, real = 7.5, text = "untouched";                                                                   \
        CHECK_ERR(coop_any_unpack((value), __VA_ARGS__), (error));                                                     \
        CHECK_DETAIL(sentence);                                                                                        \
        CHECK(number == 77 && text[0] == 'u');                                                                         \
        CHECK_DOUBLE(real, 7.5);                                                                                       \
    } while (0)

static void unpacking_what_is_not_there_changes_nothing(void)
{
    int number;
    double real;
    const char *text;
    signed char small = 5;
    uint64_t natural = 5;
    UNPACK_FAILS(literal("[1, 'a']"), -EINVAL, "format \"[ii]\", column 3: it says int, and the value has 'str' there",
                 "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, True]"), -EINVAL, "it says int, and the value has 'bool'", "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, 2.5]"), -EINVAL, "it says int, and the value has 'float'", "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, 'a']"), -EINVAL, "it says float, and the value has 'str'", "[id]", &number, &real);
    UNPACK_FAILS(literal("[1, None]"), -EINVAL, "it says str, and the value has 'NoneType'", "[is]", &number, &text);
    UNPACK_FAILS(literal("[1]"), -EINVAL, "column 2: the list has only 1 items", "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, 2]"), -EINVAL, "column 3: the value has 1 more there; '*' lets that pass", "[i]",
                 &number);
    UNPACK_FAILS(literal("{'a': 1}"), -ENOENT, "the value has no such key", "{'a': i 'b': i}", &number, &number);
    UNPACK_FAILS(literal("{'a': 1, 'b': 2}"), -EINVAL, "the value has 1 more there", "{'a': i}", &number);
    UNPACK_FAILS(literal("5"), -EINVAL, "it says list, and the value has 'int'", "[i]", &number);
    UNPACK_FAILS(literal("[]"), -EINVAL, "it says map, and the value has 'list'", "{|'a': i}", &number);
    UNPACK_FAILS(literal("[1, 128]"), -ERANGE, "column 3: the number does not fit", "[ii]", &number, &small);
    UNPACK_FAILS(literal("[1, -129]"), -ERANGE, "does not fit", "[ii]", &number, &small);
    UNPACK_FAILS(literal("[1, -1]"), -ERANGE, "does not fit", "[ii]", &number, &natural);
    UNPACK_FAILS(literal("[1, 2147483648]"), -ERANGE, "does not fit", "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, 18446744073709551615]"), -ERANGE, "does not fit", "[ii]", &number, &number);
    UNPACK_FAILS(literal("[1, 'b']"), -EINVAL, "a certain str", "[i'a']", &number);
    UNPACK_FAILS(literal("[1, 'a\\x00b']"), -EINVAL, "take it as a coop_any", "[is]", &number, &text);
    CHECK_EQ(small, 5);
    CHECK_EQ(natural, 5);
}

static void unpacking_by_a_bad_format_changes_nothing(void)
{
    int number;
    double real;
    const char *text;
    int *none = NULL;
    coop_any list = literal("[1, 2]");
    UNPACK_FAILS(list, -EINVAL, "column 3: 'i' takes a pointer to an integer, and argument 2 is a double *", "[ii]",
                 &number, &real);
    UNPACK_FAILS(list, -EINVAL, "'i' takes a pointer to an integer, and argument 2 is an integer", "[ii]", &number, 1);
    UNPACK_FAILS(list, -EINVAL, "'s' takes a const char ** or coop_any *", "[is]", &number, &number);
    UNPACK_FAILS(list, -EINVAL, "'?' takes a bool *", "[i?]", &number, &number);
    UNPACK_FAILS(list, -EINVAL, "'d' takes a double * or float *", "[id]", &number, &number);
    UNPACK_FAILS(list, -EINVAL, "'v' takes a coop_any *", "[iv]", &number, &text);
    UNPACK_FAILS(list, -EINVAL, "the pointer is NULL", "[ii]", &number, none);
    UNPACK_FAILS(list, -EINVAL, "'i' takes an argument more", "[ii]", &number);
    UNPACK_FAILS(list, -EINVAL, "it takes 2 arguments, and there are 3", "[ii]", &number, &number, &number);
    UNPACK_FAILS(list, -EINVAL, "'*' stands last", "[i*i]", &number, &number);
    UNPACK_FAILS(list, -EINVAL, "it ends", "[i", &number);
    UNPACK_FAILS(list, -EINVAL, "no letter of a format for unpacking", "[ix]", &number, &number);
    UNPACK_FAILS(literal("{}"), -EINVAL, "no key for unpacking", "{d: i}", 1.0, &number);
    UNPACK_FAILS(literal("{'a': 1}"), -EINVAL, "a key is followed by ':'", "{'a' i}", &number);
    UNPACK_FAILS(list, -EINVAL, "this is no letter", "[i i|(]", &number, &number);
}

static void sixteen_arguments_fit_the_macro(void)
{
    PACKS("[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16]", "[iiiiiiiiiiiiiiii]", 1, 2, 3, 4, 5, 6, 7, 8, 9,
          10, 11, 12, 13, 14, 15, 16);
    coop_any value;
    coop_arg args[20];
    for (int i = 0; i < 20; i++) args[i] = coop_arg_int(i);
    CHECK_OK(coop_any_pack_args(&value, "[iiiiiiiiiiiiiiiiiiii]", args, 20));
    CHECK_EQ(value.size, 20);
    coop_any_clear(&value);
    args[0].kind = 99;
    CHECK_ERR(coop_any_pack_args(&value, "i", args, 1), -EINVAL);
}

TESTS(pack, TEST(packs_every_letter), TEST(packs_nested_lists_and_maps), TEST(what_is_packed_is_a_copy),
      TEST(bad_formats_name_the_column), TEST(arguments_that_do_not_suit_are_named), TEST(nesting_is_limited),
      TEST(unpacks_every_letter), TEST(unpacks_maps_by_key_in_any_order),
      TEST(optional_parts_leave_their_variables_alone), TEST(unpacking_what_is_not_there_changes_nothing),
      TEST(unpacking_by_a_bad_format_changes_nothing), TEST(sixteen_arguments_fit_the_macro))
