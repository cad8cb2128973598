#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Old releases and this one on one segment, under kills: they refuse each other with a sentence, or all is right.

    run.py BUILD [COMMIT...]

Without commits: the first one that has a format at all, and the first one with the format of this tree; or rather the
next one after it that can be built. It is built in build/versions/COMMIT. Both make the segment in turn, and the other
one comes.
"""
import mmap
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

SECONDS = 8
TRIES = 8  # commits to build
REFUSED = 4
STOP, BEGUN, DONE, LEFT, RIGHT, TORN, NUMBERS = range(7)
LAYOUT = "lib/segment/layout.h"


def git(*arguments):
    return subprocess.run(["git"] + list(arguments), capture_output=True, text=True, check=True).stdout.strip()


def first_commits():
    with open(LAYOUT, encoding="utf-8") as file:
        lines = re.findall(r"^#define COOPI_FORMAT_(?:MAJOR|MINOR) .*$", file.read(), re.M)
    commits = git("log", "--reverse", "--format=%h", "--", LAYOUT).split()
    same = [commit for commit in commits if all(line in git("show", commit + ":" + LAYOUT) for line in lines)]
    return list(dict.fromkeys(first_built(some) for some in (commits, same) if some))


def first_built(commits):
    for commit in commits[:TRIES]:
        if build_old(commit):
            return commit
    sys.exit("versions: none of these can be built: " + " ".join(commits[:TRIES]))


def build_old(commit):
    """The folder with its libcoop.so, made once; None: it cannot be built."""
    place = os.path.join("build/versions", commit)
    if not os.path.exists(place):
        os.makedirs(place)
        archive = subprocess.Popen(["git", "archive", commit], stdout=subprocess.PIPE)
        subprocess.run(["tar", "-x", "-C", place], stdin=archive.stdout, check=True)
    done = subprocess.run(["scons", "-Q", "-s", "build/release/lib"], cwd=place, capture_output=True, check=False,
                          timeout=300)
    return os.path.abspath(os.path.join(place, "build/release/lib")) if done.returncode == 0 else None


class Scene:
    def __init__(self, worker):
        self.worker = worker
        self.segment = "versions.%d" % os.getpid()
        self.file = tempfile.NamedTemporaryFile()
        self.file.write(bytes(8 * NUMBERS))
        self.file.flush()
        self.memory = mmap.mmap(self.file.fileno(), 8 * NUMBERS)

    def number(self, which):
        return struct.unpack_from("q", self.memory, 8 * which)[0]

    def start(self, folder):
        return subprocess.Popen([self.worker, self.segment, self.file.name], stdout=subprocess.PIPE, text=True,
                                env=dict(os.environ, LD_LIBRARY_PATH=folder))

    def works(self, folder):
        """True once such a worker works; False: it was refused, which it must say."""
        done, worker = self.number(DONE), self.start(folder)
        limit = time.monotonic() + 10
        while worker.poll() is None and self.number(DONE) < done + 10:
            if time.monotonic() > limit:
                sys.exit("versions: neither works nor is refused within 10 s")
            time.sleep(0.01)
        works = worker.poll() is None
        worker.kill()
        said = worker.communicate()[0].strip()
        if not works and (worker.returncode != REFUSED or len(said) < 20):
            sys.exit("versions: ended with %s and said: %s" % (worker.returncode, said))
        print("    %s" % ("works" if works else "refused: " + said))
        return works

    def strike(self, folders):
        """Kills workers of both kinds for a while; the number of kills."""
        kills, until = 0, time.monotonic() + SECONDS
        workers = [self.start(folders[i % 2]) for i in range(4)]
        while time.monotonic() < until:
            i = random.randrange(4)
            time.sleep(random.random() * 0.02)
            workers[i].send_signal(signal.SIGKILL)
            said = workers[i].communicate()[0]
            if workers[i].returncode != -signal.SIGKILL:
                sys.exit("versions: a worker ended with %s: %s" % (workers[i].returncode, said))
            workers[i] = self.start(folders[i % 2])
            kills += 1
        struct.pack_into("q", self.memory, 8 * STOP, 1)
        for worker in workers:
            if worker.wait(timeout=15) != 0:
                sys.exit("versions: a worker ended with %s: %s" % (worker.returncode, worker.communicate()[0]))
        return kills

    def judge(self, kills):
        begun, done, right = self.number(BEGUN), self.number(DONE), self.number(RIGHT)
        good = self.number(TORN) == 0 and done <= right <= begun and begun - done <= kills
        print("    %d kills: %d begun, %d done, %d counted, %d torn" % (kills, begun, done, right, self.number(TORN)))
        if not good:
            sys.exit("versions: that is wrong")

    def remove(self):
        path = "/dev/shm/coop.%d.%s" % (os.geteuid(), self.segment)
        if os.path.exists(path):
            os.remove(path)


def meet(worker, maker, guest):
    scene = Scene(worker)
    try:
        if not scene.works(maker):
            sys.exit("versions: who makes the segment is refused")
        if scene.works(guest):
            kills = 1 + scene.strike([maker, guest])
            scene.judge(kills + 2)
    finally:
        scene.remove()


def main():
    build = sys.argv[1]
    new, worker = os.path.abspath(os.path.join(build, "lib")), os.path.join(build, "tests/worker")
    for commit in sys.argv[2:] or first_commits():
        old = build_old(commit)
        if not old:
            sys.exit("versions: %s cannot be built" % commit)
        for maker, guest, words in ((old, new, "makes it, this one comes"), (new, old, "comes, this one made it")):
            print("%s %s" % (commit, words))
            sys.stdout.flush()
            meet(worker, maker, guest)
    print("versions: ok")
    return 0


sys.exit(main())
