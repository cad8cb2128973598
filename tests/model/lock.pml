/* SPDX-License-Identifier: MIT */
/* The robust lock of lib/segment/robust.h and robust.c, every interleaving of it, with deaths at any step. */
#ifndef COUNT
#define COUNT 3
#endif
#ifndef ROUNDS
#define ROUNDS 2
#endif
#ifndef MORE /* rounds of thread 1 */
#define MORE ROUNDS
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
#define MARK(turn) ((turn) << 4 | WAITERS)
#define TURNS 7

#define EMPTY 255
#define ZERO 254

short word;
byte wanted;
bool gone[COUNT + 1], asleep[COUNT + 1], killed[COUNT + 1];
byte buffer[COUNT + 1] = EMPTY;
byte holder, owed;
#ifdef NET
byte fired;
#endif

inline drain(n)
{
    if
    :: buffer[n] == EMPTY
    :: buffer[n] == ZERO -> word = 0
    :: else -> wanted = buffer[n]
    fi;
    buffer[n] = EMPTY
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

inline took(told)
{
    assert(holder == 0);
    assert(told == owed);
    holder = me;
    owed = 0;
#ifdef NET
    fired = 0;
#endif
    seen = 0;
    dead = 0;
    keep = 0
}

proctype thread(byte me; byte rounds)
{
    short seen;
    byte keep, n, turn;
    bool pending, linked, dead, done;

    {
    do
    :: rounds == 0 -> break
    :: break
    :: rounds > 0 ->
        /* coopi_robust_try() */
        d_step {
            rounds--;
            pending = true;
            drain(me);
            seen = word;
            done = word == 0;
            if
            :: done -> word = ID(me); took(0)
            :: else
            fi
        };
        if
        :: done -> goto have
        :: else
        fi;

again:  atomic { done = false; dead = false; seen = word };
        if
        :: TID(seen) -> dead = gone[TAG(seen)]
        :: else
        fi;
        if
        :: TID(seen) && !dead
        :: else ->
            d_step {
                drain(me);
                done = word == seen;
                if
                :: done ->
                    word = ID(me) | keep | (seen & WAITERS);
                    took((dead || (seen & OWNER_DIED)))
                :: else
                fi
            };
            if
            :: done -> goto have
            :: else -> goto again
            fi
        fi;
        assert(TAG(seen) != me);
#ifdef LEAVE_EARLY
        if
        :: me <= TIMED -> goto left
        :: true
        fi;
#endif
        if
        :: seen & WAITERS
        :: else ->
            d_step {
                drain(me);
                done = word == seen;
                if
                :: done -> word = word | WAITERS; seen = seen | WAITERS
                :: else
                fi
            };
            if
            :: done
            :: else -> goto again
            fi
        fi;
#ifndef LEAVE_EARLY
        if
        :: me <= TIMED -> goto left
        :: true
        fi;
#endif
        /* sleep_once() */
#ifdef OLD
        d_step { drain(me); done = false; wanted = 1 };
#else
        d_step { drain(me); done = false; wanted = wanted | 1; turn = wanted };
#endif
#ifndef NO_FENCE
        d_step { drain_all() };
#endif
        d_step {
            keep = WAITERS;
            asleep[me] = LOW(word) == LOW(seen);
            seen = 0
        };
#if !defined(OLD) && !defined(STALE)
        d_step { asleep[me] = asleep[me] && wanted == turn; turn = 0 };
#else
        turn = 0;
#endif
        if
        :: !asleep[me]
        :: me <= TIMED -> asleep[me] = false
#ifdef NET
        :: timeout -> d_step { asleep[me] = false; fired++; assert(fired <= COUNT) }
#endif
        fi;
        goto again;

have:   atomic { linked = true; pending = false; done = false };

        /* coopi_robust_give_up() */
        d_step { linked = false; pending = true; assert(holder == me); done = (word & WAITERS) != 0 };
        if
        :: done -> goto slow
        :: else
        fi;
        d_step { buffer[me] = ZERO; holder = 0 };
        done = wanted & 1;
        if
        :: done ->
            d_step {
                done = false;
                drain(me);
#ifdef STRAY
                word = word | WAITERS
#else
                if
                :: word == 0 -> word = WAITERS
                :: else
                fi
#endif
            };
            wake(n);
#if defined(OLD) || defined(PLAIN_REMOVES)
            if
            :: n -> n = 0
            :: else ->
                d_step {
                    if
                    :: word == WAITERS -> word = 0
                    :: else
                    fi
                }
            fi
#else
            n = 0
#endif
        :: else
        fi;
        goto left;

        /* coopi_robust_give_up_slow() */
slow:   turn = wanted;
#ifdef OLD
        if
        :: turn ->
            d_step { drain(me); word = word | WAITERS };
            buffer[me] = 0
        :: else
        fi;
        d_step { turn = 0; drain(me); seen = word; word = 0; holder = 0 };
        d_step { done = (wanted || (seen & WAITERS)); seen = 0 };
        if
        :: done -> d_step { done = false; drain(me); word = word | WAITERS }
        :: else -> goto left
        fi;
        wake(n);
        if
        :: n -> n = 0
        :: else ->
            d_step {
                if
                :: word == WAITERS -> word = 0
                :: else
                fi
            }
        fi;
#else
        if
        :: turn & 1 -> d_step { drain(me); word = word | WAITERS }
        :: else
        fi;
        d_step { turn = ((turn | 1) + 1) & TURNS; buffer[me] = turn };
        d_step {
            drain(me);
            done = (word & WAITERS) != 0;
            holder = 0;
#ifdef GAP
            word = 0
#else
            word = (done -> MARK(turn) : 0)
#endif
        };
        if
        :: done
        :: else -> goto left
        fi;
        done = false;
#ifdef GAP
        d_step {
            if
            :: word == 0 -> word = MARK(turn)
            :: else -> word = word | WAITERS
            fi
        };
#endif
        wake(n);
        if
        :: n -> n = 0
        :: else ->
            d_step {
                if
#ifdef UNMARKED
                :: LOW(word) == WAITERS -> word = 0
#else
                :: word == MARK(turn) -> word = 0
#endif
                :: else
                fi
            }
        fi;
#endif
left:   atomic { pending = false; done = false; dead = false; keep = 0; seen = 0; turn = 0 }
    od
    } unless {
        killed[me];
        /* The interrupt or the end of the system call. */
        d_step {
            drain(me);
            asleep[me] = false;
            seen = 0; keep = 0; turn = 0; dead = 0; rounds = 0; done = 0;
            if
            :: TID(word) == me -> owed = 1; assert(holder == me)
            :: else -> assert(holder != me)
            fi;
            if
            :: holder == me -> holder = 0
            :: else
            fi;
            n = 0;
            if
            :: linked && TID(word) == me ->
                n = word & WAITERS;
                word = (word & ~7) | OWNER_DIED
            :: else
            fi;
            linked = false
        };
        if
        :: n -> wake(n)
        :: else
        fi;
        d_step { gone[me] = true; n = 0 };
        d_step {
            if
            :: pending && TID(word) == 0 -> n = 1
            :: pending && TID(word) == me -> n = word & WAITERS; word = (word & ~7) | OWNER_DIED
            :: else
            fi;
            pending = false
        };
        if
        :: n -> wake(n)
        :: else
        fi;
        n = 0
    };
    killed[me] = true
}

/* Store buffers that empty themselves, and the killer. */
active proctype world()
{
    byte deaths = DEATHS;
    atomic {
        run thread(1, MORE);
        run thread(2, ROUNDS);
        run thread(3, ROUNDS);
#if COUNT > 3
        run thread(4, ROUNDS);
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
    :: d_step { deaths > 0 && !killed[1] -> killed[1] = true; deaths-- }
    :: d_step { deaths > 0 && !killed[2] -> killed[2] = true; deaths-- }
    :: d_step { deaths > 0 && !killed[3] -> killed[3] = true; deaths-- }
#if COUNT > 3
    :: d_step { deaths > 0 && !killed[4] -> killed[4] = true; deaths-- }
#endif
    :: deaths > 0 -> deaths = 0
    od
}
