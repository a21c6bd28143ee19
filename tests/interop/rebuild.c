/* Takes a model apart through the functions that read, and builds it again through those that write; for rebuild_tf.py.
 *
 *     rebuild MODEL NEW [--unchecked]        NEW must not be there
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <savedmodel/proto.h>
#include <savedmodel/savedmodel.h>

static sm_error err;

static void check(sm_status status) {
  if (status == SM_OK) return;
  fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  exit(1);
}

/* Memory that lives until the end. */
typedef struct block {
  struct block *older;
} block;

static block *newest;

static void *room_for(size_t n, size_t size) {
  block *made = calloc(1, sizeof *made + (n + 1) * size);
  if (made == NULL) abort();
  made->older = newest;
  newest = made;
  return made + 1;
}

static void free_all(void) {
  for (block *older; newest != NULL; newest = older) {
    older = newest->older;
    free(newest);
  }
}

static sm_string pack(const ProtobufCMessage *message) {
  if (message == NULL) return (sm_string){NULL, 0};
  size_t size = protobuf_c_message_get_packed_size(message);
  char *data = room_for(size, 1);
  protobuf_c_message_pack(message, (uint8_t *)data);
  return (sm_string){data, size};
}

static void take_tags(sm_meta_graph_spec *spec, const sm_meta_graph *graph) {
  spec->n_tags = sm_meta_graph_n_tags(graph);
  const char **tags = room_for(spec->n_tags, sizeof *tags);
  for (size_t i = 0; i < spec->n_tags; i++) tags[i] = sm_meta_graph_get_tag(graph, i);
  spec->tags = tags;
}

/* In V1 models the builder keeps the keys of init and train op for itself, and has other ways to say so. */
static void take_signatures(sm_meta_graph_spec *spec, const sm_meta_graph *graph, bool is_v2) {
  size_t n = sm_meta_graph_n_signatures(graph);
  const sm_signature **signatures = room_for(n, sizeof *signatures);
  for (size_t i = 0; i < n; i++) {
    const sm_signature *signature;
    check(sm_meta_graph_get_signature(&signature, graph, i, &err));
    if (!is_v2 && strcmp(signature->key, SM_KEY_INIT_OP) == 0)
      check(sm_meta_graph_get_init_op(&spec->init_op, graph, &err));
    else if (!is_v2 && strcmp(signature->key, SM_KEY_TRAIN_OP) == 0)
      check(sm_meta_graph_get_train_op(&spec->train_op, graph, &err));
    else
      signatures[spec->n_signatures++] = signature;
  }
  spec->signatures = signatures;
}

static void take_assets(sm_meta_graph_spec *spec, const sm_meta_graph *graph, const char *dir) {
  spec->n_assets = sm_meta_graph_n_assets(graph);
  sm_asset_spec *assets = room_for(spec->n_assets, sizeof *assets);
  for (size_t i = 0; i < spec->n_assets; i++) {
    const sm_asset *asset;
    check(sm_meta_graph_get_asset(&asset, graph, i, &err));
    size_t size = strlen(dir) + strlen(asset->filename) + 16;
    char *path = room_for(size, 1);
    snprintf(path, size, "%s/" SM_DIR_ASSETS "/%s", dir, asset->filename);
    assets[i] = (sm_asset_spec){.tensor_name = asset->tensor_name, .path = path, .filename = asset->filename};
  }
  spec->assets = assets;
}

static void take_collections(sm_meta_graph_spec *spec, const sm_meta_graph *graph) {
  size_t n;
  check(sm_meta_graph_n_collections(&n, graph, &err));
  sm_collection *collections = room_for(n, sizeof *collections);
  for (size_t i = 0; i < n; i++) {
    const sm_collection *collection;
    check(sm_meta_graph_get_collection(&collection, graph, i, &err));
    bool is_said = (strcmp(collection->key, SM_KEY_ASSETS) == 0 && spec->n_assets != 0) ||
                   (strcmp(collection->key, SM_KEY_MAIN_OP) == 0 && spec->init_op != NULL) ||
                   (strcmp(collection->key, SM_KEY_TRAIN_OP_COLLECTION) == 0 && spec->train_op != NULL);
    if (!is_said) collections[spec->n_collections++] = *collection;
  }
  spec->collections = collections;
}

static void add_graph(sm_builder *builder, const sm_meta_graph *graph, const char *dir, bool is_unchecked) {
  const Tensorflow__MetaGraphDef *def;
  sm_meta_graph_spec spec = SM_META_GRAPH_SPEC_INIT;
  spec.no_variables_check = spec.no_method_check = is_unchecked;
  check(sm_meta_graph_get_proto(&def, graph, &err));
  spec.graph_def = pack((const ProtobufCMessage *)def->graph_def);
  spec.meta_info_def = pack((const ProtobufCMessage *)def->meta_info_def);
  spec.object_graph_def = pack((const ProtobufCMessage *)def->object_graph_def);
  take_tags(&spec, graph);
  take_signatures(&spec, graph, spec.object_graph_def.size != 0);
  take_assets(&spec, graph, dir);
  take_collections(&spec, graph);
  sm_status status = sm_meta_graph_get_saver_def(&spec.saver_def, graph, &err);
  spec.no_saver = status == SM_NOT_FOUND;
  if (!spec.no_saver) check(status);
  check(sm_builder_add_meta_graph(NULL, builder, &spec, &err));
}

static sm_status add_extra(void *ctx, const sm_model_file *file, sm_error *error) {
  void **both = ctx;
  char path[4096];
  snprintf(path, sizeof path, "%s/" SM_DIR_ASSETS_EXTRA "/%s", (const char *)both[1], file->name);
  return sm_builder_add_extra_asset(both[0], file->name, path, error);
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) return 2;
  sm_model *model;
  sm_builder *builder;
  const sm_bundle_reader *variables;
  char prefix[4096];
  check(sm_model_open(&model, argv[1], NULL, &err));
  check(sm_builder_open(&builder, argv[2], NULL, &err));
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++)
    add_graph(builder, sm_model_get_meta_graph(model, i), argv[1], argc == 4);
  snprintf(prefix, sizeof prefix, "%s/" SM_DIR_VARIABLES "/" SM_FILE_VARIABLES_PREFIX, argv[1]);
  if (sm_model_get_variables(&variables, model, &err) == SM_OK)
    check(sm_builder_link_variables(builder, prefix, NULL, &err));
  void *both[] = {builder, argv[1]};
  check(sm_model_list_files(model, SM_DIR_ASSETS_EXTRA, add_extra, both, &err));
  check(sm_builder_finish(builder, &err));
  sm_builder_close(builder);
  sm_model_close(model);
  free_all();
  return 0;
}
