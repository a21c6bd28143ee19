"""TensorFlow's C API by ctypes, for the scripts that run models as a server does. Needs TensorFlow."""

import ctypes
import os

import numpy
import tensorflow as tf

POINTERS = """NewStatus NewGraph NewSessionOptions LoadSessionFromSavedModel GraphOperationByName AllocateTensor TensorData
    StringGetDataPointer""".split()
STRING_SIZE = 24  # of a TF_TString


class Output(ctypes.Structure):
    """TF_Output"""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


def load_library():
    library = ctypes.CDLL(os.path.join(os.path.dirname(tf.__file__), "libtensorflow_cc.so.2"))
    for name in POINTERS:
        getattr(library, "TF_" + name).restype = ctypes.c_void_p
    library.TF_Message.restype = ctypes.c_char_p
    library.TF_StringGetSize.restype = ctypes.c_size_t
    for name in ("Dim", "TensorByteSize"):
        getattr(library, "TF_" + name).restype = ctypes.c_int64
    return library


class CSession:
    """A model as the C API's session loader, and with it a server, restores and initialises it."""

    def __init__(self, path, tags):
        self.library = load_library()
        self.status, self.graph = self.new("Status"), self.new("Graph")
        names = (ctypes.c_char_p * len(tags))(*[tag.encode() for tag in tags])
        self.session = ctypes.c_void_p(
            self.library.TF_LoadSessionFromSavedModel(
                self.new("SessionOptions"), None, path.encode(), names, len(tags), self.graph, None, self.status
            )
        )
        self.check()

    def new(self, what):
        return ctypes.c_void_p(getattr(self.library, "TF_New" + what)())

    def check(self):
        if self.library.TF_GetCode(self.status) != 0:
            raise RuntimeError(self.library.TF_Message(self.status).decode())

    def output_of(self, tensor):
        node, _, index = tensor.partition(":")
        operation = self.library.TF_GraphOperationByName(self.graph, node.encode())
        assert operation, tensor
        return Output(operation, int(index or 0))

    def make_tensor(self, value):
        array = numpy.asarray(value)
        is_string = array.dtype.kind in "SO"
        dtype = tf.string if is_string else tf.dtypes.as_dtype(array.dtype)
        size = array.size * STRING_SIZE if is_string else array.nbytes
        dims = (ctypes.c_int64 * array.ndim)(*array.shape)
        made = ctypes.c_void_p(
            self.library.TF_AllocateTensor(dtype.as_datatype_enum, dims, array.ndim, ctypes.c_size_t(size))
        )
        data = self.library.TF_TensorData(made)
        if not is_string:
            ctypes.memmove(data, array.tobytes(), size)
            return made
        for i, word in enumerate(array.reshape(-1)):
            string = ctypes.c_void_p(data + i * STRING_SIZE)
            self.library.TF_StringInit(string)
            self.library.TF_StringCopy(string, bytes(word), ctypes.c_size_t(len(word)))
        return made

    def read_string(self, at):
        string = ctypes.c_void_p(at)
        size = self.library.TF_StringGetSize(string)
        return ctypes.string_at(self.library.TF_StringGetDataPointer(string), size)

    def read_tensor(self, tensor):
        dtype = tf.dtypes.as_dtype(self.library.TF_TensorType(tensor))
        shape = [self.library.TF_Dim(tensor, i) for i in range(self.library.TF_NumDims(tensor))]
        data, size = self.library.TF_TensorData(tensor), self.library.TF_TensorByteSize(tensor)
        if dtype != tf.string:
            return numpy.frombuffer(ctypes.string_at(data, size), dtype.as_numpy_dtype).reshape(shape)
        words = [self.read_string(data + at) for at in range(0, size, STRING_SIZE)]
        return numpy.array(words, object).reshape(shape)

    def run(self, fetched, feeds):
        """Values of the tensors fetched; feeds are values by the name of the tensor."""
        fed, values = list(feeds), [self.make_tensor(value) for value in feeds.values()]
        results = (ctypes.c_void_p * len(fetched))()
        self.library.TF_SessionRun(
            self.session, None,
            (Output * len(fed))(*map(self.output_of, fed)), (ctypes.c_void_p * len(fed))(*values), len(fed),
            (Output * len(fetched))(*map(self.output_of, fetched)), results, len(fetched),
            None, 0, None, self.status,
        )  # fmt: skip
        self.check()
        return [self.read_tensor(ctypes.c_void_p(result)) for result in results]

    def close(self):
        self.library.TF_CloseSession(self.session, self.status)
        self.library.TF_DeleteSession(self.session, self.status)
