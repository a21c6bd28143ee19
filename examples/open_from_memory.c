/*
 * Opens a SavedModel whose bytes are in memory already, as they are when it came over a network or out of an archive.
 * Two ways: the bytes of saved_model.pb alone, or files in a file system in memory.
 *
 *     cc open_from_memory.c -o open_from_memory $(pkg-config --cflags --libs savedmodel)
 *     ./open_from_memory MODEL_DIR/saved_model.pb
 */
#include <stdio.h>
#include <stdlib.h>

#include <savedmodel/savedmodel.h>

static char *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *data = NULL;
  if (fseek(file, 0, SEEK_END) == 0) {
    long end = ftell(file);
    rewind(file);
    data = end > 0 ? malloc((size_t)end) : NULL;
    if (data != NULL) *size = fread(data, 1, (size_t)end, file);
  }
  fclose(file);
  return data;
}

/* One file: a buffer will do. What lies in other files, such as the fingerprint, is not to be had then. */
static sm_status open_buffer(const char *data, size_t size, sm_error *err) {
  sm_model *model;
  SM_TRY(sm_model_open_buffer(&model, data, size, NULL, err));
  printf("from a buffer: %zu meta graph(s)\n", sm_model_n_meta_graphs(model));
  sm_model_close(model); /* before data goes */
  return SM_OK;
}

/* A whole directory: add each of its files under its path. */
static sm_status open_file_system(const char *data, size_t size, sm_error *err) {
  sm_fs *fs;
  SM_TRY(sm_fs_memory_new(&fs, NULL, err));

  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = fs;
  sm_model *model = NULL;
  sm_status status = sm_fs_memory_add(fs, "models/mine/saved_model.pb", data, size, err);
  if (status == SM_OK) status = sm_model_open(&model, "models/mine", &options, err);
  if (status == SM_OK) printf("from a file system: %zu meta graph(s)\n", sm_model_n_meta_graphs(model));

  sm_model_close(model); /* NULL is fine */
  sm_fs_close(fs);       /* after the models opened from it */
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s SAVED_MODEL_PB\n", argv[0]);
    return 2;
  }
  size_t size = 0;
  char *data = read_file(argv[1], &size);
  if (data == NULL) {
    perror(argv[1]);
    return 1;
  }
  sm_error err;
  sm_status status = open_buffer(data, size, &err);
  if (status == SM_OK) status = open_file_system(data, size, &err);
  if (status != SM_OK) fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  free(data);
  return status == SM_OK ? 0 : 1;
}
