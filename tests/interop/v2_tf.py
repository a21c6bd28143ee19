#!/usr/bin/env python3
"""TensorFlow loads the V2 models of save_objects.c, save_structures.c, save_options.c and of the examples, in all ways that it
has, and they compute what they should (v2_models.py); so they do when TensorFlow has saved them again. The tool says of them
what TensorFlow's says. Where a way cannot take a model, TensorFlow has to say what is expected of it.

    VENV/bin/python tests/interop/v2_tf.py INTEROP EXAMPLES SAVEDMODEL [MODEL...]

The first two are folders of programs.

The last line says how many passed and failed.
"""

import contextlib
import filecmp
import io
import json
import os
import re
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import tensorflow as tf
from c_session import CSession
from google.protobuf import text_format
from tensorflow.core.protobuf import fingerprint_pb2
from tensorflow.python.framework.composite_tensor import CompositeTensor
from tensorflow.python.saved_model import loader_impl
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting
from tensorflow.python.tools import saved_model_cli
from option_models import OPTIONS, UNRESTORED
from structure_models import KEYWORDS
from v2_compare import Fails, differs, equals
from v2_models import CALLS, CHANGED, INSTEAD, LOOKS, PRINTS, RESTORES, SLOTS, STATEFUL, TAGS, TELLS_SLOTS

TOOL = ""  # our own, set by main


def tags_of(name):
    return TAGS.get(name, ["serve"])


def prefix_of(path):
    return os.path.join(path, "variables/variables")


# ---- Running signatures, whatever runs them ----


@contextlib.contextmanager
def what_is_printed(said):
    """Operations print to the file descriptor."""
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            said.append(file.read())


def run_call(run, key, inputs, wanted):
    """run takes a signature and its inputs, and returns what it computes of each output."""
    try:
        found = run(key, inputs)
    except Exception as error:  # pylint: disable=broad-except
        return "" if isinstance(wanted, Fails) and wanted in str(error) else f"{type(error).__name__}: {str(error)[:500]}"
    if isinstance(wanted, Fails):
        return f"it does not fail with '{wanted}'"
    wrong = equals(sorted(found), sorted(wanted))
    for output, value in wanted.items():
        wrong = wrong or differs(found[output], value) and f"{output}: {differs(found[output], value)}"
    return wrong


def run_calls(name, run):
    said = []
    with what_is_printed(said):
        wrongs = [(key, run_call(run, key, inputs, wanted)) for key, inputs, wanted in CALLS.get(name, [])]
    failed = [f"{key}: {wrong}" for key, wrong in wrongs if wrong]
    text, times = PRINTS.get(name, (b"checked", 0))
    if not failed and said[0].count(text) != times:
        failed.append(f"printed {said[0]}")
    return "; ".join(failed)


def call_signature(model, key, inputs):
    """The tensors of its outputs: composite ones are tuples of those that they are made of."""
    found = model.signatures[key](**{KEYWORDS.get(k, k): tf.constant(v) for k, v in inputs.items()})
    parts = {k: tuple(tf.nest.flatten(v, expand_composites=True)) for k, v in found.items()}
    return {k: v if isinstance(found[k], CompositeTensor) else v[0] for k, v in parts.items()}


def tensors_of(info):
    """The same of a TensorInfo: names of tensors."""
    kind = info.WhichOneof("encoding")
    if kind == "coo_sparse":
        sparse = info.coo_sparse
        return sparse.indices_tensor_name, sparse.values_tensor_name, sparse.dense_shape_tensor_name
    return tuple(part.name for part in info.composite_tensor.components) if kind == "composite_tensor" else info.name


def run_loaded(name, model):
    def run(key, inputs):
        return tf.nest.map_structure(lambda v: v.numpy(), call_signature(model, key, inputs))

    return equals(sorted(model.signatures), sorted({key for key, _, _ in CALLS[name]})) or run_calls(name, run)


def run_session(name, session, signatures):
    def run(key, inputs):
        signature = signatures[key]
        feeds = {signature.inputs[k].name: v for k, v in inputs.items()}
        return session.run({k: tensors_of(v) for k, v in signature.outputs.items()}, feeds)

    return run_calls(name, run)


# ---- Ways to load ----


def check_v2(name, path):
    model = tf.saved_model.load(path)
    with what_is_printed([]):
        return run_loaded(name, model) or LOOKS[name](tf.saved_model.load(path))


def check_resaved(name, path):
    model = tf.saved_model.load(path)
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(model, scratch, signatures=dict(model.signatures))
        return check_v2(name, scratch)


def check_graph_mode(name, path):
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        model = tf.saved_model.load(path)
        session.run(tf.compat.v1.global_variables_initializer())
        for operation in tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.TABLE_INITIALIZERS):
            session.run(operation)  # in their order: what is restored is filled up behind that

        def run(key, inputs):
            return session.run(call_signature(model, key, inputs))

        return run_calls(name, run)


def check_saver(name, path, session, saver):
    """What a session saves has the same keys and values, and restores them."""
    if not saver.save_tensor_name:
        return equals(len(tf.train.list_variables(prefix_of(path))) > 1, name in UNRESTORED)
    with tempfile.TemporaryDirectory() as scratch:
        prefix = os.path.join(scratch, "ckpt")
        session.run(saver.save_tensor_name, {saver.filename_tensor_name: prefix})
        session.run(saver.restore_op_name, {saver.filename_tensor_name: prefix})
        wanted, found = tf.train.load_checkpoint(prefix_of(path)), tf.train.load_checkpoint(prefix)
        keys = wanted.get_variable_to_shape_map()
        keys = [key for key in keys if ".OPTIMIZER_SLOT" not in key or name in TELLS_SLOTS]
        wrong = equals(sorted(found.get_variable_to_shape_map()), sorted(keys))
        tables = [key for key in keys if "/.ATTRIBUTES/table-" in key]  # which are in no order
        keys = [key for key in keys if not key.startswith(CHANGED.get(name, ()))]
        tables = [key for key in tables if key in keys]
        for key in sorted(set(keys) - set(tables)):
            wrong = wrong or differs(found.get_tensor(key), wanted.get_tensor(key)) and key
        for key in tables:
            wrong = wrong or differs(sorted(found.get_tensor(key)), sorted(wanted.get_tensor(key))) and key
        return wrong


def check_v1(name, path):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, tags_of(name), path)
        return check_saver(name, path, session, loaded.saver_def) or run_session(name, session, loaded.signature_def)


def check_c(name, path):
    """Restores and initialises as a server does."""
    signatures = loader_impl.parse_saved_model(path).meta_graphs[0].signature_def
    session = CSession(path, tags_of(name))

    def run(key, inputs):
        signature = signatures[key]
        outputs = {k: tensors_of(v) for k, v in signature.outputs.items()}
        feeds = {signature.inputs[k].name: v for k, v in inputs.items()}
        return tf.nest.pack_sequence_as(outputs, session.run(tf.nest.flatten(outputs), feeds))

    try:
        return run_calls(name, run)
    finally:
        session.close()


def check_restores(name, path):
    """tf.train.Checkpoint reads the values into objects of the program."""
    prefix = prefix_of(path)
    checkpoint, wrong = RESTORES[name]()
    checkpoint.read(prefix).assert_existing_objects_matched().expect_partial()
    slots = {key: float(tf.train.load_variable(prefix, key)) for key in SLOTS.get(name, {})}
    return wrong() or equals(slots, SLOTS.get(name, {}))


def check_fingerprint(_, path):
    with open(os.path.join(path, "fingerprint.pb"), "rb") as file:
        written = fingerprint_pb2.FingerprintDef.FromString(file.read())
    computed = fingerprint_pb2.FingerprintDef.FromString(fingerprinting.CreateFingerprintDef(path))
    computed.uuid = written.uuid
    return equals(text_format.MessageToString(written), text_format.MessageToString(computed))


# ---- Tools ----


def run_cli(*line):
    """saved_model_cli, in this process: it takes seconds to start."""
    arguments = saved_model_cli.create_parser().parse_args(line)
    with contextlib.redirect_stdout(io.StringIO()) as said, what_is_printed([]):
        arguments.func()
    return said.getvalue()


def run_cli_call(name, path, key, inputs, wanted):
    with tempfile.TemporaryDirectory() as scratch:
        files = {k: os.path.join(scratch, f"input_{i}.npy") for i, k in enumerate(inputs)}
        for k, value in inputs.items():
            numpy.save(files[k], value)
        run_cli(
            "run", "--dir", path, "--tag_set", ",".join(tags_of(name)), "--signature_def", key, "--outdir", scratch,
            "--overwrite", "--inputs", ";".join(f"{k}={file}" for k, file in files.items()),
        )  # fmt: skip
        found = {k: numpy.load(os.path.join(scratch, k + ".npy"), allow_pickle=True) for k in wanted}
    return next(filter(None, (differs(found[k], v) for k, v in wanted.items())), "")


def check_cli(name, path):
    """The first call of each signature, which nothing was called before; it has to have inputs."""
    seen = set()
    for key, inputs, wanted in CALLS[name]:
        if key in seen or not inputs or (seen and name in STATEFUL):
            continue
        seen.add(key)
        wrong = run_cli_call(name, path, key, inputs, wanted)
        if wrong:
            return f"{key}: {wrong}"
    return ""


def check_show(_, path):
    """The same words in the same lines. Python lists operations, keyword arguments and what is in dicts in any order."""

    def lines_of(text):
        return sorted(sorted(re.split("[{, }]+", line)) for line in text.splitlines())

    ours = subprocess.run([TOOL, "show", "--dir", path, "--all"], check=True, capture_output=True, text=True).stdout
    return equals(lines_of(ours), lines_of(run_cli("show", "--dir", path, "--all")))


def check_tool(name, path):
    """verify finds nothing; objects knows the keys of all variables."""
    verified = subprocess.run([TOOL, "verify", path], capture_output=True, text=True, check=False)
    if verified.returncode != 0 or verified.stdout + verified.stderr:
        return verified.stdout + verified.stderr
    said = subprocess.run([TOOL, "objects", path, "--json"], check=True, capture_output=True, text=True).stdout
    found = {node["key"] for node in json.loads(said)["objects"] if node["kind"] == "variable"}
    wanted = {key for key, _ in tf.train.list_variables(prefix_of(path)) if key.endswith("/VARIABLE_VALUE")}
    return equals(found, {key for key in wanted if ".OPTIMIZER_SLOT" not in key or name in TELLS_SLOTS})


CHECKS = {
    "tf.saved_model.load": check_v2,
    "saved again": check_resaved,
    "graph mode": check_graph_mode,
    "V1 loader": check_v1,
    "C API": check_c,
    "tf.train.Checkpoint": check_restores,
    "fingerprint": check_fingerprint,
    "saved_model_cli run": check_cli,
    "show": check_show,
    "verify and objects": check_tool,
}


def files_of(root):
    return sorted(os.path.relpath(os.path.join(folder, file), root) for folder, _, files in os.walk(root) for file in files)


def check_way(name, way, path):
    try:
        wrong = CHECKS[way](name, path)
    except Exception as error:  # pylint: disable=broad-except
        wrong = f"{type(error).__name__}: {str(error)[:700]}"
    instead = INSTEAD.get((name, way), "")
    if not instead:
        return wrong
    return "" if instead in wrong else f"'{wrong}' instead of '{instead}'"


def write_all(programs, examples, directory):
    for program in ("save_objects", "save_structures"):
        subprocess.run([os.path.join(programs, program), directory], check=True)
    for name, words in OPTIONS.items():
        subprocess.run([os.path.join(programs, "save_options"), os.path.join(directory, name), *words], check=True)
    for example in ("save_adder", "save_dense"):
        subprocess.run([os.path.join(examples, example), os.path.join(directory, example)], check=True, stdout=subprocess.DEVNULL)


def trees_differ(one, other):
    _, different, missing = filecmp.cmpfiles(one, other, files_of(one), shallow=False)
    return equals(files_of(one), files_of(other)) or equals((different, missing), ([], []))


def main():
    global TOOL  # pylint: disable=global-statement
    programs, examples, TOOL, *names = sys.argv[1:]
    passed = failed = 0

    def count(what, wrong):
        nonlocal passed, failed
        passed, failed = passed + (not wrong), failed + bool(wrong)
        if wrong:
            print(f"{what}: {wrong}", flush=True)

    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as again:
        write_all(programs, examples, scratch)
        write_all(programs, examples, again)
        count("two processes", trees_differ(scratch, again))
        for name in names or CALLS:
            for way in CHECKS:
                count(f"{name}, {way}", check_way(name, way, os.path.join(scratch, name)))
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
