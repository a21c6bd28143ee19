/*
 * Decompressing snappy blocks: some writers of tables use them. Format: google/snappy, format_description.txt.
 *
 * Errors: DATA_LOSS; the offset in err counts from src.
 */
#ifndef SM_CODEC_SNAPPY_H
#define SM_CODEC_SNAPPY_H

#include "base/base.h"

/* The size that src announces. Not more than 22 times its own: what no block of that size can hold is DATA_LOSS, so the
 * announced size may be allocated. */
sm_status sm_snappy_size(size_t *size, const void *src, size_t src_size, sm_error *err);

/* dst_size: as sm_snappy_size says. All of dst is written, or it fails. */
sm_status sm_snappy_decompress(void *dst, size_t dst_size, const void *src, size_t src_size, sm_error *err);

#endif
