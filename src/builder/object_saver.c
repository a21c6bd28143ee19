/* Nodes of the main graph that save and restore the values of objects, under their keys:
 *
 *   saver_filename -> RestoreV2 -> AssignVariableOp of each variable, calls of restore functions -> restore_all
 *   ReadVariableOp of each variable, calls of save functions -> SaveV2(saver_filename) -> save
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

/* ---- Variables ---- */

static sm_status add_read(saver_maker *m, const sm_built_object *object, sm_error *err) {
  saved_tensor *tensor = &m->tensors[m->n++];
  const sm_attr dtype = sm_attr_type("dtype", object->value.dtype);
  *tensor = (saved_tensor){.key = sm_string_of(object->first_tensor->key), .dtype = object->value.dtype};
  SM_TRY(sm_built_print(&tensor->value, m->main->arena, err, "%s/Read/ReadVariableOp", object->node));
  SM_TRY(sm_built_main_name(&tensor->value, m->main, tensor->value, err));
  const sm_node_spec spec = {"ReadVariableOp", tensor->value, &object->node, 1, &dtype, 1, NULL};
  return sm_graph_add_node(m->main->graph, &spec, err);
}

/* Of tensor number first of what RestoreV2 returns. */
static sm_status add_assign(const char **name, saver_maker *m, const sm_built_object *object, size_t first,
                            sm_error *err) {
  const char *inputs[] = {object->node, NULL};
  SM_TRY(sm_built_print(&inputs[1], m->main->arena, err, "%s:%zu", m->restore, first));
  SM_TRY(sm_built_print(name, m->main->arena, err, "%s/Restore", object->node));
  SM_TRY(sm_built_main_name(name, m->main, *name, err));
  return sm_graph_add(m->main->graph, "AssignVariableOp", *name, inputs, 2, err);
}

/* ---- Objects with functions of their own ---- */

static const sm_built_function *function_of(const saver_maker *m, int32_t object) {
  return m->objects->objects[object]->functions.items;
}

/* Room for what a call of the function is passed. */
static sm_status make_inputs(const char ***out, saver_maker *m, const sm_built_function *function, sm_error *err) {
  size_t n = function->n_in + function->n_captures;
  *out = sm_arena_array(m->main->arena, const char *, n);
  return *out != NULL ? SM_OK : sm_arena_fail(m->main->arena, n * sizeof **out, err);
}

/* The key that a function takes: that of the attribute, behind which it puts suffixes. */
static sm_status add_key(const char **name, saver_maker *m, const sm_built_object *object,
                         const sm_built_saveable *saveable, sm_error *err) {
  const sm_built_tensor *tensor = object->first_tensor;
  while (tensor != NULL && tensor->saveable != saveable) tensor = tensor->next;
  const sm_string key = sm_string_of(tensor != NULL ? tensor->attribute_key : "");
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &key, .size = sizeof key};
  SM_TRY(sm_built_print(name, m->main->arena, err, "%s/checkpoint_key", object->path.data));
  SM_TRY(sm_built_main_name(name, m->main, *name, err));
  return sm_graph_add_const(m->main->graph, *name, &view, err);
}

static sm_status call_save(saver_maker *m, const sm_built_object *object, const sm_built_saveable *saveable,
                           saved_tensor *tensors, sm_error *err) {
  const sm_built_function *function = function_of(m, saveable->save);
  const char **inputs, *call, *wanted;
  SM_TRY(make_inputs(&inputs, m, function, err));
  if (function->n_in != 0) SM_TRY(add_key(&inputs[0], m, object, saveable, err));
  SM_TRY(sm_built_print(&wanted, m->main->arena, err, "%s/Save", object->path.data));
  SM_TRY(sm_built_main_call(&call, m->main, m->objects, function, wanted, inputs, err));
  for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next, tensors++)
    if (tensor->saveable == saveable)
      SM_TRY(sm_built_print(&tensors->value, m->main->arena, err, "%s:%zu", call, tensor->result));
  return SM_OK;
}

static sm_status call_restore(const char **name, saver_maker *m, const sm_built_object *object,
                              const sm_built_saveable *saveable, size_t first, sm_error *err) {
  const sm_built_function *function = function_of(m, saveable->restore);
  const char **inputs, *wanted;
  SM_TRY(make_inputs(&inputs, m, function, err));
  for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next, first++)
    if (tensor->saveable == saveable)
      SM_TRY(sm_built_print(&inputs[tensor->argument], m->main->arena, err, "%s:%zu", m->restore, first));
  SM_TRY(sm_built_print(&wanted, m->main->arena, err, "%s/Restore", object->path.data));
  return sm_built_main_call(name, m->main, m->objects, function, wanted, inputs, err);
}

static sm_status call_saves(saver_maker *m, const sm_built_object *object, sm_error *err) {
  saved_tensor *tensors = &m->tensors[m->n];
  for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next)
    m->tensors[m->n++] = (saved_tensor){.key = sm_string_of(tensor->key), .dtype = tensor->value.dtype};
  for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next)
    SM_TRY(call_save(m, object, saveable, tensors, err));
  return SM_OK;
}

/* ---- What there is ---- */

static bool is_variable(const sm_built_object *object) {
  return object->kind == SM_BUILT_VARIABLE || object->kind == SM_BUILT_SLOT;
}

static sm_status keep_restorer(saver_maker *m, const char *name, sm_error *err) {
  return sm_built_print(&m->restorers[m->n_restorers++], m->main->arena, err, "^%s", name);
}

static sm_status add_restorers(saver_maker *m, const sm_built_object *object, size_t first, sm_error *err) {
  const char *name;
  if (is_variable(object)) {
    SM_TRY(add_assign(&name, m, object, first, err));
    return keep_restorer(m, name, err);
  }
  for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next) {
    SM_TRY(call_restore(&name, m, object, saveable, first, err));
    SM_TRY(keep_restorer(m, name, err));
  }
  return SM_OK;
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

static sm_status add_restore(saver_maker *m, const sm_built_layout *layout, sm_error *err) {
  enum { INPUTS = 3 };
  const char *inputs[INPUTS];
  size_t first = 0;
  SM_TRY(add_op(m, "RestoreV2", m->restore, inputs, INPUTS, m->n, true, err));
  for (int32_t i = 0; i < layout->n_saved; i++) {
    const sm_built_object *object = m->objects->objects[layout->saved[i]];
    SM_TRY(add_restorers(m, object, first, err));
    for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next) first++;
  }
  SM_TRY(sm_built_main_name(&m->main->saver.restore_op_name, m->main, "restore_all", err));
  return sm_graph_add(m->main->graph, "NoOp", m->main->saver.restore_op_name, m->restorers, m->n_restorers, err);
}

/* ---- All ---- */

static sm_status add_reads(saver_maker *m, const sm_built_layout *layout, sm_error *err) {
  for (int32_t i = 0; i < layout->n_saved; i++) {
    const sm_built_object *object = m->objects->objects[layout->saved[i]];
    SM_TRY(is_variable(object) ? add_read(m, object, err) : call_saves(m, object, err));
  }
  return SM_OK;
}

static sm_status make_lists(saver_maker *m, const sm_built_layout *layout, sm_error *err) {
  size_t n_tensors = 0, n_restorers = 0;
  for (int32_t i = 0; i < layout->n_saved; i++) {
    const sm_built_object *object = m->objects->objects[layout->saved[i]];
    for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next) n_tensors++;
    n_restorers += is_variable(object);
    for (const sm_built_saveable *saveable = object->first_saveable; saveable != NULL; saveable = saveable->next)
      n_restorers++;
  }
  m->tensors = sm_arena_array(m->main->arena, saved_tensor, n_tensors + 1);
  m->restorers = sm_arena_array(m->main->arena, const char *, n_restorers);
  if (m->tensors != NULL && m->restorers != NULL) return SM_OK;
  return sm_arena_fail(m->main->arena, (n_tensors + 1) * sizeof *m->tensors, err);
}

sm_status sm_built_saver_make(sm_built_main *main, const sm_object_graph *objects, const sm_built_layout *layout,
                              sm_string tracked, sm_error *err) {
  enum { FORMAT_V2 = 2 };
  saver_maker m = {.main = main, .objects = objects};
  SM_TRY(make_lists(&m, layout, err));
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
