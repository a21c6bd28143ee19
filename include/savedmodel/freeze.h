/* The graph of a signature without its variables: their values are constants of the graph. Models as a whole are frozen by
 * sm_builder_freeze (builder.h). */
#ifndef SAVEDMODEL_FREEZE_H
#define SAVEDMODEL_FREEZE_H

#include <stdbool.h>

#include <savedmodel/graph.h>
#include <savedmodel/model.h>
#include <savedmodel/options.h>

SM_BEGIN_DECLS

/** A variable that the outputs need; borrowed for the call. */
typedef struct sm_freeze_candidate {
  const char *name; /* of its node */
  sm_dtype dtype;
  int32_t rank;        /* of its value */
  const int64_t *dims; /* rank of them */
  bool is_written;     /* something does more with it than to read it */
  bool is_kept;        /* it stays a variable */
} sm_freeze_candidate;

typedef void (*sm_freeze_fn)(void *ctx, const sm_freeze_candidate *variable);

/** Zero is the default of every field but struct_size; start from SM_FREEZE_OPTIONS_INIT. */
typedef struct sm_freeze_options {
  size_t struct_size;
  const char *checkpoint;  /* prefix of another one; NULL: the model's variables */
  const char *const *kept; /* names of variables that stay what they are */
  size_t n_kept;
  bool keep_all;
  bool zero_inputs;      /* Placeholders that are inputs become constants of zeros under the same name */
  sm_freeze_fn variable; /* told of each, sorted by name; NULL: nobody wants to know */
  void *variable_ctx;
  const sm_allocator *allocator; /* NULL: malloc */
} sm_freeze_options;

#define SM_FREEZE_OPTIONS_INIT \
  { .struct_size = sizeof(sm_freeze_options) }

/**
 * Freeze what the outputs of a signature need; the rest of the graph is gone.
 *
 * out        serialised GraphDef; out->data is freed with sm_graph_free_def and the same allocator. NULL on failure.
 * signature  of graph; NULL: nothing is frozen, the graph is all of it as it is stored.
 * options    NULL: defaults.
 *
 * Errors: INVALID_ARGUMENT the signature has no outputs, an input of it that is to be zeros has no complete shape, or a
 *   variable that is to be kept is not in the graph; UNIMPLEMENTED, with the names of node and function, something writes to
 *   a variable that is not kept; NOT_FOUND the checkpoint lacks one; DATA_LOSS, RESOURCE_EXHAUSTED.
 * Source: freeze_model in tensorflow/python/tools/saved_model_aot_compile.py, without optimising the graph.
 */
SM_API sm_status sm_freeze_signature(sm_string *out, const sm_meta_graph *graph, const sm_signature *signature,
                                     const sm_freeze_options *options, sm_error *err);

SM_END_DECLS

#endif
