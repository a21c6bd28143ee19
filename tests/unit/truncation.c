/* Damage everywhere: every prefix of a model and every byte of it changed, opened from a buffer and all looked up.
 * There must be an answer each time, an error or a result, and memory in proportion to the file. */
#include "support/check.h"

#include "support/fault_alloc.h"
#include "support/files.h"
#include "support/models.h"

/* Decision D7: a small multiple is 64 times; definitions of operations are unpacked whatever the size. */
static size_t memory_allowed(size_t size) { return 64 * size > 262144 ? 64 * size : 262144; }

/* Opens the bytes from a block of just their size and looks up everything. */
static void try_bytes(const uint8_t *bytes, size_t size, const char *what, size_t place) {
  sm_fault_alloc fa;
  sm_model *model;
  sm_error err;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  uint8_t *copy = malloc(size != 0 ? size : 1);
  if (size != 0) memcpy(copy, bytes, size);
  sm_fault_alloc_init(&fa, UINT64_MAX);
  options.allocator = &fa.base;
  sm_status status = sm_model_open_buffer(&model, copy, size, &options, &err);
  if (status == SM_OK)
    (void)look_up_everything(model, NULL);
  else if (status != SM_DATA_LOSS || err.code != status)
    fail_msg("%s at %zu: %s: %s", what, place, sm_status_name(status), err.message);
  sm_model_close(model);
  if (fa.live_blocks != 0) fail_msg("%s at %zu: %zu blocks leak", what, place, fa.live_blocks);
  if (fa.peak_bytes > memory_allowed(size))
    fail_msg("%s at %zu: %zu bytes of memory for a file of %zu", what, place, fa.peak_bytes, size);
  sm_fault_alloc_destroy(&fa);
  free(copy);
}

static const char *const models[] = {"v1/no_variables", "v1/assets", "v1/sparse_signature", "v2/skip_saver"};

static void truncation__every_prefix(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++) {
    size_t size;
    uint8_t *bytes = read_file(path_in(model_dir(models[m]), "saved_model.pb"), &size);
    for (size_t n = 0; n <= size; n++) try_bytes(bytes, n, models[m], n);
    free(bytes);
  }
}

static void truncation__every_byte_changed(void **state) {
  (void)state;
  for (size_t m = 0; m < N_OF(models); m++) {
    size_t size;
    uint8_t *bytes = read_file(path_in(model_dir(models[m]), "saved_model.pb"), &size);
    for (size_t i = 0; i < size; i++) {
      const uint8_t kept = bytes[i], changed[] = {kept ^ 0x01, kept ^ 0x80, 0xFF, 0x00};
      for (size_t c = 0; c < N_OF(changed); c++) {
        bytes[i] = changed[c];
        try_bytes(bytes, size, models[m], i);
      }
      bytes[i] = kept;
    }
    free(bytes);
  }
}

/* Nested a hundred thousand deep, in every place that nests in itself: no recursion may follow it. */
static void truncation__deep_everywhere(void **state) {
  (void)state;
  static const struct {
    const char *what;
    uint32_t outer[8]; /* from SavedModel to the place; 0 ends it */
    uint32_t path[4];
  } places[] = {
      {"attribute of a node", {2, 2, 1, 5, 2}, {10, 2, 2}},
      {"attribute of a node in a function", {2, 2, 2, 1, 3, 5, 2}, {10, 2, 2}},
      {"attribute of a function", {2, 2, 2, 1, 5, 2}, {1, 9, 2, 2}},
      {"argument of a concrete function", {2, 7, 2, 2, 3}, {51, 1}},
      {"result of a concrete function", {2, 7, 2, 2, 4}, {53, 1, 2}},
      {"type of a signature's tensor", {2, 5, 2, 1, 2, 5, 1}, {2, 51, 1, 34}},
      {"composite tensor", {2, 5, 2, 1, 2}, {5, 2}},
      {"asset's tensor", {2, 6, 1}, {5, 2}},
      {"stripped op's default", {2, 1, 2, 1, 5, 7}, {10, 2, 2}},
      {"unknown field", {2, 1000}, {1}},
  };
  for (size_t i = 0; i < N_OF(places); i++)
    for (size_t depth = 20; depth <= 100000; depth *= 5000) {
      w_buffer deep = {0}, whole = {0};
      size_t path_len = 0, outer_len = 0;
      while (path_len < N_OF(places[i].path) && places[i].path[path_len] != 0) path_len++;
      while (outer_len < N_OF(places[i].outer) && places[i].outer[outer_len] != 0) outer_len++;
      w_nest(&deep, places[i].path, path_len, depth / path_len, NULL, 0);
      w_nest(&whole, places[i].outer, outer_len, 1, deep.data, deep.size);
      try_bytes(whole.data, whole.size, places[i].what, depth);
      w_free(&deep);
      w_free(&whole);
    }
}

/* The models of data/models/broken, wherever they can be opened. */
static void truncation__damaged_models(void **state) {
  (void)state;
  static const char *const names[] = {"asset_absolute",
                                      "asset_dotdot",
                                      "asset_index_out_of_range",
                                      "concrete_function_missing",
                                      "const_content_too_short",
                                      "const_shape_negative",
                                      "const_shape_overflow",
                                      "deep_attr_20",
                                      "deep_structured_20",
                                      "fingerprint_garbage",
                                      "graph_cycle",
                                      "graph_duplicate_node",
                                      "graph_missing_input",
                                      "graph_newer_producer",
                                      "graph_unknown_op",
                                      "object_graph_bad_child",
                                      "object_graph_negative_child",
                                      "object_graph_no_kind",
                                      "pb_empty",
                                      "pb_end_group_only",
                                      "pb_field_number_zero",
                                      "pb_garbage",
                                      "pb_invalid_utf8",
                                      "pb_length_64bit",
                                      "pb_length_too_long",
                                      "pb_truncated",
                                      "pb_unknown_fields",
                                      "pb_varint_too_long",
                                      "same_tags_twice",
                                      "saver_def_missing",
                                      "signature_missing_tensor",
                                      "tag_listed_twice"};
  for (size_t i = 0; i < N_OF(names); i++) {
    size_t size;
    char name[64];
    snprintf(name, sizeof name, "broken/%s", names[i]);
    uint8_t *bytes = read_file(path_in(model_dir(name), "saved_model.pb"), &size);
    try_bytes(bytes, size, name, 0);
    free(bytes);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(truncation__every_prefix),
      cmocka_unit_test(truncation__every_byte_changed),
      cmocka_unit_test(truncation__deep_everywhere),
      cmocka_unit_test(truncation__damaged_models),
  };
  return cmocka_run_group_tests_name("truncation", tests, NULL, NULL);
}
