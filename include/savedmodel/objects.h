/* The object graph of a V2 model: what tf.saved_model.load gives a Python user beyond signatures. */
#ifndef SAVEDMODEL_OBJECTS_H
#define SAVEDMODEL_OBJECTS_H

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

SM_API sm_object_kind sm_trackable_get_kind(const sm_trackable *node);

/** Number of children, in file order. */
SM_API size_t sm_trackable_n_children(const sm_trackable *node);

/**
 * Child i and the name of the edge to it; either out may be NULL. The graph may have cycles.
 * Errors: NOT_FOUND no such number; DATA_LOSS the edge leads to no node, or the node is damaged; RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_trackable_get_child(const sm_trackable **out, const char **name, const sm_trackable *node, size_t i,
                                        sm_error *err);

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

/** A value or a specification of one. kind says which fields mean something. Format: proto/struct.proto. */
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
  const char *const *keys; /* DICT and NAMED_TUPLE: one per item; a DICT is sorted by key */
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

SM_END_DECLS

#endif
