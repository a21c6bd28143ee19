/*
 * Slices. byte 0 says what the rest is.
 *
 *   0   text such as "4 6 0,2:-": written again and read, it is the same slice
 *   1   a TensorSliceProto of byte 1 dimensions: written again it reads the same
 *   2   boxes, of byte 1 dimensions: do they cover the first one? As marking each element says
 */
#include "fuzz.h"

#include <string.h>

#include "tensor/slice.h"

const size_t fuzz_message_at = 2;

static void check_text(const uint8_t *data, size_t size) {
  static sm_shape_and_slice first, second;
  sm_error err;
  if (sm_shape_and_slice_read(&first, (sm_string){(const char *)data, size}, &err) != SM_OK || first.rank < 0) return;
  sm_buffer text;
  sm_buffer_init(&text, sm_allocator_or_malloc(NULL), UINT64_MAX);
  size_t rank = (size_t)first.rank;
  MUST(sm_shape_and_slice_write(&text, first.dims, &(sm_slice_spec){first.extents, rank}, &err) == SM_OK);
  MUST(sm_shape_and_slice_read(&second, (sm_string){(const char *)text.data, text.size}, &err) == SM_OK);
  MUST(second.rank == first.rank);
  MUST(memcmp(second.dims, first.dims, rank * sizeof *first.dims) == 0);
  MUST(memcmp(second.extents, first.extents, rank * sizeof *first.extents) == 0);
  sm_buffer_free(&text);
}

static void check_proto(const uint8_t *data, size_t size, size_t rank) {
  sm_extent first[UINT8_MAX], second[UINT8_MAX];
  char text[SM_SLICE_TEXT_SIZE];
  sm_wire_source source = {.name = "fuzz", .bytes = {data, size}};
  sm_error err;
  if (sm_slice_read(first, rank, (sm_spans){&source.bytes, 1}, &source, &err) != SM_OK) return;
  MUST(strlen(sm_slice_text(text, first, rank)) < sizeof text);
  sm_buffer bytes;
  sm_span message;
  sm_buffer_init(&bytes, sm_allocator_or_malloc(NULL), UINT64_MAX);
  MUST(sm_slice_write(&bytes, 3, &(sm_slice_spec){first, rank}, &err) == SM_OK);
  source.bytes = (sm_span){bytes.data, bytes.size};
  MUST(sm_wire_find_bytes(&message, source.bytes, 3, &source, &err) == SM_OK);
  MUST(sm_slice_read(second, rank, (sm_spans){&message, 1}, &source, &err) == SM_OK);
  MUST(memcmp(first, second, rank * sizeof *first) == 0);
  sm_buffer_free(&bytes);
}

enum { MAX_RANK = 4, MAX_BOXES = 40, N_EXTENTS = (MAX_BOXES + 1) * MAX_RANK };

/* In how many boxes the element is that number says. */
static size_t count(const sm_extent *wanted, size_t number, const sm_extent *boxes, size_t n, size_t rank) {
  size_t in = 0;
  for (size_t b = 0; b < n; b++) {
    size_t rest = number, inside = 1;
    for (size_t d = rank; d-- > 0; rest /= (size_t)wanted[d].length) {
      const sm_extent *extent = &boxes[b * rank + d];
      int64_t index = wanted[d].start + (int64_t)(rest % (size_t)wanted[d].length);
      inside &= index >= extent->start && index < extent->start + extent->length;
    }
    in += inside;
  }
  return in;
}

/* An extent takes a byte: start and length of 0 to 15. */
static void check_cover(const uint8_t *data, size_t size, size_t rank) {
  sm_extent boxes[N_EXTENTS];
  size_t n_extents = size < N_EXTENTS ? size : N_EXTENTS, n_boxes = rank != 0 ? n_extents / rank : 0;
  for (size_t i = 0; i < n_extents; i++) boxes[i] = (sm_extent){data[i] >> 4, data[i] & 15};
  if (n_boxes == 0) return;
  int64_t n;
  bool covers = true;
  MUST(sm_box_elements(&n, boxes, rank));
  for (int64_t i = 0; i < n && covers; i++) covers = count(boxes, (size_t)i, boxes + rank, n_boxes - 1, rank) == 1;
  sm_arena arena;
  sm_error err;
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  sm_status status = sm_box_check_cover(boxes, boxes + rank, n_boxes - 1, rank, &arena, &err);
  MUST(status == (covers ? SM_OK : SM_DATA_LOSS));
  sm_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < fuzz_message_at) return 0;
  switch (data[0]) {
    case 0: check_text(data + 1, size - 1); break;
    case 1: check_proto(data + 2, size - 2, data[1] <= SM_MAX_RANK ? data[1] : SM_MAX_RANK); break;
    case 2: check_cover(data + 2, size - 2, data[1] % (MAX_RANK + 1)); break;
    default: break;
  }
  return 0;
}
