/* Tensors by name, whatever they are stored in: a checkpoint, an .npz or a .safetensors file. */
#ifndef SM_CLI_TENSOR_SOURCE_H
#define SM_CLI_TENSOR_SOURCE_H

#include "cli/cli.h"
#include "cli/npz.h"
#include "cli/safetensors.h"
#include "cli/whole_file.h"

typedef enum tensor_form { FORM_CHECKPOINT, FORM_NPZ, FORM_SAFETENSORS } tensor_form;

/* What a name says of a file. */
tensor_form tensor_form_of(const char *path);

typedef struct tensor_item {
  sm_string name; /* terminated */
  sm_dtype dtype; /* SM_DT_INVALID: not looked at */
  int32_t rank;
  const int64_t *dims;
  size_t number; /* in the order of names */
  int32_t shard; /* where its bytes lie, or those of its first part; 0 where nothing is known */
  uint64_t offset;
  uint64_t size;
  void *memory; /* of name and dims */
} tensor_item;

typedef struct tensor_source {
  tensor_form form;
  sm_bundle_reader *reader;
  npz zip;
  whole_file file;
  safetensors tensors;
  tensor_item *items;
  size_t n, capacity;
  size_t names_size;
  sm_tensor *tensor; /* what was read last */
  array last;
} tensor_source;

/* Opens what path names. Returns CLI_OK, or fails and says so. out is closed with tensor_source_close in any case. */
int tensor_source_open(tensor_source *out, const cli_args *args, const char *path);
void tensor_source_close(tensor_source *in);

/*
 * Lists the tensors in the order in which their bytes lie, so that a copy in this order has the same. wants_types: dtypes
 * and shapes too, for which arrays of .npz files have to be read.
 *
 * Errors: DATA_LOSS; RESOURCE_EXHAUSTED no memory, or names of more than 256 MiB; UNIMPLEMENTED TensorFlow has no such type.
 */
sm_status tensor_source_list(tensor_source *in, bool wants_types, sm_error *err);

/* Removes item i from the list. */
void tensor_source_leave_out(tensor_source *in, size_t i);

/* Reads item i, from however many parts it is stored in. The view is good until the next call. */
sm_status tensor_source_read(sm_tensor_view *out, tensor_source *in, size_t i, sm_error *err);

#endif
