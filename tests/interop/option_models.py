"""What the models of save_options.c compute, as v2_models.py tells of others: the same, whatever the options are. Needs
TensorFlow."""

import numpy
import tensorflow as tf
from v2_compare import differs, equals, first_wrong

SIZE = 400
X = numpy.ones(SIZE, numpy.float32)
COUNTED = numpy.arange(SIZE, dtype=numpy.float32)
TENS = numpy.full(SIZE, 10, numpy.float32)
EXPECTED = 2 * X + COUNTED + TENS

# Model: words of the program
OPTIONS = {
    "option_none": [],
    "option_tags": ["extra_tags", "b,a"],
    "option_alias": ["alias", "other"],
    "option_devices": ["variable_policy", "save_variable_devices"],
    "option_expand": ["variable_policy", "expand_distributed_variables"],
    "option_skip_saver": ["skip_saver", "1"],
    "option_stripped": ["strip_debug_ops", "1"],
    "option_moved": ["move_constants_above", "1599"],
    "option_sharded": ["move_constants_above", "1599", "shard_size", "500"],
    "option_streamed": ["streamed", "1"],
    "option_no_signatures": ["no_signatures", "1"],
    "option_no_effect": ["namespaces", "", "io_device", "/job:localhost", "no_custom_gradients", "1"],
}
MOVED = ("option_moved", "option_sharded")
TAGS = {"option_tags": ["serve", "b", "a"]}
UNRESTORED = ("option_skip_saver",)  # a session has nothing to restore with
CALLS = {name: [("serving_default", {"x": X}, {"y": EXPECTED})] for name in OPTIONS} | {"option_no_signatures": []}
PRINTS = {name: (b"hello", len(calls)) for name, calls in CALLS.items()} | {"option_stripped": (b"hello", 0)}

# Without operations of a saver, sessions start with variables that have no values.
INSTEAD = {
    (name, way): "Could not find variable v." for name in UNRESTORED for way in ("V1 loader", "C API", "saved_model_cli run")
}

# ---- What Python sees ----


def look_at_option(model):
    x = tf.constant(X)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model.f(x)["y"]
    return first_wrong(
        differs(y.numpy(), EXPECTED), differs(tape.gradient(y, x).numpy(), 2 * X), equals(float(model.v), 2)
    )


def look_at_moved(model):
    moved = [(v.name, v.trainable, differs(v.numpy(), TENS)) for v in model.moved_constants]
    return first_wrong(
        look_at_option(model),
        equals(moved, [("inner:0", False, "")]),
        equals(model.c.trainable, False),
        differs(model.c.numpy(), COUNTED),
    )


LOOKS = {name: look_at_moved if name in MOVED else look_at_option for name in OPTIONS}

# ---- What tf.train.Checkpoint restores ----


def restore_option():
    v = tf.Variable(-1.0)
    return tf.train.Checkpoint(v=v), lambda: equals(float(v), 2)


def restore_moved():
    v, c, tens = tf.Variable(-1.0), tf.Variable(tf.zeros(SIZE)), tf.Variable(tf.zeros(SIZE))
    checkpoint = tf.train.Checkpoint(v=v, c=c, moved_constants=[tens])
    return checkpoint, lambda: first_wrong(
        equals(float(v), 2), differs(c.numpy(), COUNTED), differs(tens.numpy(), TENS)
    )


RESTORES = {name: restore_moved if name in MOVED else restore_option for name in OPTIONS}
