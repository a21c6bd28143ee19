/* The graph and its functions (graph/graph_check.h tells what is wrong with them), and which versions may read it. */
#include <savedmodel/pb/versions.pb-c.h>

#include "verify/verify_internal.h"

/* Fields of MetaInfoDef and GraphDef: proto/meta_graph.proto, graph.proto. */
enum { INFO_STRIPPED_OP_LIST = 2, GRAPH_VERSIONS = 4 };

/* TF_GRAPH_DEF_VERSION of TensorFlow 2.21 (core/public/release_version.h): what it can be a consumer of. */
enum { GRAPH_DEF_VERSION = 2474 };

/* Bytes that cannot be read are passed over: what can be is left. */
static sm_status collect(sm_spans *out, sm_spans message, uint32_t number, sm_verifier *v, sm_error *err) {
  sm_status status = sm_wire_collect(out, message, number, v->source, &v->arena, err);
  if (!sm_verify_is_defect(status)) return status;
  *out = (sm_spans){NULL, 0};
  return SM_OK;
}

static sm_status check_versions(sm_verifier *v, sm_spans graph_def, sm_error *err) {
  sm_spans found;
  ProtobufCMessage *message;
  SM_TRY(collect(&found, graph_def, GRAPH_VERSIONS, v, err));
  sm_status status = sm_wire_unpack(&message, &tensorflow__version_def__descriptor, found, v->source, &v->arena, err);
  if (status != SM_OK) return sm_verify_is_defect(status) ? SM_OK : status;
  const Tensorflow__VersionDef *versions = (const Tensorflow__VersionDef *)message;
  bool is_refused = versions->min_consumer > GRAPH_DEF_VERSION;
  if (is_refused)
    sm_verify_tell(v, SM_SEVERITY_ERROR, NULL, "the graph wants a consumer of version %d; TensorFlow 2.21 is %d",
                   versions->min_consumer, GRAPH_DEF_VERSION);
  for (size_t i = 0; !is_refused && i < versions->n_bad_consumers; i++) {
    is_refused = versions->bad_consumers[i] == GRAPH_DEF_VERSION;
    if (is_refused)
      sm_verify_tell(v, SM_SEVERITY_ERROR, NULL, "the graph does not want a consumer of version %d, TensorFlow 2.21",
                     GRAPH_DEF_VERSION);
  }
  return SM_OK;
}

/* ---- Nodes ---- */

typedef struct walk {
  sm_verifier *v;
  sm_graph_facts *facts;
} walk;

static void tell(void *ctx, sm_severity severity, const sm_graph_place *at, const char *what) {
  const walk *w = ctx;
  const sm_place place = {.kind = at->kind, .name = at->name, .function = at->function};
  sm_verify_tell(w->v, severity, &place, "%s", what);
}

static const char *const variable_ops[] = {"VarHandleOp", "Variable", "VariableV2"};
static const char *const restore_ops[] = {"RestoreV2", "Restore", "RestoreSlice"};

static void note_op(sm_graph_facts *facts, sm_string op) {
  for (size_t i = 0; i < sizeof variable_ops / sizeof variable_ops[0]; i++)
    facts->has_variables |= sm_string_equal(op, sm_string_of(variable_ops[i]));
  for (size_t i = 0; i < sizeof restore_ops / sizeof restore_ops[0]; i++)
    facts->has_restore |= sm_string_equal(op, sm_string_of(restore_ops[i]));
}

static sm_status visit_node(void *ctx, const sm_node_place *node, sm_string function, sm_error *err) {
  const walk *w = ctx;
  note_op(w->facts, node->op);
  return sm_check_values(w->v, node, function, err);
}

sm_status sm_check_graph(sm_graph_facts *out, sm_verifier *v, sm_error *err) {
  walk w = {v, out};
  const sm_graph_checker checker = {.source = v->source,
                                    .arena = &v->arena,
                                    .ops = &v->ops,
                                    .library = &out->library,
                                    .tell = tell,
                                    .visit = visit_node,
                                    .ctx = &w};
  sm_spans op_lists, graph_def = sm_meta_graph_graph_bytes(v->graph);
  *out = (sm_graph_facts){.has_variables = false};
  if (graph_def.n == 0) sm_verify_tell(v, SM_SEVERITY_WARNING, NULL, "the meta graph has no graph");
  sm_status status = sm_graph_index_functions(&out->library, graph_def, v->source, &v->arena, err);
  if (status != SM_OK && !sm_verify_is_defect(status)) return status;
  SM_TRY(collect(&op_lists, sm_meta_graph_info_bytes(v->graph), INFO_STRIPPED_OP_LIST, v, err));
  SM_TRY(sm_op_defs_add(&v->ops, op_lists, &out->library, v->source, err));
  SM_TRY(check_versions(v, graph_def, err));
  return sm_graph_check_all(&out->nodes, &checker, graph_def, err);
}
