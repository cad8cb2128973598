/* SPDX-License-Identifier: MIT */
/* Records as format strings: their fields, their canonical form, their parts by name, what is refused, and limits. */
#include "base/type.h"
#include "harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct coopi_type parsed(const char *format)
{
    struct coopi_type type;
    CHECK_OK(coopi_type_parse(format, "t", &type));
    return type;
}

static void a_record_has_its_fields_with_offsets_and_names(void)
{
    struct coopi_type type = parsed("T{d:x: d:y: 16s:label:}");
    CHECK_EQ(type.code, 'T');
    CHECK_EQ(type.size, 32);
    CHECK_EQ(type.field_count, 4);
    CHECK_STR(type.text, "T{d:x:d:y:16s:label:}");
    CHECK(!coopi_type_is_scalar(&type));
    CHECK_EQ(type.fields[2].offset, 8);
    CHECK_EQ(type.fields[3].offset, 16);
    CHECK_EQ(type.fields[3].item_size, 16);
    CHECK_EQ(type.fields[3].code, 's');
    char name[COOPI_FIELD_NAME];
    coopi_field_name(&type, &type.fields[3], 2, name);
    CHECK_STR(name, "label");
    coopi_type_clear(&type);
    CHECK(!type.fields);
    coopi_type_clear(&type);
}

static void a_record_is_padded_at_its_end_and_a_bare_list_is_not(void)
{
    static const struct {
        const char *format;
        uint32_t size;
    } rows[] = {
        {"T{d:x: i:n:}", 16}, {"d:x: i:n:", 12}, {"di", 12},        {"di0d", 16},          {"T{i:n: 0d}", 8},
        {"T{c:a: 0d}", 8},    {"T{b:a: 7x}", 8}, {"T{b:a: 8x}", 9}, {"3T{h:a: b:c:}", 12}, {"(2,3)T{i:a:}", 24},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct coopi_type type = parsed(rows[i].format);
        if (type.size != rows[i].size) FAIL("%s has %u bytes, not %u", rows[i].format, type.size, rows[i].size);
        coopi_type_clear(&type);
    }
}

static void the_canonical_text_says_it_in_one_way(void)
{
    static const char *const forms[][2] = {
        {"T{ i : a: }", NULL},
        {" T{ i:a:@d:b: } ", "T{i:a:d:b:}"},
        {"T{1i:a:}", "T{i:a:}"},
        {"(3)d", "3d"},
        {"(1)d", "(1)d"},
        {"(2)3d", "(2,3)d"},
        {"(2,3)4d", "(2,3,4)d"},
        {"(02,003)d", "(2,3)d"},
        {"(3)16s", "(3)16s"},
        {"(3)s", "(3)1s"},
        {"(3)T{b:a:}", "3T{b:a:}"},
        {"1T{b:a:}", "T{b:a:}"},
        {"T{b:a:1x b:c:03x 0d}", "T{b:a:xb:c:3x0d}"},
        {"i d", "id"},
        {"i:a:", "i:a:"},
        {"T{T{i:a:}:r:2T{b:c:}:s:}", "T{T{i:a:}:r:2T{b:c:}:s:}"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct coopi_type type;
        if (!forms[i][1]) {
            CHECK_ERR(coopi_type_parse(forms[i][0], "t", &type), -EINVAL);
            continue;
        }
        CHECK_OK(coopi_type_parse(forms[i][0], "t", &type));
        CHECK_STR(type.text, forms[i][1]);
        coopi_type_clear(&type);
    }
}

/* What is wrong is told with its column, and the output stays as it was. */
static void refused(const char *format, const char *part)
{
    struct coopi_type type = {.code = '!'};
    CHECK_ERR(coopi_type_parse(format, "board/sensor", &type), -EINVAL);
    CHECK_EQ(type.code, '!');
    CHECK_DETAIL("board/sensor: ");
    CHECK_DETAIL(part);
}

static void a_malformed_record_is_refused_with_its_column(void)
{
    refused("T", "ends at column 2: expected '{' behind T");
    refused("Ti", "column 2, 'i': expected '{' behind T");
    refused("T{", "ends at column 3: a record ends with '}'");
    refused("T{i:a:", "ends at column 7: a record ends with '}'");
    refused("T{}", "column 3, '}': a record has at least one field");
    refused("T{3x}", "column 5, '}': a record has at least one field");
    refused("T{i:a:}}", "column 8, '}': no record is open");
    refused("}", "column 1, '}': no record is open");
    refused("T{z:a:}", "column 3, 'z': expected one of");
    refused("T{<i:a:}", "column 3, '<': only this machine's order");
    refused("T{^i:a:}", "column 3, '^': only this machine's order");
    refused("T{P:a:}", "column 3, 'P': not a type that can be shared");
    refused("0T{i:a:}", "column 1, '0': a count of 0");
    refused("T{0s:a:}", "column 3, '0': a count of 0");
    refused("T{0x i:a:}", "column 3, '0': a count of 0");
    refused("3x", "ends at column 3: there is nothing but padding");
    refused("0d", "column 1, '0': a count of 0");
}

static void a_malformed_name_of_a_field_is_refused_with_its_column(void)
{
    refused("T{i:a}", "column 6, '}': the name of a field has A-Z");
    refused("T{i:a", "ends at column 6: the name of a field ends with ':'");
    refused("T{i::}", "column 5, ':': the name of a field has at least one");
    refused("T{i:1a:}", "column 5, '1': the name of a field has A-Z");
    refused("T{i:a.b:}", "column 6, '.': the name of a field has A-Z");
    refused("T{i:a b:}", "column 6, ' '");
    refused("T{:a:}", "column 3, ':': a name stands behind an item");
    refused("T{3x:a: i:b:}", "column 5, ':': padding has no name");
    refused("T{0d:a: i:b:}", "column 5, ':': padding has no name");
    refused("T{i:a: d:b: i:a:}", "column 15, 'a': another field of this record has that name");
    refused("i:a: T{i:a:}:a:", "column 14, 'a': another field of this record has that name");
    refused("T{i:a234567890123456789012345678901234567890123456789012345678901234:}", "at most 63 characters");
    struct coopi_type type = parsed("T{i:a: T{i:a: T{i:a:}:b:}:b:}"); /* another record's names are others */
    coopi_type_clear(&type);
}

static void a_malformed_shape_is_refused_with_its_column(void)
{
    refused("()d", "column 2, ')': expected the length of a dimension");
    refused("(3,)d", "column 4, ')': expected the length of a dimension");
    refused("(3", "ends at column 3: expected ',' or ')'");
    refused("(3 ,4)d", "column 3, ' ': expected ',' or ')'");
    refused("(-3)d", "column 2, '-'");
    refused("(0)d", "column 2, '0': a length of 0");
    refused("(2)0d", "column 4, '0': a length of 0");
    refused("(3)", "ends at column 4: expected one of");
    refused("(3)x", "column 4, 'x'");
    refused("(1,1,1,1,1,1,1,1,1)d", "column 18, '1': more than 8 dimensions");
}

static void what_is_too_large_is_refused_before_it_overflows(void)
{
    refused("(65536,65536)b", "column 8, '6': larger than 1 GiB");
    refused("(4294967296)d", "column 2, '4': larger than 1 GiB");
    refused("(18446744073709551617)d", "column 2, '1': larger than 1 GiB");
    refused("(1024,1024)1025s", "larger than 1 GiB");
    refused("T{1073741824s:a: b:b:}", "column 18, 'b': larger than 1 GiB");
    refused("T{b:b: 1073741824s:a:}", "larger than 1 GiB");
    refused("T{b:a: 1073741824x}", "larger than 1 GiB");
    refused("T{1073741823x 9999999999999999999999x b:a:}", "larger than 1 GiB");
    refused("(1024)T{1048577s:a:}", "larger than 1 GiB");
    refused("(1000,1000)T{(1000,1000)T{d:a:}:b:}", "larger than 1 GiB");
    refused("T{(32768)T{32768s:a:}:b: 0d b:c:}", "larger than 1 GiB");
    struct coopi_type type = parsed("(32768)T{32768s:a:}");
    CHECK_EQ(type.size, 1u << 30);
    coopi_type_clear(&type);
}

static char *repeat(const char *begin, const char *item, int count, const char *end)
{
    size_t room = strlen(begin) + strlen(item) * (size_t)count + strlen(end) + 1;
    char *text = malloc(room);
    CHECK(text);
    size_t length = (size_t)snprintf(text, room, "%s", begin);
    for (int i = 0; i < count; i++) length += (size_t)snprintf(text + length, room - length, "%s", item);
    snprintf(text + length, room - length, "%s", end);
    return text;
}

static void depth_fields_and_characters_are_limited(void)
{
    char *text = repeat("", "T{", 17, "");
    refused(text, "column 33, 'T': more than 16 records within each other");
    free(text);
    text = repeat("", "T{", 100000, "");
    refused(text, "at most 4095 characters");
    free(text);
    text = repeat("", "i", 1024, "");
    refused(text, "column 1024, 'i': more than 1024 fields");
    free(text);
    text = repeat("T{", "i", 1022, "}");
    struct coopi_type type = parsed(text);
    CHECK_EQ(type.field_count, 1023);
    CHECK_EQ(type.size, 1022 * sizeof(int));
    coopi_type_clear(&type);
    free(text);
    text = repeat("i", " ", 4095, "");
    refused(text, "at most 4095 characters");
    free(text);
    text = repeat("T{T{T{T{T{T{T{T{T{T{T{T{T{T{T{T{i", "}", 16, "");
    type = parsed(text);
    CHECK_EQ(type.size, sizeof(int));
    CHECK_EQ(type.fields[16].depth, 16);
    coopi_type_clear(&type);
    free(text);
}

static void any_text_is_answered(void)
{
    static const char characters[] = "T{}:(),0123456789xsidcb@ a_<\x80";
    unsigned seed = 7;
    for (int i = 0; i < 200000; i++) {
        char text[40];
        size_t length = (size_t)rand_r(&seed) % (sizeof text - 1);
        for (size_t k = 0; k < length; k++) text[k] = characters[(size_t)rand_r(&seed) % (sizeof characters - 1)];
        text[length] = 0;
        struct coopi_type type, again;
        if (coopi_type_parse(text, "t", &type) < 0) continue;
        CHECK(type.size > 0 && type.size <= COOPI_TYPE_SIZE_MAX);
        CHECK_OK(coopi_type_parse(type.text, "t", &again));
        CHECK_STR(again.text, type.text);
        CHECK_EQ(again.size, type.size);
        coopi_type_clear(&type);
        coopi_type_clear(&again);
    }
}

/* Parts */

static void found(const char *format, const char *expression, uint32_t offset, uint32_t size)
{
    struct coopi_type type = parsed(format);
    struct coopi_place place = {0};
    CHECK_OK(coopi_type_find(&type, expression, "t", &place));
    CHECK_EQ(place.offset, offset);
    CHECK_EQ(coopi_place_size(&place), size);
    coopi_type_clear(&type);
}

static void parts_are_found_by_name_and_index(void)
{
    static const char *const board = "T{q:time: (2,3)T{f:x: 4s:unit:}:grid: 8s:label: i b:f0:}";
    found(board, "", 0, 72);
    found(board, "time", 0, 8);
    found(board, ".time", 0, 8);
    found(board, "grid", 8, 48);
    found(board, "grid[1]", 32, 24);
    found(board, ".grid[1][2]", 48, 8);
    found(board, "grid[-1][-1].unit", 52, 4);
    found(board, "grid[0][1].x", 16, 4);
    found(board, "label", 56, 8);
    found(board, "f3", 64, 4);
    found(board, "f0", 68, 1); /* a given name comes before one that counts */
    found("3d", "[2]", 16, 8);
    found("(2,3)d", "[1][0]", 24, 8);
    found("id", "f1", 8, 8);
    found("d", "", 0, 8);
}

static void not_found(const char *format, const char *expression, int result, const char *part)
{
    struct coopi_type type = parsed(format);
    struct coopi_place place = {.offset = 77};
    CHECK_ERR(coopi_type_find(&type, expression, "board/sensor", &place), result);
    CHECK_EQ(place.offset, 77);
    CHECK_DETAIL("board/sensor: ");
    CHECK_DETAIL(part);
    coopi_type_clear(&type);
}

static void parts_that_are_not_there_are_told(void)
{
    static const char *const board = "T{q:time: 3T{f:x:}:row: i}";
    not_found(board, "tim", -ENOENT, "has no field \"tim\"; there are: time, row, f2");
    not_found(board, "timer", -ENOENT, "has no field \"timer\"");
    not_found(board, "f1", -ENOENT, "has no field \"f1\"");
    not_found(board, "row.x", -EINVAL, "column 5: these are many items");
    not_found(board, "row[3]", -ERANGE, "index 3 is out of bounds: there are 3 items");
    not_found(board, "row[-4]", -ERANGE, "index -4 is out of bounds");
    not_found(board, "row[99999999999999999999]", -EINVAL, "expected an index");
    not_found(board, "row[]", -EINVAL, "column 5: expected an index");
    not_found(board, "row[1", -EINVAL, "expected an index");
    not_found(board, "row[1]x", -EINVAL, "column 7: expected .field or [index]");
    not_found(board, "row[1]..x", -EINVAL, "column 8: expected the name of a field");
    not_found(board, ".", -EINVAL, "column 2: expected the name of a field");
    not_found(board, "time.x", -EINVAL, "column 6: this is no record");
    not_found(board, "time[0]", -EINVAL, "column 5: this is one item");
    not_found("d", "x", -EINVAL, "column 1: this is no record");
}

/* Comparing */

static void differ(const char *one, const char *other, const char *how)
{
    struct coopi_type a = parsed(one), b = parsed(other);
    char difference[400] = "unchanged";
    CHECK(!coopi_type_same(&a, &b, difference, sizeof difference));
    CHECK_STR(difference, how);
    coopi_type_clear(&a);
    coopi_type_clear(&b);
}

static void the_first_field_that_differs_is_named(void)
{
    differ("T{d:x: d:y:}", "T{d:x: f:y:}", "field `y` is d at byte 8, not f at byte 8");
    differ("T{d:x: i:y:}", "T{i:x: i:y:}", "field `x` is d at byte 0, not i at byte 0");
    differ("T{d:x: T{i:a: i:b:}:r:}", "T{d:x: T{i:a: h:b:}:r:}", "field `r.b` is i at byte 4, not h at byte 4");
    differ("T{i:a: i:b:}", "T{i:a: 4x i:b:}", "field `b` is i at byte 4, not i at byte 8");
    differ("T{3d:a:}", "T{4d:a:}", "field `a` is (3)d at byte 0, not (4)d at byte 0");
    differ("T{3d:a:}", "T{(3,1)d:a:}", "field `a` is (3)d at byte 0, not (3,1)d at byte 0");
    differ("T{8s:a:}", "T{9s:a:}", "field `a` is 8s at byte 0, not 9s at byte 0");
    differ("T{i:a: i:b:}", "T{i:a: i:c:}", "it has field `b` where `c` is wanted");
    differ("T{i:a:}", "T{i:a: i:b:}", "it has no field `b`");
    differ("T{i:a: i:b:}", "T{i:a:}", "it has a further field `b`");
    differ("T{T{i:a:}:r: i:b:}", "T{T{i:a: i:b:}:r:}", "it has no field `r.b`");
    differ("T{i:a: 4x}", "T{i:a:}", "the record is T{} of 8 bytes at byte 0, not T{} of 4 bytes at byte 0");
    differ("T{T{i:a: 4x}:r: 4x}", "T{T{i:a:}:r: 8x}",
           "field `r` is T{} of 8 bytes at byte 0, not T{} of 4 bytes at byte 0");
    differ("d", "T{d:x:}", "");
    differ("i", "d", "");
}

static void same(const char *one, const char *other)
{
    struct coopi_type a = parsed(one), b = parsed(other);
    char difference[400] = "unchanged";
    CHECK(coopi_type_same(&a, &b, difference, sizeof difference));
    CHECK_STR(difference, "unchanged");
    coopi_type_clear(&a);
    coopi_type_clear(&b);
}

static void padding_may_be_written_out_or_left_to_the_compiler(void)
{
    same("T{i:a: d:b:}", "T{i:a: 4x d:b:}");
    same("T{d:a: i:b:}", "d:a: i:b: 4x");
    same("T{d:a: i:b:}", "T{d:a: i:b: 0d}");
    same("T{i:a: 4x}", "T{i:a: xxxx}");
    same("(2)3d", "(2,3)d");
}

TESTS(record_type, TEST(a_record_has_its_fields_with_offsets_and_names),
      TEST(a_record_is_padded_at_its_end_and_a_bare_list_is_not), TEST(the_canonical_text_says_it_in_one_way),
      TEST(a_malformed_record_is_refused_with_its_column), TEST(a_malformed_name_of_a_field_is_refused_with_its_column),
      TEST(a_malformed_shape_is_refused_with_its_column), TEST(what_is_too_large_is_refused_before_it_overflows),
      TEST(depth_fields_and_characters_are_limited), TEST(any_text_is_answered),
      TEST(parts_are_found_by_name_and_index), TEST(parts_that_are_not_there_are_told),
      TEST(the_first_field_that_differs_is_named), TEST(padding_may_be_written_out_or_left_to_the_compiler))
