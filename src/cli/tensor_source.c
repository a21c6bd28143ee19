#include "cli/tensor_source.h"

#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"

/* Names in an index share their beginnings, so a small file may hold very many long ones. */
enum { MAX_NAMES_SIZE = 256 << 20 };

static bool ends_in(const char *text, const char *end) {
  size_t size = strlen(text), end_size = strlen(end);
  return size > end_size && strcmp(text + size - end_size, end) == 0;
}

tensor_form tensor_form_of(const char *path) {
  if (ends_in(path, ".npz")) return FORM_NPZ;
  return ends_in(path, ".safetensors") ? FORM_SAFETENSORS : FORM_CHECKPOINT;
}

/* ---- Open, close ---- */

static sm_status open_safetensors(tensor_source *out, const char *path, sm_error *err) {
  SM_TRY(whole_file_open(&out->file, path, err));
  return safetensors_open(&out->tensors, path, out->file.data, (size_t)out->file.file.size, err);
}

int tensor_source_open(tensor_source *out, const cli_args *args, const char *path) {
  sm_error err;
  *out = (tensor_source){.form = tensor_form_of(path)};
  if (out->form == FORM_CHECKPOINT) return cli_checkpoint_open_checked(&out->reader, args, path);
  sm_status status = out->form == FORM_NPZ ? npz_open(&out->zip, path, NULL, &err) : open_safetensors(out, path, &err);
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}

static void forget_last(tensor_source *in) {
  sm_tensor_free(in->tensor);
  array_free(&in->last);
  in->tensor = NULL;
}

void tensor_source_close(tensor_source *in) {
  forget_last(in);
  for (size_t i = 0; i < in->n; i++) free(in->items[i].memory);
  free(in->items);
  sm_bundle_reader_close(in->reader);
  npz_close(&in->zip);
  safetensors_close(&in->tensors);
  if (in->file.fs != NULL) whole_file_close(&in->file);
  *in = (tensor_source){.form = FORM_CHECKPOINT};
}

/* ---- The list ---- */

static sm_status grow(tensor_source *to, sm_error *err) {
  if (to->n < to->capacity) return SM_OK;
  size_t capacity = to->capacity == 0 ? 64 : 2 * to->capacity;
  tensor_item *items = realloc(to->items, capacity * sizeof *items);
  if (items == NULL) return failure_no_memory(err);
  to->items = items;
  to->capacity = capacity;
  return SM_OK;
}

/* Adds a copy of what item says. */
static sm_status add_item(tensor_source *to, const tensor_item *item, sm_error *err) {
  SM_TRY(grow(to, err));
  if (item->name.size > MAX_NAMES_SIZE - to->names_size)
    return failure(err, SM_RESOURCE_EXHAUSTED, "the names of tensors take more than %d bytes", (int)MAX_NAMES_SIZE);
  size_t dims_size = (size_t)item->rank * sizeof *item->dims;
  char *memory = malloc(dims_size + item->name.size + 1);
  if (memory == NULL) return failure_no_memory(err);
  if (dims_size != 0) memcpy(memory, item->dims, dims_size);
  if (item->name.size != 0) memcpy(memory + dims_size, item->name.data, item->name.size);
  tensor_item *added = &to->items[to->n];
  *added = *item;
  added->memory = memory;
  added->dims = (const int64_t *)(const void *)memory;
  added->name.data = memory + dims_size;
  memory[dims_size + item->name.size] = '\0';
  added->number = to->n++;
  to->names_size += item->name.size;
  return SM_OK;
}

/* The entry of the first part that a tensor is stored in. */
static sm_status find_first_part(sm_bundle_entry *out, const tensor_source *in, const sm_bundle_entry *entry,
                                 sm_error *err) {
  sm_extent extents[SM_MAX_RANK];
  const sm_slice_spec slice = {extents, (size_t)entry->rank};
  uint64_t position = 0;
  size_t size = 0;
  SM_TRY(sm_bundle_entry_next_slice(extents, entry, &position, err));
  sm_status status = sm_bundle_slice_key(NULL, 0, &size, entry->key, &slice, err);
  if (status != SM_OUT_OF_RANGE) return status;
  char *key = malloc(size);
  if (key == NULL) return failure_no_memory(err);
  status = sm_bundle_slice_key(key, size, &size, entry->key, &slice, err);
  if (status == SM_OK) status = sm_bundle_reader_find_n(out, in->reader, (sm_string){key, size}, err);
  free(key);
  return status;
}

static sm_status add_entry(tensor_source *in, const sm_bundle_entry *entry, sm_error *err) {
  bool is_v1 = sm_bundle_reader_get_header(in->reader)->format == 1;
  tensor_item item = {.name = entry->key, .dtype = entry->dtype, .rank = entry->rank, .dims = entry->dims};
  sm_bundle_entry part;
  if (is_v1) return add_item(in, &item, err);
  if (entry->n_slices != 0) SM_TRY(find_first_part(&part, in, entry, err));
  const sm_bundle_entry *stored = entry->n_slices != 0 ? &part : entry;
  item.shard = stored->shard;
  item.offset = stored->offset;
  item.size = stored->size;
  return add_item(in, &item, err);
}

static sm_status list_checkpoint(tensor_source *in, sm_error *err) {
  sm_bundle_iter *iter;
  SM_TRY(sm_bundle_iter_new(&iter, in->reader, NULL, err));
  const sm_bundle_entry *entry;
  sm_status status = sm_bundle_iter_next(&entry, iter, err);
  while (status == SM_OK && entry != NULL) {
    status = add_entry(in, entry, err);
    if (status == SM_OK) status = sm_bundle_iter_next(&entry, iter, err);
  }
  sm_bundle_iter_free(iter);
  return status;
}

static sm_status list_npz(tensor_source *in, bool wants_types, sm_error *err) {
  for (size_t i = 0; i < in->zip.n; i++) {
    tensor_item item = {.name = {in->zip.names[i], strlen(in->zip.names[i])}};
    forget_last(in);
    if (wants_types) SM_TRY(npz_read(&in->last, &in->zip, i, SM_DT_INVALID, err));
    item.dtype = in->last.view.dtype;
    item.rank = in->last.view.rank;
    item.dims = in->last.view.dims;
    SM_TRY(add_item(in, &item, err));
  }
  return SM_OK;
}

static sm_status list_safetensors(tensor_source *in, sm_error *err) {
  for (size_t i = 0; i < in->tensors.n; i++) {
    const safetensors_entry *entry = &in->tensors.entries[i];
    if (entry->dtype == SM_DT_INVALID) return safetensors_read(&in->last, &in->tensors, i, err); /* which says why */
    const tensor_item item = {.name = entry->name,
                              .dtype = entry->dtype,
                              .rank = entry->rank,
                              .dims = entry->dims,
                              .offset = entry->begin,
                              .size = entry->end - entry->begin};
    SM_TRY(add_item(in, &item, err));
  }
  return SM_OK;
}

/* What has no bytes lies before the others at one place. */
static int compare_places(const void *a, const void *b) {
  const tensor_item *x = a, *y = b;
  if (x->shard != y->shard) return x->shard < y->shard ? -1 : 1;
  if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
  if (x->size != y->size) return x->size < y->size ? -1 : 1;
  return x->number < y->number ? -1 : x->number > y->number;
}

sm_status tensor_source_list(tensor_source *in, bool wants_types, sm_error *err) {
  sm_status status = in->form == FORM_CHECKPOINT ? list_checkpoint(in, err)
                     : in->form == FORM_NPZ      ? list_npz(in, wants_types, err)
                                                 : list_safetensors(in, err);
  if (status == SM_OK && in->n != 0) qsort(in->items, in->n, sizeof *in->items, compare_places);
  return status;
}

void tensor_source_leave_out(tensor_source *in, size_t i) {
  free(in->items[i].memory);
  memmove(in->items + i, in->items + i + 1, (--in->n - i) * sizeof *in->items);
}

/* ---- Values ---- */

static sm_status read_stored(tensor_source *in, const tensor_item *item, sm_error *err) {
  sm_bundle_entry entry;
  SM_TRY(sm_bundle_reader_find_n(&entry, in->reader, item->name, err));
  return sm_bundle_reader_read_entry_tensor(&in->tensor, in->reader, &entry, NULL, err);
}

sm_status tensor_source_read(sm_tensor_view *out, tensor_source *in, size_t i, sm_error *err) {
  const tensor_item *item = &in->items[i];
  forget_last(in);
  if (in->form == FORM_CHECKPOINT) {
    SM_TRY(read_stored(in, item, err));
    *out = *sm_tensor_get_view(in->tensor);
    return SM_OK;
  }
  if (in->form == FORM_NPZ)
    SM_TRY(npz_read(&in->last, &in->zip, item->number, SM_DT_INVALID, err));
  else
    SM_TRY(safetensors_read(&in->last, &in->tensors, item->number, err));
  *out = in->last.view;
  return SM_OK;
}
