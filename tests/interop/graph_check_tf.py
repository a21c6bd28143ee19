#!/usr/bin/env python3
"""Does sm_graph_check find what TensorFlow finds, and nothing where TensorFlow finds nothing?

    VENV/bin/python tests/interop/graph_check_tf.py LIBSAVEDMODEL_SO MODELS...

Small graphs with one fault each: what TensorFlow says when it imports them.  On the graphs and functions of the models below the
folders MODELS: nothing is found; nodes that take every output there is, of the types that TensorFlow gives them, change nothing;
of other types, or one output further, each of them is found.
"""
import ctypes
import sys

import op_defs_tf
import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import graph_pb2, types_pb2
from tensorflow.python.framework import function_def_to_graph

ERROR = 2

# Before each of the graphs below.
INPUTS = """
node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: DT_FLOAT } } }
node { name: "i" op: "Placeholder" attr { key: "dtype" value { type: DT_INT32 } } }
node { name: "s" op: "Placeholder" attr { key: "dtype" value { type: DT_STRING } } }
"""

FLOAT = 'attr { key: "T" value { type: DT_FLOAT } }'
POOL = 'name: "y" op: "AvgPool" input: "x" %s attr { key: "strides" value { list { i: [1, 1, 1, 1] } } }' % FLOAT
RESTORE = 'name: "y" op: "RestoreV2" input: ["s", "s", "s"]'
PAIR = 'node { name: "p" op: "IdentityN" input: ["x", "i"] attr { key: "T" value { list { type: [1, 3] } } } }'

# A graph; what both say of it; where we say it otherwise, what TensorFlow says and what we say.
FAULTS = [
    ('node { name: "y" op: "AddV2" input: ["x", "x"] }', "NodeDef missing attr 'T' from Op<name=AddV2"),
    ('node { name: "y" op: "AddV2" input: ["x", "x"] attr { key: "T" value { i: 1 } } }',
     "AttrValue had value with type 'int' when 'type' expected for attr 'T'"),
    ('node { name: "y" op: "AddV2" input: ["x", "x"] attr { key: "T" value { list { type: 1 } } } }',
     "AttrValue had value with type 'list(type)' when 'type' expected for attr 'T'"),
    ('node { name: "y" op: "AddV2" input: ["x", "x"] attr { key: "T" value {} } }',
     "AttrValue missing value with expected type 'type' for attr 'T'"),
    ('node { name: "y" op: "AddV2" input: ["x", "x"] attr { key: "T" value { list {} } } }',
     "AttrValue missing value with expected type 'type' for attr 'T'"),
    ('node { %s attr { key: "dtypes" value { list { i: 1 } } } }' % RESTORE,
     "AttrValue had value with type 'list(int)' when 'list(type)' expected for attr 'dtypes'"),
    ('node { %s attr { key: "dtypes" value { type: 1 } } }' % RESTORE,
     "AttrValue had value with type 'type' when 'list(type)' expected for attr 'dtypes'"),
    ('node { %s attr { key: "dtypes" value { list {} } } }' % RESTORE,
     "Length for attr 'dtypes' of 0 must be at least minimum 1"),
    ('node { %s attr { key: "dtypes" value {} } }' % RESTORE,
     "Length for attr 'dtypes' of 0 must be at least minimum 1"),
    ('node { name: "y" op: "AddV2" input: ["x", "x"] attr { key: "T" value { type: DT_BOOL } } }',
     "Value for attr 'T' of bool is not in the list of allowed values: bfloat16, half, float, double, uint8"),
    ('node { name: "y" op: "Identity" input: "x" attr { key: "T" value { type: DT_FLOAT_REF } } }',
     "AttrValue must not have reference type value of float_ref for attr 'T'"),
    ('node { name: "y" op: "Identity" input: "x" attr { key: "T" value { type: 77 } } }',
     "AttrValue has invalid DataType enum: 77 for attr 'T'"),
    ('node { name: "y" op: "Identity" input: "x" attr { key: "T" value { type: 0 } } }',
     "AttrValue has invalid DataType for attr 'T'"),
    ('node { %s attr { key: "ksize" value { list { i: [1, 1, 1, 1] } } } attr { key: "padding" value { s: "NO" } } }' % POOL,
     "Value for attr 'padding' of \"NO\" is not in the list of allowed values: \"SAME\", \"VALID\""),
    ('node { %s attr { key: "ksize" value { list { i: [1, 1, 1] } } } attr { key: "padding" value { s: "SAME" } } }' % POOL,
     "Length for attr 'ksize' of 3 must be at least minimum 4"),
    ('node { name: "y" op: "AddN" %s attr { key: "N" value { i: 0 } } }' % FLOAT,
     "Value for attr 'N' of 0 must be at least minimum 1"),
    ('node { name: "y" op: "AddV2" input: "x" %s }' % FLOAT,
     "NodeDef expected inputs 'float, float' do not match 1 inputs specified; Op<name=AddV2"),
    ('node { name: "y" op: "Neg" input: ["x", "x"] %s }' % FLOAT,
     "NodeDef expected inputs 'float' do not match 2 inputs specified; Op<name=Neg"),
    ('node { name: "y" op: "AddN" input: ["x", "x"] attr { key: "N" value { i: 3 } } %s }' % FLOAT,
     "NodeDef expected inputs 'float, float, float' do not match 2 inputs specified; Op<name=AddN"),
    ('node { name: "y" op: "AddV2" input: ["x", "i"] %s }' % FLOAT,
     "was passed int32 from i:0 incompatible with expected float."),
    (PAIR + ' node { name: "y" op: "Neg" input: "p:1" %s }' % FLOAT,
     "was passed int32 from p:1 incompatible with expected float."),
    ('node { name: "y" op: "Assign" input: ["x", "x"] %s }' % FLOAT,
     "was passed float from x:0 incompatible with expected float_ref."),
    ('node { name: "y" op: "Neg" input: "gone" %s }' % FLOAT, "Unknown input node 'gone'", "there is no such node"),
    ('node { name: "y" op: "Neg" input: "x:1" %s }' % FLOAT,
     "Connecting to invalid output 1 of source node x which has 1 outputs", "input x:1: the node has 1 outputs"),
    ('node { name: "x" op: "NoOp" }', "Node 'x' is not unique", "the name is there more than once"),
    ('node { name: "y" op: "Neg" input: ["^x", "x"] %s }' % FLOAT,
     "Control dependencies must come after regular dependencies", "an input that is data, behind one that is control"),
    ('node { name: "y" op: "Neg" input: "z" %s } node { name: "z" op: "Neg" input: "y" %s }' % (FLOAT, FLOAT),
     "2 nodes in a cycle", "it waits for itself"),
]

SOUND = [
    'node { name: "v" op: "VariableV2" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "shape" value { shape {} } } }'
    ' node { name: "y" op: "Neg" input: "v" %s }' % FLOAT,
    PAIR + ' node { name: "y" op: "Neg" input: "p" %s }' % FLOAT,
]


class Finding(ctypes.Structure):
    _fields_ = [("severity", ctypes.c_int), ("file", ctypes.c_char_p), ("place", ctypes.c_char_p), ("what", ctypes.c_char_p)]


FINDING_FN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.POINTER(Finding))


def find_errors(library, graph, op_list=b""):
    """What is wrong with a graph, by place."""
    found, error = [], ctypes.create_string_buffer(512)

    def add(_, finding):
        if finding.contents.severity == ERROR:
            found.append((finding.contents.place.decode(), finding.contents.what.decode()))

    data = graph.SerializeToString()
    status = library.so.sm_graph_check(library.string(data), library.string(op_list), FINDING_FN(add), None, None, error)
    assert (status == 0) == (not found), (status, found)
    return found


def import_graph(graph):
    with tf.Graph().as_default() as made:
        tf.graph_util.import_graph_def(graph, name="")
    return made


def check_faults(library):
    for text, tensorflows, *ours in FAULTS:
        graph = text_format.Parse(INPUTS + text, graph_pb2.GraphDef())
        try:
            import_graph(graph)
            raise AssertionError("TensorFlow takes " + text)
        except ValueError as e:
            said = " ".join(str(e).split()).replace(" ; ", "; ")
            assert tensorflows in said, (text, said)
        errors = find_errors(library, graph)
        assert len(errors) == 1 and (ours or [tensorflows])[0] in errors[0][1], (text, errors)
    for text in SOUND:
        graph = text_format.Parse(INPUTS + text, graph_pb2.GraphDef())
        import_graph(graph)
        assert find_errors(library, graph) == [], text
    return len(FAULTS)


def add_user(nodes, i, tensor, dtype):
    user = nodes.add(name="user_of_output_%d" % i, op="Identity", input=[tensor])
    user.attr["T"].type = dtype


def users(graph, tensors, function=None):
    """The graph with a node for each (tensor, dtype), in the function of that number."""
    result = graph_pb2.GraphDef()
    result.CopyFrom(graph)
    for i, (tensor, dtype) in enumerate(tensors):
        add_user(result.node if function is None else result.library.function[function].node_def, i, tensor, dtype)
    return result


def check_outputs(library, graph, op_list, tensors, function=None):
    assert find_errors(library, users(graph, tensors, function), op_list) == []
    others = [(name, types_pb2.DT_HALF if dtype == types_pb2.DT_FLOAT else types_pb2.DT_FLOAT) for name, dtype in tensors]
    errors = find_errors(library, users(graph, others, function), op_list)
    assert len(errors) == len(others) and all("incompatible with expected" in what for _, what in errors), errors


def base_type(tensor):
    return tensor.dtype.base_dtype.as_datatype_enum


def check_graph(library, graph, made, op_list):
    assert find_errors(library, graph, op_list) == []
    ops = made.get_operations()
    tensors = [(output.name, base_type(output)) for op in ops for output in op.outputs]
    check_outputs(library, graph, op_list, tensors)
    further = [("%s:%d" % (op.name, len(op.outputs)), types_pb2.DT_FLOAT) for op in ops]
    assert len(find_errors(library, users(graph, further), op_list)) == len(further)
    return len(tensors)


def check_function(library, graph, made, op_list, number):
    """Outputs of its nodes have names inside of it: "node:output:0"."""
    with made.as_default():  # which has the functions it calls
        flat, names = function_def_to_graph.function_def_to_graph_def(graph.library.function[number])
    flat.library.CopyFrom(graph.library)
    try:
        flat_graph = import_graph(flat)
    except (ValueError, KeyError):  # attributes that whoever calls it gives
        return 0
    tensors = [(name, base_type(flat_graph.get_tensor_by_name(flat_name))) for name, flat_name in sorted(names.items())
               if not name.startswith("^")]
    check_outputs(library, graph, op_list, tensors, number)
    return len(tensors)


def try_import(graph):
    try:
        return import_graph(graph)
    except (ValueError, tf.errors.OpError):
        return None


def main():
    library = op_defs_tf.Library(sys.argv[1])
    print("%d faults" % check_faults(library))
    n_graphs = n_outputs = n_inside = 0
    for path in op_defs_tf.models(sys.argv[2:]):
        for meta_graph in op_defs_tf.read(path):
            graph, op_list = meta_graph.graph_def, meta_graph.meta_info_def.stripped_op_list.SerializeToString()
            made = try_import(graph)
            if made is None:
                continue
            try:
                n_outputs += check_graph(library, graph, made, op_list)
                for number in range(min(len(graph.library.function), 10)):
                    n_inside += check_function(library, graph, made, op_list, number)
            except AssertionError as e:
                raise AssertionError("%s: %s" % (path, e)) from e
            n_graphs += 1
    print("%d outputs of %d graphs, %d in functions" % (n_outputs, n_graphs, n_inside))


if __name__ == "__main__":
    main()
