/* Models in files of other names, beside a model that is clean. */
#include "support/check.h"

#include <savedmodel/scan.h>

#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/findings.h"
#include "support/wire_writer.h"

static sm_fs *fs;
static w_buffer clean, graph, meta_graph, saved_model, function, keras;
static findings found;
static sm_error err;

static void put_node(w_buffer *w, uint32_t number, const char *op) {
  size_t node = w_begin(w, number);
  w_text(w, 1, "n");
  w_text(w, 2, op);
  w_end(w, node);
}

/* graph is a GraphDef with a WriteFile, the others hold it; function has it in a function; keras is a SavedMetadata. */
static int set_up(void **state) {
  (void)state;
  clean = graph = meta_graph = saved_model = function = keras = (w_buffer){0};
  put_node(&graph, 1, "WriteFile");
  w_message(&meta_graph, 2, &graph);
  w_message(&saved_model, 2, &meta_graph);
  size_t library = w_begin(&function, 2), def = w_begin(&function, 1), signature = w_begin(&function, 1);
  w_text(&function, 1, "g");
  w_end(&function, signature);
  put_node(&function, 3, "ReadFile");
  w_end(&function, def);
  w_end(&function, library);
  size_t object = w_begin(&keras, 1);
  w_varint(&keras, 2, 1);
  w_text(&keras, 3, "root.layer");
  w_text(&keras, 5, "{\"class_name\": \"Lambda\"}");
  w_end(&keras, object);
  size_t first = w_begin(&clean, 2), inner = w_begin(&clean, 2);
  put_node(&clean, 1, "Add");
  w_end(&clean, inner);
  w_end(&clean, first);
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  assert_ok(sm_fs_memory_add(fs, "m/saved_model.pb", clean.data, clean.size, &err), err);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_fs_close(fs);
  w_buffer *all[] = {&clean, &graph, &meta_graph, &saved_model, &function, &keras};
  for (size_t i = 0; i < N_OF(all); i++) w_free(all[i]);
  return 0;
}

static void add_file(const char *path, const void *data, size_t size) {
  assert_ok(sm_fs_memory_add(fs, path, data, size, &err), err);
}

static sm_status scan_model(const sm_fs *files, const sm_allocator *allocator) {
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.fs = files;
  options.allocator = allocator;
  sm_model *model;
  found = (findings){.n = 0};
  sm_status status = sm_model_open(&model, "m", &options, &err);
  if (status == SM_OK) status = sm_model_scan(model, NULL, add_finding, &found, &err);
  sm_model_close(model);
  return status;
}

static void scan_files__finds_models_of_any_name(void **state) {
  (void)state;
  add_file("m/a/model.bin", saved_model.data, saved_model.size);
  add_file("m/b.meta", meta_graph.data, meta_graph.size);
  add_file("m/frozen.pb", graph.data, graph.size);
  add_file("m/only_functions", function.data, function.size);
  add_file("m/saved_model.pb.bak", saved_model.data, saved_model.size);
  assert_ok(scan_model(fs, NULL), err);
  assert_text("findings", found.text,
              "file-write WriteFile a/model.bin:0::n\nfile-write WriteFile b.meta:0::n\n"
              "file-write WriteFile frozen.pb:0::n\nfile-read ReadFile only_functions:0:g:n\n"
              "file-write WriteFile saved_model.pb.bak:0::n\n");
}

static void scan_files__passes_what_is_no_model(void **state) {
  (void)state;
  static const char readme[] = "# A model\nnode 1, library\n", json[] = "{\"node\": 1}";
  static const char labels[] = "item { id: 1 name: 'cat' }", yaml[] = "version: 2\nsteps:\n - a\n";
  static const uint8_t zeros[64] = {0};
  w_buffer columns = {0}; /* a message with messages that have two texts, the second no operation of TensorFlow's */
  put_node(&columns, 1, "age");
  add_file("m/columns.pb", columns.data, columns.size);
  add_file("m/label_map.pbtxt", labels, sizeof labels - 1);
  add_file("m/steps.yaml", yaml, sizeof yaml - 1);
  add_file("m/README", readme, sizeof readme - 1);
  add_file("m/node.json", json, sizeof json - 1);
  add_file("m/zeros", zeros, sizeof zeros);
  add_file("m/empty", "", 0);
  add_file("m/variables/variables.data-00000-of-00001", graph.data, graph.size); /* a shard */
  assert_ok(scan_model(fs, NULL), err);
  assert_text("findings", found.text, "");
  w_free(&columns);
}

/* GraphDef, MetaGraphDef and SavedModel as text, whatever they begin with. */
static void scan_files__reads_text(void **state) {
  (void)state;
  static const char in_graph[] = "# by hand\n\tnode { name: 'n' op: 'WriteFile' } version: 3";
  static const char in_meta_graph[] =
      "signature_def<key:'s'>graph_def <library{function{signature{name:'g'}"
      "node_def{name:'n'op:'ReadFile'}}}>";
  static const char in_model[] = "meta_graphs [{}, {graph_def { node: [{name: 'n' op: 'Zork'}] }}]";
  add_file("m/graph.pbtxt", in_graph, sizeof in_graph - 1);
  add_file("m/hidden", in_model, sizeof in_model - 1);
  add_file("m/meta.txt", in_meta_graph, sizeof in_meta_graph - 1);
  add_file("m/saved_model.pbtxt", in_model, sizeof in_model - 1);
  assert_ok(scan_model(fs, NULL), err);
  assert_text("findings", found.text,
              "file-write WriteFile graph.pbtxt:0::n\nunknown Zork hidden:1::n\nfile-read ReadFile meta.txt:0:g:n\n"
              "unknown Zork saved_model.pbtxt:1::n\n");
}

/* What is not read is not passed over in silence: chunks, what looks like a graph and cannot be parsed. */
static void scan_files__names_what_it_cannot_read(void **state) {
  (void)state;
  static const char text[] = "# text\n meta_graphs { graph_def { node { name: 3 op: } } }",
                    half[] = "node { op: 'Abort'";
  static const char version[] = "version: 1 2", garbage[] = "not a model at all";
  add_file("m/hidden", text, sizeof text - 1);
  add_file("m/saved_model.cpb", garbage, sizeof garbage - 1);
  add_file("m/version.pbtxt", version, sizeof version - 1);
  add_file("m/x.pbtxt", half, sizeof half - 1);
  assert_ok(scan_model(fs, NULL), err);
  assert_text("findings", found.text,
              "unknown  hidden:::\nunknown  saved_model.cpb:::\nunknown  version.pbtxt:::\nunknown  x.pbtxt:::\n");
}

/* A model that only the scan of saved_model.pb would be shown: damaged inside, but it looks like a graph. */
static void scan_files__names_what_is_damaged(void **state) {
  (void)state;
  w_buffer w = {0};
  put_node(&w, 1, "WriteFile");
  size_t node = w_begin(&w, 1);
  w_raw(&w, "\x1A\x7F", 2);
  w_end(&w, node);
  add_file("m/frozen.pb", w.data, w.size);
  assert_ok(scan_model(fs, NULL), err);
  assert_mentions(found.text, "unknown  frozen.pb:::\n");
  w_free(&w);
}

static void scan_files__reads_the_metadata_of_keras(void **state) {
  (void)state;
  add_file("m/keras_metadata.pb", keras.data, keras.size);
  assert_ok(scan_model(fs, NULL), err);
  assert_text("findings", found.text, "code Lambda keras_metadata.pb:::root.layer\n");
  sm_fs_close(fs);
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  add_file("m/saved_model.pb", clean.data, clean.size);
  add_file("m/keras_metadata.pb", "\x0A\x7F", 2);
  assert_ok(scan_model(fs, NULL), err);
  assert_text("damaged", found.text, "unknown  keras_metadata.pb:::\n");
}

static void fill(void) {
  static const char text[] = "meta_graphs { }", read[] = "node { op: 'ReadFile' }";
  add_file("m/b.meta", meta_graph.data, meta_graph.size);
  add_file("m/frozen.pb", graph.data, graph.size);
  add_file("m/keras_metadata.pb", keras.data, keras.size);
  add_file("m/model.bin", saved_model.data, saved_model.size);
  add_file("m/graph.pbtxt", read, sizeof read - 1);
  add_file("m/x.cpb", text, sizeof text - 1);
}

static void scan_files__survives_every_failed_allocation(void **state) {
  (void)state;
  fill();
  for (uint64_t n = 0;; n++) {
    sm_fault_alloc fa;
    sm_fault_alloc_init(&fa, n);
    sm_status status = scan_model(fs, &fa.base);
    assert_int_equal(fa.live_blocks, 0);
    bool fired = fa.fired;
    sm_fault_alloc_destroy(&fa);
    if (!fired) {
      assert_status(status, SM_OK, err);
      assert_number("findings", found.n, 6);
      break;
    }
    assert_status(status, SM_RESOURCE_EXHAUSTED, err);
  }
}

/* No file is left out because it could not be read. */
static void scan_files__reports_every_failed_operation(void **state) {
  (void)state;
  fill();
  for (uint64_t n = 0;; n++) {
    sm_fault_fs ff;
    sm_fault_fs_init(&ff, fs, n);
    sm_status status = scan_model(&ff.base, NULL);
    assert_int_equal(ff.open_files, 0);
    assert_int_equal(ff.mapped_files, 0);
    if (!ff.fired) {
      assert_status(status, SM_OK, err);
      break;
    }
    assert_int_not_equal(status, SM_OK);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(scan_files__finds_models_of_any_name, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__passes_what_is_no_model, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__reads_text, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__names_what_it_cannot_read, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__names_what_is_damaged, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__reads_the_metadata_of_keras, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__survives_every_failed_allocation, set_up, tear_down),
      cmocka_unit_test_setup_teardown(scan_files__reports_every_failed_operation, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
