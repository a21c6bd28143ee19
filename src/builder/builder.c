#include "builder/builder_internal.h"
#include "model/fingerprint.h"

/* ---- Opening and closing ---- */

static sm_status read_options(sm_save_options *out, const sm_save_options *options, sm_error *err) {
  SM_TRY(sm_save_options_read(out, options, err));
  if (out->overwrite && out->in_place)
    return SM_FAIL(err, SM_INVALID_ARGUMENT, "sm_save_options: overwrite or in_place, not both");
  return SM_OK;
}

sm_status sm_builder_open(sm_builder **out, const char *dir, const sm_save_options *options, sm_error *err) {
  sm_save_options known;
  *out = NULL;
  if (dir == NULL) return SM_FAIL(err, SM_INVALID_ARGUMENT, "dir is NULL");
  SM_TRY(read_options(&known, options, err));
  sm_builder *builder = sm_new(known.allocator, sm_builder);
  if (builder == NULL) return SM_FAIL_OOM(err, sizeof *builder);
  builder->allocator = known.allocator;
  builder->options = known;
  builder->local = (sm_root){.fs = sm_fs_local(), .dir = ""};
  sm_arena_init(&builder->arena, known.allocator, UINT64_MAX);
  sm_file_plan_init(&builder->files, &builder->arena, known.allocator);
  sm_transaction_kind kind = known.in_place    ? SM_TRANSACTION_IN_PLACE
                             : known.overwrite ? SM_TRANSACTION_OVERWRITE
                                               : SM_TRANSACTION_NEW;
  sm_transaction_options how = {.fs = known.fs, .allocator = known.allocator, .no_sync = known.no_sync};
  sm_status status = sm_transaction_open(&builder->transaction, dir, kind, &how, err);
  if (status != SM_OK)
    sm_builder_close(builder);
  else
    *out = builder;
  return status;
}

void sm_builder_close(sm_builder *builder) {
  if (builder == NULL) return;
  sm_bundle_writer_close(builder->variables);
  sm_bundle_reader_close(builder->linked);
  sm_transaction_close(&builder->transaction);
  sm_file_plan_free(&builder->files);
  sm_free(builder->allocator, builder->graphs);
  sm_arena_free(&builder->arena);
  sm_free(builder->allocator, builder);
}

/* ---- Meta graphs ---- */

sm_status sm_builder_check_open(const sm_builder *builder, sm_error *err) {
  if (!builder->is_over && !builder->is_damaged) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: the model %s", builder->transaction.dir,
                 builder->is_over ? "is finished" : "lost its variables when a change failed");
}

sm_status sm_builder_find_graph(sm_built_graph **out, sm_builder *builder, size_t graph, sm_error *err) {
  SM_TRY(sm_builder_check_open(builder, err));
  if (graph >= builder->n_graphs)
    return SM_FAIL(err, SM_NOT_FOUND, "meta graph %zu: there are %zu", graph, builder->n_graphs);
  *out = builder->graphs[graph];
  if ((*out)->is_removed) return SM_FAIL(err, SM_NOT_FOUND, "meta graph %zu: it was removed", graph);
  return SM_OK;
}

sm_status sm_builder_new_graph(sm_built_graph **out, sm_builder *builder, sm_error *err) {
  if (builder->n_graphs == builder->graphs_capacity) {
    sm_built_graph **graphs =
        sm_grow(builder->allocator, builder->graphs, &builder->graphs_capacity, sizeof *builder->graphs);
    if (graphs == NULL) return SM_FAIL_OOM(err, 2 * builder->graphs_capacity * sizeof *graphs);
    builder->graphs = graphs;
  }
  *out = sm_arena_new(&builder->arena, sm_built_graph);
  return *out != NULL ? SM_OK : sm_arena_fail(&builder->arena, sizeof **out, err);
}

/* ---- Variables ---- */

static const char INDEX[] = SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX ".index";

sm_status sm_builder_check_no_variables(const sm_builder *builder, sm_error *err) {
  const char *dir = builder->transaction.dir;
  if (builder->options.in_place)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: in place the variables stay as they are", dir);
  if (builder->variables != NULL || sm_file_plan_find(&builder->files, sm_string_of(INDEX)) != NULL)
    return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: the model has variables already", dir);
  return SM_OK;
}

sm_status sm_builder_get_variables(sm_bundle_writer **out, sm_builder *builder, sm_error *err) {
  char prefix[SM_PATH_MAX];
  *out = builder->variables;
  SM_TRY(sm_builder_check_open(builder, err));
  if (builder->variables != NULL) return SM_OK;
  SM_TRY(sm_builder_check_no_variables(builder, err));
  SM_TRY(sm_transaction_make_dir(&builder->transaction, SM_DIR_VARIABLES, err));
  SM_TRY(sm_builder_get_prefix(prefix, builder, err));
  sm_save_options options = builder->options;
  options.overwrite = false;
  SM_TRY(sm_bundle_writer_open(&builder->variables, prefix, &options, err));
  *out = builder->variables;
  return SM_OK;
}

/* Tensors that can be left where they are become second names of their files; those of V1, and of the other byte order,
 * are written anew. */
static sm_status take_tensors(sm_bundle_writer *writer, const sm_bundle_reader *reader, bool may_link, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, reader, NULL, err));
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  while (status == SM_OK && entry != NULL) {
    status = may_link ? sm_bundle_writer_link(writer, NULL, reader, entry, err)
                      : sm_bundle_writer_copy(writer, NULL, reader, entry, err);
    if (status == SM_OK) status = sm_bundle_iter_next(&entry, iter, err);
  }
  sm_bundle_iter_free(iter);
  return status;
}

sm_status sm_builder_link_variables(sm_builder *builder, const char *prefix, const sm_open_options *options,
                                    sm_error *err) {
  sm_bundle_writer *writer;
  SM_TRY(sm_builder_check_open(builder, err));
  SM_TRY(sm_builder_check_no_variables(builder, err));
  SM_TRY(sm_bundle_reader_open(&builder->linked, prefix, options, err));
  SM_TRY(sm_builder_get_variables(&writer, builder, err));
  const sm_bundle_header *header = sm_bundle_reader_get_header(builder->linked);
  bool may_link = header->format == 2 && header->big_endian == builder->options.big_endian;
  return take_tensors(writer, builder->linked, may_link, err);
}

/* ---- Finishing ---- */

/* Everything of a model that was taken over but its meta graphs stands where it stood. */
static sm_status put_graph(sm_buffer *out, sm_built_graph *graph, sm_error *err) {
  sm_spans spans;
  size_t size = sm_draft_size(&graph->draft);
  if (graph->is_removed) return SM_OK;
  if (size > INT32_MAX)
    return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "a meta graph of %zu bytes: protobuf allows 2^31-1", size);
  SM_TRY(sm_draft_spans(&spans, &graph->draft, err));
  SM_TRY(sm_buffer_reserve(out, SM_DRAFT_HEAD_SIZE + size, err));
  SM_TRY(sm_wire_put_tag(out, SM_SAVED_MODEL_META_GRAPH, SM_WIRE_BYTES, err));
  SM_TRY(sm_wire_put_raw_varint(out, size, err));
  for (size_t i = 0; i < spans.n; i++) SM_TRY(sm_buffer_put(out, spans.items[i].data, spans.items[i].size, err));
  return SM_OK;
}

static sm_status put_model(sm_buffer *out, const sm_builder *builder, sm_error *err) {
  size_t n = 0;
  if (builder->model != NULL) {
    const sm_wire_source *source = sm_model_get_source(builder->model);
    sm_wire_reader reader = sm_wire_read(source->bytes, source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag == SM_WIRE_TAG(SM_SAVED_MODEL_META_GRAPH, SM_WIRE_BYTES))
        SM_TRY(put_graph(out, builder->graphs[n++], err));
      else
        SM_TRY(sm_buffer_put(out, field.whole.data, field.whole.size, err));
    }
    SM_TRY(sm_wire_finish(&reader, err));
  } else {
    SM_TRY(sm_wire_put_varint(out, SM_SAVED_MODEL_SCHEMA_VERSION, SM_SCHEMA_VERSION, err));
  }
  for (; n < builder->n_graphs; n++) SM_TRY(put_graph(out, builder->graphs[n], err));
  if (out->size <= INT32_MAX) return SM_OK;
  return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: %zu bytes: protobuf allows 2^31-1", builder->transaction.dir,
                 out->size);
}

static sm_status put_text(void *ctx, const void *data, size_t size, sm_error *err) {
  return sm_buffer_put(ctx, data, size, err);
}

static sm_status make_text(sm_buffer *text, sm_buffer *bytes, const sm_allocator *allocator, sm_error *err) {
  sm_arena arena;
  sm_span message = {bytes->data, bytes->size};
  const sm_wire_source source = {.name = SM_FILE_SAVED_MODEL_PB, .bytes = message};
  sm_arena_init(&arena, allocator, UINT64_MAX);
  sm_status status = sm_text_write(&tensorflow__saved_model__descriptor, message, &source, &arena, put_text, text, err);
  sm_arena_free(&arena);
  return status;
}

/* Of the model as it will be; nothing where TensorFlow has none either. */
static sm_status make_fingerprint(sm_buffer *out, const sm_builder *builder, const sm_buffer *bytes, sm_error *err) {
  sm_arena arena;
  sm_bytes index = {NULL};
  sm_fingerprint made;
  sm_error failure;
  sm_span message = {bytes->data, bytes->size}, index_bytes;
  const sm_wire_source source = {.name = SM_FILE_SAVED_MODEL_PB, .bytes = message};
  const sm_root root = {.fs = builder->options.fs, .dir = builder->transaction.staged};
  sm_status status = sm_bytes_load(&index, &root, INDEX, UINT64_MAX, builder->allocator, &failure);
  bool has_index = status == SM_OK;
  index_bytes = (sm_span){index.data, index.size};
  sm_arena_init(&arena, builder->allocator, UINT64_MAX);
  if (has_index || status == SM_NOT_FOUND)
    status = sm_fingerprint_compute(&made, message, has_index ? &index_bytes : NULL, &source, &arena, &failure);
  if (status == SM_OK) status = sm_fingerprint_write(out, &made, &failure);
  sm_arena_free(&arena);
  sm_bytes_unload(&index);
  if (status == SM_FAILED_PRECONDITION) return SM_OK;
  return sm_error_pass(err, status, &failure);
}

static sm_status put_fingerprint(sm_builder *builder, const sm_buffer *bytes, sm_error *err) {
  sm_buffer made;
  sm_transaction *transaction = &builder->transaction;
  sm_buffer_init(&made, builder->allocator, UINT64_MAX);
  sm_status status = builder->options.no_fingerprint ? SM_OK : make_fingerprint(&made, builder, bytes, err);
  sm_string text = {(const char *)made.data, made.size};
  if (status == SM_OK && made.size != 0)
    status = sm_transaction_put(transaction, SM_FILE_FINGERPRINT, text, false, err);
  else if (status == SM_OK && builder->options.in_place) /* that of another model would be left */
    status = sm_transaction_remove(transaction, SM_FILE_FINGERPRINT, err);
  sm_buffer_free(&made);
  return status;
}

static sm_status put_files(sm_builder *builder, sm_error *err) {
  sm_transaction *transaction = &builder->transaction;
  for (size_t i = 0; i < builder->files.n; i++) {
    const sm_planned_file *file = &builder->files.files[i];
    if (file->is_removed || (file->is_kept && builder->options.in_place)) continue;
    SM_TRY(file->root != NULL
               ? sm_transaction_put_file(transaction, file->name.data, file->root, file->from.data, file->may_link, err)
               : sm_transaction_put(transaction, file->name.data, file->data, false, err));
  }
  return SM_OK;
}

/* In place: what the changed model does not have any more. saved_model: the form of it that was written; NULL: none was. */
static sm_status remove_files(sm_builder *builder, const char *saved_model, sm_error *err) {
  static const char *const forms[] = {SM_FILE_SAVED_MODEL_PB, SM_FILE_SAVED_MODEL_PBTXT, SM_FILE_SAVED_MODEL_CPB};
  if (!builder->options.in_place) return SM_OK;
  for (size_t i = 0; saved_model != NULL && i < sizeof forms / sizeof forms[0]; i++)
    if (strcmp(forms[i], saved_model) != 0) SM_TRY(sm_transaction_remove(&builder->transaction, forms[i], err));
  for (size_t i = 0; i < builder->files.n; i++) {
    const sm_planned_file *file = &builder->files.files[i];
    if (file->is_removed && sm_file_plan_find(&builder->files, file->name) == NULL)
      SM_TRY(sm_transaction_remove(&builder->transaction, file->name.data, err));
  }
  return SM_OK;
}

/* Are the meta graphs those of the model that was taken over, in a form that will do? */
static bool is_same_model(const sm_builder *builder) {
  if (builder->model == NULL || builder->n_graphs != sm_model_n_meta_graphs(builder->model)) return false;
  if (sm_model_get_root(builder->model)->dir == NULL) return false; /* opened from a buffer: there is no file */
  static const char text[] = ".pbtxt";
  const char *name = sm_model_get_source(builder->model)->name;
  size_t size = strlen(name), text_size = sizeof text - 1;
  bool is_text = size > text_size && strcmp(name + size - text_size, text) == 0;
  if (builder->options.as_text && !is_text) return false;
  for (size_t i = 0; i < builder->n_graphs; i++)
    if (builder->graphs[i]->is_removed || builder->graphs[i]->is_changed) return false;
  return true;
}

/* Every form of it that there is, and its fingerprint, as they are; not linked, for others may write to such files. */
static sm_status write_same_model(sm_builder *builder, sm_error *err) {
  static const char *const names[] = {SM_FILE_FINGERPRINT, SM_FILE_SAVED_MODEL_CPB, SM_FILE_SAVED_MODEL_PBTXT,
                                      SM_FILE_SAVED_MODEL_PB};
  const sm_root *root = sm_model_get_root(builder->model);
  SM_TRY(put_files(builder, err));
  for (size_t i = builder->options.no_fingerprint; i < sizeof names / sizeof names[0]; i++) {
    uint64_t size;
    sm_error failure;
    if (builder->options.in_place) continue;
    sm_status status = sm_model_get_file_size(&size, builder->model, names[i], &failure);
    if (status == SM_NOT_FOUND) continue;
    SM_TRY(sm_transaction_put_file(&builder->transaction, names[i], root, names[i], false, err));
  }
  SM_TRY(remove_files(builder, NULL, err));
  return sm_transaction_commit(&builder->transaction, err);
}

/* The SavedModel itself comes last. */
static sm_status write_model(sm_builder *builder, sm_buffer *bytes, sm_buffer *text, sm_error *err) {
  bool as_text = builder->options.as_text;
  const char *name = as_text ? SM_FILE_SAVED_MODEL_PBTXT : SM_FILE_SAVED_MODEL_PB;
  if (is_same_model(builder)) return write_same_model(builder, err);
  SM_TRY(put_model(bytes, builder, err));
  if (as_text) SM_TRY(make_text(text, bytes, builder->allocator, err));
  SM_TRY(put_files(builder, err));
  SM_TRY(sm_builder_check_variables(builder, err));
  SM_TRY(put_fingerprint(builder, bytes, err));
  const sm_buffer *written = as_text ? text : bytes;
  SM_TRY(sm_transaction_put(&builder->transaction, name, (sm_string){(const char *)written->data, written->size}, true,
                            err));
  SM_TRY(remove_files(builder, name, err));
  return sm_transaction_commit(&builder->transaction, err);
}

/* A model without meta graphs can be copied, not made. */
static sm_status check_complete(const sm_builder *builder, sm_error *err) {
  if (is_same_model(builder)) return SM_OK;
  for (size_t i = 0; i < builder->n_graphs; i++)
    if (!builder->graphs[i]->is_removed) return SM_OK;
  return SM_FAIL(err, SM_FAILED_PRECONDITION, "%s: no meta graph", builder->transaction.dir);
}

sm_status sm_builder_finish(sm_builder *builder, sm_error *err) {
  sm_buffer bytes, text;
  SM_TRY(sm_builder_check_open(builder, err));
  builder->is_over = true;
  SM_TRY(check_complete(builder, err));
  if (builder->variables != NULL) SM_TRY(sm_bundle_writer_finish(builder->variables, err));
  sm_buffer_init(&bytes, builder->allocator, UINT64_MAX);
  sm_buffer_init(&text, builder->allocator, UINT64_MAX);
  sm_status status = write_model(builder, &bytes, &text, err);
  sm_buffer_free(&bytes);
  sm_buffer_free(&text);
  return status;
}
