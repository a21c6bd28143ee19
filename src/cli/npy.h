/*
 * .npy files: one array each. Format: numpy, doc/neps/nep-0001-npy-format.rst and lib/_format_impl.py, versions 1.0 to 3.0.
 *
 *   npy_header.c    the header, a Python literal
 *   npy_read.c      elements from files, npy_write.c to files
 *   pickle_*.c      arrays of objects, which strings are to numpy
 */
#ifndef SM_CLI_NPY_H
#define SM_CLI_NPY_H

#include <savedmodel/convert.h>

#include "cli/array.h"

/* The longest header that numpy reads unasked, _MAX_HEADER_SIZE. */
enum { NPY_MAX_HEADER = 10000 };

typedef enum npy_kind { NPY_NUMBERS, NPY_BYTES, NPY_UNICODE, NPY_OBJECTS } npy_kind;

typedef struct npy_header {
  npy_kind kind;
  sm_dtype dtype;      /* DT_STRING unless NPY_NUMBERS; SM_DT_INVALID: bytes of which nothing is said ("V1") */
  size_t element_size; /* bytes in the file; 0 of objects */
  bool is_foreign;     /* numbers are in the other byte order */
  bool is_fortran;     /* the first index runs fastest */
  int32_t rank;
  size_t size; /* of the header: where the elements are */
  int64_t dims[SM_MAX_RANK];
} npy_header;

/* Does a file that begins with data look like one? */
bool npy_is(const void *data, size_t size);

/*
 * Errors: DATA_LOSS it is damaged; UNIMPLEMENTED elements of a type that TensorFlow has not, named. name: of the file, for
 *   messages.
 */
sm_status npy_read_header(npy_header *out, const char *name, const void *data, size_t size, sm_error *err);

/*
 * Reads an array; what follows it is not looked at.
 *
 * out     freed with array_free. Numbers of this machine's order that lie row by row stay where they are, strings of
 *         fixed size (|S) too: until data goes.
 * wanted  dtype that bytes of a type numpy has not got are taken for: "V1" may be any of ml_dtypes. SM_DT_INVALID: none.
 *
 * Memory: what out needs, less than a hundred times size.
 *
 * Errors: those of npy_read_header and pickle_read; RESOURCE_EXHAUSTED.
 */
sm_status npy_read(array *out, const char *name, const void *data, size_t size, sm_dtype wanted, sm_error *err);

/*
 * Writes an array as numpy.save does, of version 1.0: strings as pickled objects, what numpy has no type for as raw bytes
 * ("V2", which is bfloat16, and "V1"), quantised numbers as records of one field, as TensorFlow's Python has them.
 *
 * names_bytes  write "V1" as a record of one field too, which is named like the dtype: npy_read then knows it, and to
 *              numpy it is still something to take a view of.
 *
 * Errors: UNIMPLEMENTED variants, resources; those of sink.
 */
sm_status npy_write(const sm_tensor_view *view, bool names_bytes, sm_sink_fn sink, void *ctx, sm_error *err);

#endif
