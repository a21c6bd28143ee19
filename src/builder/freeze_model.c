/*
 * A model without variables: their values become constants of the graph. In the object graph they become constants under
 * the same numbers, so that functions go on to capture what they captured. Left in the checkpoint is the object graph.
 */
#include "builder/freeze_values.h"

#include "builder/edit_keep.h"
#include "codec/varint.h"
#include "objects/checkpoint_graph.h"

/* Fields of SaverDef, CollectionDef, map entries, SavedConstant, SavedUserObject, VersionDef, TrackableObject and its
 * attributes: proto/saver.proto, meta_graph.proto, saved_object_graph.proto, versions.proto,
 * trackable_object_graph.proto. */
enum {
  SAVER_RESTORE = 3,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  CONSTANT_OPERATION = 1,
  NODE_USER_OBJECT = 4,
  USER_OBJECT_IDENTIFIER = 1,
  USER_OBJECT_VERSION = 2,
  VERSION_PRODUCER = 1,
  VERSION_MIN_CONSUMER = 2,
  GRAPH_OBJECT = 1,
  OBJECT_ATTRIBUTE = 2,
  OBJECT_SLOT_VARIABLE = 3,
  ATTRIBUTE_NAME = 1
};

typedef struct freezing {
  sm_builder *builder;
  sm_edit edit;
  const sm_wire_source *source;
  sm_arena *arena;
  const sm_bundle_reader *reader;
  sm_spans graph_def; /* as it was */
  sm_graph_library library;
  sm_freeze_values values;
  size_t *frozen; /* by number of an object: its variable in values; SIZE_MAX: none */
  sm_edit_objects objects;
} freezing;

/* ---- Variables and objects ---- */

static sm_status find_values(freezing *f, sm_error *err) {
  const sm_restored_variable *restores;
  size_t n;
  sm_draft saver;
  sm_spans names;
  SM_TRY(sm_draft_open(&saver, &f->edit.draft, SM_META_GRAPH_SAVER, err));
  SM_TRY(sm_draft_get(&names, &saver, SAVER_RESTORE, err));
  sm_string restore = names.n != 0 ? sm_text_of(names.items[names.n - 1]) : (sm_string){"", 0};
  SM_TRY(sm_graph_find_restores(&restores, &n, f->graph_def, &f->library, restore, f->source, f->arena, err));
  return sm_freeze_values_find(&f->values, restores, n, f->reader, f->arena, err);
}

/* Objects of the model are those of the checkpoint to which the same names lead. */
static sm_status match_objects(freezing *f, const sm_checkpoint_graph *saved, sm_error *err) {
  size_t n = f->objects.n_nodes, n_queued = 0;
  int32_t *matches = sm_arena_array(f->arena, int32_t, n);
  size_t *queue = sm_arena_array(f->arena, size_t, n);
  if (matches == NULL || queue == NULL) return sm_arena_fail(f->arena, n * sizeof *queue, err);
  for (size_t i = 0; i < n; i++) matches[i] = -1;
  matches[0] = 0;
  queue[n_queued++] = 0;
  for (size_t next = 0; next < n_queued; next++) {
    sm_draft node;
    sm_spans children;
    const sm_saved_object *object = &saved->objects[matches[queue[next]]];
    const sm_saved_attribute *value = sm_saved_object_find_attribute(object, sm_string_of(SM_ATTRIBUTE_VALUE));
    if (value != NULL) f->frozen[queue[next]] = sm_freeze_values_find_key(&f->values, value->key);
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)queue[next], err));
    SM_TRY(sm_draft_get(&children, &node, SM_NODE_CHILD, err));
    for (size_t i = 0; i < children.n; i++) {
      sm_edit_edge edge;
      SM_TRY(sm_edit_read_edge(&edge, children.items[i], f->source, err));
      int32_t other = sm_saved_object_find_child(object, edge.name);
      if (other < 0 || edge.node_id < 0 || (uint64_t)edge.node_id >= n || matches[edge.node_id] >= 0) continue;
      matches[edge.node_id] = other;
      queue[n_queued++] = (size_t)edge.node_id;
    }
  }
  return SM_OK;
}

static sm_status find_objects(freezing *f, sm_error *err) {
  sm_checkpoint_graph saved;
  SM_TRY(sm_edit_open_objects(&f->objects, &f->edit.draft, err));
  f->frozen = sm_arena_array(f->arena, size_t, f->objects.n_nodes);
  if (f->frozen == NULL) return sm_arena_fail(f->arena, f->objects.n_nodes * sizeof *f->frozen, err);
  for (size_t i = 0; i < f->objects.n_nodes; i++) f->frozen[i] = SIZE_MAX;
  sm_status status = sm_checkpoint_graph_read(&saved, f->reader, f->arena, err);
  if (status == SM_OK && f->objects.n_nodes != 0 && saved.n != 0) status = match_objects(f, &saved, err);
  sm_checkpoint_graph_free(&saved);
  return status == SM_NOT_FOUND ? SM_OK : status;
}

/* ---- The graph ---- */

/* What saved and restored variables is of no use any more; nor is a list of them. */
static sm_status drop_variables(sm_draft *meta_graph, sm_error *err) {
  static const char *const lists[] = {"variables",
                                      "trainable_variables",
                                      "model_variables",
                                      "metric_variables",
                                      "moving_average_variables",
                                      "global_step",
                                      "savers"};
  SM_TRY(sm_draft_set(meta_graph, SM_META_GRAPH_SAVER, (sm_span){NULL, 0}, err));
  for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
    SM_TRY(sm_draft_set_entry(meta_graph, SM_META_GRAPH_COLLECTION, sm_string_of(lists[i]), (sm_span){NULL, 0}, err));
  return SM_OK;
}

/* What the object graph names in the graph. */
static sm_status mark_objects(const freezing *f, sm_reach *reach, sm_error *err) {
  sm_spans functions;
  SM_TRY(sm_draft_get(&functions, &f->objects.draft, SM_OBJECTS_FUNCTION, err));
  for (size_t i = 0; i < functions.n; i++) {
    sm_span name;
    SM_TRY(sm_wire_find_bytes(&name, functions.items[i], ENTRY_KEY, f->source, err));
    sm_reach_mark_function(reach, sm_text_of(name), SM_KEEP);
  }
  for (size_t id = 0; id < f->objects.n_nodes; id++) {
    sm_draft node, constant;
    sm_spans names;
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)id, err));
    SM_TRY(sm_draft_open(&constant, &node, SM_NODE_CONSTANT, err));
    SM_TRY(sm_draft_get(&names, &constant, CONSTANT_OPERATION, err));
    for (size_t i = 0; i < names.n; i++) sm_reach_mark_tensor(reach, sm_text_of(names.items[i]), SM_KEEP);
    if (f->frozen[id] != SIZE_MAX) sm_reach_mark_tensor(reach, f->values.variables[f->frozen[id]].node, SM_KEEP);
  }
  return SM_OK;
}

static sm_status prune(freezing *f, sm_error *err) {
  sm_reach reach;
  SM_TRY(drop_variables(&f->edit.draft, err));
  SM_TRY(sm_reach_init(&reach, f->graph_def, 0, f->source, f->arena, err));
  SM_TRY(mark_objects(f, &reach, err));
  SM_TRY(sm_keep_mark_all(&reach, &f->edit.draft, err));
  SM_TRY(sm_keep_collections(&f->edit.draft, &reach, err));
  return sm_keep_prune(&f->edit.draft, f->graph_def, &reach, err);
}

/* What a concrete function of the object graph captures. */
static sm_status read_binding(sm_freeze_binding *out, const freezing *f, sm_span entry, sm_error *err) {
  sm_span name, concrete;
  SM_TRY(sm_wire_find_bytes(&name, entry, ENTRY_KEY, f->source, err));
  SM_TRY(sm_wire_find_bytes(&concrete, entry, ENTRY_VALUE, f->source, err));
  sm_dtype *dtypes = sm_arena_array(f->arena, sm_dtype, concrete.size); /* a number takes a byte */
  if (dtypes == NULL) return sm_arena_fail(f->arena, concrete.size * sizeof *dtypes, err);
  *out = (sm_freeze_binding){.function = sm_text_of(name), .dtypes = dtypes};
  sm_wire_reader reader = sm_wire_read(concrete, f->source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    const uint8_t *p = field.bytes.data, *end = p + field.bytes.size;
    if (sm_wire_number(&field) != SM_CONCRETE_BOUND_INPUT) continue;
    while (p != NULL && p != end) {
      uint64_t id;
      p = sm_varint_read(p, end, &id);
      size_t variable = p != NULL && id < f->objects.n_nodes ? f->frozen[id] : SIZE_MAX;
      if (p != NULL) dtypes[out->n++] = variable != SIZE_MAX ? f->values.variables[variable].dtype : SM_DT_INVALID;
    }
  }
  return sm_wire_finish(&reader, err);
}

static sm_status read_bindings(sm_freeze_spec *spec, const freezing *f, sm_error *err) {
  sm_spans functions;
  SM_TRY(sm_draft_get(&functions, &f->objects.draft, SM_OBJECTS_FUNCTION, err));
  sm_freeze_binding *bindings = sm_arena_array(f->arena, sm_freeze_binding, functions.n);
  if (bindings == NULL) return sm_arena_fail(f->arena, functions.n * sizeof *bindings, err);
  for (size_t i = 0; i < functions.n; i++) SM_TRY(read_binding(&bindings[i], f, functions.items[i], err));
  spec->bindings = bindings;
  spec->n_bindings = functions.n;
  return SM_OK;
}

/* About what the frozen graph takes: growing to it step by step would copy the values several times. Bounded,
 * whatever the index says. */
static size_t expected_size(const freezing *f, sm_spans graph_def) {
  enum { MOST = 1 << 28 };
  uint64_t size = SM_DRAFT_HEAD_SIZE;
  for (size_t i = 0; i < graph_def.n; i++) size += graph_def.items[i].size + graph_def.items[i].size / 4;
  for (size_t i = 0; i < f->values.n && size < MOST; i++) size += f->values.values[i].entry.size;
  return size < MOST ? (size_t)size : MOST;
}

static sm_status freeze_graph(freezing *f, sm_error *err) {
  static const uint8_t head[SM_DRAFT_HEAD_SIZE];
  sm_draft info;
  sm_spans op_lists, graph_def;
  sm_graph_library library;
  sm_op_defs defs;
  sm_buffer out;
  sm_freeze_spec spec = {.variables = f->values.variables,
                         .n_variables = f->values.n,
                         .put_value = sm_freeze_values_put,
                         .ctx = &f->values};
  SM_TRY(read_bindings(&spec, f, err));
  SM_TRY(sm_draft_open(&info, &f->edit.draft, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&op_lists, &info, SM_META_INFO_STRIPPED_OP_LIST, err));
  SM_TRY(sm_draft_get(&graph_def, &f->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&library, graph_def, f->source, f->arena, err));
  sm_op_defs_init(&defs, f->arena->allocator, UINT64_MAX);
  sm_buffer_init(&out, f->arena->allocator, UINT64_MAX);
  sm_status status = sm_op_defs_add(&defs, op_lists, &library, f->source, err);
  if (status == SM_OK) status = sm_buffer_reserve(&out, expected_size(f, graph_def), err);
  if (status == SM_OK) status = sm_buffer_put(&out, head, sizeof head, err);
  if (status == SM_OK) status = sm_graph_freeze(&out, graph_def, &library, &defs, &spec, f->source, f->arena, err);
  if (status == SM_OK) status = sm_draft_take(&f->edit.draft, SM_META_GRAPH_GRAPH, &out, err);
  sm_buffer_free(&out);
  sm_op_defs_free(&defs);
  return status;
}

/* ---- The object graph ---- */

static sm_status make_constant(sm_draft *out, freezing *f, sm_string operation, sm_error *err) {
  sm_draft constant;
  sm_draft_init(out, f->arena, f->source);
  sm_draft_init(&constant, f->arena, f->source);
  SM_TRY(sm_draft_set(&constant, CONSTANT_OPERATION, sm_span_of(operation), err));
  return sm_draft_set_draft(out, SM_NODE_CONSTANT, &constant, err);
}

/* A variable that nothing gives a value, such as what an optimizer keeps, is an object without contents. */
static sm_status make_object(sm_draft *out, freezing *f, sm_error *err) {
  sm_draft object, version;
  sm_draft_init(out, f->arena, f->source);
  sm_draft_init(&object, f->arena, f->source);
  sm_draft_init(&version, f->arena, f->source);
  SM_TRY(sm_draft_set_number(&version, VERSION_PRODUCER, 1, err));
  SM_TRY(sm_draft_set_number(&version, VERSION_MIN_CONSUMER, 1, err));
  SM_TRY(sm_draft_set(&object, USER_OBJECT_IDENTIFIER, sm_span_of(sm_string_of("_generic_user_object")), err));
  SM_TRY(sm_draft_set_draft(&object, USER_OBJECT_VERSION, &version, err));
  return sm_draft_set_draft(out, NODE_USER_OBJECT, &object, err);
}

static sm_status freeze_objects(freezing *f, sm_error *err) {
  for (size_t id = 0; id < f->objects.n_nodes; id++) {
    sm_draft node;
    sm_spans variables;
    SM_TRY(sm_edit_open_node(&node, &f->objects, (int64_t)id, err));
    SM_TRY(sm_draft_get(&variables, &node, SM_NODE_VARIABLE, err));
    if (variables.n != 0)
      SM_TRY(f->frozen[id] != SIZE_MAX ? make_constant(&node, f, f->values.variables[f->frozen[id]].node, err)
                                       : make_object(&node, f, err));
    SM_TRY(sm_draft_set(&node, SM_NODE_SLOT_VARIABLE, (sm_span){NULL, 0}, err));
    SM_TRY(sm_draft_replace(&f->objects.draft, f->objects.nodes[id], &node, err));
  }
  if (f->objects.n_nodes == 0) return SM_OK;
  return sm_draft_set_draft(&f->edit.draft, SM_META_GRAPH_OBJECT_GRAPH, &f->objects.draft, err);
}

/* ---- The checkpoint ---- */

/* An object of the checkpoint's graph without its value, when it is a variable, and without slots. */
static sm_status forget_values(sm_draft *graph, size_t at, sm_error *err) {
  sm_draft object;
  sm_span bytes;
  size_t kept = 0;
  if (graph->fields[at].number != GRAPH_OBJECT || !sm_draft_field_value(&bytes, graph, &graph->fields[at]))
    return SM_OK;
  SM_TRY(sm_draft_read(&object, (sm_spans){&bytes, 1}, graph->arena, graph->source, err));
  for (size_t i = 0; i < object.n; i++) {
    sm_span attribute, name = {NULL, 0};
    bool is_attribute =
        object.fields[i].number == OBJECT_ATTRIBUTE && sm_draft_field_value(&attribute, &object, &object.fields[i]);
    if (is_attribute) SM_TRY(sm_wire_find_bytes(&name, attribute, ATTRIBUTE_NAME, graph->source, err));
    bool is_value = is_attribute && sm_string_equal(sm_text_of(name), sm_string_of(SM_ATTRIBUTE_VALUE));
    if (!is_value && object.fields[i].number != OBJECT_SLOT_VARIABLE) object.fields[kept++] = object.fields[i];
  }
  object.n = kept;
  return sm_draft_replace(graph, at, &object, err);
}

static sm_status write_graph(freezing *f, sm_bundle_writer *writer, const sm_string *text, sm_error *err) {
  const sm_wire_source source = {.name = SM_KEY_OBJECT_GRAPH, .bytes = {(const uint8_t *)text->data, text->size}};
  sm_draft graph;
  sm_span bytes;
  SM_TRY(sm_draft_read(&graph, (sm_spans){&source.bytes, 1}, f->arena, &source, err));
  for (size_t i = 0; i < graph.n; i++) SM_TRY(forget_values(&graph, i, err));
  SM_TRY(sm_draft_bytes(&bytes, &graph, err));
  const sm_string made = sm_text_of(bytes);
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .rank = 0, .data = &made, .size = sizeof made};
  return sm_bundle_writer_add(writer, SM_KEY_OBJECT_GRAPH, &view, err);
}

static sm_status take_graph(freezing *f, sm_bundle_writer *writer, sm_error *err) {
  sm_tensor *tensor;
  SM_TRY(sm_bundle_reader_read_tensor(&tensor, f->reader, SM_KEY_OBJECT_GRAPH, NULL, err));
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  sm_status status = view->dtype == SM_DT_STRING && view->rank == 0
                         ? write_graph(f, writer, view->data, err)
                         : SM_FAIL(err, SM_DATA_LOSS, "%s: it is not one string", SM_KEY_OBJECT_GRAPH);
  sm_tensor_free(tensor);
  return status;
}

/* Keys that end as those of variables do. Source: python/trackable/base.py. */
static bool is_variable(sm_string key) {
  static const char end[] = "/.ATTRIBUTES/" SM_ATTRIBUTE_VALUE;
  size_t size = sizeof end - 1;
  return key.size >= size && memcmp(key.data + key.size - size, end, size) == 0;
}

static bool is_restored(const freezing *f, sm_string key) {
  for (size_t i = 0; i < f->values.n; i++)
    if (sm_string_equal(f->values.values[i].entry.key, key)) return true;
  return false;
}

/* Tables that change have contents there, which their loaders would go on to look for. */
static sm_status check_rest(const freezing *f, sm_bundle_iter *iter, sm_error *err) {
  for (const sm_bundle_entry *entry;;) {
    SM_TRY(sm_bundle_iter_next(&entry, iter, err));
    if (entry == NULL) return SM_OK;
    if (is_variable(entry->key) || sm_string_equal(entry->key, sm_string_of(SM_KEY_OBJECT_GRAPH))) continue;
    if (!is_restored(f, entry->key))
      return SM_FAIL(err, SM_UNIMPLEMENTED, "the checkpoint has %.*s, which is no variable that the saver restores",
                     SM_SHOWN(entry->key));
  }
}

static sm_status check_checkpoint(const freezing *f, sm_error *err) {
  sm_bundle_iter *iter;
  SM_TRY(sm_bundle_iter_new(&iter, f->reader, NULL, err));
  sm_status status = check_rest(f, iter, err);
  sm_bundle_iter_free(iter);
  return status;
}

/* tf.saved_model.load wants a checkpoint even where there is nothing to be restored. */
static sm_status write_checkpoint(freezing *f, sm_error *err) {
  sm_bundle_writer *writer;
  (void)sm_file_plan_remove(&f->builder->files, SM_DIR_VARIABLES);
  if (f->objects.n_nodes == 0) return SM_OK;
  SM_TRY(sm_builder_get_variables(&writer, f->builder, err));
  return take_graph(f, writer, err);
}

/* ---- All ---- */

static sm_status freeze(freezing *f, sm_error *err) {
  SM_TRY(find_values(f, err));
  SM_TRY(check_checkpoint(f, err));
  SM_TRY(find_objects(f, err));
  SM_TRY(prune(f, err));
  SM_TRY(freeze_graph(f, err));
  return freeze_objects(f, err);
}

sm_status sm_builder_freeze(sm_builder *builder, size_t graph, sm_error *err) {
  freezing f = {.builder = builder, .arena = &builder->arena};
  SM_TRY(sm_edit_begin(&f.edit, builder, graph, err));
  if (builder->options.in_place || builder->variables != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: a model cannot be frozen %s", builder->transaction.dir,
                   builder->options.in_place ? "in place" : "that gets new variables");
  sm_status status = builder->model != NULL ? sm_model_get_variables(&f.reader, builder->model, err)
                                            : SM_FAIL(err, SM_NOT_FOUND, "no model was taken over");
  if (status == SM_NOT_FOUND) return builder->model != NULL ? SM_OK : status; /* it is frozen already */
  SM_TRY(status);
  for (size_t i = 0; i < builder->n_graphs; i++)
    if (i != graph && !builder->graphs[i]->is_removed)
      return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: meta graph %zu needs the variables, too",
                     builder->transaction.dir, i);
  f.source = f.edit.draft.source;
  SM_TRY(sm_draft_get(&f.graph_def, &f.edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&f.library, f.graph_def, f.source, f.arena, err));
  SM_TRY(freeze(&f, err));
  SM_TRY(write_checkpoint(&f, err));
  sm_edit_commit(&f.edit);
  return SM_OK;
}
