/* GraphDefs: making them node by node, and taking parts out of them. Nothing here runs a graph, or touches a file. */
#ifndef SAVEDMODEL_GRAPH_H
#define SAVEDMODEL_GRAPH_H

#include <stdbool.h>

#include <savedmodel/model.h>
#include <savedmodel/status.h>
#include <savedmodel/tensor.h>

SM_BEGIN_DECLS

/* ---- Attributes of nodes (proto/attr_value.proto) ---- */

typedef enum sm_attr_kind {
  SM_ATTR_INT = 1,
  SM_ATTR_FLOAT,
  SM_ATTR_BOOL,
  SM_ATTR_STRING,
  SM_ATTR_TYPE,
  SM_ATTR_SHAPE,
  SM_ATTR_TENSOR,
  SM_ATTR_FUNC, /* by name */
  SM_ATTR_INTS,
  SM_ATTR_FLOATS,
  SM_ATTR_STRINGS,
  SM_ATTR_TYPES,
  SM_ATTR_PROTO /* a serialised AttrValue, for what is none of these */
} sm_attr_kind;

/** An attribute and its value, in the members that kind names. Made by the functions below; everything is borrowed for the
 * call that it is handed to. */
typedef struct sm_attr {
  const char *name;
  sm_attr_kind kind;
  sm_dtype type;                /* TYPE */
  int64_t i;                    /* INT; BOOL: 0 or 1 */
  float f;                      /* FLOAT */
  int32_t rank;                 /* SHAPE; -1: unknown */
  const int64_t *dims;          /* SHAPE; -1: unknown */
  sm_string s;                  /* STRING, PROTO; FUNC: its name */
  const sm_tensor_view *tensor; /* TENSOR */
  size_t n;                     /* INTS, FLOATS, STRINGS, TYPES: how many */
  const int64_t *ints;
  const float *floats;
  const sm_string *strings;
  const sm_dtype *types;
} sm_attr;

SM_API sm_attr sm_attr_int(const char *name, int64_t value);
SM_API sm_attr sm_attr_float(const char *name, float value);
SM_API sm_attr sm_attr_bool(const char *name, bool value);
SM_API sm_attr sm_attr_string(const char *name, const char *value);
SM_API sm_attr sm_attr_type(const char *name, sm_dtype value);
SM_API sm_attr sm_attr_shape(const char *name, const int64_t *dims, int32_t rank);
SM_API sm_attr sm_attr_tensor(const char *name, const sm_tensor_view *value);
SM_API sm_attr sm_attr_func(const char *name, const char *function);
SM_API sm_attr sm_attr_ints(const char *name, const int64_t *values, size_t n);
SM_API sm_attr sm_attr_floats(const char *name, const float *values, size_t n);
SM_API sm_attr sm_attr_strings(const char *name, const sm_string *values, size_t n);
SM_API sm_attr sm_attr_types(const char *name, const sm_dtype *values, size_t n);
SM_API sm_attr sm_attr_proto(const char *name, sm_string attr_value);

/* ---- Making a graph ---- */

/* A graph being made. exclusive. */
typedef struct sm_graph sm_graph;

/**
 * Begin an empty graph.
 *
 * out        freed with sm_graph_free.
 * allocator  NULL: malloc.
 *
 * Errors: RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_graph_new(sm_graph **out, const sm_allocator *allocator, sm_error *err);

/** Free the graph and all that was borrowed from it. NULL is left alone. */
SM_API void sm_graph_free(sm_graph *graph);

/** Names and how many of them, as two arguments of a call: SM_NAMES("x", "a:1"). C only. */
#define SM_NAMES(...) \
  (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *)

/** A node to be added. Zero is the default of every field but op and name. */
typedef struct sm_node_spec {
  const char *op; /* one of TensorFlow's, or a function of the graph */
  const char *name;
  const char *const *inputs; /* "a" (the same as "a:0"), "a:1"; then control inputs, "^a" */
  size_t n_inputs;
  const sm_attr *attrs; /* but for types and lengths that the inputs tell */
  size_t n_attrs;
  const char *device; /* NULL: anywhere */
} sm_node_spec;

/**
 * Add a node. It is checked against the definition of its op: number and types of the inputs, the attributes it must
 * have, their kinds. Attributes that say the type or the number of inputs ("T", "N") are found from the inputs. Those that
 * have a default may be left out.
 *
 * Errors: INVALID_ARGUMENT no such op; a name that TensorFlow does not take ([A-Za-z0-9.][A-Za-z0-9_./-]*, or several such
 *   joined by '>'); inputs that are not in the graph yet, too many, too few, or of the wrong type; an attribute that is
 *   missing, of another kind, not allowed, or not the op's. ALREADY_EXISTS the name is taken. RESOURCE_EXHAUSTED. Nothing is added then.
 * Source: proto/op_def.proto; what TensorFlow refuses in node_def_util.cc, ValidateNodeDef and InOutTypesForNode.
 */
SM_API sm_status sm_graph_add_node(sm_graph *graph, const sm_node_spec *spec, sm_error *err);

/** The same for a node that needs no attributes but those its inputs tell:
 * sm_graph_add(graph, "Mul", "ax", SM_NAMES("x", "a/Read/ReadVariableOp"), err). */
SM_API sm_status sm_graph_add(sm_graph *graph, const char *op, const char *name, const char *const *inputs,
                              size_t n_inputs, sm_error *err);

/** Add a Placeholder: an input. dims: rank numbers, -1 for what is not known; rank -1: nothing is. Errors as above. */
SM_API sm_status sm_graph_add_placeholder(sm_graph *graph, const char *name, sm_dtype dtype, const int64_t *dims,
                                          int32_t rank, sm_error *err);

/** Add a Const. Errors as above. */
SM_API sm_status sm_graph_add_const(sm_graph *graph, const char *name, const sm_tensor_view *value, sm_error *err);

/** Add a Const that is one string, such as the file name of an asset. Errors as above. */
SM_API sm_status sm_graph_add_string(sm_graph *graph, const char *name, const char *value, sm_error *err);

/**
 * Add a variable: a resource, whose value is the tensor NAME/Read/ReadVariableOp. Its initial value are zeros: a loader
 * restores the one of the checkpoint, which is there under name. It gets an entry in the collection "variables" and, when
 * it is of floating-point or complex type, in "trainable_variables".
 *
 * dims  rank numbers, all known.
 *
 * Errors: as above.
 * Source: the nodes that tf.compat.v1.get_variable makes with use_resource=True; VariableDef in proto/variable.proto.
 */
SM_API sm_status sm_graph_add_variable(sm_graph *graph, const char *name, sm_dtype dtype, const int64_t *dims,
                                       int32_t rank, sm_error *err);

/* What of a line a table has as key or value, beside the number of a column from 0. */
enum { SM_TABLE_WHOLE_LINE = -2, SM_TABLE_LINE_NUMBER = -1 };

/** A table that does not change: of keys and values, or of the lines of a text file. */
typedef struct sm_table_spec {
  const char *name;                    /* of the table's node; LookupTableFindV2 takes it as its first input */
  const sm_tensor_view *keys, *values; /* of one shape; NULL: from a file */
  const char *file;                    /* string tensor with its path, which a loader feeds for an asset: "vocab:0" */
  sm_dtype key_dtype, value_dtype;     /* of a table from a file */
  int64_t key_index, value_index;      /* column, SM_TABLE_WHOLE_LINE or SM_TABLE_LINE_NUMBER */
  char delimiter;                      /* of columns; 0: a tab */
} sm_table_spec;

/**
 * Add a table and the node that fills it, NAME/Initialize, for sm_graph_add_init_op.
 * Errors: as above; INVALID_ARGUMENT both keys and file, or neither.
 * Source: the ops HashTableV2, LookupTableImportV2, InitializeTableFromTextFileV2.
 */
SM_API sm_status sm_graph_add_table(sm_graph *graph, const sm_table_spec *spec, sm_error *err);

/** Add a NoOp after which all tables so far are filled: sm_meta_graph_spec.init_op. Errors as above. */
SM_API sm_status sm_graph_add_init_op(sm_graph *graph, const char *name, sm_error *err);

/**
 * Add a function, which nodes may then call: by its name as their op, or as an attribute.
 *
 * function_def  serialised FunctionDef, borrowed for the call.
 *
 * Errors: DATA_LOSS it is none; INVALID_ARGUMENT it has no name, or that of an op; ALREADY_EXISTS; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_graph_add_function(sm_graph *graph, sm_string function_def, sm_error *err);

/**
 * What has been added, as a serialised GraphDef with the versions of TensorFlow 2.21: nodes in the order they were added.
 * Until the graph is changed or freed. Errors: RESOURCE_EXHAUSTED (also: more than 2 GiB, which no protobuf can have).
 */
SM_API sm_status sm_graph_get_def(sm_string *out, sm_graph *graph, sm_error *err);

/** The collections that belong to it, for sm_meta_graph_spec: *n of them. Until the graph is changed or freed. */
SM_API const sm_collection *sm_graph_get_collections(size_t *n, sm_graph *graph);

/* ---- Taking parts out of a GraphDef ---- */

/**
 * The part of a graph that some tensors need: the nodes that lead to them, along inputs, control inputs and colocations,
 * and the functions these call; in their order and byte for byte. Loops are fine.
 *
 * out        out->data is freed with sm_graph_free_def and the same allocator; NULL on failure.
 * graph_def  serialised GraphDef, borrowed for the call.
 * names      of nodes ("a") or tensors ("a:0"): n_names.
 * allocator  NULL: malloc.
 *
 * Errors: NOT_FOUND a name that is not in the graph; DATA_LOSS no GraphDef; RESOURCE_EXHAUSTED.
 * Cost: n log n for n nodes; memory of 80 bytes for each node, and the result.
 * Result: as tf.compat.v1.graph_util.extract_sub_graph, but that it keeps all functions.
 */
SM_API sm_status sm_graph_prune(sm_string *out, sm_string graph_def, const char *const *names, size_t n_names,
                                const sm_allocator *allocator, sm_error *err);

/* ---- Changing a GraphDef ---- */

/**
 * A graph without the attributes that say what goes without saying: those with the default that TensorFlow 2.21 has for
 * their op. In functions, too. Older versions of TensorFlow can then read it that do not know the newest attributes. Ops
 * that are not TensorFlow's are left alone.
 *
 * out        out->data is freed with sm_graph_free_def and the same allocator; NULL on failure.
 * graph_def  serialised GraphDef, borrowed for the call. Nodes that do not change keep their bytes.
 * allocator  NULL: malloc.
 *
 * Errors: DATA_LOSS no GraphDef; RESOURCE_EXHAUSTED.
 * Cost: one walk; memory of the result and of the definitions that are used.
 * Result: as meta_graph.strip_graph_default_valued_attrs (Python). Who writes a meta graph sets stripped_default_attrs.
 */
SM_API sm_status sm_graph_strip_defaults(sm_string *out, sm_string graph_def, const sm_allocator *allocator,
                                         sm_error *err);

/** The other way about: each attribute that has a default is there, as TensorFlow's importers have it, and in functions,
 * too. Arguments and errors as above. */
SM_API sm_status sm_graph_restore_defaults(sm_string *out, sm_string graph_def, const sm_allocator *allocator,
                                           sm_error *err);

/** A graph whose nodes may be placed on any device. in_functions: those of functions, too, which TensorFlow's
 * clear_devices leaves alone. Arguments and errors as above. */
SM_API sm_status sm_graph_clear_devices(sm_string *out, sm_string graph_def, bool in_functions,
                                        const sm_allocator *allocator, sm_error *err);

/* ---- What is in a GraphDef ---- */

/** Takes a name; borrowed for the call, terminated. */
typedef void (*sm_name_fn)(void *ctx, sm_string name);

/** fn for each device that nodes are placed on, those of functions included, once each and sorted: "/device:CPU:0". Errors:
 * as above, and INVALID_ARGUMENT fn is NULL. */
SM_API sm_status sm_graph_list_devices(sm_string graph_def, sm_name_fn fn, void *ctx, const sm_allocator *allocator,
                                       sm_error *err);

/**
 * The definitions of the ops that a graph and the functions it calls use: a serialised OpList, sorted by name, which is the
 * stripped_op_list of a meta graph (TensorFlow: meta_graph.stripped_op_list_for_graph).
 *
 * out      freed as above.
 * own_ops  serialised OpList, such as the one the model had, for ops that TensorFlow 2.21 does not have; those that are
 *          not in it, either, are left out. {NULL, 0}: none.
 *
 * Errors: as above.
 */
SM_API sm_status sm_graph_list_ops(sm_string *out, sm_string graph_def, sm_string own_ops,
                                   const sm_allocator *allocator, sm_error *err);

/**
 * Does a graph hold together? Names that are there twice, inputs that lead nowhere, functions that are not there, cycles;
 * and each node against the definition of its op: attributes that are missing, of another kind or not allowed, inputs that
 * are too many, too few, or of another type. In functions, too.
 *
 * own_ops  serialised OpList, such as the stripped_op_list of a meta graph: what it says of an op comes before what
 *          TensorFlow 2.21 says. {NULL, 0}: none.
 * fn       called for each finding: its file is "", its place "node x of function f". NULL: nobody wants to know.
 *
 * Errors: DATA_LOSS there was a finding of SM_SEVERITY_ERROR (the message is the first one), or it is no GraphDef;
 *   INVALID_ARGUMENT graph_def or own_ops is NULL; RESOURCE_EXHAUSTED.
 * Cost: n log n for n nodes; memory of 120 bytes for each, and 16 for each input.
 * Source: what TensorFlow refuses in ValidateNodeDef (core/framework/node_def_util.cc) and GraphConstructor
 *   (core/common_runtime/graph_constructor.cc).
 */
SM_API sm_status sm_graph_check(sm_string graph_def, sm_string own_ops, sm_finding_fn fn, void *ctx,
                                const sm_allocator *allocator, sm_error *err);

/** Free what a function of this header made with the same allocator. {NULL, 0} is fine. */
SM_API void sm_graph_free_def(sm_string *graph_def, const sm_allocator *allocator);

SM_END_DECLS

#endif
