#!/usr/bin/env python3
"""Compares fingerprints with those that TensorFlow computes.

    VENV/bin/python fingerprint_tf.py TOOL ROOT...

Each model below the roots (its folder has a saved_model.pb), models made here whose names, nodes and functions are odd, and
models of the roots written in other ways that protobuf allows, gets the fingerprint that TensorFlow computes of it; verify
must find nothing wrong with that.  Where TensorFlow computes none verify must say that there is none.
"""
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
from google.protobuf.descriptor import FieldDescriptor
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.saved_model.pywrap_saved_model import fingerprinting

FINGERPRINT = "fingerprint.pb"
SKIPPED = {"no_meta_graphs", "pb_empty", "tf_fuzz_const_no_value"}  # these end TensorFlow's process


class Checker:
    def __init__(self, tool):
        self.tool, self.passed, self.failed = tool, 0, 0

    def tell(self, name, is_right, said):
        self.passed += is_right
        self.failed += not is_right
        if not is_right:
            print("FAILED %s: %s" % (name, said))

    def check(self, name, folder):
        """folder is changed."""
        path = os.path.join(folder, FINGERPRINT)
        if os.path.lexists(path):
            os.remove(path)
        try:
            fingerprint = fingerprinting.CreateFingerprintDef(folder)
        except fingerprinting.FingerprintException as error:
            fingerprint, refusal = b"", str(error)
        with open(path, "wb") as f:
            f.write(fingerprint)
        run = subprocess.run([self.tool, "verify", folder, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        said = [f["message"] for f in json.loads(run.stdout)["findings"] if f["file"] == FINGERPRINT]
        if fingerprint:
            self.tell(name, said == [], said)
        else:
            self.tell(name, len(said) == 1 and "does not end in a number" in said[0], "%s; TensorFlow: %s" % (said, refusal))

    def check_bytes(self, name, data):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "saved_model.pb"), "wb") as f:
                f.write(data)
            self.check(name, folder)

    def check_model(self, name, model):
        self.check_bytes(name, model.SerializeToString(deterministic=True))


# ---- Models there are ----


def find_models(roots):
    for root in roots:
        for folder, folders, files in os.walk(root):
            folders.sort()
            name = os.path.relpath(folder, root)
            if "saved_model.pb" in files and not SKIPPED.intersection(name.split(os.sep)):
                yield name, folder


def can_parse(folder):
    try:
        with open(os.path.join(folder, "saved_model.pb"), "rb") as f:
            return saved_model_pb2.SavedModel.FromString(f.read())
    except Exception:
        return None


def check_copy(checker, name, folder):
    with tempfile.TemporaryDirectory() as copy:
        shutil.copy(os.path.join(folder, "saved_model.pb"), copy)
        index = os.path.join(folder, "variables", "variables.index")
        if os.path.isfile(index):
            os.mkdir(os.path.join(copy, "variables"))
            shutil.copy(index, os.path.join(copy, "variables"))
        checker.check(name, copy)


# ---- Models made here ----

NAMES = ["f_12", "f_007", "f_-3", "f_+4", "12", "f_ 5", "f_5 ", "f_\t6", "f_-0", "f_9223372036854775807",
         "f_-9223372036854775808", "f_9223372036854775808", "f_-9223372036854775809", "f", "", "_", "f_", "f_1 2", "f_--1",
         "f_-", "f_1_", "f_1_2", "ä_3", "f_0x1", "f_1.0", "f_١"]


def function_names():
    for name in NAMES:
        model = saved_model_pb2.SavedModel()
        function = model.meta_graphs.add().object_graph_def.concrete_functions[name]
        function.bound_inputs.append(3)
        yield "concrete function %r" % name, model


def calls():
    for name in NAMES:
        for op in ("PartitionedCall", "StatefulPartitionedCall", "OtherCall"):
            model = saved_model_pb2.SavedModel()
            graph = model.meta_graphs.add().graph_def
            for inside in (graph.node.add(), graph.library.function.add().node_def.add()):
                inside.name, inside.op = "n", op
                inside.attr["f"].func.name = name
                inside.attr["f"].func.attr["T"].type = 1
                inside.attr["config_proto"].s = b"x" * len(name)
            yield "%s of %r" % (op, name), model


def constants():
    for dtype in (1, 7, 20):
        for value in (None, "", "text"):
            model = saved_model_pb2.SavedModel()
            node = model.meta_graphs.add().graph_def.node.add(name="c", op="Const")
            node.attr["dtype"].type = dtype
            if value is not None or dtype == 7:  # TensorFlow wants a value there
                node.attr["value"].tensor.dtype = dtype
            if value:
                node.attr["value"].tensor.string_val.append(value.encode())
            yield "constant of %d: %r" % (dtype, value), model


def others():
    model = saved_model_pb2.SavedModel()
    yield "a meta graph and nothing in it", (model.meta_graphs.add(), model)[1]
    model = saved_model_pb2.SavedModel(saved_model_schema_version=-1)
    graph = model.meta_graphs.add().graph_def
    graph.version = 5
    graph.versions.producer = 7
    graph.debug_info.files.append("a.py")
    graph.node.add(name="n", op="NoOp", device="/cpu:0")
    yield "the old version field, debug info", model
    model = saved_model_pb2.SavedModel()
    for key in ("b", "a", "ab", "ä", ""):
        model.meta_graphs.add().signature_def[key].method_name = key
        model.meta_graphs[0].signature_def[key].inputs["x"].tensor_shape.dim.add(size=-1)
    yield "signatures, several meta graphs", model
    model = saved_model_pb2.SavedModel()
    for i in (10, 9, -1, 100):
        model.meta_graphs.add() if not model.meta_graphs else None
        model.meta_graphs[0].object_graph_def.concrete_functions["f_%d" % i].bound_inputs.append(i)
    yield "the order of functions", model
    model = saved_model_pb2.SavedModel()
    attr = model.meta_graphs.add().graph_def.node.add(name="n", op="A").attr
    attr["f"].f = -0.0
    attr["nan"].list.f.extend([float("nan"), -0.0, 0.0])
    attr["i"].list.i.extend([-1, 0, 2**62])
    attr["b"].list.b.extend([True, False])
    attr["t"].list.type.extend([-5, 99, 0])
    yield "numbers", model


# ---- The same models in other bytes ----


def put_varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def get_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def fields(data):
    """(number, wire type, value as bytes; of wire type 2 without its length)"""
    at = 0
    while at < len(data):
        tag, at = get_varint(data, at)
        start = at
        if tag & 7 == 0:
            at = get_varint(data, at)[1]
        elif tag & 7 == 2:
            size, start = get_varint(data, at)
            at = start + size
        else:
            at += {1: 8, 5: 4}[tag & 7]
        yield tag >> 3, tag & 7, data[start:at]


def pad(encoded, rng):
    """A varint that is longer than needed."""
    extra = rng.randrange(1, 4) if len(encoded) == 1 and rng.random() < 0.1 else 0
    return encoded if extra == 0 else bytes([encoded[0] | 0x80]) + b"\x80" * (extra - 1) + b"\0"


def put_field(number, wire_type, value, rng):
    length = pad(put_varint(len(value)), rng) if wire_type == 2 else b""
    return put_varint(number << 3 | wire_type) + length + (pad(value, rng) if wire_type == 0 else value)


UNPACKED = {FieldDescriptor.CPPTYPE_INT32: 0, FieldDescriptor.CPPTYPE_INT64: 0, FieldDescriptor.CPPTYPE_UINT32: 0,
            FieldDescriptor.CPPTYPE_UINT64: 0, FieldDescriptor.CPPTYPE_BOOL: 0, FieldDescriptor.CPPTYPE_ENUM: 0,
            FieldDescriptor.CPPTYPE_FLOAT: 5, FieldDescriptor.CPPTYPE_DOUBLE: 1}


def unpack(known, value):
    wire_type = UNPACKED[known.cpp_type]
    at = 0
    while at < len(value):
        end = get_varint(value, at)[1] if wire_type == 0 else at + {1: 8, 5: 4}[wire_type]
        yield known.number, wire_type, value[at:end]
        at = end


def is_repeated(known):
    return known.is_repeated if hasattr(known, "is_repeated") else known.label == FieldDescriptor.LABEL_REPEATED


def rewrite(data, descriptor, rng):
    """Bytes of the same message: fields in another order, messages in two parts, lists not packed, long varints, values that
    are overridden, what no schema has."""
    parts = []  # (number, encoded)
    is_entry = descriptor.GetOptions().map_entry
    for number, wire_type, value in fields(data):
        known = descriptor.fields_by_number.get(number)
        if known is not None and known.message_type is not None:
            value = rewrite(value, known.message_type, rng)
            if not is_repeated(known) and known.containing_oneof is None and not is_entry and rng.random() < 0.1:
                parts.append((number, put_field(number, 2, b"", rng)))
        elif known is not None and is_repeated(known) and wire_type == 2 and known.cpp_type in UNPACKED and rng.random() < 0.5:
            parts += [(number, put_field(*element, rng)) for element in unpack(known, value)]
            continue
        elif known is not None and not is_repeated(known) and known.containing_oneof is None and rng.random() < 0.05:
            parts.append((number, put_field(number, wire_type, b"\1" if wire_type == 0 else value, rng)))  # overridden
        parts.append((number, put_field(number, wire_type, value, rng)))
    if rng.random() < 0.3:
        order = {number: rng.random() for number, _ in parts}
        parts.sort(key=lambda part: order[part[0]])
    return b"".join(encoded for _, encoded in parts)


def rewritten(models, rng):
    for name, model in models:
        yield name + ", rewritten", rewrite(model.SerializeToString(), model.DESCRIPTOR, rng)
        yield name + ", maps in any order", model.SerializeToString(deterministic=False)
        # In the model and in the graph, where what nobody knows is hashed, too.
        odd = saved_model_pb2.SavedModel.FromString(model.SerializeToString(deterministic=True) + b"\xfa\x3f\x01x\xf0\x3f\x7f")
        for graph in odd.meta_graphs[:1]:
            graph.graph_def.MergeFromString(b"\xf5\x3fabcd\xfb\x3f\x08\x01\xfc\x3f")
            for node in graph.graph_def.node[:3]:
                node.MergeFromString(b"\xf1\x3f01234567")
            yield name + ", unknown fields", odd.SerializeToString(deterministic=True)


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    checker, models = Checker(os.path.abspath(args[0])), []
    for make in (function_names, calls, constants, others):
        for name, model in make():
            checker.check_model(name, model)
    for name, folder in find_models(args[1:]):
        model = can_parse(folder)
        if model is None or not model.meta_graphs:
            continue
        check_copy(checker, name, folder)
        if model.ByteSize() < 200000:
            models.append((name, model))
    rng = random.Random(1)
    for name, data in rewritten(rng.sample(models, min(60, len(models))), rng):
        checker.check_bytes(name, data)
    print("TensorFlow %s: %d passed, %d failed" % (tf.__version__, checker.passed, checker.failed))
    return 1 if checker.failed or not checker.passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
