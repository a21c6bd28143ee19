#!/usr/bin/env python3
"""Compares the fingerprints that lie in models with those that the library computes.

    check_fingerprint.py TOOL ROOT...

A root is as for check_models.py.  Each model with a fingerprint.pb that can be read must have all five hashes as they are
computed, but for

  damaged fixtures         the checksum of the model, or that of the index of its variables: what was damaged
  models from the wild     those that are listed below

Fingerprints of models that have none, or are written in odd ways: fingerprint_tf.py.  Needs no TensorFlow.
"""
import json
import os
import re
import subprocess
import sys

# Made by TensorFlow 2.11 and 2.12, whose hash of the signatures left out their keys; or edited after they were made.
WILD = {"cartpole_policy": {"signature_def_hash"},
        "tfnet_auto_compile": {"saved_model_checksum", "signature_def_hash"},
        "tf_vars_arithmetic": {"saved_model_checksum", "graph_def_program_hash", "signature_def_hash",
                               "saved_object_graph_hash", "checkpoint_hash"}}


def find_models(roots):
    """(name, folder, kind)"""
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" not in files:
                continue
            with open(os.path.join(folder, "truth.json")) as f:
                kind = json.load(f).get("kind", "wild")
            for at, _, inside in os.walk(folder):
                if "fingerprint.pb" in inside:
                    yield os.path.basename(folder), at, kind


def differing(tool, folder):
    """The hashes that verify says differ; None where it does not get that far."""
    run = subprocess.run([tool, "verify", folder, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    findings = [f for f in json.loads(run.stdout)["findings"] if f["file"] == "fingerprint.pb"]
    if any(f["severity"] == "error" for f in findings):
        return None
    return {name for f in findings for name in re.findall(r"\w+_(?:checksum|hash)\b", f["message"])}


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    n_equal = n_other = n_failed = 0
    for name, folder, kind in find_models(args[1:]):
        found = differing(os.path.abspath(args[0]), folder)
        if kind == "broken":
            is_right = found is None or found in (set(), {"saved_model_checksum"}, {"checkpoint_hash"})
        else:
            is_right = found == WILD.get(name, set())
        n_equal += found == set() and kind != "broken"
        n_other += found != set() or kind == "broken"
        n_failed += not is_right
        if not is_right:
            print("FAILED %s (%s): differing are %s" % (name, kind, found))
    print("%d equal, %d others, %d failed" % (n_equal, n_other, n_failed))
    return 1 if n_failed or not n_equal else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
