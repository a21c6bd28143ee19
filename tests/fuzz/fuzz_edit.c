/*
 * A model whose saved_model.pb is the input behind one byte, taken over and changed in all ways there are, some of them
 * left out as the byte says; then saved, twice: to the same bytes. What was saved opens; what was not is not there. Without
 * any change it is the input again, byte for byte. Memory stays small, and all of it comes back.
 */
#include "fuzz.h"

#include <string.h>

#include <savedmodel/savedmodel.h>

#include "saved.h"
#include "support/fault_alloc.h"

const size_t fuzz_message_at = 1;

/* Definitions of all of TensorFlow's operations take some 10 MiB. */
enum { MAX_BYTES = 16 << 20, MAX_FIXED = 64 << 20, MAX_FACTOR = 1000 };

/* Names that survive what they are taken from being changed. */
typedef struct names {
  char key[64], input[64], output[64];
} names;

static void edit_signature(sm_builder *builder, const sm_signature *signature) {
  names n = {"", "", ""};
  snprintf(n.key, sizeof n.key, "%s", signature->key);
  if (signature->n_inputs != 0) snprintf(n.input, sizeof n.input, "%s", signature->inputs[0]->name);
  if (signature->n_outputs != 0) snprintf(n.output, sizeof n.output, "%s", signature->outputs[0]->name);
  (void)sm_builder_rename_input(builder, 0, n.key, n.input, "~renamed", NULL);
  (void)sm_builder_rename_output(builder, 0, n.key, n.output, "!renamed", NULL);
  (void)sm_builder_set_method(builder, 0, n.key, "some/method", NULL);
  (void)sm_builder_set_signature(builder, 0, signature, NULL);
  (void)sm_builder_rename_signature(builder, 0, n.key, "renamed", NULL);
}

static void edit(sm_builder *builder, const sm_model *model, uint8_t which) {
  static const char *const tags[] = {"one", "two"}, *const keys[] = {"renamed"};
  const sm_meta_graph *graph = sm_model_n_meta_graphs(model) != 0 ? sm_model_get_meta_graph(model, 0) : NULL;
  const sm_signature *signature;
  size_t last = sm_model_n_meta_graphs(model) - 1;
  if ((which & 1) != 0 && graph != NULL && sm_meta_graph_n_signatures(graph) != 0 &&
      sm_meta_graph_get_signature(&signature, graph, 0, NULL) == SM_OK)
    edit_signature(builder, signature);
  if ((which & 2) != 0) (void)sm_builder_set_tags(builder, 0, tags, 2, NULL);
  if ((which & 4) != 0) (void)sm_builder_keep_signatures(builder, 0, keys, 1, NULL);
  if ((which & 8) != 0) (void)sm_builder_clear_devices(builder, 0, NULL);
  if ((which & 16) != 0) (void)sm_builder_strip_default_attrs(builder, 0, NULL);
  if ((which & 32) != 0) (void)sm_builder_strip_debug_info(builder, NULL);
  if ((which & 64) != 0) (void)sm_builder_restore_default_attrs(builder, 0, NULL);
  if ((which & 64) != 0) (void)sm_builder_strip_debug_ops(builder, 0, NULL);
  if ((which & 128) != 0 && graph != NULL && last > 0) (void)sm_builder_remove_meta_graph(builder, last, NULL);
}

typedef struct trial {
  sm_fs *fs; /* in memory: "in" has the input, the others are written */
  sm_open_options how;
  sm_save_options save;
  uint8_t which;
} trial;

/* Is it saved? Then it opens. */
static bool save(const trial *t, const sm_model *model, const char *dir) {
  sm_builder *builder;
  sm_model *saved;
  MUST(sm_builder_open(&builder, dir, &t->save, NULL) == SM_OK);
  sm_status status = sm_builder_add_model(builder, model, NULL);
  if (status == SM_OK) edit(builder, model, t->which);
  if (status == SM_OK) status = sm_builder_finish(builder, NULL);
  sm_builder_close(builder);
  sm_status opened = sm_model_open(&saved, dir, &t->how, NULL);
  MUST(status == SM_OK ? opened == SM_OK : opened == SM_NOT_FOUND);
  sm_model_close(saved);
  return status == SM_OK;
}

static void try_all(const trial *t) {
  sm_model *model;
  if (sm_model_open(&model, "in", &t->how, NULL) != SM_OK) return;
  bool is_saved = save(t, model, "first");
  MUST(save(t, model, "second") == is_saved);
  if (is_saved) must_be_same_file(t->fs, "first", "second", SM_FILE_SAVED_MODEL_PB);
  if (is_saved && t->which == 0) must_be_same_file(t->fs, "in", "first", SM_FILE_SAVED_MODEL_PB);
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
