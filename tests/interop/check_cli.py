#!/usr/bin/env python3
"""Plays the recordings of saved_model_cli (tests/data/cli, made by record_cli.py) against our tool.

    check_cli.py TOOL [DATA_DIR]

Compares exit code, stdout byte for byte, and the error message.  Needs no TensorFlow.  Cases of a command that the
tool's own --help does not list are left out, and counted: it is not there yet.

Our error form: with exit 1 stderr is one line "savedmodel: MESSAGE" that ends in TensorFlow's text; with exit 2 it ends
in the lines that TensorFlow prints, with savedmodel in the place of saved_model_cli; with exit 0 it is empty.
"""
import glob
import json
import os
import re
import shlex
import sys
import tempfile

from compare import Run, compare_text

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
COMMANDS = ("show", "run", "scan", "convert", "freeze_model", "aot_compile_cpu")


def expected(case):
    want = {"exit": case["exit"], "stdout": case["stdout"], "message": case["error_message"], "message_contains": None}
    ours = case.get("ours", {})
    if "message_contains" in ours:
        want["message"] = None
    want.update({k: v for k, v in ours.items() if k != "why"})
    return want


def check_message(want, stderr):
    last = stderr[-1] if stderr else ""
    if want["exit"] == 0:
        return None if not stderr else "stderr is not empty: %r" % last
    if want["exit"] == 1 and not last.startswith("savedmodel: "):
        return "the last line of stderr does not begin with 'savedmodel: ': %r" % last
    if want["message_contains"] and want["message_contains"] not in "\n".join(stderr):
        return "stderr lacks %r: %r" % (want["message_contains"], last)
    if want["message"] is None:
        return None
    if want["exit"] == 2:
        lines = want["message"].replace("saved_model_cli", "savedmodel").split("\n")
        return None if stderr[-len(lines):] == lines else "stderr ends in\n%s\n      expected\n%s" % (
            "\n".join("        " + x for x in stderr[-len(lines):]), "\n".join("        " + x for x in lines))
    if len(stderr) != 1:
        return "stderr has %d lines: %r" % (len(stderr), stderr)
    return None if last.endswith(want["message"]) else "message is\n        %s\n      expected\n        %s" % (
        last, want["message"])


def check_case(tool, models, case):
    """Returns what differs, a list of texts."""
    folder = os.path.join(models, case["model"])
    want = {k: v.replace("{dir}", folder) if isinstance(v, str) else v for k, v in expected(case).items()}
    run = Run([tool] + [a.replace("{dir}", folder) for a in case["args"]], limit_memory=False)
    if run.bad_end():
        return [run.bad_end()]
    problems = []
    if run.exit != want["exit"]:
        problems.append("exit %d, expected %d" % (run.exit, want["exit"]))
    if want["stdout"] is None:
        problems += [] if run.stdout else ["stdout is empty"]
    elif run.stdout != want["stdout"]:
        difference, _ = compare_text(want["stdout"], run.stdout)
        problems += ["stdout: " + difference] if difference else []
    message = check_message(want, run.stderr)
    return problems + ([message] if message else [])


def command_of(case):
    """Arguments without a command, or with an unknown one, are the business of any tool: they go with show."""
    return next((a for a in case["args"] if a in COMMANDS), "show")


def missing_commands(tool):
    listed = Run([tool, "--help"], limit_memory=False).stdout
    return {c for c in COMMANDS if c != "show" and not re.search(r"(?m)^ +%s\b" % c, listed)}


def main(tool, data):
    tool, models = os.path.abspath(tool), os.path.abspath(data) + "/models"
    passed = failed = left_out = 0
    missing = missing_commands(tool)
    recordings = sorted(glob.glob(os.path.abspath(data) + "/cli/*.json"))
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)                   # a command that writes after all does it here
        for path in recordings:
            with open(path, encoding="utf-8") as f:
                cases = json.load(f)["cases"]
            for case in cases:
                if command_of(case) in missing:
                    left_out += 1
                    continue
                problems = check_case(tool, models, case)
                passed, failed = passed + (not problems), failed + bool(problems)
                if problems:
                    args = " ".join(shlex.quote(a.replace("{dir}", case["model"])) for a in case["args"])
                    print("FAIL %s: savedmodel %s" % (os.path.basename(path), args))
                    print("".join("      %s\n" % p for p in problems), end="")
    if left_out:
        print("%d cases left out: the tool does not have %s" % (left_out, ", ".join(sorted(missing))))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else DATA))
