#!/usr/bin/env python3
"""freeze_model against TensorFlow's own.

    freeze_model_tf.py TOOL FIXTURES WILD

  graphs  models whose inputs are given the shapes of the recorded runs: the graphs that both make are imported, fed and
          run, and give what was recorded
  config  config.pbtxt says what TensorFlow's own does, which sorts nothing, and takes variables for written to that a
          branch gets
"""
import os
import shutil
import subprocess
import sys
import tempfile

import edit_tf

MODELS = """v2/one_signature v2/keras_functional v2/control_flow v2/captured_constants v2/policy_expand_distributed
    v1/simple_save v1/control_flow_v1 v1/partitioned_variables gearbox_autoencoder mlnet_mnist_conv mlnet_mnist_lr
    rust_regression_model tf2onnx_regression java_half_plus_two tfjs_multi_output""".split()


# ---- Graphs ----

def fix_shapes(checker, path, key, inputs):
    """A copy of the model, whose signature says which shapes the recorded inputs have."""
    from tensorflow.core.protobuf import saved_model_pb2
    saved = saved_model_pb2.SavedModel()
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        saved.ParseFromString(file.read())
    for name, value in inputs.items():
        shape = saved.meta_graphs[0].signature_def[key].inputs[name].tensor_shape
        shape.CopyFrom(checker.tf.TensorShape(value.shape).as_proto())
    with open(os.path.join(path, "saved_model.pb"), "wb") as file:
        file.write(saved.SerializeToString())
    return saved.meta_graphs[0]


def check_graph(checker, what, path, signature, inputs, outputs):
    tf = checker.tf
    graph_def = tf.compat.v1.GraphDef()
    with open(path, "rb") as file:
        graph_def.ParseFromString(file.read())
    left = {node.op for node in graph_def.node} & {"VarHandleOp", "VariableV2"}
    if left:
        raise RuntimeError("%s: %s are left" % (what, left))
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        tf.graph_util.import_graph_def(graph_def, name="")
        there = {node.name for node in graph_def.node}
        feeds = {signature.inputs[n].name: v for n, v in inputs.items()
                 if signature.inputs[n].name.split(":")[0] in there}
        found = session.run({n: signature.outputs[n].name for n in outputs}, feeds)
    for name, value in found.items():
        checker.compare("%s: %s" % (what, name), value, outputs[name])


def check_model(checker, folder, root):
    from tensorflow.python.tools import saved_model_aot_compile as reference
    model = edit_tf.Model(checker.np, folder)
    path = os.path.join(root, "model")
    shutil.copytree(model.path, path)
    key, (inputs, outputs) = sorted(model.runs.items())[-1]
    meta_graph = fix_shapes(checker, path, key, inputs)
    signature = meta_graph.signature_def[key]
    ours, theirs = os.path.join(root, "ours"), os.path.join(root, "theirs")
    subprocess.run([checker.tool, "freeze_model", "--dir", path, "--tag_set", ",".join(meta_graph.meta_info_def.tags),
                    "--signature_def_key", key, "--output_prefix", ours], check=True, capture_output=True)
    check_graph(checker, "ours", os.path.join(ours, "frozen_graph.pb"), signature, inputs, outputs)
    their_graph, _ = reference.freeze_model(os.path.join(path, "variables", "variables"), meta_graph, theirs, key, ())
    check_graph(checker, "TensorFlow's", their_graph, signature, inputs, outputs)


# ---- config.pbtxt ----

def make_model(tf, path):
    class Model(tf.Module):
        def __init__(self):
            self.w = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
            self.rows = tf.Variable([[1.0, -1.0], [0.5, 0.25], [8.0, 9.0]], name="rows")

        @tf.function(input_signature=[tf.TensorSpec([3, 2], tf.float32, name="x"),
                                      tf.TensorSpec([3], tf.int32, name="i")])
        def f(self, x, i):
            branch = tf.cond(tf.reduce_sum(x) > 0, lambda: self.w * 1.0, lambda: self.w * 2.0)
            return {"y": x @ self.w + tf.gather(self.rows, i), "z": branch}

    model = Model()
    tf.saved_model.save(model, path, signatures=model.f)


def parts(text):
    """The messages of a config, in an order of their own."""
    return sorted(("\n" + text.replace("  readonly: true\n", "")).split("\n}"))


def check_config(checker, root):
    tf = checker.tf
    from tensorflow.python.tools import saved_model_aot_compile as reference
    from tensorflow.python.tools import saved_model_utils
    src, dst = os.path.join(root, "model"), os.path.join(root, "a", "frozen")
    make_model(tf, src)
    for feed, fed in (("", ()), ("all", None), ("w", ("w",))):
        subprocess.run([checker.tool, "freeze_model", "--dir", src, "--tag_set", "serve", "--output_prefix", dst,
                        "--variables_to_feed", feed], check=True, capture_output=True)
        _, config = reference.freeze_model(os.path.join(src, "variables", "variables"),
                                           saved_model_utils.get_meta_graph_def(src, "serve"),
                                           os.path.join(root, "reference"), "serving_default", fed)
        with open(config) as wanted, open(os.path.join(dst, "config.pbtxt")) as found:
            if parts(wanted.read()) != parts(found.read()):
                raise RuntimeError("config.pbtxt, variables_to_feed %r: not as TensorFlow's" % feed)


def main():
    checker = edit_tf.Checker(os.path.abspath(sys.argv[1]))
    passed, faults = 0, []

    def attempt(name, check, *rest):
        nonlocal passed
        with tempfile.TemporaryDirectory() as root:
            try:
                check(checker, *rest, root)
                passed += 1
            except Exception as error:  # TensorFlow raises what it likes
                faults.append("%s: %s: %s" % (name, type(error).__name__, str(error)[:400]))

    for name in MODELS:
        attempt(name, check_model, os.path.join(sys.argv[2 if "/" in name else 3], name))
    attempt("config", check_config)
    for fault in faults:
        print("FAULT", fault)
    print("freeze_model: %d passed, %d faults" % (passed, len(faults)))
    return 1 if faults or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
