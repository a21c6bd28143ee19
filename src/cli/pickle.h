/*
 * Pickles of arrays of strings, as numpy writes and reads them for arrays of objects.
 *
 * A pickle is a program. Of its instructions those are followed that build a list of strings, of the functions it may name
 * those that numpy calls to make an array out of the list; none is ever called. Everything else is refused by name.
 * Format: Python, Lib/pickletools.py; numpy, array.__reduce__ and numpy.dtype.__reduce__.
 */
#ifndef SM_CLI_PICKLE_H
#define SM_CLI_PICKLE_H

#include <savedmodel/convert.h>
#include <savedmodel/tensor.h>

typedef struct pickled_strings {
  int32_t rank;
  int64_t dims[SM_MAX_RANK];
  size_t n;
  sm_string
      *strings; /* n of them, in the order of the array; freed by the caller. They lie in the pickle or in bytes */
  char *bytes;  /* NULL, or freed by the caller */
} pickled_strings;

/*
 * Reads the pickle that begins at data; what follows its end is not looked at.
 *
 * Memory: less than a hundred times size.
 *
 * Errors: DATA_LOSS it is damaged; UNIMPLEMENTED it holds, or wants called, something else; RESOURCE_EXHAUSTED. Offsets
 *   are counted from data.
 */
sm_status pickle_read(pickled_strings *out, const void *data, size_t size, sm_error *err);

/* Writes strings as a pickle that numpy 1 and 2 read. Errors: those of sink. */
sm_status pickle_write(const sm_tensor_view *strings, sm_sink_fn sink, void *ctx, sm_error *err);

#endif
