/* Objects, made a model: everything is derived and checked, then values are written. */
#include "builder/builder_internal.h"
#include "builder/built_objects.h"
#include "builder/encode_parts.h"
#include "graph/graph_edit.h"
#include "objects/checkpoint_graph.h"

/* Fields of GraphDef and FunctionDefLibrary, of MetaInfoDef and of entries of maps. */
enum {
  GRAPH_NODE = 1,
  GRAPH_LIBRARY = 2,
  LIBRARY_FUNCTION = 1,
  INFO_TENSORFLOW_VERSION = 5,
  INFO_FUNCTION_ALIASES = 8,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2
};

static const char TENSORFLOW_VERSION[] = "2.21.0"; /* whose ways these models have */

typedef struct attachment {
  sm_object_graph *objects;
  sm_builder *builder;
  sm_export_options options;
  sm_built_layout layout;
  sm_built_wrappers wrappers;
  sm_built_main main;
  sm_buffer saved, tracked, graph_def, info;
} attachment;

/* ---- Options ---- */

static bool is_word(const char *text, const char *word) {
  for (; *text != '\0' && *word != '\0'; text++, word++) {
    char lower = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    if (lower != *word) return false;
  }
  return *text == *word;
}

sm_status sm_variable_policy_parse(sm_variable_policy *out, const char *text, sm_error *err) {
  *out = SM_VARIABLE_POLICY_NONE;
  if (text == NULL) return SM_OK;
  if (is_word(text, "save_variable_devices")) *out = SM_VARIABLE_POLICY_SAVE_VARIABLE_DEVICES;
  if (is_word(text, "expand_distributed_variables")) *out = SM_VARIABLE_POLICY_EXPAND_DISTRIBUTED_VARIABLES;
  if (*out != SM_VARIABLE_POLICY_NONE) return SM_OK;
  return SM_FAIL(err, SM_INVALID_ARGUMENT,
                 "variable policy \"%.100s\": there are save_variable_devices and expand_distributed_variables", text);
}

static sm_status read_options(sm_export_options *out, const sm_export_options *options, sm_error *err) {
  *out = (sm_export_options)SM_EXPORT_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_export_options.struct_size is 0: start from SM_EXPORT_OPTIONS_INIT");
  memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  if (!out->image_format) return SM_OK;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "image_format: no released version of TensorFlow reads such models");
}

/* ---- The graph ---- */

/* Nodes, the library, versions: in the order of their numbers. */
static sm_status put_nodes(attachment *a, sm_string made, bool is_node, sm_error *err) {
  const sm_wire_source source = {.name = "graph", .bytes = {(const uint8_t *)made.data, made.size}};
  sm_wire_reader reader = sm_wire_read(source.bytes, &source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if ((sm_wire_number(&field) == GRAPH_NODE) == is_node)
      SM_TRY(sm_buffer_put(&a->graph_def, field.whole.data, field.whole.size, err));
  return sm_wire_finish(&reader, err);
}

static sm_status strip_graph(attachment *a, sm_error *err) {
  sm_buffer stripped;
  const sm_span whole = {a->graph_def.data, a->graph_def.size};
  const sm_wire_source source = {.name = "graph", .bytes = whole};
  sm_buffer_init(&stripped, a->objects->allocator, UINT64_MAX);
  sm_status status = sm_debug_ops_strip(&stripped, (sm_spans){&whole, 1}, &source, err);
  sm_buffer_free(&a->graph_def);
  a->graph_def = stripped;
  return status;
}

static sm_status prune_graph(attachment *a, sm_error *err) {
  sm_buffer pruned;
  sm_buffer_init(&pruned, a->objects->allocator, UINT64_MAX);
  sm_status status = sm_built_prune(&pruned, &a->graph_def, &a->saved, err);
  sm_buffer_free(&a->graph_def);
  a->graph_def = pruned;
  return status;
}

static sm_status put_graph(attachment *a, sm_error *err) {
  const sm_object_graph *objects = a->objects;
  sm_string made;
  size_t library;
  SM_TRY(sm_graph_get_def(&made, a->main.graph, err));
  SM_TRY(put_nodes(a, made, true, err));
  SM_TRY(sm_wire_open(&library, &a->graph_def, GRAPH_LIBRARY, err));
  for (size_t i = 0; i < objects->function_names.n; i++)
    SM_TRY(sm_wire_put_bytes(&a->graph_def, LIBRARY_FUNCTION, objects->functions[i].def.data,
                             objects->functions[i].def.size, err));
  if (!a->options.no_custom_gradients)
    SM_TRY(sm_buffer_put(&a->graph_def, objects->gradients.data, objects->gradients.size, err));
  SM_TRY(sm_wire_close(&a->graph_def, library, err));
  return put_nodes(a, made, false, err);
}

/* ---- What is said of it ---- */

/* One for each trace of the function: save.py, _fill_meta_graph_def. */
static sm_status put_alias(attachment *a, const sm_function_alias_spec *alias, sm_error *err) {
  sm_built_object *object;
  size_t entry;
  SM_TRY(sm_built_find(&object, a->objects, alias->function, err));
  if (object->kind != SM_BUILT_FUNCTION)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "alias %.100s: %s is no function", alias->alias,
                   sm_built_place_of(a->objects, alias->function).text);
  for (size_t i = 0; i < object->functions.n; i++) {
    SM_TRY(sm_wire_open(&entry, &a->info, INFO_FUNCTION_ALIASES, err));
    SM_TRY(sm_encode_text(&a->info, ENTRY_KEY, object->functions.items[i].name, err));
    SM_TRY(sm_encode_text(&a->info, ENTRY_VALUE, sm_string_of(alias->alias), err));
    SM_TRY(sm_wire_close(&a->info, entry, err));
  }
  return SM_OK;
}

static sm_status put_info(attachment *a, sm_error *err) {
  SM_TRY(sm_encode_text(&a->info, INFO_TENSORFLOW_VERSION, sm_string_of(TENSORFLOW_VERSION), err));
  if (a->objects->op_list.size != 0)
    SM_TRY(sm_wire_put_bytes(&a->info, SM_META_INFO_STRIPPED_OP_LIST, a->objects->op_list.data,
                             a->objects->op_list.size, err));
  for (size_t i = 0; i < a->options.n_function_aliases; i++) SM_TRY(put_alias(a, &a->options.function_aliases[i], err));
  return SM_OK;
}

/* ---- Values ---- */

static sm_status write_values(attachment *a, sm_error *err) {
  const sm_string tracked = {(const char *)a->tracked.data, a->tracked.size};
  sm_bundle_writer *writer;
  sm_tensor_view view;
  SM_TRY(sm_builder_get_variables(&writer, a->builder, err));
  for (int32_t i = 0; i < a->layout.n_tracked; i++) {
    const sm_built_object *object = a->objects->objects[a->layout.tracked[i]];
    for (const sm_built_tensor *tensor = object->first_tensor; tensor != NULL; tensor = tensor->next) {
      if (!tensor->value.is_given) continue;
      sm_built_view(&view, &tensor->value);
      SM_TRY(sm_bundle_writer_add(writer, tensor->key, &view, err));
    }
  }
  view = (sm_tensor_view){.dtype = SM_DT_STRING, .data = &tracked, .size = sizeof tracked};
  return sm_bundle_writer_add(writer, SM_KEY_OBJECT_GRAPH, &view, err);
}

/* ---- All ---- */

static sm_status derive(attachment *a, sm_error *err) {
  SM_TRY(sm_built_wrap(&a->wrappers, a->objects, &a->options, err));
  SM_TRY(sm_built_check_resources(a->objects, err));
  SM_TRY(sm_built_complete(a->objects, &a->wrappers, err));
  SM_TRY(sm_built_lay_out(&a->layout, a->objects, err));
  SM_TRY(sm_built_encode_tracked(&a->tracked, a->objects, &a->layout, err));
  SM_TRY(sm_built_main_make(&a->main, a->objects, &a->layout, &a->wrappers, err));
  const sm_string tracked = {(const char *)a->tracked.data, a->tracked.size};
  if (!a->options.skip_saver) SM_TRY(sm_built_saver_make(&a->main, a->objects, &a->layout, tracked, err));
  SM_TRY(sm_built_encode(&a->saved, a->objects, &a->layout, &a->options, err));
  SM_TRY(put_graph(a, err));
  SM_TRY(prune_graph(a, err));
  if (a->options.strip_debug_ops) SM_TRY(strip_graph(a, err));
  return put_info(a, err);
}

static sm_status add_meta_graph(size_t *index, attachment *a, sm_error *err) {
  size_t n_tags = a->options.n_extra_tags + 1;
  const char **tags = sm_arena_array(&a->objects->arena, const char *, n_tags);
  if (tags == NULL) return sm_arena_fail(&a->objects->arena, n_tags * sizeof *tags, err);
  tags[0] = SM_TAG_SERVE;
  for (size_t i = 1; i < n_tags; i++) tags[i] = a->options.extra_tags[i - 1];
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = tags;
  spec.n_tags = n_tags;
  spec.graph_def = (sm_string){(const char *)a->graph_def.data, a->graph_def.size};
  spec.signatures = a->main.signatures;
  spec.n_signatures = a->main.n_signatures;
  spec.assets = a->main.assets;
  spec.n_assets = a->main.n_assets;
  spec.init_op = a->main.init_op;
  spec.saver_def = a->main.has_saver ? &a->main.saver : NULL;
  spec.no_saver = true;
  spec.strip_default_attrs = true;
  spec.meta_info_def = (sm_string){(const char *)a->info.data, a->info.size};
  spec.object_graph_def = (sm_string){(const char *)a->saved.data, a->saved.size};
  return sm_builder_add_meta_graph(index, a->builder, &spec, err);
}

/* What is wrong with a function is said with the path of the object that it is of. */
static sm_status add_checked(size_t *index, attachment *a, sm_error *err) {
  sm_error found;
  sm_status status = add_meta_graph(index, a, &found);
  if (status == SM_OK) return SM_OK;
  sm_built_add_object(&found, a->objects);
  if (err != NULL) *err = found;
  return status;
}

static sm_status attach(size_t *index, attachment *a, sm_error *err) {
  SM_TRY(derive(a, err));
  SM_TRY(add_checked(index, a, err));
  if (a->options.debug_info.data != NULL)
    SM_TRY(sm_file_plan_put(&a->builder->files, SM_FILE_DEBUG_INFO, &(sm_planned_file){.data = a->options.debug_info},
                            err));
  return write_values(a, err);
}

sm_status sm_object_graph_attach(size_t *index, sm_object_graph *objects, sm_builder *builder,
                                 const sm_export_options *options, sm_error *err) {
  attachment a = {.objects = objects, .builder = builder};
  SM_TRY(read_options(&a.options, options, err));
  SM_TRY(sm_built_check_open(objects, err));
  if (builder->n_graphs != 0)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "the model has a meta graph: objects are read from a model with one");
  SM_TRY(sm_built_check_functions(objects, &a.options, err));
  sm_status status = sm_built_move_constants(objects, &a.options, err);
  objects->is_attached = true;
  SM_TRY(status);
  sm_buffer *const buffers[] = {&a.saved, &a.tracked, &a.graph_def, &a.info};
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
    sm_buffer_init(buffers[i], objects->allocator, UINT64_MAX);
  a.main.arena = &objects->arena;
  sm_name_index_init(&a.main.names, objects->allocator);
  status = sm_graph_new(&a.main.graph, objects->allocator, err);
  if (status == SM_OK) status = attach(index, &a, err);
  sm_graph_free(a.main.graph);
  sm_name_index_free(&a.main.names);
  for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++) sm_buffer_free(buffers[i]);
  return status;
}

/* What would be missed in the end is missed before anything is written. */
static sm_status check_objects(const sm_object_graph *objects, sm_error *err) {
  SM_TRY(sm_built_check_open(objects, err));
  for (int32_t i = 0; i < objects->n_objects; i++) {
    sm_built_kind kind = objects->objects[i]->kind;
    if ((kind == SM_BUILT_VARIABLE || kind == SM_BUILT_SLOT) && !objects->objects[i]->value.is_given)
      return SM_FAIL(err, SM_INVALID_ARGUMENT, "variable %s has no value", sm_built_place_of(objects, i).text);
  }
  return SM_OK;
}

sm_status sm_object_graph_save(sm_object_graph *objects, const char *dir, const sm_export_options *options,
                               const sm_save_options *save, sm_error *err) {
  sm_builder *builder;
  SM_TRY(check_objects(objects, err));
  SM_TRY(sm_builder_open(&builder, dir, save, err));
  sm_status status = sm_object_graph_attach(NULL, objects, builder, options, err);
  if (status == SM_OK) status = sm_builder_finish(builder, err);
  sm_builder_close(builder);
  return status;
}
