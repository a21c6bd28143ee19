"""What the models of save_structures.c compute, as v2_models.py tells of others. Needs TensorFlow."""

import numpy
import tensorflow as tf
from v2_compare import equals, first_wrong


class Segment(tf.experimental.ExtensionType):
    __name__ = "structures.Segment"
    begin: tf.Tensor
    end: tf.Tensor
    weight: float


RAGGED = tf.ragged.constant([[1.0, 2.0], [], [3.0]])
SPARSE = tf.sparse.from_dense([[0.0, 2.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0]])
PARTS = {"r": RAGGED.values, "r_1": RAGGED.row_splits, "s": SPARSE.indices, "s_1": SPARSE.values, "s_2": SPARSE.dense_shape}
CHANGED = {"twice": ([2, 4, 6], [0, 2, 2, 3]), "half": ([[0, 1], [1, 0]], [1, 2], [2, 4])}


def row(*values):
    return numpy.array(values, numpy.float32)


CALLS = {
    "composite": [("serving_default", {key: value.numpy() for key, value in PARTS.items()}, CHANGED)],
    "specs": [],
    "names": [
        ("odd", {"a": row(5), "0/discount": row(3)}, {"y": [2]}),
        ("unnamed", {"d": row(5), "d_1": row(3)}, {"y": [2]}),
        ("own_default", {"x": row(5), "k": row(3)}, {"y": [2]}),
        ("both_defaults", {"x": row(5), "k": row(3)}, {"y": [2]}),
    ],
}
KEYWORDS = {"0/discount": "arg_0_discount"}  # inputs that Python calls otherwise

INSTEAD = {
    # It asks a session for one tensor by the name of each output, and composite ones have none.
    ("composite", "saved_model_cli run"): "Argument `fetch` =  cannot be interpreted as a Tensor.",
    # It shows a class of the program by what its Python makes of itself; the tool by what the model says.
    ("composite", "show"): "Segment.Spec(begin=TensorSpec(",
}

# ---- What Python sees ----


def dense(value):
    if isinstance(value, tf.RaggedTensor):
        return value.to_list()
    return (tf.sparse.to_dense(value) if isinstance(value, tf.SparseTensor) else value).numpy().tolist()


def look_at_composite(model):
    changed = {"twice": [[2.0, 4.0], [], [6.0]], "half": [[0.0, 1.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0]]}
    traces = [getattr(model, name).concrete_functions[0] for name in ("change", "length")]
    length, other = model.length(Segment(row(1, 2), row(5, 7), 0.5))
    return first_wrong(
        equals({k: dense(v) for k, v in model.change(RAGGED, SPARSE).items()}, changed),
        equals([list(trace._arg_keywords) for trace in traces], [list(PARTS), ["segment", "segment_1"]]),
        equals(dense(length), [4, 5]),
        equals((type(other), dense(other.begin), dense(other.end), other.weight), (Segment, [2, 4], [2.5, 3.5], 0.5)),
    )


def look_at_specs(model):
    spec = model.every.function_spec.fullargspec
    five, three = tf.constant([5.0]), tf.constant([3.0])
    try:
        model.never(1)
        said = ""
    except ValueError as error:
        said = str(error)
    return first_wrong(
        equals(dense(model.every(tf.constant([1.0]), True, tf.constant([20.0]), k=3, z=tf.constant([300.0]))), [321]),
        equals((spec.args, spec.varargs, spec.varkw, spec.defaults), (["x", "flag"], "more", "others", (True,))),
        equals((spec.kwonlyargs, spec.kwonlydefaults), (["z", "k"], {"k": 3})),
        equals(dense(model.method(five, three)["y"]), [2]),
        equals(dense(model.method(q=three, p=five)["y"]), [2]),
        equals(model.method.function_spec.jit_compile, False),
        equals("zero restored functions" in said, True),
    )


def look_at_names(model):
    five, three = tf.constant([5.0]), tf.constant([3.0])
    return first_wrong(
        equals(dense(model.unnamed({"first": five, "second": three})["y"]), [2]),
        equals(dense(model.subtract(five)["y"]), [4]),
        equals(dense(model.subtract.function_spec.fullargspec.defaults[0]), [1]),
    )


LOOKS = {"composite": look_at_composite, "specs": look_at_specs, "names": look_at_names}
RESTORES = {name: lambda: (tf.train.Checkpoint(), lambda: "") for name in CALLS}  # there are no variables
