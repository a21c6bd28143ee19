#!/usr/bin/env python3
"""savedmodel convert, as a user runs it.

    check_convert.py TOOL DATA_DIR

Every model of DATA_DIR/models from .pb to .pbtxt, back, and to text again; then what has to be refused, with which words,
exit code and nothing left behind.  Needs no TensorFlow; text_tf.py compares the text itself.
"""
import os
import subprocess
import sys
import tempfile


class Checker:
    def __init__(self, tool):
        self.tool = tool
        self.passed = self.failed = 0

    def check(self, name, args, exit_code, message=""):
        run = subprocess.run([self.tool, "convert", *args], capture_output=True, timeout=60, text=True)
        lines = run.stderr.splitlines()
        good = run.returncode == exit_code and not run.stdout and len(lines) == (exit_code != 0) and message in run.stderr
        self.passed += good
        self.failed += not good
        if not good:
            print("FAIL %s: exit %d, expected %d: %s" % (name, run.returncode, exit_code, run.stderr.strip()))
        return good

    def equal(self, name, a, b):
        with open(a, "rb") as f, open(b, "rb") as g:
            same = f.read() == g.read()
        self.passed += same
        self.failed += not same
        if not same:
            print("FAIL %s: not equal" % name)


def round_trips(checker, models, work):
    text, data, again = (os.path.join(work, n) for n in ("saved_model.pbtxt", "saved_model.pb", "again.pbtxt"))
    for parent, folders, files in os.walk(models):
        folders.sort()
        name = os.path.relpath(parent, models)
        if "saved_model.pb" not in files or name.startswith("broken"):
            continue
        if checker.check(name, [parent, text], 0) and checker.check(name, ["--dir", work, data], 0) and \
                checker.check(name, [data, again], 0):
            checker.equal(name, text, again)
    return text, data


def refusals(checker, text, data, work):
    path = lambda name: os.path.join(work, name)  # noqa: E731
    with open(path("bad.pbtxt"), "w", encoding="utf-8") as f:
        f.write("node {\n  nam: 1\n}")
    with open(path("unknown.pb"), "wb") as f:
        f.write(b"\xc0\x3e\x01")
    with open(path("old.pb"), "w", encoding="utf-8") as f:
        f.write("old")
    before = sorted(os.listdir(work))
    checker.check("bad text", [path("bad.pbtxt"), path("old.pb")], 1,
                  "Cannot parse pbtxt file b'%s': 2:3 : Message type \"tensorflow.NodeDef\" has no field named \"nam\"."
                  % path("bad.pbtxt"))
    checker.check("unknown field", [path("unknown.pb"), path("new.pbtxt")], 1, "text cannot hold it")
    checker.check("no source", [path("none.pb"), path("new.pbtxt")], 1, path("none.pb"))
    checker.check("no folder", [data, path("none/new.pbtxt")], 1, path("none/new.pbtxt"))
    checker.check("same form", [data, path("new.pb")], 2, "SRC has to end in .pbtxt")
    checker.check("same form", [text, path("new.pbtxt")], 2, "SRC has to end in .pb ")
    checker.check("no form", [data, path("new")], 2, "DST has to end in")
    checker.check("no target", [data], 2, "needs SRC and DST")
    if sorted(os.listdir(work)) != before:
        checker.failed += 1
        print("FAIL left behind: %s" % sorted(set(os.listdir(work)) - set(before)))
    with open(path("old.pb"), encoding="utf-8") as f:
        if f.read() != "old":
            checker.failed += 1
            print("FAIL a failure changed what was there")
    with open(path("graph.pbtxt"), "w", encoding="utf-8") as f:
        f.write("node { name: 'n' }")
    checker.check("a GraphDef, over what is there", [path("graph.pbtxt"), path("old.pb")], 0)
    with open(path("old.pb"), "rb") as f:
        if f.read() != b"\x0a\x03\x0a\x01n":
            checker.failed += 1
            print("FAIL GraphDef: wrong bytes")


def main(args):
    if len(args) != 2:
        sys.exit(__doc__)
    checker = Checker(os.path.abspath(args[0]))
    with tempfile.TemporaryDirectory() as work:
        text, data = round_trips(checker, os.path.join(args[1], "models"), work)
        refusals(checker, text, data, work)
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
