#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compiles and runs every C program of README.md and compares what it prints with the text block behind it.

    readme.py README.md HEADERS BUILD FOLDER      FOLDER is where the programs are made
"""
import os
import re
import subprocess
import sys

STRICT = "-std=c17 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -O1".split()


def programs(readme):
    """(line, source, expected output) of each block of C; a block of text must follow it at once."""
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    for match in re.finditer(r"^```c\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", text, re.M | re.S):
        line = text.count("\n", 0, match.start()) + 1
        if match.group(2) is None:
            sys.exit("%s:%d: no ```text block says what this program prints" % (readme, line))
        yield line, match.group(1), match.group(2)


def main():
    readme, headers, build, folder = sys.argv[1:]
    count = 0
    for line, source, expected in programs(readme):
        where = "%s:%d" % (readme, line)
        path = os.path.join(folder, "readme%d" % line)
        with open(path + ".c", "w", encoding="utf-8") as file:
            file.write(source)
        command = ["cc", "-o", path, path + ".c", "-I" + headers, "-L" + build + "/lib", "-lcoop",
                   "-Wl,-rpath," + build + "/lib"]
        for options in [[], STRICT]:
            compiled = subprocess.run(command + options, capture_output=True, text=True, check=False)
            if compiled.returncode != 0:
                sys.exit("%s: does not compile with %s\n%s" % (where, options, compiled.stderr))
        ran = subprocess.run([path], capture_output=True, text=True, check=False, timeout=20)
        if ran.returncode != 0 or ran.stdout != expected or ran.stderr:
            sys.exit("%s: ended with %d and printed\n%s%sinstead of\n%s"
                     % (where, ran.returncode, ran.stdout, ran.stderr, expected))
        count += 1
    print("%d programs" % count)


main()
