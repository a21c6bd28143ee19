/* savedmodel diff: collections, and what a meta graph or a model has one of. */
#include <stdlib.h>
#include <string.h>

#include "cli/differences.h"
#include "cli/failure.h"
#include "cli/text_buffer.h"

/* ---- Collections ---- */

static bool same_strings(const sm_string *a, const sm_string *b, size_t n) {
  bool same = (a == NULL) == (b == NULL);
  for (size_t i = 0; a != NULL && same && i < n; i++) same = text_compare(a[i], b[i]) == 0;
  return same;
}

static bool same_numbers(const void *a, const void *b, size_t size) {
  return a == NULL || b == NULL ? a == b : memcmp(a, b, size) == 0;
}

static sm_status same_collection(bool *same, const void *a, const void *b, sm_error *err) {
  const sm_collection *x = a, *y = b;
  (void)err;
  *same = x->kind == y->kind && x->n == y->n && same_strings(x->strings, y->strings, x->n) &&
          same_strings(x->type_urls, y->type_urls, x->n) &&
          same_numbers(x->int64s, y->int64s, x->n * sizeof *x->int64s) &&
          same_numbers(x->floats, y->floats, x->n * sizeof *x->floats);
  return SM_OK;
}

static sm_status list_collections(named_item **out, size_t *n, const sm_meta_graph *graph, sm_error *err) {
  SM_TRY(sm_meta_graph_n_collections(n, graph, err));
  *out = malloc((*n + 1) * sizeof **out);
  if (*out == NULL) return failure_no_memory(err);
  for (size_t i = 0; i < *n; i++) {
    const sm_collection *collection;
    SM_TRY(sm_meta_graph_get_collection(&collection, graph, i, err));
    (*out)[i] = (named_item){{collection->key, strlen(collection->key)}, collection};
  }
  named_items_sort(*out, *n);
  return SM_OK;
}

static sm_status diff_collections(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  named_item *x = NULL, *y = NULL;
  size_t n_x = 0, n_y = 0;
  sm_status status = list_collections(&x, &n_x, a, err);
  if (status == SM_OK) status = list_collections(&y, &n_y, b, err);
  if (status == SM_OK) status = differences_add_named(out, DIFFERENT_COLLECTION, x, n_x, y, n_y, same_collection, err);
  free(x);
  free(y);
  return status;
}

/* ---- What there is one of ---- */

/* before, after: NULL: there is none. */
static sm_status add_property(differences *out, const char *name, const void *before, const void *after, bool same,
                              sm_error *err) {
  if (before == NULL && after == NULL) return SM_OK;
  if (before != NULL && after != NULL && same) return SM_OK;
  difference_kind kind = before == NULL ? WAS_ADDED : after == NULL ? WAS_REMOVED : WAS_CHANGED;
  return differences_add(out, DIFFERENT_PROPERTY, kind, (sm_string){name, strlen(name)}, err);
}

static bool same_saver(const sm_saver_def *a, const sm_saver_def *b) {
  return strcmp(a->filename_tensor_name, b->filename_tensor_name) == 0 &&
         strcmp(a->save_tensor_name, b->save_tensor_name) == 0 && strcmp(a->restore_op_name, b->restore_op_name) == 0 &&
         a->max_to_keep == b->max_to_keep && a->sharded == b->sharded &&
         memcmp(&a->keep_checkpoint_every_n_hours, &b->keep_checkpoint_every_n_hours, sizeof(float)) == 0 &&
         a->version == b->version;
}

/* What is not there is NULL. */
static sm_status or_none(sm_status status) { return status == SM_NOT_FOUND ? SM_OK : status; }

static sm_status diff_saver(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  const sm_saver_def *x = NULL, *y = NULL;
  SM_TRY(or_none(sm_meta_graph_get_saver_def(&x, a, err)));
  SM_TRY(or_none(sm_meta_graph_get_saver_def(&y, b, err)));
  return add_property(out, "saver", x, y, x != NULL && y != NULL && same_saver(x, y), err);
}

typedef sm_status (*get_op_fn)(const char **out, const sm_meta_graph *graph, sm_error *err);

/* A model may record it in a way that leads nowhere: then the signatures or collections are what differs. */
static sm_status get_op(const char **out, get_op_fn get, const sm_meta_graph *graph, sm_error *err) {
  *out = NULL;
  sm_status status = get(out, graph, err);
  return status == SM_FAILED_PRECONDITION ? SM_OK : or_none(status);
}

static sm_status diff_op(differences *out, const char *name, get_op_fn get, const sm_meta_graph *a,
                         const sm_meta_graph *b, sm_error *err) {
  const char *x, *y;
  SM_TRY(get_op(&x, get, a, err));
  SM_TRY(get_op(&y, get, b, err));
  return add_property(out, name, x, y, x != NULL && y != NULL && strcmp(x, y) == 0, err);
}

sm_status diff_properties(differences *out, const sm_meta_graph *a, const sm_meta_graph *b, sm_error *err) {
  SM_TRY(diff_collections(out, a, b, err));
  SM_TRY(diff_op(out, "init_op", sm_meta_graph_get_init_op, a, b, err));
  SM_TRY(diff_saver(out, a, b, err));
  return diff_op(out, "train_op", sm_meta_graph_get_train_op, a, b, err);
}

sm_status diff_fingerprint(differences *out, const sm_model *a, const sm_model *b, sm_error *err) {
  const sm_fingerprint *x = NULL, *y = NULL;
  SM_TRY(or_none(sm_model_get_fingerprint(&x, a, err)));
  SM_TRY(or_none(sm_model_get_fingerprint(&y, b, err)));
  return add_property(out, "fingerprint", x, y, true, err);
}
