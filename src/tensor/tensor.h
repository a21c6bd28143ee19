/* tensor: element types, and shapes as protos record them. What is public of it is in savedmodel/tensor.h. */
#ifndef SM_TENSOR_TENSOR_H
#define SM_TENSOR_TENSOR_H

#include <savedmodel/tensor.h>

#include "wire/wire.h"

/* A shape: rank -1 and no dims when it is unknown; dims of -1 are unknown. */
typedef struct sm_shape {
  int32_t rank;
  const int64_t *dims;
} sm_shape;

/*
 * Reads the pieces of a TensorShapeProto; dims go to arena. No pieces: a scalar, as the proto's defaults say.
 * Any rank is taken here, and any number as a dimension: what a graph may hold is wider than what a tensor can be.
 */
sm_status sm_shape_read(sm_shape *out, sm_spans pieces, const sm_wire_source *source, sm_arena *arena, sm_error *err);

#endif
