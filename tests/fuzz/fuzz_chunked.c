/*
 * A riegeli file, read record by record, and joined as a saved_model.cpb. Memory stays within a bound and comes back.
 *
 *   byte 0   HASHED, BUILT, ALONE, BROTLI, ZSTD; the lowest bits: the type of the message
 *   byte 1   BUILT: 0, or how many bytes before a block header the records begin
 *   then     the file; BUILT: a ChunkMetadata (proto/chunk.proto) whose `chunks` are the chunks themselves. They are made
 *            into a file in the way that the flags say, which joins to the same as the plainest file of them.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include <savedmodel/pb/saved_model.pb-c.h>
#include <savedmodel/pb/struct.pb-c.h>

#include "codec/highwayhash64.h"
#include "model/chunked.h"
#include "support/archive_writer.h"
#include "support/fault_alloc.h"
#include "support/splitter.h"
#include "wire/riegeli.h"

enum {
  HASHED = 0x80, /* the file's chunks get the hashes they need, which chance would not find */
  BUILT = 0x40,
  ALONE = 0x20,  /* each record in a chunk of its own */
  BROTLI = 0x10, /* compressed; the same as not where a library is not there */
  ZSTD = 0x08,
  TYPE = 0x03
};

enum { MAX_BYTES = 16 << 20, MAX_DECODER = 17 << 20, MAX_MEMORY = MAX_BYTES + MAX_DECODER };

enum { BLOCK_SIZE = 1 << 16, BLOCK_HEADER_SIZE = 24, CHUNK_HEADER_SIZE = 40 };

const size_t fuzz_message_at = 2;

static const ProtobufCMessageDescriptor *const types[] = {
    &tensorflow__saved_model__descriptor,
    &tensorflow__meta_graph_def__descriptor,
    &tensorflow__graph_def__descriptor,
    &tensorflow__structured_value__descriptor,
};

static uint64_t sum_of(const uint8_t *data, size_t size) {
  uint64_t sum = 0;
  for (size_t i = 0; i < size; i++) sum += data[i];
  return sum;
}

/* ---- Hashes: doc/riegeli_records_file_format.md of google/riegeli. Only chunks before the second block. ---- */

static uint64_t get64(const uint8_t *p) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; i--) value = value << 8 | p[i];
  return value;
}

static uint64_t hash(const uint8_t *data, size_t size) {
  uint64_t key[4];
  memcpy(key, "Riegeli/records\nRiegeli/records\n", sizeof key);
  return sm_highwayhash64(key, data, size);
}

static void hash_chunks(uint8_t *data, size_t size) {
  if (size < BLOCK_HEADER_SIZE || size > BLOCK_SIZE) return;
  put64(data, hash(data + 8, BLOCK_HEADER_SIZE - 8));
  for (size_t at = BLOCK_HEADER_SIZE; size - at >= CHUNK_HEADER_SIZE;) {
    uint64_t data_size = get64(data + at + 8), n_records = get64(data + at + 24) >> 8;
    bool is_whole = data_size <= size - at - CHUNK_HEADER_SIZE;
    if (is_whole) put64(data + at + 16, hash(data + at + CHUNK_HEADER_SIZE, (size_t)data_size));
    put64(data + at, hash(data + at + 8, CHUNK_HEADER_SIZE - 8)); /* sizes that lie have to be read, too */
    if (!is_whole) return;
    uint64_t step = CHUNK_HEADER_SIZE + data_size > n_records ? CHUNK_HEADER_SIZE + data_size : n_records;
    if (step > size - at) return;
    at += (size_t)step;
  }
}

/* ---- Building ---- */

static char compression_of(unsigned how) {
#ifdef SM_HAVE_BROTLI
  if ((how & BROTLI) != 0) return 'b';
#endif
#ifdef SM_HAVE_ZSTD
  if ((how & ZSTD) != 0) return 'z';
#endif
  (void)how;
  return 0;
}

static void pad(r_file *file, size_t before_header) {
  static const uint8_t zeros[BLOCK_SIZE];
  if (before_header == 0) return;
  r_chunk(file, 'p', zeros, BLOCK_SIZE - before_header - file->bytes.size - CHUNK_HEADER_SIZE, 0, 0);
  MUST(file->bytes.size == BLOCK_SIZE - before_header);
}

/* Appends to metadata what is not a chunk. */
static void add_chunks(c_file *c, w_buffer *metadata, sm_span message, bool alone) {
  const sm_wire_source source = {.name = "message", .bytes = message};
  sm_wire_reader reader = sm_wire_read(message, &source);
  for (sm_wire_field field; sm_wire_next(&reader, &field);) {
    if (field.tag != SM_WIRE_TAG(2, SM_WIRE_BYTES)) {
      w_raw(metadata, field.whole.data, field.whole.size);
      continue;
    }
    (void)c_chunk(c, field.bytes.data, field.bytes.size);
    if (alone) r_flush(&c->file);
  }
}

static void build(c_file *c, sm_span message, unsigned how, size_t before_header) {
  w_buffer metadata = {0};
  c_begin(c);
  pad(&c->file, before_header);
  c->file.compression = compression_of(how);
  add_chunks(c, &metadata, message, (how & ALONE) != 0);
  w_raw(&metadata, c->infos.data, c->infos.size);
  r_flush(&c->file);
  (void)r_add(&c->file, metadata.data, metadata.size);
  r_flush(&c->file);
  w_free(&metadata);
}

/* ---- Reading ---- */

static void read_records(const sm_wire_source *file, const sm_allocator *allocator) {
  sm_arena arena;
  sm_riegeli_records records;
  sm_error err;
  sm_arena_init(&arena, allocator, MAX_BYTES);
  if (sm_riegeli_read(&records, file, &arena, &err) == SM_OK) {
    uint64_t sum = 0;
    for (size_t i = 0; i < records.n; i++) {
      const sm_riegeli_record *record = &records.items[i];
      MUST(i == 0 || record[-1].position < record->position);
      MUST(sm_riegeli_find(&records, record->position) == record);
      sum += sum_of(record->bytes.data, record->bytes.size);
    }
    MUST(sum != UINT64_MAX); /* all of it is there to be read */
  }
  sm_arena_free(&arena);
}

static sm_status join(sm_bytes *joined, const sm_wire_source *file, unsigned how, const sm_allocator *allocator) {
  sm_error err;
  sm_status status = sm_chunked_join(joined, file, types[how & TYPE], MAX_BYTES, allocator, &err);
  MUST(status != SM_OK || sum_of(joined->data, joined->size) != UINT64_MAX);
  return status;
}

static void read_file(const uint8_t *data, size_t size, unsigned how, const sm_allocator *allocator) {
  sm_bytes joined;
  uint8_t *copy = malloc(size != 0 ? size : 1); /* no byte more, so that one too far is seen */
  MUST(copy != NULL);
  memcpy(copy, data, size);
  if ((how & HASHED) != 0) hash_chunks(copy, size);
  const sm_wire_source file = {.name = "file", .bytes = {copy, size}};
  read_records(&file, allocator);
  if (join(&joined, &file, how, allocator) == SM_OK) sm_bytes_unload(&joined);
  free(copy);
}

static void build_and_read(sm_span message, unsigned how, size_t before_header, const sm_allocator *allocator) {
  c_file plain = {0}, other = {0};
  sm_bytes from_plain, from_other;
  build(&plain, message, how & TYPE, 0);
  build(&other, message, how, before_header);
  const sm_wire_source plain_file = {.name = "plain", .bytes = {plain.file.bytes.data, plain.file.bytes.size}};
  const sm_wire_source other_file = {.name = "other", .bytes = {other.file.bytes.data, other.file.bytes.size}};
  sm_status status = join(&from_plain, &plain_file, how, allocator);
  sm_status other_status = join(&from_other, &other_file, how, allocator);
  MUST(status == other_status || status == SM_RESOURCE_EXHAUSTED || other_status == SM_RESOURCE_EXHAUSTED);
  if (status == SM_OK && other_status == SM_OK)
    MUST(from_plain.size == from_other.size && memcmp(from_plain.data, from_other.data, from_plain.size) == 0);
  if (status == SM_OK) sm_bytes_unload(&from_plain);
  if (other_status == SM_OK) sm_bytes_unload(&from_other);
  c_free(&plain);
  c_free(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 2) return 0;
  sm_fault_alloc memory;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  if ((data[0] & BUILT) != 0)
    build_and_read((sm_span){data + 2, size - 2}, data[0], data[1], &memory.base);
  else
    read_file(data + 2, size - 2, data[0], &memory.base);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return 0;
}
