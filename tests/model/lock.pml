/* SPDX-License-Identifier: MIT */
/* The robust lock of lib/segment/robust.h and robust.c in every interleaving, with deaths at any step.
 *
 * One lock word. COUNT threads take it and give it up, each up to ROUNDS times (thread 1: MORE times) or less, so that no
 * later release hides a lost wake-up. One step is one access to shared memory or one system call of the code, in its
 * order. What only the thread sees (list_op_pending, the list, values read) is done along with the step before or after.
 *     word        as in layout.h: tid, WAITERS, OWNER_DIED, tag. Tag and tid of a thread are its number; a free word with
 *                 WAITERS has in place of the tag the mode in which it was given up
 *     mode        robust->mode: {generation, BUSY, CALL}. That a busy lock becomes quiet after so many releases without
 *                 sleepers is a choice here, at each of them
 *     vain        robust->vain is the present mode: a wake found nobody in it
 *     gone[n]     the life word of n is marked: coopi_dead() says yes
 *     asleep[n]   n stands in the kernel's queue of the lock word
 *     buffer[n]   a plain store of n that the others do not see yet, as on x86: later loads of n may come before it. Locked
 *                 instructions, system calls and death of n empty it; membarrier empties everybody's. One place is
 *                 enough: a locked instruction stands between any two plain stores to shared words
 * A wake takes any sleeper. The threads up to TIMED may leave at any time, as at a deadline or a signal.
 * Death is SIGKILL: no further step, then the kernel's walk: the linked word, then the life word, which is linked behind
 * it, and last the pending one, which it left out before. A word without a tid that is pending: one sleeper is woken (Linux >= 6.2).
 *
 * Checked: nobody sleeps for ever (nothing moves, a thread sleeps: an invalid end state); nobody takes the lock from a
 * living thread; COOP_OWNER_DIED is told to the next one after a death in possession, and to nobody else. All of that
 * without the 250 ms net. With NET it is there, and fires only when nothing else moves.
 *
 * The errors that -D seeds are named in tests/model/check.py. */
#ifndef COUNT
#define COUNT 3
#endif
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef MORE
#define MORE ROUNDS
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef TIMED
#define TIMED 0
#endif

#define TID(w) ((w) & 7)
#define WAITERS 8
#define OWNER_DIED 16
#define LOW(w) ((w) & 31)
#define TAG(w) ((w) >> 5)
#define ID(n) ((n) << 5 | (n))
#define FREE(mode) ((mode) << 5 | WAITERS)

#define CALL 1
#define BUSY 2
#define STATE(mode) ((mode) & 3)
#define NEXT(mode) ((((mode) | 3) + 1) & 15) /* quiet, no call. It wraps soon: that can only break more */

#define EMPTY 255
#define ZERO 254 /* word = 0; other values: mode = value */

short word;
byte mode;
bool vain;
byte deaths = DEATHS;
bool gone[COUNT + 1], asleep[COUNT + 1], ended[COUNT + 1];
byte buffer[COUNT + 1] = EMPTY;
byte holder; /* ghost: who has the lock */
bool owed;   /* ghost: its last holder died, and nobody has been told */
#ifdef NET
byte fired;  /* ghost: how often the net was needed since somebody took the lock */
#endif

#define MOVES(n) (!ended[n] && !asleep[n])
#if COUNT == 3
#define SOMEBODY_MOVES (MOVES(1) || MOVES(2) || MOVES(3))
#else
#define SOMEBODY_MOVES (MOVES(1) || MOVES(2) || MOVES(3) || MOVES(4))
#endif

/* The choice beside every step. A sleeper is not killed when only that would end its sleep. */
#define OR_DIE :: atomic { deaths > 0 && SOMEBODY_MOVES -> deaths--; goto dying }

inline drain(n)
{
    if
    :: buffer[n] == EMPTY
    :: buffer[n] == ZERO -> word = 0
    :: else -> mode = buffer[n]; vain = false
    fi;
    buffer[n] = EMPTY
}

inline membarrier()
{
    drain(1);
    drain(2);
    drain(3);
#if COUNT > 3
    drain(4)
#endif
}

/* The kernel's FUTEX_WAKE of one; WOKEN says whether there was one. Inside atomic. */
inline wake(woken)
{
    woken = true;
    if
    :: asleep[1] -> asleep[1] = false
    :: asleep[2] -> asleep[2] = false
    :: asleep[3] -> asleep[3] = false
#if COUNT > 3
    :: asleep[4] -> asleep[4] = false
#endif
    :: else -> woken = false
    fi
}

inline took(told)
{
    assert(holder == 0);
    assert(told == owed);
    holder = me;
    owed = false;
#ifdef NET
    fired = 0;
#endif
    seen = 0;
    keep = 0;
    dead = false;
    pending = true
}

proctype thread(byte me; byte rounds)
{
    short seen;
    byte keep, mine;
    bool pending, linked, dead, yes;

next:
    if
    :: goto finish
    :: rounds > 0
    fi;

    /* coopi_robust_try() */
    if
    :: atomic {
            rounds--;
            drain(me);
            pending = true;
            if
            :: word == 0 -> word = ID(me); took(false); goto have
            :: else
            fi
        }
    OR_DIE
    fi;

    /* take(): try_take() */
again:
    if
    :: atomic {
            seen = word;
            dead = false;
            if
            :: TID(seen) == 0 -> goto free
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            dead = gone[TAG(seen)];
            if
            :: !dead -> goto lived_in
            :: else
            fi
        }
    OR_DIE
    fi;
free:
    if
    :: atomic {
            drain(me);
            if
            :: word == seen ->
                word = ID(me) | keep | (seen & WAITERS);
                yes = dead || (seen & OWNER_DIED);
                took(yes);
                yes = false;
                goto have
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;

lived_in:
    assert(TAG(seen) != me);
    if
    :: me <= TIMED -> goto left
    :: true
    fi;

    /* sleep_once(): call_holders() */
    if
    :: atomic {
            mine = mode;
            if
            :: STATE(mine) == (BUSY | CALL) -> goto heard
            :: STATE(mine) == CALL -> goto called
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            drain(me);
            if
            :: mode == mine ->
#ifndef NO_CALL
                mode = mine | CALL;
                vain = false;
#endif
                mine = mode;
                if
                :: mine & BUSY -> goto heard
                :: else
                fi
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;
called:
#ifndef TRUSTS_A_CALL
#ifndef NO_FENCE
    if
    :: d_step { membarrier() }
    OR_DIE
    fi;
#endif
    if
    :: atomic {
            drain(me);
            if
            :: mode == mine -> mode = mine | BUSY; vain = false; mine = mode
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;
#endif
heard:
    if
    :: seen & WAITERS
    :: else ->
        if
        :: atomic {
                drain(me);
                if
                :: word == seen -> word = word | WAITERS; seen = word
                :: else -> goto again
                fi
            }
        OR_DIE
        fi
    fi;
    if
    :: atomic {
            keep = WAITERS;
            yes = LOW(word) == LOW(seen);
            seen = 0;
            if
            :: !yes -> mine = 0; goto again
            :: else -> yes = false; asleep[me] = true
            fi
        }
    OR_DIE
    fi;
#ifndef ONE_WORD
    if
    :: d_step {
            if
            :: mode != mine -> asleep[me] = false
            :: else
            fi;
            mine = 0
        }
    OR_DIE
    fi;
#endif
    if
    :: !asleep[me]
    :: me <= TIMED -> asleep[me] = false
#ifdef NET
    :: timeout -> d_step { asleep[me] = false; fired++; assert(fired <= COUNT) }
#endif
    OR_DIE
    fi;
    goto again;

have:
    if
    :: atomic {
            linked = true;
            if /* the name stays, or was another's before */
            :: true
            :: pending = false
            fi
        }
    OR_DIE
    fi;

    /* coopi_robust_try_give_up() */
    if
    :: atomic {
            assert(holder == me);
            if
            :: STATE(mode) -> pending = true; linked = false; goto slow
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            pending = true;
            linked = false;
            if
            :: word & WAITERS -> goto slow
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step { buffer[me] = ZERO; holder = 0 }
    OR_DIE
    fi;
    if
    :: atomic {
            if
            :: STATE(mode)
            :: else -> goto left
            fi
        }
    OR_DIE
    fi;

    /* coopi_robust_wake() */
waker:
    if
    :: d_step {
            drain(me);
            if
            :: word == 0 -> word = WAITERS
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic { wake(yes); yes = false }
    OR_DIE
    fi;
    goto left;

    /* coopi_robust_give_up() */
slow:
    if
    :: atomic {
            mine = mode;
            if
            :: mine & CALL -> goto first
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            seen = word;
            if
            :: seen & WAITERS ->
                seen = 0;
                if
                :: !(mine & BUSY) -> goto bump
                :: vain -> goto nobody
                :: else -> goto sleepers
                fi
            :: else -> seen = 0
            fi
        }
    OR_DIE
    fi;
#ifndef QUIET_LATE
    if
    :: true
    :: d_step { mine = NEXT(mine); buffer[me] = mine }
    OR_DIE
    fi;
#endif
    if
    :: atomic {
            drain(me);
            if
            :: word == ID(me) -> word = 0; holder = 0
            :: else -> goto bump
            fi
        }
    OR_DIE
    fi;
#ifdef QUIET_LATE
    if
    :: true
    :: d_step { mine = NEXT(mine); buffer[me] = mine }
    OR_DIE
    fi;
#endif
    goto left;

nobody:
    if
    :: d_step { drain(me); word = 0; holder = 0 }
    OR_DIE
    fi;
looks:
#ifdef LOOKS_NO_MORE
    goto left;
#else
    if
    :: atomic {
            if
            :: mode & CALL -> goto waker
            :: else -> goto left
            fi
        }
    OR_DIE
    fi;
#endif

first:
#ifndef FORGETS_THE_CALL
    if
    :: d_step { drain(me); word = word | WAITERS }
    OR_DIE
    fi;
#endif
bump:
    if
    :: d_step { mine = NEXT(mine) | BUSY; buffer[me] = mine }
    OR_DIE
    fi;
sleepers:
#ifdef GAP
    if
    :: atomic {
            drain(me);
            holder = 0;
            yes = (word & WAITERS) != 0;
            word = 0;
            if
            :: yes -> yes = false
            :: else -> goto left
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step {
            if
            :: word == 0 -> word = FREE(mine)
            :: else -> word = word | WAITERS
            fi
        }
    OR_DIE
    fi;
#else
    if
    :: atomic {
            drain(me);
            holder = 0;
            if
            :: word & WAITERS -> word = FREE(mine)
            :: else -> word = 0; goto left
            fi
        }
    OR_DIE
    fi;
#endif
    if
    :: atomic {
            wake(yes);
            if
            :: yes -> yes = false; goto left
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            drain(me);
            if
#ifdef ANY_BIT
            :: LOW(word) == WAITERS -> word = 0; goto looks
#else
            :: word == FREE(mine) -> word = 0; goto looks
#endif
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step { vain = vain || mode == mine }
    OR_DIE
    fi;

left:
    atomic { pending = false; yes = false; dead = false; keep = 0; seen = 0; mine = 0 };
    goto next;

dying:
    atomic {
        drain(me); /* the interrupt or the system call */
        asleep[me] = false;
        seen = 0;
        keep = 0;
        mine = 0;
        rounds = 0;
        dead = false;
        yes = false;
        if
        :: TID(word) == me -> assert(holder == me); holder = 0; owed = true
        :: else -> assert(holder != me)
        fi;
        if
        :: linked && !pending && TID(word) == me -> yes = (word & WAITERS) != 0; word = (word & ~7) | OWNER_DIED
        :: else
        fi;
        linked = false
    };
    if
    :: yes -> atomic { wake(yes) }
    :: else
    fi;
    gone[me] = true;
    d_step {
        yes = false;
        if
        :: pending && TID(word) == 0 -> yes = true
        :: pending && TID(word) == me -> yes = (word & WAITERS) != 0; word = (word & ~7) | OWNER_DIED
        :: else
        fi;
        pending = false
    };
    if
    :: yes -> atomic { wake(yes) }
    :: else
    fi;
    yes = false;
finish:
    atomic { rounds = 0; ended[me] = true }
}

/* Starts the threads; then it is the store buffers, which empty themselves some time. */
active proctype world()
{
    atomic {
        run thread(1, MORE);
        run thread(2, ROUNDS);
        run thread(3, ROUNDS);
#if COUNT > 3
        run thread(4, ROUNDS)
#endif
    };
end:
    do
    :: d_step { buffer[1] != EMPTY -> drain(1) }
    :: d_step { buffer[2] != EMPTY -> drain(2) }
    :: d_step { buffer[3] != EMPTY -> drain(3) }
#if COUNT > 3
    :: d_step { buffer[4] != EMPTY -> drain(4) }
#endif
    od
}
