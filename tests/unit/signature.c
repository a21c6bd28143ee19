#include "support/check.h"

#include <savedmodel/model.h>

#include "support/models.h"

/* SignatureDef: inputs 1, outputs 2, method_name 3, defaults 4. TensorInfo: name 1, dtype 2, tensor_shape 3,
 * coo_sparse 4, composite_tensor 5 (type_spec 1, components 2). */
static w_buffer w;
static sm_error err;
static sm_model *model;
static size_t graph_begun;
static w_entry entry_begun;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  model = NULL;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(model);
  w_free(&w);
  return 0;
}

/* Signature "s", whose fields are written between begin and open_it. */
static void begin(void) {
  graph_begun = w_begin(&w, 2);
  entry_begun = w_begin_entry(&w, 5, "s");
}

static const sm_meta_graph *open_it(void) {
  w_end_entry(&w, entry_begun);
  w_end(&w, graph_begun);
  sm_model_close(model);
  model = open_bytes(&w);
  return only_graph(model);
}

static const sm_signature *decode(void) {
  const sm_signature *signature;
  assert_ok(sm_meta_graph_find_signature(&signature, open_it(), "s", &err), err);
  return signature;
}

static sm_status decode_status(void) {
  const sm_signature *signature;
  sm_status status = sm_meta_graph_find_signature(&signature, open_it(), "s", &err);
  if (status != SM_OK) assert_null(signature);
  return status;
}

/* An entry of inputs or outputs whose value is the given bytes. */
static void put_tensor(uint32_t number, const char *key, const w_buffer *info) {
  w_entry entry = w_begin_entry(&w, number, key);
  w_raw(&w, info->data, info->size);
  w_end_entry(&w, entry);
}

static void signature__plain(void **state) {
  (void)state;
  begin();
  w_buffer info = {0};
  w_text(&info, 1, "serving_default_x:0");
  w_varint(&info, 2, 1);
  size_t shape = w_begin(&info, 3);
  for (int i = 0; i < 2; i++) {
    size_t dim = w_begin(&info, 2);
    w_varint(&info, 1, i == 0 ? UINT64_MAX : 28);
    w_end(&info, dim);
  }
  w_end(&info, shape);
  put_tensor(1, "x", &info);
  w_clear(&info);
  w_text(&info, 1, "StatefulPartitionedCall:0");
  w_varint(&info, 2, 9);
  put_tensor(2, "y", &info);
  w_text(&w, 3, "tensorflow/serving/predict");
  w_free(&info);
  const sm_signature *signature = decode();
  assert_text("key", signature->key, "s");
  assert_number("key_size", signature->key_size, 1);
  assert_text("method", signature->method_name, SM_METHOD_PREDICT);
  assert_number("method_name_size", signature->method_name_size, strlen(SM_METHOD_PREDICT));
  assert_number("inputs", signature->n_inputs, 1);
  assert_number("outputs", signature->n_outputs, 1);
  assert_number("defaults", signature->n_defaults, 0);
  const sm_tensor_info *x = signature->inputs[0], *y = signature->outputs[0];
  assert_text("name", x->name, "x");
  assert_number("name_size", x->name_size, 1);
  assert_text("tensor_name", x->tensor_name, "serving_default_x:0");
  assert_number("tensor_name_size", x->tensor_name_size, 19);
  assert_number("dtype", x->dtype, SM_DT_FLOAT);
  assert_number("kind", x->kind, SM_TENSOR_NAME);
  assert_number("rank", x->rank, 2);
  assert_number("dim 0", x->dims[0], -1);
  assert_number("dim 1", x->dims[1], 28);
  assert_number("components", x->n_components, 0);
  assert_number("dtype", y->dtype, SM_DT_INT64);
  assert_number("a missing shape is a scalar's", y->rank, 0);
}

/* dtype and shape in all their odd forms, one tensor each. */
static void signature__dtypes_and_shapes(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    int32_t dtype, rank;
  } rows[] = {
      {"nothing", "", 0, 0, 0},
      {"unknown rank", "\x1A\x02\x18\x01", 4, 0, -1},
      {"known rank said explicitly", "\x1A\x02\x18\x00", 4, 0, 0},
      {"three unnamed dims", "\x1A\x06\x12\x00\x12\x00\x12\x00", 8, 0, 3},
      {"shape given twice", "\x1A\x02\x12\x00\x1A\x02\x12\x00", 8, 0, 2},
      {"reference", "\x10\x65", 2, 101, 0},
      {"dtype of a later TensorFlow", "\x10\xE7\x07", 3, 999, 0},
      {"negative dtype", "\x10\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, -1, 0},
      {"dtype of 33 bits: cut, as enums are", "\x10\x83\x80\x80\x80\x10", 6, 3, 0},
      {"dtype given twice", "\x10\x01\x10\x03", 4, 3, 0},
      {"dtype of a wrong type", "\x12\x01x", 3, 0, 0},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer info = {0};
    w_clear(&w);
    begin();
    w_raw(&info, rows[i].bytes, rows[i].size);
    put_tensor(1, "x", &info);
    w_free(&info);
    const sm_tensor_info *x = decode()->inputs[0];
    assert_number(rows[i].what, (int32_t)x->dtype, rows[i].dtype);
    assert_number(rows[i].what, x->rank, rows[i].rank);
    assert_text(rows[i].what, x->tensor_name, "");
  }
}

static void signature__coo_sparse(void **state) {
  (void)state;
  begin();
  w_buffer info = {0};
  size_t sparse = w_begin(&info, 4);
  w_text(&info, 1, "v:0");
  w_text(&info, 2, "i:0");
  w_text(&info, 3, "d:0");
  w_end(&info, sparse);
  w_varint(&info, 2, 1);
  put_tensor(1, "x", &info);
  w_clear(&info);
  w_bytes(&info, 4, "", 0);
  put_tensor(1, "y", &info);
  w_free(&info);
  const sm_signature *signature = decode();
  const sm_tensor_info *x = signature->inputs[0], *y = signature->inputs[1];
  static const char *const names[][2] = {{"values", "v:0"}, {"indices", "i:0"}, {"dense_shape", "d:0"}};
  assert_number("kind", x->kind, SM_TENSOR_COO_SPARSE);
  assert_text("tensor_name", x->tensor_name, "");
  assert_number("components", x->n_components, 3);
  assert_number("components", y->n_components, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_text("name", x->components[i]->name, names[i][0]);
    assert_text("tensor_name", x->components[i]->tensor_name, names[i][1]);
    assert_number("tensor_name_size", x->components[i]->tensor_name_size, 3);
    assert_text("empty", y->components[i]->tensor_name, "");
  }
}

static void signature__composite(void **state) {
  (void)state;
  begin();
  w_buffer info = {0};
  size_t composite = w_begin(&info, 5);
  w_bytes(&info, 1, "\x08\x03", 2); /* TypeSpecProto, kept as it is */
  for (uint64_t i = 0; i < 3; i++) {
    size_t component = w_begin(&info, 2);
    w_text(&info, 1, i == 0 ? "values:0" : i == 1 ? "splits:0" : "");
    w_varint(&info, 2, i + 1);
    w_end(&info, component);
  }
  w_end(&info, composite);
  put_tensor(2, "ragged", &info);
  w_free(&info);
  const sm_tensor_info *ragged = decode()->outputs[0];
  assert_number("kind", ragged->kind, SM_TENSOR_COMPOSITE);
  assert_bytes("type_spec", ragged->type_spec.data, ragged->type_spec.size, "\x08\x03", 2);
  assert_number("components", ragged->n_components, 3);
  assert_text("0", ragged->components[0]->tensor_name, "values:0");
  assert_text("1", ragged->components[1]->tensor_name, "splits:0");
  for (size_t i = 0; i < 3; i++) {
    assert_number("dtype", ragged->components[i]->dtype, i + 1);
    assert_text("components have no key", ragged->components[i]->name, "");
  }
}

/* Composite tensors in composite tensors, deeper than protobuf allows and than any stack: no recursion. */
static void signature__composite_nested(void **state) {
  (void)state;
  static const uint32_t path[] = {5, 2};
  static const size_t depths[] = {1, 2, 99, 200, 100000};
  for (size_t d = 0; d < N_OF(depths); d++) {
    w_buffer info = {0}, entry = {0}, signature_def = {0}, signature_entry = {0}, graph = {0};
    w_nest(&info, path, 2, depths[d], "\x0A\x04leaf", 6);
    w_text(&entry, 1, "x"), w_message(&entry, 2, &info);
    w_message(&signature_def, 1, &entry);
    w_text(&signature_entry, 1, "s"), w_message(&signature_entry, 2, &signature_def);
    w_message(&graph, 5, &signature_entry);
    w_clear(&w);
    w_message(&w, 2, &graph);
    w_free(&info), w_free(&entry), w_free(&signature_def), w_free(&signature_entry), w_free(&graph);
    sm_model_close(model);
    model = open_bytes(&w);
    const sm_signature *signature;
    assert_ok(sm_meta_graph_find_signature(&signature, only_graph(model), "s", &err), err);
    const sm_tensor_info *at = signature->inputs[0];
    for (size_t i = 0; i < depths[d]; i++) {
      assert_number("kind", at->kind, SM_TENSOR_COMPOSITE);
      assert_number("components", at->n_components, 1);
      at = at->components[0];
    }
    assert_text("innermost", at->tensor_name, "leaf");
  }
}

/* Of a oneof the last member counts. */
static void signature__last_encoding_counts(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
    sm_tensor_kind kind;
    const char *name;
  } rows[] = {
      {"name, sparse",
       "\x0A\x01"
       "a\x22\x00",
       5, SM_TENSOR_COO_SPARSE, ""},
      {"sparse, name",
       "\x22\x00\x0A\x01"
       "a",
       5, SM_TENSOR_NAME, "a"},
      {"composite, sparse, composite", "\x2A\x00\x22\x00\x2A\x00", 6, SM_TENSOR_COMPOSITE, ""},
      {"name, name",
       "\x0A\x01"
       "a\x0A\x01"
       "b",
       6, SM_TENSOR_NAME, "b"},
      {"name, a sparse of a wrong type",
       "\x0A\x01"
       "a\x20\x01",
       5, SM_TENSOR_NAME, "a"},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_buffer info = {0};
    w_clear(&w);
    begin();
    w_raw(&info, rows[i].bytes, rows[i].size);
    put_tensor(1, "x", &info);
    w_free(&info);
    const sm_tensor_info *x = decode()->inputs[0];
    assert_number(rows[i].what, x->kind, rows[i].kind);
    assert_text(rows[i].what, x->tensor_name, rows[i].name);
  }
}

static void signature__defaults(void **state) {
  (void)state;
  begin();
  static const char tensor[] = "\x08\x03\x12\x04\x12\x02\x08\x02\x3A\x02\x05\x07"; /* int32 [2] = {5, 7} */
  w_entry entry = w_begin_entry(&w, 4, "b");
  w_raw(&w, tensor, sizeof tensor - 1);
  w_end_entry(&w, entry);
  entry = w_begin_entry(&w, 4, "a");
  w_end_entry(&w, entry);
  const sm_signature *signature = decode();
  assert_number("defaults", signature->n_defaults, 2);
  assert_text("sorted", signature->defaults[0]->name, "a");
  assert_number("rank", signature->defaults[0]->rank, 0);
  const sm_signature_default *b = signature->defaults[1];
  assert_text("name", b->name, "b");
  assert_number("name_size", b->name_size, 1);
  assert_number("dtype", b->dtype, SM_DT_INT32);
  assert_number("rank", b->rank, 1);
  assert_number("dim", b->dims[0], 2);
  assert_bytes("tensor_proto", b->tensor_proto.data, b->tensor_proto.size, tensor, sizeof tensor - 1);
}

/* Names have a length: a NUL in them is a byte like others, and no look-up by a C string takes them for another name.
 * */
static void signature__names_with_nul(void **state) {
  (void)state;
  begin();
  for (int i = 0; i < 2; i++) {
    size_t entry = w_begin(&w, 1);
    w_bytes(&w, 1, "a\0b", i == 0 ? 3 : 2);
    size_t info = w_begin(&w, 2);
    w_bytes(&w, 1, "t\0u:0", 5);
    w_end(&w, info), w_end(&w, entry);
  }
  w_bytes(&w, 3, "m\0n", 3);
  const sm_signature *signature = decode();
  assert_number("inputs", signature->n_inputs, 2);
  assert_bytes("0", signature->inputs[0]->name, signature->inputs[0]->name_size, "a\0", 2);
  assert_bytes("1", signature->inputs[1]->name, signature->inputs[1]->name_size, "a\0b", 3);
  assert_bytes("tensor", signature->inputs[0]->tensor_name, signature->inputs[0]->tensor_name_size, "t\0u:0", 5);
  assert_bytes("method", signature->method_name, signature->method_name_size, "m\0n", 3);
  assert_null(sm_signature_find_input(signature, "a"));
  assert_null(sm_signature_find_output(signature, "a"));
}

/* A signature of the caller's own making may leave name_size 0. */
static void signature__finds_inputs_and_outputs(void **state) {
  (void)state;
  sm_tensor_info a = {.name = "a"}, b = {.name = "b", .name_size = 1};
  const sm_tensor_info *const both[] = {&a, &b};
  const sm_signature made = {.n_inputs = 2, .inputs = both, .n_outputs = 1, .outputs = both};
  assert_ptr_equal(sm_signature_find_input(&made, "a"), &a);
  assert_ptr_equal(sm_signature_find_input(&made, "b"), &b);
  assert_ptr_equal(sm_signature_find_output(&made, "a"), &a);
  assert_null(sm_signature_find_output(&made, "b"));
  assert_null(sm_signature_find_input(&made, ""));
  assert_null(sm_signature_find_input(&made, "ab"));
}

static void signature__sorted_and_the_last_wins(void **state) {
  (void)state;
  static const char *const keys[] = {"serving_default", "b", "", "b", "__saved_model_init_op", "B"};
  static const char *const sorted[] = {"", "B", "__saved_model_init_op", "b", "serving_default"};
  size_t graph = w_begin(&w, 2);
  for (size_t i = 0; i < N_OF(keys); i++) {
    char method[] = {(char)('0' + i), '\0'};
    w_entry entry = w_begin_entry(&w, 5, keys[i]);
    w_text(&w, 3, method);
    w_end_entry(&w, entry);
  }
  w_end(&w, graph);
  model = open_bytes(&w);
  const sm_meta_graph *meta_graph = only_graph(model);
  assert_number("signatures", sm_meta_graph_n_signatures(meta_graph), N_OF(sorted));
  for (size_t i = 0; i < N_OF(sorted); i++) {
    const sm_signature *by_number, *by_key;
    assert_ok(sm_meta_graph_get_signature(&by_number, meta_graph, i, &err), err);
    assert_text("key", by_number->key, sorted[i]);
    assert_ok(sm_meta_graph_find_signature(&by_key, meta_graph, sorted[i], &err), err);
    assert_ptr_equal(by_key, by_number); /* decoded once */
    if (strcmp(sorted[i], "b") == 0) assert_text("the last of two", by_key->method_name, "3");
  }
  const sm_signature *none;
  assert_status(sm_meta_graph_get_signature(&none, meta_graph, N_OF(sorted), &err), SM_NOT_FOUND, err);
  assert_null(none);
  assert_status(sm_meta_graph_find_signature(&none, meta_graph, "serving", &err), SM_NOT_FOUND, err);
  assert_null(none);
  assert_mentions(err.message, "\"serving\"");
  assert_mentions(err.message, "b, serving_default");
}

static void signature__many_keys_in_the_message(void **state) {
  (void)state;
  const sm_signature *none;
  size_t graph = w_begin(&w, 2);
  for (int i = 0; i < 1000; i++) {
    char key[24];
    snprintf(key, sizeof key, "signature_%d", i);
    w_end_entry(&w, w_begin_entry(&w, 5, key));
  }
  w_end(&w, graph);
  model = open_bytes(&w);
  assert_status(sm_meta_graph_find_signature(&none, only_graph(model), "x", &err), SM_NOT_FOUND, err);
  assert_true(strlen(err.message) < sizeof err.message);
  assert_mentions(err.message, "signature_0");
}

/* method_name and inputs merged over a value that was given twice; of one key in both halves the last entry counts. */
static void signature__value_given_twice(void **state) {
  (void)state;
  size_t graph = w_begin(&w, 2), entry = w_begin(&w, 5);
  w_text(&w, 1, "s");
  for (int half = 0; half < 2; half++) {
    size_t value = w_begin(&w, 2);
    w_buffer info = {0};
    w_text(&info, 1, half == 0 ? "early:0" : "late:0");
    put_tensor(1, "x", &info);
    put_tensor(1, half == 0 ? "a" : "b", &info);
    if (half == 0) w_text(&w, 3, "method");
    w_free(&info);
    w_end(&w, value);
  }
  w_end(&w, entry), w_end(&w, graph);
  model = open_bytes(&w);
  const sm_signature *signature;
  assert_ok(sm_meta_graph_find_signature(&signature, only_graph(model), "s", &err), err);
  assert_text("method", signature->method_name, "method");
  assert_number("inputs", signature->n_inputs, 3);
  assert_text("x", sm_signature_find_input(signature, "x")->tensor_name, "late:0");
  assert_text("a", sm_signature_find_input(signature, "a")->tensor_name, "early:0");
}

static void signature__damage(void **state) {
  (void)state;
  static const struct {
    const char *what, *bytes;
    size_t size;
  } rows[] = {
      {"inputs past the end", "\x0A\x05", 2},
      {"a method that is not UTF-8", "\x1A\x01\xFF", 3},
      {"an input key that is not UTF-8", "\x0A\x03\x0A\x01\xFF", 5},
      {"a tensor name that is not UTF-8", "\x0A\x08\x0A\x01x\x12\x03\x0A\x01\xFF", 10},
      {"a tensor past the end", "\x0A\x04\x12\x02\x0A\x05", 6},
      {"a shape past the end", "\x12\x06\x12\x04\x1A\x02\x12\x05", 8},
      {"a dim that does not end", "\x12\x08\x12\x06\x1A\x04\x12\x02\x08\x80", 10},
      {"a component past the end", "\x12\x06\x12\x04\x2A\x02\x12\x05", 8},
      {"a sparse name that is not UTF-8", "\x12\x07\x12\x05\x22\x03\x0A\x01\xFF", 9},
      {"a default past the end", "\x22\x04\x12\x02\x12\x05", 6},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    w_clear(&w);
    begin();
    w_raw(&w, rows[i].bytes, rows[i].size);
    sm_status status = decode_status();
    assert_text(rows[i].what, sm_status_name(status), "DATA_LOSS");
  }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(signature__plain),
      CASE(signature__dtypes_and_shapes),
      CASE(signature__coo_sparse),
      CASE(signature__composite),
      CASE(signature__composite_nested),
      CASE(signature__last_encoding_counts),
      CASE(signature__defaults),
      CASE(signature__names_with_nul),
      CASE(signature__finds_inputs_and_outputs),
      CASE(signature__sorted_and_the_last_wins),
      CASE(signature__many_keys_in_the_message),
      CASE(signature__value_given_twice),
      CASE(signature__damage),
  };
  return cmocka_run_group_tests_name("signature", tests, NULL, NULL);
}
