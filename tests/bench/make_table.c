/*
 * bench_make_table: writes a table as the index of a bundle of N small tensors is one.
 *
 *     bench_make_table N FILE
 */
#include <stdio.h>
#include <stdlib.h>

#include "table/table.h"

static sm_error error;

static sm_status put(void *ctx, const void *data, size_t size, sm_error *err) {
  return fwrite(data, 1, size, ctx) == size ? SM_OK : SM_FAIL(err, SM_UNAVAILABLE, "cannot write");
}

/* A value is as long as a BundleEntryProto: dtype, shape, offset, size, crc32c. */
static sm_status write_all(sm_table_writer *writer, unsigned n) {
  static const char header[] = "\x08\x01\x1A\x02\x08\x01";
  SM_TRY(sm_table_writer_add(writer, (sm_string){"", 0}, (sm_string){header, sizeof header - 1}, &error));
  for (unsigned i = 0; i < n; i++) {
    char key[64], value[30];
    int size = snprintf(key, sizeof key, "model/layer_%05u/unit_%u/kernel", i / 4, i % 4);
    for (size_t k = 0; k < sizeof value; k++) value[k] = (char)(i * 31 + k);
    SM_TRY(sm_table_writer_add(writer, (sm_string){key, (size_t)size}, (sm_string){value, sizeof value}, &error));
  }
  return sm_table_writer_finish(writer, &error);
}

int main(int argc, char **argv) {
  FILE *file = argc == 3 ? fopen(argv[2], "wb") : NULL;
  sm_table_writer *writer;
  if (file == NULL) {
    fprintf(stderr, "usage: bench_make_table N FILE\n");
    return 2;
  }
  sm_status status = sm_table_writer_new(&writer, (sm_table_sink){put, file}, NULL, &error);
  if (status == SM_OK) status = write_all(writer, (unsigned)strtoul(argv[1], NULL, 10));
  sm_table_writer_free(writer);
  if (fclose(file) == 0 && status == SM_OK) return 0;
  fprintf(stderr, "bench_make_table: %s\n", status != SM_OK ? error.message : "cannot write");
  return 1;
}
