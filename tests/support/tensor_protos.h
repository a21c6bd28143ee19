/* data/tensor_protos.tsv: what TensorFlow makes of TensorProtos, and which it makes (interop/tensor_proto_tf.py). */
#ifndef SM_TESTS_SUPPORT_TENSOR_PROTOS_H
#define SM_TESTS_SUPPORT_TENSOR_PROTOS_H

#include <stdbool.h>

#include <savedmodel/tensor.h>

#include "support/wire_writer.h"

typedef struct recorded_tensor {
  char form[16]; /* decode, content, python, values */
  char what[64];
  w_buffer proto;
  bool is_refused; /* no view then */
  sm_tensor_view view;
  w_buffer elements; /* what view->data points to */
  w_buffer bytes;    /* of strings */
} recorded_tensor;

/* Calls fn for each line whose form is one of forms, which are separated by blanks. */
void each_recorded_tensor(const char *forms, void (*fn)(const recorded_tensor *line));

/* Same dtype, shape and elements, strings by their bytes; or the test fails. */
void assert_same_tensor(const char *what, const sm_tensor_view *is, const sm_tensor_view *wanted);

#endif
