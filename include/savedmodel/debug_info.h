/* Debug info of a SavedModel: which lines of Python made a node. Saved on request (SaveOptions.save_debug_info), in
 * SM_FILE_DEBUG_INFO; never needed to use a model. */
#ifndef SAVEDMODEL_DEBUG_INFO_H
#define SAVEDMODEL_DEBUG_INFO_H

#include <savedmodel/model.h>
#include <savedmodel/status.h>

SM_BEGIN_DECLS

/** The debug info of a model. shared; lives until sm_model_close. */
typedef struct sm_debug_info sm_debug_info;

/** A call on the way to a node. Strings are terminated; of an old file they need not be UTF-8. What is not recorded is ""
 * or 0. */
typedef struct sm_source_frame {
  const char *file;     /* as Python named it, "model.py" */
  const char *function; /* "__call__" */
  const char *code;     /* text of the line; TensorFlow 2.21 leaves it out */
  int32_t line;         /* from 1 */
  int32_t column;
} sm_source_frame;

/** The calls that made a node, in the order of the file: TensorFlow 2.21 writes the innermost last. */
typedef struct sm_stack_trace {
  size_t n_frames;
  const sm_source_frame *frames;
} sm_stack_trace;

/**
 * The model's debug info, opened on the first call.
 *
 * Errors: NOT_FOUND there is no such file, as in most models; DATA_LOSS it is not a GraphDebugInfo; RESOURCE_EXHAUSTED.
 * Cost: the first call maps the file and reads its top level; traces are decoded when they are asked for.
 * Format: proto/graph_debug_info.proto, both the form of TensorFlow 2.21 and the one before.
 */
SM_API sm_status sm_model_get_debug_info(const sm_debug_info **out, const sm_model *model, sm_error *err);

/** Number of nodes with a trace, sorted by name (as bytes). */
SM_API size_t sm_debug_info_n_traces(const sm_debug_info *info);

/** Name of trace i as stored: "node@function". data is NULL when there is none of that number. */
SM_API sm_string sm_debug_info_get_name(const sm_debug_info *info, size_t i);

/**
 * Trace i; decoded on the first call, it lives until sm_model_close.
 * Errors: NOT_FOUND no such number; DATA_LOSS its bytes are no StackTrace, or it names a frame that is not there;
 *   RESOURCE_EXHAUSTED.
 */
SM_API sm_status sm_debug_info_get_trace(const sm_stack_trace **out, const sm_debug_info *info, size_t i,
                                         sm_error *err);

/**
 * The trace of a node in a function of the library, found by bisection. function NULL: node is the name as stored, whole.
 * TensorFlow records nodes of library functions only. Errors as above; NOT_FOUND nothing is recorded of that node.
 */
SM_API sm_status sm_debug_info_find_trace(const sm_stack_trace **out, const sm_debug_info *info, const char *node,
                                          const char *function, sm_error *err);

SM_END_DECLS

#endif
