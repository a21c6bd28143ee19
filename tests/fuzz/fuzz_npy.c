/*
 * An .npy file: read, printed, and written again, which must read back as the same array.
 *
 *   byte 0   dtype that bytes without a name are taken for
 */
#include "cli/array_text.h"
#include "cli/npy.h"
#include "written.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { MAX_PRINTED = 2000 };

static void write_and_read(const sm_tensor_view *view) {
  written to = written_new();
  array again;
  MUST(npy_write(view, true, written_take, &to, NULL) == SM_OK);
  MUST(npy_read(&again, "again", to.bytes, to.size, SM_DT_INVALID, NULL) == SM_OK);
  must_be_same_array(view, &again.view);
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
    size_t n = written_size_of(&in.view);
    if (n < MAX_WRITTEN / 2) write_and_read(&in.view);
    if (n < MAX_PRINTED) print(&in.view);
    array_free(&in);
  }
  free(copy);
  return 0;
}
