#!/usr/bin/env python3
"""Are the traces of debug info those that TensorFlow's schema gives?

    VENV/bin/python tests/interop/debug_info_tf.py [BUILD_DIR [MODELS_DIR...]]

Takes every model below the MODELS_DIRs that has a debug/saved_model_debug_info.pb, asks the library of BUILD_DIR for all its
traces, and compares them with what graph_debug_info_pb2 reads.  Needs TensorFlow.
"""
import ctypes
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from tensorflow.core.framework import graph_debug_info_pb2  # noqa: E402

FILE = os.path.join("debug", "saved_model_debug_info.pb")


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("reserved", ctypes.c_uint32), ("offset", ctypes.c_uint64),
                ("message", ctypes.c_char * 496)]


class String(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


class Frame(ctypes.Structure):
    _fields_ = [("file", ctypes.c_char_p), ("function", ctypes.c_char_p), ("code", ctypes.c_char_p),
                ("line", ctypes.c_int32), ("column", ctypes.c_int32)]


class Trace(ctypes.Structure):
    _fields_ = [("n_frames", ctypes.c_size_t), ("frames", ctypes.POINTER(Frame))]


def read_ours(library, directory):
    """name -> list of frames"""
    model, info, err = ctypes.c_void_p(), ctypes.c_void_p(), Error()

    def check(status):
        if status != 0:
            raise RuntimeError(err.message.decode())

    check(library.sm_model_open(ctypes.byref(model), directory.encode(), None, ctypes.byref(err)))
    check(library.sm_model_get_debug_info(ctypes.byref(info), model, ctypes.byref(err)))
    traces = {}
    for i in range(library.sm_debug_info_n_traces(info)):
        name, trace, found = library.sm_debug_info_get_name(info, ctypes.c_size_t(i)), ctypes.POINTER(Trace)(), \
            ctypes.POINTER(Trace)()
        check(library.sm_debug_info_get_trace(ctypes.byref(trace), info, ctypes.c_size_t(i), ctypes.byref(err)))
        node, function = name.data.rsplit(b"@", 1)
        check(library.sm_debug_info_find_trace(ctypes.byref(found), info, node, function, ctypes.byref(err)))
        assert ctypes.addressof(found.contents) == ctypes.addressof(trace.contents)
        traces[name.data.decode()] = [(f.file.decode(), f.line, f.column, f.function.decode(), f.code.decode())
                                      for f in trace.contents.frames[:trace.contents.n_frames]]
    library.sm_model_close(model)
    return traces


def read_tensorflows(directory):
    with open(os.path.join(directory, FILE), "rb") as f:
        info = graph_debug_info_pb2.GraphDebugInfo.FromString(f.read())

    def decode(frames):
        return [(info.files[f.file_index], f.line, f.col, f.func, f.code) for f in frames]

    traces = {name: decode(info.frames_by_id[i] for i in info.traces_by_id[trace].frame_id)
              for name, trace in info.name_to_trace_id.items()}
    traces.update((name, decode(trace.file_line_cols)) for name, trace in info.traces.items())
    return traces


def main(build, folders):
    library = ctypes.CDLL(os.path.join(build, "libsavedmodel.so"))
    library.sm_debug_info_n_traces.restype = ctypes.c_size_t
    library.sm_debug_info_get_name.restype = String
    passed = failed = 0
    for folder in folders:
        for directory, _, _ in sorted(os.walk(folder)):
            if not os.path.exists(os.path.join(directory, FILE)):
                continue
            expected = read_tensorflows(directory)
            ours = read_ours(library, directory)
            right = expected and ours == expected
            passed += bool(right)
            failed += not right
            if not right:
                print("FAIL %s: ours %d traces, TensorFlow's %d" % (directory, len(ours), len(expected)))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    shared = os.environ.get("SM_SHARED", os.path.join(here, "..", "shared"))
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else os.path.join(here, "build", "ci-plain"),
                  sys.argv[2:] or [os.path.join(shared, "fixtures", "tf"), os.path.join(shared, "wild")]))
