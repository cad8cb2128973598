/* SPDX-License-Identifier: MIT */
/* Values as Python's repr() writes them. */
#include "base/error.h"
#include "proxy/utf8.h"

#include <coop/any.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

/* Writes the shortest digits that give REAL again. The digits are taken out of %e, whose decimal point depends on the
 * locale: whatever is no digit before the 'e' is passed over. */
static int shortest_digits(double real, char digits[static 18])
{
    char text[40];
    int precision = 0;
    do {
        snprintf(text, sizeof text, "%.*e", precision, real);
    } while (strtod(text, NULL) != real && ++precision < 17);
    size_t n = 0;
    char *p = text;
    for (; *p != 'e'; p++)
        if (isdigit((unsigned char)*p)) digits[n++] = *p;
    digits[n] = '\0';
    return (int)strtol(p + 1, NULL, 10);
}

static void print_finite(double real, FILE *out)
{
    char digits[18];
    if (signbit(real)) fputc('-', out);
    int exponent = shortest_digits(fabs(real), digits);
    int count = (int)strlen(digits);
    if (exponent < -4 || exponent >= 16) {
        fprintf(out, "%c%s%se%c%02d", digits[0], count > 1 ? "." : "", digits + 1, exponent < 0 ? '-' : '+',
                abs(exponent));
    } else if (exponent < 0) {
        fprintf(out, "0.%.*s%s", -exponent - 1, "000", digits);
    } else {
        for (int i = 0; i <= exponent; i++) fputc(i < count ? digits[i] : '0', out);
        fprintf(out, ".%s", count > exponent + 1 ? digits + exponent + 1 : "0");
    }
}

static void print_real(double real, FILE *out)
{
    if (isnan(real))
        fputs("nan", out);
    else if (isinf(real))
        fputs(real < 0 ? "-inf" : "inf", out);
    else
        print_finite(real, out);
}

/* Code points that Python escapes although a terminal might show something: first and last of each range. */
static const uint32_t unprintable[][2] = {
    {0x80, 0xa0},     {0xad, 0xad},       {0x600, 0x605},     {0x61c, 0x61c},     {0x6dd, 0x6dd},
    {0x70f, 0x70f},   {0x1680, 0x1680},   {0x180e, 0x180e},   {0x2000, 0x200f},   {0x2028, 0x202f},
    {0x205f, 0x206f}, {0x3000, 0x3000},   {0xe000, 0xf8ff},   {0xfeff, 0xfeff},   {0xfff0, 0xfffb},
    {0xfffe, 0xffff}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, {0xe01f0, 0x10ffff},
};

static int is_printable(uint32_t point)
{
    if (point < 0x7f) return point >= 0x20;
    for (size_t i = 0; i < sizeof unprintable / sizeof *unprintable; i++)
        if (point >= unprintable[i][0] && point <= unprintable[i][1]) return 0;
    return point != 0x7f;
}

static void print_escape(uint32_t point, FILE *out)
{
    if (point == '\n')
        fputs("\\n", out);
    else if (point == '\r')
        fputs("\\r", out);
    else if (point == '\t')
        fputs("\\t", out);
    else if (point < 0x100)
        fprintf(out, "\\x%02" PRIx32, point);
    else
        fprintf(out, point < 0x10000 ? "\\u%04" PRIx32 : "\\U%08" PRIx32, point);
}

/* Single quotes, unless there are such in the text and no double ones. */
static void print_quoted(const char *text, size_t size, int is_text, FILE *out)
{
    int quote = size && memchr(text, '\'', size) && !memchr(text, '"', size) ? '"' : '\'';
    fputc(quote, out);
    for (size_t at = 0, length; at < size; at += length) {
        uint32_t point = (unsigned char)text[at];
        length = is_text ? coopi_utf8_next(text + at, size - at, &point) : 1;
        int broken = length == 0 || (!is_text && point >= 0x80);
        length += length == 0;
        if (point == (uint32_t)quote || point == '\\') fputc('\\', out);
        if (broken || !is_printable(point))
            print_escape(point, out);
        else
            fwrite(text + at, 1, length, out);
    }
    fputc(quote, out);
}

static void print_at(const coop_any *value, int depth, FILE *out);

static void print_list(const coop_any *list, int depth, FILE *out)
{
    fputc('[', out);
    for (uint32_t i = 0; i < list->size; i++) {
        if (i) fputs(", ", out);
        print_at(&list->as.items[i], depth - 1, out);
    }
    fputc(']', out);
}

static void print_map(const coop_any *map, int depth, FILE *out)
{
    fputc('{', out);
    for (uint32_t i = 0; i < map->size; i++) {
        if (i) fputs(", ", out);
        print_at(&map->as.pairs[i].key, depth - 1, out);
        fputs(": ", out);
        print_at(&map->as.pairs[i].value, depth - 1, out);
    }
    fputc('}', out);
}

static void print_at(const coop_any *value, int depth, FILE *out)
{
    switch (value->type) {
    case COOP_NIL: fputs("None", out); break;
    case COOP_BOOL: fputs(value->as.boolean ? "True" : "False", out); break;
    case COOP_INT: fprintf(out, "%" PRId64, value->as.integer); break;
    case COOP_UINT: fprintf(out, "%" PRIu64, value->as.natural); break;
    case COOP_FLOAT: print_real(value->as.real, out); break;
    case COOP_STR: print_quoted(value->as.str, value->size, 1, out); break;
    case COOP_BYTES:
        fputc('b', out);
        print_quoted(value->as.bytes, value->size, 0, out);
        break;
    case COOP_LIST:
    case COOP_MAP:
        if (depth <= 0)
            fputs("...", out);
        else if (value->type == COOP_LIST)
            print_list(value, depth, out);
        else
            print_map(value, depth, out);
        break;
    default: fprintf(out, "<type %d>", value->type); break;
    }
}

int coop_any_print(coop_any value, FILE *stream)
{
    print_at(&value, COOP_ANY_DEPTH, stream);
    return ferror(stream) ? coopi_fail(EIO, "value: the stream does not take it; look at its disk or reader") : 0;
}

int coop_any_format(coop_any value, char **ret_text)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    int bad = 1;
    if (out) {
        print_at(&value, COOP_ANY_DEPTH, out);
        bad = ferror(out);
        bad |= fclose(out);
    }
    if (bad) {
        free(text);
        return coopi_fail(ENOMEM, "value: no memory to write it out");
    }
    *ret_text = text;
    return 0;
}
