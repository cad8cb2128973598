/* SPDX-License-Identifier: MIT */
/* Value of records: set and get of 64 bytes, beside memcpy and atomic stores of the same program; and readers of one
 * value at once, alone and beside a writer. */
#include "bench.h"

#include <coop/try.h>
#include <coop/value.h>

#define NAME "record/coop_value"
#define ROUNDS 5
#define MIDDLE 2 /* the median of ROUNDS */
#define CALLS 5000000
#define SECONDS 0.3

struct record {
    int64_t words[8];
};

struct bench {
    coop_value *value;
    struct record *other;
    uint64_t *word;
    size_t size; /* of a record, as the compiler does not know it */
};

static void set(struct bench *b)
{
    struct record record = {{0}};
    for (int64_t i = 0; i < CALLS; i++) {
        record.words[0] = i;
        COOP_MUST(coop_value_set_record(b->value, &record));
    }
}

static void get(struct bench *b)
{
    struct record record;
    for (int64_t i = 0; i < CALLS; i++) COOP_MUST(coop_value_get_record(b->value, &record));
}

static void copy(struct bench *b)
{
    struct record record = {{0}};
    for (int64_t i = 0; i < CALLS; i++) {
        record.words[0] = i;
        memcpy(b->other, &record, b->size);
        __asm__ __volatile__("" ::: "memory");
    }
}

/* What the issue allows: the copy twice, and two atomic stores as C has them (sequentially consistent). */
static void allowed(struct bench *b)
{
    struct record record = {{0}};
    for (int64_t i = 0; i < CALLS; i++) {
        record.words[0] = i;
        __atomic_store_n(b->word, (uint64_t)i, __ATOMIC_SEQ_CST);
        memcpy(b->other, &record, b->size);
        __asm__ __volatile__("" ::: "memory");
        memcpy(b->other + 1, &record, b->size);
        __asm__ __volatile__("" ::: "memory");
        __atomic_store_n(b->word + 8, (uint64_t)i, __ATOMIC_SEQ_CST);
    }
}

static double median(void (*work)(struct bench *), struct bench *b)
{
    uint64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        work(b);
        took[i] = now_ns() - start;
    }
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    return (double)took[MIDDLE] / CALLS;
}

struct race {
    struct gate gate;
    int stop;
    uint64_t reads[2]; /* written at the end */
};

static void read_on(coop_value *value, struct race *race, int self)
{
    struct record record;
    uint64_t count = 0;
    gate_wait(&race->gate);
    while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
        for (int i = 0; i < 1000; i++) COOP_MUST(coop_value_get_record(value, &record));
        count += 1000;
    }
    race->reads[self] = count;
}

static void write_on(coop_value *value, struct race *race)
{
    struct record record = {{0}};
    gate_wait(&race->gate);
    while (!__atomic_load_n(&race->stop, __ATOMIC_RELAXED)) {
        record.words[0]++;
        COOP_MUST(coop_value_set_record(value, &record));
    }
}

/* Millions of reads a second by READERS processes, each on a core of its own, and with a writer on the next one. */
static double race(coop_value *value, int readers, bool writer)
{
    struct race *race = shared(sizeof *race);
    pid_t pids[3];
    int count = 0;
    race->gate.need = (uint32_t)readers + writer + 1;
    for (int i = 0; i < readers; i++)
        if ((pids[count++] = fork_child(i)) == 0) {
            read_on(value, race, i);
            _exit(0);
        }
    if (writer && (pids[count++] = fork_child(readers)) == 0) {
        write_on(value, race);
        _exit(0);
    }
    gate_wait(&race->gate);
    uint64_t start = now_ns();
    usleep((useconds_t)(SECONDS * 1e6));
    __atomic_store_n(&race->stop, 1, __ATOMIC_RELAXED);
    double took = (double)(now_ns() - start) / 1e9;
    for (int i = 0; i < count; i++) join_child(pids[i]);
    return (double)(race->reads[0] + race->reads[1]) / took / 1e6;
}

int main(int argc, char **argv)
{
    if (!wanted(argc, argv, "coop_record")) return 0;
    struct bench b = {.other = aligned_alloc(64, 2 * sizeof(struct record)),
                      .word = aligned_alloc(64, 16 * sizeof(uint64_t))};
    if (!b.other || !b.word) return 1;
    COOP_MUST(coop_value_new("8q", &b.value));
    b.size = coop_value_size(b.value);
    double one = race(b.value, 1, false), two = race(b.value, 2, false), beside = race(b.value, 1, true);
    pin(0);
    emit(NAME, "set64", median(set, &b), "ns");
    emit(NAME, "get64", median(get, &b), "ns");
    emit(NAME, "memcpy64", median(copy, &b), "ns");
    emit(NAME, "two_memcpy64_two_stores", median(allowed, &b), "ns");
    emit(NAME, "reads_1_process", one, "M/s");
    emit(NAME, "reads_2_processes", two, "M/s");
    emit(NAME, "reads_beside_a_writer", beside, "M/s");
    coop_value_close(b.value);
    free(b.other);
    free(b.word);
    return 0;
}
