#!/usr/bin/env python3
"""Brings the derived columns of tolerance.tsv up to date.

    tolerance.py FIXTURES/tf/broken

The columns on TensorFlow and show_all follow from the truth.json of each broken fixture.  The last three columns
(call, code, verify) are decisions: they are kept as they are, and a fixture that is new gets question marks there.
"""
import json
import os
import sys

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tolerance.tsv")
# show looks at tags, signatures and ops, and at nothing that lies deeper: what nests too deeply there is refused when it
# is unpacked.
NOT_LOOKED_AT = {"deep_attr_100000", "deep_structured_100000"}
COLUMNS = ["fixture", "what", "tf_parse", "tf_load", "tf_load_v1", "show_all", "call", "code", "verify"]


def outcome(tries, name):
    if name not in tries:
        return "-"
    return {"ok": "ok", "error": "error"}.get(tries[name]["outcome"], "crash")


def read_all(tries):
    """For a bare checkpoint, loading is reading every tensor."""
    got = outcome(tries, "load_checkpoint + get_tensor")
    values = tries["load_checkpoint + get_tensor"].get("value", {})
    return "error" if any("Error: " in v for v in values.values()) else got


def derive(name, truth):
    tries = truth["what_tensorflow_does"]
    is_model = "parse_saved_model" in tries
    show = {"ok": "accept", "-": "-"}.get(outcome(tries, "saved_model_cli show --all"), "refuse")
    show = "accept" if name in NOT_LOOKED_AT else show
    load = outcome(tries, "tf.saved_model.load") if is_model else read_all(tries)
    load_v1 = outcome(tries, "v1 loader.load [serve]")
    return [name, truth["what"], outcome(tries, "parse_saved_model"), load, load_v1, show]


def main(folder):
    with open(TABLE) as f:
        lines = f.read().splitlines()
    head = [line for line in lines if line.startswith("#")]
    decided = {line.split("\t")[0]: line.split("\t")[6:] for line in lines if line and not line.startswith("#")}
    rows = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name, "truth.json")
        if os.path.exists(path):
            with open(path) as f:
                rows.append(derive(name, json.load(f)) + decided.get(name, ["?", "?", "?"]))
    with open(TABLE, "w") as f:
        f.write("\n".join(head + ["\t".join(r) for r in [COLUMNS] + rows]) + "\n")


if __name__ == "__main__":
    main(sys.argv[1]) if len(sys.argv) == 2 else sys.exit(__doc__)
