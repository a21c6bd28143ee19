/*
 * The nodes, below a scope such as "save", for n variables in the order of their keys:
 *
 *   Const <- filename <- filename/input                         the checkpoint's prefix, which is fed to Const
 *
 *   StringJoin(Const, "_temp/part") -> ShardedFilename          a checkpoint of one shard in a folder beside it ...
 *   SaveV2(ShardedFilename, keys, slices, values)
 *   control_dependency(ShardedFilename, ^SaveV2)
 *   MergeV2Checkpoints(Pack(ShardedFilename), Const)            ... gets its name when it is whole
 *   Identity(Const, ^MergeV2Checkpoints)                        what saving fetches
 *
 *   RestoreV2(Const, keys, slices) -> Assign, Assign_1, ...     one for each variable
 *                                  -> LookupTableImportV2, ...  and for each table
 *   restore_all(^Assign, ^Assign_1, ...)                        what restoring runs
 */
#include "graph/saver_graph.h"

#include "graph/node_write.h"

/* Fields of GraphDef and NodeDef: proto/graph.proto, node_def.proto. */
enum { GRAPH_NODE = 1, NODE_NAME = 1 };

/* Files are read and written by the CPU, wherever the variables are. */
static const char CPU[] = "/device:CPU:0";

typedef struct maker {
  const sm_graph_variables *variables;
  sm_arena *arena;
  sm_buffer out;
  const char *scope;
  size_t n; /* tensors in the checkpoint: those of variables, then keys and values of each table */
  sm_dtype *dtypes;
  const char **values; /* tensors to be saved */
} maker;

/* ---- The scope ---- */

/* k of a node that lies below save_k (0: save), or is named so; SIZE_MAX: elsewhere. */
static size_t scope_of(sm_string name) {
  static const char SCOPE[] = "save";
  enum { SIZE = sizeof SCOPE - 1 };
  if (name.size < SIZE || memcmp(name.data, SCOPE, SIZE) != 0) return SIZE_MAX;
  const char *p = name.data + SIZE, *end = name.data + name.size;
  size_t k = 0;
  if (p == end || *p == '/') return 0;
  if (*p++ != '_' || p == end || *p == '0') return SIZE_MAX;
  for (; p != end && *p >= '0' && *p <= '9'; p++)
    if (!sm_mul_size(k, 10, &k) || !sm_add_size(k, (size_t)(*p - '0'), &k)) return SIZE_MAX;
  return p == end || *p == '/' ? k : SIZE_MAX;
}

static sm_status name_scope(maker *m, sm_spans graph_def, const sm_wire_source *source, sm_error *err) {
  enum { SCOPE_SIZE = 32 };
  sm_spans nodes;
  SM_TRY(sm_wire_collect(&nodes, graph_def, GRAPH_NODE, source, m->arena, err));
  bool *is_used = sm_arena_array(m->arena, bool, nodes.n + 1); /* n nodes leave one of n + 1 scopes free */
  char *scope = sm_arena_alloc(m->arena, SCOPE_SIZE);
  if (is_used == NULL || scope == NULL) return sm_arena_fail(m->arena, nodes.n + 1 + SCOPE_SIZE, err);
  for (size_t i = 0; i < nodes.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, nodes.items[i], NODE_NAME, source, err));
    size_t k = scope_of(sm_span_text(name));
    if (k < nodes.n) is_used[k] = true;
  }
  size_t k = 0;
  while (is_used[k]) k++;
  snprintf(scope, SCOPE_SIZE, k != 0 ? "save_%zu" : "save", k);
  m->scope = scope;
  return SM_OK;
}

/* ---- Names and nodes ---- */

/* SCOPE/name, SCOPE/name_i for i other than 0, with prefix ("^") before it and suffix (":0") behind. */
static sm_status join(const char **out, const maker *m, const char *prefix, const char *name, size_t i,
                      const char *suffix, sm_error *err) {
  enum { DIGITS = 24 };
  size_t size = strlen(prefix) + strlen(m->scope) + 1 + strlen(name) + strlen(suffix) + DIGITS;
  char number[DIGITS] = "";
  char *text = sm_arena_alloc(m->arena, size);
  if (text == NULL) return sm_arena_fail(m->arena, size, err);
  if (i != 0) snprintf(number, sizeof number, "_%zu", i);
  snprintf(text, size, "%s%s/%s%s%s", prefix, m->scope, name, number, suffix);
  *out = text;
  return SM_OK;
}

static sm_status put(maker *m, const sm_node_spec *spec, sm_error *err) {
  size_t node;
  SM_TRY(sm_wire_open(&node, &m->out, GRAPH_NODE, err));
  SM_TRY(sm_node_write(&m->out, spec, err));
  return sm_wire_close(&m->out, node, err);
}

/* A node of the scope, whose inputs are of the scope too: names, "^name"; NULL ends them. */
enum { MAX_LOCAL_INPUTS = 4 };

static sm_status put_local(maker *m, const char *op, const char *name, const char *const *inputs, const sm_attr *attrs,
                           size_t n_attrs, sm_error *err) {
  const char *full[MAX_LOCAL_INPUTS];
  sm_node_spec spec = {.op = op, .inputs = full, .attrs = attrs, .n_attrs = n_attrs, .device = CPU};
  SM_TRY(join(&spec.name, m, "", name, 0, "", err));
  for (; inputs[spec.n_inputs] != NULL; spec.n_inputs++) {
    const char *input = inputs[spec.n_inputs];
    bool is_control = *input == '^';
    SM_TRY(join(&full[spec.n_inputs], m, is_control ? "^" : "", input + is_control, 0, "", err));
  }
  return put(m, &spec, err);
}

static sm_status put_const(maker *m, const char *name, sm_dtype dtype, const void *data, size_t size, int64_t n,
                           bool is_scalar, sm_error *err) {
  sm_tensor_view view = {.dtype = dtype, .rank = is_scalar ? 0 : 1, .data = data, .size = size, .dims = {n}};
  const sm_attr attrs[] = {sm_attr_type("dtype", dtype), sm_attr_tensor("value", &view)};
  return put_local(m, "Const", name, (const char *[]){NULL}, attrs, 2, err);
}

static sm_status put_string(maker *m, const char *name, const char *value, sm_error *err) {
  const sm_string text = sm_string_of(value);
  return put_const(m, name, SM_DT_STRING, &text, sizeof text, 1, true, err);
}

static sm_status put_int(maker *m, const char *name, int32_t value, sm_error *err) {
  return put_const(m, name, SM_DT_INT32, &value, sizeof value, 1, true, err);
}

/* ---- What both halves need ---- */

static sm_status put_filename(maker *m, sm_error *err) {
  const sm_attr attrs[] = {sm_attr_type("dtype", SM_DT_STRING), sm_attr_shape("shape", NULL, 0)};
  SM_TRY(put_string(m, "filename/input", "model", err));
  SM_TRY(put_local(m, "PlaceholderWithDefault", "filename", (const char *[]){"filename/input", NULL}, attrs, 2, err));
  return put_local(m, "PlaceholderWithDefault", "Const", (const char *[]){"filename", NULL}, attrs, 2, err);
}

/* "" for a whole variable, "4 6 0,2:0,6" for a part. */
static sm_status write_slice(sm_string *out, const maker *m, const sm_graph_variable *v, sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  sm_buffer text;
  *out = (sm_string){"", 0};
  if (v->full_shape.rank < 0) return SM_OK;
  for (int32_t i = 0; i < v->full_shape.rank; i++) extents[i] = (sm_extent){v->offsets[i], v->shape.dims[i]};
  const sm_slice_spec slice = {extents, (size_t)v->full_shape.rank};
  sm_buffer_init(&text, m->arena->allocator, m->arena->max_bytes);
  sm_status status = sm_shape_and_slice_write(&text, v->full_shape.dims, &slice, err);
  if (status == SM_OK) {
    *out = sm_arena_copy(m->arena, (sm_string){(const char *)text.data, text.size});
    if (out->data == NULL) status = sm_arena_fail(m->arena, text.size + 1, err);
  }
  sm_buffer_free(&text);
  return status;
}

/* The keys and slices of all tensors, below SaveV2 or RestoreV2. */
static sm_status put_keys(maker *m, const char *keys_name, const char *slices_name, sm_error *err) {
  size_t n = m->n;
  const sm_graph_table *tables = m->variables->tables;
  sm_string *keys = sm_arena_array(m->arena, sm_string, n), *slices = sm_arena_array(m->arena, sm_string, n);
  if (keys == NULL || slices == NULL) return sm_arena_fail(m->arena, n * sizeof *keys, err);
  for (size_t i = 0; i < n; i++) slices[i] = (sm_string){"", 0};
  for (size_t i = 0; i < m->variables->n; i++) {
    keys[i] = m->variables->items[i].key;
    SM_TRY(write_slice(&slices[i], m, &m->variables->items[i], err));
  }
  for (size_t i = 0; i < m->variables->n_tables; i++) {
    keys[m->variables->n + 2 * i] = tables[i].keys;
    keys[m->variables->n + 2 * i + 1] = tables[i].values;
  }
  SM_TRY(put_const(m, keys_name, SM_DT_STRING, keys, n * sizeof *keys, (int64_t)n, false, err));
  return put_const(m, slices_name, SM_DT_STRING, slices, n * sizeof *slices, (int64_t)n, false, err);
}

/* ---- Saving ---- */

/* Names from the graph, terminated. */
static sm_status copy_name(const char **out, const maker *m, sm_string name, sm_error *err) {
  *out = sm_arena_copy(m->arena, name).data;
  return *out != NULL ? SM_OK : sm_arena_fail(m->arena, name.size + 1, err);
}

/* What is read of each variable; resources that nothing reads yet get a node for it. */
static sm_status put_reads(maker *m, sm_error *err) {
  size_t n_added = 0;
  for (size_t i = 0; i < m->variables->n; i++) {
    const sm_graph_variable *v = &m->variables->items[i];
    if (v->value.data != NULL) {
      SM_TRY(copy_name(&m->values[i], m, v->value, err));
      continue;
    }
    const sm_attr dtype = sm_attr_type("dtype", v->dtype);
    const char *handle;
    SM_TRY(copy_name(&handle, m, v->node, err));
    SM_TRY(join(&m->values[i], m, "", "ReadVariableOp", n_added++, "", err));
    SM_TRY(put(m, &(sm_node_spec){"ReadVariableOp", m->values[i], &handle, 1, &dtype, 1, NULL}, err));
  }
  return SM_OK;
}

static sm_status put_exports(maker *m, sm_error *err) {
  for (size_t i = 0; i < m->variables->n_tables; i++) {
    const sm_graph_table *table = &m->variables->tables[i];
    const sm_attr dtypes[] = {sm_attr_type("Tkeys", table->key_dtype), sm_attr_type("Tvalues", table->value_dtype)};
    const char *handle, **values = &m->values[m->variables->n + 2 * i];
    SM_TRY(copy_name(&handle, m, table->node, err));
    SM_TRY(join(&values[0], m, "", "LookupTableExportV2", i, "", err));
    SM_TRY(join(&values[1], m, "", "LookupTableExportV2", i, ":1", err));
    SM_TRY(put(m, &(sm_node_spec){"LookupTableExportV2", values[0], &handle, 1, dtypes, 2, NULL}, err));
  }
  return SM_OK;
}

static sm_status put_save_op(maker *m, sm_error *err) {
  enum { OWN_INPUTS = 3 };
  size_t n = m->n;
  const char **inputs = sm_arena_array(m->arena, const char *, n + OWN_INPUTS);
  if (inputs == NULL) return sm_arena_fail(m->arena, (n + OWN_INPUTS) * sizeof *inputs, err);
  const sm_attr dtypes = sm_attr_types("dtypes", m->dtypes, n);
  sm_node_spec spec = {
      .op = "SaveV2", .inputs = inputs, .n_inputs = n + OWN_INPUTS, .attrs = &dtypes, .n_attrs = 1, .device = CPU};
  SM_TRY(join(&spec.name, m, "", "SaveV2", 0, "", err));
  SM_TRY(join(&inputs[0], m, "", "ShardedFilename", 0, "", err));
  SM_TRY(join(&inputs[1], m, "", "SaveV2/tensor_names", 0, "", err));
  SM_TRY(join(&inputs[2], m, "", "SaveV2/shape_and_slices", 0, "", err));
  memcpy(inputs + OWN_INPUTS, m->values, n * sizeof *inputs);
  return put(m, &spec, err);
}

static sm_status put_save(maker *m, sm_error *err) {
  const sm_attr string = sm_attr_type("T", SM_DT_STRING), two = sm_attr_int("N", 2);
  const sm_attr pack[] = {sm_attr_int("N", 1), string};
  SM_TRY(put_string(m, "StringJoin/inputs_1", "_temp/part", err));
  SM_TRY(
      put_local(m, "StringJoin", "StringJoin", (const char *[]){"Const", "StringJoin/inputs_1", NULL}, &two, 1, err));
  SM_TRY(put_int(m, "num_shards", 1, err));
  SM_TRY(put_int(m, "ShardedFilename/shard", 0, err));
  SM_TRY(put_local(m, "ShardedFilename", "ShardedFilename",
                   (const char *[]){"StringJoin", "ShardedFilename/shard", "num_shards", NULL}, NULL, 0, err));
  SM_TRY(put_keys(m, "SaveV2/tensor_names", "SaveV2/shape_and_slices", err));
  SM_TRY(put_reads(m, err));
  SM_TRY(put_exports(m, err));
  SM_TRY(put_save_op(m, err));
  SM_TRY(put_local(m, "Identity", "control_dependency", (const char *[]){"ShardedFilename", "^SaveV2", NULL}, &string,
                   1, err));
  SM_TRY(put_local(m, "Pack", "MergeV2Checkpoints/checkpoint_prefixes",
                   (const char *[]){"ShardedFilename", "^control_dependency", NULL}, pack, 2, err));
  SM_TRY(put_local(m, "MergeV2Checkpoints", "MergeV2Checkpoints",
                   (const char *[]){"MergeV2Checkpoints/checkpoint_prefixes", "Const", NULL}, NULL, 0, err));
  return put_local(m, "Identity", "Identity",
                   (const char *[]){"Const", "^control_dependency", "^MergeV2Checkpoints", NULL}, &string, 1, err);
}

/* ---- Restoring ---- */

/* "RestoreV2:i". */
static sm_status join_restored(const char **out, const maker *m, size_t i, sm_error *err) {
  char output[24];
  snprintf(output, sizeof output, i != 0 ? ":%zu" : "", i);
  return join(out, m, "", "RestoreV2", 0, output, err);
}

/* Assign for references, AssignVariableOp for resources. The node's own place is the variable's. */
static sm_status put_assign(maker *m, const char **control, size_t i, sm_error *err) {
  const sm_graph_variable *v = &m->variables->items[i];
  const char *inputs[2];
  const sm_attr dtype = sm_attr_type(v->is_resource ? "dtype" : "T", v->dtype);
  sm_node_spec spec = {.op = v->is_resource ? "AssignVariableOp" : "Assign",
                       .inputs = inputs,
                       .n_inputs = 2,
                       .attrs = &dtype,
                       .n_attrs = 1};
  SM_TRY(join(control, m, "^", "Assign", i, "", err));
  spec.name = *control + 1;
  SM_TRY(copy_name(&inputs[0], m, v->node, err));
  SM_TRY(join_restored(&inputs[1], m, i, err));
  return put(m, &spec, err);
}

static sm_status put_import(maker *m, const char **control, size_t i, sm_error *err) {
  const sm_graph_table *table = &m->variables->tables[i];
  const sm_attr dtypes[] = {sm_attr_type("Tin", table->key_dtype), sm_attr_type("Tout", table->value_dtype)};
  const char *inputs[3];
  size_t first = m->variables->n + 2 * i;
  SM_TRY(join(control, m, "^", "LookupTableImportV2", i, "", err));
  SM_TRY(copy_name(&inputs[0], m, table->node, err));
  SM_TRY(join_restored(&inputs[1], m, first, err));
  SM_TRY(join_restored(&inputs[2], m, first + 1, err));
  return put(m, &(sm_node_spec){"LookupTableImportV2", *control + 1, inputs, 3, dtypes, 2, NULL}, err);
}

static sm_status put_restore(maker *m, sm_error *err) {
  size_t n = m->variables->n, n_tables = m->variables->n_tables;
  const char **controls = sm_arena_array(m->arena, const char *, n + n_tables);
  if (controls == NULL) return sm_arena_fail(m->arena, (n + n_tables) * sizeof *controls, err);
  const sm_attr dtypes = sm_attr_types("dtypes", m->dtypes, m->n);
  SM_TRY(put_keys(m, "RestoreV2/tensor_names", "RestoreV2/shape_and_slices", err));
  SM_TRY(put_local(m, "RestoreV2", "RestoreV2",
                   (const char *[]){"Const", "RestoreV2/tensor_names", "RestoreV2/shape_and_slices", NULL}, &dtypes, 1,
                   err));
  for (size_t i = 0; i < n; i++) SM_TRY(put_assign(m, &controls[i], i, err));
  for (size_t i = 0; i < n_tables; i++) SM_TRY(put_import(m, &controls[n + i], i, err));
  sm_node_spec all = {.op = "NoOp", .inputs = controls, .n_inputs = n + n_tables};
  SM_TRY(join(&all.name, m, "", "restore_all", 0, "", err));
  return put(m, &all, err);
}

/* ---- Both ---- */

/* What tf.compat.v1.train.Saver puts there by default; no loader reads the last four. */
static sm_status describe(sm_saver_def *out, const maker *m, sm_error *err) {
  enum { MAX_TO_KEEP = 5, HOURS = 10000, FORMAT_V2 = 2 };
  *out = (sm_saver_def){
      .max_to_keep = MAX_TO_KEEP, .sharded = true, .keep_checkpoint_every_n_hours = HOURS, .version = FORMAT_V2};
  SM_TRY(join(&out->filename_tensor_name, m, "", "Const", 0, ":0", err));
  SM_TRY(join(&out->save_tensor_name, m, "", "Identity", 0, ":0", err));
  return join(&out->restore_op_name, m, "", "restore_all", 0, "", err);
}

static sm_status make(sm_saver_graph *out, maker *m, sm_error *err) {
  size_t n = m->variables->n;
  m->n = n + 2 * m->variables->n_tables;
  m->dtypes = sm_arena_array(m->arena, sm_dtype, m->n);
  m->values = sm_arena_array(m->arena, const char *, m->n);
  if (m->dtypes == NULL || m->values == NULL) return sm_arena_fail(m->arena, m->n * sizeof *m->values, err);
  for (size_t i = 0; i < n; i++) m->dtypes[i] = m->variables->items[i].dtype;
  for (size_t i = 0; i < m->variables->n_tables; i++) {
    m->dtypes[n + 2 * i] = m->variables->tables[i].key_dtype;
    m->dtypes[n + 2 * i + 1] = m->variables->tables[i].value_dtype;
  }
  SM_TRY(put_filename(m, err));
  SM_TRY(put_save(m, err));
  SM_TRY(put_restore(m, err));
  SM_TRY(describe(&out->def, m, err));
  out->nodes = sm_arena_copy(m->arena, (sm_string){(const char *)m->out.data, m->out.size});
  return out->nodes.data != NULL ? SM_OK : sm_arena_fail(m->arena, m->out.size + 1, err);
}

sm_status sm_saver_graph_make(sm_saver_graph *out, const sm_graph_variables *variables, sm_spans graph_def,
                              const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  maker m = {.variables = variables, .arena = arena};
  if (variables->n == 0 && variables->n_tables == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "a saver of no variables");
  SM_TRY(name_scope(&m, graph_def, source, err));
  sm_buffer_init(&m.out, arena->allocator, arena->max_bytes);
  sm_status status = make(out, &m, err);
  sm_buffer_free(&m.out);
  return status;
}
