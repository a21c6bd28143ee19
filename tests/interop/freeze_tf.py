#!/usr/bin/env python3
"""Freezes models, and lets TensorFlow run them: they have to give what was recorded of the models as they were.

    freeze_tf.py TOOL FIXTURES WILD [--only TEXT]

  edit --freeze   each model is frozen as a whole, and loaded as TensorFlow 1 does it and with tf.saved_model.load; those that
                  write to variables are refused, and the message names the node
  edit --to-v1    V2 models without their object graph: the same runs
"""
import argparse
import os
import shutil
import subprocess
import sys
import tempfile

import edit_tf

# Of both kinds: handles in functions, loops, branches, tables and assets; references, partitioned variables; optimizers.
FIXTURES = """v2/one_signature v2/keras_functional v2/control_flow v2/rnn_gru v2/table_asset v2/captured_constants
    v2/policy_expand_distributed v2/skip_saver v2/as_text v1/simple_save v1/partitioned_variables v1/control_flow_v1
    v1/classify_regress_predict v1/table_main_op v2/mutable_tables""".split()
WILD = """gearbox_autoencoder country_religion mlnet_mnist_conv mlnet_mnist_lr syn_mlnet_sentiment syn_bio_lstm
    rust_regression_model tf2onnx_regression java_half_plus_two tf_static_hashtable tf_half_plus_two_pbtxt
    tfx_transform_fn tfdeploy_multi_2_0_alpha""".split()

TO_V1 = "v2/one_signature v2/table_asset v2/several_signatures v2/keras_functional".split()

# What of the model writes to a variable, and the flags with which it can be frozen all the same.
REFUSED = {"v2/several_signatures": ("AssignAddVariableOp of function __inference_bump", None),
           "v2/keras_sequential": ("AssignMovingAvg of function ", ["--keep-signatures", "serving_default"]),
           "v1/ref_and_resource_variables": ("node ref/Assign: Assign", None),
           "v1/several_meta_graphs": ("node Momentum: AssignAdd", None)}


def same(key, *names):
    return names[1] if names else key


def freeze_fixture(checker, folder, *flags):
    """In a new directory: the recorded runs, in both ways of loading."""
    model = edit_tf.Model(checker.np, folder)
    root = tempfile.mkdtemp()
    try:
        frozen = checker.edit(model.path, os.path.join(root, "frozen"), *flags, "--freeze")
        graph = checker.graphs(frozen)[0]
        runs = {k: v for k, v in model.runs.items() if k in graph["signatures"]}
        if not runs:
            raise RuntimeError("nothing to run")
        checker.check_v1(frozen, graph["tags"], runs, same)
        checker.check_v2(frozen, graph["tags"], runs, same)
        check_no_variables(checker, frozen)
    finally:
        shutil.rmtree(root)


def check_v1_of(checker, folder):
    model = edit_tf.Model(checker.np, folder)
    with tempfile.TemporaryDirectory() as root:
        made = checker.edit(model.path, os.path.join(root, "made"), "--to-v1")
        tags = checker.graphs(made)[0]["tags"]
        checker.check_v1(made, tags, model.runs, same)
        checker.check_v2(made, tags, model.runs, same)
        loaded = checker.tf.saved_model.load(made)
        if not hasattr(loaded, "prune"):  # only what was wrapped from V1 has it
            raise RuntimeError("loaded as a model of V2")


def check_no_variables(checker, path):
    run = subprocess.run([checker.tool, "tensors", path], capture_output=True, text=True)
    keys = {line.split("\t")[0] for line in run.stdout.splitlines()} - {"_CHECKPOINTABLE_OBJECT_GRAPH"}
    keys = {k for k in keys if "/.ATTRIBUTES/" not in k or k.endswith("VARIABLE_VALUE")}
    if keys:
        raise RuntimeError("the checkpoint still has %s" % keys)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("fixtures")
    parser.add_argument("wild")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    checker = edit_tf.Checker(os.path.abspath(args.tool))
    passed, faults = 0, []

    def attempt(name, check, *rest):
        nonlocal passed
        if args.only not in name:
            return
        try:
            check(*rest)
            passed += 1
        except Exception as error:  # TensorFlow raises what it likes
            faults.append("%s: %s: %s" % (name, type(error).__name__, str(error)[:400]))

    for name in FIXTURES:
        attempt(name, freeze_fixture, checker, os.path.join(args.fixtures, name))
    for name in WILD:
        attempt(name, freeze_fixture, checker, os.path.join(args.wild, name))
    for name in TO_V1:
        attempt(name + " to V1", check_v1_of, checker, os.path.join(args.fixtures, name))
    for name, (says, flags) in REFUSED.items():
        attempt(name + " refused", check_refused, checker, os.path.join(args.fixtures, name), says)
        if flags is not None:
            attempt(name + " in part", freeze_fixture, checker, os.path.join(args.fixtures, name), *flags)
    for fault in faults:
        print("FAULT", fault)
    print("freeze: %d passed, %d faults" % (passed, len(faults)))
    return 1 if faults or passed == 0 else 0


def check_refused(checker, folder, says):
    with tempfile.TemporaryDirectory() as root:
        run = subprocess.run([checker.tool, "edit", folder, os.path.join(root, "frozen"), "--freeze"],
                             capture_output=True, text=True)
        if run.returncode != 1 or says not in run.stderr or os.listdir(root):
            raise RuntimeError("exit %d, left %s: %s" % (run.returncode, os.listdir(root), run.stderr.strip()))


if __name__ == "__main__":
    sys.exit(main())
