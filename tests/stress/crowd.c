/* SPDX-License-Identifier: MIT */
/* The crowd's life, its deaths, and what it writes down. */
#include "stress/crowd.h"

#include "base/futex.h"

#include <coop/try.h>
#include <pthread.h>
#include <sys/wait.h>

struct crowd *crowd;
struct crowd_count crowd_count;
pid_t crowd_pids[CROWD];
pid_t crowd_killed[CROWD];

static struct {
    pid_t pid;
    int *step; /* 1: it has it; 2: it may go */
} keeper;

static const struct crowd_kind *now_playing;
static int kills_before; /* this round */

struct life {
    int number;
    uint32_t round;
};

static _Noreturn void live(struct life life)
{
    if (now_playing->begin) now_playing->begin(life.number);
    store(&crowd->done[life.number], (int)life.round);
    for (;;) {
        uint32_t next;
        while ((next = __atomic_load_n(&crowd->round, __ATOMIC_ACQUIRE)) == life.round)
            coopi_futex_wait(&crowd->round, life.round, INT64_MAX);
        life.round = next;
        store(&crowd->asking[life.number], (int)next);
        store(&crowd->result[life.number], now_playing->play(life.number));
        store(&crowd->done[life.number], (int)next);
    }
}

static void *live_in_thread(void *life)
{
    live(*(struct life *)life);
}

static void be_born(int number, uint32_t round)
{
    pid_t parent = getpid();
    store(&crowd->done[number], -1);
    store(&crowd->doomed[number], 0);
    crowd_pids[number] = fork();
    if (crowd_pids[number] < 0) exit(1);
    if (crowd_pids[number]) return;
    become_child(parent);
    struct life life = {number, round};
    pthread_t thread;
    if (roll() % 4 == 0 && pthread_create(&thread, NULL, live_in_thread, &life) == 0) pthread_join(thread, NULL);
    live(life);
}

int crowd_living(void)
{
    int living = 0;
    for (int i = 0; i < CROWD; i++) living += crowd_pids[i] != 0;
    return living;
}

static int count_at(const int *rounds)
{
    int there = 0;
    for (int i = 0; i < CROWD; i++) there += crowd_pids[i] && load(&rounds[i]) == (int)crowd->round;
    return there;
}

int crowd_back(void)
{
    return count_at(crowd->done);
}

bool crowd_all_are_back(void)
{
    return crowd_back() == crowd_living();
}

static bool all_are_asking(void)
{
    return count_at(crowd->asking) == crowd_living();
}

void crowd_await_asking(void)
{
    crowd_await(all_are_asking, false);
    pass(3000);
}

bool crowd_await(bool (*is_so)(void), bool in_turn)
{
    int64_t last = now(), waited = 0;
    for (int best = crowd_back(); !is_so();) {
        pass(200);
        int64_t t = now(), step = t - last;
        last = t;
        waited += step < COOP_MS(5) ? step : COOP_MS(5);
        if (waited > crowd_count.longest) crowd_count.longest = waited;
        int back = crowd_back();
        if (in_turn && back > best) waited = 0;
        if (back > best) best = back;
        if (waited < PATIENCE) continue;
        fprintf(stderr, "%s hangs: %d live, %d are back\n", now_playing->name, crowd_living(), back);
        crowd_count.hangs++;
        return false;
    }
    return true;
}

static void kill_one(int i)
{
    store(&crowd->doomed[i], 1);
    kill(crowd_pids[i], SIGKILL);
    waitpid(crowd_pids[i], NULL, 0);
    crowd_killed[i] = crowd_pids[i];
    crowd_pids[i] = 0;
    crowd_count.kills++;
    crowd_count.kills_holding += load(&crowd->mark) == i + 1 || load(&crowd->held[i]);
}

void crowd_kill(int most)
{
    for (int k = 0; k < most; k++) {
        pass(150);
        int holder = load(&crowd->holder) - 1;
        int i = roll() % 3 == 0 && holder >= 0 && holder < CROWD ? holder : (int)(roll() % CROWD);
        if (crowd_pids[i]) kill_one(i);
    }
}

void keeper_start(void (*take)(void), void (*give)(void))
{
    pid_t parent = getpid();
    if (!keeper.step) keeper.step = share(sizeof *keeper.step);
    store(keeper.step, 0);
    store(&crowd->doomed[KEEPER], 0);
    keeper.pid = fork();
    if (keeper.pid < 0) exit(1);
    if (keeper.pid == 0) {
        become_child(parent);
        take();
        store(keeper.step, 1);
        while (load(keeper.step) != 2) pass(200);
        give();
        _exit(0);
    }
    for (int64_t until = now() + COOP_S(10); load(keeper.step) != 1;) {
        pass(100);
        if (now() < until) continue;
        crowd_count.hangs++;
        return;
    }
}

void keeper_end(bool kill_it)
{
    if (kill_it) {
        store(&crowd->doomed[KEEPER], 1);
        kill(keeper.pid, SIGKILL);
        crowd_count.kills++;
        crowd_count.kills_holding++;
    }
    store(keeper.step, 2);
    waitpid(keeper.pid, NULL, 0);
}

void crowd_do_and_die(void (*act)(void))
{
    pid_t parent = getpid(), pid = fork();
    if (pid < 0) exit(1);
    if (pid == 0) {
        become_child(parent);
        act();
        for (;;) pause();
    }
    pass(500);
    store(&crowd->doomed[KEEPER], 1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    crowd_count.kills++;
    crowd_count.kills_holding += load(&crowd->mark) == KEEPER + 1;
}

void crowd_count_wrong(int wrong, const char *what)
{
    if (!wrong) return;
    fprintf(stderr, "%s, round %u: %s (%d)\n", now_playing->name, crowd->round, what, wrong);
    crowd_count.wrong++;
}

void mark_put(int number, bool told)
{
    int found = __atomic_exchange_n(&crowd->mark, number + 1, __ATOMIC_ACQ_REL);
    if (found && !load(&crowd->doomed[found - 1])) add(&crowd->overlaps);
    if (found && !told) add(&crowd->untold);
    if (!found && told) add(&crowd->told_in_vain);
    for (int i = 0; i <= CROWD; i++)
        if (load(&crowd->held[i]) && !load(&crowd->doomed[i])) add(&crowd->overlaps);
    store(&crowd->turns, load(&crowd->turns) + 1);
    add(&crowd->taken[number]);
    store(&crowd->holder, number + 1);
}

void mark_look(bool told)
{
    int found = load(&crowd->mark);
    if (!found) return;
    if (!load(&crowd->doomed[found - 1])) add(&crowd->overlaps);
    if (!told) add(&crowd->untold);
}

void mark_drop(void)
{
    store(&crowd->mark, 0);
}

/* A sum that nobody changed meanwhile. */
static int sum_held(void)
{
    for (int tries = 0; tries < 10; tries++) {
        int before = load(&crowd->changes), sum = 0;
        for (int i = 0; i <= CROWD; i++)
            if (load(&crowd->held[i]) && !load(&crowd->doomed[i])) sum += load(&crowd->held[i]);
        if (load(&crowd->changes) == before) return sum;
    }
    return 0;
}

void held_put(int number, int n, int limit)
{
    store(&crowd->held[number], n);
    __atomic_fetch_add(&crowd->changes, 1, __ATOMIC_ACQ_REL);
    if (n == 0) return;
    store(&crowd->holder, number + 1);
    if (sum_held() > limit) add(&crowd->overlaps);
}

void marks_judge(bool each_once)
{
    int taken = 0, kills = crowd_count.kills - kills_before;
    for (int i = 0; i <= CROWD; i++) taken += load(&crowd->taken[i]);
    crowd_count_wrong(load(&crowd->overlaps), "held by too many at once");
    crowd_count_wrong(load(&crowd->untold), "not told of a death");
    if (crowd->turns < taken || crowd->turns > taken + kills) crowd_count_wrong(1, "turns do not add up");
    if (each_once && load(&crowd->told_in_vain) > kills) crowd_count_wrong(1, "deaths told that were none");
}

/* Nobody plays now: what the dead left is swept up. */
static void sweep(void)
{
    for (int i = 0; i <= CROWD; i++) crowd->held[i] = crowd->taken[i] = 0;
    crowd->mark = crowd->holder = crowd->turns = crowd->told_in_vain = crowd->untold = crowd->overlaps = 0;
    memset(crowd_killed, 0, sizeof crowd_killed);
    kills_before = crowd_count.kills;
}

static void raise_the_dead(void)
{
    for (int i = 0; i < CROWD; i++)
        if (!crowd_pids[i]) be_born(i, crowd->round);
    crowd_await(crowd_all_are_back, true);
}

static void play_round(bool deadly)
{
    sweep();
    if (now_playing->prepare) now_playing->prepare();
    __atomic_fetch_add(&crowd->round, 1, __ATOMIC_ACQ_REL);
    coopi_futex_wake(&crowd->round, COOPI_FUTEX_ALL);
    now_playing->lead(deadly);
    crowd_count.rounds++;
}

bool crowd_play(const struct crowd_kind *kind, double seconds)
{
    int64_t until = now() + (int64_t)(seconds * 1e9);
    coop_segment *segment;
    crowd = share(sizeof *crowd);
    crowd_count = (struct crowd_count){0};
    now_playing = kind;
    COOP_MUST(coop_segment_create(
        NULL, COOP_SEGMENT_OPTIONS(.owners = 4 * CROWD, .participants = 4 * CROWD, .maximum = 1 << 22), &segment));
    kind->open(segment);
    raise_the_dead();
    while (now() < until && !crowd_count.hangs) {
        play_round(roll() % 3 != 0);
        if (!crowd_count.hangs) raise_the_dead();
    }
    for (int i = 0; i < CROWD; i++) {
        if (!crowd_pids[i]) continue;
        kill(crowd_pids[i], SIGKILL);
        waitpid(crowd_pids[i], NULL, 0);
        crowd_pids[i] = 0;
    }
    coop_segment_close(segment);
    printf("stress_waiters: %s: %d rounds, %d kills (%d holding), longest standstill %.1f ms: %d hangs, %d wrong\n",
           kind->name, crowd_count.rounds, crowd_count.kills, crowd_count.kills_holding,
           (double)crowd_count.longest / 1e6, crowd_count.hangs, crowd_count.wrong);
    fflush(stdout);
    munmap(crowd, sizeof *crowd);
    return crowd_count.hangs + crowd_count.wrong == 0;
}
