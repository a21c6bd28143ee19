/*
 * Inside builder/: objects that will be saved, the structs behind savedmodel/object_graph.h.
 *
 *   object_graph.c       life, objects that hold others, edges
 *   object_values.c      variables, constants, assets, tables, slots
 *   object_functions.c   functions: cut out of graphs, or taken from libraries; what Python knows of their arguments
 *   object_library.c     FunctionDefs by name
 *   object_signatures.c  which functions are signatures, and the functions that servers call for them
 *   object_tables.c      the functions that make, fill, save and restore tables
 *   object_layout.c      numbers, paths and keys
 *   object_encode.c      SavedObjectGraph; encode_function.c   what it says of functions
 *   object_tracked.c     the object graph of the checkpoint
 *   object_main.c        the graph that sessions run; object_saver.c   what saves and restores there
 *   object_namespaces.c  operations that may be saved
 *   object_constants.c   large constants that become variables
 *   object_attach.c      all of it into a builder
 */
#ifndef SM_BUILDER_BUILT_OBJECTS_H
#define SM_BUILDER_BUILT_OBJECTS_H

#include <savedmodel/graph.h>
#include <savedmodel/object_graph.h>

#include "base/base.h"
#include "graph/cut_function.h"
#include "graph/function_write.h"
#include "graph/name_index.h"
#include "objects/structured_write.h"
#include "tensor/tensor.h"

typedef enum sm_built_kind {
  SM_BUILT_CONTAINER = 0,
  SM_BUILT_VARIABLE,
  SM_BUILT_CONSTANT,
  SM_BUILT_ASSET,
  SM_BUILT_TABLE,
  SM_BUILT_FUNCTION,
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

/* Those of a tf.function. */
typedef struct sm_built_functions {
  sm_built_function *items;
  size_t n;
  sm_structured argspec; /* FullArgSpec */
  bool is_fixed;
} sm_built_functions;

typedef struct sm_built_variable {
  const char *name, *device;
  bool not_trainable;
  sm_synchronization synchronization;
  sm_aggregation aggregation;
} sm_built_variable;

/* What makes a table, by its functions: tf.functions but for the last two, which only mutable ones have. */
typedef struct sm_built_table {
  sm_lookup_table spec; /* keys and values: see below */
  sm_built_value keys, values;
  sm_built_functions create, initialize, destroy;
  sm_built_function save, restore;
} sm_built_table;

typedef struct sm_built_slot {
  int32_t optimizer, variable;
  sm_string name;
} sm_built_slot;

typedef struct sm_built_object {
  sm_built_kind kind;
  sm_container container;
  sm_built_edge *first_edge, *last_edge;
  size_t n_edges;
  int32_t parent;              /* that it was added to; -1: none */
  sm_string name;              /* there */
  const char *registered_name; /* NULL: none */
  sm_built_value value;        /* VARIABLE, CONSTANT, SLOT */
  sm_built_variable variable;
  sm_asset_spec asset;
  sm_built_table *table;
  sm_built_functions functions;
  sm_built_slot slot;
  /* when attached */
  int32_t id;       /* in both object graphs; -1: it has none */
  sm_string path;   /* from the root, names escaped */
  const char *key;  /* of its value in the checkpoint; NULL: none */
  const char *node; /* in the main graph; NULL: none */
} sm_built_object;

typedef struct sm_built_signature {
  sm_string key;
  int32_t function;
  size_t trace;
} sm_built_signature;

struct sm_object_graph {
  const sm_allocator *allocator;
  sm_arena arena;
  sm_built_object **objects;
  int32_t n_objects;
  size_t capacity;
  sm_name_index edges; /* "PARENT/NAME" */
  sm_name_index function_names;
  sm_graph_function *functions; /* FunctionDefs, by number in function_names */
  size_t functions_capacity;
  sm_buffer gradients; /* fields of a FunctionDefLibrary */
  int64_t last_uid;    /* greatest number at the end of a function's name */
  sm_built_signature *signatures;
  size_t n_signatures, signatures_capacity;
  bool is_attached;
};

/* ---- object_graph.c ---- */

/* The object of that number, of any kind. Errors: NOT_FOUND. */
sm_status sm_built_find(sm_built_object **out, const sm_object_graph *objects, int32_t object, sm_error *err);

/* One more object below parent; -1: below none. On failure nothing has changed but the arena. */
sm_status sm_built_add(sm_built_object **out, int32_t *number, sm_object_graph *objects, int32_t parent,
                       const char *name, sm_built_kind kind, sm_error *err);

/* The path of an object for messages; the last part of it where it is long. */
typedef struct sm_built_place {
  char text[160];
} sm_built_place;
sm_built_place sm_built_place_of(const sm_object_graph *objects, int32_t object);

/* Copies into the arena. */
sm_status sm_built_copy(sm_string *out, sm_object_graph *objects, const char *text, sm_error *err);
/* printf into the arena. */
__attribute__((format(printf, 4, 5))) sm_status sm_built_print(const char **out, sm_arena *arena, sm_error *err,
                                                               const char *format, ...);

/* text with what Python does not take in names as '_': "0/x" becomes "_0_x"; may be in place. */
void sm_built_identifier(char *dst, size_t dst_size, const char *text);

/* ---- object_library.c ---- */

/* A FunctionDef, which is copied unless the same is there. Errors: ALREADY_EXISTS another of that name. */
sm_status sm_built_library_put(sm_object_graph *objects, sm_string name, sm_span def, sm_error *err);

/* "__inference_STEM_UID", with the next uid. */
sm_status sm_built_name_function(sm_string *out, sm_object_graph *objects, const char *stem, sm_error *err);

/* Writes a function of the library's own. out has name, captures and structures, which are not copied; the rest is filled
 * in. */
sm_status sm_built_make_function(sm_built_function *out, sm_object_graph *objects, const sm_function_parts *parts,
                                 sm_error *err);

/* ---- object_functions.c ---- */

/* Fills in the specs of inputs and outputs, in order. */
sm_status sm_built_flatten(sm_built_function *function, sm_object_graph *objects, sm_error *err);

/* "((), {})" of so many positional items; or a TENSOR_SPEC. */
sm_status sm_built_arguments(sm_structured *out, sm_object_graph *objects, const sm_structured *items, size_t n,
                             sm_error *err);
sm_structured sm_built_spec(const char *name, sm_dtype dtype, sm_shape shape);

/* What a function gets for a captured object; SM_DT_INVALID: it cannot be captured. */
sm_dtype sm_built_capture_dtype(const sm_built_object *object);

/* FullArgSpec of positional parameters and of names that only keywords have. */
sm_status sm_built_argspec(sm_structured *out, sm_object_graph *objects, const sm_parameter *parameters, size_t n,
                           const char *const *keywords, size_t n_keywords, sm_error *err);

/* ---- object_signatures.c ---- */

/* A signature with the function that servers call. */
typedef struct sm_built_wrapper {
  sm_string key;
  sm_built_function function;
  const sm_built_function *inner;
} sm_built_wrapper;

typedef struct sm_built_wrappers {
  sm_built_wrapper *items; /* sorted by key */
  size_t n;
} sm_built_wrappers;

sm_status sm_built_wrap(sm_built_wrappers *out, sm_object_graph *objects, const sm_export_options *options,
                        sm_error *err);

/* ---- object_namespaces.c ---- */

/* Are all operations of functions of namespaces that are allowed? The main graph has none of any. */
sm_status sm_built_check_namespaces(const sm_object_graph *objects, const sm_export_options *options, sm_error *err);

/* ---- object_constants.c ---- */

/* Does what options->move_constants_above says. Before signatures are made of functions. */
sm_status sm_built_move_constants(sm_object_graph *objects, const sm_export_options *options, sm_error *err);

/* ---- object_tables.c ---- */

sm_status sm_built_make_table(sm_object_graph *objects, int32_t table, sm_error *err);

/* ---- object_layout.c ---- */

/* How objects are numbered: breadth first, then what the root does not lead to; then the functions of tables, and the signatures. */
typedef struct sm_built_layout {
  const int32_t *order; /* object of each number, slots behind n_objects */
  int32_t n_objects, n_slots;
} sm_built_layout;

sm_status sm_built_lay_out(sm_built_layout *out, sm_object_graph *objects, sm_error *err);

/* ---- object_encode.c, object_tracked.c ---- */

sm_status sm_built_encode(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                          const sm_built_wrappers *wrappers, const sm_export_options *options, sm_error *err);
sm_status sm_built_encode_tracked(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                                  sm_error *err);

/* ---- encode_function.c ---- */

/* Fields of SavedConcreteFunction, SavedFunction, FunctionSpec. */
sm_status sm_encode_concrete_function(sm_buffer *out, const sm_object_graph *objects, const sm_built_function *function,
                                      sm_error *err);
sm_status sm_encode_function(sm_buffer *out, const sm_built_functions *functions, sm_error *err);
sm_status sm_encode_bare_function(sm_buffer *out, const sm_built_function *function, bool is_signature, sm_error *err);

/* ---- object_main.c, object_saver.c ---- */

/* What sm_meta_graph_spec wants to know, in arena. */
typedef struct sm_built_main {
  sm_graph *graph;
  sm_arena *arena;
  sm_name_index names; /* of nodes */
  const sm_signature **signatures;
  size_t n_signatures;
  sm_asset_spec *assets;
  size_t n_assets;
  const char *init_op; /* NULL: none */
  sm_saver_def saver;
  bool has_saver;
} sm_built_main;

sm_status sm_built_main_make(sm_built_main *out, sm_object_graph *objects, const sm_built_layout *layout,
                             const sm_built_wrappers *wrappers, sm_error *err);

/* A name for a node that no other node has. */
sm_status sm_built_main_name(const char **out, sm_built_main *main, const char *wanted, sm_error *err);

/* tracked: the object graph of the checkpoint, which is saved with the values. */
sm_status sm_built_saver_make(sm_built_main *main, const sm_object_graph *objects, const sm_built_layout *layout,
                              sm_string tracked, sm_error *err);

/* The value as a view. */
void sm_built_view(sm_tensor_view *out, const sm_built_value *value);

#endif
