#!/usr/bin/env python3
"""Gives models of TensorFlow 1 an object graph and takes it from models of TensorFlow 2, and lets TensorFlow load and run them.

    convert_tf.py TOOL FIXTURES WILD [--only TEXT] [--all]

  --to-v2  V1 models, but for those that are refused: a session and tf.saved_model.load give the recorded results, the C API
           loads it, variables have the values of the checkpoint, tf.train.Checkpoint restores them; TensorFlow saves what it
           loaded, and that gives the same again
  --to-v1  V2 models, and those that were made so: the same

Some models, some of which TensorFlow saves again; with --all, all.
"""
import argparse
import ctypes
import glob
import os
import subprocess
import sys
import tempfile

import edit_tf

# Not sound as they were published, and what is said of them.
REFUSED = {
    "v1/several_meta_graphs": "there is another meta graph",
    "tf_fuzz_const_no_value": "the checkpoint has no",
    "tf_fuzz_negative_shape": "the checkpoint has no",
    "tfnet_example1": "the checkpoint has no global_step",
    "v1/sparse_signature": "sp is no plain tensor",
    "tfx_format_tfma": "is no plain tensor",
    "tfx_tfma_eval": "is no plain tensor",
    "tfx_transform_fn": "is no plain tensor",
}

# As others, for what is converted.
ALIKE = """v1/assets_extra_warmup v1/strip_default_attrs_off v1/strip_default_attrs_on v1/no_variables
    v1/table_legacy_collection""".split()

# With branches and loops of TensorFlow 1, tables and assets that variables name, signatures on the same tensors, in text.
WILD = """syn_mlnet_sentiment tf_half_plus_two_pbtxt serving_half_plus_two_gpu_trt serving_half_plus_two_mkl
    serving_counter tf2onnx_regression openvino_dummy rust_regression_model tfx_push tfnet_example1""".split()

# That TensorFlow saves again.
SAVED = """v1/table_main_op v1/control_flow_v1 v1/ref_and_resource_variables v1/partitioned_variables syn_mlnet_sentiment
    v2/several_signatures""".split()

# V2 models: variables, tables, functions within functions.
TO_V1 = """v2/one_signature v2/several_signatures v2/table_asset v2/keras_functional v2/control_flow v2/objects
    v2/no_functions v2/variables v2/captured_constants""".split()

# As published, this TensorFlow cannot run them: operations that it has no more.
ONLY_CONVERTED = {"tfx_push"}

# Their init op gives variables random values, or those of local ones, which are not in the checkpoint.
INITIALISED = {"serving_half_plus_two_mkl"}

# What else has to be changed for them to run.
FLAGS = {"serving_half_plus_two_gpu_trt": ["--clear-devices"]}

# TensorFlow cannot save them again, with arguments that are called as words of Python.
NOT_SAVED = {"openvino_dummy"}

# A session is not told where the assets are, but when it runs the init op.
NO_SESSION = {"assets"}

# Sessions that run their signatures one after the other change the variables.
STATEFUL = {"serving_counter"}


def same(key, *names):
    return names[1] if names else key


def open_model(np, folder):
    model = edit_tf.Model(np, folder)
    stamped = glob.glob(os.path.join(folder, "[0-9]*"))  # as exporters number their models
    if stamped:
        model.path = stamped[0]
    return model


class Converter:
    def __init__(self, checker):
        self.checker, self.tf, self.np = checker, checker.tf, checker.np
        self.model, self.resave = None, False

    def load_in_c(self, path, tags):
        """As a server does: restores and initialises; the library that TensorFlow is in has it."""
        library = ctypes.CDLL(os.path.join(os.path.dirname(self.tf.__file__), "libtensorflow_cc.so.2"))
        for function in ["NewStatus", "NewGraph", "NewSessionOptions", "LoadSessionFromSavedModel", "Message"]:
            getattr(library, "TF_" + function).restype = ctypes.c_char_p if function == "Message" else ctypes.c_void_p
        status, graph = ctypes.c_void_p(library.TF_NewStatus()), ctypes.c_void_p(library.TF_NewGraph())
        names = (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags])
        session = library.TF_LoadSessionFromSavedModel(ctypes.c_void_p(library.TF_NewSessionOptions()), None,
                                                       path.encode(), names, len(tags), graph, None, status)
        if library.TF_GetCode(status) != 0:
            raise RuntimeError("C: " + library.TF_Message(status).decode())
        library.TF_CloseSession(ctypes.c_void_p(session), status)
        library.TF_DeleteSession(ctypes.c_void_p(session), status)

    def check_sound(self, path):
        run = subprocess.run([self.checker.tool, "verify", path], capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError("verify: " + run.stdout)

    def values(self, path):
        """Of the variables, by name; parts of one are one."""
        reader = self.tf.train.load_checkpoint(os.path.join(path, "variables", "variables"))
        return {key: reader.get_tensor(key) for key in reader.get_variable_to_dtype_map()}

    def check_variables(self, variables, values):
        found = {v.name.split(":")[0]: v.numpy() for v in variables}
        for name, value in found.items():
            if name in values:
                self.checker.compare("variable " + name, value, values[name])
        missing = set(values) - set(found) - {name.rsplit("/part_", 1)[0] for name in found}
        missing -= {key for key in missing if ".ATTRIBUTES/" in key or key.startswith("_")}
        if missing:
            raise RuntimeError("no variables " + ", ".join(sorted(missing)))

    def check_loaded(self, path, tags, runs, values):
        """What Python gets of it, and that a checkpoint fills it."""
        tf = self.tf
        loaded = tf.saved_model.load(path, tags=list(tags))
        if hasattr(loaded, "prune"):
            raise RuntimeError("loaded as a model of V1")
        self.check_variables(loaded.variables, values)
        for variable in loaded.variables:
            if variable.dtype.is_floating:
                variable.assign(tf.zeros_like(variable))
        tf.train.Checkpoint(root=loaded).read(
            os.path.join(path, "variables", "variables")).assert_existing_objects_matched()
        self.check_variables(loaded.variables, values)
        self.save_again(loaded, runs)

    def save_again(self, loaded, runs):
        tf = self.tf
        if not self.resave or self.model.name in NOT_SAVED | NO_SESSION:
            return
        with tempfile.TemporaryDirectory() as root:
            saved = os.path.join(root, "again")
            tf.saved_model.save(loaded, saved, signatures=dict(loaded.signatures.items()))
            self.checker.check_v2(saved, ["serve"], runs, same)
            self.checker.check_v1(saved, ["serve"], runs, same)

    def check(self, path, tags, model, values):
        runs = {} if model.name in STATEFUL else model.runs
        self.check_sound(path)
        if model.name in ONLY_CONVERTED:
            return {}
        if model.name not in NO_SESSION:
            self.checker.check_v1(path, tags, runs, same)
        self.checker.check_v2(path, tags, runs, same)
        self.load_in_c(path, tags)
        return runs

    def to_v2(self, folder):
        model = self.model = open_model(self.np, folder)
        tags = self.checker.graphs(model.path)[0]["tags"]
        has_variables = os.path.exists(os.path.join(model.path, "variables", "variables.index"))
        values = self.values(model.path) if has_variables and model.name not in INITIALISED else {}
        with tempfile.TemporaryDirectory() as root:
            path = self.checker.edit(model.path, os.path.join(root, "v2"), "--to-v2", *FLAGS.get(model.name, []))
            runs = self.check(path, tags, model, values)
            if model.name in ONLY_CONVERTED:
                return
            self.check_loaded(path, tags, runs, values)
            if model.name in NOT_SAVED | NO_SESSION:
                return
            back = self.checker.edit(path, os.path.join(root, "v1"), "--to-v1")
            self.check(back, tags, model, values)
            self.check_listed(back, tags, runs, values)
            again = self.checker.edit(back, os.path.join(root, "again"), "--to-v2")
            self.check(again, tags, model, values)
            self.check_loaded(again, tags, runs, values)

    def to_v1(self, folder):
        """There and back: what was an object is one again."""
        model = self.model = open_model(self.np, folder)
        tags = self.checker.graphs(model.path)[0]["tags"]
        with tempfile.TemporaryDirectory() as root:
            path = self.checker.edit(model.path, os.path.join(root, "v1"), "--to-v1")
            runs = self.check(path, tags, model, {})
            self.check_listed(path, tags, runs, None)
            again = self.checker.edit(path, os.path.join(root, "v2"), "--to-v2")
            self.check(again, tags, model, {})
            self.check_loaded(again, tags, runs, {})

    def check_listed(self, path, tags, runs, values):
        """As a model of V1, with its variables; TensorFlow saves it again."""
        tf = self.tf
        loaded = tf.saved_model.load(path, tags=list(tags))
        if not hasattr(loaded, "prune"):  # only what was wrapped from V1 has it
            raise RuntimeError("loaded as a model of V2")
        if values is not None:
            self.check_variables(loaded.variables, values)
        elif len(loaded.variables) != sum(key.endswith("/VARIABLE_VALUE") for key in self.values(path)):
            raise RuntimeError("%d variables" % len(loaded.variables))
        self.save_again(loaded, runs)

    def refused(self, folder, says):
        model = open_model(self.np, folder)
        with tempfile.TemporaryDirectory() as root:
            run = subprocess.run([self.checker.tool, "edit", model.path, os.path.join(root, "made"), "--to-v2"],
                                 capture_output=True, text=True)
            if run.returncode != 1 or says not in run.stderr or os.listdir(root):
                raise RuntimeError("exit %d, left %s: %s" % (run.returncode, os.listdir(root), run.stderr.strip()))


def is_v1(checker, folder):
    path = open_model(checker.np, folder).path
    run = subprocess.run([checker.tool, "objects", path], capture_output=True, text=True)
    return run.returncode != 0 and "object graph" in run.stderr


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("fixtures")
    parser.add_argument("wild")
    parser.add_argument("--only", default="")
    parser.add_argument("--all", action="store_true")
    args = parser.parse_args()
    checker = edit_tf.Checker(os.path.abspath(args.tool))
    converter = Converter(checker)
    passed, faults = 0, []

    def attempt(name, check, *rest):
        nonlocal passed
        if args.only not in name:
            return
        converter.resave = args.all or name.split()[0] in SAVED
        try:
            check(*rest)
            passed += 1
        except Exception as error:  # TensorFlow raises what it likes
            faults.append("%s: %s: %s" % (name, type(error).__name__, str(error)[:600]))

    folders = {"v1/" + os.path.basename(path): path for path in glob.glob(os.path.join(args.fixtures, "v1", "*"))}
    folders.update({os.path.basename(path): path for path in glob.glob(os.path.join(args.wild, "*"))
                    if args.all or os.path.basename(path) in WILD})
    for name, folder in sorted(folders.items()):
        if name in ALIKE and not args.all:
            continue
        if os.path.exists(os.path.join(folder, "truth.json")) and is_v1(checker, folder):
            if name in REFUSED:
                attempt(name + " refused", converter.refused, folder, REFUSED[name])
            else:
                attempt(name, converter.to_v2, folder)
    for name in TO_V1:
        attempt(name + " to V1", converter.to_v1, os.path.join(args.fixtures, name))
    for fault in faults:
        print("FAULT", fault)
    print("convert: %d passed, %d faults" % (passed, len(faults)))
    return 1 if faults or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
