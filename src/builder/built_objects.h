/*
 * Inside builder/: objects that will be saved.
 *
 *   object_graph.c       life, objects that hold others, edges
 *   object_values.c      variables, constants, assets, slots
 *   object_resources.c   resources, and functions that save objects
 *   object_functions.c   functions: their traces, and what Python knows of them
 *   object_concrete.c    concrete functions that are objects
 *   object_trace.c       one trace, taken from a library or cut out of a graph (object_cut.c)
 *   object_structures.c  what Python passes to it and gets
 *   object_parameters.c  what Python's function is called with
 *   object_arguments.c   what the tensors that are passed are called
 *   object_library.c     FunctionDefs by name
 *   object_signatures.c  which functions are signatures
 *   object_wrapper.c     the function that servers call for one
 *   object_tables.c      lookup tables, with the functions that make, fill, save and restore them
 *   object_complete.c    objects that follow from others: traces, what functions capture, signatures
 *   object_layout.c      numbers, paths and keys
 *   object_encode.c      SavedObjectGraph; encode_object.c   kinds of objects; encode_function.c   functions
 *   object_tracked.c     the object graph of the checkpoint
 *   object_main.c        the graph that sessions run; object_saver.c   what saves and restores there
 *   object_main_signatures.c  signatures there
 *   object_prune.c       functions that nothing calls
 *   object_namespaces.c  operations that may be saved
 *   object_check.c       are functions whole
 *   object_constants.c   large constants that become variables
 *   object_attach.c      all of it into a builder
 */
#ifndef SM_BUILDER_BUILT_OBJECTS_H
#define SM_BUILDER_BUILT_OBJECTS_H

#include "builder/built_types.h"
#include "graph/function_write.h"
#include "objects/structured_write.h"

/* ---- object_graph.c ---- */

/* The object of that number, of any kind. Errors: NOT_FOUND. */
sm_status sm_built_find(sm_built_object **out, const sm_object_graph *objects, int32_t object, sm_error *err);

/* One more object below parent; -1: below none. On failure nothing has changed but the arena. */
sm_status sm_built_add(sm_built_object **out, int32_t *number, sm_object_graph *objects, int32_t parent,
                       const char *name, sm_built_kind kind, sm_error *err);

/* FAILED_PRECONDITION: the objects are being saved, or were. */
sm_status sm_built_check_open(const sm_object_graph *objects, sm_error *err);

/* The path of an object for messages; the last part of it where it is long. */
typedef struct sm_built_place {
  char text[160];
} sm_built_place;
sm_built_place sm_built_place_of(const sm_object_graph *objects, int32_t object);
/* That of a child that is not there yet; the parent may be none. */
sm_built_place sm_built_place_below(const sm_object_graph *objects, int32_t parent, const char *name);

/* The same while the model is saved, and with a parent of any kind: for what follows from other objects. */
sm_status sm_built_add_derived(sm_built_object **out, sm_object_graph *objects, int32_t parent, const char *name,
                               sm_built_kind kind, sm_error *err);
sm_status sm_built_add_edge(sm_object_graph *objects, int32_t parent, const char *name, int32_t child, sm_error *err);

/* Its child of that name; NULL: it has none. */
sm_built_object *sm_built_child(const sm_object_graph *objects, const sm_built_object *object, const char *name);

/* Does the loader of that optimizer make slot variables? */
bool sm_built_tells_slots(const sm_built_object *optimizer);

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

/* ---- object_structures.c ---- */

/* Fills in the specs of inputs and outputs, in order. */
sm_status sm_built_flatten(sm_built_function *function, sm_object_graph *objects, sm_error *err);

/* "((), {})" of so many positional items; or a TENSOR_SPEC. */
sm_status sm_built_arguments(sm_structured *out, sm_object_graph *objects, const sm_structured *items, size_t n,
                             sm_error *err);
sm_structured sm_built_spec(const char *name, sm_dtype dtype, sm_shape shape);

/* ---- object_trace.c ---- */

/* name: of the function, for the FunctionDef that may be cut. */
sm_status sm_built_add_trace(sm_built_function *out, sm_object_graph *objects, const char *name, const sm_trace *trace,
                             sm_error *err);

/* What a function gets for a captured object; SM_DT_INVALID: a tensor inside a function, whose dtype is not known, or
 * what cannot be captured. */
sm_dtype sm_built_capture_dtype(const sm_built_object *object);

/* ---- object_parameters.c ---- */

sm_status sm_built_make_parameters(sm_built_parameters *out, sm_object_graph *objects, const sm_function_spec *spec,
                                   sm_error *err);

/* Of a function without a spec; first: of its traces, NULL: it has none. */
sm_status sm_built_derive_parameters(sm_built_parameters *out, sm_object_graph *objects,
                                     const sm_traced_function *function, const sm_built_function *first, sm_error *err);

/* ---- object_arguments.c ---- */

/* A tensor that a trace is passed. */
typedef struct sm_built_argument {
  const char *base;    /* its spec's name, else its parameter's: several may have it */
  const char *name;    /* those of one parameter are numbered */
  const char *keyword; /* what Python's rules for names make of it */
  size_t item;         /* of the positional arguments, then of the others; the tensor is a part of it, or all of it */
  size_t part;
  bool is_whole;
} sm_built_argument;

/* Names for a trace's inputs, as many as function->n_in. keywords: those that it is called with; NULL: names of specs, else of
 * parameters. Errors: INVALID_ARGUMENT two of one name, of which the message has the paths. */
sm_status sm_built_name_arguments(sm_built_argument **out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, const char *const *keywords, sm_error *err);

/* The same, where names may clash. parameters: NULL: Python knows nothing of them. */
sm_status sm_built_list_arguments(sm_built_argument **out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, sm_error *err);

/* What TensorFlow says of the parameters of a trace of the function that has these: each of its arguments is one. */
sm_status sm_built_describe_trace(sm_built_parameters *out, sm_object_graph *objects, const sm_built_function *function,
                                  const sm_built_parameters *parameters, sm_error *err);

/* ---- object_concrete.c ---- */

/* How a function is called that nothing more is said of. parameters: NULL: its specs have names. */
sm_status sm_built_call(sm_built_calling *out, sm_object_graph *objects, const sm_built_function *function,
                        const sm_built_parameters *parameters, sm_error *err);

/* ---- object_signatures.c ---- */

/* A signature with the function that servers call. */
typedef struct sm_built_wrapper {
  sm_string key;
  int32_t object;             /* that has the function; 0: none yet */
  sm_built_function function; /* returns a dict; its inputs' specs have the names of the signature's */
  sm_built_parameters parameters;
  const sm_string *defaults; /* of inputs, serialised TensorProtos; {NULL, 0}: none */
  const sm_built_function *inner;
} sm_built_wrapper;

typedef struct sm_built_wrappers {
  sm_built_wrapper *items; /* sorted by key */
  size_t n;
} sm_built_wrappers;

/* NULL: it was given none. */
const sm_built_default *sm_built_find_default(const sm_built_signature *signature, const char *input);

sm_status sm_built_wrap(sm_built_wrappers *out, sm_object_graph *objects, const sm_export_options *options,
                        sm_error *err);

/* ---- object_wrapper.c ---- */

/* Could it be a signature, as far as one can tell before? As _valid_signature of TensorFlow. */
bool sm_built_can_wrap(const sm_built_function *function);

sm_status sm_built_wrap_one(sm_built_wrapper *out, sm_object_graph *objects, const sm_built_signature *signature,
                            sm_error *err);

/* ---- object_namespaces.c ---- */

/* Is the operation of a function's node of a namespace that is allowed, or of none? The main graph has none of any. */
sm_status sm_built_check_namespace(sm_span node, const sm_graph_function *function, const sm_export_options *options,
                                   const sm_wire_source *source, sm_error *err);

/* ---- object_library.c, object_check.c ---- */

/* The library sorted, in arena; positions are numbers in objects->functions. */
sm_status sm_built_sort_library(sm_graph_library *out, const sm_object_graph *objects, sm_arena *arena, sm_error *err);

/* What the objects' functions call, and these: a part of that. Errors: those of sm_functions_check_calls. */
sm_status sm_built_find_called(sm_graph_library *out, const sm_object_graph *objects, const sm_graph_library *library,
                               sm_arena *arena, sm_error *err);

/* Can all functions be called, and are their operations known and allowed? What is wrong is said with the path of an object
 * that calls them. Errors: INVALID_ARGUMENT; NOT_FOUND. */
sm_status sm_built_check_functions(const sm_object_graph *objects, const sm_export_options *options, sm_error *err);

/* Says with which object what err says of a function has to do. */
void sm_built_add_object(sm_error *err, const sm_object_graph *objects);

/* ---- object_constants.c ---- */

/* Does what options->move_constants_above says. Before signatures are made of functions. */
sm_status sm_built_move_constants(sm_object_graph *objects, const sm_export_options *options, sm_error *err);

/* ---- object_prune.c ---- */

/* Appends to out the graph without those functions of its library that neither its nodes nor the object graph lead to. */
sm_status sm_built_prune(sm_buffer *out, const sm_buffer *graph_def, const sm_buffer *saved, sm_error *err);

/* ---- object_values.c ---- */

/* What of a view is kept. False in *is_sound: it is NULL, or no tensor. */
sm_status sm_built_copy_value(sm_built_value *out, bool *is_sound, sm_object_graph *objects, const sm_tensor_view *view,
                              sm_error *err);

/* The value as a view. */
void sm_built_view(sm_tensor_view *out, const sm_built_value *value);

/* INVALID_ARGUMENT: what is wrong with a child that is added. */
sm_status sm_built_fail(const sm_object_graph *objects, int32_t parent, const char *name, const char *what,
                        sm_error *err);

/* ---- object_resources.c ---- */

/* One more tensor of an object in the checkpoint. Errors: RESOURCE_EXHAUSTED. */
sm_status sm_built_add_tensor(sm_object_graph *objects, sm_built_object *object, const char *attribute,
                              const char *suffix, const sm_built_value *value, sm_error *err);

/* A tf.function without arguments below a resource; *out is to be filled in, but for its inputs. */
sm_status sm_built_add_plain_function(sm_built_function **out, sm_object_graph *objects, int32_t resource,
                                      const char *name, sm_error *err);

/* Can objects be made and saved by their functions? Finds which result and argument each saved tensor is. */
sm_status sm_built_check_resources(sm_object_graph *objects, sm_error *err);

/* ---- object_complete.c ---- */

sm_status sm_built_complete(sm_object_graph *objects, const sm_built_wrappers *wrappers, sm_error *err);

/* ---- object_layout.c ---- */

/* How objects are numbered, by both object graphs: breadth first, then the slot variables. Slot variables that only the
 * checkpoint has are the last of those; the SavedObjectGraph has in their place functions that save objects, and tensors
 * inside functions. */
typedef struct sm_built_layout {
  const int32_t *saved, *tracked; /* object of each number */
  int32_t n_saved, n_tracked;
  int32_t n_objects; /* without slots and what follows */
} sm_built_layout;

/* Has the SavedObjectGraph that concrete function? It has those that nothing leads to, too, if they were added so. */
static inline bool sm_built_is_listed(const sm_built_object *object) {
  return object->kind == SM_BUILT_CONCRETE_FUNCTION && (object->id >= 0 || object->parent == SM_OBJECT_NONE);
}

sm_status sm_built_lay_out(sm_built_layout *out, sm_object_graph *objects, sm_error *err);

/* ---- object_encode.c, object_tracked.c ---- */

sm_status sm_built_encode(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                          const sm_export_options *options, sm_error *err);
/* The slot variables of an optimizer, as both graphs tell them. */
sm_status sm_built_put_slots(sm_buffer *out, const sm_object_graph *objects, const sm_built_object *optimizer,
                             sm_error *err);
sm_status sm_built_encode_tracked(sm_buffer *out, const sm_object_graph *objects, const sm_built_layout *layout,
                                  sm_error *err);

/* ---- encode_object.c ---- */

/* The field of SavedObject that says its kind. */
sm_status sm_encode_kind(sm_buffer *out, const sm_built_object *object, const sm_export_options *options,
                         sm_error *err);

/* ---- encode_function.c ---- */

/* Fields of SavedConcreteFunction, SavedFunction, SavedBareConcreteFunction; a field that is a FunctionSpec. */
sm_status sm_encode_concrete_function(sm_buffer *out, const sm_object_graph *objects, const sm_built_function *function,
                                      sm_error *err);
sm_status sm_encode_function(sm_buffer *out, const sm_built_functions *functions, sm_error *err);
sm_status sm_encode_function_spec(sm_buffer *out, uint32_t number, const sm_built_parameters *parameters,
                                  sm_error *err);
sm_status sm_encode_bare_function(sm_buffer *out, const sm_built_function *function, const sm_built_calling *calling,
                                  sm_error *err);

/* ---- object_main.c ---- */

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
  bool is_filling; /* calls that are made now are those of the init op, which is fed the paths of assets */
} sm_built_main;

sm_status sm_built_main_make(sm_built_main *out, sm_object_graph *objects, const sm_built_layout *layout,
                             const sm_built_wrappers *wrappers, sm_error *err);

/* A call of a function, by a node whose name is like wanted. inputs: n_in of them, before room for what is captured. */
sm_status sm_built_main_call(const char **name, sm_built_main *main, const sm_object_graph *objects,
                             const sm_built_function *function, const char *wanted, const char **inputs, sm_error *err);

/* text with '_' for what names of nodes and scopes cannot have. */
void sm_built_make_plain(char *text);

/* A name for a node that no other node has. */
sm_status sm_built_main_name(const char **out, sm_built_main *main, const char *wanted, sm_error *err);

/* ---- object_main_signatures.c ---- */

/* Placeholders, a call and a SignatureDef for each. */
sm_status sm_built_main_add_signatures(sm_built_main *main, sm_object_graph *objects, const sm_built_wrappers *wrappers,
                                       sm_error *err);

/* ---- object_saver.c ---- */

/* tracked: the object graph of the checkpoint, which is saved with the values. */
sm_status sm_built_saver_make(sm_built_main *main, const sm_object_graph *objects, const sm_built_layout *layout,
                              sm_string tracked, sm_error *err);

#endif
