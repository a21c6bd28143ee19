/* Inside objects/. */
#ifndef SM_OBJECTS_OBJECTS_INTERNAL_H
#define SM_OBJECTS_OBJECTS_INTERNAL_H

#include <savedmodel/pb/saved_object_graph.pb-c.h>

#include "objects/objects.h"

/* The object graph of one meta graph. */
typedef struct sm_objects {
  const sm_meta_graph *graph;
  sm_spans nodes;           /* SavedObject messages, by id */
  sm_once *node_values;     /* sm_trackable */
  sm_wire_map functions;    /* SavedConcreteFunction messages, by name */
  sm_once *function_values; /* sm_concrete_function of a FUNCTION */
  sm_once load_order;
} sm_objects;

struct sm_trackable {
  sm_objects *objects;
  const Tensorflow__SavedObject *proto;
  sm_once ordered_names; /* of a FUNCTION with several concrete functions */
  sm_once bare_value; /* sm_concrete_function of a BARE_CONCRETE_FUNCTION, which knows more than the function alone */
};

/* A plain tree of value in arena; NULL for NULL. */
sm_status sm_structured_new(const sm_structured **out, const Tensorflow__StructuredValue *value, sm_arena *arena,
                            sm_error *err);

/* The names that TensorFlow gives to the functions of a library when it loads the model. */
typedef struct sm_load_order {
  const struct sm_loaded_function *functions; /* sorted by stored name */
  size_t n; /* 0 where TensorFlow could not load them: calls in circles, or of functions that are not there */
} sm_load_order;

sm_status sm_load_order_new(sm_load_order *out, sm_spans graph_def, sm_spans meta_info, const sm_wire_source *source,
                            sm_arena *arena, sm_error *err);

/* The name given to a function; its own when it was not loaded. */
sm_string sm_load_order_name(const sm_load_order *order, sm_string stored);

#endif
