#include "support/tensor_protos.h"

#include "support/check.h"
#include "support/files.h"

static void put_hex(w_buffer *out, const char *text, size_t size) {
  for (size_t i = 0; i + 2 <= size; i += 2) {
    char pair[] = {text[i], text[i + 1], '\0'};
    uint8_t byte = (uint8_t)strtoul(pair, NULL, 16);
    w_raw(out, &byte, 1);
  }
}

/* "6162;;": the strings "ab" and "". Their bytes come first, for these move while they grow. */
static void put_strings(recorded_tensor *line, const char *text) {
  size_t at = 0;
  for (const char *p = text; strchr(p, ';') != NULL; p = strchr(p, ';') + 1)
    put_hex(&line->bytes, p, (size_t)(strchr(p, ';') - p));
  for (const char *p = text; strchr(p, ';') != NULL; p = strchr(p, ';') + 1) {
    sm_string string = {(const char *)line->bytes.data + at, (size_t)(strchr(p, ';') - p) / 2};
    w_raw(&line->elements, &string, sizeof string);
    at += string.size;
  }
}

static void parse_tensor(recorded_tensor *line, char *text) {
  line->is_refused = strcmp(text, "refused") == 0;
  if (line->is_refused) return;
  char *dims = strchr(text, ' ') + 1, *elements = strchr(dims, ' ') + 1;
  line->view = (sm_tensor_view){.dtype = (sm_dtype)strtol(text, NULL, 10)};
  for (char *p = dims; *p != '-' && p != elements; p++) line->view.dims[line->view.rank++] = strtoll(p, &p, 10);
  if (line->view.dtype == SM_DT_STRING || line->view.dtype == SM_DT_VARIANT)
    put_strings(line, elements);
  else
    put_hex(&line->elements, elements, strlen(elements));
  line->view.data = line->elements.data;
  line->view.size = line->elements.size;
}

static void parse_line(recorded_tensor *line, char *text) {
  char *columns[4] = {text};
  for (size_t i = 1; i < 4; i++) {
    columns[i] = strchr(columns[i - 1], '\t');
    assert_non_null(columns[i]);
    *columns[i]++ = '\0';
  }
  snprintf(line->form, sizeof line->form, "%s", columns[0]);
  snprintf(line->what, sizeof line->what, "%s", columns[1]);
  put_hex(&line->proto, columns[2], strlen(columns[2]));
  parse_tensor(line, columns[3]);
}

void each_recorded_tensor(const char *forms, void (*fn)(const recorded_tensor *line)) {
  size_t size, n = 0;
  char *text = (char *)read_file(SM_TEST_DATA "/tensor_protos.tsv", &size), *next = text;
  for (char *p = text; *p != '\0'; p = next) {
    next = strchr(p, '\n');
    *next++ = '\0';
    recorded_tensor line = {0};
    parse_line(&line, p);
    if (strstr(forms, line.form) != NULL) {
      fn(&line);
      n++;
    }
    w_free(&line.proto);
    w_free(&line.elements);
    w_free(&line.bytes);
  }
  free(text);
  assert_true(n > 50);
}

void assert_same_tensor(const char *what, const sm_tensor_view *is, const sm_tensor_view *wanted) {
  assert_number(what, is->dtype, wanted->dtype);
  assert_number(what, is->rank, wanted->rank);
  assert_bytes(what, is->dims, (size_t)is->rank * 8, wanted->dims, (size_t)wanted->rank * 8);
  assert_number(what, is->size, wanted->size);
  if (is->dtype != SM_DT_STRING && is->dtype != SM_DT_VARIANT) {
    assert_bytes(what, is->data, is->size, wanted->data, wanted->size);
    return;
  }
  const sm_string *a = is->data, *b = wanted->data;
  for (size_t i = 0; i < is->size / sizeof *a; i++) {
    assert_bytes(what, a[i].data, a[i].size, b[i].data, b[i].size);
    assert_number("terminator", a[i].data[a[i].size], '\0');
  }
}
