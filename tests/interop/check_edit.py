#!/usr/bin/env python3
"""Copies models with `savedmodel edit` and without changes: every file has to be the same byte for byte.

    check_edit.py [--no-memory-limit] TOOL ROOT...

A root is as for check_models.py.  Looked at is every model that opens.

  edit D COPY                       the same files with the same bytes
  edit COPY --in-place --set-meta   one file more; the others keep their bytes, and their inodes
  edit COPY --in-place --drop-meta  the same files as before
  edit COPY --in-place --set-tags   others than saved_model.* and fingerprint.pb keep their bytes, and their inodes
  edit D COPY                       refused, for COPY is there; COPY stays what it is

Every run has 10 seconds and, without --no-memory-limit (sanitizers need it), 1 GiB.  Needs no TensorFlow.
"""
import os
import shutil
import sys
import tempfile

from check_models import find_model
from compare import Run

METADATA = "assets.extra/metadata.json"


def files_of(folder):
    """Name -> (bytes, inode)."""
    found = {}
    for at, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(at, name)
            with open(path, "rb") as f:
                found[os.path.relpath(path, folder)] = (f.read(), os.stat(path).st_ino)
    return found


def differences(before, after, inodes, except_for=()):
    """What is not the same in two results of files_of, in words; "" when all is."""
    names = [n for n in sorted(set(before) | set(after))
             if not n.startswith(except_for or "\0") and (n not in before or n not in after or before[n][0] != after[n][0]
                                                          or (inodes and before[n][1] != after[n][1]))]
    return "differs: " + ", ".join(names) if names else ""


class Checker:
    def __init__(self, tool, limit_memory):
        self.tool, self.limit_memory = tool, limit_memory
        self.passed = 0
        self.faults = []

    def edit(self, *args):
        run = Run([self.tool, "edit", *args], self.limit_memory)
        return "" if run.exit == 0 else "exit %s: %s" % (run.exit, "; ".join(run.stderr))

    def check_copy(self, model, copy):
        fault = self.edit(model, copy)
        before = files_of(copy) if not fault else {}
        yield "copy", fault or differences(files_of(model), before, False)
        fault = self.edit(copy, "--in-place", "--set-meta", "some key=some value")
        after = files_of(copy)
        yield "--set-meta", fault or (METADATA not in after and "no metadata") or differences(before, after, True,
                                                                                              (METADATA,))
        had = METADATA in before
        fault = self.edit(copy, "--in-place", "--drop-meta", "some key")
        yield "--drop-meta", fault or differences(before, files_of(copy), True, (METADATA,) if had else ())
        if Run([self.tool, "show", copy], self.limit_memory).stdout.count("\n") == 2:  # one meta graph
            fault = self.edit(copy, "--in-place", "--set-tags", "some,tags")
            yield "--set-tags", fault or differences(before, files_of(copy), True, ("saved_model.", "fingerprint.pb"))
        before = files_of(copy)
        fault = self.edit(model, copy)
        yield "again", ("" if fault.startswith("exit 1: savedmodel: ") else "not refused: " + fault) or differences(
            before, files_of(copy), True)

    def check_refusal(self, model, copy):
        fault = self.edit(model, copy)
        yield "damaged", "" if fault.startswith("exit 1: savedmodel: ") and not os.path.exists(copy) else (
            "neither copied nor refused: " + fault)

    def check_model(self, name, model):
        out = tempfile.mkdtemp()
        opens = Run([self.tool, "show", model], self.limit_memory).exit == 0
        check = self.check_copy if opens else self.check_refusal
        for step, fault in check(model, os.path.join(out, "copy")):
            if fault:
                self.faults.append("%s: %s: %s" % (name, step, fault))
            else:
                self.passed += 1
        if len(os.listdir(out)) > 1:
            self.faults.append("%s: left behind: %s" % (name, os.listdir(out)))
        shutil.rmtree(out)


def main(args):
    limit_memory = "--no-memory-limit" not in args
    args = [a for a in args if a != "--no-memory-limit"]
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]), limit_memory)
    for root in args[1:]:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" in files:
                checker.check_model(os.path.relpath(folder, root), find_model(folder))
    for fault in checker.faults:
        print("FAILED " + fault)
    print("%d passed, %d failed" % (checker.passed, len(checker.faults)))
    return 1 if checker.faults or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
