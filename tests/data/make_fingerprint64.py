#!/usr/bin/env python3
"""Makes fingerprint64.tsv: what TensorFlow's tf.fingerprint says of byte strings of many lengths.

    VENV/bin/python tests/data/make_fingerprint64.py > tests/data/fingerprint64.tsv

Byte i of a string of n bytes is (31 * i * i + 7 * i + n) % 251.
"""
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

LENGTHS = list(range(301)) + [511, 512, 513, 1023, 1024, 1025, 4095, 4096, 4097, 65535, 65536, 65537, 1000003]

print("# FarmHash Fingerprint64 as TensorFlow %s computes it; see make_fingerprint64.py." % tf.__version__)
print("bytes\tfingerprint")
for n in LENGTHS:
    data = bytes((31 * i * i + 7 * i + n) % 251 for i in range(n))
    value = int.from_bytes(tf.fingerprint([data], method="farmhash64").numpy().tobytes(), "little")
    assert tf.strings.to_hash_bucket_fast(data, 2**62).numpy() == value % 2**62
    print("%d\t%016x" % (n, value))
