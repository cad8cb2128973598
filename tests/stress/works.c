/* SPDX-License-Identifier: MIT */
/* What the victims of stress_all do, and the books from which is proved afterwards that nothing was lost or doubled. */
#include "stress/works.h"

#include <coop/coop.h>
#include <coop/try.h>
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>

enum { CELLS = 8, ACCOUNTS = 16, EACH = 100, NAMES = 64, CHURNED = 3, KEYS = 4, WORDS = 8 };
enum { FIRST_PLAIN, FIRST_RLOCK = 2, FIRST_TRANSFERABLE = 4, LEDGERS = 6, BANKS = 7, DOORS = 8 };

const char *const noun_names[NOUNS] = {"locks", "values", "arrays", "segments", "objects", "managed"};
struct tally *tally;

static struct {
    char base[64];
    coop_segment *segment;
    coop_value *sum, *halves, *token, *ledger;
    coop_array *cells, *bank;
    coop_manager *manager;
    coop_list *list;
    coop_dict *dict;
} world;

static __attribute__((format(printf, 2, 3))) void wrong(int *counter, const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (__atomic_fetch_add(counter, 1, __ATOMIC_RELAXED) < 5) fprintf(stderr, "stress_all: %s\n", text);
}

/* An error that a call may not give here. */
static bool failed(int r, const char *what)
{
    if (r < 0) wrong(&tally->wrong, "%s: %s", what, coop_error_detail());
    return r < 0;
}

static void begin(int life, enum sum sum)
{
    struct book *book = &tally->books[life];
    store(&book->begun[sum], book->begun[sum] + 1);
}

static void end(int life, enum sum sum)
{
    struct book *book = &tally->books[life];
    store(&book->done[sum], book->done[sum] + 1);
}

/* Tokens */

static int64_t token_of(int life, int number)
{
    return (int64_t)life * TOKENS + number;
}

static void note_taken(enum place place, int64_t token)
{
    if (token == 0) return;
    int64_t life = token / TOKENS;
    int number = (int)(token % TOKENS);
    if (life <= 0 || life >= LIVES || number > load(&tally->books[life].puts_begun[place])) {
        wrong(&tally->torn, "token %lld was never put in", (long long)token);
        return;
    }
    uint64_t bit = UINT64_C(1) << number % 64;
    uint64_t before = __atomic_fetch_or(&tally->books[life].taken[place][number / 64], bit, __ATOMIC_RELAXED);
    if (before & bit) wrong(&tally->doubled, "token %lld was taken twice", (long long)token);
}

/* Locks */

static const int64_t time_outs[] = {COOP_FOREVER, COOP_FOREVER, COOP_FOREVER, COOP_NOWAIT, COOP_MS(1)};

static void lock_one(int life, int first)
{
    int guard = first + (int)(roll() % 2);
    if (guard_take(life, guard, time_outs[roll() % 5]) < 0) return;
    int deeper = (int)(roll() % 3);
    for (int i = 0; i < deeper; i++) guard_deepen(guard);
    if (roll() % 4 == 0) pass(50);
    for (int i = 0; i < deeper; i++) guard_undeepen(guard);
    guard_give(life, guard);
}

static void lock_plain(int life)
{
    lock_one(life, FIRST_PLAIN);
}

static void lock_recursive(int life)
{
    lock_one(life, FIRST_RLOCK);
}

static void lock_transferable(int life)
{
    lock_one(life, FIRST_TRANSFERABLE);
}

/* Values */

static void value_add(int life)
{
    begin(life, ADDED);
    if (!failed(coop_value_add_i64(world.sum, 1, NULL), "add")) end(life, ADDED);
}

static void value_set_and_get(int life)
{
    uint32_t low = (uint32_t)life * 2654435761u ^ roll();
    if (failed(coop_value_set_i64(world.halves, (int64_t)((uint64_t)~low << 32 | low)), "set")) return;
    int64_t found;
    if (failed(coop_value_get_i64(world.halves, &found), "get")) return;
    uint64_t bits = (uint64_t)found;
    if ((uint32_t)(bits >> 32) != ~(uint32_t)bits) wrong(&tally->torn, "half of a number: %#llx", (long long)bits);
}

static void value_exchange(int life)
{
    struct book *book = &tally->books[life];
    int number = book->puts_begun[EXCHANGED] + 1;
    if (number >= TOKENS) return;
    int64_t old;
    store(&book->puts_begun[EXCHANGED], number);
    store(&book->takes_begun[EXCHANGED], number);
    if (failed(coop_value_exchange_i64(world.token, token_of(life, number), &old), "exchange")) return;
    note_taken(EXCHANGED, old);
    store(&book->takes_done[EXCHANGED], number);
    store(&book->puts_done[EXCHANGED], number);
}

static int64_t highest(const int64_t *words)
{
    int64_t most = words[0];
    for (int i = 1; i < WORDS; i++) most = words[i] > most ? words[i] : most;
    return most;
}

/* A byte string that says one number eight times: a mixture only when the death of its writer is told. */
static void value_ledger(int life)
{
    int64_t words[WORDS];
    int held = guard_take(life, LEDGERS, COOP_FOREVER);
    if (held < 0) return;
    if (!failed(coop_value_get_bytes(world.ledger, words, sizeof words), "ledger")) {
        for (int i = 1; i < WORDS && held == 0; i++)
            if (words[i] != words[0]) wrong(&tally->torn, "a mixture in the ledger, and nobody was told");
        int64_t next = highest(words) + 1;
        for (int i = 0; i < WORDS; i++) words[i] = next;
        begin(life, LEDGER);
        if (!failed(coop_value_set_bytes(world.ledger, words, sizeof words), "ledger")) end(life, LEDGER);
    }
    guard_give(life, LEDGERS);
}

/* Arrays */

static void array_add(int life)
{
    begin(life, ITEMS);
    int64_t index = (int64_t)(roll() % (2 * CELLS)) - CELLS;
    if (!failed(coop_array_add_i64(world.cells, index, 1, NULL), "array add")) end(life, ITEMS);
}

static int64_t total(const int64_t *accounts)
{
    int64_t sum = 0;
    for (int i = 0; i < ACCOUNTS; i++) sum += accounts[i];
    return sum;
}

/* Accounts whose sum never changes, in slices. A writer that dies between two slices is told, and then mended. */
static void array_bank(int life)
{
    int64_t accounts[ACCOUNTS];
    int held = guard_take(life, BANKS, COOP_FOREVER);
    if (held < 0) return;
    if (!failed(coop_array_read(world.bank, 0, ACCOUNTS, accounts), "bank")) {
        int64_t missing = (int64_t)ACCOUNTS * EACH - total(accounts);
        if (missing && held == 0)
            wrong(&tally->torn, "%lld missing in the bank, and nobody was told", (long long)missing);
        accounts[0] += missing;
        unsigned from = roll() % (ACCOUNTS / 2), to = ACCOUNTS / 2 + roll() % (ACCOUNTS / 2 - 2);
        accounts[from] -= 3;
        for (unsigned i = to; i < to + 3; i++) accounts[i]++;
        failed(coop_array_write(world.bank, 0, ACCOUNTS / 2, accounts), "bank");
        failed(coop_array_write(world.bank, -ACCOUNTS / 2, ACCOUNTS / 2, accounts + ACCOUNTS / 2), "bank");
    }
    guard_give(life, BANKS);
}

/* Segments that come and go */

static const char *churned(char *name, size_t size)
{
    snprintf(name, size, "%s.c%u", world.base, roll() % CHURNED);
    return name;
}

static void segment_create(int life)
{
    (void)life;
    char name[80];
    coop_segment *segment;
    const coop_segment_options *small =
        COOP_SEGMENT_OPTIONS(.reserve = 4096, .maximum = 1 << 20, .objects = 8, .owners = 16, .participants = 16);
    int r = coop_segment_create(churned(name, sizeof name), small, &segment);
    if (r == 0)
        coop_segment_close(segment);
    else if (r != -EEXIST)
        failed(r, "segment create");
}

static void segment_open(int life)
{
    (void)life;
    char name[80];
    coop_segment *segment;
    int r = coop_segment_open(churned(name, sizeof name), 0, &segment);
    if (r < 0) {
        if (r != -ENOENT) failed(r, "segment open");
        return;
    }
    COOP_AUTO(coop_lock) lock = NULL;
    if (!failed(coop_lock_in(segment, "door", COOP_CREATE, &lock), "lock in a segment")) {
        r = coop_lock_acquire(lock, COOP_MS(1));
        if (r != -ETIMEDOUT && !failed(r, "lock in a segment")) coop_lock_release(lock);
    }
    coop_segment_close(segment);
}

static void segment_by_path(int life)
{
    (void)life;
    char name[80], path[100];
    coop_value *value;
    int64_t sum = 0;
    snprintf(path, sizeof path, "%s/count", churned(name, sizeof name));
    int r = coop_value_open(path, "q", COOP_CREATE, &value);
    if (r == -EAGAIN || failed(r, "value by path")) return;
    if (!failed(coop_value_add_i64(value, 1, &sum), "value by path") && sum < 1)
        wrong(&tally->torn, "a new value was %lld", (long long)sum - 1);
    coop_value_close(value);
}

static void segment_remove(int life)
{
    (void)life;
    char name[80];
    int r = coop_segment_remove(churned(name, sizeof name), roll() % 2 ? COOP_FORCE : 0);
    if (r != -ENOENT && r != -EBUSY) failed(r, "segment remove");
}

/* Objects in the segment that stays */

static void object_make(int life)
{
    char path[100];
    coop_value *value;
    snprintf(path, sizeof path, "%s/o%u", world.base, roll() % NAMES);
    if (failed(coop_value_open(path, "q", COOP_CREATE, &value), "object")) return;
    begin(life, OBJECTS);
    if (!failed(coop_value_add_i64(value, 1, NULL), "object")) end(life, OBJECTS);
    coop_value_close(value);
}

/* Managed */

static void dict_incr(int life)
{
    begin(life, INCREMENTED);
    if (!failed(coop_dict_incr(world.dict, coop_int(roll() % KEYS), coop_int(1), NULL), "dict")) end(life, INCREMENTED);
}

static void list_append(int life)
{
    struct book *book = &tally->books[life];
    int number = book->puts_begun[LISTED] + 1;
    if (number >= TOKENS) return;
    store(&book->puts_begun[LISTED], number);
    if (!failed(coop_list_append(world.list, coop_int(token_of(life, number))), "append"))
        store(&book->puts_done[LISTED], number);
}

static bool list_pop_one(int life)
{
    struct book *book = &tally->books[life];
    coop_any value;
    store(&book->takes_begun[LISTED], book->takes_begun[LISTED] + 1);
    int r = coop_list_pop(world.list, roll() % 2 ? 0 : -1, &value);
    if (r == 0) note_taken(LISTED, value.as.integer);
    if (r == 0) coop_any_clear(&value);
    if (r < 0 && r != -ERANGE) failed(r, "pop");
    store(&book->takes_done[LISTED], book->takes_done[LISTED] + 1);
    return r == 0;
}

static void list_pop(int life)
{
    list_pop_one(life);
}

const struct work works[] = {
    {lock_plain, LOCKS, -1, true},         {lock_recursive, LOCKS, -1, true},
    {lock_transferable, LOCKS, -1, true},  {value_add, VALUES, -1, true},
    {value_set_and_get, VALUES, -1, true}, {value_exchange, VALUES, -1, true},
    {value_ledger, VALUES, LEDGERS, true}, {array_add, ARRAYS, -1, true},
    {array_bank, ARRAYS, BANKS, true},     {segment_create, SEGMENTS, -1, false},
    {segment_open, SEGMENTS, -1, false},   {segment_by_path, SEGMENTS, -1, false},
    {segment_remove, SEGMENTS, -1, false}, {object_make, OBJECT_NAMES, -1, false},
    {dict_incr, MANAGED, -1, false},       {list_append, MANAGED, -1, false},
    {list_pop, MANAGED, -1, false},
};
const int work_count = sizeof works / sizeof works[0];

bool works_used_up(int life)
{
    const struct book *book = &tally->books[life];
    return book->puts_begun[EXCHANGED] + 1 >= TOKENS || book->puts_begun[LISTED] + 1 >= TOKENS;
}

/* The world */

static void open_guards(void)
{
    struct guard doors[DOORS] = {{NULL, NULL}};
    for (int i = 0; i < 2; i++) {
        COOP_MUST(coop_lock_in(world.segment, NULL, 0, &doors[FIRST_PLAIN + i].plain));
        COOP_MUST(coop_rlock_in(world.segment, NULL, 0, &doors[FIRST_RLOCK + i].recursive));
        COOP_MUST(coop_lock_in(world.segment, NULL, COOP_TRANSFERABLE, &doors[FIRST_TRANSFERABLE + i].plain));
    }
    doors[LEDGERS].recursive = coop_value_lock(world.ledger);
    doors[BANKS].recursive = coop_array_lock(world.bank);
    guards_open(doors, DOORS);
}

void works_open(const char *base)
{
    snprintf(world.base, sizeof world.base, "%s", base);
    tally = share(sizeof *tally);
    const coop_segment_options *options =
        COOP_SEGMENT_OPTIONS(.reserve = 8192, .maximum = 1 << 24, .objects = 128, .owners = 64, .participants = 64);
    COOP_MUST(coop_segment_create(base, options, &world.segment));
    COOP_MUST(coop_value_in(world.segment, "sum", "q", COOP_CREATE, &world.sum));
    COOP_MUST(coop_value_in(world.segment, "halves", "q", COOP_CREATE, &world.halves));
    COOP_MUST(coop_value_in(world.segment, "token", "q", COOP_CREATE, &world.token));
    COOP_MUST(coop_value_in(world.segment, "ledger", "64s", COOP_CREATE, &world.ledger));
    COOP_MUST(coop_array_in(world.segment, "cells", "q", CELLS, COOP_CREATE, &world.cells));
    COOP_MUST(coop_array_in(world.segment, "bank", "q", ACCOUNTS, COOP_CREATE, &world.bank));
    for (int i = 0; i < ACCOUNTS; i++) COOP_MUST(coop_array_set_i64(world.bank, i, EACH));
    open_guards();
    COOP_MUST(coop_manager_start(base, &world.manager));
    COOP_MUST(coop_list_open(world.manager, "tokens", COOP_CREATE, &world.list));
    COOP_MUST(coop_dict_open(world.manager, "sums", COOP_CREATE, &world.dict));
}

void works_close(void)
{
    coop_list_close(world.list);
    coop_dict_close(world.dict);
    COOP_MUST(coop_manager_stop(world.manager));
    coop_manager_close(world.manager);
    COOP_MUST(coop_segment_remove(world.base, 0));
}

/* The books */

static int64_t sum_of_cells(void)
{
    int64_t sum = 0, number = 0;
    for (int i = 0; i < CELLS; i++) sum += coop_array_get_i64(world.cells, i, &number) < 0 ? 0 : number;
    return sum;
}

static int64_t sum_of_objects(void)
{
    int64_t sum = 0, number = 0;
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];
        coop_value *value;
        snprintf(name, sizeof name, "o%u", i);
        int r = coop_value_in(world.segment, name, "q", 0, &value);
        if (r == -ENOENT || failed(r, name)) continue;
        sum += coop_value_get_i64(value, &number) < 0 ? 0 : number;
        coop_value_close(value);
    }
    return sum;
}

static int64_t sum_of_ledger(void)
{
    int64_t words[WORDS] = {0};
    if (failed(coop_value_get_bytes(world.ledger, words, sizeof words), "ledger")) return -1;
    return highest(words);
}

static int64_t sum_of_dict(void)
{
    int64_t sum = 0;
    for (int i = 0; i < KEYS; i++) {
        coop_any value;
        int r = coop_dict_get(world.dict, coop_int(i), &value);
        if (r == -ENOENT || failed(r, "dict")) continue;
        sum += value.as.integer;
    }
    return sum;
}

static void settle_sum(struct balance *balance, enum sum sum, const char *name, int64_t found)
{
    int64_t done = 0, begun = 0;
    for (int i = 1; i <= guards->next_life && i < LIVES; i++) {
        done += tally->books[i].done[sum];
        begun += tally->books[i].begun[sum];
    }
    if (found < done) wrong(&balance->lost, "%s: %lld done, %lld found", name, (long long)done, (long long)found);
    if (found > begun) wrong(&balance->doubled, "%s: %lld begun, %lld found", name, (long long)begun, (long long)found);
}

static void settle_tokens(struct balance *balance, enum place place, const char *name)
{
    int missing = 0, allowed = 0;
    for (int i = 1; i <= guards->next_life && i < LIVES; i++) {
        const struct book *book = &tally->books[i];
        allowed += book->takes_begun[place] - book->takes_done[place];
        for (int k = 1; k <= book->puts_done[place]; k++) missing += !(book->taken[place][k / 64] >> k % 64 & 1);
    }
    if (missing > allowed)
        wrong(&balance->lost, "%s: %d tokens are missing, and %d died taking one", name, missing, allowed);
}

/* Nothing may be left of segments but those that have a name. */
static void settle_files(struct balance *balance)
{
    char prefix[100];
    for (unsigned i = 0; i < CHURNED; i++) {
        snprintf(prefix, sizeof prefix, "%s.c%u", world.base, i);
        int r = coop_segment_remove(prefix, 0);
        if (r < 0 && r != -ENOENT) wrong(&balance->leaked, "%s", coop_error_detail());
    }
    snprintf(prefix, sizeof prefix, "%s.c", world.base);
    DIR *folder = opendir("/dev/shm");
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (strstr(entry->d_name, prefix)) wrong(&balance->leaked, "/dev/shm/%s is left", entry->d_name);
    if (folder) closedir(folder);
}

struct balance works_settle(void)
{
    struct balance balance = {0};
    int64_t number = 0;
    int life = life_new();
    while (list_pop_one(life)) continue;
    if (!failed(coop_value_get_i64(world.token, &number), "token")) note_taken(EXCHANGED, number);
    if (!failed(coop_value_get_i64(world.sum, &number), "sum")) settle_sum(&balance, ADDED, "value", number);
    settle_sum(&balance, ITEMS, "array items", sum_of_cells());
    settle_sum(&balance, OBJECTS, "objects", sum_of_objects());
    settle_sum(&balance, LEDGER, "ledger", sum_of_ledger());
    settle_sum(&balance, INCREMENTED, "dict", sum_of_dict());
    settle_tokens(&balance, EXCHANGED, "exchange");
    settle_tokens(&balance, LISTED, "list");
    settle_files(&balance);
    return balance;
}
