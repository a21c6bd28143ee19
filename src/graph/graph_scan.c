#include "graph/graph_scan.h"

#include "graph/asset_use.h"
#include "graph/op_effects.h"
#include "graph/saver_use.h"

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_NAME = 1 };

typedef struct scan {
  const sm_graph_scan_request *request;
  sm_scan_fn fn;
  void *fn_ctx;
  sm_reach reach;
  sm_saver_use saver;
  sm_asset_use assets;
  size_t function; /* index of the one whose nodes are walked; SIZE_MAX: the graph itself */
} scan;

static uint32_t marks_of(const scan *s, sm_string node) {
  if (s->function == SIZE_MAX) {
    size_t found = sm_named_find(s->reach.nodes, s->reach.n_nodes, sizeof *s->reach.nodes, node);
    return found != SIZE_MAX ? s->reach.nodes[found].marks : 0;
  }
  size_t last = sm_graph_find_function(&s->reach.defs, s->reach.defs.functions[s->function].name);
  return s->reach.functions[last].marks;
}

/* The name of a function may stand in the place of an op: its nodes are walked where they are. */
static bool is_function(const scan *s, sm_string op) { return sm_graph_find_function(&s->reach.defs, op) != SIZE_MAX; }

/* Operations that reach files, but only those that are the model's own. */
static sm_status find_use(scan *s, sm_scan_finding *finding, sm_span node, sm_error *err) {
  if ((finding->effects & SM_EFFECTS_OF_NOTE) == 0) return SM_OK;
  SM_TRY(sm_saver_use_covers(&finding->is_checkpointing, &s->saver, finding->op, node, finding->reached_by, s->function,
                             err));
  return sm_asset_use_covers(&finding->is_asset_read, &s->assets, finding->op, node, finding->reached_by, s->function,
                             err);
}

static sm_status visit_node(scan *s, sm_span node, sm_error *err) {
  const sm_wire_source *source = s->request->source;
  sm_scan_finding finding = s->request->found;
  sm_span name;
  SM_TRY(sm_node_get_op(&finding.op, node, source, err));
  SM_TRY(sm_node_find_effects(&finding.effects, &finding.reason, finding.op, node, source, err));
  if (finding.effects == SM_EFFECT_UNKNOWN && is_function(s, finding.op)) {
    finding.effects = 0;
    finding.reason = "calls a function of the graph, which is listed by itself";
  }
  if ((finding.effects & s->request->options.effects) == 0 && !s->request->options.all_ops) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&name, node, NODE_NAME, source, err));
  finding.kind = SM_SCAN_FINDING_OP;
  finding.node = (sm_string){(const char *)name.data, name.size};
  if (s->function != SIZE_MAX) finding.function = s->reach.defs.functions[s->function].name;
  finding.reached_by = marks_of(s, finding.node);
  SM_TRY(find_use(s, &finding, node, err));
  return s->fn(s->fn_ctx, &finding, err);
}

static sm_status visit_nodes(scan *s, sm_span message, uint32_t number, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(message, s->request->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES)) SM_TRY(visit_node(s, field.bytes, err));
  return sm_wire_finish(&reader, err);
}

/* The loader feeds the first output of a node, which has no other. */
static void note_asset(scan *s, sm_string tensor) {
  sm_string name = sm_tensor_node_name(tensor);
  sm_reach_node *node = sm_reach_find_node(&s->reach, tensor);
  bool is_whole = tensor.size == name.size,
       is_first = tensor.size == name.size + 2 && tensor.data[name.size + 1] == '0';
  if (node != NULL && (is_whole || is_first)) node->is_asset = true;
}

static void note_input(scan *s, sm_string tensor) {
  sm_reach_node *node = sm_reach_find_node(&s->reach, tensor);
  if (node != NULL) node->is_input = true;
}

static sm_status spread_roots(scan *s, sm_error *err) {
  for (size_t i = 0; i < s->request->n_roots; i++) {
    const sm_scan_root *root = &s->request->roots[i];
    switch (root->kind) {
      case SM_ROOT_TENSOR: sm_reach_mark_tensor(&s->reach, root->name, root->mark); break;
      case SM_ROOT_FUNCTION: sm_reach_mark_function(&s->reach, root->name, root->mark); break;
      case SM_ROOT_INPUT: note_input(s, root->name); break;
      case SM_ROOT_ASSET: note_asset(s, root->name); break;
    }
  }
  return sm_reach_spread(&s->reach, err);
}

static void init_uses(scan *s, sm_arena *arena) {
  size_t size = 0;
  for (size_t i = 0; i < s->request->graph_def.n; i++) size += s->request->graph_def.items[i].size;
  sm_saver_use_init(&s->saver, &s->reach, size, arena);
  s->saver.filename = sm_tensor_node_name(s->request->saver_filename);
  s->saver.save = sm_tensor_node_name(s->request->saver_save);
  s->saver.restore = sm_tensor_node_name(s->request->saver_restore);
  s->saver.save_mark = SM_REACHED_BY_SAVE;
  s->saver.restore_mark = SM_REACHED_BY_RESTORE;
  sm_asset_use_init(&s->assets, &s->reach, s->request->roots, s->request->n_roots, SM_REACHED_BY_INIT_OP, size, arena);
}

sm_status sm_graph_scan(const sm_graph_scan_request *request, sm_scan_fn fn, void *fn_ctx, sm_arena *arena,
                        sm_error *err) {
  scan s = {.request = request, .fn = fn, .fn_ctx = fn_ctx, .function = SIZE_MAX};
  SM_TRY(sm_reach_init(&s.reach, request->graph_def, SM_REACHED_BY_OBJECT, request->source, arena, err));
  SM_TRY(spread_roots(&s, err));
  init_uses(&s, arena);
  for (size_t i = 0; i < request->graph_def.n; i++)
    SM_TRY(visit_nodes(&s, request->graph_def.items[i], GRAPH_NODE, err));
  for (s.function = 0; s.function < s.reach.defs.n; s.function++)
    SM_TRY(visit_nodes(&s, s.reach.defs.functions[s.function].def, SM_FUNCTION_NODE, err));
  return SM_OK;
}
