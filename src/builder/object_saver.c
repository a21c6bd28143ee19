/* Nodes of the main graph that save and restore the values of objects, under their keys:
 *
 *   saver_filename -> RestoreV2 -> AssignVariableOp and LookupTableImportV2 of each -> restore_all
 *   ReadVariableOp and LookupTableExportV2 of each -> SaveV2(saver_filename) -> save
 *
 * The object graph is saved as well, without which tf.train.Checkpoint could not read what a session saves. */
#include "builder/built_objects.h"
#include "objects/checkpoint_graph.h"

/* A tensor of the checkpoint. */
typedef struct saved_tensor {
  sm_string key;
  sm_dtype dtype;
  const char *value; /* what is saved */
} saved_tensor;

typedef struct saver_maker {
  sm_built_main *main;
  const sm_object_graph *objects;
  saved_tensor *tensors; /* all that is restored, then the object graph */
  size_t n;
  const char **restorers; /* "^node" */
  size_t n_restorers;
  const char *filename, *restore;
} saver_maker;

static sm_status reserve_names(saver_maker *m, sm_error *err) {
  SM_TRY(sm_built_main_name(&m->filename, m->main, "saver_filename", err));
  return sm_built_main_name(&m->restore, m->main, "RestoreV2", err);
}

static sm_status add_strings(saver_maker *m, const char *name, const sm_string *texts, size_t n, sm_error *err) {
  sm_tensor_view view = {
      .dtype = SM_DT_STRING, .rank = 1, .data = texts, .size = n * sizeof *texts, .dims = {(int64_t)n}};
  return sm_graph_add_const(m->main->graph, name, &view, err);
}

/* ---- What there is ---- */

static sm_status add_read(saver_maker *m, const sm_built_object *object, sm_error *err) {
  saved_tensor *tensor = &m->tensors[m->n++];
  const sm_attr dtype = sm_attr_type("dtype", object->value.dtype);
  *tensor = (saved_tensor){.key = sm_string_of(object->key), .dtype = object->value.dtype};
  SM_TRY(sm_built_print(&tensor->value, m->main->arena, err, "%s/Read/ReadVariableOp", object->node));
  SM_TRY(sm_built_main_name(&tensor->value, m->main, tensor->value, err));
  const sm_node_spec spec = {"ReadVariableOp", tensor->value, &object->node, 1, &dtype, 1, NULL};
  return sm_graph_add_node(m->main->graph, &spec, err);
}

static sm_status add_export(saver_maker *m, const sm_built_object *object, sm_error *err) {
  const sm_lookup_table *table = &object->table->spec;
  saved_tensor *tensors = &m->tensors[m->n];
  const char *name, *key;
  const sm_attr attrs[] = {sm_attr_type("Tkeys", table->key_dtype), sm_attr_type("Tvalues", table->value_dtype)};
  tensors[0].dtype = table->key_dtype;
  tensors[1].dtype = table->value_dtype;
  m->n += 2;
  SM_TRY(sm_built_print(&name, m->main->arena, err, "%s/Export", object->node));
  SM_TRY(sm_built_main_name(&name, m->main, name, err));
  for (size_t i = 0; i < 2; i++) {
    SM_TRY(sm_built_print(&key, m->main->arena, err, "%s%s", object->key, i == 0 ? "-keys" : "-values"));
    tensors[i].key = sm_string_of(key);
    SM_TRY(sm_built_print(&tensors[i].value, m->main->arena, err, "%s:%zu", name, i));
  }
  return sm_graph_add_node(m->main->graph,
                           &(sm_node_spec){"LookupTableExportV2", name, &object->node, 1, attrs, 2, NULL}, err);
}

/* Tensor number first of what RestoreV2 returns, or two of a table. */
static sm_status add_restorer(saver_maker *m, const sm_built_object *object, size_t first, sm_error *err) {
  bool is_table = object->kind == SM_BUILT_TABLE;
  const char *inputs[3] = {object->node}, *name;
  for (size_t i = 0; i < 2; i++)
    SM_TRY(sm_built_print(&inputs[1 + i], m->main->arena, err, "%s:%zu", m->restore, first + i));
  SM_TRY(sm_built_print(&name, m->main->arena, err, "%s/Restore", object->node));
  SM_TRY(sm_built_main_name(&name, m->main, name, err));
  SM_TRY(sm_built_print(&m->restorers[m->n_restorers++], m->main->arena, err, "^%s", name));
  return sm_graph_add(m->main->graph, is_table ? "LookupTableImportV2" : "AssignVariableOp", name, inputs,
                      is_table ? 3 : 2, err);
}

/* ---- Nodes for all ---- */

static sm_status add_keys(saver_maker *m, const char *keys, const char *slices, size_t n, sm_error *err) {
  sm_string *texts = sm_arena_array(m->main->arena, sm_string, n),
            *whole = sm_arena_array(m->main->arena, sm_string, n);
  if (texts == NULL || whole == NULL) return sm_arena_fail(m->main->arena, n * sizeof *texts, err);
  for (size_t i = 0; i < n; i++) {
    texts[i] = m->tensors[i].key;
    whole[i] = (sm_string){"", 0};
  }
  SM_TRY(add_strings(m, keys, texts, n, err));
  return add_strings(m, slices, whole, n, err);
}

static sm_status add_op(saver_maker *m, const char *op, const char *name, const char **inputs, size_t n_inputs,
                        size_t n_tensors, bool is_restore, sm_error *err) {
  const char *keys, *slices;
  sm_dtype *dtypes = sm_arena_array(m->main->arena, sm_dtype, n_tensors);
  if (dtypes == NULL) return sm_arena_fail(m->main->arena, n_tensors * sizeof *dtypes, err);
  for (size_t i = 0; i < n_tensors; i++) dtypes[i] = m->tensors[i].dtype;
  SM_TRY(sm_built_print(&keys, m->main->arena, err, "%s/tensor_names", name));
  SM_TRY(sm_built_print(&slices, m->main->arena, err, "%s/shape_and_slices", name));
  SM_TRY(sm_built_main_name(&keys, m->main, keys, err));
  SM_TRY(sm_built_main_name(&slices, m->main, slices, err));
  SM_TRY(add_keys(m, keys, slices, n_tensors, err));
  const sm_attr attr = sm_attr_types("dtypes", dtypes, n_tensors);
  inputs[0] = m->filename;
  inputs[1] = keys;
  inputs[2] = slices;
  const sm_node_spec spec = {op, name, inputs, n_inputs, &attr, is_restore, NULL};
  return sm_graph_add_node(m->main->graph, &spec, err);
}

static sm_status add_save(saver_maker *m, sm_string tracked, sm_error *err) {
  enum { OWN_INPUTS = 3 };
  const char **inputs = sm_arena_array(m->main->arena, const char *, OWN_INPUTS + m->n + 1), *op, *save, *control;
  sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &tracked, .size = sizeof tracked};
  saved_tensor *graph = &m->tensors[m->n];
  if (inputs == NULL) return sm_arena_fail(m->main->arena, (OWN_INPUTS + m->n + 1) * sizeof *inputs, err);
  *graph = (saved_tensor){.key = sm_string_of(SM_KEY_OBJECT_GRAPH), .dtype = SM_DT_STRING};
  SM_TRY(sm_built_main_name(&graph->value, m->main, "saver_object_graph", err));
  SM_TRY(sm_graph_add_const(m->main->graph, graph->value, &view, err));
  for (size_t i = 0; i <= m->n; i++) inputs[OWN_INPUTS + i] = m->tensors[i].value;
  SM_TRY(sm_built_main_name(&op, m->main, "SaveV2", err));
  SM_TRY(add_op(m, "SaveV2", op, inputs, OWN_INPUTS + m->n + 1, m->n + 1, false, err));
  SM_TRY(sm_built_main_name(&save, m->main, "save", err));
  SM_TRY(sm_built_print(&control, m->main->arena, err, "^%s", op));
  SM_TRY(sm_graph_add(m->main->graph, "Identity", save, (const char *[]){m->filename, control}, 2, err));
  return sm_built_print(&m->main->saver.save_tensor_name, m->main->arena, err, "%s:0", save);
}

static bool is_saved(const sm_built_object *object) { return object->key != NULL && object->kind != SM_BUILT_SLOT; }

static sm_status add_restore(saver_maker *m, const sm_built_layout *layout, sm_error *err) {
  enum { INPUTS = 3 };
  const char *inputs[INPUTS];
  size_t first = 0;
  SM_TRY(add_op(m, "RestoreV2", m->restore, inputs, INPUTS, m->n, true, err));
  for (int32_t i = 0; i < layout->n_objects; i++) {
    const sm_built_object *object = m->objects->objects[layout->order[i]];
    if (!is_saved(object)) continue;
    SM_TRY(add_restorer(m, object, first, err));
    first += object->kind == SM_BUILT_TABLE ? 2 : 1;
  }
  SM_TRY(sm_built_main_name(&m->main->saver.restore_op_name, m->main, "restore_all", err));
  return sm_graph_add(m->main->graph, "NoOp", m->main->saver.restore_op_name, m->restorers, m->n_restorers, err);
}

/* ---- All ---- */

static sm_status add_reads(saver_maker *m, const sm_built_layout *layout, sm_error *err) {
  for (int32_t i = 0; i < layout->n_objects; i++) {
    const sm_built_object *object = m->objects->objects[layout->order[i]];
    if (!is_saved(object)) continue;
    SM_TRY(object->kind == SM_BUILT_TABLE ? add_export(m, object, err) : add_read(m, object, err));
  }
  return SM_OK;
}

sm_status sm_built_saver_make(sm_built_main *main, const sm_object_graph *objects, const sm_built_layout *layout,
                              sm_string tracked, sm_error *err) {
  enum { FORMAT_V2 = 2 };
  size_t n = (size_t)layout->n_objects;
  saver_maker m = {.main = main, .objects = objects};
  m.tensors = sm_arena_array(main->arena, saved_tensor, 2 * n + 1);
  m.restorers = sm_arena_array(main->arena, const char *, n);
  if (m.tensors == NULL || m.restorers == NULL) return sm_arena_fail(main->arena, 2 * n * sizeof *m.tensors, err);
  SM_TRY(reserve_names(&m, err));
  SM_TRY(add_reads(&m, layout, err));
  if (m.n == 0) return SM_OK; /* RestoreV2 of nothing is an error */
  main->has_saver = true;
  main->saver.version = FORMAT_V2;
  SM_TRY(sm_graph_add_placeholder(main->graph, m.filename, SM_DT_STRING, NULL, 0, err));
  SM_TRY(sm_built_print(&main->saver.filename_tensor_name, main->arena, err, "%s:0", m.filename));
  SM_TRY(add_restore(&m, layout, err));
  return add_save(&m, tracked, err);
}
