/*
 * Graphs for graph_tf.py.
 *
 *   make_graphs make DIR                       the graphs of make_... below as DIR/NAME.pb (MetaGraphDef: graph, saver, collections)
 *   make_graphs save META_GRAPH OUT            META_GRAPH with a saver for all its variables
 *   make_graphs prune GRAPH_DEF OUT NAME...    what the names need
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

#include "graph/saver_graph.h"
#include "wire/emit.h"

/* Fields of MetaGraphDef, SaverDef, CollectionDef: proto/meta_graph.proto, saver.proto. */
enum {
  META_GRAPH = 2,
  META_SAVER = 3,
  META_COLLECTION = 4,
  SAVER_FILENAME = 1,
  SAVER_SAVE = 2,
  SAVER_RESTORE = 3,
  SAVER_MAX_TO_KEEP = 4,
  SAVER_SHARDED = 5,
  SAVER_VERSION = 7,
  ENTRY_KEY = 1,
  ENTRY_VALUE = 2,
  COLLECTION_BYTES = 2,
  LIST_VALUE = 1
};

#define N_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- Files ---- */

static sm_string read_whole(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(2);
  size_t size = (size_t)ftell(file);
  char *data = malloc(size + 1);
  rewind(file);
  if (data == NULL || fread(data, 1, size, file) != size) exit(2);
  fclose(file);
  return (sm_string){data, size};
}

static void write_whole(const char *path, const void *data, size_t size) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(data, 1, size, file) != size || fclose(file) != 0) exit(2);
}

/* ---- MetaGraphDefs ---- */

static sm_status put_text(sm_buffer *out, uint32_t number, const char *text, sm_error *err) {
  return sm_wire_put_bytes(out, number, text, strlen(text), err);
}

static sm_status put_saver(sm_buffer *out, const sm_saver_def *saver, sm_error *err) {
  size_t message;
  SM_TRY(sm_wire_open(&message, out, META_SAVER, err));
  SM_TRY(put_text(out, SAVER_FILENAME, saver->filename_tensor_name, err));
  SM_TRY(put_text(out, SAVER_SAVE, saver->save_tensor_name, err));
  SM_TRY(put_text(out, SAVER_RESTORE, saver->restore_op_name, err));
  SM_TRY(sm_wire_put_varint(out, SAVER_MAX_TO_KEEP, (uint64_t)saver->max_to_keep, err));
  SM_TRY(sm_wire_put_varint(out, SAVER_SHARDED, saver->sharded, err));
  SM_TRY(sm_wire_put_varint(out, SAVER_VERSION, (uint64_t)saver->version, err));
  return sm_wire_close(out, message, err);
}

static sm_status put_collection(sm_buffer *out, const char *key, const sm_string *values, size_t n, sm_error *err) {
  size_t entry, value, list;
  SM_TRY(sm_wire_open(&entry, out, META_COLLECTION, err));
  SM_TRY(put_text(out, ENTRY_KEY, key, err));
  SM_TRY(sm_wire_open(&value, out, ENTRY_VALUE, err));
  SM_TRY(sm_wire_open(&list, out, COLLECTION_BYTES, err));
  for (size_t i = 0; i < n; i++) SM_TRY(sm_wire_put_bytes(out, LIST_VALUE, values[i].data, values[i].size, err));
  SM_TRY(sm_wire_close(out, list, err));
  SM_TRY(sm_wire_close(out, value, err));
  return sm_wire_close(out, entry, err);
}

static sm_spans find_variable_defs(sm_span meta_graph, const sm_wire_source *source, sm_arena *arena) {
  sm_wire_map collections;
  sm_spans values, lists, defs = {NULL, 0};
  if (sm_wire_index_map(&collections, (sm_spans){&meta_graph, 1}, META_COLLECTION, source, arena, NULL) != SM_OK)
    exit(2);
  size_t found = sm_wire_map_find(&collections, sm_string_of("variables"));
  if (found == SIZE_MAX) return defs;
  if (sm_wire_entry_value(&values, &collections.entries[found], source, arena, NULL) != SM_OK ||
      sm_wire_collect(&lists, values, COLLECTION_BYTES, source, arena, NULL) != SM_OK ||
      sm_wire_collect(&defs, lists, LIST_VALUE, source, arena, NULL) != SM_OK)
    exit(2);
  return defs;
}

/* Appends the saver and its nodes: messages that are given twice merge. */
static sm_status add_saver(sm_buffer *meta_graph, sm_arena *arena, sm_error *err) {
  const sm_span whole = {meta_graph->data, meta_graph->size};
  const sm_wire_source source = {.name = "meta graph", .bytes = whole};
  sm_spans graph_def;
  sm_graph_variables variables;
  sm_saver_graph saver;
  SM_TRY(sm_wire_collect(&graph_def, (sm_spans){&whole, 1}, META_GRAPH, &source, arena, err));
  SM_TRY(
      sm_graph_find_variables(&variables, graph_def, find_variable_defs(whole, &source, arena), &source, arena, err));
  if (variables.n == 0) return SM_OK;
  SM_TRY(sm_saver_graph_make(&saver, &variables, graph_def, &source, arena, err));
  SM_TRY(sm_wire_put_bytes(meta_graph, META_GRAPH, saver.nodes.data, saver.nodes.size, err));
  return put_saver(meta_graph, &saver.def, err);
}

/* ---- Graphs ---- */

static sm_tensor_view floats(const float *data, int64_t n) {
  return (sm_tensor_view){.dtype = SM_DT_FLOAT, .rank = 1, .dims = {n}, .data = data, .size = (size_t)n * sizeof *data};
}

/* y = x * a + b */
static sm_status make_half_plus_two(sm_graph *g, sm_error *err) {
  SM_TRY(sm_graph_add_placeholder(g, "x", SM_DT_FLOAT, (int64_t[]){-1, 1}, 2, err));
  SM_TRY(sm_graph_add_variable(g, "a", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add_variable(g, "b", SM_DT_FLOAT, NULL, 0, err));
  SM_TRY(sm_graph_add(g, "Mul", "ax", SM_NAMES("x", "a/Read/ReadVariableOp"), err));
  return sm_graph_add(g, "AddV2", "y", SM_NAMES("ax", "b/Read/ReadVariableOp:0"), err);
}

/* Types and numbers that the inputs tell, lists of them, attributes of all kinds. */
static sm_status make_inferred(sm_graph *g, sm_error *err) {
  static const float one[] = {1, 2}, two[] = {3, 4};
  static const sm_string words[] = {{"a", 1}, {"", 0}, {"b\0c", 3}};
  const sm_tensor_view first = floats(one, 2), second = floats(two, 2);
  const sm_tensor_view text = {
      .dtype = SM_DT_STRING, .rank = 1, .dims = {N_OF(words)}, .data = words, .size = sizeof words};
  const int32_t axis = 0;
  const sm_tensor_view zero = {.dtype = SM_DT_INT32, .data = &axis, .size = sizeof axis};
  const int64_t squeezed[] = {0};
  const sm_attr squeeze[] = {sm_attr_ints("squeeze_dims", squeezed, 1)};
  const sm_attr split[] = {sm_attr_int("num_split", 2)};
  const sm_attr cast[] = {sm_attr_type("DstT", SM_DT_INT64)};
  const sm_attr unknown[] = {sm_attr_type("dtype", SM_DT_HALF), sm_attr_shape("shape", NULL, -1)};
  SM_TRY(sm_graph_add_const(g, "first", &first, err));
  SM_TRY(sm_graph_add_const(g, "second", &second, err));
  SM_TRY(sm_graph_add_const(g, "words", &text, err));
  SM_TRY(sm_graph_add_const(g, "axis", &zero, err));
  SM_TRY(sm_graph_add(g, "ConcatV2", "concat", SM_NAMES("first", "second", "axis"), err));
  SM_TRY(sm_graph_add(g, "Pack", "pack", SM_NAMES("first", "second:0"), err));
  SM_TRY(sm_graph_add(g, "IdentityN", "both", SM_NAMES("words", "concat"), err));
  SM_TRY(sm_graph_add_node(g, &(sm_node_spec){"Split", "halves", SM_NAMES("axis", "concat"), split, 1, NULL}, err));
  SM_TRY(sm_graph_add(g, "Sub", "difference", SM_NAMES("halves:1", "halves", "^both"), err));
  SM_TRY(sm_graph_add_node(g, &(sm_node_spec){"Cast", "whole", SM_NAMES("both:1"), cast, 1, "/device:CPU:0"}, err));
  SM_TRY(sm_graph_add(g, "ExpandDims", "expanded", SM_NAMES("whole", "axis"), err));
  SM_TRY(sm_graph_add_node(g, &(sm_node_spec){"Squeeze", "squeezed", SM_NAMES("expanded"), squeeze, 1, NULL}, err));
  SM_TRY(sm_graph_add_node(g, &(sm_node_spec){"Placeholder", "unknown", NULL, 0, unknown, 2, NULL}, err));
  return sm_graph_add(g, "NoOp", "group", SM_NAMES("^squeezed", "^difference"), err);
}

/* Two tables with one init op. */
static sm_status make_tables(sm_graph *g, sm_error *err) {
  static const int64_t numbers[] = {10, 20};
  static const sm_string names[] = {{"ten", 3}, {"twenty", 6}};
  const sm_tensor_view keys = {.dtype = SM_DT_INT64, .rank = 1, .dims = {2}, .data = numbers, .size = sizeof numbers};
  const sm_tensor_view values = {.dtype = SM_DT_STRING, .rank = 1, .dims = {2}, .data = names, .size = sizeof names};
  const int64_t none = -1;
  const sm_tensor_view unknown = {.dtype = SM_DT_INT64, .data = &none, .size = sizeof none};
  SM_TRY(sm_graph_add_placeholder(g, "words", SM_DT_STRING, (int64_t[]){-1}, 1, err));
  SM_TRY(sm_graph_add_placeholder(g, "numbers", SM_DT_INT64, (int64_t[]){-1}, 1, err));
  SM_TRY(sm_graph_add_string(g, "vocabulary", "words.txt", err));
  SM_TRY(sm_graph_add_string(g, "no_name", "?", err));
  SM_TRY(sm_graph_add_const(g, "no_number", &unknown, err));
  const sm_table_spec file = {.name = "ids",
                              .file = "vocabulary",
                              .key_dtype = SM_DT_STRING,
                              .value_dtype = SM_DT_INT64,
                              .key_index = SM_TABLE_WHOLE_LINE,
                              .value_index = SM_TABLE_LINE_NUMBER};
  SM_TRY(sm_graph_add_table(g, &file, err));
  SM_TRY(sm_graph_add_table(g, &(sm_table_spec){.name = "names", .keys = &keys, .values = &values}, err));
  SM_TRY(sm_graph_add(g, "LookupTableFindV2", "found_ids", SM_NAMES("ids", "words", "no_number"), err));
  SM_TRY(sm_graph_add(g, "LookupTableFindV2", "found_names", SM_NAMES("names", "numbers", "no_name"), err));
  return sm_graph_add_init_op(g, "init_all_tables", err);
}

/* Variables of all shapes and dtypes: none, of no elements, strings. */
static sm_status make_variables(sm_graph *g, sm_error *err) {
  SM_TRY(sm_graph_add_variable(g, "scalar", SM_DT_INT64, NULL, 0, err));
  SM_TRY(sm_graph_add_variable(g, "scope/matrix", SM_DT_FLOAT, (int64_t[]){300, 2}, 2, err));
  SM_TRY(sm_graph_add_variable(g, "empty", SM_DT_BOOL, (int64_t[]){0, 3}, 2, err));
  SM_TRY(sm_graph_add_variable(g, "complex", SM_DT_COMPLEX128, (int64_t[]){2}, 1, err));
  return sm_graph_add_variable(g, "text", SM_DT_STRING, (int64_t[]){2}, 1, err);
}

static const struct {
  const char *name;
  sm_status (*make)(sm_graph *g, sm_error *err);
} graphs[] = {{"half_plus_two", make_half_plus_two},
              {"inferred", make_inferred},
              {"tables", make_tables},
              {"variables", make_variables}};

static sm_status make_meta_graph(sm_buffer *out, sm_graph *graph, sm_arena *arena, sm_error *err) {
  sm_string graph_def;
  size_t n;
  SM_TRY(sm_graph_get_def(&graph_def, graph, err));
  SM_TRY(sm_wire_put_bytes(out, META_GRAPH, graph_def.data, graph_def.size, err));
  const sm_collection *collections = sm_graph_get_collections(&n, graph);
  for (size_t i = 0; i < n; i++)
    SM_TRY(put_collection(out, collections[i].key, collections[i].strings, collections[i].n, err));
  return add_saver(out, arena, err);
}

static sm_status make_all(const char *dir, sm_arena *arena, sm_error *err) {
  for (size_t i = 0; i < N_OF(graphs); i++) {
    char path[4096];
    sm_graph *graph;
    sm_buffer out;
    sm_buffer_init(&out, arena->allocator, UINT64_MAX);
    snprintf(path, sizeof path, "%s/%s.pb", dir, graphs[i].name);
    SM_TRY(sm_graph_new(&graph, NULL, err));
    sm_status status = graphs[i].make(graph, err);
    if (status == SM_OK) status = make_meta_graph(&out, graph, arena, err);
    sm_graph_free(graph);
    if (status == SM_OK) write_whole(path, out.data, out.size);
    sm_buffer_free(&out);
    SM_TRY(status);
  }
  return SM_OK;
}

/* ---- Others' graphs ---- */

static sm_status save(const char *path, const char *out_path, sm_arena *arena, sm_error *err) {
  const sm_string bytes = read_whole(path);
  sm_buffer out;
  sm_buffer_init(&out, arena->allocator, UINT64_MAX);
  sm_status status = sm_buffer_put(&out, bytes.data, bytes.size, err);
  if (status == SM_OK) status = add_saver(&out, arena, err);
  if (status == SM_OK) write_whole(out_path, out.data, out.size);
  sm_buffer_free(&out);
  free((void *)(uintptr_t)bytes.data);
  return status;
}

static sm_status prune(const char *path, const char *out_path, char **names, size_t n, sm_error *err) {
  const sm_string bytes = read_whole(path);
  sm_string pruned;
  sm_status status = sm_graph_prune(&pruned, bytes, (const char *const *)names, n, NULL, err);
  if (status == SM_OK) write_whole(out_path, pruned.data, pruned.size);
  sm_graph_free_def(&pruned, NULL);
  free((void *)(uintptr_t)bytes.data);
  return status;
}

int main(int argc, char **argv) {
  sm_error err;
  sm_arena arena;
  sm_status status = SM_INVALID_ARGUMENT;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  snprintf(err.message, sizeof err.message, "make, save or prune?");
  if (argc == 3 && strcmp(argv[1], "make") == 0) status = make_all(argv[2], &arena, &err);
  if (argc == 4 && strcmp(argv[1], "save") == 0) status = save(argv[2], argv[3], &arena, &err);
  if (argc > 4 && strcmp(argv[1], "prune") == 0) status = prune(argv[2], argv[3], argv + 4, (size_t)argc - 4, &err);
  sm_arena_free(&arena);
  if (status != SM_OK) fprintf(stderr, "%s\n", err.message);
  return status == SM_OK ? 0 : 1;
}
