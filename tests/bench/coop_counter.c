/* SPDX-License-Identifier: MIT */
/* A shared counter: two processes add 1 to a Value, under its lock and by atomic add. */
#include "contest.h"

#include <coop/try.h>
#include <coop/value.h>

static uint64_t count_locked(void *object, struct contest *contest)
{
    coop_value *value = object;
    coop_rlock *lock = coop_value_lock(value);
    uint64_t count;
    CONTEST_LOOP(contest, count)
    {
        int64_t number;
        COOP_MUST(coop_rlock_acquire(lock, COOP_FOREVER));
        COOP_MUST(coop_value_get(value, &number));
        COOP_MUST(coop_value_set(value, number + 1));
        COOP_MUST(coop_rlock_release(lock));
    }
    return count;
}

static uint64_t count_atomically(void *object, struct contest *contest)
{
    coop_value *value = object;
    uint64_t count;
    CONTEST_LOOP(contest, count) COOP_MUST(coop_value_add(value, 1, NULL));
    return count;
}

static void run(const char *name, uint64_t (*body)(void *, struct contest *))
{
    coop_value *value;
    int64_t total;
    COOP_MUST(coop_value_new("q", &value));
    int64_t operations = (int64_t)contest_run(name, body, value);
    COOP_MUST(coop_value_get(value, &total));
    if (operations && total != operations)
        fprintf(stderr, "%s: BAD: lost %lld additions\n", name, (long long)(operations - total));
    coop_value_close(value);
}

int main(int argc, char **argv)
{
    if (wanted(argc, argv, "coop_value_locked")) run("counter/coop_value_locked", count_locked);
    if (wanted(argc, argv, "coop_value_add")) run("counter/coop_value_add", count_atomically);
    return 0;
}
