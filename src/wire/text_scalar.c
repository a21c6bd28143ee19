#include <math.h>

#include "codec/decimal.h"
#include "wire/text_internal.h"

/* Of a token that is shown in a message. */
enum { MAX_SHOWN = 120 };

static int shown_size(const sm_text_tokens *in) {
  size_t size = sm_text_token_size(in);
  return (int)(size < MAX_SHOWN ? size : MAX_SHOWN);
}

/* ---- Integers ---- */

typedef struct integer {
  uint64_t size; /* without sign */
  bool is_negative;
  bool is_too_large; /* more than 64 bits */
} integer;

static unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return (unsigned)(c - '0');
  if (c >= 'a' && c <= 'f') return (unsigned)(c - 'a') + 10;
  if (c >= 'A' && c <= 'F') return (unsigned)(c - 'A') + 10;
  return 16;
}

/* The base that a prefix tells, and the digits behind it. C's octal 017 is for numbers without '+', not for enums. */
static unsigned find_base(const char **digits, const char *end, bool has_plus, bool is_enum) {
  const char *p = *digits;
  if (end - p < 2 || *p != '0') return 10;
  *digits = p + 2;
  switch (p[1]) {
    case 'x':
    case 'X': return 16;
    case 'o':
    case 'O': return 8;
    case 'b':
    case 'B': return 2;
    default: break;
  }
  *digits = p + 1;
  bool is_zero = true;
  for (; p != end; p++) is_zero = is_zero && *p == '0';
  if (is_zero) return 8;
  return has_plus || is_enum ? 0 : 8;
}

static bool scan_integer(integer *out, const sm_text_tokens *in, bool is_enum) {
  const char *p = in->token, *end = in->token_end;
  *out = (integer){.is_negative = p != end && *p == '-'};
  bool has_plus = p != end && *p == '+';
  if (out->is_negative || has_plus) p++;
  unsigned base = find_base(&p, end, has_plus, is_enum);
  if (p == end) return false;
  for (; p != end; p++) {
    unsigned digit = digit_value(*p);
    if (digit >= base) return false;
    if (__builtin_mul_overflow(out->size, base, &out->size) || __builtin_add_overflow(out->size, digit, &out->size))
      out->is_too_large = true;
  }
  return true;
}

/* least: the size of the smallest negative number. */
static sm_status check_range(uint64_t *decoded, const sm_text_tokens *in, const integer *value, uint64_t least,
                             uint64_t greatest, sm_error *err) {
  if (value->is_too_large || value->size > (value->is_negative ? least : greatest))
    return sm_text_fail(in, err, "Value out of range: %.*s", shown_size(in), in->token);
  *decoded = value->is_negative ? 0 - value->size : value->size;
  return SM_OK;
}

static sm_status read_integer(uint64_t *decoded, const sm_text_tokens *in, const ProtobufCFieldDescriptor *described,
                              sm_error *err) {
  integer value;
  if (!scan_integer(&value, in, false))
    return sm_text_fail(in, err, "Couldn't parse integer: %.*s", shown_size(in), in->token);
  switch (described->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32: return check_range(decoded, in, &value, (uint64_t)INT32_MAX + 1, INT32_MAX, err);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32: return check_range(decoded, in, &value, 0, UINT32_MAX, err);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64: return check_range(decoded, in, &value, 0, UINT64_MAX, err);
    default: return check_range(decoded, in, &value, (uint64_t)INT64_MAX + 1, INT64_MAX, err);
  }
}

/* ---- Enums and booleans ---- */

static bool token_is(const sm_text_tokens *in, const char *word) {
  size_t size = strlen(word);
  return sm_text_token_size(in) == size && memcmp(in->token, word, size) == 0;
}

static const ProtobufCEnumValueIndex *find_enum_value(const ProtobufCEnumDescriptor *type, const sm_text_tokens *in) {
  size_t low = 0, high = type->n_value_names, size = sm_text_token_size(in);
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const char *name = type->values_by_name[middle].name;
    int order = strncmp(name, in->token, size);
    if (order == 0) order = name[size] != '\0';
    if (order == 0) return &type->values_by_name[middle];
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

static sm_status read_enum(uint64_t *decoded, const sm_text_tokens *in, const ProtobufCFieldDescriptor *described,
                           sm_error *err) {
  const ProtobufCEnumDescriptor *type = described->descriptor;
  const ProtobufCEnumValueIndex *found = in->kind == SM_TEXT_WORD ? find_enum_value(type, in) : NULL;
  integer value;
  if (found != NULL) {
    *decoded = (uint64_t)(int64_t)type->values[found->index].value;
    return SM_OK;
  }
  if (in->kind == SM_TEXT_NUMBER && scan_integer(&value, in, true)) /* open enums: any number */
    return check_range(decoded, in, &value, (uint64_t)INT32_MAX + 1, INT32_MAX, err);
  return sm_text_fail(in, err, "Enum type \"%s\" has no value named %.*s.", type->name, shown_size(in), in->token);
}

static sm_status read_bool(uint64_t *decoded, const sm_text_tokens *in, sm_error *err) {
  static const char *const words[][4] = {{"false", "f", "0", "False"}, {"true", "t", "1", "True"}};
  for (unsigned value = 0; value < 2; value++) {
    for (unsigned i = 0; i < 4; i++) {
      if (!token_is(in, words[value][i])) continue;
      *decoded = value;
      return SM_OK;
    }
  }
  return sm_text_fail(in, err, "Expected \"true\" or \"false\".");
}

/* ---- Floating-point numbers ---- */

static bool equals_ignoring_case(const char *text, size_t size, const char *lower) {
  if (strlen(lower) != size) return false;
  for (size_t i = 0; i < size; i++)
    if ((text[i] | 0x20) != lower[i]) return false;
  return true;
}

/* The token, its sign gone. */
static bool scan_float(double *value, const char *p, const char *end) {
  if (sm_decimal_read(value, p, (size_t)(end - p))) return true;
  if (equals_ignoring_case(p, (size_t)(end - p), "inf")) {
    *value = (double)INFINITY;
    return true;
  }
  while (end != p && (end[-1] | 0x20) == 'f') end--; /* 1.5f */
  size_t size = (size_t)(end - p);
  bool is_infinite = equals_ignoring_case(p, size, "in") || equals_ignoring_case(p, size, "infinity"); /* inff */
  *value = is_infinite ? (double)INFINITY : (double)NAN;
  return is_infinite || equals_ignoring_case(p, size, "nan") || sm_decimal_read(value, p, size);
}

/* A float is read as a double first, and then rounded again: so do TensorFlow's parsers. */
static sm_status read_float(uint64_t *decoded, const sm_text_tokens *in, bool is_double, sm_error *err) {
  const char *p = in->token, *end = in->token_end;
  bool is_negative = p != end && *p == '-';
  double value;
  if (p != end && (*p == '-' || *p == '+')) p++;
  bool is_octal = end - p > 1 && p[0] == '0' && p[1] >= '0' && p[1] <= '9';
  if (is_octal) return sm_text_fail(in, err, "Invalid octal float: %.*s", shown_size(in), in->token);
  bool has_sign = p != end && (*p == '-' || *p == '+');
  if (has_sign || !scan_float(&value, p, end))
    return sm_text_fail(in, err, "Couldn't parse float: %.*s", shown_size(in), in->token);
  if (is_negative) value = -value;
  if (is_double) {
    memcpy(decoded, &value, sizeof value);
  } else {
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, sizeof bits);
    *decoded = bits;
  }
  return SM_OK;
}

sm_status sm_text_read_scalar(uint64_t *decoded, sm_text_tokens *in, const ProtobufCFieldDescriptor *described,
                              sm_error *err) {
  switch (described->type) {
    case PROTOBUF_C_TYPE_FLOAT: SM_TRY(read_float(decoded, in, false, err)); break;
    case PROTOBUF_C_TYPE_DOUBLE: SM_TRY(read_float(decoded, in, true, err)); break;
    case PROTOBUF_C_TYPE_BOOL: SM_TRY(read_bool(decoded, in, err)); break;
    case PROTOBUF_C_TYPE_ENUM: SM_TRY(read_enum(decoded, in, described, err)); break;
    default: SM_TRY(read_integer(decoded, in, described, err)); break;
  }
  sm_text_next(in);
  return SM_OK;
}

/* ---- Strings ---- */

/* Up to max digits of the base at *p. Returns how many. */
static unsigned read_digits(uint32_t *value, const char **p, const char *end, unsigned base, unsigned max) {
  unsigned n = 0;
  for (*value = 0; n < max && *p != end && digit_value(**p) < base; n++) *value = *value * base + digit_value(*(*p)++);
  return n;
}

static size_t put_utf8(char *dst, uint32_t code) {
  if (code < 0x80) {
    dst[0] = (char)code;
    return 1;
  }
  unsigned n = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  for (unsigned i = n - 1; i > 0; i--, code >>= 6) dst[i] = (char)(0x80 | (code & 0x3F));
  dst[0] = (char)((0xF0 << (4 - n)) | code);
  return n;
}

/* What follows a backslash at *p, as at most 4 bytes at dst. 0: no escape of the language. */
static size_t read_escape(char *dst, const char **p, const char *end) {
  static const char letters[] = "abfnrtv\\'\"?", meanings[] = "\a\b\f\n\r\t\v\\'\"?";
  uint32_t value;
  char c = *(*p)++;
  const char *letter = c != '\0' ? strchr(letters, c) : NULL;
  if (letter != NULL) {
    *dst = meanings[letter - letters];
    return 1;
  }
  if (c == 'x' || c == 'X') {
    if (c == 'X' || read_digits(&value, p, end, 16, 2) == 0) return 0;
    *dst = (char)value;
    return 1;
  }
  if (c >= '0' && c <= '7') {
    --*p;
    (void)read_digits(&value, p, end, 8, 3);
    *dst = (char)value;
    return value < 0x100;
  }
  unsigned n = c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (n == 0 || read_digits(&value, p, end, 16, n) != n) return 0;
  bool is_surrogate = value >= 0xD800 && value <= 0xDFFF;
  return is_surrogate || value > 0x10FFFF ? 0 : put_utf8(dst, value);
}

/* What is between the quotes; it is at least as long as what it means. */
static sm_status unescape(sm_buffer *out, const sm_text_tokens *in, const char *p, const char *end, sm_error *err) {
  SM_TRY(sm_buffer_reserve(out, (size_t)(end - p), err));
  char *dst = (char *)out->data + out->size;
  while (p != end) {
    const char *backslash = memchr(p, '\\', (size_t)(end - p));
    size_t plain = (size_t)((backslash != NULL ? backslash : end) - p);
    memcpy(dst, p, plain);
    dst += plain;
    p += plain;
    if (backslash == NULL) break;
    p++;
    size_t n = p != end ? read_escape(dst, &p, end) : 0;
    if (n == 0) return sm_text_fail(in, err, "Invalid escape sequence in string.");
    dst += n;
  }
  out->size = (size_t)(dst - (char *)out->data);
  return SM_OK;
}

sm_status sm_text_read_string(sm_buffer *out, sm_text_tokens *in, bool is_utf8, sm_error *err) {
  size_t start = out->size;
  if (in->kind != SM_TEXT_STRING)
    return sm_text_fail(in, err, "Expected string but found: '%.*s'", shown_size(in), in->token);
  while (in->kind == SM_TEXT_STRING) {
    size_t size = sm_text_token_size(in);
    if (size < 2 || in->token[size - 1] != in->token[0])
      return sm_text_fail(in, err, "String missing ending quote: '%.*s'", shown_size(in), in->token);
    SM_TRY(unescape(out, in, in->token + 1, in->token_end - 1, err));
    sm_text_next(in);
  }
  if (is_utf8 && !sm_utf8_is_valid(out->data + start, out->size - start))
    return sm_text_fail(in, err, "Couldn't parse string: not UTF-8");
  return SM_OK;
}
