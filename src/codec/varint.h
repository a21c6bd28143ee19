/* Base-128 varints, least significant group first (protobuf and LevelDB: formats of this name). */
#ifndef SM_CODEC_VARINT_H
#define SM_CODEC_VARINT_H

#include <stddef.h>
#include <stdint.h>

enum { SM_VARINT_MAX_SIZE = 10 };

/*
 * Reads a varint of at most 64 bits at p, before end. Returns the byte behind it, or NULL when it runs past end or is
 * longer than ten bytes. Bits above the 64th are dropped, and longer forms than needed are fine: protobuf's rules.
 */
static inline const uint8_t *sm_varint_read(const uint8_t *p, const uint8_t *end, uint64_t *value) {
  uint64_t result = 0;
  for (unsigned shift = 0; shift < 7 * SM_VARINT_MAX_SIZE && p != end; shift += 7) {
    uint8_t byte = *p++;
    result |= (uint64_t)(byte & 0x7F) << shift;
    if (byte < 0x80) {
      *value = result;
      return p;
    }
  }
  return NULL;
}

/* Writes value at dst, which has room for SM_VARINT_MAX_SIZE bytes; returns the byte behind it. */
static inline uint8_t *sm_varint_write(uint8_t *dst, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *dst++ = (uint8_t)(value | 0x80);
  *dst++ = (uint8_t)value;
  return dst;
}

#endif
