/* SPDX-License-Identifier: MIT */
/* coop_any_pack(): a value out of C variables. */
#include "proxy/any.h"
#include "proxy/format.h"

#include <errno.h>
#include <string.h>

static int pack_value(struct coopi_format *f, int depth, coop_any *ret_value);

/* The bracket has been taken. */
static int pack_list(struct coopi_format *f, int depth, coop_any *list)
{
    while (!coopi_format_take(f, ']')) {
        coop_any item;
        int result = pack_value(f, depth, &item);
        if (result < 0) return result;
        result = coopi_any_append_owned(list, &item);
        if (result < 0) {
            coop_any_clear(&item);
            return result;
        }
    }
    return 0;
}

static int pack_pair(struct coopi_format *f, int depth, coop_pair *ret_pair)
{
    coop_pair pair;
    int result = pack_value(f, 0, &pair.key);
    if (result < 0) return result;
    result = coopi_format_colon(f);
    if (result == 0) result = pack_value(f, depth, &pair.value);
    if (result < 0)
        coop_any_clear(&pair.key);
    else
        *ret_pair = pair;
    return result;
}

/* The brace has been taken. */
static int pack_map(struct coopi_format *f, int depth, coop_any *map)
{
    while (!coopi_format_take(f, '}')) {
        coop_pair pair;
        int result = pack_pair(f, depth, &pair);
        if (result < 0) return result;
        result = coopi_any_set_owned(map, &pair);
        if (result < 0) {
            coop_any_clear(&pair.key);
            coop_any_clear(&pair.value);
            return result;
        }
    }
    return 0;
}

/* The opening character has been taken. */
static int pack_container(struct coopi_format *f, char open, int depth, coop_any *ret_value)
{
    if (depth == 0) return coopi_format_bad(f, "too deep, or a list or map as a key");
    coop_any made = open == '[' ? coop_items(NULL, 0) : coop_pairs(NULL, 0);
    int result = open == '[' ? pack_list(f, depth - 1, &made) : pack_map(f, depth - 1, &made);
    if (result < 0)
        coop_any_clear(&made);
    else
        *ret_value = made;
    return result;
}

/* DEPTH is how many levels of containers are still allowed. *ret_value is owned. */
static int pack_value(struct coopi_format *f, int depth, coop_any *ret_value)
{
    char letter = coopi_format_peek(f);
    coop_any value = coop_nil();
    int result = 0;
    if (!letter) return coopi_format_bad(f, "it ends where a value belongs");
    f->at++;
    if (letter == '[' || letter == '{') return pack_container(f, letter, depth, ret_value);
    if (letter == '\'')
        result = coopi_format_quoted(f, &value);
    else if (strchr("?idszyv", letter))
        result = coopi_format_value(f, letter, &value);
    else if (letter != 'n')
        return coopi_format_bad(f, "this is no letter of a format for packing");
    return result < 0 ? result : coopi_any_copy_within(&value, depth, ret_value);
}

int coop_any_pack_args(coop_any *ret_value, const char *format, const coop_arg *args, size_t count)
{
    struct coopi_format f = {.text = format, .at = format, .args = args, .count = count};
    coop_any value;
    int result = pack_value(&f, COOP_ANY_DEPTH, &value);
    if (result < 0) return result;
    result = coopi_format_end(&f);
    if (result < 0)
        coop_any_clear(&value);
    else
        *ret_value = value;
    return result;
}
