/*
 * numpy: _core/arrayprint.py, array2string and what it calls. An array is walked two or three times: to see how wide its
 * elements are, then to print them. Of a summarised one only the corners are looked at, as they are all that is shown.
 */
#include "cli/array_text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/element.h"
#include "cli/failure.h"
#include "cli/float_text.h"
#include "cli/python.h"
#include "cli/text_buffer.h"

/* ---- Which elements are shown ---- */

typedef struct walk {
  const sm_tensor_view *array;
  size_t element_size;
  int64_t strides[SM_MAX_RANK]; /* in elements */
  int64_t edge;                 /* elements shown at each end of an axis; INT64_MAX: all */
} walk;

static bool is_summarised(const walk *w, int32_t axis) {
  return w->edge != INT64_MAX && w->array->dims[axis] / 2 >= w->edge && w->array->dims[axis] > 2 * w->edge;
}

static int64_t count_elements(const sm_tensor_view *array) {
  int64_t n = 1;
  for (int32_t i = 0; i < array->rank; i++) n *= array->dims[i]; /* a view's fit */
  return n;
}

static void start_walk(walk *out, const sm_tensor_view *array, const array_text_options *options) {
  out->array = array;
  out->element_size = array->dtype == SM_DT_STRING ? sizeof(sm_string) : sm_dtype_size(array->dtype);
  out->edge = count_elements(array) > options->threshold ? options->edgeitems : INT64_MAX;
  int64_t stride = 1;
  for (int32_t i = array->rank - 1; i >= 0; i--) {
    out->strides[i] = stride;
    stride *= array->dims[i];
  }
}

static const void *element_at(const walk *w, const int64_t *index) {
  int64_t at = 0;
  for (int32_t i = 0; i < w->array->rank; i++) at += index[i] * w->strides[i];
  return (const char *)w->array->data + (size_t)at * w->element_size;
}

/* On to the next shown element of a non-empty array; false: that was the last. skips: over the dots of an axis. */
static bool step(const walk *w, int64_t *index, bool skips) {
  for (int32_t axis = w->array->rank - 1; axis >= 0; axis--) {
    index[axis]++;
    if (skips && index[axis] == w->edge && is_summarised(w, axis)) index[axis] = w->array->dims[axis] - w->edge;
    if (index[axis] < w->array->dims[axis]) return true;
    index[axis] = 0;
  }
  return false;
}

/* ---- One element ---- */

typedef struct format {
  const array_text_options *options;
  sm_dtype dtype;
  element_class kind;
  int width; /* of an integer */
  int64_t smallest, largest;
  uint64_t largest_unsigned, smallest_unsigned;
  float_text real, imaginary;
} format;

static const float_type *float_type_of(sm_dtype dtype) {
  return dtype == SM_DT_HALF                                ? &float_type_half
         : dtype == SM_DT_FLOAT || dtype == SM_DT_COMPLEX64 ? &float_type_single
                                                            : &float_type_double;
}

static void start_format(format *out, const sm_tensor_view *array, const array_text_options *options) {
  *out = (format){.options = options,
                  .dtype = array->dtype,
                  .kind = element_class_of(array->dtype),
                  .smallest = INT64_MAX,
                  .largest = INT64_MIN,
                  .smallest_unsigned = UINT64_MAX};
  bool is_complex = out->kind == ELEMENT_COMPLEX, is_old = options->legacy <= ARRAY_LEGACY_1_13;
  const float_type *type = float_type_of(array->dtype);
  float_text_begin(&out->real, options, is_complex && is_old ? ARRAY_MAXPREC_EQUAL : options->floatmode, options->sign,
                   type);
  float_text_begin(&out->imaginary, options, is_old ? ARRAY_MAXPREC : options->floatmode, '+', type);
}

static void look(format *out, const void *element) {
  if (out->kind == ELEMENT_SIGNED) {
    int64_t value = element_signed(out->dtype, element);
    if (value < out->smallest) out->smallest = value;
    if (value > out->largest) out->largest = value;
  } else if (out->kind == ELEMENT_UNSIGNED) {
    uint64_t value = element_unsigned(out->dtype, element);
    if (value < out->smallest_unsigned) out->smallest_unsigned = value;
    if (value > out->largest_unsigned) out->largest_unsigned = value;
  } else {
    float_text_look(&out->real, element_float(out->dtype, element));
    if (out->kind == ELEMENT_COMPLEX) float_text_look(&out->imaginary, element_imaginary(out->dtype, element));
  }
}

static void look_again(format *out, const void *element) {
  float_text_look_again(&out->real, element_float(out->dtype, element));
  if (out->kind == ELEMENT_COMPLEX) float_text_look_again(&out->imaginary, element_imaginary(out->dtype, element));
}

/* numpy, IntegerFormat. */
static void decide_width(format *out) {
  char digits[32];
  bool is_signed = out->kind == ELEMENT_SIGNED, has_negative = is_signed && out->smallest < 0;
  bool is_all_negative = is_signed && out->largest < 0;
  int largest = is_signed ? snprintf(digits, sizeof digits, "%" PRId64, out->largest)
                          : snprintf(digits, sizeof digits, "%" PRIu64, out->largest_unsigned);
  int smallest = is_signed ? snprintf(digits, sizeof digits, "%" PRId64, out->smallest)
                           : snprintf(digits, sizeof digits, "%" PRIu64, out->smallest_unsigned);
  char sign = out->options->sign;
  if (!is_all_negative && (sign == '+' || (sign == ' ' && !has_negative))) largest++;
  out->width = largest > smallest ? largest : smallest;
}

static void look_at_all(format *out, const walk *w) {
  int64_t index[SM_MAX_RANK] = {0};
  bool is_integer = out->kind == ELEMENT_SIGNED || out->kind == ELEMENT_UNSIGNED;
  bool is_float = out->kind == ELEMENT_FLOAT || out->kind == ELEMENT_COMPLEX;
  bool skips = w->edge != 0; /* with no element at the ends numpy looks at all, though it shows the last */
  if (!is_integer && !is_float) return;
  do look(out, element_at(w, index));
  while (step(w, index, skips));
  if (is_integer) {
    decide_width(out);
    return;
  }
  float_text_decide(&out->real);
  float_text_decide(&out->imaginary);
  memset(index, 0, sizeof index);
  do look_again(out, element_at(w, index));
  while (step(w, index, skips));
  float_text_finish(&out->real);
  float_text_finish(&out->imaginary);
}

static void put_integer(text_buffer *to, const format *f, const void *element) {
  char digits[32], sign = f->options->sign;
  bool is_plain = f->width == 0; /* of ml_dtypes, or a scalar */
  uint64_t value = 0;
  bool is_negative = false;
  if (f->kind == ELEMENT_SIGNED) {
    int64_t number = element_signed(f->dtype, element);
    is_negative = number < 0;
    value = is_negative ? 0 - (uint64_t)number : (uint64_t)number;
  } else {
    value = element_unsigned(f->dtype, element);
  }
  if (sign == ' ' && f->kind == ELEMENT_SIGNED && f->smallest < 0) sign = '-';
  const char *shown = is_negative ? "-" : is_plain || sign == '-' ? "" : sign == '+' ? "+" : " ";
  int size = snprintf(digits, sizeof digits, "%s%" PRIu64, shown, value);
  if (f->width > size) text_put_many(to, ' ', (size_t)(f->width - size));
  text_put(to, digits, (size_t)size);
}

static void put_bytes(text_buffer *to, const void *element) {
  sm_string value;
  memcpy(&value, element, sizeof value);
  size_t most = value.size < SIZE_MAX / 8 ? 4 * value.size + 4 : SIZE_MAX; /* b'' and \xNN for each, terminated */
  char *dst = text_reserve(to, most);
  if (dst == NULL) return;
  python_repr_bytes(dst, most, value.data, value.size);
  to->size += strlen(dst);
}

static void put_complex(text_buffer *to, const format *f, const void *element) {
  float_text_put(to, &f->real, element_float(f->dtype, element));
  float_text_put(to, &f->imaginary, element_imaginary(f->dtype, element));
  size_t end = to->size;
  while (end > 0 && to->data[end - 1] == ' ') end--;
  text_put(to, "j", 1);
  if (to->is_short) return;
  memmove(to->data + end + 1, to->data + end, to->size - 1 - end);
  to->data[end] = 'j';
}

static bool is_of_ml_dtypes(sm_dtype dtype) {
  return dtype == SM_DT_INT4 || dtype == SM_DT_UINT4 || dtype == SM_DT_INT2 || dtype == SM_DT_UINT2;
}

static void put_element(text_buffer *to, const format *f, const void *element) {
  bool is_record = element_is_quantised(f->dtype);
  if (is_record) text_put(to, "(", 1);
  switch (f->kind) {
    case ELEMENT_BOOL: text_put_string(to, element_unsigned(f->dtype, element) != 0 ? " True" : "False"); break;
    case ELEMENT_SIGNED:
    case ELEMENT_UNSIGNED: put_integer(to, f, element); break;
    case ELEMENT_FLOAT: float_text_put(to, &f->real, element_float(f->dtype, element)); break;
    case ELEMENT_SMALL_FLOAT: small_float_put(to, element_float(f->dtype, element)); break;
    case ELEMENT_COMPLEX: put_complex(to, f, element); break;
    default: put_bytes(to, element);
  }
  if (is_record) text_put(to, ",)", 2);
}

/* str of what the one element of an array without dimensions is. */
static void put_scalar(text_buffer *to, const format *f, const void *element) {
  const float_type *type = float_type_of(f->dtype);
  double real = f->kind == ELEMENT_FLOAT || f->kind == ELEMENT_COMPLEX ? element_float(f->dtype, element) : 0;
  if (f->kind == ELEMENT_BOOL)
    text_put_string(to, element_unsigned(f->dtype, element) != 0 ? "True" : "False");
  else if (f->kind == ELEMENT_FLOAT)
    float_scalar_put(to, real, type, f->options->legacy);
  else if (f->kind == ELEMENT_COMPLEX)
    complex_scalar_put(to, real, element_imaginary(f->dtype, element), type, f->options->legacy);
  else
    put_element(to, f, element);
}

/* ---- Lines ---- */

/* What is printed, but for the blanks at the end of the line so far: when it is broken there they are left out. */
typedef struct page {
  FILE *to;
  const array_text_options *options;
  int64_t width;  /* that a line may have */
  int64_t column; /* characters in the line, blanks at its end included */
  int64_t blanks;
} page;

static void put(page *out, const char *bytes, size_t size) {
  size_t end = size;
  while (end > 0 && bytes[end - 1] == ' ') end--;
  if (end > 0) {
    for (; out->blanks > 0; out->blanks--) putc(' ', out->to);
    fwrite(bytes, 1, end, out->to);
  }
  out->blanks += (int64_t)(size - end);
  for (size_t i = 0; i < size; i++) out->column += ((unsigned char)bytes[i] & 0xC0) != 0x80;
}

/* Blanks at the end stay, whatever follows. */
static void put_raw(page *out, const char *string) { fputs(string, out->to); }

static void break_line(page *out, int64_t n_lines, int64_t indent) {
  for (; n_lines > 0; n_lines--) putc('\n', out->to);
  out->blanks = indent;
  out->column = indent;
}

/* A word in a row; a line break in front of it where it does not fit. indent: of the row's lines. */
static void put_word(page *out, const text_buffer *word, int64_t indent) {
  bool is_old = out->options->legacy <= ARRAY_LEGACY_1_13, is_first = out->column <= indent;
  int64_t width = 0;
  for (size_t i = 0; i < word->size; i++) width += ((unsigned char)word->data[i] & 0xC0) != 0x80;
  if (out->column + width > out->width) {
    if (!is_first) break_line(out, 1, indent);
    if (is_first && is_old)
      out->blanks++; /* what is left of a line break and an indent after numpy cuts the indent off */
  }
  put(out, word->data, word->size);
}

/* ---- Rows in brackets ---- */

typedef struct printer {
  const walk *w;
  const format *f;
  page page;
  text_buffer word;
} printer;

/* At the first index of an axis that is not shown? Goes on to the next that is, at least the last. */
static bool skip_hidden(const walk *w, int64_t *index, int32_t axis) {
  if (index[axis] != w->edge || !is_summarised(w, axis)) return false;
  index[axis] = w->array->dims[axis] - (w->edge > 0 ? w->edge : 1);
  return true;
}

/* Elements of the last axis, from index on. */
static void print_row(printer *p, int64_t *index) {
  static const text_buffer dots = {.data = (char *)(uintptr_t) "...", .size = 3};
  int32_t axis = p->w->array->rank - 1;
  int64_t indent = axis + 1;
  for (index[axis] = 0; index[axis] < p->w->array->dims[axis]; index[axis]++) {
    if (index[axis] > 0) put(&p->page, " ", 1);
    if (skip_hidden(p->w, index, axis)) {
      put_word(&p->page, &dots, indent);
      if (p->page.options->legacy <= ARRAY_LEGACY_1_13) put(&p->page, ",", 1);
      put(&p->page, " ", 1);
    }
    p->word.size = 0;
    put_element(&p->word, p->f, element_at(p->w, index));
    put_word(&p->page, &p->word, indent);
  }
}

/* Dots in place of rows, up to where the next one goes. */
static void put_dots(printer *p, int32_t axis) {
  bool is_old = p->page.options->legacy <= ARRAY_LEGACY_1_13;
  put(&p->page, "...", 3);
  if (is_old) put_raw(&p->page, ", ");
  break_line(&p->page, is_old ? 1 : p->w->array->rank - axis - 1, axis + 1);
}

/* From an axis on to the row that is the first in it. */
static void open_axes(printer *p, int64_t *index, int32_t first) {
  int32_t rank = p->w->array->rank;
  for (int32_t axis = first; axis < rank; axis++) {
    put(&p->page, "[", 1);
    index[axis] = 0;
    if (axis < rank - 1 && skip_hidden(p->w, index, axis)) put_dots(p, axis);
  }
}

/* After a row: closes what is at its end, and opens the next; false: that was all. */
static bool go_on(printer *p, int64_t *index) {
  int32_t rank = p->w->array->rank;
  put(&p->page, "]", 1);
  for (int32_t axis = rank - 2; axis >= 0; axis--, put(&p->page, "]", 1)) {
    if (++index[axis] == p->w->array->dims[axis]) continue;
    break_line(&p->page, rank - axis - 1, axis + 1);
    if (skip_hidden(p->w, index, axis)) put_dots(p, axis);
    open_axes(p, index, axis + 1);
    return true;
  }
  return false;
}

static bool print_rows(printer *p) {
  int64_t index[SM_MAX_RANK];
  open_axes(p, index, 0);
  do print_row(p, index);
  while (go_on(p, index) && !p->word.is_short);
  return !p->word.is_short;
}

sm_status array_text_print(FILE *to, const sm_tensor_view *array, const array_text_options *given, sm_error *err) {
  static const array_text_options defaults = ARRAY_TEXT_OPTIONS_INIT;
  array_text_options own = given != NULL ? *given : defaults, *options = &own;
  if (own.legacy == ARRAY_LEGACY_1_13) own.sign = '-'; /* numpy.set_printoptions does that */
  walk w;
  format f;
  start_format(&f, array, options);
  if (f.kind == ELEMENT_OTHER)
    return failure(err, SM_UNIMPLEMENTED, "elements of type %s cannot be shown",
                   sm_dtype_name(array->dtype) != NULL ? sm_dtype_name(array->dtype) : "DT_INVALID");
  if (count_elements(array) == 0) {
    fputs("[]", to);
    return SM_OK;
  }
  start_walk(&w, array, options);
  if (array->rank > 0 ? !is_of_ml_dtypes(array->dtype) : element_is_quantised(array->dtype)) look_at_all(&f, &w);
  int64_t width = options->linewidth - (options->legacy <= ARRAY_LEGACY_1_13 ? 0 : array->rank);
  printer p = {.w = &w, .f = &f, .page = {.to = to, .options = options, .width = width}};
  bool is_whole = true;
  if (array->rank > 0) {
    is_whole = print_rows(&p);
  } else {
    put_scalar(&p.word, &f, array->data);
    fwrite(p.word.data, 1, p.word.size, to);
    is_whole = !p.word.is_short;
  }
  text_free(&p.word);
  return is_whole ? SM_OK : failure_no_memory(err);
}
