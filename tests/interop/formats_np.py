#!/usr/bin/env python3
"""Are .npy, .npz and .safetensors files read and written as numpy and the safetensors package do?

    VENV/bin/python tests/interop/formats_np.py COPY_ARRAYS

COPY_ARRAYS is the program made of copy_arrays.c.  Files written by numpy and by safetensors are copied, within a format and
from one to another; what comes out is loaded by them again and compared, byte for byte where they write one thing only.
Then files that must be refused are.

Needs numpy 2, ml_dtypes (both come with TensorFlow) and safetensors.  Prints what differs and exits 1.
"""
import io
import itertools
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

rng = np.random.default_rng(8)
NUMBERS = ["?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"]
SHAPES = [(), (0,), (1,), (5,), (3, 4), (2, 0, 3), (2, 3, 4), (1, 2, 1, 3, 1), (1,) * 20]
STRINGS = [b"", b"ab", b"a\0", b"\0", bytes(range(256)), b"x" * 300, b"y" * 70000]
TEXTS = ["", "ab", "\u00e9\u20ac\U0001F600", "a\0b"]
ML_DTYPES = ["bfloat16", "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz", "int4",
             "uint4", "int2", "uint2", "float4_e2m1fn"]


class Checker:
    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder
        self.passed = self.failed = 0

    def path(self, name):
        return os.path.join(self.folder, name)

    def result(self, name, problem):
        self.passed += not problem
        self.failed += bool(problem)
        if problem:
            print("FAIL %s: %s" % (name, str(problem)[:500]))

    def copy(self, src, dst):
        """What the program says; "" when it has copied."""
        run = subprocess.run([self.tool, self.path(src), self.path(dst)], capture_output=True, timeout=120)
        return run.stderr.decode("utf-8", "replace").strip() or ("exit code %d" % run.returncode if run.returncode else "")

    def write(self, name, data):
        with open(self.path(name), "wb") as f:
            f.write(data)

    def read(self, name):
        with open(self.path(name), "rb") as f:
            return f.read()

    def refused(self, name, data, ending, *words):
        self.write("bad" + ending, data)
        said = self.copy("bad" + ending, "out" + ending)
        missing = [word for word in words if word not in said]
        self.result("refuse " + name, "" if said and not missing else "said '%s', not %s" % (said, missing))


def npy(array, version=None):
    out = io.BytesIO()
    np.lib.format.write_array(out, array, version=version)
    return out.getvalue()


def random_array(dtype, shape):
    n = int(np.prod(shape))
    if dtype == "?":
        return rng.integers(0, 2, n).astype(bool).reshape(shape)
    return np.frombuffer(rng.bytes(n * np.dtype(dtype).itemsize), dtype).reshape(shape)


def same(a, b):
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tolist() == b.tolist() if a.dtype == object else a.tobytes() == b.tobytes()


# ---- npy ----

def check_numbers(c):
    """C's order and Fortran's, both byte orders, all versions: what comes out is what numpy writes."""
    for dtype, shape, order in itertools.product(NUMBERS, SHAPES, "CF"):
        array = random_array(dtype, shape)
        for written in (np.asarray(array, order=order), np.asarray(array, np.dtype(dtype).newbyteorder(">"), order=order)):
            for version in ((1, 0), (2, 0), (3, 0)):
                c.write("in.npy", npy(written, version))
                problem = c.copy("in.npy", "out.npy")
                want = npy(np.ascontiguousarray(array).reshape(shape))
                c.result("%s %s %s %s" % (written.dtype.str, shape, order, version),
                         problem or ("differs" if c.read("out.npy") != want else ""))
    c.write("in.npy", npy(np.array([0, 1, 7, 255], np.uint8).view(bool)))
    problem = c.copy("in.npy", "out.npy")
    c.result("odd bools", problem or c.read("out.npy")[-4:] != b"\0\1\1\1")


def check_old_header(c):
    """Keys in another order, other quotes, no padding, Python 2's long numbers, two arrays in a file."""
    for text in (b"{\"shape\": (2L, 2L), 'fortran_order': False, 'descr': '<i2'}", b"{'descr':'=i2','shape':(2,2,),'fortran_order':False}\n"):
        c.write("in.npy", b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + b"\1\0\2\0\3\0\4\0" + b"more")
        problem = c.copy("in.npy", "out.npy")
        c.result("header %r" % text, problem or ("differs" if np.load(c.path("out.npy")).tolist() != [[1, 2], [3, 4]] else ""))


def check_strings(c):
    """|S and |U, and pickles of all protocols: what comes out is an array of the bytes."""
    for shape, order in itertools.product([(7,), (7, 1), (1, 7), (3, 4), (), (0,), (2, 0), (1500,)], "CF"):
        n = int(np.prod(shape))
        for kind, source in (("S", STRINGS[:6]), ("U", TEXTS), ("O", STRINGS), ("O", STRINGS + TEXTS)):
            values = [source[i % len(source)] for i in range(n)]
            array = np.empty(shape, object)
            array.reshape(-1)[:] = values
            if kind != "O":
                array = np.array(values, "%s%d" % (kind, max(map(len, source)))).reshape(shape)
            array = np.asarray(array, order=order)
            want = np.empty(shape, object)
            want.reshape(-1)[:] = [x.encode() if isinstance(x, str) else x for x in np.ascontiguousarray(array).ravel().tolist()]
            for data in ([npy(array), npy(array.astype(array.dtype.newbyteorder(">")))] if kind == "U" else [npy(array)]):
                c.write("in.npy", data)
                problem = c.copy("in.npy", "out.npy")
                got = None if problem else np.load(c.path("out.npy"), allow_pickle=True)
                c.result("%s %s %s" % (array.dtype.str, shape, order), problem or ("differs" if not same(got, want) else ""))


def check_pickles(c):
    header = npy(np.empty((2, 2), object))[:128]
    array = np.array([[b"ab", b""], ["h\u00e9", b"ab\xff"]], object)
    want = [[b"ab", b""], ["h\u00e9".encode(), b"ab\xff"]]
    for protocol in (2, 3, 4, 5):
        for module in (b"numpy._core.multiarray", b"numpy.core.multiarray"):
            data = pickle.dumps(array, protocol=protocol)
            if protocol < 4:
                data = data.replace(b"numpy._core.multiarray", module)
            c.write("in.npy", header + data)
            problem = c.copy("in.npy", "out.npy")
            c.result("pickle protocol %d %s" % (protocol, module),
                     problem or np.load(c.path("out.npy"), allow_pickle=True).tolist() != want)
    # As Python 2's cPickle wrote it: bytes are strings, numbers of the memo begin with 1.
    python2 = (b"\x80\x02cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nq\x02K\x00\x85U\x01b\x87Rq\x03(K\x01K\x02K\x02\x86"
               b"cnumpy\ndtype\nq\x04U\x02O8K\x00K\x01\x87Rq\x05(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]q\x06"
               b"(U\x02abq\x07U\x00X\x03\x00\x00\x00h\xc3\xa9T\x03\x00\x00\x00ab\xffetb.")
    assert pickle.loads(python2, encoding="bytes").shape == (2, 2)
    c.write("in.npy", header + python2)
    c.result("Python 2's pickle", c.copy("in.npy", "out.npy") or np.load(c.path("out.npy"), allow_pickle=True).tolist() != want)


def check_ml_dtypes(c):
    """numpy writes them as raw bytes; of one byte they need a name, which npz files get."""
    for name in ML_DTYPES:
        dtype = np.dtype(getattr(ml_dtypes, name))
        array = rng.integers(0, 2, (2, 3)).astype(dtype)
        named = npy(array.view([(name, "V1")])) if dtype.itemsize == 1 else npy(array)
        c.write("in.npy", named)
        problem = c.copy("in.npy", "out.npz") or c.copy("out.npz", "back.npz")
        got = None if problem else np.load(c.path("back.npz"))["array"]
        c.result(name, problem or got.view(dtype).tobytes() != array.tobytes() or
                 dtype.itemsize == 1 and got.dtype.names != (name,))
    for name, code in (("qint8", "i1"), ("quint8", "u1"), ("qint16", "i2"), ("quint16", "u2"), ("qint32", "i4")):
        array = np.frombuffer(rng.bytes(24), [(name, code)])
        c.write("in.npy", npy(array))
        c.result(name, c.copy("in.npy", "out.npy") or c.read("out.npy") != npy(array))


# ---- npz ----

def check_npz(c):
    arrays = {"a": random_array("f4", (3, 4)), "deep/er/.ATTRIBUTES/VALUE": random_array("i8", (2,)), "\u00e9": random_array("c16", ()),
              "s": np.array([b"ab", b"c\0"], object), "big": np.zeros((1000, 1000)), "none": np.zeros((0, 3), np.int8)}
    for save in (np.savez, np.savez_compressed):
        save(c.path("in.npz"), **arrays)
        problem = c.copy("in.npz", "out.npz")
        got = {} if problem else dict(np.load(c.path("out.npz"), allow_pickle=True))
        c.result(save.__name__, problem or set(got) != set(arrays) or [k for k in got if not same(got[k], np.asarray(arrays[k]))])
    c.result("npz the same twice", c.copy("in.npz", "again.npz") or c.read("again.npz") != c.read("out.npz"))
    with zipfile.ZipFile(c.path("out.npz")) as z:
        c.result("npz checked by zipfile", z.testzip())
        c.result("npz without clock", [i for i in z.infolist() if i.date_time != (1980, 1, 1, 0, 0, 0) or i.compress_type != 0])
        c.result("npz members", [i.filename for i in z.infolist() if z.read(i) != npy(np.asarray(arrays[i.filename[:-4]]))
                                 and arrays[i.filename[:-4]].dtype != object])
    np.savez(c.path("in.npz"))
    c.result("empty npz", c.copy("in.npz", "out.npz") or len(np.load(c.path("out.npz")).files))
    np.savez(c.path("in.npz"), **{"n%d" % i: np.int8(i % 100) for i in range(700)})
    c.result("many", c.copy("in.npz", "out.npz") or len(np.load(c.path("out.npz")).files) != 700)


# ---- safetensors ----

SAFE = ["bool", "uint8", "int8", "int16", "uint16", "float16", "bfloat16", "int32", "uint32", "float32", "complex64", "float64", "int64", "uint64",
        "float8_e5m2", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2fnuz"]


def check_safetensors(c):
    names = ["a", "b/c", "\u00e9\u20ac", "quote\" \\ \n\t\b\f\r\x01\x7f", "", "z" * 300]
    tensors = {}
    for i, name in enumerate(SAFE):
        dtype = np.dtype(getattr(ml_dtypes, name, None) or name)
        for shape in ((), (0,), (3,), (2, 5), (1, 0, 2)):
            tensors["%s%d%s" % (names[i % len(names)], len(tensors), name)] = random_array("?" if name == "bool" else dtype, shape)
    for name, metadata in (("all types", None), ("metadata", {"k\u00e9y\"": "value\n"})):
        data = safetensors.numpy.save(tensors, metadata)
        c.write("in.safetensors", data)
        c.result("safetensors, " + name, c.copy("in.safetensors", "out.safetensors") or c.read("out.safetensors") != data)
    for some in ({}, {"x": np.ones(1, np.float32)}, {"": np.array(7, np.uint8)}):
        data = safetensors.numpy.save(some)
        c.write("in.safetensors", data)
        c.result("safetensors %r" % some, c.copy("in.safetensors", "out.safetensors") or c.read("out.safetensors") != data)
    plain = {"p%d" % i: random_array(t, (4, i)) for i, t in enumerate(["f4", "i8", "u2", "f2"])}
    safetensors.numpy.save_file(plain, c.path("in.safetensors"))
    problem = c.copy("in.safetensors", "mid.npz") or c.copy("mid.npz", "out.safetensors")
    c.result("safetensors to npz and back", problem or c.read("in.safetensors") != c.read("out.safetensors"))
    got = safetensors.numpy.load_file(c.path("out.safetensors"))
    c.result("safetensors loads", [k for k in plain if not same(got[k], plain[k])])


def safe_json(header, data=b"", pad=b""):
    text = (header if isinstance(header, str) else json.dumps(header)).encode() + pad
    return struct.pack("<Q", len(text)) + text + data


def check_safetensors_like_the_package(c):
    """Read what the package reads, refuse what it refuses; but for what comes after the list."""
    entry = '"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}'
    cases = [
        ("{%s}" % entry, b"1"), ("{%s}  " % entry, b"1"), (" {%s}" % entry, b"1"), ("{%s} x" % entry, b"1"), ("{%s,}" % entry, b"1"),
        ("{%s}" % entry, b"12"), ("{%s}" % entry, b""), ("{}", b""), ("[]", b""), ("", b""), ("{", b""), ("{}", b"1"),
        ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}', b"12"),
        ('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}}', b"1"), ('{"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', b"1"), ('{"a":{"dtype":"U8","shape":[01],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"U8","shape":[1e0],"data_offsets":[0,1]}}', b"1"), ('{"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}}', b"1"), ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}', b"1"),
        ('{"a":{"dtype":"U8","shape":[1]}}', b"1"), ('{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967296],"data_offsets":[0,0]}}', b""),
        ('{"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,0]}}', b""),
        ('{"a":{"dtype":"U8","shape":[0],"data_offsets":[5,4]}}', b""), ('{"__metadata__":{"a":"b"},%s}' % entry, b"1"),
        ('{"__metadata__":{"a":1},%s}' % entry, b"1"), ('{"__metadata__":{"a":"b"},"__metadata__":{"a":"b"},%s}' % entry, b"1"),
        ('{"\\ud83d\\ude00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"), ('{"\\ud83d":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"),
        ('{"\\x41":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"), ('{"a\nb":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"U8\\u0000","shape":[1],"data_offsets":[0,1]}}', b"1"), ("{'a':1}", b"1"), ('{"a":null}', b""),
        ('{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"),
        ('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"),
    ]
    files = [safe_json(*case) for case in cases]
    good = files[0]
    files += [good[:n] for n in range(len(good))] + [struct.pack("<Q", 2 ** 63) + b"{}", struct.pack("<Q", 100000001) + b"{}" * 10]
    for i, data in enumerate(files):
        c.write("in.safetensors", data)
        try:
            safetensors.deserialize(data)
            fine = True
        except Exception:
            fine = False
        problem = c.copy("in.safetensors", "out.safetensors")
        c.result("safetensors file %d %r" % (i, data[:200]), problem if fine else "" if problem.startswith("DATA_LOSS") else "read: " + problem)
    c.refused("the same twice", safe_json("{%s,%s}" % (entry, entry), b"1"), ".safetensors", "DATA_LOSS")
    c.refused("a field of its own", safe_json('{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}}', b"1"), ".safetensors", "field")
    for kind in ("F4", "F8_E8M0", "NEW"):
        c.refused(kind, safe_json({"a": {"dtype": kind, "shape": [2], "data_offsets": [0, 1 if kind == "F4" else 2]}}, b"1" if kind == "F4" else b"12"),
                  ".safetensors", "UNIMPLEMENTED", kind)


# ---- what is refused ----

class Evil:
    def __reduce__(self):
        return (os.system, ("touch %s" % os.path.join(tempfile.gettempdir(), "pwned"),))


def check_refusals(c):
    header = npy(np.empty((1,), object))[:128]
    one = npy(np.arange(4, dtype="<i4"))
    for value, word in ((Evil(), "system"), (1.5, "BINFLOAT"), ({}, "EMPTY_DICT"), (None, "None"), (1, "an int"), (True, "a bool"), ([], "a list"),
                        (bytearray(b"a"), "BYTEARRAY8"), (set(), "EMPTY_SET"), (np.float32(1), "scalar"), ((), "a tuple"), (2 ** 70, "9 bytes")):
        array = np.empty((1,), object)
        array[0] = value
        c.refused("pickle of %r" % (value,), header + pickle.dumps(array, protocol=5), ".npy", "UNIMPLEMENTED", word)
    pickled = npy(np.array([b"ab", b"cd"], object))
    for n in range(128, len(pickled)):
        c.refused("pickle cut at %d" % n, pickled[:n], ".npy", "DATA_LOSS")
    for data, word in ((pickle.dumps([b"a"]), "a list"), (b"cposix\nsystem\n.", "posix.system"), (b"\xff.", "0xff"), (b"(t.", "a tuple"), (b".", "empty stack"),
                       (b"t.", "no mark"), (b"]a.", "stack"), (b"h\0.", "memo"), (b"]r\xff\xff\xff\x7f.", "memo"), (b"]]b.", "state"), (b"](R.", "stack"),
                       (b"(\x85.", "stack"), (b"]K\1a" * 3 + b".", "a list"), (b"(K\1K\1\x87.", "stack"), (b"B\xff\xff\xff\xff.", "too early")):
        c.refused("pickle %r" % data, header + data, ".npy", word)
    c.refused("another shape", npy(np.empty((3,), object))[:128] + pickled[128:], ".npy", "shape")
    for dtype in ("<M8[ns]", "<m8[s]", "<f16", "<c32", "|V3", "<V1", [("a", "<f4"), ("b", "<i2")], [("qint8", "<i2")], [("a", "<i4", (2,))], "|S0"):
        descr = np.lib.format.dtype_to_descr(np.dtype(dtype)) if dtype != "|S0" else dtype
        text = repr({"descr": descr, "fortran_order": False, "shape": (1,)}).encode()
        c.refused("type %r" % (dtype,), b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(64), ".npy", "UNIMPLEMENTED")
    for n in range(len(one)):
        c.refused("npy cut at %d" % n, one[:n], ".npy", "DATA_LOSS")
    for text in ("", "{}", "{'descr': '<i4', 'fortran_order': False}", "{'descr': '<i4', 'fortran_order': 0, 'shape': ()}", "__import__('os')",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (1)}", "{'descr': '<i4', 'fortran_order': False, 'shape': (1,)} x",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (-1,)}", "{'descr': 'i4', 'fortran_order': False, 'shape': ()}",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 'shape': (1,)}", "{'descr': '', 'fortran_order': False, 'shape': ()}",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (1,), 'x': 1}", "{'descr': '<i4' 'fortran_order': False, 'shape': ()}",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
                 "{'descr': '<i4', 'fortran_order': False, 'shape': (4294967296, 4294967296, 4294967296)}",
                 "{'descr': '\\x3ci4', 'fortran_order': False, 'shape': ()}", "{'descr': '<i4', 'fortran_order': False, 'shape': (1,2"):
        data = text.encode()
        c.refused("header %s" % text, b"\x93NUMPY\1\0" + struct.pack("<H", len(data)) + data + bytes(64), ".npy", "DATA_LOSS")
    c.refused("many dimensions", npy(np.zeros(1)).replace(b"(1,)" + b" " * 250, b"")[:10] + b"", ".npy", "DATA_LOSS")
    c.refused("a long header", b"\x93NUMPY\2\0" + struct.pack("<I", 20000) + b"{'descr': '<i4', 'fortran_order': False, 'shape': ()}".ljust(20000) + bytes(4),
              ".npy", "DATA_LOSS", "10000")
    c.refused("version 4", b"\x93NUMPY\4\0" + one[8:], ".npy", "4.0")
    c.refused("no character", npy(np.array(["a"], "<U1"))[:128] + b"\0\xd8\0\0", ".npy", "DATA_LOSS", "0xd800")
    check_bad_archives(c, one)


def check_bad_archives(c, one):
    def archive(*names, **options):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", **options) as z:
            for name in names:
                z.writestr(name, one)
        return out.getvalue()

    import warnings
    warnings.simplefilter("ignore")
    c.refused("two of one name", archive("a.npy", "a.npy"), ".npz", "DATA_LOSS")
    c.refused("climbing out", archive("../a.npy"), ".npz", "DATA_LOSS")
    c.refused("absolute", archive("/a.npy"), ".npz", "DATA_LOSS")
    c.refused("another compression", archive("a.npy", compression=zipfile.ZIP_BZIP2), ".npz", "UNIMPLEMENTED")
    c.refused("no archive", one, ".npz", "no npz")
    good = archive("a.npy")
    broken = bytearray(good)
    broken[60] ^= 1
    c.refused("wrong checksum", bytes(broken), ".npz", "DATA_LOSS")
    for n in range(0, len(good), 7):
        c.refused("npz cut at %d" % n, good[:n], ".npz", "DATA_LOSS")
    broken = archive("a.npy").replace(b"<i4", b"<M8")
    c.refused("member of a wrong type", broken, ".npz", "DATA_LOSS")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        c = Checker(os.path.abspath(sys.argv[1]), folder)
        for check in (check_numbers, check_old_header, check_strings, check_pickles, check_ml_dtypes, check_npz, check_safetensors,
                      check_safetensors_like_the_package, check_refusals):
            check(c)
        if os.path.exists(os.path.join(tempfile.gettempdir(), "pwned")):
            c.result("nothing is executed", "it was")
    print("%d passed, %d failed" % (c.passed, c.failed))
    sys.exit(c.failed != 0)


if __name__ == "__main__":
    main()
