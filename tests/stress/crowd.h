/* SPDX-License-Identifier: MIT */
/* 64 waiters that play rounds on one object, and die in them; the leader, who is this process, sees that each one that
 * lives gets what it waits for.
 *
 * Every fourth waiter plays in a thread of its own. All moments are random. A waiter writes down what it has, after it
 * got it and before it gives it back, and the leader writes down who is doomed before it kills: so what somebody finds
 * written down by one who is not doomed is really held. */
#ifndef STRESS_CROWD_H
#define STRESS_CROWD_H

#include "stress/kit.h"

#include <coop/coop.h>

enum { CROWD = 64, DYING = CROWD / 3, KEEPER = CROWD };

#define PATIENCE COOP_S(1) /* that one may wait for what it should have */

struct crowd {
    uint32_t round;
    int asking[CROWD]; /* the round in which each began to wait */
    int done[CROWD];   /* the round that each has come back from */
    int result[CROWD];
    int doomed[CROWD + 1];
    int holder;           /* 1 + who came to hold something last */
    int mark;             /* 1 + who holds it alone; 0: nobody */
    int turns;            /* times that somebody held it alone; he alone counts them */
    int taken[CROWD + 1]; /* times that each did */
    int held[CROWD + 1];  /* permits, or whether it reads */
    int changes;          /* of held */
    int told_in_vain;     /* of a death, and there was no mark: died on the way in or out */
    int untold, overlaps;
};

struct crowd_count {
    int rounds, kills, kills_holding;
    int hangs, wrong;
    int64_t longest; /* time for which those stood still that should have gone on, in ns */
};

struct crowd_kind {
    const char *name;
    void (*open)(coop_segment *segment);
    void (*begin)(int number); /* of a waiter's life; NULL: nothing to do */
    int (*play)(int number);   /* one round; 0 or more: it got what it waited for */
    void (*prepare)(void);     /* before the round; NULL: nothing to do */
    void (*lead)(bool deadly); /* the round, until all that live are back */
};

extern struct crowd *crowd;            /* shared */
extern struct crowd_count crowd_count; /* of this kind */
extern pid_t crowd_pids[CROWD];        /* 0: dead */
extern pid_t crowd_killed[CROWD];      /* in this round, or 0 */

/* Plays rounds for SECONDS, prints one line; false if anything went wrong. */
bool crowd_play(const struct crowd_kind *kind, double seconds);

/* How many live; how many of those are back. */
int crowd_living(void);
int crowd_back(void);

/* Until all that live have begun to wait, and a moment longer. */
void crowd_await_asking(void);

/* Until IS_SO, or for PATIENCE, of which only the time counts in which this process ran. With IN_TURN, each one that
 * comes back brings new patience. False, and a hang is counted. */
bool crowd_await(bool (*is_so)(void), bool in_turn);
bool crowd_all_are_back(void);

/* Kills MOST waiters, every third of them the one that came to hold something last. */
void crowd_kill(int most);

/* One that takes something, keeps it until the leader says so, gives it back and ends, unless it is killed first. */
void keeper_start(void (*take)(void), void (*give)(void));
void keeper_end(bool kill_it);

/* Somebody does that, and is killed at some moment of it, or after it. */
void crowd_do_and_die(void (*act)(void));

/* The leader found WRONG things. */
void crowd_count_wrong(int wrong, const char *what);

/* Alone inside from here, TOLD of a death or not; and no longer. mark_look() is for one that has come in with others:
 * nobody may be alone inside. */
void mark_put(int number, bool told);
void mark_drop(void);
void mark_look(bool told);

/* N of something, of which LIMIT may be held in all; 0: none. */
void held_put(int number, int n, int limit);

/* When all are back: turns were counted by one at a time, and deaths told at most once each. */
void marks_judge(bool each_once);

#endif
