/*
 * Tables that are initialised from a text file: a line for each entry.
 * Source: tensorflow/core/kernels/lookup_util.cc, TextFileLineIterator.
 */
#ifndef SM_OBJECTS_TABLE_TEXT_H
#define SM_OBJECTS_TABLE_TEXT_H

#include "tensor/tensor.h"
#include "wire/wire.h"

/* What a key or a value is, other than the number of a column. */
enum { SM_TEXT_WHOLE_LINE = -2, SM_TEXT_LINE_NUMBER = -1 };

/* Attributes of InitializeTableFromTextFileV2. */
typedef struct sm_table_text {
  sm_span text;
  const char *name;   /* of the file, for messages */
  int64_t vocab_size; /* lines that count; -1: all */
  int64_t offset;     /* of line numbers */
  char delimiter;     /* of columns */
} sm_table_text;

/*
 * The keys of a table, or its values: those at index of each line. A '\r' at the end of a line is dropped.
 *
 * Errors: DATA_LOSS no line at all, an empty one, fewer lines than vocab_size, a line without that column, or text that is no number
 *   where dtype is DT_INT64; UNIMPLEMENTED another dtype; RESOURCE_EXHAUSTED.
 */
sm_status sm_table_text_read(sm_tensor **out, const sm_table_text *table, int64_t index, sm_dtype dtype,
                             const sm_allocator *allocator, sm_error *err);

#endif
