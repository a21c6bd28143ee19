/*
 * Fingerprint64 of FarmHash: the hash of 64 bits that is the same on every machine and will stay so. fingerprint.pb is made
 * of it. Source: google/farmhash, farmhash.cc, farmhashna::Hash64; TensorFlow: core/platform/fingerprint.h.
 */
#ifndef SM_CODEC_FINGERPRINT64_H
#define SM_CODEC_FINGERPRINT64_H

#include <stddef.h>
#include <stdint.h>

uint64_t sm_fingerprint64(const void *data, size_t size);

/* One number of two, as fingerprints of several things are put together. TensorFlow: FingerprintCat64. */
uint64_t sm_fingerprint64_cat(uint64_t first, uint64_t second);

/* ---- The same of bytes that come one after the other ---- */

enum { SM_FINGERPRINT64_BLOCK = 64 };

typedef struct sm_fingerprint64_stream {
  uint64_t x, y, z, v[2], w[2];
  uint64_t size;                              /* of all bytes so far */
  uint8_t window[2 * SM_FINGERPRINT64_BLOCK]; /* the last block that was mixed in; then what came behind it */
  size_t held;                                /* how much of the second half; the last block waits for the end */
} sm_fingerprint64_stream;

void sm_fingerprint64_begin(sm_fingerprint64_stream *stream);
void sm_fingerprint64_add(sm_fingerprint64_stream *stream, const void *data, size_t size);

/* Of all that was added. */
uint64_t sm_fingerprint64_end(const sm_fingerprint64_stream *stream);

#endif
