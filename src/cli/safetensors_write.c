#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/failure.h"
#include "cli/safetensors.h"
#include "cli/text_buffer.h"

enum { PREFIX = 8, ALIGNMENT = 8 };

/* An item on its way into the file. */
typedef struct placed {
  const safetensors_item *item;
  const char *type;
  int place; /* of the type, in the reference's order */
} placed;

static int compare_names(const void *a, const void *b) {
  return text_compare(((const placed *)a)->item->name, ((const placed *)b)->item->name);
}

static int compare_types_and_names(const void *a, const void *b) {
  const placed *x = a, *y = b;
  return x->place != y->place ? y->place - x->place : compare_names(a, b);
}

/* ---- Checks ---- */

static sm_status fail_item(const safetensors_item *item, sm_status code, const char *what, sm_error *err) {
  int size = item->name.size < 150 ? (int)item->name.size : 150;
  failure_set(err, code, UINT64_MAX, "safetensors: array '%.*s' %s", size, item->name.data, what);
  return code;
}

static sm_status place(placed *out, const safetensors_item *item, sm_error *err) {
  static const char notes[] = "__metadata__";
  char what[128];
  out->item = item;
  out->type = safetensors_type(&out->place, item->dtype);
  const char *dtype = sm_dtype_name(item->dtype);
  snprintf(what, sizeof what, "is of type %s, which the format has not", dtype != NULL ? dtype : "DT_INVALID");
  if (out->type == NULL) return fail_item(item, SM_UNIMPLEMENTED, what, err);
  bool is_reserved = item->name.size == sizeof notes - 1 && memcmp(item->name.data, notes, sizeof notes - 1) == 0;
  if (is_reserved || !text_is_utf8(item->name.data, item->name.size))
    return fail_item(item, SM_INVALID_ARGUMENT, "has a name that is not UTF-8, or that the format has for itself", err);
  return SM_OK;
}

static sm_status sort(placed *out, const safetensors_item *items, size_t n, sm_error *err) {
  for (size_t i = 0; i < n; i++) SM_TRY(place(&out[i], &items[i], err));
  if (n == 0) return SM_OK;
  qsort(out, n, sizeof *out, compare_names);
  for (size_t i = 1; i < n; i++)
    if (compare_names(&out[i - 1], &out[i]) == 0)
      return fail_item(out[i].item, SM_INVALID_ARGUMENT, "is there twice", err);
  qsort(out, n, sizeof *out, compare_types_and_names);
  return SM_OK;
}

/* ---- The header ---- */

/* Escapes what has to be, in serde_json's way. */
static void put_string(text_buffer *to, sm_string string) {
  static const char short_forms[] = "\b\f\n\r\t\"\\", letters[] = "bfnrt\"\\";
  text_put(to, "\"", 1);
  for (size_t i = 0; i < string.size; i++) {
    char c = string.data[i], escaped[8];
    const char *found = c != '\0' ? strchr(short_forms, c) : NULL;
    if (found != NULL)
      text_put(to, (const char[]){'\\', letters[found - short_forms]}, 2);
    else if ((unsigned char)c < 0x20)
      text_put(to, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\u%04x", (unsigned)c));
    else
      text_put(to, &c, 1);
  }
  text_put(to, "\"", 1);
}

static void put_number(text_buffer *to, uint64_t number) {
  char digits[32];
  text_put(to, digits, (size_t)snprintf(digits, sizeof digits, "%" PRIu64, number));
}

static void put_notes(text_buffer *to, const safetensors_note *notes, size_t n) {
  text_put_string(to, "\"__metadata__\":{");
  for (size_t i = 0; i < n; i++) {
    if (i != 0) text_put(to, ",", 1);
    put_string(to, notes[i].key);
    text_put(to, ":", 1);
    put_string(to, notes[i].value);
  }
  text_put(to, "}", 1);
}

/* Adds to *offset what the array takes. */
static sm_status put_entry(text_buffer *to, uint64_t *offset, const placed *in, sm_error *err) {
  const safetensors_item *item = in->item;
  size_t size;
  if (!array_size(&size, item->dims, item->rank, sm_dtype_size(item->dtype)))
    return fail_item(item, SM_INVALID_ARGUMENT, "is too large", err);
  put_string(to, item->name);
  text_put_string(to, ":{\"dtype\":\"");
  text_put_string(to, in->type);
  text_put_string(to, "\",\"shape\":[");
  for (int32_t i = 0; i < item->rank; i++) {
    if (i != 0) text_put(to, ",", 1);
    put_number(to, (uint64_t)item->dims[i]);
  }
  text_put_string(to, "],\"data_offsets\":[");
  put_number(to, *offset);
  text_put(to, ",", 1);
  put_number(to, *offset += size);
  text_put_string(to, "]}");
  return SM_OK;
}

static sm_status put_header(text_buffer *to, const placed *in, size_t n, const safetensors_note *notes, size_t n_notes,
                            sm_error *err) {
  uint64_t offset = 0;
  text_put_many(to, '\0', PREFIX);
  text_put(to, "{", 1);
  if (n_notes != 0) put_notes(to, notes, n_notes);
  for (size_t i = 0; i < n; i++) {
    if (i != 0 || n_notes != 0) text_put(to, ",", 1);
    SM_TRY(put_entry(to, &offset, &in[i], err));
  }
  text_put(to, "}", 1);
  text_put_many(to, ' ', (ALIGNMENT - to->size % ALIGNMENT) % ALIGNMENT);
  if (to->is_short) return failure_no_memory(err);
  uint64_t length = to->size - PREFIX;
  if (length > SAFETENSORS_MAX_HEADER)
    return failure(err, SM_INVALID_ARGUMENT, "safetensors: a header of %llu bytes, which readers do not read",
                   (unsigned long long)length);
  for (int i = 0; i < PREFIX; i++) to->data[i] = (char)(length >> 8 * i & 0xFF);
  return SM_OK;
}

/* ---- Numbers ---- */

static sm_status write_reversed(const sm_tensor_view *view, size_t unit, sm_sink_fn sink, void *ctx, sm_error *err) {
  char piece[65536];
  for (size_t at = 0; at < view->size;) {
    size_t size = view->size - at < sizeof piece ? view->size - at : sizeof piece;
    array_reverse(piece, (const char *)view->data + at, size, unit);
    SM_TRY(sink(ctx, piece, size, err));
    at += size;
  }
  return SM_OK;
}

static sm_status write_numbers(const safetensors_item *item, const sm_tensor_view *view, sm_sink_fn sink, void *ctx,
                               sm_error *err) {
  size_t unit = array_unit(view->dtype), size;
  if (view->dtype != item->dtype || !array_size(&size, item->dims, item->rank, sm_dtype_size(item->dtype)) ||
      size != view->size)
    return fail_item(item, SM_INVALID_ARGUMENT, "is not what was announced", err);
  if (unit > 1 && array_host_is_big_endian()) return write_reversed(view, unit, sink, ctx, err);
  return view->size != 0 ? sink(ctx, view->data, view->size, err) : SM_OK;
}

static sm_status write_all(placed *order, const safetensors_item *items, size_t n, text_buffer *header,
                           safetensors_get_fn get, void *get_ctx, sm_sink_fn sink, void *sink_ctx, sm_error *err) {
  sm_tensor_view view;
  SM_TRY(sink(sink_ctx, header->data, header->size, err));
  for (size_t i = 0; i < n; i++) {
    SM_TRY(get(get_ctx, (size_t)(order[i].item - items), &view, err));
    SM_TRY(write_numbers(order[i].item, &view, sink, sink_ctx, err));
  }
  return SM_OK;
}

sm_status safetensors_write(const safetensors_item *items, size_t n, const safetensors_note *notes, size_t n_notes,
                            safetensors_get_fn get, void *get_ctx, sm_sink_fn sink, void *sink_ctx, sm_error *err) {
  text_buffer header = {.data = NULL};
  placed *order = calloc(n + 1, sizeof *order);
  if (order == NULL) return failure_no_memory(err);
  sm_status status = sort(order, items, n, err);
  if (status == SM_OK) status = put_header(&header, order, n, notes, n_notes, err);
  if (status == SM_OK) status = write_all(order, items, n, &header, get, get_ctx, sink, sink_ctx, err);
  text_free(&header);
  free(order);
  return status;
}
