/* Assets, collections, init and train op, info, saver, fingerprint. */
#include "support/check.h"

#include <savedmodel/model.h>

#include "support/files.h"
#include "support/models.h"

static w_buffer w;
static sm_error err;
static sm_model *model;

static int set_up(void **state) {
  (void)state;
  w = (w_buffer){0};
  model = NULL;
  err.code = SM_OK;
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  sm_model_close(model);
  w_free(&w);
  return 0;
}

/* A model whose one meta graph has what was written to w. */
static const sm_meta_graph *open_graph(void) {
  w_buffer whole = {0};
  w_message(&whole, 2, &w);
  w_free(&w);
  w = whole;
  model = open_bytes(&w);
  return only_graph(model);
}

/* ---- Assets: AssetFileDef has tensor_info 1 (TensorInfo.name 1) and filename 2 ---- */

static void put_asset_fields(w_buffer *to, const char *tensor, const char *filename) {
  size_t info = w_begin(to, 1);
  w_text(to, 1, tensor);
  w_end(to, info);
  w_text(to, 2, filename);
}

static void put_asset(const char *tensor, const char *filename) {
  size_t asset = w_begin(&w, 6);
  put_asset_fields(&w, tensor, filename);
  w_end(&w, asset);
}

/* The V1 form: collection "saved_model_assets" (any_list 5) of Any (type_url 1, value 2). */
static void put_v1_asset(const char *type_url, const char *tensor, const char *filename) {
  w_buffer asset = {0};
  put_asset_fields(&asset, tensor, filename);
  size_t any = w_begin(&w, 1);
  w_text(&w, 1, type_url);
  w_message(&w, 2, &asset);
  w_end(&w, any);
  w_free(&asset);
}

static void facts__assets(void **state) {
  (void)state;
  const sm_asset *asset;
  put_asset("asset_path:0", "vocab.txt");
  put_asset("Const:0", "sub/vocab.txt");
  const sm_meta_graph *graph = open_graph();
  assert_number("assets", sm_meta_graph_n_assets(graph), 2);
  assert_ok(sm_meta_graph_get_asset(&asset, graph, 0, &err), err);
  assert_text("tensor", asset->tensor_name, "asset_path:0");
  assert_text("file", asset->filename, "vocab.txt");
  assert_ok(sm_meta_graph_get_asset(&asset, graph, 1, &err), err);
  assert_text("file", asset->filename, "sub/vocab.txt");
  assert_status(sm_meta_graph_get_asset(&asset, graph, 2, &err), SM_NOT_FOUND, err);
  assert_null(asset);
}

static void facts__assets_of_the_collection(void **state) {
  (void)state;
  for (int both = 0; both < 2; both++) {
    const sm_asset *asset;
    w_clear(&w);
    w_entry entry = w_begin_entry(&w, 4, "saved_model_assets");
    size_t list = w_begin(&w, 5);
    put_v1_asset("type.googleapis.com/tensorflow.AssetFileDef", "old:0", "old.txt");
    put_v1_asset("type.googleapis.com/tensorflow.SaverDef", "other:0", "other.txt");
    put_v1_asset("type.googleapis.com/tensorflow.AssetFileDef", "old:1", "../old.txt");
    w_end(&w, list);
    w_end_entry(&w, entry);
    if (both) put_asset("new:0", "new.txt");
    const sm_meta_graph *graph = open_graph();
    assert_number("assets", sm_meta_graph_n_assets(graph), both ? 1 : 3); /* asset_file_def, when it has any */
    assert_ok(sm_meta_graph_get_asset(&asset, graph, 0, &err), err);
    assert_text("tensor", asset->tensor_name, both ? "new:0" : "old:0");
    assert_text("file", asset->filename, both ? "new.txt" : "old.txt");
    if (!both) {
      assert_status(sm_meta_graph_get_asset(&asset, graph, 1, &err), SM_DATA_LOSS, err);
      assert_mentions(err.message, "tensorflow.SaverDef");
      assert_status(sm_meta_graph_get_asset(&asset, graph, 2, &err), SM_DATA_LOSS, err);
    }
    sm_model_close(model);
    model = NULL;
  }
}

/* Each by itself: one that is refused leaves the others usable. */
static void facts__asset_names(void **state) {
  (void)state;
  static const struct {
    const char *filename;
    bool is_safe;
  } rows[] = {
      {"a.txt", true}, {"./", true},      {"./a.txt", true},    {"a/b/c", true},
      {"..a", true},   {"a..b", true},    {"/dev/null", false}, {"..", false},
      {"../a", false}, {"a/../b", false}, {"a/..", false},      {"../../outside.txt", false},
      {"/", false},    {"", true},        {"a//b", true},
  };
  for (size_t i = 0; i < N_OF(rows); i++) put_asset("t:0", rows[i].filename);
  const sm_meta_graph *graph = open_graph();
  for (int round = 0; round < 2; round++)
    for (size_t i = 0; i < N_OF(rows); i++) {
      const sm_asset *asset;
      sm_status status = sm_meta_graph_get_asset(&asset, graph, i, &err);
      assert_text(rows[i].filename, sm_status_name(status), rows[i].is_safe ? "OK" : "DATA_LOSS");
      if (status == SM_OK) assert_text("file", asset->filename, rows[i].filename);
      if (status != SM_OK) assert_null(asset);
    }
}

static void facts__asset_without_tensor(void **state) {
  (void)state;
  const sm_asset *asset;
  w_bytes(&w, 6,
          "\x12\x01"
          "f",
          3);
  size_t begun = w_begin(&w, 6), info = w_begin(&w, 1);
  w_bytes(&w, 4, "", 0); /* a sparse tensor has no name */
  w_end(&w, info), w_end(&w, begun);
  w_bytes(&w, 6, "\x12\x01\xFF", 3);
  const sm_meta_graph *graph = open_graph();
  for (size_t i = 0; i < 2; i++) {
    assert_ok(sm_meta_graph_get_asset(&asset, graph, i, &err), err);
    assert_text("tensor", asset->tensor_name, "");
  }
  assert_status(sm_meta_graph_get_asset(&asset, graph, 2, &err), SM_DATA_LOSS, err); /* not UTF-8 */
}

/* ---- Collections: CollectionDef has node_list 1, bytes_list 2, int64_list 3, float_list 4, any_list 5 ---- */

static void put_collection(const char *key, uint32_t kind, const void *bytes, size_t size) {
  w_entry entry = w_begin_entry(&w, 4, key);
  if (kind != 0) w_bytes(&w, kind, bytes, size);
  w_end_entry(&w, entry);
}

static void facts__collections_of_all_kinds(void **state) {
  (void)state;
  put_collection("nodes", 1,
                 "\x0A\x01"
                 "a\x0A\x00\x0A\x02"
                 "b:",
                 9);
  put_collection("bytes", 2,
                 "\x0A\x03"
                 "a\0b\x0A\x00",
                 7);
  put_collection("ints", 3, "\x0A\x0B\x05\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01\x08\x07", 15);
  put_collection("floats", 4, "\x0A\x04\x00\x00\x80\x3F\x0D\x00\x00\x00\xC0", 11);
  put_collection("anys", 5, "\x0A\x07\x0A\x03url\x12\x00\x0A\x05\x12\x03v\0w", 16);
  put_collection("empty", 0, NULL, 0);
  const sm_meta_graph *graph = open_graph();
  static const char *const sorted[] = {"anys", "bytes", "empty", "floats", "ints", "nodes"};
  static const sm_collection_kind kinds[] = {SM_COLLECTION_ANY,   SM_COLLECTION_BYTES, SM_COLLECTION_EMPTY,
                                             SM_COLLECTION_FLOAT, SM_COLLECTION_INT64, SM_COLLECTION_NODES};
  static const size_t counts[] = {2, 2, 0, 2, 3, 3};
  const sm_collection *all[N_OF(sorted)], *found;
  size_t n;
  assert_ok(sm_meta_graph_n_collections(&n, graph, &err), err);
  assert_number("collections", n, N_OF(sorted));
  for (size_t i = 0; i < n; i++) {
    assert_ok(sm_meta_graph_get_collection(&all[i], graph, i, &err), err);
    assert_text("key", all[i]->key, sorted[i]);
    assert_number(sorted[i], all[i]->kind, kinds[i]);
    assert_number(sorted[i], all[i]->n, counts[i]);
    assert_number(sorted[i], all[i]->strings != NULL,
                  kinds[i] == SM_COLLECTION_NODES || kinds[i] == SM_COLLECTION_BYTES || kinds[i] == SM_COLLECTION_ANY);
    assert_number(sorted[i], all[i]->type_urls != NULL, kinds[i] == SM_COLLECTION_ANY);
    assert_number(sorted[i], all[i]->int64s != NULL, kinds[i] == SM_COLLECTION_INT64);
    assert_number(sorted[i], all[i]->floats != NULL, kinds[i] == SM_COLLECTION_FLOAT);
    assert_ok(sm_meta_graph_find_collection(&found, graph, sorted[i], &err), err);
    assert_ptr_equal(found, all[i]);
  }
  assert_bytes("node 0", all[5]->strings[0].data, all[5]->strings[0].size, "a", 1);
  assert_bytes("node 1", all[5]->strings[1].data, all[5]->strings[1].size, "", 0);
  assert_bytes("node 2", all[5]->strings[2].data, all[5]->strings[2].size, "b:", 2);
  assert_bytes("bytes 0", all[1]->strings[0].data, all[1]->strings[0].size, "a\0b", 3);
  assert_number("int 0", all[4]->int64s[0], 5);
  assert_number("int 1", all[4]->int64s[1], -1);
  assert_number("int 2", all[4]->int64s[2], 7);
  assert_true(all[3]->floats[0] == 1.0f && all[3]->floats[1] == -2.0f);
  assert_bytes("url", all[0]->type_urls[0].data, all[0]->type_urls[0].size, "url", 3);
  assert_bytes("value", all[0]->strings[1].data, all[0]->strings[1].size, "v\0w", 3);
  assert_number("no url", all[0]->type_urls[1].size, 0);
  assert_status(sm_meta_graph_get_collection(&found, graph, n, &err), SM_NOT_FOUND, err);
  assert_null(found);
  assert_status(sm_meta_graph_find_collection(&found, graph, "node", &err), SM_NOT_FOUND, err);
  assert_mentions(err.message, "\"node\"");
}

static void facts__collections_given_twice(void **state) {
  (void)state;
  const sm_collection *found;
  size_t n;
  put_collection("c", 1,
                 "\x0A\x05"
                 "early",
                 7);
  put_collection("c", 3, "\x0A\x01\x05", 3);
  w_entry entry = w_begin_entry(&w, 4, "d"); /* another kind in one value: the last one counts */
  w_bytes(&w, 3, "\x0A\x01\x05", 3);
  w_bytes(&w, 1,
          "\x0A\x01"
          "x",
          3);
  w_end_entry(&w, entry);
  const sm_meta_graph *graph = open_graph();
  assert_ok(sm_meta_graph_n_collections(&n, graph, &err), err);
  assert_number("collections", n, 2);
  assert_ok(sm_meta_graph_find_collection(&found, graph, "c", &err), err);
  assert_number("the last entry", found->kind, SM_COLLECTION_INT64);
  assert_ok(sm_meta_graph_find_collection(&found, graph, "d", &err), err);
  assert_number("the last kind", found->kind, SM_COLLECTION_NODES);
}

static void facts__damaged_collection(void **state) {
  (void)state;
  const sm_collection *found;
  put_collection("bad", 1, "\x0A\x05", 2);
  put_collection("good", 3, "\x0A\x01\x05", 3);
  const sm_meta_graph *graph = open_graph();
  assert_status(sm_meta_graph_find_collection(&found, graph, "bad", &err), SM_DATA_LOSS, err);
  assert_null(found);
  assert_ok(sm_meta_graph_find_collection(&found, graph, "good", &err), err);
}

/* ---- Init and train op ---- */

/* A signature key with output out of the given op; out NULL: without outputs. */
static void put_op_signature(const char *key, const char *out, const char *op) {
  w_entry signature = w_begin_entry(&w, 5, key);
  if (out != NULL) {
    w_entry output = w_begin_entry(&w, 2, out);
    w_text(&w, 1, op);
    w_end_entry(&w, output);
  }
  w_end_entry(&w, signature);
}

/* The order of tensorflow/cc/saved_model/loader_util.cc, GetInitOp. What is written, one letter each:
 *   s signature with its output   S signature without it   m main_op   l legacy_init_op   t train_op collection
 *   M main_op of two ops          B main_op as bytes       E main_op, nothing in it      L legacy of none */
static void put_ops(const char *what, const char *signature_key) {
  for (; *what != '\0'; what++) {
    if (*what == 's') put_op_signature(signature_key, signature_key, "signature_op");
    if (*what == 'S') put_op_signature(signature_key, "other", "other_op");
    if (*what == 'm') put_collection("saved_model_main_op", 1, "\x0A\x04main", 6);
    if (*what == 'M')
      put_collection("saved_model_main_op", 1,
                     "\x0A\x01"
                     "a\x0A\x01"
                     "b",
                     6);
    if (*what == 'B') put_collection("saved_model_main_op", 2, "\x0A\x04main", 6);
    if (*what == 'E') put_collection("saved_model_main_op", 0, NULL, 0);
    if (*what == 'l') put_collection("legacy_init_op", 1, "\x0A\x06legacy", 8);
    if (*what == 'L') put_collection("legacy_init_op", 1, NULL, 0);
    if (*what == 't') put_collection("saved_model_train_op", 1, "\x0A\x05train", 7);
  }
}

static void facts__init_op(void **state) {
  (void)state;
  static const struct {
    const char *what;
    sm_status status;
    const char *op;
  } rows[] = {
      {"", SM_NOT_FOUND, NULL},
      {"s", SM_OK, "signature_op"},
      {"m", SM_OK, "main"},
      {"l", SM_OK, "legacy"},
      {"sml", SM_OK, "signature_op"},
      {"lm", SM_OK, "main"},
      {"S", SM_FAILED_PRECONDITION, NULL},
      {"Sm", SM_FAILED_PRECONDITION, NULL},
      {"M", SM_FAILED_PRECONDITION, NULL},
      {"Ml", SM_FAILED_PRECONDITION, NULL},
      {"E", SM_FAILED_PRECONDITION, NULL},
      {"B", SM_FAILED_PRECONDITION, NULL},
      {"L", SM_FAILED_PRECONDITION, NULL},
      {"mL", SM_OK, "main"},
      {"t", SM_NOT_FOUND, NULL},
  };
  for (size_t i = 0; i < N_OF(rows); i++) {
    const char *op = "untouched";
    w_clear(&w);
    put_ops(rows[i].what, SM_KEY_INIT_OP);
    const sm_meta_graph *graph = open_graph();
    err.code = SM_OK;
    sm_status status = sm_meta_graph_get_init_op(&op, graph, &err);
    assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].status));
    assert_number("err only on failure", err.code, rows[i].status);
    assert_text(rows[i].what, op, rows[i].op);
    assert_int_equal(sm_meta_graph_get_init_op(&op, graph, NULL), rows[i].status);
    sm_model_close(model);
    model = NULL;
  }
}

static void facts__train_op(void **state) {
  (void)state;
  static const struct {
    const char *what;
    sm_status status;
    const char *op;
  } rows[] = {{"", SM_NOT_FOUND, NULL},      {"s", SM_OK, "signature_op"},         {"t", SM_OK, "train"},
              {"ts", SM_OK, "signature_op"}, {"St", SM_FAILED_PRECONDITION, NULL}, {"ml", SM_NOT_FOUND, NULL}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const char *op = "untouched";
    w_clear(&w);
    put_ops(rows[i].what, SM_KEY_TRAIN_OP);
    const sm_meta_graph *graph = open_graph();
    sm_status status = sm_meta_graph_get_train_op(&op, graph, &err);
    assert_text(rows[i].what, sm_status_name(status), sm_status_name(rows[i].status));
    assert_text(rows[i].what, op, rows[i].op);
    sm_model_close(model);
    model = NULL;
  }
}

/* A damaged signature is not passed over: what it says is not known. */
static void facts__init_op_of_a_damaged_signature(void **state) {
  (void)state;
  const char *op;
  w_entry signature = w_begin_entry(&w, 5, SM_KEY_INIT_OP);
  w_raw(&w, "\x12\x05", 2);
  w_end_entry(&w, signature);
  put_ops("m", SM_KEY_INIT_OP);
  assert_status(sm_meta_graph_get_init_op(&op, open_graph(), &err), SM_DATA_LOSS, err);
  assert_null(op);
}

/* As TensorFlow's own exporters write them: truth.json of each model. */
static void facts__init_ops_of_real_models(void **state) {
  (void)state;
  static const struct {
    const char *name, *op;
  } rows[] = {{"v1/table_main_op", "init_all"},
              {"v1/table_legacy_init_op", "init_all"},
              {"v1/table_legacy_collection", "init_all"},
              {"v1/table_init_op", "init_all"}, /* by its signature */
              {"v1/simple_save", NULL}};
  for (size_t i = 0; i < N_OF(rows); i++) {
    const char *op;
    sm_model *opened = open_data(rows[i].name);
    sm_status status = sm_meta_graph_get_init_op(&op, only_graph(opened), &err);
    assert_status(status, rows[i].op != NULL ? SM_OK : SM_NOT_FOUND, err);
    assert_text(rows[i].name, op, rows[i].op);
    sm_model_close(opened);
  }
}

/* ---- Info and saver ---- */

static void facts__info(void **state) {
  (void)state;
  const sm_meta_info *info, *again;
  for (int half = 0; half < 2; half++) { /* given twice: merged */
    size_t begun = w_begin(&w, 1);
    if (half == 0) w_text(&w, 1, "v7");
    w_text(&w, 5, half == 0 ? "1.15.0" : "2.21.0");
    if (half == 0) w_text(&w, 6, "v2.21.0-rc0-1-gabc");
    if (half == 0) w_varint(&w, 7, 1);
    for (int i = 0; i < 2; i++) {
      size_t entry = w_begin(&w, 8);
      w_text(&w, 1, i == 0 ? "__inference_f_2" : "__inference_a_1");
      if (i == 0) w_text(&w, 2, half == 0 ? "early" : "late");
      w_end(&w, entry);
    }
    w_end(&w, begun);
  }
  const sm_meta_graph *graph = open_graph();
  assert_ok(sm_meta_graph_get_info(&info, graph, &err), err);
  assert_text("meta_graph_version", info->meta_graph_version, "v7");
  assert_text("tensorflow_version", info->tensorflow_version, "2.21.0");
  assert_text("tensorflow_git_version", info->tensorflow_git_version, "v2.21.0-rc0-1-gabc");
  assert_number("stripped_default_attrs", info->stripped_default_attrs, true);
  assert_number("aliases", info->n_function_aliases, 2);
  assert_text("sorted", info->function_aliases[0].function, "__inference_a_1");
  assert_text("without value", info->function_aliases[0].alias, "");
  assert_text("function", info->function_aliases[1].function, "__inference_f_2");
  assert_text("alias", info->function_aliases[1].alias, "late");
  assert_ok(sm_meta_graph_get_info(&again, graph, &err), err);
  assert_ptr_equal(again, info);
}

static void facts__info_of_nothing(void **state) {
  (void)state;
  const sm_meta_info *info;
  assert_ok(sm_meta_graph_get_info(&info, open_graph(), &err), err);
  assert_text("meta_graph_version", info->meta_graph_version, "");
  assert_text("tensorflow_version", info->tensorflow_version, "");
  assert_text("tensorflow_git_version", info->tensorflow_git_version, "");
  assert_number("stripped_default_attrs", info->stripped_default_attrs, false);
  assert_number("aliases", info->n_function_aliases, 0);
}

static void facts__saver(void **state) {
  (void)state;
  const sm_saver_def *saver = (const sm_saver_def *)&err;
  assert_status(sm_meta_graph_get_saver_def(&saver, open_graph(), &err), SM_NOT_FOUND, err);
  assert_null(saver);
  sm_model_close(model);
  w_clear(&w);
  size_t begun = w_begin(&w, 3); /* proto/saver.proto */
  w_text(&w, 1, "save/Const:0");
  w_text(&w, 2, "save/Identity:0");
  w_text(&w, 3, "save/restore_all");
  w_varint(&w, 4, 5);
  w_varint(&w, 5, 1);
  w_fixed32(&w, 6, 0x461C4000); /* 10000.0 */
  w_varint(&w, 7, 2);
  w_end(&w, begun);
  assert_ok(sm_meta_graph_get_saver_def(&saver, open_graph(), &err), err);
  assert_text("filename_tensor_name", saver->filename_tensor_name, "save/Const:0");
  assert_text("save_tensor_name", saver->save_tensor_name, "save/Identity:0");
  assert_text("restore_op_name", saver->restore_op_name, "save/restore_all");
  assert_number("max_to_keep", saver->max_to_keep, 5);
  assert_number("sharded", saver->sharded, true);
  assert_true(saver->keep_checkpoint_every_n_hours == 10000.0f);
  assert_number("version", saver->version, 2);
}

static void facts__empty_saver_is_one(void **state) {
  (void)state;
  const sm_saver_def *saver;
  w_bytes(&w, 3, "", 0);
  assert_ok(sm_meta_graph_get_saver_def(&saver, open_graph(), &err), err);
  assert_text("restore_op_name", saver->restore_op_name, "");
  assert_number("version", saver->version, 0);
}

/* ---- fingerprint.pb: proto/fingerprint.proto ---- */

static sm_status get_fingerprint(const sm_fingerprint **out, const void *bytes, size_t size) {
  temp_dir dir = make_temp_dir();
  write_file(path_in(dir.path, "saved_model.pb"), "", 0);
  if (bytes != NULL) write_file(path_in(dir.path, "fingerprint.pb"), bytes, size);
  assert_ok(sm_model_open(&model, dir.path, NULL, &err), err);
  sm_status status = sm_model_get_fingerprint(out, model, &err);
  remove_temp_dir(&dir);
  return status;
}

static void facts__fingerprint(void **state) {
  (void)state;
  const sm_fingerprint *fingerprint, *again;
  w_varint(&w, 1, UINT64_MAX);
  for (uint32_t i = 2; i <= 5; i++) w_varint(&w, i, 100 + i);
  size_t version = w_begin(&w, 6);
  w_varint(&w, 1, 4);
  w_varint(&w, 2, 1);
  w_bytes(&w, 3, "\x02\x03", 2);
  w_end(&w, version);
  w_text(&w, 7, "1234");
  assert_ok(get_fingerprint(&fingerprint, w.data, w.size), err);
  assert_number("saved_model_checksum", fingerprint->saved_model_checksum, UINT64_MAX);
  assert_number("graph_def_program_hash", fingerprint->graph_def_program_hash, 102);
  assert_number("signature_def_hash", fingerprint->signature_def_hash, 103);
  assert_number("saved_object_graph_hash", fingerprint->saved_object_graph_hash, 104);
  assert_number("checkpoint_hash", fingerprint->checkpoint_hash, 105);
  assert_text("uuid", fingerprint->uuid, "1234");
  assert_number("producer", fingerprint->producer, 4);
  assert_number("min_consumer", fingerprint->min_consumer, 1);
  assert_number("bad consumers", fingerprint->n_bad_consumers, 2);
  assert_number("bad consumer", fingerprint->bad_consumers[1], 3);
  assert_ok(sm_model_get_fingerprint(&again, model, &err), err); /* the file is gone: it was read once */
  assert_ptr_equal(again, fingerprint);
}

static void facts__fingerprint_of_little(void **state) {
  (void)state;
  const sm_fingerprint *fingerprint;
  assert_ok(get_fingerprint(&fingerprint, "", 0), err); /* an empty message is a message */
  assert_text("uuid", fingerprint->uuid, "");
  assert_number("producer", fingerprint->producer, 0);
  assert_number("bad consumers", fingerprint->n_bad_consumers, 0);
}

static void facts__fingerprint_failures(void **state) {
  (void)state;
  const sm_fingerprint *fingerprint = (const sm_fingerprint *)&err;
  assert_status(get_fingerprint(&fingerprint, NULL, 0), SM_NOT_FOUND, err);
  assert_null(fingerprint);
  assert_mentions(err.message, "fingerprint.pb");
  sm_model_close(model);
  assert_status(get_fingerprint(&fingerprint, "\x08\x80", 2), SM_DATA_LOSS, err);
  assert_null(fingerprint);
  assert_mentions(err.message, "fingerprint.pb: byte 1");
  sm_model_close(model);
  model = open_data("broken/fingerprint_garbage");
  assert_status(sm_model_get_fingerprint(&fingerprint, model, &err), SM_DATA_LOSS, err);
  sm_model_close(model);
  model = open_data("broken/fingerprint_missing");
  assert_status(sm_model_get_fingerprint(&fingerprint, model, &err), SM_NOT_FOUND, err);
}

/* The damaged models whose assets climb out: data/tolerance.tsv. */
static void facts__damaged_assets(void **state) {
  (void)state;
  static const char *const names[] = {"broken/asset_absolute", "broken/asset_dotdot", "broken/asset_dotdot_v1"};
  for (size_t i = 0; i < N_OF(names); i++) {
    model = open_data(names[i]);
    const sm_meta_graph *graph = only_graph(model);
    size_t n_refused = 0;
    for (size_t k = 0; k < sm_meta_graph_n_assets(graph); k++) {
      const sm_asset *asset;
      sm_status status = sm_meta_graph_get_asset(&asset, graph, k, &err);
      if (status != SM_OK) assert_status(status, SM_DATA_LOSS, err);
      n_refused += status != SM_OK;
    }
    assert_number(names[i], n_refused, 1);
    sm_model_close(model);
  }
  model = NULL;
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(facts__assets),
      CASE(facts__assets_of_the_collection),
      CASE(facts__asset_names),
      CASE(facts__asset_without_tensor),
      CASE(facts__collections_of_all_kinds),
      CASE(facts__collections_given_twice),
      CASE(facts__damaged_collection),
      CASE(facts__init_op),
      CASE(facts__train_op),
      CASE(facts__init_op_of_a_damaged_signature),
      CASE(facts__init_ops_of_real_models),
      CASE(facts__info),
      CASE(facts__info_of_nothing),
      CASE(facts__saver),
      CASE(facts__empty_saver_is_one),
      CASE(facts__fingerprint),
      CASE(facts__fingerprint_of_little),
      CASE(facts__fingerprint_failures),
      CASE(facts__damaged_assets),
  };
  return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
