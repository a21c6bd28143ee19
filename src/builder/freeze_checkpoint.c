/* What of a checkpoint is left when variables are constants: the contents of tables that change, what else objects keep
 * there, and the graph of the objects. */
#include "builder/freeze_work.h"

#include "objects/checkpoint_graph.h"

/* Fields of TrackableObjectGraph, its objects and their attributes: proto/trackable_object_graph.proto. */
enum { GRAPH_OBJECT = 1, OBJECT_ATTRIBUTE = 2, OBJECT_SLOT_VARIABLE = 3, ATTRIBUTE_NAME = 1 };

/* ---- The graph of the objects ---- */

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

static sm_status write_graph(sm_freezing *f, sm_bundle_writer *writer, const sm_string *text, sm_error *err) {
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

static sm_status take_graph(sm_freezing *f, sm_bundle_writer *writer, sm_error *err) {
  sm_tensor *tensor;
  SM_TRY(sm_bundle_reader_read_tensor(&tensor, f->reader, SM_KEY_OBJECT_GRAPH, NULL, err));
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  sm_status status = view->dtype == SM_DT_STRING && view->rank == 0
                         ? write_graph(f, writer, view->data, err)
                         : SM_FAIL(err, SM_DATA_LOSS, "%s: it is not one string", SM_KEY_OBJECT_GRAPH);
  sm_tensor_free(tensor);
  return status;
}

/* ---- The rest ---- */

/* Keys that end as those of variables do. Source: python/trackable/base.py. */
static bool is_variable(sm_string key) {
  static const char end[] = "/.ATTRIBUTES/" SM_ATTRIBUTE_VALUE;
  size_t size = sizeof end - 1;
  return key.size >= size && memcmp(key.data + key.size - size, end, size) == 0;
}

static bool text_less(const void *a, const void *b) {
  return sm_string_compare(*(const sm_string *)a, *(const sm_string *)b) < 0;
}

/* Keys of the contents of tables. */
typedef struct table_keys {
  sm_string *items; /* sorted */
  size_t n;
} table_keys;

static sm_status list_table_keys(table_keys *out, const sm_freezing *f, sm_error *err) {
  out->n = 2 * f->n_tables;
  out->items = sm_arena_array(f->arena, sm_string, out->n);
  if (out->items == NULL) return sm_arena_fail(f->arena, out->n * sizeof *out->items, err);
  for (size_t i = 0; i < f->n_tables; i++) {
    out->items[2 * i] = f->tables[i].keys;
    out->items[2 * i + 1] = f->tables[i].values;
  }
  sm_sort(out->items, out->n, sizeof *out->items, text_less);
  return SM_OK;
}

/* Without objects there is nobody but the saver to ask for it. */
static bool stays(const sm_freezing *f, const table_keys *tables, sm_string key) {
  if (sm_named_find(tables->items, tables->n, sizeof *tables->items, key) != SIZE_MAX) return true;
  return f->objects.n_nodes != 0 && !is_variable(key) && !sm_freeze_values_has_key(&f->values, key) &&
         !sm_string_equal(key, sm_string_of(SM_KEY_OBJECT_GRAPH));
}

static sm_status copy_rest(const sm_freezing *f, sm_bundle_writer *writer, sm_bundle_iter *iter, sm_error *err) {
  table_keys tables;
  SM_TRY(list_table_keys(&tables, f, err));
  for (const sm_bundle_entry *entry;;) {
    SM_TRY(sm_bundle_iter_next(&entry, iter, err));
    if (entry == NULL) return SM_OK;
    if (stays(f, &tables, entry->key)) SM_TRY(sm_bundle_writer_copy(writer, NULL, f->reader, entry, err));
  }
}

static sm_status take_rest(const sm_freezing *f, sm_bundle_writer *writer, sm_error *err) {
  sm_bundle_iter *iter;
  SM_TRY(sm_bundle_iter_new(&iter, f->reader, NULL, err));
  sm_status status = copy_rest(f, writer, iter, err);
  sm_bundle_iter_free(iter);
  return status;
}

static sm_status write_rest(sm_freezing *f, sm_error *err) {
  sm_bundle_writer *writer;
  SM_TRY(sm_builder_get_variables(&writer, f->builder, err));
  SM_TRY(take_rest(f, writer, err));
  return f->objects.n_nodes != 0 ? take_graph(f, writer, err) : SM_OK;
}

/* tf.saved_model.load wants a checkpoint even where there is nothing to be restored. */
sm_status sm_freeze_checkpoint(sm_freezing *f, sm_error *err) {
  (void)sm_file_plan_remove(&f->builder->files, SM_DIR_VARIABLES);
  if (f->objects.n_nodes == 0 && f->n_tables == 0) return SM_OK;
  sm_status status = write_rest(f, err);
  f->builder->is_damaged = status != SM_OK;
  return status;
}
