"""What the models of save_objects.c and of the examples compute, for v2_tf.py: which signatures they have, what Python sees
of their objects, what tf.train.Checkpoint restores. With those of option_models.py and structure_models.py, which are told of
there. Needs TensorFlow."""

import numpy
import option_models
import structure_models
import tensorflow as tf
from v2_compare import Fails, differs, equals


def f32(*values):
    return numpy.array(values if len(values) > 1 else values[0], numpy.float32)


# ---- Values of all types: see fill() in save_values.c ----

TYPES = [
    tf.float32, tf.float64, tf.int32, tf.uint8, tf.int16, tf.int8, tf.string, tf.complex64, tf.int64, tf.bool, tf.qint8,
    tf.quint8, tf.qint32, tf.bfloat16, tf.qint16, tf.quint16, tf.uint16, tf.complex128, tf.half, tf.uint32, tf.uint64,
] + [
    tf.dtypes.as_dtype(name)
    for name in """float8_e5m2 float8_e4m3fn float8_e4m3fnuz float8_e4m3b11fnuz float8_e5m2fnuz int4 uint4 int2 uint2
        float4_e2m1fn""".split()
]  # fmt: skip


def value_of(dtype):
    if dtype == tf.string:
        return numpy.array([b"a", b""], object)
    numpy_type = numpy.dtype(dtype.as_numpy_dtype)
    numpy_type = numpy_type[0] if numpy_type.names else numpy_type
    size = numpy_type.itemsize
    data = bytes([1, 0]) if size == 1 else bytes(range(1, 2 * size + 1))
    return numpy.frombuffer(data, numpy_type)


NUMBERS = numpy.arange(1, 17, dtype=numpy.float32)
SHAPES = {
    "scalar": NUMBERS[0].reshape(()),
    "empty": numpy.zeros((0, 3), numpy.float32),
    "deep": NUMBERS[:4].reshape([1, 2, 1, 2] + [1] * 16),
    "cut": NUMBERS.reshape(8, 2),
}
# TensorFlow 2.21 has no kernel that assigns these.
UNASSIGNED = ("qint16", "quint16", "float8_e4m3fnuz", "float8_e4m3b11fnuz", "float8_e5m2fnuz")
# It loads constants of these as the integers that they are made of, and cannot save those again.
NOT_CONSTANT = ("qint8", "quint8", "qint16", "quint16", "qint32")
VALUES = {f"constant_{t.name}": value_of(t) for t in TYPES if t.name not in NOT_CONSTANT}
VALUES |= {f"variable_{t.name}": value_of(t) for t in TYPES if t.name not in UNASSIGNED}

# ---- Signatures: model: [(signature, inputs, outputs)], one call after the other ----

WORDS = {"words": numpy.array([b"one", b"zero", b"two", b"ten", b"seven"])}
ORDER = ({"zeta": f32(5, 7), "alpha": f32(3, 1)}, {"z": [2, 6], "a": [10, 14]})
PAIRS = {"keys": numpy.array([5, 6, 5]), "values": f32(1, 2, 3)}
CALLS = {
    "objects": [],
    "values": [("serving_default", {}, VALUES)],
    "shapes": [("serving_default", {}, SHAPES)],
    "functions": [
        ("serving_default", *ORDER),
        ("a.b/c-d", *ORDER),
        ("layer", {"x": f32(3)}, {"output_0": 30}),
        ("maß", {"z/in-put": f32(5), "a.b": f32(3)}, {"höhe": 2, "a b:c": 10}),
    ],
    "effects": [
        ("checked", {"x": f32(3)}, {"y": 6}),
        ("listed", {}, {"count": 1}),
        ("linked", {"x": f32(4)}, {"y": 8}),
        ("listed", {}, {"count": 2}),
        ("checked", {"x": f32(-1)}, Fails("x is not positive")),
        ("linked", {"x": f32(-1)}, Fails("x is not positive")),
        ("listed", {}, {"count": 2}),
    ],
    "library": [
        ("count", {"x": f32(2)}, {"sum": 2}),
        ("twice_counted", {"x": f32(3)}, {"before": 5, "after": 8}),
        ("quietly_counted", {"x": f32(4)}, {"twice": 8}),
        ("power", {"x": f32(3), "n": numpy.int32(4)}, {"y": 81}),
        ("choose", {"flag": numpy.bool_(True), "x": f32(1)}, {"y": 2}),
        ("choose", {"flag": numpy.bool_(False), "x": f32(1)}, {"y": 13}),
    ],
    "tables": [
        ("find_in_file", WORDS, {"found": [1, 0, 2, -1, -1]}),
        ("find_in_same_file", WORDS, {"found": [1, 0, 2, -1, -1]}),
        ("find_in_columns", WORDS, {"found": [1, -1, -1, -1, 7]}),
        ("find_in_arrays", WORDS, {"found": [1, 0, -1, -1, -1]}),
        ("find_in_mutable", WORDS, {"found": [1, 0, -1, -1, -1]}),
        ("count", {}, {"size": 0}),
        ("insert", PAIRS, {"size": 2}),
        ("count", {}, {"size": 2}),
        ("read", {}, {"bytes": b"7|seven\n1|one\n"}),
    ],
    "nodes": [
        ("find_dense", {"keys": numpy.array([5, 7, 9])}, {"found": [0.5, 0.75, -1]}),
        ("find_count", {"keys": numpy.array([5, 7, 9])}, {"found": [50, 70, -1]}),
        ("bend", {"x": f32(5)}, {"y": 10}),
        ("subtract", {"left": f32(5), "right": f32(3)}, {"difference": 2}),
        ("less", {"left": f32(5), "right": f32(3)}, {"is_less": False}),
    ],
    "slots": [],
    "save_adder": [("serving_default", {"x": f32(1, 2)}, {"output_0": [2, 4]})],
    "save_dense": [("serving_default", {"x": numpy.ones((1, 3), numpy.float32)}, {"y": [[8, 0]]})],
}
STATEFUL = ("effects", "library")  # later calls go on from where earlier ones left
CHANGED = {"nodes": ("counts/", "dense/")}  # sessions save these in another order, with more empty buckets
TELLS_SLOTS = ("slots",)  # sessions have the slot variables, too
TAGS = {"objects": ["serve", "extra"]}
PRINTS = {"effects": (b"checked", 2)}  # how often those calls say what; others never say "checked"

# ---- What Python sees ----


def look_at_objects(model):
    nested, values = model.nested, model.list
    same = [nested.first, nested.second, nested.third]
    return (
        equals([float(v) for v in values], [2, 1])
        or equals(values[1] is model.v, True)
        or equals({k: float(v) for k, v in nested.dict.items()}, {"a/b.c": 3, "größe 変数": 9})
        or equals(tuple(float(v) for v in model.tuple), (4, 5))
        or equals(nested.parent is model, True)
        or equals(model.v.trainable, True)
        or equals(model.v.name, "v:0")
        or equals([(v.name, float(v), v.trainable) for v in same], [("same:0", i, i < 8) for i in (6, 7, 8)])
        or equals(list(model.signatures), [])
    )


def look_at_values(model):
    found = {f"variable_{name}": v for name, v in model.variables.items()}
    wrong = equals(len(found), len(TYPES) - len(UNASSIGNED))
    if hasattr(model, "constants"):  # which are tensors, and not there when TensorFlow has saved it again
        found |= {f"constant_{name}": v for name, v in model.constants.items()}
    for name, value in found.items():
        wrong = wrong or differs(value.numpy(), VALUES[name])
    return wrong


def look_at_shapes(model):
    return next(filter(None, (differs(getattr(model, name).numpy(), value) for name, value in SHAPES.items())), "")


def look_at_functions(model):
    five, three = tf.constant(5.0), tf.constant(3.0)
    before = float(model.total)
    model.bump(five)
    model.bump(three)
    with tf.GradientTape() as tape:
        tape.watch(five)
        y = model.layer(five)
    slope = tape.gradient(y, [five, model.total])
    mixed = model.mix((five, three), z=tf.constant(100.0), a=tf.constant(7.0))
    return (
        equals(float(model.scale(five, three)), 2)
        or equals(float(model.scale(five)), 10)
        or equals(float(model.total) - before, 8)
        or equals(float(y) - before, 58)
        or equals([float(value) for value in slope], [10, 1])
        or equals(float(model.times(five)), 50)
        or equals(float(getattr(model, "factor", 10)), 10)  # a tensor, which TensorFlow does not save again
        or equals({k: float(v) for k, v in model.subtract(five, three).items()}, {"a": 10, "z": 2})
        or equals({k: float(v) for k, v in model.subtract(alpha=three, zeta=five).items()}, {"a": 10, "z": 2})
        or equals((float(mixed[0]), {k: float(v) for k, v in mixed[1].items()}), (2, {"second": 93, "first": 10}))
        or equals(float(getattr(model, "StatefulPartitionedCall_1")), 6)
        or equals({k: float(v) for k, v in getattr(model, "höher")(five, three).items()}, {"höhe": 2, "a b:c": 10})
    )


def look_at_effects(model):
    model.checked(tf.constant(1.0))
    model.linked(tf.constant(1.0))
    wrong = equals(int(model.listed()["count"]), int(model.count)) or equals(int(model.count), 2)
    model.count.assign(0)
    return wrong


def look_at_library(model):
    three = tf.constant(3.0)
    sums = [float(model.count(three)["sum"]), float(model.count_too(three)["sum"]), float(model.total)]
    both = {k: float(v) for k, v in model.twice_counted(three).items()}
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(three)
        power = model.power(three, tf.constant(4))["y"]
        chosen = model.choose(tf.constant(True), three)["y"]
    model.total.assign(0)
    return (
        equals(sums, [3, 6, 6])
        or equals(both, {"before": 9, "after": 12})
        or equals((float(power), float(chosen)), (81, 4))
        or equals([float(tape.gradient(y, three)) for y in (power, chosen)], [108, 1])
    )


def look_at_tables(model):
    names = [key for key, inputs, _ in CALLS["tables"] if inputs is WORDS]
    found = [getattr(model, name)(tf.constant(WORDS["words"]))["found"].numpy().tolist() for name in names]
    with open(model.files["inner"]["numbers"].asset_path.numpy(), "rb") as file:
        text = file.read()
    return equals(found, [outputs["found"] for _, inputs, outputs in CALLS["tables"] if inputs is WORDS]) or equals(
        text, b"7|seven\n1|one\n"
    )


def look_at_nodes(model):
    x = tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = model.bend(x)["y"]
    wrong = equals([float(y), float(tape.gradient(y, x))], [10, 20])
    wrong = wrong or equals(float(model.concrete(left=tf.constant(5.0), right=tf.constant(3.0))["difference"]), 2)
    wrong = wrong or equals(bool(model.less(tf.constant(5.0), right=tf.constant(3.0))["is_less"]), False)
    wrong = wrong or equals(model.open.shape.as_list(), [None]) or differs(model.open.numpy(), [1, 2])
    wrong = wrong or equals(model.find_dense(tf.constant([7], tf.int64))["found"].numpy().tolist(), [0.75])
    return wrong or equals(model.find_count(tf.constant([5, 9], tf.int64))["found"].numpy().tolist(), [50, -1])


def look_at_slots(model):
    def slot(variable, name):
        return float(model.optimizer.get_slot(variable, name))

    return equals([slot(model.v, "m"), slot(model.w, "m"), slot(model.v, "n")], [0.125, 0.25, 0.5])


def look_at_adder(model):
    return equals(float(model.add(tf.constant(3.0))), 6)


def look_at_dense(model):
    return equals(model(tf.ones((2, 3)))["y"].numpy().tolist(), [[8, 0], [8, 0]]) or equals(
        model.dense.kernel.shape.as_list(), [3, 2]
    )


LOOKS = {
    "objects": look_at_objects,
    "values": look_at_values,
    "shapes": look_at_shapes,
    "functions": look_at_functions,
    "effects": look_at_effects,
    "library": look_at_library,
    "tables": look_at_tables,
    "nodes": look_at_nodes,
    "slots": look_at_slots,
    "save_adder": look_at_adder,
    "save_dense": look_at_dense,
}

# ---- What tf.train.Checkpoint restores: objects of the program, and what is in them then ----


def fresh(*names):
    return {name: tf.Variable(-1.0) for name in names}


def restore_objects():
    dict_ = fresh("a/b.c", "größe 変数")
    v, items, nested = tf.Variable(-1.0), [tf.Variable(-1.0)], tf.Module()
    nested.dict, nested.second = dict_, tf.Variable(-1.0)
    checkpoint = tf.train.Checkpoint(v=v, list=items + [v], nested=nested)
    return checkpoint, lambda: equals([float(x) for x in (v, *items, *dict_.values(), nested.second)], [1, 2, 3, 9, 7])


def restore_values():
    plain = """float16 float32 float64 bfloat16 complex64 complex128 bool int8 int16 int32 int64 uint8 uint16 uint32
        uint64""".split()
    variables = {name: tf.Variable(tf.zeros(2, name)) for name in plain} | {"string": tf.Variable(["", ""])}
    return tf.train.Checkpoint(variables=variables), lambda: next(
        filter(None, (differs(v.numpy(), VALUES["variable_" + name]) for name, v in variables.items())), ""
    )


def restore_shapes():
    variables = {name: tf.Variable(tf.zeros(value.shape)) for name, value in SHAPES.items()}
    return tf.train.Checkpoint(**variables), lambda: next(
        filter(None, (differs(v.numpy(), SHAPES[name]) for name, v in variables.items())), ""
    )


def restore_functions():
    values = fresh("total", "NoOp", "StatefulPartitionedCall_1")
    return tf.train.Checkpoint(**values), lambda: equals([float(v) for v in values.values()], [0, 1, 6])


def restore_tables():
    table = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
    growing = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, -1)
    checkpoint = tf.train.Checkpoint(mutable=table, growing=growing)
    return checkpoint, lambda: differs(table.lookup(tf.constant(WORDS["words"])).numpy(), [1, 0, -1, -1, -1]) or equals(
        int(growing.size()), 0
    )


def restore_nodes():
    table = tf.lookup.experimental.DenseHashTable(tf.int64, tf.float32, -1.0, -1, -2)
    v = tf.Variable(-1.0)
    checkpoint = tf.train.Checkpoint(dense=table, v=v)
    return checkpoint, lambda: differs(table.lookup(tf.constant([7, 9], tf.int64)).numpy(), [0.75, -1]) or equals(
        float(v), 3
    )


def restore_slots():
    v = tf.Variable(-1.0)
    return tf.train.Checkpoint(v=v), lambda: equals(float(v), 1)


def restore_dense():
    dense = tf.Module()
    dense.kernel, dense.bias = tf.Variable(tf.zeros((3, 2))), tf.Variable(tf.zeros(2))
    return tf.train.Checkpoint(dense=dense), lambda: differs(dense.kernel.numpy(), [[1, 2], [3, 4], [5, 6]])


def restore_effects():
    count = tf.Variable(-1, dtype=tf.int64)
    return tf.train.Checkpoint(count=count), lambda: equals(int(count), 0)


def restore_library():
    total = tf.Variable(-1.0)
    return tf.train.Checkpoint(total=total), lambda: equals(float(total), 0)


RESTORES = {
    "objects": restore_objects,
    "values": restore_values,
    "shapes": restore_shapes,
    "functions": restore_functions,
    "effects": restore_effects,
    "library": restore_library,
    "tables": restore_tables,
    "nodes": restore_nodes,
    "slots": restore_slots,
    "save_adder": lambda: (tf.train.Checkpoint(), lambda: ""),
    "save_dense": restore_dense,
}
SLOTS = {"objects": {"v/.OPTIMIZER_SLOT/optimizer/momentum/.ATTRIBUTES/VARIABLE_VALUE": 0.25}}

# ---- With those of the other files ----

for models in (structure_models, option_models):
    CALLS |= models.CALLS
    LOOKS |= models.LOOKS
    RESTORES |= models.RESTORES
PRINTS |= option_models.PRINTS
TAGS |= option_models.TAGS
# (model, way): what has to be wrong there; the other files tell why
INSTEAD = option_models.INSTEAD | structure_models.INSTEAD
