#!/usr/bin/env python3
"""Models that were taken apart and built again say the same, in the eyes of TensorFlow's protobufs.

    VENV/bin/python tests/interop/rebuild_tf.py REBUILD DIR...

REBUILD is the program of rebuild.c; every directory below the DIRs that has a saved_model.pb or .pbtxt is a case. The
last line says how many passed and failed.
"""

import filecmp
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.training import py_checkpoint_reader


def read(directory):
    message = saved_model_pb2.SavedModel()
    path = os.path.join(directory, "saved_model.pb")
    if os.path.exists(path):
        with open(path, "rb") as file:
            message.ParseFromString(file.read())
    else:
        with open(path + "txt", encoding="utf-8") as file:
            text_format.Parse(file.read(), message)
    return message


def normalise(message, other):
    """Takes away what the builder may add to a model: the op list, the other form of assets and of the init op."""
    message.saved_model_schema_version = 1
    for graph, twin in zip(message.meta_graphs, other.meta_graphs):
        graph.SetInParent()
        if not twin.meta_info_def.HasField("stripped_op_list"):
            graph.meta_info_def.ClearField("stripped_op_list")
        if not twin.asset_file_def:
            graph.ClearField("asset_file_def")
        for key in ["saved_model_assets", "saved_model_main_op", "saved_model_train_op"]:
            if key not in twin.collection_def:
                graph.collection_def.pop(key, None)
        if not graph.HasField("object_graph_def"):
            for key in ["__saved_model_init_op", "__saved_model_train_op"]:
                graph.signature_def.pop(key, None)
        for asset in graph.asset_file_def:
            asset.tensor_info.ClearField("dtype")
            asset.tensor_info.ClearField("tensor_shape")
        for signature in graph.signature_def.values():
            for info in [*signature.inputs.values(), *signature.outputs.values()]:
                normalise_info(info)


def normalise_info(info):
    info.tensor_shape.SetInParent()
    for dimension in info.tensor_shape.dim:
        dimension.name = ""
    for component in info.composite_tensor.components if info.HasField("composite_tensor") else []:
        normalise_info(component)


def compare_tensors(directory, made):
    prefixes = [os.path.join(d, "variables", "variables") for d in (directory, made)]
    if not os.path.exists(prefixes[0] + ".index"):
        return "" if not os.path.exists(prefixes[1] + ".index") else "variables out of nothing"
    old, new = (py_checkpoint_reader.NewCheckpointReader(p) for p in prefixes)
    shapes = old.get_variable_to_shape_map()
    if shapes != new.get_variable_to_shape_map():
        return "other tensors"
    for name in shapes:
        a, b = (numpy.asarray(reader.get_tensor(name)) for reader in (old, new))
        if a.dtype != b.dtype or a.tolist() != b.tolist() and a.tobytes() != b.tobytes():
            return f"tensor {name} differs"
    return ""


def compare_files(directory, made):
    for name in ["assets", "assets.extra"]:
        for folder, _, files in os.walk(os.path.join(made, name)):
            for file in files:
                path = os.path.join(folder, file)
                if not filecmp.cmp(path, os.path.join(directory, os.path.relpath(path, made)), shallow=False):
                    return f"{path} differs"
    return ""


# Strings with a NUL, which the structs that rebuild.c goes by cannot show.
CANNOT_BE_SHOWN = {"tf_fuzz_const_no_value", "tf_fuzz_negative_shape"}
# Built when nothing is asked for that TensorFlow does not ask for, and only then: what the message says.
REFUSED = {
    "pix2pix_pb_only": "a saver that restores",  # published without their variables, or without some of them
    "syn_tf_bert1": "which the saver restores",
    "tf_bert1": "a saver that restores",
    "tf_chunked": "a saver that restores",
    "tfnet_example1": "a saver that restores",
    "rust_regression_model": "it has one input, inputs",  # its method is regress, which TensorFlow Serving would refuse
}


def check(rebuild, directory, scratch):
    """What is wrong; "": nothing."""
    made = os.path.join(scratch, "made")
    run = subprocess.run([rebuild, directory, made], capture_output=True, text=True, check=False)
    for name in REFUSED.keys() & set(directory.split(os.sep)):
        if run.returncode == 0 or REFUSED[name] not in run.stderr:
            return f"not refused: {run.stderr.strip()}"
        run = subprocess.run([rebuild, directory, made, "--unchecked"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return run.stderr.strip() or f"ended with {run.returncode}"
    old, new = read(directory), read(made)
    if len(old.meta_graphs) != len(new.meta_graphs):
        return "another number of meta graphs"
    normalise(old, new), normalise(new, old)
    normalise(old, new)
    if old != new:
        for a, b in zip(old.meta_graphs, new.meta_graphs):
            for field in a.DESCRIPTOR.fields_by_name:
                if getattr(a, field) != getattr(b, field):
                    return f"{field} differs"
        return "differs"
    if text_format.MessageToString(old) != text_format.MessageToString(new):
        return "not the same text"
    return compare_tensors(directory, made) or compare_files(directory, made)


def main():
    rebuild, *roots = sys.argv[1:]
    passed = failed = 0
    for root in roots:
        for directory, folders, files in sorted(os.walk(root)):
            parts = set(directory.split(os.sep))
            if "broken" in parts or parts & CANNOT_BE_SHOWN or not {"saved_model.pb", "saved_model.pbtxt"} & set(files):
                continue
            with tempfile.TemporaryDirectory() as scratch:
                wrong = check(rebuild, directory, scratch)
            if wrong:
                print(f"{directory}: {wrong}")
                failed += 1
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed")
    return failed != 0 or passed == 0


if __name__ == "__main__":
    sys.exit(main())
