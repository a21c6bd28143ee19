/*
 * A V1 checkpoint, one file or several, read in every way there is (checkpoint.h).
 *
 *   byte 0   BUILT, COMPRESSED, SHORT; the lowest bits: what is checked
 *   byte 1   which slices are read, and whether it is copied
 *   then     BUILT: a message of files = 1, each a message of entries = 1 (checkpoint.h, table_entry).
 *            Else the one file
 */
#include "checkpoint.h"

#include <string.h>

enum { BUILT = 0x80, COMPRESSED = 0x20, SHORT = 0x10, VERIFY = 0x03 };

enum { INPUT_FILE = 1, FILE_ENTRY = 1, MAX_FILES = 4 };

const size_t fuzz_message_at = 2;

static void build(w_buffer *file, sm_span message, unsigned flags) {
  static table_entries entries;
  sm_wire_source source;
  sm_wire_reader fields = parts_of(message, &source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);)
    if (field.tag == SM_WIRE_TAG(FILE_ENTRY, SM_WIRE_BYTES)) entries_add(&entries, field.bytes);
  entries_write(file, &entries, (flags & SHORT) != 0 ? 2 : MAX_ENTRIES, (flags & COMPRESSED) != 0);
  entries_free(&entries);
}

static void read_files(const w_buffer *files, size_t n, unsigned how) {
  sm_fs *fs;
  sm_error err;
  MUST(sm_fs_memory_new(&fs, NULL, &err) == SM_OK);
  for (size_t i = 0; i < n; i++) {
    char name[64] = "c/m";
    if (n > 1) snprintf(name, sizeof name, "c/m-%05zu-of-%05zu", i, n);
    MUST(sm_fs_memory_add(fs, name, files[i].data, files[i].size, &err) == SM_OK);
  }
  read_checkpoint(fs, how);
  sm_fs_close(fs);
}

static void build_and_read(sm_span message, unsigned flags, unsigned how) {
  w_buffer files[MAX_FILES] = {{0}};
  size_t n = 0;
  sm_wire_source source;
  sm_wire_reader fields = parts_of(message, &source);
  for (sm_wire_field field; n < MAX_FILES && sm_wire_next(&fields, &field);)
    if (field.tag == SM_WIRE_TAG(INPUT_FILE, SM_WIRE_BYTES)) build(&files[n++], field.bytes, flags);
  read_files(files, n, how);
  for (size_t i = 0; i < n; i++) w_free(&files[i]);
}

static void read_raw(sm_span input, unsigned how) {
  w_buffer file = {.data = malloc(input.size != 0 ? input.size : 1), .size = input.size}; /* no byte more */
  MUST(file.data != NULL);
  memcpy(file.data, input.data, input.size);
  table_repair(file.data, file.size);
  read_files(&file, 1, how);
  free(file.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < fuzz_message_at) return 0;
  sm_span input = {data + 2, size - 2};
  unsigned how = (unsigned)data[1] << 2 | (data[0] & VERIFY);
  if ((data[0] & BUILT) != 0)
    build_and_read(input, data[0], how);
  else
    read_raw(input, how);
  return 0;
}
