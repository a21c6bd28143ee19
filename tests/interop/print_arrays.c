/*
 * Prints arrays as the tool does; array_text_np.py drives it.
 *
 * On stdin, for each array: a line of TensorFlow's number of the dtype, the rank, the dimensions, the number of options
 * and that of bytes; a line NAME=VALUE for each option; the bytes, strings as their size (a native uint64) and their
 * bytes. On stdout, for each: a line with the size of the text, then the text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/array_text.h"

enum { MAX_OPTIONS = 16, MAX_LINE = 256 };

static void stop(const char *why) {
  fprintf(stderr, "print_arrays: %s\n", why);
  exit(1);
}

static int64_t next_number(void) {
  int64_t value;
  if (scanf("%" SCNd64, &value) != 1) stop("a number is missing");
  return value;
}

static void read_options(array_text_options *options, char lines[MAX_OPTIONS][MAX_LINE], int64_t n) {
  for (int64_t i = 0; i < n && i < MAX_OPTIONS; i++) {
    if (fgets(lines[i], MAX_LINE, stdin) == NULL) stop("an option is missing");
    lines[i][strcspn(lines[i], "\n")] = '\0';
    char *value = strchr(lines[i], '=');
    if (value == NULL) stop("an option has no value");
    *value = '\0';
    if (array_text_set_option(options, lines[i], value + 1) != NULL) stop("an option is wrong");
  }
}

/* Fixed-size views of strings that lie one behind the other, each after its size. */
static sm_string *strings_in(const char *bytes, size_t size, size_t *n) {
  sm_string *strings = calloc(size / 8 + 1, sizeof *strings);
  if (strings == NULL) stop("no memory");
  uint64_t length;
  *n = 0;
  for (size_t at = 0; at + sizeof length <= size; at += sizeof length + length) {
    memcpy(&length, bytes + at, sizeof length);
    strings[(*n)++] = (sm_string){bytes + at + sizeof length, length};
  }
  return strings;
}

static void print(const sm_tensor_view *view, const array_text_options *options) {
  char *text;
  size_t size;
  sm_error err;
  FILE *to = open_memstream(&text, &size);
  if (to == NULL || array_text_print(to, view, options, &err) != SM_OK) stop("cannot print");
  fclose(to);
  printf("%zu\n", size);
  fwrite(text, 1, size, stdout);
  free(text);
}

int main(void) {
  int dtype;
  while (scanf("%d", &dtype) == 1) {
    char lines[MAX_OPTIONS][MAX_LINE];
    array_text_options options = ARRAY_TEXT_OPTIONS_INIT;
    sm_tensor_view view = {.dtype = (sm_dtype)dtype, .rank = (int32_t)next_number()};
    for (int32_t i = 0; i < view.rank; i++) view.dims[i] = next_number();
    int64_t n_options = next_number();
    view.size = (size_t)next_number();
    if (getchar() != '\n') stop("the line does not end");
    read_options(&options, lines, n_options);
    char *bytes = malloc(view.size + 1);
    if (bytes == NULL || fread(bytes, 1, view.size, stdin) != view.size) stop("bytes are missing");
    sm_string *strings = NULL;
    view.data = bytes;
    if (view.dtype == SM_DT_STRING) {
      size_t n;
      view.data = strings = strings_in(bytes, view.size, &n);
      view.size = n * sizeof *strings;
    }
    print(&view, &options);
    free(strings);
    free(bytes);
  }
  return 0;
}
