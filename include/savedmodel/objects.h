/* The object graph of a V2 model: what tf.saved_model.load gives a Python user beyond signatures. */
#ifndef SAVEDMODEL_OBJECTS_H
#define SAVEDMODEL_OBJECTS_H

#include <savedmodel/bundle.h>
#include <savedmodel/model.h>

SM_BEGIN_DECLS

/** A node of the object graph. shared; lives until sm_model_close. */
typedef struct sm_trackable sm_trackable;

/* The numbers are those of the fields of SavedObject (proto/saved_object_graph.proto). */
typedef enum sm_object_kind {
  SM_OBJECT_UNKNOWN = 0, /* no kind is recorded */
  SM_OBJECT_USER_OBJECT = 4,
  SM_OBJECT_ASSET = 5,
  SM_OBJECT_FUNCTION = 6,
  SM_OBJECT_VARIABLE = 7,
  SM_OBJECT_BARE_CONCRETE_FUNCTION = 8,
  SM_OBJECT_CONSTANT = 9,
  SM_OBJECT_RESOURCE = 10,
  SM_OBJECT_CAPTURED_TENSOR = 12
} sm_object_kind;

/**
 * The root of a meta graph's object graph.
 * Errors: NOT_FOUND the meta graph has none (V1 models); DATA_LOSS, RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_meta_graph_get_root(const sm_trackable **out, const sm_meta_graph *graph, sm_error *err);

/** Number of nodes; they are numbered from 0, the root. Errors: as above. */
SM_API sm_status sm_meta_graph_n_objects(size_t *out, const sm_meta_graph *graph, sm_error *err);

/** The node of that number, which captures, slots and dependencies name. Errors: as above; DATA_LOSS there is none. */
SM_API sm_status sm_meta_graph_get_object(const sm_trackable **out, const sm_meta_graph *graph, int64_t id,
                                          sm_error *err);

/** Its number. */
SM_API int32_t sm_trackable_get_id(const sm_trackable *node);

SM_API sm_object_kind sm_trackable_get_kind(const sm_trackable *node);

/** Number of children, in file order. */
SM_API size_t sm_trackable_n_children(const sm_trackable *node);

/**
 * Child i and the name of the edge to it; either out may be NULL. The graph may have cycles.
 * Errors: NOT_FOUND no such number; DATA_LOSS the edge leads to no node, or the node is damaged; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_trackable_get_child(const sm_trackable **out, const char **name, const sm_trackable *node, size_t i,
                                        sm_error *err);

/* ---- Paths ----
 *
 * "layers/0/kernel": the names of the edges from a node to another one, joined by '/'. In a name '.' is written ".." and
 * '/' is written ".S", as in the keys of checkpoints (python/trackable/trackable_utils.py, escape_local_name). */

/**
 * The node at the end of a path that begins at node; "" is node itself. Of two children of one name the last counts.
 * Errors: NOT_FOUND a part leads nowhere; the message says which, and what there is. Those of sm_trackable_get_child.
 */
SM_API sm_status sm_trackable_find(const sm_trackable **out, const sm_trackable *node, const char *path, sm_error *err);

/**
 * The shortest path from the root, of several as short the first in the order of the file. Until sm_model_close.
 * Errors: NOT_FOUND none leads there; DATA_LOSS; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_trackable_get_path(const char **out, const sm_trackable *node, sm_error *err);

/**
 * The key of a node's value in sm_model_get_variables. Found as TensorFlow does: the checkpoint has an object graph of its
 * own, and both are walked together, by the names of children and slots. In a checkpoint without one, it is the name of
 * the variable.
 *
 * out        until sm_model_close.
 * attribute  which of its values; NULL: the first, and the only one that a variable has. A table's key stands for two
 *            tensors, which have "-keys" and "-values" behind it.
 *
 * Errors: NOT_FOUND nothing was saved for the node; those of sm_model_get_variables; DATA_LOSS the checkpoint's object
 *   graph is damaged; RESOURCE_EXHAUSTED.
 * Cost: the first call reads both object graphs.
 */
SM_API sm_status sm_trackable_get_key(const char **out, const sm_trackable *node, const char *attribute, sm_error *err);

/* ---- Structured values: what Python arguments were ---- */

typedef enum sm_structured_kind {
  SM_STRUCTURED_NONE = 0,
  SM_STRUCTURED_BOOL,
  SM_STRUCTURED_INT64,
  SM_STRUCTURED_FLOAT64,
  SM_STRUCTURED_STRING,
  SM_STRUCTURED_SHAPE,
  SM_STRUCTURED_DTYPE,
  SM_STRUCTURED_TENSOR_SPEC,
  SM_STRUCTURED_BOUNDED_TENSOR_SPEC,
  SM_STRUCTURED_TYPE_SPEC,
  SM_STRUCTURED_LIST,
  SM_STRUCTURED_TUPLE,
  SM_STRUCTURED_DICT,
  SM_STRUCTURED_NAMED_TUPLE,
  SM_STRUCTURED_TENSOR, /* a constant; its value is not decoded */
  SM_STRUCTURED_NUMPY
} sm_structured_kind;

/* The classes that TensorFlow knows by number. Source: TypeSpecProto.TypeSpecClass (proto/struct.proto). */
typedef enum sm_type_spec_class {
  SM_TYPE_SPEC_UNKNOWN = 0,
  SM_TYPE_SPEC_SPARSE_TENSOR = 1,
  SM_TYPE_SPEC_INDEXED_SLICES = 2,
  SM_TYPE_SPEC_RAGGED_TENSOR = 3,
  SM_TYPE_SPEC_TENSOR_ARRAY = 4,
  SM_TYPE_SPEC_DATASET = 5,
  SM_TYPE_SPEC_ITERATOR = 6,
  SM_TYPE_SPEC_OPTIONAL = 7,
  SM_TYPE_SPEC_PER_REPLICA = 8,
  SM_TYPE_SPEC_VARIABLE = 9,
  SM_TYPE_SPEC_ROW_PARTITION = 10,
  SM_TYPE_SPEC_REGISTERED = 12, /* by its name */
  SM_TYPE_SPEC_EXTENSION_TYPE = 13
} sm_type_spec_class;

/**
 * A value or a specification of one. kind says which fields mean something. All that the file says is kept, so that what
 * was read can be written again. Format: proto/struct.proto.
 */
typedef struct sm_structured {
  sm_structured_kind kind;
  bool bool_value;
  int64_t int64_value;
  double float64_value;
  const char *text;    /* STRING; the name of a TENSOR_SPEC ("" for none) or of a NAMED_TUPLE's type; the class of a
                          TYPE_SPEC as Python names it, "RaggedTensorSpec" */
  sm_dtype dtype;      /* DTYPE, TENSOR_SPEC, BOUNDED_TENSOR_SPEC */
  int32_t rank;        /* SHAPE, TENSOR_SPEC, BOUNDED_TENSOR_SPEC; -1: unknown */
  const int64_t *dims; /* -1: unknown */
  size_t n_items;      /* LIST, TUPLE, DICT, NAMED_TUPLE; a TYPE_SPEC has one, the state it was made from */
  const struct sm_structured *items;
  const char *const *keys;            /* DICT and NAMED_TUPLE: one per item; a DICT is sorted by key */
  sm_type_spec_class type_spec_class; /* TYPE_SPEC */
  const char *class_name;             /* TYPE_SPEC: as the file has it, "tf.RaggedTensorSpec"; NULL: as text */
  int32_t n_flat;    /* TYPE_SPEC: tensors that such a value is made of; 0: what the class says, as in old files */
  sm_string proto;   /* TENSOR, NUMPY: the value, a serialised TensorProto; not terminated */
  sm_string minimum; /* BOUNDED_TENSOR_SPEC: likewise; {NULL, 0}: not recorded */
  sm_string maximum;
} sm_structured;

/* ---- Functions ---- */

/** One trace of a function: a FunctionDef of the graph's library with what Python knew of its arguments. */
typedef struct sm_concrete_function {
  const char *name;             /* in the library, "__inference_f_12" */
  const sm_structured *inputs;  /* TUPLE of the positional TUPLE and the keyword DICT; NULL: not recorded */
  const sm_structured *outputs; /* NULL: not recorded */
  const int32_t *captures;      /* object graph nodes bound to the last inputs */
  size_t n_captures;
  const char *const *argument_keywords; /* of a bare concrete function; else none */
  size_t n_argument_keywords;
  int64_t allowed_positional_arguments; /* likewise */
} sm_concrete_function;

/**
 * Number of concrete functions of a node: those of a FUNCTION, the one of a BARE_CONCRETE_FUNCTION, else 0.
 *
 * They are in the order in which saved_model_cli lists them: by the names that TensorFlow gives them when it loads the
 * model, which end in a number that counts what it made before them, and are compared as text.
 */
SM_API size_t sm_trackable_n_functions(const sm_trackable *node);

/** Concrete function i. Errors: NOT_FOUND no such number; DATA_LOSS it is not in the object graph, or damaged;
 * RESOURCE_EXHAUSTED. */
SM_API sm_status sm_trackable_get_function(const sm_concrete_function **out, const sm_trackable *node, size_t i,
                                           sm_error *err);

/**
 * Concrete functions of the whole object graph, sorted by name. What only a bare concrete function knows, its keywords, is
 * not in these. Errors: as above, and those of sm_meta_graph_get_root; _find: NOT_FOUND no function of that name.
 */
SM_API sm_status sm_meta_graph_n_concrete_functions(size_t *out, const sm_meta_graph *graph, sm_error *err);
SM_API sm_status sm_meta_graph_get_concrete_function(const sm_concrete_function **out, const sm_meta_graph *graph,
                                                     size_t i, sm_error *err);
SM_API sm_status sm_meta_graph_find_concrete_function(const sm_concrete_function **out, const sm_meta_graph *graph,
                                                      const char *name, sm_error *err);

/** A parameter of a Python function. */
typedef struct sm_parameter {
  const char *name;
  const sm_structured *default_value; /* NULL: it has none */
} sm_parameter;

typedef enum sm_jit_compile { SM_JIT_DEFAULT = 0, SM_JIT_ON = 1, SM_JIT_OFF = 2 } sm_jit_compile;

/**
 * What Python calls a function with. A "self" that old files have is left out.
 * Format: FunctionSpec (proto/saved_object_graph.proto), whose fullargspec is inspect.FullArgSpec.
 */
typedef struct sm_function_spec {
  size_t n_parameters; /* those that may go without a name */
  const sm_parameter *parameters;
  const char *varargs; /* NULL: no *args */
  size_t n_keyword_only;
  const sm_parameter *keyword_only;
  const char *varkw;                    /* NULL: no **kwargs */
  const sm_structured *annotations;     /* DICT; NULL: not recorded */
  const sm_structured *input_signature; /* TUPLE of what tf.function was given; NULL: it was given none */
  const sm_structured *full_argspec;    /* as it is in the file; NULL: not recorded, and there are no parameters */
  bool is_method;
  sm_jit_compile jit_compile;
} sm_function_spec;

/* ---- What a node records ---- */

/* Source: proto/variable.proto. */
typedef enum sm_synchronization {
  SM_SYNCHRONIZATION_AUTO = 0,
  SM_SYNCHRONIZATION_NONE = 1,
  SM_SYNCHRONIZATION_ON_WRITE = 2,
  SM_SYNCHRONIZATION_ON_READ = 3
} sm_synchronization;

typedef enum sm_aggregation {
  SM_AGGREGATION_NONE = 0,
  SM_AGGREGATION_SUM = 1,
  SM_AGGREGATION_MEAN = 2,
  SM_AGGREGATION_ONLY_FIRST_REPLICA = 3
} sm_aggregation;

/** A variable as its object has it. Strings that are absent are "". */
typedef struct sm_variable_object {
  const char *name; /* without ":0"; several may have the same */
  const char *device;
  sm_dtype dtype;
  int32_t rank;        /* -1: unknown */
  const int64_t *dims; /* -1: unknown */
  bool trainable;
  sm_synchronization synchronization;
  sm_aggregation aggregation;
  size_t n_components; /* of a distributed variable: one for each device, with name and device alone */
  const struct sm_variable_object *components;
} sm_variable_object;

typedef struct sm_user_object {
  const char *identifier; /* "_generic_user_object", "signature_map", "_tf_keras_layer" */
  const char *metadata;   /* JSON of Keras, for its eyes only; "" */
  int32_t producer;       /* version of the class */
  int32_t min_consumer;
  const int32_t *bad_consumers;
  size_t n_bad_consumers;
} sm_user_object;

/** An edge without a place in a path. */
typedef struct sm_dependency {
  const char *name;
  int32_t id;
} sm_dependency;

/** A variable that an optimizer keeps for another one. */
typedef struct sm_slot_variable {
  const char *name; /* "momentum" */
  int32_t variable; /* which it is kept for */
  int32_t id;
} sm_slot_variable;

/** How an object is saved by functions of its own: nodes that are bare concrete functions. */
typedef struct sm_saveable {
  const char *name;
  int32_t save_function, restore_function;
} sm_saveable;

/** All of a node but children and concrete functions. Numbers of nodes are as in the file; absent strings are "". */
typedef struct sm_object {
  sm_object_kind kind;
  int32_t asset;                         /* ASSET: which of the meta graph's, see sm_meta_graph_get_asset; else -1 */
  const sm_user_object *user_object;     /* USER_OBJECT; else NULL */
  const sm_variable_object *variable;    /* VARIABLE; else NULL */
  const sm_function_spec *function_spec; /* FUNCTION, BARE_CONCRETE_FUNCTION, where it is recorded; else NULL */
  const char *const *concrete_functions; /* FUNCTION, in file order */
  size_t n_concrete_functions;
  const char *device;   /* RESOURCE */
  const char *name;     /* CONSTANT: its node in the graph; CAPTURED_TENSOR: the tensor */
  const char *function; /* CAPTURED_TENSOR: the concrete function that it is in */
  size_t n_slot_variables;
  const sm_slot_variable *slot_variables;
  size_t n_saveables; /* sorted by name */
  const sm_saveable *saveables;
  size_t n_dependencies;
  const sm_dependency *dependencies;
  const char *registered_name; /* class in Python, "tf.TrackableConstant" */
  const char *registered_saver;
  const char *user_proto_type; /* what the class keeps of itself: a type URL, and bytes */
  sm_string user_proto;
} sm_object;

/** Decoded on the first call. Errors: DATA_LOSS a function spec that is none; RESOURCE_EXHAUSTED. */
SM_API sm_status sm_trackable_get_info(const sm_object **out, const sm_trackable *node, sm_error *err);

/**
 * What Keras wrote of an object, as JSON: of the node itself (TensorFlow to 2.4), else of keras_metadata.pb. Nothing in it
 * is run. Until sm_model_close.
 * Errors: NOT_FOUND there is none; DATA_LOSS keras_metadata.pb is damaged; RESOURCE_EXHAUSTED; those of the file system.
 */
SM_API sm_status sm_trackable_get_keras_metadata(const char **out, const sm_trackable *node, sm_error *err);

/* ---- Values ---- */

/**
 * The value of a CONSTANT: that of its node in the graph.
 *
 * out  freed with sm_tensor_free.
 *
 * Errors: INVALID_ARGUMENT node is of another kind; DATA_LOSS the graph has no such node, or no value in it;
 *   UNIMPLEMENTED, RESOURCE_EXHAUSTED: see sm_tensor_read_proto.
 */
SM_API sm_status sm_trackable_read_constant(sm_tensor **out, const sm_trackable *node, sm_error *err);

/**
 * What a lookup table holds, without running anything: what the checkpoint has of it, else what its initialiser puts in,
 * which are constants or the lines of an asset.
 *
 * keys, values  as many of one as of the other, in their order there; freed with sm_tensor_free. A dense table is in the
 *               checkpoint with its empty buckets, whose key is the one that it was made with.
 *
 * Errors: INVALID_ARGUMENT node is no RESOURCE; NOT_FOUND nothing says what is in it; UNIMPLEMENTED the initialiser does
 *   something else; DATA_LOSS it, or the asset, is damaged; RESOURCE_EXHAUSTED; those of the file system.
 */
SM_API sm_status sm_trackable_read_table(sm_tensor **keys, sm_tensor **values, const sm_trackable *node, sm_error *err);

/* ---- Variables, of all models ---- */

/** What a V1 graph says of a variable. Names are those of tensors and ops. Format: proto/variable.proto. */
typedef struct sm_variable_def {
  const char *variable_name; /* "dense/kernel:0" */
  const char *initializer_name;
  const char *snapshot_name;
  const char *initial_value_name;
  bool is_resource;
  bool trainable; /* as the message says; many writers leave it out */
  sm_synchronization synchronization;
  sm_aggregation aggregation;
  const char *full_name; /* of the whole of which this is a part; NULL: it is not */
  size_t slice_rank;     /* of the three below: what the whole measures, where the part begins, what it measures */
  const int64_t *full_shape;
  const int64_t *slice_offset;
  const int64_t *slice_shape;
} sm_variable_def;

/** A variable of a model. */
typedef struct sm_variable {
  const char *name; /* of a V1 model's without ":0"; of a part that of the part; what only the checkpoint has is
                                 named by its key */
  const char *path; /* in the object graph; NULL: none leads there, or a V1 model */
  const char *key;  /* in the checkpoint; NULL: it is not there */
  size_t key_size;
  int32_t id; /* node of the object graph; -1: V1 */
  bool trainable;
  const sm_variable_def *def; /* V1: of the collections; NULL: only the checkpoint has it */
} sm_variable;

/**
 * Number of variables. Of a V2 model those of the object graph, in its order. Of a V1 model those of the collections
 * "variables" and "trainable_variables", then what else is in the checkpoint: where the two disagree, key is NULL or def
 * is.
 *
 * Errors: DATA_LOSS the object graph, a VariableDef or the checkpoint's index is damaged; RESOURCE_EXHAUSTED; those of
 *   sm_model_get_variables, but that a model may be without.
 * Cost: the first call makes the list; no value is looked at.
 */
SM_API sm_status sm_meta_graph_n_variables(size_t *out, const sm_meta_graph *graph, sm_error *err);

/** Variable i; until sm_model_close. Errors: NOT_FOUND no such number; as above. */
SM_API sm_status sm_meta_graph_get_variable(const sm_variable **out, const sm_meta_graph *graph, size_t i,
                                            sm_error *err);

/* ---- What tf.saved_model.load is told: LoadOptions ----
 *
 * Nothing is loaded here before it is asked for, so most of them are ways of asking:
 *
 *   allow_partial_checkpoint             sm_meta_graph_check_variables; nobody has to call it
 *   experimental_skip_checkpoint         look at no value: opening a model, its objects and sm_meta_graph_n_variables do
 *                                        without variables/, and key is then NULL
 *   experimental_variable_policy         device and components of sm_variable_object
 *   experimental_load_function_aliases   function_aliases of sm_meta_graph_get_info; those of its functions that are in the
 *                                        object graph sm_meta_graph_find_concrete_function knows
 *   experimental_io_device               sm_open_options.fs
 */

/**
 * Does the checkpoint have a value for each variable of the object graph? What tf.saved_model.load asks before it returns.
 *
 * allow_partial  one for any variable will do.
 * fn             called for each difference: kind is MISSING or MISMATCHED (another dtype or shape), key the path of the
 *                variable, or its name where nothing leads to it; binding NULL. NULL: nobody wants to know.
 *
 * A variable that nothing leads to, such as a slot variable, may be missing, but is told. What is mismatched fails in any case:
 * TensorFlow cannot assign it.
 *
 * Errors: FAILED_PRECONDITION the message names the first difference that matters; NOT_FOUND there is no object graph, or
 *   no checkpoint though there are variables; those of sm_meta_graph_n_variables.
 * Source: python/saved_model/load.py, Loader._restore_checkpoint; python/checkpoint/checkpoint.py,
 *   assert_existing_objects_matched, assert_nontrivial_match.
 */
SM_API sm_status sm_meta_graph_check_variables(const sm_meta_graph *graph, bool allow_partial, sm_difference_fn fn,
                                               void *ctx, sm_error *err);

SM_END_DECLS

#endif
