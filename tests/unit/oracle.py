#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does random things to a list and a dict, and writes down what Python made of them.

    oracle.py SEED COUNT

A line is: the object's type, a verb of PROTOCOL.md, its arguments as a list, what it gave (`=` and a value, or `!` and
the exception's name), and the object afterwards; tabs between. An operation that fails changes nothing, other than
Python's sort.
"""
import copy
import random
import sys

PLAIN = [-3, -1, 0, 1, 2, 3, True, False, 1.0, 0.5, -0.5, 2**63, -(2**63), "a", "b", "", "ab", b"a", b"", None]
NESTED = [[], [1], [1, "a"], {}, {"k": 1}, {1: [2]}]
BOUNDS = [None, None, -(2**63), -7, -3, -2, -1, 0, 1, 2, 3, 5, 8, 2**63 - 1]
STEPS = [None, None, 1, 1, -1, 2, -2, 3, 0, 2**63 - 1, -(2**63)]


def value():
    return copy.deepcopy(random.choice(PLAIN + NESTED))


def values(most=5):
    return [value() for _ in range(random.randrange(most))]


def key():
    return random.choice(PLAIN)


def mapping():
    return {key(): value() for _ in range(random.randrange(4))}


def on_list(x):
    """(verb, arguments, what Python does with the list)"""
    at, index = random.randrange(-6, 7), random.choice([-(2**63), -4, -1, 0, 1, 3, 2**63 - 1])
    start, stop, step = random.choice(BOUNDS), random.choice(BOUNDS), random.choice(STEPS)
    v, vs = value(), values()
    numbers = [random.randrange(-9, 9) for _ in range(random.randrange(12))]
    part = slice(start, stop, step)
    if random.random() < 0.3:  # as many as there are, if it can be
        vs = [value() for _ in x[slice(start, stop, step or 1)]]
    return random.choice([
        ("append", [v], lambda: x.append(v)),
        ("extend", [vs], lambda: x.extend(vs)),
        ("insert", [index, v], lambda: x.insert(index, v)),
        ("get", [at], lambda: x[at]),
        ("set", [at, v], lambda: x.__setitem__(at, v)),
        ("del", [at], lambda: x.__delitem__(at)),
        ("pop", [at], lambda: x.pop(at)),
        ("pop", [], x.pop),
        ("remove", [v], lambda: x.remove(v)),
        ("index", [v], lambda: x.index(v)),
        ("index", [v, index, at], lambda: x.index(v, index, at)),
        ("count", [v], lambda: x.count(v)),
        ("contains", [v], lambda: v in x),
        ("equal", [vs], lambda: x == vs),
        ("equal", [list(x)], lambda: True),
        ("len", [], lambda: len(x)),
        ("get_slice", [start, stop, step], lambda: x[part]),
        ("set_slice", [start, stop, step, vs], lambda: x.__setitem__(part, vs)),
        ("del_slice", [start, stop, step], lambda: x.__delitem__(part)),
        ("set_slice", [None, None, None, numbers], lambda: x.__setitem__(slice(None), numbers)),
        ("sort", [], x.sort),
        ("sort", [None, True], lambda: x.sort(reverse=True)),
        ("reverse", [], x.reverse),
        ("concat", [vs], lambda: x + vs),
        ("repeated", [at % 3], lambda: x * (at % 3)),
        ("repeat", [2], lambda: x.extend(x[:])) if len(x) < 20 else ("clear", [], x.clear),
    ])


def on_dict(x):
    k, v, other = key(), value(), mapping()
    pairs = [[key(), value()] for _ in range(random.randrange(4))]
    keys = [key() for _ in range(random.randrange(4))]
    return random.choice([
        ("get", [k], lambda: x[k]),
        ("get", [k, v], lambda: x.get(k, v)),
        ("set", [k, v], lambda: x.__setitem__(k, v)),
        ("set", [k, v], lambda: x.__setitem__(k, v)),
        ("del", [k], lambda: x.__delitem__(k)),
        ("contains", [k], lambda: k in x),
        ("setdefault", [k, v], lambda: x.setdefault(k, v)),
        ("pop", [k], lambda: x.pop(k)),
        ("pop", [k, v], lambda: x.pop(k, v)),
        ("popitem", [], lambda: list(x.popitem())),
        ("len", [], lambda: len(x)),
        ("keys", [], lambda: list(x.keys())),
        ("values", [], lambda: list(x.values())),
        ("update", [other], lambda: x.update(other)),
        ("update", [pairs], lambda: x.update(pairs)),
        ("fromkeys", [keys, v], lambda: x.update(dict.fromkeys(keys, v))),
        ("merge", [other], lambda: x | other),
        ("equal", [other], lambda: x == other),
        ("equal", [dict(reversed(x.items()))], lambda: True),
    ] + [("clear", [], x.clear)] * (len(x) > 12))


def main():
    random.seed(int(sys.argv[1]))
    objects = {"list": [], "dict": {}}
    for _ in range(int(sys.argv[2])):
        name = random.choice(list(objects))
        before = copy.deepcopy(objects[name])
        verb, arguments, act = (on_list if name == "list" else on_dict)(objects[name])
        asked = repr(arguments)
        try:
            outcome = "=" + repr(act())
        except (IndexError, KeyError, ValueError, TypeError) as error:
            outcome = "!" + type(error).__name__
            objects[name] = before
        objects[name] = copy.deepcopy(objects[name])  # nothing is shared between what went in and what is there
        print(name, verb, asked, outcome, repr(objects[name]), sep="\t")


main()
