#include "model/keras_metadata.h"

/* Text to be looked through: the metadata, and strings in it that hold strings themselves. Each level of escaping
 * makes a text longer, so there are few levels and their sum stays small. */
typedef struct text {
  sm_string bytes;
  struct text *next;
} text;

/* The key before a value, as far as it matters. A value without a key of its own, in a list, has the one of the
 * list. */
typedef enum key { OTHER_KEY, CLASS_NAME, FUNCTION, FUNCTION_TYPE, MODULE, REGISTERED_NAME } key;

typedef struct scan {
  sm_scan_finding found;
  sm_scan_fn fn;
  void *fn_ctx;
  sm_arena *arena;
  text *waiting;
  key key;
} scan;

/* ---- Strings of JSON ---- */

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \uXXXX at p, which is behind the u. What is not ASCII becomes a byte that no name has. */
static size_t decode_unicode(char *out, const char *p, const char *end) {
  unsigned value = 0;
  size_t n = 0;
  for (; n < 4 && p + n != end && hex_digit(p[n]) >= 0; n++) value = 16 * value + (unsigned)hex_digit(p[n]);
  *out = n == 4 && value < 0x80 ? (char)value : '\xFF';
  return n;
}

/* The string that starts at p, behind its quote, without escapes; returns where its closing quote is, or the end.
 * dst has room for what is left of the text. */
static const char *decode_string(char *dst, size_t *size, const char *p, const char *end) {
  static const char escapes[] = "bfnrt", meant[] = "\b\f\n\r\t";
  *size = 0;
  while (p != end && *p != '"') {
    char c = *p++;
    if (c == '\\' && p != end) {
      c = *p++;
      const char *escape = c != '\0' ? strchr(escapes, c) : NULL;
      if (c == 'u')
        p += decode_unicode(&c, p, end);
      else if (escape != NULL)
        c = meant[escape - escapes];
    }
    dst[(*size)++] = c;
  }
  return p;
}

/* ---- What is told by a string ---- */

static bool is(sm_string value, const char *name) { return sm_string_equal(value, sm_string_of(name)); }

static bool starts_with(sm_string value, const char *start) {
  size_t size = strlen(start);
  return value.size >= size && memcmp(value.data, start, size) == 0;
}

static key key_of(sm_string name) {
  static const struct {
    const char *name;
    key key;
  } keys[] = {{"class_name", CLASS_NAME},
              {"function", FUNCTION},
              {"function_type", FUNCTION_TYPE},
              {"module", MODULE},
              {"registered_name", REGISTERED_NAME}};
  for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
    if (is(name, keys[i].name)) return keys[i].key;
  return OTHER_KEY;
}

/* A code object that Python's marshal wrote, in base64: the byte 'c' or 0xE3, then the number of arguments in four
 * bytes, of which the upper three are 0. (Keras: generic_utils.func_dump.) */
static bool is_bytecode(sm_string value) {
  return value.size >= 24 && (starts_with(value, "4w") || starts_with(value, "Yw")) &&
         memcmp(value.data + 3, "AAA", 3) == 0;
}

/* Modules that Keras itself names. */
static bool is_keras_module(sm_string value) {
  static const char *const packages[] = {"keras", "tf_keras", "tensorflow"};
  for (size_t i = 0; i < sizeof packages / sizeof packages[0]; i++) {
    size_t size = strlen(packages[i]);
    if (starts_with(value, packages[i]) && (value.size == size || value.data[size] == '.')) return true;
  }
  return false;
}

/* Functions of TensorFlow's Python that a TFOpLambda layer could name to reach files or code. */
static bool is_reaching_function(sm_string value) {
  static const char *const starts[] = {"io.",      "raw_ops.", "py_function", "numpy_function",
                                       "compat.",  "data.",    "load_",       "saved_model.",
                                       "summary.", "train.",   "distribute.", "debugging."};
  for (size_t i = 0; i < sizeof starts / sizeof starts[0]; i++)
    if (starts_with(value, starts[i])) return true;
  return false;
}

static uint32_t judge(const char **reason, key of, sm_string value) {
  *reason = NULL;
  if (is_bytecode(value)) {
    *reason = "is Python bytecode, which Keras would run";
    return SM_EFFECT_CODE;
  }
  if (of == CLASS_NAME && (is(value, "Lambda") || is(value, "__lambda__"))) {
    *reason = "is a layer or function made of Python bytecode, which Keras would run";
    return SM_EFFECT_CODE;
  }
  if (of == FUNCTION_TYPE && is(value, "lambda")) {
    *reason = "announces Python bytecode, which Keras would run";
    return SM_EFFECT_CODE;
  }
  if (of == MODULE && value.size != 0 && !is_keras_module(value)) {
    *reason = "is a Python module of the host that Keras would take code from";
    return SM_EFFECT_CODE;
  }
  if (of == FUNCTION && is_reaching_function(value)) {
    *reason = "is a function of TensorFlow that reaches files or code, which Keras would call";
    return SM_EFFECT_CODE;
  }
  if ((of == CLASS_NAME || of == REGISTERED_NAME) && value.size != 0 && memchr(value.data, '>', value.size) != NULL)
    *reason = "is a class that the program itself has to register with Keras";
  return 0;
}

/* ---- Walking ---- */

static sm_status add_text(scan *s, sm_string bytes, sm_error *err) {
  text *made = sm_arena_new(s->arena, text);
  if (made == NULL) return sm_arena_fail(s->arena, sizeof *made, err);
  made->bytes = bytes;
  made->next = s->waiting;
  s->waiting = made;
  return SM_OK;
}

/* Long values, such as bytecode, are shown by their beginning. */
static sm_string shorten(sm_string value) { return (sm_string){value.data, value.size < 80 ? value.size : 80}; }

static sm_status visit_value(scan *s, sm_string value, sm_error *err) {
  sm_scan_finding finding = s->found;
  finding.kind = SM_SCAN_FINDING_KERAS;
  finding.op = shorten(value);
  finding.effects = judge(&finding.reason, s->key, value);
  if (finding.reason != NULL) SM_TRY(s->fn(s->fn_ctx, &finding, err));
  if (value.size == 0 || memchr(value.data, '"', value.size) == NULL) return SM_OK;
  sm_string copy = sm_arena_copy(s->arena, value);
  if (copy.data == NULL) return sm_arena_fail(s->arena, value.size, err);
  return add_text(s, copy, err);
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

static sm_status visit_text(scan *s, sm_string bytes, sm_error *err) {
  char *decoded = sm_arena_alloc(s->arena, bytes.size + 1);
  if (decoded == NULL) return sm_arena_fail(s->arena, bytes.size + 1, err);
  const char *end = bytes.data + bytes.size;
  s->key = OTHER_KEY;
  for (const char *p = bytes.data; p != end;) {
    if (*p++ != '"') continue;
    sm_string value = {decoded, 0};
    p = decode_string(decoded, &value.size, p, end);
    if (p != end) p++;
    const char *behind = p;
    while (behind != end && is_blank(*behind)) behind++;
    if (behind != end && *behind == ':')
      s->key = key_of(value);
    else
      SM_TRY(visit_value(s, value, err));
  }
  return SM_OK;
}

sm_status sm_keras_metadata_scan(sm_span json, const sm_scan_finding *found, sm_scan_fn fn, void *fn_ctx,
                                 sm_arena *arena, sm_error *err) {
  scan s = {.found = *found, .fn = fn, .fn_ctx = fn_ctx, .arena = arena};
  if (json.size == 0) return SM_OK;
  SM_TRY(add_text(&s, (sm_string){(const char *)json.data, json.size}, err));
  while (s.waiting != NULL) {
    text *next = s.waiting;
    s.waiting = next->next;
    SM_TRY(visit_text(&s, next->bytes, err));
  }
  return SM_OK;
}
