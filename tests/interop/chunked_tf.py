#!/usr/bin/env python3
"""Is a saved_model.cpb joined to the message that the saved_model.pbtxt beside it holds?

    VENV/bin/python tests/interop/chunked_tf.py [BUILD_DIR [MODELS_DIR]]

Opens every model below MODELS_DIR that has both, in a copy without the .pbtxt, with the library of BUILD_DIR; packs the meta
graphs it hands out, and compares them with what TensorFlow's text_format reads from the .pbtxt.  Needs TensorFlow.
"""
import ctypes
import ctypes.util
import os
import shutil
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from google.protobuf import text_format  # noqa: E402
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2  # noqa: E402


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("reserved", ctypes.c_uint32), ("offset", ctypes.c_uint64),
                ("message", ctypes.c_char * 496)]


class Library:
    """What is needed of the library, and of protobuf-c to pack its structs again."""

    def __init__(self, path):
        self.ours = ctypes.CDLL(path)
        self.protobuf_c = ctypes.CDLL(ctypes.util.find_library("protobuf-c"))
        self.ours.sm_model_n_meta_graphs.restype = ctypes.c_size_t
        self.ours.sm_model_get_meta_graph.restype = ctypes.c_void_p
        self.ours.sm_model_get_schema_version.restype = ctypes.c_int64
        self.protobuf_c.protobuf_c_message_get_packed_size.restype = ctypes.c_size_t

    def check(self, status, err):
        if status != 0:
            raise RuntimeError(err.message.decode())

    def pack(self, message):
        size = self.protobuf_c.protobuf_c_message_get_packed_size(message)
        packed = ctypes.create_string_buffer(size)
        self.protobuf_c.protobuf_c_message_pack(message, packed)
        return packed.raw

    def read(self, directory):
        """The SavedModel in a directory, put together from its meta graphs."""
        model, err, read = ctypes.c_void_p(), Error(), saved_model_pb2.SavedModel()
        self.check(self.ours.sm_model_open(ctypes.byref(model), directory.encode(), None, ctypes.byref(err)), err)
        read.saved_model_schema_version = self.ours.sm_model_get_schema_version(model)
        for i in range(self.ours.sm_model_n_meta_graphs(model)):
            graph, message = self.ours.sm_model_get_meta_graph(model, ctypes.c_size_t(i)), ctypes.c_void_p()
            self.check(self.ours.sm_meta_graph_get_proto(ctypes.byref(message), ctypes.c_void_p(graph),
                                                         ctypes.byref(err)), err)
            read.meta_graphs.append(meta_graph_pb2.MetaGraphDef.FromString(self.pack(message)))
        self.ours.sm_model_close(model)
        return read


def compare(library, directory):
    """None when they are equal, else what is wrong."""
    with open(os.path.join(directory, "saved_model.pbtxt"), encoding="utf-8") as f:
        expected = text_format.Parse(f.read(), saved_model_pb2.SavedModel())
    with tempfile.TemporaryDirectory() as copy:
        shutil.copy(os.path.join(directory, "saved_model.cpb"), copy)
        try:
            read = library.read(copy)
        except RuntimeError as e:
            return str(e)
    return None if read == expected else "the messages differ"


def main(build, models):
    library = Library(os.path.join(build, "libsavedmodel.so"))
    passed = failed = 0
    for directory, _, files in sorted(os.walk(models)):
        if {"saved_model.cpb", "saved_model.pbtxt"} <= set(files):
            wrong = compare(library, directory)
            passed += wrong is None
            failed += wrong is not None
            if wrong is not None:
                print("FAIL %s: %s" % (directory, wrong))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    shared = os.environ.get("SM_SHARED", os.path.join(here, "..", "shared"))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "build", "ci-plain"),
                  sys.argv[2] if len(sys.argv) > 2 else os.path.join(shared, "wild")))
