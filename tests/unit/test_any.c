/* SPDX-License-Identifier: MIT */
/* coop_any: building, copying, equality, hashing and printing of values. */
#include "harness/test.h"
#include "proxy/key.h"

#include <coop/any.h>
#include <math.h>
#include <stdlib.h>

static const struct coopi_hash_key secret = {1, 2};

/* A list of itself, LEVELS deep, around nothing; the caller gives the room. */
static coop_any nested(coop_any *room, int levels)
{
    room[0] = coop_items(NULL, 0);
    for (int i = 1; i < levels; i++) room[i] = coop_items(&room[i - 1], 1);
    return room[levels - 1];
}

static void check_repr(coop_any value, const char *expected)
{
    char *text;
    CHECK_OK(coop_any_format(value, &text));
    CHECK_STR(text, expected);
    free(text);
}

static void check_equal(coop_any a, coop_any b)
{
    CHECK(coop_any_equal(a, b));
    CHECK(coop_any_equal(b, a));
    if (coopi_is_key(&a)) CHECK(coopi_hash(&a, &secret) == coopi_hash(&b, &secret));
}

static void check_differ(coop_any a, coop_any b)
{
    CHECK(!coop_any_equal(a, b));
    CHECK(!coop_any_equal(b, a));
}

static void constructors_say_type_and_size(void)
{
    CHECK_EQ(sizeof(coop_any), 16);
    CHECK_EQ(coop_nil().type, COOP_NIL);
    CHECK_EQ(coop_bool(true).as.boolean, true);
    CHECK_EQ(coop_int(INT64_MIN).as.integer, INT64_MIN);
    CHECK_EQ(coop_uint(7).type, COOP_INT);
    CHECK_EQ(coop_uint(UINT64_MAX).type, COOP_UINT);
    CHECK_EQ(coop_str("four").size, 4);
    CHECK_EQ(coop_strn("a\0b", 3).size, 3);
    CHECK_EQ(coop_bytes(NULL, 0).size, 0);
    CHECK_EQ(coop_items(NULL, 0).type, COOP_LIST);
    CHECK_EQ(coop_pairs(NULL, 0).type, COOP_MAP);
    CHECK_EQ(coop_strn("", (size_t)UINT32_MAX + 5).size, UINT32_MAX);
}

static void append_copies_what_it_is_given(void)
{
    char text[] = "abc";
    coop_any list = coop_items(NULL, 0);
    for (int i = 0; i < 100; i++) CHECK_OK(coop_any_append(&list, coop_str(text)));
    text[0] = 'x';
    CHECK_EQ(list.size, 100);
    CHECK_STR(coop_any_at(&list, -1)->as.str, "abc");
    CHECK(!coop_any_at(&list, 100));
    CHECK(!coop_any_at(&list, -101));
    coop_any copy;
    CHECK_OK(coop_any_copy(list, &copy));
    coop_any_clear(&list);
    CHECK_EQ(list.type, COOP_NIL);
    CHECK_STR(coop_any_at(&copy, 0)->as.str, "abc");
    CHECK_OK(coop_any_append(&copy, coop_int(1)));
    coop_any_clear(&copy);
    coop_any_clear(NULL);
}

static void set_keeps_the_place_of_a_key(void)
{
    coop_any map = coop_pairs(NULL, 0);
    CHECK_OK(coop_any_set(&map, coop_str("b"), coop_int(1)));
    CHECK_OK(coop_any_set(&map, coop_int(1), coop_str("one")));
    CHECK_OK(coop_any_set(&map, coop_str("b"), coop_items(&map, 0)));
    CHECK_OK(coop_any_set(&map, coop_bool(true), coop_str("uno")));
    check_repr(map, "{'b': [], 1: 'uno'}");
    CHECK_STR(coop_any_get(&map, coop_float(1.0))->as.str, "uno");
    CHECK(!coop_any_get(&map, coop_str("c")));
    coop_any number = coop_int(1);
    CHECK(!coop_any_get(&number, coop_int(1)));
    CHECK(!coop_any_at(&number, 0));
    coop_any_clear(&map);
}

static void a_list_a_map_and_nan_are_no_keys(void)
{
    coop_any map = coop_pairs(NULL, 0);
    CHECK_ERR(coop_any_set(&map, coop_items(NULL, 0), coop_nil()), -EINVAL);
    CHECK_DETAIL("not a list or map");
    CHECK_ERR(coop_any_set(&map, coop_pairs(NULL, 0), coop_nil()), -EINVAL);
    CHECK_ERR(coop_any_set(&map, coop_float(NAN), coop_nil()), -EINVAL);
    CHECK_DETAIL("NaN");
    coop_pair bad = {coop_float(NAN), coop_nil()};
    coop_any copy = coop_int(5);
    CHECK_ERR(coop_any_copy(coop_pairs(&bad, 1), &copy), -EINVAL);
    CHECK_EQ(copy.as.integer, 5);
    CHECK_EQ(map.size, 0);
}

static void what_borrows_cannot_grow(void)
{
    coop_any items[] = {coop_int(1)};
    coop_any list = coop_items(items, 1), number = coop_int(1);
    CHECK_ERR(coop_any_append(&list, coop_nil()), -EINVAL);
    CHECK_DETAIL("borrows");
    CHECK_ERR(coop_any_append(&number, coop_nil()), -EINVAL);
    CHECK_ERR(coop_any_set(&list, coop_int(1), coop_nil()), -EINVAL);
    coop_pair pairs[] = {{coop_int(1), coop_int(2)}};
    coop_any map = coop_pairs(pairs, 1);
    CHECK_ERR(coop_any_set(&map, coop_int(1), coop_nil()), -EINVAL);
}

static void nesting_stops_at_the_limit(void)
{
    coop_any room[COOP_ANY_DEPTH + 1], copy, list = coop_items(NULL, 0);
    CHECK_OK(coop_any_copy(nested(room, COOP_ANY_DEPTH), &copy));
    coop_any_clear(&copy);
    CHECK_ERR(coop_any_copy(nested(room, COOP_ANY_DEPTH + 1), &copy), -EINVAL);
    CHECK_DETAIL("deeper than 32");
    CHECK_ERR(coop_any_append(&list, nested(room, COOP_ANY_DEPTH)), -EINVAL);
    CHECK_OK(coop_any_append(&list, nested(room, COOP_ANY_DEPTH - 1)));
    coop_any_clear(&list);
}

static void an_unknown_type_is_refused(void)
{
    coop_any odd = coop_nil(), copy;
    odd.type = 77;
    CHECK_ERR(coop_any_copy(odd, &copy), -EINVAL);
    CHECK_DETAIL("77");
    CHECK(!coopi_is_key(&odd));
    check_differ(odd, coop_nil());
    check_differ(odd, odd);
    check_repr(odd, "<type 77>");
}

static void numbers_are_equal_by_value(void)
{
    check_equal(coop_int(1), coop_float(1.0));
    check_equal(coop_int(1), coop_bool(true));
    check_equal(coop_float(0.0), coop_bool(false));
    check_equal(coop_float(-0.0), coop_int(0));
    check_equal(coop_uint(1ull << 63), coop_float(0x1p63));
    check_equal(coop_int(INT64_MIN), coop_float(-0x1p63));
    check_equal(coop_float(INFINITY), coop_float(INFINITY));
    check_equal(coop_float(1e300), coop_float(1e300));
    check_differ(coop_int(1), coop_int(2));
    check_differ(coop_int(0), coop_nil());
    check_differ(coop_float(NAN), coop_float(NAN));
    check_differ(coop_float(INFINITY), coop_float(-INFINITY));
    check_differ(coop_int(-1), coop_uint(UINT64_MAX));
}

/* 2**53 + 1 has no double; comparing as doubles would call it 2**53. */
static void numbers_are_equal_exactly_above_2_to_53(void)
{
    check_equal(coop_int(1ll << 53), coop_float(0x1p53));
    check_differ(coop_int((1ll << 53) + 1), coop_float(0x1p53));
    check_differ(coop_int(INT64_MAX), coop_float(0x1p63));
    check_differ(coop_uint(UINT64_MAX), coop_float(0x1p64));
    check_differ(coop_int(2), coop_float(2.5));
}

static void text_is_never_bytes(void)
{
    check_equal(coop_str("a"), coop_strn("ab", 1));
    check_equal(coop_bytes("\0", 1), coop_bytes("\0", 1));
    check_differ(coop_str("a"), coop_bytes("a", 1));
    check_differ(coop_str(""), coop_bytes("", 0));
    check_differ(coop_str(""), coop_nil());
    check_differ(coop_str("1"), coop_int(1));
    CHECK(coopi_hash(&(coop_any){.type = COOP_STR, .as.str = ""}, &secret) !=
          coopi_hash(&(coop_any){.type = COOP_BYTES, .as.str = ""}, &secret));
}

static void lists_are_equal_item_by_item(void)
{
    coop_any a[] = {coop_int(1), coop_str("x")}, b[] = {coop_float(1), coop_str("x")},
             c[] = {coop_str("x"), coop_int(1)};
    check_equal(coop_items(a, 2), coop_items(b, 2));
    check_differ(coop_items(a, 2), coop_items(c, 2));
    check_differ(coop_items(a, 2), coop_items(a, 1));
    check_differ(coop_items(NULL, 0), coop_pairs(NULL, 0));
    check_differ(coop_items(NULL, 0), coop_nil());
}

/* Small maps are compared pair by pair, larger ones by an index. */
static void maps_are_equal_in_any_order(void)
{
    enum { MANY = 1000 };
    static coop_pair a[MANY], b[MANY];
    for (int i = 0; i < MANY; i++) {
        a[i] = (coop_pair){coop_int(i), coop_int((int64_t)i * i)};
        b[MANY - 1 - i] = (coop_pair){coop_float(i), coop_int((int64_t)i * i)};
    }
    check_equal(coop_pairs(a, MANY), coop_pairs(b, MANY));
    check_equal(coop_pairs(a, 3), coop_pairs(b + MANY - 3, 3));
    check_differ(coop_pairs(a, 3), coop_pairs(a, 2));
    check_differ(coop_pairs(a, 3), coop_pairs(a + 1, 3));
    b[500].value = coop_int(-1);
    check_differ(coop_pairs(a, MANY), coop_pairs(b, MANY));
    b[500].key = coop_str("other");
    check_differ(coop_pairs(a, MANY), coop_pairs(b, MANY));
}

static void hashes_depend_on_the_secret(void)
{
    coop_any key = coop_str("somewhat longer than eight bytes");
    struct coopi_hash_key other = {1, 3};
    CHECK(coopi_hash(&key, &secret) != coopi_hash(&key, &other));
    CHECK(coopi_hash_secret() == coopi_hash_secret());
}

static void printing_is_pythons_repr(void)
{
    coop_pair pair = {coop_str("k"), coop_int(1)};
    coop_any items[] = {coop_int(1),      coop_str("a"),   coop_nil(),          coop_bool(true),
                        coop_bool(false), coop_float(1.5), coop_bytes("\0", 1), coop_pairs(&pair, 1)};
    check_repr(coop_items(items, 8), "[1, 'a', None, True, False, 1.5, b'\\x00', {'k': 1}]");
    check_repr(coop_uint(UINT64_MAX), "18446744073709551615");
    check_repr(coop_int(INT64_MIN), "-9223372036854775808");
    check_repr(coop_items(NULL, 0), "[]");
    check_repr(coop_pairs(NULL, 0), "{}");
    CHECK_OK(coop_any_print(coop_nil(), stderr));
    FILE *full = fopen("/dev/full", "w");
    setvbuf(full, NULL, _IONBF, 0);
    CHECK_ERR(coop_any_print(coop_nil(), full), -EIO);
    fclose(full);
}

static void floats_print_shortest(void)
{
    static const struct {
        double real;
        const char *text;
    } rows[] = {{1.0, "1.0"},
                {-0.0, "-0.0"},
                {0.1, "0.1"},
                {1e16, "1e+16"},
                {1e15, "1000000000000000.0"},
                {123456.789, "123456.789"},
                {1e-4, "0.0001"},
                {1e-5, "1e-05"},
                {0.00012345, "0.00012345"},
                {1.5e-7, "1.5e-07"},
                {1e100, "1e+100"},
                {5e-324, "5e-324"},
                {1.7976931348623157e308, "1.7976931348623157e+308"},
                {0.30000000000000004, "0.30000000000000004"},
                {INFINITY, "inf"},
                {-INFINITY, "-inf"},
                {NAN, "nan"},
                {9007199254740993.0, "9007199254740992.0"},
                {100.0, "100.0"},
                {1234567890123456.7, "1234567890123456.8"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) check_repr(coop_float(rows[i].real), rows[i].text);
}

static void text_prints_with_escapes(void)
{
    check_repr(coop_str("it's"), "\"it's\"");
    check_repr(coop_str("it's \"so\""), "'it\\'s \"so\"'");
    check_repr(coop_str("\n\r\t\\\x01\x7f"), "'\\n\\r\\t\\\\\\x01\\x7f'");
    check_repr(coop_str("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "'\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80'");
    check_repr(coop_str("\xc2\xa0\xe2\x80\x8b\xef\xbb\xbf"), "'\\xa0\\u200b\\ufeff'");
    check_repr(coop_str("\xf3\xa0\x80\x81"), "'\\U000e0001'");
    check_repr(coop_str("a\xff"
                        "b\xc3"),
               "'a\\xffb\\xc3'");
    check_repr(coop_bytes("\x00'\xe4\n", 4), "b\"\\x00'\\xe4\\n\"");
    check_repr(coop_strn("a\0b", 3), "'a\\x00b'");
}

static void printing_stops_at_the_depth_limit(void)
{
    coop_any room[COOP_ANY_DEPTH + 5];
    char *text;
    CHECK_OK(coop_any_format(nested(room, COOP_ANY_DEPTH + 5), &text));
    CHECK_HAS(text, "[...]");
    free(text);
}

static void check_order(coop_any smaller, coop_any greater)
{
    bool less;
    CHECK_OK(coop_any_less(smaller, greater, &less));
    CHECK(less);
    CHECK_OK(coop_any_less(greater, smaller, &less));
    CHECK(!less);
    CHECK_OK(coop_any_less(smaller, smaller, &less));
    CHECK(!less);
}

static void less_is_exact_for_numbers(void)
{
    coop_any rising[] = {coop_float(-INFINITY), coop_float(-0x1p64), coop_int(INT64_MIN),   coop_float(-3.5),
                         coop_int(-3),          coop_float(-0.5),    coop_bool(false),      coop_float(5e-324),
                         coop_bool(true),       coop_float(1.5),     coop_float(0x1p53),    coop_int((1LL << 53) + 1),
                         coop_int(INT64_MAX),   coop_float(0x1p63),  coop_uint(UINT64_MAX), coop_float(0x1p64),
                         coop_float(INFINITY)};
    size_t count = sizeof rising / sizeof *rising;
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) check_order(rising[i], rising[j]);
    bool less;
    CHECK_OK(coop_any_less(coop_float(NAN), coop_int(1), &less));
    CHECK(!less);
    CHECK_OK(coop_any_less(coop_float(1e300), coop_float(NAN), &less));
    CHECK(!less);
    CHECK_OK(coop_any_less(coop_float(-0.0), coop_int(0), &less));
    CHECK(!less);
}

static void less_orders_text_bytes_and_lists(void)
{
    coop_any one = coop_int(1), two = coop_int(2), ones[] = {one, coop_nil()}, twos[] = {two, coop_nil()};
    check_order(coop_str(""), coop_str("a"));
    check_order(coop_str("a"), coop_str("ab"));
    check_order(coop_str("z"), coop_str("\xc3\xa9"));
    check_order(coop_bytes("\x7f", 1), coop_bytes("\xff", 1));
    check_order(coop_items(NULL, 0), coop_items(ones, 1));
    check_order(coop_items(ones, 2), coop_items(twos, 1));
    check_order(coop_items(ones, 1), coop_items(ones, 2));
}

static void less_refuses_what_has_no_order(void)
{
    coop_any one = coop_int(1), text = coop_str("1");
    coop_any pairs[][2] = {{one, text},
                           {text, coop_bytes("1", 1)},
                           {coop_nil(), coop_nil()},
                           {coop_pairs(NULL, 0), coop_pairs(NULL, 0)},
                           {coop_items(&one, 1), coop_items(&text, 1)},
                           {coop_items(NULL, 0), one}};
    bool less = true;
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        CHECK_ERR(coop_any_less(pairs[i][0], pairs[i][1], &less), -EINVAL);
        CHECK_DETAIL("TypeError");
        CHECK(less);
    }
    CHECK_ERR(coop_any_less(coop_items(&one, 1), coop_items(&text, 1), &less), -EINVAL);
    CHECK_DETAIL("'<' is not supported between 'int' and 'str'");
}

TESTS(any, TEST(constructors_say_type_and_size), TEST(append_copies_what_it_is_given),
      TEST(set_keeps_the_place_of_a_key), TEST(a_list_a_map_and_nan_are_no_keys), TEST(what_borrows_cannot_grow),
      TEST(nesting_stops_at_the_limit), TEST(an_unknown_type_is_refused), TEST(numbers_are_equal_by_value),
      TEST(numbers_are_equal_exactly_above_2_to_53), TEST(text_is_never_bytes), TEST(lists_are_equal_item_by_item),
      TEST(maps_are_equal_in_any_order), TEST(hashes_depend_on_the_secret), TEST(printing_is_pythons_repr),
      TEST(floats_print_shortest), TEST(text_prints_with_escapes), TEST(printing_stops_at_the_depth_limit),
      TEST(less_is_exact_for_numbers), TEST(less_orders_text_bytes_and_lists), TEST(less_refuses_what_has_no_order))
