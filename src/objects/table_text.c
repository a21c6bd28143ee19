#include "objects/table_text.h"

/* A walk over the lines that count. */
typedef struct line_walk {
  const sm_table_text *table;
  size_t at;
  int64_t n; /* lines so far */
} line_walk;

static sm_status fail(const line_walk *walk, const char *what, sm_error *err) {
  return SM_FAIL(err, SM_DATA_LOSS, "%.200s: line %lld %s", walk->table->name, (long long)walk->n, what);
}

/* The next line; data is NULL when there is none. */
static sm_status next_line(sm_span *line, line_walk *walk, sm_error *err) {
  const sm_span text = walk->table->text;
  int64_t wanted = walk->table->vocab_size;
  *line = (sm_span){NULL, 0};
  if (wanted >= 0 && walk->n == wanted) return SM_OK;
  if (walk->at == text.size) {
    if (wanted < 0) return SM_OK;
    return SM_FAIL(err, SM_DATA_LOSS, "%.200s: %lld lines, the table wants %lld", walk->table->name, (long long)walk->n,
                   (long long)wanted);
  }
  const uint8_t *begin = text.data + walk->at, *end = memchr(begin, '\n', text.size - walk->at);
  *line = (sm_span){begin, end != NULL ? (size_t)(end - begin) : text.size - walk->at};
  walk->at += line->size + (end != NULL);
  walk->n++;
  if (line->size != 0 && line->data[line->size - 1] == '\r') line->size--;
  return line->size != 0 ? SM_OK : fail(walk, "is empty", err);
}

/* The column of that number, or the line as it is. */
static sm_status find_field(sm_span *field, const line_walk *walk, sm_span line, int64_t index, sm_error *err) {
  *field = line;
  for (int64_t i = 0; index >= 0; i++) {
    const uint8_t *end = field->size != 0 ? memchr(field->data, walk->table->delimiter, field->size) : NULL;
    size_t left = line.size - (size_t)(field->data - line.data);
    if (i == index) {
      if (end != NULL) field->size = (size_t)(end - field->data);
      return SM_OK;
    }
    if (end == NULL) return fail(walk, "has too few columns", err);
    size_t skipped = (size_t)(end - field->data) + 1;
    *field = (sm_span){end + 1, left - skipped};
  }
  return SM_OK;
}

/* Source: strings::safe_strto64, which takes blanks around the number. */
static bool read_int64(int64_t *out, sm_span field) {
  const uint8_t *p = field.data, *end = field.data + field.size;
  bool has_digits = false, fits = true;
  while (p != end && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) p++;
  while (p != end && (end[-1] == ' ' || (end[-1] >= '\t' && end[-1] <= '\r'))) end--;
  bool is_negative = p != end && *p == '-';
  p += is_negative || (p != end && *p == '+');
  *out = 0;
  for (; p != end && *p >= '0' && *p <= '9'; p++) {
    int64_t digit = is_negative ? -(int64_t)(*p - '0') : *p - '0';
    has_digits = true;
    fits = fits && !__builtin_mul_overflow(*out, 10, out) && !__builtin_add_overflow(*out, digit, out);
  }
  return p == end && has_digits && fits;
}

static sm_status fill_int64(sm_tensor *to, const sm_table_text *table, int64_t index, sm_error *err) {
  line_walk walk = {.table = table};
  int64_t *values = sm_tensor_get_data(to);
  for (;;) {
    sm_span line, field;
    SM_TRY(next_line(&line, &walk, err));
    if (line.data == NULL) return SM_OK;
    int64_t *value = &values[walk.n - 1];
    if (index == SM_TEXT_LINE_NUMBER) {
      *value = (int64_t)((uint64_t)table->offset + (uint64_t)walk.n - 1);
      continue;
    }
    SM_TRY(find_field(&field, &walk, line, index, err));
    if (!read_int64(value, field)) return fail(&walk, "has no number where there should be one", err);
  }
}

static sm_status fill_strings(sm_tensor *to, char *bytes, const sm_table_text *table, int64_t index, sm_error *err) {
  line_walk walk = {.table = table};
  sm_string *values = sm_tensor_get_data(to);
  for (;;) {
    sm_span line, field;
    SM_TRY(next_line(&line, &walk, err));
    if (line.data == NULL) return SM_OK;
    SM_TRY(find_field(&field, &walk, line, index, err));
    if (field.size != 0) memcpy(bytes, field.data, field.size);
    bytes[field.size] = '\0';
    values[walk.n - 1] = (sm_string){bytes, field.size};
    bytes += field.size + 1;
  }
}

static sm_status count_lines(int64_t *out, const sm_table_text *table, sm_error *err) {
  line_walk walk = {.table = table};
  for (sm_span line;;) {
    SM_TRY(next_line(&line, &walk, err));
    *out = walk.n;
    if (line.data == NULL && walk.n == 0) return SM_FAIL(err, SM_DATA_LOSS, "%.200s: no lines", table->name);
    if (line.data == NULL) return SM_OK;
  }
}

sm_status sm_table_text_read(sm_tensor **out, const sm_table_text *table, int64_t index, sm_dtype dtype,
                             const sm_allocator *allocator, sm_error *err) {
  char *bytes = NULL;
  int64_t n;
  *out = NULL;
  bool is_text = dtype == SM_DT_STRING && index != SM_TEXT_LINE_NUMBER;
  if (index < SM_TEXT_WHOLE_LINE || (!is_text && dtype != SM_DT_INT64))
    return SM_FAIL(err, SM_UNIMPLEMENTED, "%.200s: a table whose %s %lld is of dtype %d", table->name, "column",
                   (long long)index, (int)dtype);
  SM_TRY(count_lines(&n, table, err));
  const sm_shape shape = {1, &n};
  sm_status status = is_text ? sm_tensor_new_strings(out, &bytes, table->text.size + 1, &shape, dtype, allocator, err)
                             : sm_tensor_new(out, dtype, &n, 1, allocator, err);
  if (status == SM_OK)
    status = is_text ? fill_strings(*out, bytes, table, index, err) : fill_int64(*out, table, index, err);
  if (status == SM_OK) return SM_OK;
  sm_tensor_free(*out);
  *out = NULL;
  return status;
}
