/* Checkpoints made and read back by tests. Failing calls end the test, but for those that return a status. */
#ifndef SM_TESTS_SUPPORT_BUNDLES_H
#define SM_TESTS_SUPPORT_BUNDLES_H

#include <savedmodel/bundle.h>

/* A view of an array. */
sm_tensor_view view_of(sm_dtype dtype, const void *data, size_t size, int32_t rank, const int64_t *dims);

/* Saves a checkpoint in which all tells that it is number n: small and large tensors, strings, a tensor in two parts. */
sm_status save_numbered(const char *prefix, int n, const sm_save_options *options, sm_error *err);

/* The number of the checkpoint at prefix, every byte of which is right; -1: there is none. Anything else ends the test. */
int read_numbered(const char *prefix, const sm_fs *fs);

#endif
