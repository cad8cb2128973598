#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the model of the robust lock with spin: the protocol holds, and each seeded error is found.

    check.py [NAME...]
"""
import os
import resource
import subprocess
import sys
import tempfile
import time

MODEL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "lock.pml")
MEMORY_MB = 1600
ONE_DEATH = ("COUNT=3", "MORE=2", "DEATHS=1")
NO_DEATH = ("COUNT=3", "ROUNDS=2", "DEATHS=0")

# name, definitions, does it hold
RUNS = (
    ("one_death", ONE_DEATH, True),
    ("one_death_and_one_who_may_leave", ("COUNT=3", "DEATHS=1", "TIMED=1"), True),
    ("two_deaths_and_the_net", ("COUNT=3", "DEATHS=2", "NET"), True),
    # What the errors break is told in lock.pml, where they stand.
    ("free_word_through_zero", ONE_DEATH + ("GAP",), False),
    ("anybody_takes_the_bit_away", ONE_DEATH + ("ANY_BIT",), False),
    ("sleeps_by_one_word", ONE_DEATH + ("ONE_WORD",), False),
    ("no_fence", NO_DEATH + ("NO_FENCE",), False),
    ("trusts_the_call_of_another", NO_DEATH + ("TRUSTS_A_CALL",), False),
    ("quiet_after_the_release", NO_DEATH + ("QUIET_LATE",), False),
    ("looks_no_more", ONE_DEATH + ("LOOKS_NO_MORE",), False),
    ("does_not_call_a_busy_lock", ONE_DEATH + ("NO_CALL",), False),
    ("forgets_the_call", ONE_DEATH + ("FORGETS_THE_CALL",), False),
)


def limit_memory():
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MB << 20, MEMORY_MB << 20))


def holds(definitions, folder):
    """True if the search was exhaustive and found nothing, False if it found an error."""
    flags = ["-D" + definition for definition in definitions]
    subprocess.run(["spin", "-a"] + flags + [MODEL], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    compile_it = ["gcc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=%d" % (MEMORY_MB - 100), "-o", "pan", "pan.c"]
    subprocess.run(compile_it, cwd=folder, check=True)
    out = subprocess.run(["./pan", "-m200000", "-n"], cwd=folder, stdout=subprocess.PIPE, text=True, timeout=240,
                         preexec_fn=limit_memory).stdout
    if "errors: 0" in out and "Search not completed" not in out and "max search depth too small" not in out:
        return True
    if "errors: 1" in out and "max search depth" not in out:
        return False
    sys.exit("model: the search did not end:\n" + out)


def main():
    failed = 0
    for name, definitions, expected in RUNS:
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            found = holds(definitions, folder)
        text = "holds" if found else "an error is found"
        wrong = "" if found == expected else "  WRONG"
        failed += found != expected
        print("%-34s %s (%.1f s)%s" % (name, text, time.monotonic() - start, wrong))
        sys.stdout.flush()
    return 1 if failed else 0


sys.exit(main())
