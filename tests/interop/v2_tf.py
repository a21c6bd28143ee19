#!/usr/bin/env python3
"""TensorFlow loads the V2 models of save_objects.c and of the examples, in all ways that it has, and they compute what they
should; so they do when TensorFlow has saved them again.

    VENV/bin/python tests/interop/v2_tf.py SAVE_OBJECTS EXAMPLES

The last line says how many passed and failed.
"""

import contextlib
import ctypes
import filecmp
import io
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import fingerprint_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

f32 = lambda *values: tf.constant(values, tf.float32)
WORDS = tf.constant(["one", "zero", "two", "ten"])

# model: {signature: [(inputs, outputs)]}
SIGNATURES = {
    "objects": {},
    "functions": {
        key: [({"zeta": f32(5, 7), "alpha": f32(3, 1)}, {"z": [2, 6], "a": [10, 14]})]
        for key in ("serving_default", "a.b/c-d")
    },
    "tables": {
        "find_in_file": [({"words": WORDS}, {"found": [1, 0, 2, -1]})],
        "find_in_arrays": [({"words": WORDS}, {"found": [1, 0, -1, -1]})],
        "find_in_mutable": [({"words": WORDS}, {"found": [1, 0, -1, -1]})],
    },
    "save_adder": {"serving_default": [({"x": f32(1, 2)}, {"output_0": [2, 4]})]},
    "save_dense": {"serving_default": [({"x": tf.ones((1, 3))}, {"y": [[8, 0]]})]},
}
TAGS = {"objects": ["serve", "extra"]}


def equals(found, expected):
    return "" if found == expected else f"{found}, not {expected}"


# ---- What Python sees of each ----


def look_at_objects(model):
    nested, values = model.nested, model.list
    return (
        equals([float(v) for v in values], [2, 1])
        or equals(values[1] is model.v, True)
        or equals({k: float(v) for k, v in nested.dict.items()}, {"a/b.c": 3})
        or equals(tuple(float(v) for v in model.tuple), (4, 5))
        or equals(nested.parent is model, True)
        or equals(model.v.trainable, True)
        or equals(model.v.name, "v:0")
        or equals(list(model.signatures), [])
    )


def look_at_functions(model):
    five, three = tf.constant(5.0), tf.constant(3.0)
    before = float(model.total)
    model.bump(five)
    model.bump(three)
    with tf.GradientTape() as tape:
        tape.watch(five)
        y = model.times(five)
    return (
        equals(float(model.scale(five, three)), 2)
        or equals(float(model.scale(five)), 10)
        or equals(float(model.total) - before, 8)
        or equals(float(y), 50)
        or equals(float(tape.gradient(y, five)), 10)
        or equals(float(getattr(model, "factor", 10)), 10)  # a tensor, which TensorFlow does not save again
        or equals({k: float(v) for k, v in model.subtract(five, three).items()}, {"a": 10, "z": 2})
        or equals({k: float(v) for k, v in model.subtract(alpha=three, zeta=five).items()}, {"a": 10, "z": 2})
    )


def look_at_tables(model):
    found = [getattr(model, name)(WORDS)["found"].numpy().tolist() for name in SIGNATURES["tables"]]
    return equals(found, [[1, 0, 2, -1], [1, 0, -1, -1], [1, 0, -1, -1]])


def look_at_adder(model):
    return equals(float(model.add(tf.constant(3.0))), 6)


def look_at_dense(model):
    return equals(model(tf.ones((2, 3)))["y"].numpy().tolist(), [[8, 0], [8, 0]]) or equals(
        model.dense.kernel.shape.as_list(), [3, 2]
    )


LOOKS = {
    "objects": look_at_objects,
    "functions": look_at_functions,
    "tables": look_at_tables,
    "save_adder": look_at_adder,
    "save_dense": look_at_dense,
}

# ---- Ways to load ----


def run_signatures(name, model):
    found = [key for key in model.signatures]
    wrong = equals(sorted(found), sorted(SIGNATURES[name]))
    for key, calls in SIGNATURES[name].items():
        for inputs, outputs in calls:
            got = {k: v.numpy().tolist() for k, v in model.signatures[key](**inputs).items()}
            wrong = wrong or equals(got, outputs)
    return wrong


def check_v2(name, path):
    model = tf.saved_model.load(path)
    return LOOKS[name](model) or run_signatures(name, model)


def check_resaved(name, path):
    model = tf.saved_model.load(path)
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=dict(model.signatures) or None)
        return check_v2(name, scratch)


def check_v1(name, path):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, TAGS.get(name, ["serve"]), path)
        for key, calls in SIGNATURES[name].items():
            signature = loaded.signature_def[key]
            for inputs, outputs in calls:
                feeds = {signature.inputs[k].name: v.numpy() for k, v in inputs.items()}
                got = session.run({k: v.name for k, v in signature.outputs.items()}, feeds)
                wrong = equals({k: v.tolist() for k, v in got.items()}, outputs)
                if wrong:
                    return wrong
        saver = loaded.saver_def
        if saver.save_tensor_name:  # what a session saves is a checkpoint with the same object graph
            with tempfile.TemporaryDirectory() as scratch:
                prefix = os.path.join(scratch, "ckpt")
                session.run(saver.save_tensor_name, {saver.filename_tensor_name: prefix})
                session.run(saver.restore_op_name, {saver.filename_tensor_name: prefix})
                wanted = tf.train.list_variables(os.path.join(path, "variables/variables"))
                slots = [v for v in wanted if ".OPTIMIZER_SLOT" in v[0]]
                return equals(tf.train.list_variables(prefix), [v for v in wanted if v not in slots])
    return ""


def check_c(name, path):
    """Restores and initialises as a server does; the library that TensorFlow is in has it."""
    library = ctypes.CDLL(os.path.join(os.path.dirname(tf.__file__), "libtensorflow_cc.so.2"))
    for function in ["NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "Message"]:
        getattr(library, "TF_" + function).restype = ctypes.c_char_p if function == "Message" else ctypes.c_void_p
    status, graph = ctypes.c_void_p(library.TF_NewStatus()), ctypes.c_void_p(library.TF_NewGraph())
    options = ctypes.c_void_p(library.TF_NewSessionOptions())
    tags = [tag.encode() for tag in TAGS.get(name, ["serve"])]
    names = (ctypes.c_char_p * len(tags))(*tags)
    session = library.TF_LoadSessionFromSavedModel(options, None, path.encode(), names, len(tags), graph, None, status)
    if library.TF_GetCode(status) != 0:
        return library.TF_Message(status).decode()
    library.TF_CloseSession(ctypes.c_void_p(session), status)
    library.TF_DeleteSession(ctypes.c_void_p(session), status)
    return ""


def check_restores(name, path):
    """tf.train.Checkpoint reads the values into objects of the program."""
    prefix = os.path.join(path, "variables/variables")
    if name == "objects":
        v, item = tf.Variable(0.0), tf.Variable(0.0)
        optimizer = tf.Module()
        tf.train.Checkpoint(v=v, list=[item], optimizer=optimizer).read(prefix).expect_partial()
        slot = "v/.OPTIMIZER_SLOT/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE"
        return equals((float(v), float(item), float(tf.train.load_variable(prefix, slot))), (1, 2, 0.25))
    if name == "save_dense":
        dense = tf.Module()
        dense.kernel, dense.bias = tf.Variable(tf.zeros((3, 2))), tf.Variable(tf.zeros(2))
        tf.train.Checkpoint(dense=dense).read(prefix).assert_existing_objects_matched()
        return equals(dense.kernel.numpy().tolist(), [[1, 2], [3, 4], [5, 6]])
    return equals("_CHECKPOINTABLE_OBJECT_GRAPH" in dict(tf.train.list_variables(prefix)), True)


def check_fingerprint(_, path):
    with open(os.path.join(path, "fingerprint.pb"), "rb") as file:
        written = fingerprint_pb2.FingerprintDef.FromString(file.read())
    computed = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(path))
    computed.uuid = written.uuid
    return equals(text_format.MessageToString(written), text_format.MessageToString(computed))


def check_cli(name, path):
    """saved_model_cli, in this process: it takes seconds to start."""
    from tensorflow.python.tools import saved_model_cli

    parser = saved_model_cli.create_parser()
    lines = [["show", "--dir", path, "--all"]]
    if name == "save_dense":
        run = ["run", "--dir", path, "--tag_set", "serve", "--signature_def", "serving_default"]
        lines.append(run + ["--input_exprs", "x=[[1.0, 1.0, 1.0]]"])
    for line in lines:
        arguments = parser.parse_args(line)
        with contextlib.redirect_stdout(io.StringIO()) as said:
            arguments.func()
        if line[0] == "run" and "[[8. 0.]]" not in said.getvalue():
            return said.getvalue()
    return ""


CHECKS = {
    "tf.saved_model.load": check_v2,
    "saved again": check_resaved,
    "V1 loader": check_v1,
    "C API": check_c,
    "tf.train.Checkpoint": check_restores,
    "fingerprint": check_fingerprint,
    "saved_model_cli": check_cli,
}


def files_of(root):
    return sorted(os.path.relpath(os.path.join(folder, file), root) for folder, _, files in os.walk(root) for file in files)


def write_all(program, examples, directory):
    subprocess.run([program, directory], check=True)
    for example in ("save_adder", "save_dense"):
        subprocess.run([os.path.join(examples, example), os.path.join(directory, example)], check=True, stdout=subprocess.DEVNULL)


def main():
    program, examples = sys.argv[1:]
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as again:
        write_all(program, examples, scratch)
        write_all(program, examples, again)
        for name in SIGNATURES:
            for what, check in CHECKS.items():
                try:
                    wrong = check(name, os.path.join(scratch, name))
                except Exception as error:  # pylint: disable=broad-except
                    wrong = f"{type(error).__name__}: {str(error)[:700]}"
                passed, failed = passed + (not wrong), failed + bool(wrong)
                if wrong:
                    print(f"{name}, {what}: {wrong}")
        same, different, missing = filecmp.cmpfiles(scratch, again, files_of(scratch), shallow=False)
        is_same = same and not different and not missing
        passed, failed = passed + bool(is_same), failed + (not is_same)
        if not is_same:
            print(f"two processes write different files: {different} {missing}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
