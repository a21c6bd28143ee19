#!/usr/bin/env python3
"""Does the tool print arrays as numpy does?

    VENV/bin/python tests/interop/array_text_np.py PRINT_ARRAYS [N]

PRINT_ARRAYS is the program made of print_arrays.c.  Random arrays of every dtype, shape and size, N of them with default
options and as many with random ones, each held against str() of numpy; then every number of the formats that have few.

Needs numpy 2 and ml_dtypes, which come with TensorFlow.  Prints what differs and exits 1.
"""
import random
import struct
import subprocess
import sys
import warnings

import ml_dtypes
import numpy as np

warnings.simplefilter("ignore")
rng = np.random.default_rng(2017)
random.seed(2017)

# TensorFlow's numbers: proto/types.proto. Quantised numbers are to TensorFlow's Python records of one field.
DTYPES = {
    np.dtype(np.float32): 1, np.dtype(np.float64): 2, np.dtype(np.int32): 3, np.dtype(np.uint8): 4, np.dtype(np.int16): 5,
    np.dtype(np.int8): 6, np.dtype(object): 7, np.dtype(np.complex64): 8, np.dtype(np.int64): 9, np.dtype(np.bool_): 10,
    np.dtype([("qint8", np.int8)]): 11, np.dtype([("quint8", np.uint8)]): 12, np.dtype([("qint32", np.int32)]): 13,
    np.dtype(ml_dtypes.bfloat16): 14, np.dtype([("qint16", np.int16)]): 15, np.dtype([("quint16", np.uint16)]): 16,
    np.dtype(np.uint16): 17, np.dtype(np.complex128): 18, np.dtype(np.float16): 19, np.dtype(np.uint32): 22,
    np.dtype(np.uint64): 23, np.dtype(ml_dtypes.float8_e5m2): 24, np.dtype(ml_dtypes.float8_e4m3fn): 25,
    np.dtype(ml_dtypes.float8_e4m3fnuz): 26, np.dtype(ml_dtypes.float8_e4m3b11fnuz): 27,
    np.dtype(ml_dtypes.float8_e5m2fnuz): 28, np.dtype(ml_dtypes.int4): 29, np.dtype(ml_dtypes.uint4): 30,
    np.dtype(ml_dtypes.int2): 31, np.dtype(ml_dtypes.uint2): 32, np.dtype(ml_dtypes.float4_e2m1fn): 33,
}
ODD = [0.0, -0.0, np.nan, np.inf, -np.inf, 1.0, -1.0, 0.5, 1.5, 2.5, 0.1, 1e-4, 9.9999e-5, 1e6, 999999.0, 1e8, 99999999.0, 1e16,
       1e15, 1e3, 1000.25, 1001.0, 1e-10, 0.04, 0.05, 0.06, 9.96, 99.99, 65504.0, 1e100, 1e300, 5e-324, 1.7976931348623157e308,
       2.0 ** 53, 2.0 ** -44, 2.0 ** 90, 123456.789]


def random_floats(dtype, n):
    """Numbers as they are in models, anything at all, near powers of two, or of few digits."""
    kind = random.randrange(6)
    if kind == 0:
        return np.frombuffer(rng.bytes(n * dtype.itemsize), dtype)
    if kind == 1:
        return rng.standard_normal(n).astype(dtype)
    if kind == 2:
        return np.array([random.choice(ODD) for _ in range(n)]).astype(dtype)
    if kind == 3:
        return np.ldexp(1.0, rng.integers(-30, 30, n)).astype(dtype)
    if kind == 4:
        return (rng.integers(-2000, 2000, n) / 10.0 ** random.randrange(5)).astype(dtype)
    return (rng.standard_normal(n) * 10.0 ** rng.integers(-random.randrange(1, 7), random.randrange(1, 7), n)).astype(dtype)


def random_strings(n):
    out = np.empty(n, object)
    for i in range(n):
        size = random.choice([0, 1, 3, 10, 100])
        out[i] = bytes(random.choice(b"ab'\"\\\n\t\x00\x7f\x80\xff\xc3\xa9 zZ") for _ in range(size))
    return out


def random_array(dtype, shape):
    n = int(np.prod(shape, dtype=np.int64))
    if dtype == object:
        flat = random_strings(n)
    elif dtype.kind == "c":
        part = np.dtype("f%d" % (dtype.itemsize // 2))
        flat = np.empty(n, dtype)
        flat.real, flat.imag = random_floats(part, n), random_floats(part, n)
    elif dtype.kind == "f" and dtype.itemsize > 1:
        flat = random_floats(dtype, n)
    elif dtype.kind == "b":
        flat = rng.integers(0, 2, n).astype(dtype)
    elif dtype.name.startswith(("int2", "uint2", "int4", "uint4", "float4")):
        flat = rng.integers(0, 4 if "int2" in dtype.name else 16, n).astype(np.uint8).view(dtype)
        if dtype.name.startswith("int"):
            flat = flat.astype(np.int8).astype(dtype)
    else:
        flat = np.frombuffer(rng.bytes(n * dtype.itemsize), dtype)
        if dtype.kind in "iu" and random.random() < 0.5:
            flat = flat % np.array(random.choice([3, 10, 100]), dtype)
    return flat.reshape(shape)


def random_shape():
    kind = random.random()
    if kind < 0.15:
        return ()
    if kind < 0.5:
        return (random.choice([0, 1, 2, 3, 5, 6, 7, 20, 100, 1000, 1001, 2000]),)
    if kind < 0.75:
        return (random.randrange(1, 12), random.choice([1, 2, 7, 30, 100, 200]))
    if kind < 0.9:
        return tuple(random.randrange(1, 9) for _ in range(3))
    if kind < 0.95:
        return (20, 8, 9)
    return tuple(random.randrange(1, 4) for _ in range(random.randrange(4, 8)))


def random_options():
    """As set_printoptions takes them, but that legacy can be any version."""
    every = {
        "precision": random.choice([0, 1, 2, 3, 5, 8, 12, 17, 20, 30]), "threshold": random.choice([0, 1, 10, 100, 10 ** 9]),
        "edgeitems": random.choice([0, 1, 2, 3, 5, 100]), "linewidth": random.choice([1, 10, 20, 40, 75, 132, 1000]),
        "suppress": random.choice([True, False]), "nanstr": random.choice(["nan", "NaN", "-", "not a number", "\u2205"]),
        "infstr": random.choice(["inf", "Infinity", "\u221e"]), "sign": random.choice("-+ "),
        "floatmode": random.choice(["fixed", "unique", "maxprec", "maxprec_equal"]),
        "legacy": random.choice(["1.13", "1.21", "1.25", "2.1", "2.2", False]),
    }
    return {name: value for name, value in every.items() if random.random() < 0.35}


def is_numpys_own_failure(options):
    """Options with which numpy itself fails, or goes by what it documents not to."""
    return options.get("legacy") == "1.13" and options.get("floatmode") == "unique"


def request(array, options):
    if array.dtype == object:
        data = b"".join(struct.pack("=Q", len(x)) + x for x in array.ravel())
    else:
        data = np.ascontiguousarray(array).tobytes()
    numbers = [DTYPES[array.dtype], array.ndim, *array.shape, len(options), len(data)]
    lines = [" ".join(map(str, numbers))] + ["%s=%s" % option for option in options.items()]
    return "".join(line + "\n" for line in lines).encode() + data


def expected(array, options):
    with np.printoptions(**options):
        return str(array if array.ndim else array[()])


def answers(program, cases):
    run = subprocess.run([program], input=b"".join(request(*case) for case in cases), capture_output=True, timeout=600)
    if run.returncode != 0:
        sys.exit("%s failed: %s" % (program, run.stderr.decode("utf-8", "replace")))
    out, at = [], 0
    while at < len(run.stdout):
        end = run.stdout.index(b"\n", at)
        size = int(run.stdout[at:end])
        out.append(run.stdout[end + 1:end + 1 + size].decode("utf-8", "replace"))
        at = end + 1 + size
    return out


def random_cases(n, with_options):
    for _ in range(n):
        dtype = random.choice(list(DTYPES))
        if random.random() < 0.5:
            dtype = np.dtype(random.choice([np.float16, np.float32, np.float64, np.complex64, np.complex128]))
        options = random_options() if with_options else {}
        array = random_array(dtype, random_shape())
        if is_numpys_own_failure(options):
            continue
        yield array, options


def all_of_few():
    """Every half and bfloat16, in rows of four and alone; every number of eight bits and of four."""
    for dtype in (np.float16, ml_dtypes.bfloat16):
        numbers = np.arange(65536, dtype=np.uint16).view(dtype)
        yield from ((row, {}) for row in numbers.reshape(-1, 4))
        yield from ((row.reshape(()), {}) for row in numbers)
    for dtype in DTYPES:
        if dtype.itemsize == 1 and dtype.kind in "Vf" and dtype.names is None and "int" not in dtype.name:
            numbers = np.arange(16 if "float4" in dtype.name else 256, dtype=np.uint8).view(dtype)
            yield from ((number.reshape(()), {}) for number in numbers)
            yield numbers, {}


def main():
    program, n = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    passed = failed = 0
    for cases in (list(random_cases(n, False)), list(random_cases(n, True)), list(all_of_few())):
        printed = answers(program, cases)
        if len(printed) != len(cases):
            sys.exit("%d arrays, but %d texts" % (len(cases), len(printed)))
        for (array, options), text in zip(cases, printed):
            want = expected(array, options)
            passed += text == want
            failed += text != want
            if text != want and failed <= 10:
                print("FAIL %s %s %s\n--- numpy\n%s\n--- ours\n%s" % (array.dtype, array.shape, options, want[:400], text[:400]))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
