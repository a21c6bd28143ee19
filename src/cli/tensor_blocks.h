/* A tensor of numbers block by block, in row-major order, in constant memory. Tensors of one shape have the same blocks. */
#ifndef SM_CLI_TENSOR_BLOCKS_H
#define SM_CLI_TENSOR_BLOCKS_H

#include <savedmodel/bundle.h>

enum { MAX_BLOCK_ELEMENTS = 1 << 16 };

typedef struct tensor_blocks {
  const sm_bundle_reader *reader;
  sm_bundle_entry entry;
  const char *whole;  /* in the mapped file, or of tensor; NULL: read block by block */
  sm_tensor *tensor;  /* of V1, whose parts are decoded as a whole */
  char *buffer;       /* of a block that is read */
  int32_t axis;       /* blocks are so many indices of it, one of those before, all of those behind */
  int64_t step;       /* how many */
  size_t inner;       /* elements of one index of axis */
  const sm_fs *fs;    /* that whole is mapped from */
  size_t n_passed;    /* bytes of whole that were given back */
  int64_t n_elements; /* of the tensor */
  int64_t n_done;
} tensor_blocks;

/*
 * entry  of a dtype whose elements have a size; its key must outlive out. What is stored whole is checked before the first
 *        block.
 * fs     where the checkpoint lies; NULL: local files.
 *
 * Closed in any case.
 *
 * Errors: those of sm_bundle_reader_read.
 */
sm_status tensor_blocks_open(tensor_blocks *out, const sm_bundle_reader *reader, const sm_bundle_entry *entry,
                             const sm_fs *fs, sm_error *err);
void tensor_blocks_close(tensor_blocks *in);

/* The next block, until the next call; *n 0: there are no more. Elements as in sm_tensor_view, at any address. */
sm_status tensor_blocks_next(const void **data, size_t *n, tensor_blocks *in, sm_error *err);

#endif
