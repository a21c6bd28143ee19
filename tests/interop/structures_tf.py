#!/usr/bin/env python3
"""The signatures of the models of save_structures.c, whose functions take more than tensors, are those that TensorFlow saves, and
have the defaults that they should. v2_tf.py loads and calls the models.

    VENV/bin/python tests/interop/structures_tf.py SAVE_STRUCTURES

The last line says how many passed and failed.
"""

import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from v2_compare import equals, first_wrong


def read(path):
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        return saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]


def run_defaults(session, signatures):
    def run(key, **inputs):
        signature = signatures[key]
        return session.run(signature.outputs["y"].name, {signature.inputs[k].name: v for k, v in inputs.items()}).tolist()

    defaults = {key: sorted(signatures[key].defaults) for key in ("odd", "own_default", "both_defaults")}
    return first_wrong(
        equals(run("own_default", x=[5.0]), [4]),
        equals(run("both_defaults"), [9]),
        equals(defaults, {"odd": [], "own_default": ["k"], "both_defaults": ["k", "x"]}),
        equals(tf.make_ndarray(signatures["both_defaults"].defaults["x"]).tolist(), [10]),
    )


def check_defaults(name, path):
    """Sessions feed inputs, or not."""
    if name != "names":
        return ""
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        return run_defaults(session, tf.compat.v1.saved_model.loader.load(session, ["serve"], path).signature_def)


# ---- The same, saved by TensorFlow ----


def make_composite():
    model = tf.Module()

    def change(r, s):
        return {"twice": r * 2.0, "half": s * 0.5}

    model.change = tf.function(change, input_signature=[tf.RaggedTensorSpec([None, None]), tf.SparseTensorSpec([None, 4])])
    return model


def make_names():
    model = tf.Module()
    vector = lambda name=None: tf.TensorSpec([None], tf.float32, name)
    odd = tf.function(lambda a, d: {"y": a - d}).get_concrete_function(vector("a"), vector("0/discount"))
    unnamed = tf.function(lambda d: {"y": d["first"] - d["second"]})
    unnamed = unnamed.get_concrete_function({"first": vector(), "second": vector()})
    model.subtract = tf.function(
        lambda x, k=tf.constant([1.0]): {"y": x - k}, input_signature=[vector("x"), vector("k")]
    )
    return model, {"odd": odd, "unnamed": unnamed, "own_default": model.subtract}


def signature_facts(signature, with_shapes=True):
    """All of a SignatureDef but the names of nodes."""

    def info(tensor):
        kind = tensor.WhichOneof("encoding")
        shape = tensor.tensor_shape if with_shapes else tensor.HasField("tensor_shape")
        parts = [info(part) for part in tensor.composite_tensor.components]
        return kind, tensor.dtype, str(shape), str(tensor.composite_tensor.type_spec), parts

    sides = [{k: info(v) for k, v in side.items()} for side in (signature.inputs, signature.outputs)]
    return sides, {k: str(v) for k, v in signature.defaults.items()}, signature.method_name


def function_facts(graph, key):
    """What the object graph says of the function of a signature."""
    nodes = graph.object_graph_def.nodes
    children = {child.local_name: child.node_id for child in nodes[0].children}
    wrappers = {child.local_name: child.node_id for child in nodes[children["signatures"]].children}
    bare = nodes[wrappers[key]].bare_concrete_function
    function = graph.object_graph_def.concrete_functions[bare.concrete_function_name]
    return (
        list(bare.argument_keywords),
        bare.allowed_positional_arguments,
        str(bare.function_spec),
        str(function.canonicalized_input_signature),
    )


def compare(path, model, signatures):
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=signatures)
        ours, theirs = read(path), read(scratch)
    for key in [key for key in theirs.signature_def if not key.startswith("__")]:
        is_sparse = key == "serving_default"  # of whose shapes the functions above know more, or less
        wrong = first_wrong(
            equals(signature_facts(ours.signature_def[key], not is_sparse), signature_facts(theirs.signature_def[key], not is_sparse)),
            equals(function_facts(ours, key), function_facts(theirs, key)),
        )
        if wrong:
            return f"{key}: {wrong}"
    return ""


def check_same(name, path):
    """TensorFlow's own save says the same of signatures."""
    if name == "composite":
        model = make_composite()
        return compare(path, model, {"serving_default": model.change})
    return compare(path, *make_names())


CHECKS = {"defaults": check_defaults, "as TensorFlow": check_same}


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.argv[1], scratch], check=True)
        for name in ("composite", "names"):
            for what, check in CHECKS.items():
                try:
                    wrong = check(name, os.path.join(scratch, name))
                except Exception as error:  # pylint: disable=broad-except
                    wrong = f"{type(error).__name__}: {str(error)[:700]}"
                passed, failed = passed + (not wrong), failed + bool(wrong)
                if wrong:
                    print(f"{name}, {what}: {wrong}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


sys.exit(main())
