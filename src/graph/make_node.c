/* Adding nodes to a graph. They are bytes from the start; what a later node has to know of an earlier one, the types of its
 * outputs, is kept beside them. */
#include "graph/graph_internal.h"

#include "graph/graph_check.h"
#include "graph/node_write.h"
#include "graph/reach.h"

/* Fields of GraphDef: proto/graph.proto. */
enum { GRAPH_NODE = 1 };

enum { SHOWN_SIZE = 256 };

/* ---- Inputs ---- */

typedef struct node_inputs {
  const char **texts; /* as a NodeDef has them */
  sm_dtype *dtypes;   /* of the first n_data */
  size_t n_data;
} node_inputs;

/* Number of an output: digits that are no more than a graph can have. */
static bool read_output(uint64_t *out, const char *digits) {
  *out = 0;
  for (const char *p = digits; *p != '\0'; p++) {
    if (*p < '0' || *p > '9' || *out > INT32_MAX / 10) return false;
    *out = 10 * *out + (uint64_t)(*p - '0');
  }
  return *digits != '\0';
}

static sm_status find_dtype(sm_dtype *out, const sm_graph *graph, const sm_made_node *node, uint64_t output,
                            sm_error *err) {
  const sm_span bytes = {graph->bytes.data + node->offset, node->size};
  if (output >= node->n_types) return sm_node_find_output_dtype(out, node->def, bytes, output, &graph->source, err);
  memcpy(out, graph->output_types.data + (node->first_type + output) * sizeof *out, sizeof *out);
  return SM_OK;
}

static sm_status find_input(const sm_made_node **out, const sm_graph *graph, const sm_node_spec *spec, size_t i,
                            sm_error *err) {
  if (spec->inputs[i] == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: input %zu is NULL", spec->name, i);
  size_t number = sm_name_index_find(&graph->names, sm_tensor_node_name(sm_string_of(spec->inputs[i])));
  if (number == SIZE_MAX)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: its input %s is not in the graph yet", spec->name,
                   spec->inputs[i]);
  *out = &graph->nodes[number];
  return SM_OK;
}

static sm_status read_data_input(node_inputs *in, sm_graph *graph, const sm_node_spec *spec, size_t i, sm_error *err) {
  const char *text = spec->inputs[i], *colon = strchr(text, ':');
  const sm_made_node *node;
  uint64_t output = 0;
  if (i != in->n_data)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: its input %s is behind a control input", spec->name, text);
  SM_TRY(find_input(&node, graph, spec, i, err));
  if (colon == NULL || read_output(&output, colon + 1))
    SM_TRY(find_dtype(&in->dtypes[i], graph, node, output, err));
  else
    in->dtypes[i] = SM_DT_INVALID;
  if (in->dtypes[i] == SM_DT_INVALID)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: %s has no such output", spec->name, text);
  in->n_data++;
  in->texts[i] = text;
  if (colon == NULL || output != 0) return SM_OK;
  in->texts[i] = sm_arena_copy(&graph->arena, (sm_string){text, (size_t)(colon - text)}).data; /* "a:0" is "a" */
  return in->texts[i] != NULL ? SM_OK : sm_arena_fail(&graph->arena, strlen(text), err);
}

static sm_status read_inputs(node_inputs *in, sm_graph *graph, const sm_node_spec *spec, sm_error *err) {
  *in = (node_inputs){.n_data = 0};
  in->texts = sm_arena_array(&graph->arena, const char *, spec->n_inputs);
  in->dtypes = sm_arena_array(&graph->arena, sm_dtype, spec->n_inputs);
  if (in->texts == NULL || in->dtypes == NULL)
    return sm_arena_fail(&graph->arena, spec->n_inputs * sizeof *in->texts, err);
  for (size_t i = 0; i < spec->n_inputs; i++) {
    const sm_made_node *node;
    if (spec->inputs[i] == NULL || *spec->inputs[i] != '^') {
      if (spec->inputs[i] == NULL) return find_input(&node, graph, spec, i, err);
      SM_TRY(read_data_input(in, graph, spec, i, err));
      continue;
    }
    SM_TRY(find_input(&node, graph, spec, i, err));
    in->texts[i] = spec->inputs[i];
  }
  return SM_OK;
}

/* ---- Attributes ---- */

/* The types of attributes, as OpDef names them. */
static const char *const kind_names[] = {[SM_ATTR_INT] = "int",
                                         [SM_ATTR_FLOAT] = "float",
                                         [SM_ATTR_BOOL] = "bool",
                                         [SM_ATTR_STRING] = "string",
                                         [SM_ATTR_TYPE] = "type",
                                         [SM_ATTR_SHAPE] = "shape",
                                         [SM_ATTR_TENSOR] = "tensor",
                                         [SM_ATTR_FUNC] = "func",
                                         [SM_ATTR_INTS] = "list(int)",
                                         [SM_ATTR_FLOATS] = "list(float)",
                                         [SM_ATTR_STRINGS] = "list(string)",
                                         [SM_ATTR_TYPES] = "list(type)",
                                         [SM_ATTR_PROTO] = "message"};

/* Are the members there that the kind needs? */
static bool is_whole(const sm_attr *attr) {
  switch (attr->kind) {
    case SM_ATTR_SHAPE: return attr->rank >= -1 && attr->rank <= SM_MAX_RANK && (attr->dims != NULL || attr->rank <= 0);
    case SM_ATTR_TENSOR: return attr->tensor != NULL;
    case SM_ATTR_INTS: return attr->ints != NULL || attr->n == 0;
    case SM_ATTR_FLOATS: return attr->floats != NULL || attr->n == 0;
    case SM_ATTR_STRINGS: return attr->strings != NULL || attr->n == 0;
    case SM_ATTR_TYPES: return attr->types != NULL || attr->n == 0;
    default: return attr->kind >= SM_ATTR_INT && attr->kind <= SM_ATTR_PROTO;
  }
}

/* Types and numbers say what the inputs and outputs are, so they have to be known here. */
static bool fits_kind(const sm_attr *attr, const char *wanted) {
  if (attr->kind != SM_ATTR_PROTO) return strcmp(wanted, kind_names[attr->kind]) == 0;
  return strcmp(wanted, "int") != 0 && strcmp(wanted, "type") != 0 && strcmp(wanted, "list(type)") != 0;
}

static sm_status check_attr(const sm_op_def *def, const sm_node_spec *spec, size_t i, sm_error *err) {
  const sm_attr *attr = &spec->attrs[i];
  if (attr->name == NULL || !is_whole(attr))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: attribute %zu has no name or value", spec->name, i);
  for (size_t k = 0; k < i; k++)
    if (strcmp(spec->attrs[k].name, attr->name) == 0)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: attribute %s is given twice", spec->name, attr->name);
  if (attr->name[0] == '_') return SM_OK; /* of no op: hints, which any node may have */
  size_t found = sm_op_def_find_attr(def, sm_string_of(attr->name));
  if (found == SM_NO_ATTR)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: %s has no attribute %s", spec->name, spec->op, attr->name);
  const char *wanted = def->attrs[found].proto->type;
  if (!fits_kind(attr, wanted))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: attribute %s is a %s, but %s takes a %s", spec->name, attr->name,
                   kind_names[attr->kind], spec->op, wanted);
  return SM_OK;
}

static sm_status complete_attrs(sm_full_attrs *out, sm_graph *graph, const sm_op_def *def, const sm_node_spec *spec,
                                const node_inputs *in, sm_error *err) {
  size_t most = spec->n_attrs + def->n_attrs;
  *out = (sm_full_attrs){.items = sm_arena_array(&graph->arena, sm_attr, most), .n = spec->n_attrs};
  if (out->items == NULL) return sm_arena_fail(&graph->arena, most * sizeof *out->items, err);
  for (size_t i = 0; i < spec->n_attrs; i++) {
    SM_TRY(check_attr(def, spec, i, err));
    out->items[i] = spec->attrs[i];
  }
  return sm_infer_attrs(out, def, in->dtypes, in->n_data, spec->name, err);
}

/* ---- The node ---- */

static sm_status find_op(const sm_op_def **out, sm_graph *graph, const sm_node_spec *spec, sm_error *err) {
  if (spec->name == NULL || !sm_node_is_name(sm_string_of(spec->name), false))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "\"%s\" is no name of a node", spec->name != NULL ? spec->name : "");
  if (sm_name_index_find(&graph->names, sm_string_of(spec->name)) != SIZE_MAX)
    return SM_FAIL(err, SM_ALREADY_EXISTS, "node %s is in the graph already", spec->name);
  if ((spec->inputs == NULL && spec->n_inputs != 0) || (spec->attrs == NULL && spec->n_attrs != 0))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: inputs or attrs is NULL", spec->name);
  SM_TRY(sm_graph_find_op(out, graph, spec->op != NULL ? spec->op : "", err));
  if (*out == NULL)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "node %s: no operation %s", spec->name, spec->op != NULL ? spec->op : "");
  return SM_OK;
}

static sm_status write_node(sm_graph *graph, const sm_node_spec *spec, sm_made_node *made, sm_error *err) {
  size_t contents;
  SM_TRY(sm_wire_open(&contents, &graph->bytes, GRAPH_NODE, err));
  SM_TRY(sm_node_write(&graph->bytes, spec, err));
  made->size = graph->bytes.size - contents;
  SM_TRY(sm_wire_close(&graph->bytes, contents, err));
  made->offset = graph->bytes.size - made->size;
  return SM_OK;
}

/* A node's types take no more room than its bytes: a list of types in it has a byte for each at least. */
static sm_status keep_types(sm_graph *graph, sm_made_node *made, const sm_node_attrs *attrs, sm_error *err) {
  sm_buffer *types = &graph->output_types;
  made->first_type = types->size / sizeof(sm_dtype);
  SM_TRY(sm_args_dtypes(types, &made->def->outputs, attrs, made->size, &graph->source, err));
  made->n_types = types->size / sizeof(sm_dtype) - made->first_type;
  return SM_OK;
}

/* Are all attributes there, with values that the op allows? */
static sm_status check_attrs(sm_graph *graph, const char *name, sm_made_node *made, sm_error *err) {
  sm_node_attrs attrs;
  char place[SHOWN_SIZE];
  const sm_span node = {graph->bytes.data + made->offset, made->size};
  SM_TRY(sm_node_read_attrs(&attrs, made->def, node, &graph->source, err));
  sm_status status = sm_node_check_attrs(made->def, &attrs, &graph->source, err);
  if (status == SM_OK) return keep_types(graph, made, &attrs, err);
  snprintf(place, sizeof place, "node %s", name);
  sm_error_add_place(err, place);
  return status;
}

/* name: in the graph's arena. */
static sm_status enter_node(sm_graph *graph, sm_string name, const sm_made_node *made, sm_error *err) {
  void *nodes = graph->nodes;
  SM_TRY(sm_graph_make_room(graph, &nodes, graph->n_nodes, &graph->nodes_capacity, sizeof *made, err));
  graph->nodes = nodes;
  SM_TRY(sm_name_index_add(&graph->names, name, err));
  graph->nodes[graph->n_nodes++] = *made;
  graph->nodes_size = graph->bytes.size;
  return SM_OK;
}

static sm_status make_node(sm_graph *graph, const sm_node_spec *spec, sm_made_node *made, sm_error *err) {
  node_inputs inputs;
  sm_full_attrs attrs;
  SM_TRY(find_op(&made->def, graph, spec, err));
  SM_TRY(read_inputs(&inputs, graph, spec, err));
  SM_TRY(complete_attrs(&attrs, graph, made->def, spec, &inputs, err));
  graph->bytes.size = graph->nodes_size;
  const sm_node_spec full = {.op = spec->op,
                             .name = spec->name,
                             .inputs = inputs.texts,
                             .n_inputs = spec->n_inputs,
                             .attrs = attrs.items,
                             .n_attrs = attrs.n,
                             .device = spec->device};
  SM_TRY(write_node(graph, &full, made, err));
  return check_attrs(graph, spec->name, made, err);
}

sm_status sm_graph_add_node(sm_graph *graph, const sm_node_spec *spec, sm_error *err) {
  sm_made_node made;
  const sm_graph_mark mark = sm_graph_get_mark(graph);
  const sm_string name = sm_arena_copy(&graph->arena, sm_string_of(spec->name != NULL ? spec->name : ""));
  if (name.data == NULL) return sm_arena_fail(&graph->arena, name.size + 1, err);
  const sm_arena_mark scratch = sm_arena_get_mark(&graph->arena);
  sm_status status = make_node(graph, spec, &made, err);
  sm_arena_rewind(&graph->arena, scratch);
  if (status == SM_OK) status = enter_node(graph, name, &made, err);
  if (status != SM_OK) sm_graph_rewind(graph, mark);
  return status;
}

sm_status sm_graph_add(sm_graph *graph, const char *op, const char *name, const char *const *inputs, size_t n_inputs,
                       sm_error *err) {
  return sm_graph_add_node(graph, &(sm_node_spec){.op = op, .name = name, .inputs = inputs, .n_inputs = n_inputs}, err);
}
