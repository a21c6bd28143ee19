#!/usr/bin/env python3
"""Freezes a model in which functions get variables in every way that TensorFlow has, and lets TensorFlow run it.

    freeze_ops_tf.py TOOL FIXTURES WILD

Each signature uses a variable, and a table, in another way: branches, loops, functions of datasets, questions about the
handle.  The frozen model has to give what the model gives, in a session and with tf.saved_model.load, has no variables
any more, fills its table from what is left of the checkpoint, and can be saved again.  The same in place, and for V1 graphs with
references in loops and branches.
"""
import os
import shutil
import subprocess
import sys
import tempfile

import edit_tf

X = [1.0, 2.0, 4.0]


def ways(tf, w, rows, table):
    """A function of three numbers for each way; w has three numbers, rows three rows of two."""
    raw = tf.raw_ops
    slices = tf.data.Dataset.from_tensor_slices
    zeros = lambda: tf.zeros([3])
    add = lambda a, b: a + b

    def index(x):
        return tf.cast(x, tf.int32) % 3

    @tf.custom_gradient
    def with_gradient(x):
        return x * w, lambda d, variables=None: (d, [tf.ones_like(v) for v in variables])

    @tf.nondifferentiable_batch_function(1, 1, 1000)
    def batched(x):
        return x * w

    def loop(x):
        for _ in tf.range(3):
            if tf.reduce_sum(x) > 0.0:
                x = x - w
            else:
                x = x + w
        return x

    def iterate(x):
        s = zeros()
        for v in slices(x).map(lambda v: v * w):
            s = s + v * w
        return s

    def nested(x):
        s = zeros()
        for _ in tf.range(2):
            s = s + slices(x).map(lambda v: v * w + tf.cond(v > 1.0, lambda: w[0], lambda: 0.0)).reduce(zeros(), add)
        return s

    def ask(x):
        known = tf.cast(raw.VarIsInitializedOp(resource=w.handle), tf.float32)
        return tf.cond(x[0] > 0.0, lambda: known * x * w, lambda: x)

    def group(x):
        return slices(x).group_by_window(lambda v: tf.cast(v * w[0], tf.int64) % 2,
                                         lambda k, d: d.batch(2).map(lambda b: tf.reduce_sum(b) * w),
                                         window_size=2).reduce(zeros(), lambda s, v: s * 2.0 + v)

    return {
        "case": lambda x: tf.switch_case(index(x)[0], [lambda: w * x, lambda: w + x, lambda: x - w]),
        "custom_gradient": lambda x: with_gradient(x),
        "batch": lambda x: batched(x[None])[0],
        "loop": loop,
        "iterate": iterate,
        "nested": nested,
        "ask": ask,
        "group": group,
        "map": lambda x: slices(x).map(lambda v: v * w, num_parallel_calls=2).reduce(zeros(), add),
        "scan": lambda x: slices(x).scan(zeros(), lambda s, v: (s + v * w, s * w)).reduce(zeros(), add),
        "filter": lambda x: slices(x).filter(lambda v: v > w[0]).reduce(zeros(), lambda s, v: s + v),
        "take_while": lambda x: slices(x).take_while(lambda v: v < w[2]).reduce(zeros(), lambda s, v: s + v),
        "interleave": lambda x: slices(x).interleave(lambda v: slices(v * w), cycle_length=2, num_parallel_calls=2
                                                    ).reduce(zeros(), lambda s, v: s + v),
        "gather": lambda x: tf.gather(w, index(x)) + tf.gather_nd(w, index(x)[:, None]),
        "gather_batch": lambda x: raw.ResourceGather(resource=rows.handle, indices=index(x)[:, None] % 2,
                                                     dtype=tf.float32, batch_dims=1)[:, 0],
        "shape": lambda x: x * tf.cast(raw.VariableShape(input=rows.handle)[0], tf.float32),
        "table": lambda x: x * w + table.lookup(tf.cast(x, tf.int64)),
    }


def make_model(tf, path):
    """What each signature gives, by name."""
    model = tf.Module()
    model.w = tf.Variable([1.5, 2.0, 3.0])
    model.rows = tf.Variable([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    model.table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.5)
    model.table.insert(tf.constant([1, 4], tf.int64), tf.constant([10.0, 40.0]))
    spec = tf.TensorSpec([3], tf.float32, name="x")

    def make(f):
        return tf.function(lambda x: {"y": f(x)}, input_signature=[spec])

    signatures = {name: make(f) for name, f in ways(tf, model.w, model.rows, model.table).items()}
    model.functions = signatures
    tf.saved_model.save(model, path, signatures=signatures)
    return {name: f(tf.constant(X))["y"].numpy() for name, f in signatures.items()}


def make_v1_model(tf, path):
    """References in a loop and a branch; what the signature gives."""
    tf1 = tf.compat.v1
    with tf1.Graph().as_default(), tf1.Session() as session:
        tf1.disable_control_flow_v2()
        x = tf1.placeholder(tf.float32, [3], name="x")
        ref = tf1.get_variable("ref", initializer=[1.0, 2.0, 3.0], use_resource=False)
        var = tf1.get_variable("var", initializer=[0.5, 0.5, 2.0], use_resource=True)
        y = tf1.cond(x[0] > 0.0, lambda: x * ref + tf.gather(var, [0, 1, 2]), lambda: x)
        y = tf1.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, y * ref + tf.gather(var, [2, 1, 0])), (0, y))[1]
        known = tf.cast(tf1.is_variable_initialized(ref), tf.float32)
        y = tf.identity(y * known, name="y")
        tf1.enable_control_flow_v2()
        session.run(tf1.global_variables_initializer())
        session.run([ref.assign([2.0, 3.0, 4.0]), var.assign([1.0, 2.0, 3.0])])
        tf1.saved_model.simple_save(session, path, {"x": x}, {"y": y})
        return {"serving_default": session.run(y, {x: X})}


def check(checker, path, expected):
    np = checker.np
    runs = {name: ({"x": np.array(X, np.float32)}, {"y": value}) for name, value in expected.items()}
    same = lambda key, *names: names[1] if names else key
    checker.check_v1(path, ["serve"], runs, same)
    checker.check_v2(path, ["serve"], runs, same)


def check_rest(checker, path, expected):
    """Of the checkpoint."""
    run = subprocess.run([checker.tool, "tensors", path], capture_output=True, text=True)
    keys = [line.split("\t")[0] for line in run.stdout.splitlines()]
    if keys != expected:
        raise RuntimeError("the checkpoint has %s" % keys)


def check_in_place(checker, model, expected):
    """The checkpoint stays as it is."""
    index = os.path.join(model, "variables", "variables.index")
    with open(index, "rb") as file:
        was = file.read()
    subprocess.run([checker.tool, "edit", model, "--in-place", "--freeze"], check=True, capture_output=True)
    with open(index, "rb") as file:
        if file.read() != was:
            raise RuntimeError("in place: another checkpoint")
    check(checker, model, expected)
    ops = {op for graph in checker.graphs(model) for op in graph["ops"]}
    if ops & {"VarHandleOp", "VariableV2", "ReadVariableOp"}:
        raise RuntimeError("in place: variables are left")


def check_graphs(checker, fixture, root):
    """One of several meta graphs: the others go on to restore their variables."""
    model = edit_tf.Model(checker.np, fixture)
    frozen = checker.edit(model.path, os.path.join(root, "graphs"), "--select-tags", "serve", "--freeze")
    same = lambda key, *names: names[1] if names else key
    ran = 0
    for graph in checker.graphs(frozen):
        runs = {k: v for k, v in model.runs.items() if k in graph["signatures"]}
        if "gpu" in graph["tags"]:
            continue  # its nodes want one
        checker.check_v1(frozen, graph["tags"], runs, same)
        ran += len(runs)
        if ("VariableV2" in graph["ops"] or "VarHandleOp" in graph["ops"]) == (graph["tags"] == ["serve"]):
            raise RuntimeError("graphs: %s has ops %s" % (graph["tags"], graph["ops"]))
    if ran < 2:
        raise RuntimeError("graphs: nothing to run")


def main():
    checker = edit_tf.Checker(os.path.abspath(sys.argv[1]))
    with tempfile.TemporaryDirectory() as root:
        model, v1 = os.path.join(root, "model"), os.path.join(root, "v1")
        expected, expected_v1 = make_model(checker.tf, model), make_v1_model(checker.tf, v1)
        frozen = checker.edit(model, os.path.join(root, "frozen"), "--freeze")
        check(checker, frozen, expected)
        check_rest(checker, frozen, ["_CHECKPOINTABLE_OBJECT_GRAPH", "table/.ATTRIBUTES/table-keys",
                                     "table/.ATTRIBUTES/table-values"])
        loaded = checker.tf.saved_model.load(frozen)
        checker.tf.saved_model.save(loaded, os.path.join(root, "again"), signatures=loaded.signatures)
        check(checker, os.path.join(root, "again"), expected)
        check_in_place(checker, model, expected)
        frozen = checker.edit(v1, os.path.join(root, "v1_frozen"), "--freeze")
        check(checker, frozen, expected_v1)
        if os.path.exists(os.path.join(frozen, "variables")):
            raise RuntimeError("V1: a checkpoint of nothing")
        check_in_place(checker, v1, expected_v1)
        check_graphs(checker, os.path.join(sys.argv[2], "v1", "several_meta_graphs"), root)
    print("freeze_ops: %d ways, and references" % len(expected))


if __name__ == "__main__":
    sys.exit(main())
