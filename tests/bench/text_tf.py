#!/usr/bin/env python3
"""What bench_text measures, with TensorFlow.

    VENV/bin/python tests/bench/text_tf.py SavedModel|GraphDef FILE

FILE ends in .pb or .pbtxt.  Prints the same line of JSON, for text_format.Parse and for str() of the message; the lowest of
three times.
"""
import json
import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
from google.protobuf import text_format  # noqa: E402
from tensorflow.core.framework import graph_pb2  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402


def timed(function):
    times = []
    for _ in range(3):
        start = time.perf_counter()
        result = function()
        times.append(time.perf_counter() - start)
    return result, min(times)


def main(kind, path):
    message = {"SavedModel": saved_model_pb2.SavedModel, "GraphDef": graph_pb2.GraphDef}[kind]
    with open(path, "rb") as f:
        data = f.read()
    first = text_format.Parse(data.decode("utf-8"), message()) if path.endswith(".pbtxt") else message.FromString(data)
    text, write = timed(lambda: str(first))
    read = timed(lambda: text_format.Parse(text, message()))[1]
    size = len(text.encode("utf-8"))
    print(json.dumps({"text_bytes": size, "read_min": round(1e3 * read, 3), "read_mbps": round(size / 1e6 / read, 2),
                      "write_min": round(1e3 * write, 3), "write_mbps": round(size / 1e6 / write, 1)}, separators=(",", ":")))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
