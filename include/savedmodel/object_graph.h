/*
 * Saving models of TensorFlow 2 from C: tf.saved_model.save without Python. A program builds the objects that Python would
 * have, variables, tables, functions and what holds them, and the library derives the rest: the graph of loaders that run
 * a session, the object graph of tf.saved_model.load, checkpoint keys, saver, init op, and functions for the signatures.
 *
 *   sm_object_graph_new -> _add_variable, _add_function, ... -> _set_signature -> _save (or _attach, to a builder)
 */
#ifndef SAVEDMODEL_OBJECT_GRAPH_H
#define SAVEDMODEL_OBJECT_GRAPH_H

#include <savedmodel/builder.h>
#include <savedmodel/objects.h>

SM_BEGIN_DECLS

/* Objects to be saved, numbered in the order they are added; 0 is the root. exclusive. */
typedef struct sm_object_graph sm_object_graph;

enum { SM_OBJECT_ROOT = 0, SM_OBJECT_NONE = -1 };

/** Begin with nothing but a root. out: freed with sm_object_graph_free. allocator: NULL: malloc. */
SM_API sm_status sm_object_graph_new(sm_object_graph **out, const sm_allocator *allocator, sm_error *err);

/** Free; what was borrowed is the caller's. NULL is left alone. */
SM_API void sm_object_graph_free(sm_object_graph *objects);

/* ---- Objects ----
 *
 * What the functions below have in common:
 *
 *   out     the object's number; NULL: not wanted.
 *   parent  the object that has it as an attribute, item or value, under name: an attribute's name in Python, the key of
 *           a dict, which may be "". Items of lists and tuples are "0", "1" and so on, in that order; what is left out
 *           is None in Python. Fields of a named tuple have their names, too. At the root the name "signatures" is
 *           reserved.
 *           SM_OBJECT_NONE: none yet, and perhaps for ever, as of constants that are merely captured: see
 *           sm_object_graph_link. name may then be NULL, and is part of what the graph calls the object. What nothing
 *           leads to in the end is not saved, but for concrete functions and tensors inside functions. Constants and
 *           assets that a saved function captures are its children, "capture_0" and so on. Variables have to be led to.
 *
 * Strings and structs are copied; values of tensors are borrowed until the model is saved (sm_object_graph_save returned,
 * sm_builder_finish was called).
 *
 * Errors of all: NOT_FOUND no such object; ALREADY_EXISTS parent has a child of that name; INVALID_ARGUMENT no name, one
 * that is not UTF-8, a reserved one, an item that is not behind the last one; parent is none that has children;
 * RESOURCE_EXHAUSTED. Of all that change objects: FAILED_PRECONDITION they were saved or attached, or that failed when it
 * had begun. Messages name objects by their path, "layers/0/kernel".
 */

/* What Python makes of an object that has others. */
typedef enum sm_container {
  SM_CONTAINER_OBJECT = 0, /* attributes */
  SM_CONTAINER_LIST,
  SM_CONTAINER_DICT,
  SM_CONTAINER_TUPLE
} sm_container;

SM_API sm_status sm_object_graph_add(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                     sm_container container, sm_error *err);

/**
 * The class of an object that has others, where its container does not say it: "optimizer", "_tf_keras_layer".
 *
 * user  copied. Of optimizers whose loaders have add_slot ("optimizer", "tf_keras_optimizer", "tf_deprecated_optimizer")
 *       the slot variables are told to tf.saved_model.load, too.
 *
 * Errors: NOT_FOUND no such object; INVALID_ARGUMENT object is no container, there is no identifier, a text that is not
 *   UTF-8; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_object_graph_set_user_object(sm_object_graph *objects, int32_t object, const sm_user_object *user,
                                                 sm_error *err);

/** The first way to an object, or one more: things may be shared, and there may be cycles. */
SM_API sm_status sm_object_graph_link(sm_object_graph *objects, int32_t parent, const char *name, int32_t child,
                                      sm_error *err);

/** The part of a distributed variable that lies on one device. */
typedef struct sm_variable_component {
  const char *name, *device;
} sm_variable_component;

/** A variable to be saved. Zero is the default of every field but dtype and shape. */
typedef struct sm_variable_spec {
  const sm_tensor_view
      *value;     /* with dtype and shape; NULL: the caller adds it to sm_builder_get_variables under the key
                                  that sm_object_graph_get_key tells, in one piece or streamed */
  sm_dtype dtype; /* of a variable without value; so are the next two */
  int32_t rank;
  const int64_t *dims;
  const char *name;   /* what users see, "dense/kernel"; several may have the same. NULL: its path, with '_' for
                         characters that names in graphs cannot have */
  const char *device; /* kept when sm_export_options.variable_policy says so. NULL: none */
  bool not_trainable;
  bool has_own_shape; /* rank and dims count beside value: what the variable says, -1 where its shape may change
                         (validate_shape=False) */
  sm_synchronization synchronization;
  sm_aggregation aggregation;
  const sm_variable_component *components; /* of a distributed variable, kept by the policy to expand those */
  size_t n_components;
} sm_variable_spec;

/** Errors: also INVALID_ARGUMENT a dtype that variables do not have; a shape that is not fully known, or another than the
 * value's, without has_own_shape. */
SM_API sm_status sm_object_graph_add_variable(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                              const sm_variable_spec *spec, sm_error *err);

/** A tensor that functions capture, and that stays what it is: it lies in the graph, whose size is limited to 2 GiB. */
SM_API sm_status sm_object_graph_add_constant(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                              const sm_tensor_view *value, sm_error *err);

/** A file that goes with the model; functions and tables capture its path, a string. tensor_name is not heeded. */
SM_API sm_status sm_object_graph_add_asset(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                           const sm_asset_spec *file, sm_error *err);

/** A lookup table. Zero is the default of every field but the dtypes. */
typedef struct sm_lookup_table {
  sm_dtype key_dtype, value_dtype;
  bool is_mutable;                     /* MutableHashTableV2: its contents, keys and values, lie in the checkpoint */
  const sm_tensor_view *keys, *values; /* of one dimension, as many of one as of the other; NULL: from a file, or, if it
                                          is mutable, none */
  int32_t asset;                  /* object: the text file that a table which does not change is read from; 0: none */
  int64_t key_index, value_index; /* column, SM_TABLE_WHOLE_LINE or SM_TABLE_LINE_NUMBER (savedmodel/graph.h) */
  char delimiter;                 /* of columns; 0: a tab */
} sm_lookup_table;

/** Errors: also INVALID_ARGUMENT both keys and a file, or neither; dtypes and values that differ. */
SM_API sm_status sm_object_graph_add_table(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                           const sm_lookup_table *spec, sm_error *err);

/**
 * Any resource: a dense table, an iterator. It is made and filled by its children, functions without arguments that are
 * added below it with sm_object_graph_add_function:
 *
 *   "_create_resource"   returns the handle, which the function captures that use the resource. It has to name what it
 *                        makes (shared_name): sessions call it again for each handle that they need
 *   "_initialize"        optional; called when the model is loaded, after variables have their values. It returns a number,
 *                        which TensorFlow wants when it loads a model into a graph
 *   "_destroy_resource"  optional
 *
 * device  NULL: none is kept.
 *
 * Errors when the model is saved: INVALID_ARGUMENT there is no "_create_resource", or it takes something or does not
 *   return one resource; it captures a resource that is made after it.
 */
SM_API sm_status sm_object_graph_add_resource(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                              const char *device, sm_error *err);

/**
 * How an object is saved by functions of its own, which capture it: concrete functions, usually without parent. The main
 * graph's saver calls them, too.
 *
 * name  ".TENSORS": save takes nothing and returns a dict of tensors, which restore takes; their keys are those of the
 *       saved tensors, attribute and suffix in one. Another: the attribute of the saved tensors; save takes the
 *       checkpoint key, a string, and returns a list of dicts {"name", "slice_spec", "tensor"}, one for each saved tensor
 *       in the order in which they are added; restore takes those tensors.
 *
 * Errors: NOT_FOUND no such object; ALREADY_EXISTS the object has one of that name; INVALID_ARGUMENT an object that cannot
 *   be saved so, save or restore is no concrete function; RESOURCE_EXHAUSTED. When the model is saved: INVALID_ARGUMENT
 *   saved tensors and what the functions take and return differ.
 * Source: python/saved_model/tracing_utils.py; python/training/saving/trace_saveable_util.py.
 */
SM_API sm_status sm_object_graph_add_saveable(sm_object_graph *objects, int32_t object, const char *name,
                                              int32_t save_function, int32_t restore_function, sm_error *err);

/**
 * A tensor in the checkpoint of an object with a saveable. Its key is PATH/.ATTRIBUTES/ATTRIBUTE and the suffix.
 *
 * attribute, suffix  "table", "-keys"; suffix NULL: none.
 * value              borrowed until the model is saved.
 *
 * Errors: NOT_FOUND no such object; ALREADY_EXISTS it has such a tensor, attribute and suffix being one; INVALID_ARGUMENT value is
 *   no tensor, no attribute, text that is not UTF-8; RESOURCE_EXHAUSTED. When the model is saved: INVALID_ARGUMENT no
 *   saveable saves it, or two do.
 */
SM_API sm_status sm_object_graph_add_saved_tensor(sm_object_graph *objects, int32_t object, const char *attribute,
                                                  const char *suffix, const sm_tensor_view *value, sm_error *err);

/**
 * A tensor inside a function, which the function of a registered gradient captures. Nothing leads to it.
 *
 * function  in the library.
 * tensor    of its body, "mul:0", or an argument of it, "x:0".
 *
 * Errors: INVALID_ARGUMENT there is no such function, or no such node or argument in it; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_object_graph_add_captured_tensor(int32_t *out, sm_object_graph *objects, const char *function,
                                                     const char *tensor, sm_error *err);

/**
 * The variable in which an optimizer keeps its state for another one ("momentum"). It is no child of anything.
 * tf.train.Checkpoint restores it; tf.saved_model.load does if the optimizer's class can (see
 * sm_object_graph_set_user_object), and else leaves it alone.
 *
 * spec  as of other variables; name NULL: the path of both.
 *
 * Errors: also ALREADY_EXISTS there is such a slot; INVALID_ARGUMENT optimizer holds no objects, variable is none.
 */
SM_API sm_status sm_object_graph_add_slot(int32_t *out, sm_object_graph *objects, int32_t optimizer, int32_t variable,
                                          const char *slot_name, const sm_variable_spec *spec, sm_error *err);

/** The class that Python has registered for it, "package>Class". */
SM_API sm_status sm_object_graph_set_registered_name(sm_object_graph *objects, int32_t object, const char *name,
                                                     sm_error *err);

/**
 * What the class that Python has registered keeps of an object, a message: SavedObject.serialized_user_proto.
 *
 * type_url  "type.googleapis.com/package.Message".
 * bytes     the serialised message; copied.
 */
SM_API sm_status sm_object_graph_set_user_proto(sm_object_graph *objects, int32_t object, const char *type_url,
                                                sm_string bytes, sm_error *err);

/* ---- Functions ---- */

/** An object that a function works on without being passed it. */
typedef struct sm_function_capture {
  const char
      *node; /* of graph_def: the VarHandleOp, HashTableV2, Placeholder or Const that stands for it; of a FunctionDef:
                       the argument, as it is called there; NULL: the next one */
  int32_t object;
} sm_function_capture;

/** A tensor that a function takes or returns. */
typedef struct sm_function_tensor {
  const char *name;   /* argument, or key of a dict that is returned; NULL: see sm_trace.outputs */
  const char *tensor; /* in graph_def, "x:0"; NULL: of a FunctionDef, the next argument or result */
  sm_dtype dtype;     /* SM_DT_INVALID: what the graph or FunctionDef says */
  int32_t rank;       /* -1: unknown */
  const int64_t *dims;
} sm_function_tensor;

/**
 * A concrete function: one way in which a function can be called. It is given as the name of a FunctionDef, or as the graph
 * that it is cut out of: backwards from the outputs to the inputs and captures.
 */
typedef struct sm_trace {
  const char *function; /* a FunctionDef of sm_object_graph_add_library, "__inference_f_12"; NULL: graph_def counts */
  sm_string graph_def;  /* serialised; copied */
  const sm_function_tensor *inputs; /* of a FunctionDef: may be NULL, then it says all but the shapes */
  size_t n_inputs;
  const sm_function_tensor *outputs; /* all have names: a dict; one without: a tensor; several without: a tuple */
  size_t n_outputs;
  const sm_function_capture *captures; /* of a FunctionDef: its last arguments, in their order */
  size_t n_captures;
  const char *const *control_outputs; /* nodes of graph_def that run whenever the function does, such as assignments.
                                         Those with effects that inputs of other nodes lead to are found */
  size_t n_control_outputs;
  /* What Python passes and gets, where that is more than tensors; specs in it are named as inputs and outputs. A
   * FunctionDef has to have its arguments in the order of the specs, dicts being sorted by key. A composite tensor, a
   * TYPE_SPEC, stands for the tensors that it is made of: so many inputs or outputs, without names. */
  const sm_structured *input_structure;  /* TUPLE of a TUPLE and a DICT; NULL: inputs, positional */
  const sm_structured *output_structure; /* NULL: as outputs say */
} sm_trace;

/** A function as Python has it, with its traces: which one a call means, its arguments decide. */
typedef struct sm_traced_function {
  const sm_trace *traces;         /* tried in this order */
  size_t n_traces;                /* 0: it was never called */
  const sm_parameter *parameters; /* without self; NULL: the inputs of the first trace */
  size_t n_parameters;
  bool is_fixed; /* tf.function(input_signature=...): the specs of its only trace */
  /* All that Python knows, instead of parameters and is_fixed; NULL: those. Its full_argspec, where there is one, is written
   * as it is; else one is made of the rest. */
  const sm_function_spec *spec;
} sm_traced_function;

/**
 * A function.
 *
 * Errors: also INVALID_ARGUMENT, naming path and function: there is no such FunctionDef, its arguments are not those of
 *   inputs and captures by number and dtype, its name does not end in "_NUMBER" (fingerprints need that), what is captured
 *   is none that can be; graph_def cannot be cut; parameters that Python calls the same, or like one of its words:
 *   TensorFlow would not load them.
 */
SM_API sm_status sm_object_graph_add_function(int32_t *out, sm_object_graph *objects, int32_t parent, const char *name,
                                              const sm_traced_function *function, sm_error *err);

/**
 * A concrete function as an object of its own: what f.get_concrete_function() is in Python, and the functions that save
 * objects. Zero is the default of all fields but trace.
 */
typedef struct sm_bare_function {
  sm_trace trace;
  const char *const
      *argument_keywords; /* what its tensors are called in calls, in their order; NULL: as their specs, with
                                           a number where a name is taken, and all may go without a name */
  size_t n_argument_keywords;
  int64_t allowed_positional_arguments; /* with argument_keywords: how many may go without a name */
  const sm_function_spec *spec;         /* NULL: none is recorded */
} sm_bare_function;

/**
 * A concrete function. With parent SM_OBJECT_NONE it is saved all the same: as an object where it is an object's saveable,
 * else without, as functions of registered gradients are.
 *
 * Errors: those of sm_object_graph_add_function; INVALID_ARGUMENT another number of keywords than of tensors, or more
 *   arguments without name than there are.
 */
SM_API sm_status sm_object_graph_add_concrete_function(int32_t *out, sm_object_graph *objects, int32_t parent,
                                                       const char *name, const sm_bare_function *function,
                                                       sm_error *err);

/**
 * Take over the functions and the registered gradients of a GraphDef. Before functions that name them. Functions that
 * neither objects nor gradients lead to are not saved.
 * Errors: ALREADY_EXISTS another function of that name; DATA_LOSS, RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_object_graph_add_library(sm_object_graph *objects, sm_string graph_def, sm_error *err);

/**
 * Definitions of operations that are not TensorFlow's own, as a serialised OpList: a model's, sm_meta_graph_spec's
 * meta_info_def has one. Before functions that use them. Functions with operations that nobody has defined are not saved.
 * Errors: DATA_LOSS, RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_object_graph_add_op_list(sm_object_graph *objects, sm_string op_list, sm_error *err);

/* ---- Signatures ---- */

/**
 * What servers call: a function, or a concrete one (trace 0). Its composite arguments are passed as the tensors that they are
 * made of; what it returns is a tensor, a composite one, or a list, tuple or dict of them.
 *
 * Inputs have the keywords of a concrete function. Those of another have the names of its specs; specs without one, and
 * components, that of the parameter: "d", "d_1", ... Outputs have the keys of the dict, or output_0, output_1, ...
 *
 * trace  which of the function's.
 *
 * Errors: NOT_FOUND no such function or trace; ALREADY_EXISTS the key; INVALID_ARGUMENT a reserved key. When the model is
 *   saved: INVALID_ARGUMENT two inputs of one name (TensorFlow would number them; the message has the paths of both
 *   arguments), or that Python calls the same, as "x/y" and "x_y"; a name of an input that TensorFlow does not save, a
 *   variable as input, outputs that are no tensors.
 * Source: python/saved_model/signature_serialization.py; python/eager/polymorphic_function/tracing_compilation.py.
 */
SM_API sm_status sm_object_graph_set_signature(sm_object_graph *objects, const char *key, int32_t function,
                                               size_t trace, sm_error *err);

/**
 * The value that an input of a signature takes when it is not fed. Those parameters of a function that has an input signature
 * whose defaults are tensors need no such call.
 *
 * key    of a signature that was set.
 * value  copied.
 *
 * Errors: NOT_FOUND no such signature, ALREADY_EXISTS the input has a default; INVALID_ARGUMENT a value that no constant can
 *   be. That there is no such input, or that value does not fit it, is told when the model is saved.
 */
SM_API sm_status sm_object_graph_set_signature_default(sm_object_graph *objects, const char *key, const char *input,
                                                       const sm_tensor_view *value, sm_error *err);

/* ---- Saving ---- */

/* Source: python/saved_model/save_options.py, VariablePolicy. */
typedef enum sm_variable_policy {
  SM_VARIABLE_POLICY_NONE = 0,
  SM_VARIABLE_POLICY_SAVE_VARIABLE_DEVICES,
  SM_VARIABLE_POLICY_EXPAND_DISTRIBUTED_VARIABLES /* devices and components */
} sm_variable_policy;

/** "save_variable_devices" or "expand_distributed_variables", in any case; NULL: none. Errors: INVALID_ARGUMENT another. */
SM_API sm_status sm_variable_policy_parse(sm_variable_policy *out, const char *text, sm_error *err);

/** Another name for all traces of a function. */
typedef struct sm_function_alias_spec {
  const char *alias;
  int32_t function;
} sm_function_alias_spec;

/** tf.saved_model.SaveOptions. Zero is the default of every field but struct_size; start from SM_EXPORT_OPTIONS_INIT. */
typedef struct sm_export_options {
  size_t struct_size;
  const char *const *namespace_whitelist; /* of operations "namespace>Op" that may be used; NULL: all */
  size_t n_namespaces;
  sm_string debug_info; /* serialised GraphDebugInfo, for debug/; borrowed until finish. {NULL, 0}: none */
  const sm_function_alias_spec *function_aliases;
  size_t n_function_aliases;
  const char *io_device; /* has no effect: files are written by the caller's machine */
  sm_variable_policy variable_policy;
  bool no_custom_gradients;      /* leave out those registered in libraries */
  bool strip_debug_ops;          /* see sm_builder_strip_debug_ops */
  bool image_format;             /* UNIMPLEMENTED, as in released TensorFlow */
  bool skip_saver;               /* loaders that run a session then leave variables uninitialised */
  const char *const *extra_tags; /* beside "serve" */
  size_t n_extra_tags;
  bool no_signatures;                        /* none, instead of TensorFlow's choice */
  void (*note)(void *ctx, const char *what); /* told of choices that may surprise; NULL: nobody wants to know */
  void *note_ctx;
  uint64_t
      move_constants_above; /* bytes: larger constants of numbers, captured ones and Const nodes of functions, become
                                    variables that are not trainable, so that their values lie in the checkpoint, which
                                    may be of any size. Those of functions are in the root's list "moved_constants". What
                                    loops and datasets have stays, and a note says so. 0: all stay */
} sm_export_options;

#define SM_EXPORT_OPTIONS_INIT \
  { .struct_size = sizeof(sm_export_options) }

/**
 * Add the objects to a model, as a meta graph. Everything is checked first; then the values are written to the model's
 * variables.
 *
 * index    of the meta graph; NULL: not wanted.
 * builder  has no other meta graph: tf.saved_model.load takes objects from a model with a single one.
 * options  NULL: defaults.
 *
 * If no signature was set, TensorFlow's rule chooses: the root's function "_default_save_signature", else its only function
 * that has an input signature, or is a concrete one, and can be one, becomes SM_KEY_SERVING_DEFAULT; otherwise there is none,
 * and a note says so.
 *
 * The same objects and options give the same bytes.
 *
 * Errors: INVALID_ARGUMENT what sm_builder_add_meta_graph refuses; an operation that nobody has defined, or of a namespace
 *   that is not in the whitelist (the message names operation, node, function and namespace); functions that call
 *   themselves, perhaps through others; NOT_FOUND functions call others that are not there; FAILED_PRECONDITION the builder
 *   has a meta graph, or the objects were attached before, or that failed when it had begun; RESOURCE_EXHAUSTED; those of sm_bundle_writer_add.
 */
SM_API sm_status sm_object_graph_attach(size_t *index, sm_object_graph *objects, sm_builder *builder,
                                        const sm_export_options *options, sm_error *err);

/**
 * The key that the value of a variable or slot has in the checkpoint; of other objects that of the first saved tensor's
 * attribute. Until the objects are freed.
 * Errors: FAILED_PRECONDITION before attach; NOT_FOUND it has none.
 */
SM_API sm_status sm_object_graph_get_key(const char **out, const sm_object_graph *objects, int32_t object,
                                         sm_error *err);

/**
 * tf.saved_model.save: a model of these objects in dir. options, save: NULL: defaults. All variables have values.
 * Errors: those of sm_builder_open, sm_object_graph_attach, sm_builder_finish.
 */
SM_API sm_status sm_object_graph_save(sm_object_graph *objects, const char *dir, const sm_export_options *options,
                                      const sm_save_options *save, sm_error *err);

SM_END_DECLS

#endif
