#include "builder/to_v2.h"

/* Fields of NodeDef, AssetFileDef, TensorInfo, CollectionDef, its lists, Any, map entries, SaverDef: proto/node_def.proto,
 * meta_graph.proto, saver.proto. */
enum {
  NODE_INPUT = 3,
  ASSET_INFO = 1,
  INFO_NAME = 1,
  ASSET_FILENAME = 2,
  NODE_LIST = 1,
  ANY_LIST = 5,
  VALUE = 1,
  ANY_VALUE = 2,
  ENTRY_VALUE = 2,
  SAVER_RESTORE = 3
};

static bool is_op(sm_string op, const char *name) { return sm_string_equal(op, sm_string_of(name)); }

static bool begins_with(sm_string text, const char *begin) {
  size_t size = strlen(begin);
  return text.size >= size && memcmp(text.data, begin, size) == 0;
}

bool sm_convert_is_table(sm_string op) {
  return is_op(op, "HashTableV2") || is_op(op, "MutableHashTableV2") || is_op(op, "MutableHashTableOfTensorsV2") ||
         is_op(op, "MutableDenseHashTableV2");
}

/* Operations that put something into the table that is their first input. */
bool sm_convert_fills_table(sm_string op) {
  return begins_with(op, "InitializeTable") || begins_with(op, "LookupTableImport") ||
         begins_with(op, "LookupTableInsert");
}

/* ---- The init op ---- */

static sm_status mark_collection(sm_conversion *c, const char *key, sm_error *err) {
  sm_draft collection, list;
  sm_spans names;
  bool found;
  SM_TRY(sm_draft_open_entry(&collection, &found, &c->edit.draft, SM_META_GRAPH_COLLECTION, sm_string_of(key), err));
  SM_TRY(sm_draft_open(&list, &collection, NODE_LIST, err));
  SM_TRY(sm_draft_get(&names, &list, VALUE, err));
  for (size_t i = 0; i < names.n; i++) sm_reach_mark_tensor(&c->reach, sm_text_of(names.items[i]), SM_OF_INIT);
  return SM_OK;
}

static sm_status mark_signature(sm_conversion *c, sm_error *err) {
  sm_draft signature;
  sm_spans outputs;
  bool found;
  const sm_string key = sm_string_of(SM_KEY_INIT_OP);
  SM_TRY(sm_draft_open_entry(&signature, &found, &c->edit.draft, SM_META_GRAPH_SIGNATURE, key, err));
  SM_TRY(sm_draft_get(&outputs, &signature, SM_SIGNATURE_OUTPUT, err));
  for (size_t i = 0; i < outputs.n; i++) {
    sm_span info, name;
    SM_TRY(sm_wire_find_bytes(&info, outputs.items[i], ENTRY_VALUE, c->source, err));
    SM_TRY(sm_wire_find_bytes(&name, info, INFO_NAME, c->source, err));
    sm_reach_mark_tensor(&c->reach, sm_text_of(name), SM_OF_INIT);
  }
  return SM_OK;
}

/* ---- The saver ---- */

static sm_status mark_restore(sm_conversion *c, sm_error *err) {
  sm_draft saver;
  sm_spans names;
  SM_TRY(sm_draft_open(&saver, &c->edit.draft, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_draft_get(&names, &saver, SAVER_RESTORE, err));
  for (size_t i = 0; i < names.n; i++) sm_reach_mark_tensor(&c->reach, sm_text_of(names.items[i]), SM_OF_RESTORE);
  return SM_OK;
}

static sm_status check_restored(const sm_conversion *c, sm_string name, sm_span node, sm_error *err) {
  sm_string op;
  SM_TRY(sm_node_get_op(&op, node, c->source, err));
  if (!sm_convert_fills_table(op)) return SM_OK;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "node %.*s: the saver restores a table, whose contents objects would lack",
                 SM_SHOWN(name));
}

/* Contents of tables in the checkpoint would be lost without a word. */
static sm_status check_saver(const sm_conversion *c, sm_error *err) {
  for (size_t i = 0; i < c->reach.n_nodes; i++)
    if ((c->reach.nodes[i].marks & SM_OF_RESTORE) != 0)
      SM_TRY(check_restored(c, c->reach.nodes[i].name, c->reach.nodes[i].bytes, err));
  for (size_t i = 0; i < c->reach.defs.n; i++) {
    const sm_graph_function *function = &c->reach.defs.functions[i];
    sm_spans nodes;
    if ((c->reach.functions[i].marks & SM_OF_RESTORE) == 0) continue;
    SM_TRY(sm_wire_collect(&nodes, (sm_spans){&function->def, 1}, SM_FUNCTION_NODE, c->source, c->arena, err));
    for (size_t k = 0; k < nodes.n; k++) SM_TRY(check_restored(c, function->name, nodes.items[k], err));
  }
  return SM_OK;
}

/* ---- Finding ---- */

/* What old models say of them in the collection alone goes where the others have it. */
static sm_status take_collection(sm_conversion *c, sm_error *err) {
  sm_draft collection, list;
  sm_spans values;
  bool found;
  const sm_string key = sm_string_of(SM_KEY_ASSETS);
  SM_TRY(sm_draft_get(&values, &c->edit.draft, SM_META_GRAPH_ASSET, err));
  if (values.n != 0) return SM_OK;
  SM_TRY(sm_draft_open_entry(&collection, &found, &c->edit.draft, SM_META_GRAPH_COLLECTION, key, err));
  SM_TRY(sm_draft_open(&list, &collection, ANY_LIST, err));
  SM_TRY(sm_draft_get(&values, &list, VALUE, err));
  sm_span *assets = sm_arena_array(c->arena, sm_span, values.n);
  if (assets == NULL) return sm_arena_fail(c->arena, values.n * sizeof *assets, err);
  for (size_t i = 0; i < values.n; i++)
    SM_TRY(sm_wire_find_bytes(&assets[i], values.items[i], ANY_VALUE, c->source, err));
  if (values.n == 0) return SM_OK;
  return sm_draft_set_list(&c->edit.draft, SM_META_GRAPH_ASSET, (sm_spans){assets, values.n}, err);
}

sm_status sm_convert_find_files_and_tables(sm_conversion *c, sm_error *err) {
  SM_TRY(take_collection(c, err));
  SM_TRY(mark_collection(c, SM_KEY_MAIN_OP, err));
  SM_TRY(mark_collection(c, SM_KEY_LEGACY_INIT_OP, err));
  SM_TRY(mark_signature(c, err));
  SM_TRY(mark_restore(c, err));
  SM_TRY(sm_reach_spread(&c->reach, err));
  SM_TRY(check_saver(c, err));
  for (int pass = 0; pass < 2; pass++) { /* counts, then lists */
    size_t n = 0;
    for (size_t i = 0; i < c->reach.n_nodes; i++) {
      sm_string op;
      SM_TRY(sm_node_get_op(&op, c->reach.nodes[i].bytes, c->source, err));
      if (!sm_convert_is_table(op)) continue;
      if (pass != 0) c->tables[n] = (sm_converted){.node = c->reach.nodes[i].name, .name = c->reach.nodes[i].name};
      n++;
    }
    if (pass != 0) continue;
    c->n_tables = n;
    c->tables = sm_arena_array(c->arena, sm_converted, n);
    if (c->tables == NULL) return sm_arena_fail(c->arena, n * sizeof *c->tables, err);
  }
  return SM_OK;
}

/* ---- Assets ---- */

sm_status sm_convert_add_child(int32_t *out, sm_conversion *c, const char *name, sm_built_kind kind, sm_error *err) {
  sm_built_object *object;
  sm_error failure;
  sm_status status = sm_built_add(&object, out, c->objects, SM_OBJECT_ROOT, name, kind, &failure);
  while (status == SM_ALREADY_EXISTS) {
    SM_TRY(sm_built_print(&name, c->arena, err, "%s_", name));
    status = sm_built_add(&object, out, c->objects, SM_OBJECT_ROOT, name, kind, &failure);
  }
  return sm_error_pass(err, status, &failure);
}

static sm_status add_asset(sm_conversion *c, int32_t list, size_t number, sm_span asset, sm_error *err) {
  sm_span info, name, filename;
  const char *text, *item;
  int32_t object;
  SM_TRY(sm_wire_find_bytes(&info, asset, ASSET_INFO, c->source, err));
  SM_TRY(sm_wire_find_bytes(&name, info, INFO_NAME, c->source, err));
  SM_TRY(sm_wire_find_bytes(&filename, asset, ASSET_FILENAME, c->source, err));
  SM_TRY(sm_built_print(&text, c->arena, err, "%.*s", (int)filename.size, (const char *)filename.data));
  SM_TRY(sm_built_print(&item, c->arena, err, "%zu", number));
  const sm_asset_spec spec = {.path = text, .filename = text};
  SM_TRY(sm_object_graph_add_asset(&object, c->objects, list, item, &spec, err));
  c->objects->objects[object]->asset_index = (int32_t)number;
  const sm_reach_node *node = sm_reach_find_node(&c->reach, sm_text_of(name));
  if (node == NULL || node->is_input) return SM_OK; /* of two files for one tensor the first counts */
  sm_convert_capture(c, sm_text_of(name), object);
  return SM_OK;
}

/* Objects of assets have the numbers of their files. */
sm_status sm_convert_assets(sm_conversion *c, sm_error *err) {
  sm_spans assets;
  int32_t list;
  SM_TRY(sm_draft_get(&assets, &c->edit.draft, SM_META_GRAPH_ASSET, err));
  if (assets.n == 0) return SM_OK;
  SM_TRY(sm_convert_add_child(&list, c, "asset_paths", SM_BUILT_CONTAINER, err));
  c->objects->objects[list]->container = SM_CONTAINER_LIST;
  for (size_t i = 0; i < assets.n; i++) SM_TRY(add_asset(c, list, i, assets.items[i], err));
  return SM_OK;
}

/* ---- Tables ---- */

static sm_status make_stem(const char **out, const sm_conversion *c, const sm_converted *table, const char *verb,
                           sm_error *err) {
  return sm_built_print(out, c->arena, err, "%.*s_%s", (int)table->node.size, table->node.data, verb);
}

static sm_status make_create(sm_conversion *c, const sm_converted *table, sm_error *err) {
  sm_built_function *out;
  const char *stem;
  const sm_cut_arg handle = {.name = sm_string_of("handle"), .tensor = table->node};
  sm_cut_spec spec = {.outputs = &handle, .n_outputs = 1};
  SM_TRY(sm_built_add_plain_function(&out, c->objects, table->object, "_create_resource", err));
  out->outputs = sm_built_spec("", SM_DT_RESOURCE, (sm_shape){.rank = 0});
  SM_TRY(make_stem(&stem, c, table, "create_resource", err));
  return sm_convert_cut(out, c, stem, &spec, err);
}

/* A node that fills a table: the first member is the table's. */
typedef struct filler {
  sm_string table, node;
} filler;

typedef struct fillers {
  filler *items; /* sorted by table, of one by node */
  size_t n;
} fillers;

static bool filler_less(const void *a, const void *b) {
  const filler *left = a, *right = b;
  int order = sm_string_compare(left->table, right->table);
  return order != 0 ? order < 0 : sm_string_compare(left->node, right->node) < 0;
}

static sm_status read_filler(bool *is_one, filler *out, const sm_conversion *c, const sm_reach_node *node,
                             sm_error *err) {
  sm_string op;
  *is_one = false;
  if ((node->marks & SM_OF_INIT) == 0) return SM_OK;
  SM_TRY(sm_node_get_op(&op, node->bytes, c->source, err));
  if (!sm_convert_fills_table(op)) return SM_OK;
  sm_wire_reader reader = sm_wire_read(node->bytes, c->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(NODE_INPUT, SM_WIRE_BYTES)) continue;
    *out = (filler){sm_tensor_node_name(sm_text_of(field.bytes)), node->name};
    *is_one = true;
    return SM_OK;
  }
  return sm_wire_finish(&reader, err);
}

static sm_status list_fillers(fillers *out, const sm_conversion *c, sm_error *err) {
  filler one;
  bool is_one;
  *out = (fillers){.items = NULL};
  for (int pass = 0; pass < 2; pass++) { /* counts, then lists */
    if (pass != 0) out->items = sm_arena_array(c->arena, filler, out->n);
    if (pass != 0 && out->items == NULL) return sm_arena_fail(c->arena, out->n * sizeof *out->items, err);
    out->n = 0;
    for (size_t i = 0; i < c->reach.n_nodes; i++) {
      SM_TRY(read_filler(&is_one, &one, c, &c->reach.nodes[i], err));
      if (is_one && pass != 0) out->items[out->n] = one;
      out->n += is_one;
    }
  }
  sm_sort(out->items, out->n, sizeof *out->items, filler_less);
  return SM_OK;
}

static sm_status find_fillers(sm_cut_spec *spec, const sm_conversion *c, const fillers *all, const sm_converted *table,
                              sm_error *err) {
  size_t last = sm_named_find(all->items, all->n, sizeof *all->items, table->node), first = last;
  if (last == SIZE_MAX) return SM_OK;
  while (first > 0 && sm_string_equal(all->items[first - 1].table, table->node)) first--;
  sm_string *controls = sm_arena_array(c->arena, sm_string, last - first + 1);
  if (controls == NULL) return sm_arena_fail(c->arena, (last - first + 1) * sizeof *controls, err);
  for (size_t i = first; i <= last; i++) controls[i - first] = all->items[i].node;
  spec->controls = controls;
  spec->n_controls = last - first + 1;
  return SM_OK;
}

static sm_status make_initialize(sm_conversion *c, const fillers *all, const sm_converted *table, sm_error *err) {
  sm_built_function *out;
  const char *stem;
  sm_cut_spec spec = {.captures = c->captures, .n_captures = c->n_captures};
  SM_TRY(find_fillers(&spec, c, all, table, err));
  SM_TRY(sm_built_add_plain_function(&out, c->objects, table->object, "_initialize", err));
  SM_TRY(make_stem(&stem, c, table, "initialize", err));
  return sm_convert_cut(out, c, stem, &spec, err);
}

static sm_status make_destroy(sm_conversion *c, const sm_converted *table, sm_error *err) {
  sm_built_function *out;
  const char *stem;
  sm_cut_spec spec = {.n_controls = 0};
  SM_TRY(sm_built_add_plain_function(&out, c->objects, table->object, "_destroy_resource", err));
  SM_TRY(make_stem(&stem, c, table, "destroy_resource", err));
  return sm_convert_cut(out, c, stem, &spec, err);
}

sm_status sm_convert_tables(sm_conversion *c, sm_error *err) {
  fillers all;
  SM_TRY(list_fillers(&all, c, err));
  for (size_t i = 0; i < c->n_tables; i++) sm_convert_capture(c, c->tables[i].node, c->tables[i].object);
  for (size_t i = 0; i < c->n_tables; i++) {
    SM_TRY(make_create(c, &c->tables[i], err));
    SM_TRY(make_initialize(c, &all, &c->tables[i], err));
    SM_TRY(make_destroy(c, &c->tables[i], err));
  }
  return SM_OK;
}
