/* Objects of a V2 model that has one of each kind: two tables, a slot, a function with a capture and a signature. */
#ifndef SM_TESTS_SUPPORT_V2_OBJECTS_H
#define SM_TESTS_SUPPORT_V2_OBJECTS_H

#include <savedmodel/savedmodel.h>

/* What make_v2_objects adds, beside tables. */
typedef struct v2_objects {
  int32_t layer, weight, constant, asset, function;
} v2_objects;

sm_status make_v2_objects(v2_objects *out, sm_object_graph *objects, const sm_allocator *allocator, sm_error *err);

/* What add_v2_nodes adds. */
typedef struct v2_nodes {
  int32_t table;            /* at the root, "resource": a table of int64, made and saved by functions of its own */
  int32_t save, restore;    /* these */
  int32_t concrete;         /* at the root, "concrete": x * w + c, a concrete function */
  int32_t inside, gradient; /* a tensor inside __inference_sum_40, and a function that captures it */
  int32_t optimizer, slot;  /* whose class tells its slot variables */
} v2_nodes;

sm_status add_v2_nodes(v2_nodes *out, sm_object_graph *objects, const v2_objects *made, const sm_allocator *allocator,
                       sm_error *err);

/* y = x * w + c: the graph of the function, with placeholder x, variable w and placeholder c. */
sm_status make_v2_graph(sm_graph **out, const sm_allocator *allocator, sm_error *err);

#endif
