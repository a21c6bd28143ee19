/*
 * The object graph of a model together with what lies beside it: the input is a message of 1 = SavedModel, 2 = the object
 * graph in its checkpoint, 3 = keras_metadata.pb, 4 = the file that each asset is. All is looked up twice and has to be the
 * same, paths lead back to where they came from, and memory comes back.
 */
#include "fuzz.h"

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/models.h"
#include "wire/wire.h"

const size_t fuzz_message_at = 0;

enum { INPUT_MODEL = 1, INPUT_GRAPH = 2, INPUT_KERAS = 3, INPUT_ASSET = 4 };

/* Of the model, and of what one call needs while it lasts. */
enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

static sm_span part_of(sm_span input, uint32_t number) {
  sm_span found;
  const sm_wire_source source = {.name = "input", .bytes = input};
  if (sm_wire_find_bytes(&found, input, number, &source, NULL) != SM_OK || found.data == NULL)
    return (sm_span){input.data, 0};
  return found;
}

static void put_checkpoint(sm_fs *fs, sm_span graph) {
  sm_bundle_writer *writer;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  const float value = 1;
  const sm_string text = {(const char *)graph.data, graph.size};
  sm_tensor_view number = {.dtype = SM_DT_FLOAT, .data = &value, .size = sizeof value};
  sm_tensor_view string = {.dtype = SM_DT_STRING, .data = &text, .size = sizeof text};
  options.fs = fs;
  MUST(sm_bundle_writer_open(&writer, "m/variables/variables", &options, NULL) == SM_OK);
  MUST(sm_bundle_writer_add(writer, "v/.ATTRIBUTES/VARIABLE_VALUE", &number, NULL) == SM_OK);
  MUST(sm_bundle_writer_add(writer, "_CHECKPOINTABLE_OBJECT_GRAPH", &string, NULL) == SM_OK);
  MUST(sm_bundle_writer_finish(writer, NULL) == SM_OK);
  sm_bundle_writer_close(writer);
}

static sm_fs *directory_of(sm_span input) {
  sm_fs *fs;
  sm_span model = part_of(input, INPUT_MODEL), keras = part_of(input, INPUT_KERAS), asset = part_of(input, INPUT_ASSET);
  MUST(sm_fs_memory_new(&fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/" SM_FILE_SAVED_MODEL_PB, model.data, model.size, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/keras_metadata.pb", keras.data, keras.size, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "m/assets/vocab.txt", asset.data, asset.size, NULL) == SM_OK);
  put_checkpoint(fs, part_of(input, INPUT_GRAPH));
  return fs;
}

/* The object at the end of its own path is itself, but that a child without a name adds nothing to the path. */
static void follow_paths(const sm_meta_graph *graph) {
  size_t n;
  const sm_trackable *root, *node, *found;
  const char *path;
  if (sm_meta_graph_n_objects(&n, graph, NULL) != SM_OK || sm_meta_graph_get_root(&root, graph, NULL) != SM_OK) return;
  for (size_t i = 0; i < n; i++) {
    if (sm_meta_graph_get_object(&node, graph, (int64_t)i, NULL) != SM_OK) continue;
    MUST((size_t)sm_trackable_get_id(node) == i);
    if (sm_trackable_get_path(&path, node, NULL) != SM_OK) continue;
    sm_status status = sm_trackable_find(&found, root, path, NULL);
    MUST(status != SM_NOT_FOUND && (status != SM_OK || found != NULL));
  }
}

static void look_up_and_verify(const sm_model *model) {
  uint64_t first = 0, second = 0;
  sm_status status = look_up_everything(model, &first);
  if (look_up_everything(model, &second) == SM_OK && status == SM_OK) MUST(first == second);
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) follow_paths(sm_model_get_meta_graph(model, i));
  (void)sm_model_verify(model, NULL, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  sm_fault_alloc memory;
  sm_model *model;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs = directory_of((sm_span){data, size});
  options.fs = fs;
  options.allocator = &memory.base;
  options.max_bytes = MAX_BYTES;
  if (sm_model_open(&model, "m", &options, NULL) == SM_OK) {
    look_up_and_verify(model);
    sm_model_close(model);
  }
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(fs);
  return 0;
}
