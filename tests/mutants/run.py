#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Breaks the code in one place at a time and requires the test that guards the place to fail.

    run.py [--only=PATTERN] [--dozen=N]

Each tests/mutants/NAME.patch begins with two lines and goes on with a diff for `patch -p1`:
    # breaks: what no longer holds
    # test: suite/name                 or  # crash: PATTERN of operations for the killer, and its options
                                       or  # stress: PROGRAM ARGUMENT...
Behind a guard of the last two kinds stands what it must say, a regular expression:
    # shows: text of its output
The work is done in a copy of the tree, build/mutants, which is kept so that the next run builds little. --dozen=N takes
the Nth twelve of the list, round and round. Ends with `N mutants, N caught`; 0 only if all are.
"""
import argparse
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import time

SCRATCH = "build/mutants"
DOZEN = 12
TEST_SECONDS = 120  # above the runner's own limit
GUARDS = {"test": ["run_tests", "-j", "1", "--only"], "crash": ["crash", "--first", "--ops"], "stress": []}


class Mutant:
    def __init__(self, path):
        self.name = os.path.splitext(os.path.basename(path))[0]
        with open(path, encoding="utf-8") as file:
            self.text = file.read()
        self.breaks = self.header("breaks")
        self.test = next((kind + " " + found for kind in GUARDS if (found := self.header(kind))), None)
        if not self.breaks or not self.test:
            sys.exit("mutants: %s lacks '# breaks: ...' or the line that names its guard" % self.name)
        self.shows = self.header("shows")
        if not self.shows and not self.test.startswith("test "):
            sys.exit("mutants: %s lacks '# shows: ...': what its guard must say" % self.name)
        self.files = re.findall(r"^\+\+\+ b/(\S+)", self.text, re.M)

    def header(self, key):
        found = re.search(r"^# %s: (.+)$" % key, self.text, re.M)
        return found.group(1).strip() if found else None


def copy_if_other(source, target):
    """Leaves equal files alone, so that nothing is built again for them."""
    if os.path.isfile(target):
        with open(source, "rb") as one, open(target, "rb") as two:
            if one.read() == two.read():
                return
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(source, target)


def copy_tree():
    command = ["git", "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    ours = {path for path in listed.stdout.split("\n") if os.path.isfile(path)}
    for path in ours:
        copy_if_other(path, os.path.join(SCRATCH, path))
    for folder, folders, names in os.walk(SCRATCH):
        if folder == SCRATCH and "build" in folders:
            folders.remove("build")
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), SCRATCH)
            if path not in ours and not name.startswith(".sconsign"):
                os.remove(os.path.join(SCRATCH, path))


def targets(guard):
    """What has to be built for a guard: everything for a test, which may run any program; else a program and those that
    it runs."""
    kind, what = guard.split(" ", 1)
    if kind == "test":
        return []
    return ["build/release/bin", "build/release/tests/" + (GUARDS[kind] + what.split())[0]]


def build(only=()):
    done = subprocess.run(["scons", "-Q", "-s", *only], cwd=SCRATCH, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-3000:]


def run_test(guard):
    """The guard's exit code (0 passed, 1 failed, others: it could not tell; None: it did not end) and its output."""
    kind, what = guard.split(" ", 1)
    command = ["build/release/tests/" + part if i == 0 else part for i, part in enumerate(GUARDS[kind] + what.split())]
    try:
        done = subprocess.run(command, cwd=SCRATCH, capture_output=True, timeout=TEST_SECONDS, check=False, text=True)
        return done.returncode, done.stdout + done.stderr
    except subprocess.TimeoutExpired:
        return None, ""


def apply(mutant):
    done = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch", "--fuzz=2", "--quiet"], cwd=SCRATCH, text=True,
                          input=mutant.text, capture_output=True, check=False)
    return None if done.returncode == 0 else "the patch does not apply:\n" + done.stdout + done.stderr


def restore(mutant):
    for path in mutant.files:
        shutil.copy2(path, os.path.join(SCRATCH, path))
        for left in glob.glob(os.path.join(SCRATCH, path) + ".rej") + glob.glob(os.path.join(SCRATCH, path) + ".orig"):
            os.remove(left)


def judge(mutant):
    """('caught' | 'SURVIVED' | 'ERROR', detail)"""
    wrong = apply(mutant)
    if wrong:
        return "ERROR", wrong
    wrong = build(targets(mutant.test))
    if wrong:
        return "ERROR", "it does not build:\n" + wrong
    code, output = run_test(mutant.test)
    shown = re.search(mutant.shows, output) if mutant.shows else None
    if code == 1 and mutant.shows and not shown:
        return "ERROR", "%s fails, but does not say '%s':\n%s" % (mutant.test, mutant.shows, output[-2500:])
    if code == 1:
        return "caught", "by %s: %s" % (mutant.test, shown.group(0)) if shown else ""
    if code == 0:
        return "SURVIVED", "%s passes all the same" % mutant.test
    return "ERROR", "the runner ended with %s" % code


def choose(options):
    mutants = [Mutant(path) for path in sorted(glob.glob("tests/mutants/*.patch"))]
    if options.only:
        mutants = [mutant for mutant in mutants if fnmatch.fnmatch(mutant.name, options.only)]
    if not mutants:
        sys.exit("mutants: none matches")
    if options.dozen is not None and len(mutants) > DOZEN:
        start = options.dozen * DOZEN % len(mutants)
        mutants = (mutants + mutants)[start:start + DOZEN]
    return mutants


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only")
    parser.add_argument("--dozen", type=int)
    mutants = choose(parser.parse_args())
    copy_tree()
    wrong = build()
    if wrong:
        sys.exit("mutants: the unbroken tree does not build:\n" + wrong)
    for test in sorted({mutant.test for mutant in mutants}):
        if run_test(test)[0] != 0:
            sys.exit("mutants: %s does not pass in the unbroken tree" % test)
    caught = 0
    for mutant in mutants:
        start = time.monotonic()
        verdict, detail = judge(mutant)
        restore(mutant)
        caught += verdict == "caught"
        print("%-8s %-28s %s (%.1f s)" % (verdict, mutant.name, mutant.breaks, time.monotonic() - start))
        if detail:
            print("    " + detail.replace("\n", "\n    "))
        sys.stdout.flush()
    print("%d mutants, %d caught" % (len(mutants), caught))
    return 0 if caught == len(mutants) else 1


sys.exit(main())
