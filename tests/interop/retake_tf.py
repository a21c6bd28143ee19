#!/usr/bin/env python3
"""V2 models that were taken apart and said again (retake.c): TensorFlow finds in them the objects that were there, loads
them, and they give what was recorded of the models as they were.

    VENV/bin/python tests/interop/retake_tf.py TOOL RETAKE FIXTURES WILD [--all] [--only TEXT]

  messages   the objects of both models, node by node: kinds, edges, functions with their specs and captures, slots,
             saveables; signatures; debug info; tensors and assets byte by byte
  verify     ours finds nothing in it
  again      the new model, taken apart and said again, is the same, byte for byte
  V2         tf.saved_model.load: its objects are those of the message; the recorded runs of all signatures
  V1         the same runs in a session
  saved      of some: tf.saved_model.save of what was loaded, which is loaded and run
  calls      of some: every trace of every function, called with ones, gives what it gives in the model as it was

--all takes all models of WILD, and saves all again.  The last line says how many passed and failed.
"""
import argparse
import filecmp
import glob
import os
import subprocess
import sys
import tempfile

import edit_tf
import rebuild_tf
from google.protobuf import text_format
from tensorflow.core.framework import tensor_pb2

WILD = """tf_static_hashtable tf_vars_arithmetic tf_optimizer_slots tf_cyclic_module tf_asset_module
    tfdeploy_multi_2_0_alpha anhosu_multi_sig tfjs_int64_multiply""".split()
SAVED = """several_signatures table_asset mutable_tables composite_arguments input_structures captured_constants
    keras_sequential policy_save_devices""".split()
CALLED = """input_structures several_signatures table_asset control_flow custom_gradients_on keras_sequential""".split()

# Models that cannot be written, and what the message says: published without their variables, or with others.
REFUSED = {
    "pix2pix_pb_only": "no checkpoint",
    "tf_bert1": "no checkpoint",
    "dads_policy": "a variable with a value of another shape",  # another model's
    "ydf_adult_gbdt": "no definition of its operation SimpleMLCreateModelResource",  # a library of its own has it
}

# Traces are derived from their functions, but for the order of keywords and what nested arguments are called, which nobody
# calls them by. Other versions of TensorFlow had other rules.
OTHER_TRACES = {"input_structures", "keras3_export_archive"}

# Published models that tf.saved_model.load of TensorFlow 2.21 refuses, said again or not.
NOT_LOADED = {"cartpole_policy"}

# Its checkpoint was made for it, with keys by the numbers of nodes; TensorFlow's keys, and ours, are paths.
OTHER_KEYS = {"syn_tf_bert1"}

# Their runs were recorded with other kernels: what the model itself gives here counts.
RECORDED_ELSEWHERE = {"basic_pitch"}


class Difference(Exception):
    pass


def same(what, found, expected):
    if found == expected:
        return
    found, expected = str(found), str(expected)
    at = max(len(os.path.commonprefix([found, expected])) - 100, 0)
    raise Difference("%s: %s, not %s" % (what, found[at:at + 300], expected[at:at + 300]))


# ---- Messages ----


def is_part(edge):
    """It shows what a function is made of.  TensorFlow 2.9 and before wrote no such edges; loaders do without."""
    return edge.local_name.startswith(("trace_", "capture_"))


class Objects:
    """The object graphs of two models, walked together from the root."""

    def __init__(self, old, new, compares_traces):
        self.compares_traces = compares_traces
        self.old, self.new = old.object_graph_def, new.object_graph_def
        self.graphs = [{n.name: n for n in g.graph_def.node} for g in (old, new)]
        self.assets = [g.asset_file_def for g in (old, new)]
        self.twins, self.queue = {}, []

    def meet(self, what, old, new):
        """They are the same object, wherever they are met."""
        if old not in self.twins:
            self.twins[old] = new
            self.queue.append((what, old, new))
        same(what + ": node", new, self.twins[old])

    def compare(self):
        self.meet("/", 0, 0)
        while self.queue:
            self.compare_nodes(*self.queue.pop(0))
        same("concrete functions", sorted(self.new.concrete_functions), sorted(self.old.concrete_functions))
        for name in self.old.concrete_functions:
            self.compare_concrete(name, name)
        while self.queue:
            self.compare_nodes(*self.queue.pop(0))
        same("number of twins", len(set(self.twins.values())), len(self.twins))
        parts = {e.node_id for node in self.new.nodes for e in node.children if is_part(e)}
        same("nodes that are not compared", set(range(len(self.new.nodes))) - set(self.twins.values()) - parts, set())

    def compare_nodes(self, what, i, k):
        old, new = self.old.nodes[i], self.new.nodes[k]
        kind = old.WhichOneof("kind")
        same(what + ": kind", new.WhichOneof("kind"), kind)
        for field in ("registered_name", "registered_saver", "serialized_user_proto"):
            same(what + ": " + field, getattr(new, field), getattr(old, field))
        getattr(self, "compare_" + kind)(what, getattr(old, kind), getattr(new, kind))
        there = {e.local_name: e.node_id for e in new.children if old.children or not is_part(e)}
        same(what + ": children", sorted(there), sorted(e.local_name for e in old.children))
        for edge in old.children:
            self.meet(os.path.join(what, edge.local_name), edge.node_id, there[edge.local_name])
        same(what + ": slots", len(new.slot_variables), len(old.slot_variables))
        for a, b in zip(old.slot_variables, new.slot_variables):
            same(what + ": slot", b.slot_name, a.slot_name)
            self.meet(what + ": variable of slot", a.original_variable_node_id, b.original_variable_node_id)
            self.meet(what + ": slot " + a.slot_name, a.slot_variable_node_id, b.slot_variable_node_id)
        same(what + ": saveables", set(new.saveable_objects), set(old.saveable_objects))
        for name, saveable in old.saveable_objects.items():
            for side in ("save_function", "restore_function"):
                self.meet(what + ": " + side, getattr(saveable, side), getattr(new.saveable_objects[name], side))

    def compare_user_object(self, what, old, new):
        same(what + ": identifier", new.identifier, old.identifier)
        same(what + ": version", new.version, old.version)
        if old.metadata:  # else that of keras_metadata.pb
            same(what + ": metadata", new.metadata, old.metadata)

    def compare_variable(self, what, old, new):
        same(what, text_format.MessageToString(new), text_format.MessageToString(old))

    compare_resource = compare_captured_tensor = compare_variable

    def compare_asset(self, what, old, new):
        names = [assets[a.asset_file_def_index].filename for assets, a in zip(self.assets, (old, new))]
        same(what, names[1], names[0])

    def compare_constant(self, what, old, new):
        nodes = [graph[c.operation].attr for graph, c in zip(self.graphs, (old, new))]
        values = [value_of(n["value"].tensor) for n in nodes]
        same(what, values[1], values[0])

    def compare_spec(self, what, old, new):
        same(what + ": spec", text_format.MessageToString(new), text_format.MessageToString(old))

    def compare_function(self, what, old, new):
        same(what + ": traces", list(new.concrete_functions), list(old.concrete_functions))
        self.compare_spec(what, old.function_spec, new.function_spec)
        for name in old.concrete_functions:
            self.compare_concrete(what, name)

    def compare_bare_concrete_function(self, what, old, new):
        same(what + ": function", new.concrete_function_name, old.concrete_function_name)
        self.compare_concrete(what, old.concrete_function_name)
        if "/trace_" in what and not self.compares_traces:
            return
        same(what + ": keywords", list(new.argument_keywords), list(old.argument_keywords))
        same(what + ": positional", new.allowed_positional_arguments, old.allowed_positional_arguments)
        self.compare_spec(what, old.function_spec, new.function_spec)

    def compare_concrete(self, what, name):
        old, new = (side.concrete_functions[name] for side in (self.old, self.new))
        for field in ("canonicalized_input_signature", "output_signature"):
            same("%s: %s" % (what, field), getattr(new, field), getattr(old, field))
        same(what + ": captures", len(new.bound_inputs), len(old.bound_inputs))
        for i, (a, b) in enumerate(zip(old.bound_inputs, new.bound_inputs)):
            self.meet("%s: capture %d" % (what, i), a, b)


def value_of(tensor):
    """Of a TensorProto, however it is packed."""
    from tensorflow.python.framework import tensor_util

    array = tensor_util.MakeNdarray(tensor_pb2.TensorProto.FromString(tensor.SerializeToString()))
    return array.dtype, array.shape, array.tolist() if array.dtype == object else array.tobytes()


# TensorFlow finds these shapes where it calls the function; the function itself does not tell them.
WITHOUT_SHAPES = {("mutable_tables", "serving_default")}


def describe(signature):
    """A SignatureDef without the names of its nodes."""

    def describe_info(info):
        kind = info.WhichOneof("encoding")
        composite = info.composite_tensor if kind == "composite_tensor" else None
        spec = composite and (text_format.MessageToString(composite.type_spec), len(composite.components))
        return kind, spec, info.dtype, text_format.MessageToString(info.tensor_shape)

    sides = [{k: describe_info(v) for k, v in side.items()} for side in (signature.inputs, signature.outputs)]
    return sides, signature.method_name, {k: value_of(v) for k, v in signature.defaults.items()}


def compare_messages(old_path, new_path):
    old, new = (rebuild_tf.read(path).meta_graphs[0] for path in (old_path, new_path))
    is_derived = old.meta_info_def.tensorflow_version == new.meta_info_def.tensorflow_version
    Objects(old, new, is_derived and not OTHER_TRACES & set(old_path.split(os.sep))).compare()
    same("signatures", sorted(new.signature_def), sorted(old.signature_def))
    for key, signature in old.signature_def.items():
        if key == "__saved_model_init_op":
            continue
        if (os.path.basename(old_path), key) in WITHOUT_SHAPES:
            for info in [*signature.outputs.values(), *new.signature_def[key].outputs.values()]:
                info.ClearField("tensor_shape")
        same("signature " + key, describe(new.signature_def[key]), describe(signature))
    same("tags", sorted(new.meta_info_def.tags), sorted(old.meta_info_def.tags))
    there = old.object_graph_def.concrete_functions  # TensorFlow has aliases of functions that it did not save, too
    aliases = {k: v for k, v in old.meta_info_def.function_aliases.items() if k in there}
    same("aliases", dict(new.meta_info_def.function_aliases), aliases)
    for name in ("assets", "debug"):
        compare_folder(os.path.join(old_path, name), os.path.join(new_path, name))


def compare_folder(old, new):
    files = [
        sorted(os.path.relpath(os.path.join(d, f), root) for d, _, names in os.walk(root) for f in names)
        for root in (old, new)
    ]
    same("files of " + os.path.basename(old), files[1], files[0])
    same("other files", filecmp.cmpfiles(old, new, files[0], shallow=False)[1:], ([], []))


def compare_tensors(old, new):
    from tensorflow.python.training import py_checkpoint_reader

    if not os.path.exists(os.path.join(old, "variables/variables.index")):
        return  # there are none
    old, new = (py_checkpoint_reader.NewCheckpointReader(os.path.join(p, "variables/variables")) for p in (old, new))
    # Layers of Keras in TensorFlow 2.0 wrote their configuration, which nothing restores.
    names = [n for n in old.get_variable_to_shape_map() if not n.endswith(".ATTRIBUTES/OBJECT_CONFIG_JSON")]
    same("tensors", sorted(new.get_variable_to_shape_map()), sorted(names))
    for name in names:
        same("dtype of " + name, new.get_variable_to_dtype_map()[name], old.get_variable_to_dtype_map()[name])
        same("shape of " + name, new.get_variable_to_shape_map()[name], old.get_variable_to_shape_map()[name])
        if name != "_CHECKPOINTABLE_OBJECT_GRAPH":
            a, b = old.get_tensor(name), new.get_tensor(name)
            same(name, *(v.tolist() if v.dtype == object else v.tobytes() for v in (b, a)))


# ---- Programs of ours ----


def run(*line):
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Difference("%s: exit %d: %s" % (os.path.basename(line[0]), done.returncode, done.stderr.strip()))
    return done.stdout


class Retaker(edit_tf.Checker):
    def __init__(self, tool, retake, is_all):
        super().__init__(tool)
        self.retake, self.is_all, self.failed = retake, is_all, []

    def step(self, what, function, *args):
        try:
            function(*args)
            self.passed += 1
            return True
        except Exception as fault:  # pylint: disable=broad-except
            self.failed.append("%s: %s: %s" % (what, type(fault).__name__, str(fault)[:900]))
            return False

    def say_again(self, path, made):
        run(self.retake, path, made)

    def check_twice(self, made, again):
        run(self.retake, made, again)
        compare_folder(made, again)

    def check_loaded(self, path):
        self.loaded, self.functions = self.load_all(path)

    def load_all(self, path):
        """The objects of the message are there in Python: their root, and the functions by their paths."""
        graph = rebuild_tf.read(path).meta_graphs[0].object_graph_def
        with self.tf.device("/CPU:0"):
            loaded = self.tf.saved_model.load(path)
        seen, queue, functions = {0}, [(0, "", loaded)], {}
        while queue:
            i, parent, value = queue.pop(0)
            for edge in graph.nodes[i].children:
                kind = graph.nodes[edge.node_id].WhichOneof("kind")
                if edge.node_id in seen or graph.nodes[i].WhichOneof("kind") != "user_object":
                    continue
                seen.add(edge.node_id)
                child = self.child_of(graph.nodes[i].user_object.identifier, value, edge.local_name)
                self.check_kind(edge.local_name, kind, child)
                if kind == "function":
                    functions[parent + "/" + edge.local_name] = child
                queue.append((edge.node_id, parent + "/" + edge.local_name, child))
        return loaded, functions

    @staticmethod
    def child_of(identifier, value, name):
        if identifier in ("trackable_list_wrapper", "trackable_tuple_wrapper"):
            return value[int(name)]
        if identifier in ("trackable_dict_wrapper", "signature_map"):
            return value[name]
        return getattr(value, name)

    def check_kind(self, name, kind, value):
        tf = self.tf
        kinds = {
            "variable": tf.Variable,
            "constant": tf.Tensor,
            "bare_concrete_function": tf.types.experimental.ConcreteFunction,
        }
        if kind in kinds:
            same("kind of " + name, isinstance(value, kinds[kind]), True)
        if kind == "function":
            same(name + " can be called", callable(value), True)

    def fill(self, spec):
        """Ones for a tensor of a trace; what is none is given as it is."""
        if not isinstance(spec, self.tf.TensorSpec):
            return spec
        shape = [2 if dim is None else dim for dim in spec.shape] if spec.shape.rank is not None else [2]
        return self.tf.fill(shape, "1") if spec.dtype == self.tf.string else self.tf.ones(shape, spec.dtype)

    def call(self, function, trace):
        args, kwargs = self.tf.nest.map_structure(self.fill, trace.structured_input_signature)
        parts = self.tf.nest.flatten(function(*args, **kwargs), expand_composites=True)
        return [value_of(self.tf.make_tensor_proto(part)) for part in parts]

    def check_calls(self, path):
        """One after the other, as some change variables."""
        _, originals = self.load_all(path)
        same("functions", sorted(self.functions), sorted(originals))
        same("there are some", len(originals) > 0, True)
        for name, original in originals.items():
            new = self.functions[name]
            same("traces of " + name, len(new.concrete_functions), len(original.concrete_functions))
            for traces in zip(new.concrete_functions, original.concrete_functions):
                same(name, self.call(new, traces[0]), self.call(original, traces[1]))

    def record(self, model):
        loaded = self.tf.saved_model.load(model.path)
        for key, (inputs, outputs) in model.runs.items():
            results = loaded.signatures[key](**{k: self.tf.constant(v) for k, v in inputs.items()})
            outputs.update({k: results[k].numpy() for k in outputs})

    def check_saved(self, model, scratch):
        path = os.path.join(scratch, "saved")
        self.tf.saved_model.save(self.loaded, path, signatures=dict(self.loaded.signatures) or None)
        self.check_v2(path, ["serve"], model.runs, edit_tf.Checker.same)

    def check_model(self, model):
        name = model.name if model.name != "model" else os.path.basename(os.path.dirname(model.path))
        with tempfile.TemporaryDirectory() as scratch:
            made, again = os.path.join(scratch, "made"), os.path.join(scratch, "again")
            if not self.step(name + ": retake", self.say_again, model.path, made):
                return
            if name in RECORDED_ELSEWHERE:
                self.record(model)
            tags = rebuild_tf.read(made).meta_graphs[0].meta_info_def.tags
            self.step(name + ": messages", compare_messages, model.path, made)
            if name not in OTHER_KEYS:
                self.step(name + ": tensors", compare_tensors, model.path, made)
            self.step(name + ": verify", run, self.tool, "verify", made)
            self.step(name + ": again", self.check_twice, made, again)
            self.step(name + ": V1", self.check_v1, made, tags, model.runs, edit_tf.Checker.same)
            if name in NOT_LOADED or not self.step(name + ": V2", self.check_loaded, made):
                return
            self.step(name + ": runs", self.check_loaded_runs, self.loaded, model.runs, edit_tf.Checker.same)
            if name in SAVED or self.is_all:
                self.step(name + ": saved", self.check_saved, model, scratch)
            if name in CALLED:
                self.step(name + ": calls", self.check_calls, model.path)

    def check_refused(self, name, path):
        with tempfile.TemporaryDirectory() as scratch:
            line = [self.retake, path, os.path.join(scratch, "made")]
            done = subprocess.run(line, capture_output=True, text=True, check=False)
        same(name, done.returncode, 1)
        same(name + " says " + done.stderr, REFUSED[name] in done.stderr, True)


def is_v2(path):
    graphs = rebuild_tf.read(path).meta_graphs
    return len(graphs) == 1 and graphs[0].HasField("object_graph_def")


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("tool")
    parser.add_argument("retake")
    parser.add_argument("fixtures")
    parser.add_argument("wild")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--only", default="")
    args = parser.parse_args()
    checker = Retaker(args.tool, args.retake, args.all)
    folders = sorted(glob.glob(os.path.join(args.fixtures, "v2", "*")))
    folders += sorted(f for f in glob.glob(os.path.join(args.wild, "*")) if args.all or os.path.basename(f) in WILD)
    for folder in folders:
        if args.only not in folder or not os.path.exists(os.path.join(folder, "truth.json")):
            continue
        model = edit_tf.Model(checker.np, folder)
        if not os.path.exists(os.path.join(model.path, "saved_model.pb")) and not os.path.exists(
                os.path.join(model.path, "saved_model.pbtxt")):
            continue
        if not is_v2(model.path):
            continue
        if model.name in REFUSED:
            checker.step(model.name, checker.check_refused, model.name, model.path)
        else:
            checker.check_model(model)
    for fault in checker.failed:
        print(fault)
    print("%d passed, %d failed" % (checker.passed, len(checker.failed)))
    sys.exit(bool(checker.failed) or checker.passed == 0)


if __name__ == "__main__":
    main()
