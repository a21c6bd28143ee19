#include "support/check.h"

#include <stddef.h>
#include <unistd.h>

#include <savedmodel/savedmodel.h>

#include "support/fault_alloc.h"
#include "support/fault_fs.h"
#include "support/files.h"
#include "support/models.h"

static sm_error err;

/* A model with one meta graph of tag "serve" and a schema version. */
static void put_small_model(w_buffer *w) {
  w_varint(w, 1, 1);
  size_t graph = w_begin(w, 2), info = w_begin(w, 1);
  w_text(w, 4, "serve");
  w_end(w, info), w_end(w, graph);
}

static void open__bad_arguments(void **state) {
  (void)state;
  sm_model *model = (sm_model *)&err;
  sm_open_options forgotten = {0};
  assert_status(sm_model_open(&model, model_dir("v2/strings"), &forgotten, &err), SM_INVALID_ARGUMENT, err);
  assert_mentions(err.message, "SM_OPEN_OPTIONS_INIT");
  assert_null(model);
  assert_status(sm_model_open_buffer(&model, "", 0, &forgotten, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_model_open(&model, NULL, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_status(sm_model_open_buffer(&model, NULL, 1, NULL, &err), SM_INVALID_ARGUMENT, err);
  assert_null(model);
  assert_int_equal(sm_model_open(&model, NULL, NULL, NULL), SM_INVALID_ARGUMENT); /* err is not wanted */
  sm_model_close(NULL);
}

/* Callers built with an older header have a shorter struct, those with a newer one a longer. */
static void open__options_of_other_sizes(void **state) {
  (void)state;
  struct {
    sm_open_options known;
    unsigned char later[64];
  } longer = {.known = SM_OPEN_OPTIONS_INIT};
  longer.known.struct_size = sizeof longer;
  memset(longer.later, 0xFF, sizeof longer.later);
  sm_model *model;
  assert_ok(sm_model_open(&model, model_dir("v2/strings"), &longer.known, &err), err);
  sm_model_close(model);
  sm_fault_fs ff;
  sm_fault_fs_init(&ff, sm_fs_local(), UINT64_MAX);
  sm_open_options shorter = SM_OPEN_OPTIONS_INIT;
  shorter.struct_size = offsetof(sm_open_options, fs); /* this member was not there yet */
  shorter.fs = &ff.base;
  assert_ok(sm_model_open(&model, model_dir("v2/strings"), &shorter, &err), err);
  assert_number("calls", ff.n_calls, 0);
  sm_model_close(model);
}

static void open__missing(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  sm_model *model;
  assert_status(sm_model_open(&model, path_in(dir.path, "nowhere"), NULL, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "nowhere");
  assert_status(sm_model_open(&model, dir.path, NULL, &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "saved_model.pb");
  write_file(path_in(dir.path, "file"), "", 0);
  assert_status(sm_model_open(&model, path_in(dir.path, "file"), NULL, &err), SM_NOT_FOUND, err);
  remove_temp_dir(&dir);
}

static void check_schema_version(const char *dir, int64_t expected) {
  sm_model *model;
  assert_ok(sm_model_open(&model, dir, NULL, &err), err);
  assert_number(dir, sm_model_get_schema_version(model), expected);
  sm_model_close(model);
}

/* Where there are several, the .pb counts, then the .pbtxt. */
static void open__other_forms(void **state) {
  (void)state;
  static const char text[] = "saved_model_schema_version: 7", bytes[] = {0x08, 0x05};
  sm_model *model;
  temp_dir dir = make_temp_dir();
  write_file(path_in(dir.path, "saved_model.cpb"), "", 0);
  assert_status(sm_model_open(&model, dir.path, NULL, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message, "saved_model.cpb");
  write_file(path_in(dir.path, "saved_model.pbtxt"), text, strlen(text));
  check_schema_version(dir.path, 7);
  write_file(path_in(dir.path, "saved_model.pb"), bytes, sizeof bytes);
  check_schema_version(dir.path, 5);
  remove_temp_dir(&dir);
}

static void open__text(void **state) {
  (void)state;
  sm_model *model;
  temp_dir dir = make_temp_dir();
  write_file(path_in(dir.path, "saved_model.pbtxt"), "", 0); /* a SavedModel without meta graphs, as an empty .pb is */
  check_schema_version(dir.path, 0);
  write_file(path_in(dir.path, "saved_model.pbtxt"), "\n  nope: 1", 10);
  assert_status(sm_model_open(&model, dir.path, NULL, &err), SM_DATA_LOSS, err);
  assert_mentions(err.message,
                  "/saved_model.pbtxt: 2:3 : Message type \"tensorflow.SavedModel\" has no field named \"nope\".");
  assert_number("offset", err.offset, 3);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.max_bytes = 100;
  assert_status(sm_model_open(&model, model_dir("v1/as_text"), &options, &err), SM_RESOURCE_EXHAUSTED, err);
  assert_ok(sm_model_open(&model, model_dir("v1/as_text"), NULL, &err), err);
  assert_number("signatures", sm_meta_graph_n_signatures(sm_model_get_meta_graph(model, 0)), 1);
  sm_model_close(model);
  remove_temp_dir(&dir);
}

/* An empty file is a SavedModel without meta graphs, for protobuf and for TensorFlow. */
static void open__empty_file(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  write_file(path_in(dir.path, "saved_model.pb"), "", 0);
  for (int no_mmap = 0; no_mmap < 2; no_mmap++) {
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = no_mmap != 0;
    sm_model *model;
    assert_ok(sm_model_open(&model, dir.path, &options, &err), err);
    assert_number("meta graphs", sm_model_n_meta_graphs(model), 0);
    assert_null(sm_model_get_meta_graph(model, 0));
    assert_number("schema version", sm_model_get_schema_version(model), 0);
    sm_model_close(model);
  }
  remove_temp_dir(&dir);
}

static void open__buffer(void **state) {
  (void)state;
  w_buffer w = {0};
  put_small_model(&w);
  sm_model *model = open_bytes(&w);
  assert_number("schema version", sm_model_get_schema_version(model), 1);
  assert_number("meta graphs", sm_model_n_meta_graphs(model), 1);
  assert_text("tag", sm_meta_graph_get_tag(sm_model_get_meta_graph(model, 0), 0), "serve");
  assert_null(sm_model_get_meta_graph(model, 1));
  const sm_fingerprint *fingerprint;
  uint64_t size;
  assert_status(sm_model_get_fingerprint(&fingerprint, model, &err), SM_NOT_FOUND, err); /* it has no directory */
  assert_status(sm_model_get_file_size(&size, model, "saved_model.pb", &err), SM_NOT_FOUND, err);
  assert_status(sm_model_copy_file(model, "saved_model.pb", "/nowhere/x", &err), SM_NOT_FOUND, err);
  sm_model_close(model);
  w_free(&w);
  assert_ok(sm_model_open_buffer(&model, NULL, 0, NULL, &err), err);
  assert_number("meta graphs", sm_model_n_meta_graphs(model), 0);
  sm_model_close(model);
}

static void open__schema_version_is_an_int64(void **state) {
  (void)state;
  static const struct {
    const char *bytes;
    size_t size;
    int64_t version;
  } rows[] = {{"\x08\x02", 2, 2},
              {"\x08\x01\x08\x05", 4, 5}, /* the last one counts */
              {"\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11, -1},
              {"\x0A\x01\x05", 3, 0}, /* of a wrong type: unknown */
              {"", 0, 0}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_model *model;
    assert_ok(sm_model_open_buffer(&model, rows[i].bytes, rows[i].size, NULL, &err), err);
    assert_number("version", sm_model_get_schema_version(model), rows[i].version);
    sm_model_close(model);
  }
}

static void open__through_a_memory_fs(void **state) {
  (void)state;
  w_buffer w = {0};
  put_small_model(&w);
  static const char *const roots[] = {"m", "m/", "./m"};
  sm_fs *fs;
  assert_ok(sm_fs_memory_new(&fs, NULL, &err), err);
  assert_ok(sm_fs_memory_add(fs, "m/saved_model.pb", w.data, w.size, &err), err);
  assert_ok(sm_fs_memory_add(fs, "m/assets.extra/readme", "hello", 5, &err), err);
  for (size_t i = 0; i < N_OF(roots); i++) {
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.fs = fs;
    sm_model *model;
    assert_ok(sm_model_open(&model, roots[i], &options, &err), err);
    assert_number("meta graphs", sm_model_n_meta_graphs(model), 1);
    uint64_t size;
    assert_ok(sm_model_get_file_size(&size, model, "assets.extra/readme", &err), err);
    assert_number("size", size, 5);
    sm_model_close(model);
    assert_status(sm_model_open(&model, "other", &options, &err), SM_NOT_FOUND, err);
  }
  sm_fs_close(fs);
  w_free(&w);
}

/* Mapped, read, without a map function, from a buffer: all the same. */
static void open__every_way_gives_the_same(void **state) {
  (void)state;
  static const char *const models[] = {"v1/several_meta_graphs", "v2/composite_arguments"};
  for (size_t i = 0; i < N_OF(models); i++) {
    uint64_t wanted, digest;
    sm_model *model = open_data(models[i]);
    assert_int_equal(look_up_everything(model, &wanted), SM_OK);
    sm_model_close(model);
    sm_open_options options = SM_OPEN_OPTIONS_INIT;
    options.no_mmap = true;
    assert_ok(sm_model_open(&model, model_dir(models[i]), &options, &err), err);
    assert_int_equal(look_up_everything(model, &digest), SM_OK);
    assert_number("read", digest, wanted);
    sm_model_close(model);
    sm_fs without_map = *sm_fs_local();
    without_map.map = NULL;
    without_map.unmap = NULL;
    options = (sm_open_options)SM_OPEN_OPTIONS_INIT;
    options.fs = &without_map;
    assert_ok(sm_model_open(&model, model_dir(models[i]), &options, &err), err);
    assert_int_equal(look_up_everything(model, &digest), SM_OK);
    assert_number("without map", digest, wanted);
    sm_model_close(model);
  }
}

static void open__links(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  sm_open_options strict = SM_OPEN_OPTIONS_INIT;
  strict.refuse_symlinks = true;
  sm_model *model;
  assert_int_equal(symlink(path_in(model_dir("v2/strings"), "saved_model.pb"), path_in(dir.path, "saved_model.pb")), 0);
  assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
  sm_model_close(model);
  assert_status(sm_model_open(&model, dir.path, &strict, &err), SM_FAILED_PRECONDITION, err);
  assert_int_equal(symlink(model_dir("v2/strings"), path_in(dir.path, "latest")),
                   0); /* the directory itself may be one */
  assert_ok(sm_model_open(&model, path_in(dir.path, "latest"), &strict, &err), err);
  sm_model_close(model);
  remove_temp_dir(&dir);
}

static void open__max_bytes(void **state) {
  (void)state;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  for (int no_mmap = 0; no_mmap < 2; no_mmap++)
    for (uint64_t limit = 1; limit <= 1 << 20; limit *= 2) {
      sm_fault_alloc fa;
      sm_model *model;
      sm_fault_alloc_init(&fa, UINT64_MAX);
      options.no_mmap = no_mmap != 0;
      options.allocator = &fa.base;
      options.max_bytes = limit;
      sm_status status = sm_model_open(&model, model_dir("v2/keras3_export"), &options, &err);
      if (limit <= 128) assert_status(status, SM_RESOURCE_EXHAUSTED, err);
      if (limit >= 1 << 18) assert_ok(status, err);
      if (status == SM_OK) (void)look_up_everything(model, NULL);
      /* Besides what was decoded there are the file, where it is read, the model itself, and what a call needs while it
       * lasts. */
      if (fa.peak_bytes > 3 * limit + 65536 + (no_mmap ? 49152 : 0))
        fail_msg("%zu bytes, limit %llu", fa.peak_bytes, (unsigned long long)limit);
      sm_model_close(model);
      assert_number("live blocks", fa.live_blocks, 0);
      sm_fault_alloc_destroy(&fa);
    }
}

/* Opening reads the top levels: what lies deeper is not touched, so damage in it is met later. */
static void open__is_lazy(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t graph = w_begin(&w, 2);
  w_bytes(&w, 2, "\x0A\xFF", 2); /* graph_def */
  w_bytes(&w, 3, "\x0A\xFF", 2); /* saver_def */
  w_bytes(&w, 7, "\x0A\xFF", 2); /* object_graph_def */
  w_entry entry = w_begin_entry(&w, 5, "bad");
  w_raw(&w, "\x0A\xFF", 2);
  w_end_entry(&w, entry);
  entry = w_begin_entry(&w, 5, "good");
  w_text(&w, 3, "method");
  w_end_entry(&w, entry);
  w_end(&w, graph);
  sm_model *model = open_bytes(&w);
  const sm_meta_graph *meta_graph = only_graph(model);
  const sm_signature *signature;
  const sm_saver_def *saver;
  const sm_graph_summary *summary;
  const sm_trackable *root;
  assert_status(sm_meta_graph_find_signature(&signature, meta_graph, "bad", &err), SM_DATA_LOSS, err);
  assert_null(signature);
  assert_ok(sm_meta_graph_find_signature(&signature, meta_graph, "good", &err), err);
  assert_status(sm_meta_graph_get_saver_def(&saver, meta_graph, &err), SM_DATA_LOSS, err);
  assert_null(saver);
  assert_status(sm_meta_graph_get_graph_summary(&summary, meta_graph, &err), SM_DATA_LOSS, err);
  assert_null(summary);
  assert_status(sm_meta_graph_get_root(&root, meta_graph, &err), SM_DATA_LOSS, err);
  assert_null(root);
  sm_model_close(model);
  w_free(&w);
}

/* "Cost: proportional to the number of top-level fields, not to the size of the graph." */
static void open__memory_is_not_that_of_the_graph(void **state) {
  (void)state;
  w_buffer w = {0};
  size_t graph = w_begin(&w, 2), graph_def = w_begin(&w, 2);
  for (int i = 0; i < 200000; i++)
    w_raw(&w,
          "\x0A\x05\x12\x03"
          "Add",
          7);
  w_end(&w, graph_def), w_end(&w, graph);
  sm_fault_alloc fa;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  options.allocator = &fa.base;
  sm_model *model;
  assert_ok(sm_model_open_buffer(&model, w.data, w.size, &options, &err), err);
  if (fa.peak_bytes > 16384) fail_msg("%zu bytes to open", fa.peak_bytes);
  sm_model_close(model);
  sm_fault_alloc_destroy(&fa);
  w_free(&w);
}

/* What each damaged model of data/models/broken gives: data/tolerance.tsv, where open is what decides. */
static void open__damaged_models(void **state) {
  (void)state;
  static const struct {
    const char *name;
    sm_status status;
    const char *message;
  } rows[] = {
      {"broken/pb_empty", SM_OK, ""},
      {"broken/pb_end_group_only", SM_DATA_LOSS, "group"},
      {"broken/pb_field_number_zero", SM_DATA_LOSS, "field number"},
      {"broken/pb_garbage", SM_DATA_LOSS, "saved_model.pb"},
      {"broken/pb_invalid_utf8", SM_DATA_LOSS, "UTF-8"},
      {"broken/pb_length_64bit", SM_DATA_LOSS, "saved_model.pb: byte"},
      {"broken/pb_length_too_long", SM_DATA_LOSS, "2147483646 bytes"},
      {"broken/pb_missing", SM_NOT_FOUND, "saved_model.pb"},
      {"broken/pb_truncated", SM_DATA_LOSS, "only"},
      {"broken/pb_unknown_fields", SM_OK, ""},
      {"broken/pb_varint_too_long", SM_DATA_LOSS, "byte"},
      {"broken/no_meta_graphs", SM_OK, ""},
      {"broken/schema_version_2", SM_OK, ""},
      {"broken/none_sound", SM_OK, ""},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    sm_model *model;
    sm_status status = sm_model_open(&model, model_dir(rows[i].name), NULL, &err);
    assert_text(rows[i].name, sm_status_name(status), sm_status_name(rows[i].status));
    if (status != SM_OK) assert_mentions(err.message, rows[i].message);
    if (status != SM_OK) assert_null(model);
    sm_model_close(model);
  }
}

/* No protobuf runtime reads as much; here what is not asked for costs nothing. The file has a hole. */
static void open__more_than_2_gib(void **state) {
  (void)state;
  temp_dir dir = make_temp_dir();
  w_buffer w = {0};
  sm_model *model;
  sm_fault_alloc fa;
  sm_open_options options = SM_OPEN_OPTIONS_INIT;
  sm_fault_alloc_init(&fa, UINT64_MAX);
  options.allocator = &fa.base;
  put_small_model(&w);
  w_tag(&w, 15, W_BYTES);
  w_raw_varint(&w, ((uint64_t)1 << 31) + 1);
  write_file(path_in(dir.path, "saved_model.pb"), w.data, w.size);
  assert_int_equal(truncate(path_in(dir.path, "saved_model.pb"), (off_t)(w.size + ((uint64_t)1 << 31) + 1)), 0);
  assert_ok(sm_model_open(&model, dir.path, &options, &err), err);
  assert_number("meta graphs", sm_model_n_meta_graphs(model), 1);
  assert_true(fa.peak_bytes < 10000);
  sm_model_close(model);
  assert_int_equal(truncate(path_in(dir.path, "saved_model.pb"), (off_t)(w.size + ((uint64_t)1 << 31))), 0);
  assert_status(sm_model_open(&model, dir.path, &options, &err), SM_DATA_LOSS, err);
  sm_fault_alloc_destroy(&fa);
  w_free(&w);
  remove_temp_dir(&dir);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(open__bad_arguments),
      cmocka_unit_test(open__options_of_other_sizes),
      cmocka_unit_test(open__missing),
      cmocka_unit_test(open__other_forms),
      cmocka_unit_test(open__text),
      cmocka_unit_test(open__empty_file),
      cmocka_unit_test(open__buffer),
      cmocka_unit_test(open__schema_version_is_an_int64),
      cmocka_unit_test(open__through_a_memory_fs),
      cmocka_unit_test(open__every_way_gives_the_same),
      cmocka_unit_test(open__links),
      cmocka_unit_test(open__max_bytes),
      cmocka_unit_test(open__is_lazy),
      cmocka_unit_test(open__memory_is_not_that_of_the_graph),
      cmocka_unit_test(open__more_than_2_gib),
      cmocka_unit_test(open__damaged_models),
  };
  return cmocka_run_group_tests_name("open", tests, NULL, NULL);
}
