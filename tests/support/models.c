#include "support/models.h"

#include <savedmodel/proto.h>

#include "support/check.h"
#include "support/files.h"

sm_model *open_bytes(const w_buffer *w) {
  sm_model *model;
  sm_error err;
  assert_ok(sm_model_open_buffer(&model, w->data, w->size, NULL, &err), err);
  return model;
}

sm_model *open_data(const char *name) {
  sm_model *model;
  sm_error err;
  assert_ok(sm_model_open(&model, model_dir(name), NULL, &err), err);
  return model;
}

const sm_meta_graph *only_graph(const sm_model *model) {
  const sm_meta_graph *graph = sm_model_get_meta_graph(model, 0);
  assert_non_null(graph);
  return graph;
}

/* ---- Looking up everything ---- */

typedef struct visit {
  const sm_model *model;
  const sm_meta_graph *graph;
  bool again; /* mend at once what memory or the file system failed */
  sm_status first;
  sm_error err;
  uint64_t digest;
} visit;

static void mix_bytes(visit *v, const void *data, size_t size) {
  const unsigned char *p = data;
  for (size_t i = 0; i < size; i++) v->digest = (v->digest ^ p[i]) * 1099511628211u; /* FNV-1a */
}

static void mix_number(visit *v, uint64_t number) { mix_bytes(v, &number, sizeof number); }

static void mix_text(visit *v, const char *text) { mix_bytes(v, text, strlen(text) + 1); }

static void mix_string(visit *v, sm_string text) {
  mix_number(v, text.size);
  mix_bytes(v, text.data, text.size);
}

static bool is_outside(sm_status status) { return status == SM_RESOURCE_EXHAUSTED || status == SM_UNAVAILABLE; }

/* True when the look-up gave something. */
static bool looked(visit *v, sm_status status) {
  if (is_outside(status) && v->first == SM_OK) v->first = status;
  if (status != SM_OK && v->err.code != status) fail_msg("err says %d, the call %d", (int)v->err.code, (int)status);
  if (!is_outside(status)) mix_number(v, status);
  return status == SM_OK;
}

static bool mended(visit *v, sm_status status) {
  if (is_outside(status)) fail_msg("failed again: %s", v->err.message);
  mix_number(v, status);
  return status == SM_OK;
}

/* Makes the call; once more when it failed for lack of memory and again is set. True when it gave something. */
#define LOOK(v, call) (looked((v), (call)) || ((v)->again && is_outside((v)->err.code) && mended_once((v), (call))))

static bool mended_once(visit *v, sm_status status) {
  bool found = mended(v, status);
  v->err.code = SM_OK;
  return found;
}

static void visit_tensors(visit *v, const sm_tensor_info *const *infos, size_t n, unsigned level) {
  for (size_t i = 0; i < n; i++) {
    mix_text(v, infos[i]->name);
    mix_text(v, infos[i]->tensor_name);
    mix_number(v, infos[i]->dtype);
    mix_number(v, (uint64_t)infos[i]->rank);
    for (int32_t d = 0; d < infos[i]->rank; d++) mix_number(v, (uint64_t)infos[i]->dims[d]);
    mix_string(v, infos[i]->type_spec);
    if (level < 50) visit_tensors(v, infos[i]->components, infos[i]->n_components, level + 1);
  }
}

static void visit_signatures(visit *v) {
  for (size_t i = 0; i < sm_meta_graph_n_signatures(v->graph); i++) {
    const sm_signature *signature;
    if (!LOOK(v, sm_meta_graph_get_signature(&signature, v->graph, i, &v->err))) continue;
    mix_text(v, signature->key);
    mix_text(v, signature->method_name);
    visit_tensors(v, signature->inputs, signature->n_inputs, 0);
    visit_tensors(v, signature->outputs, signature->n_outputs, 0);
    for (size_t k = 0; k < signature->n_defaults; k++) {
      mix_text(v, signature->defaults[k]->name);
      mix_string(v, signature->defaults[k]->tensor_proto);
    }
  }
}

static void visit_collections(visit *v) {
  size_t n = 0;
  (void)LOOK(v, sm_meta_graph_n_collections(&n, v->graph, &v->err));
  for (size_t i = 0; i < n; i++) {
    const sm_collection *collection;
    if (!LOOK(v, sm_meta_graph_get_collection(&collection, v->graph, i, &v->err))) continue;
    mix_text(v, collection->key);
    mix_number(v, collection->kind);
    for (size_t k = 0; k < collection->n; k++) {
      if (collection->strings != NULL) mix_string(v, collection->strings[k]);
      if (collection->type_urls != NULL) mix_string(v, collection->type_urls[k]);
      if (collection->int64s != NULL) mix_number(v, (uint64_t)collection->int64s[k]);
      if (collection->floats != NULL) mix_bytes(v, &collection->floats[k], sizeof(float));
    }
  }
}

static void visit_facts(visit *v) {
  const sm_meta_info *info;
  const sm_saver_def *saver;
  const char *op;
  if (LOOK(v, sm_meta_graph_get_info(&info, v->graph, &v->err))) {
    mix_text(v, info->tensorflow_version);
    mix_text(v, info->tensorflow_git_version);
    mix_text(v, info->meta_graph_version);
    mix_number(v, info->stripped_default_attrs);
    for (size_t i = 0; i < info->n_function_aliases; i++) mix_text(v, info->function_aliases[i].alias);
  }
  if (LOOK(v, sm_meta_graph_get_saver_def(&saver, v->graph, &v->err))) mix_text(v, saver->restore_op_name);
  if (LOOK(v, sm_meta_graph_get_init_op(&op, v->graph, &v->err))) mix_text(v, op);
  if (LOOK(v, sm_meta_graph_get_train_op(&op, v->graph, &v->err))) mix_text(v, op);
  for (size_t i = 0; i < sm_meta_graph_n_assets(v->graph); i++) {
    const sm_asset *asset;
    if (!LOOK(v, sm_meta_graph_get_asset(&asset, v->graph, i, &v->err))) continue;
    mix_text(v, asset->tensor_name);
    mix_text(v, asset->filename);
  }
}

static void visit_nodes(visit *v) {
  sm_node_iter *iter;
  const Tensorflow__NodeDef *node;
  if (!LOOK(v, sm_node_iter_new(&iter, v->graph, &v->err))) return;
  for (;;) {
    sm_status status = sm_node_iter_next(&node, iter, &v->err);
    if (status != SM_OK) {
      (void)looked(v, status); /* a walk cannot be mended: the rest of it is missing */
      assert_null(node);
      assert_int_equal(sm_node_iter_next(&node, iter, NULL), SM_OK);
      assert_null(node);
      break;
    }
    if (node == NULL) break;
    if (!v->again) mix_text(v, node->name);
  }
  sm_node_iter_free(iter);
}

static void visit_graph(visit *v) {
  const sm_graph_summary *summary;
  const Tensorflow__GraphDef *graph_def;
  const Tensorflow__MetaGraphDef *meta_graph_def;
  const Tensorflow__SavedObjectGraph *object_graph_def;
  if (LOOK(v, sm_meta_graph_get_graph_summary(&summary, v->graph, &v->err))) {
    mix_number(v, summary->n_nodes);
    mix_number(v, (uint64_t)summary->producer);
    for (size_t i = 0; i < summary->n_ops; i++) mix_string(v, summary->ops[i]);
    for (size_t i = 0; i < summary->n_functions; i++) mix_string(v, summary->functions[i]);
  }
  if (LOOK(v, sm_meta_graph_get_graph_def(&graph_def, v->graph, &v->err))) mix_number(v, graph_def->n_node);
  if (LOOK(v, sm_meta_graph_get_proto(&meta_graph_def, v->graph, &v->err)))
    mix_number(v, meta_graph_def->n_signature_def);
  if (LOOK(v, sm_meta_graph_get_object_graph_def(&object_graph_def, v->graph, &v->err)))
    mix_number(v, object_graph_def->n_nodes);
  visit_nodes(v);
}

/* ---- The object graph: breadth first, each node once ---- */

static void visit_structured(visit *v, const sm_structured *value, unsigned level) {
  if (value == NULL || level > 100) return;
  mix_number(v, value->kind);
  if (value->text != NULL) mix_text(v, value->text);
  for (size_t i = 0; i < value->n_items; i++) {
    if (value->keys != NULL) mix_text(v, value->keys[i]);
    visit_structured(v, &value->items[i], level + 1);
  }
}

static void visit_tensor(visit *v, sm_tensor *tensor) {
  const sm_tensor_view *view = sm_tensor_get_view(tensor);
  mix_number(v, view->dtype);
  mix_number(v, view->size);
  sm_tensor_free(tensor);
}

static void visit_info(visit *v, const sm_object *info) {
  mix_text(v, info->registered_name);
  mix_text(v, info->name);
  mix_number(v, info->n_dependencies + info->n_slot_variables + info->n_saveables);
  if (info->variable != NULL) mix_text(v, info->variable->name);
  for (size_t i = 0; info->function_spec != NULL && i < info->function_spec->n_parameters; i++)
    mix_text(v, info->function_spec->parameters[i].name);
}

static void visit_values(visit *v, const sm_trackable *node) {
  sm_tensor *first, *second;
  sm_object_kind kind = sm_trackable_get_kind(node);
  if (kind == SM_OBJECT_CONSTANT && LOOK(v, sm_trackable_read_constant(&first, node, &v->err))) visit_tensor(v, first);
  if (kind != SM_OBJECT_RESOURCE || !LOOK(v, sm_trackable_read_table(&first, &second, node, &v->err))) return;
  visit_tensor(v, first);
  visit_tensor(v, second);
}

static void visit_object(visit *v, const sm_trackable *node) {
  const sm_object *info;
  const char *text;
  mix_number(v, sm_trackable_get_kind(node));
  if (LOOK(v, sm_trackable_get_info(&info, node, &v->err))) visit_info(v, info);
  if (LOOK(v, sm_trackable_get_path(&text, node, &v->err))) mix_text(v, text);
  if (LOOK(v, sm_trackable_get_key(&text, node, NULL, &v->err))) mix_text(v, text);
  if (LOOK(v, sm_trackable_get_keras_metadata(&text, node, &v->err))) mix_text(v, text);
  visit_values(v, node);
  for (size_t i = 0; i < sm_trackable_n_functions(node); i++) {
    const sm_concrete_function *function;
    if (!LOOK(v, sm_trackable_get_function(&function, node, i, &v->err))) continue;
    mix_text(v, function->name);
    visit_structured(v, function->inputs, 0);
    visit_structured(v, function->outputs, 0);
    for (size_t k = 0; k < function->n_captures; k++) mix_number(v, (uint64_t)function->captures[k]);
  }
}

static void visit_objects(visit *v) {
  enum { MOST = 5000 };
  const sm_trackable **seen = calloc(MOST, sizeof *seen);
  size_t n = 0;
  if (LOOK(v, sm_meta_graph_get_root(&seen[0], v->graph, &v->err))) n = 1;
  for (size_t at = 0; at < n; at++) {
    visit_object(v, seen[at]);
    for (size_t i = 0; i < sm_trackable_n_children(seen[at]); i++) {
      const sm_trackable *child;
      const char *name;
      if (!LOOK(v, sm_trackable_get_child(&child, &name, seen[at], i, &v->err))) continue;
      mix_text(v, name);
      size_t k = 0;
      while (k < n && seen[k] != child) k++;
      mix_number(v, k);
      if (k == n && n < MOST) seen[n++] = child;
    }
  }
  free(seen);
}

static void visit_variables(visit *v) {
  const sm_variable *variable;
  size_t n;
  if (!LOOK(v, sm_meta_graph_n_variables(&n, v->graph, &v->err))) return;
  for (size_t i = 0; i < n; i++) {
    if (!LOOK(v, sm_meta_graph_get_variable(&variable, v->graph, i, &v->err))) continue;
    mix_text(v, variable->name);
    if (variable->key != NULL) mix_text(v, variable->key);
  }
}

/* ---- Files ---- */

static sm_status visit_file(void *ctx, const sm_model_file *file, sm_error *err) {
  visit *v = ctx;
  (void)err;
  if (v->again) return SM_OK; /* a listing that was cut short is made again, and would count twice */
  mix_text(v, file->name);
  mix_number(v, file->size);
  return SM_OK;
}

static void visit_debug_info(visit *v) {
  const sm_debug_info *info;
  if (!LOOK(v, sm_model_get_debug_info(&info, v->model, &v->err))) return;
  for (size_t i = 0; i < sm_debug_info_n_traces(info); i++) {
    const sm_stack_trace *trace;
    mix_string(v, sm_debug_info_get_name(info, i));
    if (!LOOK(v, sm_debug_info_get_trace(&trace, info, i, &v->err))) continue;
    for (size_t k = 0; k < trace->n_frames; k++) {
      mix_text(v, trace->frames[k].file);
      mix_text(v, trace->frames[k].function);
      mix_text(v, trace->frames[k].code);
      mix_number(v, (uint64_t)trace->frames[k].line);
    }
  }
}

static void visit_files(visit *v) {
  const sm_fingerprint *fingerprint;
  uint64_t size;
  if (LOOK(v, sm_model_get_fingerprint(&fingerprint, v->model, &v->err))) {
    mix_number(v, fingerprint->saved_model_checksum);
    mix_text(v, fingerprint->uuid);
  }
  if (LOOK(v, sm_model_compute_fingerprint(&fingerprint, v->model, &v->err))) mix_text(v, fingerprint->uuid);
  visit_debug_info(v);
  (void)LOOK(v, sm_model_list_files(v->model, "", visit_file, v, &v->err));
  if (LOOK(v, sm_model_get_file_size(&size, v->model, SM_FILE_SAVED_MODEL_PB, &v->err))) mix_number(v, size);
}

static sm_status visit_all(const sm_model *model, bool again, uint64_t *digest) {
  visit v = {.model = model, .again = again, .digest = 14695981039346656037u};
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    v.graph = sm_model_get_meta_graph(model, i);
    for (size_t k = 0; k < sm_meta_graph_n_tags(v.graph); k++) mix_text(&v, sm_meta_graph_get_tag(v.graph, k));
    visit_signatures(&v);
    visit_collections(&v);
    visit_facts(&v);
    visit_graph(&v);
    visit_objects(&v);
    visit_variables(&v);
  }
  visit_files(&v);
  if (digest != NULL) *digest = v.digest;
  return v.first;
}

sm_status look_up_everything(const sm_model *model, uint64_t *digest) { return visit_all(model, false, digest); }

sm_status look_up_everything_twice(const sm_model *model, uint64_t *digest) { return visit_all(model, true, digest); }
