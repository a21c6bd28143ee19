#!/usr/bin/env python3
"""Does TensorFlow read the checkpoints that we write, and are ours the bytes that it writes?

    VENV/bin/python tests/interop/bundle_tf.py BUNDLE_WRITE ROOT...

  options      tensors of all dtypes, written in every form there is: TensorFlow restores them, and where it can write that
               form itself its files are ours, byte by byte
  slices       tensors saved in parts, by one writer or by several whose checkpoints are merged
  sharding     tensors cut at a size: the files are those of MaxShardSizePolicy
  rewriting    every checkpoint below the roots, rewritten from its entries: the same bytes

Needs TensorFlow.  Prints what differs and exits 1.
"""
import glob
import os
import shutil
import struct
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.framework import types_pb2  # noqa: E402

failures = 0
rng = np.random.default_rng(5)


def fail(text):
    global failures
    failures += 1
    print(f"bundle_tf: {text}")


class Writer:
    """bundle_write, and the files it reads."""

    def __init__(self, program, scratch):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.scratch, self.n_files = scratch, 0

    def command(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def must(self, *words):
        answer = self.command(*words)
        if answer != "OK":
            fail(f"{' '.join(str(word) for word in words)[:200]}: {answer}")

    def file(self, array):
        self.n_files += 1
        path = os.path.join(self.scratch, f"in{self.n_files % 50}")
        with open(path, "wb") as out:
            if array.dtype == object:
                out.write(b"".join(struct.pack("=Q", len(s)) + s for s in array.reshape(-1)))
            else:
                out.write(np.ascontiguousarray(array).tobytes())
        return path

    def add(self, key, array, dtype=None):
        self.must("add", key.encode().hex(), dtype or number_of(array), array.ndim, *array.shape, self.file(array))

    def add_slice(self, key, full_shape, extents, array):
        """extents: (start, length) for each dimension, (0, -1): all of it."""
        self.must("slice", key.encode().hex(), number_of(array), len(full_shape), *full_shape,
                  *(n for extent in extents for n in extent), self.file(array))


def number_of(array):
    return types_pb2.DT_STRING if array.dtype == object else tf.as_dtype(array.dtype).as_datatype_enum


def strings(*values, shape=None):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array if shape is None else array.reshape(shape)


def bits(tensor):
    """Something to compare: the bytes, or the list of the strings."""
    array = tensor.numpy() if hasattr(tensor, "numpy") else tensor
    if tensor.dtype in (tf.string, object):
        return [bytes(s) for s in np.asarray(array, dtype=object).reshape(-1)]
    return np.asarray(array).tobytes()


def dtypes():
    skipped = (types_pb2.DT_STRING, types_pb2.DT_RESOURCE, types_pb2.DT_VARIANT)
    numbers = [n for n in types_pb2.DataType.values() if 0 < n < 100 and n not in skipped]
    return [tf.as_dtype(n) for n in numbers]


def random_array(dtype, shape):
    count = int(np.prod(shape))
    if dtype == tf.bool:
        return rng.integers(0, 2, shape).astype(bool)
    raw = rng.integers(0, 256, count * dtype.size, dtype=np.uint8)
    if dtype.name in ("int4", "uint4", "int2", "uint2", "float4_e2m1fn"):
        raw %= 2  # a byte each, of which most values are none
    return raw.view(dtype.as_numpy_dtype).reshape(shape)


def all_tensors():
    tensors = {f"dtype/{t.name}": random_array(t, (3, 5)) for t in dtypes()}
    tensors.update({
        "scalar": np.float32(1.5).reshape(()), "empty": np.zeros((0, 7), "f8"), "empty_behind": np.zeros((7, 0), "i4"),
        "large": rng.random((700, 900)).astype("f4"), "rank 8": rng.random((1, 2, 1, 3, 1, 2, 1, 2)).astype("f8"),
        "strings": strings(b"", b"abc", b"x" * 300, b"\0\xff"), "string": strings(b"hi", shape=()),
        "no_strings": strings(), "large_strings": strings(*(bytes(rng.integers(0, 256, n, dtype=np.uint8))
                                                            for n in (5, 300000, 0, 70000))),
        "k\u00e9y \u2603": np.arange(3, dtype="i8"), "a/very/" + "long/" * 60 + "key": np.arange(4, dtype="u2"),
    })
    return tensors


def check_restores(prefix, tensors, what):
    keys = list(tensors)
    wanted = [tf.as_dtype(number_of(tensors[key])) for key in keys]
    restored = tf.raw_ops.RestoreV2(prefix=prefix, tensor_names=keys, shape_and_slices=[""] * len(keys), dtypes=wanted)
    for key, tensor in zip(keys, restored):
        if tuple(tensor.shape) != tensors[key].shape or bits(tensor) != bits(tensors[key]):
            fail(f"{what}: {key}: TensorFlow restores something else")
    found = set(tf.train.load_checkpoint(prefix).get_variable_to_shape_map())
    if found != set(keys):
        fail(f"{what}: keys {sorted(found ^ set(keys))}")
    return restored


def files_of(prefix):
    out = {}
    for path in [prefix + ".index"] + glob.glob(glob.escape(prefix) + ".data-*"):
        with open(path, "rb") as file:
            out[path[len(prefix):]] = file.read()
    return out


def differences(ours, theirs, n_shards=None):
    """n_shards: files of checkpoints of another number of them do not count."""
    a, b = ({name: data for name, data in files_of(prefix).items()
             if n_shards is None or not name[-1].isdigit() or name.endswith(f"-of-{n_shards:05}")}
            for prefix in (ours, theirs))
    return sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))


def compare(ours, theirs, what):
    different = differences(ours, theirs)
    if different:
        fail(f"{what}: not TensorFlow's bytes: {' '.join(different)}")


# ---- The sections ----

def check_options(writer, scratch):
    tensors = all_tensors()
    forms = ["", "alignment=64", "alignment=4096", "n_shards=4", "n_shards=3 alignment=16", "max_shard_size=100000",
             "max_shard_size=50", "n_threads=4", "big_endian=1", "big_endian=1 n_shards=2 alignment=8",
             "big_endian=1 max_shard_size=30000"]
    for i, form in enumerate(forms):
        prefix = os.path.join(scratch, f"form{i}", "m")
        chosen = {k: v for k, v in tensors.items() if readable(v, form)}
        writer.must("open", prefix, "no_sync=1", *form.split())
        for key, array in chosen.items():
            writer.add(key, array)
        writer.must("finish")
        restored = check_restores(prefix, chosen, form or "plain")
        if form in ("", "n_threads=4"):
            theirs = os.path.join(scratch, "theirs")
            tf.raw_ops.SaveV2(prefix=theirs, tensor_names=list(chosen), shape_and_slices=[""] * len(chosen),
                              tensors=restored)
            compare(prefix, theirs, form or "plain")
    return len(forms)


# Of these TensorFlow puts parts together; of others it says "Dtype T not supported" (slice_reader cases of tensor_bundle.cc).
CUT = {"float32", "float64", "int32", "uint8", "int16", "int8", "complex64", "complex128", "int64", "bool", "qint32",
       "quint8", "qint8", "bfloat16"}


def readable(array, form):
    """Can TensorFlow read that dtype in that form?"""
    name = "string" if array.dtype == object else tf.as_dtype(array.dtype).name
    if "max_shard_size" in form:
        return name in CUT
    if "big_endian" in form:
        return number_of(array) < types_pb2.DT_FLOAT8_E5M2  # "Byte-swapping not supported"
    return True


def check_pieces(writer, scratch):
    """Tensors that are handed over piece by piece are those that are added whole."""
    for order in (0, 1):
        whole, pieces = os.path.join(scratch, f"whole{order}"), os.path.join(scratch, f"pieces{order}")
        arrays = {"a": rng.random((1000, 333)), "c": rng.random(77) + 1j, "b": np.arange(5, dtype="i2"),
                  "e": np.zeros((0,), "f4")}
        writer.must("open", whole, f"big_endian={order}")
        for key, array in arrays.items():
            writer.add(key, array)
        writer.must("finish")
        for size in (3, 1000, 1 << 20):
            writer.must("open", pieces, f"big_endian={order}", "overwrite=1")
            for key, array in arrays.items():
                step = max(size, array.nbytes // 1000)
                writer.must("pieces", key.encode().hex(), number_of(array), array.ndim, *array.shape, step,
                            writer.file(array))
            writer.must("finish")
            compare(pieces, whole, f"pieces of {size}")


def check_slices(writer, scratch):
    full = rng.random((6, 10)).astype("f4")
    layouts = {
        "rows": [((0, 2), (0, -1)), ((2, 4), (0, -1))],
        "rows, spelled out": [((0, 1), (0, 10)), ((1, 5), (0, 10))],
        "columns": [((0, -1), (0, 7)), ((0, -1), (7, 3))],
        "grid": [((r, 3), (c, 5)) for r in (0, 3) for c in (0, 5)],
        "whole": [((0, 6), (0, -1))],
    }

    def part_of(extents):
        return full[tuple(slice(start, None if length < 0 else start + length) for start, length in extents)]

    def spec(extents):
        return "6 10 " + ":".join("-" if length < 0 else f"{start},{length}" for start, length in extents)

    n = 0
    for name, extents in layouts.items():
        keys = ["v"] * len(extents)
        one, theirs = os.path.join(scratch, f"slices{n}"), os.path.join(scratch, f"slices{n}_tf")
        writer.must("open", one)
        for extent in extents:
            writer.add_slice("v", full.shape, extent, part_of(extent))
        writer.add("other", np.arange(3))
        writer.must("finish")
        tf.raw_ops.SaveV2(prefix=theirs, tensor_names=keys + ["other"],
                          shape_and_slices=[spec(extent) for extent in extents] + [""],
                          tensors=[tf.constant(part_of(extent)) for extent in extents] + [tf.constant(np.arange(3))])
        compare(one, theirs, f"slices, {name}")
        check_restores(one, {"v": full, "other": np.arange(3)}, f"slices, {name}")
        if len(extents) > 1:
            check_merge(writer, scratch, f"m{n}", full, [(extent, part_of(extent), spec(extent)) for extent in extents])
        n += 1
    return n


def check_merge(writer, scratch, name, full, parts):
    """Each part by a writer of its own, with a tensor of its own; one part has nothing."""
    ours, theirs = [], []
    for i, (extent, part, spec) in enumerate(parts):
        own = np.arange(i + 1, dtype="i4")
        ours.append(os.path.join(scratch, f"{name}_part{i}"))
        writer.must("open", ours[-1])
        writer.add_slice("v", full.shape, extent, part)
        writer.add(f"own{i}", own)
        writer.must("finish")
        theirs.append(os.path.join(scratch, f"{name}_tf_part{i}"))
        tf.raw_ops.SaveV2(prefix=theirs[-1], tensor_names=["v", f"own{i}"], shape_and_slices=[spec, ""],
                          tensors=[tf.constant(part), tf.constant(own)])
    merged, merged_tf = os.path.join(scratch, name), os.path.join(scratch, name + "_tf")
    writer.must("merge", merged, 0, *ours)
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=theirs, destination_prefix=merged_tf, delete_old_dirs=False)
    compare(merged, merged_tf, f"merge, {name}")
    wanted = {f"own{i}": np.arange(i + 1, dtype="i4") for i in range(len(parts))}
    check_restores(merged, {"v": full, **wanted}, f"merge, {name}")
    empty, again = os.path.join(scratch, name + "_empty"), os.path.join(scratch, name + "_again")
    writer.must("open", empty)
    writer.must("finish")
    writer.must("merge", again, 0, empty, merged)
    check_restores(again, {"v": full, **wanted}, f"merge with an empty part, {name}")
    left = [path for prefix in (merged, empty, *ours) for path in glob.glob(prefix + ".*")]
    if left:
        fail(f"merge, {name}: left over {left}")


def check_sharding(writer, scratch):
    """The files of tf.train.experimental.MaxShardSizePolicy."""
    shapes = [(100, 7), (3,), (), (5, 6, 7), (1, 1000), (2000,), (4, 4), (10, 10, 10), (1,), (64,)]
    n = n_same = 0
    for limit in (400, 512, 777, 1000, 1024, 4096, 5000, 100000):  # below 400 the policy does not come to an end
        checkpoint = tf.train.Checkpoint(**{
            f"v{i:02}": tf.Variable(rng.random(shape).astype("f4")) for i, shape in enumerate(shapes)})
        directory = os.path.join(scratch, f"sharding{limit}")
        os.makedirs(directory)
        policy = tf.train.experimental.MaxShardSizePolicy(limit)
        theirs = checkpoint.write(os.path.join(directory, "tf"),
                                  options=tf.train.CheckpointOptions(experimental_sharding_callback=policy))
        reader = tf.train.load_checkpoint(theirs)
        keys = sorted(reader.get_variable_to_shape_map(), key=lambda key: (key.startswith("_"), key))
        ours = os.path.join(directory, "ours")
        writer.must("open", ours, f"max_shard_size={limit}")
        for key in keys:
            array = np.asarray(reader.get_tensor(key))
            writer.add(key, array if array.dtype.kind != "S" and array.dtype != object
                       else strings(bytes(reader.get_tensor(key)), shape=()))
        writer.must("finish")
        n += 1
        different = differences(ours, theirs)
        n_same += not different
        if different:
            fail(f"sharding at {limit}: not the bytes of MaxShardSizePolicy: {' '.join(different)[:300]}")
    print(f"bundle_tf: {n_same} of {n} sizes: the files of MaxShardSizePolicy")


# ---- Rewriting ----

# What the plain writer of TensorFlow did not make.
NOT_PLAIN = {"aligned_64": "gaps between tensors", "big_endian": "made by hand", "small_blocks": "blocks of another size"}


def header_of(path):
    """BundleHeaderProto of an index whose first block is not compressed, else None."""
    from tensorflow.core.protobuf import tensor_bundle_pb2
    with open(path, "rb") as file:
        data = file.read()
    if len(data) < 48 or data[:2] != b"\0\0" or data[2] >= 128:
        return None
    header = tensor_bundle_pb2.BundleHeaderProto()
    header.ParseFromString(data[3:3 + data[2]])
    return header


def check_rewriting(writer, scratch, roots):
    indexes = sorted(path for root in roots for path in glob.glob(root + "/**/*.index", recursive=True)
                     if "/broken/" not in path)
    n = {"copy": 0, "rewrite": 0}
    others = []
    for i, index in enumerate(indexes):
        prefix = index[:-len(".index")]
        header = header_of(index)
        name = os.path.relpath(prefix, os.path.dirname(roots[0]))
        if header is None:
            others.append(f"{name}: the index is compressed, or no table")
            continue
        reasons = []
        for how in n:
            ours = os.path.join(scratch, "rewritten", f"{how}{i}")
            answer = writer.command(how, ours, prefix)
            if answer != "OK":
                reasons.append(f"{how}: {answer}")
                continue
            different = differences(ours, prefix, header.num_shards)
            n[how] += not different
            if different and how == "rewrite" and os.path.basename(os.path.dirname(prefix)) not in NOT_PLAIN:
                fail(f"{name}: rewritten, it has other bytes: {' '.join(different)}")
            elif different:
                reason = NOT_PLAIN.get(os.path.basename(os.path.dirname(prefix)),
                                       f"{header.num_shards} data files" if header.num_shards > 1 else "order of parts")
                reasons.append(f"{how}: {len(different)} files differ ({reason})")
            for path in glob.glob(glob.escape(ours) + ".*"):
                os.remove(path)
        if reasons:
            others.append(f"{name}: {'; '.join(reasons)}")
    for how in n:
        print(f"bundle_tf: {how}: {n[how]} of {len(indexes)} checkpoints byte by byte")
    for other in others:
        print(f"bundle_tf: other: {other}")
    return len(indexes)


def main(program, roots):
    scratch = tempfile.mkdtemp(prefix="bundle_tf-")
    writer = Writer(program, scratch)
    try:
        n_forms = check_options(writer, scratch)
        check_pieces(writer, scratch)
        n_slices = check_slices(writer, scratch)
        check_sharding(writer, scratch)
        n_rewritten = check_rewriting(writer, scratch, roots)
    finally:
        writer.process.stdin.close()
        writer.process.wait()
        shutil.rmtree(scratch)
    print(f"bundle_tf: {n_forms} forms, {n_slices} layouts of slices, {n_rewritten} checkpoints rewritten: "
          + (f"{failures} failures" if failures else "all well"))
    return 1 if failures or writer.process.returncode != 0 else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))
