#!/usr/bin/env python3
"""Do we read what is in tables, and write them with the same bytes?

    check_tables.py DUMP_TABLE DIR...

DUMP_TABLE is the program of that name.  Every table below the DIRs (*.index, and checkpoints of version 1) is compared
with what the reader in tests/data/make_fixtures.py finds in it, which is independent of ours.  Rewritten tables must be
equal, but for those that TensorFlow did not write, or not today.
"""
import os
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, "..", "data"))
import make_fixtures  # noqa: E402

MAGIC = struct.pack("<Q", 0xDB4775248B80FB57)

# Damaged on purpose, below a folder "broken": what is said of them.
DAMAGED = {
    "index_bad_magic": "not a table", "index_compressed_kind_7": "compression 7 is not known",
    "index_empty": "0 bytes are too few", "index_flipped_bit": "crc32c", "index_truncated": "not a table",
    "keys_unsorted": "its key is below the one before",
}


def tables_below(top):
    for folder, _, names in sorted(os.walk(top)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            with open(path, "rb") as f:
                f.seek(0, os.SEEK_END)
                f.seek(max(0, f.tell() - 8))
                if name.endswith(".index") or f.read() == MAGIC:
                    yield path


def hexed(data):
    return data.hex() or "-"


def other_writer(path, facts):
    """Why this table may come out differently, or None."""
    if facts["compression"] != [0]:
        return "snappy"
    parts = path.split(os.sep)
    if {"broken", "small_blocks", "big_endian", "aligned_64"} & set(parts):
        return "written by make_fixtures.py"
    return None


def check(program, path):
    """What is wrong with our reading, and how writing went."""
    done = subprocess.run([program, path], capture_output=True, text=True)
    damage = DAMAGED.get(path.split(os.sep + "broken" + os.sep)[-1].split(os.sep)[0]) if "broken" in path else None
    if damage is not None:
        ok = done.returncode == 1 and done.stderr.startswith("DATA_LOSS") and damage in done.stderr
        return (None if ok else "not refused as expected: " + (done.stderr or "read")), "damaged"
    if done.returncode != 0:
        return done.stderr.strip(), None
    entries, facts = make_fixtures.read_table(path)
    lines = done.stdout.splitlines()
    if lines[:-1] != ["%s %s" % (hexed(key), hexed(value)) for key, value in entries]:
        return "other entries than make_fixtures.py finds", None
    result = lines[-1].removeprefix("rewritten: ")
    if result == "equal":
        return None, "equal"
    reason = other_writer(path, facts)
    return (None if reason else "rewritten: " + result), "%s: %s" % (reason, result.split(" at ")[0])


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    outcomes, failed = {}, 0
    for top in sys.argv[2:]:
        for path in tables_below(top):
            wrong, outcome = check(sys.argv[1], path)
            if wrong:
                print("%s: %s" % (path, wrong))
                failed += 1
            else:
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
    for outcome, n in sorted(outcomes.items()):
        print("%4d %s" % (n, outcome))
    passed = sum(outcomes.values())
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
