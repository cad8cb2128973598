#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Everything about the code that a machine can judge without running it.

    lint.py BUILD [CHECK...]     all checks, or those named; --fix formats the C files first
"""
import ast
import glob
import json
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

MAX_FUNCTION = 60
MAX_FUNCTION_P90 = 35
MAX_FILE = 500
MAX_LINE = 120

# Who may include whom: only what stands on a lower floor, or on its own.
FLOORS = {"base": 0, "segment": 1, "sync": 2, "data": 3, "run": 4, "proxy": 4, "manager": 5, "tools": 5}
NOUNS = {
    "base": "common error try",
    "segment": "segment",
    "sync": "lock rlock rwlock semaphore condition event barrier",
    "data": "value array queue pipe",
    "run": "process pool future",
    "proxy": "any pack manager list dict batch namespace",
}
FLOOR_OF_NOUN = {noun: floor for floor, nouns in NOUNS.items() for noun in nouns.split()}

BANNED = {  # pattern of the called name -> why
    r"strcpy|strcat|sprintf|vsprintf|gets|stpcpy": "has no bound: use snprintf or memcpy",
    r"strtok|tmpnam|mktemp|tempnam|alloca": "unsafe",
    r"system|popen": "runs a shell: use posix_spawn",
    r"signal": "its meaning varies: use sigaction",
}
BANNED_IN_LIB = {
    r"exit|_exit|abort|assert": "the library never ends its host",
    r"printf|puts|putchar|perror|vprintf|syslog": "the library prints nothing",
    r"sigaction|sigprocmask": "the library leaves the host's signals alone",
    r"pthread_(cond|barrier|rwlock)_\w+|sem_(init|open|wait|post)": "does not survive a death",
}
MAY_PRINT_AND_EXIT = "lib/include/coop/try.h"  # COOP_MUST, which runs in the host's name
NEEDED = {"libc.so.6", "libmsgpackc.so.2", "libsodium.so.23", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}

# Loops of others' headers, for cppcheck, which does not read those (and which ends a macro at a semicolon).
MACROS = [
    "-Djson_array_foreach(array,i,value)=while((value=json_array_get(array,i++)))",
    "-Djson_object_foreach(object,key,value)=while((key=next_key(object))&&(value=next_value(object)))",
    "-DHASH_ITER(hh,head,item,next)=while((item=head)&&(next=item))",
]

build = "build/release"
problems = []


def problem(where, what):
    problems.append("%s: %s" % (where, what))


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def our_files():
    listed = run("git", "ls-files", "-co", "--exclude-standard")
    if listed.returncode == 0:
        return [path for path in listed.stdout.split("\n") if path and os.path.isfile(path)]
    found = [os.path.join(folder, name)[2:] for folder, _, names in os.walk(".") for name in names]
    return [path for path in found if not re.match(r"build/|\.git/|\.sconsign|compile_commands|.*__pycache__", path)]


def c_files():
    return [path for path in our_files() if re.search(r"\.(c|h|hpp|cpp)$", path)]


def code_of(path):
    """The text with comments and literals blanked, lines kept."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, read(path), flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def compiles(text, command):
    return subprocess.run(command + ["-"], input=text, capture_output=True, text=True, check=False)


def check_first_lines():
    """An SPDX line first, then one sentence of purpose."""
    for path in our_files():
        if not re.search(r"\.(c|h|hpp|cpp|py|sh|map)$|SCons|\.ci/run|\.clang", path):
            continue
        lines = read(path).split("\n") + ["", ""]
        if lines[0].startswith("#!"):
            lines.pop(0)
        if "SPDX-License-Identifier: MIT" not in lines[0]:
            problem(path, "no SPDX line first")
        if not path.startswith(".clang") and not re.match(r'(/\*|#|""")\s*\S+', lines[1]):
            problem(path, "no sentence of purpose below the SPDX line")


def check_leftovers():
    words = "TO" + "DO|FIX" + "ME|XX" + "X"
    for path in our_files():
        if path.endswith(".patch"):
            continue
        for number, line in enumerate(read(path).split("\n"), 1):
            if re.search(r"\b(%s)\b" % words, line):
                problem("%s:%d" % (path, number), "left for later: " + line.strip())
            if line != line.rstrip():
                problem("%s:%d" % (path, number), "space at the end of the line")
            if len(line) > MAX_LINE and re.search(r"\.(c|h|hpp|cpp|py|sh)$|SCons", path):
                problem("%s:%d" % (path, number), "line of %d columns" % len(line))


def check_format():
    found = run("clang-format", "--dry-run", "-Werror", *c_files())
    for match in re.finditer(r"^(\S+:\d+):\d+: error: code should", found.stderr, re.M):
        problem(match.group(1), "not formatted: run tests/lint.py --fix")


def check_lengths():
    tags = run("ctags", "--output-format=json", "--fields=+ne", "--kinds-C=f", "--kinds-C++=f", "-o", "-", *c_files())
    lengths = []
    for line in tags.stdout.splitlines():
        tag = json.loads(line)
        if "end" not in tag:
            continue
        length = tag["end"] - tag["line"] + 1
        lengths.append(length)
        if length > MAX_FUNCTION:
            where = "%s:%d" % (tag["path"], tag["line"])
            problem(where, "%s has %d lines, over %d" % (tag["name"], length, MAX_FUNCTION))
    if lengths and sorted(lengths)[len(lengths) * 9 // 10] > MAX_FUNCTION_P90:
        problem("functions", "a tenth of them is longer than %d lines" % MAX_FUNCTION_P90)
    for path in our_files():
        if not re.search(r"\.(c|h|hpp|cpp|py|sh)$", path):
            continue
        count = read(path).count("\n")
        if count > MAX_FILE:
            problem(path, "%d lines, over %d" % (count, MAX_FILE))


def check_calls():
    for path in c_files():
        code = code_of(path)
        tables = [BANNED] + ([BANNED_IN_LIB] if path.startswith("lib/") else [])
        for names, why in [pair for table in tables for pair in table.items()]:
            for match in re.finditer(r"(?<![\w.>])(%s)\s*\(" % names, code):
                if path != MAY_PRINT_AND_EXIT:
                    problem("%s:%d" % (path, line_of(code, match.start())), "%s(): %s" % (match.group(1), why))
        if path.startswith("lib/") and path != MAY_PRINT_AND_EXIT and re.search(r"\bstd(out|err)\b", code):
            problem(path, "the library prints nothing")
        if path.startswith("lib/include/") and re.search(r"\b_Atomic\b|stdatomic", code):
            problem(path, "_Atomic in a public header breaks C++")


def check_acquires():
    """Held is held: an acquire may answer COOP_OWNER_DIED, so its bare truth says nothing."""
    for path in c_files():
        code = code_of(path)
        for match in re.finditer(r"\b(if|while)\s*\(\s*(!?)\s*coop_\w*acquire\w*\s*\(", code):
            depth, at = 1, match.end()
            while depth and at < len(code):
                depth += {"(": 1, ")": -1}.get(code[at], 0)
                at += 1
            if match.group(2) or not re.match(r"\s*(<|==|!=|>=)", code[at:]):
                problem("%s:%d" % (path, line_of(code, match.start())), "an acquire as a truth value: test < 0")


def floor_of(path):
    parts = path.split("/")
    if parts[0] == "lib" and len(parts) > 2 and parts[1] != "include":
        return parts[1]
    if path.startswith("lib/include/coop/"):
        return FLOOR_OF_NOUN.get(os.path.splitext(parts[-1])[0])
    return parts[0] if parts[0] in FLOORS else None


def includes_of(path):
    """(line, spelling, file of ours or None)"""
    text = read(path)
    for match in re.finditer(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', text, re.M):
        name = match.group(2)
        places = ["lib/include", "lib", "tests", "tools", "."]
        if match.group(1) == '"':
            places.insert(0, os.path.dirname(path))
        found = [os.path.normpath(os.path.join(place, name)) for place in places]
        yield line_of(text, match.start()), name, next((f for f in found if os.path.isfile(f)), None)


def check_floors():
    for path in c_files():
        here = floor_of(path)
        for line, name, target in includes_of(path):
            there = floor_of(target) if target else None
            where = "%s:%d" % (path, line)
            if path.startswith("examples/") and target and not target.startswith("lib/include/"):
                problem(where, "an example includes %s: public headers only" % name)
            if not here or not there or here == there:
                continue
            if here in FLOORS and there in FLOORS and FLOORS[there] >= FLOORS[here]:
                problem(where, "%s includes %s, which does not stand below it" % (here, name))


def check_circles():
    graph = {path: [target for _, _, target in includes_of(path) if target] for path in c_files()}
    done = set()

    def visit(path, trail):
        if path in trail:
            problem(path, "includes itself by way of " + " -> ".join(trail[trail.index(path):]))
        elif path not in done:
            for target in graph.get(path, []):
                visit(target, trail + [path])
            done.add(path)

    for path in graph:
        visit(path, [])


def check_headers():
    """Each header compiles alone: the public ones as C and as C++17, by both compilers."""
    strict = "-fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Werror -Ilib/include".split()
    commands = []
    for path in c_files():
        if path.startswith("lib/include/") and path.endswith(".h"):
            for compiler, language, standard in [("gcc", "c", "c11"), ("g++", "c++", "c++17"), ("clang", "c", "c17"),
                                                 ("clang++", "c++", "c++17")]:
                commands.append((path, [compiler, "-x", language, "-std=" + standard] + strict))
        elif path.startswith("lib/include/"):
            commands.append((path, ["g++", "-x", "c++", "-std=c++17"] + strict))
        elif path.endswith(".h"):
            more = ["-D_GNU_SOURCE", "-Ilib", "-Itests", "-Itools", "-I."]
            commands.append((path, ["gcc", "-x", "c", "-std=gnu17"] + strict + more))

    def compile_alone(job):
        return compiles('#include "%s"\ntypedef int not_empty;\n' % os.path.abspath(job[0]), job[1])

    with ThreadPoolExecutor(2) as pool:
        for (path, command), done in zip(commands, pool.map(compile_alone, commands)):
            if done.returncode != 0:
                problem(path, "does not compile alone (%s):\n%s" % (" ".join(command[:4]), done.stderr))


def check_exports():
    library = build + "/lib/libcoop.so"
    symbols = run("nm", "-D", "--defined-only", library).stdout.splitlines()
    exported = {line.split()[-1].split("@")[0] for line in symbols}
    exported.discard("LIBCOOP_0")
    for name in sorted(exported):
        if not name.startswith("coop_"):
            problem(library, "exports " + name)
    headers = glob.glob("lib/include/coop/*.h")
    tags = run("ctags", "--output-format=json", "--kinds-C=p", "--language-force=C", "-D",
               "COOP_MUST_CHECK=", "-o", "-", *headers)
    for line in tags.stdout.splitlines():
        tag = json.loads(line)
        if tag["name"].startswith("coop_") and tag["name"] not in exported:
            problem(tag["path"], "declares %s, which libcoop does not export" % tag["name"])
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", run("readelf", "-d", library).stdout))
    for name in sorted(needed - NEEDED):
        problem(library, "needs " + name)


def check_scripts():
    for path in our_files():
        if path.endswith(".py") or "SCons" in path:
            try:
                ast.parse(read(path), path)
            except SyntaxError as error:
                problem(path, str(error))
    shells = [path for path in our_files() if path.endswith(".sh") or path == ".ci/run"]
    if shells:
        found = run("shellcheck", "-f", "gcc", *shells)
        for line in found.stdout.splitlines():
            problem(*line.split(": ", 1))


def check_cppcheck():
    sources = [path for path in c_files() if path.endswith(".c")]
    found = run("cppcheck", "-q", "-j2", "--std=c11", "--enable=warning,performance,portability", "--inline-suppr",
                # Left to compilers and sanitizers, which know the whole program; and it misreads 0x1p63.
                "--suppress=uninitvar", "--suppress=memleak", "--suppress=incorrectLogicOperator",
                "--suppress=missingIncludeSystem", "--suppress=normalCheckLevelMaxBranches",
                "-D_GNU_SOURCE", "-D__linux__", "-D__GNUC__=12", *MACROS,
                "--template={file}:{line}: {id}: {message}", "-Ilib/include", "-Ilib", "-Itests", "-Itools", "-I.",
                *sources)
    for line in found.stderr.splitlines():
        problem(*line.split(": ", 1)) if re.match(r"\S+:\d+: ", line) else problem("cppcheck", line)
    if found.returncode != 0:
        problem("cppcheck", found.stdout)


def check_tidy():
    database = json.loads(read("compile_commands.json"))
    ours = set(c_files())
    sources = sorted({entry["file"] for entry in database if os.path.relpath(entry["file"]) in ours})

    def tidy(path):
        return run("clang-tidy", "-p", ".", "--quiet", "--extra-arg=-Wno-unknown-warning-option",
                   "--extra-arg=-Wno-ignored-optimization-argument", path)

    with ThreadPoolExecutor(2) as pool:
        for done in pool.map(tidy, sources):
            for match in re.finditer(r"^(\S+?:\d+):\d+: (error|warning): (.*)$", done.stdout, re.M):
                problem(os.path.relpath(match.group(1)), match.group(3))


def check_model():
    done = run(sys.executable, "tests/model/check.py")
    if done.returncode != 0:
        problem("tests/model", done.stdout + done.stderr)


CHECKS = {name[6:]: function for name, function in list(globals().items()) if name.startswith("check_")}


def main():
    global build
    arguments = [argument for argument in sys.argv[1:] if argument != "--fix"]
    if "--fix" in sys.argv:
        subprocess.check_call(["clang-format", "-i"] + c_files())
    if arguments:
        build = arguments.pop(0)
    unknown = [name for name in arguments if name not in CHECKS]
    if unknown:
        sys.exit("lint.py: no check %s; there are %s" % (unknown[0], ", ".join(CHECKS)))
    for name in arguments or CHECKS:
        start, before = time.monotonic(), len(problems)
        CHECKS[name]()
        found = sorted(set(problems[before:]))
        verdict = "%d problems" % len(found) if found else "ok"
        print("%-12s %s  (%.1f s)" % (name, verdict, time.monotonic() - start))
        for text in found:
            print("    " + text)
        sys.stdout.flush()
    print("lint: ok" if not problems else "lint: %d problems" % len(set(problems)))
    return 1 if problems else 0


sys.exit(main())
