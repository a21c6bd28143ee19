/*
 * A snappy block, decompressed into memory of just the announced size; then the same by a second decoder that was
 * written for this test, one byte at a time. Both make the same, or both refuse.
 */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "codec/snappy.h"

const size_t fuzz_message_at = NO_MESSAGE;

enum { MAX_SIZE = 1 << 20 };

/* A byte, or -1 at the end. */
static int next(const uint8_t **p, const uint8_t *end) { return *p != end ? *(*p)++ : -1; }

static bool next_number(uint64_t *value, const uint8_t **p, const uint8_t *end, int n_bytes) {
  *value = 0;
  for (int i = 0; i < n_bytes; i++) {
    int byte = next(p, end);
    if (byte < 0) return false;
    *value += (uint64_t)byte << (8 * i);
  }
  return true;
}

/* Format: google/snappy, format_description.txt; the size is behind us. */
static bool decode(uint8_t *dst, size_t dst_size, const uint8_t *p, const uint8_t *end) {
  size_t made = 0;
  while (p != end) {
    int tag = next(&p, end);
    uint64_t length = (uint64_t)(tag >> 2) + 1, offset = 0;
    if ((tag & 3) == 0 && length > 60) {
      if (!next_number(&length, &p, end, (int)length - 60)) return false;
      length++;
    } else if ((tag & 3) == 1) {
      if (!next_number(&offset, &p, end, 1)) return false;
      length = (uint64_t)(tag >> 2 & 7) + 4;
      offset += (uint64_t)(tag >> 5) << 8;
    } else if ((tag & 3) != 0 && !next_number(&offset, &p, end, (tag & 3) == 2 ? 2 : 4)) {
      return false;
    }
    for (; length != 0; length--) {
      int byte = -1;
      if ((tag & 3) == 0)
        byte = next(&p, end);
      else if (offset != 0 && offset <= made)
        byte = dst[made - offset];
      if (byte < 0 || made == dst_size) return false;
      dst[made++] = (uint8_t)byte;
    }
  }
  return made == dst_size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  size_t dst_size;
  sm_error err;
  if (sm_snappy_size(&dst_size, data, size, &err) != SM_OK) {
    MUST(err.code == SM_DATA_LOSS);
    return 0;
  }
  MUST(dst_size <= 22 * size);
  if (dst_size > MAX_SIZE) return 0;
  uint8_t *ours = malloc(dst_size + (dst_size == 0)), *theirs = malloc(dst_size + (dst_size == 0));
  MUST(ours != NULL && theirs != NULL);
  size_t skipped = 1;
  while (data[skipped - 1] >= 0x80) skipped++;
  bool is_sound = decode(theirs, dst_size, data + skipped, data + size);
  MUST((sm_snappy_decompress(ours, dst_size, data, size, &err) == SM_OK) == is_sound);
  if (is_sound)
    MUST(dst_size == 0 || memcmp(ours, theirs, dst_size) == 0);
  else
    MUST(err.code == SM_DATA_LOSS);
  free(ours);
  free(theirs);
  return 0;
}
