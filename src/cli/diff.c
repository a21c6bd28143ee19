/* savedmodel diff: which two things, and in what they are alike. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/differences.h"
#include "cli/failure.h"
#include "cli/text_buffer.h"

/* One of the two. */
typedef struct side {
  cli_args args; /* as if it were the only one */
  cli_storage storage;
  sm_model *model; /* NULL: a checkpoint */
  sm_bundle_reader *opened;
  const sm_bundle_reader *tensors; /* NULL: a model without variables */
} side;

/* ---- Open, close ---- */

static bool is_model(const side *s, const char *path) {
  if (s->storage.fs != NULL) return cli_is_model(s->storage.fs, s->storage.dir);
  return cli_is_model(NULL, path);
}

static int open_model(side *s) {
  sm_error err;
  cli_storage_close(&s->storage); /* cli_open looks for itself */
  int code = cli_open(&s->model, &s->args);
  if (code != CLI_OK) return code;
  sm_status status = sm_model_get_variables(&s->tensors, s->model, &err);
  return status == SM_OK || status == SM_NOT_FOUND ? CLI_OK : cli_fail_status(&err);
}

static int open_side(side *out, const cli_args *args, const char *path) {
  *out = (side){.args = *args};
  out->args.storage = &out->storage;
  out->args.values[CLI_dir] = NULL;
  out->args.words[1] = path;
  int code = cli_storage_open(&out->storage, path);
  if (code != CLI_OK) return code;
  if (is_model(out, path)) return open_model(out);
  cli_storage_close(&out->storage);
  code = cli_checkpoint_open_checked(&out->opened, &out->args, path);
  out->tensors = out->opened;
  return code;
}

static void close_side(side *s) {
  sm_bundle_reader_close(s->opened);
  sm_model_close(s->model);
  cli_storage_close(&s->storage);
}

/* ---- Meta graphs ---- */

static sm_status add_tags(differences *out, difference_kind kind, const sm_meta_graph *graph, sm_error *err) {
  char *tags = cli_join_tags(graph, ", ", true);
  sm_status status =
      differences_add(out, DIFFERENT_TAGS, kind, (sm_string){tags, tags != NULL ? strlen(tags) : 0}, err);
  free(tags);
  return status;
}

/* The meta graphs of a model by their tags: a file may have very many. */
typedef struct tag_index {
  named_item *items;
  size_t n;
} tag_index;

/* The name of a meta graph among others; freed by the caller, NULL: no memory. */
static char *tag_name(const sm_meta_graph *graph) { return cli_join_tags(graph, "\n", true); }

static sm_status index_tags(tag_index *out, const sm_model *model, sm_error *err) {
  size_t n = sm_model_n_meta_graphs(model);
  out->items = malloc((n + 1) * sizeof *out->items);
  if (out->items == NULL) return failure_no_memory(err);
  for (; out->n < n; out->n++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(model, out->n);
    char *name = tag_name(graph);
    if (name == NULL) return failure_no_memory(err);
    out->items[out->n] = (named_item){{name, strlen(name)}, graph};
  }
  named_items_sort(out->items, out->n);
  return SM_OK;
}

static void free_tags(tag_index *index) {
  for (size_t i = 0; i < index->n; i++) free((void *)(uintptr_t)index->items[i].name.data);
  free(index->items);
}

static int compare_tags(const void *a, const void *b) {
  return text_compare(((const named_item *)a)->name, ((const named_item *)b)->name);
}

/* *out NULL: none has the same. */
static sm_status find_same_tags(const sm_meta_graph **out, const tag_index *index, const sm_meta_graph *graph,
                                sm_error *err) {
  char *name = tag_name(graph);
  if (name == NULL) return failure_no_memory(err);
  const named_item wanted = {{name, strlen(name)}, NULL};
  const named_item *found = bsearch(&wanted, index->items, index->n, sizeof wanted, compare_tags);
  *out = found != NULL ? found->item : NULL;
  free(name);
  return SM_OK;
}

/* is_among: there are others. */
static sm_status diff_pair(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, bool is_among,
                           sm_error *err) {
  char *tags = is_among ? cli_join_tags(a, ", ", true) : NULL;
  out->where = tags;
  sm_status status = diff_meta_graphs(out, a, b, err);
  if (status == SM_OK) status = diff_objects(out, a, b, err);
  if (status == SM_OK) status = diff_properties(out, a, b, err);
  out->where = NULL;
  free(tags);
  return status;
}

/* Meta graphs of one set of tags are compared, and two that stand alone. */
static sm_status diff_tagged(differences *out, const sm_model *a, const sm_model *b, const tag_index *of_a,
                             const tag_index *of_b, sm_error *err) {
  for (size_t i = 0; i < of_a->n; i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(a, i), *other;
    SM_TRY(find_same_tags(&other, of_b, graph, err));
    if (other == NULL) SM_TRY(add_tags(out, WAS_REMOVED, graph, err));
    if (other == NULL && of_a->n == 1 && of_b->n == 1) other = sm_model_get_meta_graph(b, 0);
    if (other != NULL) SM_TRY(diff_pair(out, graph, other, of_a->n != 1, err));
  }
  for (size_t i = 0; i < of_b->n; i++) {
    const sm_meta_graph *graph = sm_model_get_meta_graph(b, i), *other;
    SM_TRY(find_same_tags(&other, of_a, graph, err));
    if (other == NULL) SM_TRY(add_tags(out, WAS_ADDED, graph, err));
  }
  return SM_OK;
}

static sm_status diff_models(differences *out, const sm_model *a, const sm_model *b, sm_error *err) {
  tag_index of_a = {.n = 0}, of_b = {.n = 0};
  sm_status status = index_tags(&of_a, a, err);
  if (status == SM_OK) status = index_tags(&of_b, b, err);
  if (status == SM_OK) status = diff_tagged(out, a, b, &of_a, &of_b, err);
  free_tags(&of_a);
  free_tags(&of_b);
  return status;
}

/* ---- All of it ---- */

static model_place place_of(const side *s) {
  const sm_fs *fs = s->storage.fs;
  return (model_place){s->model, fs != NULL ? fs : sm_fs_local(), fs != NULL ? s->storage.dir : s->args.words[1]};
}

static int diff(const cli_args *args, const side *a, const side *b) {
  differences found = {.items = NULL};
  sm_error err;
  sm_status status = SM_OK;
  if (a->model != NULL && b->model != NULL) {
    const model_place a_place = place_of(a), b_place = place_of(b);
    status = diff_models(&found, a->model, b->model, &err);
    if (status == SM_OK) status = diff_fingerprint(&found, a->model, b->model, &err);
    if (status == SM_OK) status = diff_assets(&found, &a_place, &b_place, &err);
  }
  const checkpoint_place a_tensors = {a->tensors, a->storage.fs}, b_tensors = {b->tensors, b->storage.fs};
  if (status == SM_OK) status = diff_tensors(&found, &a_tensors, &b_tensors, &err);
  if (status == SM_OK && args->values[CLI_json] != NULL)
    differences_print_json(&found);
  else if (status == SM_OK)
    differences_print_text(&found);
  int code = status != SM_OK ? cli_fail_status(&err) : found.n != 0 ? CLI_FAILED : CLI_OK;
  differences_free(&found);
  return code;
}

int cli_diff(const cli_args *args) {
  side a, b = {.model = NULL};
  size_t first = args->values[CLI_dir] != NULL ? 1 : 2;
  if (args->n_words <= first) {
    cli_fail("diff takes two models or checkpoints; savedmodel diff --help tells more");
    return CLI_USAGE;
  }
  int code = open_side(&a, args, cli_dir(args));
  if (code == CLI_OK) code = open_side(&b, args, args->words[first]);
  if (code == CLI_OK) code = diff(args, &a, &b);
  close_side(&a);
  close_side(&b);
  return code;
}
