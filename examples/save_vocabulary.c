/*
 * Writes a SavedModel that looks words up in a vocabulary, a text file with a word on each line: the file becomes an asset
 * of the model, and the table is filled from it when the model is loaded.
 *
 *     cc save_vocabulary.c -o save_vocabulary $(pkg-config --cflags --libs savedmodel)
 *     ./save_vocabulary DIR
 */
#include <stdio.h>

#include <savedmodel/savedmodel.h>

static sm_status make_graph(sm_graph *graph, sm_error *err) {
  const int64_t none = -1; /* the number of a word that is not in the file */
  const sm_tensor_view unknown = {.dtype = SM_DT_INT64, .data = &none, .size = sizeof none};
  const sm_table_spec table = {.name = "numbers",
                               .file = "vocabulary",
                               .key_dtype = SM_DT_STRING,
                               .value_dtype = SM_DT_INT64,
                               .key_index = SM_TABLE_WHOLE_LINE,
                               .value_index = SM_TABLE_LINE_NUMBER};
  SM_TRY(sm_graph_add_placeholder(graph, "words", SM_DT_STRING, (int64_t[]){-1}, 1, err));
  SM_TRY(sm_graph_add_string(graph, "vocabulary", "vocabulary.txt", err));
  SM_TRY(sm_graph_add_const(graph, "unknown", &unknown, err));
  SM_TRY(sm_graph_add_table(graph, &table, err));
  SM_TRY(sm_graph_add(graph, "LookupTableFindV2", "found", SM_NAMES("numbers", "words", "unknown"), err));
  return sm_graph_add_init_op(graph, "init_all_tables", err);
}

static sm_status add_meta_graph(sm_builder *builder, sm_graph *graph, sm_error *err) {
  static const char lines[] = "apple\nbanana\ncherry\n";
  const int64_t dims[] = {-1};
  const sm_tensor_info words = {
      .name = "words", .tensor_name = "words:0", .dtype = SM_DT_STRING, .rank = 1, .dims = dims};
  const sm_tensor_info found = {
      .name = "numbers", .tensor_name = "found:0", .dtype = SM_DT_INT64, .rank = 1, .dims = dims};
  const sm_tensor_info *inputs[] = {&words}, *outputs[] = {&found};
  const sm_signature predict = {SM_KEY_SERVING_DEFAULT, SM_METHOD_PREDICT, 1, inputs, 1, outputs, 0, NULL, 0, 0};
  const sm_asset_spec vocabulary = {
      .tensor_name = "vocabulary:0", .data = {lines, sizeof lines - 1}, .filename = "vocabulary.txt"};
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.tags = (const char *[]){SM_TAG_SERVE};
  spec.n_tags = 1;
  spec.signatures = (const sm_signature *[]){&predict};
  spec.n_signatures = 1;
  spec.assets = &vocabulary;
  spec.n_assets = 1;
  spec.init_op = "init_all_tables";
  SM_TRY(sm_graph_get_def(&spec.graph_def, graph, err));
  return sm_builder_add_meta_graph(NULL, builder, &spec, err);
}

int main(int argc, char **argv) {
  sm_error err;
  sm_graph *graph = NULL;
  sm_builder *builder = NULL;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  options.overwrite = true;
  if (argc != 2) return 2;
  sm_status status = sm_graph_new(&graph, NULL, &err);
  if (status == SM_OK) status = make_graph(graph, &err);
  if (status == SM_OK) status = sm_builder_open(&builder, argv[1], &options, &err);
  if (status == SM_OK) status = add_meta_graph(builder, graph, &err);
  if (status == SM_OK) status = sm_builder_finish(builder, &err);
  sm_builder_close(builder);
  sm_graph_free(graph);
  if (status == SM_OK)
    printf("written\n");
  else
    fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status == SM_OK ? 0 : 1;
}
