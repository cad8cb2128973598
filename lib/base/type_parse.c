/* SPDX-License-Identifier: MIT */
/* From a format string to a table of fields, in one pass with a stack of its own. */
#include "base/error.h"
#include "base/quote.h"
#include "base/type.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECTED                                                                                                       \
    "expected one of ? c b B h H i I l L q Q n N f d, or a number and one of them, or Ns, or (N,N) before one of "     \
    "these, or a record T{...}"
#define TOO_LARGE "larger than 1 GiB; make an array"

/* A record whose end has not come yet. The lowest one is no record, but what stands outside of all. */
struct open {
    uint32_t record; /* its field */
    uint32_t align;
    uint64_t end; /* of its last member */
};

struct parser {
    const char *who;
    const char *format;
    const char *at;
    const char *zero; /* the last count of 0 */
    bool bare;        /* there is something else than one item */
    struct coopi_field *fields;
    uint32_t count, room;
    char *text;
    size_t length, text_room;
    struct open stack[COOPI_TYPE_DEPTH + 1];
    uint32_t depth;
};

/* The sentence about the character at AT, and what is wrong with it. */
static int refuse(const struct parser *p, const char *at, const char *why)
{
    char quoted[COOPI_QUOTED];
    char character[8];
    coopi_quote(p->format, quoted, sizeof quoted);
    if (!*at) return coopi_fail(EINVAL, "%s: type %s ends at column %td: %s", p->who, quoted, at - p->format + 1, why);
    coopi_quote_char(*at, character, sizeof character);
    return coopi_fail(EINVAL, "%s: type %s, column %td, %s: %s", p->who, quoted, at - p->format + 1, character, why);
}

static const char *why_not(const struct parser *p, char c)
{
    if (!c) return EXPECTED;
    if (strchr("<>=!^", c)) return "only this machine's order, sizes and padding are known; leave it out, or write '@'";
    if (c == ':') return "a name stands behind an item, as in d:x:";
    if (c == '}' && p->depth == 0) return "no record is open; it begins with T{";
    if (strchr("pPeguwZO&", c)) return "not a type that can be shared here; " EXPECTED;
    return EXPECTED;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The canonical text. Its room is twice the format's length and some more, which is more than it can need. */
static void __attribute__((format(printf, 2, 3))) put(struct parser *p, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int n = vsnprintf(p->text + p->length, p->text_room - p->length, format, list);
    va_end(list);
    if (n > 0) p->length += (size_t)n;
    if (p->length >= p->text_room) p->length = p->text_room - 1;
}

/* Reads digits; what is above COOPI_TYPE_SIZE_MAX once stays there. */
static uint64_t read_number(struct parser *p)
{
    uint64_t number = 0;
    for (; is_digit(*p->at); p->at++)
        if (number <= COOPI_TYPE_SIZE_MAX) number = number * 10 + (uint64_t)(*p->at - '0');
    return number;
}

static int add_dimension(const struct parser *p, const char *at, uint64_t length, struct coopi_field *field)
{
    if (length == 0) return refuse(p, at, "a length of 0 has no items; it is 1 or more");
    if (length > COOPI_TYPE_SIZE_MAX / field->count) return refuse(p, at, TOO_LARGE);
    if (field->dimensions == COOPI_TYPE_DIMENSIONS) return refuse(p, at, "more than 8 dimensions");
    field->shape[field->dimensions++] = (uint32_t)length;
    field->count *= (uint32_t)length;
    return 0;
}

/* `(3,4)` */
static int read_shape(struct parser *p, struct coopi_field *field)
{
    do {
        const char *number = ++p->at;
        if (!is_digit(*number)) return refuse(p, number, "expected the length of a dimension, as in (3,4)d");
        int r = add_dimension(p, number, read_number(p), field);
        if (r < 0) return r;
    } while (*p->at == ',');
    if (*p->at != ')') return refuse(p, p->at, "expected ',' or ')'");
    p->at++;
    return 0;
}

static void put_shape(struct parser *p, const struct coopi_field *field)
{
    if (field->dimensions == 0) return;
    if (field->dimensions == 1 && field->code != 's' && field->shape[0] > 1) {
        put(p, "%" PRIu32, field->shape[0]);
        return;
    }
    for (int i = 0; i < field->dimensions; i++) put(p, "%c%" PRIu32, i ? ',' : '(', field->shape[i]);
    put(p, ")");
}

static uint64_t align_up(uint64_t offset, uint32_t align)
{
    return (offset + align - 1) / align * align;
}

/* Gives the field its place behind the last member of the record that is open. AT is where it was written. */
static int place(struct parser *p, const char *at, struct coopi_field *field)
{
    struct open *open = &p->stack[p->depth];
    uint64_t offset = align_up(open->end, field->align);
    uint64_t size = (uint64_t)field->count * field->item_size;
    if (offset > COOPI_TYPE_SIZE_MAX || size > COOPI_TYPE_SIZE_MAX - offset) return refuse(p, at, TOO_LARGE);
    field->offset = (uint32_t)offset;
    field->next = (uint16_t)p->count;
    open->end = offset + size;
    if (field->align > open->align) open->align = field->align;
    return 0;
}

/* Does a field of the record that is open have this name already? */
static bool is_taken(const struct parser *p, const char *name, size_t size)
{
    uint32_t record = p->stack[p->depth].record;
    for (uint32_t i = record + 1; i < p->count; i = p->fields[i].next) {
        const struct coopi_field *field = &p->fields[i];
        if (field->name_size == size && memcmp(p->text + field->name, name, size) == 0) return true;
    }
    return false;
}

/* `:name:`, which may be absent. */
static int read_name(struct parser *p, struct coopi_field *field)
{
    if (*p->at != ':') return 0;
    const char *name = ++p->at;
    for (; *p->at != ':'; p->at++) {
        char c = *p->at;
        if (!c) return refuse(p, p->at, "the name of a field ends with ':'");
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && (p->at == name || !is_digit(c)))
            return refuse(p, p->at, "the name of a field has A-Z a-z 0-9 _ and begins with a letter or _");
    }
    size_t size = (size_t)(p->at - name);
    if (size == 0) return refuse(p, p->at, "the name of a field has at least one character");
    if (size >= COOPI_FIELD_NAME) return refuse(p, name, "the name of a field has at most 63 characters");
    if (is_taken(p, name, size)) return refuse(p, name, "another field of this record has that name");
    p->at++;
    field->name = (uint16_t)(p->length + 1);
    field->name_size = (uint8_t)size;
    put(p, ":%.*s:", (int)size, name);
    if (p->depth == 0) p->bare = true; /* `d:x:` is a record of one field */
    return 0;
}

/* Padding, and what has a count of 0. */
static int read_gap(struct parser *p, const char *at, uint64_t count)
{
    struct open *open = &p->stack[p->depth];
    char code = *p->at++;
    if (count == 0) {
        if (strchr("sxT", code)) return refuse(p, at, "a count of 0 has no items; it is 1 or more");
        p->zero = at;
        open->end = align_up(open->end, coopi_code_align(code));
        if (coopi_code_align(code) > open->align) open->align = coopi_code_align(code);
        put(p, "0%c", code);
    } else {
        if (count > COOPI_TYPE_SIZE_MAX || open->end + count > COOPI_TYPE_SIZE_MAX) return refuse(p, at, TOO_LARGE);
        open->end += count;
        if (count > 1) put(p, "%" PRIu64, count);
        put(p, "x");
    }
    if (*p->at == ':') return refuse(p, p->at, "padding has no name");
    if (p->depth == 0) p->bare = true;
    return 0;
}

/* `T{`: the record's fields follow. */
static int open_record(struct parser *p, struct coopi_field *field)
{
    const char *at = p->at;
    if (at[1] != '{') return refuse(p, at + 1, "expected '{' behind T");
    if (p->depth == COOPI_TYPE_DEPTH) return refuse(p, at, "more than 16 records within each other");
    p->at += 2;
    put(p, "T{");
    p->stack[++p->depth] = (struct open){.record = (uint32_t)(field - p->fields), .align = 1};
    return 0;
}

static int close_record(struct parser *p)
{
    const char *at = p->at;
    struct open *open = &p->stack[p->depth];
    if (p->depth == 0) return refuse(p, at, why_not(p, '}'));
    if (p->count == open->record + 1) return refuse(p, at, "a record has at least one field");
    struct coopi_field *field = &p->fields[open->record];
    uint64_t size = align_up(open->end, open->align);
    if (size > COOPI_TYPE_SIZE_MAX / field->count) return refuse(p, at, TOO_LARGE);
    field->item_size = (uint32_t)size;
    field->align = (uint8_t)open->align;
    p->depth--;
    p->at++;
    put(p, "}");
    int r = place(p, at, field);
    return r < 0 ? r : read_name(p, field);
}

/* What stands behind shape and count. COUNT is 1 if none was written. */
static int read_code(struct parser *p, const char *at, uint64_t count, struct coopi_field *field)
{
    const char *code = p->at;
    bool text = *code == 's';
    if (text && (count == 0 || count > COOPI_TYPE_SIZE_MAX / field->count))
        return refuse(p, at, count ? TOO_LARGE : "a count of 0 has no items; it is 1 or more");
    int r = text || count == 1 ? 0 : add_dimension(p, at, count, field);
    if (r < 0) return r;
    field->code = *code;
    put_shape(p, field);
    if (*code == 'T') return open_record(p, field);
    if (text) put(p, "%" PRIu64, count);
    put(p, "%c", *code);
    p->at++;
    field->item_size = text ? (uint32_t)count : coopi_code_size(*code);
    field->align = coopi_code_align(*code);
    r = place(p, at, field);
    return r < 0 ? r : read_name(p, field);
}

static int read_item(struct parser *p)
{
    const char *at = p->at;
    struct coopi_field field = {.count = 1, .depth = (uint8_t)p->depth};
    if (*at == '(') {
        int r = read_shape(p, &field);
        if (r < 0) return r;
    }
    const char *digits = p->at;
    uint64_t count = is_digit(*digits) ? read_number(p) : 1;
    char code = *p->at;
    bool known = code && (coopi_code_size(code) || code == 'T');
    if (field.dimensions == 0 && (code == 'x' || (known && count == 0))) return read_gap(p, digits, count);
    if (!known) return refuse(p, p->at, why_not(p, code));
    if (p->count == COOPI_TYPE_FIELDS) return refuse(p, at, "more than 1024 fields");
    if (p->depth == 0 && p->count > 1) p->bare = true;
    p->fields[p->count] = field;
    return read_code(p, digits, count, &p->fields[p->count++]);
}

/* All that stands in the format, as members of fields[0]. */
static int read_all(struct parser *p)
{
    for (;;) {
        while (is_blank(*p->at) || *p->at == '@') p->at++;
        if (!*p->at) break;
        int r = *p->at == '}' ? close_record(p) : read_item(p);
        if (r < 0) return r;
    }
    if (p->depth > 0) return refuse(p, p->at, "a record ends with '}'");
    if (p->count > 1) return 0;
    if (p->zero) return refuse(p, p->zero, "a count of 0 has no items; it is 1 or more");
    return refuse(p, p->at, p->bare ? "there is nothing but padding" : EXPECTED);
}

/* fields[0] becomes the whole: a record as struct has it, or the one item that there is. */
static void finish(struct parser *p)
{
    struct coopi_field *whole = p->fields;
    if (p->bare) {
        whole->code = 'T';
        whole->item_size = (uint32_t)p->stack[0].end;
        whole->align = (uint8_t)p->stack[0].align;
        whole->next = (uint16_t)p->count;
        for (uint32_t i = 1; i < p->count; i++) whole[i].depth++;
        return;
    }
    p->count--;
    memmove(whole, whole + 1, p->count * sizeof *whole);
    for (uint32_t i = 0; i < p->count; i++) whole[i].next--;
}

/* One block with just what is needed. */
static int keep(const struct parser *p, struct coopi_type *ret_type)
{
    size_t table = p->count * sizeof *p->fields;
    struct coopi_field *fields = malloc(table + p->length + 1);
    if (!fields) return coopi_fail(ENOMEM, "%s: out of memory", p->who);
    memcpy(fields, p->fields, table);
    char *text = memcpy((char *)fields + table, p->text, p->length + 1);
    *ret_type = (struct coopi_type){.code = fields->code,
                                    .item_size = fields->item_size,
                                    .count = fields->count,
                                    .size = fields->item_size * fields->count,
                                    .field_count = p->count,
                                    .fields = fields,
                                    .text = text};
    return 0;
}

int coopi_type_parse(const char *format, const char *who, struct coopi_type *ret_type)
{
    if (!format) return coopi_fail(EINVAL, "%s: no type given; " EXPECTED, who);
    size_t length = strnlen(format, COOPI_TYPE_TEXT);
    if (length == COOPI_TYPE_TEXT)
        return coopi_fail(EINVAL, "%s: a type has at most %d characters; use fewer or shorter names", who,
                          COOPI_TYPE_TEXT - 1);
    struct parser p = {.who = who, .format = format, .at = format, .count = 1, .stack[0] = {.align = 1}};
    size_t room = (length < COOPI_TYPE_FIELDS ? length : COOPI_TYPE_FIELDS) + 1;
    p.text_room = 2 * length + 16;
    struct coopi_field *fields = malloc(room * sizeof *fields + p.text_room);
    if (!fields) return coopi_fail(ENOMEM, "%s: out of memory", who);
    p.fields = fields;
    p.text = (char *)(fields + room);
    fields[0] = (struct coopi_field){.count = 1};
    p.text[0] = 0;
    int r = read_all(&p);
    if (r == 0 && p.length >= COOPI_TYPE_TEXT) r = refuse(&p, p.at, "its canonical form has more than 4095 characters");
    if (r == 0) {
        finish(&p);
        r = keep(&p, ret_type);
    }
    free(fields);
    return r;
}

void coopi_type_clear(struct coopi_type *type)
{
    free(type->fields);
    type->fields = NULL;
}
