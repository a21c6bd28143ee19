#!/usr/bin/env python3
"""Kills the saving of a model at each of its system calls, by strace: there is the old model or the new one, never a mixture,
and the next save works and leaves nothing but itself.

    tests/interop/check_kills.py RESAVE MODELS

RESAVE is the program of resave.c, MODELS tests/data/models. The last line says how many kills passed and failed.
"""

import os
import shutil
import subprocess
import sys
import tempfile

CALLS = ["openat", "write", "rename", "renameat2", "unlink", "rmdir", "mkdir", "linkat", "fsync", "flock", "close", "ioctl"]
SAVED_MODELS = ["saved_model.pb", "saved_model.pbtxt"]


def read(directory):
    """The files of a directory but for those of a save under way; None: it is not there, or empty."""
    found = {}
    for folder, _, files in os.walk(directory):
        for file in files:
            path = os.path.join(folder, file)
            if ".partial" not in file:
                with open(path, "rb") as opened:
                    found[os.path.relpath(path, directory)] = opened.read()
    return found or None


class Kills:
    def __init__(self, resave, models, scratch):
        self.resave, self.scratch = resave, scratch
        self.old_model, self.new_model = (os.path.join(models, "v1", name) for name in ("table_main_op", "assets"))
        self.target = os.path.join(scratch, "target")
        self.passed = self.failed = 0

    def save(self, model, directory, way, *tracer):
        command = [*tracer, self.resave, model, directory, way]
        return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False).returncode

    def clear(self):
        for name in os.listdir(self.scratch):
            path = os.path.join(self.scratch, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.remove(path)

    def saved(self, model, way):
        """What is there when nothing goes wrong."""
        self.clear()
        self.save(model, self.target, "new")
        if way != "new":
            self.save(self.target, self.target, way)
        return read(self.target)

    def is_as_promised(self, way, found, old, new):
        if way.startswith("in_place") and found:  # each file is old or new, and the first of these is what is read
            first = next((name for name in SAVED_MODELS if name in found), None)
            return first is not None and found[first] in (old.get(first), new.get(first))
        return found in (old, new)

    def kill_at(self, way, call, number, old, new):
        """False: it came to its end."""
        self.clear()
        if old is not None:
            self.save(self.old_model, self.target, "new")
        model = self.target if way.startswith("in_place") else self.new_model
        tracer = ["strace", "-qq", "-o", "/dev/null", "-e", f"inject={call}:signal=KILL:when={number}"]
        if self.save(model, self.target, way, *tracer) == 0:
            return False
        is_right = self.is_as_promised(way, read(self.target), old, new)
        is_next_right = self.save(self.new_model, self.target, "overwrite") == 0
        is_next_right = is_next_right and read(self.target) == self.next and os.listdir(self.scratch) == ["target"]
        if not is_right or not is_next_right:
            print(f"{way}, killed at {call} {number}: {'what is there' if not is_right else 'the next save'}")
        self.passed, self.failed = (
            self.passed + (is_right and is_next_right),
            self.failed + (not is_right or not is_next_right),
        )
        return True

    def run(self):
        old = self.saved(self.old_model, "new")
        self.next = self.saved(self.new_model, "new")
        for way in ["new", "overwrite", "in_place", "in_place_as_text"]:
            new = self.saved(self.old_model, way) if way.startswith("in_place") else self.next
            for call in CALLS:
                number = 1
                while self.kill_at(way, call, number, None if way == "new" else old, new):
                    number += 1


def main():
    resave, models = (os.path.abspath(path) for path in sys.argv[1:])
    with tempfile.TemporaryDirectory() as scratch:
        kills = Kills(resave, models, scratch)
        kills.run()
    print(f"{kills.passed} passed, {kills.failed} failed")
    return kills.failed != 0 or kills.passed == 0


if __name__ == "__main__":
    sys.exit(main())
