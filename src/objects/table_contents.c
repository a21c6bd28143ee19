/*
 * What a lookup table holds: what the checkpoint has of it, or what its function _initialize would put in. That is read,
 * not run: an operation that fills the table, fed with constants of the model or with an asset.
 * Source: python/ops/lookup_ops.py (TextFileInitializer, KeyValueTensorInitializer, MutableHashTable).
 */
#include <stdio.h>

#include "objects/objects_internal.h"
#include "objects/table_text.h"

/* Fields of FunctionDef, OpDef, ArgDef, NodeDef, AttrValue. */
enum {
  FUNCTION_SIGNATURE = 1,
  OP_INPUT = 2,
  ARG_NAME = 1,
  NODE_INPUT = 3,
  NODE_NAME = 1,
  ATTR_S = 2,
  ATTR_I = 3,
  ATTR_TYPE = 6
};

/* A function of the table's, and what its last arguments are bound to. */
typedef struct table_function {
  const sm_trackable *table;
  const sm_concrete_function *concrete;
  sm_spans def; /* one piece */
  sm_spans nodes, inputs;
  const sm_wire_source *source;
  sm_arena *scratch;
} table_function;

/* ---- Of the checkpoint ---- */

static sm_status read_saved_part(sm_tensor **out, const sm_bundle_reader *reader, const char *key, const char *part,
                                 sm_error *err) {
  char name[2048];
  if ((size_t)snprintf(name, sizeof name, "%s%s", key, part) >= sizeof name)
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%.100s: the key of a table is too long", key);
  return sm_bundle_reader_read_tensor(out, reader, name, NULL, err);
}

/* NOT_FOUND: it has nothing of the table. */
static sm_status read_saved(sm_tensor **keys, sm_tensor **values, const sm_trackable *table, sm_error *err) {
  const sm_bundle_reader *reader;
  const char *key;
  SM_TRY(sm_model_get_variables(&reader, sm_meta_graph_get_model(table->objects->graph), err));
  SM_TRY(sm_trackable_get_key(&key, table, NULL, err));
  SM_TRY(read_saved_part(keys, reader, key, "-keys", err));
  return read_saved_part(values, reader, key, "-values", err);
}

/* ---- Functions of the table ---- */

static sm_status build_library(void **out, const sm_meta_graph *graph, const void *subject, sm_arena *arena,
                               sm_error *err) {
  sm_graph_library *made = sm_arena_new(arena, sm_graph_library);
  (void)subject;
  if (made == NULL) return sm_arena_fail(arena, sizeof *made, err);
  *out = made;
  return sm_graph_index_functions(made, sm_meta_graph_graph_bytes(graph), sm_meta_graph_source(graph), arena, err);
}

static sm_status find_function(table_function *out, const char *child, sm_error *err) {
  sm_objects *objects = out->table->objects;
  const sm_trackable *node;
  void *made;
  int64_t id = sm_trackable_find_child(out->table, sm_string_of(child));
  if (id < 0)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: object %d has no function %s", out->source->name, out->table->id, child);
  SM_TRY(sm_objects_get_node(&node, objects, id, err));
  SM_TRY(sm_trackable_get_function(&out->concrete, node, 0, err));
  SM_TRY(sm_meta_graph_once(&made, objects->graph, &objects->library, build_library, NULL, err));
  const sm_graph_library *library = made;
  size_t found = sm_graph_find_function(library, sm_string_of(out->concrete->name));
  if (found >= library->n)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: the graph has no function %.200s", out->source->name, out->concrete->name);
  sm_span signature;
  out->def = (sm_spans){&library->functions[found].def, 1};
  SM_TRY(sm_wire_collect(&out->nodes, out->def, SM_FUNCTION_NODE, out->source, out->scratch, err));
  SM_TRY(sm_wire_find_bytes(&signature, *out->def.items, FUNCTION_SIGNATURE, out->source, err));
  return sm_wire_collect(&out->inputs, (sm_spans){&signature, 1}, OP_INPUT, out->source, out->scratch, err);
}

/* A node by its op, or by its name; data is NULL when there is none. */
static sm_status find_node(sm_span *out, const table_function *f, const char *op, sm_string name, sm_error *err) {
  *out = (sm_span){NULL, 0};
  for (size_t i = 0; i < f->nodes.n && out->data == NULL; i++) {
    sm_string node_op;
    sm_span node_name;
    SM_TRY(sm_node_get_op(&node_op, f->nodes.items[i], f->source, err));
    SM_TRY(sm_wire_find_bytes(&node_name, f->nodes.items[i], NODE_NAME, f->source, err));
    bool is_it =
        op != NULL ? sm_string_equal(node_op, sm_string_of(op)) : sm_string_equal(sm_span_text(node_name), name);
    if (is_it) *out = f->nodes.items[i];
  }
  return SM_OK;
}

/* An input of the operation that fills the table: an object that the argument is bound to, or a node of the function. */
typedef struct source_of_input {
  const sm_trackable *object;
  sm_span node;
} source_of_input;

static sm_status fail_input(const table_function *f, sm_error *err) {
  return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: function %.200s computes what it puts into the table", f->source->name,
                 f->concrete->name);
}

static sm_status find_input(source_of_input *out, const table_function *f, sm_span node, size_t i, sm_error *err) {
  sm_spans inputs;
  *out = (source_of_input){NULL, {NULL, 0}};
  SM_TRY(sm_wire_collect(&inputs, (sm_spans){&node, 1}, NODE_INPUT, f->source, f->scratch, err));
  if (i >= inputs.n) return fail_input(f, err);
  sm_string name = sm_span_text(inputs.items[i]);
  const char *colon = name.size != 0 ? memchr(name.data, ':', name.size) : NULL;
  if (colon != NULL) {
    SM_TRY(find_node(&out->node, f, NULL, (sm_string){name.data, (size_t)(colon - name.data)}, err));
    return out->node.data != NULL ? SM_OK : fail_input(f, err);
  }
  size_t n_captures = f->concrete->n_captures;
  if (n_captures > f->inputs.n) return fail_input(f, err);
  for (size_t k = f->inputs.n - n_captures; k < f->inputs.n; k++) {
    sm_span argument;
    SM_TRY(sm_wire_find_bytes(&argument, f->inputs.items[k], ARG_NAME, f->source, err));
    if (!sm_string_equal(sm_span_text(argument), name)) continue;
    return sm_objects_get_node(&out->object, f->table->objects, f->concrete->captures[k - (f->inputs.n - n_captures)],
                               err);
  }
  return fail_input(f, err);
}

/* ---- Constants ---- */

static sm_status read_input(sm_tensor **out, const table_function *f, sm_span node, size_t i, sm_error *err) {
  source_of_input from;
  SM_TRY(find_input(&from, f, node, i, err));
  if (from.node.data != NULL) return sm_const_node_read(out, from.node, f->table->objects->graph, err);
  if (sm_trackable_get_kind(from.object) != SM_OBJECT_CONSTANT) return fail_input(f, err);
  return sm_trackable_read_constant(out, from.object, err);
}

/* ---- Lines of an asset ---- */

static sm_status read_number(int64_t *out, sm_span node, const char *attr, uint32_t field, const sm_wire_source *source,
                             sm_error *err) {
  sm_span value;
  SM_TRY(sm_node_find_attr(&value, node, attr, source, err));
  if (value.data == NULL) return SM_OK; /* the default, which is there already */
  sm_wire_reader reader = sm_wire_read(value, source);
  for (sm_wire_field at; sm_wire_next(&reader, &at);)
    if (at.tag == SM_WIRE_TAG(field, SM_WIRE_VARINT)) *out = (int64_t)at.value;
  return sm_wire_finish(&reader, err);
}

/* The dtypes of keys and values, which the operation that makes the table has. */
static sm_status read_dtypes(sm_dtype *key, sm_dtype *value, const table_function *initializer, sm_error *err) {
  table_function f = {.table = initializer->table, .source = initializer->source, .scratch = initializer->scratch};
  int64_t numbers[2] = {SM_DT_INVALID, SM_DT_INVALID};
  SM_TRY(find_function(&f, "_create_resource", err));
  for (size_t i = 0; i < f.nodes.n && numbers[0] == SM_DT_INVALID; i++) {
    SM_TRY(read_number(&numbers[0], f.nodes.items[i], "key_dtype", ATTR_TYPE, f.source, err));
    SM_TRY(read_number(&numbers[1], f.nodes.items[i], "value_dtype", ATTR_TYPE, f.source, err));
  }
  *key = (sm_dtype)numbers[0];
  *value = (sm_dtype)numbers[1];
  return SM_OK;
}

static sm_status read_text_attrs(sm_table_text *table, int64_t index[2], const table_function *f, sm_span node,
                                 sm_error *err) {
  sm_span delimiter, text;
  table->vocab_size = -1;
  table->delimiter = '\t';
  index[0] = index[1] = SM_TEXT_WHOLE_LINE;
  SM_TRY(read_number(&index[0], node, "key_index", ATTR_I, f->source, err));
  SM_TRY(read_number(&index[1], node, "value_index", ATTR_I, f->source, err));
  SM_TRY(read_number(&table->vocab_size, node, "vocab_size", ATTR_I, f->source, err));
  SM_TRY(read_number(&table->offset, node, "offset", ATTR_I, f->source, err));
  SM_TRY(sm_node_find_attr(&delimiter, node, "delimiter", f->source, err));
  if (delimiter.data == NULL) return SM_OK;
  SM_TRY(sm_wire_find_bytes(&text, delimiter, ATTR_S, f->source, err));
  if (text.size == 1) table->delimiter = (char)*text.data;
  return text.size == 1 ? SM_OK : fail_input(f, err);
}

static sm_status read_lines(sm_tensor **keys, sm_tensor **values, const table_function *f, sm_span node,
                            const sm_asset *asset, sm_error *err) {
  const sm_root *root = sm_model_get_root(sm_meta_graph_get_model(f->table->objects->graph));
  char name[SM_PATH_MAX];
  sm_table_text table = {.name = name};
  sm_dtype key_dtype, value_dtype;
  int64_t index[2];
  sm_bytes bytes;
  SM_TRY(read_text_attrs(&table, index, f, node, err));
  SM_TRY(read_dtypes(&key_dtype, &value_dtype, f, err));
  if (root->dir == NULL) return SM_FAIL(err, SM_NOT_FOUND, "the model was opened from a buffer, which has no assets");
  if (!sm_path_join(name, sizeof name, SM_DIR_ASSETS, asset->filename))
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "%.200s: the path is too long", asset->filename);
  SM_TRY(sm_bytes_load(&bytes, root, name, f->scratch->max_bytes, f->scratch->allocator, err));
  table.text = (sm_span){bytes.data, bytes.size};
  sm_status status = sm_table_text_read(keys, &table, index[0], key_dtype, f->scratch->allocator, err);
  if (status == SM_OK) status = sm_table_text_read(values, &table, index[1], value_dtype, f->scratch->allocator, err);
  sm_bytes_unload(&bytes);
  return status;
}

static sm_status read_asset(sm_tensor **keys, sm_tensor **values, const table_function *f, sm_span node,
                            sm_error *err) {
  source_of_input from;
  const sm_asset *asset;
  SM_TRY(find_input(&from, f, node, 1, err));
  if (from.object == NULL || sm_trackable_get_kind(from.object) != SM_OBJECT_ASSET) return fail_input(f, err);
  int32_t index = from.object->proto->asset->asset_file_def_index;
  SM_TRY(sm_meta_graph_get_asset(&asset, f->table->objects->graph, index >= 0 ? (size_t)index : SIZE_MAX, err));
  return read_lines(keys, values, f, node, asset, err);
}

/* ---- The whole ---- */

static sm_status read_initial(sm_tensor **keys, sm_tensor **values, table_function *f, sm_error *err) {
  static const char *const imports[] = {"LookupTableImportV2", "InitializeTableV2"};
  sm_span node;
  const sm_string no_name = {NULL, 0};
  SM_TRY(find_function(f, "_initialize", err));
  SM_TRY(find_node(&node, f, "InitializeTableFromTextFileV2", no_name, err));
  if (node.data != NULL) return read_asset(keys, values, f, node, err);
  for (size_t i = 0; node.data == NULL && i < sizeof imports / sizeof imports[0]; i++)
    SM_TRY(find_node(&node, f, imports[i], no_name, err));
  if (node.data == NULL)
    return SM_FAIL(err, SM_NOT_FOUND, "%s: function %.200s puts nothing into the table", f->source->name,
                   f->concrete->name);
  SM_TRY(read_input(keys, f, node, 1, err));
  return read_input(values, f, node, 2, err);
}

static sm_status check_sizes(const sm_tensor *keys, const sm_tensor *values, const table_function *f, sm_error *err) {
  const sm_tensor_view *key = sm_tensor_get_view(keys), *value = sm_tensor_get_view(values);
  if (key->rank >= 1 && value->rank >= key->rank && key->dims[0] == value->dims[0]) return SM_OK;
  return SM_FAIL(err, SM_DATA_LOSS, "%s: object %d is a table whose keys and values differ in number", f->source->name,
                 f->table->id);
}

sm_status sm_trackable_read_table(sm_tensor **keys, sm_tensor **values, const sm_trackable *node, sm_error *err) {
  const sm_meta_graph *graph = node->objects->graph;
  sm_arena scratch;
  sm_error failure;
  *keys = *values = NULL;
  if (sm_trackable_get_kind(node) != SM_OBJECT_RESOURCE)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "object %d is no resource", node->id);
  sm_model_init_arena(&scratch, sm_meta_graph_get_model(graph));
  table_function f = {.table = node, .source = sm_meta_graph_source(graph), .scratch = &scratch};
  sm_status status = read_saved(keys, values, node, &failure);
  if (status == SM_NOT_FOUND && *keys == NULL) status = read_initial(keys, values, &f, &failure);
  if (status == SM_OK) status = check_sizes(*keys, *values, &f, &failure);
  sm_arena_free(&scratch);
  if (status == SM_OK) return SM_OK; /* even if the checkpoint has nothing of it */
  sm_tensor_free(*keys);
  sm_tensor_free(*values);
  *keys = *values = NULL;
  return sm_error_pass(err, status, &failure);
}
