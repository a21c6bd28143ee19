/* CRC-32C (Castagnoli), and the mask under which TensorFlow and LevelDB store it. Source: tsl/lib/hash/crc32c.h.
 * All functions may be called from any thread. */
#ifndef SM_CODEC_CRC32C_H
#define SM_CODEC_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The crc of some bytes followed by these, given the crc of the former; 0 is the crc of no bytes. */
uint32_t sm_crc32c_extend(uint32_t crc, const void *data, size_t size);

/* The same, and copies the bytes to dst, for little more than the copy alone costs. The two must not overlap. */
uint32_t sm_crc32c_copy(uint32_t crc, void *dst, const void *src, size_t size);

/* The crc of bytes a followed by size_b bytes b, given the crc of each: joins what was computed in parallel. About a
 * microsecond whatever the size. */
uint32_t sm_crc32c_combine(uint32_t crc_a, uint32_t crc_b, uint64_t size_b);

/* Checksums are stored masked, so that the checksum of data that itself holds checksums stays a good one. */
static inline uint32_t sm_crc32c_mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u; }

static inline uint32_t sm_crc32c_unmask(uint32_t masked) {
  uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated << 15) | (rotated >> 17);
}

#endif
