/* SPDX-License-Identifier: MIT */
/* The forge makes what the library itself would: else its broken segments would prove nothing. */
#include "harness/forge.h"
#include "harness/test.h"

#include <coop/array.h>
#include <coop/lock.h>
#include <coop/value.h>

#include <stdio.h>

static const char *path_of(const char *name, const char *object)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", name, object);
    return path;
}

static void an_unbroken_forgery_opens_and_works(void)
{
    char name[128];
    coop_value *saldo;
    coop_array *numbers;
    coop_rlock *gate;
    coop_lock_holder dead;
    int64_t number;
    double third;
    snprintf(name, sizeof name, "%s", test_name("forged"));
    forge_segment(name, NULL);
    CHECK_OK(coop_value_open(path_of(name, "saldo"), "i", 0, &saldo));
    CHECK_OK(coop_value_get(saldo, &number));
    CHECK_EQ(number, 42);
    CHECK_OK(coop_array_open(path_of(name, "numbers"), "d", 5, 0, &numbers));
    CHECK_OK(coop_array_get(numbers, 2, &third));
    CHECK_DOUBLE(third, 2.5);
    CHECK_OK(coop_rlock_open(path_of(name, "gate"), 0, &gate));
    CHECK_EQ(coop_rlock_acquire(gate, COOP_NOWAIT), COOP_OWNER_DIED);
    CHECK_OK(coop_rlock_last_death(gate, &dead));
    CHECK_EQ(dead.pid, FORGE_DEAD_PID);
    CHECK_STR(dead.command, "ghost");
    CHECK_OK(coop_rlock_release(gate));
    coop_value_close(saldo);
    coop_array_close(numbers);
    coop_rlock_close(gate);
    forge_remove(name);
}

TESTS(forge, TEST(an_unbroken_forgery_opens_and_works))
