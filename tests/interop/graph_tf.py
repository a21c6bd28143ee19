#!/usr/bin/env python3
"""Does TensorFlow take the graphs that the library makes, and do they do what they should?

    graph_tf.py MAKE_GRAPHS EXAMPLES_DIR MODELS_DIR...

Needs TensorFlow.  MAKE_GRAPHS is the program of that name; the models that the programs in EXAMPLES_DIR write are loaded
and called, too.  Graphs that it makes are imported, run, saved by their saver,
restored by it; savers that it adds to TensorFlow's own graphs are, too, those of partitioned variables among them; what it
prunes from the models below MODELS_DIR has the nodes that TensorFlow's extract_sub_graph keeps, and the same bytes.
"""
import glob
import os
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2  # noqa: E402
from tensorflow.python.framework import op_def_registry  # noqa: E402

v1 = tf.compat.v1
v1.disable_eager_execution()
program, work, passed, failed = None, None, 0, 0


def check(what, is_right):
    global passed, failed
    passed, failed = passed + bool(is_right), failed + (not is_right)
    if not is_right:
        print("failed: " + what)


def run(*arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit("%s: %s" % (" ".join(arguments), done.stderr.strip()))


def read_meta_graph(path):
    meta_graph = meta_graph_pb2.MetaGraphDef()
    with open(path, "rb") as f:
        meta_graph.ParseFromString(f.read())
    return meta_graph


def write(path, message):
    with open(path, "wb") as f:
        f.write(message.SerializeToString(deterministic=True))
    return path


def made(name):
    return read_meta_graph(os.path.join(work, name + ".pb"))


# ---- Graphs that were made ----


def check_form(name):
    """Canonical bytes, and no attribute but those the op has."""
    with open(os.path.join(work, name + ".pb"), "rb") as f:
        whole = f.read()
    graph = made(name).graph_def
    check(name + ": versions", (graph.versions.producer, graph.versions.min_consumer) == (2474, 12))
    for node in graph.node:
        names = sorted(node.attr)  # Python does not sort "T" and "Tidx" as C++ does
        if not any(b.startswith(a) for a, b in zip(names, names[1:])):
            check("%s: bytes of %s" % (name, node.name), node.SerializeToString(deterministic=True) in whole)
        known = {attr.name for attr in op_def_registry.get(node.op).attr}
        check("%s: attributes of %s" % (name, node.name), set(node.attr) <= known)


def run_half_plus_two():
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.import_meta_graph(made("half_plus_two"))
        variables = v1.global_variables()
        check("half_plus_two: variables", [v.name for v in variables] == ["a:0", "b:0"])
        check("half_plus_two: trainable", [v.name for v in v1.trainable_variables()] == ["a:0", "b:0"])
        session.run(v1.global_variables_initializer())
        check("half_plus_two: zeros", session.run("y:0", {"x:0": [[7.0]]}).tolist() == [[0.0]])
        variables[0].load(0.5, session)
        variables[1].load(2.0, session)
        check("half_plus_two: y", session.run("y:0", {"x:0": [[1.0], [4.0]]}).tolist() == [[2.5], [4.0]])


def run_inferred():
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(made("inferred").graph_def, name="")
        run = session.run
        check("inferred: concat", run("concat:0").tolist() == [1, 2, 3, 4])
        check("inferred: pack", run("pack:0").tolist() == [[1, 2], [3, 4]])
        check("inferred: strings", run("both:0").tolist() == [b"a", b"", b"b\0c"])
        check("inferred: difference", run("difference:0").tolist() == [2, 2])
        check("inferred: squeezed", run("squeezed:0").tolist() == [1, 2, 3, 4])
        check("inferred: dtype", graph.get_tensor_by_name("squeezed:0").dtype == tf.int64)
        check("inferred: unknown", graph.get_tensor_by_name("unknown:0").shape.rank is None)
        check("inferred: device", graph.get_operation_by_name("whole").device == "/device:CPU:0")
        check("inferred: controls", len(graph.get_operation_by_name("group").control_inputs) == 2)
        run("group")


def run_tables():
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(made("tables").graph_def, name="")
        path = os.path.join(work, "words.txt")
        with open(path, "w") as f:
            f.write("zero\none\ntwo\n")
        session.run("init_all_tables", {"vocabulary:0": path})
        check("tables: ids", session.run("found_ids:0", {"words:0": ["two", "zero", "x"]}).tolist() == [2, 0, -1])
        check("tables: names", session.run("found_names:0", {"numbers:0": [20, 7]}).tolist() == [b"twenty", b"?"])


# ---- Models that the examples write ----


EXAMPLES = {
    "save_half_plus_two": ("x", np.float32([[1], [4]]), "y", [[2.5], [4.0]]),
    "save_vocabulary": ("words", np.array([b"cherry", b"apple", b"zebra"]), "numbers", [2, 0, -1]),
}


def run_example(name, examples_dir):
    fed, value, fetched, wanted = EXAMPLES[name]
    path = os.path.join(work, name)
    subprocess.run([os.path.join(examples_dir, name), path], check=True, stdout=subprocess.DEVNULL)
    with tf.Graph().as_default(), v1.Session() as session:
        meta_graph = v1.saved_model.loader.load(session, ["serve"], path)
        signature = meta_graph.signature_def["serving_default"]
        result = session.run(signature.outputs[fetched].name, {signature.inputs[fed].name: value})
        check(name + ": loaded as V1", result.tolist() == wanted)
    with tf.Graph().as_default(), v1.Session() as session:
        model = tf.saved_model.load(path)
        session.run([v1.global_variables_initializer(), v1.tables_initializer()])
        result = session.run(model.signatures["serving_default"](tf.constant(value))[fetched])
        check(name + ": loaded as V2", result.tolist() == wanted)


# ---- Savers ----


def value_of(variable):
    shape, rng = variable.shape.as_list(), np.random.default_rng(sum(variable.name.encode()))
    if variable.dtype.base_dtype == tf.string:
        return np.array([b"s%d" % i for i in range(int(np.prod(shape)))], dtype=object).reshape(shape)
    return rng.integers(0, 100, shape).astype(variable.dtype.base_dtype.as_numpy_dtype)


def check_saver(what, meta_graph):
    """Saved values are in the checkpoint under their keys, and come back from there."""
    saver, prefix = meta_graph.saver_def, os.path.join(work, "ckpt", what)
    os.makedirs(os.path.dirname(prefix), exist_ok=True)
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.import_meta_graph(meta_graph)
        variables = v1.global_variables()
        values = {v.name: value_of(v) for v in variables}
        session.run([v.initializer for v in variables], {v.initial_value: values[v.name] for v in variables})
        saved = session.run(saver.save_tensor_name, {saver.filename_tensor_name: prefix})
        check(what + ": prefix", saved == prefix.encode())
        check(what + ": one shard", len(glob.glob(glob.escape(prefix) + "*")) == 2)
        reference = v1.train.Saver(v1.global_variables(), write_version=2)
        own = reference.save(session, prefix + "_tf", write_meta_graph=False, write_state=False)
    ours, theirs = tf.train.load_checkpoint(prefix), tf.train.load_checkpoint(own)
    keys = sorted(theirs.get_variable_to_shape_map())
    check(what + ": keys", sorted(ours.get_variable_to_shape_map()) == keys)
    for key in keys:
        check("%s: %s" % (what, key), np.array_equal(ours.get_tensor(key), theirs.get_tensor(key)))
    with tf.Graph().as_default(), v1.Session() as session:
        v1.train.import_meta_graph(meta_graph)
        session.run(saver.restore_op_name, {saver.filename_tensor_name: own})
        restored = session.run({v.name: v.value() for v in v1.global_variables()})
        for name, value in restored.items():
            check("%s: restored %s" % (what, name), np.array_equal(value, values[name]))


def add_saver(what, meta_graph):
    path = write(os.path.join(work, what + ".in"), meta_graph)
    run("save", path, os.path.join(work, what + ".pb"))
    return made(what)


def exported(make, with_collections=True):
    with tf.Graph().as_default():
        make()
        meta_graph = v1.train.export_meta_graph()
    if not with_collections:
        meta_graph.ClearField("collection_def")
    return meta_graph


def mixed_variables():
    v1.get_variable("ref", initializer=np.float32([1, 2, 3]), use_resource=False)
    v1.get_variable("deep/resource", initializer=np.int64(5), use_resource=True)
    v1.get_variable("half", shape=[2, 2], dtype=tf.float16, use_resource=True)
    tf.no_op(name="save/something")
    tf.no_op(name="save_2")


def partitioned_variables():
    for resource in (False, True):
        v1.get_variable("emb%d" % resource, shape=[7, 3], partitioner=v1.fixed_size_partitioner(3), use_resource=resource)
        v1.get_variable("wide%d" % resource, shape=[2, 5, 6], partitioner=v1.fixed_size_partitioner(2, axis=2),
                        use_resource=resource)
    v1.get_variable("whole", shape=[4], use_resource=True)


def many_variables():
    for i in range(300):
        v1.get_variable("v%d" % i, shape=[1], use_resource=i % 2 == 0)


def check_savers():
    for name in ("half_plus_two", "variables"):
        check_saver(name, made(name))
    mixed = add_saver("mixed", exported(mixed_variables))
    check("mixed: scope", mixed.saver_def.restore_op_name == "save_1/restore_all")
    check_saver("mixed", mixed)
    check_saver("partitioned", add_saver("partitioned", exported(partitioned_variables)))
    check_saver("many", add_saver("many", exported(many_variables)))


def check_saver_without_collections():
    """The nodes alone say which variables there are, but not how to make Python objects of them."""
    full = exported(mixed_variables)
    bare = add_saver("bare", exported(mixed_variables, with_collections=False))
    for key, collection in full.collection_def.items():
        bare.collection_def[key].CopyFrom(collection)
    check_saver("bare", bare)


def check_shared_resources():
    """Two handles of one resource are one variable, and one that nothing reads gets a node for it."""
    def make():
        for name in ("first", "second"):
            tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[2], shared_name="same", name=name)
    meta_graph = add_saver("shared", exported(make))
    saver, prefix = meta_graph.saver_def, os.path.join(work, "shared")
    with tf.Graph().as_default() as graph, v1.Session() as session:
        tf.import_graph_def(meta_graph.graph_def, name="")
        handle = graph.get_tensor_by_name("second:0")
        session.run(tf.raw_ops.AssignVariableOp(resource=handle, value=[1.5, 2.5]))
        session.run(saver.save_tensor_name, {saver.filename_tensor_name: prefix})
    reader = tf.train.load_checkpoint(prefix)
    check("shared: keys", reader.get_variable_to_shape_map() == {"first": [2]})
    check("shared: value", reader.get_tensor("first").tolist() == [1.5, 2.5])


# ---- Pruning ----


def graphs_below(folder):
    for path in sorted(glob.glob(folder + "/**/saved_model.pb", recursive=True)):
        if "/broken/" in path:
            continue
        model = saved_model_pb2.SavedModel()
        with open(path, "rb") as f:
            model.ParseFromString(f.read())
        for i, meta_graph in enumerate(model.meta_graphs):
            yield os.path.relpath(path, folder) + ":%d" % i, meta_graph


def roots_of(meta_graph):
    """A list of names for each signature, and one of all."""
    lists = [sorted(info.name for info in signature.outputs.values() if info.WhichOneof("encoding") == "name")
             for signature in meta_graph.signature_def.values()]
    lists.append(sorted({name for names in lists for name in names}))
    return [names for names in lists if names]


def called_functions(graph, names):
    """Functions that nodes name in their attributes or as their op, and what those call, in turn."""
    library = {f.signature.name: f for f in graph.library.function}
    gradients = {g.function_name: g.gradient_func for g in graph.library.gradient}
    found, waiting = set(), [g.gradient_func for g in graph.library.registered_gradients]

    def visit(attr):
        for value in attr.values():
            for func in [value.func] * value.HasField("func") + list(value.list.func):
                waiting.append(func.name)
                visit(func.attr)

    def visit_nodes(nodes):
        for node in nodes:
            waiting.append(node.op)
            visit(node.attr)

    visit_nodes(node for node in graph.node if node.name in names)
    while waiting:
        name = waiting.pop()
        if name in library and name not in found:
            found.add(name)
            visit_nodes(library[name].node_def)
            if name in gradients:
                waiting.append(gradients[name])
    return [f.signature.name for f in graph.library.function if f.signature.name in found]


def check_pruning(what, meta_graph):
    graph = meta_graph.graph_def
    source = write(os.path.join(work, "whole"), graph)
    for roots in roots_of(meta_graph):
        run("prune", source, os.path.join(work, "part"), *roots)
        part = v1.GraphDef()
        with open(os.path.join(work, "part"), "rb") as f:
            part.ParseFromString(f.read())
        wanted = v1.graph_util.extract_sub_graph(graph, [name.split(":")[0] for name in roots])
        names = {node.name for node in wanted.node}
        check("%s: nodes of %s" % (what, roots), [n.name for n in part.node] == [n.name for n in wanted.node])
        check("%s: contents of %s" % (what, roots), list(part.node) == list(wanted.node))
        check("%s: functions of %s" % (what, roots),
              [f.signature.name for f in part.library.function] == called_functions(graph, names))
        check("%s: versions of %s" % (what, roots), part.versions == graph.versions)


def check_loop():
    """While loops of TensorFlow 1 are cycles of nodes; what is left of one still runs."""
    with tf.Graph().as_default() as graph:
        v1.disable_control_flow_v2()
        tf.while_loop(lambda i: i < 10, lambda i: i + 3, [tf.constant(0)], name="loop")
        tf.constant(1, name="other")
        result = next(op.name for op in graph.get_operations() if op.type == "Exit")
    source = write(os.path.join(work, "loop"), graph.as_graph_def())
    run("prune", source, os.path.join(work, "loop.part"), result + ":0")
    part = v1.GraphDef()
    with open(os.path.join(work, "loop.part"), "rb") as f:
        part.ParseFromString(f.read())
    check("loop: smaller", len(part.node) == len(graph.get_operations()) - 1)
    with tf.Graph().as_default(), v1.Session() as session:
        tf.import_graph_def(part, name="")
        check("loop: runs", session.run(result + ":0") == 12)


def main():
    global program, work
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    program = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        run("make", work)
        for name in ("half_plus_two", "inferred", "tables", "variables"):
            check_form(name)
        run_half_plus_two()
        run_inferred()
        run_tables()
        for name in EXAMPLES:
            run_example(name, sys.argv[2])
        check_savers()
        check_saver_without_collections()
        check_shared_resources()
        check_loop()
        for folder in sys.argv[3:]:
            for what, meta_graph in graphs_below(folder):
                check_pruning(what, meta_graph)
    print("%d passed, %d failed" % (passed, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
