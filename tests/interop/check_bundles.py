#!/usr/bin/env python3
"""Compares what the library reads from checkpoints with what TensorFlow read from them.

    check_bundles.py DUMP_BUNDLE ROOT...

A root is a folder of fixtures that make_fixtures.py made, or one of models from the wild: every folder below it with a
truth.json is looked at, and in it every checkpoint and the variables of every SavedModel.  Needs no TensorFlow.

  tensors      keys, dtypes, shapes, number of slices and the SHA-256 of their values against truth.json
  slices       each stored slice, and the reads of slices that were recorded
  no_mmap      the same once more without mapping files
  damaged      checkpoints against tests/data/tolerance.tsv

Every run has 20 seconds and may not die of a signal.
"""
import hashlib
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SHOWN = 8
COUNTS = {"checkpoints": 0, "tensors": 0, "slices": 0, "damaged ones": 0}
TOLERANCE = os.path.join(HERE, "..", "data", "tolerance.tsv")
# Damage that no call fails for, but verify tells.
TOLD_ONLY = ("entries_overlap", "keys_duplicate")


def run(*args):
    done = subprocess.run(args, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{' '.join(args)}: ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done.stdout


def parse(out):
    """Key bytes -> (dtype, shape, slices, value), or a text: what went wrong."""
    tensors, at = {}, 0
    while at < len(out):
        end = out.index(b"\n", at)
        words = out[at:end].split(b" ")
        at = end + 1
        key = b"" if words[0] == b"-" else bytes.fromhex(words[0].decode())
        if words[1] == b"error:":
            tensors[key] = b" ".join(words[2:]).decode()
            continue
        size = int(words[2])
        tensors[key] = (words[1].decode(), [int(w) for w in words[4:]], int(words[3]), out[at:at + size])
        at += size
    return tensors


def key_of(name):
    return bytes.fromhex(name[4:]) if name.startswith("hex:") else name.encode()


def sha256(value):
    return hashlib.sha256(value).hexdigest()


def python_dtype(name):
    """DT_FLOAT -> float32; wild models have either."""
    if not name.startswith("DT_"):
        return name
    return {"half": "float16", "float": "float32", "double": "float64"}.get(name[3:].lower(), name[3:].lower())


def is_supported_here(error):
    """TensorFlow reads slices of some dtypes only, and wrote the file all the same."""
    return "not supported" in error


def compare(tensors, truth):
    problems = []
    expected = {key_of(k): v for k, v in truth.items()}
    for key in sorted(set(expected) - set(tensors)):
        problems.append(f"{key!r} is missing")
    for key in sorted(set(tensors) - set(expected)):
        problems.append(f"{key!r} is not in the checkpoint: {tensors[key]!r:.100}")
    for key in sorted(set(expected) & set(tensors)):
        want, got = expected[key], tensors[key]
        COUNTS["tensors"] += 1
        if isinstance(got, str) and "restore_error" in want and not is_supported_here(want["restore_error"]):
            continue
        if isinstance(got, str):
            problems.append(f"{key!r}: {got}")
            continue
        n_slices = len(want.get("slices", []))
        if (got[0], got[1]) != (python_dtype(want["dtype"]), want["shape"]):
            problems.append(f"{key!r}: {got[:2]}, expected {want['dtype']} {want['shape']}")
        if "slices" in want and got[2] != n_slices:
            problems.append(f"{key!r}: {got[2]} slices, expected {n_slices}")
        if want.get("sha256") and sha256(got[3]) != want["sha256"]:
            problems.append(f"{key!r}: another value")
        if want.get("sha256") is None and want["dtype"] != "variant" and "restore_error" not in want:
            problems.append(f"{key!r}: nothing to compare with: {want}")
    return problems


def spec_of(text, tensor):
    """What RestoreV2 takes, "4 6 0,2:-", as the slice alone; nothing is all of it."""
    return text.split(" ")[-1] if text else ":".join("-" for _ in tensor["shape"])


def extent_text(extent):
    return ":".join("-" if length == -1 else f"{start},{length}" for start, length in extent)


def check_slices(dump, prefix, entry):
    problems = []
    for name, want in entry["tensors"].items():
        for part in want.get("slices", []):
            if "stored_sha256" not in part or want["dtype"] in ("string", "variant"):
                continue
            got = list(parse(run(*dump, prefix, key_of(name).hex(), extent_text(part["extent"]))).values())[0]
            COUNTS["slices"] += 1
            if isinstance(got, str) or sha256(got[3]) != part["stored_sha256"]:
                problems.append(f"{name} {part['extent']}: {got!r:.200}")
    for name, reads in entry["slice_reads"].items() if "slice_reads" in entry else ():
        for read in reads:
            if "sha256" not in read and ("does not match" in read["error"] or "positive" in read["error"]):
                continue  # shapes are compared by whoever restores, and nothing can be read of a tensor here
            spec = spec_of(read["spec"], entry["tensors"][name])
            got = list(parse(run(*dump, prefix, key_of(name).hex(), spec)).values())[0]
            COUNTS["slices"] += 1
            if "sha256" in read:
                is_good = not isinstance(got, str) and sha256(got[3]) == read["sha256"]
            else:
                is_good = isinstance(got, str) or is_supported_here(read["error"])
            if not is_good:
                problems.append(f"{name} {read}: {got!r:.200}")
    return problems


def checkpoints_of(folder, truth):
    for prefix, entry in truth.get("checkpoints", {}).items():
        yield os.path.join(folder, prefix), dict(entry, slice_reads=truth.get("slice_reads", {}))
    variables = truth.get("variables")
    if not variables:
        return
    if "tensors" not in variables:  # wild models
        variables = {"tensors": variables}
    for model in (folder, os.path.join(folder, "model")):
        for inner, _, files in os.walk(model):
            if "variables.index" in files:
                yield os.path.dirname(inner), variables
                return


def check_folder(dump, folder, truth):
    problems = []
    for prefix, entry in checkpoints_of(folder, truth):
        COUNTS["checkpoints"] += 1
        for more in ([], ["--no-mmap"], ["--verify-all"], ["--no-mmap", "--verify-all"]):
            found = compare(parse(run(*dump, *more, prefix)), entry["tensors"])
            found += check_slices([*dump, *more], prefix, entry)
            problems += [f"{prefix} {' '.join(more)}: {p}" for p in found]
    return problems


# ---- damaged ones --------------------------------------------------------------------------------------------------

def tolerance():
    lines = [line.rstrip("\n").split("\t") for line in open(TOLERANCE) if not line.startswith("#")]
    return {row[0]: dict(zip(lines[0], row)) for row in lines[1:]}


def prefixes_below(folder):
    for inner, _, files in sorted(os.walk(folder)):
        for name in sorted({f.split(".data-")[0].removesuffix(".index") for f in files if ".data-" in f or ".index" in f}):
            yield os.path.join(inner, name)


def worst(out):
    kinds = {line.split(b":")[0].decode() for line in out.splitlines()}
    return next((kind for kind in ("error", "warning", "note") if kind in kinds), "-")


def check_damaged(dump, folder, row):
    """The call that fails, its status, and what verify says; of damage that is not the checkpoint's, nothing at all."""
    problems = []
    is_ours = row["call"].startswith(("read ", "open the checkpoint")) or row["fixture"] in TOLD_ONLY
    for prefix in prefixes_below(folder):
        COUNTS["damaged ones"] += 1
        tensors = parse(run(*dump, prefix))
        errors = {key: text for key, text in tensors.items() if isinstance(text, str)}
        found = worst(run(*dump, "--verify", prefix)) if b"" not in errors else "error"
        code = row["code"] if is_ours else "OK"
        if code == "OK" and errors:
            problems.append(f"{prefix}: {errors}")
        if code != "OK" and not any(text.startswith(code) for text in errors.values()):
            problems.append(f"{prefix}: {errors}, expected {code}")
        name = row["call"].removeprefix("read ").encode()
        if code != "OK" and row["call"].startswith("read ") and b"" not in errors:
            problems += [] if any(key.startswith(name) for key in errors) else [f"{prefix}: {name} can be read"]
        if is_ours and found != row["verify"]:
            problems.append(f"{prefix}: verify says {found}, expected {row['verify']}")
        if not is_ours and found == "error":
            problems.append(f"{prefix}: verify says {found}")
    return problems


def main():
    dump, rows, n_bad = [sys.argv[1]], tolerance(), 0
    for root in sys.argv[2:]:
        for folder, folders, files in sorted(os.walk(root)):
            folders.sort()
            if "truth.json" not in files:
                continue
            truth = json.load(open(os.path.join(folder, "truth.json")))
            name = os.path.basename(folder)
            if truth.get("kind") == "broken":
                problems = check_damaged(dump, folder, rows[name]) if name in rows else []
            else:
                problems = check_folder(dump, folder, truth)
            n_bad += len(problems) > 0
            for problem in problems[:SHOWN]:
                print(problem)
    print(", ".join(f"{n} {what}" for what, n in COUNTS.items()), "compared;", f"{n_bad} folders differ")
    return 1 if n_bad else 0


if __name__ == "__main__":
    sys.exit(main())
