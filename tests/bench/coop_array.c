/* SPDX-License-Identifier: MIT */
/* Array: bulk copy, sum through the plain view, and one item under the array's lock. */
#include "bench.h"

#include <coop/array.h>
#include <coop/try.h>

#define NAME "array/coop_array"
#define ITEMS (INT64_C(8) << 20) /* 64 MiB of double */
#define BYTES ((size_t)ITEMS * sizeof(double))
#define RANGE (INT64_C(1) << 17) /* single items are taken from 1 MiB */
#define ACCESSES 500000
#define ROUNDS 5
#define MIDDLE 2 /* the median of ROUNDS */

struct bench {
    coop_array *array;
    double *source;
    volatile double sink;
};

static void copy(struct bench *b)
{
    COOP_MUST(coop_array_write(b->array, 0, (size_t)ITEMS, b->source));
}

static void sum(struct bench *b)
{
    const double *items = coop_array_data(b->array);
    double s[8] = {0};
    for (int64_t i = 0; i < ITEMS; i += 8)
        for (int k = 0; k < 8; k++) s[k] += items[i + k];
    b->sink = s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7];
}

static void add_locked(struct bench *b)
{
    coop_rlock *lock = coop_array_lock(b->array);
    for (int64_t i = 0; i < ACCESSES; i++) {
        double item;
        COOP_MUST(coop_rlock_acquire(lock, COOP_FOREVER));
        COOP_MUST(coop_array_get(b->array, i & (RANGE - 1), &item));
        COOP_MUST(coop_array_set(b->array, i & (RANGE - 1), item + 1));
        COOP_MUST(coop_rlock_release(lock));
    }
}

static uint64_t once(void (*work)(struct bench *), struct bench *b)
{
    uint64_t start = now_ns();
    work(b);
    return now_ns() - start;
}

static double median(void (*work)(struct bench *), struct bench *b)
{
    uint64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) took[i] = once(work, b);
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    return (double)took[MIDDLE];
}

int main(int argc, char **argv)
{
    if (!wanted(argc, argv, "coop_array")) return 0;
    pin(0);
    struct bench b = {.source = malloc(BYTES)};
    if (!b.source) return 1;
    for (int64_t i = 0; i < ITEMS; i++) b.source[i] = (double)(i % 1000);
    coop_segment *segment;
    COOP_MUST(coop_segment_create(NULL, COOP_SEGMENT_OPTIONS(.reserve = BYTES + (1 << 20)), &segment));
    COOP_MUST(coop_array_in(segment, NULL, "d", (size_t)ITEMS, COOP_CREATE, &b.array));
    emit(NAME, "copy64MiB_first_touch", (double)BYTES / (double)once(copy, &b), "GB/s");
    emit(NAME, "copy64MiB", (double)BYTES / median(copy, &b), "GB/s");
    emit(NAME, "sum64MiB", (double)BYTES / median(sum, &b), "GB/s");
    emit(NAME, "element_rw_locked", median(add_locked, &b) / ACCESSES, "ns");
    coop_array_close(b.array);
    coop_segment_close(segment);
    free(b.source);
    return 0;
}
