/* CRC-32C (Castagnoli), and the mask under which TensorFlow and LevelDB store it. Source: tsl/lib/hash/crc32c.h. */
#ifndef SM_CODEC_CRC32C_H
#define SM_CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The crc of some bytes followed by these, given the crc of the former; 0 is the crc of no bytes. */
uint32_t sm_crc32c_extend(uint32_t crc, const void *data, size_t size);

/* Checksums are stored masked, so that the checksum of data that itself holds checksums stays a good one. */
static inline uint32_t sm_crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

static inline uint32_t sm_crc32c_unmask(uint32_t masked) {
  uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated << 15) | (rotated >> 17);
}

#endif
