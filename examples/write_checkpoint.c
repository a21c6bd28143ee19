/*
 * Writes a checkpoint that tf.train.load_checkpoint, or a Saver with variables of these names, reads: one tensor as a
 * whole, one row by row, so that it need not fit into memory.
 *
 *     cc write_checkpoint.c -o write_checkpoint $(pkg-config --cflags --libs savedmodel)
 *     ./write_checkpoint PREFIX
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static sm_status add_bias(sm_bundle_writer *writer, sm_error *err) {
  static const float bias[] = {0.5f, -0.5f};
  const sm_tensor_view view = {.dtype = SM_DT_FLOAT, .rank = 1, .dims = {2}, .data = bias, .size = sizeof bias};
  return sm_bundle_writer_add(writer, "layer/bias", &view, err);
}

static sm_status add_kernel(sm_bundle_writer *writer, sm_error *err) {
  SM_TRY(sm_bundle_writer_begin(writer, "layer/kernel", SM_DT_FLOAT, (const int64_t[]){1000, 2}, 2, err));
  for (int i = 0; i < 1000; i++) {
    const float row[] = {(float)i, 1.0f / (float)(i + 1)};
    SM_TRY(sm_bundle_writer_append(writer, row, sizeof row, err));
  }
  return SM_OK;
}

int main(int argc, char **argv) {
  sm_error err;
  sm_bundle_writer *writer;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.overwrite = true;
  if (argc != 2) return 2;
  sm_status status = sm_bundle_writer_open(&writer, argv[1], &options, &err);
  if (status == SM_OK) status = add_bias(writer, &err);
  if (status == SM_OK) status = add_kernel(writer, &err);
  if (status == SM_OK) status = sm_bundle_writer_finish(writer, &err); /* now it is there, whole */
  sm_bundle_writer_close(writer);
  if (status == SM_OK)
    printf("written\n");
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
