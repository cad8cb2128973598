/* SPDX-License-Identifier: MIT */
/* One number in memory: the range of each code from both sides, rounding, sums, and atomicity between threads. */
#include "data/scalar.h"
#include "harness/test.h"

#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

static const char integers[] = "bBhHiIlLqQnN";
static const char all_codes[] = "?cbBhHiIlLqQnNfd";

/* Integer codes with their bounds. */
static const struct {
    char code;
    int64_t lowest;
    uint64_t highest;
} bounds[] = {
    {'?', 0, 1},
    {'c', -128, 255},
    {'b', INT8_MIN, INT8_MAX},
    {'B', 0, UINT8_MAX},
    {'h', SHRT_MIN, SHRT_MAX},
    {'H', 0, USHRT_MAX},
    {'i', INT_MIN, INT_MAX},
    {'I', 0, UINT_MAX},
    {'l', LONG_MIN, LONG_MAX},
    {'L', 0, ULONG_MAX},
    {'q', LLONG_MIN, LLONG_MAX},
    {'Q', 0, ULLONG_MAX},
    {'n', SSIZE_MAX * -1 - 1, SSIZE_MAX},
    {'N', 0, SIZE_MAX},
};
#define BOUNDS (sizeof bounds / sizeof bounds[0])

static int64_t i64(char code, const void *p)
{
    int64_t number = 0;
    CHECK_OK(coopi_scalar_get_i64(code, p, &number));
    return number;
}

static uint64_t u64(char code, const void *p)
{
    uint64_t number = 0;
    CHECK_OK(coopi_scalar_get_u64(code, p, &number));
    return number;
}

static double f64(char code, const void *p)
{
    double number = 0;
    CHECK_OK(coopi_scalar_get_f64(code, p, &number));
    return number;
}

static void each_code_takes_its_lowest_and_nothing_below(void)
{
    for (size_t i = 0; i < BOUNDS; i++) {
        uint64_t memory = 0;
        char code = bounds[i].code;
        CHECK_OK(coopi_scalar_set_i64(code, &memory, bounds[i].lowest));
        CHECK_EQ(i64(code, &memory), bounds[i].lowest);
        if (bounds[i].lowest == INT64_MIN) continue;
        CHECK_OK(coopi_scalar_set_i64(code, &memory, 1));
        CHECK_ERR(coopi_scalar_set_i64(code, &memory, bounds[i].lowest - 1), COOPI_GIVEN_RANGE);
        CHECK_ERR(coopi_scalar_set_i64(code, &memory, INT64_MIN), COOPI_GIVEN_RANGE);
        CHECK_ERR(coopi_scalar_set_f64(code, &memory, (double)bounds[i].lowest - 1), COOPI_GIVEN_RANGE);
        CHECK_EQ(i64(code, &memory), 1);
    }
}

static void each_code_takes_its_highest_and_nothing_above(void)
{
    for (size_t i = 0; i < BOUNDS; i++) {
        uint64_t memory = 0;
        char code = bounds[i].code;
        CHECK_OK(coopi_scalar_set_u64(code, &memory, bounds[i].highest));
        if (code != 'c') CHECK_EQ(u64(code, &memory), bounds[i].highest);
        CHECK_OK(coopi_scalar_set_i64(code, &memory, 1));
        if (bounds[i].highest < UINT64_MAX)
            CHECK_ERR(coopi_scalar_set_u64(code, &memory, bounds[i].highest + 1), COOPI_GIVEN_RANGE);
        if (bounds[i].highest < INT64_MAX) {
            CHECK_ERR(coopi_scalar_set_i64(code, &memory, (int64_t)bounds[i].highest + 1), COOPI_GIVEN_RANGE);
            CHECK_ERR(coopi_scalar_set_i64(code, &memory, INT64_MAX), COOPI_GIVEN_RANGE);
        }
        CHECK_ERR(coopi_scalar_set_f64(code, &memory, 0x1p64), COOPI_GIVEN_RANGE);
        CHECK_EQ(i64(code, &memory), 1);
    }
}

static void only_the_bytes_of_the_scalar_are_written(void)
{
    for (const char *code = all_codes; *code; code++) {
        uint8_t memory[16] __attribute__((aligned(8)));
        size_t size = strchr("?cbB", *code) ? 1 : strchr("hH", *code) ? 2 : strchr("iIf", *code) ? 4 : 8;
        memset(memory, 0xa5, sizeof memory);
        CHECK_OK(coopi_scalar_set_i64(*code, memory, 1));
        for (size_t i = size; i < sizeof memory; i++) CHECK_EQ(memory[i], 0xa5);
        if (strchr("?c", *code)) continue;
        CHECK_OK(coopi_scalar_add_i64(*code, memory, 1, NULL));
        CHECK_OK(coopi_scalar_exchange_i64(*code, memory, 1, NULL));
        for (size_t i = size; i < sizeof memory; i++) CHECK_EQ(memory[i], 0xa5);
    }
}

static void a_char_reads_back_as_c_has_it(void)
{
    char memory = 0;
    CHECK_OK(coopi_scalar_set_i64('c', &memory, 'A'));
    CHECK_EQ(memory, 'A');
    CHECK_OK(coopi_scalar_set_i64('c', &memory, 200));
    CHECK_EQ(memory, (char)200);
    CHECK_EQ(i64('c', &memory), (char)200);
}

static void a_bool_is_one_for_any_byte_but_zero(void)
{
    uint8_t memory = 77;
    CHECK_EQ(i64('?', &memory), 1);
    CHECK_EQ(u64('?', &memory), 1);
    CHECK_DOUBLE(f64('?', &memory), 1.0);
}

static void a_fraction_does_not_fit_an_integer(void)
{
    for (size_t i = 0; i < BOUNDS; i++) {
        uint64_t memory = 0;
        CHECK_ERR(coopi_scalar_set_f64(bounds[i].code, &memory, 0.5), COOPI_GIVEN_RANGE);
        CHECK_ERR(coopi_scalar_set_f64(bounds[i].code, &memory, NAN), COOPI_GIVEN_RANGE);
        CHECK_ERR(coopi_scalar_set_f64(bounds[i].code, &memory, INFINITY), COOPI_GIVEN_RANGE);
        CHECK_ERR(coopi_scalar_set_f64(bounds[i].code, &memory, -INFINITY), COOPI_GIVEN_RANGE);
        CHECK_EQ(memory, 0);
        CHECK_OK(coopi_scalar_set_f64(bounds[i].code, &memory, 1.0));
        CHECK_EQ(i64(bounds[i].code, &memory), 1);
    }
}

static void what_is_held_and_does_not_fit_is_not_read(void)
{
    uint64_t memory = UINT64_MAX;
    int64_t number = 5;
    uint64_t positive = 5;
    CHECK_ERR(coopi_scalar_get_i64('Q', &memory, &number), COOPI_HELD_RANGE);
    CHECK_ERR(coopi_scalar_get_u64('q', &memory, &positive), COOPI_HELD_RANGE);
    CHECK_ERR(coopi_scalar_get_u64('b', &memory, &positive), COOPI_HELD_RANGE);
    double fraction = 2.5, large = 0x1p63, negative = -1;
    CHECK_ERR(coopi_scalar_get_i64('d', &fraction, &number), COOPI_HELD_RANGE);
    CHECK_ERR(coopi_scalar_get_i64('d', &large, &number), COOPI_HELD_RANGE);
    CHECK_ERR(coopi_scalar_get_u64('d', &negative, &positive), COOPI_HELD_RANGE);
    CHECK_EQ(number, 5);
    CHECK_EQ(positive, 5);
    CHECK_EQ(u64('d', &large), UINT64_C(1) << 63);
    CHECK_EQ(i64('d', &negative), -1);
}

static void floats_take_and_give_every_kind_of_number(void)
{
    double wide = 0;
    float narrow = 0;
    CHECK_OK(coopi_scalar_set_f64('d', &wide, 0.1));
    CHECK_DOUBLE(wide, 0.1);
    CHECK_OK(coopi_scalar_set_f64('f', &narrow, 0.1));
    CHECK_DOUBLE((double)narrow, (double)0.1f);
    CHECK_DOUBLE(f64('f', &narrow), (double)0.1f);
    CHECK_OK(coopi_scalar_set_i64('d', &wide, INT64_MIN));
    CHECK_EQ(i64('d', &wide), INT64_MIN);
    CHECK_OK(coopi_scalar_set_u64('f', &narrow, 16777217));
    CHECK_EQ(i64('f', &narrow), 16777216);
    CHECK_OK(coopi_scalar_set_f64('f', &narrow, -INFINITY));
    CHECK(isinf(f64('f', &narrow)));
    CHECK_OK(coopi_scalar_set_f64('d', &wide, NAN));
    CHECK(isnan(f64('d', &wide)));
}

static void a_double_too_large_for_a_float_is_refused(void)
{
    float memory = 1;
    CHECK_ERR(coopi_scalar_set_f64('f', &memory, 1e39), COOPI_GIVEN_RANGE);
    CHECK_ERR(coopi_scalar_set_f64('f', &memory, -1e39), COOPI_GIVEN_RANGE);
    CHECK_DOUBLE((double)memory, 1.0);
}

static void integers_beyond_what_a_double_holds_are_rounded(void)
{
    int64_t memory = (INT64_C(1) << 53) + 1;
    CHECK_DOUBLE(f64('q', &memory), 0x1p53);
    memory = -1;
    CHECK_DOUBLE(f64('Q', &memory), 0x1p64);
    CHECK_DOUBLE(f64('q', &memory), -1.0);
}

static void a_string_is_not_a_number(void)
{
    char memory[8] = "text";
    int64_t number = 5;
    double real = 5;
    CHECK_ERR(coopi_scalar_get_i64('s', memory, &number), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_set_i64('s', memory, 1), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_add_i64('s', memory, 1, &number), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_add_f64('s', memory, 1, &real), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_exchange_i64('s', memory, 1, &number), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_exchange_f64('s', memory, 1, &real), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_compare_exchange_i64('s', memory, &number, 1), COOPI_NOT_A_NUMBER);
    CHECK_ERR(coopi_scalar_compare_exchange_f64('s', memory, &real, 1), COOPI_NOT_A_NUMBER);
    CHECK_STR(memory, "text");
}

static void adding_gives_the_new_number(void)
{
    for (const char *code = integers; *code; code++) {
        uint64_t memory = 0;
        int64_t sum = 0;
        double real = 0;
        CHECK_OK(coopi_scalar_add_i64(*code, &memory, 100, &sum));
        CHECK_EQ(sum, 100);
        CHECK_OK(coopi_scalar_add_i64(*code, &memory, -99, &sum));
        CHECK_EQ(sum, 1);
        CHECK_OK(coopi_scalar_add_f64(*code, &memory, 6.0, &real));
        CHECK_DOUBLE(real, 7.0);
        CHECK_OK(coopi_scalar_add_i64(*code, &memory, 1, NULL));
        CHECK_EQ(i64(*code, &memory), 8);
    }
    double memory = 2.5, real = 0;
    CHECK_OK(coopi_scalar_add_f64('d', &memory, 0.25, &real));
    CHECK_DOUBLE(real, 2.75);
    CHECK_OK(coopi_scalar_add_i64('d', &memory, -2, NULL));
    CHECK_DOUBLE(memory, 0.75);
}

static void a_sum_out_of_range_changes_nothing(void)
{
    for (size_t i = 2; i < BOUNDS; i++) {
        uint64_t memory = 0;
        char code = bounds[i].code;
        int64_t sum = 5;
        CHECK_OK(coopi_scalar_set_u64(code, &memory, bounds[i].highest));
        CHECK_ERR(coopi_scalar_add_i64(code, &memory, 1, NULL), COOPI_SUM_RANGE);
        CHECK_ERR(coopi_scalar_add_i64(code, &memory, INT64_MAX, &sum), COOPI_SUM_RANGE);
        CHECK_EQ(u64(code, &memory), bounds[i].highest);
        CHECK_OK(coopi_scalar_set_i64(code, &memory, bounds[i].lowest));
        CHECK_ERR(coopi_scalar_add_i64(code, &memory, -1, NULL), COOPI_SUM_RANGE);
        CHECK_ERR(coopi_scalar_add_i64(code, &memory, INT64_MIN, &sum), COOPI_SUM_RANGE);
        CHECK_EQ(i64(code, &memory), bounds[i].lowest);
        CHECK_EQ(sum, 5);
    }
}

static void a_sum_that_the_caller_cannot_take_changes_nothing(void)
{
    uint64_t memory = INT64_MAX;
    int64_t sum = 5;
    CHECK_ERR(coopi_scalar_add_i64('Q', &memory, 1, &sum), COOPI_SUM_RANGE);
    CHECK_EQ(memory, INT64_MAX);
    CHECK_EQ(sum, 5);
    CHECK_OK(coopi_scalar_add_i64('Q', &memory, 1, NULL));
    CHECK_EQ(u64('Q', &memory), (uint64_t)INT64_MAX + 1);
    double real = 0.5;
    CHECK_ERR(coopi_scalar_add_i64('d', &real, 1, &sum), COOPI_SUM_RANGE);
    CHECK_DOUBLE(real, 0.5);
}

static void a_sum_that_would_be_infinite_changes_nothing(void)
{
    double wide = 1.7e308;
    float narrow = 3.4e38f;
    CHECK_ERR(coopi_scalar_add_f64('d', &wide, 1.7e308, NULL), COOPI_SUM_RANGE);
    CHECK_DOUBLE(wide, 1.7e308);
    CHECK_ERR(coopi_scalar_add_f64('f', &narrow, 3.4e38, NULL), COOPI_SUM_RANGE);
    CHECK_DOUBLE((double)narrow, (double)3.4e38f);
    wide = INFINITY;
    CHECK_OK(coopi_scalar_add_f64('d', &wide, -1, NULL));
    CHECK(isinf(wide));
}

static void a_fraction_is_not_added_to_an_integer(void)
{
    int memory = 3;
    CHECK_ERR(coopi_scalar_add_f64('i', &memory, 0.5, NULL), COOPI_GIVEN_RANGE);
    CHECK_ERR(coopi_scalar_add_f64('i', &memory, NAN, NULL), COOPI_GIVEN_RANGE);
    CHECK_EQ(memory, 3);
}

static void bool_and_char_cannot_be_added_to(void)
{
    char memory = 0;
    CHECK_ERR(coopi_scalar_add_i64('?', &memory, 1, NULL), COOPI_NO_SUM);
    CHECK_ERR(coopi_scalar_add_i64('c', &memory, 1, NULL), COOPI_NO_SUM);
    CHECK_ERR(coopi_scalar_add_f64('c', &memory, 1, NULL), COOPI_NO_SUM);
    CHECK_EQ(memory, 0);
}

static void exchange_gives_what_was_there(void)
{
    for (const char *code = all_codes; *code; code++) {
        uint64_t memory = 0;
        int64_t old = 5;
        double real = 5;
        CHECK_OK(coopi_scalar_exchange_i64(*code, &memory, 1, &old));
        CHECK_EQ(old, 0);
        CHECK_OK(coopi_scalar_exchange_f64(*code, &memory, 0, &real));
        CHECK_DOUBLE(real, 1.0);
        CHECK_EQ(i64(*code, &memory), 0);
        CHECK_OK(coopi_scalar_exchange_i64(*code, &memory, 1, NULL));
        CHECK_EQ(i64(*code, &memory), 1);
    }
}

static void an_exchange_out_of_range_changes_nothing(void)
{
    int8_t memory = 3;
    int64_t old = 5;
    double real = 5;
    CHECK_ERR(coopi_scalar_exchange_i64('b', &memory, 128, &old), COOPI_GIVEN_RANGE);
    CHECK_ERR(coopi_scalar_exchange_f64('b', &memory, 2.5, &real), COOPI_GIVEN_RANGE);
    CHECK_EQ(memory, 3);
    double held = 2.5;
    CHECK_ERR(coopi_scalar_exchange_i64('d', &held, 1, &old), COOPI_HELD_RANGE);
    CHECK_DOUBLE(held, 2.5);
    CHECK_EQ(old, 5);
    CHECK_DOUBLE(real, 5.0);
}

static void compare_exchange_stores_only_where_it_was_expected(void)
{
    for (const char *code = all_codes; *code; code++) {
        uint64_t memory = 0;
        int64_t expected = 1;
        double real = 0;
        CHECK_EQ(coopi_scalar_compare_exchange_i64(*code, &memory, &expected, 1), 0);
        CHECK_EQ(expected, 0);
        CHECK_EQ(coopi_scalar_compare_exchange_i64(*code, &memory, &expected, 1), 1);
        CHECK_EQ(expected, 0);
        CHECK_EQ(coopi_scalar_compare_exchange_f64(*code, &memory, &real, 0), 0);
        CHECK_DOUBLE(real, 1.0);
        CHECK_EQ(coopi_scalar_compare_exchange_f64(*code, &memory, &real, 0), 1);
        CHECK_EQ(i64(*code, &memory), 0);
    }
}

static void compare_exchange_expects_what_cannot_be_there(void)
{
    int8_t memory = 3;
    int64_t expected = 1000;
    CHECK_EQ(coopi_scalar_compare_exchange_i64('b', &memory, &expected, 5), 0);
    CHECK_EQ(expected, 3);
    double real = 3.5;
    CHECK_EQ(coopi_scalar_compare_exchange_f64('b', &memory, &real, 5), 0);
    CHECK_DOUBLE(real, 3.0);
    expected = 9;
    CHECK_ERR(coopi_scalar_compare_exchange_i64('b', &memory, &expected, 500), COOPI_GIVEN_RANGE);
    CHECK_EQ(expected, 9);
    CHECK_EQ(memory, 3);
}

static void compare_exchange_cannot_tell_what_does_not_fit(void)
{
    uint64_t memory = UINT64_MAX;
    int64_t expected = 1;
    double real = 0x1p64;
    CHECK_ERR(coopi_scalar_compare_exchange_i64('Q', &memory, &expected, 2), COOPI_HELD_RANGE);
    CHECK_ERR(coopi_scalar_compare_exchange_f64('Q', &memory, &real, 2), COOPI_HELD_RANGE);
    CHECK_EQ(memory, UINT64_MAX);
    CHECK_EQ(expected, 1);
}

static void compare_exchange_of_floats_compares_bits(void)
{
    double memory = 0.0;
    double expected = -0.0;
    CHECK_EQ(coopi_scalar_compare_exchange_f64('d', &memory, &expected, 1), 0);
    CHECK(!signbit(expected));
    memory = NAN;
    expected = NAN;
    CHECK_EQ(coopi_scalar_compare_exchange_f64('d', &memory, &expected, 1), 1);
    CHECK_DOUBLE(memory, 1.0);
    float narrow = 0.1f;
    expected = 0.1;
    CHECK_EQ(coopi_scalar_compare_exchange_f64('f', &narrow, &expected, 1), 0);
    CHECK_EQ(coopi_scalar_compare_exchange_f64('f', &narrow, &expected, 1), 1);
    CHECK_DOUBLE((double)narrow, 1.0);
}

static void bytes_are_copied_from_and_to_unaligned_places(void)
{
    uint64_t memory = 0;
    char bytes[9];
    for (uint32_t size = 1; size <= 8; size *= 2) {
        memset(bytes, 'x', sizeof bytes);
        coopi_scalar_set_bytes(&memory, "12345678", size);
        coopi_scalar_get_bytes(&memory, bytes + 1, size);
        CHECK_MEM(bytes + 1, "12345678", size);
        CHECK_EQ(bytes[0], 'x');
    }
}

/* Threads */

#define ROUNDS 20000

struct shared_number {
    uint64_t memory;
    char code;
    int arrived;
};

/* Waits for the other thread, so that they run beside each other and not one after the other. */
static struct shared_number *at_the_gate(void *arg)
{
    struct shared_number *shared = arg;
    __atomic_add_fetch(&shared->arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&shared->arrived, __ATOMIC_ACQUIRE) < 2) sched_yield();
    return shared;
}

static void *add_ones(void *arg)
{
    struct shared_number *shared = at_the_gate(arg);
    for (int i = 0; i < ROUNDS; i++) CHECK_OK(coopi_scalar_add_i64(shared->code, &shared->memory, 1, NULL));
    return NULL;
}

static void both_run(void *(*run)(void *), void *arg)
{
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_create(&threads[i], NULL, run, arg), 0);
    for (int i = 0; i < 2; i++) CHECK_EQ(pthread_join(threads[i], NULL), 0);
}

static void two_threads_lose_no_addition(void)
{
    for (const char *code = "HiqQfd"; *code; code++) {
        struct shared_number shared = {.code = *code};
        both_run(add_ones, &shared);
        CHECK_EQ(i64(*code, &shared.memory), 2 * ROUNDS);
    }
}

/* Goes up to the bound and stays there: a sum beyond would show as a negative number, if only for a moment. */
static void *push_against_the_bound(void *arg)
{
    struct shared_number *shared = at_the_gate(arg);
    int64_t sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        int result = coopi_scalar_add_i64(shared->code, &shared->memory, 1, &sum);
        CHECK(result == 0 || result == COOPI_SUM_RANGE);
        CHECK(sum >= 0);
        CHECK(i64(shared->code, &shared->memory) > 0);
    }
    return NULL;
}

static void two_threads_at_the_bound_never_pass_it(void)
{
    struct shared_number wide = {.code = 'q'}, narrow = {.code = 'b'};
    CHECK_OK(coopi_scalar_set_i64('q', &wide.memory, INT64_MAX - ROUNDS / 2));
    both_run(push_against_the_bound, &wide);
    CHECK_EQ(i64('q', &wide.memory), INT64_MAX);
    CHECK_OK(coopi_scalar_set_i64('b', &narrow.memory, 1));
    both_run(push_against_the_bound, &narrow);
    CHECK_EQ(i64('b', &narrow.memory), INT8_MAX);
}

/* Each takes the number away and puts one more back, by compare_exchange. */
static void *take_and_put(void *arg)
{
    struct shared_number *shared = at_the_gate(arg);
    for (int i = 0; i < ROUNDS; i++) {
        int64_t number = 0;
        int done;
        do done = coopi_scalar_compare_exchange_i64(shared->code, &shared->memory, &number, number + 1);
        while (done == 0);
        CHECK_EQ(done, 1);
    }
    return NULL;
}

static void two_threads_lose_no_compare_exchange(void)
{
    struct shared_number shared = {.code = 'i'};
    both_run(take_and_put, &shared);
    CHECK_EQ(i64('i', &shared.memory), 2 * ROUNDS);
}

TESTS(scalar, TEST(each_code_takes_its_lowest_and_nothing_below), TEST(each_code_takes_its_highest_and_nothing_above),
      TEST(only_the_bytes_of_the_scalar_are_written), TEST(a_char_reads_back_as_c_has_it),
      TEST(a_bool_is_one_for_any_byte_but_zero), TEST(a_fraction_does_not_fit_an_integer),
      TEST(what_is_held_and_does_not_fit_is_not_read), TEST(floats_take_and_give_every_kind_of_number),
      TEST(a_double_too_large_for_a_float_is_refused), TEST(integers_beyond_what_a_double_holds_are_rounded),
      TEST(a_string_is_not_a_number), TEST(adding_gives_the_new_number), TEST(a_sum_out_of_range_changes_nothing),
      TEST(a_sum_that_the_caller_cannot_take_changes_nothing), TEST(a_sum_that_would_be_infinite_changes_nothing),
      TEST(a_fraction_is_not_added_to_an_integer), TEST(bool_and_char_cannot_be_added_to),
      TEST(exchange_gives_what_was_there), TEST(an_exchange_out_of_range_changes_nothing),
      TEST(compare_exchange_stores_only_where_it_was_expected), TEST(compare_exchange_expects_what_cannot_be_there),
      TEST(compare_exchange_cannot_tell_what_does_not_fit), TEST(compare_exchange_of_floats_compares_bits),
      TEST(bytes_are_copied_from_and_to_unaligned_places), TEST(two_threads_lose_no_addition),
      TEST(two_threads_at_the_bound_never_pass_it), TEST(two_threads_lose_no_compare_exchange))
