#include "cli/json_read.h"

#include <string.h>

#include "cli/failure.h"
#include "cli/text_buffer.h"

sm_status json_fail(const json_reader *in, const char *what) {
  uint64_t at = (uint64_t)(in->p - in->start);
  return failure_at(in->err, SM_DATA_LOSS, at, "%.200s: JSON at byte %llu: %s", in->name, (unsigned long long)at, what);
}

static void skip_blanks(json_reader *in) {
  while (in->p != in->end && memchr(" \t\n\r", *in->p, 4) != NULL) in->p++;
}

bool json_takes(json_reader *in, char c) {
  skip_blanks(in);
  if (in->p == in->end || *in->p != c) return false;
  in->p++;
  return true;
}

sm_status json_take(json_reader *in, char c) {
  char what[] = "'.' is due";
  what[1] = c;
  return json_takes(in, c) ? SM_OK : json_fail(in, what);
}

sm_status json_take_end(json_reader *in) {
  skip_blanks(in);
  return in->p == in->end ? SM_OK : json_fail(in, "something follows the end");
}

sm_status json_take_number(uint64_t *out, json_reader *in) {
  skip_blanks(in);
  const char *first = in->p;
  *out = 0;
  for (; in->p != in->end && *in->p >= '0' && *in->p <= '9'; in->p++)
    if (__builtin_mul_overflow(*out, 10u, out) || __builtin_add_overflow(*out, (uint64_t)(*in->p - '0'), out))
      return json_fail(in, "a number that is too large");
  if (in->p == first || (*first == '0' && in->p != first + 1)) return json_fail(in, "a natural number is due");
  if (in->p != in->end && memchr(".eE", *in->p, 3) != NULL) return json_fail(in, "a number that is not natural");
  return SM_OK;
}

/* ---- Strings ---- */

/* Four hexadecimal digits. */
static bool take_unit(uint32_t *out, json_reader *in) {
  *out = 0;
  for (int i = 0; i < 4; i++) {
    char c = in->p != in->end ? *in->p++ : '\0';
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return false;
    *out = *out << 4 | (uint32_t)digit;
  }
  return true;
}

/* What is behind \u: a character, or two halves of one. */
static bool take_escaped(char **to, json_reader *in) {
  uint32_t point, low;
  if (!take_unit(&point, in) || (point >= 0xDC00 && point < 0xE000)) return false;
  if (point >= 0xD800 && point < 0xDC00) {
    if (in->end - in->p < 2 || in->p[0] != '\\' || in->p[1] != 'u') return false;
    in->p += 2;
    if (!take_unit(&low, in) || low < 0xDC00 || low >= 0xE000) return false;
    point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
  }
  *to += text_encode_utf8(*to, point);
  return true;
}

static bool take_character(char **to, json_reader *in) {
  static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
  char c = *in->p++;
  if ((unsigned char)c < 0x20) return false;
  if (c == '\\') {
    c = in->p != in->end ? *in->p++ : '\0';
    if (c == 'u') return take_escaped(to, in);
    const char *found = c != '\0' ? strchr(escapes, c) : NULL;
    if (found == NULL) return false;
    c = meant[found - escapes];
  }
  *(*to)++ = c;
  return true;
}

/* Escapes are longer than what they stand for, and quotes leave room for a NUL. */
sm_status json_take_string(sm_string *out, json_reader *in) {
  char *to = in->strings;
  SM_TRY(json_take(in, '"'));
  while (in->p != in->end && *in->p != '"')
    if (!take_character(&to, in)) return json_fail(in, "a string with a wrong escape or a control character");
  if (in->p == in->end) return json_fail(in, "a string that does not end");
  in->p++;
  *out = (sm_string){in->strings, (size_t)(to - in->strings)};
  *to++ = '\0';
  in->strings = to;
  return text_is_utf8(out->data, out->size) ? SM_OK : json_fail(in, "a string that is not UTF-8");
}
