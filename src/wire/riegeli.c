#include "wire/riegeli.h"

#include "codec/decompress.h"
#include "codec/highwayhash64.h"
#include "codec/varint.h"

enum {
  BLOCK_SIZE = 1 << 16,
  BLOCK_HEADER_SIZE = 24,
  USABLE_BLOCK_SIZE = BLOCK_SIZE - BLOCK_HEADER_SIZE,
  CHUNK_HEADER_SIZE = 40
};

enum { CHUNK_SIGNATURE = 's', CHUNK_METADATA = 'm', CHUNK_PADDING = 'p', CHUNK_SIMPLE = 'r', CHUNK_TRANSPOSED = 't' };

enum { COMPRESSION_NONE = 0, COMPRESSION_BROTLI = 'b', COMPRESSION_ZSTD = 'z' };

/* "Riegeli/", "records\n", and again. */
static const uint64_t HASH_KEY[4] = {0x2F696C6567656952, 0x0A7364726F636572, 0x2F696C6567656952, 0x0A7364726F636572};

typedef struct reader {
  const sm_wire_source *file;
  sm_arena *arena;
  sm_riegeli_record *records; /* NULL: they are counted only */
  size_t n;
} reader;

typedef struct chunk {
  uint64_t begin, end; /* in the file; the next one begins at end */
  uint64_t data;       /* where its data begins */
  uint64_t data_size, data_hash, n_records, decoded_size;
  uint8_t type;
} chunk;

static sm_status fail_at(const reader *r, uint64_t position, const char *what, sm_error *err) {
  return sm_wire_fail(r->file, r->file->bytes.data + position, what, err);
}

/* ---- What block headers interrupt ---- */

/* Where the size bytes end that begin at position, the block headers among them counted. */
static uint64_t add_with_headers(uint64_t position, uint64_t size) {
  uint64_t n_headers = (size + (position + USABLE_BLOCK_SIZE - 1) % BLOCK_SIZE) / USABLE_BLOCK_SIZE;
  return position + size + n_headers * BLOCK_HEADER_SIZE;
}

/* The first position from there on that a chunk may begin at: not inside a block header, and not right behind one. */
static uint64_t round_up_to_chunk_begin(uint64_t position) {
  uint64_t left = BLOCK_SIZE - 1 - (position + BLOCK_SIZE - 1) % BLOCK_SIZE;
  return left > USABLE_BLOCK_SIZE - 1 ? position + left - (USABLE_BLOCK_SIZE - 1) : position;
}

static uint64_t skip_block_header(uint64_t position) {
  uint64_t into = position % BLOCK_SIZE;
  return into < BLOCK_HEADER_SIZE ? position + BLOCK_HEADER_SIZE - into : position;
}

/* Copies size bytes from position on without the block headers; all of it lies in the file. Returns where they end. */
static uint64_t copy_contents(uint8_t *dst, const reader *r, uint64_t position, uint64_t size) {
  while (size != 0) {
    position = skip_block_header(position);
    uint64_t run = BLOCK_SIZE - position % BLOCK_SIZE;
    if (run > size) run = size;
    memcpy(dst, r->file->bytes.data + position, run);
    dst += run;
    position += run;
    size -= run;
  }
  return position;
}

/* The same as one piece: in the file where no block header interrupts it, else copied. */
static sm_status get_contents(sm_span *out, const reader *r, uint64_t position, uint64_t size, sm_error *err) {
  uint64_t from = size != 0 ? skip_block_header(position) : position;
  *out = (sm_span){r->file->bytes.data + from, (size_t)size};
  if (from % BLOCK_SIZE + size <= BLOCK_SIZE) return SM_OK;
  uint8_t *copy = sm_arena_alloc(r->arena, (size_t)size);
  if (copy == NULL) return sm_arena_fail(r->arena, (size_t)size, err);
  (void)copy_contents(copy, r, from, size);
  out->data = copy;
  return SM_OK;
}

/* ---- Chunk headers ---- */

static uint64_t read_u64(const uint8_t *p) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 8; i++) value |= (uint64_t)p[i] << (8 * i);
  return value;
}

static sm_status read_header(chunk *out, const reader *r, uint64_t begin, sm_error *err) {
  uint8_t header[CHUNK_HEADER_SIZE];
  const uint64_t file_size = r->file->bytes.size;
  if (add_with_headers(begin, CHUNK_HEADER_SIZE) > file_size)
    return fail_at(r, begin, "a riegeli chunk is cut off", err);
  *out = (chunk){.begin = begin};
  out->data = copy_contents(header, r, begin, CHUNK_HEADER_SIZE);
  if (read_u64(header) != sm_highwayhash64(HASH_KEY, header + 8, CHUNK_HEADER_SIZE - 8))
    return fail_at(r, begin, "no riegeli chunk header, or a damaged one: its hash differs", err);
  out->data_size = read_u64(header + 8);
  out->data_hash = read_u64(header + 16);
  out->type = header[24];
  out->n_records = read_u64(header + 24) >> 8;
  out->decoded_size = read_u64(header + 32);
  if (out->data_size > file_size - begin) /* so that no sum overflows; n_records has 56 bits */
    return fail_at(r, begin, "a riegeli chunk runs past the end of the file", err);
  uint64_t by_data = add_with_headers(begin, CHUNK_HEADER_SIZE + out->data_size);
  uint64_t by_records = round_up_to_chunk_begin(begin + out->n_records);
  out->end = by_data > by_records ? by_data : by_records;
  if (out->end > file_size) return fail_at(r, begin, "a riegeli chunk runs past the end of the file", err);
  return SM_OK;
}

/* ---- Simple chunks ---- */

/* Takes the announced size off the front of a compressed buffer and decompresses the rest of it. */
static sm_status decompress(sm_span *out, const reader *r, const chunk *c, uint8_t compression, sm_span buffer,
                            uint64_t max_size, sm_error *err) {
  uint64_t size;
  const uint8_t *end = buffer.data + buffer.size, *data = sm_varint_read(buffer.data, end, &size);
  if (data == NULL || size > max_size)
    return fail_at(r, c->begin, "a compressed buffer of a riegeli chunk announces more than its chunk holds", err);
  uint8_t *made = sm_arena_alloc(r->arena, (size_t)size);
  if (made == NULL) return sm_arena_fail(r->arena, (size_t)size, err);
  *out = (sm_span){made, (size_t)size};
  size_t data_size = (size_t)(end - data);
  if (compression == COMPRESSION_BROTLI)
    return sm_brotli_decompress(made, out->size, data, data_size, r->file->name, r->arena->allocator, err);
  return sm_zstd_decompress(made, out->size, data, data_size, r->file->name, err);
}

static sm_status get_buffer(sm_span *out, const reader *r, const chunk *c, uint8_t compression, sm_span buffer,
                            uint64_t max_size, sm_error *err) {
  switch (compression) {
    case COMPRESSION_NONE: *out = buffer; return SM_OK;
    case COMPRESSION_BROTLI:
    case COMPRESSION_ZSTD: return decompress(out, r, c, compression, buffer, max_size, err);
    default:
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: riegeli chunk at byte %llu: compression 0x%02x is not known",
                     r->file->name, (unsigned long long)c->begin, compression);
  }
}

/* Cuts the values into records. */
static sm_status cut_records(reader *r, const chunk *c, sm_span sizes, sm_span values, sm_error *err) {
  const uint8_t *p = sizes.data, *end = sizes.data + sizes.size;
  for (uint64_t i = 0; i < c->n_records; i++) {
    uint64_t size;
    p = sm_varint_read(p, end, &size);
    if (p == NULL || size > values.size)
      return fail_at(r, c->begin, "record sizes of a riegeli chunk do not add up", err);
    r->records[r->n++] = (sm_riegeli_record){c->begin + i, {values.data, (size_t)size}};
    values.data += size;
    values.size -= (size_t)size;
  }
  if (p != end || values.size != 0) return fail_at(r, c->begin, "record sizes of a riegeli chunk do not add up", err);
  return SM_OK;
}

static sm_status read_simple(reader *r, const chunk *c, sm_error *err) {
  sm_span data, sizes, values;
  SM_TRY(get_contents(&data, r, c->data, c->data_size, err));
  if (sm_highwayhash64(HASH_KEY, data.data, data.size) != c->data_hash)
    return fail_at(r, c->begin, "the data of a riegeli chunk is damaged: its hash differs", err);
  uint64_t sizes_size = 0;
  const uint8_t *end = data.data + data.size;
  const uint8_t *p = data.size != 0 ? sm_varint_read(data.data + 1, end, &sizes_size) : NULL;
  if (p == NULL || sizes_size > (uint64_t)(end - p))
    return fail_at(r, c->begin, "the record sizes of a riegeli chunk run past its end", err);
  sizes = (sm_span){p, (size_t)sizes_size};
  values = (sm_span){p + sizes_size, (size_t)(end - p) - (size_t)sizes_size};
  SM_TRY(get_buffer(&sizes, r, c, data.data[0], sizes, c->n_records * SM_VARINT_MAX_SIZE, err));
  SM_TRY(get_buffer(&values, r, c, data.data[0], values, c->decoded_size, err));
  if (values.size != c->decoded_size)
    return fail_at(r, c->begin, "the records of a riegeli chunk are not as long as its header says", err);
  return cut_records(r, c, sizes, values, err);
}

/* ---- The file ---- */

static sm_status read_chunk(reader *r, const chunk *c, sm_error *err) {
  switch (c->type) {
    case CHUNK_SIGNATURE:
    case CHUNK_METADATA:
    case CHUNK_PADDING:
      if (c->n_records != 0) return fail_at(r, c->begin, "records in a riegeli chunk of a type that has none", err);
      return SM_OK;
    case CHUNK_SIMPLE:
      if (r->records != NULL) return read_simple(r, c, err);
      r->n += (size_t)c->n_records;
      return SM_OK;
    case CHUNK_TRANSPOSED:
      return SM_FAIL(err, SM_UNIMPLEMENTED,
                     "%s: riegeli chunk at byte %llu: transposed; only simple chunks are read, which is what writers"
                     " make unless asked otherwise",
                     r->file->name, (unsigned long long)c->begin);
    default:
      if (c->n_records == 0) return SM_OK; /* the reference reader passes over it too */
      return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: riegeli chunk at byte %llu: type 0x%02x is not known", r->file->name,
                     (unsigned long long)c->begin, c->type);
  }
}

/* Goes over all chunks. The sum of n_records stays below the file's size, for each chunk is as long as it has records. */
static sm_status read_chunks(reader *r, sm_error *err) {
  r->n = 0;
  for (uint64_t position = 0; position < r->file->bytes.size;) {
    chunk c;
    SM_TRY(read_header(&c, r, position, err));
    if (position == 0 && c.type != CHUNK_SIGNATURE) return fail_at(r, 0, "no signature of a riegeli file", err);
    SM_TRY(read_chunk(r, &c, err));
    position = c.end;
  }
  return SM_OK;
}

sm_status sm_riegeli_read(sm_riegeli_records *out, const sm_wire_source *file, sm_arena *arena, sm_error *err) {
  reader r = {.file = file, .arena = arena};
  *out = (sm_riegeli_records){NULL, 0};
  if (file->bytes.size == 0) return SM_FAIL(err, SM_DATA_LOSS, "%s: empty, and so no riegeli file", file->name);
  SM_TRY(read_chunks(&r, err));
  sm_riegeli_record *records = sm_arena_array(arena, sm_riegeli_record, r.n);
  if (records == NULL) return sm_arena_fail(arena, r.n * sizeof *records, err);
  r.records = records;
  SM_TRY(read_chunks(&r, err));
  *out = (sm_riegeli_records){records, r.n};
  return SM_OK;
}

const sm_riegeli_record *sm_riegeli_find(const sm_riegeli_records *records, uint64_t position) {
  size_t low = 0, high = records->n;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (records->items[middle].position < position)
      low = middle + 1;
    else
      high = middle;
  }
  return low < records->n && records->items[low].position == position ? &records->items[low] : NULL;
}
