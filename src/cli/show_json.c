/* show --json: one document with everything that is known of the model, keys sorted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/json.h"

/* All facts of a meta graph, looked up before anything is printed. */
typedef struct facts {
  const sm_meta_graph *graph;
  const sm_meta_info *info;
  const sm_saver_def *saver; /* NULL: none */
  const sm_graph_summary *summary;
  size_t n_collections;
} facts;

static sm_status look_up(facts *out, const sm_meta_graph *graph, sm_error *err) {
  const sm_signature *signature;
  const sm_collection *collection;
  *out = (facts){.graph = graph};
  SM_TRY(sm_meta_graph_get_info(&out->info, graph, err));
  SM_TRY(sm_meta_graph_get_graph_summary(&out->summary, graph, err));
  sm_status status = sm_meta_graph_get_saver_def(&out->saver, graph, err);
  if (status != SM_OK && status != SM_NOT_FOUND) return status;
  SM_TRY(sm_meta_graph_n_collections(&out->n_collections, graph, err));
  for (size_t i = 0; i < out->n_collections; i++) SM_TRY(sm_meta_graph_get_collection(&collection, graph, i, err));
  for (size_t i = 0; i < sm_meta_graph_n_signatures(graph); i++)
    SM_TRY(sm_meta_graph_get_signature(&signature, graph, i, err));
  return SM_OK;
}

/* ---- Signatures ---- */

static void print_shape(json *out, int32_t rank, const int64_t *dims) {
  if (rank < 0) {
    json_null(out, "shape");
    return;
  }
  json_begin_list(out, "shape");
  for (int32_t i = 0; i < rank; i++) json_int(out, NULL, dims[i]);
  json_end_list(out);
}

static void print_dtype(json *out, sm_dtype dtype) {
  const char *name = sm_dtype_name(dtype);
  if (name != NULL)
    json_string(out, "dtype", name);
  else
    json_int(out, "dtype", (int64_t)dtype);
}

static void print_tensors(json *out, const char *key, const sm_tensor_info *const *tensors, size_t n) {
  static const char *const kinds[] = {"name", "coo_sparse", "composite"};
  json_begin_object(out, key);
  for (size_t i = 0; i < n; i++) {
    json_begin_object_named(out, tensors[i]->name, tensors[i]->name_size);
    print_dtype(out, tensors[i]->dtype);
    json_string(out, "kind", kinds[tensors[i]->kind]);
    json_bytes(out, "name", tensors[i]->tensor_name, tensors[i]->tensor_name_size);
    print_shape(out, tensors[i]->rank, tensors[i]->dims);
    json_end_object(out);
  }
  json_end_object(out);
}

static void print_signature(json *out, const sm_signature *signature) {
  json_begin_object_named(out, signature->key, signature->key_size);
  json_begin_object(out, "defaults");
  for (size_t i = 0; i < signature->n_defaults; i++) {
    const sm_signature_default *value = signature->defaults[i];
    json_begin_object_named(out, value->name, value->name_size);
    print_dtype(out, value->dtype);
    print_shape(out, value->rank, value->dims);
    json_end_object(out);
  }
  json_end_object(out);
  print_tensors(out, "inputs", signature->inputs, signature->n_inputs);
  json_bytes(out, "method_name", signature->method_name, signature->method_name_size);
  print_tensors(out, "outputs", signature->outputs, signature->n_outputs);
  json_end_object(out);
}

/* ---- Collections and assets ---- */

static void print_collection(json *out, const sm_collection *collection) {
  static const char *const kinds[] = {NULL, "node_list", "bytes_list", "int64_list", "float_list", "any_list"};
  json_begin_object(out, collection->key);
  if (kinds[collection->kind] != NULL)
    json_string(out, "kind", kinds[collection->kind]);
  else
    json_null(out, "kind");
  json_begin_list(out, "values");
  for (size_t i = 0; i < collection->n; i++) {
    switch (collection->kind) {
      case SM_COLLECTION_INT64: json_int(out, NULL, collection->int64s[i]); break;
      case SM_COLLECTION_FLOAT: json_float(out, NULL, collection->floats[i]); break;
      case SM_COLLECTION_ANY:
        json_begin_object(out, NULL);
        json_bytes(out, "type_url", collection->type_urls[i].data, collection->type_urls[i].size);
        json_hex(out, "value", collection->strings[i].data, collection->strings[i].size);
        json_end_object(out);
        break;
      default: json_bytes(out, NULL, collection->strings[i].data, collection->strings[i].size);
    }
  }
  json_end_list(out);
  json_end_object(out);
}

/* An asset outside of the directory is named with the reason why it is refused. */
static void print_assets(json *out, const sm_meta_graph *graph) {
  json_begin_list(out, "assets");
  for (size_t i = 0; i < sm_meta_graph_n_assets(graph); i++) {
    const sm_asset *asset;
    sm_error err;
    json_begin_object(out, NULL);
    if (sm_meta_graph_get_asset(&asset, graph, i, &err) != SM_OK) {
      json_string(out, "error", err.message);
    } else {
      json_string(out, "filename", asset->filename);
      json_string(out, "tensor", asset->tensor_name);
    }
    json_end_object(out);
  }
  json_end_list(out);
}

/* ---- The rest of a meta graph ---- */

static void print_saver(json *out, const sm_saver_def *saver) {
  static const char *const versions[] = {"LEGACY", "V1", "V2"};
  if (saver == NULL) {
    json_null(out, "saver_def");
    return;
  }
  json_begin_object(out, "saver_def");
  json_string(out, "filename_tensor_name", saver->filename_tensor_name);
  json_float(out, "keep_checkpoint_every_n_hours", saver->keep_checkpoint_every_n_hours);
  json_int(out, "max_to_keep", saver->max_to_keep);
  json_string(out, "restore_op_name", saver->restore_op_name);
  json_string(out, "save_tensor_name", saver->save_tensor_name);
  json_bool(out, "sharded", saver->sharded);
  if (saver->version >= 0 && saver->version <= 2)
    json_string(out, "version", versions[saver->version]);
  else
    json_int(out, "version", saver->version);
  json_end_object(out);
}

static void print_versions(json *out, const char *key, int32_t producer, int32_t min_consumer, const int32_t *bad,
                           size_t n_bad) {
  json_begin_object(out, key);
  json_begin_list(out, "bad_consumers");
  for (size_t i = 0; i < n_bad; i++) json_int(out, NULL, bad[i]);
  json_end_list(out);
  json_int(out, "min_consumer", min_consumer);
  json_int(out, "producer", producer);
  json_end_object(out);
}

static void print_names(json *out, const char *key, const sm_string *names, size_t n) {
  json_begin_list(out, key);
  for (size_t i = 0; i < n; i++) json_bytes(out, NULL, names[i].data, names[i].size);
  json_end_list(out);
}

static void print_meta_graph(json *out, const facts *f) {
  json_begin_object(out, NULL);
  print_assets(out, f->graph);
  json_begin_object(out, "collections");
  for (size_t i = 0; i < f->n_collections; i++) {
    const sm_collection *collection;
    if (sm_meta_graph_get_collection(&collection, f->graph, i, NULL) == SM_OK) print_collection(out, collection);
  }
  json_end_object(out);
  json_begin_object(out, "function_aliases");
  for (size_t i = 0; i < f->info->n_function_aliases; i++)
    json_string(out, f->info->function_aliases[i].function, f->info->function_aliases[i].alias);
  json_end_object(out);
  print_names(out, "functions", f->summary->functions, f->summary->n_functions);
  print_versions(out, "graph_versions", f->summary->producer, f->summary->min_consumer, f->summary->bad_consumers,
                 f->summary->n_bad_consumers);
  json_string(out, "meta_graph_version", f->info->meta_graph_version);
  json_uint(out, "nodes", f->summary->n_nodes);
  print_names(out, "ops", f->summary->ops, f->summary->n_ops);
  print_saver(out, f->saver);
  json_begin_object(out, "signatures");
  for (size_t i = 0; i < sm_meta_graph_n_signatures(f->graph); i++) {
    const sm_signature *signature;
    if (sm_meta_graph_get_signature(&signature, f->graph, i, NULL) == SM_OK) print_signature(out, signature);
  }
  json_end_object(out);
  json_bool(out, "stripped_default_attrs", f->info->stripped_default_attrs);
  json_begin_list(out, "tags");
  for (size_t i = 0; i < sm_meta_graph_n_tags(f->graph); i++)
    json_bytes(out, NULL, sm_meta_graph_get_tag(f->graph, i), sm_meta_graph_get_tag_size(f->graph, i));
  json_end_list(out);
  json_string(out, "tensorflow_git_version", f->info->tensorflow_git_version);
  json_string(out, "tensorflow_version", f->info->tensorflow_version);
  json_end_object(out);
}

/* ---- The model ---- */

/* An unreadable fingerprint is no reason not to show the model: TensorFlow goes on without it too. */
static void print_fingerprint(json *out, const sm_model *model) {
  const sm_fingerprint *fingerprint;
  if (sm_model_get_fingerprint(&fingerprint, model, NULL) != SM_OK) {
    json_null(out, "fingerprint");
    return;
  }
  json_begin_object(out, "fingerprint");
  json_uint(out, "checkpoint_hash", fingerprint->checkpoint_hash);
  json_uint(out, "graph_def_program_hash", fingerprint->graph_def_program_hash);
  json_uint(out, "saved_model_checksum", fingerprint->saved_model_checksum);
  json_uint(out, "saved_object_graph_hash", fingerprint->saved_object_graph_hash);
  json_uint(out, "signature_def_hash", fingerprint->signature_def_hash);
  json_string(out, "uuid", fingerprint->uuid);
  print_versions(out, "version", fingerprint->producer, fingerprint->min_consumer, fingerprint->bad_consumers,
                 fingerprint->n_bad_consumers);
  json_end_object(out);
}

static sm_status print_extra(void *ctx, const sm_model_file *file, sm_error *err) {
  json *out = ctx;
  (void)err;
  json_begin_object(out, NULL);
  json_uint(out, "bytes", file->size);
  json_bytes(out, "filename", file->name, strlen(file->name));
  json_end_object(out);
  return SM_OK;
}

static bool wants(const cli_args *args, const sm_meta_graph *graph) {
  cli_tags tags;
  if (args->values[CLI_with_tags] != NULL)
    return cli_split_tags(&tags, args->values[CLI_with_tags]) &&
           sm_meta_graph_matches(graph, SM_TAGS_INCLUDE, tags.tags, tags.n);
  if (args->values[CLI_tag_set] != NULL)
    return cli_split_tags(&tags, args->values[CLI_tag_set]) &&
           sm_meta_graph_matches(graph, SM_TAGS_EQUAL, tags.tags, tags.n);
  return true;
}

int cli_show_json(const cli_args *args, const sm_model *model) {
  sm_error err;
  json out = {.depth = 0};
  size_t n = 0;
  facts *all = calloc(sm_model_n_meta_graphs(model) + 1, sizeof *all);
  if (all == NULL) return cli_fail("out of memory");
  for (size_t i = 0; i < sm_model_n_meta_graphs(model); i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, i);
    if (!wants(args, graph)) continue;
    if (look_up(&all[n++], graph, &err) != SM_OK) {
      free(all);
      return cli_fail_status(&err);
    }
  }
  uint64_t ignored;
  json_begin_object(&out, NULL);
  json_begin_list(&out, "assets_extra");
  sm_status status = sm_model_list_files(model, SM_DIR_ASSETS_EXTRA, print_extra, &out, &err);
  json_end_list(&out);
  json_bool(&out, "debug_info", sm_model_get_file_size(&ignored, model, SM_FILE_DEBUG_INFO, NULL) == SM_OK);
  print_fingerprint(&out, model);
  json_string(&out, "format", "savedmodel/1");
  json_begin_list(&out, "meta_graphs");
  for (size_t i = 0; i < n; i++) print_meta_graph(&out, &all[i]);
  json_end_list(&out);
  json_int(&out, "schema_version", sm_model_get_schema_version(model));
  json_end_object(&out);
  json_finish(&out);
  free(all);
  return status == SM_OK ? CLI_OK : cli_fail_status(&err);
}
