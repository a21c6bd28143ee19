#!/usr/bin/env python3
"""What Python arguments were, read from models and written again: is it the same?

    check_structures.py REWRITE_STRUCTURES DIR...

REWRITE_STRUCTURES is the program of that name. Every model below the DIRs that opens is looked at. The last line says how many
values came out the same.
"""
import concurrent.futures
import os
import subprocess
import sys


# What comes out differently, for a reason: a list whose item says nothing, which TensorFlow cannot read, comes out with None.
EXPECTED = {"deep_structured_20": ["no traces: fullargspec", "16 same, 1 different"]}


def models_below(top):
    for folder, _, names in sorted(os.walk(top)):
        if {"saved_model.pb", "saved_model.pbtxt", "saved_model.cpb"} & set(names):
            yield folder


def rewrite(program, model):
    done = subprocess.run([program, model], capture_output=True, text=True)
    lines = done.stdout.splitlines()
    same, different = (int(lines[-1].split()[0]), int(lines[-1].split()[2])) if lines else (0, 0)
    if done.returncode not in (0, 1) or done.returncode == 1 and not lines and "broken" not in model:
        lines.append(f"exit code {done.returncode}: {done.stderr}")
        different += 1
    if lines == EXPECTED.get(os.path.basename(model)):
        return same + different, 0, []
    return same, different, lines if different else []


def main():
    program, models = sys.argv[1], [model for top in sys.argv[2:] for model in models_below(top)]
    same = different = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for model, (n, m, lines) in zip(models, pool.map(lambda model: rewrite(program, model), models)):
            same, different = same + n, different + m
            for line in lines:
                print(f"{model}: {line}")
    print(f"{same} passed, {different} failed")
    return different != 0 or same == 0


sys.exit(main())
