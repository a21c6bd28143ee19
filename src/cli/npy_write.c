#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/element.h"
#include "cli/failure.h"
#include "cli/npy.h"
#include "cli/pickle.h"
#include "cli/text_buffer.h"

/* numpy pads headers to a multiple of this, and leaves room for the first dimension to grow to so many digits. */
enum { ALIGNMENT = 64, GROWING_DIGITS = 21 };

static void put_format(text_buffer *to, const char *format, int64_t number) {
  char digits[32];
  int n = snprintf(digits, sizeof digits, format, number);
  if (n > 0) text_put(to, digits, (size_t)n);
}

/* Of ml_dtypes; to numpy they are raw bytes. */
static bool is_raw(sm_dtype dtype) {
  return element_class_of(dtype) == ELEMENT_SMALL_FLOAT || dtype == SM_DT_INT4 || dtype == SM_DT_UINT4 ||
         dtype == SM_DT_INT2 || dtype == SM_DT_UINT2;
}

/* As numpy's dtype.str: "<f4". */
static void put_code(text_buffer *to, sm_dtype dtype) {
  static const char kinds[] = {[ELEMENT_BOOL] = 'b',  [ELEMENT_SIGNED] = 'i',  [ELEMENT_UNSIGNED] = 'u',
                               [ELEMENT_FLOAT] = 'f', [ELEMENT_COMPLEX] = 'c', [ELEMENT_STRING] = 'O'};
  bool has_order = array_unit(dtype) > 1 || is_raw(dtype);
  text_put_string(to, !has_order ? "'|" : array_host_is_big_endian() ? "'>" : "'<");
  text_put(to, is_raw(dtype) ? "V" : &kinds[element_class_of(dtype)], 1);
  if (dtype != SM_DT_STRING) put_format(to, "%" PRId64, (int64_t)sm_dtype_size(dtype));
  text_put(to, "'", 1);
}

static void put_type(text_buffer *to, sm_dtype dtype, bool names_bytes) {
  bool is_record = element_is_quantised(dtype) || (names_bytes && is_raw(dtype) && sm_dtype_size(dtype) == 1);
  if (is_record) {
    text_put_string(to, "[('");
    text_put_string(to, sm_dtype_python_name(dtype));
    text_put_string(to, "', ");
  }
  put_code(to, dtype);
  if (is_record) text_put_string(to, ")]");
}

static void put_shape(text_buffer *to, const sm_tensor_view *view) {
  text_put(to, "(", 1);
  for (int32_t i = 0; i < view->rank; i++) put_format(to, i != 0 ? ", %" PRId64 : "%" PRId64, view->dims[i]);
  text_put_string(to, view->rank == 1 ? ",)" : ")");
}

/* Version 1.0, which has two bytes for the length: the longest shape takes 6 kB. */
static void put_header(text_buffer *to, const sm_tensor_view *view, bool names_bytes) {
  enum { PREFIX = 10 };
  text_put(to, "\x93NUMPY\1\0..", PREFIX);
  text_put_string(to, "{'descr': ");
  put_type(to, view->dtype, names_bytes);
  text_put_string(to, ", 'fortran_order': False, 'shape': ");
  put_shape(to, view);
  text_put_string(to, ", }");
  if (view->rank > 0) {
    size_t before = to->size;
    put_format(to, "%" PRId64, view->dims[0]);
    size_t digits = to->size - before;
    to->size = before;
    text_put_many(to, ' ', GROWING_DIGITS - digits);
  }
  text_put_many(to, ' ', ALIGNMENT - (to->size + 1) % ALIGNMENT);
  text_put(to, "\n", 1);
  if (to->is_short) return;
  size_t length = to->size - PREFIX;
  to->data[PREFIX - 2] = (char)(length & 0xFF);
  to->data[PREFIX - 1] = (char)(length >> 8);
}

sm_status npy_write(const sm_tensor_view *view, bool names_bytes, sm_sink_fn sink, void *ctx, sm_error *err) {
  if (element_class_of(view->dtype) == ELEMENT_OTHER)
    return failure(err, SM_UNIMPLEMENTED, "npy files cannot hold elements of type %s",
                   sm_dtype_name(view->dtype) != NULL ? sm_dtype_name(view->dtype) : "DT_INVALID");
  text_buffer header = {.data = NULL};
  put_header(&header, view, names_bytes);
  sm_status status = header.is_short ? failure_no_memory(err) : sink(ctx, header.data, header.size, err);
  text_free(&header);
  if (status != SM_OK) return status;
  if (view->dtype == SM_DT_STRING) return pickle_write(view, sink, ctx, err);
  return view->size != 0 ? sink(ctx, view->data, view->size, err) : SM_OK;
}
