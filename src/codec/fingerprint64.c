/*
 * Up to 64 bytes: one formula for each range of lengths, which takes words from both ends. More: blocks of 64 bytes go into
 * seven words of state, and the last 64 bytes, which may overlap the block before them, once more in another way. Only
 * there does the length count, so bytes can come in pieces of any size.
 */
#include "codec/fingerprint64.h"

#include <string.h>

#include "codec/little_endian.h"

enum { BLOCK = SM_FINGERPRINT64_BLOCK };

static const uint64_t K0 = 0xC3A5C85C97CB3127, K1 = 0xB492B66FBE98F273, K2 = 0x9AE16A3B2F90404F;

static inline uint64_t rotate(uint64_t word, unsigned count) { return word >> count | word << (64 - count); }

static inline uint64_t shift_mix(uint64_t word) { return word ^ word >> 47; }

static uint64_t mix_two(uint64_t u, uint64_t v, uint64_t mul) {
  uint64_t a = shift_mix((u ^ v) * mul);
  return shift_mix((v ^ a) * mul) * mul;
}

/* ---- Up to 64 bytes ---- */

static uint64_t hash_0_to_16(const uint8_t *s, size_t size) {
  uint64_t mul = K2 + 2 * size;
  if (size >= 8) {
    uint64_t a = sm_read_le64(s) + K2, b = sm_read_le64(s + size - 8);
    return mix_two(rotate(b, 37) * mul + a, (rotate(a, 25) + b) * mul, mul);
  }
  if (size >= 4) return mix_two(size + ((uint64_t)sm_read_le32(s) << 3), sm_read_le32(s + size - 4), mul);
  if (size == 0) return K2;
  uint32_t y = s[0] + ((uint32_t)s[size / 2] << 8), z = (uint32_t)size + ((uint32_t)s[size - 1] << 2);
  return shift_mix(y * K2 ^ z * K0) * K2;
}

static uint64_t hash_17_to_32(const uint8_t *s, size_t size) {
  uint64_t mul = K2 + 2 * size;
  uint64_t a = sm_read_le64(s) * K1, b = sm_read_le64(s + 8);
  uint64_t c = sm_read_le64(s + size - 8) * mul, d = sm_read_le64(s + size - 16) * K2;
  return mix_two(rotate(a + b, 43) + rotate(c, 30) + d, a + rotate(b + K2, 18) + c, mul);
}

static uint64_t hash_33_to_64(const uint8_t *s, size_t size) {
  uint64_t mul = K2 + 2 * size;
  uint64_t a = sm_read_le64(s) * K2, b = sm_read_le64(s + 8);
  uint64_t c = sm_read_le64(s + size - 8) * mul, d = sm_read_le64(s + size - 16) * K2;
  uint64_t y = rotate(a + b, 43) + rotate(c, 30) + d, z = mix_two(y, a + rotate(b + K2, 18) + c, mul);
  uint64_t e = sm_read_le64(s + 16) * mul, f = sm_read_le64(s + 24);
  uint64_t g = (y + sm_read_le64(s + size - 32)) * mul, h = (z + sm_read_le64(s + size - 24)) * mul;
  return mix_two(rotate(e + f, 43) + rotate(g, 30) + h, e + rotate(f + a, 18) + g, mul);
}

static uint64_t hash_short(const uint8_t *s, size_t size) {
  if (size <= 16) return hash_0_to_16(s, size);
  return size <= 32 ? hash_17_to_32(s, size) : hash_33_to_64(s, size);
}

/* ---- Blocks ---- */

static void mix_words(uint64_t out[2], const uint8_t *s, uint64_t a, uint64_t b) {
  uint64_t last = sm_read_le64(s + 24);
  a += sm_read_le64(s);
  uint64_t c = a;
  b = rotate(b + a + last, 21);
  a += sm_read_le64(s + 8) + sm_read_le64(s + 16);
  out[0] = a + last;
  out[1] = b + rotate(a, 44) + c;
}

/* factor is 1, but for the last block. */
static inline void mix_block(sm_fingerprint64_stream *h, const uint8_t *s, uint64_t mul, uint64_t factor) {
  uint64_t x = rotate(h->x + h->y + h->v[0] + sm_read_le64(s + 8), 37) * mul ^ h->w[1] * factor;
  uint64_t y = rotate(h->y + h->v[1] + sm_read_le64(s + 48), 42) * mul + h->v[0] * factor + sm_read_le64(s + 40);
  uint64_t z = rotate(h->z + h->w[0], 33) * mul;
  mix_words(h->v, s, h->v[1] * mul, x + h->w[0]);
  mix_words(h->w, s + 32, z + h->w[1], y + sm_read_le64(s + 16));
  h->x = z;
  h->y = y;
  h->z = x;
}

void sm_fingerprint64_begin(sm_fingerprint64_stream *stream) {
  static const uint64_t seed = 81;
  *stream = (sm_fingerprint64_stream){.x = seed * K2, .y = seed * K1 + 113};
  stream->z = shift_mix(stream->y * K2 + 113) * K2;
}

/* A block that is not the last. */
static void take_block(sm_fingerprint64_stream *stream, const uint8_t *block, uint64_t *n_taken) {
  if (*n_taken == 0) stream->x += sm_read_le64(block);
  mix_block(stream, block, K1, 1);
  ++*n_taken;
}

void sm_fingerprint64_add(sm_fingerprint64_stream *stream, const void *data, size_t size) {
  const uint8_t *p = data, *last = NULL;
  uint64_t n_taken = (stream->size - stream->held) / BLOCK;
  uint8_t *held = stream->window + BLOCK;
  if (size == 0) return;
  stream->size += size;
  if (size > BLOCK - stream->held && stream->held != 0) { /* fill it up: it is not the last */
    size_t missing = BLOCK - stream->held;
    memcpy(held + stream->held, p, missing);
    p += missing;
    size -= missing;
    take_block(stream, held, &n_taken);
    memcpy(stream->window, held, BLOCK);
    stream->held = 0;
  }
  for (; size > BLOCK - stream->held; p += BLOCK, size -= BLOCK) take_block(stream, last = p, &n_taken);
  if (last != NULL) memcpy(stream->window, last, BLOCK);
  memcpy(held + stream->held, p, size);
  stream->held += size;
}

uint64_t sm_fingerprint64_end(const sm_fingerprint64_stream *stream) {
  sm_fingerprint64_stream h = *stream;
  if (h.size <= BLOCK) return hash_short(h.window + BLOCK, h.held);
  uint64_t mul = K1 + ((h.z & 0xFF) << 1);
  h.w[0] += h.held - 1;
  h.v[0] += h.w[0];
  h.w[0] += h.v[0];
  mix_block(&h, h.window + h.held, mul, 9);
  return mix_two(mix_two(h.v[0], h.w[0], mul) + shift_mix(h.y) * K0 + h.z, mix_two(h.v[1], h.w[1], mul) + h.x, mul);
}

/* ---- Both ---- */

uint64_t sm_fingerprint64(const void *data, size_t size) {
  sm_fingerprint64_stream stream;
  if (size <= BLOCK) return hash_short(data, size);
  sm_fingerprint64_begin(&stream);
  sm_fingerprint64_add(&stream, data, size);
  return sm_fingerprint64_end(&stream);
}

uint64_t sm_fingerprint64_cat(uint64_t first, uint64_t second) {
  static const uint64_t mul = 0xC6A4A7935BD1E995;
  uint64_t result = (first ^ mul ^ shift_mix(second * mul) * mul) * mul;
  return shift_mix(shift_mix(result) * mul);
}
