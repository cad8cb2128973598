/* SPDX-License-Identifier: MIT */
/* Condition: the price of a notify that nobody waits for, and of waking 64, beside 64 plain futex waiters. */
#include "bench.h"

#include <coop/condition.h>
#include <coop/try.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#define ROUNDS 5
#define MIDDLE 2 /* the median of ROUNDS */
#define TIMES 200000
#define CROWD 64
#define WAKES 21

struct crowd {
    uint32_t asleep;
    uint32_t awake;
    uint32_t word; /* of the plain waiters */
    uint32_t over;
    uint64_t at[CROWD]; /* when each came back */
};

static void notify_nobody(void)
{
    coop_condition *condition;
    COOP_MUST(coop_condition_new(0, &condition));
    COOP_MUST(coop_condition_acquire(condition, COOP_FOREVER));
    uint64_t took[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        for (int k = 0; k < TIMES; k++) COOP_MUST(coop_condition_notify(condition, 1));
        took[i] = now_ns() - start;
    }
    qsort(took, ROUNDS, sizeof *took, compare_u64);
    emit("sync/coop_condition_notify", "uncontended", (double)took[MIDDLE] / TIMES, "ns");
    COOP_MUST(coop_condition_release(condition));
    coop_condition_close(condition);
}

static void await(const uint32_t *count)
{
    while (__atomic_load_n(count, __ATOMIC_ACQUIRE) < CROWD) usleep(1000);
}

static void come_back(struct crowd *crowd, int i)
{
    crowd->at[i] = now_ns();
    __atomic_add_fetch(&crowd->awake, 1, __ATOMIC_RELEASE);
}

static void wait_on_condition(struct crowd *crowd, int i, coop_condition *condition)
{
    while (!__atomic_load_n(&crowd->over, __ATOMIC_ACQUIRE)) {
        COOP_MUST(coop_condition_acquire(condition, COOP_FOREVER));
        __atomic_add_fetch(&crowd->asleep, 1, __ATOMIC_RELEASE);
        COOP_MUST(coop_condition_wait(condition, COOP_FOREVER));
        come_back(crowd, i);
        COOP_MUST(coop_condition_release(condition));
        await(&crowd->awake);
    }
}

static void wait_on_futex(struct crowd *crowd, int i)
{
    while (!__atomic_load_n(&crowd->over, __ATOMIC_ACQUIRE)) {
        uint32_t seen = __atomic_load_n(&crowd->word, __ATOMIC_ACQUIRE);
        __atomic_add_fetch(&crowd->asleep, 1, __ATOMIC_RELEASE);
        while (__atomic_load_n(&crowd->word, __ATOMIC_ACQUIRE) == seen)
            syscall(SYS_futex, &crowd->word, FUTEX_WAIT, seen, NULL, NULL, 0);
        come_back(crowd, i);
        await(&crowd->awake);
    }
}

static void wake(struct crowd *crowd, coop_condition *condition)
{
    if (!condition) {
        __atomic_add_fetch(&crowd->word, 1, __ATOMIC_RELEASE);
        syscall(SYS_futex, &crowd->word, FUTEX_WAKE, CROWD, NULL, NULL, 0);
        return;
    }
    COOP_MUST(coop_condition_acquire(condition, COOP_FOREVER));
    COOP_MUST(coop_condition_notify_all(condition));
    COOP_MUST(coop_condition_release(condition));
}

/* From before the wake until the last one is back: the median of WAKES. CONDITION NULL: plain futex waiters. */
static void wake_crowd(const char *name, coop_condition *condition)
{
    struct crowd *crowd = shared(sizeof *crowd);
    pid_t pids[CROWD];
    uint64_t took[WAKES];
    for (int i = 0; i < CROWD; i++) {
        pids[i] = fork_child(-1);
        if (pids[i] > 0) continue;
        if (condition)
            wait_on_condition(crowd, i, condition);
        else
            wait_on_futex(crowd, i);
        _exit(0);
    }
    for (int k = 0; k < WAKES; k++) {
        await(&crowd->asleep);
        usleep(20000);
        crowd->asleep = crowd->awake = 0; /* all have seen that they are back */
        __atomic_store_n(&crowd->over, k == WAKES - 1, __ATOMIC_RELEASE);
        uint64_t start = now_ns();
        wake(crowd, condition);
        await(&crowd->awake);
        took[k] = 0;
        for (int i = 0; i < CROWD; i++)
            if (crowd->at[i] - start > took[k]) took[k] = crowd->at[i] - start;
    }
    for (int i = 0; i < CROWD; i++) join_child(pids[i]);
    qsort(took, WAKES, sizeof *took, compare_u64);
    uint64_t median = took[WAKES / 2];
    emit(name, "wake_64", (double)median / 1000, "us");
}

int main(int argc, char **argv)
{
    if (wanted(argc, argv, "coop_condition_notify")) notify_nobody();
    if (wanted(argc, argv, "futex_wake")) wake_crowd("sync/futex_wake", NULL);
    if (wanted(argc, argv, "coop_condition_wake")) {
        coop_condition *condition;
        COOP_MUST(coop_condition_new(0, &condition));
        wake_crowd("sync/coop_condition_wake", condition);
        coop_condition_close(condition);
    }
    return 0;
}
