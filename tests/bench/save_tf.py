#!/usr/bin/env python3
"""What bench_save measures, with TensorFlow.

    VENV/bin/python tests/bench/save_tf.py objects N N_READ DST
    VENV/bin/python tests/bench/save_tf.py freeze SRC DST

DST is made, and removed.  Prints one line of JSON: CPU time and time on the clock in milliseconds, without importing
TensorFlow, the lowest of two times: from the first variable, or from loading SRC, to where the model is written.
"""
import json
import os
import shutil
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import tensorflow as tf  # noqa: E402
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2  # noqa: E402


def save_objects(n, n_read, dst):
    module = tf.Module()
    module.v = [tf.Variable(tf.zeros([256])) for _ in range(n)]

    @tf.function(input_signature=[tf.TensorSpec([256], tf.float32)])
    def call(x):
        return tf.add_n([x] + [v.read_value() for v in module.v[:n_read]])

    module.call = call
    tf.saved_model.save(module, dst)


def freeze(src, dst):
    model = tf.saved_model.load(src)  # has the variables
    function = convert_variables_to_constants_v2(model.signatures["serving_default"])
    tf.io.write_graph(function.graph.as_graph_def(), dst, "frozen.pb", as_text=False)


def main(args):
    times = []
    for _ in range(2):
        cpu, wall = time.process_time(), time.perf_counter()
        if args[0] == "objects":
            save_objects(int(args[1]), int(args[2]), args[3])
        else:
            freeze(args[1], args[2])
        times.append((time.process_time() - cpu, time.perf_counter() - wall))
        shutil.rmtree(args[-1])
    print(json.dumps({"job": args[0], "cpu_min": round(1e3 * min(t[0] for t in times), 1),
                      "wall_min": round(1e3 * min(t[1] for t in times), 1)}, separators=(",", ":")))


if __name__ == "__main__":
    if len(sys.argv) != {"objects": 5, "freeze": 4}.get(sys.argv[1] if len(sys.argv) > 1 else None):
        sys.exit(__doc__)
    main(sys.argv[1:])
