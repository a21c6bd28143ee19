#!/usr/bin/env python3
"""TensorFlow loads the models of save_structures.c, whose functions take more than tensors, calls what is in them, and does so
again when it has saved them itself.

    VENV/bin/python tests/interop/structures_tf.py SAVE_STRUCTURES

The last line says how many passed and failed.
"""

import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2


class Segment(tf.experimental.ExtensionType):
    __name__ = "structures.Segment"
    begin: tf.Tensor
    end: tf.Tensor
    weight: float


RAGGED = tf.ragged.constant([[1.0, 2.0], [], [3.0]])
SPARSE = tf.sparse.from_dense([[0.0, 2.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]])
f32 = lambda *values: tf.constant(values, tf.float32)


def equals(found, expected, what=""):
    return "" if found == expected else f"{what}{found}, not {expected}"


def first_wrong(*answers):
    return next((answer for answer in answers if answer), "")


def dense(value):
    if isinstance(value, tf.RaggedTensor):
        return value.to_list()
    return (tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value).numpy().tolist()


CHANGED = {"twice": [[2.0, 4.0], [], [6.0]], "half": [[0.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]}


def look_at_composite(model):
    parts = {"r": RAGGED.values, "r_1": RAGGED.row_splits, "s": SPARSE.indices, "s_1": SPARSE.values, "s_2": SPARSE.dense_shape}
    traces = [getattr(model, name).concrete_functions[0] for name in ("change", "length")]
    length, other = model.length(Segment(f32(1, 2), f32(5, 7), 0.5))
    return first_wrong(
        equals({k: dense(v) for k, v in model.change(RAGGED, SPARSE).items()}, CHANGED),
        equals({k: dense(v) for k, v in model.signatures["serving_default"](**parts).items()}, CHANGED, "signature: "),
        equals([list(trace._arg_keywords) for trace in traces], [["r", "r_1", "s", "s_1", "s_2"], ["segment", "segment_1"]]),
        equals(dense(length), [4, 5]),
        equals((type(other), dense(other.begin), dense(other.end), other.weight), (Segment, [2, 4], [2.5, 3.5], 0.5)),
    )


def look_at_specs(model):
    spec = model.every.function_spec.fullargspec
    try:
        model.never(1)
        said = ""
    except ValueError as error:
        said = str(error)
    return first_wrong(
        equals(dense(model.every(f32(1), True, f32(20), k=3, z=f32(300))), [321]),
        equals((spec.args, spec.varargs, spec.varkw, spec.defaults), (["x", "flag"], "more", "others", (True,))),
        equals((spec.kwonlyargs, spec.kwonlydefaults), (["z", "k"], {"k": 3})),
        equals(dense(model.method(f32(5), f32(3))["y"]), [2]),
        equals(dense(model.method(q=f32(3), p=f32(5))["y"]), [2]),
        equals(model.method.function_spec.jit_compile, False),
        equals("zero restored functions" in said, True, said),
    )


def look_at_names(model):
    odd = model.signatures["odd"]
    spec = model.subtract.function_spec.fullargspec
    return first_wrong(
        equals(dense(odd(a=f32(5), arg_0_discount=f32(3))["y"]), [2]),
        equals(dense(model.signatures["unnamed"](d=f32(5), d_1=f32(3))["y"]), [2]),
        equals(dense(model.unnamed({"first": f32(5), "second": f32(3)})["y"]), [2]),
        equals(dense(model.subtract(f32(5))["y"]), [4]),
        equals(dense(spec.defaults[0]), [1]),
        equals(dense(model.signatures["both_defaults"](x=f32(5), k=f32(3))["y"]), [2]),
    )


LOOKS = {"composite": look_at_composite, "specs": look_at_specs, "names": look_at_names}


def check_v2(name, path):
    return LOOKS[name](tf.saved_model.load(path))


def check_resaved(name, path):
    model = tf.saved_model.load(path)
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=dict(model.signatures) or None)
        return check_v2(name, scratch)


def read(path):
    with open(os.path.join(path, "saved_model.pb"), "rb") as file:
        return saved_model_pb2.SavedModel.FromString(file.read()).meta_graphs[0]


def run_composite(session, signatures):
    signature = signatures["serving_default"]
    inputs = {"r": RAGGED.values, "r_1": RAGGED.row_splits, "s": SPARSE.indices, "s_1": SPARSE.values, "s_2": SPARSE.dense_shape}
    feeds = {signature.inputs[k].name: v.numpy() for k, v in inputs.items()}
    ragged, sparse = signature.outputs["twice"], signature.outputs["half"].coo_sparse
    parts = [part.name for part in ragged.composite_tensor.components]
    values, splits = session.run(parts, feeds)
    halved = session.run([sparse.indices_tensor_name, sparse.values_tensor_name, sparse.dense_shape_tensor_name], feeds)
    return first_wrong(
        equals((values.tolist(), splits.tolist()), ([2, 4, 6], [0, 2, 2, 3])),
        equals([part.tolist() for part in halved], [[[0, 1], [1, 0]], [1, 2], [2, 4]]),
    )


def run_names(session, signatures):
    def run(key, **inputs):
        signature = signatures[key]
        return session.run(signature.outputs["y"].name, {signature.inputs[k].name: v for k, v in inputs.items()}).tolist()

    defaults = {key: sorted(signatures[key].defaults) for key in ("odd", "own_default", "both_defaults")}
    return first_wrong(
        equals(run("odd", **{"a": [5.0], "0/discount": [3.0]}), [2]),
        equals(run("unnamed", d=[5.0], d_1=[3.0]), [2]),
        equals(run("own_default", x=[5.0]), [4]),
        equals(run("own_default", x=[5.0], k=[3.0]), [2]),
        equals(run("both_defaults"), [9]),
        equals(defaults, {"odd": [], "own_default": ["k"], "both_defaults": ["k", "x"]}),
        equals(tf.make_ndarray(signatures["both_defaults"].defaults["x"]).tolist(), [10]),
    )


def check_v1(name, path):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        signatures = tf.compat.v1.saved_model.loader.load(session, ["serve"], path).signature_def
        run = {"composite": run_composite, "names": run_names}.get(name)
        return run(session, signatures) if run else ""


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
    return compare(path, *make_names()) if name == "names" else ""


CHECKS = {"tf.saved_model.load": check_v2, "saved again": check_resaved, "V1 loader": check_v1, "as TensorFlow": check_same}


def main():
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([sys.argv[1], scratch], check=True)
        for name in LOOKS:
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
