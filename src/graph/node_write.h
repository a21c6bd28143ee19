/* Writing NodeDefs and AttrValues from plain structs (savedmodel/graph.h). Nothing is checked here: what comes in was made
 * by the library, or checked by node_make. */
#ifndef SM_GRAPH_NODE_WRITE_H
#define SM_GRAPH_NODE_WRITE_H

#include <savedmodel/graph.h>

#include "wire/emit.h"

/* Appends the fields of an AttrValue. Errors: INVALID_ARGUMENT a tensor or kind that there is not; RESOURCE_EXHAUSTED. */
sm_status sm_attr_write(sm_buffer *out, const sm_attr *attr, sm_error *err);

/* Appends the fields of a NodeDef, attributes sorted by name: canonical bytes. */
sm_status sm_node_write(sm_buffer *out, const sm_node_spec *spec, sm_error *err);

#endif
