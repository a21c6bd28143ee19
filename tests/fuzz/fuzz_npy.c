/*
 * An .npy file: read, printed, and written again, which must read back as the same array.
 *
 *   byte 0   dtype that bytes without a name are taken for
 */
#include "fuzz.h"

#include <string.h>

#include "cli/array_text.h"
#include "cli/npy.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { MAX_PRINTED = 2000, MAX_WRITTEN = 1 << 20 };

typedef struct written {
  char *bytes;
  size_t size;
} written;

static sm_status gather(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  written *to = ctx;
  MUST(size <= MAX_WRITTEN - to->size);
  memcpy(to->bytes + to->size, data, size);
  to->size += size;
  return SM_OK;
}

static void must_be_same(const sm_tensor_view *a, const sm_tensor_view *b) {
  MUST(a->dtype == b->dtype && a->rank == b->rank && a->size == b->size);
  MUST(memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0);
  if (a->dtype != SM_DT_STRING) {
    MUST(a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
    return;
  }
  const sm_string *x = a->data, *y = b->data;
  for (size_t i = 0; i < a->size / sizeof *x; i++)
    MUST(x[i].size == y[i].size && (x[i].size == 0 || memcmp(x[i].data, y[i].data, x[i].size) == 0));
}

/* Strings of a pickle may be many where it is short: one that is put many times. */
static size_t bytes_of(const sm_tensor_view *view) {
  size_t size = view->size;
  const sm_string *strings = view->data;
  if (view->dtype != SM_DT_STRING) return size;
  for (size_t i = 0; i < view->size / sizeof *strings && size < MAX_WRITTEN; i++) size += strings[i].size + 10;
  return size;
}

static void write_and_read(const sm_tensor_view *view) {
  written to = {.bytes = malloc(MAX_WRITTEN)};
  array again;
  MUST(to.bytes != NULL);
  MUST(npy_write(view, true, gather, &to, NULL) == SM_OK);
  MUST(npy_read(&again, "again", to.bytes, to.size, SM_DT_INVALID, NULL) == SM_OK);
  must_be_same(view, &again.view);
  array_free(&again);
  free(to.bytes);
}

static void print(const sm_tensor_view *view) {
  char *text;
  size_t size;
  FILE *to = open_memstream(&text, &size);
  MUST(to != NULL);
  MUST(array_text_print(to, view, NULL, NULL) == SM_OK);
  fclose(to);
  MUST(size > 0 && text[size - 1] != '\n');
  free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  char *copy = malloc(size > 1 ? size - 1 : 1); /* no byte more, so that one too far is seen */
  array in;
  MUST(copy != NULL);
  memcpy(copy, data + 1, size - 1);
  if (npy_read(&in, "f", copy, size - 1, (sm_dtype)data[0], NULL) == SM_OK) {
    size_t n = bytes_of(&in.view);
    if (n < MAX_WRITTEN / 2) write_and_read(&in.view);
    if (n < MAX_PRINTED) print(&in.view);
    array_free(&in);
  }
  free(copy);
  return 0;
}
