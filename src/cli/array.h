/* Arrays that were read from a file of the tool's own formats (npy, npz, safetensors): in place where that is possible. */
#ifndef SM_CLI_ARRAY_H
#define SM_CLI_ARRAY_H

#include <stdbool.h>

#include <savedmodel/fs.h>
#include <savedmodel/tensor.h>

typedef struct array {
  sm_tensor_view view;
  void *memory; /* of the elements that are not where they were read; NULL: none */
  void *bytes;  /* of the strings among them */
  void *file;   /* the file itself, where it could not be mapped */
  const sm_fs *fs;
  const void *map; /* a file that is mapped as long as the array is there; NULL: none */
  size_t map_size;
} array;

/* All zero is an array too. */
void array_free(array *a);

/* Bytes that elements of element_size take in an array of these dimensions; false: more than there can be, or a dimension
 * is negative. */
bool array_size(size_t *size, const int64_t *dims, int32_t rank, size_t element_size);

/* Do the numbers of a dtype consist of several bytes, and parts (of complex numbers two) of how many each? 1: no. */
size_t array_unit(sm_dtype dtype);

/* Reverses the bytes of each unit. size is a multiple of unit; dst and src may be the same. */
void array_reverse(void *dst, const void *src, size_t size, size_t unit);

bool array_host_is_big_endian(void);

/*
 * Lets out->view, of which all but data is set, have its numbers: from src where they are as they should be, else from
 * memory of its own. is_foreign: they are in the other byte order. Booleans other than 0 become 1, as in numpy.
 */
sm_status array_set_numbers(array *out, const void *src, bool is_foreign, sm_error *err);

#endif
