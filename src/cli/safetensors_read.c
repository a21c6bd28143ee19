#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/json_read.h"
#include "cli/safetensors.h"
#include "cli/text_buffer.h"

/* ---- Types ---- */

/* In the order of the reference's enum Dtype, which is the order of arrays in a file. Sizes in bits. */
static const struct {
  const char *name;
  unsigned bits;
  sm_dtype dtype;
} types[] = {
    {"BOOL", 8, SM_DT_BOOL},
    {"F4", 4, SM_DT_INVALID}, /* two to a byte */
    {"F6_E2M3", 6, SM_DT_INVALID},
    {"F6_E3M2", 6, SM_DT_INVALID},
    {"U8", 8, SM_DT_UINT8},
    {"I8", 8, SM_DT_INT8},
    {"F8_E5M2", 8, SM_DT_FLOAT8_E5M2},
    {"F8_E4M3", 8, SM_DT_FLOAT8_E4M3FN},
    {"F8_E8M0", 8, SM_DT_INVALID},
    {"F8_E4M3FNUZ", 8, SM_DT_FLOAT8_E4M3FNUZ},
    {"F8_E5M2FNUZ", 8, SM_DT_FLOAT8_E5M2FNUZ},
    {"I16", 16, SM_DT_INT16},
    {"U16", 16, SM_DT_UINT16},
    {"F16", 16, SM_DT_HALF},
    {"BF16", 16, SM_DT_BFLOAT16},
    {"I32", 32, SM_DT_INT32},
    {"U32", 32, SM_DT_UINT32},
    {"F32", 32, SM_DT_FLOAT},
    {"C64", 64, SM_DT_COMPLEX64},
    {"F64", 64, SM_DT_DOUBLE},
    {"I64", 64, SM_DT_INT64},
    {"U64", 64, SM_DT_UINT64},
};

enum { N_TYPES = sizeof types / sizeof types[0] };

const char *safetensors_type(int *place, sm_dtype dtype) {
  for (int i = 0; i < N_TYPES; i++) {
    if (types[i].dtype != dtype || dtype == SM_DT_INVALID) continue;
    *place = i;
    return types[i].name;
  }
  return NULL;
}

/* 0: a type that is not known. */
static unsigned bits_of(const char *type) {
  for (int i = 0; i < N_TYPES; i++)
    if (strcmp(types[i].name, type) == 0) return types[i].bits;
  return 0;
}

static sm_dtype dtype_of(const char *type) {
  for (int i = 0; i < N_TYPES; i++)
    if (strcmp(types[i].name, type) == 0) return types[i].dtype;
  return SM_DT_INVALID;
}

/* ---- The header ---- */

typedef struct header {
  json_reader json;
  safetensors *out;
  size_t n_dims, dims_capacity, entries_capacity, notes_capacity;
} header;

/* Makes room for one more of size bytes each. */
static sm_status grow(void **data, size_t *capacity, size_t n, size_t size, sm_error *err) {
  if (n < *capacity) return SM_OK;
  size_t wanted = *capacity == 0 ? 16 : 2 * *capacity;
  void *grown = realloc(*data, wanted * size);
  if (grown == NULL) return failure_no_memory(err);
  *data = grown;
  *capacity = wanted;
  return SM_OK;
}

/* A string that is compared with others, which end at their first NUL. */
static sm_status take_word(sm_string *out, json_reader *in) {
  SM_TRY(json_take_string(out, in));
  return strlen(out->data) == out->size ? SM_OK : json_fail(in, "a NUL in a word");
}

/* dims: where they begin among all, until these do not move any more. */
static sm_status take_shape(safetensors_entry *out, header *h) {
  uint64_t dim;
  SM_TRY(json_take(&h->json, '['));
  for (out->rank = 0; !json_takes(&h->json, ']'); out->rank++) {
    if (out->rank > 0) SM_TRY(json_take(&h->json, ','));
    if (out->rank == SM_MAX_RANK) return json_fail(&h->json, "more dimensions than tensors have");
    SM_TRY(json_take_number(&dim, &h->json));
    if (dim > INT64_MAX) return json_fail(&h->json, "a dimension that is too large");
    SM_TRY(grow((void **)&h->out->dims, &h->dims_capacity, h->n_dims, sizeof *h->out->dims, h->json.err));
    h->out->dims[h->n_dims++] = (int64_t)dim;
  }
  return SM_OK;
}

static sm_status take_offsets(safetensors_entry *out, header *h) {
  SM_TRY(json_take(&h->json, '['));
  SM_TRY(json_take_number(&out->begin, &h->json));
  SM_TRY(json_take(&h->json, ','));
  SM_TRY(json_take_number(&out->end, &h->json));
  return json_take(&h->json, ']');
}

/* {"dtype": ..., "shape": ..., "data_offsets": ...}, in any order. */
static sm_status take_entry(safetensors_entry *out, header *h) {
  static const char *const fields[] = {"dtype", "shape", "data_offsets"};
  unsigned seen = 0;
  SM_TRY(json_take(&h->json, '{'));
  for (bool is_first = true; !json_takes(&h->json, '}'); is_first = false) {
    sm_string key, type;
    if (!is_first) SM_TRY(json_take(&h->json, ','));
    SM_TRY(take_word(&key, &h->json));
    SM_TRY(json_take(&h->json, ':'));
    unsigned field = 0;
    while (field < 3 && strcmp(key.data, fields[field]) != 0) field++;
    if (field == 3 || (seen & 1u << field) != 0) return json_fail(&h->json, "a field that is not due");
    seen |= 1u << field;
    if (field == 0) {
      SM_TRY(take_word(&type, &h->json));
      out->type = type.data;
    } else {
      SM_TRY(field == 1 ? take_shape(out, h) : take_offsets(out, h));
    }
  }
  return seen == 7 ? SM_OK : json_fail(&h->json, "dtype, shape or data_offsets is missing");
}

static sm_status take_notes(header *h) {
  SM_TRY(json_take(&h->json, '{'));
  for (bool is_first = true; !json_takes(&h->json, '}'); is_first = false) {
    safetensors_note note;
    if (!is_first) SM_TRY(json_take(&h->json, ','));
    SM_TRY(json_take_string(&note.key, &h->json));
    SM_TRY(json_take(&h->json, ':'));
    SM_TRY(json_take_string(&note.value, &h->json));
    SM_TRY(grow((void **)&h->out->notes, &h->notes_capacity, h->out->n_notes, sizeof note, h->json.err));
    h->out->notes[h->out->n_notes++] = note;
  }
  return SM_OK;
}

static sm_status take_header(header *h) {
  safetensors *out = h->out;
  bool has_notes = false;
  SM_TRY(json_take(&h->json, '{'));
  for (bool is_first = true; !json_takes(&h->json, '}'); is_first = false) {
    safetensors_entry entry = {.rank = 0};
    if (!is_first) SM_TRY(json_take(&h->json, ','));
    SM_TRY(json_take_string(&entry.name, &h->json));
    SM_TRY(json_take(&h->json, ':'));
    if (strcmp(entry.name.data, "__metadata__") == 0 && strlen(entry.name.data) == entry.name.size) {
      if (has_notes) return json_fail(&h->json, "__metadata__ twice");
      has_notes = true;
      SM_TRY(take_notes(h));
      continue;
    }
    SM_TRY(take_entry(&entry, h));
    SM_TRY(grow((void **)&out->entries, &h->entries_capacity, out->n, sizeof entry, h->json.err));
    out->entries[out->n++] = entry;
  }
  return json_take_end(&h->json);
}

/* ---- What must hold ---- */

static sm_status fail_entry(const safetensors *in, const safetensors_entry *entry, const char *what, sm_error *err) {
  return failure(err, SM_DATA_LOSS, "%.200s: array '%.150s': %s", in->name, entry->name.data, what);
}

static int compare_names(const void *a, const void *b) {
  return text_compare(((const safetensors_entry *)a)->name, ((const safetensors_entry *)b)->name);
}

static int compare_places(const void *a, const void *b) {
  const safetensors_entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  return x->end < y->end ? -1 : x->end > y->end;
}

/* Of a type that is not known only the place is. */
static sm_status check_size(const safetensors *in, const safetensors_entry *entry, sm_error *err) {
  size_t bits;
  if (entry->end < entry->begin) return fail_entry(in, entry, "ends before it begins", err);
  unsigned one = bits_of(entry->type);
  if (one == 0) return SM_OK;
  if (!array_size(&bits, entry->dims, entry->rank, one) || bits % 8 != 0 || bits / 8 != entry->end - entry->begin)
    return fail_entry(in, entry, "its size does not fit its shape", err);
  return SM_OK;
}

/* One behind the other, up to the end of the file. */
static sm_status check_places(safetensors *in, uint64_t size, sm_error *err) {
  uint64_t at = 0;
  if (in->n != 0) qsort(in->entries, in->n, sizeof *in->entries, compare_places);
  for (size_t i = 0; i < in->n; at = in->entries[i++].end) {
    if (in->entries[i].begin != at)
      return fail_entry(in, &in->entries[i], "does not begin where the one before ends", err);
    SM_TRY(check_size(in, &in->entries[i], err));
  }
  if (at != size)
    return failure(err, SM_DATA_LOSS, "%.200s: %llu bytes of numbers, the header speaks of %llu", in->name,
                   (unsigned long long)size, (unsigned long long)at);
  return SM_OK;
}

static sm_status check_names(safetensors *in, sm_error *err) {
  if (in->n != 0) qsort(in->entries, in->n, sizeof *in->entries, compare_names);
  for (size_t i = 1; i < in->n; i++)
    if (compare_names(&in->entries[i - 1], &in->entries[i]) == 0)
      return fail_entry(in, &in->entries[i], "there are two of this name", err);
  return SM_OK;
}

sm_status safetensors_open(safetensors *out, const char *name, const void *data, size_t size, sm_error *err) {
  enum { PREFIX = 8 };
  const unsigned char *bytes = data;
  *out = (safetensors){.name = name};
  if (size < PREFIX) return failure(err, SM_DATA_LOSS, "%.200s: no safetensors file, which has at least 8 bytes", name);
  uint64_t length = 0;
  for (int i = PREFIX - 1; i >= 0; i--) length = length << 8 | bytes[i];
  if (length > size - PREFIX || length > SAFETENSORS_MAX_HEADER)
    return failure(err, SM_DATA_LOSS,
                   "%.200s: a safetensors header of %llu bytes, the file has %zu, and at most %d are read", name,
                   (unsigned long long)length, size - PREFIX, SAFETENSORS_MAX_HEADER);
  out->strings = malloc((size_t)length + 1);
  if (out->strings == NULL) return failure_no_memory(err);
  const char *json = (const char *)data + PREFIX;
  header h = {
      .json = {.name = name, .start = data, .p = json, .end = json + length, .strings = out->strings, .err = err},
      .out = out};
  SM_TRY(take_header(&h));
  out->data = bytes + PREFIX + length;
  const int64_t *dims = out->dims;
  for (size_t i = 0; i < out->n; i++) {
    out->entries[i].dims = dims;
    dims = out->entries[i].rank != 0 ? dims + out->entries[i].rank : dims;
    out->entries[i].dtype = dtype_of(out->entries[i].type);
  }
  SM_TRY(check_places(out, size - PREFIX - length, err));
  return check_names(out, err);
}

void safetensors_close(safetensors *in) {
  free(in->entries);
  free(in->notes);
  free(in->strings);
  free(in->dims);
  *in = (safetensors){.name = NULL};
}

size_t safetensors_find(const safetensors *in, sm_string name) {
  safetensors_entry key = {.name = name};
  const safetensors_entry *found = in->n != 0 ? bsearch(&key, in->entries, in->n, sizeof key, compare_names) : NULL;
  return found != NULL ? (size_t)(found - in->entries) : in->n;
}

sm_status safetensors_read(array *out, const safetensors *in, size_t i, sm_error *err) {
  const safetensors_entry *entry = &in->entries[i];
  *out = (array){.memory = NULL};
  if (entry->dtype == SM_DT_INVALID)
    return failure(err, SM_UNIMPLEMENTED, "%.200s: array '%.150s' is of type %.32s, which is not supported", in->name,
                   entry->name.data, entry->type);
  out->view.dtype = entry->dtype;
  out->view.rank = entry->rank;
  out->view.size = (size_t)(entry->end - entry->begin);
  if (entry->rank > 0) memcpy(out->view.dims, entry->dims, (size_t)entry->rank * sizeof *entry->dims);
  sm_status status = array_set_numbers(out, in->data + entry->begin, array_host_is_big_endian(), err);
  if (status != SM_OK) array_free(out);
  return status;
}
