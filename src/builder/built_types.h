/* Inside builder/: the structs behind savedmodel/object_graph.h. What is done with them: built_objects.h. */
#ifndef SM_BUILDER_BUILT_TYPES_H
#define SM_BUILDER_BUILT_TYPES_H

#include <savedmodel/graph.h>
#include <savedmodel/object_graph.h>

#include "base/base.h"
#include "graph/cut_function.h"
#include "graph/name_index.h"
#include "tensor/tensor.h"

typedef enum sm_built_kind {
  SM_BUILT_CONTAINER = 0,
  SM_BUILT_VARIABLE,
  SM_BUILT_CONSTANT,
  SM_BUILT_ASSET,
  SM_BUILT_RESOURCE,
  SM_BUILT_FUNCTION,
  SM_BUILT_CONCRETE_FUNCTION,
  SM_BUILT_CAPTURED_TENSOR,
  SM_BUILT_SLOT
} sm_built_kind;

typedef struct sm_built_edge {
  struct sm_built_edge *next;
  sm_string name;
  int32_t child;
} sm_built_edge;

/* A tensor of the caller's: a view without the 2 KiB of its dims. */
typedef struct sm_built_value {
  sm_dtype dtype;
  sm_shape shape;
  const void *data;
  size_t size;
  bool is_given; /* false: dtype and shape count, the value comes later */
} sm_built_value;

/* A concrete function. */
typedef struct sm_built_function {
  sm_string name; /* in the library */
  const int32_t *captures;
  size_t n_captures;
  sm_structured inputs, outputs;               /* as SavedConcreteFunction has them, dicts sorted */
  const sm_structured *const *in, *const *out; /* specs in the order of arguments and results */
  size_t n_in, n_out;
} sm_built_function;

/* What Python knows of the parameters of a function: FunctionSpec. */
typedef struct sm_built_parameters {
  sm_structured argspec;         /* FullArgSpec */
  sm_structured input_signature; /* TUPLE; NONE: it was given none */
  bool is_method;
  sm_jit_compile jit_compile;
  const char *const *names;             /* of positional ones, without self */
  const sm_structured *const *defaults; /* of these; NULL: it has none */
  size_t n_names;
  const char *varargs; /* NULL: no *args */
  const char *const *keyword_only;
  size_t n_keyword_only;
} sm_built_parameters;

/* Those of a tf.function. */
typedef struct sm_built_functions {
  sm_built_function *items;
  size_t n;
  sm_built_parameters parameters;
  bool is_fixed; /* has an input signature */
} sm_built_functions;

/* How a concrete function that is an object is called. */
typedef struct sm_built_calling {
  const char *const *keywords;           /* one for each argument that is no capture */
  size_t n_positional;                   /* so many may go without */
  const sm_built_parameters *parameters; /* NULL: nothing is said of them */
} sm_built_calling;

typedef struct sm_built_variable {
  const char *name, *device;
  sm_shape shape; /* that the variable says it has */
  bool not_trainable;
  sm_synchronization synchronization;
  sm_aggregation aggregation;
  const sm_variable_component *components;
  size_t n_components;
} sm_built_variable;

typedef struct sm_built_resource {
  const char *device;           /* NULL: none */
  const sm_lookup_table *table; /* NULL: its function says what makes it */
} sm_built_resource;

/* A tensor inside a function. */
typedef struct sm_built_captured_tensor {
  sm_string function, name;
} sm_built_captured_tensor;

typedef struct sm_built_slot {
  int32_t optimizer, variable;
  sm_string name;
  size_t rank; /* of optimizer and name, in the order of first use */
} sm_built_slot;

/* Functions that save and restore an object. */
typedef struct sm_built_saveable {
  struct sm_built_saveable *next;
  const char *name;
  int32_t save, restore; /* objects */
} sm_built_saveable;

/* A tensor of an object in the checkpoint. */
typedef struct sm_built_tensor {
  struct sm_built_tensor *next;
  const char *attribute, *suffix;
  sm_built_value value;
  /* when attached */
  const char *attribute_key, *key;   /* the key is the attribute's and the suffix */
  const sm_built_saveable *saveable; /* NULL: a variable, which needs none */
  size_t result, argument;           /* of the functions of saveable, which it is */
} sm_built_tensor;

typedef struct sm_built_object {
  sm_built_kind kind;
  sm_container container;
  sm_built_edge *first_edge, *last_edge;
  int32_t next_item;           /* of a list or tuple: behind the last one */
  int32_t parent;              /* that it was added to; -1: none */
  sm_string name;              /* there */
  const char *registered_name; /* NULL: none */
  const char *user_proto_type; /* NULL: none */
  sm_string user_proto;
  sm_built_saveable *first_saveable;
  sm_built_tensor *first_tensor, *last_tensor;
  sm_built_value value; /* VARIABLE, CONSTANT, SLOT */
  sm_built_variable variable;
  sm_asset_spec asset;
  const sm_user_object *user; /* of a CONTAINER; NULL: what container says */
  sm_built_resource resource;
  sm_built_functions functions; /* of a CONCRETE_FUNCTION: one */
  sm_built_calling calling;
  sm_built_captured_tensor captured;
  sm_built_slot slot;
  /* when attached */
  int32_t id;           /* in the object graphs that have it; -1: none has */
  sm_string path;       /* from the root, names escaped */
  const char *node;     /* in the main graph; NULL: none */
  const char *fed;      /* of an asset: the one there that gets its path, for the init op; NULL: no asset */
  int32_t asset_index;  /* of the meta graph */
  const int32_t *slots; /* of an optimizer */
  size_t n_slots;
} sm_built_object;

/* What an input of a signature is when it is not fed. */
typedef struct sm_built_default {
  struct sm_built_default *next;
  sm_string input;
  sm_string proto; /* serialised TensorProto */
} sm_built_default;

typedef struct sm_built_signature {
  sm_string key;
  int32_t function;
  size_t trace;
  sm_built_default *defaults;
  size_t n_defaults;
} sm_built_signature;

struct sm_object_graph {
  const sm_allocator *allocator;
  sm_arena arena;
  sm_built_object **objects;
  int32_t n_objects;
  size_t capacity;
  sm_name_index edges;             /* "PARENT/NAME" */
  sm_name_index slots, slot_names; /* "OPTIMIZER/VARIABLE/NAME", "OPTIMIZER/NAME" */
  sm_name_index function_names;
  sm_graph_function *functions; /* FunctionDefs, by number in function_names */
  size_t functions_capacity;
  sm_buffer gradients; /* fields of a FunctionDefLibrary */
  sm_buffer op_list;   /* OpList: operations that are not TensorFlow's own */
  int64_t last_uid;    /* greatest number at the end of a function's name */
  sm_built_signature *signatures;
  size_t n_signatures, signatures_capacity;
  bool is_attached;
};

#endif
