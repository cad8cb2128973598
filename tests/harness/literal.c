/* SPDX-License-Identifier: MIT */
/* Values written as Python writes them. */
#include "harness/literal.h"

#include "harness/test.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* Everything that was made, so that it stays reachable. */
struct kept {
    struct kept *next;
    coop_any value;
    char text[];
};

static struct kept *all_kept;

static struct kept *keep(size_t size)
{
    struct kept *kept = calloc(1, sizeof *kept + size);
    CHECK(kept != NULL);
    kept->next = all_kept;
    all_kept = kept;
    return kept;
}

struct source {
    const char *text;
    const char *at;
};

static coop_any read_value(struct source *s);

static void skip_space(struct source *s)
{
    while (isspace((unsigned char)*s->at)) s->at++;
}

static bool take(struct source *s, const char *word)
{
    skip_space(s);
    size_t size = strlen(word);
    if (strncmp(s->at, word, size) != 0) return false;
    s->at += size;
    return true;
}

static void need(struct source *s, const char *word)
{
    if (!take(s, word)) FAIL("no literal: %s: no %s at '%s'", s->text, word, s->at);
}

static char read_escape(struct source *s)
{
    char digits[3] = "";
    switch (*s->at++) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'x':
        memcpy(digits, s->at, 2);
        s->at += 2;
        return (char)strtol(digits, NULL, 16);
    default: return s->at[-1];
    }
}

/* The quote has been taken. */
static coop_any read_text(struct source *s, char quote, bool bytes)
{
    size_t size = 0;
    char *text = keep(strlen(s->at) + 1)->text;
    while (*s->at && *s->at != quote) {
        char c = *s->at++;
        text[size++] = c == '\\' ? read_escape(s) : c;
    }
    need(s, (char[]){quote, 0});
    return bytes ? coop_bytes(text, size) : coop_strn(text, size);
}

static coop_any read_list(struct source *s, const char *end)
{
    coop_any list = coop_items(NULL, 0);
    while (!take(s, end)) {
        CHECK_OK(coop_any_append(&list, read_value(s)));
        if (!take(s, ",")) {
            need(s, end);
            break;
        }
    }
    keep(0)->value = list;
    return list;
}

static coop_any read_map(struct source *s)
{
    coop_any map = coop_pairs(NULL, 0);
    while (!take(s, "}")) {
        coop_any key = read_value(s);
        need(s, ":");
        CHECK_OK(coop_any_set(&map, key, read_value(s)));
        if (!take(s, ",")) {
            need(s, "}");
            break;
        }
    }
    keep(0)->value = map;
    return map;
}

static coop_any read_number(struct source *s)
{
    size_t size = strspn(s->at, "+-0123456789.eE");
    char *end;
    errno = 0;
    coop_any number;
    if (memchr(s->at, '.', size) || memchr(s->at, 'e', size))
        number = coop_float(strtod(s->at, &end));
    else if (*s->at == '-')
        number = coop_int(strtoll(s->at, &end, 10));
    else
        number = coop_uint(strtoull(s->at, &end, 10));
    if (size == 0 || end != s->at + size || errno) FAIL("no literal: %s: at '%s'", s->text, s->at);
    s->at = end;
    return number;
}

static coop_any read_value(struct source *s)
{
    if (take(s, "None")) return coop_nil();
    if (take(s, "True")) return coop_bool(true);
    if (take(s, "False")) return coop_bool(false);
    if (take(s, "nan")) return coop_float(NAN);
    if (take(s, "inf")) return coop_float(INFINITY);
    if (take(s, "b'")) return read_text(s, '\'', true);
    if (take(s, "'")) return read_text(s, '\'', false);
    if (take(s, "\"")) return read_text(s, '"', false);
    if (take(s, "[")) return read_list(s, "]");
    if (take(s, "(")) return read_list(s, ")");
    if (take(s, "{")) return read_map(s);
    return read_number(s);
}

coop_any literal(const char *text)
{
    struct source s = {text, text};
    coop_any value = read_value(&s);
    skip_space(&s);
    if (*s.at) FAIL("no literal: %s: more at '%s'", text, s.at);
    return value;
}

const char *text_of(const char *format, ...)
{
    char *made;
    va_list args;
    va_start(args, format);
    int size = vasprintf(&made, format, args);
    va_end(args);
    CHECK(size >= 0);
    char *text = keep((size_t)size + 1)->text;
    memcpy(text, made, (size_t)size + 1);
    free(made);
    return text;
}

const char *range_text(int from, int to)
{
    size_t capacity = 16 * (size_t)(to > from ? to - from : 0) + 3, size = 1;
    char *text = keep(capacity)->text;
    text[0] = '[';
    for (int i = from; i < to; i++)
        size += (size_t)snprintf(text + size, capacity - size, "%s%d", i > from ? ", " : "", i);
    text[size] = ']';
    return text;
}
