/* SPDX-License-Identifier: MIT */
/* Sleeping on an event and on lives: lib/segment/sleep.c, with its user lib/sync/transfer.c and the rows of owner.c, in
 * every interleaving, with deaths at any step.
 *
 * Three threads take and give up one transferable lock, each up to ROUNDS times (thread 1: MORE times) or less, so that
 * no later ring hides a lost wake-up. One step is one access to shared memory or one system call of the code, in its
 * order; what only the thread sees is done along with the step before or after. All accesses that matter are locked
 * instructions, system calls or loads, so there are no store buffers here.
 *     word         tid, WAITERS, and the tag, which is a row and its generation
 *     bell         comes round after VALUES rings. In the code that is 4; sooner can only break more
 *     low, gen     the two halves of a row's life word: the tid, GONE (left) or DIED; and the generation
 *     on_bell[n], on_life[n]   n stands in the kernel's queues of the bell, and of the life word of a row
 *     state[n]     AWAKE, QUEUEING in waitv, or ASLEEP there
 * The kernel looks at the words of a waitv one after the other, and queues on each. A wake of one takes anybody who
 * stands in the queue of that word, also one who has been woken by another word and has not left the queue yet.
 * Death is SIGKILL: no further step, then the kernel's walk: the life word is marked and one sleeper of it woken, then
 * the pending word, without a tid, gets one wake (Linux >= 6.2).
 * Whoever has the lock gives it up, or leaves that to anybody (HANDS); its second acquire waits for that. Thread 1 may
 * give its row back LEAVES times and claim any free row at its next call. The threads up to TIMED may be interrupted or
 * meet their deadline at any time. With WATCH, threads 2 and 3 only wait until the lock is free or its holder dead, and
 * wake nobody: what later objects do, and what the wake-all that is passed on is for.
 *
 * Checked: nobody sleeps for ever (nothing moves, a thread sleeps: an invalid end state); nobody takes the lock from a
 * living thread; COOP_OWNER_DIED is told to the next one after a death or end in possession, and to nobody else. (A
 * release by another that saw the holder alive counts as before its death.) All of that without the 250 ms net. With
 * NET it is there, and fires only when nothing else moves. With SLICES there is no waitv: a sleeper sleeps by the bell
 * alone.
 *
 * The net's question to /proc is not here: the kernel's walk always comes to its end. A second death counts as one only
 * as long as somebody sleeps who fell asleep before the first, so for 250 ms.
 *
 * The errors that -D seeds are named in tests/model/check.py:
 *     NO_PASS         who finds a life dead wakes nobody else
 *     UNNAMED         a release does not name the bell in pending
 *     NO_LIFE         lives are looked at before and after a sleep, but not slept on
 *     FORGETFUL       who has slept takes the lock without WAITERS
 *     LATE_BELL       the bell is read after the word; the word behind it hides that, so only where there is no waitv
 *     BELL_ALONE      the word is not behind the bell
 *     ARMS_WITH_GONE  a life word without a tid is slept on
 *     LOW_HALF        the tag is not behind the low half of the life word */
#ifndef ROUNDS
#define ROUNDS 1
#endif
#ifndef MORE
#define MORE ROUNDS
#endif
#ifndef DEATHS
#define DEATHS 0
#endif
#ifndef LEAVES
#define LEAVES 0
#endif
#ifndef TIMED
#define TIMED 0
#endif
#ifndef VALUES
#define VALUES 2
#endif

/* The lock word. */
#define TID(w) ((w) & 3)
#define WAITERS 4
#define LOW(w) ((w) & 7)
#define ROW(w) ((w) >> 3 & 3)
#define GENERATION(w) ((w) >> 5)
#define WITHOUT_WAITERS(w) ((w) & ~WAITERS)
#define ID(n, row, generation) ((generation) << 5 | (row) << 3 | (n))

/* A life word. */
#define GONE 0
#define DIED 4
#define IS_FREE(row) (low[row] == GONE || low[row] == DIED)
#define DEAD(w) (gen[ROW(w)] != GENERATION(w) || IS_FREE(ROW(w)))

#define AWAKE 0
#define QUEUEING 1
#define ASLEEP 2
#define NO_ROW 3

/* list_op_pending */
#define NOTHING 0
#define BELL 1
#define LIFE 2

byte word;
byte bell;
byte low[3], gen[3];
byte state[4], on_life[4] = NO_ROW;
bool on_bell[4], stopped[4];
byte deaths = DEATHS;
byte holder; /* ghost: who has the lock */
bool handed; /* ghost: the holder leaves the release to anybody, and nobody is at it */
bool owed;   /* ghost: the last holder died, and nobody has been told */
#ifdef NET
byte fired;  /* ghost: how often the net was needed since somebody took the lock */
#endif

#define MOVES(n) (!stopped[n] && state[n] != ASLEEP)
#define SOMEBODY_MOVES (handed || MOVES(1) || MOVES(2) || MOVES(3))

#define OWN (WITHOUT_WAITERS(seen) == id) /* the holder waits itself, until somebody releases for it */

/* The choice beside every step. Nobody is killed when only that would move anything. */
#define OR_DIE :: atomic { deaths > 0 && SOMEBODY_MOVES -> deaths--; goto dying }

inline bell_wake_one()
{
    if
    :: on_bell[1] -> on_bell[1] = false; state[1] = AWAKE
    :: on_bell[2] -> on_bell[2] = false; state[2] = AWAKE
    :: on_bell[3] -> on_bell[3] = false; state[3] = AWAKE
    :: else
    fi
}

inline bell_wake(n)
{
    if
    :: on_bell[n] -> on_bell[n] = false; state[n] = AWAKE
    :: else
    fi
}

inline bell_wake_all()
{
    bell_wake(1);
    bell_wake(2);
    bell_wake(3)
}

inline life_wake_one(r)
{
    if
    :: on_life[1] == r -> on_life[1] = NO_ROW; state[1] = AWAKE
    :: on_life[2] == r -> on_life[2] = NO_ROW; state[2] = AWAKE
    :: on_life[3] == r -> on_life[3] = NO_ROW; state[3] = AWAKE
    :: else
    fi
}

inline life_wake(r, n)
{
    if
    :: on_life[n] == r -> on_life[n] = NO_ROW; state[n] = AWAKE
    :: else
    fi
}

inline life_wake_all(r)
{
    life_wake(r, 1);
    life_wake(r, 2);
    life_wake(r, 3)
}

proctype thread(byte me; byte rounds; byte leaves)
{
    byte id = ID(me, me - 1, 1); /* 0: no owner */
    byte row = me - 1, pending;
    byte duty; /* the word that a release is for */
    byte seen, rung, value;
    bool keep, late, yes;

end_next:
    if
    :: atomic { rounds > 0 -> rounds--; yes = true; goto attach }
    :: atomic { !id && !stopped[me] -> goto attach } /* a call that has to do with another object */
    :: atomic { handed -> handed = false; stopped[me] = false; duty = WITHOUT_WAITERS(word); goto attach }
    :: atomic { leaves > 0 && id -> leaves--; pending = LIFE; goto leave }
    :: atomic { !stopped[me] -> rounds = 0; leaves = 0; stopped[me] = true; goto end_next }
    OR_DIE
    fi;

    /* coopi_owner_attach(): claim() */
attach:
    atomic {
        if
        :: id && duty -> yes = false; goto release
        :: id && yes -> yes = false; goto again
        :: id && !duty && !yes -> goto left
        :: !id
        fi
    };
choose:
    if
    :: atomic { IS_FREE(0) -> row = 0; pending = LIFE }
    :: atomic { IS_FREE(1) -> row = 1; pending = LIFE }
    :: atomic { IS_FREE(2) -> row = 2; pending = LIFE }
    OR_DIE
    fi;
    if
    :: atomic {
            if
            :: IS_FREE(row) -> gen[row] = gen[row] + 1; assert(gen[row] < 8); low[row] = me
            :: else -> goto choose
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step { life_wake_all(row); pending = NOTHING; id = ID(me, row, gen[row]) }
    OR_DIE
    fi;
    goto attach;

    /* coopi_transfer_acquire() */
again:
#ifndef LATE_BELL
    if
    :: d_step { seen = 0; rung = bell }
    OR_DIE
    fi;
#endif
    /* try_take() */
    if
    :: atomic {
            seen = word;
            yes = false;
            if
            :: TID(seen) == 0 -> goto take
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: atomic {
            yes = DEAD(seen);
            if
            :: !yes -> goto lived_in
            :: else
            fi
        }
    OR_DIE
    fi;
take:
#ifdef WATCH
    if
    :: me > 1 -> goto left
    :: else
    fi;
#endif
    if
    :: atomic {
            if
            :: word == seen ->
                assert(holder == 0);
                assert(yes == owed);
                word = id | (keep -> WAITERS : 0) | (seen & WAITERS);
                holder = me;
                owed = false;
#ifdef NET
                fired = 0;
#endif
                seen = 0;
                rung = 0;
                keep = false;
                late = false;
                yes = false;
                goto have
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;

    /* sleep_on() */
lived_in:
    atomic {
        if
        :: late -> goto left
        :: else
        fi;
#ifndef FORGETFUL
        keep = true
#endif
    };
#ifdef LATE_BELL
    if
    :: d_step { rung = bell }
    OR_DIE
    fi;
#endif
    if
    :: seen & WAITERS
    :: atomic {
            !(seen & WAITERS) ->
            if
            :: word == seen -> word = word | WAITERS; seen = word
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;

    /* coopi_sleep(): arm(), if it is not our own life */
    if
    :: OWN
    :: atomic {
            !OWN ->
            value = low[ROW(seen)];
            if
            :: gen[ROW(seen)] != GENERATION(seen) || value == DIED -> goto look
#ifndef ARMS_WITH_GONE
            :: gen[ROW(seen)] == GENERATION(seen) && value == GONE -> goto look
#endif
            :: else
            fi
        }
    OR_DIE
    fi;
    /* The deadline; else futex_waitv, word by word. */
    if
    :: atomic { me <= TIMED -> late = true; goto again }
    :: atomic {
            if
            :: bell == rung -> on_bell[me] = true; state[me] = QUEUEING
            :: else -> goto look
            fi
        }
    OR_DIE
    fi;
#ifndef SLICES
#ifndef BELL_ALONE
    if
    :: atomic {
            if
            :: LOW(word) == LOW(seen)
            :: else -> goto unqueue
            fi
        }
    OR_DIE
    fi;
#endif
#ifndef NO_LIFE
    if
    :: OWN
    :: atomic {
            !OWN ->
            if
            :: low[ROW(seen)] == value -> on_life[me] = ROW(seen); value = 0
            :: else -> goto unqueue
            fi
        }
    OR_DIE
    fi;
#ifndef LOW_HALF
    if
    :: OWN
    :: atomic {
            !OWN ->
            if
            :: gen[ROW(seen)] == GENERATION(seen)
            :: else -> goto unqueue
            fi
        }
    OR_DIE
    fi;
#endif
#endif
#endif
    atomic {
        if
        :: state[me] == QUEUEING -> state[me] = ASLEEP
        :: else
        fi
    };
    if
    :: state[me] != ASLEEP
    :: atomic { me <= TIMED -> state[me] = AWAKE; late = true }
#ifdef NET
    :: atomic { timeout && !handed -> state[me] = AWAKE; fired++; assert(fired <= 3) }
#endif
    OR_DIE
    fi;
unqueue:
    if
    :: d_step { on_bell[me] = false; on_life[me] = NO_ROW; state[me] = AWAKE; value = 0 }
    OR_DIE
    fi;
look:
    atomic {
        value = 0;
        rung = 0;
        if
        :: OWN -> goto again
        :: else
        fi
    };
    if
    :: atomic {
            if
            :: DEAD(seen) -> late = false
            :: else -> goto again
            fi
        }
    OR_DIE
    fi;
#ifndef NO_PASS
    if
    :: d_step { life_wake_all(ROW(seen)) }
    OR_DIE
    fi;
#endif
    goto again;

have:
    if
    :: atomic { duty = id }
#ifdef HANDS
    :: atomic { handed = true; goto left }
#endif
    OR_DIE
    fi;

    /* coopi_transfer_release() */
release:
    if
    :: atomic { seen = word }
    OR_DIE
    fi;
relook:
    atomic {
        /* Who was asked to release for one that is dead now does not release for the next one. */
        if
        :: TID(seen) == 0 || WITHOUT_WAITERS(seen) != duty -> goto left
        :: else
        fi
    };
    if
    :: atomic {
            if
            :: DEAD(seen) -> goto left
            :: else
            fi;
#ifndef UNNAMED
            pending = BELL
#endif
        }
    OR_DIE
    fi;
    if
    :: atomic {
            if
            :: word == seen ->
                assert(holder == TID(seen) || (holder == 0 && owed));
                word = 0;
                holder = 0;
                owed = false;
                duty = 0;
                if
                :: seen & WAITERS
                :: else -> goto left
                fi
            :: else -> seen = word; goto relook
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step { seen = 0; bell = (bell + 1) % VALUES }
    OR_DIE
    fi;
    if
    :: d_step { bell_wake_all() }
    OR_DIE
    fi;

left:
    atomic {
        pending = NOTHING;
        seen = 0;
        duty = 0;
        rung = 0;
        keep = false;
        late = false;
        yes = false;
        if
        :: rounds == 0 && leaves == 0 && id -> stopped[me] = true
        :: else
        fi
    };
    goto end_next;

    /* coopi_owner_leave() */
leave:
    if
    :: atomic {
            id = 0;
            low[row] = GONE;
            if
            :: holder == me -> holder = 0; handed = false; owed = true
            :: else
            fi
        }
    OR_DIE
    fi;
    if
    :: d_step { life_wake_all(row) }
    OR_DIE
    fi;
    goto left;

dying:
    atomic {
        on_bell[me] = false;
        on_life[me] = NO_ROW;
        state[me] = AWAKE;
        if
        :: holder == me -> holder = 0; handed = false; owed = true
        :: else
        fi;
        if /* the release is somebody else's now */
        :: duty && holder && WITHOUT_WAITERS(word) == duty -> handed = true
        :: else
        fi;
        duty = 0;
        rounds = 0;
        leaves = 0;
        id = 0;
        seen = 0;
        value = 0;
        rung = 0;
        keep = false;
        late = false;
        yes = false
    };
    atomic {
        if
        :: low[row] == me -> low[row] = DIED; yes = true
        :: else
        fi
    };
    if
    :: yes -> atomic { life_wake_one(row); yes = false }
    :: else
    fi;
    atomic {
        if
        :: pending == BELL -> bell_wake_one()
        :: pending == LIFE && IS_FREE(row) -> life_wake_one(row)
        :: else
        fi;
        pending = NOTHING;
        row = 0;
        stopped[me] = true
    }
}

/* Starts the threads; then it releases what everybody left to somebody else. */
active proctype world()
{
    atomic {
        low[0] = 1;
        low[1] = 2;
        low[2] = 3;
        gen[0] = 1;
        gen[1] = 1;
        gen[2] = 1;
        run thread(1, MORE, LEAVES);
        run thread(2, ROUNDS, 0);
        run thread(3, ROUNDS, 0)
    };
end:
    do
    :: timeout && handed ->
        d_step {
            word = 0;
            holder = 0;
            handed = false;
            bell = (bell + 1) % VALUES;
            bell_wake_all()
        }
    od
}
