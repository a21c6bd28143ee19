/*
 * Compressed bytes whose decompressed size is known, through libraries that a build may have or not: brotli.c, zstd.c.
 *
 * The result is exactly dst_size bytes. Errors: DATA_LOSS the bytes are damaged, or make another size; RESOURCE_EXHAUSTED;
 * UNIMPLEMENTED the library was not there when this one was built. what, such as a file's name, begins the message.
 */
#ifndef SM_CODEC_DECOMPRESS_H
#define SM_CODEC_DECOMPRESS_H

#include "base/base.h"

/* Memory: at most 16 MiB (the largest window) and some tables, from allocator. */
sm_status sm_brotli_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                               const sm_allocator *allocator, sm_error *err);

/* Memory: about 100 KiB from malloc, for the library's stable interface takes no allocator. */
sm_status sm_zstd_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, const char *what,
                             sm_error *err);

#endif
