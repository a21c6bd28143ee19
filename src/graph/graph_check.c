#include "graph/graph_check.h"

#include <stdarg.h>
#include <stdio.h>

#include "graph/name_set.h"
#include "graph/op_effects.h"

/* Fields of GraphDef, FunctionDef, OpDef, ArgDef, NodeDef: proto/graph.proto, function.proto, op_def.proto,
 * node_def.proto. */
enum {
  GRAPH_NODE = 1,
  FUNCTION_SIGNATURE = 1,
  FUNCTION_RET = 4,
  FUNCTION_CONTROL_RET = 6,
  OP_INPUT_ARG = 2,
  ARG_NAME = 1,
  ARG_TYPE = 3,
  ARG_NUMBER_ATTR = 5,
  ENTRY_VALUE = 2,
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_INPUT = 3
};

/* Outputs of one node whose types are kept. */
enum { MAX_KEPT_TYPES = 1 << 20 };

/* All that a walk over one graph needs. */
typedef struct walk {
  const sm_graph_checker *c;
  sm_node_index *index; /* of what is being walked */
  sm_name_set odd_ops;  /* that nobody knows */
  sm_buffer edges;      /* of sm_node_edge */
  sm_buffer expected;   /* sm_dtype of each input of one node */
  sm_buffer outputs;    /* sm_dtype of each output of kept */
  const sm_node_place *kept;
  uint64_t budget; /* bytes of nodes that may still be read for types: no graph makes this slow */
} walk;

__attribute__((format(printf, 4, 5))) static void tell(const walk *w, sm_severity severity, const sm_graph_place *place,
                                                       const char *format, ...) {
  char text[sizeof((sm_error *)0)->message];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  w->c->tell(w->c->ctx, severity, place, text);
}

static sm_graph_place place_of(const walk *w, const sm_node_place *node) {
  return (sm_graph_place){
      .kind = node->bytes.data != NULL ? "node" : "argument", .name = node->name, .function = w->index->function};
}

static sm_status collect(sm_spans *out, sm_spans message, uint32_t number, const walk *w, sm_error *err) {
  sm_status status = sm_wire_collect(out, message, number, w->c->source, w->c->arena, err);
  if (!sm_graph_is_defect(status)) return status;
  *out = (sm_spans){NULL, 0};
  return SM_OK;
}

/* ---- Index ---- */

const sm_node_place *sm_node_index_find(const sm_node_index *index, sm_string name) {
  size_t i = sm_named_find(index->nodes, index->n, sizeof *index->nodes, name);
  return i != SIZE_MAX ? &index->nodes[i] : NULL;
}

static bool node_less(const void *a, const void *b) {
  const sm_node_place *left = a, *right = b;
  int order = sm_string_compare(left->name, right->name);
  return order != 0 ? order < 0 : left->position < right->position;
}

static sm_status read_node(sm_node_place *out, walk *w, sm_span bytes, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(bytes, w->c->source);
  *out = (sm_node_place){.name = {"", 0}, .op = {"", 0}, .bytes = bytes, .n_outputs = -1};
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(NODE_NAME, SM_WIRE_BYTES)) out->name = sm_span_text(field.bytes);
    if (field.tag == SM_WIRE_TAG(NODE_OP, SM_WIRE_BYTES)) out->op = sm_span_text(field.bytes);
  }
  if (out->bytes.data == NULL) out->bytes.data = (const uint8_t *)"";
  SM_TRY(sm_op_defs_find(&out->def, w->c->ops, out->op, err));
  sm_status status = sm_node_count_outputs(&out->n_outputs, out->def, bytes, w->c->source, err);
  return sm_graph_is_defect(status) ? SM_OK : status;
}

static sm_node_place read_argument(const walk *w, sm_span bytes) {
  sm_node_place argument = {.name = {"", 0}, .op = {"", 0}, .n_outputs = -1};
  bool is_list = false;
  sm_wire_reader reader = sm_wire_read(bytes, w->c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag == SM_WIRE_TAG(ARG_NAME, SM_WIRE_BYTES)) argument.name = sm_span_text(field.bytes);
    if (field.tag == SM_WIRE_TAG(ARG_TYPE, SM_WIRE_VARINT)) argument.dtype = (sm_dtype)(int32_t)field.value;
    is_list |= field.tag == SM_WIRE_TAG(ARG_NUMBER_ATTR, SM_WIRE_BYTES);
  }
  if (is_list) argument.dtype = SM_DT_INVALID;
  return argument;
}

static sm_status index_nodes(walk *w, sm_spans nodes, sm_spans arguments, sm_error *err) {
  sm_node_index *index = w->index;
  index->n = nodes.n + arguments.n;
  index->nodes = sm_arena_array(w->c->arena, sm_node_place, index->n);
  if (index->nodes == NULL) return sm_arena_fail(w->c->arena, index->n * sizeof *index->nodes, err);
  for (size_t i = 0; i < nodes.n; i++) SM_TRY(read_node(&index->nodes[i], w, nodes.items[i], err));
  for (size_t i = 0; i < arguments.n; i++) index->nodes[nodes.n + i] = read_argument(w, arguments.items[i]);
  for (size_t i = 0; i < index->n; i++) index->nodes[i].position = i;
  sm_sort(index->nodes, index->n, sizeof *index->nodes, node_less);
  return SM_OK;
}

/* ---- Types of inputs ---- */

static bool is_worth_it(walk *w, const sm_node_place *node) {
  uint64_t cost = node->bytes.size + node->def->outputs.n + 1;
  if (cost > w->budget / SM_OP_MAX_LISTS) return false;
  w->budget -= cost * SM_OP_MAX_LISTS;
  return true;
}

/* The types of a node with many outputs are kept, for those who use one after the other. */
static sm_status keep_outputs(walk *w, const sm_node_place *node, sm_error *err) {
  sm_node_attrs attrs;
  w->kept = NULL;
  w->outputs.size = 0;
  SM_TRY(sm_node_read_attrs(&attrs, node->def, node->bytes, w->c->source, err));
  SM_TRY(sm_args_dtypes(&w->outputs, &node->def->outputs, &attrs, MAX_KEPT_TYPES, w->c->source, err));
  w->kept = node;
  return SM_OK;
}

static sm_dtype type_at(const sm_buffer *types, uint64_t index) {
  sm_dtype type = SM_DT_INVALID;
  if (index < types->size / sizeof type) memcpy(&type, types->data + index * sizeof type, sizeof type);
  return type;
}

/* Which of all outputs a name inside a function means: false where that cannot be told. Most have one argument. */
static sm_status find_flat(bool *is_there, uint64_t *out, walk *w, const sm_node_place *from, const sm_tensor_ref *ref,
                           sm_error *err) {
  sm_node_attrs attrs;
  const sm_op_args *args = &from->def->outputs;
  *out = ref->index;
  *is_there = ref->output.size == 0 || (args->n == 1 && sm_string_equal(args->items[0].name, ref->output));
  if (*is_there || !is_worth_it(w, from)) return SM_OK;
  SM_TRY(sm_node_read_attrs(&attrs, from->def, from->bytes, w->c->source, err));
  return sm_args_flat(is_there, out, args, &attrs, ref->output, ref->index, w->c->source, err);
}

/* What a reference leads to; SM_DT_INVALID where it cannot be told. */
static sm_status find_dtype(sm_dtype *out, walk *w, const sm_node_place *from, const sm_tensor_ref *ref,
                            sm_error *err) {
  uint64_t flat;
  bool is_there;
  *out = from->bytes.data == NULL && ref->output.size == 0 ? from->dtype : SM_DT_INVALID;
  if (from->def == NULL) return SM_OK;
  SM_TRY(find_flat(&is_there, &flat, w, from, ref, err));
  if (!is_there || (from != w->kept && !is_worth_it(w, from))) return SM_OK;
  if (from->def->outputs.n_lists == 0)
    return sm_node_find_output_dtype(out, from->def, from->bytes, flat, w->c->source, err);
  if (from != w->kept) SM_TRY(keep_outputs(w, from, err));
  *out = type_at(&w->outputs, flat);
  return SM_OK;
}

/* In TensorFlow's words (common_runtime/graph_constructor.cc, MakeEdge). */
static sm_status check_type(walk *w, const sm_graph_place *place, size_t i, const sm_node_place *from,
                            const sm_tensor_ref *ref, sm_error *err) {
  sm_dtype actual, expected = type_at(&w->expected, i);
  if (expected == SM_DT_INVALID) return SM_OK;
  sm_status status = find_dtype(&actual, w, from, ref, err);
  if (status != SM_OK) return sm_graph_is_defect(status) ? SM_OK : status;
  if (sm_dtype_is_compatible(expected, actual)) return SM_OK;
  tell(w, SM_SEVERITY_ERROR, place, "Input %zu was passed %s from %.*s:%llu incompatible with expected %s.", i,
       sm_dtype_text(actual).text, SM_SHOWN(ref->node), (unsigned long long)ref->index, sm_dtype_text(expected).text);
  return SM_OK;
}

/* ---- Inputs ---- */

static bool is_loop_end(sm_string op) {
  return sm_string_equal(op, sm_string_of("NextIteration")) || sm_string_equal(op, sm_string_of("RefNextIteration"));
}

/* The node that an input comes from; NULL: told that there is none. */
static const sm_node_place *find_input(walk *w, sm_tensor_ref *ref, const sm_graph_place *place, sm_string text) {
  bool is_inside = w->index->function.size != 0;
  if (!(is_inside ? sm_tensor_ref_parse_inside(ref, text) : sm_tensor_ref_parse(ref, text))) {
    tell(w, SM_SEVERITY_ERROR, place, "input \"%.*s\" names no tensor", SM_SHOWN(text));
    return NULL;
  }
  const sm_node_place *from = sm_node_index_find(w->index, ref->node);
  if (from == NULL)
    tell(w, SM_SEVERITY_ERROR, place, "input %.*s: there is no such node", SM_SHOWN(text));
  else if (!ref->is_control && from->n_outputs >= 0 && !is_inside && ref->index >= (uint64_t)from->n_outputs)
    tell(w, SM_SEVERITY_ERROR, place, "input %.*s: the node has %lld outputs", SM_SHOWN(text),
         (long long)from->n_outputs);
  return from;
}

/* "float, int32" of what is expected, as much of it as there is room for. */
static void list_types(char *out, size_t size, const sm_buffer *types) {
  size_t n = types->size / sizeof(sm_dtype), used = 0;
  *out = '\0';
  for (size_t i = 0; i < n && used < size; i++)
    used +=
        (size_t)snprintf(out + used, size - used, "%s%s", i == 0 ? "" : ", ", sm_dtype_text(type_at(types, i)).text);
}

/* The number of inputs, in TensorFlow's words (core/framework/node_def_util.cc, ValidateNodeDef). */
static void check_number(const walk *w, const sm_graph_place *place, const sm_node_place *node, int64_t expected,
                         size_t n_data) {
  char types[200];
  if (expected < 0 || (uint64_t)expected == n_data) return;
  list_types(types, sizeof types, &w->expected);
  tell(w, SM_SEVERITY_ERROR, place, "NodeDef expected inputs '%s' do not match %zu inputs specified; Op<name=%.100s>",
       types, n_data, node->def->name.data);
}

static sm_status check_inputs(walk *w, const sm_node_place *node, size_t *n_data, sm_error *err) {
  const sm_graph_place place = place_of(w, node);
  bool saw_control = false, is_mixed = false;
  sm_wire_reader reader = sm_wire_read(node->bytes, w->c->source);
  *n_data = 0;
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    sm_tensor_ref ref;
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    sm_string text = sm_span_text(field.bytes);
    bool is_control = text.size != 0 && text.data[0] == '^';
    is_mixed |= saw_control && !is_control;
    saw_control |= is_control;
    const sm_node_place *from = find_input(w, &ref, &place, text);
    if (!is_control && from != NULL) SM_TRY(check_type(w, &place, *n_data, from, &ref, err));
    *n_data += !is_control;
    if (from == NULL || is_loop_end(from->op)) continue;
    const sm_node_edge added = {(size_t)(from - w->index->nodes), (size_t)(node - w->index->nodes)};
    SM_TRY(sm_buffer_put(&w->edges, &added, sizeof added, err));
  }
  if (is_mixed) tell(w, SM_SEVERITY_ERROR, &place, "an input that is data, behind one that is control");
  return SM_OK;
}

/* ---- One node ---- */

static bool is_function(const walk *w, sm_string name) {
  return sm_graph_find_function(w->c->library, name) != SIZE_MAX;
}

static bool is_op(sm_string name) {
  const char *reason;
  return (sm_op_find_effects(&reason, name) & SM_EFFECT_UNKNOWN) == 0;
}

typedef struct caller {
  walk *w;
  sm_graph_place place;
} caller;

/* An operation can be named where a function is expected. */
static sm_status check_called(void *ctx, sm_string name, sm_error *err) {
  const caller *c = ctx;
  (void)err;
  if (name.size != 0 && !is_function(c->w, name) && !is_op(name))
    tell(c->w, SM_SEVERITY_ERROR, &c->place, "calls function %.*s, which is not there", SM_SHOWN(name));
  return SM_OK;
}

static sm_status check_op(walk *w, const sm_node_place *node, sm_error *err) {
  bool was_recent;
  const sm_graph_place place = place_of(w, node);
  if (node->name.size == 0)
    tell(w, SM_SEVERITY_ERROR, &place, "a node without a name");
  else if (!sm_node_is_name(node->name, true))
    tell(w, SM_SEVERITY_ERROR, &place, "the name has characters that names of nodes cannot have");
  if (node->op.size == 0) tell(w, SM_SEVERITY_ERROR, &place, "a node without an operation");
  if (node->op.size == 0 || is_op(node->op) || is_function(w, node->op)) return SM_OK;
  return sm_name_set_add(&was_recent, &w->odd_ops, node->op, err);
}

/* Its attributes; *n_inputs is how many inputs they make, -1: nobody knows. */
static sm_status check_definition(walk *w, int64_t *n_inputs, const sm_node_place *node, sm_error *err) {
  sm_error fault;
  sm_node_attrs attrs;
  *n_inputs = -1;
  w->expected.size = 0;
  if (!w->c->by_definition || node->def == NULL) return SM_OK;
  const sm_wire_source *source = w->c->source;
  sm_status status = sm_node_read_attrs(&attrs, node->def, node->bytes, source, &fault);
  if (status == SM_OK) status = sm_node_check_attrs(node->def, &attrs, source, &fault);
  if (status == SM_OK) status = sm_args_count(n_inputs, &node->def->inputs, &attrs, source, &fault);
  if (status == SM_OK) /* no node has more inputs than bytes */
    status = sm_args_dtypes(&w->expected, &node->def->inputs, &attrs, node->bytes.size, source, &fault);
  if (status == SM_OK) return SM_OK;
  const sm_graph_place place = place_of(w, node);
  if (status == SM_INVALID_ARGUMENT || sm_graph_is_defect(status)) {
    tell(w, SM_SEVERITY_ERROR, &place, "%s", fault.message);
    return SM_OK;
  }
  if (err != NULL) *err = fault;
  return status;
}

static sm_status check_node(walk *w, const sm_node_place *node, sm_error *err) {
  caller c = {w, place_of(w, node)};
  int64_t n_inputs;
  size_t n_data;
  bool was_twice = node > w->index->nodes && sm_string_equal(node[-1].name, node->name);
  if (was_twice) tell(w, SM_SEVERITY_ERROR, &c.place, "the name is there more than once");
  if (node->bytes.data == NULL) return SM_OK;
  SM_TRY(check_op(w, node, err));
  SM_TRY(check_definition(w, &n_inputs, node, err));
  SM_TRY(check_inputs(w, node, &n_data, err));
  check_number(w, &c.place, node, n_inputs, n_data);
  sm_status status = sm_node_each_nested_func(node->bytes, w->c->source, check_called, &c, err);
  if (status != SM_OK && !sm_graph_is_defect(status)) return status;
  return w->c->visit != NULL ? w->c->visit(w->c->ctx, node, w->index->function, err) : SM_OK;
}

/* ---- A graph, a function ---- */

static sm_status check_cycles(walk *w, sm_error *err) {
  size_t found;
  const sm_node_edge *edges = (const sm_node_edge *)(const void *)w->edges.data;
  SM_TRY(sm_node_find_cycle(&found, edges, w->edges.size / sizeof *edges, w->index->n, w->c->arena, err));
  if (found == SIZE_MAX) return SM_OK;
  const sm_graph_place place = place_of(w, &w->index->nodes[found]);
  tell(w, SM_SEVERITY_ERROR, &place, "it waits for itself, on a cycle that is no loop");
  return SM_OK;
}

static sm_status check_nodes(walk *w, sm_error *err) {
  w->edges.size = 0;
  w->kept = NULL;
  for (size_t i = 0; i < w->index->n; i++) SM_TRY(check_node(w, &w->index->nodes[i], err));
  return check_cycles(w, err);
}

/* Values of the maps ret and control_ret: what the function returns. */
static sm_status check_returns(walk *w, sm_span def, uint32_t number, sm_error *err) {
  sm_spans entries;
  sm_span value;
  sm_tensor_ref ref;
  SM_TRY(collect(&entries, (sm_spans){&def, 1}, number, w, err));
  for (size_t i = 0; i < entries.n; i++) {
    if (sm_wire_find_bytes(&value, entries.items[i], ENTRY_VALUE, w->c->source, NULL) != SM_OK) continue;
    bool is_ref = sm_tensor_ref_parse_inside(&ref, sm_span_text(value));
    if (is_ref && sm_node_index_find(w->index, ref.node) != NULL) continue;
    const sm_graph_place place = {.kind = "function", .name = w->index->function};
    tell(w, SM_SEVERITY_ERROR, &place, "returns %.*s, which is not in it", SM_SHOWN(sm_span_text(value)));
  }
  return SM_OK;
}

static sm_status check_function(walk *w, const sm_graph_function *function, sm_error *err) {
  sm_spans nodes, arguments;
  sm_span signature;
  sm_node_index index = {.function = function->name};
  sm_arena_mark mark = sm_arena_get_mark(w->c->arena);
  w->index = &index;
  if (sm_wire_find_bytes(&signature, function->def, FUNCTION_SIGNATURE, w->c->source, NULL) != SM_OK) return SM_OK;
  SM_TRY(collect(&nodes, (sm_spans){&function->def, 1}, SM_FUNCTION_NODE, w, err));
  SM_TRY(collect(&arguments, (sm_spans){&signature, 1}, OP_INPUT_ARG, w, err));
  SM_TRY(index_nodes(w, nodes, arguments, err));
  SM_TRY(check_nodes(w, err));
  SM_TRY(check_returns(w, function->def, FUNCTION_RET, err));
  SM_TRY(check_returns(w, function->def, FUNCTION_CONTROL_RET, err));
  sm_arena_rewind(w->c->arena, mark);
  return SM_OK;
}

/* TensorFlow takes a function that comes twice when both are the same. */
static void check_function_name(const walk *w, size_t i) {
  const sm_graph_function *functions = w->c->library->functions;
  const sm_graph_place place = {.kind = "function", .name = functions[i].name};
  if (functions[i].name.size == 0) tell(w, SM_SEVERITY_ERROR, &place, "a function without a name");
  if (i == 0 || !sm_string_equal(functions[i - 1].name, functions[i].name)) return;
  bool is_same = sm_string_equal(sm_span_text(functions[i - 1].def), sm_span_text(functions[i].def));
  tell(w, is_same ? SM_SEVERITY_NOTE : SM_SEVERITY_ERROR, &place, "there more than once%s",
       is_same ? "" : ", and not the same");
}

static sm_status check_all_functions(walk *w, sm_error *err) {
  for (size_t i = 0; i < w->c->library->n; i++) {
    check_function_name(w, i);
    SM_TRY(check_function(w, &w->c->library->functions[i], err));
  }
  return SM_OK;
}

static void tell_odd_ops(walk *w) {
  sm_name_set_finish(&w->odd_ops);
  for (size_t i = 0; i < w->odd_ops.n; i++) {
    const sm_graph_place place = {.kind = "operation", .name = w->odd_ops.names[i]};
    tell(w, SM_SEVERITY_WARNING, &place, "not one of TensorFlow 2.21: whoever loads it has to register it");
  }
}

static sm_status check_all(sm_node_index *nodes, walk *w, sm_spans graph_def, sm_error *err) {
  sm_spans of_graph;
  SM_TRY(collect(&of_graph, graph_def, GRAPH_NODE, w, err));
  w->index = nodes;
  SM_TRY(index_nodes(w, of_graph, (sm_spans){NULL, 0}, err));
  SM_TRY(check_nodes(w, err));
  SM_TRY(check_all_functions(w, err));
  tell_odd_ops(w);
  return SM_OK;
}

sm_status sm_graph_check_all(sm_node_index *nodes, const sm_graph_checker *checker, sm_spans graph_def, sm_error *err) {
  const sm_allocator *allocator = checker->arena->allocator;
  walk w = {.c = checker, .budget = ((uint64_t)1 << 24) + 64 * (uint64_t)checker->source->bytes.size};
  sm_error failure; /* or a defect that was told, or makes no difference */
  *nodes = (sm_node_index){.n = 0};
  sm_name_set_init(&w.odd_ops, allocator);
  sm_buffer_init(&w.edges, allocator, checker->arena->max_bytes);
  sm_buffer_init(&w.expected, allocator, checker->arena->max_bytes);
  sm_buffer_init(&w.outputs, allocator, checker->arena->max_bytes);
  sm_status status = check_all(nodes, &w, graph_def, &failure);
  sm_buffer_free(&w.outputs);
  sm_buffer_free(&w.expected);
  sm_buffer_free(&w.edges);
  sm_name_set_free(&w.odd_ops);
  return sm_error_pass(err, status, &failure);
}
