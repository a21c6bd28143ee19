/*
 * Takes the objects of a V2 model apart through the functions that read, and says them again through those that write; for
 * retake_tf.py.
 *
 *     retake MODEL NEW          NEW must not be there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

static const char SIGNATURES[] = "signatures";

static sm_error err;

static void check(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  exit(1);
}

/* A model that is being said again. */
typedef struct retaking {
  const char *dir;
  const sm_model *model;
  const sm_meta_graph *graph;
  const sm_bundle_reader *variables; /* NULL: it has none */
  sm_object_graph *objects;
  size_t n;
  int32_t *numbers; /* what objects calls each node; SM_OBJECT_NONE: it is left out */
  bool *is_part;    /* what something else makes: slot variables, the map of signatures, traces of functions */
} retaking;

/* Memory, and perhaps a tensor, that lives until the end. */
typedef struct block {
  struct block *older;
  sm_tensor *tensor;
} block;

static block *newest;

static void *room_for(size_t n, size_t size) {
  block *made = calloc(1, sizeof *made + (n + 1) * size);
  if (made == NULL) abort();
  made->older = newest;
  newest = made;
  return made + 1;
}

static const sm_tensor_view *keep(sm_tensor *tensor) {
  room_for(0, 0);
  newest->tensor = tensor;
  return sm_tensor_get_view(tensor);
}

static void free_all(void) {
  for (block *older; newest != NULL; newest = older) {
    older = newest->older;
    sm_tensor_free(newest->tensor);
    free(newest);
  }
}

static const sm_trackable *node_at(const retaking *r, int64_t id) {
  const sm_trackable *node;
  check(sm_meta_graph_get_object(&node, r->graph, id, &err));
  return node;
}

static const sm_object *info_of(const sm_trackable *node) {
  const sm_object *info;
  check(sm_trackable_get_info(&info, node, &err));
  return info;
}

static bool is_function(const sm_trackable *node) {
  sm_object_kind kind = sm_trackable_get_kind(node);
  return kind == SM_OBJECT_FUNCTION || kind == SM_OBJECT_BARE_CONCRETE_FUNCTION;
}

/* ---- What is made of what ---- */

/* TensorFlow shows traces below their functions, and captures below them. Those traces that something else leads to are
 * functions in their own right. */
static void find_parts(retaking *r) {
  const sm_trackable *child;
  const char *name;
  for (size_t id = 0; id < r->n; id++)
    r->is_part[id] = sm_trackable_get_kind(node_at(r, (int64_t)id)) == SM_OBJECT_BARE_CONCRETE_FUNCTION;
  for (size_t id = 0; id < r->n; id++) {
    const sm_trackable *node = node_at(r, (int64_t)id);
    const sm_object *info = info_of(node);
    for (size_t i = 0; i < info->n_slot_variables; i++) r->is_part[info->slot_variables[i].id] = true;
    for (size_t i = 0; i < info->n_saveables; i++)
      r->is_part[info->saveables[i].save_function] = r->is_part[info->saveables[i].restore_function] = false;
    for (size_t i = 0; i < sm_trackable_n_children(node); i++) {
      check(sm_trackable_get_child(&child, &name, node, i, &err));
      int32_t number = sm_trackable_get_id(child);
      if (id == 0 && strcmp(name, SIGNATURES) == 0)
        r->is_part[number] = true;
      else if (!is_function(node))
        r->is_part[number] = false;
    }
  }
}

/* ---- Values ---- */

static const sm_tensor_view *read_entry(const retaking *r, const sm_bundle_entry *entry) {
  sm_tensor *tensor;
  check(sm_bundle_reader_read_entry_tensor(&tensor, r->variables, entry, NULL, &err));
  return keep(tensor);
}

static const sm_tensor_view *value_of(const retaking *r, const sm_trackable *node) {
  sm_bundle_entry entry;
  const char *key;
  check(sm_trackable_get_key(&key, node, NULL, &err));
  check(sm_bundle_reader_find(&entry, r->variables, key, &err));
  return read_entry(r, &entry);
}

static sm_container container_of(const char *identifier) {
  if (strcmp(identifier, "trackable_list_wrapper") == 0) return SM_CONTAINER_LIST;
  if (strcmp(identifier, "trackable_dict_wrapper") == 0) return SM_CONTAINER_DICT;
  if (strcmp(identifier, "trackable_tuple_wrapper") == 0) return SM_CONTAINER_TUPLE;
  return SM_CONTAINER_OBJECT;
}

static void take_user_object(int32_t *out, retaking *r, const sm_trackable *node, const sm_user_object *user) {
  sm_container container = container_of(user->identifier);
  const char *metadata;
  if (sm_trackable_get_id(node) == SM_OBJECT_ROOT)
    *out = SM_OBJECT_ROOT;
  else
    check(sm_object_graph_add(out, r->objects, SM_OBJECT_NONE, NULL, container, &err));
  sm_user_object copy = *user;
  if (sm_trackable_get_keras_metadata(&metadata, node, &err) == SM_OK) copy.metadata = metadata;
  check(sm_object_graph_set_user_object(r->objects, *out, &copy, &err));
}

/* The components live as long as all that is borrowed. */
static sm_variable_spec spec_of(const retaking *r, const sm_trackable *node) {
  const sm_variable_object *variable = info_of(node)->variable;
  sm_variable_component *components = room_for(variable->n_components, sizeof *components);
  for (size_t i = 0; i < variable->n_components; i++)
    components[i] = (sm_variable_component){variable->components[i].name, variable->components[i].device};
  return (sm_variable_spec){.value = value_of(r, node),
                            .rank = variable->rank,
                            .dims = variable->dims,
                            .name = variable->name,
                            .device = variable->device,
                            .not_trainable = !variable->trainable,
                            .has_own_shape = true,
                            .synchronization = variable->synchronization,
                            .aggregation = variable->aggregation,
                            .components = components,
                            .n_components = variable->n_components};
}

static void take_variable(int32_t *out, retaking *r, const sm_trackable *node) {
  const sm_variable_spec spec = spec_of(r, node);
  check(sm_object_graph_add_variable(out, r->objects, SM_OBJECT_NONE, NULL, &spec, &err));
}

static void take_constant(int32_t *out, retaking *r, const sm_trackable *node) {
  sm_tensor *tensor;
  check(sm_trackable_read_constant(&tensor, node, &err));
  check(sm_object_graph_add_constant(out, r->objects, SM_OBJECT_NONE, NULL, keep(tensor), &err));
}

static void take_asset(int32_t *out, retaking *r, int32_t number) {
  const sm_asset *asset;
  char path[4096];
  check(sm_meta_graph_get_asset(&asset, r->graph, (size_t)number, &err));
  snprintf(path, sizeof path, "%s/" SM_DIR_ASSETS "/%s", r->dir, asset->filename);
  const sm_asset_spec spec = {.path = path, .filename = asset->filename};
  check(sm_object_graph_add_asset(out, r->objects, SM_OBJECT_NONE, NULL, &spec, &err));
}

static void take_object(retaking *r, size_t id) {
  const sm_trackable *node = node_at(r, (int64_t)id);
  const sm_object *info = info_of(node);
  int32_t *out = &r->numbers[id];
  switch (info->kind) {
    case SM_OBJECT_USER_OBJECT: take_user_object(out, r, node, info->user_object); break;
    case SM_OBJECT_VARIABLE: take_variable(out, r, node); break;
    case SM_OBJECT_CONSTANT: take_constant(out, r, node); break;
    case SM_OBJECT_ASSET: take_asset(out, r, info->asset); break;
    case SM_OBJECT_RESOURCE:
      check(sm_object_graph_add_resource(out, r->objects, SM_OBJECT_NONE, NULL, info->device, &err));
      break;
    case SM_OBJECT_CAPTURED_TENSOR:
      check(sm_object_graph_add_captured_tensor(out, r->objects, info->function, info->name, &err));
      break;
    default: fprintf(stderr, "node %zu is of no kind\n", id); exit(1);
  }
}

/* ---- Functions ---- */

static void take_trace(sm_trace *out, const retaking *r, const sm_concrete_function *function) {
  sm_function_capture *captures = room_for(function->n_captures, sizeof *captures);
  for (size_t i = 0; i < function->n_captures; i++) captures[i].object = r->numbers[function->captures[i]];
  *out = (sm_trace){.function = function->name,
                    .captures = captures,
                    .n_captures = function->n_captures,
                    .input_structure = function->inputs,
                    .output_structure = function->outputs};
}

static void take_traces(int32_t *out, retaking *r, const sm_object *info) {
  const sm_concrete_function *function;
  sm_trace *traces = room_for(info->n_concrete_functions, sizeof *traces);
  for (size_t i = 0; i < info->n_concrete_functions; i++) {
    check(sm_meta_graph_find_concrete_function(&function, r->graph, info->concrete_functions[i], &err));
    take_trace(&traces[i], r, function);
  }
  const sm_traced_function spec = {
      .traces = traces, .n_traces = info->n_concrete_functions, .spec = info->function_spec};
  check(sm_object_graph_add_function(out, r->objects, SM_OBJECT_NONE, NULL, &spec, &err));
}

static void take_bare(int32_t *out, retaking *r, const sm_trackable *node, const sm_object *info) {
  const sm_concrete_function *function;
  check(sm_trackable_get_function(&function, node, 0, &err));
  sm_bare_function spec = {.argument_keywords = function->argument_keywords,
                           .n_argument_keywords = function->n_argument_keywords,
                           .allowed_positional_arguments = function->allowed_positional_arguments,
                           .spec = info->function_spec};
  take_trace(&spec.trace, r, function);
  check(sm_object_graph_add_concrete_function(out, r->objects, SM_OBJECT_NONE, NULL, &spec, &err));
}

static void take_function(retaking *r, size_t id) {
  const sm_trackable *node = node_at(r, (int64_t)id);
  const sm_object *info = info_of(node);
  if (info->kind == SM_OBJECT_FUNCTION)
    take_traces(&r->numbers[id], r, info);
  else
    take_bare(&r->numbers[id], r, node, info);
}

static bool has_trace(const sm_object *info, const char *name) {
  for (size_t i = 0; i < info->n_concrete_functions; i++)
    if (strcmp(info->concrete_functions[i], name) == 0) return true;
  return false;
}

/* Functions that are no object's: those of gradients. */
static void take_others(retaking *r) {
  const sm_concrete_function *function;
  size_t n, id;
  check(sm_meta_graph_n_concrete_functions(&n, r->graph, &err));
  for (size_t i = 0; i < n; i++) {
    check(sm_meta_graph_get_concrete_function(&function, r->graph, i, &err));
    for (id = 0; id < r->n && !has_trace(info_of(node_at(r, (int64_t)id)), function->name); id++) continue;
    if (id < r->n) continue;
    sm_bare_function spec = {.spec = NULL};
    take_trace(&spec.trace, r, function);
    check(sm_object_graph_add_concrete_function(NULL, r->objects, SM_OBJECT_NONE, NULL, &spec, &err));
  }
}

/* The FunctionDefs. */
static void take_library(retaking *r) {
  const Tensorflow__MetaGraphDef *def;
  check(sm_meta_graph_get_proto(&def, r->graph, &err));
  const ProtobufCMessage *graph = (const ProtobufCMessage *)def->graph_def;
  sm_string bytes = {NULL, protobuf_c_message_get_packed_size(graph)};
  bytes.data = room_for(bytes.size, 1);
  protobuf_c_message_pack(graph, (uint8_t *)bytes.data);
  check(sm_object_graph_add_library(r->objects, bytes, &err));
}

/* ---- What is between them ---- */

static void take_edges(retaking *r, size_t id) {
  const sm_trackable *node = node_at(r, (int64_t)id), *child;
  const char *name;
  if (is_function(node)) return;
  for (size_t i = 0; i < sm_trackable_n_children(node); i++) {
    check(sm_trackable_get_child(&child, &name, node, i, &err));
    int32_t number = r->numbers[sm_trackable_get_id(child)];
    if (number != SM_OBJECT_NONE) check(sm_object_graph_link(r->objects, r->numbers[id], name, number, &err));
  }
}

static void take_slots(retaking *r, size_t id) {
  const sm_object *info = info_of(node_at(r, (int64_t)id));
  for (size_t i = 0; i < info->n_slot_variables; i++) {
    const sm_slot_variable *slot = &info->slot_variables[i];
    const sm_variable_spec spec = spec_of(r, node_at(r, slot->id));
    check(sm_object_graph_add_slot(NULL, r->objects, r->numbers[id], r->numbers[slot->variable], slot->name, &spec,
                                   &err));
  }
}

/* What the object's functions save lies in the checkpoint below one key. */
static void take_saved_tensors(retaking *r, size_t id, const char *saveable) {
  static const char attributes[] = "/.ATTRIBUTES/";
  const char *key;
  char name[4096];
  const sm_bundle_entry *entry;
  sm_bundle_iter *tensors;
  check(sm_trackable_get_key(&key, node_at(r, (int64_t)id), NULL, &err));
  size_t prefix = (size_t)(strstr(key, attributes) - key) + strlen(attributes), size = strlen(saveable);
  check(sm_bundle_iter_new(&tensors, r->variables, key, &err));
  for (;;) {
    check(sm_bundle_iter_next(&entry, tensors, &err));
    if (entry == NULL || entry->key.size < prefix || memcmp(entry->key.data, key, prefix) != 0) break;
    snprintf(name, sizeof name, "%.*s", (int)(entry->key.size - prefix), entry->key.data + prefix);
    bool is_split = strncmp(name, saveable, size) == 0; /* "table-keys" */
    check(sm_object_graph_add_saved_tensor(r->objects, r->numbers[id], is_split ? saveable : name,
                                           is_split ? name + size : NULL, read_entry(r, entry), &err));
  }
  sm_bundle_iter_free(tensors);
}

static void take_saveables(retaking *r, size_t id) {
  const sm_object *info = info_of(node_at(r, (int64_t)id));
  for (size_t i = 0; i < info->n_saveables; i++) {
    const sm_saveable *saveable = &info->saveables[i];
    check(sm_object_graph_add_saveable(r->objects, r->numbers[id], saveable->name, r->numbers[saveable->save_function],
                                       r->numbers[saveable->restore_function], &err));
    take_saved_tensors(r, id, saveable->name);
  }
}

static void take_names(retaking *r, size_t id) {
  const sm_object *info = info_of(node_at(r, (int64_t)id));
  if (*info->registered_name != '\0')
    check(sm_object_graph_set_registered_name(r->objects, r->numbers[id], info->registered_name, &err));
  if (*info->user_proto_type != '\0')
    check(sm_object_graph_set_user_proto(r->objects, r->numbers[id], info->user_proto_type, info->user_proto, &err));
}

/* The values that inputs take when they are not fed. */
static void take_defaults(retaking *r, const char *key) {
  const sm_signature *signature;
  sm_tensor *value;
  check(sm_meta_graph_find_signature(&signature, r->graph, key, &err));
  for (size_t i = 0; i < signature->n_defaults; i++) {
    check(sm_tensor_read_proto(&value, signature->defaults[i]->tensor_proto, UINT64_MAX, NULL, &err));
    check(sm_object_graph_set_signature_default(r->objects, key, signature->defaults[i]->name,
                                                sm_tensor_get_view(value), &err));
    sm_tensor_free(value);
  }
}

static void take_signatures(retaking *r) {
  const sm_trackable *map, *function;
  const char *key;
  if (sm_trackable_find(&map, node_at(r, 0), SIGNATURES, &err) != SM_OK) return;
  for (size_t i = 0; i < sm_trackable_n_children(map); i++) {
    check(sm_trackable_get_child(&function, &key, map, i, &err));
    check(sm_object_graph_set_signature(r->objects, key, r->numbers[sm_trackable_get_id(function)], 0, &err));
    take_defaults(r, key);
  }
}

static void take_all(retaking *r) {
  find_parts(r);
  take_library(r);
  for (size_t id = 0; id < r->n; id++) {
    r->numbers[id] = SM_OBJECT_NONE;
    if (!r->is_part[id] && !is_function(node_at(r, (int64_t)id))) take_object(r, id);
  }
  for (size_t id = 0; id < r->n; id++)
    if (!r->is_part[id] && is_function(node_at(r, (int64_t)id))) take_function(r, id);
  take_others(r);
  for (size_t id = 0; id < r->n; id++) {
    if (r->is_part[id]) continue;
    take_edges(r, id);
    take_slots(r, id);
    take_saveables(r, id);
    take_names(r, id);
  }
  take_signatures(r);
}

/* ---- Saving ---- */

static void take_tags(sm_export_options *options, const retaking *r) {
  size_t n = sm_meta_graph_n_tags(r->graph);
  const char **tags = room_for(n, sizeof *tags);
  for (size_t i = 0; i < n; i++)
    if (strcmp(sm_meta_graph_get_tag(r->graph, i), SM_TAG_SERVE) != 0)
      tags[options->n_extra_tags++] = sm_meta_graph_get_tag(r->graph, i);
  options->extra_tags = tags;
}

/* An alias is that of all traces of a function: once for the first of them. */
static void take_aliases(sm_export_options *options, const retaking *r) {
  const sm_meta_info *info;
  check(sm_meta_graph_get_info(&info, r->graph, &err));
  sm_function_alias_spec *aliases = room_for(info->n_function_aliases, sizeof *aliases);
  for (size_t id = 0; id < r->n; id++) {
    const sm_object *object = info_of(node_at(r, (int64_t)id));
    for (size_t i = 0; i < info->n_function_aliases; i++) {
      if (object->kind != SM_OBJECT_FUNCTION || !has_trace(object, info->function_aliases[i].function)) continue;
      aliases[options->n_function_aliases++] =
          (sm_function_alias_spec){info->function_aliases[i].alias, r->numbers[id]};
      break;
    }
  }
  options->function_aliases = aliases;
}

static void take_debug_info(sm_export_options *options, const retaking *r) {
  char path[4096];
  uint64_t size;
  if (sm_model_get_file_size(&size, r->model, SM_FILE_DEBUG_INFO, &err) != SM_OK) return;
  char *bytes = room_for((size_t)size, 1);
  snprintf(path, sizeof path, "%s/" SM_FILE_DEBUG_INFO, r->dir);
  FILE *file = fopen(path, "rb");
  if (file == NULL || fread(bytes, 1, (size_t)size, file) != size) abort();
  fclose(file);
  options->debug_info = (sm_string){bytes, (size_t)size};
}

static void save(const retaking *r, const char *made) {
  const sm_saver_def *saver;
  sm_save_options no_sync = SM_SAVE_OPTIONS_INIT;
  sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  options.variable_policy = SM_VARIABLE_POLICY_EXPAND_DISTRIBUTED_VARIABLES;
  options.skip_saver = sm_meta_graph_get_saver_def(&saver, r->graph, &err) != SM_OK;
  options.no_signatures = true;
  no_sync.no_sync = true;
  take_tags(&options, r);
  take_aliases(&options, r);
  take_debug_info(&options, r);
  check(sm_object_graph_save(r->objects, made, &options, &no_sync, &err));
}

int main(int argc, char **argv) {
  sm_model *model;
  if (argc != 3) return 2;
  check(sm_model_open(&model, argv[1], NULL, &err));
  retaking r = {.dir = argv[1], .model = model, .graph = sm_model_get_meta_graph(model, 0)};
  check(sm_meta_graph_n_objects(&r.n, r.graph, &err));
  if (sm_model_get_variables(&r.variables, model, &err) != SM_OK) r.variables = NULL;
  r.numbers = room_for(r.n, sizeof *r.numbers);
  r.is_part = room_for(r.n, sizeof *r.is_part);
  check(sm_object_graph_new(&r.objects, NULL, &err));
  take_all(&r);
  save(&r, argv[2]);
  sm_object_graph_free(r.objects);
  sm_model_close(model);
  free_all();
  return 0;
}
