/*
 * A model whose saved_model.pb is the input behind one byte, with a checkpoint that has what its saver restores: its first
 * signature frozen, then all of it frozen, or made a model of the other version, each twice, to the same bytes. What is
 * frozen can be pruned; what comes of it opens, and can be changed again. Memory stays small, and all of it comes back.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/savedmodel.h>

#include "graph/saver_keys.h"
#include "model/model.h"
#include "saved.h"
#include "support/fault_alloc.h"
#include "support/wire_writer.h"

const size_t fuzz_message_at = 1;

/* Definitions of all of TensorFlow's operations take some 10 MiB. */
enum { MAX_BYTES = 16 << 20, MAX_FIXED = 64 << 20, MAX_FACTOR = 1000 };

/* Of the checkpoint. */
enum { MAX_KEYS = 64, MAX_ELEMENTS = 64, VALUES_SIZE = MAX_ELEMENTS * 16 };

/* What the byte says. */
enum { ZERO_INPUTS = 1, KEEP_ALL = 2, NO_OBJECTS = 4, IN_PLACE = 8, LACKS_KEY = 16, TO_V2 = 32, TO_V1 = 64 };

typedef struct trial {
  sm_fs *fs; /* in memory: "in" has the input, the others are written */
  sm_open_options how;
  sm_save_options save;
  uint8_t which;
} trial;

/* ---- A checkpoint ---- */

/* Fields of SavedObject, TrackableObjectGraph, its objects and their attributes: proto/saved_object_graph.proto,
 * trackable_object_graph.proto. Children are the same in both. */
enum { NODES = 1, CHILDREN = 1, SAVED_VARIABLE = 7, ATTRIBUTES = 2, ATTRIBUTE_NAME = 1, ATTRIBUTE_KEY = 3 };

static void add_key(sm_bundle_writer *writer, const sm_saver_key *key) {
  static const uint8_t values[VALUES_SIZE];
  const sm_string texts[MAX_ELEMENTS] = {{"", 0}};
  sm_tensor_view view = {.dtype = key->dtype, .rank = key->shape.rank > 0 ? key->shape.rank : 0};
  size_t n = 1, size = key->dtype == SM_DT_STRING ? sizeof texts[0] : sm_dtype_size(key->dtype);
  for (int32_t i = 0; i < view.rank; i++) {
    view.dims[i] = key->shape.dims[i] < 0 ? 1 : key->shape.dims[i];
    if (view.dims[i] > MAX_ELEMENTS || n * (size_t)view.dims[i] > MAX_ELEMENTS) return;
    n *= (size_t)view.dims[i];
  }
  view.data = key->dtype == SM_DT_STRING ? (const void *)texts : values;
  view.size = n * size;
  (void)sm_bundle_writer_add_n(writer, key->key, &view, NULL); /* some keys are there twice, some dtypes are none */
}

/* A graph of objects as the model's own: its variables have the keys in turn. */
static void add_objects(sm_bundle_writer *writer, const sm_meta_graph *graph, const sm_saver_keys *keys) {
  w_buffer made = {0};
  size_t n = 0;
  const sm_wire_source *source = sm_meta_graph_source(graph);
  sm_spans objects = sm_meta_graph_object_graph_bytes(graph);
  for (size_t i = 0; i < objects.n; i++) {
    sm_wire_reader reader = sm_wire_read(objects.items[i], source);
    for (sm_wire_field field; sm_wire_next(&reader, &field);) {
      if (field.tag != SM_WIRE_TAG(NODES, SM_WIRE_BYTES)) continue;
      size_t object = w_begin(&made, NODES);
      sm_wire_reader parts = sm_wire_read(field.bytes, source);
      for (sm_wire_field part; sm_wire_next(&parts, &part);) {
        if (part.tag == SM_WIRE_TAG(CHILDREN, SM_WIRE_BYTES)) w_raw(&made, part.whole.data, part.whole.size);
        if (part.tag != SM_WIRE_TAG(SAVED_VARIABLE, SM_WIRE_BYTES) || n == keys->n) continue;
        size_t attribute = w_begin(&made, ATTRIBUTES);
        w_text(&made, ATTRIBUTE_NAME, "VARIABLE_VALUE");
        w_bytes(&made, ATTRIBUTE_KEY, keys->items[n].key.data, keys->items[n].key.size);
        w_end(&made, attribute);
        n++;
      }
      w_end(&made, object);
    }
  }
  const sm_string text = {(const char *)made.data, made.size};
  const sm_tensor_view view = {.dtype = SM_DT_STRING, .data = &text, .size = sizeof text};
  if (objects.n != 0) (void)sm_bundle_writer_add(writer, "_CHECKPOINTABLE_OBJECT_GRAPH", &view, NULL);
  w_free(&made);
}

static void write_checkpoint(const trial *t, const sm_meta_graph *graph) {
  const sm_saver_def *saver;
  sm_saver_keys keys = {NULL, 0};
  sm_arena arena;
  sm_bundle_writer *writer;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.fs = t->fs;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), MAX_BYTES);
  if (sm_meta_graph_get_saver_def(&saver, graph, NULL) == SM_OK)
    (void)sm_saver_find_keys(&keys, sm_meta_graph_graph_bytes(graph), sm_string_of(saver->filename_tensor_name),
                             sm_string_of(saver->restore_op_name), sm_meta_graph_source(graph), &arena, NULL);
  MUST(sm_bundle_writer_open(&writer, "in/variables/variables", &options, NULL) == SM_OK);
  for (size_t i = (t->which & LACKS_KEY) != 0; i < keys.n && i < MAX_KEYS; i++)
    if (!sm_string_equal(keys.items[i].key, sm_string_of("_CHECKPOINTABLE_OBJECT_GRAPH")))
      add_key(writer, &keys.items[i]);
  if ((t->which & NO_OBJECTS) == 0) add_objects(writer, graph, &keys);
  (void)sm_bundle_writer_finish(writer, NULL);
  sm_bundle_writer_close(writer);
  sm_arena_free(&arena);
}

/* ---- A signature ---- */

static void freeze_signature(const trial *t, const sm_meta_graph *graph) {
  const sm_signature *signature;
  sm_string first, second, pruned;
  sm_freeze_options options = SM_FREEZE_OPTIONS_INIT;
  options.zero_inputs = (t->which & ZERO_INPUTS) != 0;
  options.keep_all = (t->which & KEEP_ALL) != 0;
  options.allocator = t->how.allocator;
  if (sm_meta_graph_n_signatures(graph) == 0 || sm_meta_graph_get_signature(&signature, graph, 0, NULL) != SM_OK)
    return;
  sm_status status = sm_freeze_signature(&first, graph, signature, &options, NULL);
  MUST(sm_freeze_signature(&second, graph, signature, &options, NULL) == status);
  if (status == SM_OK) {
    const char *output = signature->outputs[0]->tensor_name;
    MUST(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    sm_status found = sm_graph_prune(&pruned, first, &output, 1, options.allocator, NULL);
    if (found == SM_OK) sm_graph_free_def(&pruned, options.allocator);
    MUST(found == SM_OK || found == SM_RESOURCE_EXHAUSTED);
  }
  sm_graph_free_def(&first, options.allocator);
  sm_graph_free_def(&second, options.allocator);
}

/* ---- A model ---- */

static sm_status change_graph(const trial *t, sm_builder *builder, size_t graph) {
  if ((t->which & TO_V2) != 0) return sm_builder_add_object_graph(builder, graph, NULL, NULL);
  if ((t->which & TO_V1) != 0) return sm_builder_drop_object_graph(builder, graph, NULL);
  return sm_builder_freeze(builder, graph, NULL);
}

/* Is it changed, and saved? Then it opens. */
static bool change_model(const trial *t, const sm_model *model, const char *dir) {
  sm_builder *builder;
  sm_model *saved;
  MUST(sm_builder_open(&builder, dir, &t->save, NULL) == SM_OK);
  sm_status status = sm_builder_add_model(builder, model, NULL);
  for (size_t i = 0; status == SM_OK && i < sm_model_n_meta_graphs(model); i++) status = change_graph(t, builder, i);
  if (status == SM_OK) status = sm_builder_finish(builder, NULL);
  sm_builder_close(builder);
  sm_status opened = sm_model_open(&saved, dir, &t->how, NULL);
  if (!t->save.in_place) MUST(status == SM_OK ? opened == SM_OK : opened == SM_NOT_FOUND);
  sm_model_close(saved);
  return status == SM_OK;
}

static void try_all(trial *t) {
  sm_model *model, *changed;
  if (sm_model_open(&model, "in", &t->how, NULL) != SM_OK) return;
  if (sm_model_n_meta_graphs(model) != 0) {
    write_checkpoint(t, sm_model_get_meta_graph(model, 0));
    freeze_signature(t, sm_model_get_meta_graph(model, 0));
  }
  bool is_changed = change_model(t, model, "first");
  MUST(change_model(t, model, "second") == is_changed);
  if (is_changed) {
    must_be_same_file(t->fs, "first", "second", SM_FILE_SAVED_MODEL_PB);
    MUST(sm_model_open(&changed, "first", &t->how, NULL) == SM_OK);
    if ((t->which & TO_V2) != 0) t->which ^= TO_V2 | TO_V1; /* and back */
    (void)change_model(t, changed, "again");
    sm_model_close(changed);
  }
  t->save.in_place = (t->which & IN_PLACE) != 0;
  if (t->save.in_place) (void)change_model(t, model, "in");
  sm_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  trial t = {.how = SM_OPEN_OPTIONS_INIT, .save = SM_SAVE_OPTIONS_INIT};
  if (size == 0) return 0;
  t.which = data[0];
  sm_fault_alloc_init(&memory, UINT64_MAX);
  MUST(sm_fs_memory_new(&t.fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(t.fs, "in/" SM_FILE_SAVED_MODEL_PB, data + 1, size - 1, NULL) == SM_OK);
  t.how.fs = t.save.fs = t.fs;
  t.how.allocator = t.save.allocator = &memory.base;
  t.how.max_bytes = MAX_BYTES;
  try_all(&t);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_FIXED + (uint64_t)MAX_FACTOR * size);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(t.fs);
  return 0;
}
