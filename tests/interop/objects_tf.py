#!/usr/bin/env python3
"""Compares all that the library says of object graphs with what TensorFlow reads from the same files.

    objects_tf.py DUMP_OBJECTS ROOT...

A root is as for check_models.py.  Object graphs, function specs (decoded by TensorFlow's nested_structure_coder), constants,
tables, metadata of Keras, and the collections of V1 models are written here in the words of dump_objects.c, which has to
print the same.  Of a model that TensorFlow loads, the key of each variable and the contents of each table are what the
loaded objects have.  Damaged models have to give the same, or one line.  Then models are made whose checkpoint does not
fit, and both have to refuse the same.  Needs TensorFlow.  The last line counts models.
"""
import collections
import os
import shutil
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf import text_format  # noqa: E402
from tensorflow.core.framework import variable_pb2  # noqa: E402
from tensorflow.core.protobuf import saved_model_pb2  # noqa: E402
from tensorflow.python.framework import dtypes, tensor_shape, tensor_spec, tensor_util, type_spec  # noqa: E402
from tensorflow.python.saved_model import load as saved_model_load  # noqa: E402
from tensorflow.python.saved_model import nested_structure_coder  # noqa: E402
from tensorflow.python.training import py_checkpoint_reader  # noqa: E402
from tf_keras.protobuf import saved_metadata_pb2  # noqa: E402

from check_models import find_model  # noqa: E402

tf.get_logger().setLevel("ERROR")

KINDS = {"user_object": 4, "asset": 5, "function": 6, "variable": 7, "bare_concrete_function": 8, "constant": 9,
         "resource": 10, "captured_tensor": 12, None: 0}


def hexed(text):
    return (text if isinstance(text, bytes) else text.encode()).hex()


# ---- Structured values ----

def shape(value):
    value = tensor_shape.TensorShape(value)
    return "shape?" if value.rank is None else "shape[%s]" % ",".join("-1" if d is None else str(d)
                                                                       for d in value.as_list())


def mapping(items):
    return ",".join("%s:%s" % (hexed(k), structured(v)) for k, v in items)


def structured(value):
    """A value of Python as nested_structure_coder makes it."""
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int):
        return "i%d" % value
    if isinstance(value, float):
        return "f%.17g" % value
    if isinstance(value, (str, bytes)):
        return "s" + hexed(value)
    if isinstance(value, tensor_shape.TensorShape):
        return shape(value)
    if isinstance(value, dtypes.DType):
        return "dtype:%d" % value.as_datatype_enum
    if isinstance(value, tensor_spec.TensorSpec):
        kind = "bounded" if isinstance(value, tensor_spec.BoundedTensorSpec) else "spec"
        return "%s(%s,%d,%s)" % (kind, hexed(value.name or ""), value.dtype.as_datatype_enum, shape(value.shape))
    if isinstance(value, type_spec.TypeSpec):
        return "type:%s(%s)" % (type(value).__name__, structured(value._serialize()))
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return "%s<%s>" % (type(value).__name__, mapping(zip(value._fields, value)))
    if isinstance(value, dict):
        return "{%s}" % mapping(sorted(value.items(), key=lambda item: item[0].encode()))
    if isinstance(value, (tuple, list)):
        return ("(%s)" if isinstance(value, tuple) else "[%s]") % ",".join(structured(v) for v in value)
    return "?"


def message(value):
    """A StructuredValue that Python has no class for, such as those of TensorFlow Probability."""
    kind = value.WhichOneof("kind")
    if kind == "type_spec_value":
        spec = value.type_spec_value
        return "type:%s(%s)" % (spec.type_spec_class_name.rpartition(".")[2], message(spec.type_state))
    if kind in ("list_value", "tuple_value"):
        items = ",".join(message(v) for v in getattr(value, kind).values)
        return ("(%s)" if kind == "tuple_value" else "[%s]") % items
    if kind == "dict_value":
        fields = value.dict_value.fields
        return "{%s}" % ",".join("%s:%s" % (hexed(k), message(fields[k])) for k in sorted(fields, key=str.encode))
    if kind == "named_tuple_value":
        named = value.named_tuple_value
        return "%s<%s>" % (named.name, ",".join("%s:%s" % (hexed(p.key), message(p.value)) for p in named.values))
    return structured(nested_structure_coder.decode_proto(value)) if kind else "None"


def decoded(value):
    if not value.WhichOneof("kind"):
        return "None"
    try:
        return structured(nested_structure_coder.decode_proto(value))
    except (ValueError, nested_structure_coder.NotEncodableError, AttributeError, TypeError):
        return message(value)


# ---- Objects ----

def variable_line(v):
    return "variable %s %s %d %s %d %d %d components %d" % (
        hexed(v.name), hexed(v.device), v.dtype, shape(v.shape), v.trainable, v.synchronization, v.aggregation,
        len(v.experimental_distributed_variable_components))


def parameters(what, names, defaults):
    return "%s [%s]" % (what, ",".join("%s=%s" % (hexed(n), structured(defaults[n]) if n in defaults else "-")
                                       for n in names))


def spec_lines(spec):
    full = nested_structure_coder.decode_proto(spec.fullargspec)
    args, defaults = list(full.args), list(full.defaults or [])
    with_default = dict(zip(args[len(args) - len(defaults):], defaults))
    if spec.is_method or args[:1] == ["self"]:
        args = args[1:]
    signature = spec.input_signature
    has_signature = signature.WhichOneof("kind") not in (None, "none_value")
    return [parameters("parameters", args, with_default),
            parameters("keyword_only", full.kwonlyargs, full.kwonlydefaults or {}),
            "varargs %s varkw %s is_method %d jit_compile %d" % (full.varargs or "-", full.varkw or "-", spec.is_method,
                                                                spec.jit_compile),
            "input_signature " + (decoded(signature) if has_signature else "-")]


def user_object_line(u):
    return "user_object %s %d %d [%s] %s" % (hexed(u.identifier), u.version.producer, u.version.min_consumer,
                                             ",".join(map(str, u.version.bad_consumers)), hexed(u.metadata))


def kind_lines(o):
    kind = o.WhichOneof("kind")
    if kind == "asset":
        return ["asset %d" % o.asset.asset_file_def_index]
    if kind == "user_object":
        return [user_object_line(o.user_object)]
    if kind == "variable":
        return [variable_line(v) for v in [o.variable] + list(o.variable.experimental_distributed_variable_components)]
    if kind == "resource":
        return ["device " + o.resource.device]
    if kind == "constant":
        return ["constant " + o.constant.operation]
    if kind == "captured_tensor":
        return ["captured %s %s" % (o.captured_tensor.name, o.captured_tensor.concrete_function)]
    if kind == "function":
        lines = ["concrete " + n for n in o.function.concrete_functions]
        return lines + (spec_lines(o.function.function_spec) if o.function.HasField("function_spec") else [])
    if kind == "bare_concrete_function":
        bare = o.bare_concrete_function
        lines = ["concrete " + bare.concrete_function_name]
        lines += spec_lines(bare.function_spec) if bare.HasField("function_spec") else []
        return lines + ["positional %d [%s]" % (bare.allowed_positional_arguments,
                                                ",".join(map(hexed, bare.argument_keywords)))]
    return []


def tensor_line(what, array):
    dtype = dtypes.as_dtype(array.dtype)
    if array.dtype == object:
        return "%s 7 %s %s" % (what, shape(array.shape), ",".join(hexed(x) for x in array.flat))
    return "%s %d %s %s" % (what, dtype.as_datatype_enum, shape(array.shape), array.tobytes().hex())


class Model:
    def __init__(self, folder, proto):
        self.folder, self.proto = folder, proto
        self.keras = {}
        path = os.path.join(folder, "keras_metadata.pb")
        if os.path.exists(path):
            with open(path, "rb") as f:
                self.keras = {n.node_id: n.metadata for n in saved_metadata_pb2.SavedMetadata.FromString(f.read()).nodes}
        prefix = os.path.join(folder, "variables", "variables")
        self.reader = py_checkpoint_reader.NewCheckpointReader(prefix) if os.path.exists(prefix + ".index") else None

    def value_lines(self, graph, o):
        """The value of a constant, and a table's saved one; a table that is initialised is not computed here."""
        if o.WhichOneof("kind") != "constant":
            return []
        node = next(n for n in graph.graph_def.node if n.name == o.constant.operation)
        return [tensor_line("value", tensor_util.MakeNdarray(node.attr["value"].tensor))]

    def object_lines(self, graph, i, reached):
        o = graph.object_graph_def.nodes[i]
        yield "object %d %d" % (i, KINDS[o.WhichOneof("kind")])
        for child in o.children:
            yield "child %d %s" % (child.node_id, hexed(child.local_name))
        yield "registered %s saver %s" % (o.registered_name, o.registered_saver)
        if o.HasField("serialized_user_proto"):
            yield "user_proto %s %s" % (o.serialized_user_proto.type_url, o.serialized_user_proto.value.hex())
        for d in o.dependencies:
            yield "dependency %d %s" % (d.node_id, hexed(d.local_name))
        for s in o.slot_variables:
            yield "slot %d %d %s" % (s.original_variable_node_id, s.slot_variable_node_id, hexed(s.slot_name))
        for name in sorted(o.saveable_objects):
            s = o.saveable_objects[name]
            yield "saveable %d %d %s" % (s.save_function, s.restore_function, hexed(name))
        yield from kind_lines(o)
        yield "keras " + hexed(o.user_object.metadata or self.keras.get(i, ""))
        if i in reached:
            yield "found %d" % i
        yield from self.value_lines(graph, o)

    def v1_lines(self, graph):
        """Variables of the collections, then keys that none of them has; what is trainable, the collection says."""
        trainable = [variable_pb2.VariableDef.FromString(b)
                     for b in graph.collection_def["trainable_variables"].bytes_list.value]
        defs = [variable_pb2.VariableDef.FromString(b) for b in graph.collection_def["variables"].bytes_list.value]
        known = {d.variable_name for d in defs}
        names = {d.variable_name for d in trainable}
        keys = self.reader.get_variable_to_shape_map() if self.reader else {}
        taken = set()
        for d in defs + [d for d in trainable if d.variable_name not in known]:
            name = d.variable_name.rpartition(":")[0]
            part = d.save_slice_info_def
            key = part.full_name or name
            taken.add(key)
            yield "listed -1 %d %s %s" % (d.variable_name in names, hexed(name), hexed(key) if key in keys else "")
            extents = "".join(" %d:%d:%d" % x for x in zip(part.full_shape, part.var_offset, part.var_shape))
            yield "def %s %s %s %s %d %d%s" % (d.variable_name, d.initializer_name, d.snapshot_name,
                                               d.initial_value_name, d.is_resource, d.trainable, extents)
        for key in sorted(set(keys) - taken - {"_CHECKPOINTABLE_OBJECT_GRAPH"}, key=str.encode):
            yield "listed -1 0 %s %s" % (hexed(key), hexed(key))

    def v2_lines(self, graph):
        objects = graph.object_graph_def
        reached, queue = {0}, collections.deque([0])
        while queue:
            for child in objects.nodes[queue.popleft()].children:
                if child.node_id not in reached:
                    reached.add(child.node_id)
                    queue.append(child.node_id)
        for i in range(len(objects.nodes)):
            yield from self.object_lines(graph, i, reached)
        for name in sorted(objects.concrete_functions, key=str.encode):
            f = objects.concrete_functions[name]
            yield "function %s [%s] %s %s" % (name, ",".join(map(str, f.bound_inputs)),
                                              decoded(f.canonicalized_input_signature), decoded(f.output_signature))
        for i, o in enumerate(objects.nodes):
            if o.WhichOneof("kind") == "variable":
                yield "listed %d %d %s" % (i, o.variable.trainable, hexed(o.variable.name))

    def lines(self):
        for i, graph in enumerate(self.proto.meta_graphs):
            yield "graph %d" % i
            yield from self.v2_lines(graph) if graph.HasField("object_graph_def") else self.v1_lines(graph)


def comparable(lines):
    """Without what check_loaded looks at."""
    for line in lines:
        words = line.split(" ")
        if words[0] == "listed" and words[1] != "-1":
            line = " ".join(words[:4])
        if words[0] not in ("keys", "values", "table", "load"):
            yield line


def read_model(folder):
    proto = saved_model_pb2.SavedModel()
    for name, read in (("saved_model.pb", lambda b: proto.ParseFromString(b)),
                       ("saved_model.pbtxt", lambda b: text_format.Parse(b, proto))):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with open(path, "rb") as f:
                read(f.read())
            return proto
    return None


def run(dump, folder):
    done = subprocess.run([dump, folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60)
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode(errors="replace").splitlines()


def check(dump, folder, counts):
    proto = read_model(folder)
    if proto is None:
        return None
    code, ours, words = run(dump, folder)
    if code != 0:
        return "exit %d: %r" % (code, words)
    want, got = list(Model(folder, proto).lines()), list(comparable(ours))
    for i in range(max(len(want), len(got))):
        w, g = (x[i] if i < len(x) else "(end)" for x in (want, got))
        if w != g:
            return "line %d: expected %.300r, got %.300r" % (i + 1, w, g)
    return check_loaded(folder, ours, counts)


# ---- What TensorFlow makes of a model ----

def load(folder, allow_partial=False):
    """The loader, which has the objects by number; None: TensorFlow of today cannot."""
    options = tf.saved_model.LoadOptions(allow_partial_checkpoint=allow_partial)
    loaders = []
    make = saved_model_load.Loader._load_all

    def keep(self):
        loaders.append(self)
        make(self)
    saved_model_load.Loader._load_all = keep
    try:
        tf.saved_model.load(folder, options=options)
    finally:
        saved_model_load.Loader._load_all = make
    return loaders[0] if loaders else None


def elements(words):
    """Of a "keys" or "values" line, in rows."""
    if words[1] == "7":
        array = np.array([bytes.fromhex(x) for x in words[3].split(",")], object)
    else:
        array = np.frombuffer(bytes.fromhex(words[3]), dtypes.as_dtype(int(words[1])).as_numpy_dtype)
    rows = int(words[2][len("shape["):-1].split(",")[0])
    return array.reshape(rows, -1)[:rows].tolist() if rows else []


def table_fault(resource, keys, values):
    """Against what TensorFlow exports, which leaves out the empty buckets of a dense table: those have one key."""
    got = dict(zip(map(tuple, elements(keys)), elements(values)))
    try:
        k, v = tf.raw_ops.LookupTableExportV2(table_handle=resource.resource_handle, Tkeys=dtypes.as_dtype(int(keys[1])),
                                              Tvalues=dtypes.as_dtype(int(values[1])))
    except tf.errors.AbortedError:  # models of TensorFlow 1 in one of 2: nothing has filled it
        return ""
    rows = k.shape[0]
    want = dict(zip(map(tuple, k.numpy().reshape(rows, -1).tolist()), v.numpy().reshape(rows, -1).tolist())) if rows else {}
    empty = set(got) - set(want)
    return "" if len(empty) <= 1 and all(got.get(a) == want[a] for a in want) else "%.200r, expected %.200r" % (got, want)


def variable_fault(variable, key, reader):
    want, got = variable.numpy(), reader.get_tensor(key)
    same = want.tobytes() == got.tobytes() if want.dtype != object else want.tolist() == got.tolist()
    return "" if same else "the value of key %s is another" % key


def check_loaded(folder, ours, counts):
    """What does not hold of the objects that TensorFlow makes. What it cannot load, of old and odd models, is left out."""
    prefix = os.path.join(folder, "variables", "variables")
    try:
        loader = load(folder)
    except Exception:  # noqa: B902: of any kind
        counts["not loaded"] += 1
        return ""
    reader = py_checkpoint_reader.NewCheckpointReader(prefix) if os.path.exists(prefix + ".index") else None
    node = keys = None
    for words in (line.split(" ") for line in ours if loader is not None):
        fault = ""
        if words[0] == "object":
            node = int(words[1])
        elif words[0] == "keys":
            keys = words
        elif words[0] == "values":
            counts["tables"] += 1
            fault = table_fault(loader.get(node), keys, words)
        elif words[0] == "listed" and words[1] != "-1" and words[4]:
            counts["keys"] += 1
            node = int(words[1])
            fault = variable_fault(loader.get(node), bytes.fromhex(words[4]).decode(), reader)
        if fault:
            return "object %d: %s" % (node, fault)
    return ""


def try_load(folder, allow_partial):
    try:
        load(folder, allow_partial)
        return "passes"
    except (AssertionError, ValueError, tf.errors.InvalidArgumentError):  # missing, shape, dtype
        return "fails"


def checkpoint_faults(dump):
    """Checkpoints that do not fit their model: a variable is missing, all are, one is of another shape or dtype."""
    class Part(tf.Module):
        def __init__(self, **values):
            for name, value in values.items():
                setattr(self, name, tf.Variable(value))
    whole = {"v": [1.0, 2.0], "w": [3.0]}
    cases = {"whole": whole, "missing": {"v": whole["v"]}, "none": {"other": [1.0]},
             "shape": {"v": [1.0], "w": [3.0]}, "dtype": {"v": [1, 2], "w": [3.0]}, "more": dict(whole, x=[5.0])}
    for name, values in cases.items():
        folder = tempfile.mkdtemp()
        tf.saved_model.save(Part(**whole), folder)
        shutil.rmtree(os.path.join(folder, "variables"))
        tf.train.Checkpoint(root=Part(**values)).write(os.path.join(folder, "variables", "variables"))
        want = ["load %d %s" % (partial, try_load(folder, bool(partial))) for partial in (0, 1)]
        code, lines, words = run(dump, folder)
        got = [line for line in lines if line.startswith("load ")]
        yield name, "" if want == got else "expected %r, got %r %r" % (want, got, words)
        shutil.rmtree(folder)


def check_broken(dump, folder, counts):
    code, _, words = run(dump, folder)
    is_refused = code == 1 and len(words) == 1
    return "" if code == 0 or is_refused else "exit %d: %r" % (code, words)


def main(args):
    if len(args) < 2:
        sys.exit(__doc__)
    passed = failed = 0
    counts = collections.Counter()
    for name, fault in checkpoint_faults(args[0]):
        passed += not fault
        failed += bool(fault)
        if fault:
            print("checkpoint %s: %s" % (name, fault))
    for root in args[1:]:
        for folder, folders, files in os.walk(root):
            folders.sort()
            if "truth.json" not in files:
                continue
            is_broken = os.path.basename(os.path.dirname(folder)) == "broken"
            fault = (check_broken if is_broken else check)(args[0], find_model(folder), counts)
            if fault is None:
                continue
            passed += not fault
            failed += bool(fault)
            if fault:
                print("%s: %s" % (os.path.relpath(folder, root), fault))
    print("compared with loaded objects: %(keys)d keys, %(tables)d tables; %(not loaded)d models not loaded" % counts)
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
