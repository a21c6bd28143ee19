#!/usr/bin/env python3
"""Compares what the tool finds wrong with models with what is wrong with them.

    check_verify.py [--no-memory-limit] TOOL ROOT...

A root is as for check_models.py.

  verify PATH --json   damaged models and checkpoints: the worst finding is that of tests/data/tolerance.tsv
                       all others: no error and no warning, but for the models from the wild that are listed below

Every run has 10 seconds and, without --no-memory-limit (sanitizers need it), 1 GiB.  Needs no TensorFlow.
"""
import json
import os
import sys

from check_models import TOLERANCE, find_model
from compare import Run

SEVERITIES = ["-", "note", "warning", "error"]

# Their publishers left out the variables; made by fuzzers; two forms in one directory; operations of a library of its own;
# fingerprints of older versions, which computed them otherwise; a variable and its value that differ in shape, for which
# tf.saved_model.load refuses the model, and tf.compat.v1 does not.
WILD = {"pix2pix_pb_only": "error", "tf_bert1": "error", "tfnet_example1": "error",
        "tf_fuzz_const_no_value": "error", "tf_fuzz_negative_shape": "error",
        "tf_chunked": "warning", "ydf_adult_gbdt": "warning", "dads_policy": "warning",
        "cartpole_policy": "warning", "tf_vars_arithmetic": "warning", "tfnet_auto_compile": "warning"}


def tolerance():
    """Fixture -> its row."""
    with open(TOLERANCE) as f:
        rows = [line.rstrip("\n").split("\t") for line in f if not line.startswith("#")]
    return {row[0]: dict(zip(rows[0], row)) for row in rows[1:]}


def find_path(folder, row):
    """The model; of a row without one the prefix of its checkpoint, or its directory."""
    if row is None or row["tf_parse"] != "-":
        return find_model(folder)
    if "checkpoint" in os.listdir(folder):
        return folder  # its state file is what is damaged
    indexes = [os.path.join(at, f) for at, _, files in os.walk(folder) for f in files if f.endswith(".index")]
    return indexes[0][:-len(".index")] if indexes else folder


class Checker:
    def __init__(self, tool, limit_memory):
        self.tool, self.limit_memory = tool, limit_memory
        self.passed = self.failed = 0

    def worst(self, path):
        """(severity, what the tool says); severity is None when it does not say it as it should."""
        run = Run([self.tool, "verify", path, "--json"], self.limit_memory)
        said = "\n".join(run.stderr)
        if run.bad_end():
            return None, run.bad_end()
        findings = json.loads(run.stdout)["findings"] if run.stdout else []
        said = "\n".join([said] + ["%(severity)s %(file)s: %(place)s: %(message)s" % f for f in findings])
        severity = max([f["severity"] for f in findings], key=SEVERITIES.index, default="-")
        if run.exit == 1 and not run.not_refused() and severity in ("-", "error"):
            return "error", said  # one that is not there is none that can be found fault with
        return (severity if run.exit == 0 and severity != "error" else None), said

    def check(self, name, path, allowed):
        severity, said = self.worst(path)
        if severity in allowed:
            self.passed += 1
            return
        self.failed += 1
        print("FAILED %s: %s, expected %s\n  %s" % (name, severity, " or ".join(allowed), said.replace("\n", "\n  ")))

    def check_folder(self, folder, name, rows):
        with open(os.path.join(folder, "truth.json")) as f:
            kind = json.load(f).get("kind", "wild")
        base = os.path.basename(folder)
        if kind == "broken" and base in rows:
            self.check(name, find_path(folder, rows[base]), [rows[base]["verify"]])
        elif kind in ("v1", "v2"):
            self.check(name, find_model(folder), ["-", "note"])
        elif kind == "wild":
            self.check(name, find_model(folder), [WILD[base]] if base in WILD else ["-", "note"])


def main(args):
    limit_memory = "--no-memory-limit" not in args
    args = [a for a in args if a != "--no-memory-limit"]
    if len(args) < 2:
        sys.exit(__doc__)
    checker, rows = Checker(os.path.abspath(args[0]), limit_memory), tolerance()
    for root in args[1:]:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" in files:
                checker.check_folder(folder, os.path.relpath(folder, root), rows)
    print("%d passed, %d failed" % (checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
