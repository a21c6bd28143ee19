/* Integers of a fixed width, least significant byte first, at any address of any machine. */
#ifndef SM_CODEC_LITTLE_ENDIAN_H
#define SM_CODEC_LITTLE_ENDIAN_H

#include <stdint.h>

static inline uint32_t sm_read_le32(const uint8_t *p) {
  return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t sm_read_le64(const uint8_t *p) { return sm_read_le32(p) | (uint64_t)sm_read_le32(p + 4) << 32; }

static inline void sm_write_le32(uint8_t *p, uint32_t value) {
  for (unsigned i = 0; i < 4; i++) p[i] = (uint8_t)(value >> (8 * i));
}

static inline void sm_write_le64(uint8_t *p, uint64_t value) {
  for (unsigned i = 0; i < 8; i++) p[i] = (uint8_t)(value >> (8 * i));
}

#endif
