/* A safetensors file: what is in it read, and written again, which must read back as the same arrays. */
#include "cli/safetensors.h"
#include "written.h"

const size_t fuzz_message_at = NO_MESSAGE;

static sm_status get(void *ctx, size_t i, sm_tensor_view *out, sm_error *err) {
  array a;
  SM_TRY(safetensors_read(&a, ctx, i, err));
  MUST(a.memory == NULL || a.view.dtype == SM_DT_BOOL || array_host_is_big_endian());
  if (a.memory != NULL) { /* only bools, whose value does not matter here */
    a.view.data = ((const safetensors *)ctx)->data + ((const safetensors *)ctx)->entries[i].begin;
    free(a.memory);
  }
  *out = a.view;
  return SM_OK;
}

static void write_and_read(safetensors *in) {
  written to = written_new();
  safetensors_item *items = calloc(in->n + 1, sizeof *items);
  safetensors again;
  MUST(items != NULL);
  bool is_supported = true;
  for (size_t i = 0; i < in->n; i++) {
    const safetensors_entry *entry = &in->entries[i];
    items[i] = (safetensors_item){entry->name, entry->dtype, entry->rank, entry->dims};
    is_supported &= entry->dtype != SM_DT_INVALID;
    MUST(safetensors_find(in, entry->name) == i);
  }
  sm_status status = safetensors_write(items, in->n, in->notes, in->n_notes, get, in, written_take, &to, NULL);
  MUST((status == SM_OK) == is_supported);
  if (status == SM_OK) {
    MUST(safetensors_open(&again, "again", to.bytes, to.size, NULL) == SM_OK);
    MUST(again.n == in->n && again.n_notes == in->n_notes);
    for (size_t i = 0; i < in->n; i++) {
      const safetensors_entry *x = &in->entries[i], *y = &again.entries[i];
      MUST(x->name.size == y->name.size && memcmp(x->name.data, y->name.data, x->name.size) == 0);
      MUST(x->dtype == y->dtype && x->rank == y->rank && x->end - x->begin == y->end - y->begin);
      MUST(memcmp(in->data + x->begin, again.data + y->begin, (size_t)(x->end - x->begin)) == 0);
    }
    safetensors_close(&again);
  }
  free(items);
  free(to.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  uint8_t *copy = malloc(size != 0 ? size : 1); /* no byte more, so that one too far is seen */
  safetensors in;
  MUST(copy != NULL);
  if (size != 0) memcpy(copy, data, size);
  if (safetensors_open(&in, "f", copy, size, NULL) == SM_OK && size < MAX_WRITTEN / 8) write_and_read(&in);
  safetensors_close(&in);
  free(copy);
  return 0;
}
