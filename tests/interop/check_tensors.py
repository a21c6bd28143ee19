#!/usr/bin/env python3
"""Compares what the tool says of checkpoints with what TensorFlow read from them.

    check_tensors.py [--no-memory-limit] TOOL ROOT...

A root is as for check_models.py.  For every checkpoint of a truth.json, and the variables of every model:

  tensors PATH --sha256 --json    keys, dtypes, shapes, values, entries, slices, the header
  cat PATH KEY --slice SPEC -o F  the recorded reads of slices

Needs no TensorFlow.  The last line counts checkpoints and slice reads.
"""
import ast
import hashlib
import json
import os
import sys
import tempfile

from check_models import dtype, find_model
from compare import Run

SHOWN = 6


def key_of(tensor):
    """The key as truth.json writes it: those that are not UTF-8 in hexadecimal."""
    key = tensor["key"]
    return "hex:" + key["hex"] if isinstance(key, dict) else key


def is_incomplete(tensor):
    """A tensor whose parts leave a gap."""
    return "sufficient slices" in tensor.get("restore_error", "")


def compare_entry(key, want, got, is_v1):
    """A tensor of truth.json against one of `tensors --json`; what differs, a list."""
    out = []

    def same(name, a, b):
        if a != b:
            out.append("%r: %s: expected %r, got %r" % (key, name, a, b))
    same("dtype", dtype(want["dtype"]), got.get("dtype"))
    same("shape", want["shape"], got.get("shape"))
    if is_incomplete(want):
        same("error", True, "error" in got)
    elif want.get("sha256"):
        same("sha256", want["sha256"], got.get("sha256"))
    if "slices" in want:
        same("slices", [s["extent"] for s in want["slices"]], got.get("slices"))
    for name, ours in (("shard", "shard"), ("offset", "offset"), ("size", "bytes"), ("crc32c_masked", "crc32c")):
        in_place = not is_v1 and "slices" not in want
        if name in want or not in_place:
            same(ours, want[name] if in_place else None, got.get(ours))
    return out


def compare_header(want, got):
    version = {"bad_consumers": [], "min_consumer": 0, "producer": 0, **want.get("version", {})}
    expected = {"endianness": "big" if want["endianness"] else "little", "num_shards": want["num_shards"],
                "version": version}
    return [] if expected == got else ["header: expected %r, got %r" % (expected, got)]


def compare_document(checkpoint, got):
    is_v1 = checkpoint.get("format") == "V1"
    want = checkpoint["tensors"]
    ours = {key_of(t): t for t in got["tensors"]}
    out = ["%r is missing" % k for k in want if k not in ours] + ["%r is too much" % k for k in ours if k not in want]
    for key, tensor in want.items():
        if key in ours:
            out += compare_entry(key, tensor, ours[key], is_v1)
    if checkpoint.get("header") and not is_v1:
        out += compare_header(checkpoint["header"], got["header"])
    return out


# ---- slices ----

def numpy_slice(spec):
    """'6 8 2,3:-' as numpy writes it, '2:5,:'."""
    parts = []
    for extent in spec.split(" ")[-1].split(":"):
        if extent == "-":
            parts.append(":")
        else:
            start, length = map(int, extent.split(","))
            parts.append("%d:%d" % (start, start + length))
    return ",".join(parts)


def read_npy(path):
    """Shape and bytes of a .npy file of version 1."""
    with open(path, "rb") as f:
        data = f.read()
    size = int.from_bytes(data[8:10], "little")
    header = ast.literal_eval(data[10:10 + size].decode("latin1"))
    return list(header["shape"]), data[10 + size:]


class Checker:
    def __init__(self, tool, limit_memory):
        self.tool, self.limit_memory = tool, limit_memory
        self.passed = self.failed = 0

    def result(self, what, problems):
        self.passed += not problems
        self.failed += bool(problems)
        for p in problems[:SHOWN]:
            print("FAIL %s: %s" % (what, p))
        if len(problems) > SHOWN:
            print("FAIL %s: and %d more" % (what, len(problems) - SHOWN))

    def run(self, *args):
        run = Run([self.tool, *args], self.limit_memory)
        if run.bad_end():
            return run, [run.bad_end()]
        if run.exit != 0 or run.stderr:
            return run, ["exit %d: %s" % (run.exit, run.stderr[-1] if run.stderr else "")]
        return run, []

    def check_tensors(self, name, path, checkpoint):
        run, problems = self.run("tensors", path, "--sha256", "--json")
        if any(is_incomplete(t) for t in checkpoint["tensors"].values()):
            problem = run.bad_end() or run.not_refused()
            problems = [problem] if problem else []
        if not problems:
            try:
                problems = compare_document(checkpoint, json.loads(run.stdout))
            except (ValueError, KeyError, TypeError) as e:
                problems = ["%s: %s" % (type(e).__name__, e)]
        self.result(name, problems)

    def check_slice(self, name, path, key, read, work):
        """Only what TensorFlow could read, and what numpy can ask for."""
        if "error" in read or not read["spec"]:
            return
        out = os.path.join(work, "slice.npy")
        _, problems = self.run("cat", path, key, "--slice", numpy_slice(read["spec"]), "-o", out)
        if not problems:
            shape, data = read_npy(out)
            if shape != read["shape"] or hashlib.sha256(data).hexdigest() != read["sha256"]:
                problems = ["shape %r, other bytes or shape than %r" % (shape, read["shape"])]
        self.result("%s %s %s" % (name, key, read["spec"]), problems)

    def check(self, folder, name, work):
        with open(os.path.join(folder, "truth.json"), encoding="utf-8") as f:
            truth = json.load(f)
        if truth.get("kind") == "broken" or os.path.basename(folder).startswith("tf_fuzz_"):
            return
        for prefix, checkpoint in (truth.get("checkpoints") or {}).items():
            self.check_tensors("%s/%s" % (name, prefix), os.path.join(folder, prefix), checkpoint)
        for key, reads in (truth.get("slice_reads") or {}).items():
            (prefix,) = truth["checkpoints"]
            for read in reads:
                self.check_slice(name, os.path.join(folder, prefix), key, read, work)
        variables = truth.get("variables")
        if variables:
            variables = variables if "tensors" in variables else {"tensors": variables}
            self.check_tensors(name, find_model(folder), variables)


def main(args):
    limit_memory = "--no-memory-limit" not in args
    args = [a for a in args if a != "--no-memory-limit"]
    if len(args) < 2:
        sys.exit(__doc__)
    checker = Checker(args[0], limit_memory)
    with tempfile.TemporaryDirectory() as work:
        for root in args[1:]:
            for parent, folders, files in os.walk(root):
                folders.sort()
                if "truth.json" in files:
                    checker.check(parent, os.path.relpath(parent, root), work)
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return checker.failed != 0 or checker.passed == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
