#!/usr/bin/env python3
"""Every option of a save has the effect that it has in tf.saved_model.SaveOptions, and TensorFlow loads what comes of it; in how
many ways, v2_tf.py tries.

    VENV/bin/python tests/interop/options_tf.py SAVE_OPTIONS SAVEDMODEL

SAVE_OPTIONS is the program of save_options.c. The last line says how many passed and failed.
"""

import glob
import os
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import graph_debug_info_pb2, graph_pb2
from tensorflow.core.protobuf import saved_model_pb2, saver_pb2
from tensorflow.python.framework import meta_graph
from tensorflow.python.saved_model import loader_impl
from tensorflow.python.saved_model import save as tf_save

PROGRAM, TOOL = sys.argv[1:]
SIZE = 400
X = np.ones(SIZE, np.float32)
EXPECTED = 2 * X + np.arange(SIZE, dtype=np.float32) + 10
DEBUG_OPS = {"Assert", "PrintV2", "CheckNumerics", "Print"}


class Failed(Exception):
    pass


def same(what, found, expected):
    if found != expected:
        raise Failed(f"{what}: {str(found)[:500]}, not {str(expected)[:500]}")


# ---- The model, by TensorFlow and by the library ----


def make_module():
    module = tf.Module()
    with tf.device("CPU:0"):
        module.v = tf.Variable(2.0)
    module.c = tf.constant(np.arange(SIZE, dtype=np.float32))

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float32, "x")])
    def f(x):
        checked = tf.debugging.check_numerics(x, "x is bad")
        tf.debugging.Assert(True, [x])
        tf.print("hello")
        return {"y": checked * module.v + module.c + tf.constant(10.0, shape=[SIZE])}

    module.f = f
    return module


def save_tf(directory, **options):
    module = make_module()
    if "function_aliases" in options:
        options["function_aliases"] = {options["function_aliases"]: module.f}
    tf.saved_model.save(module, directory, options=tf.saved_model.SaveOptions(**options))


def save_ours(directory, status=0, **options):
    words = [str(word) for option in options.items() for word in option]
    result = subprocess.run([PROGRAM, directory, *words], capture_output=True, text=True)
    same("status", result.returncode, status)
    return result.stdout


def read(directory):
    message = saved_model_pb2.SavedModel()
    with open(os.path.join(directory, "saved_model.pb"), "rb") as file:
        message.ParseFromString(file.read())
    return message.meta_graphs[0]


def ops_of(graph):
    nodes = [*graph.graph_def.node, *(n for f in graph.graph_def.library.function for n in f.node_def)]
    return {node.op for node in nodes}


def run_v2(directory):
    model = tf.saved_model.load(directory)
    np.testing.assert_allclose(model.f(tf.constant(X))["y"], EXPECTED)
    for signature in model.signatures.values():
        np.testing.assert_allclose(signature(x=tf.constant(X))["y"], EXPECTED)
    return model


def run_v1(directory):
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], directory)
        signature = loaded.signature_def["serving_default"]
        found = session.run(signature.outputs["y"].name, {signature.inputs["x"].name: X})
        np.testing.assert_allclose(found, EXPECTED)


# ---- The same options have the same effects ----


def effect_on_tags(directory):
    return list(read(directory).meta_info_def.tags)


def effect_on_aliases(directory):
    graph = read(directory)
    aliases = graph.meta_info_def.function_aliases
    return sorted(aliases.values()), all(name in graph.object_graph_def.concrete_functions for name in aliases)


def effect_on_devices(directory):
    return [n.variable.device for n in read(directory).object_graph_def.nodes if n.WhichOneof("kind") == "variable"]


def effect_on_saver(directory):
    graph = read(directory)
    return graph.saver_def == saver_pb2.SaverDef(), sorted({"SaveV2", "RestoreV2"} & ops_of(graph))


def effect_on_debug_ops(directory):
    return sorted(DEBUG_OPS & ops_of(read(directory)))


def no_effect(directory):
    graph = read(directory)
    return effect_on_tags(directory), len(graph.saver_def.restore_op_name) > 0, sorted(graph.signature_def)


# name: what TensorFlow calls it, what it is there, the words of the program, what is looked at, is that another without it
OPTIONS = {
    "tags": ({"extra_tags": ["b", "a"]}, {"extra_tags": "b,a"}, effect_on_tags, True),
    "alias": ({"function_aliases": "other"}, {"alias": "other"}, effect_on_aliases, True),
    "policy, devices": (
        {"experimental_variable_policy": "SAVE_variable_devices"},
        {"variable_policy": "SAVE_variable_devices"},
        effect_on_devices,
        True,
    ),
    "policy, expand": (
        {"experimental_variable_policy": "expand_distributed_variables"},
        {"variable_policy": "expand_distributed_variables"},
        effect_on_devices,
        True,
    ),
    "skip_saver": ({"experimental_skip_saver": True}, {"skip_saver": 1}, effect_on_saver, True),
    "debug stripper": ({"experimental_debug_stripper": True}, {"strip_debug_ops": 1}, effect_on_debug_ops, True),
    "namespaces": ({"namespace_whitelist": ["Custom"]}, {"namespaces": "Custom"}, no_effect, False),
    "no namespaces": ({"namespace_whitelist": []}, {"namespaces": ""}, no_effect, False),
    "io_device": ({"experimental_io_device": "/job:localhost"}, {"io_device": "/job:localhost"}, no_effect, False),
}


def check_effects(scratch):
    save_tf(f"{scratch}/tf")
    save_ours(f"{scratch}/ours")
    run_v2(f"{scratch}/ours")
    for i, (name, (theirs, ours, effect, differs)) in enumerate(OPTIONS.items()):
        save_tf(f"{scratch}/tf{i}", **theirs)
        save_ours(f"{scratch}/ours{i}", **ours)
        same(name, effect(f"{scratch}/ours{i}"), effect(f"{scratch}/tf{i}"))
        same(f"{name}, by default", effect(f"{scratch}/ours"), effect(f"{scratch}/tf"))
        same(f"{name}, changed", effect(f"{scratch}/ours{i}") != effect(f"{scratch}/ours"), differs)
        model = run_v2(f"{scratch}/ours{i}")
        same(f"{name}, value", float(model.v), 2.0)


# ---- What loaders make of some ----


def check_loaded_aliases(scratch):
    save_ours(f"{scratch}/m", alias="other")
    options = tf.saved_model.LoadOptions(experimental_load_function_aliases=True)
    model = tf.saved_model.load(f"{scratch}/m", options=options)
    np.testing.assert_allclose(model.function_aliases["other"](tf.constant(X))["y"], EXPECTED)


def check_loaded_policy(scratch):
    save_ours(f"{scratch}/m", variable_policy="save_variable_devices")
    options = tf.saved_model.LoadOptions(experimental_variable_policy="save_variable_devices")
    model = tf.saved_model.load(f"{scratch}/m", options=options)
    same("device", model.v.device, "/job:localhost/replica:0/task:0/device:CPU:0")


def check_debug_info(scratch):
    save_tf(f"{scratch}/tf", save_debug_info=True)
    path = f"{scratch}/tf/debug/saved_model_debug_info.pb"
    save_ours(f"{scratch}/ours", debug_info=path)
    with open(path, "rb") as file:
        expected = graph_debug_info_pb2.GraphDebugInfo.FromString(file.read())
    _, found = loader_impl.parse_saved_model_with_debug_info(f"{scratch}/ours")
    same("debug info", found == expected and len(found.files) > 0, True)


def check_streamed(scratch):
    save_ours(f"{scratch}/whole")
    save_ours(f"{scratch}/pieces", streamed=1)
    subprocess.run(["diff", "-r", f"{scratch}/whole/saved_model.pb", f"{scratch}/pieces/saved_model.pb"], check=True)
    same("value", float(run_v2(f"{scratch}/pieces").v), 2.0)


def check_shards(scratch):
    """The same values in as many files, the cut being that of MaxShardSizePolicy."""
    save_ours(f"{scratch}/ours", move_constants_above=1000, shard_size=500)
    loaded = run_v2(f"{scratch}/ours")
    module = tf.Module()
    module.v, module.c = tf.Variable(loaded.v), tf.Variable(loaded.c)
    module.moved_constants = [tf.Variable(loaded.moved_constants[0])]
    policy = tf.train.experimental.MaxShardSizePolicy(500)
    tf.saved_model.save(module, f"{scratch}/tf", options=tf.saved_model.SaveOptions(experimental_sharding_callback=policy))
    counts = [len(glob.glob(f"{scratch}/{name}/variables/variables.data-*")) for name in ("ours", "tf")]
    same("files", counts, [counts[1], max(counts[1], 7)])


def check_no_signatures(scratch):
    save_ours(f"{scratch}/default")
    save_ours(f"{scratch}/none", no_signatures=1)
    same("signatures", sorted(tf.saved_model.load(f"{scratch}/default").signatures), ["serving_default"])
    same("signatures", sorted(run_v2(f"{scratch}/none").signatures), [])


def check_namespaces(scratch):
    graph = graph_pb2.GraphDef()
    graph.node.add(name="call", op="__inference_g_9")
    function = graph.library.function.add()
    function.signature.name = "__inference_g_9"
    function.node_def.add(name="n", op="Other>Op")
    with open(f"{scratch}/library", "wb") as file:
        file.write(graph.SerializeToString())
    try:
        tf_save._verify_ops(graph, ["Custom"])  # pylint: disable=protected-access
        raise Failed("TensorFlow takes it")
    except ValueError as error:
        same("TensorFlow's word", "Other>Op" in str(error) and "{'Other'}" in str(error), True)
    said = save_ours(f"{scratch}/m", status=1, library=f"{scratch}/library", function="__inference_g_9", namespaces="Custom")
    expected = 'operation Other>Op of node n in function __inference_g_9: namespace "Other" is not in the whitelist'
    same("refusal", said.strip(), f"INVALID_ARGUMENT: lib: {expected}")
    same("files", os.path.exists(f"{scratch}/m"), False)


def check_custom_gradients(scratch):
    """Those registered in a library are kept, or not."""
    module = tf.Module()

    @tf.custom_gradient
    def twice(x):
        return 2.0 * x, lambda dy: 7.0 * dy

    module.f = tf.function(lambda x: twice(x), input_signature=[tf.TensorSpec([], tf.float32, "x")])
    for is_on in (True, False):
        tf.saved_model.save(
            module, f"{scratch}/tf{is_on}", options=tf.saved_model.SaveOptions(experimental_custom_gradients=is_on)
        )
        same("TensorFlow's", len(read(f"{scratch}/tf{is_on}").graph_def.library.registered_gradients), int(is_on))
    library = read(f"{scratch}/tfTrue").graph_def
    with open(f"{scratch}/library", "wb") as file:
        file.write(library.SerializeToString())
    save_ours(f"{scratch}/on", library=f"{scratch}/library")
    save_ours(f"{scratch}/off", library=f"{scratch}/library", no_custom_gradients=1)
    same("on", read(f"{scratch}/on").graph_def.library.registered_gradients, library.library.registered_gradients)
    same("off", len(read(f"{scratch}/off").graph_def.library.registered_gradients), 0)


# ---- Debug nodes ----


def make_watched():
    """A module whose function asserts, prints and checks, in branches, loops and other functions, too."""
    module = tf.Module()
    module.v = tf.Variable(3.0)

    @tf.function
    def inner(x):
        tf.debugging.assert_positive(x, "not positive")
        return tf.compat.v1.Print(tf.debugging.check_numerics(x, "bad") * module.v, [x, module.v], "seen")

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
    def f(x):
        y = inner(x)
        for _ in tf.range(3):
            tf.print("round", y, output_stream=sys.stderr)
            if y > 100.0:
                tf.debugging.Assert(y < 200.0, [y, "is too much"])
            y += 1.0
        return y

    module.f = f
    return module


def strip_as_tensorflow(graph):
    tf_save._strip_debug_nodes(graph)  # pylint: disable=protected-access
    graph.meta_info_def.ClearField("stripped_op_list")
    graph.meta_info_def.stripped_op_list.MergeFrom(meta_graph.stripped_op_list_for_graph(graph.graph_def))
    return graph


def check_stripped_edit(scratch):
    """A model that is there: the whole meta graph is what TensorFlow makes of it."""
    tf.saved_model.save(make_watched(), f"{scratch}/plain")
    same("debug ops", DEBUG_OPS - ops_of(read(f"{scratch}/plain")), set())
    subprocess.run([TOOL, "edit", f"{scratch}/plain", f"{scratch}/stripped", "--strip-debug-ops"], check=True)
    same("graph", read(f"{scratch}/stripped") == strip_as_tensorflow(read(f"{scratch}/plain")), True)
    model = tf.saved_model.load(f"{scratch}/stripped")
    same("value", float(model.f(tf.constant(-70.0))), -207.0)  # which was refused
    same("value", float(model.f(tf.constant(70.0))), 213.0)


def check_stripped_save(scratch):
    """The same functions, saved by TensorFlow with the option and by the library."""
    watched = make_watched()
    tf.saved_model.save(watched, f"{scratch}/plain", signatures={})
    options = tf.saved_model.SaveOptions(experimental_debug_stripper=True)
    tf.saved_model.save(watched, f"{scratch}/tf", signatures={}, options=options)
    plain, stripped = read(f"{scratch}/plain"), read(f"{scratch}/tf")
    (name,) = plain.object_graph_def.nodes[child(plain, "f")].function.concrete_functions
    with open(f"{scratch}/library", "wb") as file:
        file.write(plain.graph_def.SerializeToString())
    words = {"library": f"{scratch}/library", "function": name, "captures": "v,v", "strip_debug_ops": 1}
    n_captures = len(plain.object_graph_def.concrete_functions[name].bound_inputs)
    words["captures"] = ",".join(["v"] * n_captures)
    save_ours(f"{scratch}/ours", **words)
    ours = {f.signature.name: f for f in read(f"{scratch}/ours").graph_def.library.function}
    theirs = {f.signature.name: f for f in stripped.graph_def.library.function}
    shared = [n for n in theirs if n in ours]
    same("functions in both", name in shared and len(shared) >= 4, True)
    for function in shared:
        same(function, ours[function] == theirs[function], True)
    model = tf.saved_model.load(f"{scratch}/ours")
    (found,) = model.lib(tf.constant(-70.0)).values()
    same("value", float(found), 2 * -70.0 + 3)


def child(graph, name):
    return next(c.node_id for c in graph.object_graph_def.nodes[0].children if c.local_name == name)


# ---- Constants that are moved ----


def run_moved(directory):
    model = run_v2(directory)
    run_v1(directory)
    with tf.GradientTape() as tape:
        x = tf.constant(X)
        tape.watch(x)
        y = model.f(x)["y"]
    np.testing.assert_allclose(tape.gradient(y, x), 2 * X)
    return model


def check_moved(scratch):
    save_ours(f"{scratch}/small", move_constants_above=1600)
    same("none is larger", type(run_moved(f"{scratch}/small").c).__name__, "EagerTensor")
    same("notes", save_ours(f"{scratch}/m", move_constants_above=1599), "")
    model = run_moved(f"{scratch}/m")
    same("captured", (list(model.c.shape), model.c.trainable), ([SIZE], False))
    same("inside", [(v.name, v.trainable, float(v[7])) for v in model.moved_constants], [("inner:0", False, 10.0)])
    same("size", os.path.getsize(f"{scratch}/m/saved_model.pb") < os.path.getsize(f"{scratch}/small/saved_model.pb"), True)
    tf.saved_model.save(model, f"{scratch}/again", signatures=dict(model.signatures))
    run_moved(f"{scratch}/again")
    same("verify", subprocess.run([TOOL, "verify", f"{scratch}/m"], capture_output=True).stdout, b"")


def check_huge(scratch):
    """3 GiB, which no graph can have."""
    n = 3 << 28
    said = save_ours(f"{scratch}/m", status=1, huge=n)
    same("refused", said.startswith(f"RESOURCE_EXHAUSTED: huge: a constant of {4 * n} bytes"), True)
    save_ours(f"{scratch}/m", huge=n, move_constants_above=1 << 20)
    model = run_v2(f"{scratch}/m")
    same("shape", (model.huge.shape.as_list(), float(model.huge[n - 1])), ([n], 0.0))


def save_library(path, function):
    """The functions that a concrete function is made of, as a GraphDef."""
    graph = tf.Graph()
    with graph.as_default():
        function.add_to_graph(graph)
    with open(path, "wb") as file:
        file.write(graph.as_graph_def().SerializeToString())


def check_moved_from_nested(scratch):
    """Through calls of calls, one function being called twice; equal values are one variable; what a loop has stays."""
    big = np.arange(SIZE, dtype=np.float32)

    @tf.function
    def innermost(x):
        return x + tf.constant(big)

    @tf.function
    def inner(x):
        return innermost(x) * tf.constant(big[::-1].copy()) + innermost(-x)

    @tf.function
    def looping(x):
        for _ in tf.range(2):
            x += tf.constant(big + 1)
        return x

    @tf.function
    def f(x, c, v):
        return inner(x) + looping(x) + tf.constant(big) + c + v

    spec = tf.TensorSpec([SIZE], tf.float32, "x")
    concrete = f.get_concrete_function(spec, tf.TensorSpec([SIZE], tf.float32, "c"), tf.TensorSpec([], tf.float32, "v"))
    expected = concrete(tf.constant(X), tf.constant(big), tf.constant(2.0)).numpy()
    save_library(f"{scratch}/library", concrete)
    name = concrete.name if isinstance(concrete.name, str) else concrete.name.decode()
    words = {"library": f"{scratch}/library", "function": name, "move_constants_above": 1000}
    note = save_ours(f"{scratch}/m", **words)
    same("note", "1 large constants stay" in note, True)
    model = run_moved(f"{scratch}/m")
    (found,) = model.lib(tf.constant(X), tf.constant(big), tf.constant(2.0)).values()
    np.testing.assert_allclose(found, expected)
    values = sorted(tuple(v.numpy()[:2]) for v in model.moved_constants)
    same("variables", values, [(0.0, 1.0), (10.0, 10.0), (399.0, 398.0)])


CHECKS = [
    check_effects,
    check_loaded_aliases,
    check_loaded_policy,
    check_debug_info,
    check_streamed,
    check_shards,
    check_no_signatures,
    check_namespaces,
    check_custom_gradients,
    check_stripped_edit,
    check_stripped_save,
    check_moved,
    check_moved_from_nested,
]


if os.environ.get("SM_TEST_LONG"):
    CHECKS.append(check_huge)


def main():
    passed = failed = 0
    for check in CHECKS:
        with tempfile.TemporaryDirectory() as scratch:
            try:
                check(scratch)
                passed += 1
            except Exception as error:  # pylint: disable=broad-except
                failed += 1
                print(f"{check.__name__}: {type(error).__name__}: {str(error)[:900]}")
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
