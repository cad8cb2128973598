#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares tests/cpython.tsv with the test cases that the installed CPython brings.

    cpython.py cpython.tsv RUN_TESTS

Each line is MODULE, CLASS, CASE and what we have for it: the test that runs its steps (SUITE/TEST), or `n/a: ` and the
feature of CPython that C cannot have. Every case of each class has one line, no other has, each test exists, and at
most 15% of a class are n/a. One in ten of all that are ours is broken by a mutant (tests/mutants/*.patch).
Says how many cases there are of each kind, or what is wrong. Exit code 77: no CPython 3.11 with its tests.
"""
import collections
import glob
import importlib
import os
import re
import subprocess
import sys
import unittest

VERSION = (3, 11)
SHARE = 0.15
LATER = {"test.lock_tests RLockTests": {"test_recursion_count"}}  # cases that 3.11.2 does not have yet
OTHERS = ["/usr/bin/python3.11", "/usr/bin/python3"]


def find_tests():
    """The module `test` of this Python, or else this program again by one that has it."""
    try:
        if sys.version_info[:2] == VERSION:
            return importlib.import_module("test.list_tests")
    except ImportError:
        pass
    tried = os.environ.get("CPYTHON_TRIED", "").split(":")
    for other in OTHERS:
        if os.path.exists(other) and other not in tried:
            os.environ["CPYTHON_TRIED"] = ":".join(tried + [other])
            os.execv(other, [other] + sys.argv)
    print("no CPython %d.%d with its own tests: run tools/setup.sh" % VERSION, file=sys.stderr)
    sys.exit(77)


def cases_of(name):
    module, noun = name.split(" ")
    return unittest.TestLoader().getTestCaseNames(getattr(importlib.import_module(module), noun))


def check_class(name, rows, tests):
    problems = []
    cases = set(cases_of(name)) | LATER.get(name, set())
    listed = collections.Counter(case for case, _ in rows)
    problems += ["%s.%s: not listed" % (name, case) for case in sorted(cases - set(listed))]
    problems += ["%s.%s: CPython has no such case" % (name, case) for case in sorted(set(listed) - cases)]
    problems += ["%s.%s: listed %d times" % (name, case, n) for case, n in listed.items() if n > 1]
    kinds = collections.Counter()
    for case, ours in rows:
        kind, _, reason = ours.partition(": ")
        if kind == "n/a":
            kinds[kind] += 1
            if not reason:
                problems.append("%s.%s: '%s' is no reason" % (name, case, ours))
        else:
            kinds["ours"] += 1
            if ours not in tests:
                problems.append("%s.%s: there is no test %s" % (name, case, ours))
    if kinds["n/a"] > SHARE * len(cases):
        problems.append("%s: %d of %d cases are n/a" % (name, kinds["n/a"], len(cases)))
    return kinds, problems


def guarded_tests(mutants):
    found = set()
    for path in glob.glob(os.path.join(mutants, "*.patch")):
        with open(path, encoding="utf-8") as file:
            found |= set(re.findall(r"^# test: (\S+)", file.read(), re.M))
    return found


def main():
    table, runner = sys.argv[1:]
    find_tests()
    tests = set(subprocess.run([runner, "--list"], capture_output=True, text=True, check=True).stdout.split())
    classes = collections.defaultdict(list)
    with open(table, encoding="utf-8") as file:
        lines = [line for line in file.read().splitlines() if not line.startswith("#")]
    for line in lines[1:]:
        module, noun, case, ours = line.split("\t")
        classes[module + " " + noun].append((case, ours))
    total, problems = collections.Counter(), []
    ours = {test for rows in classes.values() for _, test in rows if not test.startswith("n/a")}
    for name, rows in classes.items():
        kinds, found = check_class(name, rows, tests)
        total += kinds
        problems += found
    guarded = guarded_tests(os.path.join(os.path.dirname(table), "mutants")) & ours
    if len(guarded) * 10 < len(ours):
        problems.append("mutants break only %d of our %d tests; one in ten is wanted" % (len(guarded), len(ours)))
    print("\n".join(problems) or "%d cases: %d ours, %d n/a; mutants break %d" %
          (sum(total.values()), total["ours"], total["n/a"], len(guarded)))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
