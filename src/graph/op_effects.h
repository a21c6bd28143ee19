/* What the operations of TensorFlow 2.21 do beyond computing their outputs: a table of all of them. */
#ifndef SM_GRAPH_OP_EFFECTS_H
#define SM_GRAPH_OP_EFFECTS_H

#include <savedmodel/scan.h>

#include "wire/wire.h"

/* Operations that do the same. */
typedef struct sm_op_group {
  const char *const *ops; /* sorted */
  size_t n;
  uint32_t effects;   /* of SM_EFFECT_* */
  const char *reason; /* "reads a file whose name it is given" */
} sm_op_group;

/* Every operation is in one of them. */
extern const sm_op_group sm_op_groups[];
extern const size_t sm_n_op_groups;

/* What an operation can do, whatever its attributes; SM_EFFECT_UNKNOWN when it is in no group. */
uint32_t sm_op_find_effects(const char **reason, sm_string op);

/* What a NodeDef does: as above, but for ops that only do it when an attribute says so. */
sm_status sm_node_find_effects(uint32_t *effects, const char **reason, sm_string op, sm_span node,
                               const sm_wire_source *source, sm_error *err);

#endif
