/* SPDX-License-Identifier: MIT */
/* Why a number could not be read, stored or changed, as a sentence. */
#include "data/refusal.h"

#include "base/error.h"
#include "base/quote.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NUMBER_TEXT 40
#define LABEL_TEXT 224

/* What the numbers of a code may be. */
static const char *range_of(const struct coopi_type *type)
{
    static const char *const with_sign[] = {"-128 to 127", "-32768 to 32767", "-2147483648 to 2147483647",
                                            "-9223372036854775808 to 9223372036854775807"};
    static const char *const without_sign[] = {"0 to 255", "0 to 65535", "0 to 4294967295",
                                               "0 to 18446744073709551615"};
    unsigned int power = type->size == 1 ? 0 : type->size == 2 ? 1 : type->size == 4 ? 2 : 3;
    switch (type->code) {
    case '?': return "0 and 1";
    case 'c': return "-128 to 255";
    case 'f': return "numbers up to 3.4028235e+38 either side of 0";
    case 'd': return "numbers up to 1.7976931348623157e+308 either side of 0";
    case 'B':
    case 'H':
    case 'I':
    case 'L':
    case 'Q':
    case 'N': return without_sign[power];
    default: return with_sign[power];
    }
}

/* `bank/saldo`, or `bank/saldo[3]`. */
static void name_it(const struct coopi_typed *typed, int64_t index, char text[LABEL_TEXT])
{
    const char *label = coopi_object_label(&typed->object);
    if (index == COOPI_NO_INDEX)
        snprintf(text, LABEL_TEXT, "%s", label);
    else
        snprintf(text, LABEL_TEXT, "%s[%" PRId64 "]", label, index);
}

static void *item_at(const struct coopi_typed *typed, int64_t index)
{
    uint64_t item = index == COOPI_NO_INDEX ? 0 : (uint64_t)index;
    return typed->data + item * typed->type.size;
}

/* What is there now as text: mostly what the failed call found, too. */
static void held(const struct coopi_typed *typed, int64_t index, char text[NUMBER_TEXT])
{
    uint64_t copy = 0;
    coopi_scalar_get_bytes(item_at(typed, index), &copy, typed->type.size);
    coopi_type_format_scalar(typed->type.code, &copy, text, NUMBER_TEXT);
}

/* NUMBER is the given one as text, CALLERS the C type of the call. */
static int refuse(int failure, const struct coopi_typed *typed, int64_t index, const char *number, const char *callers)
{
    char who[LABEL_TEXT];
    char there[NUMBER_TEXT];
    const char *text = typed->type.text;
    const char *name = coopi_type_name(typed->type.code);
    char quoted[COOPI_QUOTED];
    if (failure == COOPI_NOT_A_NUMBER && typed->code != 's') return coopi_object_check_writable(&typed->object);
    name_it(typed, index, who);
    char also[48]; /* the sum may fit a wide type, and not the variable that the caller wants it in */
    snprintf(also, sizeof also, ", or the %s of the call", callers);
    switch (failure) {
    case COOPI_NOT_A_NUMBER:
        return coopi_fail(EINVAL, "%s: type %s is not one number; read and write its bytes with %s", who,
                          coopi_quote(text, quoted, sizeof quoted),
                          index == COOPI_NO_INDEX ? "coop_value_get_bytes() and coop_value_set_bytes()"
                                                  : "coop_array_read() and coop_array_write()");
    case COOPI_NO_SUM:
        return coopi_fail(EINVAL, "%s: type \"%s\" (%s) cannot be added to; set or exchange it, or make it \"i\"", who,
                          text, name);
    case COOPI_GIVEN_RANGE:
        return coopi_fail(ERANGE, "%s: %s does not fit type \"%s\" (%s), which holds %s; nothing was changed", who,
                          number, text, name, range_of(&typed->type));
    case COOPI_SUM_RANGE:
        return coopi_fail(ERANGE,
                          "%s: the sum with %s does not fit type \"%s\" (%s), which holds %s%s; nothing was changed",
                          who, number, text, name, range_of(&typed->type), strchr("LQNfd", *text) ? also : "");
    default:
        held(typed, index, there);
        return coopi_fail(ERANGE, "%s: holds %s, which is no %s; use the call for type \"%s\" (%s)", who, there,
                          callers, text, name);
    }
}

int coopi_refuse_i64(int failure, const struct coopi_typed *typed, int64_t index, int64_t number)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRId64, number);
    return refuse(failure, typed, index, text, "int64_t");
}

int coopi_refuse_u64(int failure, const struct coopi_typed *typed, int64_t index, uint64_t number)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%" PRIu64, number);
    return refuse(failure, typed, index, text, "uint64_t");
}

int coopi_refuse_f64(int failure, const struct coopi_typed *typed, int64_t index, double number)
{
    char text[NUMBER_TEXT];
    coopi_type_format_scalar('d', &number, text, sizeof text);
    return refuse(failure, typed, index, text, "double");
}

#define GET_ELSE(suffix, type)                                                                                         \
    int coopi_get_else_##suffix(int failure, const struct coopi_typed *typed, int64_t index, type *ret_number)         \
    {                                                                                                                  \
        type number = 0;                                                                                               \
        if (typed->object.read_only && typed->code != 's')                                                             \
            failure = coopi_scalar_get_##suffix(typed->code, item_at(typed, index), &number);                          \
        if (failure < 0) return coopi_refuse_##suffix(failure, typed, index, 0);                                       \
        int result = coopi_object_check_there(&typed->object);                                                         \
        if (result == 0) *ret_number = number;                                                                         \
        return result;                                                                                                 \
    }

GET_ELSE(i64, int64_t)
GET_ELSE(u64, uint64_t)
GET_ELSE(f64, double)
