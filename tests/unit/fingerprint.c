/* What TensorFlow computes of its own models lies in them; of models made by hand: interop/fingerprint_tf.py. */
#include "model/fingerprint.h"

#include <dirent.h>

#include "support/check.h"
#include "support/files.h"
#include "support/graph_spec.h"
#include "support/models.h"

static sm_error err;

/* ---- Models of TensorFlow ---- */

/* The stored fingerprint, and its bytes. */
static void check_model(const char *dir) {
  sm_model *model;
  const sm_fingerprint *stored, *computed, *again;
  assert_ok(sm_model_open(&model, dir, NULL, &err), err);
  assert_ok(sm_model_get_fingerprint(&stored, model, &err), err);
  assert_ok(sm_model_compute_fingerprint(&computed, model, &err), err);
  assert_number(dir, computed->saved_model_checksum, stored->saved_model_checksum);
  assert_number(dir, computed->graph_def_program_hash, stored->graph_def_program_hash);
  assert_number(dir, computed->signature_def_hash, stored->signature_def_hash);
  assert_number(dir, computed->saved_object_graph_hash, stored->saved_object_graph_hash);
  assert_number(dir, computed->checkpoint_hash, stored->checkpoint_hash);
  assert_number(dir, computed->producer, stored->producer);
  assert_ok(sm_model_compute_fingerprint(&again, model, &err), err);
  assert_ptr_equal(again, computed);

  size_t size;
  sm_buffer made;
  uint8_t *file = read_file(path_in(dir, SM_FILE_FINGERPRINT), &size);
  sm_buffer_init(&made, sm_allocator_or_malloc(NULL), UINT64_MAX);
  assert_ok(sm_fingerprint_write(&made, stored, &err), err);
  assert_bytes(dir, made.data, made.size, file, size);
  sm_buffer_free(&made);
  free(file);
  sm_model_close(model);
}

static void fingerprint__as_tensorflow(void **state) {
  (void)state;
  size_t n = 0;
  char folder[1024];
  snprintf(folder, sizeof folder, "%s", model_dir("v2"));
  DIR *models = opendir(folder);
  assert_non_null(models);
  for (struct dirent *entry; (entry = readdir(models)) != NULL;) {
    char dir[1024 + sizeof entry->d_name];
    snprintf(dir, sizeof dir, "%s/%s", folder, entry->d_name);
    if (entry->d_name[0] == '.' || !file_exists(path_in(dir, SM_FILE_FINGERPRINT))) continue;
    check_model(dir);
    n++;
  }
  closedir(models);
  assert_true(n >= 28);
}

/* ---- What follows from the hashes ---- */

static void fingerprint__uuid(void **state) {
  (void)state;
  sm_model *one = open_data("v2/one_signature"), *again = open_data("v2/one_signature"),
           *other = open_data("v2/strings");
  const sm_fingerprint *a, *b, *c;
  assert_ok(sm_model_compute_fingerprint(&a, one, &err), err);
  assert_ok(sm_model_compute_fingerprint(&b, again, &err), err);
  assert_ok(sm_model_compute_fingerprint(&c, other, &err), err);
  assert_text("same model", a->uuid, b->uuid);
  assert_string_not_equal(a->uuid, c->uuid);
  assert_in_range(strlen(a->uuid), 20, 39);
  assert_number("digits", strspn(a->uuid, "0123456789"), strlen(a->uuid));
  sm_model_close(one);
  sm_model_close(again);
  sm_model_close(other);
}

/* ---- Small models ---- */

/* Fields: proto/saved_model.proto, meta_graph.proto, saved_object_graph.proto. */
enum { META_GRAPH = 2, OBJECTS = 7, CONCRETE_FUNCTION = 2 };

static sm_status compute(sm_fingerprint *out, const w_buffer *w) {
  const sm_fingerprint *computed;
  sm_model *model = open_bytes(w);
  sm_status status = sm_model_compute_fingerprint(&computed, model, &err);
  if (status == SM_OK) *out = *computed;
  out->uuid = NULL;
  sm_model_close(model);
  return status;
}

/* The hash of an empty graph was seen in what TensorFlow computes of such a model. */
static void fingerprint__empty_graph(void **state) {
  (void)state;
  sm_fingerprint made;
  w_buffer w = {0};
  w_text(&w, META_GRAPH, "");
  assert_ok(compute(&made, &w), err);
  assert_number("graph_def_program_hash", made.graph_def_program_hash, 1826355931633539578u);
  assert_number("signature_def_hash", made.signature_def_hash, 0);
  assert_number("saved_object_graph_hash", made.saved_object_graph_hash, 0);
  assert_number("checkpoint_hash", made.checkpoint_hash, 0);
  w_free(&w);
}

static void fingerprint__no_meta_graph(void **state) {
  (void)state;
  sm_fingerprint made;
  w_buffer w = {0};
  assert_status(compute(&made, &w), SM_FAILED_PRECONDITION, err);
  assert_mentions(err.message, "no meta graph");
  w_free(&w);
}

static void put_functions(w_buffer *w, const char *const *names, size_t n) {
  size_t graph = w_begin(w, META_GRAPH), objects = w_begin(w, OBJECTS);
  for (size_t i = 0; i < n; i++) w_end_entry(w, w_begin_entry(w, CONCRETE_FUNCTION, names[i]));
  w_end(w, objects);
  w_end(w, graph);
}

static void fingerprint__function_without_number(void **state) {
  (void)state;
  static const char *const names[] = {"f_1", "nameless"};
  sm_fingerprint made;
  w_buffer w = {0};
  put_functions(&w, names, N_OF(names));
  assert_status(compute(&made, &w), SM_FAILED_PRECONDITION, err);
  assert_mentions(err.message, "(buffer): the name of concrete function nameless does not end in a number");
  w_free(&w);
}

/* By number, not by name; and names count without it. */
static void fingerprint__functions_by_number(void **state) {
  (void)state;
  static const char *const names[] = {"b_9", "a_10"}, *const reversed[] = {"a_10", "b_9"},
                           *const later[] = {"b_3", "a_4"}, *const swapped[] = {"b_10", "a_9"};
  sm_fingerprint first, second;
  w_buffer w = {0};
  put_functions(&w, names, 2);
  assert_ok(compute(&first, &w), err);
  w_clear(&w);
  put_functions(&w, reversed, 2);
  assert_ok(compute(&second, &w), err);
  assert_number("order of the file", second.saved_object_graph_hash, first.saved_object_graph_hash);
  w_clear(&w);
  put_functions(&w, later, 2);
  assert_ok(compute(&second, &w), err);
  assert_number("other numbers", second.saved_object_graph_hash, first.saved_object_graph_hash);
  assert_true(second.saved_model_checksum != first.saved_model_checksum);
  w_clear(&w);
  put_functions(&w, swapped, 2);
  assert_ok(compute(&second, &w), err);
  assert_true(second.saved_object_graph_hash != first.saved_object_graph_hash);
  w_free(&w);
}

/* What is damaged deep inside is found when it is hashed. */
static void fingerprint__damaged(void **state) {
  (void)state;
  sm_fingerprint made;
  w_buffer w = {0};
  size_t graph = w_begin(&w, META_GRAPH), def = w_begin(&w, 2), node = w_begin(&w, 1);
  w_raw(&w, "\x2a\x7f", 2); /* an attribute of 127 bytes */
  w_end(&w, node);
  w_end(&w, def);
  w_end(&w, graph);
  assert_status(compute(&made, &w), SM_DATA_LOSS, err);
  assert_mentions(err.message, "127 bytes announced, only 0 left");
  w_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(fingerprint__as_tensorflow),
      cmocka_unit_test(fingerprint__uuid),
      cmocka_unit_test(fingerprint__empty_graph),
      cmocka_unit_test(fingerprint__no_meta_graph),
      cmocka_unit_test(fingerprint__function_without_number),
      cmocka_unit_test(fingerprint__functions_by_number),
      cmocka_unit_test(fingerprint__damaged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
