#include "checkpoint.h"

#include <string.h>

#include "bundle/bundle.h"
#include "support/fault_alloc.h"
#include "support/table_bytes.h"
#include "tensor/slice.h"

/* ---- Tables ---- */

sm_wire_reader parts_of(sm_span message, sm_wire_source *source) {
  *source = (sm_wire_source){.name = "input", .bytes = message};
  return sm_wire_read(message, source);
}

/* Replaces the name in key by the key of its slice; a slice that is none leaves it. */
static void encode_key(w_buffer *key, sm_span slice) {
  sm_extent extents[SM_MAX_RANK];
  sm_buffer encoded;
  sm_error err;
  sm_wire_source source;
  sm_wire_reader fields = parts_of(slice, &source);
  size_t rank = 0;
  for (sm_wire_field field; sm_wire_next(&fields, &field);) rank += field.tag == SM_WIRE_TAG(1, SM_WIRE_BYTES);
  if (rank > SM_MAX_RANK || sm_slice_read(extents, rank, (sm_spans){&slice, 1}, &source, &err) != SM_OK) return;
  sm_buffer_init(&encoded, sm_allocator_or_malloc(NULL), UINT64_MAX);
  MUST(sm_slice_key_put(&encoded, (sm_string){(const char *)key->data, key->size}, extents, rank, &err) == SM_OK);
  w_clear(key);
  w_raw(key, encoded.data, encoded.size);
  sm_buffer_free(&encoded);
}

void entries_add(table_entries *entries, sm_span message) {
  sm_wire_source source;
  sm_span slice = {NULL, 0};
  bool is_slice = false;
  if (entries->n == MAX_ENTRIES) return;
  table_entry *entry = &entries->items[entries->n++];
  sm_wire_reader fields = parts_of(message, &source);
  for (sm_wire_field field; sm_wire_next(&fields, &field);) {
    if (field.tag == SM_WIRE_TAG(ENTRY_KEY, SM_WIRE_BYTES)) w_raw(&entry->key, field.bytes.data, field.bytes.size);
    if (field.tag == SM_WIRE_TAG(ENTRY_VALUE, SM_WIRE_BYTES)) w_raw(&entry->value, field.bytes.data, field.bytes.size);
    if (field.tag != SM_WIRE_TAG(ENTRY_SLICE, SM_WIRE_BYTES)) continue;
    is_slice = true;
    slice = field.bytes;
  }
  if (is_slice) encode_key(&entry->key, slice);
}

void entries_free(table_entries *entries) {
  for (size_t i = 0; i < entries->n; i++) {
    w_free(&entries->items[i].key);
    w_free(&entries->items[i].value);
  }
  entries->n = 0;
}

static sm_string key_of(const table_entry *entry) {
  return (sm_string){(const char *)entry->key.data, entry->key.size};
}

/* Stable: of equal keys, which no writer makes, the first stays so. */
static void sort(table_entries *entries) {
  for (size_t i = 1; i < entries->n; i++) {
    table_entry entry = entries->items[i];
    size_t at = i;
    for (; at > 0 && sm_string_compare(key_of(&entries->items[at - 1]), key_of(&entry)) > 0; at--)
      entries->items[at] = entries->items[at - 1];
    entries->items[at] = entry;
  }
}

static size_t common(sm_string a, sm_string b) {
  size_t n = 0;
  while (n < a.size && n < b.size && a.data[n] == b.data[n]) n++;
  return n;
}

/* A data block, and its entry in the index. */
static void write_block(w_buffer *file, w_buffer *index, const table_entry *items, size_t n, bool is_compressed) {
  w_buffer block = {0}, value = {0};
  sm_string last = {"", 0};
  for (size_t i = 0; i < n; i++) {
    sm_string key = key_of(&items[i]);
    size_t shared = i != 0 ? common(last, key) : 0;
    sm_string tail = {shared != 0 ? key.data + shared : key.data, key.size - shared};
    t_entry(&block, shared, tail.data, tail.size, items[i].value.data, items[i].value.size);
    last = key;
  }
  t_one_restart(&block);
  if (is_compressed) t_compress(&block);
  t_handle handle = t_block(file, &block, is_compressed ? T_SNAPPY : T_PLAIN);
  w_raw_varint(&value, handle.offset);
  w_raw_varint(&value, handle.size);
  t_entry(index, 0, last.data, last.size, value.data, value.size);
  w_free(&block);
  w_free(&value);
}

void entries_write(w_buffer *file, table_entries *entries, size_t per_block, bool is_compressed) {
  w_buffer index = {0};
  sort(entries);
  for (size_t i = 0; i < entries->n; i += per_block) {
    size_t n = entries->n - i < per_block ? entries->n - i : per_block;
    write_block(file, &index, &entries->items[i], n, is_compressed);
  }
  uint32_t first = 0;
  t_restarts(&index, &first, 1);
  t_finish(file, &index);
  w_free(&index);
}

/* ---- Repairing ---- */

enum { FOOTER_SIZE = 48 };

static bool take_varint(uint64_t *value, const uint8_t **p, const uint8_t *end) {
  *value = 0;
  for (unsigned shift = 0; shift < 64 && *p != end; shift += 7) {
    uint8_t byte = *(*p)++;
    *value |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

/* False: there is no such block. */
static bool repair_block(t_handle *handle, uint8_t *data, size_t size, const uint8_t **p, const uint8_t *end) {
  if (!take_varint(&handle->offset, p, end) || !take_varint(&handle->size, p, end)) return false;
  if (handle->offset > size || handle->size > size - handle->offset) return false;
  if (size - handle->offset - handle->size < T_TRAILER_SIZE) return false;
  w_buffer file = {.data = data, .size = size};
  t_repair(&file, *handle);
  return true;
}

void table_repair(uint8_t *data, size_t size) {
  t_handle index, other;
  if (size < FOOTER_SIZE) return;
  const uint8_t *p = data + size - FOOTER_SIZE, *end = data + size;
  if (!repair_block(&other, data, size, &p, end) || !repair_block(&index, data, size, &p, end)) return;
  p = data + index.offset;
  end = p + index.size;
  for (uint64_t shared, unshared, value_size; take_varint(&shared, &p, end);) {
    if (!take_varint(&unshared, &p, end) || !take_varint(&value_size, &p, end)) return;
    if (unshared > (size_t)(end - p) || value_size > (size_t)(end - p) - unshared) return;
    p += unshared;
    const uint8_t *value = p;
    p += value_size;
    (void)repair_block(&other, data, size, &value, p);
  }
}

/* ---- One tensor ---- */

enum { MAX_BYTES = 1 << 20, MAX_MEMORY = 24 << 20, MAX_COMPARED = 2000 };

static uint64_t hash_more(uint64_t hash, const void *data, size_t size) {
  const uint8_t *p = data;
  hash = (hash ^ size) * 0x100000001B3u;
  for (size_t i = 0; i < size; i++) hash = (hash ^ p[i]) * 0x100000001B3u;
  return hash;
}

static bool is_text(const sm_tensor_view *view) { return view->dtype == SM_DT_STRING || view->dtype == SM_DT_VARIANT; }

static size_t element_size(const sm_tensor_view *view) {
  return is_text(view) ? sizeof(sm_string) : sm_dtype_size(view->dtype);
}

static uint64_t hash_tensor(uint64_t hash, const sm_tensor_view *view) {
  hash = hash_more(hash, view->dims, (size_t)view->rank * sizeof *view->dims);
  if (!is_text(view)) return hash_more(hash, view->data, view->size);
  const sm_string *strings = view->data;
  for (size_t i = 0; i < view->size / sizeof *strings; i++) hash = hash_more(hash, strings[i].data, strings[i].size);
  return hash;
}

static void must_be_element(const sm_tensor_view *a, size_t i, const sm_tensor_view *b, size_t k) {
  size_t size = element_size(a);
  const uint8_t *x = (const uint8_t *)a->data + i * size, *y = (const uint8_t *)b->data + k * size;
  if (!is_text(a)) {
    MUST(memcmp(x, y, size) == 0);
    return;
  }
  MUST(sm_string_equal(*(const sm_string *)(const void *)x, *(const sm_string *)(const void *)y));
}

/* Element by element, by its indices. */
static void must_be_part(const sm_tensor_view *part, const sm_extent *extents, const sm_tensor_view *whole) {
  size_t n = part->size / element_size(part);
  for (size_t i = 0; i < n && i < MAX_COMPARED; i++) {
    size_t rest = i, at = 0, stride = 1;
    for (int32_t d = whole->rank; d-- > 0; stride *= (size_t)whole->dims[d]) {
      at += ((size_t)extents[d].start + rest % (size_t)part->dims[d]) * stride;
      rest /= (size_t)part->dims[d];
    }
    must_be_element(part, i, whole, at);
  }
}

/* A slice by chance. */
static void pick_slice(sm_extent *extents, const sm_bundle_entry *entry, unsigned how) {
  for (int32_t d = 0; d < entry->rank; d++) {
    int64_t dim = entry->dims[d];
    how = how * 1103515245u + 12345u;
    extents[d] = (sm_extent){0, -1};
    if (dim == 0 || (how >> 16) % 3 == 0) continue;
    extents[d].start = (int64_t)((how >> 17) % (uint64_t)dim);
    extents[d].length = 1 + (int64_t)((how >> 20) % (uint64_t)(dim - extents[d].start));
  }
}

/* May differ between two ways of reading: memory is needed in other places. */
static bool is_limit(sm_status status) { return status == SM_RESOURCE_EXHAUSTED; }

static void read_slice(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_tensor_view *whole,
                       unsigned how) {
  sm_extent extents[SM_MAX_RANK];
  sm_tensor *tensor;
  sm_error err;
  pick_slice(extents, entry, how);
  sm_status status =
      sm_bundle_reader_read_entry_tensor(&tensor, reader, entry, &(sm_slice_spec){extents, (size_t)entry->rank}, &err);
  if (whole != NULL) MUST(status == SM_OK || is_limit(status));
  if (whole != NULL && status == SM_OK) must_be_part(sm_tensor_get_view(tensor), extents, whole);
  sm_tensor_free(tensor);
}

/* Other ways to the same bytes; whole is NULL if they cannot be read. */
static void read_again(const sm_bundle_reader *reader, const sm_bundle_entry *entry, const sm_tensor_view *whole) {
  sm_tensor_view view;
  sm_error err;
  sm_status status = sm_bundle_reader_view_entry(&view, reader, entry, &err);
  if (status == SM_OK) MUST(whole != NULL && hash_tensor(0, &view) == hash_tensor(0, whole));
  if (whole != NULL) MUST(status == SM_OK || status == SM_FAILED_PRECONDITION || is_limit(status));
  if (whole == NULL || is_text(whole)) return;
  uint8_t *memory = malloc(whole->size != 0 ? whole->size : 1); /* no byte more */
  MUST(memory != NULL);
  status = sm_bundle_reader_read_entry(reader, entry, NULL, memory, whole->size, &err);
  MUST(is_limit(status) || (status == SM_OK && (whole->size == 0 || memcmp(memory, whole->data, whole->size) == 0)));
  free(memory);
}

static void walk_slices(const sm_bundle_entry *entry) {
  sm_extent extents[SM_MAX_RANK];
  uint64_t position = 0;
  size_t n = 0;
  sm_error err;
  while (sm_bundle_entry_next_slice(extents, entry, &position, &err) == SM_OK) n++;
  MUST(n == entry->n_slices && err.code == SM_OUT_OF_RANGE);
}

/* ---- All of them ---- */

typedef struct summary {
  uint64_t hash;
  size_t n;
  bool is_limited; /* somewhere it was memory that did not suffice */
  bool is_damaged; /* or something could not be read */
} summary;

static void note(summary *s, sm_status status) {
  s->is_limited |= is_limit(status);
  s->is_damaged |= status != SM_OK;
  s->hash = hash_more(s->hash, &status, sizeof status);
}

static void must_be_found(const sm_bundle_reader *reader, const sm_bundle_entry *entry) {
  sm_bundle_entry found;
  sm_error err;
  MUST(sm_bundle_reader_find_n(&found, reader, entry->key, &err) == SM_OK || err.code == SM_DATA_LOSS);
}

static void read_tensor(summary *s, const sm_bundle_reader *reader, const sm_bundle_entry *entry, unsigned how) {
  sm_tensor *tensor;
  sm_error err;
  must_be_found(reader, entry);
  walk_slices(entry);
  sm_status status = sm_bundle_reader_read_entry_tensor(&tensor, reader, entry, NULL, &err);
  const sm_tensor_view *whole = status == SM_OK ? sm_tensor_get_view(tensor) : NULL;
  note(s, status);
  if (status == SM_OK) s->hash = hash_tensor(s->hash, whole);
  read_slice(reader, entry, whole, how);
  read_again(reader, entry, whole);
  sm_tensor_free(tensor);
}

static summary walk(const sm_bundle_reader *reader, unsigned how) {
  summary s = {.hash = 14695981039346656037u};
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry = NULL;
  sm_buffer last;
  sm_error err;
  sm_status status = sm_bundle_iter_new(&iter, reader, NULL, &err);
  note(&s, status);
  if (status != SM_OK) return s;
  sm_buffer_init(&last, sm_allocator_or_malloc(NULL), UINT64_MAX);
  do {
    status = sm_bundle_iter_next(&entry, iter, &err);
    note(&s, status);
    if (entry == NULL) break;
    MUST(s.n == 0 || sm_string_compare((sm_string){(const char *)last.data, last.size}, entry->key) <= 0);
    last.size = 0;
    MUST(sm_buffer_put(&last, entry->key.data, entry->key.size, NULL) == SM_OK);
    s.hash = hash_more(s.hash, entry->key.data, entry->key.size);
    if (status == SM_OK) read_tensor(&s, reader, entry, how);
  } while (++s.n < 2 * MAX_ENTRIES);
  sm_buffer_free(&last);
  sm_bundle_iter_free(iter);
  return s;
}

/* ---- In every way ---- */

static void count_defect(void *ctx, const sm_finding *defect) {
  MUST(defect->file != NULL && defect->place != NULL && defect->what != NULL);
  *(size_t *)ctx += defect->severity == SM_SEVERITY_ERROR;
}

static void verify(const sm_bundle_reader *reader, const summary *s, bool is_checked) {
  size_t n = 0;
  sm_error err;
  sm_status status = sm_bundle_reader_verify(reader, count_defect, &n, NULL, &err);
  MUST((status == SM_DATA_LOSS) == (n != 0) || is_limit(status));
  if (is_checked && s->is_damaged && !s->is_limited) MUST(status != SM_OK);
}

static sm_status copy_all(sm_bundle_writer *writer, const sm_bundle_reader *reader) {
  sm_bundle_iter *iter;
  const sm_bundle_entry *entry = NULL;
  sm_error err;
  sm_status status = sm_bundle_iter_new(&iter, reader, NULL, &err);
  for (size_t i = 0; status == SM_OK && i < 2 * MAX_ENTRIES; i++) {
    status = sm_bundle_iter_next(&entry, iter, &err);
    if (entry == NULL) break;
    if (status == SM_OK) status = sm_bundle_writer_copy(writer, NULL, reader, entry, &err);
  }
  sm_bundle_iter_free(iter);
  if (status == SM_OK) MUST(sm_bundle_writer_finish(writer, &err) == SM_OK);
  return status;
}

/* A copy reads the same. */
static void copy(const sm_bundle_reader *reader, const summary *s, unsigned how) {
  sm_save_options save = SM_SAVE_OPTIONS_INIT;
  sm_open_options open = SM_OPEN_OPTIONS_INIT;
  sm_bundle_writer *writer;
  sm_bundle_reader *copied;
  sm_fs *fs;
  sm_error err;
  MUST(sm_fs_memory_new(&fs, NULL, &err) == SM_OK);
  save.fs = open.fs = fs;
  save.big_endian = (how & 16) != 0;
  MUST(sm_bundle_writer_open(&writer, "copy", &save, &err) == SM_OK);
  sm_status status = copy_all(writer, reader);
  sm_bundle_writer_close(writer);
  if (status == SM_OK && !s->is_damaged) {
    MUST(sm_bundle_reader_open(&copied, "copy", &open, &err) == SM_OK);
    MUST(walk(copied, how).hash == s->hash);
    sm_bundle_reader_close(copied);
  }
  sm_fs_close(fs);
}

static summary read_once(const sm_fs *fs, unsigned how, bool no_mmap) {
  summary s = {.hash = 0};
  sm_fault_alloc memory;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_bundle_reader *reader;
  sm_error err;
  sm_fault_alloc_init(&memory, UINT64_MAX);
  options.fs = fs;
  options.allocator = &memory.base;
  options.verify = (sm_verify)(how & 3);
  options.max_bytes = MAX_BYTES;
  options.no_mmap = no_mmap;
  sm_status status = sm_bundle_reader_open(&reader, "c/m", &options, &err);
  note(&s, status);
  if (status == SM_OK) {
    s = walk(reader, how);
    verify(reader, &s, options.verify == SM_VERIFY_DEFAULT || options.verify == SM_VERIFY_ALL);
    if ((how & 4) != 0) copy(reader, &s, how);
  }
  sm_bundle_reader_close(reader);
  MUST(memory.live_blocks == 0);
  MUST(memory.peak_bytes <= MAX_MEMORY);
  sm_fault_alloc_destroy(&memory);
  return s;
}

void read_checkpoint(const sm_fs *fs, unsigned how) {
  summary mapped = read_once(fs, how, false), read = read_once(fs, how, true);
  if (!mapped.is_limited && !read.is_limited) MUST(mapped.hash == read.hash && mapped.n == read.n);
}
