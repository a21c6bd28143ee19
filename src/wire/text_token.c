#include <stdarg.h>

#include "wire/text_internal.h"

/* ---- Characters ---- */

enum { SPACE = 1, LETTER = 2, DIGIT = 4, SIGN = 8, QUOTE = 16, STRING_END = 32 /* quotes, backslash, newline */ };

static const uint8_t classes[256] = {
    ['\t'] = SPACE,
    ['\n'] = SPACE | STRING_END,
    ['\v'] = SPACE,
    ['\f'] = SPACE,
    ['\r'] = SPACE,
    [0x1C] = SPACE, /* Python: file, group, record and unit separators are blank, too */
    [0x1D] = SPACE,
    [0x1E] = SPACE,
    [0x1F] = SPACE,
    [' '] = SPACE,
    ['"'] = QUOTE | STRING_END,
    ['\''] = QUOTE | STRING_END,
    ['\\'] = STRING_END,
    ['+'] = SIGN,
    ['-'] = SIGN,
    ['_'] = LETTER,
    ['0'] = DIGIT,
    ['1'] = DIGIT,
    ['2'] = DIGIT,
    ['3'] = DIGIT,
    ['4'] = DIGIT,
    ['5'] = DIGIT,
    ['6'] = DIGIT,
    ['7'] = DIGIT,
    ['8'] = DIGIT,
    ['9'] = DIGIT,
    ['a'] = LETTER,
    ['b'] = LETTER,
    ['c'] = LETTER,
    ['d'] = LETTER,
    ['e'] = LETTER,
    ['f'] = LETTER,
    ['g'] = LETTER,
    ['h'] = LETTER,
    ['i'] = LETTER,
    ['j'] = LETTER,
    ['k'] = LETTER,
    ['l'] = LETTER,
    ['m'] = LETTER,
    ['n'] = LETTER,
    ['o'] = LETTER,
    ['p'] = LETTER,
    ['q'] = LETTER,
    ['r'] = LETTER,
    ['s'] = LETTER,
    ['t'] = LETTER,
    ['u'] = LETTER,
    ['v'] = LETTER,
    ['w'] = LETTER,
    ['x'] = LETTER,
    ['y'] = LETTER,
    ['z'] = LETTER,
    ['A'] = LETTER,
    ['B'] = LETTER,
    ['C'] = LETTER,
    ['D'] = LETTER,
    ['E'] = LETTER,
    ['F'] = LETTER,
    ['G'] = LETTER,
    ['H'] = LETTER,
    ['I'] = LETTER,
    ['J'] = LETTER,
    ['K'] = LETTER,
    ['L'] = LETTER,
    ['M'] = LETTER,
    ['N'] = LETTER,
    ['O'] = LETTER,
    ['P'] = LETTER,
    ['Q'] = LETTER,
    ['R'] = LETTER,
    ['S'] = LETTER,
    ['T'] = LETTER,
    ['U'] = LETTER,
    ['V'] = LETTER,
    ['W'] = LETTER,
    ['X'] = LETTER,
    ['Y'] = LETTER,
    ['Z'] = LETTER,
};

static inline bool is_a(char c, unsigned class) { return (classes[(unsigned char)c] & class) != 0; }

/* Bytes of the white space beyond ASCII at p (Unicode's White_Space, as Python's \s); 0: there is none. */
static size_t wide_space_size(const char *p, const char *end) {
  static const char *const spaces[] = {"\xC2\x85",     "\xC2\xA0",     "\xE1\x9A\x80", "\xE2\x80\xA8",
                                       "\xE2\x80\xA9", "\xE2\x80\xAF", "\xE2\x81\x9F", "\xE3\x80\x80"};
  size_t left = (size_t)(end - p);
  if (left >= 3 && memcmp(p, "\xE2\x80", 2) == 0 && (unsigned char)p[2] >= 0x80 && (unsigned char)p[2] <= 0x8A)
    return 3;
  for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++) {
    size_t size = strlen(spaces[i]);
    if (left >= size && memcmp(p, spaces[i], size) == 0) return size;
  }
  return 0;
}

/* ---- Tokens ---- */

static const char *skip_space(const char *p, const char *end) {
  for (;;) {
    while (p != end && is_a(*p, SPACE)) p++;
    if (p == end) return end;
    if (*p == '#') {
      const char *newline = memchr(p, '\n', (size_t)(end - p));
      if (newline == NULL) return end;
      p = newline;
    } else {
      size_t size = (unsigned char)*p < 0x80 ? 0 : wide_space_size(p, end);
      if (size == 0) return p;
      p += size;
    }
  }
}

/* p: behind the first quote. */
static const char *skip_string(const char *p, const char *end, char quote) {
  for (; p != end; p++) {
    if (!is_a(*p, STRING_END)) continue;
    if (*p == quote) return p + 1;
    if (*p == '\n') return p;
    if (*p == '\\' && p + 1 != end && p[1] != '\n') p++;
  }
  return end;
}

void sm_text_next(sm_text_tokens *in) {
  const char *p = skip_space(in->token_end, in->end), *end = in->end;
  in->previous = in->token;
  in->token = p;
  if (p == end) {
    in->kind = SM_TEXT_END;
  } else if (is_a(*p, LETTER)) {
    in->kind = SM_TEXT_WORD;
    while (++p != end && is_a(*p, LETTER | DIGIT | SIGN)) continue;
  } else if (is_a(*p, DIGIT | SIGN) || (*p == '.' && p + 1 != end && is_a(p[1], DIGIT))) {
    in->kind = SM_TEXT_NUMBER;
    while (++p != end && (is_a(*p, LETTER | DIGIT | SIGN) || *p == '.')) continue;
  } else if (is_a(*p, QUOTE)) {
    in->kind = SM_TEXT_STRING;
    p = skip_string(p + 1, end, *p);
  } else {
    in->kind = SM_TEXT_OTHER;
    size_t size = sm_utf8_char_size((const unsigned char *)p, (const unsigned char *)end);
    p += size != 0 ? size : 1;
  }
  in->token_end = p;
}

void sm_text_begin(sm_text_tokens *in, sm_string text) {
  if (text.size == 0) text.data = ""; /* it may be NULL then, and NULL + 0 is undefined in C */
  *in = (sm_text_tokens){.text = text.data, .end = text.data + text.size, .token = text.data, .token_end = text.data};
  sm_text_next(in);
}

/* ---- Messages ---- */

/* Length of the place and the message, and of a line that is shown in it. */
enum { MAX_WHAT = 400, MAX_LINE = 160 };

static const char *find_line(const sm_text_tokens *in, const char *at, uint64_t *line) {
  const char *start = in->text;
  *line = 1;
  for (const char *p = in->text; p != at; p++) {
    if (*p != '\n') continue;
    start = p + 1;
    ++*line;
  }
  return start;
}

static sm_status fail_at(const sm_text_tokens *in, const char *at, const char *line_text, size_t line_size,
                         const char *what, sm_error *err) {
  uint64_t line, column = 1;
  for (const char *p = find_line(in, at, &line); p != at; p++) column += ((unsigned char)*p & 0xC0) != 0x80;
  const char *quote = line_text != NULL ? "'" : "", *after = line_text != NULL ? "': " : "";
  return sm_fail_at(err, SM_DATA_LOSS, (uint64_t)(at - in->text), "%llu:%llu : %s%.*s%s%s", (unsigned long long)line,
                    (unsigned long long)column, quote, (int)line_size, line_text != NULL ? line_text : "", after, what);
}

sm_status sm_text_fail(const sm_text_tokens *in, sm_error *err, const char *format, ...) {
  char what[MAX_WHAT];
  uint64_t line;
  va_list args;
  if (err == NULL) return SM_DATA_LOSS;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  const char *start = in->token != in->end ? find_line(in, in->token, &line) : in->end;
  const char *newline = start != in->end ? memchr(start, '\n', (size_t)(in->end - start)) : NULL;
  size_t size = (size_t)((newline != NULL ? newline : in->end) - start);
  if (size > MAX_LINE) size = MAX_LINE;
  return fail_at(in, in->token, start, size, what, err);
}

sm_status sm_text_fail_before(const sm_text_tokens *in, sm_error *err, const char *format, ...) {
  char what[MAX_WHAT];
  va_list args;
  if (err == NULL) return SM_DATA_LOSS;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  return fail_at(in, in->previous, NULL, 0, what, err);
}

sm_status sm_text_expect(sm_text_tokens *in, char c, sm_error *err) {
  return sm_text_take(in, c) ? SM_OK : sm_text_fail(in, err, "Expected \"%c\".", c);
}
