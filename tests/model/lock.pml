/* SPDX-License-Identifier: MIT */
/* The robust lock of lib/segment/robust.h and robust.c, every interleaving of it, with deaths at any step.
 *
 * How it maps to the code. One lock word, COUNT threads; each takes and gives up at most ROUNDS times, or stops earlier, so
 * that no later release can hide a lost wake-up. Each step below is one access to shared memory or one system call of the
 * code, in its order; what is private to a thread (list_op_pending, the list, the values read) costs no step of its own.
 *     word        as in layout.h: the tid, WAITERS, OWNER_DIED, the tag. A thread's tag and tid are its number, 1 to COUNT
 *     wanted      robust->wanted
 *     gone[n]     the life word of n is marked: coopi_dead() says yes
 *     asleep[n]   n is in the kernel's queue of this word
 *     buffer[n]   n's store buffer, as x86 has it: a plain store waits here and may pass n's later loads. Locked
 *                 instructions, system calls and death empty one's own; membarrier everybody's. One entry is enough: both
 *                 plain stores to shared words are followed by a locked instruction before the other one comes.
 * A wake takes any sleeper, which includes the kernel's order. A sleeper whose thread is named TIMED may leave at any time,
 * as at a deadline or a signal.
 * Death is SIGKILL: the thread takes no further step; the kernel then walks as in futex_exit_release(): the linked word,
 * unless it is the pending one; the life word, which stands behind it; the pending word last.
 *
 * What is checked. Nobody sleeps for ever: a state where nothing moves and a thread sleeps is an invalid end state. Nobody
 * takes a lock that a living thread has. COOP_OWNER_DIED is told to who takes it next after a death in possession, and to
 * nobody else. Without the 250 ms net, which is there with NET only: then it fires when nothing else can move.
 *
 * Errors to seed: see tests/model/check.py. */

#ifndef COUNT
#define COUNT 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef DEATHS
#define DEATHS 1
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

#define ZERO 1  /* in a buffer: word = 0 */
#define CLEAR 2 /* in a buffer: wanted = 0 */

byte word, wanted;
bool gone[COUNT + 1], asleep[COUNT + 1], killed[COUNT + 1];
byte buffer[COUNT + 1];
byte holder, owed; /* ghosts: who has it; whether the last one who had it died */
#ifdef NET
byte fired;        /* ghost: since somebody took the lock */
#endif

inline drain(n)
{
    if
    :: buffer[n] == ZERO -> word = 0
    :: buffer[n] == CLEAR -> wanted = 0
    :: else
    fi;
    buffer[n] = 0
}

inline drain_all()
{
    drain(1);
    drain(2);
    drain(3);
#if COUNT > 3
    drain(4);
#endif
}

/* FUTEX_WAKE of one; N is how many it woke. */
inline wake(n)
{
    atomic {
        if
        :: asleep[1] -> asleep[1] = false; n = 1
        :: asleep[2] -> asleep[2] = false; n = 1
        :: asleep[3] -> asleep[3] = false; n = 1
#if COUNT > 3
        :: asleep[4] -> asleep[4] = false; n = 1
#endif
        :: else -> n = 0
        fi
    }
}

inline took(n, told)
{
    assert(holder == 0);
    assert(told == owed);
    holder = n;
    owed = 0;
#ifdef NET
    fired = 0
#endif
}

proctype thread(byte me)
{
    byte seen, old, keep, n, round;
    bool pending, linked, dead;

    {
    do
    :: round == ROUNDS -> break
    :: round < ROUNDS ->
        if
        :: break
        :: true
        fi;
        round++;

        /* coopi_robust_try() */
        pending = true;
        d_step {
            drain(me);
            seen = word;
            if
            :: word == 0 -> word = ID(me); took(me, 0)
            :: else
            fi
        };
        if
        :: seen == 0 -> goto have
        :: else
        fi;
        pending = false;

        /* coopi_robust_acquire(): take() */
        pending = true;
        keep = 0;
again:  seen = word;
        if
        :: TID(seen) -> dead = gone[TAG(seen)]
        :: else -> dead = false
        fi;
        if
        :: TID(seen) && !dead
        :: else ->
            d_step {
                drain(me);
                old = word;
                if
                :: old == seen ->
                    word = ID(me) | keep | (seen & WAITERS);
                    took(me, (dead || (seen & OWNER_DIED)))
                :: else
                fi
            };
            if
            :: old == seen -> goto have
            :: else -> goto again
            fi
        fi;
        assert(TAG(seen) != me);
        if
        :: seen & WAITERS
        :: else ->
            d_step {
                drain(me);
                old = word;
                if
                :: old == seen -> word = word | WAITERS
                :: else
                fi
            };
            if
            :: old == seen -> seen = seen | WAITERS
            :: else -> goto again
            fi
        fi;
        if
        :: me <= TIMED -> goto left
        :: true
        fi;
        /* sleep_once() */
        d_step { drain(me); wanted = 1 };
#ifndef NO_FENCE
        d_step { drain_all() };
#endif
        keep = WAITERS;
        d_step {
            if
            :: LOW(word) == LOW(seen) -> asleep[me] = true
            :: else
            fi
        };
        if
        :: !asleep[me]
        :: me <= TIMED -> asleep[me] = false
#ifdef NET
        :: timeout -> d_step { asleep[me] = false; fired++; assert(fired <= COUNT) }
#endif
        fi;
        goto again;

have:   linked = true;
        pending = false;

        /* coopi_robust_give_up() */
        pending = true;
        linked = false;
        d_step { seen = word; assert(holder == me) };
        if
        :: seen & WAITERS -> goto slow
#ifdef NO_MEMBARRIER
        :: else -> goto slow
#else
        :: else
#endif
        fi;
        d_step { buffer[me] = ZERO; holder = 0 };
        n = wanted;
        if
        :: n -> goto waker
        :: else -> goto left
        fi;

        /* coopi_robust_give_up_slow() */
slow:   n = wanted;
        if
        :: n ->
            d_step { drain(me); word = word | WAITERS };
            d_step { buffer[me] = CLEAR }
        :: else
        fi;
        d_step { drain(me); seen = word; word = 0; holder = 0 };
        n = wanted;
        if
        :: (seen & WAITERS) || n
        :: else -> goto left
        fi;

        /* coopi_robust_wake() */
waker:  n = 0;
        d_step { drain(me); word = word | WAITERS };
        wake(n);
        if
        :: n
        :: else ->
            d_step {
                if
                :: word == WAITERS -> word = 0
                :: else
                fi
            }
        fi;
left:   pending = false
    od
    } unless {
        killed[me];
        /* The interrupt or the end of the system call. */
        d_step {
            drain(me);
            asleep[me] = false;
            if
            :: TID(word) == me -> owed = 1; assert(holder == me)
            :: else
            fi;
            if
            :: holder == me -> holder = 0
            :: else
            fi;
            n = 0;
            if
            :: linked && !pending && TID(word) == me ->
                n = word & WAITERS;
                word = (word & ~7) | OWNER_DIED
            :: else
            fi
        };
        if
        :: n -> wake(n)
        :: else
        fi;
        d_step { gone[me] = true; seen = word };
        if
        :: pending && TID(seen) == 0 ->
            wake(n)
        :: pending && TID(seen) == me ->
            d_step {
                n = 0;
                if
                :: TID(word) == me -> n = word & WAITERS; word = (word & ~7) | OWNER_DIED
                :: else
                fi
            };
            if
            :: n -> wake(n)
            :: else
            fi
        :: else
        fi
    }
}

/* Store buffers that empty themselves, and the killer. */
active proctype world()
{
    byte deaths = DEATHS, n;
    atomic {
        run thread(1);
        run thread(2);
        run thread(3);
#if COUNT > 3
        run thread(4);
#endif
    };
end:
    do
    :: d_step { buffer[1] -> drain(1) }
    :: d_step { buffer[2] -> drain(2) }
    :: d_step { buffer[3] -> drain(3) }
#if COUNT > 3
    :: d_step { buffer[4] -> drain(4) }
#endif
    :: deaths > 0 ->
        if
        :: d_step { !killed[1] -> killed[1] = true; deaths-- }
        :: d_step { !killed[2] -> killed[2] = true; deaths-- }
        :: d_step { !killed[3] -> killed[3] = true; deaths-- }
#if COUNT > 3
        :: d_step { !killed[4] -> killed[4] = true; deaths-- }
#endif
        :: deaths = 0 /* spared, so that nobody is killed out of a sleep that would not end */
        fi
    od
}
