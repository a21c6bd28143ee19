#!/usr/bin/env python3
"""Does what the library knows of operations agree with TensorFlow?

    VENV/bin/python tests/interop/op_defs_tf.py LIBSAVEDMODEL_SO MODELS...

The definitions of all operations, byte for byte; op lists, default attributes stripped and restored, devices cleared, on every
graph of the models below the folders MODELS, against what TensorFlow's Python does to the same graph.  Calls the library's C
functions.
"""
import ctypes
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402
from google.protobuf import message  # noqa: E402
from tensorflow.core.framework import graph_pb2, op_def_pb2  # noqa: E402
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2  # noqa: E402
from tensorflow.python.framework import importer, meta_graph, op_def_registry  # noqa: E402

MAX_SIZE = 4 << 20  # larger ones take TensorFlow long


class String(ctypes.Structure):
    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t)]


NAME_FN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, String)


class Library:
    def __init__(self, path):
        self.so = ctypes.CDLL(path)

    @staticmethod
    def string(data):
        return String(ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p), len(data))

    def call(self, name, *args):
        """What a function of graph.h makes."""
        out, error = String(), ctypes.create_string_buffer(512)
        args = [self.string(a) if isinstance(a, bytes) else a for a in args]
        if getattr(self.so, name)(ctypes.byref(out), *args, None, error) != 0:
            raise ValueError(error.raw[16:].split(b"\0")[0].decode())
        data = ctypes.string_at(out.data, out.size)
        self.so.sm_graph_free_def(ctypes.byref(out), None)
        return data

    def devices(self, graph_def):
        found, error = [], ctypes.create_string_buffer(512)
        add = NAME_FN(lambda _, name: found.append(ctypes.string_at(name.data, name.size).decode()))
        assert self.so.sm_graph_list_devices(self.string(graph_def), add, None, None, error) == 0, error.raw[16:]
        return found


def canonical(proto):
    return proto.SerializeToString(deterministic=True)


def parse(kind, data):
    proto = kind()
    proto.ParseFromString(data)
    return proto


def check_definitions(library):
    """All operations as one op list."""
    names = sorted(name for name in set(dir(tf.raw_ops)) if op_def_registry.get(name) is not None)
    graph = graph_pb2.GraphDef(node=[dict(name=name, op=name) for name in names])
    wanted = op_def_pb2.OpList(op=[op_def_registry.get(name) for name in names])
    assert library.call("sm_graph_list_ops", canonical(graph), b"") == canonical(wanted)
    return len(names)


def all_nodes(graph):
    functions = {function.signature.name for function in graph.library.function}
    for nodes in [graph.node] + [function.node_def for function in graph.library.function]:
        for node in nodes:
            yield node, node.op in functions


def strip(graph):
    holder = meta_graph_pb2.MetaGraphDef(graph_def=graph)
    meta_graph.strip_graph_default_valued_attrs(holder)
    return holder.graph_def


def restore(graph):
    result = graph_pb2.GraphDef()
    result.CopyFrom(graph)
    for node, is_call in all_nodes(result):
        op_def = op_def_registry.get(node.op)
        if op_def is not None and not is_call:
            importer._SetDefaultAttrValues(node, op_def)
    return result


def clear_devices(graph, in_functions):
    result = graph_pb2.GraphDef()
    result.CopyFrom(graph)
    for nodes in [result.node] + [f.node_def for f in result.library.function if in_functions]:
        for node in nodes:
            node.ClearField("device")
    return result


def list_devices(graph):
    return sorted({node.device for node, _ in all_nodes(graph)} - {""})


def same(what, kind, data, wanted):
    assert canonical(parse(kind, data)) == canonical(wanted), what


def check_graph(library, graph):
    data = canonical(graph)
    restored = restore(graph)
    for given in graph, strip(graph), restored:
        same("strip", graph_pb2.GraphDef, library.call("sm_graph_strip_defaults", canonical(given)), strip(given))
        same("restore", graph_pb2.GraphDef, library.call("sm_graph_restore_defaults", canonical(given)), restore(given))
    for in_functions in False, True:
        cleared = library.call("sm_graph_clear_devices", data, in_functions)
        assert cleared == canonical(clear_devices(graph, in_functions)), "devices"
    assert library.devices(data) == list_devices(graph), "list of devices"
    op_list = library.call("sm_graph_list_ops", data, b"")
    assert op_list == canonical(meta_graph.stripped_op_list_for_graph(graph)), "op list"
    return restored != strip(graph)


def models(folders):
    for folder in folders:
        for root, _, files in sorted(os.walk(folder)):
            path = os.path.join(root, "saved_model.pb")
            if "saved_model.pb" in files and os.path.getsize(path) < MAX_SIZE and "/broken/" not in path:
                yield path


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    try:
        return parse(saved_model_pb2.SavedModel, data).meta_graphs
    except message.DecodeError:
        return []


def main():
    library = Library(sys.argv[1])
    print("%d definitions" % check_definitions(library))
    n_graphs = n_with_defaults = 0
    for path in models(sys.argv[2:]):
        for i, graph in enumerate(read(path)):
            try:
                n_with_defaults += check_graph(library, graph.graph_def)
            except AssertionError as e:
                raise AssertionError("%s, meta graph %d: %s" % (path, i, e)) from e
            n_graphs += 1
    assert n_with_defaults >= 10
    print("%d graphs, %d of them with defaults" % (n_graphs, n_with_defaults))


if __name__ == "__main__":
    main()
