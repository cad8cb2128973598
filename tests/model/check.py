#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the models of the robust lock and of sleeping with spin: they hold, and each seeded error is found.

    check.py [NAME... | --long]     without --long not the searches of a minute
"""
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor

FOLDER = os.path.dirname(os.path.abspath(__file__))
MEMORY_MB = 1600  # a search; two run at a time

LOCK_ONE_DEATH = ("COUNT=3", "MORE=2", "DEATHS=1")
LOCK_NO_DEATH = ("COUNT=3", "ROUNDS=2", "DEATHS=0")
ONE_DEATH = ("MORE=2", "DEATHS=1", "HANDS")
ONE_LEAVES = ("LEAVES=1", "HANDS")
NO_WAITV = ("SLICES", "VALUES=4", "MORE=2")

LONG = "--long"

# model, name, definitions, does it hold, LONG or nothing
RUNS = (
    ("lock", "one_death", ("COUNT=3", "DEATHS=1"), True),
    ("lock", "one_death_and_again", LOCK_ONE_DEATH, True, LONG),
    ("lock", "one_death_and_one_who_may_leave", ("COUNT=3", "DEATHS=1", "TIMED=1"), True),
    ("lock", "two_deaths_and_the_net", ("COUNT=3", "DEATHS=2", "NET"), True),
    ("lock", "by_the_word_alone_and_the_net", ("COUNT=3", "DEATHS=1", "ONE_WORD", "NET"), True),
    # What the errors break is told in the models, where they stand.
    ("lock", "free_word_through_zero", LOCK_ONE_DEATH + ("GAP",), False),
    ("lock", "anybody_takes_the_bit_away", LOCK_ONE_DEATH + ("ANY_BIT",), False),
    ("lock", "sleeps_by_one_word", LOCK_ONE_DEATH + ("ONE_WORD",), False),
    ("lock", "no_fence", LOCK_NO_DEATH + ("NO_FENCE",), False),
    ("lock", "trusts_the_call_of_another", LOCK_NO_DEATH + ("TRUSTS_A_CALL",), False),
    ("lock", "quiet_after_the_release", LOCK_NO_DEATH + ("QUIET_LATE",), False),
    ("lock", "looks_no_more", LOCK_ONE_DEATH + ("LOOKS_NO_MORE",), False),
    ("lock", "does_not_call_a_busy_lock", LOCK_ONE_DEATH + ("NO_CALL",), False),
    ("lock", "forgets_the_call", LOCK_ONE_DEATH + ("FORGETS_THE_CALL",), False),

    ("sleep", "nobody_dies", ("ROUNDS=2",), True),
    ("sleep", "one_dies", ONE_DEATH, True),
    ("sleep", "one_dies_and_one_may_stop_waiting", ("HANDS", "DEATHS=1", "TIMED=1"), True),
    ("sleep", "one_leaves_and_comes_back", ONE_LEAVES + ("MORE=2",), True),
    ("sleep", "one_leaves_and_one_dies", ONE_LEAVES + ("DEATHS=1",), True),
    ("sleep", "two_die_and_the_net", ONE_LEAVES + ("DEATHS=2", "NET"), True),
    ("sleep", "two_wait_for_news", ("WATCH", "LEAVES=1", "MORE=2", "DEATHS=1"), True),
    ("sleep", "two_wait_for_news_and_the_net", ("WATCH", "LEAVES=1", "MORE=2", "DEATHS=2", "NET"), True),
    ("sleep", "no_waitv", NO_WAITV, True),
    ("sleep", "no_waitv_and_two_die", ("HANDS", "SLICES", "DEATHS=2", "NET"), True),
    ("sleep", "wake_not_passed_on", ("WATCH", "DEATHS=1", "NO_PASS"), False),
    ("sleep", "pending_not_named", ONE_DEATH + ("UNNAMED",), False),
    ("sleep", "lives_looked_at_but_not_slept_on", ONE_DEATH + ("NO_LIFE",), False),
    ("sleep", "waiters_not_kept", ONE_DEATH + ("FORGETFUL",), False),
    ("sleep", "bell_read_after_the_word", NO_WAITV + ("LATE_BELL",), False),
    ("sleep", "word_not_behind_the_bell", ("ROUNDS=2", "VALUES=4", "BELL_ALONE"), False),
    ("sleep", "gone_holder_armed_with", ONE_LEAVES + ("ARMS_WITH_GONE",), False),
    ("sleep", "tag_not_behind_the_low_half", ONE_LEAVES + ("LOW_HALF",), False),
)


def holds(model, definitions, expected, is_long, folder):
    """True if the search was exhaustive and found nothing, False if it found an error."""
    make_it = ["spin", "-a"] + ["-D" + definition for definition in definitions]
    subprocess.run(make_it + [os.path.join(FOLDER, model + ".pml")], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    flags = [
        "-O1" if expected else "-O0",  # an error is found sooner than the optimizer is through
        "-DSAFETY",
        "-DMEMLIM=%d" % (MEMORY_MB - 100),
    ]
    if is_long:
        flags.append("-DCOLLAPSE")
    compile_it = ["gcc", "-w"] + flags + ["-o", "pan", "pan.c"]
    subprocess.run(compile_it, cwd=folder, check=True)
    search = ["sh", "-c", "ulimit -v %d && exec ./pan -m200000 -n" % (MEMORY_MB << 10)]
    out = subprocess.run(search, cwd=folder, stdout=subprocess.PIPE, text=True, timeout=900).stdout
    if "errors: 0" in out and "Search not completed" not in out and "max search depth too small" not in out:
        return True
    if "errors: 1" in out and "max search depth" not in out:
        return False
    sys.exit("model: the search did not end:\n" + out)


def check(run):
    """The line to print, and whether all is as expected."""
    model, name, definitions, expected = run[:4]
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = holds(model, definitions, expected, LONG in run, folder)
    text = "holds" if found else "an error is found"
    wrong = "" if found == expected else "  WRONG"
    took = time.monotonic() - start
    return "%-5s %-34s %s (%.1f s)%s" % (model, name, text, took, wrong), found == expected


def main():
    names = [argument for argument in sys.argv[1:] if argument != LONG]
    chosen = [run for run in RUNS if (run[1] in names if names else LONG in sys.argv or LONG not in run)]
    failed = 0
    with ThreadPoolExecutor(2) as pool:
        for line, good in pool.map(check, chosen):
            print(line, flush=True)
            failed += not good
    return 1 if failed else 0


sys.exit(main())
