/*
 * A checkpoint, its index and its data files, read in every way there is (checkpoint.h).
 *
 *   byte 0   BUILT, RIGHT, COMPRESSED, SHORT; the lowest bits: what is checked
 *   byte 1   which slices are read, and whether it is copied
 *   then     BUILT: a message of entries of the index = 1 (checkpoint.h, table_entry) and contents of data files = 2.
 *            Else the size of the index, two bytes, the index, a data file
 */
#include "checkpoint.h"
#include "codec/crc32c.h"

#include <string.h>

#include "codec/crc32c.h"

enum {
  BUILT = 0x80,
  RIGHT = 0x40,      /* tensors of numbers get the checksums they need */
  COMPRESSED = 0x20, /* blocks of the index are */
  SHORT = 0x10,      /* two entries in a block */
  VERIFY = 0x03
};

enum { INPUT_ENTRY = 1, INPUT_FILE = 2, MAX_FILES = 8 };

/* Numbers in a BundleEntryProto (proto/tensor_bundle.proto). */
enum { DTYPE = 1, SHARD_ID = 3, OFFSET = 4, SIZE = 5, CRC32C = 6 };

const size_t fuzz_message_at = 2;

typedef struct files {
  sm_span items[MAX_FILES];
  size_t n;
} files;

/* Of fields that are given twice the last one counts. */
static void put_right(w_buffer *value, const files *data) {
  uint64_t dtype = 0, shard = 0, offset = 0, size = 0;
  sm_wire_source source;
  sm_wire_reader fields = parts_of((sm_span){value->data, value->size}, &source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag == SM_WIRE_TAG(DTYPE, SM_WIRE_VARINT)) dtype = field.value;
    if (field.tag == SM_WIRE_TAG(SHARD_ID, SM_WIRE_VARINT)) shard = field.value;
    if (field.tag == SM_WIRE_TAG(OFFSET, SM_WIRE_VARINT)) offset = field.value;
    if (field.tag == SM_WIRE_TAG(SIZE, SM_WIRE_VARINT)) size = field.value;
  }
  if (sm_wire_finish(&fields, NULL) != SM_OK || shard >= data->n) return;
  if (dtype == SM_DT_STRING || dtype == SM_DT_VARIANT) return; /* those have another */
  sm_span file = data->items[shard];
  if (offset > file.size || size > file.size - offset) return;
  w_fixed32(value, CRC32C, sm_crc32c_mask(sm_crc32c_extend(0, file.data + offset, (size_t)size)));
}

static void add_file(sm_fs *fs, const char *name, sm_span bytes) {
  sm_error err;
  MUST(sm_fs_memory_add(fs, name, bytes.data != NULL ? (const void *)bytes.data : "", bytes.size, &err) == SM_OK);
}

static void read_files(sm_span index, const files *data, unsigned how) {
  sm_fs *fs;
  sm_error err;
  MUST(sm_fs_memory_new(&fs, NULL, &err) == SM_OK);
  add_file(fs, "c/m.index", index);
  for (size_t i = 0; i < data->n; i++) {
    char name[64];
    snprintf(name, sizeof name, "c/m.data-%05zu-of-%05zu", i, data->n);
    add_file(fs, name, data->items[i]);
  }
  read_checkpoint(fs, how);
  sm_fs_close(fs);
}

static void build_and_read(sm_span message, unsigned flags, unsigned how) {
  static table_entries entries;
  files data = {.n = 0};
  w_buffer index = {0};
  sm_wire_source source;
  sm_wire_reader fields = parts_of(message, &source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag == SM_WIRE_TAG(INPUT_ENTRY, SM_WIRE_BYTES)) entries_add(&entries, field.bytes);
    if (field.tag == SM_WIRE_TAG(INPUT_FILE, SM_WIRE_BYTES) && data.n < MAX_FILES) data.items[data.n++] = field.bytes;
  }
  for (size_t i = 0; (flags & RIGHT) != 0 && i < entries.n; i++)
    if (entries.items[i].key.size != 0) put_right(&entries.items[i].value, &data);
  entries_write(&index, &entries, (flags & SHORT) != 0 ? 2 : MAX_ENTRIES, (flags & COMPRESSED) != 0);
  read_files((sm_span){index.data, index.size}, &data, how);
  w_free(&index);
  entries_free(&entries);
}

static void read_raw(sm_span input, unsigned how) {
  if (input.size < 2) return;
  size_t size = input.data[0] | (size_t)input.data[1] << 8, left = input.size - 2;
  if (size > left) size = left;
  uint8_t *index = malloc(size != 0 ? size : 1); /* no byte more, so that one too far is seen */
  MUST(index != NULL);
  memcpy(index, input.data + 2, size);
  table_repair(index, size);
  const files data = {.items = {{input.data + 2 + size, left - size}}, .n = 1};
  read_files((sm_span){index, size}, &data, how);
  free(index);
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
