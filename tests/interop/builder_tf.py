#!/usr/bin/env python3
"""TensorFlow loads the models of save_models.c, in all ways that it has, and they compute what they should.

    VENV/bin/python tests/interop/builder_tf.py SAVE_MODELS

The last line says how many passed and failed.
"""

import ctypes
import filecmp
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import tensorflow as tf

FLOATS = numpy.array([[3.0, 4.0]], numpy.float32)
WORDS = numpy.array([b"two", b"zero", b"ten"])
# name: [(tags, signature, input, output)]
MODELS = {
    "resource": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "as_text": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "reference": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
    "several": [
        (["serve"], "serving_default", FLOATS, [[3.0, 8.0]]),
        (["serve", "gpu"], "sum", FLOATS, [[4.0, 6.0]]),
    ],
    "table": [(["serve"], "serving_default", WORDS, [2, 0, -1])],
    "no_variables": [(["serve"], "serving_default", FLOATS, [[3.0, 8.0]])],
}
NOT_LIFTED = {"reference"}  # tf.saved_model.load makes no variables of those of TensorFlow 1: writing.md, 1.2


def run_v1(path, tags, key, value):
    graph = tf.Graph()
    with graph.as_default(), tf.compat.v1.Session(graph=graph) as session:
        meta_graph = tf.compat.v1.saved_model.loader.load(session, tags, path)
        signature = meta_graph.signature_def[key]
        return session.run(signature.outputs["y"].name, {signature.inputs["x"].name: value}).tolist()


def run_v2(path, tags, key, value):
    model = tf.saved_model.load(path, tags=tags)
    return model.signatures[key](x=tf.constant(value))["y"].numpy().tolist()


def run_resaved(path, tags, key, value):
    model = tf.saved_model.load(path, tags=tags)
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=dict(model.signatures))
        return run_v2(scratch, None, key, value)


def load_c(path, tags):
    """Restores and initialises as a server does; the library that TensorFlow is in has it."""
    library = ctypes.CDLL(os.path.join(os.path.dirname(tf.__file__), "libtensorflow_cc.so.2"))
    for name in ["NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "Message"]:
        getattr(library, "TF_" + name).restype = ctypes.c_char_p if name == "Message" else ctypes.c_void_p
    status, graph = ctypes.c_void_p(library.TF_NewStatus()), ctypes.c_void_p(library.TF_NewGraph())
    options = ctypes.c_void_p(library.TF_NewSessionOptions())
    names = (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags])
    session = library.TF_LoadSessionFromSavedModel(
        options, None, path.encode(), names, len(tags), graph, None, status
    )
    if library.TF_GetCode(status) != 0:
        raise RuntimeError(library.TF_Message(status).decode())
    library.TF_CloseSession(ctypes.c_void_p(session), status)
    library.TF_DeleteSession(ctypes.c_void_p(session), status)


def files_of(root):
    return sorted(os.path.relpath(os.path.join(folder, file), root) for folder, _, files in os.walk(root) for file in files)


def main():
    (program,) = sys.argv[1:]
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
        for name, uses in MODELS.items():
            path = os.path.join(scratch, name)
            for tags, key, value, expected in uses:
                what = f"{name} {tags}"
                case(what + " V1", lambda: is_number(run_v1, path, expected, tags, key, value))
                case(what + " V2", lambda: is_number(run_v2, path, expected, tags, key, value))
                case(what + " C", lambda: load_c(path, tags))
                if name not in NOT_LIFTED:
                    case(what + " re-saved", lambda: is_number(run_resaved, path, expected, tags, key, value))
        same = filecmp.cmpfiles(scratch, again, files_of(scratch), shallow=False)
        case("the same bytes twice", lambda: "" if not same[1] and not same[2] and same[0] else f"{same[1:]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
