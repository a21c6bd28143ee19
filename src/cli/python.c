#include "cli/python.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* ---- Strings ---- */

typedef struct text {
  char *data;
  size_t size, used;
} text;

static void put(text *to, const char *bytes, size_t size) {
  for (size_t i = 0; i < size && to->used + 1 < to->size; i++) to->data[to->used++] = bytes[i];
}

static char quote_of(const char *bytes, size_t size) {
  bool has_single = size != 0 && memchr(bytes, '\'', size) != NULL;
  bool has_double = size != 0 && memchr(bytes, '"', size) != NULL;
  return has_single && !has_double ? '"' : '\'';
}

/* One byte below 0x80, escaped as Python does in both kinds of string; others are left to the caller. */
static bool put_ascii(text *to, unsigned char byte, char quote) {
  char escaped[8];
  const char *known = byte == '\n' ? "\\n" : byte == '\r' ? "\\r" : byte == '\t' ? "\\t" : byte == '\\' ? "\\\\" : NULL;
  if (known != NULL) {
    put(to, known, 2);
  } else if (byte == (unsigned char)quote) {
    escaped[0] = '\\';
    escaped[1] = quote;
    put(to, escaped, 2);
  } else if (byte < 0x20 || byte == 0x7F) {
    put(to, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", byte));
  } else if (byte < 0x80) {
    put(to, (const char *)&byte, 1);
  } else {
    return false;
  }
  return true;
}

/* Code point of the character at p, well-formed UTF-8 as the library hands it out. */
static uint32_t decode(const unsigned char *p, size_t left, size_t *size) {
  static const unsigned char masks[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  *size = *p < 0x80 ? 1 : *p < 0xE0 ? 2 : *p < 0xF0 ? 3 : 4;
  if (*size > left) *size = 1;
  uint32_t code = *p & masks[*size];
  for (size_t i = 1; i < *size; i++) code = code << 6 | (p[i] & 0x3F);
  return code;
}

/* Ranges that Python's str.isprintable refuses (Unicode categories C and Z), without the unassigned ones. */
static bool is_printable(uint32_t code) {
  static const uint32_t hidden[][2] = {
      {0x80, 0xA0},     {0xAD, 0xAD},     {0x600, 0x605},   {0x61C, 0x61C},   {0x6DD, 0x6DD},     {0x70F, 0x70F},
      {0x1680, 0x1680}, {0x180E, 0x180E}, {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},   {0x3000, 0x3000},
      {0xD800, 0xF8FF}, {0xFEFF, 0xFEFF}, {0xFFF0, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE0FFF}, {0xF0000, 0x10FFFF}};
  for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++)
    if (code >= hidden[i][0] && code <= hidden[i][1]) return false;
  return true;
}

void python_repr_str(char *dst, size_t dst_size, const char *bytes, size_t size) {
  text to = {dst, dst_size, 0};
  char quote = quote_of(bytes, size), escaped[16];
  put(&to, &quote, 1);
  for (size_t i = 0, n; i < size; i += n) {
    n = 1;
    if (put_ascii(&to, (unsigned char)bytes[i], quote)) continue;
    uint32_t code = decode((const unsigned char *)bytes + i, size - i, &n);
    const char *format = code <= 0xFF ? "\\x%02" PRIx32 : code <= 0xFFFF ? "\\u%04" PRIx32 : "\\U%08" PRIx32;
    if (is_printable(code))
      put(&to, bytes + i, n);
    else
      put(&to, escaped, (size_t)snprintf(escaped, sizeof escaped, format, code));
  }
  put(&to, &quote, 1);
  dst[to.used] = '\0';
}

void python_repr_bytes(char *dst, size_t dst_size, const char *bytes, size_t size) {
  text to = {dst, dst_size, 0};
  char quote = quote_of(bytes, size), escaped[8];
  put(&to, "b", 1);
  put(&to, &quote, 1);
  for (size_t i = 0; i < size; i++)
    if (!put_ascii(&to, (unsigned char)bytes[i], quote))
      put(&to, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned char)bytes[i]));
  put(&to, &quote, 1);
  dst[to.used] = '\0';
}

/* In pieces, so that a text of any length is shown whole. */
void python_print_repr_str(const char *bytes, size_t size) {
  char small[1024], *shown = 4 * size + 4 <= sizeof small ? small : malloc(4 * size + 4);
  if (shown == NULL) return;
  python_repr_str(shown, shown == small ? sizeof small : 4 * size + 4, bytes, size);
  fputs(shown, stdout);
  if (shown != small) free(shown);
}

/* ---- Numbers ---- */

/* The shortest decimal that reads back as the same double, in the form Python gives it. */
static void print_float(double value) {
  char digits[64];
  if (isnan(value) || isinf(value)) {
    fputs(isnan(value) ? "nan" : value < 0 ? "-inf" : "inf", stdout);
    return;
  }
  for (int precision = 0; precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*e", precision, value);
    if (strtod(digits, NULL) == value) break;
  }
  char *mark = strchr(digits, 'e');
  int exponent = (int)strtol(mark + 1, NULL, 10),
      n_fraction = digits[0] == '-' ? (int)(mark - digits) - 2 : (int)(mark - digits) - 1;
  if (n_fraction > 0) n_fraction--; /* the point */
  if (exponent < -4 || exponent >= 16) {
    printf("%.*se%c%02d", (int)(mark - digits), digits, exponent < 0 ? '-' : '+', abs(exponent));
    return;
  }
  int decimals = n_fraction - exponent;
  printf("%.*f", decimals > 0 ? decimals : 1, value);
}

/* ---- Shapes and types ---- */

static void print_dims(const sm_structured *shape) {
  for (int32_t i = 0; i < shape->rank; i++) {
    fputs(i == 0 ? "" : ", ", stdout);
    if (shape->dims[i] < 0)
      fputs("None", stdout);
    else
      printf("%" PRId64, shape->dims[i]);
  }
}

/* str(TensorShape) */
static void print_shape(const sm_structured *shape) {
  if (shape->rank < 0) {
    fputs("<unknown>", stdout);
    return;
  }
  fputs("(", stdout);
  print_dims(shape);
  fputs(shape->rank == 1 ? ",)" : ")", stdout);
}

static const char *dtype_name(sm_dtype dtype) {
  const char *name = sm_dtype_python_name(dtype);
  return name != NULL ? name : "invalid";
}

static void print_tensor_spec(const sm_structured *spec) {
  printf("%s(shape=", spec->kind == SM_STRUCTURED_TENSOR_SPEC ? "TensorSpec" : "BoundedTensorSpec");
  print_shape(spec);
  printf(", dtype=tf.%s, name=", dtype_name(spec->dtype));
  if (*spec->text == '\0')
    fputs("None", stdout);
  else
    python_print_repr_str(spec->text, strlen(spec->text));
  fputs(")", stdout);
}

/* ---- Any value ---- */

/* Values nest in files as deep as the library unpacks them, 100 levels; this goes along without recursion. */
typedef struct level {
  const sm_structured *value;
  size_t next; /* item to print */
} level;

enum { MAX_LEVELS = 101 };

static bool has_items(const sm_structured *value) {
  return value->kind == SM_STRUCTURED_LIST || value->kind == SM_STRUCTURED_TUPLE || value->kind == SM_STRUCTURED_DICT ||
         value->kind == SM_STRUCTURED_NAMED_TUPLE || value->kind == SM_STRUCTURED_TYPE_SPEC;
}

static void print_scalar(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_BOOL: fputs(value->bool_value ? "True" : "False", stdout); break;
    case SM_STRUCTURED_INT64: printf("%" PRId64, value->int64_value); break;
    case SM_STRUCTURED_FLOAT64: print_float(value->float64_value); break;
    case SM_STRUCTURED_STRING: python_print_repr_str(value->text, strlen(value->text)); break;
    case SM_STRUCTURED_DTYPE: printf("tf.%s", dtype_name(value->dtype)); break;
    case SM_STRUCTURED_SHAPE:
      fputs("TensorShape(", stdout);
      fputs(value->rank < 0 ? "None" : "[", stdout);
      print_dims(value);
      fputs(value->rank < 0 ? ")" : "])", stdout);
      break;
    case SM_STRUCTURED_TENSOR_SPEC:
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC: print_tensor_spec(value); break;
    case SM_STRUCTURED_TENSOR: fputs("<tf.Tensor>", stdout); break;
    case SM_STRUCTURED_NUMPY: fputs("<numpy.ndarray>", stdout); break;
    default: fputs("None", stdout);
  }
}

/* A type spec shows its class and then the state it was made from, a tuple, whose parentheses serve both. */
static void print_open(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_LIST: fputs("[", stdout); break;
    case SM_STRUCTURED_TUPLE: fputs("(", stdout); break;
    case SM_STRUCTURED_DICT: fputs("{", stdout); break;
    case SM_STRUCTURED_NAMED_TUPLE: printf("%s(", value->text); break;
    default: fputs(value->text, stdout);
  }
}

static void print_close(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_LIST: fputs("]", stdout); break;
    case SM_STRUCTURED_TUPLE: fputs(value->n_items == 1 ? ",)" : ")", stdout); break;
    case SM_STRUCTURED_DICT: fputs("}", stdout); break;
    case SM_STRUCTURED_NAMED_TUPLE: fputs(")", stdout); break;
    default: break;
  }
}

static void print_before_item(const sm_structured *value, size_t i) {
  if (i != 0) fputs(", ", stdout);
  if (value->kind == SM_STRUCTURED_DICT) {
    python_print_repr_str(value->keys[i], strlen(value->keys[i]));
    fputs(": ", stdout);
  } else if (value->kind == SM_STRUCTURED_NAMED_TUPLE) {
    printf("%s=", value->keys[i]);
  }
}

void python_print_repr(const sm_structured *value) {
  level levels[MAX_LEVELS];
  size_t depth = 0;
  for (const sm_structured *next = value; next != NULL || depth > 0;) {
    if (next != NULL && has_items(next) && depth < MAX_LEVELS) {
      levels[depth++] = (level){next, 0};
      print_open(next);
    } else if (next != NULL) {
      print_scalar(next);
    }
    next = NULL;
    if (depth == 0) return;
    level *top = &levels[depth - 1];
    if (top->next < top->value->n_items) {
      print_before_item(top->value, top->next);
      next = &top->value->items[top->next++];
    } else {
      print_close(top->value);
      depth--;
    }
  }
}

void python_print_str(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_STRING: cli_put(value->text, strlen(value->text)); break;
    case SM_STRUCTURED_DTYPE: printf("<dtype: '%s'>", dtype_name(value->dtype)); break;
    case SM_STRUCTURED_SHAPE: print_shape(value); break;
    default: python_print_repr(value);
  }
}

const char *python_type_name(const sm_structured *value) {
  switch (value->kind) {
    case SM_STRUCTURED_BOOL: return "bool";
    case SM_STRUCTURED_INT64: return "int";
    case SM_STRUCTURED_FLOAT64: return "float";
    case SM_STRUCTURED_STRING: return "str";
    case SM_STRUCTURED_SHAPE: return "TensorShape";
    case SM_STRUCTURED_DTYPE: return "DType";
    case SM_STRUCTURED_TENSOR_SPEC: return "TensorSpec";
    case SM_STRUCTURED_BOUNDED_TENSOR_SPEC: return "BoundedTensorSpec";
    case SM_STRUCTURED_TYPE_SPEC:
    case SM_STRUCTURED_NAMED_TUPLE: return value->text;
    case SM_STRUCTURED_LIST: return "list";
    case SM_STRUCTURED_TUPLE: return "tuple";
    case SM_STRUCTURED_DICT: return "dict";
    case SM_STRUCTURED_TENSOR: return "EagerTensor";
    case SM_STRUCTURED_NUMPY: return "ndarray";
    default: return "NoneType";
  }
}
