/* The operations of TensorFlow 2.21, those of tf.raw_ops. A definition is a list of places in op_fields, where the fields of
 * its message lie as they are on the wire; only its name is not among them. */
#include <assert.h>

#include "graph/op_defs.h"
#include "wire/emit.h"

/* Where the name and the fields begin; they end where those of the next one do. */
typedef struct packed_op {
  uint16_t name, fields;
} packed_op;

/* The fields are one string of 59 KB: each as an array would need a pointer more, and a relocation for that. */
#if defined(__GNUC__)
#pragma GCC diagnostic ignored "-Woverlength-strings"
#endif
#include "graph/op_table.inc"

enum { N_OPS = sizeof packed_ops / sizeof packed_ops[0] - 1, OP_NAME = 1 };

size_t sm_op_table_size(void) { return N_OPS; }

sm_string sm_op_table_name(size_t i) {
  return (sm_string){op_names + packed_ops[i].name, (size_t)(packed_ops[i + 1].name - packed_ops[i].name)};
}

size_t sm_op_table_find(sm_string op) {
  size_t low = 0, high = N_OPS;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = sm_string_compare(sm_op_table_name(middle), op);
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return SIZE_MAX;
}

static sm_span field_at(uint16_t place) {
  const sm_span rest = {(const uint8_t *)op_fields + place, sizeof op_fields - 1 - place};
  sm_wire_reader reader = sm_wire_read(rest, NULL);
  sm_wire_field field = {.tag = 0};
  bool is_there = sm_wire_next(&reader, &field);
  assert(is_there);
  (void)is_there;
  return field.whole;
}

sm_status sm_op_table_put(sm_buffer *out, size_t i, sm_error *err) {
  const sm_string name = sm_op_table_name(i);
  SM_TRY(sm_wire_put_bytes(out, OP_NAME, name.data, name.size, err));
  for (size_t k = packed_ops[i].fields; k < packed_ops[i + 1].fields; k++) {
    const sm_span field = field_at(op_field_places[k]);
    SM_TRY(sm_buffer_put(out, field.data, field.size, err));
  }
  return SM_OK;
}
