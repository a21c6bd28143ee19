#include "builder/to_v2.h"

#include "objects/checkpoint_graph.h"
#include "objects/tracked_write.h"
#include "tensor/slice.h"

/* ---- Checks ---- */

static sm_status read_options(sm_objects_options *out, const sm_objects_options *options, sm_error *err) {
  *out = (sm_objects_options)SM_OBJECTS_OPTIONS_INIT;
  if (options == NULL) return SM_OK;
  if (options->struct_size == 0)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_objects_options.struct_size is 0: start from SM_OBJECTS_OPTIONS_INIT");
  memcpy(out, options, options->struct_size < sizeof *out ? options->struct_size : sizeof *out);
  return SM_OK;
}

static sm_status check_builder(const sm_builder *builder, size_t graph, sm_error *err) {
  const char *dir = builder->transaction.dir;
  if (builder->options.in_place || builder->variables != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: a model cannot get objects %s", dir,
                   builder->options.in_place ? "in place" : "when it gets new variables");
  if (builder->model == NULL) return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: no model was taken over", dir);
  for (size_t i = 0; i < builder->n_graphs; i++)
    if (i != graph && !builder->graphs[i]->is_removed)
      return SM_FAIL(err, SM_FAILED_PRECONDITION,
                     "%s: there is another meta graph, %zu: objects are read from a model with a single one", dir, i);
  return SM_OK;
}

/* ---- The graph ---- */

static sm_status count_captures(size_t *out, const sm_conversion *c, sm_error *err) {
  sm_spans assets;
  SM_TRY(sm_draft_get(&assets, &c->edit.draft, SM_META_GRAPH_ASSET, err));
  *out = assets.n;
  for (size_t i = 0; i < c->reach.n_nodes; i++) {
    sm_string op;
    SM_TRY(sm_node_get_op(&op, c->reach.nodes[i].bytes, c->source, err));
    *out += sm_string_equal(op, sm_string_of("VarHandleOp"));
  }
  *out += c->n_tables;
  return SM_OK;
}

static sm_status define_ops(sm_conversion *c, sm_error *err) {
  sm_draft info;
  sm_spans op_lists, graph_def;
  SM_TRY(sm_draft_open(&info, &c->edit.draft, SM_META_GRAPH_INFO, err));
  SM_TRY(sm_draft_get(&op_lists, &info, SM_META_INFO_STRIPPED_OP_LIST, err));
  SM_TRY(sm_draft_get(&graph_def, &c->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_graph_index_functions(&c->library, graph_def, c->source, c->arena, err));
  return sm_op_defs_add(&c->defs, op_lists, &c->library, c->source, err);
}

static sm_status open_graph(sm_conversion *c, sm_error *err) {
  SM_TRY(define_ops(c, err));
  SM_TRY(sm_convert_references(c, err));
  SM_TRY(sm_draft_get(&c->graph_def, &c->edit.draft, SM_META_GRAPH_GRAPH, err));
  SM_TRY(sm_reach_init(&c->reach, c->graph_def, 0, c->source, c->arena, err));
  SM_TRY(sm_cut_graph_init(&c->cut, c->graph_def, &c->library, &c->defs, c->source, c->arena, err));
  for (size_t i = 0; i < c->library.n; i++) /* so that new ones get other names */
    SM_TRY(sm_built_library_put(c->objects, c->library.functions[i].name, c->library.functions[i].def, err));
  c->n_functions = c->objects->function_names.n;
  return SM_OK;
}

/* Each function that is cut takes a walk over what it may capture: many of both would take very long. No model of TensorFlow
 * comes near. */
static sm_status check_work(const sm_conversion *c, size_t n_captures, sm_error *err) {
  enum { MAX_STEPS = 1 << 28, FUNCTIONS_OF_A_TABLE = 3 };
  sm_spans signatures;
  size_t steps;
  SM_TRY(sm_draft_get(&signatures, &c->edit.draft, SM_META_GRAPH_SIGNATURE, err));
  size_t n_functions = signatures.n + c->n_tables * FUNCTIONS_OF_A_TABLE + 1;
  if (sm_mul_size(n_functions, n_captures + c->reach.n_nodes, &steps) && steps <= MAX_STEPS) return SM_OK;
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%zu functions of a graph of %zu nodes, %zu of them captured: too many",
                 n_functions, c->reach.n_nodes, n_captures);
}

static sm_status make_objects(sm_conversion *c, sm_error *err) {
  size_t n;
  SM_TRY(sm_convert_find_files_and_tables(c, err));
  SM_TRY(count_captures(&n, c, err));
  SM_TRY(check_work(c, n, err));
  c->captures = sm_arena_array(c->arena, sm_cut_arg, n);
  c->captured = sm_arena_array(c->arena, int32_t, n);
  if (c->captures == NULL || c->captured == NULL) return sm_arena_fail(c->arena, n * sizeof *c->captures, err);
  SM_TRY(sm_convert_variables(c, err));
  SM_TRY(sm_convert_assets(c, err));
  SM_TRY(sm_convert_tables(c, err));
  SM_TRY(sm_convert_init_op(c, err));
  return sm_convert_signatures(c, err);
}

/* ---- The meta graph ---- */

/* Lists have all variables, and would be the shortest way to those that lie deep: but these are called by their names. Those
 * without a value are saved under none. */
static sm_status name_values(const sm_conversion *c, sm_error *err) {
  sm_object_graph *objects = c->objects;
  for (size_t i = 0; i < c->n_variables; i++)
    if (c->variables[i].key.data == NULL) objects->objects[c->variables[i].object]->first_tensor = NULL;
  for (int32_t i = 1; i < objects->n_objects; i++) {
    sm_built_object *object = objects->objects[i];
    sm_built_tensor *value = object->first_tensor;
    SM_TRY(sm_child_path(&object->path, objects->objects[object->parent]->path, object->name, &objects->arena, err));
    if (value == NULL) continue;
    SM_TRY(sm_object_key(&value->key, object->path, sm_string_of(SM_ATTRIBUTE_VALUE), &objects->arena, err));
    value->attribute_key = value->key;
  }
  return SM_OK;
}

static sm_status add_functions(sm_conversion *c, sm_error *err) {
  sm_edit_library library;
  SM_TRY(sm_edit_open_library(&library, &c->edit.draft, err));
  for (size_t i = c->n_functions; i < c->objects->function_names.n; i++) {
    sm_draft function;
    SM_TRY(sm_draft_read(&function, (sm_spans){&c->objects->functions[i].def, 1}, c->arena, c->source, err));
    SM_TRY(sm_draft_add(&library.library, SM_LIBRARY_FUNCTION, &function, err));
  }
  return sm_edit_close_library(&c->edit.draft, &library, err);
}

/* ---- The checkpoint ---- */

static sm_status take_tensor(const sm_conversion *c, sm_bundle_writer *writer, const char *key,
                             const sm_bundle_entry *entry, sm_error *err) {
  const sm_bundle_header *header = sm_bundle_reader_get_header(c->reader);
  bool may_link = header->format == 2 && header->big_endian == c->builder->options.big_endian;
  return may_link ? sm_bundle_writer_link(writer, key, c->reader, entry, err)
                  : sm_bundle_writer_copy(writer, key, c->reader, entry, err);
}

static sm_status take_tensors(const sm_conversion *c, sm_bundle_writer *writer, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, c->reader, NULL, err));
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  while (status == SM_OK && entry != NULL) {
    if (!sm_string_equal(entry->key, sm_string_of(SM_KEY_OBJECT_GRAPH)))
      status = take_tensor(c, writer, NULL, entry, err);
    if (status == SM_OK) status = sm_bundle_iter_next(&entry, iter, err);
  }
  sm_bundle_iter_free(iter);
  return status;
}

/* Is one of them the other by a second name? */
static bool is_same(const sm_bundle_entry *a, const sm_bundle_entry *b) {
  return sm_string_equal(a->key, b->key) || (a->shard >= 0 && a->shard == b->shard && a->offset == b->offset &&
                                             a->size == b->size && a->dtype == b->dtype);
}

static sm_status read_part(sm_tensor **out, const sm_conversion *c, const sm_bundle_entry *entry,
                           const sm_shape_and_slice *part, sm_error *err) {
  const sm_slice_spec slice = {.extents = part->extents, .n_extents = (size_t)part->rank};
  return sm_bundle_reader_read_entry_tensor(out, c->reader, entry, &slice, err);
}

/* A part of a tensor is one of its own now, and is copied. */
static sm_status put_part(const sm_conversion *c, sm_bundle_writer *writer, const char *key,
                          const sm_bundle_entry *entry, const sm_shape_and_slice *part, sm_error *err) {
  sm_tensor *tensor;
  SM_TRY(read_part(&tensor, c, entry, part, err));
  sm_status status = sm_bundle_writer_add(writer, key, sm_tensor_get_view(tensor), err);
  sm_tensor_free(tensor);
  return status;
}

/* Is it the copy of the part? */
static sm_status is_same_part(bool *out, const sm_conversion *c, const sm_bundle_entry *entry,
                              const sm_shape_and_slice *part, const sm_bundle_entry *other, sm_error *err) {
  sm_tensor *a, *b;
  *out = false;
  if (part->rank < 0 || sm_dtype_size(entry->dtype) == 0) return SM_OK;
  SM_TRY(read_part(&a, c, entry, part, err));
  sm_status status = sm_bundle_reader_read_entry_tensor(&b, c->reader, other, NULL, err);
  if (status == SM_OK) {
    const sm_tensor_view *left = sm_tensor_get_view(a), *right = sm_tensor_get_view(b);
    *out = left->dtype == right->dtype && left->size == right->size &&
           (left->size == 0 || memcmp(left->data, right->data, left->size) == 0);
    sm_tensor_free(b);
  }
  sm_tensor_free(a);
  return status;
}

/* The second name of a variable's tensor. It is there already when the model had an object graph before. */
static sm_status name_tensor(const sm_conversion *c, sm_bundle_writer *writer, const sm_converted *variable,
                             sm_error *err) {
  sm_bundle_entry entry, other;
  sm_shape_and_slice part;
  sm_error failure;
  const char *key = c->objects->objects[variable->object]->first_tensor->key;
  SM_TRY(sm_bundle_reader_find_n(&entry, c->reader, variable->key, err));
  SM_TRY(sm_shape_and_slice_read(&part, variable->slice, err));
  sm_status status = sm_bundle_reader_find(&other, c->reader, key, &failure);
  if (status == SM_NOT_FOUND)
    return part.rank < 0 ? take_tensor(c, writer, key, &entry, err) : put_part(c, writer, key, &entry, &part, err);
  SM_TRY(sm_error_pass(err, status, &failure));
  bool is_there = is_same(&entry, &other);
  if (!is_there) SM_TRY(is_same_part(&is_there, c, &entry, &part, &other, err));
  if (is_there) return SM_OK;
  return SM_FAIL(err, SM_ALREADY_EXISTS, "variable %.*s: the checkpoint has another tensor %.200s",
                 SM_SHOWN(variable->node), key);
}

static sm_status write_tensors(const sm_conversion *c, const sm_buffer *tracked, sm_error *err) {
  sm_bundle_writer *writer;
  const sm_string graph = {(const char *)tracked->data, tracked->size};
  SM_TRY(sm_builder_get_variables(&writer, c->builder, err));
  if (c->reader != NULL) SM_TRY(take_tensors(c, writer, err));
  for (size_t i = 0; i < c->n_variables; i++)
    if (c->variables[i].key.data != NULL) SM_TRY(name_tensor(c, writer, &c->variables[i], err));
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &graph, .size = sizeof graph};
  return sm_bundle_writer_add(writer, SM_KEY_OBJECT_GRAPH, &view, err);
}

/* The old checkpoint has been given up when a new one cannot be written. */
static sm_status write_checkpoint(const sm_conversion *c, const sm_buffer *tracked, sm_error *err) {
  (void)sm_file_plan_remove(&c->builder->files, SM_DIR_VARIABLES);
  sm_status status = write_tensors(c, tracked, err);
  c->builder->is_damaged = status != SM_OK;
  return status;
}

/* ---- All ---- */

static sm_status put_all(sm_conversion *c, sm_buffer *saved, sm_buffer *tracked, sm_error *err) {
  const sm_export_options options = SM_EXPORT_OPTIONS_INIT;
  sm_built_layout layout;
  SM_TRY(sm_built_complete(c->objects, &c->signatures, err));
  SM_TRY(sm_built_lay_out(&layout, c->objects, err));
  SM_TRY(name_values(c, err));
  SM_TRY(sm_built_encode_tracked(tracked, c->objects, &layout, err));
  SM_TRY(sm_built_encode(saved, c->objects, &layout, &options, err));
  SM_TRY(sm_draft_set(&c->edit.draft, SM_META_GRAPH_OBJECT_GRAPH, (sm_span){saved->data, saved->size}, err));
  SM_TRY(add_functions(c, err));
  return write_checkpoint(c, tracked, err);
}

static sm_status convert(sm_conversion *c, sm_error *err) {
  sm_buffer saved, tracked;
  SM_TRY(open_graph(c, err));
  SM_TRY(make_objects(c, err));
  sm_buffer_init(&saved, c->arena->allocator, UINT64_MAX);
  sm_buffer_init(&tracked, c->arena->allocator, UINT64_MAX);
  sm_status status = put_all(c, &saved, &tracked, err);
  sm_buffer_free(&tracked);
  sm_buffer_free(&saved);
  return status;
}

/* In an object graph that lives as long as the conversion, with definitions of operations that do. */
static sm_status convert_with_objects(sm_conversion *c, sm_error *err) {
  SM_TRY(sm_object_graph_new(&c->objects, c->arena->allocator, err));
  sm_op_defs_init(&c->defs, c->arena->allocator, UINT64_MAX);
  sm_status status = convert(c, err);
  sm_op_defs_free(&c->defs);
  sm_object_graph_free(c->objects);
  return status;
}

sm_status sm_builder_add_object_graph(sm_builder *builder, size_t graph, const sm_objects_options *options,
                                      sm_error *err) {
  sm_conversion c = {.builder = builder, .arena = &builder->arena};
  sm_spans objects;
  sm_error failure;
  SM_TRY(read_options(&c.options, options, err));
  SM_TRY(sm_edit_begin(&c.edit, builder, graph, err));
  SM_TRY(sm_draft_get(&objects, &c.edit.draft, SM_META_GRAPH_OBJECT_GRAPH, err));
  if (objects.n != 0) return SM_OK;
  SM_TRY(check_builder(builder, graph, err));
  /* A frozen one leaves the variables behind, which are constants now. */
  bool is_frozen = c.edit.graph->is_frozen;
  sm_status status = is_frozen ? SM_NOT_FOUND : sm_model_get_variables(&c.reader, builder->model, &failure);
  if (status == SM_NOT_FOUND)
    c.reader = NULL;
  else
    SM_TRY(sm_error_pass(err, status, &failure));
  c.source = c.edit.draft.source;
  SM_TRY(convert_with_objects(&c, err));
  sm_edit_commit(&c.edit);
  return SM_OK;
}
