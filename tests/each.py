#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs each built program of a folder whose name begins with a prefix, one after another; stops at the first failure.

    each.py FOLDER PREFIX [ARGUMENT...]
"""
import os
import subprocess
import sys
import time


def main():
    folder, prefix, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    names = sorted(name for name in os.listdir(folder) if name.startswith(prefix))
    if not names:
        sys.exit("each.py: no program %s* in %s" % (prefix, folder))
    for name in names:
        start = time.monotonic()
        code = subprocess.call([os.path.join(folder, name)] + arguments)
        print("%s: %s after %.1f s" % (name, "ok" if code == 0 else "FAILED (%d)" % code, time.monotonic() - start))
        sys.stdout.flush()
        if code != 0:
            return 1
    return 0


sys.exit(main())
