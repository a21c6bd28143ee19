/* The graph of one signature, frozen: pruned to its outputs, with zeros for inputs where that is asked for. */
#include <savedmodel/freeze.h>

#include "builder/freeze_values.h"
#include "graph/graph_edit.h"
#include "graph/prune.h"
#include "graph/reach.h"
#include "model/model.h"
#include "wire/emit.h"

/* Fields of GraphDef, NodeDef, map entries, AttrValue, TensorProto, TensorShapeProto, OpDefs of MetaInfoDef:
 * proto/graph.proto, node_def.proto, attr_value.proto, tensor.proto, tensor_shape.proto, meta_graph.proto. */
enum {
  GRAPH_NODE = 1,
  NODE_NAME = 1,
  NODE_OP = 2,
  NODE_ATTR = 5,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  ATTR_TYPE = 6,
  ATTR_TENSOR = 8,
  TENSOR_DTYPE = 1,
  TENSOR_SHAPE = 2,
  SHAPE_DIM = 2,
  DIM_SIZE = 1,
  INFO_OP_LIST = 2
};

typedef struct freezing {
  const sm_meta_graph *graph;
  const sm_signature *signature;
  sm_freeze_options options;
  const sm_allocator *allocator;
  const sm_wire_source *source;
  sm_arena arena;
  sm_op_defs defs;
  sm_graph_library library;
  sm_bundle_reader *opened;
  sm_buffer pruned, out;
  sm_freeze_values values;
} freezing;

static sm_string text_of(sm_span bytes) { return (sm_string){(const char *)bytes.data, bytes.size}; }

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

/* ---- Inputs ---- */

static sm_status put_zeros(sm_buffer *out, sm_string name, const sm_tensor_info *input, sm_error *err) {
  size_t entry, value, tensor, shape, dim;
  SM_TRY(sm_wire_put_bytes(out, NODE_NAME, name.data, name.size, err));
  SM_TRY(sm_wire_put_bytes(out, NODE_OP, "Const", 5, err));
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, "dtype", 5, err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_put_varint(out, ATTR_TYPE, (uint64_t)input->dtype, err));
  SM_TRY(sm_wire_close(out, value, err));
  SM_TRY(sm_wire_close(out, entry, err));
  SM_TRY(sm_wire_open(&entry, out, NODE_ATTR, err));
  SM_TRY(sm_wire_put_bytes(out, ENTRY_KEY, "value", 5, err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_open(&tensor, out, ATTR_TENSOR, err)); /* without values: all are zeros */
  SM_TRY(sm_wire_put_varint(out, TENSOR_DTYPE, (uint64_t)input->dtype, err));
  SM_TRY(sm_wire_open(&shape, out, TENSOR_SHAPE, err));
  for (int32_t i = 0; i < input->rank; i++) {
    SM_TRY(sm_wire_open(&dim, out, SHAPE_DIM, err));
    SM_TRY(sm_wire_put_varint(out, DIM_SIZE, (uint64_t)input->dims[i], err));
    SM_TRY(sm_wire_close(out, dim, err));
  }
  SM_TRY(sm_wire_close(out, shape, err));
  SM_TRY(sm_wire_close(out, tensor, err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

static const sm_tensor_info *find_input(const freezing *f, sm_string node) {
  for (size_t i = 0; i < f->signature->n_inputs; i++) {
    const sm_tensor_info *input = f->signature->inputs[i];
    if (input->kind == SM_TENSOR_NAME && sm_string_equal(sm_tensor_node_name(sm_string_of(input->tensor_name)), node))
      return input;
  }
  return NULL;
}

static sm_status replace_input(bool *is_same, sm_buffer *out, void *ctx, sm_span node, sm_error *err) {
  const freezing *f = ctx;
  sm_span name;
  sm_string op;
  *is_same = true;
  SM_TRY(sm_wire_find_bytes(&name, node, NODE_NAME, f->source, err));
  SM_TRY(sm_node_get_op(&op, node, f->source, err));
  const sm_tensor_info *input = f->options.zero_inputs ? find_input(f, text_of(name)) : NULL;
  if (input == NULL || (!is_op(op, "Placeholder") && !is_op(op, "PlaceholderV2"))) return SM_OK;
  *is_same = false;
  return put_zeros(out, text_of(name), input, err);
}

static sm_status check_inputs(const freezing *f, sm_error *err) {
  if (f->signature->n_outputs == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "signature %s has no outputs", f->signature->key);
  for (size_t i = 0; f->options.zero_inputs && i < f->signature->n_inputs; i++) {
    const sm_tensor_info *input = f->signature->inputs[i];
    bool is_whole = input->rank >= 0;
    for (int32_t k = 0; k < input->rank; k++) is_whole &= input->dims[k] >= 0;
    if (!is_whole)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "input %s of signature %s has no complete shape", input->name,
                     f->signature->key);
  }
  return SM_OK;
}

/* Inputs are replaced first: what only led to them goes. */
static sm_status prune(freezing *f, sm_error *err) {
  sm_buffer replaced;
  sm_string *names = sm_arena_array(&f->arena, sm_string, f->signature->n_outputs);
  if (names == NULL) return sm_arena_fail(&f->arena, f->signature->n_outputs * sizeof *names, err);
  for (size_t i = 0; i < f->signature->n_outputs; i++) {
    if (f->signature->outputs[i]->kind != SM_TENSOR_NAME)
      return SM_FAIL(err, SM_UNIMPLEMENTED, "output %s of signature %s is no single tensor",
                     f->signature->outputs[i]->name, f->signature->key);
    names[i] = sm_string_of(f->signature->outputs[i]->tensor_name);
  }
  const sm_prune_roots roots = {.tensors = names, .n_tensors = f->signature->n_outputs};
  sm_buffer_init(&replaced, f->allocator, UINT64_MAX);
  sm_status status =
      sm_graph_rewrite(&replaced, sm_meta_graph_graph_bytes(f->graph), false, replace_input, f, f->source, err);
  const sm_span whole = {replaced.data, replaced.size};
  if (status == SM_OK) status = sm_graph_prune_to(&f->pruned, (sm_spans){&whole, 1}, &roots, f->source, &f->arena, err);
  sm_buffer_free(&replaced);
  return status;
}

/* ---- Variables ---- */

static sm_status get_reader(const sm_bundle_reader **out, freezing *f, sm_error *err) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = f->allocator;
  if (f->options.checkpoint == NULL) return sm_model_get_variables(out, sm_meta_graph_get_model(f->graph), err);
  sm_status status = sm_bundle_reader_open(&f->opened, f->options.checkpoint, &options, err);
  *out = f->opened;
  return status;
}

static sm_status find_values(freezing *f, sm_error *err) {
  const sm_saver_def *saver;
  const sm_restored_variable *restores;
  const sm_bundle_reader *reader;
  size_t n;
  sm_status status = sm_meta_graph_get_saver_def(&saver, f->graph, err);
  if (status != SM_OK) return status == SM_NOT_FOUND ? SM_OK : status;
  SM_TRY(sm_graph_find_restores(&restores, &n, sm_meta_graph_graph_bytes(f->graph), &f->library,
                                sm_string_of(saver->restore_op_name), f->source, &f->arena, err));
  if (n == 0) return SM_OK;
  SM_TRY(get_reader(&reader, f, err));
  return sm_freeze_values_find(&f->values, restores, n, reader, &f->arena, err);
}

static bool is_kept(const freezing *f, sm_string node) {
  for (size_t i = 0; i < f->options.n_kept; i++)
    if (sm_string_equal(node, sm_string_of(f->options.kept[i]))) return true;
  return f->options.keep_all;
}

static sm_status freeze(sm_buffer *out, freezing *f, const sm_freeze_variable *variables, size_t n, void *values,
                        sm_error *err) {
  sm_graph_library library;
  const sm_span pruned = {f->pruned.data, f->pruned.size};
  const sm_freeze_spec spec = {
      .variables = variables, .n_variables = n, .put_value = sm_freeze_values_put, .ctx = values};
  SM_TRY(sm_graph_index_functions(&library, (sm_spans){&pruned, 1}, f->source, &f->arena, err));
  return sm_graph_freeze(out, (sm_spans){&pruned, 1}, &library, &f->defs, &spec, f->source, &f->arena, err);
}

/* What cannot be frozen is written to. */
static sm_status is_written(bool *out, freezing *f, size_t variable, sm_error *err) {
  sm_buffer unused;
  sm_freeze_values one = f->values;
  one.values = &f->values.values[variable];
  one.variables = &f->values.variables[variable];
  sm_buffer_init(&unused, f->allocator, UINT64_MAX);
  sm_status status = freeze(&unused, f, one.variables, 1, &one, err);
  sm_buffer_free(&unused);
  *out = status == SM_UNIMPLEMENTED;
  return *out ? SM_OK : status;
}

static sm_status tell(freezing *f, size_t variable, bool keeps, sm_error *err) {
  const sm_bundle_entry *entry = &f->values.values[variable].entry;
  sm_freeze_candidate found = {.dtype = entry->dtype, .rank = entry->rank, .dims = entry->dims, .is_kept = keeps};
  if (f->options.variable == NULL) return SM_OK;
  if (keeps) SM_TRY(is_written(&found.is_written, f, variable, err));
  found.name = sm_arena_copy(&f->arena, f->values.variables[variable].node).data;
  if (found.name == NULL) return sm_arena_fail(&f->arena, f->values.variables[variable].node.size, err);
  f->options.variable(f->options.variable_ctx, &found);
  return SM_OK;
}

/* Leaves in values what is to be frozen of the variables in the graph. */
static sm_status choose(freezing *f, sm_error *err) {
  sm_reach_node *nodes;
  size_t n_nodes, n = 0, n_kept = 0;
  const sm_span pruned = {f->pruned.data, f->pruned.size};
  SM_TRY(sm_reach_index_nodes(&nodes, &n_nodes, (sm_spans){&pruned, 1}, GRAPH_NODE, f->source, &f->arena, err));
  for (size_t i = 0; i < f->values.n; i++) {
    sm_string node = f->values.variables[i].node;
    if (sm_named_find(nodes, n_nodes, sizeof *nodes, node) == SIZE_MAX) continue;
    bool keeps = is_kept(f, node);
    SM_TRY(tell(f, i, keeps, err));
    n_kept += keeps;
    if (keeps) continue;
    f->values.variables[n] = f->values.variables[i];
    f->values.values[n++] = f->values.values[i];
  }
  f->values.n = n;
  if (f->options.keep_all || n_kept >= f->options.n_kept) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT, "variables that are to be kept are not in the graph");
}

/* ---- All ---- */

static sm_status run(freezing *f, sm_error *err) {
  sm_spans op_lists;
  sm_spans graph_def = sm_meta_graph_graph_bytes(f->graph);
  if (f->signature == NULL) {
    for (size_t i = 0; i < graph_def.n; i++)
      SM_TRY(sm_buffer_put(&f->out, graph_def.items[i].data, graph_def.items[i].size, err));
    return sm_buffer_put(&f->out, "", 1, err); /* terminated */
  }
  SM_TRY(check_inputs(f, err));
  SM_TRY(sm_graph_index_functions(&f->library, graph_def, f->source, &f->arena, err));
  SM_TRY(sm_wire_collect(&op_lists, sm_meta_graph_info_bytes(f->graph), INFO_OP_LIST, f->source, &f->arena, err));
  SM_TRY(sm_op_defs_add(&f->defs, op_lists, &f->library, f->source, err));
  SM_TRY(find_values(f, err));
  SM_TRY(prune(f, err));
  SM_TRY(choose(f, err));
  SM_TRY(freeze(&f->out, f, f->values.variables, f->values.n, &f->values, err));
  return sm_buffer_put(&f->out, "", 1, err);
}

static sm_status read_options(sm_freeze_options *out, const sm_freeze_options *options, sm_error *err) {
  *out = (sm_freeze_options)SM_FREEZE_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_freeze_options.struct_size is 0: start from SM_FREEZE_OPTIONS_INIT");
  memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  return SM_OK;
}

sm_status sm_freeze_signature(sm_string *out, const sm_meta_graph *graph, const sm_signature *signature,
                              const sm_freeze_options *options, sm_error *err) {
  freezing f = {.graph = graph, .signature = signature, .source = sm_meta_graph_source(graph)};
  *out = (sm_string){NULL, 0};
  SM_TRY(read_options(&f.options, options, err));
  f.allocator = sm_allocator_or_malloc(f.options.allocator);
  sm_arena_init(&f.arena, f.allocator, UINT64_MAX);
  sm_op_defs_init(&f.defs, f.allocator, UINT64_MAX);
  sm_buffer_init(&f.pruned, f.allocator, UINT64_MAX);
  sm_buffer_init(&f.out, f.allocator, UINT64_MAX);
  sm_status status = run(&f, err);
  if (status == SM_OK)
    *out = (sm_string){(const char *)f.out.data, f.out.size - 1};
  else
    sm_buffer_free(&f.out);
  sm_buffer_free(&f.pruned);
  sm_bundle_reader_close(f.opened);
  sm_op_defs_free(&f.defs);
  sm_arena_free(&f.arena);
  return status;
}
