/*
 *   block    := size:varint32 element*
 *   element  := tag:u8 more
 *
 *   tag & 3   rest of the tag             more
 *   0         length - 1, if below 60     the bytes;  60..63: the length - 1 in 1..4 bytes, then the bytes
 *   1         offset >> 8 (3 bits), length - 4 (3 bits)   the low 8 bits of the offset
 *   2, 3      length - 1                  the offset in 2 or 4 bytes
 *
 * 0 is a literal, the others repeat what was made offset bytes ago; it may overlap with what they make.
 */
#include "codec/snappy.h"

#include "codec/varint.h"

/* The densest element makes 64 bytes out of 3. */
enum { MAX_RATIO = 22, SIZE_MAX_BYTES = 5, LONG_LITERAL = 60 };

/* What was announced, and where the elements begin; NULL when there is none. */
static const uint8_t *read_size(uint64_t *size, const uint8_t *src, size_t src_size) {
  size_t limit = src_size < SIZE_MAX_BYTES ? src_size : SIZE_MAX_BYTES;
  const uint8_t *p = sm_varint_read(src, src + limit, size);
  return p != NULL && *size <= UINT32_MAX ? p : NULL;
}

sm_status sm_snappy_size(size_t *size, const void *src, size_t src_size, sm_error *err) {
  uint64_t announced;
  const uint8_t *p = src_size != 0 ? read_size(&announced, src, src_size) : NULL;
  if (p == NULL) return sm_fail_at(err, SM_DATA_LOSS, 0, "snappy data does not begin with a size");
  size_t left = src_size - (size_t)(p - (const uint8_t *)src);
  if ((announced + MAX_RATIO - 1) / MAX_RATIO > left)
    return sm_fail_at(err, SM_DATA_LOSS, 0, "snappy data announces %llu bytes, which %zu bytes cannot make",
                      (unsigned long long)announced, left);
  *size = (size_t)announced;
  return SM_OK;
}

/* ---- Elements ---- */

typedef struct element {
  uint32_t length; /* of what it makes, less 1: so it fits */
  uint32_t offset; /* 0: a literal, or damage */
  bool is_literal;
} element;

/* Reads n <= 4 bytes. */
static const uint8_t *read_bytes(uint32_t *value, const uint8_t *p, const uint8_t *end, unsigned n) {
  if ((size_t)(end - p) < n) return NULL;
  *value = 0;
  for (unsigned i = 0; i < n; i++) *value |= (uint32_t)p[i] << (8 * i);
  return p + n;
}

/* Everything but the bytes of a literal. NULL: it is cut off. */
static const uint8_t *read_element(element *out, const uint8_t *p, const uint8_t *end) {
  uint8_t tag = *p++;
  unsigned rest = tag >> 2;
  *out = (element){.length = rest, .is_literal = (tag & 3) == 0};
  switch (tag & 3) {
    case 0: return rest < LONG_LITERAL ? p : read_bytes(&out->length, p, end, rest - LONG_LITERAL + 1);
    case 1:
      p = read_bytes(&out->offset, p, end, 1);
      out->offset |= (rest >> 3) << 8;
      out->length = (rest & 7) + 4 - 1;
      return p;
    case 2: return read_bytes(&out->offset, p, end, 2);
    default: return read_bytes(&out->offset, p, end, 4);
  }
}

static void repeat(uint8_t *dst, size_t offset, size_t length) {
  if (offset >= length) {
    memcpy(dst, dst - offset, length);
  } else {
    for (size_t i = 0; i < length; i++) dst[i] = (dst - offset)[i];
  }
}

static sm_status fail_element(const uint8_t *src, const uint8_t *at, const char *what, sm_error *err) {
  return sm_fail_at(err, SM_DATA_LOSS, (uint64_t)(at - src), "snappy element at byte %zu: %s", (size_t)(at - src),
                    what);
}

sm_status sm_snappy_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, sm_error *err) {
  uint64_t announced;
  const uint8_t *start = src, *end = start + src_size, *p = src_size != 0 ? read_size(&announced, src, src_size) : NULL;
  if (p == NULL || announced != dst_size)
    return sm_fail_at(err, SM_DATA_LOSS, 0, "snappy data does not announce %zu bytes", dst_size);
  uint8_t *made = dst;
  size_t left = dst_size; /* to be made */
  while (p != end) {
    const uint8_t *at = p;
    element e;
    p = read_element(&e, p, end);
    if (p == NULL) return fail_element(start, at, "it is cut off", err);
    if (e.length >= left) return fail_element(start, at, "it makes more than was announced", err);
    size_t length = (size_t)e.length + 1;
    if (e.is_literal) {
      if ((size_t)(end - p) < length) return fail_element(start, at, "the literal is cut off", err);
      memcpy(made, p, length);
      p += length;
    } else {
      if (e.offset == 0 || e.offset > dst_size - left)
        return fail_element(start, at, "it repeats what was not there", err);
      repeat(made, e.offset, length);
    }
    made += length;
    left -= length;
  }
  if (left != 0)
    return sm_fail_at(err, SM_DATA_LOSS, src_size, "snappy data ends %zu bytes before the %zu it announced", left,
                      dst_size);
  return SM_OK;
}
