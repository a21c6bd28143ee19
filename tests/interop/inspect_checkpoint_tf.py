#!/usr/bin/env python3
"""savedmodel inspect_checkpoint against TensorFlow's script of that name.

    inspect_checkpoint_tf.py TOOL FIXTURES WILD

On every checkpoint of the fixtures, in one process: the plain listing, --all_tensor_names, --all_tensors, --tensor_name, a
count with a pattern; five more with --printoptions.  What TensorFlow lists in the order of a hash table (V1 checkpoints
without flags) is compared as a set of lines.
"""
import contextlib
import io
import json
import os
import subprocess
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
from tensorflow.python.tools import inspect_checkpoint  # noqa: E402

PRINT_OPTIONS = [["precision=3"], ["threshold=5", "edgeitems=1"], ["linewidth=40"], ["suppress=true"], ["floatmode=fixed", "precision=2"]]
SHOWN = 10


def theirs(path, tensor_name="", all_tensors=False, all_tensor_names=False, pattern="", options=()):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), np.printoptions():
        for option in options:
            inspect_checkpoint.parse_numpy_printoption(option)
        inspect_checkpoint.print_tensors_in_checkpoint_file(path, tensor_name, all_tensors, all_tensor_names, pattern)
    return out.getvalue().encode("utf-8", "surrogateescape")


def ours(tool, path, *flags):
    run = subprocess.run([tool, "inspect_checkpoint", "--file_name=" + path, *flags], capture_output=True, timeout=60)
    if run.returncode != 0 or run.stderr:
        return b"exit %d: %s" % (run.returncode, run.stderr)
    return run.stdout


def checkpoints(root):
    """Prefix, format, names of tensors."""
    for parent, folders, files in os.walk(root):
        folders.sort()
        if "truth.json" not in files or os.path.basename(os.path.dirname(parent)) == "broken":
            continue
        with open(os.path.join(parent, "truth.json"), encoding="utf-8") as f:
            truth = json.load(f)
        found = dict(truth.get("checkpoints") or {})
        if truth.get("variables", {}):
            found["variables/variables"] = truth["variables"]
        for prefix, checkpoint in sorted(found.items()):
            if "tensors" in checkpoint:
                yield os.path.join(parent, prefix), checkpoint["format"], sorted(checkpoint["tensors"])


def main(tool, fixtures, _wild):
    passed, failures = 0, []

    def check(what, want, got, as_set=False):
        nonlocal passed
        if as_set:
            want, got = sorted(want.splitlines()), sorted(got.splitlines())
        if want == got:
            passed += 1
        else:
            failures.append("%s\n  TensorFlow: %.600r\n  ours:       %.600r" % (what, want, got))
    for i, (path, form, names) in enumerate(checkpoints(fixtures)):
        name = os.path.relpath(path, fixtures)
        check(name, theirs(path), ours(tool, path), form == "V1")
        check(name + " names", theirs(path, all_tensor_names=True), ours(tool, path, "--all_tensor_names"))
        check(name + " values", theirs(path, all_tensors=True), ours(tool, path, "--all_tensors=true"))
        if names and not names[0].startswith("hex:"):
            check(name + " one", theirs(path, tensor_name=names[0]), ours(tool, path, "--tensor_name", names[0]))
        check(name + " count", theirs(path, pattern="a|^b"), ours(tool, path, "--count_exclude_pattern=a|^b"), form == "V1")
        if i % 12 == 5:
            options = PRINT_OPTIONS[i // 12 % len(PRINT_OPTIONS)]
            check(name + " " + " ".join(options), theirs(path, all_tensors=True, options=options),
                  ours(tool, path, "--all_tensors", "--printoptions", *options))
    for failure in failures[:SHOWN]:
        print("FAIL " + failure)
    print("%d passed, %d failed" % (passed, len(failures)))
    return bool(failures) or passed == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if len(sys.argv) == 4 else __doc__)
