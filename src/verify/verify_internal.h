/* Inside verify/. */
#ifndef SM_VERIFY_VERIFY_INTERNAL_H
#define SM_VERIFY_VERIFY_INTERNAL_H

#include "graph/graph_check.h"
#include "model/model.h"
#include "verify/verify.h"

typedef struct sm_verifier {
  const sm_model *model;
  const sm_meta_graph *graph; /* the one that is being checked; NULL: none */
  size_t graph_number;
  const sm_wire_source *source;
  const char *file; /* of source, below the model's directory */
  sm_arena arena;   /* what is known of the meta graph */
  sm_op_defs ops;   /* those that it describes, or TensorFlow */
  sm_finding_fn fn;
  void *ctx;
  sm_status status; /* DATA_LOSS: there was an error */
  sm_error first;
} sm_verifier;

/* ---- Telling ---- */

/* "meta graph 1: node x of function f", without what is not there. */
typedef struct sm_place {
  const char *file; /* NULL: the SavedModel's */
  const char *kind; /* "node"; NULL: the meta graph, or the file, as such */
  sm_string name, function;
} sm_place;

__attribute__((format(printf, 4, 5))) void sm_verify_tell(sm_verifier *v, sm_severity severity, const sm_place *place,
                                                          const char *format, ...);

/* What err says, but for the file that it begins with. */
void sm_verify_tell_error(sm_verifier *v, sm_severity severity, const sm_place *place, const sm_error *err);

/* Is it the model that is at fault? Anything else ends the verification. */
bool sm_verify_is_defect(sm_status status);

static inline sm_string sm_text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

/* ---- What the graph is made of ---- */

/* All of a meta graph that more than one check needs. */
typedef struct sm_graph_facts {
  sm_node_index nodes;
  sm_graph_library library;
  bool has_variables; /* operations that make some */
  bool has_restore;   /* operations that restore them */
} sm_graph_facts;

/* ---- The checks ---- */

void sm_check_bytes(sm_verifier *v, const char *file, const ProtobufCMessageDescriptor *type,
                    const sm_wire_source *source);
sm_status sm_check_files(sm_verifier *v, sm_error *err);
sm_status sm_check_assets(sm_verifier *v, const sm_graph_facts *facts, sm_error *err);
sm_status sm_check_tags(sm_verifier *v, sm_error *err); /* of all meta graphs */
sm_status sm_check_graph(sm_graph_facts *out, sm_verifier *v, sm_error *err);
sm_status sm_check_values(sm_verifier *v, const sm_node_place *node, sm_string function, sm_error *err);
sm_status sm_check_signatures(sm_verifier *v, const sm_graph_facts *facts, sm_error *err);
sm_status sm_check_saver(sm_verifier *v, const sm_graph_facts *facts, sm_error *err);
sm_status sm_check_objects(size_t *n_variables, sm_verifier *v, const sm_graph_facts *facts, sm_error *err);

sm_status sm_check_dependencies(sm_verifier *v, sm_error *err);  /* of objects, in circles */
sm_status sm_check_object_values(sm_verifier *v, sm_error *err); /* in the checkpoint */

/* wanted: the model cannot do without. */
sm_status sm_check_variables(sm_verifier *v, bool wanted, sm_error *err);

#endif
