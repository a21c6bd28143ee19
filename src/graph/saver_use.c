#include "graph/saver_use.h"

/* Fields of NodeDef, AttrValue, TensorProto, FunctionDef, OpDef: proto/node_def.proto, attr_value.proto, tensor.proto,
 * function.proto, op_def.proto. */
enum {
  NODE_INPUT = 3,
  ATTR_TEXT = 2,
  ATTR_TENSOR = 8,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2,
  TENSOR_STRING = 8,
  FUNCTION_SIGNATURE = 1,
  OP_INPUT = 2,
  ARG_NAME = 1
};

/* A saver of many shards packs a name for each; longer lists are not taken for ordinary. */
enum { MAX_PENDING = 1024 };

void sm_saver_use_init(sm_saver_use *use, const sm_reach *reach, size_t graph_size, sm_arena *arena) {
  *use = (sm_saver_use){.reach = reach, .arena = arena, .function = SIZE_MAX};
  use->budget = ((uint64_t)1 << 20) + 4 * (uint64_t)graph_size;
}

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* ---- Walking from a file name back to where it comes from ---- */

/* An input that has to be a name which begins with the saver's, or a harmless piece to add to one. */
typedef struct pending {
  sm_string tensor;
  bool is_piece;
} pending;

typedef struct sm_saver_walk {
  sm_saver_use *use;
  const sm_reach_node *nodes; /* of the graph, or of the function */
  size_t n_nodes;
  sm_string filename; /* the node, or the argument, that is the saver's file name */
  size_t n;
  bool is_ordinary;
  pending items[MAX_PENDING];
} walk;

static void follow(walk *w, sm_string tensor, bool is_piece) {
  if (w->n == MAX_PENDING) w->is_ordinary = false;
  if (w->is_ordinary) w->items[w->n++] = (pending){tensor, is_piece};
}

/* Which inputs of an op make up its result, numbered from 0. */
typedef struct input_rule {
  const char *op;
  size_t first, last;
  bool pieces; /* those behind the first may only be pieces */
} input_rule;

static const input_rule rules[] = {
    {"Identity", 0, 0, false},
    {"Pack", 0, SIZE_MAX, false},
    {"Select", 1, 2, false}, /* input 0 is the condition */
    {"SelectV2", 1, 2, false},
    {"ShardedFilename", 0, 0, false}, /* then the number of the shard and of all shards */
    {"StringJoin", 0, SIZE_MAX, true},
};

static sm_status follow_inputs(walk *w, sm_span node, const input_rule *rule, bool is_piece, sm_error *err) {
  size_t i = 0;
  sm_wire_reader reader = sm_wire_read(node, w->use->reach->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    if (i >= rule->first && i <= rule->last && (field.bytes.size == 0 || field.bytes.data[0] != '^'))
      follow(w, sm_span_text(field.bytes), is_piece || (rule->pieces && i > rule->first));
    i++;
  }
  if (i <= rule->first) w->is_ordinary = false;
  return sm_wire_finish(&reader, err);
}

/* Could it lead out of the directory that it is appended to? */
static bool leads_up(sm_string piece) {
  for (size_t i = 0; i < piece.size; i++)
    if (piece.data[i] == '\0' || (piece.data[i] == '.' && i + 1 < piece.size && piece.data[i + 1] == '.')) return true;
  return false;
}

/* A constant that leads nowhere when it is added to a path: plain strings, listed as such. */
static sm_status check_constant(walk *w, sm_span node, sm_error *err) {
  const sm_wire_source *source = w->use->reach->source;
  sm_span attr, tensor;
  SM_TRY(sm_node_find_attr(&attr, node, "value", source, err));
  SM_TRY(sm_wire_find_bytes(&tensor, attr, ATTR_TENSOR, source, err));
  w->is_ordinary &= tensor.data != NULL;
  sm_wire_reader reader = sm_wire_read(tensor, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (sm_wire_number(&field) == TENSOR_DTYPE || sm_wire_number(&field) == TENSOR_SHAPE) continue;
    bool is_text = field.tag == SM_WIRE_TAG(TENSOR_STRING, SM_WIRE_BYTES);
    w->is_ordinary &= is_text && !leads_up(sm_span_text(field.bytes));
  }
  return sm_wire_finish(&reader, err);
}

/* A separator of StringJoin could be "/../". */
static sm_status check_separator(walk *w, sm_span node, sm_error *err) {
  sm_span attr, text;
  SM_TRY(sm_node_find_attr(&attr, node, "separator", w->use->reach->source, err));
  if (attr.data == NULL) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&text, attr, ATTR_TEXT, w->use->reach->source, err));
  w->is_ordinary &= text.size == 0 && text.data != NULL;
  return SM_OK;
}

static sm_status step(walk *w, pending item, sm_error *err) {
  sm_string name = sm_tensor_node_name(item.tensor), op;
  if (!item.is_piece && sm_string_equal(name, w->filename)) return SM_OK;
  size_t found = sm_named_find(w->nodes, w->n_nodes, sizeof *w->nodes, name);
  w->is_ordinary &= found != SIZE_MAX;
  if (!w->is_ordinary) return SM_OK;
  sm_span node = w->nodes[found].bytes;
  w->is_ordinary &= node.size < w->use->budget;
  if (!w->is_ordinary) return SM_OK;
  w->use->budget -= node.size + 1;
  SM_TRY(sm_node_get_op(&op, node, w->use->reach->source, err));
  if (item.is_piece && is_op(op, "Const")) return check_constant(w, node, err);
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    if (!is_op(op, rules[i].op)) continue;
    if (rules[i].pieces) SM_TRY(check_separator(w, node, err));
    return follow_inputs(w, node, &rules[i], item.is_piece, err);
  }
  w->is_ordinary = false;
  return SM_OK;
}

/* The first n_names inputs of node. */
static sm_status check_names(walk *w, sm_span node, size_t n_names, sm_error *err) {
  const input_rule names = {NULL, 0, n_names - 1, false};
  w->is_ordinary = true;
  SM_TRY(follow_inputs(w, node, &names, false, err));
  w->is_ordinary &= w->n == n_names;
  while (w->is_ordinary && w->n > 0) SM_TRY(step(w, w->items[--w->n], err));
  return SM_OK;
}

/* ---- Functions ---- */

static sm_status first_argument(sm_string *out, sm_span def, const sm_wire_source *source, sm_error *err) {
  sm_span signature;
  *out = (sm_string){"", 0};
  SM_TRY(sm_wire_find_bytes(&signature, def, FUNCTION_SIGNATURE, source, err));
  sm_wire_reader reader = sm_wire_read(signature, source);
  for (sm_wire_field field; out->size == 0 && sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(OP_INPUT, SM_WIRE_BYTES)) continue;
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, field.bytes, ARG_NAME, source, err));
    *out = sm_span_text(name);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status first_input(sm_string *out, sm_span node, const sm_wire_source *source, sm_error *err) {
  *out = (sm_string){"", 0};
  sm_wire_reader reader = sm_wire_read(node, source);
  for (sm_wire_field field; out->size == 0 && sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) *out = sm_span_text(field.bytes);
  return sm_wire_finish(&reader, err);
}

/* Does the saver's node call the function, and hand in the file name? */
static sm_status is_called_by(bool *out, const sm_saver_use *use, sm_string saver_node, size_t function,
                              sm_error *err) {
  const sm_reach *reach = use->reach;
  sm_span attr;
  sm_string called, input;
  *out = false;
  size_t found = sm_named_find(reach->nodes, reach->n_nodes, sizeof *reach->nodes, saver_node);
  if (found == SIZE_MAX) return SM_OK;
  sm_span node = reach->nodes[found].bytes;
  SM_TRY(sm_node_find_attr(&attr, node, "f", reach->source, err));
  SM_TRY(sm_attr_get_func_name(&called, attr, reach->source, err));
  SM_TRY(first_input(&input, node, reach->source, err));
  *out = sm_string_equal(called, reach->defs.functions[function].name) &&
         sm_string_equal(sm_tensor_node_name(input), use->filename) && input.data[0] != '^';
  return SM_OK;
}

/* Remembers what the checks below need to know of a function; it is asked for once for each checkpoint op in it. */
static sm_status look_at_function(sm_saver_use *use, sm_string saver_node, size_t function, sm_error *err) {
  const sm_reach *reach = use->reach;
  sm_span def = reach->defs.functions[function].def;
  use->function = function;
  use->is_savers = false;
  if (reach->functions[function].n_callers != 1) return SM_OK;
  SM_TRY(is_called_by(&use->is_savers, use, saver_node, function, err));
  if (!use->is_savers) return SM_OK;
  SM_TRY(first_argument(&use->argument, def, reach->source, err));
  use->is_savers = use->argument.size != 0;
  return sm_reach_index_nodes(&use->nodes, &use->n_nodes, (sm_spans){&def, 1}, SM_FUNCTION_NODE, reach->source,
                              use->arena, err);
}

static sm_status enter_function(walk *w, bool *may_be, sm_string saver_node, size_t function, sm_error *err) {
  if (w->use->function != function) SM_TRY(look_at_function(w->use, saver_node, function, err));
  *may_be = w->use->is_savers;
  w->nodes = w->use->nodes;
  w->n_nodes = w->use->n_nodes;
  w->filename = w->use->argument;
  return SM_OK;
}

/* ---- The question ---- */

static const struct checkpoint_op {
  const char *op;
  size_t n_names; /* inputs that are file names, the first ones */
  bool writes;
} checkpoint_ops[] = {
    {"MergeV2Checkpoints", 2, true},
    {"Restore", 1, false},
    {"RestoreSlice", 1, false},
    {"RestoreV2", 1, false},
    {"Save", 1, true},
    {"SaveSlices", 1, true},
    {"SaveV2", 1, true},
};

static const struct checkpoint_op *find_op(sm_string op) {
  for (size_t i = 0; i < sizeof checkpoint_ops / sizeof checkpoint_ops[0]; i++)
    if (is_op(op, checkpoint_ops[i].op)) return &checkpoint_ops[i];
  return NULL;
}

sm_status sm_saver_use_covers(bool *out, sm_saver_use *use, sm_string op, sm_span node, uint32_t marks, size_t function,
                              sm_error *err) {
  *out = false;
  const struct checkpoint_op *known = find_op(op);
  if (known == NULL || use->filename.size == 0) return SM_OK;
  if (marks != (known->writes ? use->save_mark : use->restore_mark)) return SM_OK;
  if (use->walk == NULL) use->walk = sm_arena_new(use->arena, walk); /* too large for a stack */
  walk *w = use->walk;
  if (w == NULL) return sm_arena_fail(use->arena, sizeof *w, err);
  w->use = use;
  w->nodes = use->reach->nodes;
  w->n_nodes = use->reach->n_nodes;
  w->filename = use->filename;
  w->n = 0;
  bool may_be = true;
  if (function != SIZE_MAX) SM_TRY(enter_function(w, &may_be, known->writes ? use->save : use->restore, function, err));
  if (may_be) SM_TRY(check_names(w, node, known->n_names, err));
  *out = may_be && w->is_ordinary;
  return SM_OK;
}
