/* Numbers at the end of names as TensorFlow 2.21 reads them (core/graph/regularization/util.cc), seen in the fingerprints
 * that it computes of models with such names (interop/fingerprint_tf.py). */
#include "graph/regular.h"

#include <savedmodel/pb/node_def.pb-c.h>

#include "support/check.h"
#include "support/graph_spec.h"
#include "wire/canonical.h"

static void regular__uid(void **state) {
  (void)state;
  static const struct {
    const char *name, *without; /* NULL: there is no number */
    int64_t uid;
  } rows[] = {
      {"__inference_f_12", "__inference_f_", 12},
      {"f_007", "f_00", 7},
      {"f_-3", "f_", -3},
      {"f_+4", "f_+", 4},
      {"12", "", 12},
      {"f_ 5", "f_ ", 5},
      {"f_5 ", "f_5 ", 5},
      {"f_\t5", "f_\t", 5},
      {"f_-0", "f_-", 0},
      {"f_9223372036854775807", "f_", INT64_MAX},
      {"f_-9223372036854775808", "f_", INT64_MIN},
      {"f_9223372036854775808", NULL, 0},
      {"f_-9223372036854775809", NULL, 0},
      {"f_99999999999999999999999", NULL, 0},
      {"f_12_", NULL, 0},
      {"f12", NULL, 0},
      {"f_1 2", NULL, 0},
      {"f_--1", NULL, 0},
      {"f_-", NULL, 0},
      {"f_ ", NULL, 0},
      {"", NULL, 0},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    char text[64] = "";
    int64_t uid = 0;
    bool has_uid = sm_function_get_uid(&uid, sm_string_of(rows[i].name));
    assert_number(rows[i].name, has_uid, rows[i].without != NULL);
    if (!has_uid) continue;
    sm_string without = sm_function_without_uid(sm_string_of(rows[i].name), uid);
    snprintf(text, sizeof text, "%.*s", (int)without.size, without.data);
    assert_number(rows[i].name, uid, rows[i].uid);
    assert_text(rows[i].name, text, rows[i].without);
  }
}

/* ---- Nodes ---- */

static sm_status append(void *ctx, const void *data, size_t size, sm_error *err) {
  (void)err;
  w_raw(ctx, data, size);
  return SM_OK;
}

/* The canonical bytes of the node are to be those of expected. */
static void check_node(const char *what, const w_buffer *node, const w_buffer *expected) {
  sm_error err;
  sm_arena arena;
  sm_canonical writer;
  sm_spans pieces;
  w_buffer made = {0};
  const sm_span bytes = {node->data, node->size};
  const sm_wire_source source = {.name = "n", .bytes = bytes};
  sm_arena_init(&arena, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_node_make_regular(&pieces, &bytes, &source, &arena, &err), err);
  assert_ok(sm_canonical_begin(&writer, &source, &arena, append, &made, &err), err);
  assert_ok(sm_canonical_put(&writer, &tensorflow__node_def__descriptor, pieces, &err), err);
  assert_bytes(what, made.data, made.size, expected->data, expected->size);
  sm_canonical_end(&writer);
  sm_arena_free(&arena);
  w_free(&made);
}

/* Fields of NodeDef, AttrValue, NameAttrList. */
enum { NAME = 1, OP = 2, ATTR = 5, S = 2, TYPE = 6, TENSOR = 8, FUNC = 10, FUNC_NAME = 1, FUNC_ATTR = 2 };

/* A call of a function that has an attribute of its own; attributes in the order of their keys. */
static void put_call(w_buffer *w, const char *op, const char *config, const char *function) {
  w_text(w, NAME, "n");
  w_text(w, OP, op);
  if (config != NULL) put_attr_text(w, "config_proto", config);
  w_entry entry = w_begin_entry(w, ATTR, "f");
  size_t func = w_begin(w, FUNC);
  if (*function != '\0') w_text(w, FUNC_NAME, function);
  w_entry inner = w_begin_entry(w, FUNC_ATTR, "T");
  w_varint(w, TYPE, 1);
  w_end_entry(w, inner);
  w_end(w, func);
  w_end_entry(w, entry);
  put_attr_text(w, "other", "f_12");
}

static void regular__calls(void **state) {
  (void)state;
  static const struct {
    const char *op, *config, *function, *new_config, *new_function;
  } rows[] = {
      {"PartitionedCall", "x", "f_12", "", "f_"},
      {"StatefulPartitionedCall", "x", "f_12", "", "f_"},
      {"StatefulPartitionedCall", NULL, "12", NULL, ""},
      {"PartitionedCall", "", "f", "", "f"},
      {"Call", "x", "f_12", "x", "f_12"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer node = {0}, expected = {0};
    put_call(&node, rows[i].op, rows[i].config, rows[i].function);
    put_call(&expected, rows[i].op, rows[i].new_config, rows[i].new_function);
    check_node(rows[i].function, &node, &expected);
    w_free(&node);
    w_free(&expected);
  }
}

/* dtype 0: none. */
static void put_constant(w_buffer *w, const char *op, uint64_t dtype, const char *value) {
  w_text(w, NAME, "n");
  w_text(w, OP, op);
  if (dtype != 0) {
    w_entry entry = w_begin_entry(w, ATTR, "dtype");
    w_varint(w, TYPE, dtype);
    w_end_entry(w, entry);
  }
  if (value == NULL) return;
  w_entry entry = w_begin_entry(w, ATTR, "value");
  if (*value != '\0') w_text(w, TENSOR, value);
  w_end_entry(w, entry);
}

static void regular__constants(void **state) {
  (void)state;
  static const char tensor[] = "\x08\x07"; /* dtype 7 */
  static const struct {
    const char *op;
    uint64_t dtype;
    const char *value, *expected;
  } rows[] = {
      {"Const", 7, tensor, ""},     {"Const", 7, "", ""},         {"Const", 7, NULL, NULL},
      {"Const", 1, tensor, tensor}, {"Const", 0, tensor, tensor}, {"Constant", 7, tensor, tensor},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer node = {0}, expected = {0};
    put_constant(&node, rows[i].op, rows[i].dtype, rows[i].value);
    put_constant(&expected, rows[i].op, rows[i].dtype, rows[i].expected);
    check_node(rows[i].op, &node, &expected);
    w_free(&node);
    w_free(&expected);
  }
}

/* A number of 32 bits in a longer varint; behind the member that counts one of another wire type, which is none. */
static void regular__odd_dtype(void **state) {
  (void)state;
  w_buffer node = {0}, expected = {0};
  w_text(&node, NAME, "n");
  w_text(&node, OP, "Const");
  w_entry entry = w_begin_entry(&node, ATTR, "dtype");
  w_varint(&node, TYPE, 0x100000007);
  w_text(&node, 3, "x");
  w_end_entry(&node, entry);
  entry = w_begin_entry(&node, ATTR, "value");
  w_text(&node, TENSOR, "\x08\x07");
  w_end_entry(&node, entry);
  w_text(&expected, NAME, "n");
  w_text(&expected, OP, "Const");
  entry = w_begin_entry(&expected, ATTR, "dtype");
  w_varint(&expected, TYPE, 7);
  w_text(&expected, 3, "x");
  w_end_entry(&expected, entry);
  w_end_entry(&expected, w_begin_entry(&expected, ATTR, "value"));
  check_node("emptied", &node, &expected);
  w_free(&node);
  w_free(&expected);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(regular__uid),
      cmocka_unit_test(regular__calls),
      cmocka_unit_test(regular__constants),
      cmocka_unit_test(regular__odd_dtype),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
