/* SPDX-License-Identifier: MIT */
/* coop_any_unpack(): C variables out of a value.
 *
 * The format is walked through twice: the first walk checks everything, the second fetches, and cannot fail. */
#include "proxy/format.h"

#include "base/error.h"
#include "proxy/key.h"
#include "proxy/order.h"

#include <errno.h>
#include <string.h>

struct unpacking {
    struct coopi_format f;
    bool fetch; /* the second walk */
};

/* VALUE is NULL where nothing is there and need not be: the format is checked all the same. */
static int unpack_value(struct unpacking *u, const coop_any *value, int depth);

static int mismatch(const struct unpacking *u, const char *wanted, const coop_any *value)
{
    return coopi_fail(EINVAL, "format \"%s\", column %d: it says %s, and the value has '%s' there", u->f.text,
                      coopi_format_column(&u->f), wanted, coopi_any_type_name(value));
}

static int out_of_range(const struct unpacking *u)
{
    return coopi_fail(ERANGE, "format \"%s\", column %d: the number does not fit into the variable; take a larger type",
                      u->f.text, coopi_format_column(&u->f));
}

static bool fits_signed(const coop_any *value, int bits)
{
    int64_t highest = (int64_t)(UINT64_MAX >> (65 - bits));
    return value->type == COOP_INT && value->as.integer <= highest && value->as.integer >= -highest - 1;
}

static bool fits_unsigned(const coop_any *value, int bits)
{
    bool negative = value->type == COOP_INT && value->as.integer < 0;
    return !negative && value->as.natural <= UINT64_MAX >> (64 - bits);
}

static void store_integer(const coop_arg *to, int size, uint64_t number)
{
    switch (size) {
    case 1: *(uint8_t *)to->as.pointer = (uint8_t)number; break;
    case 2: *(uint16_t *)to->as.pointer = (uint16_t)number; break;
    case 4: *(uint32_t *)to->as.pointer = (uint32_t)number; break;
    default: *(uint64_t *)to->as.pointer = number; break;
    }
}

static int fetch_integer(struct unpacking *u, const coop_arg *to, const coop_any *value)
{
    bool is_signed = to->kind > COOP_ARG_TO_SIGNED && to->kind <= COOP_ARG_TO_SIGNED + 8;
    bool is_unsigned = to->kind > COOP_ARG_TO_UNSIGNED && to->kind <= COOP_ARG_TO_UNSIGNED + 8;
    if (!is_signed && !is_unsigned) return coopi_format_wrong_arg(&u->f, "a pointer to an integer");
    if (!value) return 0;
    if (value->type != COOP_INT && value->type != COOP_UINT) return mismatch(u, "int", value);
    int size = to->kind - (is_signed ? COOP_ARG_TO_SIGNED : COOP_ARG_TO_UNSIGNED);
    if (is_signed ? !fits_signed(value, size * 8) : !fits_unsigned(value, size * 8)) return out_of_range(u);
    if (u->fetch) store_integer(to, size, value->as.natural);
    return 0;
}

static int fetch_float(struct unpacking *u, const coop_arg *to, const coop_any *value)
{
    if (to->kind != COOP_ARG_TO_DOUBLE && to->kind != COOP_ARG_TO_FLOAT)
        return coopi_format_wrong_arg(&u->f, "a double * or float *");
    if (!value) return 0;
    if (!coopi_is_number(value) || value->type == COOP_BOOL) return mismatch(u, "float", value);
    double real = value->type == COOP_FLOAT  ? value->as.real
                  : value->type == COOP_UINT ? (double)value->as.natural
                                             : (double)value->as.integer;
    if (u->fetch && to->kind == COOP_ARG_TO_DOUBLE) *(double *)to->as.pointer = real;
    if (u->fetch && to->kind == COOP_ARG_TO_FLOAT) *(float *)to->as.pointer = (float)real;
    return 0;
}

static int fetch_bool(struct unpacking *u, const coop_arg *to, const coop_any *value)
{
    if (to->kind != COOP_ARG_TO_BOOL) return coopi_format_wrong_arg(&u->f, "a bool *");
    if (!value) return 0;
    if (value->type != COOP_BOOL) return mismatch(u, "bool", value);
    if (u->fetch) *(bool *)to->as.pointer = value->as.boolean;
    return 0;
}

/* The same memory, and nothing to clear. */
static void lend(const coop_arg *to, const coop_any *value)
{
    coop_any borrowed = *value;
    borrowed.owned = 0;
    *(coop_any *)to->as.pointer = borrowed;
}

/* Text that did not come from the library may lack the NUL at its end. */
static int fetch_text(struct unpacking *u, const coop_arg *to, const coop_any *value, bool nullable)
{
    if (to->kind != COOP_ARG_TO_TEXT && to->kind != COOP_ARG_TO_ANY)
        return coopi_format_wrong_arg(&u->f, "a const char ** or coop_any *");
    if (!value) return 0;
    bool nil = nullable && value->type == COOP_NIL;
    if (value->type != COOP_STR && !nil) return mismatch(u, nullable ? "str or nil" : "str", value);
    if (to->kind == COOP_ARG_TO_TEXT && !nil && (!value->owned || memchr(value->as.str, '\0', value->size)))
        return coopi_format_bad(&u->f, "a NUL is in the text or none at its end: take it as a coop_any");
    if (u->fetch && to->kind == COOP_ARG_TO_ANY) lend(to, value);
    if (u->fetch && to->kind == COOP_ARG_TO_TEXT) *(const char **)to->as.pointer = nil ? NULL : value->as.str;
    return 0;
}

static int fetch_any(struct unpacking *u, const coop_arg *to, const coop_any *value, bool bytes)
{
    if (to->kind != COOP_ARG_TO_ANY) return coopi_format_wrong_arg(&u->f, "a coop_any *");
    if (!value) return 0;
    if (bytes && value->type != COOP_BYTES) return mismatch(u, "bytes", value);
    if (u->fetch) lend(to, value);
    return 0;
}

static int unpack_letter(struct unpacking *u, char letter, const coop_any *value)
{
    const coop_arg *to = NULL;
    int result = coopi_format_arg(&u->f, &to);
    if (result < 0) return result;
    if (to->kind >= COOP_ARG_TO_BOOL && !to->as.pointer) return coopi_format_bad(&u->f, "the pointer is NULL");
    switch (letter) {
    case '?': return fetch_bool(u, to, value);
    case 'i': return fetch_integer(u, to, value);
    case 'd': return fetch_float(u, to, value);
    case 's':
    case 'z': return fetch_text(u, to, value, letter == 'z');
    default: return fetch_any(u, to, value, letter == 'y');
    }
}

/* What goes on between the brackets of a list or map. */
struct progress {
    bool optional; /* behind | */
    bool open;     /* behind *: there may be more */
    uint32_t used;
};

/* Takes | and *. 1: the container is at its end. */
static int take_marks(struct unpacking *u, char close, struct progress *p)
{
    if (coopi_format_take(&u->f, '|')) p->optional = true;
    if (coopi_format_take(&u->f, '*')) p->open = true;
    if (coopi_format_take(&u->f, close)) return 1;
    return p->open ? coopi_format_bad(&u->f, "'*' stands last in a list or map") : 0;
}

static int check_all_used(const struct unpacking *u, const coop_any *container, const struct progress *p)
{
    if (!container || p->open || container->size == p->used) return 0;
    return coopi_fail(EINVAL, "format \"%s\", column %d: the value has %u more there; '*' lets that pass", u->f.text,
                      coopi_format_column(&u->f), container->size - p->used);
}

static int unpack_list(struct unpacking *u, const coop_any *list, int depth)
{
    struct progress p = {0};
    int result;
    while ((result = take_marks(u, ']', &p)) == 0) {
        const coop_any *item = list && p.used < list->size ? &list->as.items[p.used] : NULL;
        if (list && !item && !p.optional)
            return coopi_fail(EINVAL, "format \"%s\", column %d: the list has only %u items", u->f.text,
                              coopi_format_column(&u->f), list->size);
        result = unpack_value(u, item, depth);
        if (result < 0) return result;
        p.used += item != NULL;
    }
    return result < 0 ? result : check_all_used(u, list, &p);
}

static int read_key(struct unpacking *u, coop_any *ret_key)
{
    char letter = coopi_format_peek(&u->f);
    if (letter) u->f.at++;
    int result = letter == '\''                     ? coopi_format_quoted(&u->f, ret_key)
                 : letter && strchr("isyv", letter) ? coopi_format_value(&u->f, letter, ret_key)
                                                    : coopi_format_bad(&u->f, "no key for unpacking");
    return result < 0 ? result : coopi_format_colon(&u->f);
}

static int unpack_map(struct unpacking *u, const coop_any *map, int depth)
{
    struct progress p = {0};
    int result;
    while ((result = take_marks(u, '}', &p)) == 0) {
        coop_any key = coop_nil();
        result = read_key(u, &key);
        if (result < 0) return result;
        const coop_any *value = map ? coop_any_get(map, key) : NULL;
        if (map && !value && !p.optional)
            return coopi_fail(ENOENT, "format \"%s\", column %d: the value has no such key; '|' lets that pass",
                              u->f.text, coopi_format_column(&u->f));
        result = unpack_value(u, value, depth);
        if (result < 0) return result;
        p.used += value != NULL;
    }
    return result < 0 ? result : check_all_used(u, map, &p);
}

static int unpack_container(struct unpacking *u, char open, const coop_any *value, int depth)
{
    if (depth == 0) return coopi_format_bad(&u->f, "too deep");
    if (open == '[')
        return value && value->type != COOP_LIST ? mismatch(u, "list", value) : unpack_list(u, value, depth - 1);
    return value && value->type != COOP_MAP ? mismatch(u, "map", value) : unpack_map(u, value, depth - 1);
}

static int unpack_constant(struct unpacking *u, char letter, const coop_any *value)
{
    coop_any constant = coop_nil();
    int result = letter == 'n' ? 0 : coopi_format_quoted(&u->f, &constant);
    if (result < 0 || !value || coop_any_equal(*value, constant)) return result;
    return mismatch(u, letter == 'n' ? "nil" : "a certain str", value);
}

static int unpack_value(struct unpacking *u, const coop_any *value, int depth)
{
    char letter = coopi_format_peek(&u->f);
    if (!letter) return coopi_format_bad(&u->f, "it ends where a value belongs");
    u->f.at++;
    if (letter == '[' || letter == '{') return unpack_container(u, letter, value, depth);
    if (letter == 'n' || letter == '\'') return unpack_constant(u, letter, value);
    if (strchr("?idszyv", letter)) return unpack_letter(u, letter, value);
    return coopi_format_bad(&u->f, "this is no letter of a format for unpacking");
}

int coop_any_unpack_args(coop_any value, const char *format, const coop_arg *args, size_t count)
{
    int result = 0;
    for (int walk = 0; walk < 2 && result == 0; walk++) {
        struct unpacking u = {.f = {.text = format, .at = format, .args = args, .count = count}, .fetch = walk == 1};
        result = unpack_value(&u, &value, COOP_ANY_DEPTH);
        if (result == 0) result = coopi_format_end(&u.f);
    }
    return result;
}
