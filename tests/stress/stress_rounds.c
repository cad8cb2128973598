/* SPDX-License-Identifier: MIT */
/* Events and barriers under fire: 64 processes, of which a third is killed at random moments in every other round.
 *
 * In an event's round somebody sets it, who is killed as well, and each one that lives must come back. In a barrier's
 * round all that live must have the same result: the round ended for all, or it is broken for all, by one of the dead.
 * Half of them have joined; where only others died, and before they came, nobody can know, and the leader aborts. */
#include "stress/kit.h"

#include "base/futex.h"

#include <coop/coop.h>
#include <coop/try.h>
#include <errno.h>
#include <sys/wait.h>

enum { CROWD = 64, DYING = CROWD / 3, NONE = 1 };

#define LIMIT COOP_S(10)     /* what takes so long hangs */
#define UNKNOWN COOP_MS(100) /* after that the leader looks whether anybody can know */

static struct {
    uint32_t round;  /* odd: the barrier's */
    int done[CROWD]; /* the round that each has come back from */
    int result[CROWD];
} * shared;

static coop_event *event;
static coop_barrier *barrier;
static pid_t crowd[CROWD]; /* 0: dead */
static pid_t killed[CROWD];
static struct {
    int rounds, kills, broken, aborted, hangs, mixed, lost, misnamed;
    int64_t longest;
} count;

static uint64_t times_in(uint32_t round)
{
    return round / 2;
}

static int play(uint32_t round)
{
    if (round % 2) return coop_barrier_wait(barrier, COOP_FOREVER, NULL);
    return coop_event_times(event) < times_in(round) ? coop_event_wait(event, COOP_FOREVER) : 0;
}

static void live(int number, uint32_t round)
{
    if (number % 2) COOP_MUST(coop_barrier_join(barrier));
    store(&shared->done[number], (int)round);
    for (;;) {
        uint32_t next;
        while ((next = __atomic_load_n(&shared->round, __ATOMIC_ACQUIRE)) == round)
            coopi_futex_wait(&shared->round, round, INT64_MAX);
        round = next;
        store(&shared->result[number], play(round));
        store(&shared->done[number], (int)round);
    }
}

static void raise_the_dead(uint32_t round)
{
    pid_t parent = getpid();
    for (int i = 0; i < CROWD; i++) {
        if (crowd[i]) continue;
        store(&shared->done[i], -1);
        crowd[i] = fork();
        if (crowd[i]) continue;
        become_child(parent);
        live(i, round);
    }
}

static bool all_are_back(uint32_t round)
{
    for (int i = 0; i < CROWD; i++)
        if (crowd[i] && load(&shared->done[i]) != (int)round) return false;
    return true;
}

static int count_living(void)
{
    int living = 0;
    for (int i = 0; i < CROWD; i++) living += crowd[i] != 0;
    return living;
}

static void await_all(uint32_t round)
{
    int64_t since = now();
    while (!all_are_back(round)) {
        int64_t waited = now() - since;
        if (waited > LIMIT) {
            count.hangs++;
            return;
        }
        if (waited > UNKNOWN && round % 2 && coop_barrier_waiting(barrier) == count_living()) {
            COOP_MUST(coop_barrier_abort(barrier));
            count.aborted++;
        }
        pass(200);
    }
    if (now() - since > count.longest) count.longest = now() - since;
}

static void kill_some(void)
{
    unsigned pace = roll() % 60;
    memset(killed, 0, sizeof killed);
    for (int k = 0; k < DYING; k++) {
        int i = (int)(roll() % CROWD);
        pass(pace);
        if (!crowd[i]) continue;
        kill(crowd[i], SIGKILL);
        waitpid(crowd[i], NULL, 0);
        killed[i] = crowd[i];
        crowd[i] = 0;
        count.kills++;
    }
}

/* Sets it, and is killed at some moment; who comes next does it, if it was not done. */
static void set_and_die(void)
{
    pid_t parent = getpid(), setter = fork();
    if (setter == 0) {
        become_child(parent);
        coop_event_set(event);
        for (;;) pause();
    }
    pass(400);
    kill(setter, SIGKILL);
    waitpid(setter, NULL, 0);
    count.kills++;
}

static void play_event(uint32_t round, bool deadly)
{
    if (deadly) kill_some();
    if (deadly || roll() % 2) set_and_die();
    if (coop_event_times(event) < times_in(round)) coop_event_set(event);
    await_all(round);
    for (int i = 0; i < CROWD; i++) count.lost += crowd[i] && shared->result[i] != 0;
    count.lost += coop_event_times(event) != times_in(round);
    coop_event_clear(event);
}

/* Broken by a death: by whose? */
static void judge_breaker(void)
{
    coop_lock_holder who;
    if (coop_barrier_breaker(barrier, &who) < 0) return; /* his row has a new owner */
    for (int i = 0; i < CROWD; i++)
        if (killed[i] == who.pid) return;
    count.misnamed++;
}

/* One is held back until the others are dead, lest the round end before. */
static void play_barrier(uint32_t round, bool deadly, int held)
{
    int first = NONE;
    if (deadly) kill_some();
    if (deadly && crowd[held]) kill(crowd[held], SIGCONT);
    await_all(round);
    for (int i = 0; i < CROWD; i++) {
        if (!crowd[i]) continue;
        if (first == NONE) first = shared->result[i];
        count.mixed += shared->result[i] != first;
    }
    int reason = coop_barrier_broken(barrier); /* who has joined may have died after the round */
    count.lost += first != 0 && first != -EPIPE;
    count.lost += first == -EPIPE && reason == 0;
    count.lost += !deadly && reason != 0;
    if (reason == COOP_BARRIER_DIED) judge_breaker();
    if (first == -EPIPE) count.broken++;
    if (reason) COOP_MUST(coop_barrier_reset(barrier));
}

static void run(int64_t until)
{
    raise_the_dead(0);
    await_all(0);
    for (uint32_t round = 1; now() < until && !count.hangs; round++) {
        bool deadly = roll() % 2;
        int held = (int)(roll() % CROWD);
        if (deadly && round % 2) kill(crowd[held], SIGSTOP);
        __atomic_store_n(&shared->round, round, __ATOMIC_RELEASE);
        coopi_futex_wake(&shared->round, COOPI_FUTEX_ALL);
        if (round % 2)
            play_barrier(round, deadly, held);
        else
            play_event(round, deadly);
        if (count.hangs) break;
        if (deadly && round % 2 == 0 && coop_barrier_broken(barrier)) COOP_MUST(coop_barrier_reset(barrier));
        raise_the_dead(round);
        await_all(round);
        count.rounds++;
    }
    for (int i = 0; i < CROWD; i++) {
        if (!crowd[i]) continue;
        kill(crowd[i], SIGKILL);
        waitpid(crowd[i], NULL, 0);
    }
}

int main(int argc, char **argv)
{
    int seconds = 20;
    const struct option_of options[] = {{"--seconds", &seconds}, {NULL, NULL}};
    if (!read_options(argc, argv, options, "stress_rounds [--seconds N]")) return 2;
    coop_segment *segment;
    COOP_MUST(coop_segment_create(
        NULL, COOP_SEGMENT_OPTIONS(.owners = 4 * CROWD, .participants = 4 * CROWD, .maximum = 1 << 22), &segment));
    COOP_MUST(coop_event_in(segment, NULL, 0, &event));
    COOP_MUST(coop_barrier_in(segment, NULL, CROWD, 0, &barrier));
    shared = share(sizeof *shared);
    run(now() + COOP_S(seconds));
    printf("stress_rounds: %d rounds, %d kills, %d broken by them, %d aborted, longest round %.1f ms: "
           "%d hangs, %d mixed, %d lost, %d misnamed\n",
           count.rounds, count.kills, count.broken, count.aborted, (double)count.longest / 1e6, count.hangs,
           count.mixed, count.lost, count.misnamed);
    return count.hangs + count.mixed + count.lost + count.misnamed ? 1 : 0;
}
