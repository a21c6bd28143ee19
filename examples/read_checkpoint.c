/*
 * Lists the tensors of a checkpoint, and adds up those of floats, without copying them.
 *
 *     cc read_checkpoint.c -o read_checkpoint $(pkg-config --cflags --libs savedmodel)
 *     ./read_checkpoint PREFIX          what tf.train.Checkpoint or Saver was given, or the directory of a SavedModel
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

/* TensorFlow does not align tensors, so elements are copied out one by one. */
static double sum(const sm_tensor_view *view) {
  const char *data = view->data;
  double total = 0;
  for (size_t at = 0; at < view->size; at += sizeof(float)) {
    float element;
    memcpy(&element, data + at, sizeof element);
    total += element;
  }
  return total;
}

static sm_status print_tensor(const sm_bundle_reader *reader, const sm_bundle_entry *entry, sm_error *err) {
  printf("%.*s: %s [", (int)entry->key.size, entry->key.data, sm_dtype_python_name(entry->dtype));
  for (int32_t i = 0; i < entry->rank; i++) printf("%s%" PRId64, i > 0 ? ", " : "", entry->dims[i]);
  printf("]");
  if (entry->dtype == SM_DT_FLOAT && entry->n_slices == 0) {
    sm_tensor_view view; /* points into the file, until the reader is closed */
    SM_TRY(sm_bundle_reader_view_entry(&view, reader, entry, err));
    printf(", sum %g", sum(&view));
  }
  printf("\n");
  return SM_OK;
}

static sm_status print_all(const sm_bundle_reader *reader, sm_error *err) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry;
  SM_TRY(sm_bundle_iter_new(&iter, reader, NULL, err));
  sm_status status;
  while ((status = sm_bundle_iter_next(&entry, iter, err)) == SM_OK && entry != NULL)
    if ((status = print_tensor(reader, entry, err)) != SM_OK) break;
  sm_bundle_iter_free(iter);
  return status;
}

int main(int argc, char **argv) {
  sm_error err;
  sm_bundle_reader *reader;
  if (argc != 2) return 2;
  sm_status status = sm_bundle_reader_open(&reader, argv[1], NULL, &err);
  if (status == SM_OK) status = print_all(reader, &err);
  sm_bundle_reader_close(reader);
  if (status != SM_OK) fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
