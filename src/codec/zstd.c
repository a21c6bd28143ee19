#include "codec/decompress.h"

#ifdef SM_HAVE_ZSTD

#include <zstd.h>

sm_status sm_zstd_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                             sm_error *err) {
  ZSTD_DCtx *decoder = ZSTD_createDCtx(); /* all the memory there is to it: frames are decompressed in place */
  if (decoder == NULL) return SM_FAIL(err, SM_RESOURCE_EXHAUSTED, "%s: no memory for a zstd decoder", what);
  size_t made = ZSTD_decompressDCtx(decoder, dst, dst_size, src, src_size);
  (void)ZSTD_freeDCtx(decoder);
  if (ZSTD_isError(made)) return SM_FAIL(err, SM_DATA_LOSS, "%s: damaged zstd data: %s", what, ZSTD_getErrorName(made));
  if (made != dst_size)
    return SM_FAIL(err, SM_DATA_LOSS, "%s: zstd data makes %zu bytes, announced were %zu", what, made, dst_size);
  return SM_OK;
}

#else

sm_status sm_zstd_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                             sm_error *err) {
  (void)dst, (void)dst_size, (void)src, (void)src_size;
  return SM_FAIL(err, SM_UNIMPLEMENTED, "%s: compressed with zstd, and this build is without libzstd", what);
}

#endif
