/* SPDX-License-Identifier: MIT */
/* Making values out of C variables, and taking them apart again, by a format: as printf() and scanf() are to text. */
#ifndef COOP_PACK_H
#define COOP_PACK_H

#include <coop/any.h>

COOP_BEGIN_DECLS

/*     coop_any v;
 *     coop_any_pack(&v, "{'name': s, 'born': [i, i], 'tall': d}", "Ada", 1815, 12, 1.65);
 *     coop_any_unpack(v, "{'name': s, 'born': [i, *] | 'tall': d}", &name, &year, &tall);
 *
 * A format is one value as Python writes it, with a letter where a C variable stands. Spaces and commas part, and may
 * be left out.
 *
 *   letter   value          coop_any_pack() takes      coop_any_unpack() takes a pointer to
 *   n        nil            nothing                    nothing: the value must be nil
 *   ?        bool           a bool or int              a bool
 *   i        int            any integer                any integer type; -ERANGE if the number does not fit
 *   d        float          a float or double          a float or double; an int is taken too
 *   s        str            const char *, a str value  const char *, or coop_any: for text with a NUL in it, and
 *                                                      for text that the value itself only borrows
 *   z        str or nil     the same, NULL is nil      the same, nil is NULL
 *   y        bytes          a bytes value              coop_any
 *   v        any            a coop_any                 coop_any
 *   [ ... ]  list           what is between            what is between; there must be as many items
 *   { k: v } map            keys and values            keys are given, not fetched; there must be no others
 *   'text'   str            nothing                    nothing: mostly as a key
 *   |                                                  what follows in this list or map may be absent: its pointers
 *                                                      are left alone then
 *   *                                                  stands last in a list or map: there may be more
 *
 * A key is 'text' in the format, or i, s, y or v, which take it as an argument, in both directions. There are no
 * escapes in 'text'.
 *
 * Ownership: what is packed is copied; the value is the caller's, to clear. What is unpacked stays the value's: text
 * and values are borrowed from it, and die with it.
 *
 * Types are checked: the compiler refuses an argument that no letter takes, and one that does not suit its letter is
 * -EINVAL, as are too few or too many: never undefined behaviour. The macros take up to 16 arguments; the functions
 * below them any number.
 *
 * Errors, with the column in the format: -EINVAL, a bad format or argument, or a value of another shape; -ENOENT, a key
 * that is not there; -ERANGE; -ENOMEM. A call that fails changes none of its outputs.
 *
 * Thread safety: as for coop_any. */

/* One argument, with its type; made by the functions below. */
typedef struct coop_arg {
    int kind; /* private */
    union {
        int64_t integer;
        uint64_t natural;
        double real;
        const char *text;
        void *pointer;
        coop_any any;
    } as;
} coop_arg;

/* Kinds of arguments: private. Pointers to integers also tell the size: COOP_ARG_TO_SIGNED + sizeof. */
enum {
    COOP_ARG_INT = 1,
    COOP_ARG_UINT,
    COOP_ARG_FLOAT,
    COOP_ARG_TEXT,
    COOP_ARG_ANY,
    COOP_ARG_TO_BOOL,
    COOP_ARG_TO_FLOAT,
    COOP_ARG_TO_DOUBLE,
    COOP_ARG_TO_TEXT,
    COOP_ARG_TO_ANY,
    COOP_ARG_TO_SIGNED = 0x100,
    COOP_ARG_TO_UNSIGNED = 0x200
};

int coop_any_pack_args(coop_any *ret_value, const char *format, const coop_arg *args, size_t count) COOP_MUST_CHECK;
int coop_any_unpack_args(coop_any value, const char *format, const coop_arg *args, size_t count) COOP_MUST_CHECK;

static inline coop_arg coop_arg_int(int64_t integer)
{
    coop_arg arg;
    arg.kind = COOP_ARG_INT;
    arg.as.integer = integer;
    return arg;
}

static inline coop_arg coop_arg_uint(uint64_t natural)
{
    coop_arg arg;
    arg.kind = COOP_ARG_UINT;
    arg.as.natural = natural;
    return arg;
}

static inline coop_arg coop_arg_float(double real)
{
    coop_arg arg;
    arg.kind = COOP_ARG_FLOAT;
    arg.as.real = real;
    return arg;
}

static inline coop_arg coop_arg_text(const char *text)
{
    coop_arg arg;
    arg.kind = COOP_ARG_TEXT;
    arg.as.text = text;
    return arg;
}

static inline coop_arg coop_arg_any(coop_any value)
{
    coop_arg arg;
    arg.kind = COOP_ARG_ANY;
    arg.as.any = value;
    return arg;
}

static inline coop_arg coop_arg_to(int kind, void *pointer)
{
    coop_arg arg;
    arg.kind = kind;
    arg.as.pointer = pointer;
    return arg;
}

/* clang-format off */
static inline coop_arg coop_arg_to_bool(bool *p) { return coop_arg_to(COOP_ARG_TO_BOOL, p); }
static inline coop_arg coop_arg_to_float(float *p) { return coop_arg_to(COOP_ARG_TO_FLOAT, p); }
static inline coop_arg coop_arg_to_double(double *p) { return coop_arg_to(COOP_ARG_TO_DOUBLE, p); }
static inline coop_arg coop_arg_to_text(const char **p) { return coop_arg_to(COOP_ARG_TO_TEXT, (void *)p); }
static inline coop_arg coop_arg_to_any(coop_any *p) { return coop_arg_to(COOP_ARG_TO_ANY, p); }
static inline coop_arg coop_arg_to_s1(void *p) { return coop_arg_to(COOP_ARG_TO_SIGNED + 1, p); }
static inline coop_arg coop_arg_to_s2(void *p) { return coop_arg_to(COOP_ARG_TO_SIGNED + 2, p); }
static inline coop_arg coop_arg_to_s4(void *p) { return coop_arg_to(COOP_ARG_TO_SIGNED + 4, p); }
static inline coop_arg coop_arg_to_s8(void *p) { return coop_arg_to(COOP_ARG_TO_SIGNED + 8, p); }
static inline coop_arg coop_arg_to_sl(void *p) { return coop_arg_to(COOP_ARG_TO_SIGNED + (int)sizeof(long), p); }
static inline coop_arg coop_arg_to_u1(void *p) { return coop_arg_to(COOP_ARG_TO_UNSIGNED + 1, p); }
static inline coop_arg coop_arg_to_u2(void *p) { return coop_arg_to(COOP_ARG_TO_UNSIGNED + 2, p); }
static inline coop_arg coop_arg_to_u4(void *p) { return coop_arg_to(COOP_ARG_TO_UNSIGNED + 4, p); }
static inline coop_arg coop_arg_to_u8(void *p) { return coop_arg_to(COOP_ARG_TO_UNSIGNED + 8, p); }
static inline coop_arg coop_arg_to_ul(void *p) { return coop_arg_to(COOP_ARG_TO_UNSIGNED + (int)sizeof(long), p); }

COOP_END_DECLS

/* int coop_any_pack(coop_any *ret_value, const char *format, ...)
 * int coop_any_unpack(coop_any value, const char *format, ...) */
#ifndef __cplusplus
#define coop_any_pack(ret_value, ...) coop_any_pack_args((ret_value), COOP_ARGS_(__VA_ARGS__))
#define coop_any_unpack(value, ...) coop_any_unpack_args((value), COOP_ARGS_(__VA_ARGS__))

#define COOP_ARG_(x)                                                                                                   \
    _Generic((x), bool: coop_arg_int, char: coop_arg_int, signed char: coop_arg_int, short: coop_arg_int,              \
             int: coop_arg_int, long: coop_arg_int, long long: coop_arg_int, unsigned char: coop_arg_uint,             \
             unsigned short: coop_arg_uint, unsigned: coop_arg_uint, unsigned long: coop_arg_uint,                     \
             unsigned long long: coop_arg_uint, float: coop_arg_float, double: coop_arg_float,                         \
             char *: coop_arg_text, const char *: coop_arg_text, void *: coop_arg_text, coop_any: coop_arg_any,        \
             bool *: coop_arg_to_bool, float *: coop_arg_to_float, double *: coop_arg_to_double,                       \
             const char **: coop_arg_to_text, coop_any *: coop_arg_to_any, signed char *: coop_arg_to_s1,              \
             short *: coop_arg_to_s2, int *: coop_arg_to_s4, long *: coop_arg_to_sl, long long *: coop_arg_to_s8,      \
             unsigned char *: coop_arg_to_u1, unsigned short *: coop_arg_to_u2, unsigned *: coop_arg_to_u4,            \
             unsigned long *: coop_arg_to_ul, unsigned long long *: coop_arg_to_u8)(x)

/* format, the arguments in an array, and their number */
#define COOP_ARGS_(...)                                                                                                \
    COOP_ARGS_PICK_(__VA_ARGS__, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_,   \
                    COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_,  \
                    COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_N_, COOP_ARGS_0_, 0)(__VA_ARGS__)
#define COOP_ARGS_PICK_(format, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, pick, ...) pick
#define COOP_ARGS_0_(format) (format), NULL, 0
#define COOP_ARGS_N_(format, ...)                                                                                      \
    (format),                                                                                                          \
        (const coop_arg[]){COOP_EACH_PICK_(__VA_ARGS__, COOP_EACH_16_, COOP_EACH_15_, COOP_EACH_14_, COOP_EACH_13_,    \
                                           COOP_EACH_12_, COOP_EACH_11_, COOP_EACH_10_, COOP_EACH_9_, COOP_EACH_8_,    \
                                           COOP_EACH_7_, COOP_EACH_6_, COOP_EACH_5_, COOP_EACH_4_, COOP_EACH_3_,       \
                                           COOP_EACH_2_, COOP_EACH_1_, 0)(__VA_ARGS__)},                               \
        COOP_EACH_PICK_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define COOP_EACH_PICK_(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, pick, ...) pick
#define COOP_EACH_1_(x) COOP_ARG_(x)
#define COOP_EACH_2_(x, ...) COOP_ARG_(x), COOP_EACH_1_(__VA_ARGS__)
#define COOP_EACH_3_(x, ...) COOP_ARG_(x), COOP_EACH_2_(__VA_ARGS__)
#define COOP_EACH_4_(x, ...) COOP_ARG_(x), COOP_EACH_3_(__VA_ARGS__)
#define COOP_EACH_5_(x, ...) COOP_ARG_(x), COOP_EACH_4_(__VA_ARGS__)
#define COOP_EACH_6_(x, ...) COOP_ARG_(x), COOP_EACH_5_(__VA_ARGS__)
#define COOP_EACH_7_(x, ...) COOP_ARG_(x), COOP_EACH_6_(__VA_ARGS__)
#define COOP_EACH_8_(x, ...) COOP_ARG_(x), COOP_EACH_7_(__VA_ARGS__)
#define COOP_EACH_9_(x, ...) COOP_ARG_(x), COOP_EACH_8_(__VA_ARGS__)
#define COOP_EACH_10_(x, ...) COOP_ARG_(x), COOP_EACH_9_(__VA_ARGS__)
#define COOP_EACH_11_(x, ...) COOP_ARG_(x), COOP_EACH_10_(__VA_ARGS__)
#define COOP_EACH_12_(x, ...) COOP_ARG_(x), COOP_EACH_11_(__VA_ARGS__)
#define COOP_EACH_13_(x, ...) COOP_ARG_(x), COOP_EACH_12_(__VA_ARGS__)
#define COOP_EACH_14_(x, ...) COOP_ARG_(x), COOP_EACH_13_(__VA_ARGS__)
#define COOP_EACH_15_(x, ...) COOP_ARG_(x), COOP_EACH_14_(__VA_ARGS__)
#define COOP_EACH_16_(x, ...) COOP_ARG_(x), COOP_EACH_15_(__VA_ARGS__)
#else
inline coop_arg coop_arg_of(bool x) { return coop_arg_int(x); }
inline coop_arg coop_arg_of(int x) { return coop_arg_int(x); }
inline coop_arg coop_arg_of(long x) { return coop_arg_int(x); }
inline coop_arg coop_arg_of(long long x) { return coop_arg_int(x); }
inline coop_arg coop_arg_of(unsigned x) { return coop_arg_uint(x); }
inline coop_arg coop_arg_of(unsigned long x) { return coop_arg_uint(x); }
inline coop_arg coop_arg_of(unsigned long long x) { return coop_arg_uint(x); }
inline coop_arg coop_arg_of(double x) { return coop_arg_float(x); }
inline coop_arg coop_arg_of(const char *x) { return coop_arg_text(x); }
inline coop_arg coop_arg_of(coop_any x) { return coop_arg_any(x); }
inline coop_arg coop_arg_of(bool *x) { return coop_arg_to_bool(x); }
inline coop_arg coop_arg_of(float *x) { return coop_arg_to_float(x); }
inline coop_arg coop_arg_of(double *x) { return coop_arg_to_double(x); }
inline coop_arg coop_arg_of(const char **x) { return coop_arg_to_text(x); }
inline coop_arg coop_arg_of(coop_any *x) { return coop_arg_to_any(x); }
inline coop_arg coop_arg_of(signed char *x) { return coop_arg_to_s1(x); }
inline coop_arg coop_arg_of(short *x) { return coop_arg_to_s2(x); }
inline coop_arg coop_arg_of(int *x) { return coop_arg_to_s4(x); }
inline coop_arg coop_arg_of(long *x) { return coop_arg_to_sl(x); }
inline coop_arg coop_arg_of(long long *x) { return coop_arg_to_s8(x); }
inline coop_arg coop_arg_of(unsigned char *x) { return coop_arg_to_u1(x); }
inline coop_arg coop_arg_of(unsigned short *x) { return coop_arg_to_u2(x); }
inline coop_arg coop_arg_of(unsigned *x) { return coop_arg_to_u4(x); }
inline coop_arg coop_arg_of(unsigned long *x) { return coop_arg_to_ul(x); }
inline coop_arg coop_arg_of(unsigned long long *x) { return coop_arg_to_u8(x); }

template <class... T> COOP_MUST_CHECK int coop_any_pack(coop_any *ret_value, const char *format, T... arguments)
{
    const coop_arg list[] = {coop_arg_of(arguments)..., coop_arg()};
    return coop_any_pack_args(ret_value, format, list, sizeof...(arguments));
}

template <class... T> COOP_MUST_CHECK int coop_any_unpack(coop_any value, const char *format, T... arguments)
{
    const coop_arg list[] = {coop_arg_of(arguments)..., coop_arg()};
    return coop_any_unpack_args(value, format, list, sizeof...(arguments));
}
#endif
/* clang-format on */

#endif
