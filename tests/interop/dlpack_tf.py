#!/usr/bin/env python3
"""Does NumPy take the tensors that sm_tensor_take_dlpack hands out?

    VENV/bin/python tests/interop/dlpack_tf.py LIBSAVEDMODEL_SO

Makes tensors of TensorProtos through the library's C functions, wraps what DLPack says in a capsule, as __dlpack__ does, and
compares the array that NumPy makes of it, which shares the memory.  Needs TensorFlow, for the protos, and NumPy 2.1 or newer.
"""
import ctypes
import gc
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
from tensorflow.python.framework import tensor_util  # noqa: E402

NAME = b"dltensor_versioned"
DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32,
          np.uint64, np.bool_, np.complex64, np.complex128]


class String(ctypes.Structure):
    _fields_ = [("data", ctypes.c_char_p), ("size", ctypes.c_size_t)]


class Producer:
    """What np.from_dlpack takes: an object with a capsule and a device."""

    def __init__(self, managed):
        self.managed = managed

    def __dlpack__(self, **_):
        new = ctypes.pythonapi.PyCapsule_New
        new.restype, new.argtypes = ctypes.py_object, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return new(self.managed, NAME, None)

    def __dlpack_device__(self):
        return 1, 0  # a CPU


def take(library, proto):
    tensor, managed, message = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.create_string_buffer(512)
    status = library.sm_tensor_read_proto(ctypes.byref(tensor), String(proto, len(proto)), ctypes.c_uint64(0), None, message)
    if status == 0:
        status = library.sm_tensor_take_dlpack(ctypes.byref(managed), tensor, message)
    if status != 0:
        library.sm_tensor_free(tensor)
        raise ValueError(message.raw[16:].split(b"\0")[0].decode())
    return managed.value


def main():
    library, n = ctypes.CDLL(sys.argv[1]), 0
    for dtype in DTYPES:
        for shape in (), (1,), (5,), (2, 3, 4), (3, 0), (600, 1000):
            wanted = np.arange(int(np.prod(shape))).astype(dtype).reshape(shape)
            got = np.from_dlpack(Producer(take(library, tensor_util.make_tensor_proto(wanted).SerializeToString())))
            assert got.dtype == dtype and got.shape == shape and np.array_equal(got, wanted), (dtype, shape)
            assert got.flags.writeable and got.flags.c_contiguous and got.ctypes.data % 64 == 0
            n += 1
            del got
            gc.collect()  # calls the deleter
    try:
        take(library, tensor_util.make_tensor_proto([b"text"]).SerializeToString())
    except ValueError as e:
        assert "string" in str(e), e
    else:
        raise AssertionError("strings were taken")
    print("%d arrays" % n)


if __name__ == "__main__":
    main()
