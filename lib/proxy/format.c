/* SPDX-License-Identifier: MIT */
/* Walking through a packing format and its arguments. */
#include "proxy/format.h"

#include "base/error.h"

#include <errno.h>

char coopi_format_peek(struct coopi_format *f)
{
    while (*f->at == ' ' || *f->at == ',' || *f->at == '\n' || *f->at == '\t') f->at++;
    return *f->at;
}

bool coopi_format_take(struct coopi_format *f, char c)
{
    if (coopi_format_peek(f) != c) return false;
    f->at++;
    return true;
}

int coopi_format_column(const struct coopi_format *f)
{
    return f->at == f->text ? 1 : (int)(f->at - f->text);
}

int coopi_format_bad(const struct coopi_format *f, const char *what)
{
    return coopi_fail(EINVAL, "format \"%s\", column %d: %s; see <coop/pack.h>", f->text, coopi_format_column(f), what);
}

static const char *kind_name(int kind)
{
    switch (kind) {
    case COOP_ARG_INT:
    case COOP_ARG_UINT: return "an integer";
    case COOP_ARG_FLOAT: return "a floating number";
    case COOP_ARG_TEXT: return "a text";
    case COOP_ARG_ANY: return "a coop_any";
    case COOP_ARG_TO_BOOL: return "a bool *";
    case COOP_ARG_TO_FLOAT: return "a float *";
    case COOP_ARG_TO_DOUBLE: return "a double *";
    case COOP_ARG_TO_TEXT: return "a const char **";
    case COOP_ARG_TO_ANY: return "a coop_any *";
    default: return kind >= COOP_ARG_TO_SIGNED ? "a pointer to an integer" : "no argument that was made properly";
    }
}

/* The argument that was taken last. */
int coopi_format_wrong_arg(const struct coopi_format *f, const char *wanted)
{
    return coopi_fail(EINVAL, "format \"%s\", column %d: '%c' takes %s, and argument %zu is %s", f->text,
                      coopi_format_column(f), f->at[-1], wanted, f->next, kind_name(f->args[f->next - 1].kind));
}

int coopi_format_arg(struct coopi_format *f, const coop_arg **ret_arg)
{
    if (f->next == f->count)
        return coopi_fail(EINVAL, "format \"%s\", column %d: '%c' takes an argument more than the %zu that there are",
                          f->text, coopi_format_column(f), f->at[-1], f->count);
    *ret_arg = &f->args[f->next++];
    return 0;
}

int coopi_format_colon(struct coopi_format *f)
{
    if (coopi_format_take(f, ':')) return 0;
    if (*f->at) f->at++;
    return coopi_format_bad(f, "a key is followed by ':' and its value");
}

int coopi_format_quoted(struct coopi_format *f, coop_any *ret_text)
{
    const char *start = f->at;
    while (*f->at && *f->at != '\'') f->at++;
    if (!*f->at) return coopi_format_bad(f, "a quote is not closed");
    *ret_text = coop_strn(start, (size_t)(f->at - start));
    f->at++;
    return 0;
}

static int value_of_text(struct coopi_format *f, const coop_arg *arg, bool nullable, coop_any *ret_value)
{
    if (arg->kind == COOP_ARG_ANY && (arg->as.any.type == COOP_STR || (nullable && arg->as.any.type == COOP_NIL)))
        *ret_value = arg->as.any;
    else if (arg->kind == COOP_ARG_TEXT && (arg->as.text || nullable))
        *ret_value = arg->as.text ? coop_str(arg->as.text) : coop_nil();
    else if (arg->kind == COOP_ARG_TEXT)
        return coopi_format_bad(f, "the text is NULL; 'z' takes that for nil");
    else
        return coopi_format_wrong_arg(f, "a const char * or a str value");
    return 0;
}

int coopi_format_value(struct coopi_format *f, char letter, coop_any *ret_value)
{
    const coop_arg *arg = NULL;
    int result = coopi_format_arg(f, &arg);
    if (result < 0) return result;
    switch (letter) {
    case '?':
        if (arg->kind != COOP_ARG_INT) return coopi_format_wrong_arg(f, "a bool");
        *ret_value = coop_bool(arg->as.integer != 0);
        return 0;
    case 'i':
        if (arg->kind != COOP_ARG_INT && arg->kind != COOP_ARG_UINT) return coopi_format_wrong_arg(f, "an integer");
        *ret_value = arg->kind == COOP_ARG_INT ? coop_int(arg->as.integer) : coop_uint(arg->as.natural);
        return 0;
    case 'd':
        if (arg->kind != COOP_ARG_FLOAT) return coopi_format_wrong_arg(f, "a floating number");
        *ret_value = coop_float(arg->as.real);
        return 0;
    case 's':
    case 'z': return value_of_text(f, arg, letter == 'z', ret_value);
    case 'y':
        if (arg->kind != COOP_ARG_ANY || arg->as.any.type != COOP_BYTES)
            return coopi_format_wrong_arg(f, "a bytes value: coop_bytes(...)");
        *ret_value = arg->as.any;
        return 0;
    default:
        if (arg->kind != COOP_ARG_ANY) return coopi_format_wrong_arg(f, "a coop_any");
        *ret_value = arg->as.any;
        return 0;
    }
}

int coopi_format_end(struct coopi_format *f)
{
    if (coopi_format_peek(f)) {
        f->at++;
        return coopi_format_bad(f, "more stands behind the value; a list or map holds many");
    }
    if (f->next < f->count)
        return coopi_fail(EINVAL, "format \"%s\": it takes %zu arguments, and there are %zu", f->text, f->next,
                          f->count);
    return 0;
}
