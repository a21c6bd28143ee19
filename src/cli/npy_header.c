#include <string.h>

#include "cli/failure.h"
#include "cli/npy.h"

static const char magic[] = "\x93NUMPY";

enum { MAGIC_SIZE = 6, MAX_WORD = 32 };

bool npy_is(const void *data, size_t size) { return size >= MAGIC_SIZE && memcmp(data, magic, MAGIC_SIZE) == 0; }

/* ---- Types ---- */

/* numpy's codes without their byte order. Of ml_dtypes' types only one has a code of its own. */
static const struct {
  const char *code;
  sm_dtype dtype;
} codes[] = {{"b1", SM_DT_BOOL},      {"i1", SM_DT_INT8},        {"i2", SM_DT_INT16},       {"i4", SM_DT_INT32},
             {"i8", SM_DT_INT64},     {"u1", SM_DT_UINT8},       {"u2", SM_DT_UINT16},      {"u4", SM_DT_UINT32},
             {"u8", SM_DT_UINT64},    {"f2", SM_DT_HALF},        {"f4", SM_DT_FLOAT},       {"f8", SM_DT_DOUBLE},
             {"c8", SM_DT_COMPLEX64}, {"c16", SM_DT_COMPLEX128}, {"f1", SM_DT_FLOAT8_E5M2}, {"V2", SM_DT_BFLOAT16}};

/* Records of one field that stands for the whole: tensorflow/python/framework/dtypes.py, _np_qint8 and so on; and what
 * npy_write makes of types that would otherwise be bytes without a name. */
static const struct {
  const char *code;
  sm_dtype dtype;
} records[] = {{"i1", SM_DT_QINT8},
               {"u1", SM_DT_QUINT8},
               {"i2", SM_DT_QINT16},
               {"u2", SM_DT_QUINT16},
               {"i4", SM_DT_QINT32},
               {"V1", SM_DT_FLOAT8_E5M2},
               {"V1", SM_DT_FLOAT8_E4M3FN},
               {"V1", SM_DT_FLOAT8_E4M3FNUZ},
               {"V1", SM_DT_FLOAT8_E4M3B11FNUZ},
               {"V1", SM_DT_FLOAT8_E5M2FNUZ},
               {"V1", SM_DT_INT4},
               {"V1", SM_DT_UINT4},
               {"V1", SM_DT_INT2},
               {"V1", SM_DT_UINT2},
               {"V1", SM_DT_FLOAT4_E2M1FN}};

/* A header that is being read. */
typedef struct parser {
  const char *name;
  const char *start, *p, *end;
  sm_error *err;
} parser;

static sm_status fail(const parser *in, sm_status code, const char *what) {
  uint64_t at = (uint64_t)(in->p - in->start);
  return failure_at(in->err, code, at, "%.200s: npy header: at byte %llu: %s", in->name, (unsigned long long)at, what);
}

static sm_status refuse_type(const parser *in, const char *descr) {
  return failure(in->err, SM_UNIMPLEMENTED, "%.200s: an array of elements '%s', which TensorFlow has not", in->name,
                 descr);
}

/* Digits up to the end of a text; 0: something else, or too much. */
static size_t size_of(const char *digits) {
  size_t size = 0;
  if (*digits == '\0') return 0;
  for (; *digits >= '0' && *digits <= '9' && size < SIZE_MAX / 100; digits++)
    size = 10 * size + (size_t)(*digits - '0');
  return *digits == '\0' ? size : 0;
}

static sm_status set_order(npy_header *out, const parser *in, char order) {
  if (order == '>' || order == '<') out->is_foreign = (order == '>') != array_host_is_big_endian();
  return order != '\0' && strchr("<>|=", order) != NULL ? SM_OK : fail(in, SM_DATA_LOSS, "a type without byte order");
}

/* "<f4" and so on. */
static sm_status set_type(npy_header *out, const parser *in, const char *descr) {
  SM_TRY(set_order(out, in, descr[0]));
  const char *code = descr + 1;
  out->dtype = SM_DT_STRING;
  out->element_size = *code != '\0' ? size_of(code + 1) : 0;
  switch (*code) {
    case 'O': out->kind = NPY_OBJECTS; return code[1] == '\0' ? SM_OK : refuse_type(in, descr);
    case 'S': out->kind = NPY_BYTES; break;
    case 'U':
      out->kind = NPY_UNICODE;
      out->element_size = out->element_size <= SIZE_MAX / 4 ? 4 * out->element_size : 0;
      break;
    default:
      out->kind = NPY_NUMBERS;
      out->dtype = SM_DT_INVALID;
      if (strcmp(code, "V1") == 0) return SM_OK;
      for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(code, codes[i].code) == 0) out->dtype = codes[i].dtype;
      if (out->dtype == SM_DT_INVALID) return refuse_type(in, descr);
  }
  return out->element_size != 0 ? SM_OK : refuse_type(in, descr);
}

static sm_status set_record(npy_header *out, const parser *in, const char *field, const char *descr) {
  if (*descr == '\0') return fail(in, SM_DATA_LOSS, "a type without byte order");
  for (size_t i = 0; i < sizeof records / sizeof records[0]; i++) {
    if (strcmp(field, sm_dtype_python_name(records[i].dtype)) != 0 || strcmp(descr + 1, records[i].code) != 0) continue;
    SM_TRY(set_type(out, in, descr));
    out->dtype = records[i].dtype;
    return SM_OK;
  }
  return refuse_type(in, "[...]");
}

/* ---- Literals ---- */

static void skip_blanks(parser *in) {
  while (in->p != in->end && (*in->p == ' ' || *in->p == '\t' || *in->p == '\n' || *in->p == '\r')) in->p++;
}

/* Is c next? Takes it then. */
static bool takes(parser *in, char c) {
  skip_blanks(in);
  if (in->p == in->end || *in->p != c) return false;
  in->p++;
  return true;
}

/* A string without escapes, which no name here needs. */
static sm_status take_string(char dst[MAX_WORD], parser *in) {
  skip_blanks(in);
  char quote = in->p != in->end ? *in->p : '\0';
  if (quote != '\'' && quote != '"') return fail(in, SM_DATA_LOSS, "a string is due");
  const char *first = ++in->p, *last = memchr(first, quote, (size_t)(in->end - first));
  if (last == NULL) return fail(in, SM_DATA_LOSS, "a string does not end");
  size_t size = (size_t)(last - first);
  if (size >= MAX_WORD || memchr(first, '\\', size) != NULL || memchr(first, '\0', size) != NULL)
    return fail(in, SM_DATA_LOSS, "a string that means nothing here");
  memcpy(dst, first, size);
  dst[size] = '\0';
  in->p = last + 1;
  return SM_OK;
}

/* A number; an L behind it was Python 2's. */
static sm_status take_dimension(int64_t *out, parser *in) {
  skip_blanks(in);
  const char *first = in->p;
  *out = 0;
  for (; in->p != in->end && *in->p >= '0' && *in->p <= '9'; in->p++)
    if (__builtin_mul_overflow(*out, 10, out) || __builtin_add_overflow(*out, *in->p - '0', out))
      return fail(in, SM_DATA_LOSS, "a dimension that is too large");
  if (in->p == first) return fail(in, SM_DATA_LOSS, "a dimension is due");
  if (in->p != in->end && *in->p == 'L') in->p++;
  return SM_OK;
}

static sm_status take_shape(npy_header *out, parser *in) {
  if (!takes(in, '(')) return fail(in, SM_DATA_LOSS, "a tuple is due");
  bool has_comma = true;
  for (out->rank = 0; !takes(in, ')'); has_comma = takes(in, ',')) {
    if (!has_comma) return fail(in, SM_DATA_LOSS, "a comma is due");
    if (out->rank == SM_MAX_RANK) return fail(in, SM_UNIMPLEMENTED, "more dimensions than tensors have");
    SM_TRY(take_dimension(&out->dims[out->rank++], in));
  }
  if (out->rank == 1 && !has_comma) return fail(in, SM_DATA_LOSS, "a number in place of a tuple");
  return SM_OK;
}

/* 'CODE', or [('FIELD', 'CODE')]. */
static sm_status take_type(npy_header *out, parser *in) {
  char field[MAX_WORD], descr[MAX_WORD];
  if (!takes(in, '[')) {
    SM_TRY(take_string(descr, in));
    return set_type(out, in, descr);
  }
  if (!takes(in, '(')) return refuse_type(in, "[...]");
  SM_TRY(take_string(field, in));
  if (!takes(in, ',')) return fail(in, SM_DATA_LOSS, "a comma is due");
  skip_blanks(in);
  if (in->p != in->end && *in->p != '\'') return refuse_type(in, "[...]"); /* a record in it */
  SM_TRY(take_string(descr, in));
  if (!takes(in, ')')) return refuse_type(in, "[...]"); /* an array in it */
  (void)takes(in, ',');
  if (!takes(in, ']')) return refuse_type(in, "[...]"); /* more fields */
  return set_record(out, in, field, descr);
}

static sm_status take_flag(bool *out, parser *in) {
  static const char *const words[] = {"False", "True"};
  skip_blanks(in);
  for (size_t i = 0; i < 2; i++) {
    size_t size = strlen(words[i]);
    if ((size_t)(in->end - in->p) < size || memcmp(in->p, words[i], size) != 0) continue;
    in->p += size;
    *out = i == 1;
    return SM_OK;
  }
  return fail(in, SM_DATA_LOSS, "True or False is due");
}

/* The three keys in any order, each once. */
static sm_status take_header(npy_header *out, parser *in) {
  char key[MAX_WORD];
  bool has_type = false, has_order = false, has_shape = false, has_comma = true;
  if (!takes(in, '{')) return fail(in, SM_DATA_LOSS, "a dictionary is due");
  for (; !takes(in, '}'); has_comma = takes(in, ',')) {
    if (!has_comma) return fail(in, SM_DATA_LOSS, "a comma is due");
    SM_TRY(take_string(key, in));
    if (!takes(in, ':')) return fail(in, SM_DATA_LOSS, "a colon is due");
    bool *seen = strcmp(key, "descr") == 0           ? &has_type
                 : strcmp(key, "fortran_order") == 0 ? &has_order
                 : strcmp(key, "shape") == 0         ? &has_shape
                                                     : NULL;
    if (seen == NULL || *seen) return fail(in, SM_DATA_LOSS, "a key that is not due");
    *seen = true;
    SM_TRY(seen == &has_type    ? take_type(out, in)
           : seen == &has_order ? take_flag(&out->is_fortran, in)
                                : take_shape(out, in));
  }
  if (!has_type || !has_order || !has_shape) return fail(in, SM_DATA_LOSS, "descr, fortran_order or shape is missing");
  skip_blanks(in);
  return in->p == in->end ? SM_OK : fail(in, SM_DATA_LOSS, "something follows the dictionary");
}

sm_status npy_read_header(npy_header *out, const char *name, const void *data, size_t size, sm_error *err) {
  enum { VERSION_AT = MAGIC_SIZE, LENGTH_AT = MAGIC_SIZE + 2 };
  const unsigned char *bytes = data;
  *out = (npy_header){.rank = 0};
  if (!npy_is(data, size) || size < LENGTH_AT) return failure(err, SM_DATA_LOSS, "%.200s: no npy file", name);
  unsigned version = bytes[VERSION_AT], minor = bytes[VERSION_AT + 1];
  if (version < 1 || version > 3 || minor != 0)
    return failure(err, SM_UNIMPLEMENTED, "%.200s: npy version %u.%u, not 1.0 to 3.0", name, version, minor);
  size_t length = 0, length_size = version == 1 ? 2 : 4, start = LENGTH_AT + length_size;
  if (size < start) return failure(err, SM_DATA_LOSS, "%.200s: ends in the npy header", name);
  for (size_t i = 0; i < length_size; i++) length |= (size_t)bytes[LENGTH_AT + i] << 8 * i;
  if (length > NPY_MAX_HEADER || length > size - start)
    return failure(err, SM_DATA_LOSS, "%.200s: npy header of %zu bytes, the file has %zu and numpy reads %d", name,
                   length, size - start, NPY_MAX_HEADER);
  out->size = start + length;
  parser in = {
      .name = name, .start = data, .p = (const char *)data + start, .end = (const char *)data + out->size, .err = err};
  return take_header(out, &in);
}
