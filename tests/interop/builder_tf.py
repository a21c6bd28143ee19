#!/usr/bin/env python3
"""TensorFlow loads the models of save_models.c, in all ways that it has, and they compute what they should.

    VENV/bin/python tests/interop/builder_tf.py SAVE_MODELS SAVE_HALF_PLUS_TWO

The second one is the example's program, whose model has all kinds of signatures.

The last line says how many passed and failed.
"""

import filecmp
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import tensorflow as tf
from c_session import CSession
from tensorflow.python.saved_model import loader_impl, signature_def_utils

FLOATS = numpy.array([[3.0, 4.0]], numpy.float32)
WORDS = numpy.array([b"two", b"zero", b"ten"])
# name: [(tags, signature, input, output)]
MODELS = {
    "resource": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "as_text": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "reference": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "partitioned": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "several": [
        (["serve"], "serving_default", FLOATS, [[3.0, 8.0]]),
        (["serve", "gpu"], "sum", FLOATS, [[4.0, 6.0]]),
    ],
    "table": [(["serve"], "serving_default", WORDS, [2, 0, -1])],
    "no_variables": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
}
NOT_LIFTED = {"reference", "partitioned"}  # tf.saved_model.load makes no variables of those of TensorFlow 1: writing.md, 1.2


# The model of the example: (tags, signature, input), all of one result.
NUMBERS = [[1.0], [4.0]]
EXAMPLES = numpy.array([
    tf.train.Example(features=tf.train.Features(feature={
        "x": tf.train.Feature(float_list=tf.train.FloatList(value=number))})).SerializeToString() for number in NUMBERS
])  # fmt: skip
HALF_PLUS_TWO = [
    (["serve"], "serving_default", numpy.float32(NUMBERS)),
    (["serve"], "classify_x_to_y", EXAMPLES),
    (["serve"], "regress_x_to_y", EXAMPLES),
]
HALVES = [[2.5], [4.0]]


def only(tensors):
    """The one input, or output, of a signature, and its name."""
    ((name, tensor),) = tensors.items()
    return name, tensor


def is_valid(path, tags, key, _):
    signature = read_signature(path, tags, key)
    return "" if signature_def_utils.is_valid_signature(signature) else "not valid"


def read_signature(path, tags, key):
    graphs = loader_impl.parse_saved_model(path).meta_graphs
    return next(g for g in graphs if set(g.meta_info_def.tags) == set(tags)).signature_def[key]


def run_v1(path, tags, key, value):
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, tags, path)
        signature = meta_graph.signature_def[key]
        return session.run(only(signature.outputs)[1].name, {only(signature.inputs)[1].name: value}).tolist()


def run_v2(path, tags, key, value):
    model = tf.saved_model.load(path, tags=tags)
    function = model.signatures[key]
    name, _ = only(function.structured_input_signature[1])
    return only(function(**{name: tf.constant(value)}))[1].numpy().tolist()


def run_resaved(path, tags, key, value):
    model = tf.saved_model.load(path, tags=tags)
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=dict(model.signatures))
        return run_v2(scratch, None, key, value)


def run_c(path, tags, key, value):
    signature = read_signature(path, tags, key)
    session = CSession(path, tags)
    try:
        (found,) = session.run([only(signature.outputs)[1].name], {only(signature.inputs)[1].name: value})
        return found.tolist()
    finally:
        session.close()


def files_of(root):
    return sorted(os.path.relpath(os.path.join(folder, file), root) for folder, _, files in os.walk(root) for file in files)


def main():
    program, example = sys.argv[1:]
    passed = failed = 0

    def case(what, function):
        nonlocal passed, failed
        try:
            wrong = function()
        except Exception as error:  # pylint: disable=broad-except
            wrong = f"{type(error).__name__}: {str(error)[:500]}"
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"{what}: {wrong}")

    def is_number(run, path, expected, *rest):
        found = run(path, *rest)
        return "" if found == expected else f"{found}, not {expected}"

    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as again:
        for directory in (scratch, again):
            subprocess.run([program, directory], check=True)
            command = [example, os.path.join(directory, "half_plus_two")]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for name, uses in MODELS.items():
            path = os.path.join(scratch, name)
            for tags, key, value, expected in uses:
                what = f"{name} {tags}"
                case(what + " V1", lambda: is_number(run_v1, path, expected, tags, key, value))
                case(what + " V2", lambda: is_number(run_v2, path, expected, tags, key, value))
                case(what + " C", lambda: is_number(run_c, path, expected, tags, key, value))
                if name not in NOT_LIFTED:
                    case(what + " re-saved", lambda: is_number(run_resaved, path, expected, tags, key, value))
        path = os.path.join(scratch, "half_plus_two")
        for uses in HALF_PLUS_TWO:
            case(f"half_plus_two {uses[1]} V1", lambda: is_number(run_v1, path, HALVES, *uses))
            case(f"half_plus_two {uses[1]} V2", lambda: is_number(run_v2, path, HALVES, *uses))
            case(f"half_plus_two {uses[1]} C", lambda: is_number(run_c, path, HALVES, *uses))
            case(f"half_plus_two {uses[1]} is valid", lambda: is_valid(path, *uses))
        same = filecmp.cmpfiles(scratch, again, files_of(scratch), shallow=False)
        case("the same bytes twice", lambda: "" if not same[1] and not same[2] and same[0] else f"{same[1:]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
