/*
 * The state file of a directory with checkpoints. What it names lies in the directory; written again it says the same; a
 * manager takes charge of what it takes charge of, or refuses it.
 */
#include "fuzz.h"

#include <math.h>
#include <string.h>

#include <savedmodel/checkpoint.h>

#include "support/fault_alloc.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { MAX_BYTES = 16 << 20, MAX_MEMORY = 4 * MAX_BYTES };

static void must_be_inside(const char *path) {
  MUST(path[0] != '\0' && path[0] != '/');
  for (const char *part = path; part != NULL; part = strchr(part, '/')) {
    part += *part == '/';
    MUST(strncmp(part, "..", 2) != 0 || (part[2] != '\0' && part[2] != '/'));
  }
}

static void must_be_same(double a, double b) { MUST(a == b || (isnan(a) && isnan(b))); }

/* Paths are clean by now, so what is written has them as they are. */
static void write_again(const sm_checkpoint_state *state, sm_fs *fs, const sm_open_options *open) {
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  sm_checkpoint_state *again;
  options.fs = fs;
  options.allocator = open->allocator;
  MUST(sm_checkpoint_state_write("again", NULL, state, &options, NULL) == SM_OK);
  sm_status status = sm_checkpoint_state_read(&again, "again", NULL, open, NULL);
  MUST(status == SM_OK || status == SM_RESOURCE_EXHAUSTED);
  if (status != SM_OK) return;
  MUST(strcmp(again->latest, state->latest) == 0 && again->n_paths == state->n_paths);
  MUST((again->timestamps == NULL) == (state->timestamps == NULL || state->n_paths == 0));
  must_be_same(again->last_preserved, state->last_preserved);
  for (size_t i = 0; i < state->n_paths; i++) {
    MUST(strcmp(again->paths[i], state->paths[i]) == 0);
    if (again->timestamps != NULL) must_be_same(again->timestamps[i], state->timestamps[i]);
  }
  sm_checkpoint_state_free(again);
}

static void take_charge(const sm_open_options *open, const sm_save_options *save) {
  sm_manager_options options = SM_MANAGER_OPTIONS_INIT;
  sm_checkpoint_manager *manager;
  sm_checkpoint *tree;
  options.max_to_keep = 2;
  options.save = save;
  options.open = open;
  MUST(sm_checkpoint_new(&tree, open->allocator, NULL) == SM_OK);
  if (sm_checkpoint_manager_open(&manager, tree, "d", &options, NULL) == SM_OK) {
    for (size_t i = 0; i < sm_checkpoint_manager_n_checkpoints(manager); i++)
      MUST(strncmp(sm_checkpoint_manager_get_checkpoint(manager, i), "d/", 2) == 0);
    sm_checkpoint_manager_close(manager);
  }
  sm_checkpoint_free(tree);
}

static void read_state(sm_fs *fs, const sm_open_options *open) {
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  sm_checkpoint_state *state;
  char latest[4096];
  save.fs = fs;
  save.allocator = open->allocator;
  if (sm_checkpoint_state_read(&state, "d", NULL, open, NULL) == SM_OK) {
    must_be_inside(state->latest);
    for (size_t i = 0; i < state->n_paths; i++) must_be_inside(state->paths[i]);
    write_again(state, fs, open);
    sm_checkpoint_state_free(state);
  }
  if (sm_latest_checkpoint(latest, sizeof latest, "d", open, NULL) == SM_OK) {
    MUST(strncmp(latest, "d/", 2) == 0);
    must_be_inside(latest);
  }
  take_charge(open, &save);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const there[] = {"d/ckpt-1.index", "d/ckpt-2.index", "d/sub/ckpt-3.index", "outside-1.index"};
  sm_fault_alloc memory;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fs *fs;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  MUST(sm_fs_memory_new(&fs, NULL, NULL) == SM_OK);
  MUST(sm_fs_memory_add(fs, "d/" SM_FILE_CHECKPOINT_STATE, data, size, NULL) == SM_OK);
  for (size_t i = 0; i < sizeof there / sizeof *there; i++) MUST(sm_fs_memory_add(fs, there[i], "", 0, NULL) == SM_OK);
  options.fs = fs;
  options.allocator = &memory.base;
  options.max_bytes = MAX_BYTES;
  read_state(fs, &options);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  sm_fs_close(fs);
  return 0;
}
