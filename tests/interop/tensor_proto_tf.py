#!/usr/bin/env python3
"""What TensorFlow makes of TensorProtos, and what TensorProtos it makes: is it still what tests/data/tensor_protos.tsv says?

    VENV/bin/python tests/interop/tensor_proto_tf.py             compares; exits 1 at a difference
    VENV/bin/python tests/interop/tensor_proto_tf.py --record    writes the file anew

unit/tensor_proto_decode and unit/tensor_proto_encode read it.  A line is

    decode   NAME   PROTO   TENSOR or "refused"     the operation ParseTensor; the bytes are what SaveV2 then stores
    content  NAME   PROTO   TENSOR                  the operation SerializeTensor
    python   NAME   PROTO   TENSOR                  tf.make_tensor_proto of an array
    values   NAME   PROTO   TENSOR                  the function with which make_tensor_proto fills a value field

with a TENSOR of dtype, dimensions and elements: "1 2,3 000080..", hexadecimal and as they lie in memory, or "7 2 6162;;" for
strings.  A scalar has the dimensions "-".  Inputs are drawn by a generator with a fixed seed.  Needs TensorFlow.
"""
import glob
import os
import random
import struct
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.framework import tensor_pb2, types_pb2  # noqa: E402
from tensorflow.python.framework import tensor_util  # noqa: E402

RECORD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "tensor_protos.tsv")
FLOAT, DOUBLE, INT, STRING, SCOMPLEX, INT64, BOOL, DCOMPLEX, HALF, VARIANT, UINT32, UINT64, FLOAT8 = (
    5, 6, 7, 8, 9, 10, 11, 12, 13, 15, 16, 17, 18)
FIELD = {1: FLOAT, 2: DOUBLE, 3: INT, 4: INT, 5: INT, 6: INT, 8: SCOMPLEX, 9: INT64, 10: BOOL, 11: INT, 12: INT, 13: INT,
         14: HALF, 15: INT, 16: INT, 17: INT, 18: DCOMPLEX, 19: HALF, 22: UINT32, 23: UINT64, 24: FLOAT8, 25: FLOAT8,
         26: FLOAT8, 27: FLOAT8, 28: FLOAT8, 29: INT, 30: INT, 31: INT, 32: INT, 33: FLOAT8}
FORMAT = {FLOAT: "<f", DOUBLE: "<d", SCOMPLEX: "<f", DCOMPLEX: "<d"}
NAMES = {number: name for name, number in types_pb2.DataType.items()}
draw = random.Random(20)


# ---- Protobuf by hand: packed or not, in any order ----

def varint(n):
    n &= (1 << 64) - 1
    out = b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n])


def length_delimited(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def shape(dims):
    return length_delimited(2, b"".join(length_delimited(2, b"\x08" + varint(d) if d else b"") for d in dims))


def header(dtype, dims):
    return b"\x08" + varint(dtype) + shape(dims)


def values(field, numbers, packed=True):
    if field == FLOAT8:
        return length_delimited(field, bytes(n & 255 for n in numbers))
    if field in FORMAT:
        one, wire = [struct.pack(FORMAT[field], n) for n in numbers], 5 if FORMAT[field] == "<f" else 1
    else:
        one, wire = [varint(n) for n in numbers], 0
    if packed:
        return length_delimited(field, b"".join(one))
    return b"".join(varint(field << 3 | wire) + o for o in one)


# ---- Decoding ----

def elements(tensor, folder):
    """What SaveV2 stores: little-endian elements, whatever the dtype."""
    tf.raw_ops.SaveV2(prefix=folder + "/t", tensor_names=["t"], shape_and_slices=[""], tensors=[tensor])
    with open(glob.glob(folder + "/t.data*")[0], "rb") as file:
        return file.read()


def variants(data):
    """The messages in a stored variant tensor: length, message, 4 bytes of checksum, again and again."""
    out, at = [], 0
    while at < len(data):
        size, shift = 0, 0
        while True:
            byte = data[at]
            at, size, shift = at + 1, size | (byte & 127) << shift, shift + 7
            if byte < 128:
                break
        out.append(data[at:at + size])
        at += size + 4
    return out


def print_tensor(dtype, dims, data):
    text = data.hex() if isinstance(data, bytes) else "".join(d.hex() + ";" for d in data)
    return "%d %s %s" % (dtype, ",".join(map(str, dims)) or "-", text)


def decode(proto, dtype, folder):
    try:
        tensor = tf.io.parse_tensor(proto, tf.as_dtype(dtype))
    except tf.errors.InvalidArgumentError:
        return "refused"
    if dtype == types_pb2.DT_STRING:
        data = [bytes(s) for s in tf.reshape(tensor, [-1]).numpy()]
    else:
        data = elements(tensor, folder)
        data = variants(data) if dtype == types_pb2.DT_VARIANT else data
    return print_tensor(dtype, tensor.shape.as_list(), data)


def draw_dims():
    return [draw.choice([0, 1, 1, 2, 2, 3, 5]) for _ in range(draw.choice([0, 1, 1, 2, 3]))]


def draw_number(field):
    if field in FORMAT:
        return draw.choice([0.0, -0.0, 1.5, -2.25, float("inf"), draw.uniform(-9, 9)])
    return draw.choice([0, 1, -1, 127, 128, 255, 256, 65535, 65536, (1 << 31) - 1, 1 << 31, (1 << 32) + 5, 1 << 63,
                        draw.getrandbits(64)])


def draw_values(field, n):
    """The field in up to three pieces, each packed or not."""
    numbers, out = [draw_number(field) for _ in range(n)], b""
    while numbers and field != FLOAT8:
        k = draw.randint(1, len(numbers))
        out += values(field, numbers[:k], draw.random() < 0.7)
        numbers = numbers[k:]
    return out + (values(field, numbers) if numbers else b"")


def random_numbers():
    for dtype, field in FIELD.items():
        size = tf.as_dtype(dtype).size
        for i in range(10):
            dims = draw_dims()
            n = int(np.prod(dims))
            per = 2 if field in (SCOMPLEX, DCOMPLEX) else 1
            proto = header(dtype, dims)
            kind = draw.choice(["none", "values", "values", "values", "content", "size", "both", "other"])
            if kind in ("values", "both"):
                proto += draw_values(field, draw.randint(0, n * per + 2))
            if kind in ("content", "both"):
                proto += length_delimited(4, draw.randbytes(n * size) if field != BOOL else b"\1" * n)
            if kind == "size":
                proto += length_delimited(4, draw.randbytes(n * size + draw.choice([-1, 1, size])) if n else b"x")
            if kind == "other":
                proto += draw_values(draw.choice([f for f in FIELD.values() if f != field]), 2)
            if draw.random() < 0.2:
                proto = proto[2:] + proto[:2]  # the dtype last
            yield "%s %d %s" % (NAMES[dtype], i, kind), dtype, proto


def special():
    big = 1 << 40
    f = types_pb2.DT_FLOAT
    one = values(FLOAT, [1.5])
    yield "scalar", f, b"\x08\x01" + one
    yield "no shape at all", f, b"\x08\x01" + one
    yield "shape in two pieces", f, b"\x08\x01" + shape([2]) + one + shape([3])
    yield "dtype twice", f, b"\x08\x03" + header(f, [2]) + one
    yield "unknown fields", f, header(f, [2]) + b"\xA0\x06\x01" + one + length_delimited(100, b"xyz")
    yield "content twice", f, header(f, [1]) + length_delimited(4, b"long content") + length_delimited(4, b"\0\0\x80?")
    yield "content taken back", f, header(f, [1]) + length_delimited(4, b"abcd") + length_delimited(4, b"") + one
    yield "repeated", f, header(f, [10, 7]) + values(FLOAT, [1, 2, 3])
    yield "half of a complex number", types_pb2.DT_COMPLEX64, header(8, [3]) + values(SCOMPLEX, [1])
    yield "one and a half", types_pb2.DT_COMPLEX64, header(8, [3]) + values(SCOMPLEX, [1, 2, 3])
    yield "unknown rank", f, b"\x08\x01" + length_delimited(2, b"\x18\x01") + one
    yield "negative", f, header(f, [-1]) + one
    yield "negative after 0", f, header(f, [0, -1]) + one
    yield "too many elements", f, header(f, [big, big]) + one
    yield "0 comes too late", f, header(f, [big, big, 0])
    yield "0 comes first", f, header(f, [0, big, big])
    yield "rank 254", f, header(f, [1] * 254) + one
    yield "rank 255", f, header(f, [1] * 255) + one
    yield "packed list of 5 bytes", f, header(f, [1]) + length_delimited(FLOAT, b"12345")
    yield "number without end", 3, header(3, [1]) + length_delimited(INT, b"\x80")
    yield "too many, the rest damaged", 3, header(3, [1]) + length_delimited(INT, b"\x01\x80")
    yield "bool of 2", 10, header(10, [2]) + length_delimited(4, b"\x01\x02")
    yield "bool_val of 2", 10, header(10, [2]) + values(BOOL, [2, 0])
    yield "float8 twice", 24, header(24, [3]) + values(FLOAT8, [1, 2, 3]) + values(FLOAT8, [9])
    yield "0 elements, content", f, header(f, [0]) + length_delimited(4, b"xyz")


def strings():
    s = types_pb2.DT_STRING
    long = length_delimited(8, b"x" * 300)
    yield "none", s, header(s, [2])
    yield "one repeats", s, header(s, [3]) + length_delimited(8, b"ab\0c")
    yield "empty and long", s, header(s, [2]) + length_delimited(8, b"") + long
    yield "too many", s, header(s, []) + length_delimited(8, b"a") + length_delimited(8, b"b")
    yield "content", s, header(s, [3]) + length_delimited(4, b"\x02\x00\x01abc")
    yield "content wins", s, header(s, [1]) + long + length_delimited(4, b"\x01a")
    yield "content, a long length", s, header(s, [1]) + length_delimited(4, b"\xac\x02" + b"y" * 300)
    yield "content, a length of more bytes than needed", s, header(s, [1]) + length_delimited(4, b"\x81\x80\x00a")
    yield "content of empty ones", s, header(s, [2]) + length_delimited(4, b"\0\0")
    for name, content in {"short": b"\x02\x00", "a byte more": b"\x01\x00ab", "a byte less": b"\x02\x01ab",
                          "no end": b"\x80\x80", "a huge length": b"\x01\xff\xff\xff\xff\x0fa"}.items():
        yield "content, " + name, s, header(s, [2]) + length_delimited(4, content)
    yield "0 elements", s, header(s, [0]) + length_delimited(8, b"a")
    v = types_pb2.DT_VARIANT
    one = length_delimited(1, b"int") + length_delimited(2, b"\1\0\0\0")
    yield "variants, none", v, header(v, [2])
    yield "variants, one does not repeat", v, header(v, [3]) + length_delimited(VARIANT, one)
    yield "variants", v, header(v, [2]) + length_delimited(VARIANT, one) + length_delimited(VARIANT, one)
    yield "variants, content", v, header(v, [2]) + length_delimited(4, bytes([len(one)] * 2) + one * 2)


# ---- Encoding ----

def arrays():
    for dtype in FIELD:
        as_numpy = tf.as_dtype(dtype).as_numpy_dtype
        for dims in [], [1], [3], [2, 2], [0, 2]:
            n = int(np.prod(dims))
            size = np.dtype(as_numpy).itemsize
            if np.dtype(as_numpy).fields is not None:
                continue  # quantised: NumPy has no such type, only TensorFlow's records of one number
            data = bytes(draw.choice([0, 1]) for _ in range(n)) if dtype == types_pb2.DT_BOOL else draw.randbytes(n * size)
            array = np.frombuffer(data, as_numpy).reshape(dims)
            if dtype in (29, 31):
                array = np.array([draw.choice([-2, -1, 0, 1]) for _ in range(n)], as_numpy).reshape(dims)
            if dtype in (30, 32, 33):
                array = np.array([draw.choice([0, 1, 2, 3]) for _ in range(n)], as_numpy).reshape(dims)
            yield dtype, array
    yield types_pb2.DT_STRING, np.array([b"a", b"", b"x" * 200], object)
    yield types_pb2.DT_STRING, np.array(b"scalar", object)


def in_memory(dtype, array):
    """Bytes as TensorFlow has them in C++: 4-bit integers sign-extended, where NumPy's have zeros above."""
    wider = {29: np.int8, 30: np.uint8, 31: np.int8, 32: np.uint8}.get(dtype)
    return (array.astype(wider) if wider else array).tobytes()


def serialize(array):
    try:
        return tf.io.serialize_tensor(tf.constant(array)).numpy()
    except (tf.errors.NotFoundError, tf.errors.UnimplementedError, TypeError, ValueError):
        return None  # the operation has no kernel for it


def encoded():
    for dtype, array in arrays():
        is_text = dtype == types_pb2.DT_STRING
        tensor = print_tensor(dtype, array.shape, list(array.reshape(-1)) if is_text else in_memory(dtype, array))
        try:
            by_python = tensor_util.make_tensor_proto(array)
            yield "python", NAMES[dtype], by_python.SerializeToString(deterministic=True), tensor
        except TypeError:
            pass  # single elements of some float8
        by_cc = serialize(array)
        if by_cc is not None:
            yield "content", NAMES[dtype], by_cc, tensor
        append = tensor_util.GetNumpyAppendFn(array.dtype)
        if append is not None:
            proto = tensor_pb2.TensorProto(dtype=dtype, tensor_shape=tf.TensorShape(array.shape).as_proto())
            append(proto, array.ravel())
            yield "values", NAMES[dtype], proto.SerializeToString(deterministic=True), tensor


def lines():
    for make in random_numbers, special, strings:
        for name, dtype, proto in make():
            with tempfile.TemporaryDirectory() as folder:
                yield "\t".join(["decode", name, proto.hex(), decode(proto, dtype, folder)])
    for form, name, proto, tensor in encoded():
        yield "\t".join([form, name, proto.hex(), tensor])


def main():
    made = [line + "\n" for line in lines()]
    if sys.argv[1:] == ["--record"]:
        with open(RECORD, "w") as file:
            file.writelines(made)
        print("%d lines, %d of them refused" % (len(made), sum(m.endswith("refused\n") for m in made)))
        return 0
    with open(RECORD) as file:
        recorded = file.readlines()
    different = [(r, m) for r, m in zip(recorded, made) if r != m]
    for r, m in different[:5]:
        print("recorded %sTensorFlow %s" % (r, m))
    print("%d lines, %d differ" % (len(made), len(different) + abs(len(recorded) - len(made))))
    return 1 if different or len(recorded) != len(made) else 0


if __name__ == "__main__":
    sys.exit(main())
