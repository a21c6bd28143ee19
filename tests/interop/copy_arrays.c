/*
 * Copies arrays from one file to another: copy_arrays SRC DST, both of them .npy, .npz or .safetensors. A .npy is an array
 * named "array", and of several arrays gets the first. formats_np.py looks at what comes out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/buffered.h"
#include "cli/npy.h"
#include "cli/npz.h"
#include "cli/safetensors.h"

enum { MAX_ARRAYS = 1000 };

static sm_error err;

static void need(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "%s: %s\n", sm_status_name(status), err.message);
  exit(1);
}

static bool ends_in(const char *path, const char *end) {
  size_t size = strlen(path), end_size = strlen(end);
  return size >= end_size && strcmp(path + size - end_size, end) == 0;
}

static sm_status write_file(void *ctx, const void *data, size_t size, sm_error *e) {
  (void)e;
  return fwrite(data, 1, size, ctx) == size ? SM_OK : SM_UNAVAILABLE;
}

static sm_status get(void *ctx, size_t i, sm_tensor_view *out, sm_error *e) {
  (void)e;
  *out = ((array *)ctx)[i].view;
  return SM_OK;
}

static char *read_whole(const char *path, size_t *size) {
  FILE *in = fopen(path, "rb");
  if (in == NULL || fseek(in, 0, SEEK_END) != 0) exit(2);
  *size = (size_t)ftell(in);
  rewind(in);
  char *data = malloc(*size + 1);
  if (data == NULL || fread(data, 1, *size, in) != *size) exit(2);
  fclose(in);
  return data;
}

static void write_all(const char *path, sm_string *names, array *arrays, size_t n, const safetensors *notes) {
  static safetensors_item items[MAX_ARRAYS];
  static buffered to;
  FILE *file = fopen(path, "wb");
  if (file == NULL) exit(2);
  buffered_begin(&to, write_file, file);
  if (ends_in(path, ".npz")) {
    npz_writer out;
    npz_writer_begin(&out, buffered_write, &to);
    for (size_t i = 0; i < n; i++) need(npz_writer_add(&out, names[i], &arrays[i].view, &err));
    need(npz_writer_finish(&out, &err));
    npz_writer_free(&out);
  } else if (ends_in(path, ".npy")) {
    need(npy_write(&arrays[0].view, false, buffered_write, &to, &err));
  } else {
    for (size_t i = 0; i < n; i++)
      items[i] = (safetensors_item){names[i], arrays[i].view.dtype, arrays[i].view.rank, arrays[i].view.dims};
    need(safetensors_write(items, n, notes->notes, notes->n_notes, get, arrays, buffered_write, &to, &err));
  }
  need(buffered_flush(&to, &err));
  if (fclose(file) != 0) exit(2);
}

int main(int argc, char **argv) {
  static array arrays[MAX_ARRAYS];
  static sm_string names[MAX_ARRAYS];
  if (argc != 3) return 2;
  npz zip = {.path = NULL};
  safetensors tensors = {.name = NULL};
  char *data = NULL;
  size_t size, n = 0;
  if (ends_in(argv[1], ".npz")) {
    need(npz_open(&zip, argv[1], NULL, &err));
    for (; n < zip.n && n < MAX_ARRAYS; n++) {
      names[n] = (sm_string){zip.names[n], strlen(zip.names[n])};
      need(npz_read(&arrays[n], &zip, n, SM_DT_INVALID, &err));
    }
  } else if (ends_in(argv[1], ".npy")) {
    data = read_whole(argv[1], &size);
    names[n] = (sm_string){"array", 5};
    need(npy_read(&arrays[n++], argv[1], data, size, SM_DT_INVALID, &err));
  } else {
    data = read_whole(argv[1], &size);
    need(safetensors_open(&tensors, argv[1], data, size, &err));
    for (; n < tensors.n && n < MAX_ARRAYS; n++) {
      names[n] = tensors.entries[n].name;
      need(safetensors_read(&arrays[n], &tensors, n, &err));
    }
  }
  write_all(argv[2], names, arrays, n, &tensors);
  for (size_t i = 0; i < n; i++) array_free(&arrays[i]);
  npz_close(&zip);
  safetensors_close(&tensors);
  free(data);
  return 0;
}
