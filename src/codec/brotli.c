#include "codec/decompress.h"

#ifdef SM_HAVE_BROTLI

#include <brotli/decode.h>

static void *brotli_alloc(void *ctx, size_t size) { return sm_alloc(ctx, size); }

static void brotli_free(void *ctx, void *block) { sm_free(ctx, block); }

static bool ran_out_of_memory(const BrotliDecoderState *decoder) {
  BrotliDecoderErrorCode code = BrotliDecoderGetErrorCode(decoder);
  return code <= BROTLI_DECODER_ERROR_ALLOC_CONTEXT_MODES && code >= BROTLI_DECODER_ERROR_ALLOC_BLOCK_TYPE_TREES;
}

sm_status sm_brotli_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                               const sm_allocator *allocator, sm_error *err) {
  const uint8_t *in = src;
  uint8_t *out = dst;
  size_t in_left = src_size, out_left = dst_size;
  sm_status status = SM_OK;
  BrotliDecoderState *decoder = BrotliDecoderCreateInstance(brotli_alloc, brotli_free, (void *)(uintptr_t)allocator);
  if (decoder == NULL) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: no memory for a brotli decoder", what);
  BrotliDecoderResult result = BrotliDecoderDecompressStream(decoder, &in_left, &in, &out_left, &out, NULL);
  if (result == BROTLI_DECODER_RESULT_ERROR && ran_out_of_memory(decoder))
    status = SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: no memory for a brotli decoder", what);
  else if (result == BROTLI_DECODER_RESULT_ERROR)
    status = SM_FAIL(err, SM_DATA_LOSS, "%s: damaged brotli data: %s", what,
                     BrotliDecoderErrorString(BrotliDecoderGetErrorCode(decoder)));
  else if (result != BROTLI_DECODER_RESULT_SUCCESS || out_left != 0 || in_left != 0)
    status = SM_FAIL(err, SM_DATA_LOSS, "%s: %zu bytes of brotli data do not make the %zu bytes announced", what,
                     src_size, dst_size);
  BrotliDecoderDestroyInstance(decoder);
  return status;
}

#else

sm_status sm_brotli_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                               const sm_allocator *allocator, sm_error *err) {
  (void)dst, (void)dst_size, (void)src, (void)src_size, (void)allocator;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: compressed with brotli, and this build is without libbrotlidec", what);
}

#endif
