#!/usr/bin/env python3
"""Are our tables TensorFlow's to the byte where it is hard?

    tables_tf.py DUMP_TABLE

Needs TensorFlow.  DUMP_TABLE is the program of that name: TensorFlow writes bundles whose index has blocks of just the
size at which another one begins, entries larger than two blocks, keys of FF bytes and the like; each index must come out
the same when it is read and written again.
"""
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402

BLOCK = 262144


def cases():
    """A name and the tensor names, which are the keys of the table besides the header's."""
    for size in range(BLOCK - 60, BLOCK + 10):
        yield "block of about %d" % size, [b"a" * size, b"b", b"c"]
        yield "two make it, %d" % size, [b"a" * 1000, b"b" * (size - 1000), b"c"]
    for size in range(2 * BLOCK - 40, 2 * BLOCK + 5):
        yield "entry of about %d" % size, [b"a", b"b" * size, b"c"]
    yield "large ones only", [letter * (2 * BLOCK) for letter in (b"a", b"b", b"c")]
    yield "the very first one is large", [b"\0" * (3 * BLOCK), b"b"]
    for tail in (b"", b"a", b"\xfe", b"\xff"):
        yield "FF bytes and %r" % tail, [b"\xff" * n + tail for n in (1, 2, BLOCK, BLOCK + 7)]
        yield "FF bytes last, %r" % tail, [b"a" * BLOCK, b"\xff" * 5 + tail]
    for last, following in ((b"abc", b"abd"), (b"abc", b"abe"), (b"abc", b"abcd"), (b"a\xfe", b"a\xff"), (b"a\xfd", b"a\xff"),
                            (b"a\xff", b"b"), (b"a\xff", b"c"), (b"\0", b"\1"), (b"\0\xff", b"\2")):
        filling = b"x" * (BLOCK + 100)
        yield "%r, then %r" % (last, following), [last + filling, following]
        yield "%r, then %r at the end" % (last, following), [b"\0\0" + filling, last, following + filling, b"\xff\xff\xff"]
    yield "prefixes", [b"layer_%05d/%s" % (i, part) for i in range(20000) for part in (b"bias", b"kernel")]
    yield "growing", [b"k" * n for n in range(1, 1500)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    passed = failed = 0
    with tempfile.TemporaryDirectory() as work:
        prefix = os.path.join(work, "ckpt")
        for what, names in cases():
            tf.raw_ops.SaveV2(prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names),
                              tensors=[tf.constant(i) for i in range(len(names))])
            done = subprocess.run([sys.argv[1], prefix + ".index"], capture_output=True, text=True)
            keys = [line.split(" ")[0] for line in done.stdout.splitlines()[:-1]]
            result = done.stdout.splitlines()[-1] if done.stdout else done.stderr
            if done.returncode == 0 and result == "rewritten: equal" and keys == ["-"] + sorted(n.hex() for n in names):
                passed += 1
                continue
            failed += 1
            print("%s: %s" % (what, result.strip()))
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
