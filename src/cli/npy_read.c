#include <stdlib.h>
#include <string.h>

#include "cli/element.h"
#include "cli/failure.h"
#include "cli/npy.h"
#include "cli/pickle.h"
#include "cli/text_buffer.h"

/* ---- Order of the elements ---- */

/* Walks an array row by row and tells where its elements are in the file. */
typedef struct order {
  const npy_header *header;
  size_t at; /* of the present element, in elements */
  int64_t index[SM_MAX_RANK];
} order;

static void step(order *o) {
  const npy_header *header = o->header;
  if (!header->is_fortran) {
    o->at++;
    return;
  }
  size_t stride = 1;
  for (int32_t i = 0; i + 1 < header->rank; i++) stride *= (size_t)header->dims[i];
  for (int32_t axis = header->rank - 1; axis >= 0; axis--) {
    o->at += stride;
    if (++o->index[axis] < header->dims[axis]) return;
    o->at -= stride * (size_t)header->dims[axis];
    o->index[axis] = 0;
    if (axis > 0) stride /= (size_t)header->dims[axis - 1];
  }
}

/* ---- Numbers ---- */

/* Columns into rows. */
static sm_status turn(array *out, const npy_header *header, const unsigned char *src, sm_error *err) {
  size_t one = header->element_size, size = out->view.size;
  unsigned char *turned = malloc(size + 1);
  if (turned == NULL) return failure_no_memory(err);
  order o = {.header = header};
  for (size_t i = 0; i < size; i += one, step(&o)) memcpy(turned + i, src + o.at * one, one);
  sm_status status = array_set_numbers(out, turned, header->is_foreign, err);
  if (out->memory == NULL)
    out->memory = turned;
  else
    free(turned);
  return status;
}

static sm_status read_numbers(array *out, const npy_header *header, const unsigned char *src, sm_error *err) {
  bool is_turned = header->is_fortran && header->rank > 1;
  return is_turned ? turn(out, header, src, err) : array_set_numbers(out, src, header->is_foreign, err);
}

/* ---- Strings ---- */

/* numpy fills up with NULs and takes those at the end for that. */
static size_t trimmed(const unsigned char *bytes, size_t size, size_t unit) {
  static const unsigned char zeros[4];
  while (size > 0 && memcmp(bytes + size - unit, zeros, unit) == 0) size -= unit;
  return size;
}

static uint32_t code_point(const unsigned char *bytes, bool is_foreign) {
  uint32_t point;
  if (is_foreign)
    array_reverse(&point, bytes, sizeof point, sizeof point);
  else
    memcpy(&point, bytes, sizeof point);
  return point;
}

/* UTF-32 to UTF-8. */
static sm_status put_text(sm_string *out, unsigned char *dst, const unsigned char *src, size_t size, bool is_foreign,
                          const char *name, sm_error *err) {
  *out = (sm_string){(const char *)dst, 0};
  for (size_t i = 0; i < size; i += 4) {
    uint32_t point = code_point(src + i, is_foreign);
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
      return failure(err, SM_DATA_LOSS, "%.200s: 0x%x in a text, which is no character", name, point);
    out->size += text_encode_utf8((char *)dst + out->size, point);
  }
  return SM_OK;
}

/* size: of all elements in the file, so that there are not more of them than bytes. */
static sm_status read_strings(array *out, const npy_header *header, const unsigned char *src, size_t size,
                              const char *name, sm_error *err) {
  size_t one = header->element_size, n = size / one, used = 0;
  if (n > SIZE_MAX / sizeof(sm_string)) return failure_no_memory(err);
  sm_string *strings = out->memory = malloc(n * sizeof *strings + 1);
  bool is_text = header->kind == NPY_UNICODE;
  if (is_text) out->bytes = malloc(size + 1); /* of four bytes UTF-8 makes four at most */
  if (strings == NULL || (is_text && out->bytes == NULL)) return failure_no_memory(err);
  order o = {.header = header};
  for (size_t i = 0; i < n; i++, step(&o)) {
    const unsigned char *p = src + o.at * one;
    if (is_text) {
      SM_TRY(put_text(&strings[i], (unsigned char *)out->bytes + used, p, trimmed(p, one, 4), header->is_foreign, name,
                      err));
      used += strings[i].size;
    } else {
      strings[i] = (sm_string){(const char *)p, trimmed(p, one, 1)};
    }
  }
  out->view.data = strings;
  out->view.size = n * sizeof *strings;
  return SM_OK;
}

/* The pickle has a shape too, and numpy goes by it; files in which the two differ nobody writes. */
static sm_status read_objects(array *out, const npy_header *header, const unsigned char *src, size_t size,
                              const char *name, sm_error *err) {
  pickled_strings in;
  sm_error own;
  sm_status status = pickle_read(&in, src, size, &own);
  uint64_t offset = status == SM_OK || own.offset == UINT64_MAX ? UINT64_MAX : header->size + own.offset;
  if (status != SM_OK) return failure_at(err, status, offset, "%.200s: %.280s", name, own.message);
  out->memory = in.strings;
  out->bytes = in.bytes;
  out->view.data = in.strings;
  out->view.size = in.n * sizeof *in.strings;
  if (in.rank == header->rank && memcmp(in.dims, header->dims, (size_t)in.rank * sizeof in.dims[0]) == 0) return SM_OK;
  return failure(err, SM_DATA_LOSS, "%.200s: npy header and pickle have different shapes", name);
}

/* ---- All of it ---- */

static sm_status name_bytes(npy_header *header, sm_dtype wanted, const char *name, sm_error *err) {
  if (header->kind != NPY_NUMBERS || header->dtype != SM_DT_INVALID) return SM_OK;
  element_class kind = element_class_of(wanted);
  if (sm_dtype_size(wanted) != 1 || kind == ELEMENT_BOOL || kind == ELEMENT_OTHER)
    return failure(err, SM_UNIMPLEMENTED, "%.200s: bytes of a type that the file does not name ('V1')", name);
  header->dtype = wanted;
  return SM_OK;
}

static sm_status read_elements(array *out, const npy_header *header, const char *name, const unsigned char *src,
                               size_t left, sm_error *err) {
  size_t size;
  out->view.dtype = header->dtype;
  out->view.rank = header->rank;
  memcpy(out->view.dims, header->dims, sizeof out->view.dims);
  if (header->kind == NPY_OBJECTS) return read_objects(out, header, src, left, name, err);
  if (!array_size(&size, header->dims, header->rank, header->element_size) || size > left)
    return failure_at(err, SM_DATA_LOSS, header->size, "%.200s: has %zu bytes of elements, fewer than its shape needs",
                      name, left);
  out->view.size = size;
  if (header->kind == NPY_NUMBERS) return read_numbers(out, header, src, err);
  return read_strings(out, header, src, size, name, err);
}

sm_status npy_read(array *out, const char *name, const void *data, size_t size, sm_dtype wanted, sm_error *err) {
  npy_header header;
  *out = (array){.memory = NULL};
  SM_TRY(npy_read_header(&header, name, data, size, err));
  SM_TRY(name_bytes(&header, wanted, name, err));
  sm_status status =
      read_elements(out, &header, name, (const unsigned char *)data + header.size, size - header.size, err);
  if (status != SM_OK) array_free(out);
  return status;
}
