/*
 * Trains with checkpoints as tf.train.CheckpointManager keeps them, and goes on where the last run ended. TensorFlow
 * restores them: tf.train.Checkpoint(layer=..., step=...).restore(path).assert_consumed().
 *
 *     cc object_checkpoint.c -o object_checkpoint $(pkg-config --cflags --libs savedmodel)
 *     ./object_checkpoint DIRECTORY
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static float kernel[4];
static int64_t step;

static sm_binding kernel_binding = {
    .dtype = SM_DT_FLOAT, .rank = 2, .dims = (const int64_t[]){2, 2}, .data = kernel, .size = sizeof kernel};
static sm_binding step_binding = {.dtype = SM_DT_INT64, .data = &step, .size = sizeof step};

/* The root has "step", and "layer" with "kernel" in it. */
static sm_status build(sm_checkpoint *checkpoint, sm_error *err) {
  int32_t node;
  SM_TRY(sm_checkpoint_add(&node, checkpoint, 0, "layer", err));
  SM_TRY(sm_checkpoint_add(&node, checkpoint, node, "kernel", err));
  SM_TRY(sm_checkpoint_bind(checkpoint, node, NULL, &kernel_binding, err));
  SM_TRY(sm_checkpoint_add(&node, checkpoint, 0, "step", err));
  return sm_checkpoint_bind(checkpoint, node, NULL, &step_binding, err);
}

static sm_status train(sm_checkpoint_manager *manager, sm_error *err) {
  const char *prefix;
  SM_TRY(sm_checkpoint_manager_restore_or_initialize(&prefix, manager, NULL, err));
  printf(prefix != NULL ? "going on with step %d\n" : "beginning with step %d\n", (int)step);
  for (int i = 0; i < 30; i++) {
    step++;
    kernel[i % 4] += 0.5f;
    if (step % 10 == 0) SM_TRY(sm_checkpoint_manager_save(NULL, manager, -1, false, err));
  }
  printf("step %d, %zu checkpoints are kept\n", (int)step, sm_checkpoint_manager_n_checkpoints(manager));
  return SM_OK;
}

int main(int argc, char **argv) {
  sm_error err;
  sm_checkpoint *checkpoint = NULL;
  sm_checkpoint_manager *manager = NULL;
  sm_manager_options options = SM_MANAGER_OPTIONS_INIT;
  options.max_to_keep = 2;
  if (argc != 2) return 2;
  sm_status status = sm_checkpoint_new(&checkpoint, NULL, &err);
  if (status == SM_OK) status = build(checkpoint, &err);
  if (status == SM_OK) status = sm_checkpoint_manager_open(&manager, checkpoint, argv[1], &options, &err);
  if (status == SM_OK) status = train(manager, &err);
  sm_checkpoint_manager_close(manager);
  sm_checkpoint_free(checkpoint);
  if (status != SM_OK) fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
