#include "cli/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/text_buffer.h"

static void put_escaped(const char *bytes, size_t size) {
  putchar('"');
  for (size_t i = 0; i < size; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    if (byte == '"' || byte == '\\')
      printf("\\%c", byte);
    else if (byte < 0x20 || byte == 0x7F)
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

/* Comma, line and key before a value. */
static void before_value(json *out, const char *key, size_t key_size) {
  if (out->depth > 0) {
    if (out->has_items[out->depth]) putchar(',');
    out->has_items[out->depth] = true;
    printf("\n%*s", 2 * out->depth, "");
  }
  if (key == NULL) return;
  put_escaped(key, key_size);
  fputs(": ", stdout);
}

static void before(json *out, const char *key) { before_value(out, key, key != NULL ? strlen(key) : 0); }

static void begin(json *out, char bracket) {
  putchar(bracket);
  out->has_items[++out->depth] = false;
}

static void end(json *out, char bracket) {
  bool had_items = out->has_items[out->depth--];
  if (had_items) printf("\n%*s", 2 * out->depth, "");
  putchar(bracket);
}

void json_begin_object(json *out, const char *key) {
  before(out, key);
  begin(out, '{');
}

void json_begin_object_named(json *out, const char *name, size_t size) {
  before_value(out, name, size);
  begin(out, '{');
}

void json_end_object(json *out) { end(out, '}'); }

void json_begin_list(json *out, const char *key) {
  before(out, key);
  begin(out, '[');
}

void json_end_list(json *out) { end(out, ']'); }

void json_string(json *out, const char *key, const char *text) {
  before(out, key);
  put_escaped(text, strlen(text));
}

void json_int(json *out, const char *key, int64_t value) {
  before(out, key);
  printf("%" PRId64, value);
}

void json_uint(json *out, const char *key, uint64_t value) {
  before(out, key);
  printf("%" PRIu64, value);
}

void json_float(json *out, const char *key, float value) {
  char digits[32] = "null";
  before(out, key);
  for (int precision = 1; isfinite(value) && precision <= 9; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
    if (strtof(digits, NULL) == value) break;
  }
  fputs(digits, stdout);
}

void json_double(json *out, const char *key, double value) {
  char digits[40] = "null";
  before(out, key);
  for (int precision = 1; isfinite(value) && precision <= 17; precision++) {
    snprintf(digits, sizeof digits, "%.*g", precision, value);
    if (strtod(digits, NULL) == value) break;
  }
  fputs(digits, stdout);
}

void json_bool(json *out, const char *key, bool value) {
  before(out, key);
  fputs(value ? "true" : "false", stdout);
}

void json_null(json *out, const char *key) {
  before(out, key);
  fputs("null", stdout);
}

void json_hex(json *out, const char *key, const char *bytes, size_t size) {
  before(out, key);
  putchar('"');
  for (size_t i = 0; i < size; i++) printf("%02x", (unsigned char)bytes[i]);
  putchar('"');
}

void json_bytes(json *out, const char *key, const char *bytes, size_t size) {
  if (text_is_utf8(bytes, size)) {
    before(out, key);
    put_escaped(bytes, size);
    return;
  }
  json_begin_object(out, key);
  json_hex(out, "hex", bytes, size);
  json_end_object(out);
}

void json_finish(json *out) {
  (void)out;
  putchar('\n');
}
