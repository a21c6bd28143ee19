/* sm_model_scan_files: models under other names, and Keras's own file. */
#include <savedmodel/pb/graph.pb-c.h>
#include <savedmodel/pb/meta_graph.pb-c.h>
#include <savedmodel/pb/saved_model.pb-c.h>

#include "codec/varint.h"
#include "graph/op_effects.h"
#include "model/alias_fs.h"
#include "model/keras_metadata.h"
#include "model/model_internal.h"
#include "model/scan_internal.h"
#include "wire/text.h"

/* Fields of GraphDef, FunctionDefLibrary: proto/graph.proto, function.proto. */
enum { GRAPH_NODE = 1, GRAPH_LIBRARY = 2, LIBRARY_FUNCTION = 1 };

/* Fields of keras_metadata.pb: SavedMetadata and its SavedObject (keras/protobuf/saved_metadata.proto). */
enum { METADATA_NODE = 1, METADATA_OBJECT_PATH = 3, METADATA_OBJECT_JSON = 5 };

static const char KERAS_METADATA[] = "keras_metadata.pb";

/* No protobuf runtime reads a message of more bytes. */
static const uint64_t MAX_MESSAGE_SIZE = INT32_MAX;

typedef struct scan {
  const sm_model *model;
  sm_scan_options options;
  sm_scan_fn fn;
  void *fn_ctx;
} scan;

static sm_status report_file(const scan *s, const char *file, const char *reason, sm_error *err) {
  sm_scan_finding finding = {
      .kind = SM_SCAN_FINDING_FILE, .effects = SM_EFFECT_UNKNOWN, .file = file, .reason = reason};
  finding.op = finding.node = finding.function = (sm_string){"", 0};
  return s->fn(s->fn_ctx, &finding, err);
}

/* ---- Is it a graph? ---- */

/* True when a message is well formed and a field of that number in it passes the test. */
typedef bool (*test_fn)(sm_span message, const sm_wire_source *source);

static bool has_field(sm_span message, uint32_t number, test_fn passes, const sm_wire_source *source) {
  bool found = false;
  sm_wire_reader reader = sm_wire_read(message, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (!found && field.tag == SM_WIRE_TAG(number, SM_WIRE_BYTES)) found = passes(field.bytes, source);
  return sm_wire_finish(&reader, NULL) == SM_OK && found;
}

/* One of TensorFlow's own: any other message with a short text as second field could be a node of a custom operation, and
 * what has not a single constant or placeholder beside those is no graph that anything would load. */
static bool is_node(sm_span message, const sm_wire_source *source) {
  sm_string op;
  const char *reason;
  return sm_node_get_op(&op, message, source, NULL) == SM_OK && sm_op_find_effects(&reason, op) != SM_EFFECT_UNKNOWN;
}

static bool is_function(sm_span message, const sm_wire_source *source) {
  return has_field(message, SM_FUNCTION_NODE, is_node, source);
}

static bool is_library(sm_span message, const sm_wire_source *source) {
  return has_field(message, LIBRARY_FUNCTION, is_function, source);
}

static bool is_graph_def(sm_span message, const sm_wire_source *source) {
  return has_field(message, GRAPH_NODE, is_node, source) || has_field(message, GRAPH_LIBRARY, is_library, source);
}

static bool is_meta_graph_def(sm_span message, const sm_wire_source *source) {
  return has_field(message, META_GRAPH_GRAPH, is_graph_def, source);
}

static bool is_saved_model(sm_span message, const sm_wire_source *source) {
  return has_field(message, SAVED_MODEL_META_GRAPH, is_meta_graph_def, source);
}

/* ---- Binary files ---- */

static sm_status scan_opened(const scan *s, const char *file, const sm_model *model, sm_error *err) {
  for (size_t i = 0; i < model->n_meta_graphs; i++)
    SM_TRY(sm_meta_graph_scan_as(&model->meta_graphs[i], file, &s->options, s->fn, s->fn_ctx, err));
  return SM_OK;
}

/* Did looking through the file fail for what is in it, and not for what the machine or the caller did? */
static bool is_about_the_file(sm_status status) {
  return status == SM_DATA_LOSS || status == SM_UNIMPLEMENTED || status == SM_FAILED_PRECONDITION;
}

static sm_status scan_saved_model(const scan *s, const char *file, sm_span bytes, sm_error *err) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = s->model->allocator;
  options.max_bytes = s->model->arena.max_bytes;
  sm_error failure;
  sm_model *model;
  sm_status status = sm_model_open_buffer(&model, bytes.data, bytes.size, &options, &failure);
  if (status == SM_OK) status = scan_opened(s, file, model, &failure);
  sm_model_close(model);
  if (is_about_the_file(status)) return report_file(s, file, "holds a graph that is damaged", err);
  if (status != SM_OK && err != NULL) *err = failure;
  return status;
}

/* Fields of a message around bytes: "12 len" for each level. */
static uint8_t *put_header(uint8_t *dst, uint64_t size) {
  *dst++ = (uint8_t)SM_WIRE_TAG(SAVED_MODEL_META_GRAPH, SM_WIRE_BYTES);
  return sm_varint_write(dst, size);
}

/* A graph as the SavedModel with nothing else: META_GRAPH_GRAPH and SAVED_MODEL_META_GRAPH are the same number, so
 * levels headers do. */
static sm_status scan_wrapped(const scan *s, const char *file, sm_span bytes, unsigned levels, sm_error *err) {
  if (levels == 0) return scan_saved_model(s, file, bytes, err);
  enum { HEADER = 1 + SM_VARINT_MAX_SIZE };
  uint8_t inner[HEADER], outer[HEADER];
  size_t inner_size = levels > 1 ? (size_t)(put_header(inner, bytes.size) - inner) : 0;
  size_t outer_size = (size_t)(put_header(outer, inner_size + bytes.size) - outer), size;
  if (!sm_add_size(bytes.size, 2 * HEADER, &size) || size > s->model->arena.max_bytes)
    return report_file(s, file, "holds a graph that is larger than the limit of memory", err);
  uint8_t *copy = sm_alloc(s->model->allocator, size);
  if (copy == NULL) return SM_FAIL_OOM(err, size);
  memcpy(copy, outer, outer_size);
  memcpy(copy + outer_size, inner, inner_size);
  memcpy(copy + outer_size + inner_size, bytes.data, bytes.size);
  sm_status status = scan_saved_model(s, file, (sm_span){copy, outer_size + inner_size + bytes.size}, err);
  sm_free(s->model->allocator, copy);
  return status;
}

/* The same bytes may be read in more than one way: each is. */
static sm_status scan_graphs(const scan *s, const char *file, sm_span bytes, sm_error *err) {
  sm_wire_source source = {.name = file, .bytes = bytes};
  if (is_saved_model(bytes, &source)) SM_TRY(scan_saved_model(s, file, bytes, err));
  if (is_meta_graph_def(bytes, &source)) SM_TRY(scan_wrapped(s, file, bytes, 1, err));
  if (is_graph_def(bytes, &source)) SM_TRY(scan_wrapped(s, file, bytes, 2, err));
  return SM_OK;
}

/* ---- keras_metadata.pb ---- */

static sm_status scan_metadata_object(const scan *s, const sm_wire_source *source, sm_span object, sm_arena *arena,
                                      sm_error *err) {
  sm_scan_finding found = {.file = source->name};
  sm_span path;
  SM_TRY(sm_wire_find_bytes(&path, object, METADATA_OBJECT_PATH, source, err));
  found.op = found.function = (sm_string){"", 0};
  found.node = path.data != NULL ? (sm_string){(const char *)path.data, path.size} : found.op;
  sm_wire_reader reader = sm_wire_read(object, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(METADATA_OBJECT_JSON, SM_WIRE_BYTES)) continue;
    sm_arena_mark mark = sm_arena_get_mark(arena);
    SM_TRY(sm_keras_metadata_scan(field.bytes, &found, s->fn, s->fn_ctx, arena, err));
    sm_arena_rewind(arena, mark);
  }
  return sm_wire_finish(&reader, err);
}

static sm_status scan_metadata_objects(const scan *s, const sm_wire_source *source, sm_arena *arena, sm_error *err) {
  sm_wire_reader reader = sm_wire_read(source->bytes, source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);)
    if (field.tag == SM_WIRE_TAG(METADATA_NODE, SM_WIRE_BYTES))
      SM_TRY(scan_metadata_object(s, source, field.bytes, arena, err));
  return sm_wire_finish(&reader, err);
}

static sm_status scan_metadata(const scan *s, const char *file, sm_span bytes, sm_error *err) {
  sm_wire_source source = {.name = file, .bytes = bytes};
  sm_error failure;
  sm_arena arena;
  sm_arena_init(&arena, s->model->allocator, s->model->arena.max_bytes);
  sm_status status = scan_metadata_objects(s, &source, &arena, &failure);
  sm_arena_free(&arena);
  if (status == SM_DATA_LOSS)
    return report_file(s, file, "is damaged, so what Keras would make of it is not known", err);
  if (status != SM_OK && err != NULL) *err = failure;
  return status;
}

/* ---- Text ---- */

/* What a text may be, and how many messages are around it in a SavedModel. No two have a field of the same name. */
static const struct {
  const ProtobufCMessageDescriptor *type;
  unsigned levels;
} texts[] = {{&tensorflow__saved_model__descriptor, 0},
             {&tensorflow__meta_graph_def__descriptor, 1},
             {&tensorflow__graph_def__descriptor, 2}};

static bool is_blank(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static bool begins_with_field(sm_span text, const char *field) {
  size_t size = strlen(field);
  if (text.size <= size || memcmp(text.data, field, size) != 0) return false;
  const uint8_t *p = text.data + size, *end = text.data + text.size;
  while (p != end && is_blank(*p)) p++;
  return p != end && (*p == ':' || *p == '{' || *p == '<' || *p == '[');
}

/* The field that a text begins with, if it is one of the messages above; NULL. */
static const char *first_field(sm_span text) {
  const uint8_t *p = text.data, *end = p + text.size;
  while (p != end && (is_blank(*p) || *p == '#')) {
    if (*p == '#')
      while (p != end && *p != '\n') p++;
    else
      p++;
  }
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    for (size_t k = 0; k < texts[i].type->n_fields; k++)
      if (begins_with_field((sm_span){p, (size_t)(end - p)}, texts[i].type->fields[k].name))
        return texts[i].type->fields[k].name;
  return NULL;
}

static bool ends_with(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* *was_read: it is a message of that kind, and was looked through. */
static sm_status scan_text_as(bool *was_read, const scan *s, const char *file, sm_span text, size_t kind,
                              sm_error *err) {
  sm_buffer bytes;
  sm_error failure;
  sm_buffer_init(&bytes, s->model->allocator, s->model->arena.max_bytes);
  sm_status status = sm_text_read(&bytes, texts[kind].type, (sm_string){(const char *)text.data, text.size}, &failure);
  *was_read = status == SM_OK;
  if (status == SM_OK)
    status = scan_wrapped(s, file, (sm_span){bytes.data, bytes.size}, texts[kind].levels, err);
  else if (is_about_the_file(status))
    status = SM_OK;
  else if (err != NULL)
    *err = failure;
  sm_buffer_free(&bytes);
  return status;
}

/* Any file may hold "version: 1", and many do whose name says that they are no protobuf. */
static sm_status scan_text(const scan *s, const char *file, sm_span text, sm_error *err) {
  const char *first = first_field(text);
  if (first == NULL) return SM_OK;
  bool was_read = false;
  for (size_t i = 0; !was_read && i < sizeof texts / sizeof texts[0]; i++)
    SM_TRY(scan_text_as(&was_read, s, file, text, i, err));
  if (was_read || (strcmp(first, "version") == 0 && !ends_with(file, ".pbtxt"))) return SM_OK;
  return report_file(s, file, "is a graph in text form that could not be looked through", err);
}

/* ---- Chunks: what sm_model_open reads ---- */

/* Opens the file as if it were the saved_model.cpb of a directory of its own. */
static sm_status scan_chunked(const scan *s, const char *file, sm_error *err) {
  sm_alias_fs fs;
  sm_alias_fs_init(&fs, &s->model->root, file, SM_FILE_SAVED_MODEL_CPB);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = &fs.base;
  options.allocator = s->model->allocator;
  options.max_bytes = s->model->arena.max_bytes;
  options.no_mmap = s->model->root.no_mmap;
  options.refuse_symlinks = (s->model->root.flags & SM_FS_NO_SYMLINKS) != 0;
  sm_error failure;
  sm_model *model;
  sm_status status = sm_model_open(&model, s->model->dir, &options, &failure);
  if (status == SM_OK) status = scan_opened(s, file, model, &failure);
  sm_model_close(model);
  if (is_about_the_file(status))
    return report_file(s, file, "is a chunked model that could not be looked through", err);
  if (status != SM_OK && err != NULL) *err = failure;
  return status;
}

/* ---- The walk ---- */

static bool is_shard(const char *file) {
  const char *name = strrchr(file, '/');
  return strncmp(file, SM_DIR_VARIABLES "/", sizeof SM_DIR_VARIABLES) == 0 && strstr(name, ".data-") != NULL &&
         strstr(name, "-of-") != NULL;
}

static sm_status scan_bytes(const scan *s, const char *file, sm_span bytes, sm_error *err) {
  const char *name = strrchr(file, '/') != NULL ? strrchr(file, '/') + 1 : file;
  if (strcmp(name, KERAS_METADATA) == 0) SM_TRY(scan_metadata(s, file, bytes, err));
  if (ends_with(name, ".cpb")) return scan_chunked(s, file, err);
  SM_TRY(scan_text(s, file, bytes, err));
  return scan_graphs(s, file, bytes, err);
}

static sm_status scan_file(void *ctx, const sm_model_file *file, sm_error *err) {
  const scan *s = ctx;
  if (strcmp(file->name, sm_model_file_name(s->model)) == 0 || is_shard(file->name)) return SM_OK;
  if (file->size > MAX_MESSAGE_SIZE) return SM_OK; /* nothing loads a graph of this size */
  sm_bytes bytes;
  SM_TRY(sm_bytes_load(&bytes, &s->model->root, file->name, s->model->arena.max_bytes, s->model->allocator, err));
  sm_status status = scan_bytes(s, file->name, (sm_span){bytes.data, bytes.size}, err);
  sm_bytes_unload(&bytes);
  return status;
}

sm_status sm_model_scan_files(const sm_model *model, const sm_scan_options *options, sm_scan_fn fn, void *fn_ctx,
                              sm_error *err) {
  scan s = {.model = model, .fn = fn, .fn_ctx = fn_ctx};
  SM_TRY(sm_scan_check_options(&s.options, options, err));
  return sm_model_list_files(model, "", scan_file, &s, err);
}

sm_status sm_model_scan(const sm_model *model, const sm_scan_options *options, sm_scan_fn fn, void *fn_ctx,
                        sm_error *err) {
  for (size_t i = 0; i < model->n_meta_graphs; i++)
    SM_TRY(sm_meta_graph_scan(&model->meta_graphs[i], options, fn, fn_ctx, err));
  return sm_model_scan_files(model, options, fn, fn_ctx, err);
}
