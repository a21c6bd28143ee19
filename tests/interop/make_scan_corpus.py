#!/usr/bin/env python3
"""Makes models with something planted in them that a scan has to find: tests/data/scan.

    make_scan_corpus.py [OUT_DIR]

Needs tensorflow 2.21 and tf_keras 2.21.  The models are as TensorFlow saves them, less what a scan does not look at: the
variables, the list of op definitions, inferred shapes.  OUT_DIR/expected.json tells for each what is planted where, found
by walking the messages here, and what TensorFlow's own scan sees of it.
"""
import json
import os
import shutil
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.python.framework import meta_graph as meta_graph_lib

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data", "scan")
TEXT = tf.TensorSpec([], tf.string, name="x")
CLASSES = {"ReadFile": ["file-read"], "WriteFile": ["file-write"], "PrintV2": ["state", "file-write"],
           "SaveV2": ["file-write"], "RestoreV2": ["file-read"], "EagerPyFunc": ["code"], "PyFunc": ["code"],
           "InitializeTableFromTextFileV2": ["file-read"], "PlantedOp": ["unknown"], "MatchingFiles": ["file-read"],
           "TextLineDataset": ["file-read"]}


# ---- what is planted -----------------------------------------------------------------------------------------------

def read_file(x):
    return tf.io.read_file(x)


def write_file(x):
    tf.io.write_file("/tmp/planted", x)
    return x


def print_to_file(x):
    tf.print(x, output_stream="file:///tmp/planted")
    return x


def print_to_console(x):
    tf.print(x, output_stream=sys.stderr)
    return x


def save_anywhere(x):
    tf.raw_ops.SaveV2(prefix="/tmp/planted", tensor_names=["t"], shape_and_slices=[""], tensors=[x])
    return x


def restore_anything(x):
    return tf.raw_ops.RestoreV2(prefix=x, tensor_names=["t"], shape_and_slices=[""], dtypes=[tf.string])[0]


def call_python(x):
    return tf.py_function(lambda v: v, [x], tf.string)


def call_numpy(x):
    return tf.numpy_function(lambda v: v, [x], tf.string)


def list_files(x):
    return tf.strings.reduce_join(tf.io.matching_files(x))


def read_lines(x):
    return tf.data.TextLineDataset(x).reduce(tf.constant(""), lambda a, b: a + b)


def in_a_loop(x):
    def body(i, text):
        tf.io.write_file("/tmp/planted", text)
        return i + 1, text
    return tf.while_loop(lambda i, text: i < 3, body, [tf.constant(0), x])[1]


def in_a_branch(x):
    return tf.cond(tf.equal(x, "magic"), lambda: tf.io.read_file(x), lambda: x)


def harmless(x):
    return tf.strings.upper(x)


def table_of_any_file(x):
    table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64, shared_name="planted")
    tf.raw_ops.InitializeTableFromTextFileV2(table_handle=table, filename="/etc/passwd", key_index=-2, value_index=-1)
    zero = tf.constant(0, tf.int64)
    return tf.strings.as_string(tf.raw_ops.LookupTableFindV2(table_handle=table, keys=x, default_value=zero))


# ---- saving --------------------------------------------------------------------------------------------------------

def export(function):
    """The SavedModel of a module whose only signature is that function."""
    module = tf.Module()
    module.run = tf.function(function, input_signature=[TEXT])
    with tempfile.TemporaryDirectory() as scratch:
        tf.saved_model.save(module, scratch, signatures=module.run,
                            options=tf.saved_model.SaveOptions(save_debug_info=False))
        return read(scratch)


def export_v1(build):
    """The SavedModel of TensorFlow 1 whose signature is what build(x) gives, with assets and init op if it makes some."""
    with tempfile.TemporaryDirectory() as scratch, tf.Graph().as_default(), tf.compat.v1.Session() as session:
        x = tf.compat.v1.placeholder(tf.string, [], name="x")
        y = build(x)
        init = tf.compat.v1.tables_initializer()
        session.run(init)
        builder = tf.compat.v1.saved_model.Builder(scratch + "/model")
        builder.add_meta_graph_and_variables(
            session, ["serve"], main_op=init,
            assets_collection=tf.compat.v1.get_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS),
            signature_def_map={"serving_default": tf.compat.v1.saved_model.predict_signature_def({"x": x}, {"y": y})})
        builder.save()
        return read(scratch + "/model")


def vocabulary():
    with open("vocab.txt", "w") as f:     # where main is: the name becomes part of the models
        f.write("one\ntwo\n")
    return "vocab.txt"


def v1_table(x):
    table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
        vocabulary(), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, tf.lookup.TextFileIndex.LINE_NUMBER), -1)
    return table.lookup(x)


def v1_asset_in_signature(x):
    """The loader feeds the path of the asset to the init op; here it is the constant that counts."""
    path = tf.constant(vocabulary())
    tf.compat.v1.add_to_collection(tf.compat.v1.GraphKeys.ASSET_FILEPATHS, path)
    return tf.strings.join([x, tf.io.read_file(path)])


class TableModule(tf.Module):
    def __init__(self):
        super().__init__()
        self.table = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(
            vocabulary(), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64,
            tf.lookup.TextFileIndex.LINE_NUMBER), -1)
        self.notes = tf.saved_model.Asset(vocabulary())

    @tf.function(input_signature=[TEXT])
    def run(self, x):
        return tf.strings.as_string(self.table.lookup(x)) + tf.io.read_file(self.notes)


def read(folder):
    model = saved_model_pb2.SavedModel()
    with open(folder + "/saved_model.pb", "rb") as f:
        model.ParseFromString(f.read())
    for graph in model.meta_graphs:
        graph.meta_info_def.ClearField("stripped_op_list")
        graph.graph_def.ClearField("debug_info")
        for _, node in all_nodes(graph.graph_def):
            node.attr.pop("_output_shapes", None)
            node.ClearField("experimental_debug_info")
    return model


def all_nodes(graph_def):
    """(function or "", node) of everything in a GraphDef."""
    for node in graph_def.node:
        yield "", node
    for function in graph_def.library.function:
        for node in function.node_def:
            yield function.signature.name, node


def is_saver(function):
    return "traced_save" in function or "traced_restore" in function


def found_in(model, op, file="saved_model.pb", only=None):
    """Where an op is, in the form of expected.json."""
    return [{"classes": CLASSES[op], "op": op, "file": file, "meta_graph": i, "function": function, "node": node.name}
            for i, graph in enumerate(model.meta_graphs) for function, node in all_nodes(graph.graph_def)
            if node.op == op and not is_saver(function) and (only is None or i == only)]


def seen_by_tensorflow(model):
    used = [set(meta_graph_lib.ops_used_by_graph_def(g.graph_def)) for g in model.meta_graphs]
    return sorted({"PrintV2", "ReadFile", "WriteFile"} & set().union(*used))


class Corpus:
    def __init__(self, folder):
        self.folder, self.expected = folder, {}

    def write(self, name, file, data):
        path = "%s/%s/%s" % (self.folder, name, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(data)

    def add(self, name, model, findings):
        self.write(name, "saved_model.pb", model.SerializeToString(deterministic=True))
        self.expected[name] = {"findings": findings, "tensorflow_sees": seen_by_tensorflow(model)}


# ---- the models ----------------------------------------------------------------------------------------------------

def add_ops(corpus):
    for name, function, op in (
            ("read_file", read_file, "ReadFile"), ("write_file", write_file, "WriteFile"),
            ("print_to_file", print_to_file, "PrintV2"), ("save_anywhere", save_anywhere, "SaveV2"),
            ("restore_anything", restore_anything, "RestoreV2"), ("py_function", call_python, "EagerPyFunc"),
            ("numpy_function", call_numpy, "PyFunc"), ("matching_files", list_files, "MatchingFiles"),
            ("text_lines", read_lines, "TextLineDataset"), ("loop_body", in_a_loop, "WriteFile"),
            ("branch", in_a_branch, "ReadFile")):
        model = export(function)
        assert found_in(model, op), name
        corpus.add(name, model, found_in(model, op))
    corpus.add("console", export(print_to_console), [])
    corpus.add("harmless", export(harmless), [])


def add_custom_op(corpus):
    model = export(harmless)
    for _, node in all_nodes(model.meta_graphs[0].graph_def):
        if node.op == "StringUpper":
            node.op = "PlantedOp"
    corpus.add("custom_op", model, found_in(model, "PlantedOp"))


def add_places(corpus):
    """Where scanners did not look."""
    planted = export(write_file)
    model = export(harmless)
    node = model.meta_graphs[0].graph_def.node.add()
    node.name, node.op = "planted", "ReadFile"
    node.input.append("serving_default_x")
    corpus.add("top_level", model, found_in(model, "ReadFile"))

    model = export(harmless)
    uncalled = model.meta_graphs[0].graph_def.library.function.add()
    uncalled.CopyFrom(next(f for f in planted.meta_graphs[0].graph_def.library.function
                           if any(n.op == "WriteFile" for n in f.node_def)))
    uncalled.signature.name = "planted_function"
    corpus.add("uncalled_function", model, found_in(model, "WriteFile"))

    model = export(harmless)
    model.meta_graphs.add().CopyFrom(planted.meta_graphs[0])
    model.meta_graphs[1].meta_info_def.tags[:] = ["train"]
    corpus.add("second_meta_graph", model, found_in(model, "WriteFile"))

    corpus.add("other_file", export(harmless), found_in(planted, "WriteFile", "assets.extra/weights.bin"))
    corpus.write("other_file", "assets.extra/weights.bin", planted.meta_graphs[0].graph_def.SerializeToString())

    # The text is what counts where the binary file is not there; a tool that cannot read it has to say so.
    corpus.add("text_beside", export(harmless), [])
    graph = planted.meta_graphs[0]
    for part in ("object_graph_def", "saver_def"):
        graph.ClearField(part)
    functions = [f for f in graph.graph_def.library.function if not is_saver(f.signature.name)]
    del graph.graph_def.library.function[:]
    graph.graph_def.library.function.extend(functions)
    corpus.write("text_beside", "saved_model.pbtxt", text_format.MessageToString(planted, indent=0).encode())
    corpus.expected["text_beside"]["text"] = found_in(planted, "WriteFile", "saved_model.pbtxt")


def add_assets(corpus):
    """What reads assets of the model is clean; what could read anything else is not."""
    with tempfile.TemporaryDirectory() as scratch:
        module = TableModule()
        tf.saved_model.save(module, scratch, signatures=module.run,
                            options=tf.saved_model.SaveOptions(save_debug_info=False))
        clean = read(scratch)
    table = "InitializeTableFromTextFileV2"
    assert found_in(clean, table) and found_in(clean, "ReadFile")
    corpus.add("asset_table", clean, [])

    # The same asset, but for one of the callers of its function another file.
    model = saved_model_pb2.SavedModel.FromString(clean.SerializeToString())
    graph = model.meta_graphs[0].graph_def
    path = graph.node.add(name="planted", op="Const")
    path.attr["dtype"].type = tf.string.as_datatype_enum
    path.attr["value"].tensor.CopyFrom(tf.make_tensor_proto("/etc/passwd"))
    initializer = found_in(model, table)[0]["function"]
    call = next(n for n in graph.node if n.attr["f"].func.name == initializer)
    call.input[0] = "planted"
    corpus.add("asset_table_other_caller", model, [f for f in found_in(model, table) if f["function"] == initializer])

    # Bound to a constant in the object graph, which is what Python calls it with.
    model = saved_model_pb2.SavedModel.FromString(clean.SerializeToString())
    objects = model.meta_graphs[0].object_graph_def
    constant = objects.nodes.add()
    constant.constant.operation = "Const"
    initializer = next(f["function"] for f in found_in(model, table)
                       if f["function"] in objects.concrete_functions)
    objects.concrete_functions[initializer].bound_inputs[0] = len(objects.nodes) - 1
    corpus.add("asset_table_other_object", model, [f for f in found_in(model, table) if f["function"] == initializer])

    model = export(table_of_any_file)
    assert found_in(model, table)
    corpus.add("foreign_table", model, found_in(model, table))

    clean = export_v1(v1_table)
    assert found_in(clean, table) and "saved_model_assets" in clean.meta_graphs[0].collection_def
    corpus.add("asset_table_v1", clean, [])
    model = saved_model_pb2.SavedModel.FromString(clean.SerializeToString())
    model.meta_graphs[0].collection_def.pop("saved_model_assets")
    corpus.add("foreign_table_v1", model, found_in(model, table))
    model = export_v1(v1_asset_in_signature)
    corpus.add("asset_constant_v1", model, found_in(model, "ReadFile"))


def add_keras(corpus):
    """A Lambda layer inside a model that is a layer of a model, with the bytecode that Keras wrote."""
    import tf_keras
    inner = tf_keras.Sequential([tf_keras.layers.Lambda(lambda x: x * 2)])
    model = tf_keras.Sequential([tf_keras.layers.InputLayer((1,)), inner])
    with tempfile.TemporaryDirectory() as scratch:
        model.save(scratch, save_format="tf")
        with open(scratch + "/keras_metadata.pb", "rb") as f:
            metadata = f.read()
        saved = read(scratch)
    assert b"Lambda" in metadata
    finding = {"classes": ["code"], "op": "Lambda", "file": "keras_metadata.pb", "meta_graph": None, "function": ""}
    corpus.add("keras_lambda", saved, [finding])
    corpus.write("keras_lambda", "keras_metadata.pb", metadata)
    # TensorFlow 2.4 and older kept the JSON in the object graph; here with letters that only JSON readers see through.
    saved = export(harmless)
    nodes = saved.meta_graphs[0].object_graph_def.nodes
    nodes[0].user_object.metadata = '{"config": {"layers": [{"cl\\u0061ss_name": "L\\u0061mbda"}]}}'
    corpus.add("object_lambda", saved, [dict(finding, file="saved_model.pb", meta_graph=0, node="object 0")])


def main(folder):
    folder = os.path.abspath(folder)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        make(folder)
        os.chdir("/")


def make(folder):
    corpus = Corpus(folder)
    add_ops(corpus)
    add_custom_op(corpus)
    add_places(corpus)
    add_keras(corpus)
    add_assets(corpus)
    with open(folder + "/expected.json", "w") as f:
        lines = ["%s: %s" % (json.dumps(name), json.dumps(corpus.expected[name], sort_keys=True))
                 for name in sorted(corpus.expected)]
        f.write("{\n%s\n}\n" % ",\n".join(lines))
    print("%d models in %s" % (len(corpus.expected), folder))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) == 2 else OUT)
