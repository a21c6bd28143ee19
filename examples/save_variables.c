/*
 * Saves all variables every so many steps, as tf.train.Saver does: the last three checkpoints are kept, and a file named
 * "checkpoint" beside them says which is the newest.
 *
 *     cc save_variables.c -o save_variables $(pkg-config --cflags --libs savedmodel)
 *     ./save_variables DIRECTORY
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static float v1[3], v2[5];

static const sm_binding variables[] = {
    {.key = "v1", .dtype = SM_DT_FLOAT, .rank = 1, .dims = (const int64_t[]){3}, .data = v1, .size = sizeof v1},
    {.key = "v2", .dtype = SM_DT_FLOAT, .rank = 1, .dims = (const int64_t[]){5}, .data = v2, .size = sizeof v2},
};

static void train(void) {
  for (int i = 0; i < 3; i++) v1[i] += 1;
  for (int i = 0; i < 5; i++) v2[i] -= 1;
}

static sm_status run(sm_saver *saver, const char *prefix, sm_error *err) {
  for (int64_t step = 1; step <= 50; step++) {
    sm_saved saved;
    train();
    if (step % 10 != 0) continue;
    SM_TRY(sm_saver_save(&saved, saver, prefix, step, variables, 2, err));
    printf("step %d: %zu tensors saved\n", (int)step, saved.n_tensors);
  }
  printf("%zu checkpoints are kept\n", sm_saver_n_checkpoints(saver));
  return SM_OK;
}

int main(int argc, char **argv) {
  sm_error err;
  sm_saver *saver;
  sm_saver_options options = SM_SAVER_OPTIONS_INIT;
  char prefix[1000];
  options.max_to_keep = 3;
  if (argc != 2) return 2;
  snprintf(prefix, sizeof prefix, "%s/model.ckpt", argv[1]);
  sm_status status = sm_saver_open(&saver, &options, &err);
  if (status == SM_OK) status = run(saver, prefix, &err);
  sm_saver_close(saver);
  if (status != SM_OK) fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
