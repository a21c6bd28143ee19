/* Objects of a V2 model that has one of each kind: two tables, a slot, a function with a capture and a signature. */
#ifndef SM_TESTS_SUPPORT_V2_OBJECTS_H
#define SM_TESTS_SUPPORT_V2_OBJECTS_H

#include <savedmodel/savedmodel.h>

/* What make_v2_objects adds, beside tables. */
typedef struct v2_objects {
  int32_t layer, weight, constant, asset, function;
} v2_objects;

sm_status make_v2_objects(v2_objects *out, sm_object_graph *objects, const sm_allocator *allocator, sm_error *err);

/* y = x * w + c: the graph of the function, with placeholder x, variable w and placeholder c. */
sm_status make_v2_graph(sm_graph **out, const sm_allocator *allocator, sm_error *err);

#endif
