#include "codec/flat_json.h"

/* ---- Reading ---- */

typedef struct parser {
  const char *begin, *p, *end;
  sm_arena *arena;
} parser;

static sm_status fail(const parser *r, const char *wanted, sm_error *err) {
  uint64_t at = (uint64_t)(r->p - r->begin);
  return sm_fail_at(err, SM_DATA_LOSS, at, "byte %llu: expected %s", (unsigned long long)at, wanted);
}

static void skip_space(parser *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r')) r->p++;
}

/* Takes c, if it is next. */
static bool take(parser *r, char c) {
  skip_space(r);
  if (r->p == r->end || *r->p != c) return false;
  r->p++;
  return true;
}

static int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The four digits behind \u. */
static bool read_unit(uint32_t *out, parser *r) {
  *out = 0;
  for (int i = 0; i < 4; i++, r->p++) {
    int digit = r->p < r->end ? hex_digit(*r->p) : -1;
    if (digit < 0) return false;
    *out = *out << 4 | (uint32_t)digit;
  }
  return true;
}

static char *put_utf8(char *dst, uint32_t code) {
  if (code < 0x80) {
    *dst++ = (char)code;
    return dst;
  }
  int n = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3; /* bytes that follow the first */
  static const uint8_t lead[] = {0, 0xC0, 0xE0, 0xF0};
  *dst++ = (char)(lead[n] | code >> (6 * n));
  while (n-- > 0) *dst++ = (char)(0x80 | (code >> (6 * n) & 0x3F));
  return dst;
}

/* What is behind a backslash. NULL: no such thing. */
static char *read_escape(char *dst, parser *r) {
  static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
  uint32_t code, low;
  if (r->p == r->end) return NULL;
  char c = *r->p++;
  const char *found = c != '\0' ? strchr(names, c) : NULL;
  if (found != NULL) return put_utf8(dst, (uint8_t)values[found - names]);
  if (c != 'u' || !read_unit(&code, r) || code == 0 || (code >= 0xDC00 && code < 0xE000)) return NULL;
  if (code < 0xD800 || code >= 0xE000) return put_utf8(dst, code);
  if (r->end - r->p < 2 || r->p[0] != '\\' || r->p[1] != 'u') return NULL;
  r->p += 2;
  if (!read_unit(&low, r) || low < 0xDC00 || low >= 0xE000) return NULL;
  return put_utf8(dst, 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00));
}

/* No escape is shorter than what it stands for. */
static sm_status read_text(sm_string *out, parser *r, sm_error *err) {
  if (!take(r, '"')) return fail(r, "a string", err);
  const char *close = r->p;
  while (close < r->end && *close != '"') close += *close == '\\' && close + 1 < r->end ? 2 : 1;
  size_t room = (size_t)(close - r->p);
  char *text = sm_arena_alloc(r->arena, room + 1), *to = text;
  if (text == NULL) return sm_arena_fail(r->arena, room + 1, err);
  while (r->p < r->end && *r->p != '"') {
    if ((uint8_t)*r->p < 0x20) return fail(r, "no control character", err);
    if (*r->p != '\\') {
      *to++ = *r->p++;
      continue;
    }
    r->p++;
    to = read_escape(to, r);
    if (to == NULL) return fail(r, "an escape sequence of a character that is not NUL", err);
  }
  if (r->p == r->end) return fail(r, "the end of a string", err);
  r->p++;
  *to = '\0';
  *out = (sm_string){text, (size_t)(to - text)};
  return SM_OK;
}

/* With the order of pairs that have one key. */
typedef struct placed_pair {
  sm_json_pair pair;
  size_t position;
} placed_pair;

static bool placed_less(const void *a, const void *b) {
  const placed_pair *left = a, *right = b;
  int order = sm_string_compare(left->pair.key, right->pair.key);
  return order != 0 ? order < 0 : left->position < right->position;
}

static sm_status read_pairs(sm_buffer *pairs, parser *r, sm_error *err) {
  if (!take(r, '{')) return fail(r, "an object", err);
  if (take(r, '}')) return SM_OK;
  do {
    placed_pair placed = {.position = pairs->size};
    SM_TRY(read_text(&placed.pair.key, r, err));
    if (!take(r, ':')) return fail(r, "a colon", err);
    SM_TRY(read_text(&placed.pair.value, r, err));
    SM_TRY(sm_buffer_put(pairs, &placed, sizeof placed, err));
  } while (take(r, ','));
  return take(r, '}') ? SM_OK : fail(r, "the end of the object", err);
}

static sm_status sort_pairs(sm_json_pairs *out, sm_buffer *pairs, sm_arena *arena, sm_error *err) {
  placed_pair *placed = (placed_pair *)(void *)pairs->data;
  size_t n = pairs->size / sizeof *placed;
  sm_sort(placed, n, sizeof *placed, placed_less);
  *out = (sm_json_pairs){.items = sm_arena_array(arena, sm_json_pair, n)};
  if (out->items == NULL) return sm_arena_fail(arena, n * sizeof *out->items, err);
  for (size_t i = 0; i < n; i++) {
    bool is_last = i + 1 == n || !sm_string_equal(placed[i].pair.key, placed[i + 1].pair.key);
    if (is_last) out->items[out->n++] = placed[i].pair;
  }
  return SM_OK;
}

sm_status sm_flat_json_read(sm_json_pairs *out, sm_string text, sm_arena *arena, sm_error *err) {
  parser r = {.begin = text.data, .p = text.data, .end = text.data + text.size, .arena = arena};
  sm_buffer pairs;
  *out = (sm_json_pairs){NULL, 0};
  if (!sm_utf8_is_valid(text.data, text.size)) return SM_FAIL(err, SM_DATA_LOSS, "not UTF-8");
  sm_buffer_init(&pairs, arena->allocator, arena->max_bytes);
  sm_status status = read_pairs(&pairs, &r, err);
  skip_space(&r);
  if (status == SM_OK && r.p != r.end) status = fail(&r, "nothing more", err);
  if (status == SM_OK) status = sort_pairs(out, &pairs, arena, err);
  sm_buffer_free(&pairs);
  return status;
}

/* ---- Writing ---- */

static sm_status put_escaped(sm_buffer *out, char c, sm_error *err) {
  static const char names[] = "\"\\bfnrt", values[] = "\"\\\b\f\n\r\t";
  char text[8];
  const char *found = strchr(values, c);
  int n = found != NULL ? snprintf(text, sizeof text, "\\%c", names[found - values])
                        : snprintf(text, sizeof text, "\\u%04x", (unsigned)(uint8_t)c);
  return sm_buffer_put(out, text, (size_t)n, err);
}

static sm_status put_text(sm_buffer *out, sm_string text, sm_error *err) {
  SM_TRY(sm_buffer_put(out, "\"", 1, err));
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    bool is_plain = (uint8_t)c >= 0x20 && c != '"' && c != '\\';
    SM_TRY(is_plain ? sm_buffer_put(out, &c, 1, err) : put_escaped(out, c, err));
  }
  return sm_buffer_put(out, "\"", 1, err);
}

static sm_status put_word(sm_buffer *out, const char *word, sm_error *err) {
  return sm_buffer_put(out, word, strlen(word), err);
}

sm_status sm_flat_json_write(sm_buffer *out, const sm_json_pairs *pairs, sm_error *err) {
  for (size_t i = 0; i < pairs->n; i++) {
    SM_TRY(put_word(out, i == 0 ? "{\n  " : ",\n  ", err));
    SM_TRY(put_text(out, pairs->items[i].key, err));
    SM_TRY(put_word(out, ": ", err));
    SM_TRY(put_text(out, pairs->items[i].value, err));
  }
  return put_word(out, pairs->n == 0 ? "{}\n" : "\n}\n", err);
}
