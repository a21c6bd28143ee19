/*
 * safetensors files: named arrays of numbers. Format: safetensors 0.8.0, README.md and safetensors/src/tensor.rs.
 *
 *   +------------------+------+-------------------------------------------------+---------------------------+
 *   | size of the JSON | JSON | {"NAME": {"dtype", "shape", "data_offsets"},... | numbers, without gaps,    |
 *   | 8 bytes          |      |  "__metadata__": {"KEY": "VALUE", ...}}         | little-endian             |
 *   +------------------+------+-------------------------------------------------+---------------------------+
 */
#ifndef SM_CLI_SAFETENSORS_H
#define SM_CLI_SAFETENSORS_H

#include <savedmodel/convert.h>

#include "cli/array.h"

/* The largest header that the reference reads, MAX_HEADER_SIZE. */
enum { SAFETENSORS_MAX_HEADER = 100000000 };

typedef struct safetensors_entry {
  sm_string name;
  const char *type; /* as the file says it: "F8_E8M0" */
  sm_dtype dtype;   /* SM_DT_INVALID: TensorFlow has no such type */
  int32_t rank;
  const int64_t *dims;
  uint64_t begin, end; /* behind the header */
} safetensors_entry;

typedef struct safetensors_note {
  sm_string key, value;
} safetensors_note;

typedef struct safetensors {
  const char *name;           /* of the file */
  const unsigned char *data;  /* behind the header */
  safetensors_entry *entries; /* sorted by the bytes of their names */
  size_t n;
  safetensors_note *notes; /* "__metadata__", in order */
  size_t n_notes;
  char *strings;
  int64_t *dims;
} safetensors;

/* ---- Reading ---- */

/*
 * Reads what is in a file, whose bytes and name stay the caller's as long as out is used. Freed with safetensors_close,
 * whatever safetensors_open returns.
 *
 * Memory: less than a hundred times the size of the header.
 *
 * Errors: DATA_LOSS it is damaged, two arrays have one name, they overlap or leave gaps, or their sizes do not fit their
 *   shapes; RESOURCE_EXHAUSTED. Types are looked at by safetensors_read.
 */
sm_status safetensors_open(safetensors *out, const char *name, const void *data, size_t size, sm_error *err);
void safetensors_close(safetensors *in);

/* The array of that name; in->n: there is none. */
size_t safetensors_find(const safetensors *in, sm_string name);

/* Array number i, in place where the machine is little-endian. Errors: UNIMPLEMENTED TensorFlow has no such type. */
sm_status safetensors_read(array *out, const safetensors *in, size_t i, sm_error *err);

/* ---- Writing ---- */

/* What is known of an array before it is written. */
typedef struct safetensors_item {
  sm_string name; /* UTF-8 */
  sm_dtype dtype;
  int32_t rank;
  const int64_t *dims;
} safetensors_item;

/* Hands out array number i; the view is good until the next call. */
typedef sm_status (*safetensors_get_fn)(void *ctx, size_t i, sm_tensor_view *out, sm_error *err);

/*
 * Writes items in the order in which the reference does, and with the bytes that it writes: larger types first, then by
 * name. One array at a time is asked for.
 *
 * Errors: INVALID_ARGUMENT two items have one name, or one that is not UTF-8 or "__metadata__", or an array is not what
 *   its item says; UNIMPLEMENTED there is no such type in safetensors (strings, complex128, quantised numbers);
 *   RESOURCE_EXHAUSTED; those of get and sink.
 */
sm_status safetensors_write(const safetensors_item *items, size_t n, const safetensors_note *notes, size_t n_notes,
                            safetensors_get_fn get, void *get_ctx, sm_sink_fn sink, void *sink_ctx, sm_error *err);

/* The name of a dtype in safetensors, and its place in the reference's order; NULL: there is none. */
const char *safetensors_type(int *place, sm_dtype dtype);

#endif
