#!/usr/bin/env python3
"""savedmodel scan against planted models (tests/data/scan, by make_scan_corpus.py) and clean ones (tests/data/models).

    check_scan.py TOOL [DATA_DIR]

Every plant has to be found in its place and denied, and nothing else denied; clean models have nothing to deny but what
is listed below.  Then policies, exit codes and the text form.  Needs no TensorFlow.
"""
import glob
import json
import os
import sys
import tempfile

from compare import Run

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")

# TensorFlow feeds the assets of this one to the init op, which it does not have: what a signature reads is the path in a
# constant, on the machine that made the model.
READERS = {"v1/assets": "ReadFile"}
ASSET_OPS = {"ReadFile", "InitializeTableFromTextFileV2"}
WITH_ASSETS = {"v1/table_init_op", "v1/table_legacy_collection", "v1/table_legacy_init_op", "v1/table_main_op",
               "v2/assets_same_name", "v2/table_asset"}
CHECKPOINT_OPS = {"SaveV2", "RestoreV2", "MergeV2Checkpoints", "SaveSlices", "RestoreSlice", "Save", "Restore"}


class Checks:
    def __init__(self):
        self.passed = self.failed = 0

    def equal(self, what, got, want):
        if got == want:
            self.passed += 1
            return
        self.failed += 1
        print("FAIL %s\n      got      %r\n      expected %r" % (what, got, want))


def scan(tool, folder, *args):
    run = Run([tool, "scan", folder, *args], limit_memory=False)
    if run.bad_end():
        sys.exit("%s: %s" % (folder, run.bad_end()))
    return run


def findings(tool, folder, *args):
    run = scan(tool, folder, "--json", *args)
    return json.loads(run.stdout)["findings"] if run.exit == 0 else ["exit %d: %s" % (run.exit, run.stderr)]


def fits(finding, planted):
    """Keras's layers are found by several of their strings; the node is not known beforehand."""
    return all(finding[key] == value for key, value in planted.items())


def check_planted(checks, tool, folder, name, expected):
    found = findings(tool, folder)
    denied = [f for f in found if f["denied"]]
    plants = expected["findings"]
    for plant in plants:
        checks.equal("%s: %s is found and denied" % (name, plant["op"]), any(fits(f, plant) for f in denied), True)
    places = {p["file"] for p in plants}
    if "text" in expected:
        read = [f for f in denied if any(fits(f, plant) for plant in expected["text"])]
        checks.equal("%s: what is in the text is denied" % name, len(read), len(expected["text"]))
        places.add("saved_model.pbtxt")
    extra = [f for f in denied if f["file"] not in places or
             (f["file"] == "saved_model.pb" and not any(fits(f, plant) for plant in plants))]
    checks.equal("%s: nothing else is denied" % name, extra, [])
    text = scan(tool, folder).stdout
    ours = {p["op"] for p in plants if p["file"] == "saved_model.pb"} & {"PrintV2", "ReadFile", "WriteFile"}
    for op in ours | set(expected["tensorflow_sees"]):
        checks.equal("%s: the text names %s" % (name, op), "'%s'" % op in text.replace("does not contain", "\n").split(
            "contains the following")[-1], True)


def check_clean(checks, tool, models):
    for path in sorted(glob.glob(models + "/v[12]/**/saved_model.pb", recursive=True)):
        folder = os.path.dirname(path)
        name = os.path.relpath(folder, models)
        found = findings(tool, folder)
        denied = sorted({f["op"] for f in found if f["denied"]} - {READERS.get(name)})
        checks.equal("%s is clean" % name, denied, [])
        savers = {f["op"] for f in found if "checkpoint" in f["classes"]}
        checks.equal("%s: only checkpoint operations are the saver's" % name,
                     savers - CHECKPOINT_OPS, set())
        readers = {f["op"] for f in found if "asset" in f["classes"]}
        checks.equal("%s: only readers read assets" % name, readers - ASSET_OPS, set())
        checks.equal("%s: assets are read" % name, bool(readers), name in WITH_ASSETS)


POLICIES = [
    ("", "read_file", {"ReadFile"}),
    ("allow ReadFile", "read_file", set()),
    ("allow Read*  # all readers\n\ndeny Write*", "read_file", set()),
    ("allow file-read", "read_file", set()),
    ("allow file-read\ndeny ReadFile", "read_file", {"ReadFile"}),
    ("allow ?eadFile", "read_file", set()),
    ("allow readfile", "read_file", {"ReadFile"}),
    ("allow file-read", "save_anywhere", {"SaveV2"}),
    ("deny file-write", "harmless", set()),
    ("deny checkpoint", "harmless", {"SaveV2", "RestoreV2", "MergeV2Checkpoints"}),
    ("deny RestoreV2", "harmless", {"RestoreV2"}),
    ("deny asset", "asset_table", {"ReadFile", "InitializeTableFromTextFileV2"}),
    ("deny file-read", "asset_table", set()),
    ("deny ReadFile", "asset_table", {"ReadFile"}),
    ("allow asset", "foreign_table", {"InitializeTableFromTextFileV2"}),
    ("default deny\nallow pure\nallow state\nallow checkpoint", "asset_table_v1", {"InitializeTableFromTextFileV2"}),
    ("default deny\nallow pure\nallow state\nallow checkpoint\nallow asset", "asset_table_v1", set()),
    ("allow unknown", "custom_op", set()),
    ("allow *\ndeny unknown", "custom_op", {"PlantedOp"}),
    ("deny state", "console", {"PrintV2"}),
    ("allow file-write", "print_to_file", set()),
    ("allow state", "print_to_file", {"PrintV2"}),
    ("default deny\nallow pure\nallow checkpoint\nallow file-write", "print_to_file", {"PrintV2"}),
    ("default deny\nallow pure\nallow checkpoint\nallow file-write\nallow state", "print_to_file", set()),
    ("default deny\nallow pure\nallow checkpoint\nallow state", "read_file", {"ReadFile"}),
    ("default deny\nallow *\ndeny StringUpper", "harmless", {"StringUpper"}),
]


def check_policies(checks, tool, corpus):
    with tempfile.TemporaryDirectory() as scratch:
        path = scratch + "/policy"
        for text, model, want in POLICIES:
            with open(path, "w") as f:
                f.write(text)
            denied = {f["op"] for f in findings(tool, corpus + "/" + model, "--policy", path) if f["denied"]}
            checks.equal("policy %r of %s" % (text, model), denied, want)
            exit_code = scan(tool, corpus + "/" + model, "--policy", path, "--fail-on-denied").exit
            checks.equal("policy %r of %s: exit" % (text, model), exit_code, 1 if denied else 0)
        for text in ("allow", "permit ReadFile", "allow A B", "default allow", "deny A\n\nallow\n"):
            with open(path, "w") as f:
                f.write(text)
            run = scan(tool, corpus + "/harmless", "--policy", path)
            checks.equal("policy %r is refused" % text, (run.exit, len(run.stderr), run.stdout), (1, 1, ""))
        checks.equal("no policy file", scan(tool, corpus + "/harmless", "--policy", scratch + "/nowhere").exit, 1)


def check_exit_codes(checks, tool, corpus):
    for args, model, want in (([], "read_file", 0), (["--fail_on_denied"], "read_file", 1),
                              (["--fail_on_denied"], "harmless", 0), (["--fail_on_denied"], "save_anywhere", 0),
                              (["--fail_on_denied", "--deep"], "save_anywhere", 1),
                              (["--fail_on_denied", "--deep"], "harmless", 0),
                              (["--fail_on_denied", "--json"], "keras_lambda", 1),
                              (["--fail_on_denied", "--deep", "--tag_set", "serve"], "second_meta_graph", 0),
                              (["--fail_on_denied", "--deep", "--tag_set", "train"], "second_meta_graph", 1),
                              (["--fail_on_denied", "--op_denylist", "StringUpper"], "harmless", 1)):
        checks.equal("%s %s" % (" ".join(args), model), scan(tool, corpus + "/" + model, *args).exit, want)
    lines = scan(tool, corpus + "/loop_body", "--deep").stdout.splitlines()
    checks.equal("the plant comes first", lines[0].split()[:3], ["denied", "file-write", "WriteFile"])
    checks.equal("the last line counts", lines[-1], "4 found, 1 denied")


def main(tool, data):
    checks = Checks()
    tool, data = os.path.abspath(tool), os.path.abspath(data)
    corpus = data + "/scan"
    with open(corpus + "/expected.json", encoding="utf-8") as f:
        expected = json.load(f)
    for name, facts in sorted(expected.items()):
        check_planted(checks, tool, corpus + "/" + name, name, facts)
    check_clean(checks, tool, data + "/models")
    check_policies(checks, tool, corpus)
    check_exit_codes(checks, tool, corpus)
    print("%d passed, %d failed" % (checks.passed, checks.failed))
    return 1 if checks.failed or not checks.passed else 0


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) == 3 else DATA))
